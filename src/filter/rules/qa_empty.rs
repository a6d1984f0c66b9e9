//! Nothing asked or nothing answered.
//!
//! - **Drops**: an exchange with a blank question or a blank answer, a preference also without a rejected
//!   answer; and one with an answer that holds no letter and no digit.
//! - **Why**: an empty turn is a record that was read wrongly; "..." and "-" stand for a missing answer.
//! - **Example**: "Сколько будет 2+2?" with "…" is dropped, with "4" it is kept.
//! - **Source**: prep, after FILTERS.md (Q&A rules).
//! - **Departs**: FILTERS.md asks for two letters. But "5", "A", "93" and "да" are whole answers of real
//!   question sets, so one letter or digit of any script is enough, and where there is
//!   none, a sign that the comparison key keeps, such as an emoji.

use crate::chars;
use crate::document::comparison_key::comparison_key;
use crate::filter::{Bound, Check, Exchange, Rule, number};

/// Row of the table.
pub const QUESTION: Rule = Rule {
    name: "qa_empty_question",
    what: "More blank questions than the threshold",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.0),
    ru: Some(0.0),
    check: Check::Exchange(|exchange| Some(number(exchange.questions().filter(is_blank).count()))),
};

/// Row of the table.
pub const ANSWER: Rule = Rule {
    name: "qa_empty_answer",
    what: "More blank answers, chosen or rejected, than the threshold",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.0),
    ru: Some(0.0),
    check: Check::Exchange(blank_answers),
};

/// Row of the table.
pub const NO_LETTERS: Rule = Rule {
    name: "qa_no_letters_or_digits",
    what: "Letters and digits of the answer that has the fewest below the threshold",
    source: "prep",
    drop_when: Bound::Below,
    en: Some(1.0),
    ru: Some(1.0),
    check: Check::Exchange(fewest_letters),
};

fn is_blank(turn: &&str) -> bool {
    turn.trim().is_empty()
}

fn blank_answers(exchange: &Exchange) -> Option<f64> {
    let missing = exchange.rejected.is_some() && exchange.rejected_answers().next().is_none();
    let blank = exchange
        .answers()
        .chain(exchange.rejected_answers())
        .filter(is_blank)
        .count();
    Some(number(blank + usize::from(missing)))
}

fn fewest_letters(exchange: &Exchange) -> Option<f64> {
    exchange.answers().map(letters).min().map(number)
}

fn letters(answer: &str) -> usize {
    match answer
        .chars()
        .filter(|c| chars::is_alphanumeric(*c))
        .count()
    {
        // Without letters and digits the key holds signs only.
        0 => comparison_key(answer).chars().count(),
        some => some,
    }
}
