//! Letters by script, and the Cyrillic ones that tell languages apart.

use super::{ENOUGH_LETTERS, Told};
use std::ops::AddAssign;

/// Letters of a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Letters {
    pub(super) latin: u32,
    pub(super) cyrillic: u32,
    pub(super) other: u32,
    /// Marks that code is full of and prose is not.
    pub(super) symbols: u32,
    /// Places inside words as identifiers, paths and options have them.
    pub(super) joints: u32,
    /// ы э ё: Russian and Belarusian; ѣ of Russian before 1918.
    yeru: u32,
    /// и щ: not Belarusian.
    not_belarusian: u32,
    /// і: Ukrainian, Belarusian, Kazakh, and Russian before 1918.
    dotted_i: u32,
    /// ї є ґ: Ukrainian alone.
    ukrainian: u32,
    /// ў: Belarusian alone.
    short_u: u32,
    /// ә ң ө ү һ: Kazakh and its neighbours.
    turkic: u32,
    /// ғ қ ұ: Kazakh alone of those, as is і beside the letters above.
    kazakh: u32,
    /// җ and other letters of the neighbours alone.
    not_kazakh: u32,
    /// ъ before е ё ю я, as Russian has it.
    hard_sign_russian: u32,
    /// ъ before any other letter: one letter in 60 in Bulgarian. (At the end of a word it is Russian
    /// before 1918.)
    hard_sign: u32,
    /// ј љ њ ђ ћ џ ѓ ќ ѕ: Serbian and Macedonian.
    south_slavic: u32,
}

/// Marks of code.
const fn is_symbol(byte: u8) -> bool {
    matches!(
        byte,
        b'{' | b'}'
            | b'['
            | b']'
            | b'('
            | b')'
            | b';'
            | b'='
            | b'<'
            | b'>'
            | b'_'
            | b'\\'
            | b'|'
            | b'$'
            | b'#'
            | b'@'
            | b'&'
            | b'+'
            | b'/'
            | b'^'
            | b'~'
            | b'"'
            | b'`'
    )
}

/// Whether `byte` after `last` joins parts of a word that is no word of a language.
const fn is_joint(last: u8, byte: u8) -> bool {
    match byte {
        b'A'..=b'Z' => last.is_ascii_lowercase(),
        b'_' | b'$' | b'/' | b'.' => true,
        b':' => last == b':',
        b'>' | b'-' => last == b'-',
        b')' => last == b'(',
        _ => false,
    }
}

/// Letters of ASCII in the lower half, marks of code in the upper one: both are counted by one
/// addition, in a register.
const ASCII: [u64; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphabetic() {
            table[byte] = 1;
        } else if is_symbol(byte as u8) {
            table[byte] = 1 << 32;
        }
        byte += 1;
    }
    table
};

/// Whether a byte of ASCII may be a joint, after some other.
const MAY_JOIN: [bool; 128] = {
    let mut table = [false; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = is_joint(b'a', byte as u8)
            || is_joint(b':', byte as u8)
            || is_joint(b'-', byte as u8)
            || is_joint(b'(', byte as u8);
        byte += 1;
    }
    table
};

/// How many of eight bytes are letters, where all are small letters of ASCII, spaces and commas: most
/// of prose is, and has neither marks nor joints.
fn plain_letters(bytes: [u8; 8]) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let word = u64::from_le_bytes(bytes);
    if word & HIGH != 0 {
        return None;
    }
    // No byte is above 0x7f, so no sum carries into the next.
    let from = |first: u8| word + u64::from(0x80 - first) * ONES;
    let is_not = |byte: u8| (word ^ u64::from(byte) * ONES) + 0x7f * ONES;
    let letters = from(b'a') & !from(b'z' + 1) & HIGH;
    let others = !(is_not(b' ') & is_not(b',')) & HIGH;
    (letters | others == HIGH).then(|| u64::from(letters.count_ones()))
}

impl Letters {
    pub(super) fn count(text: &str) -> Self {
        let mut n = Self::default();
        let bytes = text.as_bytes();
        let mut at = 0;
        let (mut counts, mut last) = (0_u64, b' ');
        while at < bytes.len() {
            if let Some(chunk) = bytes[at..].first_chunk::<8>()
                && let Some(letters) = plain_letters(*chunk)
            {
                counts += letters;
                last = chunk[7];
                at += 8;
                continue;
            }
            let byte = bytes[at];
            if byte < 0x80 {
                counts += ASCII[byte as usize];
                if MAY_JOIN[byte as usize] {
                    n.joints += u32::from(is_joint(last, byte));
                }
                last = byte;
                at += 1;
                continue;
            }
            // Russian letters but ё are two bytes that begin with D0 or D1; so are all of Cyrillic.
            let Some(c) = text[at..].chars().next() else {
                break;
            };
            at += c.len_utf8();
            last = b' ';
            match c {
                '\u{400}'..='\u{52f}' => n.cyrillic_letter(c, &text[at..]),
                '\u{d7}' | '\u{f7}' => {}
                '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => n.latin += 1,
                c if c.is_alphabetic() => n.other += 1,
                _ => {}
            }
        }
        n.latin += counts as u32;
        n.symbols = (counts >> 32) as u32;
        n
    }

