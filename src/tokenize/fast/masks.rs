//! One bit a byte: where the letters, numbers and white space of a piece of text are.
//!
//! 64 bytes at a time become 64-bit masks, so that the end of a word is one count of trailing zeros
//! wherever it is. ASCII and the Cyrillic block (U+0400-047F, where every code point is a letter) need
//! no look-up: comparisons of 16 bytes at once; anything else is looked up by code point. A character
//! of several bytes has its bit at each of them.

use super::classes::{COMPOSES, Classes, LETTER, LOWER, MARK, NUMBER, SPACE, UPPER};

/// Bit masks of a piece of text. One word more than the text needs, and 0 after its end.
#[derive(Default)]
pub(super) struct Masks {
    pub letter: Vec<u64>,
    pub number: Vec<u64>,
    pub space: Vec<u64>,
    /// What is none of the three above.
    pub other: Vec<u64>,
    /// Only for patterns that tell case: upper case, and what has none.
    pub upper: Vec<u64>,
    /// Lower case, and what has none.
    pub lower: Vec<u64>,
    /// Where characters begin that NFC may change ([`COMPOSES`]).
    pub composing: Vec<u32>,
}

/// Which masks a pattern wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Letters are `\p{L}`.
    Letters,
    /// Letters are `[\p{L}\p{M}]`.
    LettersAndMarks,
    /// Letters are `\p{L}`, and `upper` and `lower` are filled.
    Cased,
}

/// What comparisons alone say of 64 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Block {
    letter: u64,
    number: u64,
    space: u64,
    upper: u64,
    /// First bytes of characters of several bytes.
    lead: u64,
    /// The lead bytes 0xD0 (U+0400-043F) and 0xD1 (U+0440-047F).
    d0: u64,
    d1: u64,
    /// Bytes below 0xA0 and below 0xB0, to tell case by the second byte.
    below_a0: u64,
    below_b0: u64,
}

impl Masks {
    /// Masks of `bytes`, which is UTF-8.
    pub fn fill(&mut self, bytes: &[u8], classes: &Classes, wanted: Wanted) {
        match wanted {
            Wanted::Letters => self.fill_with::<false>(bytes, classes, LETTER),
            Wanted::LettersAndMarks => self.fill_with::<false>(bytes, classes, LETTER | MARK),
            Wanted::Cased => self.fill_with::<true>(bytes, classes, LETTER),
        }
    }

    fn fill_with<const CASED: bool>(&mut self, bytes: &[u8], classes: &Classes, letters: u8) {
        let words = bytes.len() / 64 + 2;
        self.composing.clear();
        for mask in [
            &mut self.letter,
            &mut self.number,
            &mut self.space,
            &mut self.other,
        ] {
            mask.clear();
            mask.reserve(words);
        }
        if CASED {
            for mask in [&mut self.upper, &mut self.lower] {
                mask.clear();
                mask.reserve(words);
            }
        }
        let mut carry = Looked::default();
        let (blocks, tail) = bytes.as_chunks::<64>();
        for (index, block) in blocks.iter().enumerate() {
            self.push::<CASED>(
                block,
                &bytes[index * 64..],
                classes,
                letters,
                &mut carry,
                u64::MAX,
            );
        }
        let mut padded = [0; 64];
        padded[..tail.len()].copy_from_slice(tail);
        let valid = (1 << tail.len()) - 1;
        self.push::<CASED>(&padded, tail, classes, letters, &mut carry, valid);
        for mask in [
            &mut self.letter,
            &mut self.number,
            &mut self.space,
            &mut self.other,
        ] {
            mask.push(0);
        }
        if CASED {
            self.upper.push(0);
            self.lower.push(0);
        }
    }

    /// Adds the masks of one block; `rest` is the text from its first byte on.
    #[inline]
    fn push<const CASED: bool>(
        &mut self,
        block: &[u8; 64],
        rest: &[u8],
        classes: &Classes,
        letters: u8,
        carry: &mut Looked,
        valid: u64,
    ) {
        let raw = compare::<CASED>(block);
        // A pair that goes on in the next block is looked up.
        let mut pairs = (raw.d0 | raw.d1) & (u64::MAX >> 1);
        if CASED {
            // From U+0460 on, upper and lower case alternate.
            pairs &= !(raw.d1 & !(raw.below_a0 >> 1));
        }
        let mut now = Looked {
            letter: raw.letter | pairs | pairs << 1 | carry.letter,
            number: raw.number | carry.number,
            space: raw.space | carry.space,
            upper: carry.upper,
            lower: carry.lower,
        };
        if CASED {
            let upper = pairs & raw.d0 & (raw.below_b0 >> 1);
            let lower = pairs & !upper;
            now.upper |= raw.upper | upper | upper << 1;
            now.lower |= raw.letter & !raw.upper | lower | lower << 1;
        }
        *carry = Looked::default();
        let mut leads = raw.lead & !pairs;
        while leads != 0 {
            let at = leads.trailing_zeros() as usize;
            leads &= leads - 1;
            let (code, len) = decode(&rest[at..]);
            let class = classes[code];
            if class & COMPOSES != 0 {
                self.composing.push((64 * self.letter.len() + at) as u32);
            }
            let bits = u128::from((1u64 << len) - 1) << at;
            now.add(class, letters, bits as u64);
            carry.add(class, letters, (bits >> 64) as u64);
        }
        self.letter.push(now.letter);
        self.number.push(now.number);
        self.space.push(now.space);
        self.other
            .push(!(now.letter | now.number | now.space) & valid);
        if CASED {
            self.upper.push(now.upper);
            self.lower.push(now.lower);
        }
    }
}

