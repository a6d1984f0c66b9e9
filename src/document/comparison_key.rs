//! The comparison key: what two texts must share to count as the same.
//!
//! datatrove `utils/text.py`: lower case; numbers to 0; punctuation to space; white space folded;
//! NFD with marks stripped (so ё and е, й and и agree in the key only). The text itself is never
//! rewritten by it.

use crate::eight_bytes::{HIGH, ascii_letters};
use std::sync::LazyLock;
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
    let bytes = text.as_bytes();
    // What the table knows never becomes longer; what becomes longer makes room for itself.
    let mut out = Folder {
        out: vec![0; bytes.len() + ROOM],
        length: 0,
        pending_space: false,
        in_number: false,
        numbers,
    };
    let tables = &*TABLES;
    let mut at = 0;
    while let Some(&lead) = bytes.get(at) {
        // A word at once, as far as it is of one alphabet.
        if let Some(eight) = bytes[at..].first_chunk::<8>() {
            let eight = u64::from_le_bytes(*eight);
            let letters = (!ascii_letters(eight) & HIGH).trailing_zeros() as usize / 8;
            if letters > 0 {
                out.begin();
                out.in_number = false;
                out.push_eight(eight | LOWER_CASE, letters);
                at += letters;
                continue;
            }
        }
        if let Some(first) = tables.cyrillic(&bytes[at..]) {
            out.begin();
            out.in_number = false;
            out.push_two(first);
            at += 2;
            while let Some(next) = tables.cyrillic(&bytes[at..]) {
                out.push_two(next);
                at += 2;
            }
            continue;
        }
        let lower = LOWER[usize::from(lead)];
        if lower != 0 {
            out.begin();
            out.in_number = false;
            out.push_byte(lower);
            at += 1;
            continue;
        }
        // Two-byte sequences begin with 0xc2 to 0xdf; ours are Latin, Greek and Cyrillic.
        let (c, length) = match lead {
            0..0x80 => (usize::from(lead), 1),
            0xc2..0xd5 => (
                usize::from(lead & 0x1f) << 6 | usize::from(bytes[at + 1] & 0x3f),
                2,
            ),
            _ => (usize::MAX, 0),
        };
        if let Some(class) = tables.classes.get(c)
            && *class != Class::Other
        {
            out.push(*class, c as u32);
            at += length;
        } else if let Some(c) = text[at..].chars().next() {
            at += c.len_utf8();
            out.push_any(c, bytes.len() - at);
        }
    }
    // What was put in is whole characters, so nothing is lost here.
    let bytes = &out.out[..out.length];
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => key.push_str(text),
        Err(_) => key.push_str(&String::from_utf8_lossy(bytes)),
    }
}

/// The most bytes that one character of a key takes, and a space before it.
const ROOM: usize = 8;

/// Letters of ASCII in lower case, 0 for all other bytes.
static LOWER: [u8; 256] = {
    let mut table = [0; 256];
    let mut letter = b'a';
    while letter <= b'z' {
        table[letter as usize] = letter;
        table[letter.to_ascii_uppercase() as usize] = letter;
        letter += 1;
    }
    table
};

/// What the key makes of one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// It becomes one character of one byte.
    Ascii(u8),
    /// It becomes one character of two bytes.
    Wide([u8; 2]),
    /// A digit or another number.
    Number,
    /// A full stop or a comma, which may be inside a number.
    Point,
    /// White space, or punctuation.
    Space,
    /// A mark, which is left out.
    Mark,
    /// Something else: it is looked at when it comes.
    Other,
}

/// The bit that makes letters of ASCII those of lower case.
const LOWER_CASE: u64 = 0x2020_2020_2020_2020;

/// What the key makes of frequent characters.
struct Tables {
    /// Classes of the characters of one and two bytes below U+0530 (about 6 kB).
    classes: Vec<Class>,
    /// What becomes of the characters U+0400 to U+047F, if it is one of two bytes; else 0.
    cyrillic: [[u8; 2]; 128],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let classes: Vec<Class> = ('\0'..'\u{530}').map(class_of).collect();
    let cyrillic = std::array::from_fn(|index| match classes[0x400 + index] {
        Class::Wide(bytes) => bytes,
        _ => [0; 2],
    });
    Tables { classes, cyrillic }
});

impl Tables {
    /// What the key makes of the Cyrillic letter that `bytes` begin with.
    #[inline(always)]
    fn cyrillic(&self, bytes: &[u8]) -> Option<[u8; 2]> {
        let &[lead, second] = bytes.first_chunk()?;
        if lead & 0xFE != 0xD0 {
            return None;
        }
        let folded = self.cyrillic[usize::from(lead & 1) << 6 | usize::from(second & 0x3F)];
        (folded[0] != 0).then_some(folded)
    }
}

