//! Writes the parts of a corpus in order: row groups that workers encoded, and rejects.

use super::reject::{self, Reject};
use super::state::State;
use crate::atomic::{self, AtomicFile};
use crate::corpus::PartEntry;
use crate::document::parquet::{DocumentWriter, RowGroup, schema};
use crate::run_dir;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Bytes of content after which a part ends and is safe.
pub const PART_BYTES: u64 = 64 << 20;
/// Rejects after which a part ends, however few documents it has.
const PART_REJECTS: usize = 50_000;

/// The state is saved once parts of so many times its size were written: that of a corpus of a million
/// files is long, and saving it with each part would take longer than all else.
const PARTS_A_STATE: u64 = 4;
/// A state of so many bytes is always saved.
const SHORT_STATE_BYTES: u64 = 256 << 10;

/// The part that is being written.
struct Open {
    writer: DocumentWriter<AtomicFile>,
    rows: u64,
    bytes: u64,
}

/// Writer of `documents/` and `rejects/`; the state is saved whenever a part is finished, but for a
/// long state. What is not saved is written again, as the same bytes.
pub struct Parts {
    dir: PathBuf,
    open: Option<Open>,
    rejects: Vec<Reject>,
    /// Bytes of parts since the state was saved, and of the state then.
    unsaved: u64,
    state_bytes: u64,
}

impl Parts {
    /// A writer into `dir`.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub fn new(dir: &Path) -> Result<Self> {
        for name in ["documents", "rejects"] {
            let path = dir.join(name);
            std::fs::create_dir_all(&path)
                .with_context(|| format!("cannot make {}", path.display()))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            open: None,
            rejects: Vec::new(),
            unsaved: 0,
            state_bytes: 0,
        })
    }

    /// Appends a row group of `rows` documents with `bytes` of content.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn documents(
        &mut self,
        state: &State,
        group: RowGroup,
        rows: u64,
        bytes: u64,
    ) -> Result<()> {
        if self.open.is_none() {
            let path = self.dir.join(part_name("documents", state.documents.len()));
            let writer = DocumentWriter::new(AtomicFile::create(&path)?, schema())?;
            self.open = Some(Open {
                writer,
                rows: 0,
                bytes: 0,
            });
        }
        if let Some(open) = &mut self.open {
            let file = part_name("documents", state.documents.len());
            let written = open.writer.append(group);
            written.with_context(|| atomic::cannot_write(&self.dir.join(file)))?;
            open.rows += rows;
            open.bytes += bytes;
        }
        Ok(())
    }

    /// Appends rejects.
    pub fn rejects(&mut self, rejects: Vec<Reject>) {
        self.rejects.extend(rejects);
    }

    /// Whether the part is large enough to be finished.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| open.bytes >= PART_BYTES)
            || self.rejects.len() >= PART_REJECTS
    }

    /// Finishes the part, and saves `state`, whose cursor is behind everything that was appended, where
    /// that is due.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn commit(&mut self, state: &mut State) -> Result<()> {
        self.finish(state)?;
        let is_long = self.state_bytes > SHORT_STATE_BYTES;
        if is_long && self.unsaved < PARTS_A_STATE * self.state_bytes {
            return Ok(());
        }
        let path = run_dir::state_path(&self.dir);
        atomic::write_json(&path, state)?;
        self.unsaved = 0;
        self.state_bytes = path.metadata().map_or(0, |about| about.len());
        Ok(())
    }

    /// Finishes the part, and leaves the state to be saved.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(&mut self, state: &mut State) -> Result<()> {
        if let Some(open) = self.open.take() {
            let file = part_name("documents", state.documents.len());
            let finished = open.writer.finish();
            let written = finished
                .with_context(|| atomic::cannot_write(&self.dir.join(&file)))?
                .commit()?;
            self.unsaved += written.bytes;
            state.documents.push(PartEntry {
                file,
                rows: open.rows,
                bytes: written.bytes,
                xxh3: written.xxh3,
            });
        }
        if !self.rejects.is_empty() {
            let file = part_name("rejects", state.rejects.len());
            let written = reject::write(&self.dir.join(&file), &std::mem::take(&mut self.rejects))?;
            let rows = written.0;
            self.unsaved += written.1.bytes;
            state.rejects.push(PartEntry {
                file,
                rows,
                bytes: written.1.bytes,
                xxh3: written.1.xxh3,
            });
        }
        Ok(())
    }
}

fn part_name(folder: &str, number: usize) -> String {
    format!("{folder}/part-{number:05}.parquet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::DocumentId;

    /// Rejects that no compression makes short.
    fn rejects(number: u64) -> Vec<Reject> {
        let digits = (0..6_000_u64).map(|i| DocumentId::new("a.txt", number << 32 | i).to_string());
        let message: String = digits.collect();
        vec![Reject::new("a.txt", number, "unreadable", message, &[])]
    }

    #[test]
    fn a_long_state_is_saved_once_parts_of_some_of_its_size_were_written() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let saved = || State::read(dir.path()).map_or(0, |state| state.rejects.len());
        let mut state = State {
            notes: vec!["a note".to_owned(); 20_000],
            ..State::default()
        };
        let mut parts = Parts::new(dir.path()).expect("makes directories");
        let mut seen = Vec::new();
        for number in 0..60 {
            parts.rejects(rejects(number));
            parts.commit(&mut state).expect("commits");
            seen.push(saved());
        }
        let bytes = run_dir::state_path(dir.path())
            .metadata()
            .expect("a state")
            .len();
        let written: u64 = state.rejects.iter().map(|part| part.bytes).sum();
        let due = (written / (PARTS_A_STATE * bytes)) as usize;
        assert!(due > 1, "{written} and {bytes}");
        // The first part is always saved.
        let saves = seen.chunk_by(PartialEq::eq).count();
        assert!((due..=due + 1).contains(&saves), "{due}: {seen:?}");
        assert_eq!((seen[0], seen[1]), (1, 1));
        // A short one is saved with each part.
        let mut state = State::default();
        let mut parts = Parts::new(dir.path()).expect("makes directories");
        for number in 0..5 {
            parts.rejects(rejects(number));
            parts.commit(&mut state).expect("commits");
            assert_eq!(saved(), number as usize + 1);
        }
    }
}
