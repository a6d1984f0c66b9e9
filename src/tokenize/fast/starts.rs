//! Where all spans of a piece of text begin, 64 bytes at a time, without a branch for each.
//!
//! The scanners of [`super::spans`] go from span to span: each waits for the end of the one before, and
//! guesses what kind the next is. Here the rules of a pattern are shifts and sums of the masks, so that 64
//! bytes cost the same whatever they hold; the scanners are asked only where the rules are not of
//! bytes (white space and numbers of several bytes, blank lines that end in spaces), from one place to the
//! next where a span begins in any case.
//!
//! The sums are `MatchStar` of Cameron et al., "Bitwise data parallelism in regular expression
//! matching" (2014): adding the first bit of a run carries through the run.

#![allow(
    clippy::inline_always,
    reason = "compiled once for each instruction set, as their caller is"
)]

use super::masks::{Bits, Masks};
use super::simd::Instructions;
use super::spans::{Scan, View, contraction};

/// How the rules of a pattern differ, beside its scanner.
pub(super) trait Rules: Scan {
    /// Whether any sign goes before a word, and line ends go behind signs; else only spaces go before
    /// words, numbers and signs.
    const SIGNS_JOIN: bool;
    /// Characters of a number: 1, 3 or any.
    const DIGITS: usize;
    /// Whether a word ends where lower case is followed by upper case; then contractions belong to the
    /// word before them, and slashes among the line ends behind signs to these.
    const CASED: bool;
    /// The bytes of the contraction that `bytes` begins with.
    fn contraction(bytes: &[u8]) -> Option<usize>;
}

impl Rules for super::spans::Gpt2 {
    const SIGNS_JOIN: bool = false;
    const DIGITS: usize = usize::MAX;
    const CASED: bool = false;

    fn contraction(bytes: &[u8]) -> Option<usize> {
        contraction(bytes).filter(|len| bytes[1..*len].iter().all(u8::is_ascii_lowercase))
    }
}

impl<const DIGITS: usize> Rules for super::spans::Cl100k<DIGITS> {
    const SIGNS_JOIN: bool = true;
    const DIGITS: usize = DIGITS;
    const CASED: bool = false;

    fn contraction(bytes: &[u8]) -> Option<usize> {
        contraction(bytes)
    }
}

impl Rules for super::spans::O200k {
    const SIGNS_JOIN: bool = true;
    const DIGITS: usize = 3;
    const CASED: bool = true;

    fn contraction(bytes: &[u8]) -> Option<usize> {
        contraction(bytes)
    }
}

/// The places where spans begin, kept between pieces.
#[derive(Default)]
pub(super) struct Starts {
    /// A bit a byte.
    bits: Vec<u64>,
    /// The same as numbers, and the end of the piece.
    places: Vec<u32>,
    /// Apostrophes that begin a span.
    quotes: Vec<u32>,
    /// Places that are for the scanner.
    hard: Vec<u32>,
}

/// A bit that goes from one word to the next.
#[derive(Default)]
struct Carry(u64);

impl Carry {
    /// `mask` moved up by one place.
    #[inline(always)]
    fn up(&mut self, mask: u64) -> u64 {
        self.up_by::<1>(mask)
    }

    /// `mask` moved up by `N` places.
    #[inline(always)]
    fn up_by<const N: u32>(&mut self, mask: u64) -> u64 {
        let moved = mask << N | self.0;
        self.0 = mask >> (64 - N);
        moved
    }

    /// `runs` plus `bits`.
    #[inline(always)]
    fn sum(&mut self, runs: u64, bits: u64) -> u64 {
        let (sum, first) = runs.overflowing_add(bits);
        let (sum, second) = sum.overflowing_add(self.0);
        self.0 = u64::from(first | second);
        sum
    }
}

/// A mask moved down by `N` places, given that of the next block.
#[inline(always)]
fn down<const N: u32>(mask: u64, next: u64) -> u64 {
    mask >> N | next << (64 - N)
}

impl Starts {
    /// The places of `bytes`, whose masks these are, and its length.
    #[inline(always)]
    pub fn of<R: Rules, I: Instructions>(&mut self, bytes: &[u8], masks: &mut Masks) -> &[u32] {
        self.mark::<R>(bytes, masks);
        self.mend::<R>(&View::new(bytes, masks));
        self.number::<I>(bytes.len());
        &self.places
    }

    /// The places that a scanner alone finds.
    #[inline(always)]
    pub fn scanned(&mut self, len: usize, next: impl Fn(usize) -> usize) -> &[u32] {
        self.places.clear();
        let mut at = 0;
        while at < len {
            self.places.push(at as u32);
            at = next(at);
        }
        self.places.push(len as u32);
        &self.places
    }

