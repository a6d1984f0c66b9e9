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

/// The part that is being written.
struct Open {
    writer: DocumentWriter<AtomicFile>,
    rows: u64,
    bytes: u64,
}

/// Writer of `documents/` and `rejects/`; the state is saved whenever a part is finished.
pub struct Parts {
    dir: PathBuf,
    open: Option<Open>,
    rejects: Vec<Reject>,
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

    /// Finishes the part and saves `state`, whose cursor is behind everything that was appended.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn commit(&mut self, state: &mut State) -> Result<()> {
        if let Some(open) = self.open.take() {
            let file = part_name("documents", state.documents.len());
            let finished = open.writer.finish();
            let written = finished
                .with_context(|| atomic::cannot_write(&self.dir.join(&file)))?
                .commit()?;
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
            state.rejects.push(PartEntry {
                file,
                rows,
                bytes: written.1.bytes,
                xxh3: written.1.xxh3,
            });
        }
        atomic::write_json(&run_dir::state_path(&self.dir), state)
    }
}

fn part_name(folder: &str, number: usize) -> String {
    format!("{folder}/part-{number:05}.parquet")
}
