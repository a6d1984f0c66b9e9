//! Encodes texts and counts: sums by language that add.

use crate::cmd::Context;
use crate::document::count_characters;
use crate::progress::Unit;
use crate::sample::{Piece, Sample};
use crate::stats::count_words;
use crate::tokenize::{Spelt, Tokenizer};
use crate::units::ratio;
use crate::{interrupt, ordered};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Instant;

/// Bytes of text that a worker gets at once.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes of a text's beginning that are decoded again, to see whether it comes back.
const DECODED_BYTES: usize = 2000;

/// Sums over texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub characters: u64,
    pub bytes: u64,
    pub words: u64,
    pub tokens: u64,
    pub single_byte: u64,
    pub byte_fallback: u64,
}

impl AddAssign<&Sums> for Sums {
    fn add_assign(&mut self, other: &Sums) {
        self.characters += other.characters;
        self.bytes += other.bytes;
        self.words += other.words;
        self.tokens += other.tokens;
        self.single_byte += other.single_byte;
        self.byte_fallback += other.byte_fallback;
    }
}

/// What tokens are to the texts, without BOS and EOS.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// UTF-8 bytes of the texts.
    pub bytes: u64,
    /// Their words: runs of letters and digits.
    pub words: u64,
    /// Tokens.
    pub tokens: u64,
    /// Tokens for each word (fertility).
    pub tokens_per_word: f64,
    /// UTF-8 bytes for each token.
    pub bytes_per_token: f64,
    /// Characters for each token.
    pub characters_per_token: f64,
    /// Share of the tokens that stand for one byte, ASCII signs among them, 0 to 1.
    pub single_byte_share: f64,
    /// Share of the tokens in which a character is cut, 0 to 1.
    pub byte_fallback_share: f64,
}

impl From<&Sums> for Figures {
    fn from(sums: &Sums) -> Self {
        Self {
            bytes: sums.bytes,
            words: sums.words,
            tokens: sums.tokens,
            tokens_per_word: ratio(sums.tokens, sums.words),
            bytes_per_token: ratio(sums.bytes, sums.tokens),
            characters_per_token: ratio(sums.characters, sums.tokens),
            single_byte_share: ratio(sums.single_byte, sums.tokens),
            byte_fallback_share: ratio(sums.byte_fallback, sums.tokens),
        }
    }
}

/// What a tokenizer made of texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    pub by_language: BTreeMap<String, Sums>,
    /// By id, whether a text has it.
    pub used: Vec<bool>,
    /// Texts whose beginning was decoded again, and those that came back.
    pub texts: u64,
    pub given_back: u64,
    /// Seconds of all threads together in the encoder.
    pub seconds: f64,
}

impl Measured {
    /// All languages together.
    pub fn total(&self) -> Sums {
        let mut total = Sums::default();
        for sums in self.by_language.values() {
            total += sums;
        }
        total
    }

    fn add(&mut self, other: &Measured) {
        for (language, sums) in &other.by_language {
            *self.by_language.entry(language.clone()).or_default() += sums;
        }
        self.used.resize(other.used.len(), false);
        for (mine, theirs) in self.used.iter_mut().zip(&other.used) {
            *mine |= theirs;
        }
        self.texts += other.texts;
        self.given_back += other.given_back;
        self.seconds += other.seconds;
    }
}

/// Encodes all of `texts`, about `bytes` of them.
pub(super) fn run(
    tokenizer: &Tokenizer,
    texts: &mut Sample<'_>,
    bytes: u64,
    label: &str,
    context: &Context,
) -> Result<Measured> {
    let marks = Marks::new(tokenizer);
    let batches = std::iter::from_fn(|| {
        let (mut batch, mut size) = (Vec::new(), 0);
        while size < BATCH_BYTES {
            let Some(piece) = texts.next_piece() else {
                break;
            };
            size += piece.text.len();
            batch.push(piece);
        }
        (!batch.is_empty()).then_some(Ok((batch, size as u64)))
    });
    let progress = context.progress(label, Unit::Bytes, Some(bytes));
    let mut measured = Measured::default();
    ordered::map_fold(
        context.threads,
        batches,
        |(batch, size)| Ok((encode(tokenizer, &marks, &batch)?, size)),
        |(new, size)| {
            interrupt::check()?;
            measured.add(&new);
            progress.add(size);
            Ok(())
        },
    )?;
    progress.finish();
    Ok(measured)
}

/// What ids stand for, by id.
pub(super) struct Marks {
    single_byte: Vec<bool>,
    byte_fallback: Vec<bool>,
}

impl Marks {
    pub(super) fn new(tokenizer: &Tokenizer) -> Self {
        let spelt = tokenizer.spelt();
        Self {
            single_byte: spelt.iter().map(Spelt::is_single_byte).collect(),
            byte_fallback: spelt.iter().map(Spelt::is_part_of_character).collect(),
        }
    }
}

pub(super) fn encode(tokenizer: &Tokenizer, marks: &Marks, batch: &[Piece]) -> Result<Measured> {
    let mut measured = Measured {
        used: vec![false; marks.single_byte.len()],
        ..Measured::default()
    };
    let mut ids = Vec::new();
    for piece in batch {
        ids.clear();
        let begin = Instant::now();
        tokenizer.encode_text_into(&piece.text, &mut ids)?;
        measured.seconds += begin.elapsed().as_secs_f64();
        let count = |marks: &[bool]| ids.iter().filter(|id| marks[**id as usize]).count() as u64;
        let sums = Sums {
            characters: count_characters(&piece.text) as u64,
            bytes: piece.text.len() as u64,
            words: count_words(&piece.text),
            tokens: ids.len() as u64,
            single_byte: count(&marks.single_byte),
            byte_fallback: count(&marks.byte_fallback),
        };
        match measured.by_language.get_mut(&*piece.language) {
            Some(found) => *found += &sums,
            None => {
                measured
                    .by_language
                    .insert(piece.language.to_string(), sums);
            }
        }
        for id in &ids {
            measured.used[*id as usize] = true;
        }
        let head = &piece.text[..piece.text.floor_char_boundary(DECODED_BYTES)];
        measured.texts += 1;
        measured.given_back +=
            u64::from(tokenizer.decode(&tokenizer.encode_text(head)?, false) == head);
    }
    Ok(measured)
}
