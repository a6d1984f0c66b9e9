//! No letter at all.
//!
//! - **Drops**: a text without a single letter.
//! - **Why**: page numbers, rulers and empty texts teach nothing; the other rules of `prose` do not judge
//!   texts this short.
//! - **Example**: "* * *" and "— 17 —" are dropped, "Глава 1" is kept.
//! - **Source**: prep.

use crate::filter::{Bound, Check, Rule, number};

/// Row of the table.
pub const NO_LETTERS: Rule = Rule {
    name: "no_letters",
    what: "Fewer words with a letter than the threshold",
    source: "prep",
    drop_when: Bound::Below,
    en: Some(1.0),
    ru: Some(1.0),
    check: Check::Text(|text| Some(number(text.words().with_letter))),
};
