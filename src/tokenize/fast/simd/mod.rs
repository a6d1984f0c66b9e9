//! The instructions that the fast path is compiled for, chosen once when a thread begins.
//!
//! x86-64 alone has SSE2 and no count of trailing zeros; nearly every machine has AVX2 or AVX-512, with
//! which comparing 64 bytes is two or one instruction. The whole loop over a text is compiled for each, since
//! what is not inlined would be called as often as it works.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::cache::{Head, ID_BITS, NO_HEAD};
use super::masks::Block;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

/// The bits of an id.
const ID: u32 = (1 << ID_BITS) - 1;

/// A set of instructions.
pub(super) trait Instructions {
    /// What comparisons alone say of 64 bytes.
    fn compare<const CASED: bool>(block: &[u8; 64]) -> Block;
    /// The places of the bits that are 1, counted from `first`; what is behind them says nothing.
    fn places(bits: u64, first: u32, out: &mut [u32; 64]);
    /// A bit for each number that is at most `most`.
    fn at_most(numbers: &[u32; 64], most: u32) -> u64;
    /// What a set of four keys and their values has for `key`, or [`NO_HEAD`].
    fn value_of(key: u64, set: &[[u8; 8]; 8]) -> Head;
    /// Eight numbers, whose bytes are those at these places of `value`; -1 is 0.
    fn ids(value: &[u8; 16], places: &[i8; 32], out: &mut [u32; 8]);
    /// Puts the ids of words behind each other, up to the first word that has more than two. Returns how
    /// many words and ids these are; what is behind the ids says nothing.
    fn pack(heads: &[Head; 8], out: &mut [u32; 16]) -> (usize, usize);
    /// How many of the words have more than two ids.
    fn many(heads: &[Head; 64]) -> u32;
}

/// Sets of instructions, the later the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Any,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best that this machine has.
    #[cfg(target_arch = "x86_64")]
    pub fn detect() -> Self {
        let old = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        let new = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        match (old, new) {
            (true, true) => Self::Avx512,
            (true, false) => Self::Avx2,
            _ => Self::Any,
        }
    }

    /// The only one.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn detect() -> Self {
        Self::Any
    }

    /// All that this machine has.
    #[cfg(test)]
    pub fn all() -> Vec<Self> {
        match Self::detect() {
            Self::Any => vec![Self::Any],
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => vec![Self::Any, Self::Avx2],
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => vec![Self::Any, Self::Avx2, Self::Avx512],
        }
    }
}

/// What every machine has.
pub(super) struct Any;

impl Instructions for Any {
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn compare<const CASED: bool>(block: &[u8; 64]) -> Block {
        // SAFETY: SSE2 is a part of x86-64.
        unsafe { x86::compare_sse2::<CASED>(block) }
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    fn compare<const CASED: bool>(block: &[u8; 64]) -> Block {
        compare_bytes::<CASED>(block)
    }

    #[inline(always)]
    fn places(bits: u64, first: u32, out: &mut [u32; 64]) {
        eight_places(bits, first, out);
    }

    #[inline(always)]
    fn at_most(numbers: &[u32; 64], most: u32) -> u64 {
        let bits = numbers.iter().rev();
        bits.fold(0, |bits, number| bits << 1 | u64::from(*number <= most))
    }

    #[inline(always)]
    fn value_of(key: u64, set: &[[u8; 8]; 8]) -> Head {
        let (keys, values) = set.split_at(4);
        let place = keys.iter().position(|kept| *kept == key.to_le_bytes());
        place.map_or(NO_HEAD, |place| head(u64::from_le_bytes(values[place])))
    }

    #[inline(always)]
    fn ids(value: &[u8; 16], places: &[i8; 32], out: &mut [u32; 8]) {
        let byte = |place: i8| usize::try_from(place).map_or(0, |place| value[place % 16]);
        for (id, places) in out.iter_mut().zip(places.as_chunks::<4>().0) {
            *id = u32::from_le_bytes(places.map(byte));
        }
    }

    #[inline(always)]
    fn pack(heads: &[Head; 8], out: &mut [u32; 16]) -> (usize, usize) {
        pack_each(heads, out)
    }

    #[inline(always)]
    fn many(heads: &[Head; 64]) -> u32 {
        many_of(heads)
    }
}

/// Both halves of a value.
#[inline(always)]
fn head(value: u64) -> Head {
    [value as u32, (value >> 32) as u32]
}

/// [`Instructions::many`], a word at a time, or as the compiler does it.
#[inline(always)]
fn many_of(heads: &[Head; 64]) -> u32 {
    let is_many = |[first, _]: &Head| u32::from(first >> ID_BITS > 2);
    heads.iter().map(is_many).sum()
}

/// [`Instructions::pack`], a word at a time.
#[inline(always)]
fn pack_each(heads: &[Head; 8], out: &mut [u32; 16]) -> (usize, usize) {
    let mut filled = 0;
    for (at, &[first, second]) in heads.iter().enumerate() {
        let count = first >> ID_BITS;
        if count > 2 {
            return (at, filled);
        }
        if let Some(two) = out[filled..].first_chunk_mut() {
            *two = [first & ID, second & ID];
        }
        filled += count as usize;
    }
    (heads.len(), filled)
}

/// [`Instructions::places`], eight at a time.
#[inline(always)]
fn eight_places(mut bits: u64, first: u32, out: &mut [u32; 64]) {
    for eight in out.as_chunks_mut::<8>().0 {
        if bits == 0 {
            break;
        }
        for place in eight {
            *place = first + bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
        }
    }
}

/// The same without SIMD.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn compare_bytes<const CASED: bool>(block: &[u8; 64]) -> Block {
    let mut out = Block::default();
    for (at, &byte) in block.iter().enumerate() {
        let bit = |yes: bool| u64::from(yes) << at;
        out.letter |= bit(byte.is_ascii_alphabetic());
        out.number |= bit(byte.is_ascii_digit());
        out.space |= bit(matches!(byte, b'\t'..=b'\r' | b' '));
        out.blank |= bit(byte == b' ');
        out.line |= bit(matches!(byte, b'\r' | b'\n'));
        out.quote |= bit(byte == b'\'');
        out.slash |= bit(byte == b'/');
        out.high |= bit(byte >= 0x80);
        out.lead |= bit(byte >= 0xC0);
        if CASED {
            out.upper |= bit(byte.is_ascii_uppercase());
            out.d0 |= bit(byte == 0xD0);
            out.d1 |= bit(byte == 0xD1);
            out.below_a0 |= bit(byte < 0xA0);
            out.below_b0 |= bit(byte < 0xB0);
        } else {
            out.d0 |= bit(byte & 0xFE == 0xD0);
        }
    }
    out
}
