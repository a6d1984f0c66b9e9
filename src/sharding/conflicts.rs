//! `conflicts/`: every answer that contradicts another one to the same question, whether it stays or
//! goes; its columns.

use crate::document::Document;
use crate::document::parquet::{Encoder, RowGroup, schema_with};
use anyhow::Result;
use arrow::array::{ArrayRef, BooleanArray, FixedSizeBinaryArray};
use arrow::datatypes::{DataType, Field, SchemaRef};
use std::sync::Arc;

/// A row of `conflicts/`.
pub struct Conflicting {
    /// The answer with its question.
    pub document: Document,
    /// Equal for answers to one question under one system prompt.
    pub question: u128,
    /// Whether it is in the shards.
    pub kept: bool,
}

/// The columns that `conflicts/` has beside a document's.
#[must_use]
pub fn schema() -> SchemaRef {
    schema_with(vec![
        Field::new("question_key", DataType::FixedSizeBinary(16), false),
        Field::new("kept", DataType::Boolean, false),
    ])
}

/// A row group of `conflicts/`, and how many rows it has; `None` of nothing.
///
/// # Errors
/// When it cannot be encoded.
pub fn encode(encoder: &Encoder, conflicting: Vec<Conflicting>) -> Result<Option<(RowGroup, u64)>> {
    if conflicting.is_empty() {
        return Ok(None);
    }
    let keys = conflicting.iter().map(|row| row.question.to_be_bytes());
    let keys = FixedSizeBinaryArray::try_from_iter(keys)?;
    let kept: BooleanArray = conflicting.iter().map(|row| Some(row.kept)).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(keys), Arc::new(kept)];
    let documents: Vec<Document> = conflicting.into_iter().map(|row| row.document).collect();
    let rows = documents.len() as u64;
    Ok(Some((encoder.encode(&documents, columns)?, rows)))
}
