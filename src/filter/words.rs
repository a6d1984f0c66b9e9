//! Words: how a text is cut for everything that counts words.
//!
//! The sources count with spaCy's segmenters, where punctuation marks are words of their own. So here:
//! - a word is a run of letters, digits and combining marks;
//! - an apostrophe or a point joins two letters ("don't", "т.е"), a point or a comma two digits
//!   ("3,14"), an underscore any two of them (`a_1`), as Unicode's UAX #29 does it; hyphens cut;
//! - an ideograph or a hiragana is a word of its own; scripts without spaces, such as Thai, are not
//!   cut further;
//! - any other visible character is a symbol word, and a run of the same one ("...", "-----") is a
//!   single symbol word, as spaCy keeps ellipses and rulers whole.
//!
//! ASCII and Cyrillic never leave the byte loop. Against `unicode-segmentation` the words of Russian
//! and English prose are the same ones (a test holds this), at about ten times the speed.

use crate::chars;
use crate::eight_bytes;
use unicode_normalization::char::is_combining_mark;

/// What a word is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// Holds a letter.
    Letters,
    /// Holds a digit and no letter.
    Digits,
    /// Holds neither: punctuation, a sign, an emoji.
    Symbol,
}

/// One word, as a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Length in characters.
    pub characters: u32,
    /// What it is made of.
    pub kind: WordKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Letter,
    Digit,
    /// Belongs to whatever stands before it: combining marks, soft hyphens, joiners.
    Extend,
    /// A letter that is a word of its own.
    Ideograph,
    Symbol,
}

const ASCII: [Class; 128] = {
    let mut table = [Class::Symbol; 128];
    let mut byte = 0;
    while byte < 128 {
        #[allow(clippy::cast_possible_truncation, reason = "below 128")]
        let c = byte as u8;
        if c.is_ascii_alphabetic() {
            table[byte] = Class::Letter;
        } else if c.is_ascii_digit() {
            table[byte] = Class::Digit;
        } else if c <= b' ' || c == 0x7f {
            table[byte] = Class::Space;
        }
        byte += 1;
    }
    table
};

/// The words of `text`, in order.
#[must_use]
pub fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

/// Iterator over the words of a text.
pub struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Words<'_> {
    /// Class and byte length of the character at `at`.
    #[inline]
    fn class_at(&self, at: usize) -> Option<(Class, usize)> {
        let bytes = self.text.as_bytes();
        let first = *bytes.get(at)?;
        if first < 0x80 {
            Some((ASCII[first as usize], 1))
        } else if first == 0xd0 || first == 0xd1 {
            // U+0400 to U+047F are all letters.
            Some((Class::Letter, 2))
        } else {
            self.text
                .get(at..)?
                .chars()
                .next()
                .map(|c| (class_of(c), c.len_utf8()))
        }
    }

    /// The rest of the word that began before `self.at` with a character of class `last`.
    #[inline]
    fn word(&mut self, start: usize, mut last: Class) -> Word {
        let mut characters = 1;
        let mut letters = last == Class::Letter;
        loop {
            let run = ascii_letters(&self.text.as_bytes()[self.at..]);
            if run > 0 {
                self.at += run;
                characters += u32::try_from(run).unwrap_or(0);
                (last, letters) = (Class::Letter, true);
            }
            // Most words end here, and one look is better predicted than the table below.
            if let Some(b' ' | b'\n') = self.text.as_bytes().get(self.at) {
                break;
            }
            let Some((class, length)) = self.class_at(self.at) else {
                break;
            };
            match class {
                Class::Letter | Class::Digit => {
                    last = class;
                    letters |= class == Class::Letter;
                }
                Class::Extend => {}
                Class::Symbol if self.joins(last, length) => {}
                Class::Space | Class::Symbol | Class::Ideograph => break,
            }
            self.at += length;
            characters += 1;
        }
        let kind = if letters {
            WordKind::Letters
        } else {
            WordKind::Digits
        };
        Word {
            start,
            end: self.at,
            characters,
            kind,
        }
    }

    /// Whether the symbol at `self.at`, `length` bytes long, joins `last` to what follows it.
    #[inline]
    fn joins(&self, last: Class, length: usize) -> bool {
        let symbol = &self.text.as_bytes()[self.at..self.at + length];
        let (letters, digits) = match symbol {
            b"'" | b"\xe2\x80\x99" => (true, false),
            b"." => (true, true),
            b"," => (false, true),
            b"_" => {
                let next = self.class_at(self.at + length);
                return matches!(next, Some((Class::Letter | Class::Digit, _)));
            }
            _ => return false,
        };
        self.class_at(self.at + length).is_some_and(|(next, _)| {
            next == last && (letters && next == Class::Letter || digits && next == Class::Digit)
        })
    }

    /// The rest of the run of the symbol that ends at `self.at`.
    fn symbol(&mut self, start: usize) -> Word {
        let bytes = self.text.as_bytes();
        let symbol = &bytes[start..self.at];
        let mut characters = 1;
        if let Some(b' ' | b'\n') = bytes.get(self.at) {
            return Word {
                start,
                end: self.at,
                characters,
                kind: WordKind::Symbol,
            };
        }
        loop {
            if bytes[self.at..].starts_with(symbol) {
                self.at += symbol.len();
            } else if let Some((Class::Extend, length)) = self.class_at(self.at) {
                self.at += length;
            } else {
                break;
            }
            characters += 1;
        }
        Word {
            start,
            end: self.at,
            characters,
            kind: WordKind::Symbol,
        }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    #[inline]
    fn next(&mut self) -> Option<Word> {
        if let Some(b' ') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
        loop {
            let start = self.at;
            let (class, length) = self.class_at(start)?;
            self.at += length;
            match class {
                Class::Space | Class::Extend => {}
                Class::Letter | Class::Digit => return Some(self.word(start, class)),
                Class::Ideograph => {
                    return Some(Word {
                        start,
                        end: self.at,
                        characters: 1,
                        kind: WordKind::Letters,
                    });
                }
                Class::Symbol => return Some(self.symbol(start)),
            }
        }
    }
}

