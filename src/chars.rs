//! Classes of characters, as `char` and `str` of the standard library tell them, told fast where text is
//! ASCII or Cyrillic: the tables of all scripts cost ten times as much, and what splits text into words
//! asks of every character.

/// Whether `c` is a letter of the Cyrillic block whose capitals and small letters stand apart, U+0400 to
/// U+045F: all of Russian, Ukrainian, Belarusian, Bulgarian, Serbian and Macedonian but Ґ.
const fn is_plain_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{45f}')
}

/// Whether `c` is in the blocks Cyrillic and Cyrillic Supplement and a letter: all there are but the
/// thousands sign and seven marks.
const fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{481}' | '\u{48a}'..='\u{52f}')
}

/// Whether `c` is between ASCII and the first letter or digit beyond it, or in General Punctuation, where
/// dashes and quotes are.
const fn is_punctuation(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{a9}' | '\u{ab}'..='\u{b1}' | '\u{bb}' | '\u{2000}'..='\u{206f}')
}

/// [`char::is_alphabetic`].
#[inline]
#[must_use]
pub fn is_alphabetic(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    is_cyrillic(c) || !is_punctuation(c) && c.is_alphabetic()
}

/// [`char::is_alphanumeric`].
#[inline]
#[must_use]
pub fn is_alphanumeric(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    is_cyrillic(c) || !is_punctuation(c) && c.is_alphanumeric()
}

/// [`char::is_numeric`].
#[inline]
#[must_use]
pub fn is_numeric(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    !is_cyrillic(c) && !is_punctuation(c) && c.is_numeric()
}

/// [`char::is_uppercase`].
#[inline]
#[must_use]
pub fn is_uppercase(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_uppercase();
    }
    if is_plain_cyrillic(c) {
        return c < '\u{430}';
    }
    !is_punctuation(c) && c.is_uppercase()
}

/// [`char::is_lowercase`].
#[inline]
#[must_use]
pub fn is_lowercase(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_lowercase();
    }
    if is_plain_cyrillic(c) {
        return c >= '\u{430}';
    }
    !is_punctuation(c) && c.is_lowercase()
}

/// The small letter of `c`, where `c` is ASCII or of U+0400 to U+045F.
#[inline]
#[must_use]
pub const fn small(c: char) -> Option<char> {
    match c {
        '\0'..='\x7f' => Some(c.to_ascii_lowercase()),
        '\u{430}'..='\u{45f}' => Some(c),
        'А'..='Я' => char::from_u32(c as u32 + 0x20),
        '\u{400}'..='\u{40f}' => char::from_u32(c as u32 + 0x50),
        _ => None,
    }
}

/// [`str::to_lowercase`], added to `to`.
pub fn push_lowercase(to: &mut String, text: &str) {
    let before = to.len();
    for c in text.chars() {
        let Some(c) = small(c) else {
            to.truncate(before);
            to.push_str(&text.to_lowercase());
            return;
        };
        to.push(c);
    }
}

/// [`str::to_lowercase`].
#[must_use]
pub fn lowercase(text: &str) -> String {
    let mut lower = String::with_capacity(text.len());
    push_lowercase(&mut lower, text);
    lower
}

/// Whether a byte of ASCII is no white space.
const fn is_dark(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7f | 0..=0x08 | 0x0e..=0x1f)
}

/// [`str::trim_end`].
#[inline]
#[must_use]
pub fn trim_end(text: &str) -> &str {
    match text.as_bytes() {
        [.., last] if is_dark(*last) => text,
        // Two bytes of Cyrillic.
        [.., 0xd0..=0xd4, 0x80..=0xff] => text,
        [.., 0..=0x7f, b'\n'] | [b'\n'] => text[..text.len() - 1].trim_end(),
        [.., 0xd0..=0xd4, 0x80..=0xff, b'\n'] => &text[..text.len() - 1],
        _ => text.trim_end(),
    }
}

