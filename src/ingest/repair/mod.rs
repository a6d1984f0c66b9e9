//! Repairs of text: what terminals, printers, scanners and wrong decoders left in it.
//!
//! Every repair is a row of [`REPAIRS`] with its switch and its count, so that the report can say what
//! was changed and any of them can be turned off. Healthy text is looked at once, 64 bytes at a time,
//! and not copied. The order matters: mojibake first, because its C1 control characters are halves of
//! letters; then pages (form feeds), then [`clean`].
//!
//! Nothing here rewrites typography or spelling: «», —, ё and … stay as written.

mod ansi;
mod hyphens;
mod indentation;
mod invisible;
pub mod mojibake;
mod overstrike;
mod pages;
mod scan;
#[cfg(test)]
mod tests;

pub use mojibake::{mojibake, mojibake_lines};
pub use pages::pages;

use scan::Suspects;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::AddAssign;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A kind of repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Text that was decoded the wrong way.
    Mojibake,
    /// Headers, footers and page numbers.
    Pages,
    /// Indentation by which a layout was drawn with spaces.
    Layout,
    /// Words cut at line ends.
    Hyphens,
    /// Colours and cursor movements of terminals.
    Ansi,
    /// Bold and underlined as a printer strikes them.
    Overstrikes,
    /// Quotes and dashes of windows-1252 that became control characters.
    Windows1252,
    /// NUL, BEL and their like.
    Controls,
    /// Hyphens that show at line ends only.
    SoftHyphens,
    /// Spaces and joiners without a width.
    ZeroWidth,
    /// Marks of writing direction.
    Bidi,
    /// U+2028 and U+2029.
    LineSeparators,
    /// Letters in pieces.
    Nfc,
    /// Bytes that are no character.
    BadBytes,
}

/// What is known of a repair.
pub struct Row {
    /// Which.
    pub repair: Repair,
    /// The name on the command line and in the report.
    pub name: &'static str,
    /// What it does and what is counted, for the help.
    pub help: &'static str,
}

/// All repairs, in the order of [`Repair`].
pub const REPAIRS: &[Row] = &[
    row(
        Repair::Mojibake,
        "mojibake",
        "text decoded the wrong way (Ð¿Ñ€Ð¸Ð²ÐµÑ‚, РџСЂРёРІРµС‚, ïðèâåò) where the repair is certain; lines",
    ),
    row(
        Repair::Pages,
        "pages",
        "headers, footers and page numbers that recur at form feeds; lines",
    ),
    row(
        Repair::Layout,
        "layout",
        "indentation of pages laid out with spaces; lines",
    ),
    row(
        Repair::Hyphens,
        "hyphens",
        "words cut at line ends, joined; words",
    ),
    row(
        Repair::Ansi,
        "ansi",
        "terminal escape sequences, removed; sequences",
    ),
    row(
        Repair::Overstrikes,
        "overstrikes",
        "bold and underlined of man pages (x\\bx, _\\bx), made plain; characters",
    ),
    row(
        Repair::Windows1252,
        "windows-1252",
        "quotes, dashes and € of windows-1252 decoded as ISO-8859-1 (U+0080 to U+009F), made what they were; characters",
    ),
    row(
        Repair::Controls,
        "controls",
        "NUL, BEL and other control characters, removed; characters",
    ),
    row(
        Repair::SoftHyphens,
        "soft-hyphens",
        "soft hyphens, removed; characters",
    ),
    row(
        Repair::ZeroWidth,
        "zero-width",
        "zero-width spaces and joiners that join nothing, removed; characters",
    ),
    row(
        Repair::Bidi,
        "bidi",
        "marks of writing direction away from Arabic and Hebrew, removed; characters",
    ),
    row(
        Repair::LineSeparators,
        "line-separators",
        "U+2028 and U+2029, made newlines; characters",
    ),
    row(
        Repair::Nfc,
        "nfc",
        "letters in pieces (й of и and a breve), composed; lines",
    ),
    row(
        Repair::BadBytes,
        "bad-bytes",
        "bytes that are no character of the file's encoding, made U+FFFD where they are few; places",
    ),
];

const fn row(repair: Repair, name: &'static str, help: &'static str) -> Row {
    Row { repair, name, help }
}

/// Which repairs are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches(u16);

impl Default for Switches {
    fn default() -> Self {
        Self::all()
    }
}

impl Switches {
    /// All of them.
    #[must_use]
    pub const fn all() -> Self {
        Self(u16::MAX)
    }

    /// None of them.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// These and `repair`.
    #[must_use]
    pub const fn with(self, repair: Repair) -> Self {
        Self(self.0 | 1 << repair as u16)
    }

    /// These but `repair`.
    #[must_use]
    pub const fn without(self, repair: Repair) -> Self {
        Self(self.0 & !(1 << repair as u16))
    }

