//! A worse answer beside a conversation or a pair: the better one is what the assistant says last there.

use super::answers::{is_missing, is_no, is_yes};
use super::asked::{is_lone_name, is_lone_word};
use super::candidates::has_candidates;
use super::choice::{Choices, take_options};
use super::fields::{find, has, value_of};
use super::messages::take_turns;
use super::names::{
    ANSWER, CHOSEN, COMPLETION, CONVERSATIONS, CORRECT, INPUT, INSTRUCTION, MESSAGES, NAMES_OPTION,
    OUTPUT, PROMPT, QUESTION, REJECTED, REJECTED_BESIDE,
};
use super::numbering;
use super::preference::{check_sides, is_same_turn};
use super::turn::CONTENT;
use super::{Fields, Item, Items, Misfit, Shape};
use crate::document::{Content, Message};
use serde_json::Value;

/// Shapes of one conversation, of which the last turn is an answer as it is said.
const SHAPES: &[&str] = &[
    "messages",
    "sharegpt",
    "alpaca",
    "question_answer",
    "prompt_completion",
    CHOICE,
];
/// The shape of which an answer may be the name of an option.
const CHOICE: &str = "multiple_choice";

/// Whether a value is an answer: no number or flag, which say that the one beside it was rejected.
fn is_answer(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => {
            let is_flag = REJECTED.has(name) && (is_yes(value) || is_no(value));
            !text.trim().is_empty() && !is_flag && !is_missing(text)
        }
        Value::Array(list) => list.iter().any(|one| is_answer(one, "")),
        Value::Object(turn) => !turn.is_empty(),
        _ => false,
    }
}

/// The field that names the right option.
fn right_option(fields: &Fields) -> Option<String> {
    let mut names = [ANSWER, CORRECT, NAMES_OPTION].into_iter();
    names.find_map(|names| find(fields, names))
}

/// Whether a value is a number, or a list of them, beside another as the answer: the same number is a
/// flag, for no option is both, and so may a 0 or 1 be.
fn is_other_number(value: &Value, fields: &Fields) -> bool {
    let Some(right) = right_option(fields).map(|key| &fields[&key]) else {
        return false;
    };
    let is_other = |value: &Value| value.is_u64() && value != right;
    right.is_u64()
        && match value {
            Value::Array(list) => list.iter().all(Value::is_u64) && list.iter().any(is_other),
            value => is_other(value) && value.as_u64() > Some(1),
        }
}

/// Whether a preference has names of options for its answers, which teach nothing by themselves.
pub(super) fn prefers_option(fields: &Fields) -> bool {
    if has(fields, MESSAGES) || has(fields, CONVERSATIONS) || has_candidates(fields) {
        return false;
    }
    let sides = [CHOSEN, REJECTED].map(|names| value_of(fields, names));
    let sides = sides.into_iter().flatten();
    let names: Vec<String> = sides
        .filter(|side| is_lone_name(side))
        .map(|name| {
            name.as_str()
                .map_or(name.to_string(), |text| text.trim().to_owned())
        })
        .collect();
    !names.is_empty()
        && as_choice(fields).is_some_and(|fields| {
            // A text that is written like a name is an answer.
            let are_texts = |options: &Choices| {
                let is_text = |name: &String| options.all.iter().any(|one| one.text.trim() == name);
                names.iter().all(is_text)
            };
            is_choice(&fields)
                && take_options(&mut fields.clone()).is_ok_and(|options| !are_texts(&options))
        })
}

const RIGHT: &str = "answer";

/// The record with the better answer as the option that is right.
fn as_choice(fields: &Fields) -> Option<Fields> {
    let key = find(fields, CHOSEN)?;
    let mut fields = fields.clone();
    let chosen = fields.shift_remove(&key)?;
    fields.insert(RIGHT.to_owned(), chosen);
    Some(fields)
}

/// Takes a question with options of which two are compared.
pub(super) fn take_preferred_option(fields: &mut Fields) -> Items {
    let said = fields.get(RIGHT).cloned();
    if let Some(choice) = as_choice(fields) {
        *fields = choice;
    }
    let items = take_with_rejected(fields)?;
    // What was said beside the two is the user's.
    if let Some(said) = said {
        fields.insert(RIGHT.to_owned(), said);
    }
    Ok(items)
}

/// Whether a record without two answers of their own has a worse one beside what else it says.
pub(super) fn has_rejected(fields: &Fields) -> bool {
    let has = |names| has(fields, names);
    let is_said = find(fields, REJECTED_BESIDE).is_some_and(|key| {
        is_answer(&fields[&key], &key)
            || is_other_number(&fields[&key], fields) && is_choice(fields)
    });
    is_said
        && !has(CHOSEN)
        && (has(MESSAGES)
            || has(CONVERSATIONS)
            || has(QUESTION) && has(ANSWER)
            || has(PROMPT) && has(COMPLETION)
            || (has(INSTRUCTION) || has(INPUT)) && has(OUTPUT)
            || has(QUESTION) && has(CORRECT) && is_choice(fields))
}

