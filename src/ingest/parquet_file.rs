//! Rows of a Parquet file, some at a time.
//!
//! A row group that is damaged costs its own rows: how many it has stands in the footer, so each that
//! was not read is refused, and the groups behind it are read.

use super::blocks::{Block, Reading, Stop};
use super::source::Source;
use anyhow::Context;
use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Bytes that a batch of rows aims at.
const ROWS_BYTES: i64 = 1 << 20;
/// Rows of a damaged group that are refused in one block.
const REFUSED_ROWS: u64 = 8192;
/// Rows of a damaged group that are refused one by one: a number in a damaged file may be any.
const MOST_REFUSED: u64 = 1 << 24;

/// Sends the rows of `file`.
///
/// # Errors
/// When its footer cannot be read, or nobody wants more.
pub fn read(reading: &Reading, source: &Arc<Source>, file: &File) -> Result<(), Stop> {
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())
        .context("is no readable Parquet file (damaged or cut off)")?;
    let mut row = 1;
    for (group, about) in metadata.metadata().row_groups().iter().enumerate() {
        let end = row + u64::try_from(about.num_rows()).unwrap_or(0);
        let row_bytes = (about.total_byte_size() / about.num_rows().max(1)).max(1);
        let batch_rows = (ROWS_BYTES / row_bytes).clamp(1, 8192) as usize;
        let file = file.try_clone()?;
        let mut batches = open(file, &metadata, group, batch_rows);
        loop {
            let batch = match &mut batches {
                Ok(batches) => next(batches),
                Err(error) => Err(error.clone()),
            };
            match batch {
                Ok(Some(batch)) => {
                    let first = row;
                    row += batch.num_rows() as u64;
                    let bytes = batch.num_rows() * row_bytes as usize;
                    let block = Block::Rows {
                        row: first,
                        batch,
                        bytes,
                    };
                    reading.send(source, block)?;
                }
                Ok(None) if row >= end => break,
                Ok(None) => {
                    let error = "it ends before its last row".to_owned();
                    row = refuse(reading, source, row..end, (group, error))?;
                    break;
                }
                Err(error) => {
                    row = refuse(reading, source, row..end, (group, error))?;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The batches of one row group.
fn open(
    file: File,
    metadata: &ArrowReaderMetadata,
    group: usize,
    batch_rows: usize,
) -> Result<ParquetRecordBatchReader, String> {
    caught(|| {
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
            .with_row_groups(vec![group])
            .with_batch_size(batch_rows)
            .build()
    })
}

/// The next batch, `None` behind the last.
fn next(batches: &mut ParquetRecordBatchReader) -> Result<Option<RecordBatch>, String> {
    caught(|| batches.next().transpose())
}

/// What `read` gives, and why it gives nothing: damaged bytes may be something that the decoder does not
/// foresee.
fn caught<T, E: ToString>(read: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("it holds what this version cannot decode".to_owned()),
    }
}

/// Refuses the rows that a damaged group still has; returns the row behind them.
fn refuse(
    reading: &Reading,
    source: &Arc<Source>,
    rows: std::ops::Range<u64>,
    (group, error): (usize, String),
) -> Result<u64, Stop> {
    let error = format!(
        "the Parquet file is damaged in row group {}: {error}",
        group + 1
    );
    let counted = rows.end.min(rows.start.saturating_add(MOST_REFUSED));
    let mut first = rows.start;
    while first < counted {
        let count = REFUSED_ROWS.min(counted - first);
        let block = Block::UnreadableRows {
            row: first,
            count,
            error: error.clone(),
        };
        reading.send(source, block)?;
        first += count;
    }
    if rows.is_empty() {
        reading.unreadable(source, first, error)?;
    } else if first < rows.end {
        let more = rows.end - first;
        let error = format!("{error}; the group says that it has {more} rows more");
        reading.unreadable(source, first, error)?;
    }
    Ok(rows.end.max(rows.start))
}
