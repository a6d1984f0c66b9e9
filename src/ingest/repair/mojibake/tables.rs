//! The decodings that text suffers, and back from their characters to bytes.

use encoding_rs::{
    Encoding, IBM866, ISO_8859_5, KOI8_R, MACINTOSH, WINDOWS_1251, WINDOWS_1252, X_MAC_CYRILLIC,
};
use std::sync::LazyLock;

/// A single-byte encoding both ways.
pub struct Table {
    /// Byte to character.
    pub characters: [char; 256],
    /// The bytes of characters up to Cyrillic, by character; 0 for those that have none.
    near: [u8; NEAR],
    /// Those of all others beyond ASCII, in order of characters.
    bytes: Vec<(char, u8)>,
    /// Which it is.
    pub reading: Reading,
}

/// Characters that are looked up by their place: Latin to Cyrillic, all that healthy text is made of.
const NEAR: usize = 0x460;

/// A decoding that was or should have been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// ISO-8859-1 and windows-1252, mixed as they come.
    Latin,
    /// windows-1251.
    Windows1251,
    /// KOI8-R.
    Koi8,
    /// CP866.
    Cp866,
    /// ISO-8859-5.
    Iso,
    /// Cyrillic of the old Macintosh.
    MacCyrillic,
    /// Latin of the old Macintosh.
    MacRoman,
}

static TABLES: LazyLock<[Table; 7]> = LazyLock::new(|| {
    [
        table(Reading::Latin, WINDOWS_1252),
        table(Reading::Windows1251, WINDOWS_1251),
        table(Reading::Koi8, KOI8_R),
        table(Reading::Cp866, IBM866),
        table(Reading::Iso, ISO_8859_5),
        table(Reading::MacCyrillic, X_MAC_CYRILLIC),
        table(Reading::MacRoman, MACINTOSH),
    ]
});

/// All readings.
pub fn tables() -> &'static [Table] {
    &*TABLES
}

fn table(reading: Reading, encoding: &'static Encoding) -> Table {
    let all: [u8; 256] = std::array::from_fn(|index| index as u8);
    let (text, _) = encoding.decode_without_bom_handling(&all);
    let mut characters = ['\u{fffd}'; 256];
    for (place, character) in characters.iter_mut().zip(text.chars()) {
        *place = character;
    }
    let mut bytes: Vec<(char, u8)> = (0x80..=0xff)
        .map(|byte| (characters[usize::from(byte)], byte))
        .collect();
    match reading {
        // Where windows-1252 has a sign, ISO-8859-1 has a control character.
        Reading::Latin => bytes.extend((0x80..=0x9f).map(|byte| (char::from(byte), byte))),
        // The one byte without a character, which decoders replace.
        Reading::Windows1251 => bytes.push(('\u{fffd}', 0x98)),
        _ => {}
    }
    bytes.sort_unstable();
    bytes.dedup_by_key(|(character, _)| *character);
    let mut near = [0; NEAR];
    bytes.retain(
        |(character, byte)| match near.get_mut(*character as usize) {
            Some(place) => {
                *place = *byte;
                false
            }
            None => true,
        },
    );
    Table {
        characters,
        near,
        bytes,
        reading,
    }
}

impl Table {
    /// The byte that was read as `character`.
    pub fn byte(&self, character: char) -> Option<u8> {
        if character.is_ascii() {
            return Some(character as u8);
        }
        if let Some(byte) = self.near.get(character as usize) {
            return (*byte != 0).then_some(*byte);
        }
        let found = self
            .bytes
            .binary_search_by_key(&character, |(known, _)| *known);
        found.ok().map(|index| self.bytes[index].1)
    }
}
