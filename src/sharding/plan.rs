//! What becomes of each document: copies and conflicts are found, the validation split is chosen.
//!
//! Copies are searched among candidates of some key ranges at a time, as many as the memory holds,
//! so that the size of a corpus does not matter. Documents of one group (copies, answers to one
//! question) fall to the same split, so none straddles.

use super::scan::{self, Scanned};
use super::work::{self, BatchWriter};
use super::{DedupMode, Job};
use crate::dedup::exact::{self, Candidate, Found, Outcome};
use crate::document::{DocumentId, Kind};
use crate::shard::Split;
use anyhow::{Context, Result};
use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch, UInt8Array, UInt32Array,
};
use arrow::datatypes::{UInt8Type, UInt32Type};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes of a candidate and of its outcome while they are compared.
const CANDIDATE_BYTES: u64 = (size_of::<Candidate>() + size_of::<Outcome>()) as u64;

/// What becomes of one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It goes to this split; `conflict` when other answers to its question exist.
    Keep { split: Split, conflict: bool },
    /// It is dropped.
    Drop {
        reason: String,
        value: Option<f64>,
        threshold: Option<f64>,
        kept: Option<DocumentId>,
    },
}

/// Finds copies and conflicts; returns the files that hold the outcomes.
fn compare(job: &Job) -> Result<Vec<PathBuf>> {
    if job.options.dedup == DedupMode::Off {
        return Ok(Vec::new());
    }
    let documents: u64 = (0..job.corpus.parts.len())
        .map(|part| job.corpus.rows(part))
        .sum();
    let ranges = (documents * CANDIDATE_BYTES)
        .div_ceil((job.context.memory / 2).max(1))
        .clamp(1, 256);
    let mut files = Vec::new();
    for range in 0..ranges {
        let path = job.work.file(&format!("copies-{range:03}-of-{ranges:03}"));
        if !path.exists() {
            let mut candidates = Vec::new();
            for_each_scanned(job, |part, row, scanned| {
                // The first byte of a hash spreads evenly over the ranges.
                let of_range = u64::from((scanned.group >> 120) as u8) * ranges / 256 == range;
                // What a rule drops must not survive in place of a good copy.
                if of_range && scanned.dropped.is_none() {
                    candidates.push(Candidate {
                        group: scanned.group,
                        content: scanned.content,
                        answers: scanned.kind == Kind::Chat,
                        characters: scanned.characters,
                        id: DocumentId(scanned.id),
                        part: part as u32,
                        row: row as u32,
                    });
                }
                Ok(())
            })?;
            write_outcomes(
                path.clone(),
                &exact::compare(&mut candidates, job.options.conflicts),
            )?;
        }
        files.push(path);
    }
    Ok(files)
}

fn for_each_scanned(
    job: &Job,
    mut each: impl FnMut(usize, u64, Scanned) -> Result<()>,
) -> Result<()> {
    for part in 0..job.corpus.parts.len() {
        let mut row = 0;
        for batch in work::read(&job.work.part("scan", part))? {
            for scanned in scan::rows(&batch?) {
                each(part, row, scanned)?;
                row += 1;
            }
        }
    }
    Ok(())
}

fn write_outcomes(path: PathBuf, outcomes: &[Outcome]) -> Result<()> {
    let mut writer = BatchWriter::new(path);
    for chunk in outcomes.chunks(1 << 16) {
        let code = |outcome: &Outcome| match outcome.found {
            Found::Copy(_) => 0,
            Found::ConflictKept => 1,
            Found::ConflictDropped(_) => 2,
        };
        let kept = chunk.iter().map(|outcome| match outcome.found {
            Found::Copy(id) | Found::ConflictDropped(Some(id)) => Some(id.0),
            Found::ConflictKept | Found::ConflictDropped(None) => None,
        });
        let columns: Vec<(&str, ArrayRef)> = vec![
            (
                "part",
                Arc::new(UInt32Array::from_iter_values(
                    chunk.iter().map(|outcome| outcome.part),
                )),
            ),
            (
                "row",
                Arc::new(UInt32Array::from_iter_values(
                    chunk.iter().map(|outcome| outcome.row),
                )),
            ),
            (
                "found",
                Arc::new(UInt8Array::from_iter_values(chunk.iter().map(code))),
            ),
            (
                "kept",
                Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                    kept, 16,
                )?),
            ),
        ];
        writer.write(&RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(n, c)| (n, c, true)),
        )?)?;
    }
    writer.commit()
}

