//! Words and their ids, for one thread: what makes encoding fast, because text repeats its words.
//!
//! Two tables of 32 MiB, never more. Keys of up to 15 bytes have 32-byte entries with up to five ids,
//! two to a cache line and a set; keys of up to 31 bytes, or with more ids, have a line of their own
//! (18 % of Russian words with their space are longer than 15 bytes, 1 % longer than 31). Keys are
//! stored and compared whole, the length included; a new word overwrites an old one. Memory is asked
//! for in huge pages and touched only where words fall.

use anyhow::{Context, Result};
use memmap2::MmapMut;

/// Longest word in the table of short keys.
pub(super) const SHORT: usize = 15;
/// Longest word in a table at all.
pub(super) const LONG: usize = 31;
/// Most ids of an entry.
pub(super) const MOST_IDS: usize = 10;
/// Ids have 24 bits.
pub(super) const ID_BITS: u32 = 24;

const SHORT_IDS: usize = 5;
/// In place of a number of ids: the entry is in the long table.
const ELSEWHERE: u8 = 0xFF;
const LINE: usize = 64;
/// Lines of each table.
const LINES_LOG2: u32 = 19;

type Line = [u8; LINE];

/// A word as it is stored: its bytes, then its length.
pub(super) type ShortKey = u128;
/// The first 16 bytes, then the rest with the length; a short key is followed by its tag.
pub(super) type LongKey = [u128; 2];

/// The second half of a long key that holds a short one; no length is so large.
const TAG: u128 = 0xFF << 120;

/// Both tables.
pub(super) struct Cache {
    short: MmapMut,
    long: MmapMut,
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

/// The key of `text[at..at + len]`, for `len` up to [`SHORT`].
#[inline]
pub(super) fn short_key(text: &[u8], at: usize, len: usize) -> ShortKey {
    load(text, at) & KEEP[len] | (len as u128) << 120
}

/// The key of `text[at..at + len]`, for `len` from 16 to [`LONG`].
#[inline]
pub(super) fn long_key(text: &[u8], at: usize, len: usize) -> LongKey {
    let rest = load(text, at + 16) & KEEP[len - 16];
    [load(text, at), rest | (len as u128) << 120]
}

/// The 16 bytes from `at` on; 0 after the end of the text.
#[inline]
fn load(text: &[u8], at: usize) -> u128 {
    if let Some((bytes, _)) = text[at..].split_first_chunk::<16>() {
        return u128::from_le_bytes(*bytes);
    }
    let mut bytes = [0; 16];
    let rest = &text[at..];
    bytes[..rest.len()].copy_from_slice(rest);
    u128::from_le_bytes(bytes)
}

#[inline]
fn mix(key: u128, seed: u64) -> u64 {
    let (low, high) = (key as u64, (key >> 64) as u64);
    let product = u128::from(low ^ seed) * u128::from(high ^ 0x9E37_79B9_7F4A_7C15);
    product as u64 ^ (product >> 64) as u64
}

/// The line of a short key.
#[inline]
pub(super) fn short_line(key: ShortKey) -> u32 {
    (mix(key, 0xD6E8_FEB8_6659_FD93) >> (64 - LINES_LOG2)) as u32
}

/// The line of a long key.
#[inline]
pub(super) fn long_line(key: LongKey) -> u32 {
    let hash = mix(key[0], 0xA076_1D64_78BD_642F) ^ mix(key[1], 0xE703_7ED1_A0B4_28DB);
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - LINES_LOG2)) as u32
}

impl Cache {
    /// Empty tables.
    ///
    /// # Errors
    /// When the system has no address space for them.
    pub fn new() -> Result<Self> {
        Ok(Self {
            short: table()?,
            long: table()?,
        })
    }

    /// Asks for the line of a key before it is needed.
    #[inline]
    pub fn prefetch_short(&self, line: u32) {
        prefetch(lines(&self.short), line);
    }

