//! One single-byte encoding read as another: windows-1251 as Latin (ïðèâåò), KOI8-R as windows-1251 and
//! the other way round, CP866 as either. The model of Russian decides, on the whole line.
//!
//! ASCII is the same in every reading, so a Latin letter glued to a Cyrillic one (a `\n` written out
//! before a capital) is no sign of a wrong one: what it costs the line is no gain of a repair that
//! makes the capital a sign. And what no text has (`blemish`) is never made.

use super::blemish::{Strictness, is_blemished};
use super::tables::{Reading, tables};
use crate::ingest::encoding::russian::{Symbol, Tally, is_cyrillic, symbol, tally};
use std::collections::HashSet;

/// Bits by which the repaired line has to be likelier: a line is damaged far more often than healthy
/// text is that unlikely.
const GAIN_BITS: f64 = 40.0;
/// Bits for a character above which a line is no Russian.
const RUSSIAN_BITS: f64 = 6.3;
/// Letters below which no line is judged.
const LEAST_LETTERS: u64 = 8;
/// Bits by which the best repair has to lead the second.
const LEAD_BITS: f64 = 5.0;

/// What a line is.
pub enum Undone {
    /// As it was written, for all that can be told.
    Healthy,
    /// Misread, but in which of two ways is not certain.
    Unsure,
    /// Misread: the line read the right way.
    Repaired(String),
}

/// The line read the right way.
pub fn undo(line: &str) -> Undone {
    let before = tally_apart(line.chars().map(symbol));
    if before.bits() < GAIN_BITS || before.mean_bits() < RUSSIAN_BITS - 0.8 {
        return Undone::Healthy;
    }
    let mut best: Option<(f64, String)> = None;
    let mut second = f64::INFINITY;
    let readings = || {
        tables()
            .iter()
            .filter(|table| table.reading != Reading::MacRoman)
    };
    let mut bytes = Vec::with_capacity(line.len());
    for wrong in readings() {
        bytes.clear();
        bytes.extend(line.chars().map_while(|character| wrong.byte(character)));
        if bytes.len() < line.chars().count() {
            continue;
        }
        for right in readings().filter(|right| right.reading != Reading::Latin) {
            if right.reading == wrong.reading {
                continue;
            }
            let strictness = strictness(wrong.reading, right.reading);
            if strictness == Strictness::OneCase && !is_blemished(line.chars(), strictness) {
                // Each of the two shows in the other: a line without a blemish is as it was written.
                continue;
            }
            let text = || {
                bytes
                    .iter()
                    .map(|byte| right.characters[usize::from(*byte)])
            };
            let after = tally(text().map(symbol));
            let certain = after.letters >= LEAST_LETTERS
                && after.mean_bits() <= RUSSIAN_BITS
                && before.bits() - after.bits() >= GAIN_BITS
                && !is_blemished(text(), strictness);
            if !certain {
                continue;
            }
            let text: String = text().collect();
            let apart = tally_apart(text.chars().map(symbol));
            let bits = apart.bits() + seldom_bits(right.reading);
            match &best {
                Some((_, known)) if *known == text => {}
                Some((least, _)) if *least <= bits => second = second.min(bits),
                _ => {
                    second = best.map_or(second, |(least, _)| second.min(least));
                    best = Some((bits, text));
                }
            }
        }
    }
    match best {
        None => Undone::Healthy,
        Some(_) if is_letter_list(line) => Undone::Healthy,
        Some((bits, text)) if second - bits >= LEAD_BITS => Undone::Repaired(text),
        Some(_) => Undone::Unsure,
    }
}

/// How far a letter of a list stands behind the one before at most: è is three behind å.
const LIST_STEP: u32 = 4;
/// Steps below which a line is no list.
const LEAST_STEPS: u32 = 3;

/// Whether a line lists letters in the order of their alphabet or of Unicode (`àáâãäå èéêë`): each once but
/// for parts of a list that come again, and nearly all of those beyond ASCII among the next few after the
/// one before. Of words hardly a letter in five is that, and they have letters twice. The Russian alphabet
/// that was misread is such a line, too, and nobody can tell it from a healthy one.
fn is_letter_list(line: &str) -> bool {
    let letters = line.chars().filter(|letter| !letter.is_ascii());
    let letters = letters.filter(|letter| letter.is_alphabetic());
    if !has_letters_once(line) {
        return false;
    }
    let mut small = letters.flat_map(char::to_lowercase).map(u32::from);
    let Some(mut before) = small.next() else {
        return false;
    };
    let (mut steps, mut up) = (0, 0);
    for letter in small {
        // Àà is one letter.
        if letter != before {
            steps += 1;
            up += u32::from(letter > before && letter - before <= LIST_STEP);
            before = letter;
        }
    }
    steps >= LEAST_STEPS && up * 4 >= steps * 3
}

/// Whether no letter beyond ASCII comes twice, but in words that are a part of one before: `[ìíîï] or [íï]`.
fn has_letters_once(line: &str) -> bool {
    let mut seen = HashSet::new();
    let mut words: Vec<Vec<char>> = Vec::new();
    let is_letter = |letter: &char| !letter.is_ascii() && letter.is_alphabetic();
    for word in line.split(|letter: char| !letter.is_alphabetic()) {
        let word: Vec<char> = word.chars().filter(is_letter).collect();
        let is_part = |whole: &Vec<char>| {
            let mut left = whole.iter();
            word.iter().all(|letter| left.any(|other| other == letter))
        };
        if words.iter().any(is_part) {
            continue;
        }
        if !word.iter().all(|letter| seen.insert(*letter)) {
            return false;
        }
        words.push(word);
    }
    true
}

/// The cost of `symbols`, Latin letters at Cyrillic ones left out of account.
fn tally_apart(symbols: impl Iterator<Item = Symbol>) -> Tally {
    let mut before = Symbol::Space;
    let mut symbols = symbols.peekable();
    let apart = std::iter::from_fn(|| {
        let now = symbols.next()?;
        let at_cyrillic = is_cyrillic(before) || symbols.peek().copied().is_some_and(is_cyrillic);
        before = now;
        Some(match now {
            Symbol::Latin if at_cyrillic => Symbol::Plain,
            _ => now,
        })
    });
    tally(apart)
}

/// What is asked of a line in `right` that was read as `wrong`. `MacCyrillic` and windows-1251 have
/// the lower case in common, so that no letter pairs prove which of them a text is in.
fn strictness(wrong: Reading, right: Reading) -> Strictness {
    match (wrong, right) {
        (Reading::MacCyrillic, Reading::Windows1251)
        | (Reading::Windows1251, Reading::MacCyrillic) => Strictness::OneCase,
        (_, Reading::MacCyrillic) => Strictness::Strict,
        _ => Strictness::Plain,
    }
}

/// How seldom texts in an encoding are, in bits. `MacCyrillic` has windows-1251's lower case, so that a
/// capital or two decide.
fn seldom_bits(reading: Reading) -> f64 {
    match reading {
        Reading::MacCyrillic => 8.0,
        Reading::Iso => 4.0,
        _ => 0.0,
    }
}
