//! Turns that dangle.
//!
//! - **Drops**: an exchange without an assistant's turn, one in which the assistant speaks before any user,
//!   and one in which two user turns follow each other.
//! - **Why**: the loss counts the assistant's turns only: without one there is nothing to learn, without a
//!   question before it the answer is to nothing, and of two questions one was left out.
//! - **Example**: user, user, assistant is dropped; system, user, assistant is kept.
//! - **Source**: prep, after FILTERS.md (Q&A rules).
//! - **Departs**: an exchange that ends with a user's turn is kept when an answer stands before it: the loss
//!   never reaches the last question, and dropping the exchange would lose the answers. Two assistant turns
//!   in a row (a tool call and its result) and a system turn anywhere are kept, too.

use crate::filter::{Bound, Check, Exchange, Rule, number};

/// Row of the table.
pub const NO_ASSISTANT_TURN: Rule = Rule {
    name: "qa_no_assistant_turn",
    what: "Fewer assistant turns than the threshold",
    source: "prep",
    drop_when: Bound::Below,
    en: Some(1.0),
    ru: Some(1.0),
    check: Check::Exchange(|exchange| Some(number(exchange.answers().count()))),
};

/// Row of the table.
pub const ASSISTANT_FIRST: Rule = Rule {
    name: "qa_assistant_first",
    what: "More assistant turns before the first user turn than the threshold",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.0),
    ru: Some(0.0),
    check: Check::Exchange(before_users),
};

/// Row of the table.
pub const TWO_USERS: Rule = Rule {
    name: "qa_two_users_in_a_row",
    what: "More user turns right after a user turn than the threshold",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.0),
    ru: Some(0.0),
    check: Check::Exchange(doubled_users),
};

fn before_users(exchange: &Exchange) -> Option<f64> {
    let before = exchange
        .messages
        .iter()
        .take_while(|message| message.role != "user");
    Some(number(
        before.filter(|message| message.role == "assistant").count(),
    ))
}

fn doubled_users(exchange: &Exchange) -> Option<f64> {
    let doubled = exchange
        .messages
        .windows(2)
        .filter(|pair| pair.iter().all(|message| message.role == "user"));
    Some(number(doubled.count()))
}
