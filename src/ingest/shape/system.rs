//! System prompts, and what there is to do, beside records whose shape does not look for them.

use super::fields::{find, has};
use super::known::Names;
use super::lead::text_of;
use super::names::{INPUT, INPUTS, INSTRUCTION, SYSTEM};
use super::pairs::take_system;
use super::{Fields, Item, Misfit, Shape};
use crate::document::{Content, Message};

/// Shapes whose question is made of fields, of which an instruction beside it is said by none. Beside
/// options it mostly asks for a letter, which is not how the answer is given.
const ASKED_IN_FIELDS: &[&str] = &[
    "question_answer",
    "context_question",
    "prompt_completion",
    "passage",
];
/// What there is to do, beside an input.
const TASK: Names<'static> = Names::of(&["definition", "task_definition"]);
/// Words of an answer from which on it stands in no instruction by chance.
const ANSWER_WORDS: usize = 3;

/// Puts the system prompt that is left in `fields` before the chats of `items` that have none, and so what
/// there is to do, which records of the shape `asked` left there; `None` where that is not looked for.
pub fn with_system(
    mut items: Vec<Result<Item, Misfit>>,
    fields: &mut Fields,
    asked: Option<&Shape>,
) -> Vec<Result<Item, Misfit>> {
    let task = asked.and_then(|shape| task(fields, shape));
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
    // What has it already needs it no more, and what says the chat once more must not come before it.
    let words = folded(&task);
    if chats.iter().any(|messages| repeats(&words, messages)) {
        return items;
    }
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

/// Whether a task, as [`folded`] words, is in one of the turns, or has in it a line that is asked, or an
/// answer of several words.
fn repeats(task: &str, messages: &[Message]) -> bool {
    messages.iter().any(|turn| {
        let said = folded(&turn.content);
        let has_turn = if turn.role == "assistant" {
            said.split_whitespace().count() >= ANSWER_WORDS && task.contains(&said)
        } else {
            let mut lines = turn.content.lines().map(folded);
            lines.any(|line| line.len() > 2 && task.contains(&line))
        };
        said.contains(task) || has_turn
    })
}

/// The words of a text in small letters, each between spaces: so that a part of a word is none.
fn folded(text: &str) -> String {
    let mut folded = String::from(" ");
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if !word.is_empty() {
            folded.extend(word.chars().flat_map(char::to_lowercase));
            folded.push(' ');
        }
    }
    folded
}

/// What there is to do, as a field says that the shape did not take, and the field's name. One word, or a
/// number with it, is the name of a task or of an exercise.
fn task(fields: &Fields, shape: &Shape) -> Option<(String, String)> {
    if !ASKED_IN_FIELDS.contains(&shape.name) {
        return None;
    }
    let is_input = shape.requires.contains(&INPUT) || shape.requires.contains(&INPUTS);
    let name =
        find(fields, INSTRUCTION).or_else(|| is_input.then(|| find(fields, TASK)).flatten())?;
    let text = text_of(&fields[&name])?;
    let words = text.split_whitespace();
    let words = words.filter(|word| word.chars().any(char::is_alphabetic));
    (words.count() > 1).then_some((name, text))
}

#[cfg(test)]
mod tests {
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
            let items = with_system(items, &mut fields, Some(shape));
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
            let mut items = with_system(items, &mut fields, Some(shape)).into_iter();
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
                json!({"definition": "Reverse it.", "input": "abc", "output": "cba"}),
                "Reverse it.",
            ),
            (
                json!({"Definition": ["Reverse", "it."], "inputs": "abc", "targets": "cba"}),
                "Reverse\nit.",
            ),
            (
                json!({"system": "s", "инструкция": "Ответь кратко.", "question": "q", "answer": "a"}),
                "s\n\nОтветь кратко.",
            ),
        ] {
            let (turns, left) = read(record.clone());
            assert_eq!((turns.len(), &turns[0]), (3, &system(wanted)), "{record}");
            assert!(left.is_empty(), "{record}: {left:?}");
        }
        // Said already, the record once more with its answer, or a note of the user's.
        for record in [
            json!({"instruction": "Say it.", "question": "Say  it. What?", "answer": "a"}),
            json!({"instruction": "Write a poem\r\nabout cats", "prompt": "### Write a poem\nabout cats:", "completion": "a"}),
            json!({"instruction": "Question: Capital of France?\nAnswer: Paris", "question": "Capital of France?", "answer": "Paris"}),
            json!({"instruction": "Translate to French: hot", "question": "hot", "answer": "chaud"}),
            json!({"definition": "Ephemeral: lasting a short time", "input": "Lasting a short time", "output": "ephemeral"}),
            json!({"instruction": "Say that all is well here", "question": "How?", "answer": "All is well."}),
            json!({"definition": "a letter", "question": "q", "answer": "a"}),
            json!({"задание": "Задание 7", "question": "q", "answer": "a"}),
            json!({"instruction": "7", "question": "q", "answer": "a"}),
            json!({"instruction": "Answer with the letter.", "question": "q", "options": ["x", "y"], "answer": "B"}),
            json!({"instruction": {"n": 1}, "question": "q", "answer": "a"}),
            json!({"instruction": " ", "question": "q", "answer": "a"}),
        ] {
            let (turns, left) = read(record.clone());
            assert_eq!((turns.len(), left.len()), (2, 1), "{record}");
        }
        // A short answer is in many instructions.
        let short =
            json!({"instruction": "Answer yes or no.", "question": "Well?", "answer": "yes"});
        assert_eq!(read(short).0.len(), 3);
    }
}
