//! One question, one answer: pairs, alpaca, a question about a passage.

use super::fields::{as_answer, find, take, take_text};
use super::messages::take_turns;
use super::names::{
    ABOUT, ACCEPTED_ID, ANSWER, ANSWERS, BODY, CONTEXT, HISTORY, ID, IDEAL, INPUT, INSTANCES,
    INSTRUCTION, IS_ACCEPTED, LABEL, OUTPUT, QUESTION, SYSTEM, TEXT, TITLE,
};
use super::{Fields, Item, Items, Misfit};
use crate::document::{Content, Message};
use serde_json::Value;

pub(super) fn take_pair(
    fields: &mut Fields,
    question: &[&str],
    answer: &[&str],
) -> Result<Content, Misfit> {
    let mut messages = take_system(fields)?;
    let question = with_context(take_context(fields)?, take_text(fields, question)?);
    messages.push(Message::new("user", question));
    messages.push(Message::new("assistant", take_answer(fields, answer)?));
    Ok(Content::Chat(messages))
}

/// A question, what it is about, and its answer.
pub(super) fn take_question(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_system(fields)?;
    let question = take_text(fields, QUESTION)?;
    let question = with_context(take_about(fields, &question)?, question);
    messages.push(Message::new("user", question));
    messages.push(Message::new("assistant", take_answer(fields, ANSWER)?));
    Ok(Content::Chat(messages))
}

/// A question of a forum with its title, and the answer that was accepted, else the first.
pub(super) fn take_forum(fields: &mut Fields) -> Result<Content, Misfit> {
    let (title, body) = (take_text(fields, TITLE)?, take_text(fields, BODY)?);
    let accepted = find(fields, ACCEPTED_ID).map(|key| fields[&key].clone());
    let key = find(fields, ANSWERS).unwrap_or_default();
    let answers = take(fields, ANSWERS)?;
    let list = answers.as_array().map(Vec::as_slice).unwrap_or_default();
    let part = |answer: &Value, names: &[&str]| -> Option<Value> {
        let answer = answer.as_object()?;
        find(answer, names).map(|key| answer[&key].clone())
    };
    let is_accepted = |answer: &&Value| {
        let own = part(answer, ID).or_else(|| part(answer, &["answer_id"]));
        part(answer, IS_ACCEPTED) == Some(Value::Bool(true))
            || accepted.as_ref().is_some_and(|id| !id.is_null()) && own == accepted
    };
    let answer = list.iter().find(is_accepted).or(list.first());
    let text = answer
        .and_then(|answer| part(answer, TEXT))
        .unwrap_or_default();
    let text = first_answer(&text, &key)?;
    fields.insert(key, answers);
    Ok(Content::Chat(vec![
        Message::new("user", with_context(Some(title), body)),
        Message::new("assistant", text),
    ]))
}

/// What the user says and what is to follow, as texts or as lists of messages.
pub(super) fn take_completion(
    fields: &mut Fields,
    prompt: &[&str],
    completion: &[&str],
) -> Result<Content, Misfit> {
    let label = find(fields, LABEL).map(|key| &fields[&key]);
    if label == Some(&Value::Bool(false)) {
        return Err(Misfit::named(
            "undesired_answer",
            "the field `label` is false: the completion is an example of a bad one, and as an answer it would be learned".to_owned(),
        ));
    }
    let is_list = |names: &[&str]| find(fields, names).is_some_and(|key| fields[&key].is_array());
    if !is_list(prompt) {
        return take_pair(fields, prompt, completion);
    }
    let mut messages = take_system(fields)?;
    messages.extend(take_turns(fields, prompt, "user")?);
    messages.extend(take_turns(fields, completion, "assistant")?);
    Ok(Content::Chat(messages))
}

/// The passage that a question is about, if there is one.
pub(super) fn take_context(fields: &mut Fields) -> Result<Option<String>, Misfit> {
    match find(fields, CONTEXT).map(|key| fields[&key].clone()) {
        Some(Value::String(context)) if !context.trim().is_empty() => {
            take(fields, CONTEXT)?;
            Ok(Some(context))
        }
        _ => Ok(None),
    }
}

/// The passage that a question is about, also under a name that may mean something else: a text that
/// has the question in it is the record once more, written as a prompt.
pub(super) fn take_about(fields: &mut Fields, question: &str) -> Result<Option<String>, Misfit> {
    if let Some(context) = take_context(fields)? {
        return Ok(Some(context));
    }
    match find(fields, ABOUT).map(|key| fields[&key].clone()) {
        Some(Value::String(text)) if !text.trim().is_empty() && !text.contains(question.trim()) => {
            take(fields, ABOUT)?;
            Ok(Some(text))
        }
        _ => Ok(None),
    }
}

pub(super) fn with_context(context: Option<String>, question: String) -> String {
    match context {
        Some(context) => format!("{}\n\n{question}", context.trim()),
        None => question,
    }
}

/// A system prompt beside a question, if there is one.
pub(super) fn take_system(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    match find(fields, SYSTEM).map(|key| fields[&key].clone()) {
        Some(Value::String(text)) if !text.trim().is_empty() => {
            take(fields, SYSTEM)?;
            Ok(vec![Message::new("system", text)])
        }
        _ => Ok(Vec::new()),
    }
}

