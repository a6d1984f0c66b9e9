//! `shards/manifest.json`: what a shard directory holds, written last.

use super::Split;
use super::labels::LabelsEntry;
use crate::corpus::PartEntry;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of the shard format; a reader refuses any other.
pub const VERSION: u32 = 1;

/// What a model must agree with to be trained on a shard directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardInfo {
    /// Highest token id + 1, added tokens included.
    pub vocab_size: u32,
    /// Id put before each document, if the tokenizer adds one.
    pub bos_id: Option<u32>,
    /// Id that ends each document.
    pub eos_id: u32,
    /// Id for padding, if the tokenizer has one.
    pub pad_id: Option<u32>,
    /// xxh3-128 of the tokenizer's content and special-token policy.
    pub tokenizer_fingerprint: String,
    /// xxh3-128 of the chat template.
    pub chat_template_hash: String,
}

/// One file of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardEntry {
    /// File name inside the directory.
    pub file: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Tokens in it.
    pub tokens: u64,
    /// Rows in it: documents, or the parts of documents that a shard's end cut in two.
    pub rows: u64,
    /// xxh3-128 of the file, hexadecimal.
    pub xxh3: String,
}

/// Totals and files of one split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitEntry {
    /// Documents, each counted once however many shards it spans.
    pub documents: u64,
    /// Tokens, special tokens included.
    pub tokens: u64,
    /// Tokens that the loss counts.
    pub tokens_loss: u64,
    /// UTF-8 bytes of the documents' content.
    pub bytes_text: u64,
    /// The files, in order.
    pub shards: Vec<ShardEntry>,
}

/// The whole manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShardManifest {
    /// Always `prep-shards`.
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Version of prep that wrote it.
    pub prep_version: String,
    /// The options that decided the bytes, and the corpus they were applied to.
    pub config: serde_json::Value,
    /// Tokenizer and special tokens.
    pub info: ShardInfo,
    /// What the model learns from.
    pub train: SplitEntry,
    /// What it is measured on.
    pub val: SplitEntry,
    /// Keys of the documents that are no texts: a later `--against` compares with them.
    #[serde(default)]
    pub keys: Vec<PartEntry>,
    /// Sources and languages of the validated documents (see [`super::origins`]).
    #[serde(default)]
    pub origins: Vec<PartEntry>,
    /// The manifest of the pairs of preferences (see [`super::pairs`]), where there are some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<PartEntry>,
    /// The labels of the documents, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsEntry>,
    /// The documents that were dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<PartEntry>,
    /// The questions with contradicting answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<PartEntry>,
}

impl ShardManifest {
    /// The manifest of shards that this build writes.
    #[must_use]
    pub fn new(
        config: serde_json::Value,
        info: ShardInfo,
        [train, val]: [SplitEntry; 2],
        keys: Vec<PartEntry>,
        origins: Vec<PartEntry>,
    ) -> Self {
        Self {
            format: "prep-shards".to_owned(),
            version: VERSION,
            prep_version: env!("CARGO_PKG_VERSION").to_owned(),
            config,
            info,
            train,
            val,
            keys,
            origins,
            pairs: Vec::new(),
            labels: None,
            removed: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    /// Reads and checks the manifest of `dir`.
    ///
    /// # Errors
    /// When there is none (the directory is unfinished or is no shard directory), or it is of
    /// another version.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("manifest.json");
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "{} has no readable manifest.json, so it is not a finished shard directory; run `prep shard CORPUS --out {}` to its end",
                dir.display(),
                dir.display()
            )
        })?;
        let manifest: Self = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} is not a manifest of `prep shard`; give the directory that `prep shard` wrote",
                path.display()
            )
        })?;
        if manifest.format != "prep-shards" || manifest.version != VERSION {
            bail!(
                "{} is {} version {}, this prep reads prep-shards version {VERSION}; shard the corpus again with this prep",
                path.display(),
                manifest.format,
                manifest.version
            );
        }
        Ok(manifest)
    }

    /// xxh3-128 of the manifests of the corpora that the documents are from.
    pub fn corpora(&self) -> impl Iterator<Item = &str> {
        let several = self.config["corpora"].as_array();
        let one = self.config.get("corpus");
        let all = one.into_iter().chain(several.into_iter().flatten());
        all.filter_map(serde_json::Value::as_str)
    }

    /// The entry of `split`.
    #[must_use]
    pub fn split(&self, split: Split) -> &SplitEntry {
        match split {
            Split::Train => &self.train,
            Split::Val => &self.val,
        }
    }
}
