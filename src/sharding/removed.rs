//! `removed/`: documents with the reason why they are not in the shards; its columns, written and read.

use crate::document::parquet::{Encoder, RowGroup, documents, schema_with};
use crate::document::{Document, DocumentId};
use anyhow::{Context, Result};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, Float64Array, RecordBatch,
    StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, SchemaRef, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a document is dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Removal {
    /// Name of the rule.
    pub reason: String,
    /// What was measured, in the unit of the rule.
    pub value: Option<f64>,
    /// What was allowed.
    pub threshold: Option<f64>,
    /// The document that is kept for it.
    pub kept: Option<DocumentId>,
    /// Whether that is in a set of `--against`, not in these shards.
    pub kept_earlier: bool,
    /// The similarity to that, 0 to 1.
    pub similarity: Option<f64>,
    /// Documents of its cluster, the kept one among them.
    pub cluster_size: Option<u64>,
    /// Whether other answers to its question exist: `conflicts/` lists it.
    pub in_conflict: bool,
}

/// A row of `removed/`.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// The document as it was judged.
    pub document: Document,
    /// Why it was dropped.
    pub why: Removal,
}

/// The columns that `removed/` has beside a document's.
#[must_use]
pub fn schema() -> SchemaRef {
    schema_with(vec![
        Field::new("reason", DataType::Utf8, false),
        Field::new("value", DataType::Float64, true),
        Field::new("threshold", DataType::Float64, true),
        Field::new("kept_id", DataType::FixedSizeBinary(16), true),
        Field::new("kept_earlier", DataType::Boolean, true),
        Field::new("similarity", DataType::Float64, true),
        Field::new("cluster_size", DataType::UInt64, true),
    ])
}

/// A row group of `removed/`, and how many rows it has; `None` of nothing.
///
/// # Errors
/// When it cannot be encoded.
pub fn encode(encoder: &Encoder, removed: Vec<Removed>) -> Result<Option<(RowGroup, u64)>> {
    if removed.is_empty() {
        return Ok(None);
    }
    let why = || removed.iter().map(|dropped| &dropped.why);
    let kept = why().map(|why| why.kept.map(|id| id.0));
    let earlier = why().map(|why| why.kept.map(|_| why.kept_earlier));
    let extra: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(why().map(|why| &why.reason))),
        Arc::new(why().map(|why| why.value).collect::<Float64Array>()),
        Arc::new(why().map(|why| why.threshold).collect::<Float64Array>()),
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(
            kept, 16,
        )?),
        Arc::new(earlier.collect::<BooleanArray>()),
        Arc::new(why().map(|why| why.similarity).collect::<Float64Array>()),
        Arc::new(why().map(|why| why.cluster_size).collect::<UInt64Array>()),
    ];
    let documents: Vec<Document> = removed
        .into_iter()
        .map(|dropped| dropped.document)
        .collect();
    Ok(Some((
        encoder.encode(&documents, extra)?,
        documents.len() as u64,
    )))
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
///
/// # Errors
/// When the folder cannot be read.
pub fn files(shards: &Path) -> Result<Vec<PathBuf>> {
    let dir = shards.join("removed");
    let entries =
        std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// Row number `row` of a batch with all columns.
///
/// # Errors
/// When a column is missing or its document cannot be read.
pub fn of_row(batch: &RecordBatch, row: usize) -> Result<Removed> {
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
    let earlier = column("kept_earlier")?.as_boolean();
    let cluster = column("cluster_size")?.as_primitive::<UInt64Type>();
    Ok(Removed {
        document: documents(&slice)?.pop().context("a row is a document")?,
        why: Removal {
            reason: column("reason")?.as_string::<i32>().value(0).to_owned(),
            value: number("value")?,
            threshold: number("threshold")?,
            kept: kept.is_valid(0).then(|| {
                let mut id = [0; 16];
                id.copy_from_slice(kept.value(0));
                DocumentId(id)
            }),
            kept_earlier: earlier.is_valid(0) && earlier.value(0),
            similarity: number("similarity")?,
            cluster_size: cluster.is_valid(0).then(|| cluster.value(0)),
            // `conflicts/` says it.
            in_conflict: false,
        },
    })
}
