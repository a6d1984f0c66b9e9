//! `origins/`: source and language of each validated document, so that a loss can be told apart by
//! them where only the shards are.
//!
//! Arrow IPC streams, one a part of the corpus, in the order of the corpus: about 40 bytes a validated
//! document, nothing for those that are learned from. Shards of before have none; then the corpus
//! that they are from says it.

use crate::corpus::{CorpusManifest, PartEntry};
use crate::document::id::hash_file;
use crate::document::{Document, DocumentId};
use anyhow::{Context, Result, ensure};
use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryBuilder, RecordBatch, StringBuilder};
use arrow::ipc::reader::StreamReader;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

/// The folder in a shard directory.
pub const FOLDER: &str = "origins";

/// The file of part `part`.
#[must_use]
pub fn file(part: usize) -> String {
    format!("{FOLDER}/part-{part:05}.arrow")
}

/// The columns of a file under way.
#[derive(Default)]
pub struct Columns {
    ids: Vec<DocumentId>,
    sources: StringBuilder,
    languages: StringBuilder,
}

impl Columns {
    /// Appends a document.
    pub fn append(&mut self, document: &Document) {
        self.ids.push(document.id);
        self.sources.append_value(&document.source);
        self.languages.append_value(&document.lang);
    }

    /// The batch.
    ///
    /// # Errors
    /// Never in practice: every id has 16 bytes.
    pub fn finish(mut self) -> Result<RecordBatch> {
        let mut ids = FixedSizeBinaryBuilder::with_capacity(self.ids.len(), 16);
        for id in &self.ids {
            ids.append_value(id.0)?;
        }
        let columns: [(&str, ArrayRef); 3] = [
            ("document_id", Arc::new(ids.finish())),
            ("source", Arc::new(self.sources.finish())),
            ("language", Arc::new(self.languages.finish())),
        ];
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

/// What a document is from: its id, its source and its language.
pub type Each<'a> = dyn FnMut(DocumentId, &str, &str) + 'a;

/// Calls `each` with every validated document of the shard directory `dir`.
///
/// # Errors
/// When a file is missing, or is not what the manifest says.
pub fn for_each(dir: &Path, entries: &[PartEntry], each: &mut Each<'_>) -> Result<()> {
    for_each_batch(dir, entries, &mut |batch| rows(batch, each))
}

/// Calls `each` with every batch of the files `entries` of the shard directory `dir`; where it fails the
/// file is damaged.
pub(super) fn for_each_batch(
    dir: &Path,
    entries: &[PartEntry],
    each: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    for entry in entries {
        let path = dir.join(&entry.file);
        let damaged = || format!("{} is damaged; shard the corpus again", path.display());
        ensure!(
            hash_file(&path).with_context(damaged)? == entry.xxh3,
            damaged()
        );
        let reader = StreamReader::try_new(BufReader::new(File::open(&path)?), None);
        for batch in reader.with_context(damaged)? {
            each(&batch.with_context(damaged)?).with_context(damaged)?;
        }
    }
    Ok(())
}

/// Calls `each` with every document of the corpus in `dir`; contents are not read.
///
/// # Errors
/// When a part is missing or damaged.
pub fn for_each_in_corpus(dir: &Path, each: &mut Each<'_>) -> Result<()> {
    for part in CorpusManifest::read(dir)?.documents {
        let path = dir.join(&part.file);
        let damaged = || format!("{} is damaged; ingest the sources again", path.display());
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path)?);
        let builder = builder.with_context(damaged)?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["id", "source", "lang"]);
        for batch in builder.with_projection(mask).build()? {
            rows(&batch.with_context(damaged)?, each).with_context(damaged)?;
        }
    }
    Ok(())
}

/// The rows of a batch of id, source and language.
fn rows(batch: &RecordBatch, each: &mut Each<'_>) -> Result<()> {
    ensure!(batch.num_columns() == 3, "expected three columns");
    let column = |index: usize| batch.column(index);
    let ids = column(0).as_fixed_size_binary_opt();
    let ids = ids.context("expected ids of 16 bytes")?;
    let sources = column(1).as_string_opt::<i32>().context("expected texts")?;
    let languages = column(2).as_string_opt::<i32>().context("expected texts")?;
    for row in 0..batch.num_rows() {
        let mut id = [0; 16];
        id.copy_from_slice(ids.value(row));
        each(DocumentId(id), sources.value(row), languages.value(row));
    }
    Ok(())
}
