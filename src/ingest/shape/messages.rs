//! Lists of messages.

use super::answers::take_answer;
use super::exchange::{First, exchange, is_exchange};
use super::fields::{as_answer, as_text, find, has, take, take_text, type_name};
use super::known::Names;
use super::names::{CHOSEN, MESSAGES, REJECTED, REPLY, TURNS};
use super::pairs::{check_label, take_system};
use super::tools::{call_text, calls_text};
use super::turn::{CONTENT, ROLE, check_weights, role_key, transposed};
use super::written::{structure_of, structured};
use super::{Fields, Misfit};
use crate::document::{Content, Message};
use serde_json::Value;

/// Names of roles in the wild, and ours.
pub(super) const ROLES: &[(&str, &[&str])] = &[
    ("system", &["system", "developer", "система"]),
    (
        "user",
        &[
            "user",
            "human",
            "prompter",
            "customer",
            "пользователь",
            "клиент",
        ],
    ),
    (
        "assistant",
        &[
            "assistant",
            "gpt",
            "bot",
            "model",
            "chatgpt",
            "ai",
            "function_call",
            "tool_call",
            "ассистент",
            "бот",
        ],
    ),
    (
        "tool",
        &[
            "tool",
            "function",
            "observation",
            "function_response",
            "tool_response",
            "ipython",
            "инструмент",
        ],
    ),
];

/// Our name of a role.
pub(super) fn known_role(role: &str) -> Result<&'static str, Misfit> {
    known(role).ok_or_else(|| {
        Misfit::wrong(format!(
            "unknown role `{role}`, expected system, user, assistant or tool"
        ))
    })
}

pub(super) fn known(role: &str) -> Option<&'static str> {
    let called = |role: &str| ROLES.iter().find(|(_, names)| names.contains(&role));
    // Most are written in lower case already.
    let found = called(role).or_else(|| called(&role.trim().to_lowercase()))?;
    Some(found.0)
}

/// Whether a list that is a record of its own is one of messages.
pub fn is_messages(list: &[Value]) -> bool {
    let has_role = |turn: &Value| {
        turn.as_object()
            .is_some_and(|turn| role_key(turn).is_some())
    };
    !list.is_empty() && list.iter().all(has_role)
}

/// Whether a list that nothing says more of is one conversation: all of it are turns of known roles with
/// something said, and both the user and the assistant speak.
pub fn is_dialogue(list: &[Value]) -> bool {
    let role = |turn: &Value| {
        let turn = turn.as_object()?;
        find(turn, CONTENT)?;
        known(turn[&role_key(turn)?].as_str()?)
    };
    let roles: Option<Vec<&str>> = list.iter().map(role).collect();
    roles.is_some_and(|roles| roles.contains(&"user") && roles.contains(&"assistant"))
}

/// The messages that a text is written as, in JSON or as Python prints them.
pub(super) fn messages_in(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    match structure_of(text)? {
        Value::Array(list) if is_messages(&list) => Some(list),
        _ => None,
    }
}

/// Whether a text begins as a list of messages and cannot be read as one.
pub(super) fn is_broken(text: &str) -> bool {
    if !text.trim_start().starts_with('[') {
        return false;
    }
    let bare: String = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .take(9)
        .collect();
    let bare = bare.replace('\'', "\"");
    let begins = ["[{\"role\"", "[{\"from\"", "[{\"conten"];
    begins.iter().any(|begin| bare.starts_with(begin)) && structure_of(text).is_none()
}

/// That a field is such a text.
pub(super) fn broken(name: &str) -> Misfit {
    Misfit::wrong(format!(
        "the field `{name}` begins as a list of messages and cannot be read as one, in JSON or as Python prints it"
    ))
}

/// The record that a list of messages is.
pub fn record_of(list: Vec<Value>) -> Fields {
    Fields::from_iter([(MESSAGES[0].to_owned(), list.into())])
}

pub(super) fn take_messages(fields: &mut Fields, names: Names<'_>) -> Result<Vec<Message>, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    let list = take(fields, names)?;
    let list = unwrapped(transposed(structured(list)), &key, fields);
    check_weights(&list, &key)?;
    let messages = as_messages(keep_if_it_says_more(list, &key, fields), &key)?;
    let messages = with_answer(messages, fields)?;
    // ShareGPT keeps the system prompt beside the turns.
    if messages.iter().any(|message| message.role == "system") {
        return Ok(messages);
    }
    let mut all = take_system(fields)?;
    all.extend(messages);
    Ok(all)
}

