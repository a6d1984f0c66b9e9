//! Words to ids, 64 at a time: cache lines, then ids, then one behind the other.
//!
//! The sets of all 64 words in the cache are asked for before the first is read, so that memory answers
//! while others are computed. Words of one class of length are done after each other, not in the order
//! of the text: a branch that asks each word how long it is would often be foreseen wrongly. So ids
//! are found in places of their own first and put behind each other at the end.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

use super::cache::{self, Cache, ELSEWHERE, ID_BITS, LongKey, MOST_IDS, Room};
use super::merge::Scratch;
use super::piece::Model;
use super::simd::Instructions;
use anyhow::Result;
use std::collections::HashMap;

/// Words that are looked up together: one for each bit.
const BATCH: usize = 64;
/// Ids of a word that is found at once, and what is written behind them.
const SLOT: usize = size_of::<cache::Slot>() / 4;
const HALF: usize = SLOT / 2;
/// The bits of an id.
const ID: u32 = (1 << ID_BITS) - 1;

/// The word cache and what fills it.
pub(super) struct Words {
    cache: Cache,
    scratch: Scratch,
    merged: Vec<u32>,
    /// What has no place in the cache.
    rare: Rare,
    /// Kept between pieces, because clearing it takes time that nothing needs.
    batch: Box<Batch>,
}

/// 64 words.
struct Batch {
    begins: [u32; BATCH],
    lens: [u32; BATCH],
    sets: [u32; BATCH],
    keys: [LongKey; BATCH],
    slots: [cache::Slot; BATCH],
    /// Ids one behind the other, with the room of a slot at the end.
    found: [u32; (BATCH + 1) * SLOT],
}

/// The words of a batch by the table that they are in, a bit each.
struct Classes {
    tiny: u64,
    short: u64,
    long: u64,
    wide: u64,
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

/// The places of the bits that are 1.
#[inline(always)]
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| bits.trailing_zeros() as usize % BATCH);
        bits &= bits.wrapping_sub(1);
        place
    })
}

impl Words {
    /// An empty cache.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new() -> Result<Self> {
        Ok(Self {
            cache: Cache::new()?,
            scratch: Scratch::default(),
            merged: Vec::new(),
            rare: Rare::default(),
            batch: Box::new(Batch {
                begins: [0; BATCH],
                lens: [0; BATCH],
                sets: [0; BATCH],
                keys: [[0; 2]; BATCH],
                slots: [[0; SLOT]; BATCH],
                found: [0; (BATCH + 1) * SLOT],
            }),
        })
    }

    /// Appends the ids of the words that begin at `places`, the last of which is the end.
    #[inline(always)]
    pub fn encode<I: Instructions>(
        &mut self,
        piece: &[u8],
        places: &[u32],
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) {
        let mut from = 0;
        while from + 1 < places.len() {
            let places = &places[from..places.len().min(from + BATCH + 1)];
            let classes = self.classes::<I>(places);
            self.ask(piece, &classes);
            self.find::<I>(piece, &classes);
            self.append(piece, places, model, out);
            from += places.len() - 1;
        }
    }

    /// Tells words apart by their lengths.
    #[inline(always)]
    fn classes<I: Instructions>(&mut self, places: &[u32]) -> Classes {
        let Batch { begins, lens, .. } = &mut *self.batch;
        let count = places.len() - 1;
        begins[..count].copy_from_slice(&places[..count]);
        for ((len, begin), end) in lens.iter_mut().zip(&places[..count]).zip(&places[1..]) {
            *len = end - begin;
        }
        let all = u64::MAX >> (BATCH + 1 - places.len());
        let [tiny, short, long] = [cache::TINY, cache::SHORT, cache::LONG]
            .map(|most| I::at_most(lens, most as u32) & all);
        Classes {
            tiny,
            short: short & !tiny,
            long: long & !short,
            wide: all & !long,
        }
    }

    /// Keys and sets of the words that are not tiny; the sets are asked for.
    #[inline(always)]
    fn ask(&mut self, piece: &[u8], classes: &Classes) {
        let (cache, batch) = (&self.cache, &mut *self.batch);
        let (begins, lens) = (&batch.begins, &batch.lens);
        let word = |index: usize| (begins[index] as usize, lens[index] as usize);
        for index in ones(classes.short) {
            let (begin, len) = word(index);
            let key = cache::short_key(piece, begin, len);
            let set = cache::short_set(key);
            cache.prefetch_short(set);
            batch.keys[index][0] = key;
            batch.sets[index] = set;
        }
        for index in ones(classes.long) {
            let (begin, len) = word(index);
            let key = cache::long_key(piece, begin, len);
            let set = cache::long_set(key);
            cache.prefetch_long(set);
            batch.keys[index] = key;
            batch.sets[index] = set;
        }
    }

    /// Ids into the slots. The sets of tiny words are near enough not to be asked for.
    #[inline(always)]
    fn find<I: Instructions>(&mut self, piece: &[u8], classes: &Classes) {
        let (cache, batch) = (&self.cache, &mut *self.batch);
        for index in ones(classes.tiny) {
            let (begin, len) = (batch.begins[index] as usize, batch.lens[index] as usize);
            let key = cache::tiny_key(piece, begin, len);
            cache.tiny::<I>(key, &mut batch.slots[index]);
        }
        for index in ones(classes.short) {
            let (key, set) = (batch.keys[index][0], batch.sets[index]);
            cache.short::<I>(key, set, &mut batch.slots[index]);
        }
        for index in ones(classes.long) {
            let (key, set) = (batch.keys[index], batch.sets[index]);
            cache.long::<I>(key, set, &mut batch.slots[index]);
        }
        for index in ones(classes.wide) {
            batch.slots[index][0] = cache::NOT_HERE;
        }
    }

    /// Appends the ids in the order of the text.
    #[inline(always)]
    fn append(&mut self, piece: &[u8], places: &[u32], model: Model<'_>, out: &mut Vec<u32>) {
        let mut filled = 0;
        for index in 0..(places.len() - 1).min(BATCH) {
            let batch = &mut *self.batch;
            let slot = &batch.slots[index];
            let count = cache::count_of(slot);
            if count == ELSEWHERE {
                out.extend_from_slice(&batch.found[..filled]);
                filled = 0;
                let word = &piece[places[index] as usize..places[index + 1] as usize];
                self.append_slow(word, model, out);
                continue;
            }
            let room = batch.found[filled..].first_chunk_mut::<SLOT>();
            if let (Some(room), [ids, more]) = (room, slot.as_chunks::<HALF>().0)
                && let [first, second] = room.as_chunks_mut::<HALF>().0
            {
                *first = ids.map(|id| id & ID);
                if usize::from(count) > HALF {
                    *second = more.map(|id| id & ID);
                }
            }
            filled += usize::from(count);
        }
        out.extend_from_slice(&self.batch.found[..filled]);
    }

    /// Appends the ids of a word that was not found at once, and keeps them.
    #[cold]
    #[inline(never)]
    fn append_slow(&mut self, word: &[u8], model: Model<'_>, out: &mut Vec<u32>) {
        let mut room: Room = [0; MOST_IDS];
        if let Some(found) = self.cache.more(word, &mut room) {
            return out.extend_from_slice(&room[..found]);
        }
        self.compute(word, model);
        out.extend_from_slice(&self.merged);
        self.cache.keep(word, &self.merged);
    }

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
