//! Where the next piece of a split pattern ends, without a regex engine.
//!
//! Each scanner answers for one shape of pattern what the oracle's backtracking engine would: the
//! first alternative that matches, as greedy as it may be. The frequent case (a word, with or without
//! an ASCII character before it) is one branch and one or two counts of trailing zeros; the others are
//! spelt out below in the order of the pattern.

#![allow(
    clippy::inline_always,
    reason = "they are the loop over a text, and calls would take as long as they do"
)]

use super::masks::{Bits, Masks};

/// A piece of text and its masks.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub bytes: &'a [u8],
    blocks: &'a [Bits],
}

/// Scans one shape of pattern.
pub(super) trait Scan {
    /// The end of the match that begins at `at`, which is before the end of the text.
    fn next(view: &View<'_>, at: usize) -> usize;
}

/// [`super::patterns::Shape::Gpt2`]
pub(super) struct Gpt2;
/// [`super::patterns::Shape::Cl100k`]
pub(super) struct Cl100k<const DIGITS: usize>;
/// [`super::patterns::Shape::O200k`]
pub(super) struct O200k;

/// ASCII characters that go before a word in cl100k's and o200k's patterns: all but letters, digits
/// and line ends. The apostrophe is not here because a contraction comes first.
const PREFIX: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128u8 {
        table[byte as usize] =
            !byte.is_ascii_alphanumeric() && !matches!(byte, b'\r' | b'\n' | b'\'');
        byte += 1;
    }
    table
};

impl Scan for Gpt2 {
    #[inline(always)]
    fn next(view: &View<'_>, at: usize) -> usize {
        let letters = bits(view.blocks, LETTER, at);
        let blank = u64::from(view.bytes[at] == b' ');
        if (letters | (letters >> 1 & blank)) & 1 != 0 {
            return view.word_end(letters, at);
        }
        Self::other(view, at)
    }
}

impl Gpt2 {
    fn other(view: &View<'_>, at: usize) -> usize {
        if let Some(len) = contraction(&view.bytes[at..])
            && view.bytes[at + 1..at + len]
                .iter()
                .all(u8::is_ascii_lowercase)
        {
            return at + len;
        }
        let from = at + usize::from(view.bytes[at] == b' ');
        if has(view.blocks, NUMBER, from) {
            run_end(view.blocks, NUMBER, from)
        } else if has(view.blocks, OTHER, from) {
            run_end(view.blocks, OTHER, from)
        } else {
            view.blank(at)
        }
    }
}

impl<const DIGITS: usize> Scan for Cl100k<DIGITS> {
    #[inline(always)]
    fn next(view: &View<'_>, at: usize) -> usize {
        let letters = bits(view.blocks, LETTER, at);
        let prefix = u64::from(PREFIX[usize::from(view.bytes[at])]);
        if (letters | (letters >> 1 & prefix)) & 1 != 0 {
            return view.word_end(letters, at);
        }
        Self::other(view, at)
    }
}

impl<const DIGITS: usize> Cl100k<DIGITS> {
    fn other(view: &View<'_>, at: usize) -> usize {
        if let Some(len) = contraction(&view.bytes[at..]) {
            return at + len;
        }
        if has(view.blocks, NUMBER, at) {
            return view.number_end(at, DIGITS);
        }
        let after = at + view.width(at);
        if has(view.blocks, LETTER, after) && !matches!(view.bytes[at], b'\r' | b'\n') {
            return run_end(view.blocks, LETTER, after);
        }
        let from = at + usize::from(view.bytes[at] == b' ');
        if has(view.blocks, OTHER, from) {
            let end = run_end(view.blocks, OTHER, from);
            return view.skip(end, |byte| matches!(byte, b'\r' | b'\n'));
        }
        view.lines(at)
    }
}

impl Scan for O200k {
    #[inline(always)]
    fn next(view: &View<'_>, at: usize) -> usize {
        let letters = bits(view.blocks, LETTER, at);
        let prefix = u64::from(PREFIX[usize::from(view.bytes[at])]);
        if (letters | (letters >> 1 & prefix)) & 1 != 0 {
            let skip = usize::from(letters & 1 == 0);
            let upper = (!(bits(view.blocks, UPPER, at) >> skip)).trailing_zeros() as usize + skip;
            let lower = bits(view.blocks, LOWER, at) >> (upper & 63);
            let end = (!lower).trailing_zeros() as usize + upper;
            // Within the 64 bits, and with at least one character of lower case.
            if end < 64 && end > upper {
                let end = at + end;
                if view.bytes.get(end) != Some(&b'\'') {
                    return end;
                }
                return view.contracted(end);
            }
        }
        Self::other(view, at)
    }
}

impl O200k {
    fn other(view: &View<'_>, at: usize) -> usize {
        if has(view.blocks, NUMBER, at) {
            return view.number_end(at, 3);
        }
        let first = view.bytes[at];
        if !matches!(first, b'\r' | b'\n')
            && let Some(end) = Self::word(view, at)
        {
            return view.contracted(end);
        }
        let from = at + usize::from(first == b' ');
        if has(view.blocks, OTHER, from) {
            let end = run_end(view.blocks, OTHER, from);
            return view.skip(end, |byte| matches!(byte, b'\r' | b'\n' | b'/'));
        }
        view.lines(at)
    }

