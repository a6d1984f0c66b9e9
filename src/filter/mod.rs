//! Filter rules: which documents are kept, and by which rule and number the others are dropped.
//!
//! A rule is one row of [`RULES`]: a pure measurement of a document, a bound, and a threshold for
//! English and for Russian. A profile is an ordered choice of rules. Nothing here reads a file,
//! starts a thread or counts: a filter returns a verdict with a [`Reason`], the caller counts.
//!
//! What the rules share (words, lines, n-grams) is measured once for each document, and only when
//! the first rule asks for it. The `prose` profile costs one pass over the words, one hash table of
//! the word pairs and one of the lines: longer n-grams are looked at only where shorter ones repeat.

mod counts;
mod exchange;
mod filters;
mod hash;
mod lines;
mod measure;
mod ngrams;
mod profile;
mod rules;
mod sentences;
mod spacy;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use exchange::Exchange;
pub use filters::{Filters, Measured};
pub use measure::TextMeasures;
pub use profile::{PROFILES, Profile, default_profile};
pub use rules::c4_clean::{Cleaned, LinesCut, c4_clean};
pub use table::{RULES, rule};

use crate::document::{Document, Kind};

/// What the filters say of a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// No rule objects.
    Keep,
    /// The first rule, in the order of the profile, that objects.
    Drop(Reason),
}

/// Why a document was dropped, in plain numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reason {
    /// Name of the rule, one of [`RULES`].
    pub rule: &'static str,
    /// What was measured.
    pub value: f64,
    /// The bound that the value broke.
    pub threshold: f64,
}

/// One rule: a row of [`RULES`], which also feeds the help, the docs and the tests.
#[derive(Debug)]
pub struct Rule {
    /// Name in reports and flags, `snake_case`.
    pub name: &'static str,
    /// One sentence: what is dropped.
    pub what: &'static str,
    /// Where the rule and its thresholds are from.
    pub source: &'static str,
    /// On which side of the threshold documents are dropped.
    pub drop_when: Bound,
    /// Threshold for English and every other language but Russian, `None` where the rule is off.
    pub en: Option<f64>,
    /// Threshold for Russian, `None` where the rule is off.
    pub ru: Option<f64>,
    /// The measurement.
    pub check: Check,
}

/// The side of the threshold on which documents are dropped; a value equal to it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Dropped when the value is greater.
    Above,
    /// Dropped when the value is smaller.
    Below,
}

/// What a rule measures. `None` means that the rule has nothing to say of this document.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// A number of a running text.
    Text(fn(&TextMeasures) -> Option<f64>),
    /// A number of a conversation or a preference.
    Exchange(fn(&Exchange) -> Option<f64>),
    /// A number of the document's own columns, for running texts.
    Columns(fn(&Document) -> Option<f64>),
}

impl Rule {
    /// The kinds of document that the rule looks at. Rules of running text never see Q&A.
    #[must_use]
    pub fn kinds(&self) -> &'static [Kind] {
        match self.check {
            Check::Text(_) | Check::Columns(_) => &[Kind::Text],
            Check::Exchange(_) => &[Kind::Chat, Kind::Preference],
        }
    }

    /// The threshold for documents of `column`.
    #[must_use]
    pub fn threshold(&self, column: Column) -> Option<f64> {
        match column {
            Column::English => self.en,
            Column::Russian => self.ru,
        }
    }
}

impl Bound {
    /// Whether `value` is on the wrong side of `threshold`.
    #[must_use]
    pub fn breaks(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::Below => value < threshold,
        }
    }
}

/// Which thresholds and stop words a text is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// English, and every language without thresholds of its own.
    English,
    /// Russian.
    Russian,
}

/// Whether a rule is prep's or, to the letter, its source's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fidelity {
    /// With the departures that each rule's docs list.
    #[default]
    Prep,
    /// As the source does it.
    Source,
}

/// `part / whole`, and 0 of nothing.
#[allow(
    clippy::cast_precision_loss,
    reason = "counts of one document are far below 2^52"
)]
fn fraction(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// A count as the plain number that reports hold.
#[allow(
    clippy::cast_precision_loss,
    reason = "counts of one document are far below 2^52"
)]
fn number(count: usize) -> f64 {
    count as f64
}
