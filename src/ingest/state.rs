//! What an ingest knows of itself: saved with each finished part, so that a kill loses one part.

use super::normalise::Repairs;
use super::source::Source;
use crate::corpus::{LanguageText, PartEntry};
use crate::ledger::Ledgers;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

/// The next block to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    /// Index of the source.
    pub source: usize,
    /// Index of the block in it.
    pub block: u64,
}

/// A source as it was when the run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    name: String,
    bytes: u64,
    modified_ns: u64,
}

impl Stamp {
    /// The stamp of `source` now.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        let modified = std::fs::metadata(&source.path)
            .and_then(|about| about.modified())
            .ok();
        let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            name: source.name.clone(),
            bytes: source.bytes,
            modified_ns: since.map_or(0, |since| since.as_nanos() as u64),
        }
    }
}

/// Everything that goes on from one part to the next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The options that decide the bytes.
    pub config: Value,
    /// The sources as they were when the run began.
    pub stamps: Vec<Stamp>,
    /// What comes next.
    pub cursor: Cursor,
    /// Finished parts of documents.
    pub documents: Vec<PartEntry>,
    /// Finished parts of rejects.
    pub rejects: Vec<PartEntry>,
    /// Where the records went.
    pub ledgers: Ledgers,
    /// What was repaired.
    pub repairs: Repairs,
    /// Documents by source and shape.
    pub shapes: BTreeMap<String, BTreeMap<String, u64>>,
    /// Text by language, that of mixed documents shared out.
    #[serde(default)]
    pub languages: BTreeMap<String, LanguageText>,
    /// Records that have a field of `--map`, by its path.
    #[serde(default)]
    pub mapped: BTreeMap<String, u64>,
    /// xxh3-128 of the sources that were read to their end.
    pub hashes: BTreeMap<String, String>,
}

impl State {
    /// Checks that the sources of an unfinished run are still what they were.
    ///
    /// # Errors
    /// Names the source that changed.
    pub fn check_sources(&self, sources: &[Source]) -> Result<()> {
        for (stamp, source) in self.stamps.iter().zip(sources) {
            ensure!(
                *stamp == Stamp::of(source),
                "{} changed since the interrupted run began; remove the output directory and start again",
                source.name
            );
        }
        Ok(())
    }
}
