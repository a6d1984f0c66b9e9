//! The shingles of the documents that have a candidate: read again, and written to one file.
//!
//! Eight bytes a shingle, which is about 1.3 bytes for a byte of English and 0.7 of Russian.

use super::candidates::MEMBERS;
use super::{Member, sorter_memory};
use crate::atomic::{AtomicFile, cannot_write};
use crate::dedup::shingles;
use crate::document::Content;
use crate::document::comparison_key::append_key;
use crate::record;
use crate::sharding::units::{Unit, Units};
use crate::sharding::{Job, edit};
use crate::spill::{Reader, RecordWriter, Sorter, Table};
use crate::{interrupt, ordered};
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

const SHINGLES: &str = "near-shingles";
/// Where each member's shingles are; written last.
const PLACES: &str = "near-places";

record! {
    /// A member by its place in the corpus.
    struct Wanted {
        part: u32,
        row: u32,
        number: u32,
    }
}

record! {
    /// Where the shingles of a member are.
    struct Place {
        number: u32,
        count: u32,
        /// In shingles, not bytes.
        offset: u64,
    }
}

/// Writes the shingles of all members, if that is not done yet.
pub fn run(job: &Job) -> Result<()> {
    let places = job.work.file(PLACES);
    if places.exists() {
        return Ok(());
    }
    let mut wanted = Sorter::new(&job.work.file("near-wanted"), sorter_memory(job));
    for (number, member) in Reader::<Member>::open(&job.work.file(MEMBERS))?.enumerate() {
        let member = member?;
        wanted.push(Wanted {
            part: member.part,
            row: member.row,
            number: number as u32,
        })?;
    }
    let units = Units::missing(&job.corpus, |_| false).and(job.earlier.units());
    let progress = job.progress("compare", &units);
    let path = job.work.file(SHINGLES);
    let mut file = AtomicFile::create(&path)?;
    let mut sorter = Sorter::new(&job.work.file("near-places"), sorter_memory(job));
    let mut offset = 0;
    let items = WantedUnits {
        units: units.iter(),
        wanted: wanted.sorted()?,
        next: None,
        at: (0, 0),
    };
    ordered::map_fold(
        job.context.threads,
        items,
        |(unit, rows): (Unit, Vec<(u64, u32)>)| Ok((unit, sets(job, unit, &rows)?)),
        |(unit, sets)| {
            interrupt::check()?;
            for (number, set) in sets {
                sorter.push(Place {
                    number,
                    count: u32::try_from(set.len()).context("a text of 4 billion words")?,
                    offset,
                })?;
                offset += set.len() as u64;
                let bytes: Vec<u8> = set.iter().flat_map(|hash| hash.to_le_bytes()).collect();
                file.write_all(&bytes)
                    .with_context(|| cannot_write(&path))?;
            }
            progress.add(unit.bytes);
            Ok(())
        },
    )?;
    file.commit()?;
    progress.finish();
    let mut writer = RecordWriter::create(&places)?;
    for place in sorter.sorted()? {
        writer.push(&place?)?;
    }
    writer.commit()?;
    Ok(())
}

/// Units, each with its wanted rows (counted in the unit) and their numbers.
struct WantedUnits<'a, W> {
    units: std::slice::Iter<'a, Unit>,
    wanted: W,
    next: Option<Wanted>,
    /// The part that is under way, and its rows before the next unit.
    at: (usize, u64),
}

impl<W: Iterator<Item = Result<Wanted>>> WantedUnits<'_, W> {
    fn rows(&mut self, unit: &Unit) -> Result<Vec<(u64, u32)>> {
        if self.at.0 != unit.part {
            self.at = (unit.part, 0);
        }
        let first = self.at.1;
        self.at.1 += unit.rows;
        let mut rows = Vec::new();
        loop {
            if self.next.is_none() {
                self.next = self.wanted.next().transpose()?;
            }
            let inside = |wanted: &Wanted| {
                (wanted.part as usize, u64::from(wanted.row)) < (unit.part, first + unit.rows)
            };
            match self.next.take_if(|wanted| inside(wanted)) {
                Some(wanted) => rows.push((u64::from(wanted.row) - first, wanted.number)),
                None => return Ok(rows),
            }
        }
    }
}

impl<W: Iterator<Item = Result<Wanted>>> Iterator for WantedUnits<'_, W> {
    type Item = Result<(Unit, Vec<(u64, u32)>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let unit = *self.units.next()?;
        Some(self.rows(&unit).map(|rows| (unit, rows)))
    }
}

/// The shingles of the wanted rows of a unit. A unit without any is not read.
fn sets(job: &Job, unit: Unit, wanted: &[(u64, u32)]) -> Result<Vec<(u32, Vec<u64>)>> {
    let mut sets = Vec::with_capacity(wanted.len());
    if wanted.is_empty() {
        return Ok(sets);
    }
    let (mut row, mut key) = (0, String::new());
    unit.for_each(job, |mut document, mut edited| {
        if let Some((_, number)) = wanted.get(sets.len()).filter(|(wanted, _)| *wanted == row) {
            if !job.earlier.is_edited(unit.part) {
                edit::clean(&job.filters, &mut document, &mut edited.changes);
            }
            if let Content::Text(text) = &document.content {
                key.clear();
                append_key(text, &mut key);
                sets.push((*number, shingles::set(&key)));
            }
        }
        row += 1;
        Ok(())
    })?;
    ensure!(
        sets.len() == wanted.len(),
        "part {} has changed since it was scanned; remove the output and shard again",
        unit.part
    );
    Ok(sets)
}

/// Reads the shingles of a member.
pub struct Sets {
    places: Table<Place>,
    shingles: File,
    path: PathBuf,
}

impl Sets {
    /// Opens what [`run`] wrote.
    pub fn open(job: &Job) -> Result<Self> {
        let path = job.work.file(SHINGLES);
        Ok(Self {
            places: Table::open(&job.work.file(PLACES))?,
            shingles: File::open(&path)
                .with_context(|| format!("cannot open {}", path.display()))?,
            path,
        })
    }

    /// How many shingles member `number` has.
    pub fn count(&self, number: u32) -> Result<u32> {
        Ok(self.places.at(u64::from(number))?.count)
    }

    /// The shingles of member `number`, sorted, into `set`.
    pub fn read(&self, number: u32, set: &mut Vec<u64>) -> Result<()> {
        let place = self.places.at(u64::from(number))?;
        let mut bytes = vec![0; place.count as usize * 8];
        self.shingles
            .read_exact_at(&mut bytes, place.offset * 8)
            .with_context(|| format!("cannot read {}", self.path.display()))?;
        set.clear();
        set.extend(bytes.chunks_exact(8).map(|bytes| {
            let mut array = [0; 8];
            array.copy_from_slice(bytes);
            u64::from_le_bytes(array)
        }));
        Ok(())
    }
}

/// Removes the shingles, the largest of all files here.
pub fn clean_up(job: &Job) {
    let _ = std::fs::remove_file(job.work.file(SHINGLES));
}
