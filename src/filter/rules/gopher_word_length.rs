//! Mean length of words.
//!
//! - **Drops**: a text whose words (symbols not counted) have fewer than 3 or more than 10 characters
//!   on average, 11 in Russian.
//! - **Why**: letters with spaces between them, number tables, glued words, base64 and identifiers are
//!   no language.
//! - **Example**: "а б в г д …" and "ЗаявлениеОПредоставленииУслуг …" are dropped.
//! - **Source**: Gopher quality (`gopher_below_avg_threshold`, `gopher_above_avg_threshold`), FineWeb-2
//!   for Russian.
//! - **Departs**: nothing is said of texts under 50 words («Я к вам пишу — чего же боле?» has 2.7
//!   characters a word): the source never gets to measure those. The `prose` profile drops above 13:
//!   API manuals have dotted names.

use crate::filter::{Bound, Check, Rule, TextMeasures, fraction};

const SOURCE: &str = "Gopher quality, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml";

/// Row of the table.
pub const BELOW: Rule = Rule {
    name: "gopher_below_avg_threshold",
    what: "Mean characters of words, symbols not counted, below the threshold",
    source: SOURCE,
    drop_when: Bound::Below,
    en: Some(3.0),
    ru: Some(3.0),
    check: Check::Text(mean),
};

/// Row of the table.
pub const ABOVE: Rule = Rule {
    name: "gopher_above_avg_threshold",
    what: "Mean characters of words, symbols not counted, above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(10.0),
    ru: Some(11.0),
    check: Check::Text(mean),
};

fn mean(text: &TextMeasures) -> Option<f64> {
    text.enough_words()?;
    Some(fraction(
        text.words().non_symbol_characters,
        text.words().non_symbol,
    ))
}