    /// Whether `repair` is made.
    #[must_use]
    pub const fn has(self, repair: Repair) -> bool {
        self.0 & 1 << repair as u16 != 0
    }

    /// All but those that `names` lists, separated by commas; "all" turns everything off.
    ///
    /// # Errors
    /// When a name is unknown: the message lists the names.
    pub fn parse_off(names: &str) -> Result<Self, String> {
        let mut switches = Self::all();
        for name in names.split(',').map(str::trim) {
            switches = match REPAIRS.iter().find(|row| row.name == name) {
                Some(row) => switches.without(row.repair),
                None if name == "all" => Self::none(),
                None => {
                    let known: Vec<_> = REPAIRS.iter().map(|row| row.name).collect();
                    return Err(format!(
                        "unknown repair {name:?}; known are all, {}",
                        known.join(", ")
                    ));
                }
            };
        }
        Ok(switches)
    }

    /// The names of those that are made, for the configuration of a run.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let made = REPAIRS.iter().filter(|row| self.has(row.repair));
        made.map(|row| row.name).collect()
    }
}

/// How often each repair was made, in its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, u64>", from = "BTreeMap<String, u64>")]
pub struct Counts {
    made: [u64; REPAIRS.len()],
    /// Lines that are mojibake, or lost letters to it, and stay as they are.
    left: u64,
}

/// The name of [`Counts::left`] in reports.
const LEFT: &str = "mojibake_left";

impl Counts {
    /// Of one repair.
    #[must_use]
    pub fn get(&self, repair: Repair) -> u64 {
        self.made[repair as usize]
    }

    /// Lines that are mojibake, or lost letters to it, and stay as they are.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Of all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.made.iter().sum()
    }

    /// Adds repairs of one kind.
    pub fn add(&mut self, repair: Repair, count: u64) {
        self.made[repair as usize] += count;
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for (mine, others) in self.made.iter_mut().zip(other.made) {
            *mine += others;
        }
        self.left += other.left;
    }
}

impl From<Counts> for BTreeMap<String, u64> {
    fn from(counts: Counts) -> Self {
        REPAIRS
            .iter()
            .map(|row| (row.name, counts.get(row.repair)))
            .chain([(LEFT, counts.left)])
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}

impl From<BTreeMap<String, u64>> for Counts {
    fn from(map: BTreeMap<String, u64>) -> Self {
        let mut counts = Self::default();
        for row in REPAIRS {
            counts.add(row.repair, map.get(row.name).copied().unwrap_or(0));
        }
        counts.left = map.get(LEFT).copied().unwrap_or(0);
        counts
    }
}

/// Makes the repairs that need no more than the text itself, from `Ansi` to `Nfc` and the hyphens of
/// man pages. Carriage returns are left to the normalisation of line ends.
pub fn clean<'a>(text: &'a str, switches: Switches, counts: &mut Counts) -> Cow<'a, str> {
    let suspects = scan::suspects(text.as_bytes());
    if suspects == Suspects::NONE {
        return Cow::Borrowed(text);
    }
    let mut text = Cow::Borrowed(text);
    if suspects.has(Suspects::ESCAPE) && switches.has(Repair::Ansi) {
        replace(&mut text, |text| ansi::remove(text, counts));
    }
    if suspects.has(Suspects::BACKSPACE) && switches.has(Repair::Overstrikes) {
        replace(&mut text, |text| overstrike::flatten(text, counts));
    }
    if suspects.has(Suspects::HYPHEN) && switches.has(Repair::Hyphens) {
        replace(&mut text, |text| hyphens::join(text, None, counts));
    }
    if suspects.has(Suspects::INVISIBLE) {
        replace(&mut text, |text| invisible::remove(text, switches, counts));
    }
    if suspects.has(Suspects::UNCOMPOSED) && switches.has(Repair::Nfc) {
        replace(&mut text, |text| compose(text, counts));
    }
    text
}

/// The lines of `text` without their newlines, the last one without any.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    ends.map(move |end| {
        let line = &text[start..end];
        start = end + 1;
        line
    })
}

fn replace(text: &mut Cow<str>, repair: impl FnOnce(&str) -> Option<String>) {
    if let Some(repaired) = repair(text) {
        *text = Cow::Owned(repaired);
    }
}

/// NFC line by line: no composition crosses a newline, and most lines need none.
fn compose(text: &str, counts: &mut Counts) -> Option<String> {
    let mut composed = String::new();
    let mut copied = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let is_suspect = scan::suspects(line.as_bytes()).has(Suspects::UNCOMPOSED);
        if is_suspect && is_nfc_quick(line.chars()) != IsNormalized::Yes {
            let whole: String = line.nfc().collect();
            if whole != line {
                composed.push_str(&text[copied..at]);
                composed.push_str(&whole);
                copied = at + line.len();
                counts.add(Repair::Nfc, 1);
            }
        }
        at += line.len();
    }
    (copied > 0).then(|| composed + &text[copied..])
}
