//! Turns that are pairs: what the user says and what the assistant does, in fields of one object.
//!
//! The order of its keys says nothing: the system prompt comes first, then the user, then the assistant.

use super::fields::{as_text, find};
use super::messages::known;
use super::names::{INPUT, OUTPUT, SYSTEM};
use super::{Fields, Misfit};
use crate::document::Message;

/// The role that a field of a pair has the words of.
fn role(turn: &Fields, name: &str) -> Option<&'static str> {
    if SYSTEM.has(name) {
        return Some("system");
    }
    // {"input": "…", "output": "…"}, where both are there.
    let (asked, said) = (find(turn, INPUT), find(turn, OUTPUT));
    if let (Some(asked), Some(said)) = (asked, said) {
        return match name {
            name if name == asked => Some("user"),
            name if name == said => Some("assistant"),
            _ => None,
        };
    }
    known(name)
}

/// Whether an object is such a pair and nothing else; a null says nothing.
pub(super) fn is_exchange(turn: &Fields) -> bool {
    let mut said = turn.iter().filter(|(_, said)| !said.is_null()).peekable();
    let is_some = said.peek().is_some();
    is_some && said.all(|(name, said)| said.is_string() && role(turn, name).is_some())
}

/// The turns of a pair, or `None` of another object. A pair of an input and an output may say more, which
/// is the user's.
///
/// # Errors
/// When the input or the output is no text, or the order of the turns cannot be told.
pub(super) fn exchange(turn: &Fields) -> Result<Option<Vec<Message>>, Misfit> {
    let is_named = find(turn, INPUT).is_some() && find(turn, OUTPUT).is_some();
    if !is_named && !is_exchange(turn) {
        return Ok(None);
    }
    let mut turns = Vec::new();
    for (name, said) in turn {
        let Some(role) = role(turn, name) else {
            continue;
        };
        let is_blank = said.as_str().is_none_or(|text| text.trim().is_empty());
        // A table of turns has fields of other turns; but a question has an answer.
        let is_other = |other: &String| other != name && self::role(turn, other) == Some(role);
        let is_said_elsewhere = || {
            let mut others = turn.iter().filter(|(other, _)| is_other(other));
            others.any(|(_, said)| !said.is_null())
        };
        let is_needed = matches!(role, "user" | "assistant") && !is_said_elsewhere();
        if role == "system" && is_blank || said.is_null() && !is_named && !is_needed {
            continue;
        }
        turns.push(Message::new(role, as_text(said.clone(), name)?));
    }
    let place = |turn: &Message| match turn.role.as_str() {
        "system" => 0,
        "user" => 1,
        _ => 2,
    };
    let is_plain = ["system", "user", "assistant"]
        .iter()
        .all(|role| turns.iter().filter(|turn| turn.role == *role).count() < 2)
        && turns.iter().all(|turn| turn.role != "tool");
    if is_plain {
        turns.sort_by_key(place);
        return Ok(Some(turns));
    }
    // Calls of tools and what these give stand in the order in which they were said, or in none.
    turns.sort_by_key(|turn| turn.role != "system");
    let mut said = turns.iter().filter(|turn| turn.role != "system");
    if said.next().is_none_or(|first| first.role != "user") {
        let names: Vec<&str> = turn.keys().map(String::as_str).collect();
        return Err(Misfit::wrong(format!(
            "the fields [{}] are turns whose order cannot be told; write each as {{\"role\": \"…\", \"content\": \"…\"}}",
            names.join(", ")
        )));
    }
    Ok(Some(turns))
}