    /// As [`Self::prefetch_short`].
    #[inline]
    pub fn prefetch_long(&self, line: u32) {
        prefetch(lines(&self.long), line);
    }

    /// Writes the ids of a short word to the beginning of `out` and says how many they are.
    #[inline]
    pub fn short(&self, key: ShortKey, line: u32, out: &mut [u32; MOST_IDS]) -> Option<usize> {
        let line = &lines(&self.short)[line as usize];
        let (entries, _) = line.as_chunks::<32>();
        let entry = entries.iter().find(|entry| key_of(entry) == key)?;
        for (index, id) in out[..SHORT_IDS].iter_mut().enumerate() {
            *id = id_at(&entry[16..], index);
        }
        match entry[31] {
            ELSEWHERE => {
                let key = [key, TAG];
                self.long(key, long_line(key), out)
            }
            count => Some(usize::from(count)),
        }
    }

    /// As [`Self::short`] for a long word.
    #[inline]
    pub fn long(&self, key: LongKey, line: u32, out: &mut [u32; MOST_IDS]) -> Option<usize> {
        let entry = &lines(&self.long)[line as usize];
        let (halves, _) = entry.as_chunks::<16>();
        if halves[..2] != [key[0].to_le_bytes(), key[1].to_le_bytes()] {
            return None;
        }
        for (index, id) in out.iter_mut().enumerate() {
            *id = id_at(&entry[32..], index);
        }
        Some(usize::from(entry[63]))
    }

    /// Keeps the ids of a short word; more than [`MOST_IDS`] are not kept.
    pub fn keep_short(&mut self, key: ShortKey, line: u32, ids: &[u32]) {
        if ids.len() > MOST_IDS {
            return;
        }
        let mut value = [0; 16];
        if ids.len() <= SHORT_IDS {
            write_ids(&mut value, ids);
        } else {
            value[15] = ELSEWHERE;
            let key = [key, TAG];
            self.keep_long(key, long_line(key), ids);
        }
        let line = &mut lines_mut(&mut self.short)[line as usize];
        let (entries, _) = line.as_chunks_mut::<32>();
        if let [newer, older] = entries {
            if key_of(newer) != key {
                *older = *newer;
            }
            newer[..16].copy_from_slice(&key.to_le_bytes());
            newer[16..].copy_from_slice(&value);
        }
    }

    /// As [`Self::keep_short`] for a long word.
    pub fn keep_long(&mut self, key: LongKey, line: u32, ids: &[u32]) {
        if ids.len() > MOST_IDS {
            return;
        }
        let entry = &mut lines_mut(&mut self.long)[line as usize];
        entry[..16].copy_from_slice(&key[0].to_le_bytes());
        entry[16..32].copy_from_slice(&key[1].to_le_bytes());
        write_ids(&mut entry[32..], ids);
    }
}

fn table() -> Result<MmapMut> {
    let map = MmapMut::map_anon(LINE << LINES_LOG2).context("no memory for a cache of words")?;
    // Fewer misses of the page table; where the system has no huge pages, small ones will do.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(map)
}

fn lines(map: &[u8]) -> &[Line] {
    map.as_chunks().0
}

fn lines_mut(map: &mut [u8]) -> &mut [Line] {
    map.as_chunks_mut().0
}

#[inline]
fn key_of(entry: &[u8; 32]) -> u128 {
    entry
        .first_chunk()
        .map_or(0, |key| u128::from_le_bytes(*key))
}

/// Id `index` of an entry's value. Its upper byte is the next id's, or the count.
#[inline]
fn id_at(value: &[u8], index: usize) -> u32 {
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
#[inline]
fn prefetch(lines: &[Line], line: u32) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    if let Some(line) = lines.get(line as usize) {
        // SAFETY: a prefetch reads nothing and cannot fault; SSE is a part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch(_: &[Line], _: u32) {}
