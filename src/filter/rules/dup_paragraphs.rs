//! Repeated paragraphs.
//!
//! - **Drops**: a text in which more than 30 % of the paragraphs, or paragraphs with more than 20 % of its
//!   characters, stood in it before.
//! - **Why**: templates and scrapes that repeat one block.
//! - **Example**: one notice under each of 40 products is dropped.
//! - **Source**: Gopher repetition (`dup_para_frac`, `dup_para_char_frac`); FineWeb-2 turns both off for
//!   Russian. Web profiles only.

use crate::filter::{Bound, Check, Rule, fraction};

const SOURCE: &str = "Gopher repetition, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_repetition_filter.py; ru: fineweb-2 rus_Cyrl.yml";

/// Row of the table.
pub const SHARE: Rule = Rule {
    name: "dup_para_frac",
    what: "Share of paragraphs that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.3),
    ru: None,
    check: Check::Text(|text| {
        Some(fraction(
            text.paragraphs().duplicates,
            text.paragraphs().all,
        ))
    }),
};

/// Row of the table.
pub const CHARACTERS: Rule = Rule {
    name: "dup_para_char_frac",
    what: "Share of characters in paragraphs that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.2),
    ru: None,
    check: Check::Text(|text| {
        Some(fraction(
            text.paragraphs().duplicate_characters,
            text.characters,
        ))
    }),
};
