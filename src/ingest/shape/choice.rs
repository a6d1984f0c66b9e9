//! Multiple choice: the options belong to the question, the answer is an option's text.

use super::fields::{as_answer, find, take, take_text, type_name};
use super::pairs::{take_context, with_context};
use super::{ANSWER, Fields, Misfit, OPTIONS, QUESTION};
use crate::document::{Content, Message};

use serde_json::Value;

/// An option of a question.
pub(super) struct Choice {
    /// What stands before it: a letter.
    letter: String,
    /// What an answer may call it: its label, or its number.
    label: String,
    text: String,
}

const LETTERS: &[&str] = &[
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
];

pub(super) fn take_options(fields: &mut Fields) -> Result<Vec<Choice>, Misfit> {
    if find(fields, OPTIONS).is_some() {
        let (options, labels) = match take(fields, OPTIONS)? {
            Value::Array(list) => (list, Vec::new()),
            // {"text": […], "label": […]}, as on the hub.
            Value::Object(mut parts) => match (parts.remove("text"), parts.remove("label")) {
                (Some(Value::Array(list)), Some(Value::Array(labels))) => (list, labels),
                (Some(Value::Array(list)), _) => (list, Vec::new()),
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
            .enumerate()
            .map(|(i, (option, letter))| {
                // Without labels a list is counted from 0, as in programs.
                let label = match labels.get(i) {
                    Some(label) => as_answer(label.clone(), "label")?,
                    None => i.to_string(),
                };
                Ok(Choice {
                    letter: letter.to_uppercase(),
                    label,
                    text: as_answer(option, "options")?,
                })
            })
            .collect();
    }
    let mut options = Vec::new();
    for (i, letter) in LETTERS.iter().enumerate() {
        let (named, numbered) = (format!("option_{letter}"), format!("option{}", i + 1));
        let names = [*letter, named.as_str(), numbered.as_str()];
        let Some(key) = find(fields, &names) else {
            break;
        };
        let text = match take(fields, &names)? {
            Value::Null => String::new(),
            other => as_answer(other, letter)?,
        };
        // Questions with fewer options leave the last columns empty.
        if !text.trim().is_empty() {
            // A column called option1 is counted from 1, lettered ones from 0.
            let number = if key.trim().to_lowercase() == numbered {
                i + 1
            } else {
                i
            };
            options.push(Choice {
                letter: letter.to_uppercase(),
                label: number.to_string(),
                text,
            });
        }
    }
    Ok(options)
}

/// Options are part of the question; a letter, label or number as answer, as text or as a number,
/// becomes the option's text.
pub(super) fn take_multiple_choice(fields: &mut Fields) -> Result<Content, Misfit> {
    let context = take_context(fields)?;
    let question = take_text(fields, QUESTION)?;
    let answer = as_answer(take(fields, ANSWER)?, "answer")?;
    let options = take_options(fields)?;
    let given = answer.trim();
    let is_text = options.iter().any(|option| option.text.trim() == given);
    let name = given.trim_end_matches(['.', ')']);
    let meant = options
        .iter()
        .find(|option| option.label.trim() == name)
        .or_else(|| {
            let letter = name.to_uppercase();
            options.iter().find(|option| option.letter == letter)
        })
        .filter(|_| !is_text)
        .map(|option| option.text.clone());
    let listed: String = options
        .iter()
        .map(|option| format!("\n{}) {}", option.letter, option.text.trim()))
        .collect();
    let question = with_context(context, format!("{}{listed}", question.trim_end()));
    Ok(Content::Chat(vec![
        Message::new("user", question),
        Message::new("assistant", meant.unwrap_or(answer)),
    ]))
}
