//! Text to ids, a piece of about 16 KiB at a time: spans, then cache lines, then ids.
//!
//! Spans are found 64 at a time and the cache lines of all of them asked for before the first is
//! read, so that memory answers while others are computed. Pieces are cut after a letter and before
//! a blank, where every known pattern begins a new span whatever comes before and after: so masks stay
//! in the first-level cache, and a document of 10 MB needs no more memory than a page.

use super::cache::{self, Cache, LongKey, MOST_IDS};
use super::classes::Classes;
use super::masks::Masks;
use super::merge::{Merges, Scratch};
use super::patterns::{Pattern, Shape};
use super::spans::{self, Scan, View};
use anyhow::Result;
use std::collections::HashMap;

/// Pieces are cut at the last place before this many bytes.
const PIECE: usize = 16 << 10;
/// Spans that are looked up together.
const BATCH: usize = 64;

/// What a thread needs to encode, kept between texts.
pub(super) struct State {
    masks: Masks,
    words: Words,
}

/// The word cache and what fills it.
struct Words {
    cache: Cache,
    scratch: Scratch,
    merged: Vec<u32>,
}

/// A tokenizer's merges, and the words that are a token without them.
#[derive(Clone, Copy)]
pub(super) struct Model<'a> {
    pub merges: &'a Merges,
    pub whole: &'a HashMap<Vec<u8>, u32>,
}

/// Spans to be looked up.
struct Batch {
    begins: [u32; BATCH],
    lens: [u32; BATCH],
    lines: [u32; BATCH],
    keys: [LongKey; BATCH],
}

impl State {
    /// An empty cache.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new() -> Result<Self> {
        Ok(Self {
            masks: Masks::default(),
            words: Words {
                cache: Cache::new()?,
                scratch: Scratch::default(),
                merged: Vec::new(),
            },
        })
    }

    /// Appends the ids of `text`. Stops where a character's class is in `refused`, and says so.
    pub fn encode(
        &mut self,
        text: &str,
        pattern: &Pattern,
        model: Model<'_>,
        (classes, refused): (&Classes, u8),
        out: &mut Vec<u32>,
    ) -> bool {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(piece_end(rest));
            rest = after;
            self.masks.fill(piece, classes, pattern.wanted);
            if self.masks.seen & refused != 0 {
                return false;
            }
            let view = View::new(piece, &self.masks);
            let words = &mut self.words;
            match pattern.shape {
                Shape::Gpt2 => words.encode::<spans::Gpt2>(piece, &view, model, out),
                Shape::Cl100k { digits: 1 } => {
                    words.encode::<spans::Cl100k<1>>(piece, &view, model, out);
                }
                Shape::Cl100k { .. } => {
                    words.encode::<spans::Cl100k<3>>(piece, &view, model, out);
                }
                Shape::O200k => words.encode::<spans::O200k>(piece, &view, model, out),
            }
        }
        true
    }
}

impl Words {
    fn encode<S: Scan>(
        &mut self,
        piece: &[u8],
        view: &View<'_>,
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) {
        let mut batch = Batch {
            begins: [0; BATCH],
            lens: [0; BATCH],
            lines: [0; BATCH],
            keys: [[0; 2]; BATCH],
        };
        let mut at = 0;
        while at < piece.len() {
            let mut count = 0;
            while count < BATCH && at < piece.len() {
                let end = S::next(view, at);
                batch.begins[count] = at as u32;
                batch.lens[count] = (end - at) as u32;
                count += 1;
                at = end;
            }
            self.ask(piece, &mut batch, count);
            self.answer(piece, &batch, count, model, out);
        }
    }

    /// Keys and lines of the batch; the lines are asked for.
    fn ask(&self, piece: &[u8], batch: &mut Batch, count: usize) {
        for index in 0..count {
            let (begin, len) = (batch.begins[index] as usize, batch.lens[index] as usize);
            if len <= cache::SHORT {
                let key = cache::short_key(piece, begin, len);
                let line = cache::short_line(key);
                self.cache.prefetch_short(line);
                batch.keys[index][0] = key;
                batch.lines[index] = line;
            } else if len <= cache::LONG {
                let key = cache::long_key(piece, begin, len);
                let line = cache::long_line(key);
                self.cache.prefetch_long(line);
                batch.keys[index] = key;
                batch.lines[index] = line;
            }
        }
    }

    /// Appends the ids of the batch.
    fn answer(
        &mut self,
        piece: &[u8],
        batch: &Batch,
        count: usize,
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) {
        let mut ids = [0; (BATCH + 1) * MOST_IDS];
        let mut filled = 0;
        for index in 0..count {
            let (begin, len) = (batch.begins[index] as usize, batch.lens[index] as usize);
            let (key, line) = (batch.keys[index], batch.lines[index]);
            let Some(free) = ids[filled..].first_chunk_mut::<MOST_IDS>() else {
                break;
            };
            let found = if len <= cache::SHORT {
                self.cache.short(key[0], line, free)
            } else if len <= cache::LONG {
                self.cache.long(key, line, free)
            } else {
                None
            };
            if let Some(found) = found {
                filled += found;
                continue;
            }
            self.compute(&piece[begin..begin + len], model);
            if len <= cache::SHORT {
                self.cache.keep_short(key[0], line, &self.merged);
            } else if len <= cache::LONG {
                self.cache.keep_long(key, line, &self.merged);
            }
            out.extend_from_slice(&ids[..filled]);
            out.extend_from_slice(&self.merged);
            filled = 0;
        }
        out.extend_from_slice(&ids[..filled]);
    }

    #[cold]
    #[inline(never)]
    fn compute(&mut self, word: &[u8], model: Model<'_>) {
        self.merged.clear();
        match model.whole.get(word) {
            Some(id) => self.merged.push(*id),
            None => model
                .merges
                .merge(word, &mut self.scratch, &mut self.merged),
        }
    }
}

/// Where the first piece of `text` ends: after a letter and before a blank, or at the end.
fn piece_end(text: &[u8]) -> usize {
    if text.len() <= PIECE {
        return text.len();
    }
    let cut = |at: &usize| {
        let letter = text[at - 1].is_ascii_alphabetic() || text[at - 2] & 0xFE == 0xD0;
        letter && matches!(text[*at], b' ' | b'\n')
    };
    (2..PIECE)
        .rev()
        .find(cut)
        .or_else(|| (PIECE..text.len()).find(cut))
        .unwrap_or(text.len())
}
