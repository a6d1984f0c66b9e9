//! Lines to words.
//!
//! - **Drops**: a text with more than 3 newlines to 10 words, 1.39 in Russian.
//! - **Why**: lists of single words.
//! - **Example**: a list of cities is dropped, prose is kept.
//! - **Source**: FineWeb (`list_ratio`), FineWeb-2 for Russian. Web profiles only: a line of verse has 4 to
//!   7 words.

use crate::filter::{Bound, Check, Rule, fraction};

/// Row of the table.
pub const LIST: Rule = Rule {
    name: "list_ratio",
    what: "Newlines a word above the threshold",
    source: "FineWeb, Penedo et al. 2024, arXiv 2406.17557; datatrove fineweb_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml",
    drop_when: Bound::Above,
    en: Some(0.3),
    ru: Some(0.139),
    check: Check::Text(|text| Some(fraction(text.lines().newlines, text.word_count()))),
};
