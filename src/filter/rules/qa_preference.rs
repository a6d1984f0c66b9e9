//! Chosen and rejected are one answer.
//!
//! - **Drops**: a preference whose chosen and rejected answers are the same but for white space.
//! - **Why**: there is nothing to prefer.
//! - **Example**: "Да." against "Да. " is dropped, "Да." against "да" is kept.
//! - **Source**: prep, after FILTERS.md (Q&A rules). Case, punctuation and digits count: they may be what
//!   was preferred.

use crate::document::Message;
use crate::filter::{Bound, Check, Exchange, Rule};

/// Row of the table.
pub const EQUAL: Rule = Rule {
    name: "qa_chosen_equals_rejected",
    what: "Chosen and rejected answers are the same",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.0),
    ru: Some(0.0),
    check: Check::Exchange(equal),
};

/// 1 when the rejected turns are the last turns of the chosen side, word for word; `None` for chats.
fn equal(exchange: &Exchange) -> Option<f64> {
    let rejected = exchange.rejected?;
    let chosen = &exchange.messages[exchange.messages.len().saturating_sub(rejected.len())..];
    let equal = chosen.len() == rejected.len()
        && chosen.iter().zip(rejected).all(same)
        && !rejected.is_empty();
    Some(f64::from(u8::from(equal)))
}

fn same((one, other): (&Message, &Message)) -> bool {
    one.role == other.role
        && one
            .content
            .split_whitespace()
            .eq(other.content.split_whitespace())
}
