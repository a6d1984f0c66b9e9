//! Copies among the documents of a corpus: exact ones, near ones, and who survives.
//!
//! ```text
//! scans ─▶ exact: equal keys ─▶ candidates: a shared band ─▶ sets: shingles of those, on disk
//!                    │                                             │
//!                    └──────▶ settle: who stays for whom ◀── verify: exact similarity, survivors
//! ```
//!
//! Documents are numbered in the order of survival (an earlier set's, then the longest, then the
//! smallest id), so that "the first that is similar" is the one that is kept. Everything that grows
//! with the corpus is sorted on disk: about 0.5 kB a document and 8 bytes a shingle of those that
//! share a band with another. In memory are a bit a document and 4 bytes for each that has a
//! candidate. Each step leaves a file, which is its restart point; none of them depends on threads.

mod candidates;
mod exact;
mod sets;
mod settle;
mod verify;

pub use candidates::Counts as CandidateCounts;
pub use settle::{Finding, FindingKind, Removed, SIZES, Sample, Statistics};
pub use verify::Counts as VerifiedCounts;

use super::scan::{self, Scanned};
use super::{DedupMode, Job};
use super::{earlier, work};
use crate::record;
use crate::spill::{Reader, Record};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// A sorter takes this part of the memory; at most two are at work at once.
const SORTER_SHARE: u64 = 4;

record! {
    /// A document that shares a band with another, at its number in the order of survival.
    struct Member {
        id: crate::document::DocumentId,
        part: u32,
        row: u32,
        source: u64,
        split: u128,
        own: u8,
    }
}

record! {
    /// Two documents that share a band: `a` survives before `b`.
    struct Pair {
        b: u32,
        a: u32,
    }
}

/// What was found, sorted by part and row, and the figures of it; `None` when nothing was searched.
///
/// # Errors
/// When the work directory cannot be read or written.
pub fn find(job: &Job) -> Result<Option<(PathBuf, Statistics)>> {
    if job.options.dedup == DedupMode::Off {
        return Ok(None);
    }
    exact::run(job)?;
    if job.options.dedup == DedupMode::Near {
        candidates::run(job)?;
        sets::run(job)?;
        verify::run(job)?;
    }
    settle::run(job).map(Some)
}

/// 1 for a part of the corpus, 0 for one of an earlier set.
fn own(job: &Job, part: usize) -> u8 {
    u8::from(part < job.corpus.parts.len())
}

fn sorter_memory(job: &Job) -> u64 {
    job.context.memory / SORTER_SHARE
}

/// Calls `each` with every scanned document, in order, those of earlier sets behind the others, and
/// its bands if it has some.
fn for_each_scanned(
    job: &Job,
    mut each: impl FnMut(usize, u32, &Scanned, Option<&[u8]>) -> Result<()>,
) -> Result<()> {
    for part in 0..job.corpus.parts.len() + job.earlier.len() {
        if let Some(path) = job.earlier.keys(part) {
            let mut row = 0;
            for batch in earlier::scanned_keys(path)? {
                for scanned in batch? {
                    each(part, row, &scanned, None)?;
                    row += 1;
                }
            }
            continue;
        }
        let mut bands = if job.options.dedup == DedupMode::Near {
            Some(work::read(&job.work.part("bands", part))?)
        } else {
            None
        };
        let mut row = 0;
        for batch in work::read(&job.work.part("scan", part))? {
            let batch = batch?;
            let bands = match &mut bands {
                Some(bands) => bands.next().transpose()?,
                None => None,
            };
            for (i, scanned) in scan::rows(&batch).iter().enumerate() {
                let bands = bands.as_ref().and_then(|bands| scan::bands(bands, i));
                each(part, row, scanned, bands)?;
                row += 1;
            }
        }
    }
    Ok(())
}

/// Records of a sorted file, asked for in the order of their keys.
struct Cursor<R> {
    records: Reader<R>,
    next: Option<R>,
}

impl<R: Record> Cursor<R> {
    fn open(path: &Path) -> Result<Self> {
        let mut records = Reader::open(path)?;
        let next = records.next().transpose()?;
        Ok(Self { records, next })
    }

    /// The next record with `key`; those of lesser keys are passed over.
    fn at<K: Ord>(&mut self, key: K, of: impl Fn(&R) -> K) -> Result<Option<R>> {
        while let Some(record) = self.next {
            match of(&record).cmp(&key) {
                std::cmp::Ordering::Less => self.next = self.records.next().transpose()?,
                std::cmp::Ordering::Equal => {
                    self.next = self.records.next().transpose()?;
                    return Ok(Some(record));
                }
                std::cmp::Ordering::Greater => return Ok(None),
            }
        }
        Ok(None)
    }
}