/// Whether the record without its worse answer is a question with options.
fn is_choice(fields: &Fields) -> bool {
    let mut rest = fields.clone();
    while let Some(key) = find(&rest, REJECTED_BESIDE) {
        rest.shift_remove(&key);
    }
    Shape::of(&rest).is_some_and(|shape| shape.name == CHOICE)
}

/// Takes the record as it is without the worse answer, and that as what is rejected.
pub(super) fn take_with_rejected(fields: &mut Fields) -> Items {
    let key = find(fields, REJECTED_BESIDE).unwrap_or_default();
    let value = fields.shift_remove(&key).unwrap_or_default();
    let shape = Shape::of(fields).ok_or_else(|| {
        Misfit::wrong(format!(
            "the field `{key}` is beside nothing of a known shape"
        ))
    })?;
    let before = (shape.name == CHOICE).then(|| fields.clone());
    let mut items = shape.take(fields)?;
    if !SHAPES.contains(&shape.name) || items.len() != 1 {
        fields.insert(key, value);
        return Ok(items);
    }
    let item = items.remove(0)?;
    let Content::Chat(messages) = item.content else {
        fields.insert(key, value);
        return Ok(vec![Ok(item)]);
    };
    let value = match before {
        Some(before) => as_options(value, &before, shape)?,
        None => value,
    };
    let rejected = rejected(value, &key, &messages, fields)?;
    Ok(vec![Ok(Item {
        content: Content::Preference { messages, rejected },
        fields: item.fields,
    })])
}

/// Worse answers as texts of the options of `record`, where they are names of some: a letter that is
/// learned from for what it stands for teaches nothing.
fn as_options(value: Value, record: &Fields, shape: &Shape) -> Result<Value, Misfit> {
    match value {
        Value::Array(list) => {
            let texts = list.into_iter().map(|one| as_options(one, record, shape));
            texts.collect()
        }
        Value::Number(_) => Ok(said_for(&value, record, shape)?.map_or(value, Value::from)),
        Value::String(text) => match said_for(&Value::from(text.as_str()), record, shape) {
            Ok(said) => Ok(said.unwrap_or(text).into()),
            Err(misfit) if is_lone_word(&text) => Err(misfit),
            // Words of its own.
            Err(_) => Ok(text.into()),
        },
        // A turn that says it.
        Value::Object(mut turn) => {
            if let Some(key) = find(&turn, CONTENT) {
                let said = as_options(turn[&key].take(), record, shape)?;
                turn.insert(key, said);
            }
            Ok(turn.into())
        }
        other => Ok(other),
    }
}

/// What the record would say with this answer.
fn said_for(answer: &Value, record: &Fields, shape: &Shape) -> Result<Option<String>, Misfit> {
    let Some(key) = right_option(record) else {
        return Ok(None);
    };
    let mut other = record.clone();
    other.insert(key, answer.clone());
    let taken = numbering::unnoted(|| shape.take(&mut other));
    Ok(match taken?.remove(0)?.content {
        Content::Chat(mut turns) => turns.pop().map(|last| last.content),
        _ => None,
    })
}

/// What is rejected in place of the last of `messages`.
fn rejected(
    value: Value,
    key: &str,
    messages: &[Message],
    fields: &mut Fields,
) -> Result<Vec<Message>, Misfit> {
    let Some((chosen, asked)) = messages
        .split_last()
        .filter(|(last, _)| last.role == "assistant")
    else {
        return Err(Misfit::no_answer(format!(
            "the field `{key}` is a rejected answer, and the conversation beside it does not end with a better one"
        )));
    };
    let worse = of_several(&value, chosen);
    if worse.is_some() {
        // The others are the user's.
        fields.insert(key.to_owned(), value.clone());
    }
    let mut own = Fields::from_iter([(REJECTED[0].to_owned(), worse.unwrap_or(value))]);
    let mut turns = take_turns(&mut own, REJECTED, "assistant")?;
    // Some sets repeat the whole conversation.
    turns.retain(|turn| turn.role != "system");
    if turns.first().is_some_and(|first| first.role == "user") {
        let asked = asked.iter().filter(|turn| turn.role != "system");
        let asked: Vec<&Message> = asked.collect();
        let repeats =
            asked.len() < turns.len() && asked.iter().zip(&turns).all(|(a, b)| is_same_turn(a, b));
        if !repeats {
            return Err(Misfit::wrong(format!(
                "the field `{key}` does not answer the same as the conversation beside it: what the user says differs"
            )));
        }
        turns.drain(..asked.len());
    }
    check_sides(std::slice::from_ref(chosen), &turns)?;
    Ok(turns)
}

/// Of several worse answers the first that says something else than the better one.
fn of_several(value: &Value, chosen: &Message) -> Option<Value> {
    let list = value.as_array()?;
    if !list.iter().all(Value::is_string) {
        return None;
    }
    let is_other = |text: &&Value| {
        let text = text.as_str().unwrap_or_default().trim();
        !text.is_empty() && text != chosen.content.trim()
    };
    list.iter().find(is_other).or(list.first()).cloned()
}
