//! Text to ids, a piece of about 16 KiB at a time: spans, then cache lines, then ids.
//!
//! Spans are found 64 at a time and the sets of all of them in the cache asked for before the first is
//! read, so that memory answers while others are computed. Pieces are cut after a letter and before
//! a blank, where every known pattern begins a new span whatever comes before and after: so masks stay
//! in the first-level cache, and a document of 10 MB needs no more memory than a page.

use super::super::chunks::{Chunk, Cut};
use super::cache::{self, Cache, LongKey, MOST_IDS};
use super::classes::Classes;
use super::masks::Masks;
use super::merge::{Merges, Scratch};
use super::metaspace::{METASPACE, Metaspace};
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
    /// What has no place in the cache.
    rare: Rare,
    /// Ids of a batch that are not yet appended; kept because clearing it costs 4 %.
    found: Box<[u32; (BATCH + 1) * MOST_IDS]>,
}

/// Words of more than 63 bytes or 21 ids, such as ruled lines and indents, which also come again.
#[derive(Default)]
struct Rare {
    words: HashMap<Box<[u8]>, Box<[u32]>>,
    /// Bytes of the words and their ids.
    held: usize,
}

/// All rare words are forgotten when they hold so many bytes.
const RARE_BYTES: usize = 4 << 20;
/// Longer words are not kept at all.
const RARE_LONGEST: usize = 4 << 10;

/// What a text has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing in particular.
    Any,
    /// Normalised, because the tokenizer's normaliser would do it.
    Nfc,
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
    sets: [u32; BATCH],
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
                rare: Rare::default(),
                found: Box::new([0; (BATCH + 1) * MOST_IDS]),
            },
        })
    }

    /// Appends the ids of `text`. Stops where it is not of this form, and says so.
    pub fn encode(
        &mut self,
        text: &str,
        pattern: &Pattern,
        model: Model<'_>,
        (classes, form): (&Classes, Form),
        out: &mut Vec<u32>,
    ) -> bool {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(Cut::AfterLetter.end(rest, PIECE));
            rest = after;
            self.masks.fill(piece, classes, pattern.wanted);
            if form == Form::Nfc && !is_nfc(piece, &self.masks.composing) {
                return false;
            }
            let view = View::new(piece, &self.masks);
            let words = &mut self.words;
            match pattern.shape {
                Shape::Gpt2 => words.encode(piece, |at| spans::Gpt2::next(&view, at), model, out),
                Shape::Cl100k { digits: 1 } => {
                    words.encode(piece, |at| spans::Cl100k::<1>::next(&view, at), model, out);
                }
                Shape::Cl100k { digits: 3 } => {
                    words.encode(piece, |at| spans::Cl100k::<3>::next(&view, at), model, out);
                }
                Shape::Cl100k { .. } => {
                    let next = spans::Cl100k::<{ usize::MAX }>::next;
                    words.encode(piece, |at| next(&view, at), model, out);
                }
                Shape::O200k => words.encode(piece, |at| spans::O200k::next(&view, at), model, out),
            }
        }
        true
    }
}

impl State {
    /// Appends the ids of a chunk whose words begin at spaces. Refuses a text that holds a "▁": it
    /// would be a space.
    pub fn encode_words(
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
        let words = &mut self.words;
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
            words.encode(&first, |at| metaspace.next(&first, at), model, out);
            rest = &rest[end..];
        }
        words.encode(rest, |at| metaspace.next(rest, at), model, out);
        true
    }
}

impl Words {
    fn encode(
        &mut self,
        piece: &[u8],
        next: impl Fn(usize) -> usize,
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) {
        let mut batch = Batch {
            begins: [0; BATCH],
            lens: [0; BATCH],
            sets: [0; BATCH],
            keys: [[0; 2]; BATCH],
        };
        let mut at = 0;
        while at < piece.len() {
            let mut count = 0;
            while count < BATCH && at < piece.len() {
                let end = next(at);
                batch.begins[count] = at as u32;
                batch.lens[count] = (end - at) as u32;
                count += 1;
                at = end;
            }
            self.ask(piece, &mut batch, count);
            self.answer(piece, &batch, count, model, out);
        }
    }

    /// Keys and sets of the batch; the sets are asked for.
    fn ask(&self, piece: &[u8], batch: &mut Batch, count: usize) {
        for index in 0..count {
            let (begin, len) = (batch.begins[index] as usize, batch.lens[index] as usize);
            if len <= cache::SHORT {
                let key = cache::short_key(piece, begin, len);
                let set = cache::short_set(key);
                self.cache.prefetch_short(set);
                batch.keys[index][0] = key;
                batch.sets[index] = set;
            } else if len <= cache::LONG {
                let key = cache::long_key(piece, begin, len);
                let set = cache::long_set(key);
                self.cache.prefetch_long(set);
                batch.keys[index] = key;
                batch.sets[index] = set;
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
        let mut filled = 0;
        for index in 0..count {
            let (begin, len) = (batch.begins[index] as usize, batch.lens[index] as usize);
            let (key, set) = (batch.keys[index], batch.sets[index]);
            let Some(free) = self.found[filled..].first_chunk_mut::<MOST_IDS>() else {
                break;
            };
            let found = if len <= cache::SHORT {
                self.cache.short(key[0], set, free)
            } else if len <= cache::LONG {
                self.cache.long(key, set, free)
            } else if len <= cache::WIDE {
                let key = cache::wide_key(&piece[begin..begin + len]);
                self.cache.wide(&key, free)
            } else {
                None
            };
            if let Some(found) = found {
                filled += found;
                continue;
            }
            self.compute(&piece[begin..begin + len], model);
            if len <= cache::SHORT {
                self.cache.keep_short(key[0], set, &self.merged);
            } else if len <= cache::LONG {
                self.cache.keep_long(key, set, &self.merged);
            } else if len <= cache::WIDE {
                let key = cache::wide_key(&piece[begin..begin + len]);
                self.cache.keep_wide(&key, &self.merged);
            }
            out.extend_from_slice(&self.found[..filled]);
            out.extend_from_slice(&self.merged);
            filled = 0;
        }
        out.extend_from_slice(&self.found[..filled]);
    }

    #[cold]
    #[inline(never)]
    fn compute(&mut self, word: &[u8], model: Model<'_>) {
        self.merged.clear();
        if let Some(id) = model.whole.get(word) {
            return self.merged.push(*id);
        }
        if let Some(ids) = self.rare.words.get(word) {
            return self.merged.extend_from_slice(ids);
        }
        model
            .merges
            .merge(word, &mut self.scratch, &mut self.merged);
        let cached = word.len() <= cache::WIDE && self.merged.len() <= MOST_IDS;
        if !cached && word.len() <= RARE_LONGEST {
            self.rare.keep(word, &self.merged);
        }
    }
}

impl Rare {
    fn keep(&mut self, word: &[u8], ids: &[u32]) {
        if self.held > RARE_BYTES {
            *self = Self::default();
        }
        self.held += word.len() + size_of_val(ids);
        self.words.insert(word.into(), ids.into());
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
