//! The answer repeats the question.
//!
//! - **Drops**: an exchange with an answer that has the same comparison key as its question.
//! - **Why**: an echo is a conversion error or a model that failed.
//! - **Example**: "Кто ты?" with "кто ты" is dropped.
//! - **Source**: prep, after FILTERS.md (Q&A rules). Case, punctuation and ё/е do not count.
//! - **Departs**: digits do: the key turns every number into 0, but "12" is no echo of "7 + 5".

use crate::chars;
use crate::document::comparison_key::comparison_key;
use crate::filter::{Bound, Check, Exchange, Rule, number};

/// Row of the table.
pub const EQUAL: Rule = Rule {
    name: "qa_answer_equals_question",
    what: "More answers that repeat their question than the threshold",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.0),
    ru: Some(0.0),
    check: Check::Exchange(echoes),
};

fn echoes(exchange: &Exchange) -> Option<f64> {
    Some(number(
        exchange
            .pairs()
            .filter(|(question, answer)| is_echo(question, answer))
            .count(),
    ))
}

fn is_echo(question: &str, answer: &str) -> bool {
    // Folding changes lengths a little; what differs more cannot be the same.
    let (short, long) = (
        question.len().min(answer.len()),
        question.len().max(answer.len()),
    );
    if long > 2 * short + 64 {
        return false;
    }
    let key = comparison_key(question);
    !key.is_empty() && digits(question).eq(digits(answer)) && key == comparison_key(answer)
}

fn digits(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| chars::is_numeric(*c))
}
