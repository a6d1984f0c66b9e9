//! Words to ids, 64 at a time: cache lines, then ids, then one behind the other.
//!
//! The sets of all 64 words in the cache are asked for before the first is read, so that memory answers
//! while others are computed. Words of one class of length are done after each other, not in the order
//! of the text: a branch that asks each word how long it is would often be foreseen wrongly. So ids
//! are found in places of their own first and put behind each other at the end: eight words at a time,
//! where nearly all have one or two ids, as in English; else a word at a time.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

use super::cache::keys::{self, LongKey, Table, TinyKey, WideKey};
use super::cache::layout::Layout;
use super::cache::{self, Cache, ELSEWHERE, Head, ID_BITS, MOST_IDS, Room};
use super::merge::Scratch;
use super::piece::Model;
use super::simd::Instructions;
use anyhow::Result;
use std::collections::HashMap;

/// Words that are looked up together: one for each bit.
const BATCH: usize = 64;
/// Ids of a word that is found at once, and what is written behind them.
const SLOT: usize = size_of::<cache::Slot>() / 4;
/// Words whose heads are read together.
const HEADS: usize = 8;
/// Ids that are written together.
const EIGHT: usize = 8;
/// From so many words of a batch with more than two ids on it is quicker to take each by itself.
const MANY: u32 = 6;
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
    /// Of each word, as if it were tiny.
    tiny: [TinyKey; BATCH],
    /// Of words of the short and the long table.
    keys: [LongKey; BATCH],
    wide: [WideKey; BATCH],
    /// Of each word; behind the last, what ends the batch.
    heads: [Head; BATCH + HEADS],
    /// Ids of the words that are not tiny.
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
    /// Too long for any.
    longer: u64,
}

