//! `shards/report.json`, which `prep shard --json` prints.

use super::account::ChatCuts;
use super::copies::{CandidateCounts, SIZES, Statistics, VerifiedCounts};
pub use super::copies::{Removed, Sample as PairSample};
use super::edit::Changes;
use super::lines::LinesReport;
use super::mixing::Mix;
use super::pairs::PairCounts;
use super::{DedupMode, scan};
use crate::ledger::Ledgers;
use crate::stats::{TokenFigures, TokenSums, TokenTables};
use crate::tokenize::{Checks, EncodePath, Letters, Tokenizer, UNICODE_VERSION};
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
    /// How often an epoch over the shards sees a token of the source, on average: of a weight below 1 the
    /// weight, which is the share of its different contents that is drawn.
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
            epochs: if weight < 1.0 {
                weight
            } else {
                mix.effective_tokens as f64 / mix.tokens.max(1) as f64
            },
        }
    }
}

/// Chats that were cut between turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatReport {
    /// The most tokens of a chat (`--max-length`), `null` where chats are not cut.
    pub max_length: Option<u64>,
    /// What was cut.
    #[serde(flatten)]
    pub cuts: ChatCuts,
}

/// How texts were encoded, and what puts a beginning and an end to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodingReport {
    /// `fast`, or `crate` for the `tokenizers` crate.
    pub path: String,
    /// The split pattern of the fast path, or why the crate encodes.
    pub why: String,
    /// Version of the Unicode tables that texts are split by; the tokenizer's fingerprint holds it.
    pub unicode_version: String,
    /// What the self-check looked at.
    #[serde(flatten)]
    pub checks: Checks,
    /// Whether letters of special tokens in documents are the tokens (`--allow-special`).
    pub allow_special: bool,
    /// Letters of the token that documents begin with, `null` if none.
    pub bos: Option<String>,
    /// The same of chats, whose template may write one.
    #[serde(default)]
    pub bos_of_chats: Option<String>,
    /// Letters of the token that texts end with.
    pub eos: String,
}

impl EncodingReport {
    /// The report of a run with `tokenizer`.
    #[must_use]
    pub fn new(tokenizer: &Tokenizer, checks: Checks) -> Self {
        let (path, why) = match tokenizer.encode_path() {
            EncodePath::Fast(pattern) => ("fast", pattern),
            EncodePath::Crate(reason) => ("crate", reason),
            EncodePath::Differs => ("crate", "the fast path differed on this text"),
        };
        let bos = tokenizer.bos_id().filter(|_| tokenizer.adds_bos());
        Self {
            path: path.to_owned(),
            why: why.to_owned(),
            unicode_version: UNICODE_VERSION.to_owned(),
            checks,
            allow_special: tokenizer.letters() == Letters::Tokens,
            bos: bos.map(|id| tokenizer.token(id)),
            bos_of_chats: tokenizer.bos_of_chats().map(|id| tokenizer.token(id)),
            eos: tokenizer.token(tokenizer.eos_id()),
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

/// Clusters of copies of one range of sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterCount {
    /// The smallest size, the kept document among them.
    pub from: u64,
    /// Clusters from that size to below the next row's.
    pub clusters: u64,
}

/// A source that loses much to near copies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its name.
    pub source: String,
    /// Its documents.
    pub documents: u64,
    /// Those that go as near copies.
    pub near: u64,
    /// Five of these, each with what is kept for it.
    pub samples: Vec<PairSample>,
}

/// Copies that one source loses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLosses {
    /// Exact copies.
    pub exact: Removed,
    /// Near copies.
    pub near: Removed,
}

/// What the search for copies found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CopiesReport {
    /// `near`, `exact` or `off`.
    pub mode: String,
    /// Exact copies that go, by where the kept document is.
    pub exact: Removed,
    /// Near copies that go, by where the kept document is.
    pub near: Removed,
    /// The same by source; sources that lose none are left out.
    pub by_source: BTreeMap<String, SourceLosses>,
    /// Clusters by size.
    pub clusters: Vec<ClusterCount>,
    /// What the search for near copies compared.
    pub candidates: CandidateCounts,
    /// What it measured.
    pub verified: VerifiedCounts,
    /// Sources that lose more than 30 % of at least 20 documents to near copies.
    pub alarms: Vec<Alarm>,
}

/// Share of a source's documents that may go as near copies before the source is named.
const ALARM_SHARE: f64 = 0.3;
/// Sources of fewer documents are not named: one document that goes says nothing about the source.
const ALARM_DOCUMENTS: u64 = 20;

impl CopiesReport {
    /// From the figures of the search, and the ledger for the names of the sources.
    #[must_use]
    pub fn new(mode: DedupMode, found: &Statistics, ledgers: &Ledgers) -> Self {
        let mut report = Self {
            mode: mode.name().to_owned(),
            candidates: found.candidates,
            verified: found.verified,
            ..Self::default()
        };
        for (from, clusters) in SIZES.into_iter().zip(found.clusters) {
            report.clusters.push(ClusterCount { from, clusters });
        }
        for (name, ledger) in &ledgers.by_source {
            let Some(lost) = found.by_source.get(&scan::source_hash(name)) else {
                continue;
            };
            report.exact += lost.exact;
            report.near += lost.near;
            let (near, documents) = (lost.near.total(), ledger.read.records);
            if documents >= ALARM_DOCUMENTS && near as f64 > ALARM_SHARE * documents as f64 {
                report.alarms.push(Alarm {
                    source: name.clone(),
                    documents,
                    near,
                    samples: lost.samples.clone(),
                });
            }
            let losses = SourceLosses {
                exact: lost.exact,
                near: lost.near,
            };
            report.by_source.insert(name.clone(), losses);
        }
        report
    }
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
    /// Repeated lines that were taken out, `null` without `--dedup-lines`.
    pub lines: Option<LinesReport>,
    /// Training tokens by source, where `--weight` was given.
    pub mixing: BTreeMap<String, MixReport>,
    /// Lines of `contamination.jsonl`: documents that hold items of benchmarks, and the items.
    pub contamination_listed: u64,
    /// Documents that answer the same question differently, listed in `conflicts/`.
    pub conflicting_answers: u64,
    /// Copies that went, and what was compared to find them.
    pub copies: CopiesReport,
    /// Entries of the vocabulary.
    pub vocab_size: u32,
    /// Chats that were cut between turns.
    #[serde(default)]
    pub chats: ChatReport,
    /// Pairs of preferences, for preference training.
    #[serde(default)]
    pub pairs: PairCounts,
    /// Kept documents by label, where `--label-field` was given.
    #[serde(default)]
    pub labels: BTreeMap<String, u64>,
    /// How texts were encoded.
    #[serde(default)]
    pub encoding: EncodingReport,
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
