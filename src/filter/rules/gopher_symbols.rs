//! Hashes and ellipses.
//!
//! - **Drops**: a text with more than one "#", or more than one ellipsis, to 10 words.
//! - **Why**: hashtag lists, and pages of teasers cut off in the middle ("read more...").
//! - **Example**: "#котики #милота #дом" is dropped, a Markdown page with headings is kept.
//! - **Source**: Gopher quality (`gopher_too_many_hashes`, `gopher_too_many_ellipsis`). Web profiles only.

use crate::filter::{Bound, Check, Rule, TextMeasures, fraction};
use memchr::{memchr_iter, memmem};

const SOURCE: &str = "Gopher quality, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml";

/// Row of the table.
pub const HASHES: Rule = Rule {
    name: "gopher_too_many_hashes",
    what: "More \"#\" a word than the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.1),
    ru: Some(0.1),
    check: Check::Text(hashes),
};

/// Row of the table.
pub const ELLIPSES: Rule = Rule {
    name: "gopher_too_many_ellipsis",
    what: "More ellipses a word than the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.1),
    ru: Some(0.1),
    check: Check::Text(ellipses),
};

fn hashes(text: &TextMeasures) -> Option<f64> {
    Some(fraction(
        memchr_iter(b'#', text.text.as_bytes()).count(),
        text.words().total(),
    ))
}

fn ellipses(text: &TextMeasures) -> Option<f64> {
    let count = |mark: &str| memmem::find_iter(text.text.as_bytes(), mark).count();
    Some(fraction(count("...") + count("…"), text.words().total()))
}
