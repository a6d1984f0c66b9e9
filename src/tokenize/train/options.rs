//! What may be chosen when a tokenizer is trained.

use super::SPECIALS;
use super::words::MAX_WORDS;
use crate::units::human_bytes;
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
    /// Distinct words that are kept while they are counted, where memory asks for less than 4 million.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_words: Option<u64>,
}

/// Bytes that training takes beside its words, and bytes of each distinct one while pairs are merged: an
/// allowance for the counts, and for a word as ids with the places of its pairs.
const BASE_BYTES: u64 = 200 << 20;
const UNIGRAM_BYTES: u64 = 600 << 20;
const WORD_BYTES: u64 = 400;
/// Fewer distinct words make no vocabulary.
const FEWEST_WORDS: u64 = 50_000;

impl Training {
    /// A byte-level BPE of this size, all else as it is by default.
    #[must_use]
    pub fn byte_level(vocab_size: u32) -> Self {
        Self {
            vocab_size,
            ..Self::default()
        }
    }

    /// Keeps so few words that training stays within `memory` bytes.
    ///
    /// # Errors
    /// Says how much it needs where that is less.
    pub fn within(mut self, memory: u64) -> Result<Self> {
        let base = match self.kind {
            ModelKind::Unigram => UNIGRAM_BYTES,
            ModelKind::ByteLevel | ModelKind::Pieces => BASE_BYTES,
        };
        let words = memory.saturating_sub(base) / WORD_BYTES;
        ensure!(
            words >= FEWEST_WORDS,
            "--memory {}: training this tokenizer takes at least {}",
            human_bytes(memory),
            human_bytes(base + FEWEST_WORDS * WORD_BYTES)
        );
        self.most_words = Some(words).filter(|words| *words < MAX_WORDS);
        Ok(self)
    }

    /// Distinct words that are kept.
    pub(super) fn most_words(&self) -> u64 {
        self.most_words.unwrap_or(MAX_WORDS)
    }

    /// Looks at the names of special tokens before anything is read.
    ///
    /// # Errors
    /// When one is no name.
    pub fn check(&self) -> Result<()> {
        self.special_tokens().map(|_| ())
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
