//! Rows of a Parquet file, some at a time.

use super::blocks::{Block, Reading, Stop};
use super::source::Source;
use anyhow::Context;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use std::fs::File;
use std::sync::Arc;

/// Bytes that a batch of rows aims at.
const ROWS_BYTES: i64 = 1 << 20;

/// Sends the rows of `file`.
///
/// # Errors
/// When its footer cannot be read, or nobody wants more.
pub fn read(reading: &Reading, source: &Arc<Source>, file: &File) -> Result<(), Stop> {
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())
        .context("is no readable Parquet file (damaged or cut off)")?;
    let mut row = 1;
    for group in 0..metadata.metadata().num_row_groups() {
        let about = metadata.metadata().row_group(group);
        let row_bytes = (about.total_byte_size() / about.num_rows().max(1)).max(1);
        let batch_rows = (ROWS_BYTES / row_bytes).clamp(1, 8192) as usize;
        let file = file.try_clone()?;
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
            .with_row_groups(vec![group])
            .with_batch_size(batch_rows)
            .build()
            .context("the Parquet file is damaged")?;
        for batch in batches {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    let error = format!("the Parquet file is damaged: {error}");
                    return reading.unreadable(source, row, error);
                }
            };
            let (first, rows) = (row, batch.num_rows());
            row += rows as u64;
            let bytes = rows * row_bytes as usize;
            let block = Block::Rows {
                row: first,
                batch,
                bytes,
            };
            reading.send(source, block)?;
        }
    }
    Ok(())
}
