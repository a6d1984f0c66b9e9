//! C4's marks of pages that are not prose.
//!
//! - **Drops**: a text that, without the lines that C4 cuts, has "lorem ipsum", or "{", or fewer than 5
//!   sentences.
//! - **Why**: placeholders, program code, stubs.
//! - **Example**: a page of JavaScript is dropped.
//! - **Source**: C4 (`c4_filters.py`). English web only; FineWeb-2 leaves it out.
//! - **Departs**: sentences are cut by the rules of `sentences.rs`, not by NLTK's punkt model.

use crate::filter::{Bound, Check, Rule, number};

const SOURCE: &str = "C4, Raffel et al. 2020, arXiv 1910.10683; datatrove c4_filters.py";

/// Row of the table.
pub const LOREM_IPSUM: Rule = Rule {
    name: "c4_lorem_ipsum",
    what: "More lines with \"lorem ipsum\" than the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.0),
    ru: None,
    check: Check::Text(|text| Some(number(text.cleaned().lorem_ipsum))),
};

/// Row of the table.
pub const CURLY_BRACKET: Rule = Rule {
    name: "c4_curly_bracket",
    what: "More lines with \"{\" than the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.0),
    ru: None,
    check: Check::Text(|text| Some(number(text.cleaned().curly_brackets))),
};

/// Row of the table.
pub const TOO_FEW_SENTENCES: Rule = Rule {
    name: "c4_too_few_sentences",
    what: "Fewer sentences, after C4 cut lines, than the threshold",
    source: SOURCE,
    drop_when: Bound::Below,
    en: Some(5.0),
    ru: None,
    check: Check::Text(|text| Some(number(text.cleaned().sentences))),
};
