//! Lines that are bullets, or that break off.
//!
//! - **Drops**: a text of which more than 90 % of the lines start with "•" or "-", or more than 30 % end in
//!   an ellipsis.
//! - **Why**: lists without prose, and lists of teasers.
//! - **Example**: ten lines "- товар" are dropped, a list below a paragraph is kept.
//! - **Source**: Gopher quality (`gopher_too_many_bullets`, `gopher_too_many_end_ellipsis`). Web profiles
//!   only: the dash opens speech in Russian, so a page of dialogue typed with hyphens is all "bullets".

use crate::filter::{Bound, Check, Rule, fraction};

const SOURCE: &str = "Gopher quality, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml";

/// Row of the table.
pub const BULLETS: Rule = Rule {
    name: "gopher_too_many_bullets",
    what: "Share of lines starting with \"•\" or \"-\" above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.9),
    ru: Some(0.9),
    check: Check::Text(|text| Some(fraction(text.lines().bullets, text.lines().all))),
};

/// Row of the table.
pub const END_ELLIPSES: Rule = Rule {
    name: "gopher_too_many_end_ellipsis",
    what: "Share of lines ending in an ellipsis above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.3),
    ru: Some(0.3),
    check: Check::Text(|text| Some(fraction(text.lines().end_ellipsis, text.lines().all))),
};
