//! Token statistics: plain sums that add, and the figures that follow from them.

use crate::lengths::{Lengths, Quantiles};
use crate::tokenize::compare;
use crate::units::ratio;
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
///
/// Every token of a run is counted by this, so 64 bytes of ASCII and Cyrillic are told at once.
#[must_use]
pub fn count_words(text: &str) -> u64 {
    let mut words = Words::default();
    let (blocks, rest) = text.as_bytes().as_chunks::<64>();
    for (at, block) in (0..).step_by(64).zip(blocks) {
        words.add(block, text, at);
    }
    let mut padded = [0; 64];
    padded[..rest.len()].copy_from_slice(rest);
    words.add(&padded, text, 64 * blocks.len());
    words.count
}

/// Words counted so far, 64 bytes after 64.
#[derive(Default)]
struct Words {
    count: u64,
    /// Whether the last byte was a letter's or a digit's.
    inside: bool,
    /// Bytes of the next block that end a letter or digit of this one, a bit each.
    carried: u64,
}

impl Words {
    /// Adds the block of `text` that begins at byte `at`.
    #[inline]
    fn add(&mut self, block: &[u8; 64], text: &str, at: usize) {
        let found = compare(block);
        // U+0400 to U+047F are all letters; a pair that goes on in the next block is looked up.
        let pairs = found.d0 & (u64::MAX >> 1);
        let mut letters = found.letter | found.number | pairs | pairs << 1 | self.carried;
        self.carried = 0;
        let mut others = found.lead & !pairs;
        while others != 0 {
            let place = others.trailing_zeros();
            others &= others - 1;
            let next = text[at + place as usize..].chars().next();
            // General punctuation: dashes, quotes, ellipses.
            let plain = matches!(next, Some('\u{2000}'..='\u{206F}'));
            if let Some(next) = next.filter(|next| !plain && next.is_alphanumeric()) {
                let bits = ((1_u128 << next.len_utf8()) - 1) << place;
                letters |= bits as u64;
                self.carried |= (bits >> 64) as u64;
            }
        }
        let starts = letters & !(letters << 1 | u64::from(self.inside));
        self.count += u64::from(starts.count_ones());
        self.inside = letters >> 63 != 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_as_the_classes_of_unicode_have_them() {
        let all: String = (0..=0x2_FFFF_u32).filter_map(char::from_u32).collect();
        let mixed: String = all.chars().flat_map(|c| [c, ' ', 'я', c, '—']).collect();
        for text in [
            all.as_str(),
            mixed.as_str(),
            "Ёж, 25 ёлок… и ещё 3,14 — «да»",
            "",
            "½ x² ªº",
            "слова1 и слова, a b c d e f g h 12345678 абвгдежз\u{ad}и ёж, ёлка — «1½ 语言 ქართ ا𐐀»",
        ]
        .iter()
        .flat_map(|text| (0..=text.len().min(80)).filter_map(|at| text.get(at..)))
        {
            let starts = text
                .chars()
                .scan(false, |inside, c| {
                    let start = c.is_alphanumeric() && !*inside;
                    *inside = c.is_alphanumeric();
                    Some(start)
                })
                .filter(|start| *start);
            assert_eq!(count_words(text), starts.count() as u64);
        }
    }
}
