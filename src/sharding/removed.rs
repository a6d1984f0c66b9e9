//! Reading `removed/`: documents with the reason why they are not in the shards.

use crate::document::parquet::documents;
use crate::document::{Document, DocumentId};
use anyhow::{Context, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A row of `removed/`.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// The document as it was judged.
    pub document: Document,
    /// Name of the rule.
    pub reason: String,
    /// What was measured.
    pub value: Option<f64>,
    /// The bound that it broke.
    pub threshold: Option<f64>,
    /// The document that stays instead.
    pub kept: Option<DocumentId>,
    /// How similar that one is, 0 to 1.
    pub similarity: Option<f64>,
}

/// Finds one document among the removed of a shard directory.
///
/// # Errors
/// When a file is damaged.
pub fn find(shards: &Path, id: DocumentId) -> Result<Option<Removed>> {
    for path in files(shards)? {
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        let damaged = || format!("{} is damaged; shard the corpus again", path.display());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .with_context(damaged)?
            .with_batch_size(256)
            .build()?;
        for batch in reader {
            let batch = batch.with_context(damaged)?;
            let ids = batch.column(0).as_fixed_size_binary();
            let row = (0..batch.num_rows()).find(|row| ids.value(*row) == id.0);
            if let Some(row) = row {
                return of_row(&batch, row).with_context(damaged).map(Some);
            }
        }
    }
    Ok(None)
}

/// The files of `removed/`, in order.
fn files(shards: &Path) -> Result<Vec<PathBuf>> {
    let dir = shards.join("removed");
    let entries =
        std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn of_row(batch: &RecordBatch, row: usize) -> Result<Removed> {
    let slice = batch.slice(row, 1);
    let column = |name: &str| {
        slice
            .column_by_name(name)
            .with_context(|| format!("no column {name}"))
    };
    let number = |name: &str| -> Result<Option<f64>> {
        let column = column(name)?.as_primitive::<Float64Type>();
        Ok(column.is_valid(0).then(|| column.value(0)))
    };
    let kept = column("kept_id")?.as_fixed_size_binary();
    Ok(Removed {
        document: documents(&slice)?.pop().context("a row is a document")?,
        reason: column("reason")?.as_string::<i32>().value(0).to_owned(),
        value: number("value")?,
        threshold: number("threshold")?,
        kept: kept.is_valid(0).then(|| {
            let mut id = [0; 16];
            id.copy_from_slice(kept.value(0));
            DocumentId(id)
        }),
        similarity: number("similarity")?,
    })
}
