//! Conversation trees.

use super::fields::find;
use super::messages::known_role;
use super::names::PROMPT;
use super::{Fields, Misfit};
use crate::document::{Content, Message};
use serde_json::Value;

/// The thread of the best-ranked replies (the first where none is ranked) of a conversation tree,
/// without those that were deleted and what follows them.
pub(super) fn take_tree(fields: &mut Fields) -> Result<Content, Misfit> {
    let key = find(fields, PROMPT).unwrap_or_default();
    let mut messages = Vec::new();
    let mut next = fields.get(&key);
    if next.is_some_and(is_deleted) {
        return Err(Misfit::named(
            "no_question",
            "the message that begins the tree was deleted".to_owned(),
        ));
    }
    while let Some(node) = next {
        let text = |name: &str| node.get(name).and_then(Value::as_str);
        let (Some(content), Some(role)) = (text("text"), text("role")) else {
            return Err(Misfit::wrong(format!(
                "a message of the tree lacks text or role: {}",
                shorten(node)
            )));
        };
        messages.push(Message::new(known_role(role)?, content));
        let replies = node.get("replies").and_then(Value::as_array);
        next = replies
            .into_iter()
            .flatten()
            .filter(|reply| !is_deleted(reply))
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

/// Whether a message was taken back by those who keep the set.
fn is_deleted(node: &Value) -> bool {
    node.get("deleted") == Some(&Value::Bool(true))
}

fn shorten(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}
