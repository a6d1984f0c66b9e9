//! `corpus/manifest.json`: what `prep ingest` wrote and from what, written last.

use crate::ingest::normalise::Repairs;
use crate::ledger::Ledgers;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the corpus format; a reader refuses any other.
pub const VERSION: u32 = 1;

/// One file of documents or rejects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// Path inside the directory.
    pub file: String,
    /// Rows in it.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// xxh3-128 of the file, hexadecimal.
    pub xxh3: String,
}

/// One file that the user gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceEntry {
    /// Name in documents and reports.
    pub name: String,
    /// Size on disk in bytes.
    pub bytes: u64,
    /// xxh3-128 of the file, hexadecimal.
    pub xxh3: String,
    /// How it is compressed.
    pub codec: String,
    /// How its characters are written, `None` where there are none or it was not read.
    pub encoding: Option<String>,
    /// How sure the encoding is, 0 to 1.
    pub encoding_confidence: f32,
    /// How it was read, `None` when it was not.
    pub format: Option<String>,
    /// Documents by the shape of their records.
    pub shapes: BTreeMap<String, u64>,
}

/// The whole manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CorpusManifest {
    /// Always `prep-corpus`.
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Version of prep that wrote it.
    pub prep_version: String,
    /// The options that decided the bytes.
    pub config: serde_json::Value,
    /// What was read.
    pub sources: Vec<SourceEntry>,
    /// Documents, in order.
    pub documents: Vec<PartEntry>,
    /// Records that could not be read, in order.
    pub rejects: Vec<PartEntry>,
}

impl CorpusManifest {
    /// Reads and checks the manifest of `dir`.
    ///
    /// # Errors
    /// When there is none (the directory is unfinished or is no corpus), or it is of another version.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("manifest.json");
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "{0} has no readable manifest.json, so it is not a finished corpus; run `prep ingest SOURCE... --out {0}` to its end",
                dir.display()
            )
        })?;
        let manifest: Self = serde_json::from_slice(&text).with_context(|| {
            format!("{} is not a manifest of `prep ingest`; give the directory that `prep ingest` wrote", path.display())
        })?;
        ensure!(
            manifest.format == "prep-corpus" && manifest.version == VERSION,
            "{} is {} version {}, this prep reads prep-corpus version {VERSION}; ingest the sources again",
            path.display(),
            manifest.format,
            manifest.version
        );
        Ok(manifest)
    }
}

/// `corpus/report.json`, which `--json` prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IngestReport {
    /// Always `ingest`.
    pub command: String,
    /// Where every record went; in the report's root.
    #[serde(flatten)]
    pub ledgers: Ledgers,
    /// How many pieces of text each repair changed.
    pub repairs: Repairs,
    /// Documents by the shape of their records.
    pub by_shape: BTreeMap<String, u64>,
    /// Records that have a field of `--map`, by its path; empty without `--map`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mapped: BTreeMap<String, u64>,
}