    /// The first two alternatives without the contraction: upper case, then lower case.
    fn word(view: &View<'_>, at: usize) -> Option<usize> {
        let from = if has(view.blocks, LETTER, at) {
            at
        } else {
            at + view.width(at)
        };
        let upper = run_end(view.blocks, UPPER, from);
        let lower = run_end(view.blocks, LOWER, upper);
        if lower > upper {
            return Some(lower);
        }
        // `[..]+` of the first alternative takes back the last character of the run that has no case.
        let mut end = upper;
        while end > from {
            let begin = view.before(end);
            if has(view.blocks, LOWER, begin) {
                return Some(end);
            }
            end = begin;
        }
        // A mark that was taken for the prefix is a word of its own; then the second alternative.
        if from > at && has(view.blocks, LOWER, at) {
            return Some(from);
        }
        (upper > from).then_some(upper)
    }
}

impl<'a> View<'a> {
    /// `bytes` with its masks.
    pub fn new(bytes: &'a [u8], masks: &'a Masks) -> Self {
        Self {
            bytes,
            blocks: &masks.blocks,
        }
    }

    /// Whether the byte at `at` is of a letter.
    pub fn is_letter(&self, at: usize) -> bool {
        has(self.blocks, LETTER, at)
    }

    /// Whether a span begins at `at`, which is not 0, whatever stands around: a space behind a letter.
    pub fn begins_always(&self, at: usize) -> bool {
        self.bytes[at] == b' ' && has(self.blocks, LETTER, at - 1)
    }

    /// The end of a word that begins at `at` or one byte after it, given the letters from `at` on.
    #[inline(always)]
    fn word_end(&self, letters: u64, at: usize) -> usize {
        let skip = usize::from(letters & 1 == 0);
        let end = (!(letters >> skip)).trailing_zeros() as usize + skip;
        if end < 64 {
            at + end
        } else {
            run_end(self.blocks, LETTER, at + 64)
        }
    }

    /// The end of a number of at most `most` characters.
    fn number_end(&self, at: usize, most: usize) -> usize {
        let mut end = at + self.width(at);
        for _ in 1..most {
            if !has(self.blocks, NUMBER, end) {
                break;
            }
            end += self.width(end);
        }
        end
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`
    fn lines(&self, at: usize) -> usize {
        let end = run_end(self.blocks, SPACE, at);
        let newline = self.bytes[at..end]
            .iter()
            .rposition(|byte| matches!(byte, b'\r' | b'\n'));
        match newline {
            Some(newline) => at + newline + 1,
            None => self.blank(at),
        }
    }

    /// `\s+(?!\S)|\s+`: all but the last character of the run, unless the text ends there.
    fn blank(&self, at: usize) -> usize {
        let end = run_end(self.blocks, SPACE, at);
        if end == self.bytes.len() {
            return end;
        }
        let last = self.before(end);
        if last > at { last } else { end }
    }

    /// `end`, moved over a contraction.
    fn contracted(&self, end: usize) -> usize {
        end + contraction(&self.bytes[end..]).unwrap_or(0)
    }

    /// Moves `at` over the bytes that `fits`.
    fn skip(&self, at: usize, fits: impl Fn(u8) -> bool) -> usize {
        at + self.bytes[at..]
            .iter()
            .take_while(|byte| fits(**byte))
            .count()
    }

    /// Bytes of the character at `at`.
    fn width(&self, at: usize) -> usize {
        match self.bytes[at] {
            0..0xC0 => 1,
            0xC0..0xE0 => 2,
            0xE0..0xF0 => 3,
            _ => 4,
        }
    }

    /// Where the character begins that ends at `end`.
    fn before(&self, end: usize) -> usize {
        let mut begin = end - 1;
        while self.bytes[begin] & 0xC0 == 0x80 {
            begin -= 1;
        }
        begin
    }
}

/// One of the masks of a block.
type Mask = fn(&Bits) -> u64;
const LETTER: Mask = |bits| bits.letter;
const NUMBER: Mask = |bits| bits.number;
const SPACE: Mask = |bits| bits.space;
const OTHER: Mask = |bits| bits.other;
const UPPER: Mask = |bits| bits.upper;
const LOWER: Mask = |bits| bits.lower;

/// The 64 bits of a mask from bit `at` on.
#[inline(always)]
fn bits(blocks: &[Bits], mask: Mask, at: usize) -> u64 {
    let (word, shift) = (at / 64, at % 64);
    mask(&blocks[word]) >> shift | mask(&blocks[word + 1]) << 1 << (63 - shift)
}

/// Bit `at` of a mask.
#[inline(always)]
fn has(blocks: &[Bits], mask: Mask, at: usize) -> bool {
    mask(&blocks[at / 64]) >> (at % 64) & 1 != 0
}

/// The first bit at or after `at` that is 0.
#[inline(always)]
fn run_end(blocks: &[Bits], mask: Mask, mut at: usize) -> usize {
    loop {
        let run = (!bits(blocks, mask, at)).trailing_zeros() as usize;
        at += run;
        if run < 64 {
            return at;
        }
    }
}

/// The length of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at the beginning of `bytes`. The long s is an s, too.
pub(super) fn contraction(bytes: &[u8]) -> Option<usize> {
    if bytes.first() != Some(&b'\'') {
        return None;
    }
    let lower = |index: usize| bytes.get(index).map_or(0, u8::to_ascii_lowercase);
    match (lower(1), lower(2)) {
        (b's' | b't' | b'm' | b'd', _) => Some(2),
        (b'r' | b'v', b'e') | (b'l', b'l') | (0xC5, 0xBF) => Some(3),
        _ => None,
    }
}