/// The masks of one block, or what characters that begin in it add to the next.
#[derive(Default)]
struct Looked {
    letter: u64,
    number: u64,
    space: u64,
    upper: u64,
    lower: u64,
}

impl Looked {
    #[inline]
    fn add(&mut self, class: u8, letters: u8, bits: u64) {
        let if_any = |wanted: u8| if class & wanted == 0 { 0 } else { bits };
        self.letter |= if_any(letters);
        self.number |= if_any(NUMBER);
        self.space |= if_any(SPACE);
        self.upper |= if_any(UPPER);
        self.lower |= if_any(LOWER);
    }
}

/// Code point and length of the character of several bytes that `bytes` begins with.
#[inline]
fn decode(bytes: &[u8]) -> (usize, usize) {
    let low = |index: usize| usize::from(bytes[index] & 0x3F);
    let first = usize::from(bytes[0]);
    if first < 0xE0 {
        ((first & 0x1F) << 6 | low(1), 2)
    } else if first < 0xF0 {
        ((first & 0x0F) << 12 | low(1) << 6 | low(2), 3)
    } else {
        (
            (first & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3),
            4,
        )
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn compare<const CASED: bool>(block: &[u8; 64]) -> Block {
    // SAFETY: SSE2 is a part of x86-64.
    unsafe { compare_sse2::<CASED>(block) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn compare<const CASED: bool>(block: &[u8; 64]) -> Block {
    compare_bytes::<CASED>(block)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn compare_sse2<const CASED: bool>(block: &[u8; 64]) -> Block {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi8, _mm_and_si128, _mm_cmpeq_epi8, _mm_max_epu8, _mm_min_epu8,
        _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
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
        let folded = _mm_or_si128(bytes, all(0x20));
        out.letter |= mask(within(folded, b'a', 25));
        out.number |= mask(within(bytes, b'0', 9));
        let blank = _mm_cmpeq_epi8(bytes, all(b' '));
        out.space |= mask(_mm_or_si128(within(bytes, b'\t', 4), blank));
        out.lead |= mask(_mm_cmpeq_epi8(_mm_max_epu8(bytes, all(0xC0)), bytes));
        if CASED {
            out.upper |= mask(within(bytes, b'A', 25));
            out.d0 |= mask(_mm_cmpeq_epi8(bytes, all(0xD0)));
            out.d1 |= mask(_mm_cmpeq_epi8(bytes, all(0xD1)));
            out.below_a0 |= mask(within(bytes, 0, 0x9F));
            out.below_b0 |= mask(within(bytes, 0, 0xAF));
        } else {
            let even = _mm_and_si128(bytes, all(0xFE));
            out.d0 |= mask(_mm_cmpeq_epi8(even, all(0xD0)));
        }
    }
    out
}

/// The same without SIMD.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn compare_bytes<const CASED: bool>(block: &[u8; 64]) -> Block {
    let mut out = Block::default();
    for (at, &byte) in block.iter().enumerate() {
        let bit = |yes: bool| u64::from(yes) << at;
        out.letter |= bit(byte.is_ascii_alphabetic());
        out.number |= bit(byte.is_ascii_digit());
        out.space |= bit(matches!(byte, b'\t'..=b'\r' | b' '));
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
    use super::super::classes::classes;
    use super::*;

    #[test]
    fn simd_and_bytes_compare_alike() {
        for shift in 0..=u8::MAX {
            let block = std::array::from_fn(|at| (at as u8).wrapping_mul(7).wrapping_add(shift));
            assert_eq!(compare::<true>(&block), compare_bytes::<true>(&block));
            assert_eq!(compare::<false>(&block), compare_bytes::<false>(&block));
        }
    }

    /// What needs no look-up is what the table says, for every character at every place in a block.
    #[test]
    fn masks_are_the_classes() {
        let classes = classes().unwrap();
        let mut masks = Masks::default();
        for wanted in [Wanted::Letters, Wanted::LettersAndMarks, Wanted::Cased] {
            let letters = match wanted {
                Wanted::LettersAndMarks => LETTER | MARK,
                _ => LETTER,
            };
            for pad in 0..3 {
                let text: String = std::iter::repeat_n('.', 61 + pad)
                    .chain('\0'..'\u{3000}')
                    .chain('\u{1F600}'..'\u{1F700}')
                    .collect();
                masks.fill(text.as_bytes(), classes, wanted);
                for (at, character) in text.char_indices() {
                    let class = classes[character as usize];
                    for at in at..at + character.len_utf8() {
                        let bit = |mask: &[u64]| mask[at / 64] >> (at % 64) & 1 == 1;
                        assert_eq!(bit(&masks.letter), class & letters != 0, "{character:?}");
                        assert_eq!(bit(&masks.number), class & NUMBER != 0, "{character:?}");
                        assert_eq!(bit(&masks.space), class & SPACE != 0, "{character:?}");
                        let any = class & (letters | NUMBER | SPACE) != 0;
                        assert_eq!(bit(&masks.other), !any, "{character:?}");
                        if wanted == Wanted::Cased {
                            assert_eq!(bit(&masks.upper), class & UPPER != 0, "{character:?}");
                            assert_eq!(bit(&masks.lower), class & LOWER != 0, "{character:?}");
                        }
                    }
                }
                assert_eq!(masks.letter.len(), text.len() / 64 + 2);
            }
        }
    }
}
