//! Single-byte encodings as candidates for a sample: what it costs to read it in each.

use super::Encoding;
use super::russian::{BIT, Symbol, Tally, symbol, tally};

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
    let mut table = ['\0'; 256];
    for (place, character) in table.iter_mut().zip(encoding.decode(&bytes).text.chars()) {
        *place = character;
    }
    table
}

/// The cost of `sample` in each candidate.
pub fn costs(sample: &[u8]) -> [(Encoding, Tally); 8] {
    CANDIDATES.map(|(encoding, prior)| {
        let symbols: [Symbol; 256] = characters(encoding).map(symbol);
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
        }
        assert_eq!(characters(Encoding::Koi8R)[0xc1], 'а');
        assert_eq!(characters(Encoding::MacCyrillic)[0xdf], 'я');
    }
}
