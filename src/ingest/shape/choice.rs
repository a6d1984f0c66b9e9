//! Multiple choice: the options belong to the question, the answer is an option's text.

use super::fields::{as_answer, find, take, take_text, type_name};
use super::pairs::{take_context, with_context};
use super::{ANSWER, Fields, Misfit, OPTIONS, QUESTION};
use crate::document::{Content, Message};

use serde_json::Value;

/// The letter of an option, and its text.
pub(super) fn take_options(fields: &mut Fields) -> Result<Vec<(String, String)>, Misfit> {
    const LETTERS: &[&str] = &[
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
    ];
    if find(fields, OPTIONS).is_some() {
        let options = match take(fields, OPTIONS)? {
            Value::Array(list) => list,
            // {"text": […], "label": […]}, as on the hub.
            Value::Object(mut parts) => match parts.remove("text") {
                Some(Value::Array(list)) => list,
                _ => {
                    return Err(Misfit(
                        "the field `options` holds no list of texts".to_owned(),
                    ));
                }
            },
            other => {
                return Err(Misfit(format!(
                    "the field `options` is {}, expected a list",
                    type_name(&other)
                )));
            }
        };
        return options
            .into_iter()
            .zip(LETTERS)
            .map(|(option, letter)| Ok((letter.to_uppercase(), as_answer(option, "options")?)))
            .collect();
    }
    let mut options = Vec::new();
    for (i, letter) in LETTERS.iter().enumerate() {
        let (named, numbered) = (format!("option_{letter}"), format!("option{}", i + 1));
        let names = [*letter, named.as_str(), numbered.as_str()];
        if find(fields, &names).is_none() {
            break;
        }
        let text = match take(fields, &names)? {
            Value::Null => String::new(),
            other => as_answer(other, letter)?,
        };
        // Questions with fewer options leave the last columns empty.
        if !text.trim().is_empty() {
            options.push((letter.to_uppercase(), text));
        }
    }
    Ok(options)
}

/// Options are part of the question; a letter or number as answer becomes the option's text.
pub(super) fn take_multiple_choice(fields: &mut Fields) -> Result<Content, Misfit> {
    let context = take_context(fields)?;
    let question = take_text(fields, QUESTION)?;
    let answer = take(fields, ANSWER)?;
    let options = take_options(fields)?;
    let by_index = answer
        .as_u64()
        .and_then(|index| options.get(index as usize))
        .map(|(_, text)| text.clone());
    let answer = match by_index {
        Some(text) => text,
        None => as_answer(answer, "answer")?,
    };
    let letter = answer.trim().trim_end_matches(['.', ')']).to_uppercase();
    let is_text = options.iter().any(|(_, text)| text.trim() == answer.trim());
    let meant = options
        .iter()
        .find(|(name, _)| !is_text && *name == letter)
        .map(|(_, text)| text.clone());
    let listed: String = options
        .iter()
        .map(|(name, text)| format!("\n{name}) {}", text.trim()))
        .collect();
    let question = with_context(context, format!("{}{listed}", question.trim_end()));
    let answer = meant.unwrap_or(answer);
    Ok(Content::Chat(vec![
        Message::new("user", question),
        Message::new("assistant", answer),
    ]))
}
