//! What texts are compared by: lower-case words and runs of signs, or the tokens of a tokenizer, hashed.
//!
//! Words are those of DSIR's `wordpunct`: `\w+|[^\w\s]+` in lower case (Xie et al. 2023,
//! <https://arxiv.org/abs/2302.03169>).

use super::divergence::PLACES;
use crate::document::Document;
use crate::tokenize::Tokenizer;
use anyhow::Result;
use xxhash_rust::xxh3::xxh3_64;

/// How a text is cut.
pub enum Cut {
    /// Into words.
    Words,
    /// Into the tokens of this tokenizer.
    Tokens {
        /// It encodes.
        tokenizer: Box<Tokenizer>,
        /// What each id stands for.
        spelt: Vec<String>,
    },
}

impl Cut {
    /// Into the tokens of `tokenizer`.
    #[must_use]
    pub fn by(tokenizer: Tokenizer) -> Self {
        let spelt = tokenizer.spelt().into_iter();
        let spelt = spelt.map(|token| String::from_utf8_lossy(&token.bytes).into_owned());
        Self::Tokens {
            spelt: spelt.collect(),
            tokenizer: Box::new(tokenizer),
        }
    }

    /// Calls `each` with every word of the document, and its hash.
    ///
    /// # Errors
    /// When a text cannot be encoded.
    pub fn for_each(&self, document: &Document, mut each: impl FnMut(&str, u64)) -> Result<()> {
        for piece in document.content.pieces() {
            match self {
                Self::Words => words(piece, &mut each),
                Self::Tokens { tokenizer, spelt } => {
                    for id in tokenizer.encode_text(piece)? {
                        let token = spelt.get(id as usize).map_or("", String::as_str);
                        each(token, of_token(id));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The hash of a token. Its lower bits are the id, so that no two tokens share a place of
/// [`super::divergence`].
fn of_token(id: u32) -> u64 {
    let lower = PLACES as u64 - 1;
    xxh3_64(&id.to_le_bytes()) & !lower | u64::from(id) & lower
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Word,
    Sign,
}

fn class(c: char) -> Class {
    if c.is_alphanumeric() || c == '_' {
        Class::Word
    } else if c.is_whitespace() {
        Class::Space
    } else {
        Class::Sign
    }
}

fn words(text: &str, each: &mut impl FnMut(&str, u64)) {
    let (mut word, mut last) = (String::new(), Class::Space);
    let mut end = |word: &mut String| {
        if !word.is_empty() {
            each(word, xxh3_64(word.as_bytes()));
            word.clear();
        }
    };
    for c in text.chars() {
        let class = class(c);
        if class != last {
            end(&mut word);
            last = class;
        }
        match class {
            Class::Space => {}
            Class::Sign => word.push(c),
            Class::Word => word.extend(c.to_lowercase()),
        }
    }
    end(&mut word);
}

/// The hash of a pair of words, in which the order counts.
#[must_use]
pub fn pair(first: u64, second: u64) -> u64 {
    let mut x = first.rotate_left(23) ^ second.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_signs_are_told_apart_and_case_is_folded() {
        let mut found = Vec::new();
        words("Ёж, don't — «СТОЙ»?! x_1", &mut |word, _| {
            found.push(word.to_owned());
        });
        assert_eq!(
            found,
            ["ёж", ",", "don", "'", "t", "—", "«", "стой", "»?!", "x_1"]
        );
        assert_ne!(pair(1, 2), pair(2, 1));
    }
}
