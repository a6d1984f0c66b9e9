//! Writes batches to files of a size, in order, and the truth beside them.

use super::maker::Records;
use super::truth::Truth;
use super::{FileEntry, Report};
use crate::atomic::AtomicFile;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The directory that the files are in, apart from the truth, so that `ingest` can read it whole.
pub const DATA: &str = "data";

/// One document as it is written.
pub struct Item {
    /// What is true of it; its place is added here.
    pub truth: Truth,
    /// End of its bytes in those of the batch.
    pub end: usize,
}

/// Documents with the same records, in order.
pub struct Batch {
    pub records: Records,
    pub bytes: Vec<u8>,
    pub items: Vec<Item>,
}

struct Open {
    file: AtomicFile,
    name: String,
    bytes: u64,
    lines: u64,
    documents: u64,
}

/// Writer of a synthetic corpus.
pub struct Files {
    dir: PathBuf,
    wanted: u64,
    file_bytes: u64,
    open: BTreeMap<Records, Open>,
    written: BTreeMap<Records, u32>,
    truth: AtomicFile,
    report: Report,
}

impl Files {
    /// A writer of `wanted` bytes into `dir`, in files of `file_bytes`.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn new(dir: &Path, wanted: u64, file_bytes: u64) -> Result<Self> {
        let data = dir.join(DATA);
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make {}", data.display()))?;
        Ok(Self {
            dir: dir.to_owned(),
            wanted,
            file_bytes,
            open: BTreeMap::new(),
            written: BTreeMap::new(),
            truth: AtomicFile::create(&dir.join("truth.jsonl"))?,
            report: Report::default(),
        })
    }

    /// Whether all bytes are written.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.report.bytes >= self.wanted
    }

    /// Writes the documents of `batch` until all bytes are written.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn write(&mut self, batch: Batch) -> Result<()> {
        let mut start = 0;
        for item in batch.items {
            if self.is_full() {
                break;
            }
            self.document(batch.records, &batch.bytes[start..item.end], item.truth)?;
            start = item.end;
        }
        Ok(())
    }

    fn document(&mut self, records: Records, bytes: &[u8], mut truth: Truth) -> Result<()> {
        let open = match self.open.entry(records) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let number = self.written.entry(records).or_default();
                let (stem, ending) = records.file_name();
                let name = format!("{DATA}/{stem}-{number:05}.{ending}");
                *number += 1;
                entry.insert(Open {
                    file: AtomicFile::create(&self.dir.join(&name))?,
                    name,
                    bytes: 0,
                    lines: 0,
                    documents: 0,
                })
            }
        };
        open.file.write_all(bytes)?;
        truth.file.clone_from(&open.name);
        truth.record = open.lines + 1;
        open.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        open.bytes += bytes.len() as u64;
        open.documents += 1;
        self.report.add(&truth, bytes.len() as u64);
        serde_json::to_writer(&mut self.truth, &truth)?;
        self.truth.write_all(b"\n")?;
        if open.bytes >= self.file_bytes {
            self.close(records)?;
        }
        Ok(())
    }

    fn close(&mut self, records: Records) -> Result<()> {
        if let Some(open) = self.open.remove(&records) {
            let written = open.file.commit()?;
            self.report.files.push(FileEntry {
                file: open.name,
                bytes: written.bytes,
                documents: open.documents,
                xxh3: written.xxh3,
            });
        }
        Ok(())
    }

    /// Puts the last files in place.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(mut self) -> Result<Report> {
        for records in self.open.keys().copied().collect::<Vec<_>>() {
            self.close(records)?;
        }
        self.truth.commit()?;
        self.report.files.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(self.report)
    }
}
