//! Word 13-grams of the comparison key, by a rolling hash.

use crate::document::Content;
use crate::document::comparison_key::append_key;
use xxhash_rust::xxh3::xxh3_64;

/// Words of a gram: GPT-3 (Brown et al. 2020, arXiv 2005.14165, appendix C).
pub const GRAM_WORDS: usize = 13;

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

/// The 13-grams of a content, one for each word from the 13th on; they run over lines and turns.
pub struct Grams {
    /// Hash and line of each word.
    words: Vec<(u64, u32)>,
    at: usize,
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
                append_key(line, &mut key);
                let hashes = key.split(' ').filter(|word| !word.is_empty());
                words.extend(hashes.map(|word| (xxh3_64(word.as_bytes()), number)));
                number += 1;
            }
        }
        Self {
            words,
            at: 0,
            rolling: 0,
            leaving: BASE.wrapping_pow(GRAM_WORDS as u32 - 1),
        }
    }
}

impl Iterator for Grams {
    type Item = Gram;

    fn next(&mut self) -> Option<Gram> {
        loop {
            let (word, last_line) = *self.words.get(self.at)?;
            if let Some(left) = self.at.checked_sub(GRAM_WORDS) {
                let left = self.words[left].0.wrapping_mul(self.leaving);
                self.rolling = self.rolling.wrapping_sub(left);
            }
            self.rolling = self.rolling.wrapping_mul(BASE).wrapping_add(word);
            self.at += 1;
            if let Some(first) = self.at.checked_sub(GRAM_WORDS) {
                return Some(Gram {
                    hash: mixed(self.rolling),
                    first_line: self.words[first].1,
                    last_line,
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