    /// Fills the bits by the rules, and notes apostrophes and what is for the scanner.
    #[inline(always)]
    fn mark<R: Rules>(&mut self, bytes: &[u8], masks: &mut Masks) {
        let words = bytes.len() / 64 + 1;
        self.quotes.clear();
        self.hard.clear();
        self.bits.resize(words, 0);
        // Behind the text white space goes on: the last character of a run at its end is no start.
        let end = 1 << (bytes.len() % 64);
        masks.blocks[words - 1].space |= end;
        let mut carries = Carries::default();
        let blocks = masks.blocks[..=words].windows(2);
        for ((at, bits), pair) in (0..).zip(&mut self.bits).zip(blocks) {
            let block = Block::new(&pair[0], &pair[1], &mut carries);
            let (starts, mut hard) = if R::SIGNS_JOIN {
                block.signs_join::<R>(&mut carries)
            } else {
                block.spaces_join(&mut carries)
            };
            *bits = starts;
            let begin = 64 * at;
            let mut quotes = pair[0].quote & starts;
            while quotes != 0 {
                self.quotes.push(begin + quotes.trailing_zeros());
                quotes &= quotes - 1;
            }
            while hard != 0 {
                self.hard.push(begin + hard.trailing_zeros());
                hard &= hard - 1;
            }
        }
        masks.blocks[words - 1].space &= !end;
        self.bits[words - 1] &= end - 1;
    }

    /// Contractions, and the places that are for the scanner.
    #[inline(always)]
    fn mend<R: Rules>(&mut self, view: &View<'_>) {
        let bytes = view.bytes;
        let mut contracted = 0;
        for &quote in &self.quotes {
            let quote = quote as usize;
            // A word has one contraction; what follows it begins anew.
            if R::CASED && (quote == contracted || !view.is_letter(quote - 1)) {
                continue;
            }
            if let Some(len) = R::contraction(&bytes[quote..]) {
                let from = if R::CASED { quote } else { quote + 1 };
                (from..quote + len).for_each(|at| clear(&mut self.bits, at));
                contracted = quote + len;
                if contracted < bytes.len() {
                    set(&mut self.bits, contracted);
                }
            }
        }
        let mut scanned = 0;
        for index in 0..self.hard.len() {
            let hard = self.hard[index] as usize;
            if hard < scanned {
                continue;
            }
            let mut at = (1..=hard)
                .rev()
                .find(|at| view.begins_always(*at))
                .unwrap_or(0);
            scanned = (hard + 1..bytes.len())
                .find(|at| view.begins_always(*at))
                .unwrap_or(bytes.len());
            (at..scanned).for_each(|at| clear(&mut self.bits, at));
            while at < scanned {
                set(&mut self.bits, at);
                at = R::next(view, at);
            }
        }
    }

    /// The bits as numbers.
    #[inline(always)]
    fn number<I: Instructions>(&mut self, len: usize) {
        // What is written behind the last place of a word is overwritten, or cut off.
        self.places.resize(len + 65, 0);
        let mut count = 0;
        for (word, &bits) in (0..).zip(&self.bits) {
            if let Some(places) = self.places[count..].first_chunk_mut::<64>() {
                I::places(bits, 64 * word, places);
            }
            count += bits.count_ones() as usize;
        }
        self.places[count] = len as u32;
        self.places.truncate(count + 1);
    }
}

/// What goes from one word to the next.
#[derive(Default)]
struct Carries {
    letter: Carry,
    number: Carry,
    other: Carry,
    run: Carry,
    blank: Carry,
    quiet: Carry,
    line: Carry,
    lines_of_signs: Carry,
    of_signs: Carry,
    lower: Carry,
    tails: Carry,
    signs: [Carry; 4],
    digits: [Carry; 2],
    threes: Carry,
}

/// 64 bytes of a piece: their masks, and what begins in them.
struct Block<'a> {
    bits: &'a Bits,
    next: &'a Bits,
    first_letters: u64,
    first_numbers: u64,
    first_others: u64,
    after_others: u64,
    /// Places behind a space (U+0020).
    after_blanks: u64,
    /// White space that is not followed by any.
    last_spaces: u64,
}