/// The outcomes of one file, in order, read a batch at a time.
struct Outcomes {
    batches: Box<dyn Iterator<Item = Result<RecordBatch>> + Send>,
    waiting: VecDeque<Outcome>,
}

impl Outcomes {
    fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            batches: Box::new(work::read(path)?),
            waiting: VecDeque::new(),
        })
    }

    /// What was found of this document, if anything; asked in the order of parts and rows.
    fn at(&mut self, part: u32, row: u32) -> Result<Option<Found>> {
        while self.waiting.is_empty() {
            let Some(batch) = self.batches.next() else {
                return Ok(None);
            };
            let batch = batch?;
            let parts = batch.column(0).as_primitive::<UInt32Type>();
            let rows = batch.column(1).as_primitive::<UInt32Type>();
            let codes = batch.column(2).as_primitive::<UInt8Type>();
            let kept = batch.column(3).as_fixed_size_binary();
            for i in 0..batch.num_rows() {
                let id = kept.is_valid(i).then(|| {
                    let mut id = [0; 16];
                    id.copy_from_slice(kept.value(i));
                    DocumentId(id)
                });
                let found = match (codes.value(i), id) {
                    (0, Some(id)) => Found::Copy(id),
                    (1, _) => Found::ConflictKept,
                    (_, id) => Found::ConflictDropped(id),
                };
                self.waiting.push_back(Outcome {
                    part: parts.value(i),
                    row: rows.value(i),
                    found,
                });
            }
        }
        while self
            .waiting
            .front()
            .is_some_and(|next| (next.part, next.row) < (part, row))
        {
            // Of a part that is done already.
            self.waiting.pop_front();
            if self.waiting.is_empty() {
                return self.at(part, row);
            }
        }
        let next = self
            .waiting
            .front()
            .filter(|next| (next.part, next.row) == (part, row))
            .copied();
        if next.is_some() {
            self.waiting.pop_front();
        }
        Ok(next.map(|next| next.found))
    }
}

/// The plan of a run: the fate of each document, given in order.
pub struct Plan {
    files: Vec<PathBuf>,
    /// Groups whose hash is below this are validated.
    val_below: u64,
    /// The one group that is validated when the share is too small for any.
    val_group: Option<u128>,
    seed: u64,
    /// Documents that stay.
    pub kept: u64,
}

impl Plan {
    /// Makes the plan from the scans.
    ///
    /// # Errors
    /// When the work directory cannot be read or written.
    pub fn make(job: &Job) -> Result<Self> {
        let share = job.options.val_share;
        let mut plan = Self {
            files: compare(job)?,
            val_below: (share * u64::MAX as f64) as u64,
            val_group: None,
            seed: job.context.seed,
            kept: 0,
        };
        let (mut kept, mut ends) = (0_u64, None::<[(u64, u128); 2]>);
        let mut fates = plan.read(job)?;
        for part in 0..job.corpus.parts.len() {
            // A row group at a time: the fates of a part of tiny records may be many.
            for (rows, _) in &job.corpus.parts[part] {
                for (scanned, fate) in fates.take(part, *rows)? {
                    if let Fate::Keep { .. } = fate {
                        kept += 1;
                        let hash = (plan.hash(scanned.split), scanned.split);
                        ends = Some(ends.map_or([hash; 2], |[lowest, highest]| {
                            [lowest.min(hash), highest.max(hash)]
                        }));
                    }
                }
            }
        }
        if let Some([lowest, highest]) = ends {
            // However small a corpus, its highest group is learned from, and its lowest is validated
            // if it is another one.
            plan.val_below = plan.val_below.min(highest.0);
            if lowest.0 >= plan.val_below && lowest.1 != highest.1 && share > 0.0 {
                plan.val_group = Some(lowest.1);
            }
        }
        Ok(Self { kept, ..plan })
    }