/// [`str::trim_start`].
#[inline]
#[must_use]
pub fn trim_start(text: &str) -> &str {
    let spaces = text.bytes().take_while(|byte| *byte == b' ').count();
    let text = &text[spaces..];
    match text.as_bytes() {
        [first, ..] if is_dark(*first) => text,
        [0xd0..=0xd4, ..] => text,
        _ => text.trim_start(),
    }
}

/// [`str::trim`].
#[inline]
#[must_use]
pub fn trim(text: &str) -> &str {
    trim_end(trim_start(text))
}

/// Whether `text` is white space alone, or nothing.
#[inline]
#[must_use]
pub fn is_blank(text: &str) -> bool {
    trim_start(text).is_empty()
}

/// Lengths of words by their first letter: whether a word may be one of them at a glance.
pub struct Lengths([u32; 256]);

impl Lengths {
    /// Those of words in small letters, shorter than 32 bytes.
    #[must_use]
    pub const fn of(lists: &[&[&str]]) -> Self {
        // Bits by the last byte of the first letter.
        let mut lengths = [0; 256];
        let mut list = 0;
        while list < lists.len() {
            let mut word = 0;
            while word < lists[list].len() {
                let bytes = lists[list][word].as_bytes();
                assert!(bytes.len() < 32);
                lengths[first_letter_end(bytes) as usize] |= 1 << bytes.len();
                word += 1;
            }
            list += 1;
        }
        Self(lengths)
    }

    /// Whether `word`, in small letters, may be one of them.
    #[inline]
    #[must_use]
    pub fn may_have(&self, word: &str) -> bool {
        let lengths = self.0[usize::from(first_letter_end(word.as_bytes()))];
        word.len() < 32 && lengths >> word.len() & 1 == 1
    }
}

/// The last byte of the first letter of `word`, ASCII or of two bytes; 0 without any.
const fn first_letter_end(word: &[u8]) -> u8 {
    match word {
        [first, ..] if first.is_ascii() => *first,
        [_, second, ..] => *second,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_what_the_standard_library_says() {
        for c in '\0'..=char::MAX {
            assert_eq!(is_alphabetic(c), c.is_alphabetic(), "{c:?}");
            assert_eq!(is_alphanumeric(c), c.is_alphanumeric(), "{c:?}");
            assert_eq!(is_numeric(c), c.is_numeric(), "{c:?}");
            assert_eq!(is_uppercase(c), c.is_uppercase(), "{c:?}");
            assert_eq!(is_lowercase(c), c.is_lowercase(), "{c:?}");
            if let Some(small) = small(c) {
                assert!(c.to_lowercase().eq([small]), "{c:?}");
            }
        }
    }

    #[test]
    fn every_character_is_trimmed_and_made_small_as_by_the_standard_library() {
        let mut buffer = [0; 4];
        // Beyond are no letters of two cases and no white space.
        for c in '\0'..='\u{1ffff}' {
            let own = c.encode_utf8(&mut buffer);
            assert_eq!(lowercase(own), own.to_lowercase(), "{c:?}");
            // Every class is before and behind it.
            for beside in [
                "", " ", "a", "я", "\n", "\r\n", "\u{3000}", "\u{2014}", "a\n",
            ] {
                for text in [format!("{own}{beside}"), format!("{beside}{own}")] {
                    assert_eq!(trim_end(&text), text.trim_end(), "{text:?}");
                    assert_eq!(trim_start(&text), text.trim_start(), "{text:?}");
                    assert_eq!(trim(&text), text.trim(), "{text:?}");
                    assert_eq!(is_blank(&text), text.trim().is_empty(), "{text:?}");
                }
            }
        }
        for text in ["ΟΔΥΣΣΕΥΣ и Ёж", "İİ", "ŞЁлк Ѣ", "ЧТО Σ"] {
            assert_eq!(lowercase(text), text.to_lowercase());
        }
    }
}