/// Words of more than 63 bytes, or of more ids than an entry has room for, such as ruled lines and indents, which also come again.
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
    /// An empty cache for ids of this layout.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(layout: &'static Layout) -> Result<Self> {
        Ok(Self {
            cache: Cache::new(layout)?,
            scratch: Scratch::default(),
            merged: Vec::new(),
            rare: Rare::default(),
            batch: Box::new(Batch {
                begins: [0; BATCH],
                lens: [0; BATCH],
                sets: [0; BATCH],
                tiny: [0; BATCH],
                keys: [[0; 2]; BATCH],
                wide: [[0; 64]; BATCH],
                heads: [cache::NO_HEAD; BATCH + HEADS],
                slots: [[0; SLOT]; BATCH],
                found: [0; (BATCH + 1) * SLOT],
            }),
        })
    }

    /// What tells these words from others.
    #[cfg(test)]
    pub fn place(&self) -> usize {
        std::ptr::from_ref(&*self.batch).addr()
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
            self.read(piece, places);
            let classes = self.classes::<I>(places.len() - 1, model.dense);
            self.ask(piece, &classes);
            self.find::<I>(&classes);
            self.append::<I>(piece, places, model, out);
            from += places.len() - 1;
        }
    }

    /// Places, lengths and tiny keys of all words: as if all were tiny, which is quicker than to ask.
    #[inline(always)]
    fn read(&mut self, piece: &[u8], places: &[u32]) {
        let batch = &mut *self.batch;
        let (begins, lens) = (&mut batch.begins, &mut batch.lens);
        let count = places.len() - 1;
        begins[..count].copy_from_slice(&places[..count]);
        begins[count..].fill(0);
        for ((len, begin), end) in lens.iter_mut().zip(&places[..count]).zip(&places[1..]) {
            *len = end - begin;
        }
        for (eight, begin) in batch.tiny.iter_mut().zip(begins) {
            *eight = keys::eight(piece, *begin as usize);
        }
        for ((key, set), len) in batch.tiny.iter_mut().zip(&mut batch.sets).zip(lens) {
            *key = keys::tiny_key(*key, *len);
            *set = keys::tiny_set(*key);
        }
    }

    /// Tells the words apart by their tables, as [`Table::of`] does.
    #[inline(always)]
    fn classes<I: Instructions>(&self, count: usize, dense: bool) -> Classes {
        let Batch { lens, tiny, .. } = &*self.batch;
        let all = u64::MAX >> (BATCH - count);
        let by = |limits: keys::Limits| limits.map(|most| I::at_most(lens, most));
        let [mut tinies, mut shorts, mut longs] = by(keys::BY_BYTES);
        // Most batches of a text in Latin letters have none.
        let any_foreign = || keys::is_foreign(tiny.iter().fold(0, |all, key| all | key));
        if dense && any_foreign() {
            let foreign = tiny.iter().rev();
            let foreign =
                foreign.fold(0, |bits, key| bits << 1 | u64::from(keys::is_foreign(*key)));
            let [tiny, short, long] = by(self.cache.layout.by_ids);
            tinies = tinies & !foreign | tiny;
            shorts = shorts & !foreign | short;
            longs = longs & !foreign | long;
        }
        let wides = I::at_most(lens, keys::WIDE as u32);
        Classes {
            tiny: tinies & all,
            short: shorts & !tinies & all,
            long: longs & !shorts & all,
            wide: wides & !longs & all,
            longer: !wides & all,
        }
    }

    /// Keys and sets of the words that are not tiny; the sets are asked for. The others are near.
    #[inline(always)]
    fn ask(&mut self, piece: &[u8], classes: &Classes) {
        let (cache, batch) = (&self.cache, &mut *self.batch);
        let (begins, lens) = (&batch.begins, &batch.lens);
        let word = |index: usize| (begins[index] as usize, lens[index] as usize);
        for index in ones(classes.short) {
            let (begin, len) = word(index);
            let key = keys::short_key(piece, begin, len);
            let set = keys::short_set(key);
            cache.prefetch_short(set);
            batch.keys[index][0] = key;
            batch.sets[index] = set;
        }
        for index in ones(classes.long) {
            let (begin, len) = word(index);
            let key = keys::long_key(piece, begin, len);
            let set = keys::long_set(key);
            cache.prefetch_long(set);
            batch.keys[index] = key;
            batch.sets[index] = set;
        }
        for index in ones(classes.wide) {
            let (begin, len) = word(index);
            let key = keys::wide_key(piece, begin, len);
            let set = keys::wide_set(&key);
            cache.prefetch_wide(set);
            batch.wide[index] = key;
            batch.sets[index] = set;
        }
    }

    /// The heads of all words, and the slots of those that are not tiny.
    #[inline(always)]
    fn find<I: Instructions>(&mut self, classes: &Classes) {
        let (cache, batch) = (&self.cache, &mut *self.batch);
        for index in ones(classes.tiny) {
            batch.heads[index] = cache.tiny::<I>(batch.tiny[index], batch.sets[index]);
        }
        for index in ones(classes.short) {
            let (key, set) = (batch.keys[index][0], batch.sets[index]);
            batch.heads[index] = cache.short::<I>(key, set, &mut batch.slots[index]);
        }
        for index in ones(classes.long) {
            let (key, set) = (batch.keys[index], batch.sets[index]);
            batch.heads[index] = cache.long::<I>(key, set, &mut batch.slots[index]);
        }
        for index in ones(classes.wide) {
            let (key, set) = (&batch.wide[index], batch.sets[index]);
            batch.heads[index] = cache.wide::<I>(key, set, &mut batch.slots[index]);
        }
        for index in ones(classes.longer) {
            batch.heads[index] = cache::NO_HEAD;
        }
    }

    /// Appends the ids in the order of the text.
    #[inline(always)]
    fn append<I: Instructions>(
        &mut self,
        piece: &[u8],
        places: &[u32],
        model: Model<'_>,
        out: &mut Vec<u32>,
    ) {
        let count = (places.len() - 1).min(BATCH);
        self.batch.heads[count..].fill(cache::NO_HEAD);
        let heads = self.batch.heads.first_chunk();
        // Those behind the last word have no ids either.
        let many = heads
            .map_or(0, I::many)
            .saturating_sub((BATCH - count) as u32);
        let (mut index, mut filled) = (0, 0);
        while index < count {
            let batch = &mut *self.batch;
            if many < MANY {
                let heads = batch.heads[index..].first_chunk::<HEADS>();
                let room = batch.found[filled..].first_chunk_mut();
                if let (Some(heads), Some(room)) = (heads, room) {
                    let (words, ids) = I::pack(heads, room);
                    filled += ids;
                    index += words;
                    if words == HEADS {
                        continue;
                    }
                }
                if index >= count {
                    break;
                }
            }
            let ids = batch.heads[index][0] >> ID_BITS;
            if ids == u32::from(ELSEWHERE) {
                out.extend_from_slice(&batch.found[..filled]);
                filled = 0;
                let word = &piece[places[index] as usize..places[index + 1] as usize];
                self.append_slow(word, model, out);
                index += 1;
                continue;
            }
            // Eight at once, whatever follows the ids: a branch on their number would be foreseen wrongly.
            let slot = batch.slots[index].as_chunks::<EIGHT>().0;
            let two = batch.heads.as_flattened()[2 * index..].first_chunk::<EIGHT>();
            let room = batch.found[filled..].as_chunks_mut::<EIGHT>().0;
            if let ([first, rest @ ..], Some(two), [room, more @ ..]) = (slot, two, room) {
                let from = if ids > 2 { first } else { two };
                *room = from.map(|id| id & ID);
                if ids > EIGHT as u32 {
                    for (room, ids) in more.iter_mut().zip(rest) {
                        *room = ids.map(|id| id & ID);
                    }
                }
            }
            filled += ids as usize;
            index += 1;
        }
        out.extend_from_slice(&self.batch.found[..filled]);
    }

    /// Appends the ids of a word that was not found at once, and keeps them.
    #[cold]
    #[inline(never)]
    fn append_slow(&mut self, word: &[u8], model: Model<'_>, out: &mut Vec<u32>) {
        let dense = model.dense.then_some(self.cache.layout.by_ids);
        let table = Table::of(word, dense);
        let mut room: Room = [0; MOST_IDS];
        if let Some(table) = table
            && let Some(found) = self.cache.more(word, table, &mut room)
        {
            return out.extend_from_slice(&room[..found]);
        }
        self.compute(word, model);
        out.extend_from_slice(&self.merged);
        if let Some(table) = table {
            self.cache.keep(word, table, &self.merged);
        }
    }

    fn compute(&mut self, word: &[u8], model: Model<'_>) {
        self.merged.clear();
        if let Some(id) = model.whole.get(word) {
            return self.merged.push(*id);
        }
        // What fits in the tables is in them, or not known.
        let [.., most] = self.cache.layout.most();
        if word.len() > most
            && let Some(ids) = self.rare.words.get(word)
        {
            return self.merged.extend_from_slice(ids);
        }
        model
            .merges
            .merge(word, &mut self.scratch, &mut self.merged);
        let cached = word.len() <= keys::WIDE && self.merged.len() <= most;
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
