//! Words and their ids, for one thread: what makes encoding fast, because text repeats its words.
//!
//! Four tables, 66 MiB and never more. Keys of up to 7 bytes, which are 83 % of English words with their
//! space and 55 % of Russian, have 16-byte entries with up to two ids, four to a cache line and a set
//! (2 MiB): most of what text is made of stays in the second-level cache of a core. Keys of up to 15 bytes
//! have 32-byte entries with up to five ids, two to a line and a set (16 MiB); keys of up to 31 bytes, or with
//! up to ten ids, have a line of their own, two to a set (32 MiB); keys of up to 63 bytes and 20 ids have two
//! lines, two to a set (16 MiB). Where ids have two bytes there is room for 7, 14 and 28 ([`layout`]).
//! 18 % of Russian words with their space are longer than 15 bytes, and the 1 % that are longer than
//! 31 would take as long as all the others if they were merged each time. A tokenizer that knows no
//! Russian makes an id of each two bytes of it: then such words are looked for where their ids have room
//! ([`Layout::by_ids`]). Keys are stored and compared
//! whole, the length included; a new word overwrites the older of its set. Memory is asked for in huge
//! pages and touched only where words fall.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

pub(super) mod keys;
pub(super) mod layout;
#[cfg(test)]
mod tests;

use super::simd::{Any, Instructions};
use anyhow::{Context, Result};
use keys::{
    LONG_LOG2, Line, LongKey, SHORT_LOG2, ShortKey, TINY_LOG2, Table, TinyKey, WIDE_LOG2, WideKey,
    eight, long_key, long_set, short_key, short_set, tiny_key, tiny_set, wide_key, wide_set,
};
use layout::Layout;
use memmap2::MmapMut;

/// Most ids of an entry of any layout.
pub(super) const MOST_IDS: usize = 28;
/// Ids of any entry.
pub(super) type Room = [u32; MOST_IDS];
/// Ids of an entry, the upper byte of the first being how many they are, or [`ELSEWHERE`]. The upper bytes
/// of the others say nothing, and they are written a group at a time, as eight.
pub(super) type Slot = [u32; 32];

/// The first two ids of a word, and in the upper byte of the first how many it has, or [`ELSEWHERE`]. For
/// most words it is all there is to know; else the ids are in a slot.
pub(super) type Head = [u32; 2];

/// The head of a word whose ids are elsewhere.
pub(super) const NO_HEAD: Head = [NOT_HERE, 0];

/// What says that the ids of a slot are elsewhere.
pub(super) const NOT_HERE: u32 = (ELSEWHERE as u32) << ID_BITS;

/// How many ids a slot has, or [`ELSEWHERE`].
#[inline(always)]
pub(super) fn count_of(slot: &Slot) -> u8 {
    (slot[0] >> ID_BITS) as u8
}

/// Ids have 24 bits.
pub(super) const ID_BITS: u32 = 24;

/// In place of a number of ids: they are in the next larger table, or not known.
pub(super) const ELSEWHERE: u8 = 0xFF;

/// The four tables.
pub(super) struct Cache {
    /// Sets of four keys and their four values: two ids, and how many they are above the first.
    tiny: MmapMut,
    short: MmapMut,
    long: MmapMut,
    wide: MmapMut,
    pub layout: &'static Layout,
}

impl Cache {
    /// Empty tables for ids of this layout.
    ///
    /// # Errors
    /// When the system has no address space for them.
    pub fn new(layout: &'static Layout) -> Result<Self> {
        Ok(Self {
            tiny: table(64 << TINY_LOG2)?,
            short: table(64 << SHORT_LOG2)?,
            long: table(128 << LONG_LOG2)?,
            wide: table(256 << WIDE_LOG2)?,
            layout,
        })
    }

    /// Asks for the set of a key before it is needed.
    #[inline(always)]
    pub fn prefetch_short(&self, set: u32) {
        prefetch(&self.short, set as usize * 64);
    }

    /// As [`Self::prefetch_short`].
    #[inline(always)]
    pub fn prefetch_long(&self, set: u32) {
        prefetch(&self.long, set as usize * 128);
        prefetch(&self.long, set as usize * 128 + 64);
    }

