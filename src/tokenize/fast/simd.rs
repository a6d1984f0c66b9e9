//! The instructions that the fast path is compiled for, chosen once when a thread begins.
//!
//! x86-64 alone has SSE2 and no count of trailing zeros; nearly every machine has AVX2 or AVX-512, with
//! which comparing 64 bytes is two or one instruction. The whole loop over a text is compiled for each, since
//! what is not inlined would be called as often as it works.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

use super::cache::{ID_BITS, id_at};
use super::masks::Block;

/// A set of instructions.
pub(super) trait Instructions {
    /// What comparisons alone say of 64 bytes.
    fn compare<const CASED: bool>(block: &[u8; 64]) -> Block;
    /// The places of the bits that are 1, counted from `first`; what is behind them says nothing.
    fn places(bits: u64, first: u32, out: &mut [u32; 64]);
    /// A bit for each number that is at most `most`.
    fn at_most(numbers: &[u32; 64], most: u32) -> u64;
    /// Which of four keys it is, if it is one of them.
    fn place_of(key: u64, keys: &[[u8; 8]; 4]) -> (usize, bool);
    /// Five ids of three bytes each, in the first five places, and the last byte above the first of them.
    fn five_ids(value: &[u8; 16], out: &mut [u32; 8]);
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
        let new = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
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
    fn place_of(key: u64, keys: &[[u8; 8]; 4]) -> (usize, bool) {
        let place = keys.iter().position(|kept| *kept == key.to_le_bytes());
        (place.unwrap_or(0), place.is_some())
    }