/// How many of the next eight bytes are ASCII letters, up to the first that is not: eight bytes at a
/// time instead of a branch a byte. 0 within eight bytes of the end, where the byte loop takes over.
#[inline]
fn ascii_letters(bytes: &[u8]) -> usize {
    let Some(bytes) = bytes.first_chunk::<8>() else {
        return 0;
    };
    let letters = eight_bytes::ascii_letters(u64::from_le_bytes(*bytes));
    (!letters & eight_bytes::HIGH).trailing_zeros() as usize / 8
}

/// Class of a character that is neither ASCII nor common Cyrillic.
fn class_of(c: char) -> Class {
    match c {
        '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' => Class::Extend,
        '\u{80}'..='\u{a0}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => Class::Space,
        '\u{3041}'..='\u{309f}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => Class::Ideograph,
        c if is_combining_mark(c) => Class::Extend,
        c if chars::is_alphabetic(c) => Class::Letter,
        c if chars::is_numeric(c) => Class::Digit,
        c if c.is_whitespace() || c.is_control() => Class::Space,
        _ => Class::Symbol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_segmentation::UnicodeSegmentation;

    fn cut(text: &str) -> Vec<&str> {
        words(text)
            .map(|word| &text[word.start..word.end])
            .collect()
    }

    #[test]
    fn punctuation_is_cut_off_and_joiners_join() {
        assert_eq!(cut("Don't stop!"), ["Don't", "stop", "!"]);
        assert_eq!(
            cut("«Ёлка», т.е. ель…"),
            ["«", "Ёлка", "»", ",", "т.е", ".", "ель", "…"]
        );
        assert_eq!(
            cut("3,14 из-за a_1_ ... --x"),
            ["3,14", "из", "-", "за", "a_1", "_", "...", "--", "x"]
        );
        assert_eq!(
            cut("за\u{301}мок 漢字 ひ 👍🏽"),
            ["за\u{301}мок", "漢", "字", "ひ", "👍", "🏽"]
        );
        assert_eq!(cut(" \u{a0}\u{200b}\n"), Vec::<&str>::new());
    }

    #[test]
    fn eight_bytes_at_a_time_are_classed_as_one_by_one() {
        for byte in 0..=255_u8 {
            for at in 0..8 {
                let mut bytes = *b"aZzAqXYb";
                bytes[at] = byte;
                let expected = if byte.is_ascii_alphabetic() { 8 } else { at };
                assert_eq!(ascii_letters(&bytes), expected, "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn kinds_and_lengths_are_in_characters() {
        let found: Vec<_> = words("Мёд 25 b2 ...")
            .map(|word| (word.characters, word.kind))
            .collect();
        assert_eq!(
            found,
            [
                (3, WordKind::Letters),
                (2, WordKind::Digits),
                (2, WordKind::Letters),
                (3, WordKind::Symbol)
            ]
        );
    }

    #[test]
    fn prose_is_cut_as_unicode_segmentation_cuts_it() {
        let text = "В начале июля, в чрезвычайно жаркое время, под вечер, один молодой человек вышел — как бы в \
                    нерешимости. It wasn't 3.5 miles; «да», said O'Neil, “no”. Naïve café, Straße, 1,000 κόσμος?";
        let expected: Vec<&str> = text
            .split_word_bounds()
            .filter(|word| !word.trim().is_empty())
            .collect();
        assert_eq!(cut(text), expected);
    }
}