impl<'a> Block<'a> {
    #[inline(always)]
    fn new(bits: &'a Bits, next: &'a Bits, carries: &mut Carries) -> Self {
        let after_others = carries.other.up(bits.other);
        Self {
            bits,
            next,
            first_letters: bits.letter & !carries.letter.up(bits.letter),
            first_numbers: bits.number & !carries.number.up(bits.number),
            first_others: bits.other & !after_others,
            after_others,
            after_blanks: carries.blank.up(bits.blank),
            last_spaces: bits.space & !down::<1>(bits.space, next.space),
        }
    }

    /// GPT-2's rules: starts, and what is for the scanner.
    #[inline(always)]
    fn spaces_join(&self, carries: &mut Carries) -> (u64, u64) {
        let first_spaces = self.bits.space & !carries.run.up(self.bits.space);
        let first_words = self.first_letters | self.first_numbers | self.first_others;
        let starts = first_spaces | self.last_spaces | first_words & !self.after_blanks;
        (starts, self.bits.space & self.bits.high)
    }

    /// cl100k's rules, and o200k's, which tell case.
    #[inline(always)]
    fn signs_join<R: Rules>(&self, carries: &mut Carries) -> (u64, u64) {
        let Bits { line, high, .. } = *self.bits;
        // Line ends directly behind signs belong to them.
        let left = carries.lines_of_signs.sum(line, self.after_others & line);
        let of_signs = line & !left;
        let run = self.bits.space & !of_signs;
        let (lines, quiet) = (run & line, run & !line);
        let first_spaces = run & !carries.run.up(run);
        // Behind the last line end of a run begins a span; if another follows, the scanner decides.
        let tails = quiet & carries.line.up(lines);
        let broken = carries.tails.sum(quiet, tails) & !quiet & lines;
        let last_spaces = quiet & self.last_spaces;
        let first_others = self.first_others & !self.after_blanks;
        // White space, or a sign that stands alone, goes before a word.
        let alone = first_others & !high & down::<1>(self.bits.letter, self.next.letter);
        let [_, wide @ ..] = &mut carries.signs;
        let mut joined = carries.quiet.up(quiet) | self.wide_signs(first_others & high, wide);
        joined |= carries.signs[0].up(alone);
        let first_letters = self.first_letters & !joined;
        let numbers = self.numbers(R::DIGITS, &mut carries.digits, &mut carries.threes);
        let mut starts =
            first_spaces | tails | last_spaces | first_others | first_letters | numbers;
        let mut hard = self.bits.space & high | broken;
        if R::DIGITS < usize::MAX {
            hard |= self.bits.number & high;
        }
        if R::CASED {
            let Bits {
                upper,
                lower,
                slash,
                ..
            } = *self.bits;
            starts |= upper & carries.lower.up(lower);
            // What has no case is both; marks are letters and signs.
            hard |= upper & lower | slash & carries.of_signs.up(of_signs);
        }
        (starts, hard)
    }

    /// Places behind signs of two to four bytes that stand alone before a letter, given the signs'
    /// first bytes.
    #[inline(always)]
    fn wide_signs(&self, firsts: u64, carries: &mut [Carry; 3]) -> u64 {
        let (bits, next) = (self.bits, self.next);
        let mut widths = [0; 3];
        if firsts != 0 {
            let [second, third, fourth] = [
                down::<1>(bits.tail, next.tail),
                down::<2>(bits.tail, next.tail),
                down::<3>(bits.tail, next.tail),
            ];
            widths = [
                second & !third & down::<2>(bits.letter, next.letter),
                second & third & !fourth & down::<3>(bits.letter, next.letter),
                second & third & fourth & down::<4>(bits.letter, next.letter),
            ]
            .map(|ends| firsts & ends);
        }
        let [two, three, four] = carries;
        two.up_by::<2>(widths[0]) | three.up_by::<3>(widths[1]) | four.up_by::<4>(widths[2])
    }

    /// Where numbers begin, and go on behind `digits` digits of one byte.
    #[inline(always)]
    fn numbers(&self, digits: usize, carries: &mut [Carry; 2], threes: &mut Carry) -> u64 {
        match digits {
            1 => self.bits.number,
            3 => {
                let [one, two] = carries;
                let fours =
                    self.bits.number & one.up(self.bits.number) & two.up_by::<2>(self.bits.number);
                let mut starts = self.first_numbers | threes.0 & fours;
                loop {
                    let more = starts << 3 & fours & !starts;
                    if more == 0 {
                        break;
                    }
                    starts |= more;
                }
                threes.0 = starts >> 61;
                starts
            }
            _ => self.first_numbers,
        }
    }
}

fn set(bits: &mut [u64], at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}

fn clear(bits: &mut [u64], at: usize) {
    bits[at / 64] &= !(1 << (at % 64));
}