/// Marks are dropped, so their canonical order does not matter and each character stands alone.
fn decomposed(c: char) -> impl Iterator<Item = char> {
    std::iter::once(c).nfd().filter(|c| !is_combining_mark(*c))
}

fn class_of(c: char) -> Class {
    let mut parts = decomposed(c);
    let (Some(base), None) = (parts.next(), parts.next()) else {
        return if decomposed(c).next().is_none() {
            Class::Mark
        } else {
            Class::Other
        };
    };
    if base.is_numeric() {
        return Class::Number;
    }
    if !base.is_alphabetic() && !is_symbol_kept(base) {
        return if matches!(base, '.' | ',') {
            Class::Point
        } else {
            Class::Space
        };
    }
    let mut lower = base.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) if lower.is_ascii() => Class::Ascii(lower as u8),
        (Some(lower), None) if lower.len_utf8() == 2 => {
            let mut bytes = [0; 2];
            lower.encode_utf8(&mut bytes);
            Class::Wide(bytes)
        }
        _ => Class::Other,
    }
}

/// The key of the text so far.
struct Folder {
    /// The key, and room for the rest of it.
    out: Vec<u8>,
    length: usize,
    pending_space: bool,
    in_number: bool,
    numbers: Numbers,
}

impl Folder {
    #[inline(always)]
    fn push_byte(&mut self, byte: u8) {
        self.out[self.length] = byte;
        self.length += 1;
    }

    /// Two bytes.
    #[inline(always)]
    fn push_two(&mut self, two: [u8; 2]) {
        if let Some(place) = self.out[self.length..].first_chunk_mut() {
            *place = two;
        }
        self.length += 2;
    }

    /// The first `count` of eight bytes.
    #[inline(always)]
    fn push_eight(&mut self, eight: u64, count: usize) {
        if let Some(place) = self.out[self.length..].first_chunk_mut() {
            *place = eight.to_le_bytes();
        }
        self.length += count;
    }

    #[inline(always)]
    fn begin(&mut self) {
        if self.pending_space && self.length > 0 {
            self.push_byte(b' ');
        }
        self.pending_space = false;
    }

    #[inline(always)]
    fn push(&mut self, class: Class, c: u32) {
        match class {
            Class::Ascii(byte) => {
                self.begin();
                self.in_number = false;
                self.push_byte(byte);
            }
            Class::Wide(bytes) => {
                self.begin();
                self.in_number = false;
                self.push_two(bytes);
            }
            Class::Number => {
                // A run of digits, with its inner points and commas, is one 0.
                if !self.in_number {
                    self.begin();
                }
                match (self.numbers, char::from_u32(c)) {
                    (Numbers::Fold, _) if self.in_number => {}
                    (Numbers::Keep, Some(c)) => self.push_char(c),
                    _ => self.push_byte(b'0'),
                }
                self.in_number = true;
                self.pending_space = false;
            }
            Class::Point => {
                // Stays inside the number; if no digit follows it is white space all the same.
                self.pending_space = true;
            }
            Class::Space => {
                self.in_number = false;
                self.pending_space = true;
            }
            Class::Mark | Class::Other => {}
        }
    }

    fn push_char(&mut self, c: char) {
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            self.push_byte(byte);
        }
    }

    /// Any character, also one that becomes several; `left` bytes of the text are behind it.
    #[cold]
    #[inline(never)]
    fn push_any(&mut self, c: char, left: usize) {
        for base in decomposed(c) {
            self.make_room(left);
            match class_of(base) {
                Class::Other => {
                    self.begin();
                    self.in_number = false;
                    for lower in base.to_lowercase() {
                        self.make_room(left);
                        self.push_char(lower);
                    }
                }
                class => self.push(class, base as u32),
            }
        }
        self.make_room(left);
    }

    fn make_room(&mut self, left: usize) {
        let wanted = self.length + left + ROOM;
        if self.out.len() < wanted {
            self.out.resize(wanted, 0);
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

    /// The definition, a character at a time.
    fn append_reference(text: &str, key: &mut String, numbers: Numbers) {
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

    #[test]
    fn the_fast_path_is_the_definition() {
        let check = |text: &str| {
            for numbers in [Numbers::Fold, Numbers::Keep] {
                let (mut key, mut wanted) = (String::new(), String::new());
                append_key_with(text, &mut key, numbers);
                append_reference(text, &mut wanted, numbers);
                assert_eq!(key, wanted, "{text:?}");
            }
        };
        // Every character alone, between letters, and in and behind a number.
        for c in '\0'..=char::MAX {
            check(&format!("a{c}B {c} 1{c}2 3,{c}.{c}"));
        }
        check("1.5, 2 — «Ёлка» №7: naïve İstanbul ǅ 가 1,,2 e\u{301}\u{323} 12.");
    }

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
