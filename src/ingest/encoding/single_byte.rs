//! Single-byte encodings: their characters, text out of their bytes, and what it costs to read a sample in
//! each, as candidates.

use super::russian::{BIT, Symbol, Tally, symbol, tally};
use super::{Encoding, cp1125, unicode};
use std::sync::LazyLock;

/// Candidates and what each costs beforehand, in bits, for being seldom seen. `MacCyrillic` differs from
/// windows-1251 in one lower-case letter only, so that a short text with one odd sign decides by it.
/// The first of equal ones wins: a text with no more than quotes and dashes beyond ASCII reads the
/// same in windows-1252 and windows-1251, and is Latin; Russian reads the same in KOI8-R and KOI8-U,
/// and in CP866 and CP1125, and is of the first, which Ukrainian letters alone overrule.
const CANDIDATES: [(Encoding, u64); 8] = [
    (Encoding::Windows1252, 0),
    (Encoding::Windows1251, 0),
    (Encoding::Koi8R, 1),
    (Encoding::Koi8U, 1),
    (Encoding::Cp866, 1),
    (Encoding::Cp1125, 1),
    (Encoding::Iso8859_5, 4),
    (Encoding::MacCyrillic, 3),
];

/// The 256 characters of a single-byte encoding.
pub fn characters(encoding: Encoding) -> [char; 256] {
    let bytes: [u8; 256] = std::array::from_fn(|index| index as u8);
    let decoded = match encoding.foreign() {
        Some(foreign) => unicode::decode_foreign(foreign, &bytes),
        None => cp1125::decode(&bytes),
    };
    let mut table = ['\0'; 256];
    for (place, character) in table.iter_mut().zip(decoded.text.chars()) {
        *place = character;
    }
    table
}

/// A candidate by its bytes.
struct Table {
    /// What each byte is to the model.
    symbols: [Symbol; 256],
    /// The UTF-8 of each byte, the first byte lowest, and its length in the highest byte: no character of
    /// these encodings has more than three.
    utf8: [u32; 256],
}

static TABLES: LazyLock<[Table; 8]> = LazyLock::new(|| {
    CANDIDATES.map(|(encoding, _)| {
        let characters = characters(encoding);
        Table {
            symbols: characters.map(symbol),
            utf8: characters.map(|character| {
                let mut bytes = [0; 4];
                let length = character.encode_utf8(&mut bytes).len();
                assert!(length < 4, "characters of three bytes");
                bytes[3] = length as u8;
                u32::from_le_bytes(bytes)
            }),
        }
    })
});

/// The text of `bytes` in a single-byte encoding, all of whose bytes are characters; `None` for other
/// encodings.
pub fn decode(encoding: Encoding, bytes: &[u8]) -> Option<String> {
    let of = CANDIDATES
        .iter()
        .position(|(known, _)| *known == encoding)?;
    let table = &TABLES[of].utf8;
    let utf8 = |byte: &u8| table[usize::from(*byte)];
    let length = |utf8: u32| (utf8 >> 24) as usize;
    let whole: usize = bytes.iter().map(|byte| length(utf8(byte))).sum();
    // Each is written as four bytes, of which the next one covers what is not its own.
    let mut text = vec![0; whole + 4];
    let mut at = 0;
    for byte in bytes {
        let utf8 = utf8(byte);
        text[at..at + 4].copy_from_slice(&utf8.to_le_bytes());
        at += length(utf8);
    }
    text.truncate(whole);
    // SAFETY: it is the UTF-8 of one character after another, each as `encode_utf8` wrote it, and nothing
    // else: what is behind the last of them is cut off.
    Some(unsafe { String::from_utf8_unchecked(text) })
}

/// The cost of `sample` in each candidate.
pub fn costs(sample: &[u8]) -> [(Encoding, Tally); 8] {
    std::array::from_fn(|index| {
        let (encoding, prior) = CANDIDATES[index];
        let symbols = &TABLES[index].symbols;
        let mut tally = tally(sample.iter().map(|byte| symbols[usize::from(*byte)]));
        tally.cost += prior * BIT;
        (encoding, tally)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_one_character() {
        for (encoding, _) in CANDIDATES {
            let bytes: Vec<u8> = (0..=255).collect();
            let decoded = encoding.decode(&bytes);
            assert_eq!(decoded.text.chars().count(), 256, "{}", encoding.name());
            assert!(decoded.invalid.is_empty());
            let text: String = characters(encoding).iter().collect();
            assert_eq!(decoded.text, text, "{}", encoding.name());
            let half = encoding.decode(&bytes[..200]).text;
            assert!(text.starts_with(&half), "{}", encoding.name());
        }
        assert_eq!(characters(Encoding::Koi8R)[0xc1], 'а');
        assert_eq!(characters(Encoding::MacCyrillic)[0xdf], 'я');
    }
}
