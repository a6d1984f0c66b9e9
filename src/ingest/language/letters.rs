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
#[expect(
    clippy::needless_bitwise_bool,
    reason = "no branches: the bytes of a block are compared together"
)]
const fn is_symbol(byte: u8) -> bool {
    const fn within(byte: u8, from: u8, to: u8) -> bool {
        byte.wrapping_sub(from) <= to - from
    }
    within(byte, b'"', b'$')
        | (byte == b'&')
        | within(byte, b'(', b')')
        | (byte == b'+')
        | (byte == b'/')
        | within(byte, b';', b'>')
        | (byte == b'@')
        | within(byte, b'[', b'`')
        | within(byte, b'{', b'~')
}

/// Whether `byte` after `last` joins parts of a word that is no word of a language.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "no branches: the bytes of a block are compared together"
)]
const fn is_joint(last: u8, byte: u8) -> bool {
    (byte.is_ascii_uppercase() & last.is_ascii_lowercase())
        | (byte == b'_')
        | (byte == b'$')
        | (byte == b'/')
        | (byte == b'.')
        | ((byte == b':') & (last == b':'))
        | (((byte == b'>') | (byte == b'-')) & (last == b'-'))
        | ((byte == b')') & (last == b'('))
}

/// What a byte of ASCII counts as, and what joins it to the byte before: [`is_joint`] as two sets, one
/// of which each byte has and the other needs.
#[derive(Clone, Copy)]
struct Ascii {
    /// 1 for a letter; [`SYMBOL`] for a mark of code.
    counts: u32,
    /// One bit for what it is to the byte after it.
    has: u8,
    /// The bits of bytes that it is joined to.
    needs: u8,
}

/// One mark of code in [`Ascii::counts`]; there is room for 65,535 letters below it.
const SYMBOL: u32 = 1 << 16;
/// Bits of [`Ascii::has`].
const LOWER: u8 = 1;
const COLON: u8 = 2;
const DASH: u8 = 4;
const OPEN: u8 = 8;
const OTHER: u8 = 16;

const ASCII: [Ascii; 128] = {
    let nothing = Ascii {
        counts: 0,
        has: OTHER,
        needs: 0,
    };
    let mut table = [nothing; 128];
    let mut index = 0;
    while index < 128 {
        let byte = index as u8;
        let counts = if byte.is_ascii_alphabetic() {
            1
        } else if is_symbol(byte) {
            SYMBOL
        } else {
            0
        };
        let has = match byte {
            b'a'..=b'z' => LOWER,
            b':' => COLON,
            b'-' => DASH,
            b'(' => OPEN,
            _ => OTHER,
        };
        let mut needs = 0;
        let befores = [
            (b'a', LOWER),
            (b':', COLON),
            (b'-', DASH),
            (b'(', OPEN),
            (b' ', OTHER),
        ];
        let mut before = 0;
        while before < befores.len() {
            if is_joint(befores[before].0, byte) {
                needs |= befores[before].1;
            }
            before += 1;
        }
        table[index] = Ascii { counts, has, needs };
        index += 1;
    }
    table
};

/// What a Cyrillic letter says of the language; the fields of [`Letters`] explain each.
#[derive(Clone, Copy)]
enum Sign {
    Nothing,
    Yeru,
    NotBelarusian,
    DottedI,
    Ukrainian,
    ShortU,
    Turkic,
    Kazakh,
    NotKazakh,
    SouthSlavic,
    Hard,
}

/// Counts of all signs, a byte each: what is counted a letter at a time is added in one step.
type Packed = u128;

/// Bytes of ASCII that are counted at once, and bytes that are counted one by one where some are not. A
/// byte of [`Packed`] has room for as many.
const BLOCK: usize = 32;
const _: () = assert!(BLOCK <= u8::MAX as usize);

/// One of the signs of each of U+0400 to U+052F.
const CYRILLIC: [Packed; 0x130] = {
    let mut table = [0; 0x130];
    let mut letter = 0;
    while letter < table.len() {
        if let Some(c) = char::from_u32(0x400 + letter as u32) {
            table[letter] = 1 << (8 * sign(c) as u32);
        }
        letter += 1;
    }
    table
};
const HARD: Packed = 1 << (8 * Sign::Hard as u32);

const fn sign(c: char) -> Sign {
    match c {
        'ы' | 'э' | 'ё' | 'Ы' | 'Э' | 'Ё' | 'ѣ' | 'Ѣ' => Sign::Yeru,
        'и' | 'щ' | 'И' | 'Щ' => Sign::NotBelarusian,
        'і' | 'І' => Sign::DottedI,
        'ї' | 'є' | 'ґ' | 'Ї' | 'Є' | 'Ґ' => Sign::Ukrainian,
        'ў' | 'Ў' => Sign::ShortU,
        'ә' | 'ң' | 'ө' | 'ү' | 'һ' | 'Ә' | 'Ң' | 'Ө' | 'Ү' | 'Һ' => Sign::Turkic,
        'ғ' | 'қ' | 'ұ' | 'Ғ' | 'Қ' | 'Ұ' => Sign::Kazakh,
        'җ' | 'ҡ' | 'ҙ' | 'ҫ' | 'ӑ' | 'ӗ' | 'ӣ' | 'ҷ' | 'ҳ' | 'ӯ' => Sign::NotKazakh,
        'ъ' | 'Ъ' => Sign::Hard,
        'ј' | 'љ' | 'њ' | 'ђ' | 'ћ' | 'џ' | 'ѓ' | 'ќ' | 'ѕ' => Sign::SouthSlavic,
        _ => Sign::Nothing,
    }
}

