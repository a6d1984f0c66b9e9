//! `labels/`: the label of each kept document, where `prep shard --label-field` was given.
//!
//! Arrow IPC streams, one a part of the corpus, in the order of the corpus: the id of a document and
//! the name of its label, about 30 bytes a document. Names, not numbers: directories with other labels
//! can be merged. Whoever reads the shards alone does not see them.

use super::origins::for_each_batch;
use crate::corpus::PartEntry;
use crate::document::{Document, DocumentId};
use anyhow::{Context, Result, ensure};
use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryBuilder, RecordBatch, StringBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// The folder in a shard directory.
pub const FOLDER: &str = "labels";

/// The file of part `part`.
#[must_use]
pub fn file(part: usize) -> String {
    format!("{FOLDER}/part-{part:05}.arrow")
}

/// What the manifest says of labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelsEntry {
    /// The field that they are from.
    pub field: String,
    /// The files, in order.
    pub files: Vec<PartEntry>,
}

/// The label of a document: its field of that name, as the user's record had it, else the language or
/// the source that prep found. Texts, whole numbers, true and false are labels; nothing else is.
#[must_use]
pub fn of(document: &Document, field: &str) -> Option<String> {
    let meta: Option<Value> = document
        .meta
        .as_deref()
        .and_then(|meta| serde_json::from_str(meta).ok());
    let value = meta.as_ref().and_then(|meta| meta.get(field));
    let text = match (value, field) {
        (Some(Value::String(text)), _) => text.trim().to_owned(),
        (Some(Value::Bool(yes)), _) => yes.to_string(),
        (Some(Value::Number(number)), _) if number.is_i64() || number.is_u64() => {
            number.to_string()
        }
        (None, "lang") => document.lang.clone(),
        (None, "source") => document.source.clone(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The columns of a file under way.
#[derive(Default)]
pub struct Columns {
    ids: Vec<DocumentId>,
    labels: StringBuilder,
}

impl Columns {
    /// Appends a document's label.
    pub fn append(&mut self, id: DocumentId, label: &str) {
        self.ids.push(id);
        self.labels.append_value(label);
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
        let columns: [(&str, ArrayRef); 2] = [
            ("document_id", Arc::new(ids.finish())),
            ("label", Arc::new(self.labels.finish())),
        ];
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

/// Calls `each` with every document's label of the shard directory `dir`.
///
/// # Errors
/// When a file is missing, or is not what the manifest says.
pub fn for_each(
    dir: &Path,
    entries: &[PartEntry],
    each: &mut dyn FnMut(DocumentId, &str),
) -> Result<()> {
    for_each_batch(dir, entries, &mut |batch| {
        ensure!(batch.num_columns() == 2, "expected two columns");
        let ids = batch.column(0).as_fixed_size_binary_opt();
        let ids = ids.context("expected ids of 16 bytes")?;
        let labels = batch.column(1).as_string_opt::<i32>();
        let labels = labels.context("expected texts")?;
        for row in 0..batch.num_rows() {
            let mut id = [0; 16];
            id.copy_from_slice(ids.value(row));
            each(DocumentId(id), labels.value(row));
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Content;

    #[test]
    fn a_label_is_a_text_a_whole_number_or_a_truth() {
        let label = |meta: &str, field: &str| {
            let document = Document {
                id: DocumentId::new("a.jsonl", 1),
                source: "a.jsonl".to_owned(),
                record: 1,
                content: Content::Text("text".to_owned()),
                lang: "ru".to_owned(),
                lang_score: 1.0,
                languages: Vec::new(),
                meta: (!meta.is_empty()).then(|| meta.to_owned()),
            };
            of(&document, field)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(label(r#"{"kind":" spam "}"#, "kind"), some("spam"));
        assert_eq!(label(r#"{"kind":3}"#, "kind"), some("3"));
        assert_eq!(label(r#"{"kind":false}"#, "kind"), some("false"));
        for none in [
            r#"{"kind":0.5}"#,
            r#"{"kind":null}"#,
            r#"{"kind":""}"#,
            "{}",
            "",
        ] {
            assert_eq!(label(none, "kind"), None, "{none}");
        }
        assert_eq!(label("", "lang"), some("ru"));
        assert_eq!(label("", "source"), some("a.jsonl"));
        assert_eq!(label(r#"{"source":"mine"}"#, "source"), some("mine"));
    }
}
