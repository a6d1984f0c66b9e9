//! Word 13-grams, by a rolling hash.
//!
//! Words are those of the comparison key but for numbers, which stay: in a benchmark of arithmetic all
//! solutions are alike when every number is a 0. For the same reason a gram counts only when at least
//! [`LETTER_WORDS`] of its words have a letter: a row of a table is nobody's text.

use crate::document::Content;
use crate::document::comparison_key::{Numbers, append_key_with};
use xxhash_rust::xxh3::xxh3_64;

/// Words of a gram: GPT-3 (Brown et al. 2020, arXiv 2005.14165, appendix C).
pub const GRAM_WORDS: usize = 13;

/// Words of a gram that must have a letter.
pub const LETTER_WORDS: u32 = 7;

/// An odd base; the polynomial in it, modulo 2^64, tells the order of the words.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// One 13-gram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gram {
    /// 64-bit hash of its words in their order.
    pub hash: u64,
    /// 0-based line of its first word, counted over all pieces of the content.
    pub first_line: u32,
    /// 0-based line of its last word.
    pub last_line: u32,
}

#[derive(Clone, Copy)]
struct Word {
    hash: u64,
    line: u32,
    letters: bool,
}

/// The 13-grams of a content that are mostly words of letters; they run over lines and turns.
pub struct Grams {
    words: Vec<Word>,
    at: usize,
    /// Words with a letter among the last 13.
    letters: u32,
    rolling: u64,
    /// `BASE` to the power of 12: the factor of the word that leaves.
    leaving: u64,
}

impl Grams {
    /// The 13-grams of `content`. Takes 16 bytes a word.
    #[must_use]
    pub fn of(content: &Content) -> Self {
        let mut words = Vec::new();
        let mut key = String::new();
        let mut number = 0;
        for piece in content.pieces() {
            for line in piece.split_inclusive('\n') {
                key.clear();
                append_key_with(line, &mut key, Numbers::Keep);
                let found = key.split(' ').filter(|word| !word.is_empty());
                words.extend(found.map(|word| Word {
                    hash: xxh3_64(word.as_bytes()),
                    line: number,
                    letters: word.contains(char::is_alphabetic),
                }));
                number += 1;
            }
        }
        Self {
            words,
            at: 0,
            letters: 0,
            rolling: 0,
            leaving: BASE.wrapping_pow(GRAM_WORDS as u32 - 1),
        }
    }
}

impl Iterator for Grams {
    type Item = Gram;

    fn next(&mut self) -> Option<Gram> {
        loop {
            let word = *self.words.get(self.at)?;
            if let Some(left) = self.at.checked_sub(GRAM_WORDS) {
                let left = self.words[left];
                self.rolling = self
                    .rolling
                    .wrapping_sub(left.hash.wrapping_mul(self.leaving));
                self.letters -= u32::from(left.letters);
            }
            self.rolling = self.rolling.wrapping_mul(BASE).wrapping_add(word.hash);
            self.letters += u32::from(word.letters);
            self.at += 1;
            if let Some(first) = self.at.checked_sub(GRAM_WORDS)
                && self.letters >= LETTER_WORDS
            {
                return Some(Gram {
                    hash: mixed(self.rolling),
                    first_line: self.words[first].line,
                    last_line: word.line,
                });
            }
        }
    }
}

/// Spreads a hash over all bits (the finalizer of MurmurHash3): a filter takes the low ones.
fn mixed(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
