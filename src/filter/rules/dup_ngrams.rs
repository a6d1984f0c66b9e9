//! Repeated n-grams.
//!
//! - **Drops**: a text of whose characters more than 15, 14, 13, 12, 11 or 10 % are in 5-, 6-, 7-, 8-,
//!   9- or 10-grams that occurred before; in Russian 16.8, 15.6, 14.5, 13.3, 12.1 or 10.9 %.
//! - **Why**: templates and generated pages say the same with other names put in.
//! - **Example**: "Доставка по городу в течение трёх дней …" between 40 prices is dropped.
//! - **Source**: Gopher repetition (`dup_n_gram`), FineWeb-2 for Russian. Scans greedily: an n-gram
//!   seen before adds its characters without spaces, and the scan goes on behind it.
//! - **Departs**: nothing is said of texts under 50 words: refrains of short verse. The `prose` profile
//!   drops above 50 to 40 %: manuals and textbooks repeat phrases and code on purpose.

use crate::filter::{Bound, Check, Rule, TextMeasures, fraction};

const SOURCE: &str = "Gopher repetition, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_repetition_filter.py; ru: fineweb-2 rus_Cyrl.yml";

/// Row of the table.
pub const DUP_5: Rule = Rule {
    name: "dup_5_gram",
    what: "Share of characters in 5-grams that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.15),
    ru: Some(0.168),
    check: Check::Text(share::<5>),
};

/// Row of the table.
pub const DUP_6: Rule = Rule {
    name: "dup_6_gram",
    what: "Share of characters in 6-grams that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.14),
    ru: Some(0.156),
    check: Check::Text(share::<6>),
};

/// Row of the table.
pub const DUP_7: Rule = Rule {
    name: "dup_7_gram",
    what: "Share of characters in 7-grams that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.13),
    ru: Some(0.145),
    check: Check::Text(share::<7>),
};

/// Row of the table.
pub const DUP_8: Rule = Rule {
    name: "dup_8_gram",
    what: "Share of characters in 8-grams that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.12),
    ru: Some(0.133),
    check: Check::Text(share::<8>),
};

/// Row of the table.
pub const DUP_9: Rule = Rule {
    name: "dup_9_gram",
    what: "Share of characters in 9-grams that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.11),
    ru: Some(0.121),
    check: Check::Text(share::<9>),
};

/// Row of the table.
pub const DUP_10: Rule = Rule {
    name: "dup_10_gram",
    what: "Share of characters in 10-grams that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.1),
    ru: Some(0.109),
    check: Check::Text(share::<10>),
};

fn share<const N: usize>(text: &TextMeasures) -> Option<f64> {
    text.enough_words()?;
    Some(fraction(
        text.ngrams().duplicate_characters(N),
        text.characters,
    ))
}
