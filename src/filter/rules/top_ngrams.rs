//! The most common n-gram.
//!
//! - **Drops**: a text of whose characters the most common 2-, 3- or 4-gram makes up more than 20, 18
//!   or 16 %, in Russian 18.4, 16.4 or 14.6 %.
//! - **Why**: one phrase over and over is spam.
//! - **Example**: "купить слона купить слона …" is dropped.
//! - **Source**: Gopher repetition (`top_n_gram`), FineWeb-2 for Russian. Characters of one occurrence,
//!   single spaces between its words, times its count.
//! - **Departs**: an n-gram that occurs once is no repetition (in the source it makes up a whole short
//!   text), and nothing is said of texts under 50 words: refrains of short verse. The `prose` profile
//!   drops above 25 %: manuals repeat their terms.

use crate::filter::{Bound, Check, Fidelity, Rule, TextMeasures, fraction};

const SOURCE: &str = "Gopher repetition, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_repetition_filter.py; ru: fineweb-2 rus_Cyrl.yml";

/// Row of the table.
pub const TOP_2: Rule = Rule {
    name: "top_2_gram",
    what: "Share of characters in the most common 2-gram above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.2),
    ru: Some(0.184),
    check: Check::Text(share::<2>),
};

/// Row of the table.
pub const TOP_3: Rule = Rule {
    name: "top_3_gram",
    what: "Share of characters in the most common 3-gram above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.18),
    ru: Some(0.164),
    check: Check::Text(share::<3>),
};

/// Row of the table.
pub const TOP_4: Rule = Rule {
    name: "top_4_gram",
    what: "Share of characters in the most common 4-gram above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.16),
    ru: Some(0.146),
    check: Check::Text(share::<4>),
};

fn share<const N: usize>(text: &TextMeasures) -> Option<f64> {
    text.enough_words()?;
    let top = text.ngrams().top(N);
    let once = top.count < 2 && text.fidelity == Fidelity::Prep;
    Some(if once {
        0.0
    } else {
        fraction(top.count * top.characters, text.characters)
    })
}
