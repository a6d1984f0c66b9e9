//! Words and their ids, for one thread: what makes encoding fast, because text repeats its words.
//!
//! Four tables, 66 MiB and never more. Keys of up to 7 bytes, which are 83 % of English words with their
//! space and 55 % of Russian, have 16-byte entries with up to two ids, four to a cache line and a set
//! (2 MiB): most of what text is made of stays in the second-level cache of a core. Keys of up to 15 bytes
//! have 32-byte entries with up to five ids, two to a line and a set (16 MiB); keys of up to 31 bytes, or with up to ten ids, have a
//! line of their own, two to a set (32 MiB); keys of up to 63 bytes and 21 ids have two lines (16 MiB).
//! 18 % of Russian words with their space are longer than 15 bytes, and the 1 % that are longer than
//! 31 would take as long as all the others if they were merged each time. Keys are stored and compared
//! whole, the length included; a new word overwrites the older of its set. Memory is asked for in huge
//! pages and touched only where words fall.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

use super::simd::{Any, Instructions};
use anyhow::{Context, Result};
use memmap2::MmapMut;

/// Longest word in the table of tiny keys.
pub(super) const TINY: usize = 7;
/// Longest word in the table of short keys.
pub(super) const SHORT: usize = 15;
/// Longest word in the table of long keys.
pub(super) const LONG: usize = 31;
/// Longest word in a table at all.
pub(super) const WIDE: usize = 63;
/// Most ids of an entry.
pub(super) const MOST_IDS: usize = 21;
/// Ids of any entry.
pub(super) type Room = [u32; MOST_IDS];
/// Ids of a tiny, short or long entry, the upper byte of the first being how many they are, or
/// [`ELSEWHERE`]. The upper bytes of the others say nothing, and they are written five at a time, as eight.
pub(super) type Slot = [u32; 16];

/// What says that the ids of a slot are elsewhere.
pub(super) const NOT_HERE: u32 = (ELSEWHERE as u32) << ID_BITS;

/// How many ids a slot has, or [`ELSEWHERE`].
#[inline(always)]
pub(super) fn count_of(slot: &Slot) -> u8 {
    (slot[0] >> ID_BITS) as u8
}
/// Ids have 24 bits.
pub(super) const ID_BITS: u32 = 24;

const SHORT_IDS: usize = 5;
const LONG_IDS: usize = 10;
/// In place of a number of ids: they are in the next larger table, or not known.
pub(super) const ELSEWHERE: u8 = 0xFF;
/// Sets of the tables: a line, a line, two lines, and two lines that are one entry.
const TINY_LOG2: u32 = 15;
const SHORT_LOG2: u32 = 18;
const LONG_LOG2: u32 = 18;
const WIDE_LOG2: u32 = 17;

type Line = [u8; 64];

/// A word as it is stored: its bytes, then its length.
pub(super) type TinyKey = u64;
/// As [`TinyKey`].
pub(super) type ShortKey = u128;
/// The first 16 bytes, then the rest with the length; a short key is followed by its tag.
pub(super) type LongKey = [u128; 2];

/// The second half of a long key that holds a short one; no length is so large.
const TAG: u128 = 0xFF << 120;

/// A word of up to 63 bytes, zeros, and its length.
pub(super) type WideKey = Line;

/// The four tables.
pub(super) struct Cache {
    /// Sets of four keys and their four values: two ids, and how many they are above the first.
    tiny: MmapMut,
    short: MmapMut,
    long: MmapMut,
    wide: MmapMut,
}

/// Masks that keep the first n bytes of a `u128`.
const KEEP: [u128; 16] = {
    let mut keep = [0; 16];
    let mut n = 0;
    while n < 16 {
        keep[n] = (1 << (8 * n)) - 1;
        n += 1;
    }
    keep
};

/// The key of `text[at..at + len]`, for `len` up to [`TINY`].
#[inline(always)]
pub(super) fn tiny_key(text: &[u8], at: usize, len: usize) -> TinyKey {
    let bytes = match text[at..].split_first_chunk::<8>() {
        Some((bytes, _)) => u64::from_le_bytes(*bytes),
        None => load(text, at) as u64,
    };
    bytes & ((1 << (8 * len)) - 1) | (len as u64) << 56
}

/// The set of a tiny key.
#[inline(always)]
pub(super) fn tiny_set(key: TinyKey) -> u32 {
    // The upper half of the product alone hardly depends on the last letters.
    let product = u128::from(key) * 0x9E37_79B9_7F4A_7C15;
    ((product as u64 ^ (product >> 64) as u64) >> (64 - TINY_LOG2)) as u32
}

/// The key of `text[at..at + len]`, for `len` up to [`SHORT`].
#[inline(always)]
pub(super) fn short_key(text: &[u8], at: usize, len: usize) -> ShortKey {
    load(text, at) & KEEP[len] | (len as u128) << 120
}

