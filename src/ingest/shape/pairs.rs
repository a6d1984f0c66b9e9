//! One question, one answer: pairs, alpaca, passages with questions.

use super::fields::{as_answer, find, take, take_text};
use super::messages::take_turns;
use super::{
    ANSWERS, CONTEXT, Fields, IDEAL, INPUT, INSTANCES, INSTRUCTION, Item, Items, Misfit, OUTPUT,
    PARAGRAPHS, QUESTION, SYSTEM,
};
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
    messages.push(Message::new(
        "assistant",
        as_answer(take(fields, answer)?, answer[0])?,
    ));
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
    let mut user = take_text(fields, INSTRUCTION)?;
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
    messages.push(Message::new(
        "assistant",
        as_answer(take(fields, OUTPUT)?, "output")?,
    ));
    Ok(Content::Chat(messages))
}

/// The texts of `answers`: a list of texts or of objects with a text, or an object with a list.
pub(super) fn answer_texts(answers: &Value) -> Vec<&str> {
    match answers {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().flat_map(answer_texts).collect(),
        Value::Object(fields) => fields.get("text").map(answer_texts).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The first of several answers; the others say the same in other words or are equal.
pub(super) fn first_answer(answers: &Value) -> Result<String, Misfit> {
    answer_texts(answers)
        .first()
        .map(|text| (*text).to_owned())
        .ok_or_else(|| Misfit("the field `answers` holds no text".to_owned()))
}

pub(super) fn take_context_question(fields: &mut Fields) -> Result<Content, Misfit> {
    let context = take_context(fields)?;
    let question = with_context(context, take_text(fields, QUESTION)?);
    let answers = take(fields, ANSWERS)?;
    let answer = first_answer(&answers)?;
    // Positions and further answers are the user's.
    fields.insert("answers".to_owned(), answers);
    Ok(Content::Chat(vec![
        Message::new("user", question),
        Message::new("assistant", answer),
    ]))
}

pub(super) fn take_squad(fields: &mut Fields) -> Items {
    let Value::Array(paragraphs) = take(fields, PARAGRAPHS)? else {
        return Err(Misfit("the field `paragraphs` is no list".to_owned()));
    };
    let mut items = Vec::new();
    for (i, paragraph) in paragraphs.into_iter().enumerate() {
        let Value::Object(mut paragraph) = paragraph else {
            return Err(Misfit(format!("paragraphs[{i}] is no object")));
        };
        let context = take_text(&mut paragraph, CONTEXT)?;
        let Value::Array(questions) = take(&mut paragraph, &["qas"])? else {
            return Err(Misfit(format!("paragraphs[{i}].qas is no list")));
        };
        for (j, question) in questions.into_iter().enumerate() {
            let Value::Object(mut own) = question else {
                return Err(Misfit(format!("paragraphs[{i}].qas[{j}] is no object")));
            };
            own.insert("context".to_owned(), context.clone().into());
            let content = take_context_question(&mut own)
                .map_err(|Misfit(why)| Misfit(format!("paragraphs[{i}].qas[{j}]: {why}")))?;
            items.push(Item {
                content,
                fields: own,
            });
        }
    }
    Ok(items)
}

pub(super) fn take_instances(fields: &mut Fields) -> Items {
    let instruction = take(fields, INSTRUCTION)?;
    let Value::Array(instances) = take(fields, INSTANCES)? else {
        return Err(Misfit("the field `instances` is no list".to_owned()));
    };
    instances
        .into_iter()
        .enumerate()
        .map(|(i, instance)| {
            let Value::Object(mut own) = instance else {
                return Err(Misfit(format!("instances[{i}] is no object")));
            };
            own.insert("instruction".to_owned(), instruction.clone());
            let content = take_alpaca(&mut own)
                .map_err(|Misfit(why)| Misfit(format!("instances[{i}]: {why}")))?;
            Ok(Item {
                content,
                fields: own,
            })
        })
        .collect()
}

pub(super) fn take_ideal(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_turns(fields, INPUT, "user")?;
    let key = find(fields, IDEAL).unwrap_or_default();
    let ideal = match take(fields, IDEAL)? {
        Value::Array(list) => {
            let first = list.first().cloned().unwrap_or_default();
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
