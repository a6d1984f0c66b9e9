//! `shards/report.json`, which `prep shard --json` prints.

use crate::ledger::Ledgers;
use crate::stats::{TokenFigures, TokenSums, TokenTables};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Statistics of the tokens in the shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenReport {
    /// All documents.
    pub total: TokenFigures,
    /// By `train` and `val`.
    pub by_split: BTreeMap<String, TokenFigures>,
    /// By source.
    pub by_source: BTreeMap<String, TokenFigures>,
    /// By language.
    pub by_language: BTreeMap<String, TokenFigures>,
    /// By kind of document.
    pub by_kind: BTreeMap<String, TokenFigures>,
}

impl From<&TokenTables> for TokenReport {
    fn from(tables: &TokenTables) -> Self {
        let figures = |map: &BTreeMap<String, TokenSums>| {
            map.iter()
                .map(|(key, sums)| (key.clone(), TokenFigures::from(sums)))
                .collect()
        };
        Self {
            total: TokenFigures::from(&tables.total()),
            by_split: figures(&tables.split),
            by_source: figures(&tables.source),
            by_language: figures(&tables.language),
            by_kind: figures(&tables.kind),
        }
    }
}

/// How documents begin and end in tokens: a wrong or missing EOS shows here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The document's id.
    pub document_id: String,
    /// Its first tokens, decoded with special tokens.
    pub first: Vec<String>,
    /// Its last tokens, decoded with special tokens.
    pub last: Vec<String>,
}

/// The whole report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShardReport {
    /// Always `shard`.
    pub command: String,
    /// Where every document went; in the report's root.
    #[serde(flatten)]
    pub ledgers: Ledgers,
    /// Statistics of the tokens in the shards.
    pub tokens: TokenReport,
    /// Documents that answer the same question differently, listed in `conflicts/`.
    pub conflicting_answers: u64,
    /// Entries of the vocabulary.
    pub vocab_size: u32,
    /// Three documents' first and last tokens.
    pub samples: Vec<Sample>,
}

impl ShardReport {
    /// The report of the shard directory `dir`.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("report.json");
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged; shard the corpus again", path.display()))
    }
}
