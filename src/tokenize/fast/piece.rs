//! Text to ids, a piece of about 16 KiB at a time: spans, then cache lines, then ids.
//!
//! Pieces are cut after a letter and before
//! a blank, where every known pattern begins a new span whatever comes before and after: so masks stay
//! in the first-level cache, and a document of 10 MB needs no more memory than a page.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

use super::super::chunks::{Chunk, Cut};
use super::cache::layout::Layout;
use super::classes::Classes;
use super::masks::Masks;
use super::merge::Merges;
use super::metaspace::{METASPACE, Metaspace};
use super::patterns::{Pattern, Shape};
use super::simd::{Any, Instructions, Level};
use super::spans;
use super::starts::Starts;
use super::words::Words;
use anyhow::Result;
use std::collections::HashMap;

/// Pieces are cut at the last place before this many bytes.
const PIECE: usize = 16 << 10;

/// What a thread needs to encode, kept between texts.
pub(super) struct State {
    level: Level,
    masks: Masks,
    starts: Starts,
    pub words: Words,
}

/// What a text has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing in particular.
    Any,
    /// Normalised, because the tokenizer's normaliser would do it.
    Nfc,
}

/// How a text is cut into words, and what they become.
pub(super) struct Split<'a> {
    pub pattern: &'a Pattern,
    pub classes: &'a Classes,
    pub form: Form,
    pub model: Model<'a>,
}

/// A tokenizer's merges, and the words that are a token without them.
#[derive(Clone, Copy)]
pub(super) struct Model<'a> {
    pub merges: &'a Merges,
    pub whole: &'a HashMap<Vec<u8>, u32>,
    /// Whether words in other scripts than Latin have about an id for each two bytes.
    pub dense: bool,
}

impl State {
    /// An empty cache for ids of this layout.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(layout: &'static Layout) -> Result<Self> {
        Ok(Self {
            level: Level::detect(),
            masks: Masks::default(),
            starts: Starts::default(),
            words: Words::new(layout)?,
        })
    }

    /// Appends the ids of `text`. Stops where it is not of this form, and says so.
    pub fn encode(&mut self, text: &str, split: &Split<'_>, out: &mut Vec<u32>) -> bool {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(Cut::AfterLetter.end(rest, PIECE));
            rest = after;
            let right_form = match self.level {
                Level::Any => self.piece::<Any>(piece, split, out),
                // SAFETY: this level was detected.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { self.piece_avx2(piece, split, out) },
                // SAFETY: this level was detected.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => unsafe { self.piece_avx512(piece, split, out) },
            };
            if !right_form {
                return false;
            }
        }
        true
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn piece_avx2(&mut self, piece: &[u8], split: &Split<'_>, out: &mut Vec<u32>) -> bool {
        self.piece::<super::simd::Avx2>(piece, split, out)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512dq,avx512vl")]
    fn piece_avx512(&mut self, piece: &[u8], split: &Split<'_>, out: &mut Vec<u32>) -> bool {
        self.piece::<super::simd::Avx512>(piece, split, out)
    }

    #[inline(always)]
    fn piece<I: Instructions>(
        &mut self,
        piece: &[u8],
        split: &Split<'_>,
        out: &mut Vec<u32>,
    ) -> bool {
        let Self {
            masks,
            starts,
            words,
            ..
        } = self;
        masks.fill::<I>(piece, split.classes, split.pattern.wanted);
        if split.form == Form::Nfc && !is_nfc(piece, &masks.composing) {
            return false;
        }
        let places = match split.pattern.shape {
            Shape::Gpt2 => starts.of::<spans::Gpt2, I>(piece, masks),
            Shape::Cl100k { digits: 1 } => starts.of::<spans::Cl100k<1>, I>(piece, masks),
            Shape::Cl100k { digits: 3 } => starts.of::<spans::Cl100k<3>, I>(piece, masks),
            Shape::Cl100k { .. } => starts.of::<spans::Cl100k<{ usize::MAX }>, I>(piece, masks),
            Shape::O200k => starts.of::<spans::O200k, I>(piece, masks),
        };
        words.encode::<I>(piece, places, split.model, out);
        true
    }
}

impl State {
    /// Appends the ids of a chunk whose words begin at spaces. Refuses a text that holds a "▁": it
    /// would be a space.
    pub fn encode_words(
        &mut self,
        chunk: Chunk,
        metaspace: Metaspace,
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) -> bool {
        match self.level {
            Level::Any => self.words::<Any>(chunk, metaspace, model, out),
            // SAFETY: this level was detected.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { self.words_avx2(chunk, metaspace, model, out) },
            // SAFETY: this level was detected.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { self.words_avx512(chunk, metaspace, model, out) },
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn words_avx2(
        &mut self,
        chunk: Chunk,
        metaspace: Metaspace,
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) -> bool {
        self.words::<super::simd::Avx2>(chunk, metaspace, model, out)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512dq,avx512vl")]
    fn words_avx512(
        &mut self,
        chunk: Chunk,
        metaspace: Metaspace,
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) -> bool {
        self.words::<super::simd::Avx512>(chunk, metaspace, model, out)
    }

    #[inline(always)]
    fn words<I: Instructions>(
        &mut self,
        Chunk { text, first }: Chunk,
        metaspace: Metaspace,
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) -> bool {
        if memchr::memmem::find(
            text.as_bytes(),
            METASPACE.encode_utf8(&mut [0; 4]).as_bytes(),
        )
        .is_some()
        {
            return false;
        }
        let Self { starts, words, .. } = self;
        let mut rest = text.as_bytes();
        if first && metaspace.prepends(text) {
            // The first word with its space is a word like any other.
            let end = if text.starts_with(' ') && metaspace.each {
                0
            } else {
                metaspace.next(rest, 0)
            };
            let mut first = Vec::with_capacity(end + 1);
            first.push(b' ');
            first.extend_from_slice(&rest[..end]);
            let places = starts.scanned(first.len(), |at| metaspace.next(&first, at));
            words.encode::<I>(&first, places, model, out);
            rest = &rest[end..];
        }
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(Cut::BeforeSpaces.end(rest, PIECE));
            rest = after;
            let places = starts.scanned(piece.len(), |at| metaspace.next(piece, at));
            words.encode::<I>(piece, places, model, out);
        }
        true
    }
}

/// Whether NFC leaves `text` alone, given where the characters begin that it may change: each run of
/// them is checked with the character before it, because nothing reaches farther.
fn is_nfc(text: &[u8], composing: &[u32]) -> bool {
    let after = |at: u32| {
        let next = at as usize + 1;
        next + text[next..]
            .iter()
            .take_while(|byte| **byte & 0xC0 == 0x80)
            .count()
    };
    let mut runs = composing.chunk_by(|a, b| after(*a) == *b as usize);
    runs.all(|run| {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return true;
        };
        let mut begin = first.saturating_sub(1) as usize;
        while text[begin] & 0xC0 == 0x80 {
            begin -= 1;
        }
        let end = after(*last);
        str::from_utf8(&text[begin..end]).is_ok_and(unicode_normalization::is_nfc)
    })
}
