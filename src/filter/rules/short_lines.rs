//! Short lines.
//!
//! - **Drops**: a text of whose lines more than 67 % have at most 30 characters.
//! - **Why**: menus and tables.
//! - **Example**: a menu is dropped, three paragraphs are kept.
//! - **Source**: FineWeb (`short_line_ratio`); FineWeb-2 turns it off for Russian. Web profiles only: verse
//!   has short lines.

use crate::filter::{Bound, Check, Rule, fraction};

/// Row of the table.
pub const SHORT_LINES: Rule = Rule {
    name: "short_line_ratio",
    what: "Share of lines of at most 30 characters above the threshold",
    source: "FineWeb, Penedo et al. 2024, arXiv 2406.17557; datatrove fineweb_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml",
    drop_when: Bound::Above,
    en: Some(0.67),
    ru: None,
    check: Check::Text(|text| Some(fraction(text.lines().short, text.lines().non_blank))),
};
