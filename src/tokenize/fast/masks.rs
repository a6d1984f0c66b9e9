//! One bit a byte: where the letters, numbers and white space of a piece of text are.
//!
//! 64 bytes at a time become 64-bit masks, so that the end of a word is one count of trailing zeros
//! wherever it is. ASCII and the Cyrillic block (U+0400-047F, where every code point is a letter) need
//! no look-up: comparisons of 16 bytes at once; anything else is looked up by code point. A character
//! of several bytes has its bit at each of them.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their callers are"
)]

use super::classes::{COMPOSES, Classes, LETTER, LOWER, MARK, NUMBER, SPACE, UPPER};
use super::simd::Instructions;

/// Bit masks of a piece of text. At least one block more than the text needs, which is 0.
#[derive(Default)]
pub(super) struct Masks {
    pub blocks: Vec<Bits>,
    /// Where characters begin that NFC may change ([`COMPOSES`]).
    pub composing: Vec<u32>,
}

/// What 64 bytes are, a bit each.
#[derive(Clone, Copy, Default)]
pub(super) struct Bits {
    pub letter: u64,
    pub number: u64,
    pub space: u64,
    /// What is none of the three above.
    pub other: u64,
    /// Only for patterns that tell case: upper case, and what has none.
    pub upper: u64,
    /// Lower case, and what has none.
    pub lower: u64,
    /// Spaces (U+0020) alone.
    pub blank: u64,
    /// `[\r\n]`
    pub line: u64,
    /// Apostrophes (U+0027).
    pub quote: u64,
    /// Slashes (U+002F).
    pub slash: u64,
    /// Bytes of characters of several bytes.
    pub high: u64,
    /// The same but their first bytes.
    pub tail: u64,
}

impl Bits {
    /// What is told by bytes alone.
    #[inline(always)]
    fn of_bytes(raw: &Block) -> Self {
        Self {
            blank: raw.blank,
            line: raw.line,
            quote: raw.quote,
            slash: raw.slash,
            high: raw.high,
            tail: raw.high & !raw.lead,
            ..Self::default()
        }
    }
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
pub(crate) struct Block {
    pub letter: u64,
    pub number: u64,
    pub space: u64,
    pub upper: u64,
    pub blank: u64,
    pub line: u64,
    pub quote: u64,
    pub slash: u64,
    /// Bytes of characters of several bytes.
    pub high: u64,
    /// First bytes of them.
    pub lead: u64,
    /// The lead bytes 0xD0 (U+0400-043F) and 0xD1 (U+0440-047F).
    pub d0: u64,
    pub d1: u64,
    /// Bytes below 0xA0 and below 0xB0, to tell case by the second byte.
    pub below_a0: u64,
    pub below_b0: u64,
}

impl Masks {
    /// Masks of `bytes`, which is UTF-8, with the instructions of `I`.
    #[inline(always)]
    pub fn fill<I: Instructions>(&mut self, bytes: &[u8], classes: &Classes, wanted: Wanted) {
        match wanted {
            Wanted::Letters => self.fill_with::<I, false>(bytes, classes, LETTER),
            Wanted::LettersAndMarks => self.fill_with::<I, false>(bytes, classes, LETTER | MARK),
            Wanted::Cased => self.fill_with::<I, true>(bytes, classes, LETTER),
        }
    }

    #[inline(always)]
    fn fill_with<I: Instructions, const CASED: bool>(
        &mut self,
        bytes: &[u8],
        classes: &Classes,
        letters: u8,
    ) {
        self.composing.clear();
        let words = bytes.len() / 64 + 2;
        if self.blocks.len() < words {
            self.blocks.resize(words, Bits::default());
        }
        let mut carry = Looked::default();
        let (blocks, tail) = bytes.as_chunks::<64>();
        for (at, block) in blocks.iter().enumerate() {
            let raw = I::compare::<CASED>(block);
            let rest = &bytes[at * 64..];
            self.set::<CASED>(at, raw, (rest, u64::MAX), (classes, letters), &mut carry);
        }
        let mut padded = [0; 64];
        padded[..tail.len()].copy_from_slice(tail);
        let valid = (1 << tail.len()) - 1;
        let raw = I::compare::<CASED>(&padded);
        self.set::<CASED>(
            blocks.len(),
            raw,
            (tail, valid),
            (classes, letters),
            &mut carry,
        );
        self.blocks[words - 1] = Bits::default();
    }

