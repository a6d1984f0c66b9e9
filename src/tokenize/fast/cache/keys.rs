//! Words as keys of the tables: their bytes, then their length, so that the keys of two words differ.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

/// Longest word in the table of tiny keys.
pub(in super::super) const TINY: usize = 7;
/// Longest word in the table of short keys.
pub(in super::super) const SHORT: usize = 15;
/// Longest word in the table of long keys.
pub(in super::super) const LONG: usize = 31;
/// Longest word in a table at all.
pub(in super::super) const WIDE: usize = 63;
/// Sets of the tables: a line, a line, two lines, and four lines.
pub(in super::super) const TINY_LOG2: u32 = 15;
pub(in super::super) const SHORT_LOG2: u32 = 18;
pub(in super::super) const LONG_LOG2: u32 = 18;
pub(in super::super) const WIDE_LOG2: u32 = 16;

/// The table of a word: the smallest that has room for its bytes, and as a rule for its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Table {
    Tiny,
    Short,
    Long,
    Wide,
}

/// The most bytes of words of the tiny, short and long tables.
pub(in super::super) type Limits = [u32; 3];
/// By the bytes that they have room for.
pub(in super::super) const BY_BYTES: Limits = [TINY as u32, SHORT as u32, LONG as u32];

/// Whether a word with this tiny key is one of those that a tokenizer of another script than its own
/// makes many ids of: its first or second byte is not ASCII.
#[inline(always)]
pub(in super::super) fn is_foreign(key: TinyKey) -> bool {
    key & 0x8080 != 0
}

impl Table {
    /// The table of `word`; `dense` are those of foreign words, if these have about an id for each two
    /// bytes.
    pub fn of(word: &[u8], dense: Option<Limits>) -> Option<Self> {
        let dense = dense.filter(|_| is_foreign(tiny_key(eight(word, 0), word.len() as u32)));
        let limits = dense.unwrap_or(BY_BYTES);
        let [tiny, short, long] = limits.map(|most| word.len() <= most as usize);
        match word.len() {
            _ if tiny => Some(Self::Tiny),
            _ if short => Some(Self::Short),
            _ if long => Some(Self::Long),
            ..=WIDE => Some(Self::Wide),
            _ => None,
        }
    }
}

pub(in super::super) type Line = [u8; 64];

/// A word as it is stored: its bytes, then its length.
pub(in super::super) type TinyKey = u64;
/// As [`TinyKey`].
pub(in super::super) type ShortKey = u128;
/// The first 16 bytes, then the rest with the length; a short key is followed by its tag.
pub(in super::super) type LongKey = [u128; 2];

/// The second half of a long key that holds a short one; no length is so large.
const TAG: u128 = 0xFF << 120;

/// A word of up to 63 bytes, zeros, and its length.
pub(in super::super) type WideKey = Line;

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

/// The key of a word of `len` bytes, up to [`TINY`], that begins with these eight.
#[inline(always)]
pub(in super::super) fn tiny_key(eight: u64, len: u32) -> TinyKey {
    eight & 1_u64.unbounded_shl(8 * len).wrapping_sub(1) | u64::from(len) << 56
}

/// The set of a tiny key: on the highest bits of the product every bit of the key has a say.
#[inline(always)]
pub(in super::super) fn tiny_set(key: TinyKey) -> u32 {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - TINY_LOG2)) as u32
}

/// The eight bytes from `at` on; 0 after the end of the text.
#[inline(always)]
pub(in super::super) fn eight(text: &[u8], at: usize) -> u64 {
    match text[at..].split_first_chunk::<8>() {
        Some((bytes, _)) => u64::from_le_bytes(*bytes),
        None => load(text, at) as u64,
    }
}

/// The key of `text[at..at + len]`, for `len` up to [`SHORT`].
#[inline(always)]
pub(in super::super) fn short_key(text: &[u8], at: usize, len: usize) -> ShortKey {
    load(text, at) & KEEP[len] | (len as u128) << 120
}

/// The key of `text[at..at + len]`, for `len` up to [`LONG`].
#[inline(always)]
pub(in super::super) fn long_key(text: &[u8], at: usize, len: usize) -> LongKey {
    if len <= SHORT {
        return [short_key(text, at, len), TAG];
    }
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
pub(in super::super) fn short_set(key: ShortKey) -> u32 {
    (mix(key, 0xD6E8_FEB8_6659_FD93) >> (64 - SHORT_LOG2)) as u32
}

/// The set of a long key.
#[inline(always)]
pub(in super::super) fn long_set(key: LongKey) -> u32 {
    let hash = mix(key[0], 0xA076_1D64_78BD_642F) ^ mix(key[1], 0xE703_7ED1_A0B4_28DB);
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - LONG_LOG2)) as u32
}

/// The key of a word of up to [`WIDE`] bytes. A smaller key is at its beginning: its length or tag in the
/// middle keeps it apart from others, whose own length is at the end.
#[inline(always)]
pub(in super::super) fn wide_key(text: &[u8], at: usize, len: usize) -> WideKey {
    let mut key = [0; 64];
    if len <= LONG {
        let [first, second] = long_key(text, at, len);
        key[..16].copy_from_slice(&first.to_le_bytes());
        key[16..32].copy_from_slice(&second.to_le_bytes());
    } else {
        key[..len].copy_from_slice(&text[at..at + len]);
        key[63] = len as u8;
    }
    key
}

/// The set of a wide key.
#[inline(always)]
pub(in super::super) fn wide_set(key: &WideKey) -> u32 {
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
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - WIDE_LOG2)) as u32
}