/// A list in an object of its own; what else that has is the user's.
fn unwrapped(mut list: Value, key: &str, fields: &mut Fields) -> Value {
    if let Value::Object(around) = &mut list
        && role_key(around).is_none()
        && let Some(inner) = find(around, TURNS)
    {
        let turns = around.shift_remove(&inner).unwrap_or_default();
        let around = std::mem::replace(&mut list, turns);
        if around.as_object().is_some_and(|around| !around.is_empty()) {
            fields.insert(format!("{key}.around"), around);
        }
        return transposed(list);
    }
    list
}

/// The turns, and the answer that is beside them where they end with the user's. Two answers beside
/// them are a preference's.
fn with_answer(mut turns: Vec<Message>, fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    let is_asked = turns.last().is_some_and(|last| last.role == "user");
    let says = |key: &String| match &fields[key] {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    };
    let mut replies = REPLY
        .iter()
        .filter_map(|name| find(fields, Names::of(&[name])));
    if is_asked
        && !has(fields, CHOSEN)
        && let Some(key) = replies.find(says)
    {
        check_label(fields)?;
        let own = [key.as_str()];
        let names = Names::of(&own);
        let is_turns = match &fields[&key] {
            Value::Array(list) => is_messages(list),
            Value::Object(turn) => role_key(turn).is_some(),
            Value::String(text) => messages_in(text).is_some(),
            _ => false,
        };
        if is_turns {
            turns.extend(take_turns(fields, names, "assistant")?);
        } else {
            turns.push(Message::new("assistant", take_answer(fields, names)?));
        }
    }
    Ok(turns)
}

/// Weights, names and the like of single turns are the user's: a list that has them is kept as it was.
fn keep_if_it_says_more(list: Value, key: &str, fields: &mut Fields) -> Value {
    let turns = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let more = |value: &Value| value.as_object().is_some_and(|fields| fields.len() > 2);
    let says_more = turns.iter().filter_map(Value::as_object).any(|turn| {
        let mut parts = turn.values().filter_map(Value::as_array).flatten();
        turn.len() > 2 && !is_exchange(turn) || parts.any(more)
    });
    if says_more {
        fields.insert(key.to_owned(), list.clone());
    }
    list
}

/// Messages of a list.
fn as_messages(list: Value, name: &str) -> Result<Vec<Message>, Misfit> {
    // Columns of CSV hold lists as they are written.
    let list = structured(list);
    let Value::Array(turns) = list else {
        return Err(Misfit::wrong(format!(
            "the field `{name}` is {}, expected a list of messages",
            type_name(&list)
        )));
    };
    if turns.is_empty() {
        return Err(Misfit::named(
            "empty_chat",
            format!("the field `{name}` holds no message"),
        ));
    }
    if turns.iter().all(Value::is_string) {
        return Ok(alternating(&turns));
    }
    let mut messages = Vec::with_capacity(turns.len());
    // Most turns have a role, and are no pairs.
    let mut own = turns.first().and_then(Value::as_object).into_iter();
    let may_be_pairs = own.any(|turn| !ROLE.iter().any(|name| turn.contains_key(*name)));
    let first = if may_be_pairs {
        First::of(&turns)
    } else {
        First::User
    };
    for (i, turn) in turns.into_iter().enumerate() {
        let place = format!("{name}[{i}]");
        let Value::Object(turn) = turn else {
            return Err(Misfit::wrong(format!(
                "{place} is {}, expected an object with role and content",
                type_name(&turn)
            )));
        };
        add_turn(turn, first, &mut messages).map_err(|misfit| misfit.at(&place))?;
    }
    Ok(messages)
}

/// Texts that user and assistant say in turn, the user first.
fn alternating(turns: &[Value]) -> Vec<Message> {
    let said = turns.iter().filter_map(Value::as_str);
    said.zip(["user", "assistant"].into_iter().cycle())
        .map(|(text, role)| Message::new(role, text))
        .collect()
}

