//! What `prep shard` left out, and what it found contradictory.

use super::corpus::batches;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, UInt64Type};
use prep::document::parquet::documents;
use prep::document::{Document, DocumentId};
use std::path::Path;

/// A row of `removed/`.
#[derive(Clone, Debug)]
pub struct Removed {
    pub document: Document,
    pub reason: String,
    pub value: Option<f64>,
    pub threshold: Option<f64>,
    pub kept: Option<DocumentId>,
    /// Whether that is in a set of `--against`.
    pub kept_earlier: bool,
    pub similarity: Option<f64>,
    pub cluster_size: Option<u64>,
}

/// All removed documents of a shard directory, in order.
pub fn of(shards: &Path) -> Vec<Removed> {
    let mut removed = Vec::new();
    for path in parts(&shards.join("removed")) {
        for batch in batches(&path) {
            let column = |name: &str| batch.column_by_name(name).expect("a column of removed");
            let number = |name: &str, row: usize| {
                let column = column(name).as_primitive::<Float64Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            let sizes = column("cluster_size").as_primitive::<UInt64Type>();
            let kept = column("kept_id").as_fixed_size_binary();
            let earlier = column("kept_earlier").as_boolean();
            let all = documents(&batch).expect("documents");
            for (row, document) in all.into_iter().enumerate() {
                removed.push(Removed {
                    document,
                    reason: column("reason").as_string::<i32>().value(row).to_owned(),
                    value: number("value", row),
                    threshold: number("threshold", row),
                    kept: kept.is_valid(row).then(|| {
                        DocumentId(kept.value(row).try_into().expect("an id has 16 bytes"))
                    }),
                    kept_earlier: earlier.is_valid(row) && earlier.value(row),
                    similarity: number("similarity", row),
                    cluster_size: sizes.is_valid(row).then(|| sizes.value(row)),
                });
            }
        }
    }
    removed
}

/// All documents of `conflicts/`, in order.
pub fn conflicts(shards: &Path) -> Vec<Document> {
    let batches = parts(&shards.join("conflicts"))
        .into_iter()
        .flat_map(|path| batches(&path));
    batches
        .flat_map(|batch| documents(&batch).expect("documents"))
        .collect()
}

fn parts(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .expect("a directory of a finished run")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}
