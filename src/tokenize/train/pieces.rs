//! Words as `SentencePiece` has them: a space is a "▁" at the beginning of the word behind it.
//!
//! Words also end where letters, digits, signs and scripts meet (`SentencePiece`'s
//! `split_by_unicode_script` and `split_by_number`), so that no token joins a word and its comma or
//! Russian and Latin letters. This decides what is learned; the finished tokenizer needs no such
//! border, since no merge and no piece crosses one.

use super::options::{Digits, Spaces, Training};
use super::words::Split;
use std::collections::{BTreeMap, HashMap};
use unicode_normalization::char::is_combining_mark;

/// The letter that stands for a space.
pub(super) const SPACE: char = '▁';

/// A word as places in an alphabet, and how often it occurs.
pub(super) type Symbols = (Vec<u32>, u64);

/// Cuts texts into such words.
pub(super) struct Pieces {
    digits: usize,
    /// Whether digits stand apart from the space before them.
    digits_apart: bool,
    runs: bool,
}

/// What may be together in a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Cyrillic,
    Latin,
    Letter,
    Digit,
    /// White space that is no space, by its character.
    White(char),
    Sign,
}

fn class(c: char) -> Class {
    match c {
        ' ' | SPACE => Class::Space,
        'a'..='z' | 'A'..='Z' => Class::Latin,
        '\u{400}'..='\u{52F}' => Class::Cyrillic,
        '\u{C0}'..='\u{24F}' if c.is_alphabetic() => Class::Latin,
        _ if c.is_numeric() => Class::Digit,
        _ if c.is_alphabetic() => Class::Letter,
        _ if c.is_whitespace() => Class::White(c),
        _ => Class::Sign,
    }
}

impl Pieces {
    pub(super) fn new(options: &Training) -> Self {
        Self {
            digits: match options.digits {
                Digits::Single => 1,
                Digits::Triples => 3,
                Digits::Any => usize::MAX,
            },
            digits_apart: options.digits != Digits::Any,
            runs: options.spaces == Spaces::Runs,
        }
    }
}

impl Split for Pieces {
    fn split(&self, text: &str, each: &mut dyn FnMut(&[u8])) {
        if text.is_empty() {
            return;
        }
        // The normaliser puts a space before every text.
        let mut word = String::from(SPACE);
        let (mut inside, mut length) = (Class::Space, 1);
        for c in text.chars() {
            let mut next = class(c);
            if is_combining_mark(c) && !matches!(inside, Class::Space | Class::White(_)) {
                next = inside;
            }
            let joins = match (inside, next) {
                (Class::Space, Class::Space) => self.runs,
                (Class::White(a), Class::White(b)) => self.runs && a == b,
                (Class::Space, Class::White(_)) => false,
                (Class::Space, Class::Digit) if self.digits_apart => false,
                (Class::Space, _) => {
                    // Of a run of spaces the last belongs to the word.
                    if length > 1 {
                        each(&word.as_bytes()[SPACE.len_utf8()..]);
                        word.truncate(SPACE.len_utf8());
                    }
                    // Digits behind it are counted from here.
                    length = 0;
                    true
                }
                (Class::Digit, Class::Digit) => length < self.digits,
                (a, b) => a == b,
            };
            if !joins {
                each(word.as_bytes());
                word.clear();
                length = 0;
            }
            word.push(if next == Class::Space { SPACE } else { c });
            inside = next;
            length += 1;
        }
        each(word.as_bytes());
    }
}

/// The characters that get a token of their own: the most frequent ones up to `coverage` of all,
/// with the space and all of printable ASCII. Sorted by code point.
pub(super) fn alphabet(words: &[(Box<[u8]>, u64)], coverage: f64) -> Vec<char> {
    let mut counts: BTreeMap<char, u64> = BTreeMap::new();
    for (word, count) in words {
        for c in letters(word) {
            *counts.entry(c).or_default() += count;
        }
    }
    let all: u64 = counts.values().sum();
    let wanted = all as f64 * coverage;
    let mut frequent: Vec<(char, u64)> = counts.into_iter().collect();
    frequent.sort_by_key(|&(c, count)| (std::cmp::Reverse(count), c));
    let mut covered = 0;
    let mut kept: Vec<char> = frequent
        .into_iter()
        .take_while(|(_, count)| {
            let more = (covered as f64) < wanted;
            covered += count;
            more
        })
        .map(|(c, _)| c)
        .chain('!'..='~')
        .chain([SPACE])
        .collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Words as places in `alphabet`, cut at characters that it lacks, each once.
pub(super) fn symbols(words: &[(Box<[u8]>, u64)], alphabet: &[char]) -> Vec<Symbols> {
    let places: HashMap<char, u32> = alphabet.iter().copied().zip(0u32..).collect();
    let mut all: BTreeMap<Vec<u32>, u64> = BTreeMap::new();
    for (word, count) in words {
        let mut part = Vec::new();
        for place in letters(word).map(|c| places.get(&c).copied()) {
            match place {
                Some(place) => part.push(place),
                None => add(&mut all, std::mem::take(&mut part), *count),
            }
        }
        add(&mut all, part, *count);
    }
    all.into_iter().collect()
}

fn add(all: &mut BTreeMap<Vec<u32>, u64>, part: Vec<u32>, count: u64) {
    if !part.is_empty() {
        *all.entry(part).or_default() += count;
    }
}

fn letters(word: &[u8]) -> impl Iterator<Item = char> {
    // Words are cut at characters, so they are UTF-8.
    std::str::from_utf8(word).unwrap_or_default().chars()
}