    fn cyrillic_letter(&mut self, c: char, rest: &str) {
        self.cyrillic += 1;
        match c {
            'ы' | 'э' | 'ё' | 'Ы' | 'Э' | 'Ё' | 'ѣ' | 'Ѣ' => self.yeru += 1,
            'и' | 'щ' | 'И' | 'Щ' => self.not_belarusian += 1,
            'і' | 'І' => self.dotted_i += 1,
            'ї' | 'є' | 'ґ' | 'Ї' | 'Є' | 'Ґ' => self.ukrainian += 1,
            'ў' | 'Ў' => self.short_u += 1,
            'ә' | 'ң' | 'ө' | 'ү' | 'һ' | 'Ә' | 'Ң' | 'Ө' | 'Ү' | 'Һ' => self.turkic += 1,
            'ғ' | 'қ' | 'ұ' | 'Ғ' | 'Қ' | 'Ұ' => self.kazakh += 1,
            'җ' | 'ҡ' | 'ҙ' | 'ҫ' | 'ӑ' | 'ӗ' | 'ӣ' | 'ҷ' | 'ҳ' | 'ӯ' => {
                self.not_kazakh += 1;
            }
            'ъ' | 'Ъ' => {
                let softens = rest.starts_with(['е', 'ё', 'ю', 'я', 'Е', 'Ё', 'Ю', 'Я', 'э', '-']);
                if softens {
                    self.hard_sign_russian += 1;
                } else if rest.starts_with(|c| ('а'..='я').contains(&c) || ('А'..='Я').contains(&c))
                {
                    self.hard_sign += 1;
                }
            }
            'ј' | 'љ' | 'њ' | 'ђ' | 'ћ' | 'џ' | 'ѓ' | 'ќ' | 'ѕ' => self.south_slavic += 1,
            _ => {}
        }
    }

    /// Letters of every script.
    pub(super) fn all(&self) -> u32 {
        self.latin + self.cyrillic + self.other
    }

    /// The Cyrillic language that the letters speak for.
    pub(super) fn language(&self) -> Told {
        let per_mille = |count: u32| count as f32 * 1000.0 / self.cyrillic.max(1) as f32;
        let told = |code, sure| Told { code, sure };
        if self.kazakh + self.dotted_i > 0
            && per_mille(self.kazakh + self.turkic) > 20.0
            && self.not_kazakh == 0
        {
            told("kk", 0.95)
        } else if per_mille(self.south_slavic + self.turkic + self.not_kazakh) > 15.0 {
            told("other", 0.9)
        } else if self.short_u > 0 && self.short_u * 20 > self.not_belarusian {
            told("be", 0.95)
        } else if self.dotted_i > 0 && self.yeru > 0 && self.not_belarusian == 0 {
            // No и beside і and ы, though too short for ў.
            told("be", 0.7)
        } else if per_mille(self.dotted_i + self.ukrainian) > 12.0 && per_mille(self.yeru) < 8.0 {
            told("uk", 0.95)
        } else if per_mille(self.hard_sign) > 6.0
            && self.yeru == 0
            && self.hard_sign > self.hard_sign_russian
            && self.cyrillic >= ENOUGH_LETTERS
        {
            told("bg", 0.9)
        } else if self.yeru > 0 || self.cyrillic < 4 * ENOUGH_LETTERS {
            // Russian text of 100 letters without ы, э and ё is one in thousands.
            told("ru", 1.0)
        } else {
            told("ru", 0.8)
        }
    }

    /// The language of a line, where its letters leave no doubt.
    pub(super) fn clear_language(&self) -> Option<&'static str> {
        if self.cyrillic < ENOUGH_LETTERS {
            return None;
        }
        let is_telling = self.yeru > 1
            || self.ukrainian > 0
            || self.short_u > 0
            || self.kazakh > 1
            || self.dotted_i > 1
            || self.hard_sign > 1
            || self.south_slavic > 1;
        is_telling.then(|| self.language().code)
    }
}

impl AddAssign<&Letters> for Letters {
    fn add_assign(&mut self, other: &Letters) {
        self.latin += other.latin;
        self.cyrillic += other.cyrillic;
        self.other += other.other;
        self.symbols += other.symbols;
        self.joints += other.joints;
        self.yeru += other.yeru;
        self.not_belarusian += other.not_belarusian;
        self.dotted_i += other.dotted_i;
        self.ukrainian += other.ukrainian;
        self.short_u += other.short_u;
        self.turkic += other.turkic;
        self.kazakh += other.kazakh;
        self.not_kazakh += other.not_kazakh;
        self.hard_sign_russian += other.hard_sign_russian;
        self.hard_sign += other.hard_sign;
        self.south_slavic += other.south_slavic;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_bytes_are_small_letters_spaces_and_commas_alone() {
        assert_eq!(plain_letters(*b"a word, "), Some(5));
        assert_eq!(plain_letters(*b"azaz, az"), Some(6));
        for byte in 0..=255 {
            let plain = byte == b' ' || byte == b',' || byte.is_ascii_lowercase();
            let letters = 7 + u64::from(byte.is_ascii_lowercase());
            for at in 0..8 {
                let mut bytes = *b"letterss";
                bytes[at] = byte;
                assert_eq!(
                    plain_letters(bytes),
                    plain.then_some(letters),
                    "{byte} at {at}"
                );
            }
        }
    }
}
