//! Words with a letter.
//!
//! - **Drops**: a text of whose words fewer than 80 % hold a letter, 71.3 % in Russian.
//! - **Why**: tables of numbers, logs, ASCII drawings.
//! - **Example**: "12:30 45,6 17 …" is dropped.
//! - **Source**: Gopher quality (`gopher_below_alpha_threshold`), FineWeb-2 for Russian.
//! - **Departs**: words are the stretches between white space, as in the paper. The source counts
//!   punctuation marks as words without a letter, which drops 3 % of Dracula for its dialogue. Nothing
//!   is said of texts under 50 words. The `prose` profile drops below 40 %: manuals have code and
//!   tables.

use crate::filter::{Bound, Check, Fidelity, Rule, TextMeasures, fraction};

/// Row of the table.
pub const ALPHA: Rule = Rule {
    name: "gopher_below_alpha_threshold",
    what: "Share of words with a letter below the threshold",
    source: "Gopher quality, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml",
    drop_when: Bound::Below,
    en: Some(0.8),
    ru: Some(0.713),
    check: Check::Text(share),
};

fn share(text: &TextMeasures) -> Option<f64> {
    text.enough_words()?;
    let words = text.words();
    Some(match text.fidelity {
        Fidelity::Prep => fraction(words.stretches_with_letter, words.stretches),
        Fidelity::Source => fraction(words.with_letter, words.total()),
    })
}