    /// As [`Self::prefetch_short`].
    #[inline(always)]
    pub fn prefetch_wide(&self, set: u32) {
        for line in 0..4 {
            prefetch(&self.wide, set as usize * 256 + line * 64);
        }
    }

    /// The head of a tiny word.
    #[inline(always)]
    pub fn tiny<I: Instructions>(&self, key: TinyKey, set: u32) -> Head {
        let (lanes, _) = set_of::<64, { 1 << TINY_LOG2 }>(&self.tiny, set).as_chunks::<8>();
        match lanes.first_chunk() {
            Some(set) => I::value_of(key, set),
            None => NO_HEAD,
        }
    }

    /// The head of a short word, whose ids are written to `slot`.
    #[inline(always)]
    pub fn short<I: Instructions>(&self, key: ShortKey, set: u32, slot: &mut Slot) -> Head {
        let (entries, _) = set_of::<64, { 1 << SHORT_LOG2 }>(&self.short, set).as_chunks::<32>();
        let (entry, is_here) = one_of(entries, |entry| key_of(entry) ^ key);
        self.group::<I>(&entry[16..], 0, slot);
        slot[0] |= if is_here { 0 } else { NOT_HERE };
        head_of(slot)
    }

    /// As [`Self::short`] for a long word.
    #[inline(always)]
    pub fn long<I: Instructions>(&self, key: LongKey, set: u32, slot: &mut Slot) -> Head {
        let (entries, _) = set_of::<128, { 1 << LONG_LOG2 }>(&self.long, set).as_chunks::<64>();
        let (entry, is_here) = one_of(entries, |entry| {
            let [first, second] = long_key_of(entry);
            (first ^ key[0]) | (second ^ key[1])
        });
        self.group::<I>(&entry[32..], 0, slot);
        self.group::<I>(&entry[32..], 1, slot);
        counted(slot, entry[63], is_here)
    }

    /// As [`Self::short`] for a wide word.
    #[inline(always)]
    pub fn wide<I: Instructions>(&self, key: &WideKey, set: u32, slot: &mut Slot) -> Head {
        let (entries, _) = set_of::<256, { 1 << WIDE_LOG2 }>(&self.wide, set).as_chunks::<128>();
        let (wanted, _) = key.as_chunks::<16>();
        let (entry, is_here) = one_of(entries, |entry| {
            let (parts, _) = entry[..64].as_chunks::<16>();
            parts.iter().zip(wanted).fold(0, |differs, (a, b)| {
                differs | (u128::from_le_bytes(*a) ^ u128::from_le_bytes(*b))
            })
        });
        let value = &entry[64..];
        for group in 0..4 {
            self.group::<I>(value, group, slot);
        }
        counted(slot, value[63], is_here)
    }

    /// Writes the ids of a group of an entry's value.
    #[inline(always)]
    fn group<I: Instructions>(&self, value: &[u8], group: usize, slot: &mut Slot) {
        let Layout {
            width,
            group: ids,
            places,
            ..
        } = self.layout;
        let value = value[width * ids * group..].first_chunk();
        let slot = slot[ids * group..].first_chunk_mut();
        if let (Some(value), Some(slot)) = (value, slot) {
            I::ids(value, places, slot);
        }
    }

    /// Writes the ids of a word, which its own table does not have itself, to the beginning of `out`, and
    /// says how many they are.
    pub fn more(&self, word: &[u8], table: Table, out: &mut Room) -> Option<usize> {
        let len = word.len();
        match table {
            Table::Tiny => self.more_of_tiny(word, out),
            Table::Short => self.more_of_short(word, short_key(word, 0, len), out),
            Table::Long => self.more_of_long(word, long_key(word, 0, len), out),
            Table::Wide => None,
        }
    }

    // In these only an entry of the key itself says that there is more.

