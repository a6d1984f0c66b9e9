//! Units of work: the row groups of the corpus, about 4 MB of content each.

use super::Job;
use super::edit::Edited;
use crate::corpus::{CorpusManifest, PartEntry};
use crate::document::Document;
use crate::document::parquet::DocumentFile;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Documents that are decoded at once.
const BATCH_ROWS: usize = 256;

/// The parts of a corpus with their row groups.
pub struct Corpus {
    /// The directory.
    pub dir: PathBuf,
    /// Row groups of each part: rows and uncompressed bytes.
    pub parts: Vec<Vec<(u64, u64)>>,
    /// The parts as the manifest has them.
    entries: Vec<PartEntry>,
    /// Whether each has been compared with its hash.
    checked: Vec<Mutex<bool>>,
}

impl Corpus {
    /// Reads the footers of all parts, and checks them against the manifest.
    ///
    /// # Errors
    /// When a part is missing or has other rows than the manifest says.
    pub fn open(dir: &Path, manifest: &CorpusManifest) -> Result<Self> {
        let mut parts = Vec::new();
        for entry in &manifest.documents {
            let path = dir.join(&entry.file);
            let file = DocumentFile::open(&path)?;
            let groups: Vec<_> = (0..file.row_groups())
                .map(|group| (file.rows(group), file.bytes(group)))
                .collect();
            let rows: u64 = groups.iter().map(|(rows, _)| rows).sum();
            anyhow::ensure!(
                rows == entry.rows,
                "{} has {rows} documents, the manifest says {}; ingest the sources again",
                path.display(),
                entry.rows
            );
            parts.push(groups);
        }
        Ok(Self {
            dir: dir.to_owned(),
            checked: parts.iter().map(|_| Mutex::default()).collect(),
            parts,
            entries: manifest.documents.clone(),
        })
    }

    /// Opens part `part`; the first time it is compared with its hash, as Parquet gives damaged text as text.
    ///
    /// # Errors
    /// When it cannot be read, or was changed or damaged.
    pub fn file(&self, part: usize) -> Result<DocumentFile> {
        let entry = &self.entries[part];
        let mut checked = self.checked[part]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !*checked {
            CorpusManifest::check_part(&self.dir, entry)?;
            *checked = true;
        }
        DocumentFile::open(&self.dir.join(&entry.file))
    }
}

/// One row group.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// Part of the corpus.
    pub part: usize,
    /// Row group in it.
    pub group: usize,
    /// Documents in it.
    pub rows: u64,
    /// Uncompressed bytes, for progress.
    pub bytes: u64,
    /// Whether it is the last of its part.
    pub last: bool,
}

impl Unit {
    /// Calls `each` with every document, edited as the user asked, and what the edits did; a few of
    /// them are in memory at once. What shards of an earlier set hold was edited before.
    ///
    /// # Errors
    /// When the part is damaged, or that of `each`.
    pub fn for_each(
        &self,
        job: &Job,
        mut each: impl FnMut(Document, Edited) -> Result<()>,
    ) -> Result<()> {
        if job
            .earlier
            .for_each_text(self, |document| each(document, Edited::default()))?
        {
            return Ok(());
        }
        let edits = job.edits();
        let own = (&job.corpus, self.part);
        let (corpus, part) = job.earlier.corpus(self.part).unwrap_or(own);
        let file = corpus.file(part)?;
        let place = || format!("part {part} of {}", corpus.dir.display());
        for batch in file.read(self.group, BATCH_ROWS).with_context(place)? {
            for mut document in batch.with_context(place)? {
                let edited = edits.apply(&mut document);
                each(document, edited)?;
            }
        }
        Ok(())
    }
}

/// Units that are still to be done.
pub struct Units(Vec<Unit>);

impl Units {
    /// The units of the parts that are not `done`.
    pub fn missing(corpus: &Corpus, done: impl Fn(usize) -> bool) -> Self {
        let mut units = Vec::new();
        for (part, groups) in corpus
            .parts
            .iter()
            .enumerate()
            .filter(|(part, _)| !done(*part))
        {
            for (group, (rows, bytes)) in groups.iter().enumerate() {
                let last = group + 1 == groups.len();
                units.push(Unit {
                    part,
                    group,
                    rows: *rows,
                    bytes: *bytes,
                    last,
                });
            }
        }
        Self(units)
    }

    /// These and `more`, which come behind them.
    pub fn and(mut self, more: impl IntoIterator<Item = Unit>) -> Self {
        self.0.extend(more);
        self
    }

    /// The units in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Unit> {
        self.0.iter()
    }

    /// Uncompressed bytes of all of them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|unit| unit.bytes).sum()
    }
}
