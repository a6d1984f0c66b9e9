//! What may be chosen when a tokenizer is trained.

use super::SPECIALS;
use anyhow::{Result, ensure};
use serde::Serialize;

/// The model that is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Byte-level BPE, as GPT-2, Llama 3 and Qwen: any text, and prep's fast path.
    #[default]
    #[value(name = "byte-level")]
    ByteLevel,
    /// BPE of characters with ▁ for spaces and byte fallback, as Llama 2 and Mistral: the fast path.
    #[value(name = "sentencepiece-bpe")]
    #[serde(rename = "sentencepiece-bpe")]
    Pieces,
    /// Unigram language model with ▁ for spaces and byte fallback, as T5 and XLM-R.
    Unigram,
}

/// How many digits of a number a token may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Digits {
    /// One: a number is as many tokens as it has digits, which helps a small model to calculate.
    Single,
    /// Groups of at most three.
    #[default]
    Triples,
    /// As many as occur often.
    Any,
}

/// What becomes of runs of white space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Spaces {
    /// Frequent runs are tokens: indentation is cheap.
    #[default]
    Runs,
    /// Each white space character is a token of its own.
    Single,
}

/// How a tokenizer is trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Training {
    /// The model.
    pub kind: ModelKind,
    /// Entries of the vocabulary at most, special tokens included.
    pub vocab_size: u32,
    /// Digits in a token.
    pub digits: Digits,
    /// Runs of white space.
    pub spaces: Spaces,
    /// Special tokens beside prep's own eight.
    pub special_tokens: Vec<String>,
    /// Share of the characters of the sample that get a token of their own, 0 to 1; others are
    /// written as bytes. Byte-level BPE has no use for it.
    pub character_coverage: f64,
}

impl Training {
    /// A byte-level BPE of this size, all else as it is by default.
    #[must_use]
    pub fn byte_level(vocab_size: u32) -> Self {
        Self {
            vocab_size,
            ..Self::default()
        }
    }

    /// prep's special tokens and those that were asked for, each once, in the order of ids.
    pub(super) fn special_tokens(&self) -> Result<Vec<String>> {
        let mut all: Vec<String> = SPECIALS.iter().map(ToString::to_string).collect();
        for token in &self.special_tokens {
            ensure!(
                token.chars().count() > 1 && !token.contains(char::is_whitespace),
                "the special token {token:?} is no name: give more than one character and no white space, for instance <|tool|>"
            );
            if !all.contains(token) {
                all.push(token.clone());
            }
        }
        Ok(all)
    }
}