/// The key of `text[at..at + len]`, for `len` from 16 to [`LONG`].
#[inline(always)]
pub(super) fn long_key(text: &[u8], at: usize, len: usize) -> LongKey {
    let rest = load(text, at + 16) & KEEP[len - 16];
    [load(text, at), rest | (len as u128) << 120]
}

/// The 16 bytes from `at` on; 0 after the end of the text.
#[inline(always)]
fn load(text: &[u8], at: usize) -> u128 {
    if let Some((bytes, _)) = text[at..].split_first_chunk::<16>() {
        return u128::from_le_bytes(*bytes);
    }
    let mut bytes = [0; 16];
    let rest = &text[at..];
    bytes[..rest.len()].copy_from_slice(rest);
    u128::from_le_bytes(bytes)
}

#[inline(always)]
fn mix(key: u128, seed: u64) -> u64 {
    let (low, high) = (key as u64, (key >> 64) as u64);
    let product = u128::from(low ^ seed) * u128::from(high ^ 0x9E37_79B9_7F4A_7C15);
    product as u64 ^ (product >> 64) as u64
}

/// The set of a short key.
#[inline(always)]
pub(super) fn short_set(key: ShortKey) -> u32 {
    (mix(key, 0xD6E8_FEB8_6659_FD93) >> (64 - SHORT_LOG2)) as u32
}

/// The set of a long key.
#[inline(always)]
pub(super) fn long_set(key: LongKey) -> u32 {
    let hash = mix(key[0], 0xA076_1D64_78BD_642F) ^ mix(key[1], 0xE703_7ED1_A0B4_28DB);
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - LONG_LOG2)) as u32
}

