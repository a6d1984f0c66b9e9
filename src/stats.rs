//! Token statistics: plain sums that add, and the figures that follow from them.

use crate::eight_bytes::{HIGH, ascii_digits, ascii_letters, cyrillic_leads};
use crate::lengths::{Lengths, Quantiles};
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
/// Every token of a run is counted by this, so eight bytes of ASCII and Cyrillic are told at once.
#[must_use]
pub fn count_words(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let (mut words, mut inside, mut at) = (0, false, 0);
    while at < bytes.len() {
        let eight = bytes[at..].first_chunk().copied().map(u64::from_le_bytes);
        if let Some((letters, length)) = eight.and_then(alphanumeric) {
            // The high bit of a byte is the lowest of the first byte's place for the next one.
            let after_letters = letters << 8 | u64::from(inside) << 7;
            words += u64::from((letters & !after_letters).count_ones());
            inside = letters >> (8 * length - 1) & 1 != 0;
            at += length;
            continue;
        }
        let end = at + 8;
        while at < end && at < bytes.len() {
            let letter = match ALPHANUMERIC[usize::from(bytes[at])] {
                Told::Yes(length) => {
                    at += length;
                    true
                }
                Told::No => {
                    at += 1;
                    false
                }
                Told::Ask => {
                    let next = text[at..].chars().next();
                    at += next.map_or(1, char::len_utf8);
                    // General punctuation: dashes, quotes, ellipses.
                    let plain = matches!(next, Some('\u{2000}'..='\u{206F}'));
                    !plain && next.is_some_and(char::is_alphanumeric)
                }
            };
            words += u64::from(letter && !inside);
            inside = letter;
        }
    }
    words
}

/// The high bit of each of eight bytes that is of a letter or a digit, and how many of the bytes are whole
/// characters; nothing if they hold more than ASCII and U+0400 to U+047F.
#[inline]
fn alphanumeric(eight: u64) -> Option<(u64, usize)> {
    let letters = ascii_letters(eight) | ascii_digits(eight);
    let high = eight & HIGH;
    if high == 0 {
        return Some((letters, 8));
    }
    let leads = cyrillic_leads(eight);
    // What is not of such a pair is of another character.
    (high == leads | leads << 8).then(|| {
        let cut = leads >> 63;
        ((letters | high) & (u64::MAX >> (8 * cut)), 8 - cut as usize)
    })
}

/// What the first byte of a character says of its being a letter or a digit.
#[derive(Clone, Copy)]
enum Told {
    /// It is one, of so many bytes.
    Yes(usize),
    /// It is none, of one byte.
    No,
    /// The whole character has to be looked at.
    Ask,
}

static ALPHANUMERIC: [Told; 256] = {
    let mut table = [Told::Ask; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = if (byte as u8).is_ascii_alphanumeric() {
            Told::Yes(1)
        } else {
            Told::No
        };
        byte += 1;
    }
    // U+0400 to U+047F are all letters.
    table[0xd0] = Told::Yes(2);
    table[0xd1] = Told::Yes(2);
    table
};

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
            "слова1 и слова, a b c d e f g h 12345678 абвгдежз\u{ad}и ёж",
        ]
        .iter()
        .flat_map(|text| (0..=text.len().min(40)).filter_map(|at| text.get(at..)))
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
