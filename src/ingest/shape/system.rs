//! System prompts beside records whose shape does not look for one.

use super::fields::has;
use super::names::SYSTEM;
use super::pairs::take_system;
use super::{Fields, Item, Misfit};
use crate::document::{Content, Message};

/// Puts the system prompt that is left in `fields` before the chats of `items` that have none.
pub fn with_system(
    mut items: Vec<Result<Item, Misfit>>,
    fields: &mut Fields,
) -> Vec<Result<Item, Misfit>> {
    if !has(fields, SYSTEM) {
        return items;
    }
    let mut lacking: Vec<&mut Vec<Message>> = items
        .iter_mut()
        .flatten()
        .filter_map(|item| match &mut item.content {
            Content::Text(_) => None,
            Content::Chat(messages) | Content::Preference { messages, .. } => Some(messages),
        })
        .filter(|messages| messages.first().is_some_and(|first| first.role != "system"))
        .collect();
    if lacking.is_empty() {
        return items;
    }
    // A system prompt that is no text stays where it is, in `meta`.
    let system = take_system(fields).unwrap_or_default();
    for messages in &mut lacking {
        messages.splice(0..0, system.iter().cloned());
    }
    items
}

#[cfg(test)]
mod tests {
    use super::super::Shape;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_system_prompt_comes_before_every_chat_of_a_record() {
        for record in [
            json!({"system_prompt": "s", "question": "q", "options": ["x", "y"], "answer": "x"}),
            json!({"System message": "s", "context": "c", "question": "q", "answers": {"text": ["a"]}}),
            json!({"input": "i", "ideal": "a", "system": "s"}),
            json!({"context": "c", "questions": [{"question": "q", "answer": "a"}, {"question": "r", "answer": "b"}], "система": "s"}),
            json!({"prompt": "p", "chosen": "c", "rejected": "r", "system": "s"}),
            json!({"question": "q", "answer": "a", "system": "s"}),
        ] {
            let Value::Object(mut fields) = record.clone() else {
                panic!("an object");
            };
            let shape = Shape::of(&fields).expect("a shape");
            let items = shape.take(&mut fields).expect("items");
            let items = with_system(items, &mut fields);
            assert!(!items.is_empty());
            for item in items {
                let (Content::Chat(messages) | Content::Preference { messages, .. }) =
                    item.expect("an item").content
                else {
                    panic!("a chat: {record}");
                };
                let roles: Vec<&str> = messages.iter().map(|turn| turn.role.as_str()).collect();
                assert_eq!(roles[..2], ["system", "user"], "{record}");
                assert_eq!(messages[0].content, "s", "{record}");
            }
            assert!(fields.values().all(|value| value != "s"), "{record}");
        }
    }
}