pub(super) fn take_alpaca(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_system(fields)?;
    messages.extend(take_history(fields)?);
    let mut user = take_text(fields, INSTRUCTION)?;
    // Dolly calls what the instruction is about its context.
    if let Some(context) = take_context(fields)? {
        user = format!("{}\n\n{}", user.trim_end(), context.trim());
    }
    if find(fields, INPUT).is_some() {
        match take(fields, INPUT)? {
            Value::Null => {}
            input => {
                let input = as_answer(input, "input")?;
                if !input.trim().is_empty() {
                    user = format!("{}\n\n{input}", user.trim_end());
                }
            }
        }
    }
    messages.push(Message::new("user", user));
    messages.push(Message::new("assistant", take_answer(fields, OUTPUT)?));
    Ok(Content::Chat(messages))
}

/// The turns before an instruction: pairs of what was asked and answered.
fn take_history(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    let Some(key) = find(fields, HISTORY) else {
        return Ok(Vec::new());
    };
    let pairs = match &fields[&key] {
        Value::Array(turns) if !turns.is_empty() && turns.iter().all(Value::is_object) => {
            return take_turns(fields, &[key.as_str()], "user");
        }
        Value::Array(pairs) => pairs.iter().map(|pair| match pair {
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(asked), Value::String(said)] => Some([
                    Message::new("user", asked.as_str()),
                    Message::new("assistant", said.as_str()),
                ]),
                _ => None,
            },
            _ => None,
        }),
        // Of another kind it is a note of the user's.
        _ => return Ok(Vec::new()),
    };
    let Some(turns) = pairs.collect::<Option<Vec<_>>>() else {
        return Err(Misfit::wrong(format!(
            "the field `{key}` is no list of pairs [question, answer]"
        )));
    };
    fields.shift_remove(&key);
    Ok(turns.into_iter().flatten().collect())
}

/// The texts of an answer: a list of texts or of objects with a text, or an object with a list.
fn answer_texts(answers: &Value) -> Vec<String> {
    match answers {
        Value::Null => Vec::new(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Number(_) | Value::Bool(_) => vec![answers.to_string()],
        Value::Array(list) => list.iter().flat_map(answer_texts).collect(),
        Value::Object(fields) => {
            let text = find(fields, &["text", "value", "answer", "input_text"]);
            text.map(|key| answer_texts(&fields[&key]))
                .unwrap_or_default()
        }
    }
}

/// The first of several answers; the others say the same in other words or are equal.
fn first_answer(answers: &Value, name: &str) -> Result<String, Misfit> {
    answer_texts(answers).into_iter().next().ok_or_else(|| {
        Misfit::no_answer(format!(
            "the field `{name}` holds no text; a question without an answer teaches none"
        ))
    })
}

/// Takes an answer: text, a number, a truth value, or the first of a list, the rest of which stays.
fn take_answer(fields: &mut Fields, names: &[&str]) -> Result<String, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    match take(fields, names)? {
        several @ (Value::Array(_) | Value::Object(_)) => {
            let first = first_answer(&several, &key)?;
            if several.as_array().is_none_or(|list| list.len() > 1) {
                fields.insert(key, several);
            }
            Ok(first)
        }
        other => as_answer(other, &key),
    }
}

pub(super) fn take_context_question(fields: &mut Fields) -> Result<Content, Misfit> {
    let question = take_text(fields, QUESTION)?;
    let question = with_context(take_about(fields, &question)?, question);
    let key = find(fields, ANSWERS).unwrap_or_default();
    let answers = take(fields, ANSWERS)?;
    let answer = first_answer(&answers, &key)?;
    // Positions and further answers are the user's.
    fields.insert(key, answers);
    Ok(Content::Chat(vec![
        Message::new("user", question),
        Message::new("assistant", answer),
    ]))
}

pub(super) fn take_instances(fields: &mut Fields) -> Items {
    let instruction = take(fields, INSTRUCTION)?;
    let Value::Array(instances) = take(fields, INSTANCES)? else {
        return Err(Misfit::wrong("the field `instances` is no list".to_owned()));
    };
    let items = instances.into_iter().enumerate().map(|(i, instance)| {
        let place = format!("instances[{i}]");
        let Value::Object(mut own) = instance else {
            let misfit = Misfit::wrong(format!("{place} is no object"));
            return Err(misfit.of(&instance));
        };
        let raw = own.clone();
        own.insert("instruction".to_owned(), instruction.clone());
        match take_alpaca(&mut own) {
            Ok(content) => Ok(Item {
                content,
                fields: own,
            }),
            Err(misfit) => Err(misfit.at(&place).of(&Value::Object(raw))),
        }
    });
    Ok(items.collect())
}

pub(super) fn take_ideal(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_turns(fields, INPUT, "user")?;
    let key = find(fields, IDEAL).unwrap_or_default();
    let ideal = match take(fields, IDEAL)? {
        Value::Array(list) => {
            let first = list.first().cloned().ok_or_else(|| {
                Misfit::no_answer("the field `ideal` is an empty list".to_owned())
            })?;
            // Other answers that are right, too, are the user's.
            if list.len() > 1 {
                fields.insert(key, Value::Array(list));
            }
            first
        }
        other => other,
    };
    messages.push(Message::new("assistant", as_answer(ideal, "ideal")?));
    Ok(Content::Chat(messages))
}
