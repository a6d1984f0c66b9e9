//! The encodings that Russian and English text comes in: which one a file has, and its text.
//!
//! Detection is our own because detectors for the web guess among forty encodings and err on short
//! Russian text; here are eleven single-byte and Unicode families, a strict look at their structure
//! and a model of Russian letter pairs (1.2 KB), which is right on 100 bytes. Decoding is `encoding_rs`
//! but for UTF-32, which the web has dropped.
//!
//! ```text
//! sample ─▶ detect ─▶ Encoding ┬ is_ascii_superset: cut blocks at b'\n', then `decode` each
//!                              └ else: `reader` around the file yields UTF-8, then cut as always
//! ```

mod bigrams;
mod cp1125;
mod detect;
mod reader;
pub mod russian;
mod single_byte;
#[cfg(test)]
pub(crate) mod tests;
mod unicode;

pub use detect::{Detected, bits_behind, detect, rescue_line, runner_up};
pub use reader::Utf8Reader;

use encoding_rs::{
    IBM866, ISO_8859_5, KOI8_R, KOI8_U, UTF_16BE, UTF_16LE, WINDOWS_1251, WINDOWS_1252,
    X_MAC_CYRILLIC,
};
use std::io::Read;
use std::ops::Range;

/// How the characters of a text are written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, ASCII included.
    Utf8,
    /// UTF-8 after a byte order mark.
    Utf8Bom,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, little-endian, after a byte order mark.
    Utf16LeBom,
    /// UTF-16, big-endian.
    Utf16Be,
    /// UTF-16, big-endian, after a byte order mark.
    Utf16BeBom,
    /// UTF-32, little-endian.
    Utf32Le,
    /// UTF-32, little-endian, after a byte order mark.
    Utf32LeBom,
    /// UTF-32, big-endian.
    Utf32Be,
    /// UTF-32, big-endian, after a byte order mark.
    Utf32BeBom,
    /// Cyrillic of Windows.
    Windows1251,
    /// Cyrillic of Unix and early mail.
    Koi8R,
    /// Cyrillic of Unix with the Ukrainian and Belarusian letters.
    Koi8U,
    /// Cyrillic of DOS.
    Cp866,
    /// Ukrainian of DOS.
    Cp1125,
    /// Cyrillic of the ISO, seldom used.
    Iso8859_5,
    /// Western European of Windows; holds all of ISO-8859-1's letters.
    Windows1252,
    /// Cyrillic of the old Macintosh.
    MacCyrillic,
}

/// What is known of an encoding.
pub struct Row {
    /// Which.
    pub encoding: Encoding,
    /// The name in reports, the first of those that `--encoding` takes.
    pub name: &'static str,
    /// Other names, in lower case.
    pub aliases: &'static [&'static str],
    /// The byte order mark that it begins with, empty for none.
    pub mark: &'static [u8],
}

/// All encodings. Where marks have the same beginning, the longer one comes first.
pub const ENCODINGS: &[Row] = &[
    row(Encoding::Utf8, "utf-8", &["utf8", "ascii", "us-ascii"], b""),
    row(
        Encoding::Utf8Bom,
        "utf-8-bom",
        &["utf-8-sig", "utf8-bom"],
        b"\xef\xbb\xbf",
    ),
    row(
        Encoding::Utf32LeBom,
        "utf-32le-bom",
        &["utf-32", "utf32"],
        b"\xff\xfe\0\0",
    ),
    row(Encoding::Utf32BeBom, "utf-32be-bom", &[], b"\0\0\xfe\xff"),
    row(
        Encoding::Utf16LeBom,
        "utf-16le-bom",
        &["utf-16", "utf16", "unicode"],
        b"\xff\xfe",
    ),
    row(Encoding::Utf16BeBom, "utf-16be-bom", &[], b"\xfe\xff"),
    row(Encoding::Utf16Le, "utf-16le", &["utf16le", "ucs-2le"], b""),
    row(Encoding::Utf16Be, "utf-16be", &["utf16be", "ucs-2be"], b""),
    row(Encoding::Utf32Le, "utf-32le", &["utf32le", "ucs-4le"], b""),
    row(Encoding::Utf32Be, "utf-32be", &["utf32be", "ucs-4be"], b""),
    row(
        Encoding::Windows1251,
        "windows-1251",
        &["cp1251", "win-1251", "win1251", "1251"],
        b"",
    ),
    row(Encoding::Koi8R, "koi8-r", &["koi8r", "koi8", "koi"], b""),
    row(Encoding::Koi8U, "koi8-u", &["koi8u", "koi8-ru"], b""),
    row(Encoding::Cp866, "cp866", &["ibm866", "866", "dos"], b""),
    row(
        Encoding::Cp1125,
        "cp1125",
        &["ibm1125", "1125", "cp866u", "ruscii"],
        b"",
    ),
    row(
        Encoding::Iso8859_5,
        "iso-8859-5",
        &["iso8859-5", "iso_8859-5"],
        b"",
    ),
    row(
        Encoding::Windows1252,
        "windows-1252",
        &["cp1252", "iso-8859-1", "latin1", "latin-1", "1252"],
        b"",
    ),
    row(
        Encoding::MacCyrillic,
        "x-mac-cyrillic",
        &["maccyrillic", "mac-cyrillic", "x-mac-ukrainian"],
        b"",
    ),
];