impl Cache {
    /// Empty tables.
    ///
    /// # Errors
    /// When the system has no address space for them.
    pub fn new() -> Result<Self> {
        Ok(Self {
            tiny: table(64 << TINY_LOG2)?,
            short: table(64 << SHORT_LOG2)?,
            long: table(128 << LONG_LOG2)?,
            wide: table(128 << WIDE_LOG2)?,
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

    /// Writes the ids of a tiny word to `slot`.
    #[inline(always)]
    pub fn tiny<I: Instructions>(&self, key: TinyKey, slot: &mut Slot) {
        let set = tiny_set(key);
        let (lanes, _) = set_of::<64, { 1 << TINY_LOG2 }>(&self.tiny, set).as_chunks::<8>();
        let (Some(keys), Some(values)) = (lanes.first_chunk::<4>(), lanes.last_chunk::<4>()) else {
            return;
        };
        let (place, is_here) = I::place_of(key, keys);
        let value = u64::from_le_bytes(values[place]);
        let value = if is_here { value } else { u64::from(NOT_HERE) };
        [slot[0], slot[1]] = [value as u32, (value >> 32) as u32];
    }

    /// As [`Self::tiny`] for a short word.
    #[inline(always)]
    pub fn short<I: Instructions>(&self, key: ShortKey, set: u32, slot: &mut Slot) {
        let (entries, _) = set_of::<64, { 1 << SHORT_LOG2 }>(&self.short, set).as_chunks::<32>();
        let (entry, is_here) = one_of(entries, |entry| key_of(entry) ^ key);
        five::<I>(&entry[16..], 0, slot);
        slot[0] |= if is_here { 0 } else { NOT_HERE };
    }

    /// As [`Self::tiny`] for a long word.
    #[inline(always)]
    pub fn long<I: Instructions>(&self, key: LongKey, set: u32, slot: &mut Slot) {
        let (entries, _) = set_of::<128, { 1 << LONG_LOG2 }>(&self.long, set).as_chunks::<64>();
        let (entry, is_here) = one_of(entries, |entry| {
            let [first, second] = long_key_of(entry);
            (first ^ key[0]) | (second ^ key[1])
        });
        // The count is behind the second five.
        five::<I>(&entry[32..], 0, slot);
        five::<I>(&entry[32..], 1, slot);
        let count = if is_here {
            u32::from(entry[63]) << ID_BITS
        } else {
            NOT_HERE
        };
        slot[0] = slot[0] & ((1 << ID_BITS) - 1) | count;
    }

    /// Writes the ids of a word whose own table has none to the beginning of `out`, and says how many
    /// they are.
    pub fn more(&self, word: &[u8], out: &mut Room) -> Option<usize> {
        match word.len() {
            ..=TINY => self.more_of_tiny(tiny_key(word, 0, word.len()), out),
            8..=SHORT => self.more_of_short(short_key(word, 0, word.len()), out),
            16..=LONG => self.more_of_long(long_key(word, 0, word.len()), out),
            32..=WIDE => self.wide(&wide_key(word), out),
            _ => None,
        }
    }

    // In these only an entry of the key itself says that there is more.

    fn more_of_tiny(&self, key: TinyKey, out: &mut Room) -> Option<usize> {
        let (sets, _) = self.tiny.as_chunks::<64>();
        let (lanes, _) = sets[tiny_set(key) as usize].as_chunks::<8>();
        let place = (0..4).find(|place| lanes[*place] == key.to_le_bytes())?;
        if lanes[4 + place][3] != ELSEWHERE {
            return None;
        }
        let (key, mut slot) = (short_of(key), Slot::default());
        self.short::<Any>(key, short_set(key), &mut slot);
        copy(&slot, out).or_else(|| self.more_of_short(key, out))
    }

    fn more_of_short(&self, key: ShortKey, out: &mut Room) -> Option<usize> {
        let (sets, _) = self.short.as_chunks::<64>();
        let (entries, _) = sets[short_set(key) as usize].as_chunks::<32>();
        let entry = entries.iter().find(|entry| key_of(entry) == key)?;
        if entry[31] != ELSEWHERE {
            return None;
        }
        let (key, mut slot) = ([key, TAG], Slot::default());
        self.long::<Any>(key, long_set(key), &mut slot);
        copy(&slot, out).or_else(|| self.more_of_long(key, out))
    }

    fn more_of_long(&self, key: LongKey, out: &mut Room) -> Option<usize> {
        let (sets, _) = self.long.as_chunks::<128>();
        let (entries, _) = sets[long_set(key) as usize].as_chunks::<64>();
        let entry = entries.iter().find(|entry| long_key_of(entry) == key)?;
        if entry[63] != ELSEWHERE {
            return None;
        }
        self.wide(&wide_of(key), out)
    }

    fn wide(&self, key: &WideKey, out: &mut Room) -> Option<usize> {
        let (entries, _) = self.wide.as_chunks::<128>();
        let (stored, value) = entries[wide_entry(key)].split_at(64);
        if stored != key {
            return None;
        }
        for (index, id) in out.iter_mut().enumerate() {
            *id = id_at(value, index);
        }
        Some(usize::from(value[63]))
    }

    /// Keeps the ids of a word; more than [`MOST_IDS`], and longer words than [`WIDE`], are not kept.
    pub fn keep(&mut self, word: &[u8], ids: &[u32]) {
        match word.len() {
            _ if ids.len() > MOST_IDS => {}
            ..=TINY => self.keep_tiny(tiny_key(word, 0, word.len()), ids),
            8..=SHORT => self.keep_short(short_key(word, 0, word.len()), ids),
            16..=LONG => self.keep_long(long_key(word, 0, word.len()), ids),
            32..=WIDE => self.keep_wide(&wide_key(word), ids),
            _ => {}
        }
    }

    fn keep_tiny(&mut self, key: TinyKey, ids: &[u32]) {
        let value = match ids {
            [] => 0,
            [one] => 1 << ID_BITS | u64::from(*one),
            [one, two] => u64::from(*two) << 32 | 2 << ID_BITS | u64::from(*one),
            more => {
                self.keep_short(short_of(key), more);
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

    fn keep_short(&mut self, key: ShortKey, ids: &[u32]) {
        let mut value = [0; 16];
        if ids.len() <= SHORT_IDS {
            write_ids(&mut value, ids);
        } else {
            value[15] = ELSEWHERE;
            self.keep_long([key, TAG], ids);
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

    fn keep_long(&mut self, key: LongKey, ids: &[u32]) {
        let mut value = [0; 32];
        if ids.len() <= LONG_IDS {
            write_ids(&mut value, ids);
        } else {
            value[31] = ELSEWHERE;
            self.keep_wide(&wide_of(key), ids);
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

    fn keep_wide(&mut self, key: &WideKey, ids: &[u32]) {
        let (entries, _) = self.wide.as_chunks_mut::<128>();
        let (stored, value) = entries[wide_entry(key)].split_at_mut(64);
        stored.copy_from_slice(key);
        write_ids(value, ids);
    }
}

/// A tiny key as a short one.
#[inline(always)]
fn short_of(key: TinyKey) -> ShortKey {
    u128::from(key & ((1 << 56) - 1)) | u128::from(key >> 56) << 120
}

/// The key of a word of more than [`LONG`] and at most [`WIDE`] bytes.
pub(super) fn wide_key(word: &[u8]) -> WideKey {
    let mut key = [0; 64];
    key[..word.len()].copy_from_slice(word);
    key[63] = word.len() as u8;
    key
}

/// A smaller key as a wide one. The tag or the length in the middle keeps it apart from others: a
/// wide word has more than 31 bytes, and its own length at the end.
fn wide_of(key: LongKey) -> WideKey {
    let mut wide = [0; 64];
    wide[..16].copy_from_slice(&key[0].to_le_bytes());
    wide[16..32].copy_from_slice(&key[1].to_le_bytes());
    wide
}

/// The entry of a wide key.
fn wide_entry(key: &WideKey) -> usize {
    let (parts, _) = key.as_chunks::<16>();
    let seeds = [
        0xD6E8_FEB8_6659_FD93,
        0xA076_1D64_78BD_642F,
        0xE703_7ED1_A0B4_28DB,
        0x8EBC_6AF0_9C88_C6E3,
    ];
    let hash = parts.iter().zip(seeds).fold(0, |hash, (part, seed)| {
        hash ^ mix(u128::from_le_bytes(*part), seed)
    });
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - WIDE_LOG2)) as usize
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

/// Writes ids `5 * group` to `5 * group + 4` of an entry's value.
#[inline(always)]
fn five<I: Instructions>(value: &[u8], group: usize, slot: &mut Slot) {
    let value = value[15 * group..].first_chunk::<16>();
    let slot = slot[SHORT_IDS * group..].first_chunk_mut::<8>();
    if let (Some(value), Some(slot)) = (value, slot) {
        I::five_ids(value, slot);
    }
}

/// The ids of a slot to the beginning of `out`, and how many they are, if they are here.
fn copy(slot: &Slot, out: &mut Room) -> Option<usize> {
    for (id, from) in out.iter_mut().zip(slot) {
        *id = from & ((1 << ID_BITS) - 1);
    }
    let count = count_of(slot);
    (count != ELSEWHERE).then_some(usize::from(count))
}

/// Id `index` of an entry's value. Its upper byte is the next id's, or the count.
#[inline(always)]
pub(super) fn id_at(value: &[u8], index: usize) -> u32 {
    let bytes = value[3 * index..].first_chunk().copied();
    bytes.map_or(0, u32::from_le_bytes) & ((1 << ID_BITS) - 1)
}

/// Ids of three bytes each, and their number in the last byte.
fn write_ids(value: &mut [u8], ids: &[u32]) {
    value.fill(0);
    for (id, bytes) in ids.iter().zip(value.chunks_exact_mut(3)) {
        bytes.copy_from_slice(&id.to_le_bytes()[..3]);
    }
    if let Some(last) = value.last_mut() {
        *last = ids.len() as u8;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Many more words than fit, of all lengths and numbers of ids: what is found is right.
    #[test]
    fn an_overfull_cache_forgets_and_never_errs() {
        let mut cache = Cache::new().unwrap();
        let word = |number: u32| {
            let len = [3, 9, 15, 16, 24, 31, 32, 63][number as usize % 8];
            let mut word = format!("{number:x}").into_bytes();
            word.resize(len.max(word.len()), b'.');
            let ids = (0..=number / 8 % MOST_IDS as u32).map(|id| number ^ id << 19);
            (word, ids.collect::<Vec<_>>())
        };
        let get = |cache: &Cache, word: &[u8]| {
            let mut slot = [0; 16];
            let mut ids = [0; MOST_IDS];
            match word.len() {
                ..=TINY => cache.tiny::<Any>(tiny_key(word, 0, word.len()), &mut slot),
                8..=SHORT => {
                    let key = short_key(word, 0, word.len());
                    cache.short::<Any>(key, short_set(key), &mut slot);
                }
                16..=LONG => {
                    let key = long_key(word, 0, word.len());
                    cache.long::<Any>(key, long_set(key), &mut slot);
                }
                _ => slot[0] = NOT_HERE,
            }
            let count = copy(&slot, &mut ids).or_else(|| cache.more(word, &mut ids))?;
            Some(ids[..count].to_vec())
        };
        let many = 1_500_000;
        for number in 0..many {
            let (word, ids) = word(number);
            cache.keep(&word, &ids);
            assert_eq!(get(&cache, &word), Some(ids));
        }
        let mut found = 0;
        for number in 0..many {
            let (word, ids) = word(number);
            if let Some(kept) = get(&cache, &word) {
                assert_eq!(kept, ids, "{number}");
                found += 1;
            }
        }
        assert!(found > 200_000 && found < many, "{found}");
    }

    #[test]
    fn keys_of_words_at_the_end_of_a_text_are_those_of_any_place() {
        for len in 0..=LONG {
            let word = &b"abcdefghijklmnopqrstuvwxyzABCDE"[..len];
            let text = [word, &[b'.'; 40]].concat();
            if len <= TINY {
                assert_eq!(tiny_key(word, 0, len), tiny_key(&text, 0, len));
            }
            if len <= SHORT {
                assert_eq!(short_key(word, 0, len), short_key(&text, 0, len));
            } else {
                assert_eq!(long_key(word, 0, len), long_key(&text, 0, len));
            }
        }
    }
}
