//! Repeated lines.
//!
//! - **Drops**: a text in which more than 30 % of the lines (32.2 % in Russian), or lines with more than 20
//!   % of its characters (off in Russian), stood in it before.
//! - **Why**: menus, logs and templates repeat their lines.
//! - **Example**: a list of 50 times "Добавить товар в корзину и оформить заказ" is dropped.
//! - **Source**: Gopher repetition (`dup_line_frac`, `dup_line_char_frac`), FineWeb-2 for Russian.
//! - **Departs**: `dup_line_frac` does not count repeated lines of 30 characters or fewer (FineWeb's short
//!   line) as repeated, and says nothing of texts under 50 words. In plays every speech begins with a line
//!   that is the speaker's name, code repeats its brackets, songs their refrain. A menu of short lines only
//!   is left to the n-gram rules.

use crate::filter::{Bound, Check, Fidelity, Rule, TextMeasures, fraction};

const SOURCE: &str = "Gopher repetition, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_repetition_filter.py; ru: fineweb-2 rus_Cyrl.yml";

/// Row of the table.
pub const SHARE: Rule = Rule {
    name: "dup_line_frac",
    what: "Share of lines that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.3),
    ru: Some(0.322),
    check: Check::Text(share),
};

/// Row of the table.
pub const CHARACTERS: Rule = Rule {
    name: "dup_line_char_frac",
    what: "Share of characters in lines that occurred before above the threshold",
    source: SOURCE,
    drop_when: Bound::Above,
    en: Some(0.2),
    ru: None,
    check: Check::Text(characters),
};

fn characters(text: &TextMeasures) -> Option<f64> {
    let lines = text.lines();
    let blank = match text.fidelity {
        Fidelity::Prep => 0,
        Fidelity::Source => lines.blank.duplicate_characters,
    };
    Some(fraction(
        lines.duplicate_characters + blank,
        text.characters,
    ))
}

fn share(text: &TextMeasures) -> Option<f64> {
    text.enough_words()?;
    let lines = text.lines();
    Some(match text.fidelity {
        Fidelity::Prep => fraction(lines.long_duplicates, lines.non_blank),
        Fidelity::Source => {
            // Split at newlines, a text that begins or ends with one has an empty line more.
            let ends =
                usize::from(text.text.starts_with('\n')) + usize::from(text.text.ends_with('\n'));
            fraction(
                lines.duplicates + lines.blank.duplicates,
                lines.non_blank + lines.blank.all + ends,
            )
        }
    })
}