/// A dialogue as a list of texts in turn.
pub(super) fn take_turn_texts(fields: &mut Fields, names: Names<'_>) -> Result<Content, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    as_messages(take(fields, names)?, &key).map(Content::Chat)
}

fn add_turn(mut turn: Fields, first: First, messages: &mut Vec<Message>) -> Result<(), Misfit> {
    let key = role_key(&turn);
    let is_begun = messages.iter().any(|message| message.role != "system");
    if key.is_none()
        && let Some(said) = exchange(&turn, first, is_begun)?
    {
        for message in said {
            // A system prompt that each pair has is said once.
            let systems = messages.iter().rfind(|told| told.role == "system");
            if message.role != "system"
                || systems.is_none_or(|last| last.content != message.content)
            {
                messages.push(message);
            }
        }
        return Ok(());
    }
    let key = key.as_deref().unwrap_or(ROLE[0]);
    let role = known_role(&take_text(&mut turn, Names::of(&[key]))?)?;
    let calls = calls_text(&turn)?;
    let content = match (find(&turn, CONTENT), &calls) {
        // An assistant that calls a tool need not say anything.
        (None, Some(_)) => String::new(),
        (Some(key), Some(_)) if turn[&key].is_null() => String::new(),
        _ => match take(&mut turn, CONTENT)? {
            Value::Array(parts) => parts_text(parts, "content")?,
            other => as_text(other, "content")?,
        },
    };
    let content = match calls {
        Some(calls) if content.trim().is_empty() => calls,
        Some(calls) => format!("{}\n{calls}", content.trim_end()),
        None => content,
    };
    messages.push(Message::new(role, content));
    Ok(())
}

/// Text of a content that is a list of parts: each on a line of its own. A part that is no text makes
/// the record a misfit: an answer about a picture teaches nothing without the picture.
fn parts_text(parts: Vec<Value>, name: &str) -> Result<String, Misfit> {
    let mut texts = Vec::new();
    for (i, part) in parts.into_iter().enumerate() {
        texts.push(match part {
            Value::String(text) => text,
            Value::Object(mut part) => {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
                match kind {
                    "text" | "input_text" | "output_text" => take_text(&mut part, CONTENT)
                        .map_err(|misfit| misfit.at(&format!("{name}[{i}]")))?,
                    "tool_use" => call_text(&part)?,
                    "tool_result" => match part.remove("content").unwrap_or_default() {
                        Value::Array(parts) => parts_text(parts, &format!("{name}[{i}].content"))?,
                        other => as_answer(other, "content")?,
                    },
                    kind => {
                        return Err(Misfit::named(
                            "not_text",
                            format!(
                                "{name}[{i}] is of type `{kind}`; only text is read, and what is said about it means nothing without it"
                            ),
                        ));
                    }
                }
            }
            other => {
                return Err(Misfit::wrong(format!(
                    "{name}[{i}] is {}, expected a part with text",
                    type_name(&other)
                )));
            }
        });
    }
    Ok(texts.join("\n"))
}

/// A field that is text (one turn of `role`), a list of messages, or one message.
pub(super) fn take_turns(
    fields: &mut Fields,
    names: Names<'_>,
    role: &str,
) -> Result<Vec<Message>, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    let value = unwrapped(transposed(take(fields, names)?), &key, fields);
    // A rejected answer is not learned, whatever its weight.
    let check = |list: &Value| {
        if names == REJECTED {
            return Ok(());
        }
        check_weights(list, &key)
    };
    match value {
        list @ Value::Array(_) => {
            check(&list)?;
            as_messages(keep_if_it_says_more(list, &key, fields), &key)
        }
        // One turn needs no list around it.
        turn @ Value::Object(_) => {
            let list = Value::Array(vec![turn]);
            check(&list)?;
            as_messages(keep_if_it_says_more(list, &key, fields), &key)
        }
        // Columns of CSV hold lists as they are written.
        Value::String(text) => match messages_in(&text) {
            Some(list) => {
                let list = Value::Array(list);
                check(&list)?;
                as_messages(list, &key)
            }
            None if is_broken(&text) => Err(broken(&key)),
            None => Ok(vec![Message::new(role, text)]),
        },
        other => Ok(vec![Message::new(role, as_answer(other, names[0])?)]),
    }
}