    /// Sets the masks of block `at`. `rest` is the text from its first byte on, and `valid` has the bits
    /// of its bytes.
    #[inline(always)]
    fn set<const CASED: bool>(
        &mut self,
        at: usize,
        raw: Block,
        (rest, valid): (&[u8], u64),
        (classes, letters): (&Classes, u8),
        carry: &mut Looked,
    ) {
        // A pair that goes on in the next block is looked up.
        let mut pairs = (raw.d0 | raw.d1) & (u64::MAX >> 1);
        if CASED {
            // From U+0460 on, upper and lower case alternate.
            pairs &= !(raw.d1 & !(raw.below_a0 >> 1));
        }
        let leads = raw.lead & !pairs;
        if !CASED && leads == 0 && carry.is_nothing() {
            // Nothing was looked up, which is nearly always so.
            let letter = raw.letter | pairs | pairs << 1;
            self.blocks[at] = Bits {
                letter,
                number: raw.number,
                space: raw.space,
                other: !(letter | raw.number | raw.space) & valid,
                upper: 0,
                lower: 0,
                ..Bits::of_bytes(&raw)
            };
            return;
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
        let mut leads = leads;
        while leads != 0 {
            let place = leads.trailing_zeros() as usize;
            leads &= leads - 1;
            let (code, len) = decode(&rest[place..]);
            let class = classes[code];
            if class & COMPOSES != 0 {
                self.composing.push((64 * at + place) as u32);
            }
            let bits = u128::from((1u64 << len) - 1) << place;
            now.add(class, letters, bits as u64);
            carry.add(class, letters, (bits >> 64) as u64);
        }
        self.blocks[at] = Bits {
            letter: now.letter,
            number: now.number,
            space: now.space,
            other: !(now.letter | now.number | now.space) & valid,
            upper: now.upper,
            lower: now.lower,
            ..Bits::of_bytes(&raw)
        };
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
    #[inline(always)]
    fn is_nothing(&self) -> bool {
        let Self {
            letter,
            number,
            space,
            upper,
            lower,
        } = self;
        letter | number | space | upper | lower == 0
    }

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

#[cfg(test)]
mod tests {
    use super::super::classes::classes;
    use super::super::simd::Any;
    use super::*;

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
                masks.fill::<Any>(text.as_bytes(), classes, wanted);
                for (at, character) in text.char_indices() {
                    let class = classes[character as usize];
                    for at in at..at + character.len_utf8() {
                        let bits = masks.blocks[at / 64];
                        let bit = |mask: u64| mask >> (at % 64) & 1 == 1;
                        assert_eq!(bit(bits.letter), class & letters != 0, "{character:?}");
                        assert_eq!(bit(bits.number), class & NUMBER != 0, "{character:?}");
                        assert_eq!(bit(bits.space), class & SPACE != 0, "{character:?}");
                        let any = class & (letters | NUMBER | SPACE) != 0;
                        assert_eq!(bit(bits.other), !any, "{character:?}");
                        if wanted == Wanted::Cased {
                            assert_eq!(bit(bits.upper), class & UPPER != 0, "{character:?}");
                            assert_eq!(bit(bits.lower), class & LOWER != 0, "{character:?}");
                        }
                    }
                }
                assert_eq!(masks.blocks[text.len() / 64 + 1].letter, 0);
            }
        }
    }
}