    #[inline(always)]
    fn five_ids(value: &[u8; 16], out: &mut [u32; 8]) {
        for (index, id) in out[..5].iter_mut().enumerate() {
            *id = id_at(value, index);
        }
        out[0] |= u32::from(value[15]) << ID_BITS;
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Block, Instructions, eight_places};
    #[allow(
        clippy::wildcard_imports,
        reason = "their names say where they are from"
    )]
    use std::arch::x86_64::*;

    /// AVX2 and the bit manipulations that came with it. Only for callers that have detected it.
    pub struct Avx2;
    /// AVX-512 F and BW. Only for callers that have detected it.
    pub struct Avx512;

    impl Instructions for Avx2 {
        #[inline(always)]
        fn compare<const CASED: bool>(block: &[u8; 64]) -> Block {
            // SAFETY: this type is used only where `Level::detect` has said so.
            unsafe { compare_avx2::<CASED>(block) }
        }

        #[inline(always)]
        fn places(bits: u64, first: u32, out: &mut [u32; 64]) {
            eight_places(bits, first, out);
        }

        #[inline(always)]
        fn at_most(numbers: &[u32; 64], most: u32) -> u64 {
            // SAFETY: this type is used only where `Level::detect` has said so.
            unsafe { at_most_avx2(numbers, most) }
        }

        #[inline(always)]
        fn place_of(key: u64, keys: &[[u8; 8]; 4]) -> (usize, bool) {
            // SAFETY: this type is used only where `Level::detect` has said so.
            unsafe { place_of_avx2(key, keys) }
        }

        #[inline(always)]
        fn five_ids(value: &[u8; 16], out: &mut [u32; 8]) {
            // SAFETY: this type is used only where `Level::detect` has said so.
            unsafe { five_ids_avx2(value, out) }
        }
    }

    impl Instructions for Avx512 {
        #[inline(always)]
        fn compare<const CASED: bool>(block: &[u8; 64]) -> Block {
            // SAFETY: this type is used only where `Level::detect` has said so.
            unsafe { compare_avx512::<CASED>(block) }
        }

        #[inline(always)]
        fn places(bits: u64, first: u32, out: &mut [u32; 64]) {
            // SAFETY: this type is used only where `Level::detect` has said so.
            unsafe { places_avx512(bits, first, out) }
        }

        #[inline(always)]
        fn at_most(numbers: &[u32; 64], most: u32) -> u64 {
            // SAFETY: this type is used only where `Level::detect` has said so.
            unsafe { at_most_avx512(numbers, most) }
        }

        #[inline(always)]
        fn place_of(key: u64, keys: &[[u8; 8]; 4]) -> (usize, bool) {
            // SAFETY: this type is used only where `Level::detect` has said so.
            unsafe { place_of_avx2(key, keys) }
        }

        #[inline(always)]
        fn five_ids(value: &[u8; 16], out: &mut [u32; 8]) {
            // SAFETY: this type is used only where `Level::detect` has said so.
            unsafe { five_ids_avx2(value, out) }
        }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub fn compare_sse2<const CASED: bool>(block: &[u8; 64]) -> Block {
        let all = |byte: u8| _mm_set1_epi8(byte as i8);
        // Whether each byte is at least `first` and at most `span` above it.
        let within = |bytes: __m128i, first: u8, span: u8| {
            let above = _mm_add_epi8(bytes, all(first.wrapping_neg()));
            _mm_cmpeq_epi8(_mm_min_epu8(above, all(span)), above)
        };
        let mut out = Block::default();
        let (lanes, _) = block.as_chunks::<8>();
        for lane in 0..4 {
            let part = |index: usize| i64::from_le_bytes(lanes[2 * lane + index]);
            let bytes = _mm_set_epi64x(part(1), part(0));
            let mask = |found: __m128i| u64::from(_mm_movemask_epi8(found) as u32) << (16 * lane);
            let is = |byte: u8| mask(_mm_cmpeq_epi8(bytes, all(byte)));
            let folded = _mm_or_si128(bytes, all(0x20));
            out.letter |= mask(within(folded, b'a', 25));
            out.number |= mask(within(bytes, b'0', 9));
            out.space |= mask(within(bytes, b'\t', 4));
            out.blank |= is(b' ');
            out.line |= is(b'\n') | is(b'\r');
            out.quote |= is(b'\'');
            out.slash |= is(b'/');
            out.high |= mask(bytes);
            out.lead |= mask(_mm_cmpeq_epi8(_mm_max_epu8(bytes, all(0xC0)), bytes));
            if CASED {
                out.upper |= mask(within(bytes, b'A', 25));
                out.d0 |= is(0xD0);
                out.d1 |= is(0xD1);
                out.below_a0 |= mask(within(bytes, 0, 0x9F));
                out.below_b0 |= mask(within(bytes, 0, 0xAF));
            } else {
                let even = _mm_and_si128(bytes, all(0xFE));
                out.d0 |= mask(_mm_cmpeq_epi8(even, all(0xD0)));
            }
        }
        out.space |= out.blank;
        out
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn compare_avx2<const CASED: bool>(block: &[u8; 64]) -> Block {
        let all = |byte: u8| _mm256_set1_epi8(byte as i8);
        let within = |bytes: __m256i, first: u8, span: u8| {
            let above = _mm256_add_epi8(bytes, all(first.wrapping_neg()));
            _mm256_cmpeq_epi8(_mm256_min_epu8(above, all(span)), above)
        };
        let mut out = Block::default();
        let (lanes, _) = block.as_chunks::<8>();
        for lane in 0..2 {
            let part = |index: usize| i64::from_le_bytes(lanes[4 * lane + index]);
            let bytes = _mm256_set_epi64x(part(3), part(2), part(1), part(0));
            let mask =
                |found: __m256i| u64::from(_mm256_movemask_epi8(found) as u32) << (32 * lane);
            let is = |byte: u8| mask(_mm256_cmpeq_epi8(bytes, all(byte)));
            let folded = _mm256_or_si256(bytes, all(0x20));
            out.letter |= mask(within(folded, b'a', 25));
            out.number |= mask(within(bytes, b'0', 9));
            out.space |= mask(within(bytes, b'\t', 4));
            out.blank |= is(b' ');
            out.line |= is(b'\n') | is(b'\r');
            out.quote |= is(b'\'');
            out.slash |= is(b'/');
            out.high |= mask(bytes);
            out.lead |= mask(_mm256_cmpeq_epi8(_mm256_max_epu8(bytes, all(0xC0)), bytes));
            if CASED {
                out.upper |= mask(within(bytes, b'A', 25));
                out.d0 |= is(0xD0);
                out.d1 |= is(0xD1);
                out.below_a0 |= mask(within(bytes, 0, 0x9F));
                out.below_b0 |= mask(within(bytes, 0, 0xAF));
            } else {
                let even = _mm256_and_si256(bytes, all(0xFE));
                out.d0 |= mask(_mm256_cmpeq_epi8(even, all(0xD0)));
            }
        }
        out.space |= out.blank;
        out
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1")]
    fn place_of_avx2(key: u64, keys: &[[u8; 8]; 4]) -> (usize, bool) {
        // SAFETY: 32 bytes are read of as many.
        let keys = unsafe { _mm256_loadu_si256(keys.as_ptr().cast()) };
        let same = _mm256_cmpeq_epi64(keys, _mm256_set1_epi64x(key as i64));
        let places = _mm256_movemask_pd(_mm256_castsi256_pd(same));
        (places.trailing_zeros() as usize % 4, places != 0)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn at_most_avx2(numbers: &[u32; 64], most: u32) -> u64 {
        // Lengths are far below 2^31.
        let most = _mm256_set1_epi32(most as i32);
        let (lanes, _) = numbers.as_chunks::<8>();
        lanes.iter().rev().fold(0, |bits, lane| {
            // SAFETY: 32 bytes are read of as many.
            let numbers = unsafe { _mm256_loadu_si256(lane.as_ptr().cast()) };
            let above = _mm256_castsi256_ps(_mm256_cmpgt_epi32(numbers, most));
            bits << 8 | u64::from(!_mm256_movemask_ps(above) as u8)
        })
    }

    #[inline]
    #[target_feature(enable = "avx512f,popcnt")]
    fn places_avx512(bits: u64, first: u32, out: &mut [u32; 64]) {
        let iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let mut count = 0;
        for part in 0..4 {
            let mask = (bits >> (16 * part)) as u16;
            let places = _mm512_add_epi32(iota, _mm512_set1_epi32((first + 16 * part) as i32));
            // 16 at most before each of the four.
            if let Some(room) = out[count..].first_chunk_mut::<16>() {
                let places = _mm512_maskz_compress_epi32(mask, places);
                // SAFETY: 64 bytes are written to as many.
                unsafe { _mm512_storeu_si512(room.as_mut_ptr().cast(), places) }
            }
            count += mask.count_ones() as usize;
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn at_most_avx512(numbers: &[u32; 64], most: u32) -> u64 {
        let most = _mm512_set1_epi32(most as i32);
        let (lanes, _) = numbers.as_chunks::<16>();
        lanes.iter().rev().fold(0, |bits, lane| {
            // SAFETY: 64 bytes are read of as many.
            let numbers = unsafe { _mm512_loadu_si512(lane.as_ptr().cast()) };
            bits << 16 | u64::from(_mm512_cmple_epu32_mask(numbers, most))
        })
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn five_ids_avx2(value: &[u8; 16], out: &mut [u32; 8]) {
        // SAFETY: 16 bytes are read of as many.
        let value = unsafe { _mm_loadu_si128(value.as_ptr().cast()) };
        let places = _mm256_setr_epi8(
            0, 1, 2, 15, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, //
            12, 13, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        );
        let ids = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(value), places);
        // SAFETY: 32 bytes are written to as many.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), ids) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub fn compare_avx512<const CASED: bool>(block: &[u8; 64]) -> Block {
        let all = |byte: u8| _mm512_set1_epi8(byte as i8);
        let (lanes, _) = block.as_chunks::<8>();
        let part = |index: usize| i64::from_le_bytes(lanes[index]);
        let bytes = _mm512_set_epi64(
            part(7),
            part(6),
            part(5),
            part(4),
            part(3),
            part(2),
            part(1),
            part(0),
        );
        let within = |bytes: __m512i, first: u8, span: u8| {
            _mm512_cmple_epu8_mask(_mm512_sub_epi8(bytes, all(first)), all(span))
        };
        let is = |byte: u8| _mm512_cmpeq_epi8_mask(bytes, all(byte));
        let blank = is(b' ');
        let mut out = Block {
            letter: within(_mm512_or_si512(bytes, all(0x20)), b'a', 25),
            number: within(bytes, b'0', 9),
            space: within(bytes, b'\t', 4) | blank,
            blank,
            line: is(b'\n') | is(b'\r'),
            quote: is(b'\''),
            slash: is(b'/'),
            high: _mm512_movepi8_mask(bytes),
            lead: _mm512_cmpge_epu8_mask(bytes, all(0xC0)),
            ..Block::default()
        };
        if CASED {
            out.upper = within(bytes, b'A', 25);
            out.d0 = is(0xD0);
            out.d1 = is(0xD1);
            out.below_a0 = _mm512_cmplt_epu8_mask(bytes, all(0xA0));
            out.below_b0 = _mm512_cmplt_epu8_mask(bytes, all(0xB0));
        } else {
            let even = _mm512_and_si512(bytes, all(0xFE));
            out.d0 = _mm512_cmpeq_epi8_mask(even, all(0xD0));
        }
        out
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simd_and_bytes_find_the_same_place() {
        let keys =
            std::array::from_fn(|place| (0x0100_0000_0000_0001_u64 << (8 * place)).to_le_bytes());
        for key in keys.map(u64::from_le_bytes).into_iter().chain([0, 1 << 56]) {
            let expected = Any::place_of(key, &keys);
            for level in Level::all() {
                let place = match level {
                    Level::Any => Any::place_of(key, &keys),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => Avx2::place_of(key, &keys),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => Avx512::place_of(key, &keys),
                };
                // Where it is none of them the place says nothing.
                assert_eq!(place.1, expected.1, "{level:?}");
                assert!(place == expected || !place.1, "{level:?}");
            }
        }
    }

    #[test]
    fn simd_and_bytes_find_the_same_places() {
        for bits in [
            0,
            1,
            u64::MAX,
            1 << 63,
            0x8000_8000_8000_8001,
            0x0123_4567_89AB_CDEF,
        ] {
            let expected: Vec<u32> = (0..64)
                .filter(|place| bits >> place & 1 != 0)
                .map(|place| place + 640)
                .collect();
            for level in Level::all() {
                let mut places = [0; 64];
                match level {
                    Level::Any => Any::places(bits, 640, &mut places),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => Avx2::places(bits, 640, &mut places),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => Avx512::places(bits, 640, &mut places),
                }
                assert_eq!(places[..expected.len()], expected, "{level:?}");
            }
        }
    }

    #[test]
    fn simd_and_bytes_compare_the_same_lengths() {
        for shift in 0..40 {
            let numbers = std::array::from_fn(|at| (at as u32 * 7 + shift) % 40);
            let expected = Any::at_most(&numbers, 15);
            for (at, number) in numbers.iter().enumerate() {
                assert_eq!(expected >> at & 1 == 1, *number <= 15);
            }
            for level in Level::all() {
                let bits = match level {
                    Level::Any => expected,
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => Avx2::at_most(&numbers, 15),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => Avx512::at_most(&numbers, 15),
                };
                assert_eq!(bits, expected, "{level:?}");
            }
        }
    }

    #[test]
    fn simd_and_bytes_read_the_same_ids() {
        let value = std::array::from_fn(|at| 0xF0 - 13 * at as u8);
        let mut expected = [0; 8];
        Any::five_ids(&value, &mut expected);
        for level in Level::all() {
            let mut ids = [0; 8];
            match level {
                Level::Any => Any::five_ids(&value, &mut ids),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => Avx2::five_ids(&value, &mut ids),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => Avx512::five_ids(&value, &mut ids),
            }
            assert_eq!(ids[..5], expected[..5], "{level:?}");
        }
    }

    #[test]
    fn simd_and_bytes_compare_alike() {
        for shift in 0..=u8::MAX {
            let block = std::array::from_fn(|at| (at as u8).wrapping_mul(7).wrapping_add(shift));
            for level in Level::all() {
                let [cased, plain] = match level {
                    Level::Any => [Any::compare::<true>(&block), Any::compare::<false>(&block)],
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => [
                        Avx2::compare::<true>(&block),
                        Avx2::compare::<false>(&block),
                    ],
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => [
                        Avx512::compare::<true>(&block),
                        Avx512::compare::<false>(&block),
                    ],
                };
                assert_eq!(cased, compare_bytes::<true>(&block), "{level:?}");
                assert_eq!(plain, compare_bytes::<false>(&block), "{level:?}");
            }
        }
    }
}
