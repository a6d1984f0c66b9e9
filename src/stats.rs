//! Token statistics: plain sums that add, and the figures that follow from them.

use crate::lengths::{Lengths, Quantiles};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Sums over tokenized documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSums {
    /// Documents.
    pub documents: u64,
    /// Unicode scalar values of their content.
    pub characters: u64,
    /// UTF-8 bytes of their content.
    pub bytes: u64,
    /// Words of their content: runs of letters and digits.
    pub words: u64,
    /// Tokens, special tokens included.
    pub tokens: u64,
    /// Tokens that the loss counts.
    pub tokens_loss: u64,
    /// Tokens of each document.
    pub lengths: Lengths,
}

impl AddAssign<&TokenSums> for TokenSums {
    fn add_assign(&mut self, other: &TokenSums) {
        self.documents += other.documents;
        self.characters += other.characters;
        self.bytes += other.bytes;
        self.words += other.words;
        self.tokens += other.tokens;
        self.tokens_loss += other.tokens_loss;
        self.lengths += &other.lengths;
    }
}

/// The sums by split, source, language and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenTables {
    /// By `train` and `val`.
    pub split: BTreeMap<String, TokenSums>,
    /// By source.
    pub source: BTreeMap<String, TokenSums>,
    /// By language.
    pub language: BTreeMap<String, TokenSums>,
    /// By kind of document.
    pub kind: BTreeMap<String, TokenSums>,
}

impl TokenTables {
    /// Adds one document's sums under its split, source, language and kind.
    pub fn add(&mut self, keys: [&str; 4], sums: &TokenSums) {
        let maps = [
            &mut self.split,
            &mut self.source,
            &mut self.language,
            &mut self.kind,
        ];
        for (map, key) in maps.into_iter().zip(keys) {
            if let Some(found) = map.get_mut(key) {
                *found += sums;
            } else {
                map.insert(key.to_owned(), sums.clone());
            }
        }
    }

    /// All documents together.
    #[must_use]
    pub fn total(&self) -> TokenSums {
        let mut total = TokenSums::default();
        for sums in self.split.values() {
            total += sums;
        }
        total
    }
}

impl AddAssign<&TokenTables> for TokenTables {
    fn add_assign(&mut self, other: &TokenTables) {
        for (mine, theirs) in [
            (&mut self.split, &other.split),
            (&mut self.source, &other.source),
            (&mut self.language, &other.language),
            (&mut self.kind, &other.kind),
        ] {
            for (key, sums) in theirs {
                *mine.entry(key.clone()).or_default() += sums;
            }
        }
    }
}

/// What a person wants to know of tokenized documents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenFigures {
    /// Documents.
    pub documents: u64,
    /// Unicode scalar values of their content.
    pub characters: u64,
    /// UTF-8 bytes of their content.
    pub bytes: u64,
    /// Runs of letters and digits in their content.
    pub words: u64,
    /// Tokens, special tokens included.
    pub tokens: u64,
    /// Tokens that the loss counts.
    pub tokens_loss: u64,
    /// UTF-8 bytes of content for each token.
    pub bytes_per_token: f64,
    /// Characters of content for each token.
    pub characters_per_token: f64,
    /// Tokens for each word (fertility).
    pub tokens_per_word: f64,
    /// Tokens of a document.
    pub document_tokens: Quantiles,
}

impl From<&TokenSums> for TokenFigures {
    fn from(sums: &TokenSums) -> Self {
        let ratio = |a: u64, b: u64| if b == 0 { 0.0 } else { a as f64 / b as f64 };
        Self {
            documents: sums.documents,
            characters: sums.characters,
            bytes: sums.bytes,
            words: sums.words,
            tokens: sums.tokens,
            tokens_loss: sums.tokens_loss,
            bytes_per_token: ratio(sums.bytes, sums.tokens),
            characters_per_token: ratio(sums.characters, sums.tokens),
            tokens_per_word: ratio(sums.tokens, sums.words),
            document_tokens: sums.lengths.quantiles(),
        }
    }
}

/// Words of `text`: runs of letters and digits.
#[must_use]
pub fn count_words(text: &str) -> u64 {
    let mut words = 0;
    let mut inside = false;
    for c in text.chars() {
        let letter = c.is_alphanumeric();
        words += u64::from(letter && !inside);
        inside = letter;
    }
    words
}
