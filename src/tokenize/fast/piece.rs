//! Text to ids, a piece of about 16 KiB at a time: spans, then cache lines, then ids.
//!
//! Of 64 spans at a time the sets in the cache are asked for before the first is read, so that memory
//! answers while others are computed. Pieces are cut after a letter and before
//! a blank, where every known pattern begins a new span whatever comes before and after: so masks stay
//! in the first-level cache, and a document of 10 MB needs no more memory than a page.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

use super::super::chunks::{Chunk, Cut};
use super::cache::{self, Cache, LongKey, MOST_IDS};
use super::classes::Classes;
use super::masks::Masks;
use super::merge::{Merges, Scratch};
use super::metaspace::{METASPACE, Metaspace};
use super::patterns::{Pattern, Shape};
use super::simd::{Any, Instructions, Level};
use super::spans::{self, Scan, View};
use super::starts::Starts;
use anyhow::Result;
use std::collections::HashMap;

/// Pieces are cut at the last place before this many bytes.
const PIECE: usize = 16 << 10;
/// Spans that are looked up together.
const BATCH: usize = 64;

/// What a thread needs to encode, kept between texts.
pub(super) struct State {
    level: Level,
    masks: Masks,
    starts: Starts,
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
}

/// Spans to be looked up.
struct Batch {
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
            level: Level::detect(),
            masks: Masks::default(),
            starts: Starts::default(),
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
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512bw")]
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
            Shape::Gpt2 => starts.of::<spans::Gpt2>(piece, masks),
            Shape::Cl100k { digits: 1 } => starts.of::<spans::Cl100k<1>>(piece, masks),
            Shape::Cl100k { digits: 3 } => starts.of::<spans::Cl100k<3>>(piece, masks),
            Shape::Cl100k { .. } => starts.of::<spans::Cl100k<{ usize::MAX }>>(piece, masks),
            Shape::O200k => {
                let view = View::new(piece, masks);
                starts.scanned(piece.len(), |at| spans::O200k::next(&view, at))
            }
        };
        words.encode(piece, places, split.model, out);
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
            words.encode(&first, places, model, out);
            rest = &rest[end..];
        }
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(Cut::BeforeSpaces.end(rest, PIECE));
            rest = after;
            let places = starts.scanned(piece.len(), |at| metaspace.next(piece, at));
            words.encode(piece, places, model, out);
        }
        true
    }
}

impl Words {
    /// Appends the ids of the words that begin at `places`, the last of which is the end.
    #[inline(always)]
    fn encode(&mut self, piece: &[u8], places: &[u32], model: Model<'_>, out: &mut Vec<u32>) {
        let mut batch = Batch {
            sets: [0; BATCH],
            keys: [[0; 2]; BATCH],
        };
        let mut from = 0;
        while from + 1 < places.len() {
            let places = &places[from..places.len().min(from + BATCH + 1)];
            self.ask(piece, places, &mut batch);
            self.answer(piece, places, &batch, model, out);
            from += places.len() - 1;
        }
    }

    /// Keys and sets of the batch; the sets are asked for.
    #[inline(always)]
    fn ask(&self, piece: &[u8], places: &[u32], batch: &mut Batch) {
        for ((place, key_of), set_of) in places.windows(2).zip(&mut batch.keys).zip(&mut batch.sets)
        {
            let (begin, len) = (place[0] as usize, (place[1] - place[0]) as usize);
            if len <= cache::SHORT {
                let key = cache::short_key(piece, begin, len);
                let set = cache::short_set(key);
                self.cache.prefetch_short(set);
                key_of[0] = key;
                *set_of = set;
            } else if len <= cache::LONG {
                let key = cache::long_key(piece, begin, len);
                let set = cache::long_set(key);
                self.cache.prefetch_long(set);
                *key_of = key;
                *set_of = set;
            }
        }
    }

    /// Appends the ids of the batch.
    #[inline(always)]
    fn answer(
        &mut self,
        piece: &[u8],
        places: &[u32],
        batch: &Batch,
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) {
        let mut filled = 0;
        for ((place, &key), &set) in places.windows(2).zip(&batch.keys).zip(&batch.sets) {
            let (begin, len) = (place[0] as usize, (place[1] - place[0]) as usize);
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
        // What fits in the tables is in them, or not known.
        if word.len() > MOST_IDS
            && let Some(ids) = self.rare.words.get(word)
        {
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