    fn more_of_tiny(&self, word: &[u8], out: &mut Room) -> Option<usize> {
        let key = tiny_key(eight(word, 0), word.len() as u32);
        let (sets, _) = self.tiny.as_chunks::<64>();
        let (lanes, _) = sets[tiny_set(key) as usize].as_chunks::<8>();
        let place = (0..4).find(|place| lanes[*place] == key.to_le_bytes())?;
        if lanes[4 + place][3] != ELSEWHERE {
            return None;
        }
        let (key, mut slot) = (short_key(word, 0, word.len()), Slot::default());
        self.short::<Any>(key, short_set(key), &mut slot);
        copy(&slot, out).or_else(|| self.more_of_short(word, key, out))
    }

    fn more_of_short(&self, word: &[u8], key: ShortKey, out: &mut Room) -> Option<usize> {
        let (sets, _) = self.short.as_chunks::<64>();
        let (entries, _) = sets[short_set(key) as usize].as_chunks::<32>();
        let entry = entries.iter().find(|entry| key_of(entry) == key)?;
        if entry[31] != ELSEWHERE {
            return None;
        }
        let (key, mut slot) = (long_key(word, 0, word.len()), Slot::default());
        self.long::<Any>(key, long_set(key), &mut slot);
        copy(&slot, out).or_else(|| self.more_of_long(word, key, out))
    }

    fn more_of_long(&self, word: &[u8], key: LongKey, out: &mut Room) -> Option<usize> {
        let (sets, _) = self.long.as_chunks::<128>();
        let (entries, _) = sets[long_set(key) as usize].as_chunks::<64>();
        let entry = entries.iter().find(|entry| long_key_of(entry) == key)?;
        if entry[63] != ELSEWHERE {
            return None;
        }
        let (key, mut slot) = (wide_key(word, 0, word.len()), Slot::default());
        self.wide::<Any>(&key, wide_set(&key), &mut slot);
        copy(&slot, out)
    }

    /// Keeps the ids of a word of this table, or in a larger one if it has no room for them; more than
    /// there is room for in any are not kept.
    pub fn keep(&mut self, word: &[u8], table: Table, ids: &[u32]) {
        let [.., most] = self.layout.most();
        match table {
            _ if ids.len() > most => {}
            Table::Tiny => self.keep_tiny(word, ids),
            Table::Short => self.keep_short(word, ids),
            Table::Long => self.keep_long(word, ids),
            Table::Wide => self.keep_wide(word, ids),
        }
    }

    fn keep_tiny(&mut self, word: &[u8], ids: &[u32]) {
        let key = tiny_key(eight(word, 0), word.len() as u32);
        let value = match ids {
            [] => 0,
            [one] => 1 << ID_BITS | u64::from(*one),
            [one, two] => u64::from(*two) << 32 | 2 << ID_BITS | u64::from(*one),
            more => {
                self.keep_short(word, more);
                u64::from(NOT_HERE)
            }
        };
        let (sets, _) = self.tiny.as_chunks_mut::<64>();
        let (lanes, _) = sets[tiny_set(key) as usize].as_chunks_mut::<8>();
        let (keys, values) = lanes.split_at_mut(4);
        // The oldest of the set goes, or what there is for this key.
        let same = keys.iter().position(|kept| *kept == key.to_le_bytes());
        let oldest = same.unwrap_or(keys.len() - 1);
        keys.copy_within(..oldest, 1);
        values.copy_within(..oldest, 1);
        keys[0] = key.to_le_bytes();
        values[0] = value.to_le_bytes();
    }

    fn keep_short(&mut self, word: &[u8], ids: &[u32]) {
        let key = short_key(word, 0, word.len());
        let mut value = [0; 16];
        let [most, ..] = self.layout.most();
        if ids.len() <= most {
            self.layout.write(&mut value, ids);
        } else {
            value[15] = ELSEWHERE;
            self.keep_long(word, ids);
        }
        let (sets, _) = self.short.as_chunks_mut::<64>();
        let (entries, _) = sets[short_set(key) as usize].as_chunks_mut::<32>();
        if let [newer, older] = entries {
            if key_of(newer) != key {
                *older = *newer;
            }
            newer[..16].copy_from_slice(&key.to_le_bytes());
            newer[16..].copy_from_slice(&value);
        }
    }

