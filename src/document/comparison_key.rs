//! The comparison key: what two texts must share to count as the same.
//!
//! datatrove `utils/text.py`: lower case; numbers to 0; punctuation to space; white space folded;
//! NFD with marks stripped (so ё and е, й and и agree in the key only). The text itself is never
//! rewritten by it.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use xxhash_rust::xxh3::xxh3_128;

/// What becomes of numbers in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Each is a 0, as in the comparison key.
    Fold,
    /// Digits stay, points and commas inside a number go.
    Keep,
}

/// Appends the comparison key of `text` to `key`: words separated by single spaces.
pub fn append_key(text: &str, key: &mut String) {
    append_key_with(text, key, Numbers::Fold);
}

/// The same, with a choice of what becomes of numbers.
pub fn append_key_with(text: &str, key: &mut String, numbers: Numbers) {
    let start = key.len();
    let mut pending_space = false;
    let mut in_number = false;
    let mut push = |c: char, key: &mut String| {
        if c.is_numeric() {
            // A run of digits, with its inner points and commas, is one 0.
            if !in_number {
                if pending_space && key.len() > start {
                    key.push(' ');
                }
                if numbers == Numbers::Fold {
                    key.push('0');
                }
            }
            if numbers == Numbers::Keep {
                key.push(c);
            }
            in_number = true;
            pending_space = false;
        } else if c.is_alphabetic() || is_symbol_kept(c) {
            in_number = false;
            if pending_space && key.len() > start {
                key.push(' ');
            }
            pending_space = false;
            for lower in c.to_lowercase() {
                key.push(lower);
            }
        } else if in_number && matches!(c, '.' | ',') {
            // Stays inside the number; if no digit follows it is white space all the same.
            pending_space = true;
        } else {
            in_number = false;
            pending_space = true;
        }
    };
    if text.is_ascii() {
        for byte in text.bytes() {
            push(byte as char, key);
        }
    } else {
        for c in text.nfd().filter(|c| !is_combining_mark(*c)) {
            push(c, key);
        }
    }
}

/// Characters that are neither letters, digits, punctuation nor white space carry meaning
/// (currency, arrows, emoji) and stay.
fn is_symbol_kept(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !c.is_control() && !is_punctuation(c)
}

/// Punctuation beyond ASCII that texts in Latin and Cyrillic scripts use.
fn is_punctuation(c: char) -> bool {
    matches!(c,
        '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}'
        | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{2e00}'..='\u{2e7f}'
        | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{ff01}'..='\u{ff0f}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
}

/// The comparison key of `text`.
#[must_use]
pub fn comparison_key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    append_key(text, &mut key);
    key
}

/// The content key: xxh3-128 of the comparison keys of `pieces`, each ended by a newline so that
/// the same words divided otherwise stay different.
pub fn content_key<'a>(pieces: impl Iterator<Item = &'a str>) -> u128 {
    let mut key = String::new();
    for piece in pieces {
        append_key(piece, &mut key);
        key.push('\n');
    }
    xxh3_128(key.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_kept() {
        let mut key = String::new();
        append_key_with("За 1,250.5 руб., 3-4 дня", &mut key, Numbers::Keep);
        assert_eq!(key, "за 12505 руб 3 4 дня");
    }

    #[test]
    fn case_punctuation_digits_and_marks_do_not_count() {
        assert_eq!(comparison_key("Ёлка,  ЗЕЛЁНАЯ — 25.5%!"), "елка зеленая 0");
        assert_eq!(comparison_key("  The «Cat»\n sat. "), "the cat sat");
        assert_eq!(comparison_key("1,234 и 7"), "0 и 0");
        assert_eq!(comparison_key("й"), comparison_key("и"));
        assert_eq!(comparison_key("at 10. Then"), "at 0 then");
    }

    #[test]
    fn words_and_their_order_do() {
        assert_ne!(comparison_key("мир и война"), comparison_key("война и мир"));
        assert_ne!(comparison_key("5 €"), comparison_key("5 £"));
        assert_eq!(comparison_key("...!?"), "");
    }

    #[test]
    fn pieces_do_not_run_together() {
        assert_ne!(
            content_key(["a b", "c"].into_iter()),
            content_key(["a", "b c"].into_iter())
        );
    }
}
