//! Length in words.
//!
//! - **Drops**: a text of fewer than 50 or more than 100,000 words that are not symbols.
//! - **Why**: very short web pages are menus and stubs; very long ones are dumps.
//! - **Example**: "Контакты | О нас" is dropped, a page of five paragraphs is kept.
//! - **Source**: Gopher quality (`gopher_short_doc`, `gopher_long_doc`); the same in FineWeb-2 for Russian.
//!   Web profiles only: headings, couplets and whole books are good prose.

use crate::filter::{Bound, Check, Rule, number};

const SOURCE: &str = "Gopher quality, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml";

/// Row of the table.
pub const SHORT: Rule = Rule {
    name: "gopher_short_doc",
    what: "Fewer words, symbols not counted, than the threshold",
    source: SOURCE,
    drop_when: Bound::Below,
    en: Some(50.0),
    ru: Some(50.0),
    check: Check::Text(|text| Some(number(text.words().non_symbol))),
};

/// Row of the table.
pub const LONG: Rule = Rule {
    name: "gopher_long_doc",
    what: "More words, symbols not counted, than the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(100_000.0),
    ru: Some(100_000.0),
    check: Check::Text(|text| Some(number(text.words().non_symbol))),
};