const fn row(
    encoding: Encoding,
    name: &'static str,
    aliases: &'static [&'static str],
    mark: &'static [u8],
) -> Row {
    Row {
        encoding,
        name,
        aliases,
        mark,
    }
}

/// Text out of bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text; U+FFFD stands where bytes are no character.
    pub text: String,
    /// The bytes that are no character.
    pub invalid: Vec<Range<usize>>,
}

impl Encoding {
    /// The encoding that a person means by `name`.
    ///
    /// # Errors
    /// When there is none: the message lists the names.
    pub fn parse(name: &str) -> Result<Self, String> {
        let wanted = name.to_ascii_lowercase();
        ENCODINGS
            .iter()
            .find(|row| row.name == wanted || row.aliases.contains(&wanted.as_str()))
            .map(|row| row.encoding)
            .ok_or_else(|| {
                let names: Vec<_> = ENCODINGS.iter().map(|row| row.name).collect();
                format!("unknown encoding {name:?}; known are {}", names.join(", "))
            })
    }

    fn row(self) -> &'static Row {
        // Every variant has its row, which a test checks.
        ENCODINGS
            .iter()
            .find(|row| row.encoding == self)
            .unwrap_or(&ENCODINGS[0])
    }

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The byte order mark, empty for none.
    #[must_use]
    pub fn mark(self) -> &'static [u8] {
        self.row().mark
    }

    /// Whether b'\n' is a newline wherever it stands, so that bytes may be cut there before decoding.
    #[must_use]
    pub fn is_ascii_superset(self) -> bool {
        !self.is_utf16() && !self.is_utf32()
    }

    /// Whether the bytes are UTF-8 already, but for a mark at the beginning.
    #[must_use]
    pub fn is_utf8(self) -> bool {
        matches!(self, Self::Utf8 | Self::Utf8Bom)
    }

    fn is_utf16(self) -> bool {
        matches!(
            self,
            Self::Utf16Le | Self::Utf16LeBom | Self::Utf16Be | Self::Utf16BeBom
        )
    }

    fn is_utf32(self) -> bool {
        self.utf32_order().is_some()
    }

    /// Big-endian or not, of UTF-32.
    fn utf32_order(self) -> Option<unicode::Order> {
        match self {
            Self::Utf32Le | Self::Utf32LeBom => Some(unicode::Order::Little),
            Self::Utf32Be | Self::Utf32BeBom => Some(unicode::Order::Big),
            _ => None,
        }
    }

    /// What `encoding_rs` calls it, `None` for UTF-8, UTF-32 and CP1125.
    pub(super) fn foreign(self) -> Option<&'static encoding_rs::Encoding> {
        match self {
            Self::Utf16Le | Self::Utf16LeBom => Some(UTF_16LE),
            Self::Utf16Be | Self::Utf16BeBom => Some(UTF_16BE),
            Self::Windows1251 => Some(WINDOWS_1251),
            Self::Koi8R => Some(KOI8_R),
            Self::Koi8U => Some(KOI8_U),
            Self::Cp866 => Some(IBM866),
            Self::Iso8859_5 => Some(ISO_8859_5),
            Self::Windows1252 => Some(WINDOWS_1252),
            Self::MacCyrillic => Some(X_MAC_CYRILLIC),
            _ => None,
        }
    }

    /// The text of `bytes`, whole characters; a byte order mark at the beginning is left out.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Decoded {
        let mark = match self.mark() {
            mark if bytes.starts_with(mark) => mark.len(),
            _ => 0,
        };
        if let Some(text) = single_byte::decode(self, bytes) {
            return Decoded {
                text,
                invalid: Vec::new(),
            };
        }
        let mut decoded = match (self.foreign(), self.utf32_order()) {
            (Some(foreign), _) => unicode::decode_foreign(foreign, &bytes[mark..]),
            (None, Some(order)) => unicode::decode_utf32(order, &bytes[mark..]),
            (None, None) => unicode::decode_utf8(&bytes[mark..]),
        };
        for range in &mut decoded.invalid {
            *range = range.start + mark..range.end + mark;
        }
        decoded
    }

    /// `inner` as UTF-8, without the byte order mark; U+FFFD stands where bytes are no character.
    pub fn reader<R: Read>(self, inner: R) -> Utf8Reader<R> {
        Utf8Reader::new(self, inner)
    }
}