    fn hash(&self, group: u128) -> u64 {
        xxh3_64_with_seed(&group.to_be_bytes(), self.seed)
    }

    fn split(&self, group: u128) -> Split {
        if self.hash(group) < self.val_below || self.val_group == Some(group) {
            Split::Val
        } else {
            Split::Train
        }
    }

    /// A reader of fates, in order.
    ///
    /// # Errors
    /// When the work directory cannot be read.
    pub fn read<'a>(&'a self, job: &'a Job<'a>) -> Result<Fates<'a>> {
        let outcomes = self
            .files
            .iter()
            .map(|path| Outcomes::open(path))
            .collect::<Result<Vec<_>>>()?;
        Ok(Fates {
            plan: self,
            job,
            outcomes,
            part: None,
        })
    }

    fn fate(&self, scanned: &Scanned, found: Option<Found>) -> Fate {
        let dropped = |reason: &str, kept| Fate::Drop {
            reason: reason.to_owned(),
            value: None,
            threshold: None,
            kept,
        };
        match (found, &scanned.dropped) {
            (Some(Found::Copy(kept)), _) => dropped("exact_duplicate", Some(kept)),
            (Some(Found::ConflictDropped(kept)), _) => dropped("qa_conflict", kept),
            (_, Some((rule, value, threshold))) => Fate::Drop {
                reason: rule.clone(),
                value: Some(*value),
                threshold: Some(*threshold),
                kept: None,
            },
            (found, None) => Fate::Keep {
                split: self.split(scanned.split),
                conflict: found == Some(Found::ConflictKept),
            },
        }
    }
}

/// Reads fates in the order of parts and rows; whole parts may be left out.
pub struct Fates<'a> {
    plan: &'a Plan,
    job: &'a Job<'a>,
    outcomes: Vec<Outcomes>,
    part: Option<OpenPart>,
}

struct OpenPart {
    part: usize,
    row: u64,
    batches: Box<dyn Iterator<Item = Result<RecordBatch>> + Send>,
    waiting: VecDeque<Scanned>,
}

impl Fates<'_> {
    /// The next `rows` fates of `part`.
    ///
    /// # Errors
    /// When the work directory is damaged.
    pub fn take(&mut self, part: usize, rows: u64) -> Result<Vec<(Scanned, Fate)>> {
        if self.part.as_ref().is_none_or(|open| open.part != part) {
            let batches = Box::new(work::read(&self.job.work.part("scan", part))?);
            self.part = Some(OpenPart {
                part,
                row: 0,
                batches,
                waiting: VecDeque::new(),
            });
        }
        let Some(open) = &mut self.part else {
            return Ok(Vec::new());
        };
        let mut taken = Vec::with_capacity(rows as usize);
        while (taken.len() as u64) < rows {
            let Some(scanned) = open.waiting.pop_front() else {
                let batch = open
                    .batches
                    .next()
                    .context("the scan of a part is shorter than the part")?;
                open.waiting.extend(scan::rows(&batch?));
                continue;
            };
            let mut found = None;
            for outcomes in &mut self.outcomes {
                if let Some(new) = outcomes.at(part as u32, open.row as u32)? {
                    found = Some(new);
                }
            }
            open.row += 1;
            let fate = self.plan.fate(&scanned, found);
            taken.push((scanned, fate));
        }
        Ok(taken)
    }
}
