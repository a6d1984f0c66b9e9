//! The files that encoding leaves for a part: tokens, keys, origins, removed documents, conflicts, the
//! account.

use super::account::PartAccount;
use super::conflicts;
use super::encode::Done;
use super::work::BatchWriter;
use super::{Job, pairs, removed};
use crate::atomic::{self, AtomicFile};
use crate::corpus::PartEntry;
use crate::document::parquet::{DocumentWriter, RowGroup};
use crate::shard::{labels, origins};
use anyhow::{Context as _, Result};
use arrow::datatypes::SchemaRef;
use std::path::PathBuf;
use std::sync::Arc;

/// The files of a part that is being encoded.
pub struct PartFiles {
    part: usize,
    tokens: BatchWriter,
    pairs: BatchWriter,
    keys: BatchWriter,
    keys_rows: u64,
    origins: BatchWriter,
    origins_rows: u64,
    labels: BatchWriter,
    labels_rows: u64,
    removed: Side,
    conflicts: Side,
    account: PartAccount,
}

/// A file beside the tokens, which exists only when something goes into it.
struct Side {
    file: String,
    path: PathBuf,
    schema: SchemaRef,
    writer: Option<DocumentWriter<AtomicFile>>,
    rows: u64,
}

impl Side {
    fn new(job: &Job, folder: &str, part: usize, schema: SchemaRef) -> Self {
        let file = format!("{folder}/part-{part:05}.parquet");
        Self {
            path: job.options.out.join(&file),
            file,
            schema,
            writer: None,
            rows: 0,
        }
    }

    fn append(&mut self, group: Option<(RowGroup, u64)>) -> Result<()> {
        let Some((group, rows)) = group else {
            return Ok(());
        };
        let writer = if let Some(writer) = &mut self.writer {
            writer
        } else {
            let file = AtomicFile::create(&self.path)?;
            self.writer
                .insert(DocumentWriter::new(file, Arc::clone(&self.schema))?)
        };
        self.rows += rows;
        writer
            .append(group)
            .with_context(|| atomic::cannot_write(&self.path))
    }

    fn commit(self) -> Result<Option<PartEntry>> {
        let Some(writer) = self.writer else {
            return Ok(None);
        };
        let finished = writer.finish();
        let written = finished
            .with_context(|| atomic::cannot_write(&self.path))?
            .commit()?;
        Ok(Some(PartEntry {
            file: self.file,
            rows: self.rows,
            bytes: written.bytes,
            xxh3: written.xxh3,
        }))
    }
}

/// The keys of what is no text, for `--against`.
fn keys_file(part: usize) -> String {
    format!("dedup/keys-{part:05}.arrow")
}

impl PartFiles {
    /// Opens nothing yet: files are made when something goes into them.
    pub fn new(job: &Job, part: usize) -> Self {
        Self {
            part,
            tokens: BatchWriter::new(job.work.part("tokens", part)),
            pairs: pairs::writer(job, part),
            keys: BatchWriter::new(job.options.out.join(keys_file(part))),
            keys_rows: 0,
            origins: BatchWriter::new(job.options.out.join(origins::file(part))),
            origins_rows: 0,
            labels: BatchWriter::new(job.options.out.join(labels::file(part))),
            labels_rows: 0,
            removed: Side::new(job, "removed", part, removed::schema()),
            conflicts: Side::new(job, "conflicts", part, conflicts::schema()),
            account: PartAccount::default(),
        }
    }

    /// Appends what a worker made of a unit.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&mut self, done: Done) -> Result<()> {
        self.account += &done.account;
        if done.tokens.num_rows() > 0 {
            self.tokens.write(&done.tokens)?;
        }
        if done.pairs.num_rows() > 0 {
            self.pairs.write(&done.pairs)?;
        }
        if done.keys.num_rows() > 0 {
            self.keys_rows += done.keys.num_rows() as u64;
            self.keys.write(&done.keys)?;
        }
        if done.origins.num_rows() > 0 {
            self.origins_rows += done.origins.num_rows() as u64;
            self.origins.write(&done.origins)?;
        }
        if done.labels.num_rows() > 0 {
            self.labels_rows += done.labels.num_rows() as u64;
            self.labels.write(&done.labels)?;
        }
        self.removed.append(done.removed)?;
        self.conflicts.append(done.conflicts)
    }

    /// Ends the files. The account goes last: where it stands, the part is done.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn commit(mut self, job: &Job) -> Result<()> {
        self.tokens.commit()?;
        self.pairs.commit()?;
        if self.keys_rows > 0 {
            let written = self.keys.commit()?;
            self.account.keys = Some(PartEntry {
                file: keys_file(self.part),
                rows: self.keys_rows,
                bytes: written.bytes,
                xxh3: written.xxh3,
            });
        }
        if self.origins_rows > 0 {
            let written = self.origins.commit()?;
            self.account.origins = Some(PartEntry {
                file: origins::file(self.part),
                rows: self.origins_rows,
                bytes: written.bytes,
                xxh3: written.xxh3,
            });
        }
        if self.labels_rows > 0 {
            let written = self.labels.commit()?;
            self.account.labels = Some(PartEntry {
                file: labels::file(self.part),
                rows: self.labels_rows,
                bytes: written.bytes,
                xxh3: written.xxh3,
            });
        }
        self.account.removed = self.removed.commit()?;
        self.account.conflicts = self.conflicts.commit()?;
        atomic::write_json(&job.work.part("account", self.part), &self.account)
    }
}