    fn keep_long(&mut self, word: &[u8], ids: &[u32]) {
        let key = long_key(word, 0, word.len());
        let mut value = [0; 32];
        let [_, most, _] = self.layout.most();
        if ids.len() <= most {
            self.layout.write(&mut value, ids);
        } else {
            value[31] = ELSEWHERE;
            self.keep_wide(word, ids);
        }
        let (sets, _) = self.long.as_chunks_mut::<128>();
        let (entries, _) = sets[long_set(key) as usize].as_chunks_mut::<64>();
        if let [newer, older] = entries {
            if long_key_of(newer) != key {
                *older = *newer;
            }
            newer[..16].copy_from_slice(&key[0].to_le_bytes());
            newer[16..32].copy_from_slice(&key[1].to_le_bytes());
            newer[32..].copy_from_slice(&value);
        }
    }

    fn keep_wide(&mut self, word: &[u8], ids: &[u32]) {
        let key = wide_key(word, 0, word.len());
        let (sets, _) = self.wide.as_chunks_mut::<256>();
        let (entries, _) = sets[wide_set(&key) as usize].as_chunks_mut::<128>();
        if let [newer, older] = entries {
            if newer[..64] != key {
                *older = *newer;
            }
            newer[..64].copy_from_slice(&key);
            self.layout.write(&mut newer[64..], ids);
        }
    }
}

/// Puts the number of the ids of a slot above the first, and gives its head.
#[inline(always)]
fn counted(slot: &mut Slot, count: u8, is_here: bool) -> Head {
    let count = if is_here {
        u32::from(count) << ID_BITS
    } else {
        NOT_HERE
    };
    slot[0] = slot[0] & ((1 << ID_BITS) - 1) | count;
    head_of(slot)
}

/// The first two ids of a slot.
#[inline(always)]
fn head_of(slot: &Slot) -> Head {
    [slot[0], slot[1]]
}

fn table(bytes: usize) -> Result<MmapMut> {
    let map = MmapMut::map_anon(bytes).context("no memory for a cache of words")?;
    // Fewer misses of the page table; where the system has no huge pages, small ones will do.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(map)
}

#[inline(always)]
fn key_of(entry: &[u8; 32]) -> u128 {
    entry
        .first_chunk()
        .map_or(0, |key| u128::from_le_bytes(*key))
}

#[inline(always)]
fn long_key_of(entry: &Line) -> LongKey {
    let (parts, _) = entry.as_chunks::<16>();
    [u128::from_le_bytes(parts[0]), u128::from_le_bytes(parts[1])]
}

/// A set of a table of `SETS`, which every set number is below.
#[inline(always)]
fn set_of<const BYTES: usize, const SETS: usize>(table: &[u8], set: u32) -> &[u8; BYTES] {
    const { assert!(SETS.is_power_of_two()) };
    // The length is compared once for a loop, not for each word.
    assert!(table.len() == BYTES * SETS);
    &table.as_chunks::<BYTES>().0[set as usize % SETS]
}

/// The one of two entries whose key differs by nothing, or the second, and whether it is that. Without a
/// branch: which of them it is cannot be foreseen.
#[inline(always)]
fn one_of<const N: usize>(
    entries: &[[u8; N]],
    differs: impl Fn(&[u8; N]) -> u128,
) -> (&[u8; N], bool) {
    let (first, second) = (differs(&entries[0]) == 0, differs(&entries[1]) == 0);
    (&entries[usize::from(!first)], first | second)
}

/// The ids of a slot to the beginning of `out`, and how many they are, if they are here.
fn copy(slot: &Slot, out: &mut Room) -> Option<usize> {
    for (id, from) in out.iter_mut().zip(slot) {
        *id = from & ((1 << ID_BITS) - 1);
    }
    let count = count_of(slot);
    (count != ELSEWHERE).then_some(usize::from(count))
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch(table: &[u8], at: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    if let Some(byte) = table.get(at) {
        // SAFETY: a prefetch reads nothing and cannot fault; SSE is a part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn prefetch(_: &[u8], _: usize) {}
