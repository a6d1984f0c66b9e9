//! Lines that end a sentence.
//!
//! - **Drops**: a text of whose lines fewer than 12 % end in terminal punctuation, 23.1 % in Russian.
//! - **Why**: menus, tables and lists of goods end their lines in nothing.
//! - **Example**: a table of 30 products is dropped, three paragraphs are kept.
//! - **Source**: FineWeb (`line_punct_ratio`), FineWeb-2 for Russian. Web profiles only: verse and headings
//!   end lines in commas or nothing.
//! - **Departs**: `…` is terminal, and closing quotes and brackets may follow a terminal mark, so that «Да!»
//!   ends a sentence.

use crate::filter::{Bound, Check, Rule, fraction};

/// Row of the table.
pub const LINE_PUNCT: Rule = Rule {
    name: "line_punct_ratio",
    what: "Share of lines ending in terminal punctuation below the threshold",
    source: "FineWeb, Penedo et al. 2024, arXiv 2406.17557; datatrove fineweb_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml",
    drop_when: Bound::Below,
    en: Some(0.12),
    ru: Some(0.231),
    check: Check::Text(|text| Some(fraction(text.lines().terminal, text.lines().non_blank))),
};
