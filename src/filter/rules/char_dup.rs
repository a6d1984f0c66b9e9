//! Characters in repeated lines.
//!
//! - **Drops**: a text in which lines that stood in it before have more than 1 % of the characters, 10 % in
//!   Russian.
//! - **Why**: page templates repeat headings, bylines and buttons.
//! - **Example**: "Читать далее" below each of 20 teasers is dropped.
//! - **Source**: FineWeb (`char_dup_ratio`), FineWeb-2 for Russian. Newlines do not count as characters. Web
//!   profiles only: songs have refrains.

use crate::filter::{Bound, Check, Rule, fraction};

/// Row of the table.
pub const CHAR_DUP: Rule = Rule {
    name: "char_dup_ratio",
    what: "Share of characters in lines that occurred before above the threshold",
    source: "FineWeb, Penedo et al. 2024, arXiv 2406.17557; datatrove fineweb_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml",
    drop_when: Bound::Above,
    en: Some(0.01),
    ru: Some(0.1),
    check: Check::Text(|text| {
        Some(fraction(
            text.lines().duplicate_characters,
            text.characters - text.lines().newlines,
        ))
    }),
};
