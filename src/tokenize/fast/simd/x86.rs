//! [`Instructions`] of x86-64.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

use super::super::cache::NOT_HERE;
use super::{
    Block, Head, ID, ID_BITS, Instructions, NO_HEAD, eight_places, head, many_of, pack_each,
};
#[allow(
    clippy::wildcard_imports,
    reason = "their names say where they are from"
)]
use std::arch::x86_64::*;

/// AVX2 and the bit manipulations that came with it. Only for callers that have detected it.
pub struct Avx2;
/// AVX-512 F, BW, DQ and VL. Only for callers that have detected it.
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
    fn value_of(key: u64, set: &[[u8; 8]; 8]) -> Head {
        // SAFETY: this type is used only where `Level::detect` has said so.
        unsafe { value_of_avx2(key, set) }
    }

    #[inline(always)]
    fn ids(value: &[u8; 16], places: &[i8; 32], out: &mut [u32; 8]) {
        // SAFETY: this type is used only where `Level::detect` has said so.
        unsafe { ids_avx2(value, places, out) }
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
    fn value_of(key: u64, set: &[[u8; 8]; 8]) -> Head {
        // SAFETY: this type is used only where `Level::detect` has said so.
        unsafe { value_of_avx512(key, set) }
    }

    #[inline(always)]
    fn ids(value: &[u8; 16], places: &[i8; 32], out: &mut [u32; 8]) {
        // SAFETY: this type is used only where `Level::detect` has said so.
        unsafe { ids_avx2(value, places, out) }
    }

    #[inline(always)]
    fn pack(heads: &[Head; 8], out: &mut [u32; 16]) -> (usize, usize) {
        // SAFETY: this type is used only where `Level::detect` has said so.
        unsafe { pack_avx512(heads, out) }
    }

    #[inline(always)]
    fn many(heads: &[Head; 64]) -> u32 {
        // SAFETY: this type is used only where `Level::detect` has said so.
        unsafe { many_avx512(heads) }
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
        let mask = |found: __m256i| u64::from(_mm256_movemask_epi8(found) as u32) << (32 * lane);
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
fn value_of_avx2(key: u64, set: &[[u8; 8]; 8]) -> Head {
    // SAFETY: 32 bytes are read of 64.
    let keys = unsafe { _mm256_loadu_si256(set.as_ptr().cast()) };
    let same = _mm256_cmpeq_epi64(keys, _mm256_set1_epi64x(key as i64));
    let places = _mm256_movemask_pd(_mm256_castsi256_pd(same)) as u32;
    let value = u64::from_le_bytes(set[4 + places.trailing_zeros() as usize % 4]);
    if places == 0 { NO_HEAD } else { head(value) }
}

#[inline]
#[target_feature(enable = "avx2,avx512f,avx512vl")]
fn value_of_avx512(key: u64, set: &[[u8; 8]; 8]) -> Head {
    let (keys, values) = set.split_at(4);
    // SAFETY: 32 bytes are read of as many, twice.
    let (keys, values) = unsafe {
        (
            _mm256_loadu_si256(keys.as_ptr().cast()),
            _mm256_loadu_si256(values.as_ptr().cast()),
        )
    };
    let same = _mm256_cmpeq_epi64_mask(keys, _mm256_set1_epi64x(key as i64));
    // A key is once in a set: its value, or what says that there is none, becomes the first.
    let none = _mm256_set1_epi64x(i64::from(NOT_HERE));
    let found = _mm256_mask_compress_epi64(none, same, values);
    head(_mm_cvtsi128_si64(_mm256_castsi256_si128(found)) as u64)
}

#[inline]
#[target_feature(enable = "avx512f,popcnt")]
fn many_avx512(heads: &[Head; 64]) -> u32 {
    let most = _mm512_set1_epi64(i64::from(3_u32 << ID_BITS) - 1);
    let firsts = _mm512_set1_epi64(i64::from(u32::MAX));
    let (lanes, _) = heads.as_chunks::<8>();
    let many = lanes.iter().map(|lane| {
        // SAFETY: 64 bytes are read of as many.
        let heads = unsafe { _mm512_loadu_si512(lane.as_ptr().cast()) };
        let counts = _mm512_and_si512(heads, firsts);
        _mm512_cmpgt_epu64_mask(counts, most).count_ones()
    });
    many.sum()
}

#[inline]
#[target_feature(enable = "avx512f,bmi1,bmi2,popcnt")]
fn pack_avx512(heads: &[Head; 8], out: &mut [u32; 16]) -> (usize, usize) {
    // SAFETY: 64 bytes are read of as many.
    let heads = unsafe { _mm512_loadu_si512(heads.as_ptr().cast()) };
    let ids = _mm512_and_si512(heads, _mm512_set1_epi32(ID as i32));
    // The count of a word, above both its ids.
    let counts = _mm512_srli_epi32::<ID_BITS>(_mm512_shuffle_epi32::<0b10_10_00_00>(heads));
    let order = _mm512_set1_epi64(2 << 32 | 1);
    let mut here = u32::from(_mm512_cmpge_epu32_mask(counts, order));
    let more = u32::from(_mm512_cmpgt_epu32_mask(counts, _mm512_set1_epi32(2)));
    let mut words = 8;
    if more != 0 {
        words = more.trailing_zeros() as usize / 2;
        here &= (1 << (2 * words)) - 1;
    }
    let packed = _mm512_maskz_compress_epi32(here as u16, ids);
    // SAFETY: 64 bytes are written to as many.
    unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), packed) }
    (words, here.count_ones() as usize)
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
fn ids_avx2(value: &[u8; 16], places: &[i8; 32], out: &mut [u32; 8]) {
    // SAFETY: 16 and 32 bytes are read of as many.
    let (value, places) = unsafe {
        (
            _mm_loadu_si128(value.as_ptr().cast()),
            _mm256_loadu_si256(places.as_ptr().cast()),
        )
    };
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
