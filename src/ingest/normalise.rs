//! What is done to every text: line ends, byte order marks, Unicode NFC. Each is counted.
//!
//! Nothing rewrites typography: «», —, … and ё stay as written.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::AddAssign;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// How many pieces of text each repair changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repairs {
    /// Carriage returns became newlines.
    pub line_ends: u64,
    /// A byte order mark was removed.
    pub byte_order_mark: u64,
    /// Letters were composed (й from и and a breve, as macOS writes them).
    pub nfc: u64,
}

impl AddAssign for Repairs {
    fn add_assign(&mut self, other: Self) {
        self.line_ends += other.line_ends;
        self.byte_order_mark += other.byte_order_mark;
        self.nfc += other.nfc;
    }
}

/// Normalises `text`, counting into `repairs`; text that needs nothing is not copied.
pub fn normalise<'a>(text: &'a str, repairs: &mut Repairs) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        text = Cow::Owned(rest.to_owned());
        repairs.byte_order_mark += 1;
    }
    if memchr::memchr(b'\r', text.as_bytes()).is_some() {
        text = Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"));
        repairs.line_ends += 1;
    }
    if !text.is_ascii() && is_nfc_quick(text.chars()) != IsNormalized::Yes {
        let composed: String = text.nfc().collect();
        if composed != *text {
            text = Cow::Owned(composed);
            repairs.nfc += 1;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_what_is_broken_and_leaves_typography() {
        let mut repairs = Repairs::default();
        assert_eq!(normalise("\u{feff}a\r\nb\rc", &mut repairs), "a\nb\nc");
        assert_eq!(normalise("и\u{306}", &mut repairs), "й");
        let healthy = "«Ёж» — 5…";
        assert!(matches!(normalise(healthy, &mut repairs), Cow::Borrowed(_)));
        assert_eq!(
            repairs,
            Repairs {
                line_ends: 1,
                byte_order_mark: 1,
                nfc: 1
            }
        );
    }
}
