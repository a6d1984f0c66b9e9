//! Language of the web profiles.
//!
//! - **Drops**: a text in another language than the profile's, or in its language with a score below 0.65
//!   (English) or 0.9 (Russian).
//! - **Why**: thresholds and stop words of one language mean nothing in another.
//! - **Example**: a Ukrainian page is dropped by `language_ru`, although its letters are Cyrillic.
//! - **Source**: FineWeb (fastText, 0.65); FineWeb-2 `rus_Cyrl.yml` (GlotLID, 0.9). The value is the
//!   document's `lang_score`, and 0 in another language.
//! - **Departs**: the score is prep's own detector's, not fastText's.

use crate::document::Document;
use crate::filter::{Bound, Check, Rule};

/// Row of the table.
pub const ENGLISH: Rule = Rule {
    name: "language_en",
    what: "Not English, or English with a score below the threshold",
    source: "FineWeb, Penedo et al. 2024, arXiv 2406.17557",
    drop_when: Bound::Below,
    en: Some(0.65),
    ru: Some(0.65),
    check: Check::Columns(|document| Some(score_as(document, "en"))),
};

/// Row of the table.
pub const RUSSIAN: Rule = Rule {
    name: "language_ru",
    what: "Not Russian, or Russian with a score below the threshold",
    source: "fineweb-2 rus_Cyrl.yml",
    drop_when: Bound::Below,
    en: Some(0.9),
    ru: Some(0.9),
    check: Check::Columns(|document| Some(score_as(document, "ru"))),
};

fn score_as(document: &Document, lang: &str) -> f64 {
    if document.lang == lang {
        f64::from(document.lang_score)
    } else {
        0.0
    }
}
