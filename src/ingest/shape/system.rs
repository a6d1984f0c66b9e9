//! System prompts, and what there is to do, beside records whose shape does not look for them.

use super::fields::{find, has};
use super::known::Names;
use super::names::{INPUT, INPUTS, INSTRUCTION, SYSTEM};
use super::pairs::take_system;
use super::{Fields, Item, Misfit, Shape};
use crate::document::{Content, Message};
use serde_json::Value;

/// Shapes whose question is made of fields, of which an instruction beside it is said by none.
const ASKED_IN_FIELDS: &[&str] = &[
    "question_answer",
    "context_question",
    "multiple_choice",
    "prompt_completion",
    "passage",
];
/// What there is to do, beside an input.
const TASK: Names<'static> = Names::of(&["definition", "task_definition"]);

/// Puts the system prompt that is left in `fields` before the chats of `items` that have none, and what
/// there is to do, which records of the shape `shape` left there.
pub fn with_system(
    mut items: Vec<Result<Item, Misfit>>,
    fields: &mut Fields,
    shape: &Shape,
) -> Vec<Result<Item, Misfit>> {
    let task = task(fields, shape);
    if task.is_none() && !has(fields, SYSTEM) {
        return items;
    }
    let mut chats: Vec<&mut Vec<Message>> = items
        .iter_mut()
        .flatten()
        .filter_map(|item| match &mut item.content {
            Content::Text(_) => None,
            Content::Chat(messages) | Content::Preference { messages, .. } => Some(messages),
        })
        .collect();
    let lacks =
        |messages: &&mut Vec<Message>| messages.first().is_some_and(|first| first.role != "system");
    if chats.iter().any(lacks) {
        // A system prompt that is no text stays where it is, in `meta`.
        let system = take_system(fields).unwrap_or_default();
        for messages in chats.iter_mut().filter(|messages| lacks(messages)) {
            messages.splice(0..0, system.iter().cloned());
        }
    }
    let Some((name, task)) = task else {
        return items;
    };
    // What has it already needs it no more.
    let has_it = |messages: &&mut Vec<Message>| {
        messages
            .iter()
            .any(|turn| turn.content.contains(task.trim()))
    };
    chats.retain(|messages| !has_it(messages));
    if !chats.is_empty() {
        fields.shift_remove(&name);
    }
    for messages in chats {
        match messages.first_mut() {
            Some(first) if first.role == "system" => {
                first.content = format!("{}\n\n{task}", first.content.trim_end());
            }
            _ => messages.insert(0, Message::new("system", task.clone())),
        }
    }
    items
}

/// What there is to do, as a field says that the shape did not take, and the field's name.
fn task(fields: &Fields, shape: &Shape) -> Option<(String, String)> {
    if !ASKED_IN_FIELDS.contains(&shape.name) {
        return None;
    }
    let is_input = shape.requires.contains(&INPUT) || shape.requires.contains(&INPUTS);
    let name =
        find(fields, INSTRUCTION).or_else(|| is_input.then(|| find(fields, TASK)).flatten())?;
    let text = match &fields[&name] {
        Value::String(text) => text.clone(),
        // As Super-NaturalInstructions have it.
        Value::Array(lines) => {
            let lines: Option<Vec<&str>> = lines.iter().map(Value::as_str).collect();
            lines?.join("\n")
        }
        _ => return None,
    };
    (!text.trim().is_empty()).then_some((name, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            let items = with_system(items, &mut fields, shape);
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

    #[test]
    fn an_instruction_that_no_turn_has_is_a_system_prompt() {
        let read = |record: Value| {
            let Value::Object(mut fields) = record else {
                panic!("an object");
            };
            let shape = Shape::of(&fields).expect("a shape");
            let items = shape.take(&mut fields).expect("items");
            let mut items = with_system(items, &mut fields, shape).into_iter();
            let Content::Chat(turns) = items.next().expect("one").expect("an item").content else {
                panic!("a chat");
            };
            let turns = turns.into_iter().map(|turn| (turn.role, turn.content));
            (turns.collect::<Vec<_>>(), fields)
        };
        let system = |text: &str| ("system".to_owned(), text.to_owned());
        for (record, wanted) in [
            (
                json!({"instruction": "In French.", "question": "q", "answer": "a"}),
                "In French.",
            ),
            (
                json!({"instruction": "The opposite.", "question": "hot", "choices": ["warm", "cold"], "answer": "B"}),
                "The opposite.",
            ),
            (
                json!({"definition": "Reverse it.", "input": "abc", "output": "cba"}),
                "Reverse it.",
            ),
            (
                json!({"Definition": ["Reverse", "it."], "inputs": "abc", "targets": "cba"}),
                "Reverse\nit.",
            ),
            (
                json!({"system": "s", "инструкция": "Кратко.", "question": "q", "answer": "a"}),
                "s\n\nКратко.",
            ),
        ] {
            let (turns, left) = read(record.clone());
            assert_eq!((turns.len(), &turns[0]), (3, &system(wanted)), "{record}");
            assert!(left.is_empty(), "{record}: {left:?}");
        }
        // Said already, or a note of the user's.
        for record in [
            json!({"instruction": "Say it.", "question": "Say it. What?", "answer": "a"}),
            json!({"definition": "a letter", "question": "q", "answer": "a"}),
            json!({"instruction": {"n": 1}, "question": "q", "answer": "a"}),
            json!({"instruction": " ", "question": "q", "answer": "a"}),
        ] {
            let (turns, left) = read(record.clone());
            assert_eq!((turns.len(), left.len()), (2, 1), "{record}");
        }
    }
}
