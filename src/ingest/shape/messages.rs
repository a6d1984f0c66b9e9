//! Lists of messages, preferences and conversation trees.

use super::fields::{as_answer, find, take, take_text, type_name};
use super::pairs::take_system;
use super::{CHOSEN, Fields, INSTRUCTION, Misfit, PROMPT, QUESTION, REJECTED};
use crate::document::{Content, Message};
use serde_json::Value;

/// The thread of the best-ranked replies (the first where none is ranked) of a conversation tree.
pub(super) fn take_tree(fields: &mut Fields) -> Result<Content, Misfit> {
    let key = find(fields, PROMPT).unwrap_or_default();
    let mut messages = Vec::new();
    let mut next = fields.get(&key);
    while let Some(node) = next {
        let text = |name: &str| node.get(name).and_then(Value::as_str);
        let (Some(content), Some(role)) = (text("text"), text("role")) else {
            return Err(Misfit(format!(
                "a message of the tree lacks text or role: {}",
                shorten(node)
            )));
        };
        messages.push(Message::new(known_role(role).map_err(Misfit)?, content));
        let replies = node.get("replies").and_then(Value::as_array);
        next = replies
            .into_iter()
            .flatten()
            .enumerate()
            .min_by_key(|(i, reply)| {
                (
                    reply
                        .get("rank")
                        .and_then(Value::as_u64)
                        .unwrap_or(u64::MAX),
                    *i,
                )
            })
            .map(|(_, reply)| reply);
    }
    // A thread that ends with a question has no answer to learn from.
    if messages.last().is_some_and(|last| last.role == "user") && messages.len() > 1 {
        messages.pop();
    }
    Ok(Content::Chat(messages))
}

pub(super) fn shorten(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}

/// Names of roles in the wild, and ours.
pub(super) const ROLES: &[(&str, &[&str])] = &[
    ("system", &["system", "developer"]),
    ("user", &["user", "human", "prompter", "customer"]),
    (
        "assistant",
        &["assistant", "gpt", "bot", "model", "chatgpt", "ai"],
    ),
    ("tool", &["tool", "function", "observation"]),
];

pub(super) fn take_messages(fields: &mut Fields, names: &[&str]) -> Result<Vec<Message>, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    let list = take(fields, names)?;
    let messages = as_messages(keep_if_it_says_more(list, &key, fields), &key)?;
    // ShareGPT keeps the system prompt beside the turns.
    if messages.iter().any(|message| message.role == "system") {
        return Ok(messages);
    }
    let mut all = take_system(fields)?;
    all.extend(messages);
    Ok(all)
}

const ROLE: &[&str] = &["role", "from"];
const CONTENT: &[&str] = &["content", "value", "text"];

/// Weights, names and the like of single turns are the user's: a list that has them is kept as it was.
fn keep_if_it_says_more(list: Value, key: &str, fields: &mut Fields) -> Value {
    let turns = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let says_more = turns
        .iter()
        .filter_map(Value::as_object)
        .any(|turn| turn.len() > 2);
    if says_more {
        fields.insert(key.to_owned(), list.clone());
    }
    list
}

/// Messages of a list.
fn as_messages(list: Value, name: &str) -> Result<Vec<Message>, Misfit> {
    let Value::Array(turns) = list else {
        return Err(Misfit(format!(
            "the field `{name}` is {}, expected a list of messages",
            type_name(&list)
        )));
    };
    turns
        .into_iter()
        .enumerate()
        .map(|(i, turn)| {
            let place = format!("{name}[{i}]");
            let Value::Object(mut turn) = turn else {
                return Err(Misfit(format!(
                    "{place} is {}, expected an object with role and content",
                    type_name(&turn)
                )));
            };
            let role = take_text(&mut turn, ROLE)
                .map_err(|Misfit(why)| Misfit(format!("{place}: {why}")))?;
            let content = take_text(&mut turn, CONTENT)
                .map_err(|Misfit(why)| Misfit(format!("{place}: {why}")))?;
            let role = known_role(&role).map_err(|why| Misfit(format!("{place}: {why}")))?;
            Ok(Message::new(role, content))
        })
        .collect()
}

pub(super) fn take_preference(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_system(fields)?;
    if let Some(key) = find(fields, PROMPT)
        .or_else(|| find(fields, QUESTION))
        .or_else(|| find(fields, INSTRUCTION))
    {
        messages.extend(take_turns(fields, &[key.as_str()], "user")?);
    }
    let mut chosen = take_turns(fields, CHOSEN, "assistant")?;
    let mut rejected = take_turns(fields, REJECTED, "assistant")?;
    // Some sets repeat the whole conversation in both answers: what they share is the prompt.
    if messages.is_empty() {
        let shared = chosen
            .iter()
            .zip(&rejected)
            .take_while(|(a, b)| a == b && a.role != "assistant")
            .count();
        messages.extend(chosen.drain(..shared));
        rejected.drain(..shared);
    } else if chosen.starts_with(&messages) && rejected.starts_with(&messages) {
        chosen.drain(..messages.len());
        rejected.drain(..messages.len());
    }
    messages.extend(chosen);
    Ok(Content::Preference { messages, rejected })
}

/// A field that is text (one turn of `role`) or a list of messages.
pub(super) fn take_turns(
    fields: &mut Fields,
    names: &[&str],
    role: &str,
) -> Result<Vec<Message>, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    match take(fields, names)? {
        list @ Value::Array(_) => as_messages(keep_if_it_says_more(list, &key, fields), &key),
        other => Ok(vec![Message::new(role, as_answer(other, names[0])?)]),
    }
}

/// Our name of a role.
pub(super) fn known_role(role: &str) -> Result<&'static str, String> {
    let lower = role.trim().to_lowercase();
    ROLES
        .iter()
        .find(|(_, names)| names.contains(&lower.as_str()))
        .map(|(name, _)| *name)
        .ok_or_else(|| format!("unknown role `{role}`, expected system, user, assistant or tool"))
}
