//! Documents with equal keys, and answers that contradict each other.

use super::{for_each_scanned, own, sorter_memory};
use crate::dedup::exact::{self, Candidate, Found};
use crate::document::{DocumentId, Kind};
use crate::record;
use crate::sharding::Job;
use crate::spill::{RecordWriter, Sorter};
use anyhow::Result;

/// Name of the file in the work directory.
pub const FILE: &str = "copies-exact";

/// It is a copy of the document that is kept.
pub const COPY: u8 = 0;
/// It is one of several answers, and stays.
pub const CONFLICT_KEPT: u8 = 1;
/// It is one of several answers, and goes in favour of another.
pub const CONFLICT_LOST: u8 = 2;
/// It is one of several answers, all of which go.
pub const CONFLICT_ALL: u8 = 3;

record! {
    /// What was found of a document by its keys, sorted by its place.
    pub struct Exact {
        pub part: u32,
        pub row: u32,
        pub kind: u8,
        pub id: DocumentId,
        pub source: u64,
        pub kept: DocumentId,
        pub kept_source: u64,
        pub kept_own: u8,
    }
}

impl Exact {
    /// Whether the document stays.
    pub fn stays(&self) -> bool {
        self.kind == CONFLICT_KEPT
    }
}

/// Compares the keys of all documents, if that is not done yet.
pub fn run(job: &Job) -> Result<()> {
    let path = job.work.file(FILE);
    if path.exists() {
        return Ok(());
    }
    let mut candidates = Sorter::new(&job.work.file("copies-keys"), sorter_memory(job));
    for_each_scanned(job, |part, row, scanned, _| {
        // What a rule drops must not survive in place of a good copy.
        if scanned.dropped.is_some() {
            return Ok(());
        }
        candidates.push(Candidate {
            group: scanned.group,
            content: scanned.content,
            own: own(job, part),
            shortness: u64::MAX - scanned.characters,
            id: DocumentId(scanned.id),
            answers: u8::from(scanned.kind == Kind::Chat),
            system: scanned.system,
            part: part as u32,
            row,
            source: scanned.source,
        })
    })?;
    let mut found = Sorter::new(&job.work.file("copies-found"), sorter_memory(job));
    exact::compare(
        candidates.sorted()?,
        job.options.conflicts,
        |candidate, outcome| {
            let (kind, kept) = match outcome {
                Found::Copy(kept) => (COPY, kept),
                Found::ConflictKept => (CONFLICT_KEPT, *candidate),
                Found::ConflictDropped(Some(kept)) => (CONFLICT_LOST, kept),
                Found::ConflictDropped(None) => (CONFLICT_ALL, *candidate),
            };
            found.push(Exact {
                part: candidate.part,
                row: candidate.row,
                kind,
                id: candidate.id,
                source: candidate.source,
                kept: kept.id,
                kept_source: kept.source,
                kept_own: kept.own,
            })
        },
    )?;
    let mut writer = RecordWriter::create(&path)?;
    for record in found.sorted()? {
        writer.push(&record?)?;
    }
    writer.commit()?;
    Ok(())
}