/// Kinds of signs.
const SIGNS: usize = Sign::Hard as usize + 1;

impl Letters {
    pub(super) fn count(text: &str) -> Self {
        let mut n = Self::default();
        let bytes = text.as_bytes();
        let (mut at, mut last) = (0, OTHER);
        let mut signs = [0_u32; SIGNS];
        while at < bytes.len() {
            while let Some(block) = bytes[at..].first_chunk::<BLOCK>().filter(|b| b.is_ascii()) {
                let before = if at == 0 { b' ' } else { bytes[at - 1] };
                n.add_ascii(block, before);
                at += BLOCK;
                last = ASCII[usize::from(block[BLOCK - 1])].has;
            }
            let rest = &bytes[at..];
            if rest.len() < BLOCK && rest.is_ascii() {
                // Spaces count as nothing.
                let mut block = [b' '; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                n.add_ascii(&block, if at == 0 { b' ' } else { bytes[at - 1] });
                break;
            }
            let stop = bytes.len().min(at + BLOCK);
            let (mut ascii, mut joints, mut packed) = (0, 0, 0);
            while at < stop {
                let byte = bytes[at];
                if let Some(known) = ASCII.get(usize::from(byte)) {
                    ascii += known.counts;
                    joints += u32::from(known.needs & last != 0);
                    last = known.has;
                    at += 1;
                    continue;
                }
                last = OTHER;
                // U+0400 to U+052F, all of Cyrillic, are two bytes that begin with D0 to D4.
                let trail = bytes.get(at + 1).copied().unwrap_or(0);
                let letter = usize::from(byte).wrapping_sub(0xd0) << 6 | usize::from(trail & 0x3f);
                if let Some(sign) = CYRILLIC.get(letter) {
                    at += 2;
                    packed += sign;
                    if *sign == HARD {
                        n.hard_sign_before(&text[at..]);
                    }
                    continue;
                }
                let Some(c) = text[at..].chars().next() else {
                    break;
                };
                at += c.len_utf8();
                match c {
                    '\u{d7}' | '\u{f7}' => {}
                    '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => n.latin += 1,
                    c if c.is_alphabetic() => n.other += 1,
                    _ => {}
                }
            }
            n.latin += ascii % SYMBOL;
            n.symbols += ascii / SYMBOL;
            n.joints += joints;
            for (count, packed) in signs.iter_mut().zip(packed.to_le_bytes()) {
                *count += u32::from(packed);
            }
        }
        let of = |sign: Sign| signs[sign as usize];
        n.cyrillic = signs.iter().sum();
        n.yeru = of(Sign::Yeru);
        n.not_belarusian = of(Sign::NotBelarusian);
        n.dotted_i = of(Sign::DottedI);
        n.ukrainian = of(Sign::Ukrainian);
        n.short_u = of(Sign::ShortU);
        n.turkic = of(Sign::Turkic);
        n.kazakh = of(Sign::Kazakh);
        n.not_kazakh = of(Sign::NotKazakh);
        n.south_slavic = of(Sign::SouthSlavic);
        n
    }

    /// Counts a block of ASCII that follows `before`. Comparisons of all bytes with the same constants are
    /// done many at a time, which lookups are not.
    fn add_ascii(&mut self, block: &[u8; BLOCK], before: u8) {
        let mut befores = [before; BLOCK];
        befores[1..].copy_from_slice(&block[..BLOCK - 1]);
        let (mut letters, mut symbols, mut joints) = (0_u8, 0_u8, 0_u8);
        for (byte, before) in block.iter().zip(&befores) {
            letters += u8::from(byte.is_ascii_alphabetic());
            symbols += u8::from(is_symbol(*byte));
            joints += u8::from(is_joint(*before, *byte));
        }
        self.latin += u32::from(letters);
        self.symbols += u32::from(symbols);
        self.joints += u32::from(joints);
    }

    /// Counts a hard sign by what comes after it.
    fn hard_sign_before(&mut self, rest: &str) {
        if rest.starts_with(['е', 'ё', 'ю', 'я', 'Е', 'Ё', 'Ю', 'Я', 'э', '-']) {
            self.hard_sign_russian += 1;
        } else if rest.starts_with(|c| ('а'..='я').contains(&c) || ('А'..='Я').contains(&c)) {
            self.hard_sign += 1;
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
        {
            told(
                "bg",
                if self.cyrillic < ENOUGH_LETTERS {
                    0.7
                } else {
                    0.9
                },
            )
        } else if self.yeru > 0 || self.cyrillic < 4 * ENOUGH_LETTERS {
            // Russian text of 100 letters without ы, э and ё is one in thousands.
            told("ru", 1.0)
        } else {
            told("ru", 0.8)
        }
    }

    /// Whether a letter speaks for Russian or Belarusian.
    pub(super) fn has_yeru(&self) -> bool {
        self.yeru > 0
    }

    /// Whether no letter speaks against Belarusian.
    pub(super) fn may_be_belarusian(&self) -> bool {
        self.not_belarusian == 0 && self.hard_sign + self.hard_sign_russian == 0
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
mod tests;
