//! A trained classifier: from a document to the probabilities of its labels.
//!
//! A document goes through the tokenizer as `prep shard` does it and through the model as training did
//! (its first tokens, read by the last of them), one document at a time: what it is told depends on
//! nothing else.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    document::Content,
    model::{self, Model},
    ops::{Backend, Rope},
    tokenize::Tokenizer,
    train::objective::classes,
};

/// A classifier with its tokenizer.
pub struct Classifier<B: Backend> {
    model: Model<B>,
    tokenizer: Tokenizer,
    rope: Option<Rope>,
    /// Tokens of a document that are read.
    most: usize,
}

impl<B: Backend> Classifier<B> {
    /// Loads the folder of a classifier.
    ///
    /// # Errors
    /// When it is none, or damaged.
    pub fn open(backend: &B, dir: &Path) -> Result<Self> {
        let model = model::load_any(backend, dir)?;
        if model.config.labels.is_none() {
            bail!(
                "{}: a model of the next token, not of labels. Train one with `prep train \
                 --objective classify` from shards with labels (`prep shard --label-field FIELD`)",
                dir.display()
            );
        }
        let most = trained_seq(dir).unwrap_or(model.config.max_positions);
        Ok(Self {
            tokenizer: Tokenizer::from_dir(dir)
                .with_context(|| format!("{}: the classifier", dir.display()))?,
            rope: model.config.rope_table(most),
            most,
            model,
        })
    }

    /// The labels, in the order of their probabilities.
    pub fn labels(&self) -> &[String] {
        self.model.config.labels.as_deref().unwrap_or_default()
    }

    /// The place of a label.
    ///
    /// # Errors
    /// Lists the labels where there is none of that name.
    pub fn place(&self, label: &str) -> Result<usize> {
        let place = self.labels().iter().position(|name| name == label);
        place.with_context(|| {
            format!(
                "the classifier has no label {label}, only {}",
                self.labels().join(", ")
            )
        })
    }

    /// The probability of each label; `None` of a document without a token, or one that the chat
    /// template refuses: nothing can be said of it.
    ///
    /// # Errors
    /// When the device fails.
    pub fn probabilities(&self, backend: &B, content: &Content) -> Result<Option<Vec<f64>>> {
        let encoded = match content {
            Content::Text(text) => self.tokenizer.encode_document(text),
            Content::Chat(messages) | Content::Preference { messages, .. } => {
                self.tokenizer.encode_chat(messages)
            }
        };
        let ids = match encoded {
            Ok(encoded) if encoded.ids.len() > 1 => encoded.ids,
            _ => return Ok(None),
        };
        let rope = self.rope.as_ref();
        classes::label(backend, &self.model, rope, &ids, self.most).map(Some)
    }
}

/// The tokens of a document that training read.
fn trained_seq(dir: &Path) -> Option<usize> {
    let text = std::fs::read(dir.join("manifest.json")).ok()?;
    let manifest: Value = serde_json::from_slice(&text).ok()?;
    manifest["config"]["seq_len"].as_u64()?.try_into().ok()
}
