//! What is done to every text, in order: line ends, byte order marks, then the repairs of `repair`.
//!
//! Nothing rewrites typography: «», —, … and ё stay as written.

use super::repair::{self, Counts, Switches};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::AddAssign;

/// What was changed, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repairs {
    /// Texts whose carriage returns became newlines.
    pub line_ends: u64,
    /// Texts that lost a byte order mark.
    pub byte_order_mark: u64,
    /// Lines of UTF-8 files that were in another encoding and were decoded from it.
    pub rescued_lines: u64,
    /// JSON records with NaN, half of a surrogate pair or bare control characters, and commas missing
    /// between them.
    #[serde(default)]
    pub json: u64,
    /// The repairs that can be switched off, each in its own unit.
    #[serde(flatten)]
    pub text: Counts,
}

impl Repairs {
    /// What was done, with its unit, and how often; what was never done is left out.
    #[must_use]
    pub fn done(&self) -> Vec<(String, u64)> {
        let own = [
            ("line ends made newlines; texts", self.line_ends),
            ("byte order marks, removed; texts", self.byte_order_mark),
            (
                "lines in another encoding, decoded from it; lines",
                self.rescued_lines,
            ),
            (
                "JSON with NaN, halves of emoji, bare control characters or missing commas; records",
                self.json,
            ),
        ];
        let rows = repair::REPAIRS.iter();
        let made = rows.map(|row| {
            (
                format!("{}: {}", row.name, row.help),
                self.text.get(row.repair),
            )
        });
        let left = "mojibake left alone: letters are lost (�) or the repair is not certain; lines";
        own.map(|(name, count)| (name.to_owned(), count))
            .into_iter()
            .chain(made)
            .chain([(left.to_owned(), self.text.left())])
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

impl AddAssign for Repairs {
    fn add_assign(&mut self, other: Self) {
        self.line_ends += other.line_ends;
        self.byte_order_mark += other.byte_order_mark;
        self.rescued_lines += other.rescued_lines;
        self.json += other.json;
        self.text += other.text;
    }
}

/// Normalises `text`, counting into `repairs`; text that needs nothing is not copied.
pub fn normalise<'a>(text: &'a str, switches: Switches, repairs: &mut Repairs) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        text = Cow::Owned(rest.to_owned());
        repairs.byte_order_mark += 1;
    }
    if memchr::memchr(b'\r', text.as_bytes()).is_some() {
        text = Cow::Owned(with_newlines(&text));
        repairs.line_ends += 1;
    }
    match text {
        Cow::Borrowed(text) => repair::clean(text, switches, &mut repairs.text),
        Cow::Owned(text) => {
            let cleaned = match repair::clean(&text, switches, &mut repairs.text) {
                Cow::Owned(cleaned) => Some(cleaned),
                Cow::Borrowed(_) => None,
            };
            Cow::Owned(cleaned.unwrap_or(text))
        }
    }
}

/// `text` with a newline for each carriage return, or for one and the newline behind it.
fn with_newlines(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut copied = 0;
    for at in memchr::memchr_iter(b'\r', text.as_bytes()) {
        lines.push_str(&text[copied..at]);
        copied = at + 1;
        if text.as_bytes().get(copied) != Some(&b'\n') {
            lines.push('\n');
        }
    }
    lines + &text[copied..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::repair::Repair;

    #[test]
    fn repairs_what_is_broken_and_leaves_typography() {
        let mut repairs = Repairs::default();
        let mut run = |text| normalise(text, Switches::all(), &mut repairs).into_owned();
        assert_eq!(run("\u{feff}a\r\nb\rc"), "a\nb\nc");
        for text in ["\r", "\r\r\n", "\n\r", "а\r\n\r\nб\r\rв\n"] {
            let wanted = text.replace("\r\n", "\n").replace('\r', "\n");
            assert_eq!(with_newlines(text), wanted);
        }
        assert_eq!(run("и\u{306}"), "й");
        assert_eq!(run("Пере\u{ad}нос"), "Перенос");
        let mut none = Repairs::default();
        let healthy = "«Ёж» — 5…";
        assert!(matches!(
            normalise(healthy, Switches::all(), &mut none),
            Cow::Borrowed(_)
        ));
        assert_eq!(none, Repairs::default());
        assert_eq!((repairs.line_ends, repairs.byte_order_mark), (1, 1));
        assert_eq!(
            (
                repairs.text.get(Repair::Nfc),
                repairs.text.get(Repair::SoftHyphens)
            ),
            (1, 1)
        );
    }
}
