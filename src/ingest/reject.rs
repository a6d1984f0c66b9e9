//! Records that could not be read: each with its place, its error and its beginning.

use super::format::Format;
use crate::atomic::{AtomicFile, Written, cannot_write};
use anyhow::{Context, Result};
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Characters of a rejected record that are kept to show it.
const SAMPLE_CHARACTERS: usize = 200;

/// What a source without a record is rejected as, and why.
pub const EMPTY: &str = "empty_source";

/// What is said of a source of this format, or of an unknown one, without a record.
#[must_use]
pub fn holds_nothing(format: Option<Format>) -> &'static str {
    match format {
        Some(Format::Xml) => {
            "there is no text between its tags: it may stand in attributes, as in dumps of Stack Exchange; write those as JSON lines or CSV and ingest that"
        }
        _ => "the file holds no record; an empty source is often a failed download",
    }
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Name of its source.
    pub source: String,
    /// 1-based line or row.
    pub record: u64,
    /// Name of the error, as in the ledger.
    pub error: &'static str,
    /// What was expected, what was found.
    pub message: String,
    /// The beginning of the record, with replacement characters for what is no UTF-8.
    pub sample: String,
    /// Characters of the record; invalid sequences count as one.
    pub characters: u64,
    /// Bytes of the record as they were read.
    pub bytes: u64,
}

impl Reject {
    /// A reject of `raw` at `record` of `source`.
    #[must_use]
    pub fn new(
        source: &str,
        record: u64,
        error: &'static str,
        message: String,
        raw: &[u8],
    ) -> Self {
        let text = String::from_utf8_lossy(raw);
        Self {
            source: source.to_owned(),
            record,
            error,
            message,
            sample: text.chars().take(SAMPLE_CHARACTERS).collect(),
            characters: text.chars().count() as u64,
            bytes: raw.len() as u64,
        }
    }
}

/// The first `most` rejects of a file of them, for people: place and what was wrong.
///
/// # Errors
/// When the file is damaged.
pub fn first(path: &Path, most: usize) -> Result<Vec<String>> {
    let damaged = || format!("{} is damaged; run ingest again", path.display());
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(damaged)?;
    let mut lines = Vec::new();
    for batch in builder.with_limit(most).build()? {
        let batch = batch.with_context(damaged)?;
        let column = |name: &str| batch.column_by_name(name).with_context(damaged);
        let source = column("source")?.as_string::<i32>();
        let record = column("record")?.as_primitive::<UInt64Type>();
        let message = column("message")?.as_string::<i32>();
        lines.extend((0..batch.num_rows()).map(|row| {
            format!(
                "{}:{}: {}",
                source.value(row),
                record.value(row),
                message.value(row)
            )
        }));
    }
    Ok(lines)
}

/// Writes `rejects` to `path`; returns the number of rows and what was written.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, rejects: &[Reject]) -> Result<(u64, Written)> {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let number = |name| Field::new(name, DataType::UInt64, false);
    let schema = Arc::new(Schema::new(vec![
        text("source"),
        number("record"),
        text("error"),
        text("message"),
        text("sample"),
        number("chars"),
        number("bytes"),
    ]));
    let strings = |of: fn(&Reject) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rejects.iter().map(of)))
    };
    let numbers = |of: fn(&Reject) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(rejects.iter().map(of)))
    };
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![
            strings(|reject| &reject.source),
            numbers(|reject| reject.record),
            strings(|reject| reject.error),
            strings(|reject| &reject.message),
            strings(|reject| &reject.sample),
            numbers(|reject| reject.characters),
            numbers(|reject| reject.bytes),
        ],
    )?;
    let mut writer = ArrowWriter::try_new(AtomicFile::create(path)?, schema, None)?;
    let written = writer.write(&batch).and_then(|()| writer.into_inner());
    let file = written.with_context(|| cannot_write(path))?;
    Ok((rejects.len() as u64, file.commit()?))
}
