//! `shards/report.json`, which `prep shard --json` prints.

use super::edit::Changes;
use super::mixing::Mix;
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

/// What a weight made of a source's training tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MixReport {
    /// The weight that was asked for.
    pub weight: f64,
    /// Documents that are learned from.
    pub documents: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Their tokens with every repetition.
    pub effective_tokens: u64,
    /// How often an epoch over the shards sees a token of the source, on average.
    pub epochs: f64,
}

impl MixReport {
    /// The report of `mix`.
    #[must_use]
    pub fn new(weight: f64, mix: &Mix) -> Self {
        Self {
            weight,
            documents: mix.documents,
            tokens: mix.tokens,
            effective_tokens: mix.effective_tokens,
            epochs: mix.effective_tokens as f64 / mix.tokens.max(1) as f64,
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
    /// What the edits of contents did, by edit.
    pub edits: Changes,
    /// Training tokens by source, where `--weight` was given.
    pub mixing: BTreeMap<String, MixReport>,
    /// Lines of `contamination.jsonl`: documents that hold items of benchmarks, and the items.
    pub contamination_listed: u64,
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
