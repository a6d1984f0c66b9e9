//! One question, one answer: pairs, alpaca, a question about a passage.

use super::fields::{as_answer, find, take, take_text};
use super::messages::take_turns;
use super::names::{
    ABOUT, ACCEPTED_ID, ANSWER, ANSWERS, BODY, CONTEXT, HISTORY, ID, IDEAL, INPUT, INSTANCES,
    INSTRUCTION, IS_ACCEPTED, LABEL, OUTPUT, QUESTION, SCORE, SOLUTION, SYSTEM, TITLE,
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

/// A question, what it is about, and its answer. Of a solution and an answer the longer is the answer,
/// because the other is its result alone; that stays in `meta`.
pub(super) fn take_question(fields: &mut Fields) -> Result<Content, Misfit> {
    check_label(fields)?;
    let mut messages = take_system(fields)?;
    let question = take_text(fields, QUESTION)?;
    let question = with_context(take_about(fields, &question)?, question);
    messages.push(Message::new("user", question));
    let length = |names: &[&str]| {
        let key = find(fields, names)?;
        Some(answer_texts(&fields[&key]).first()?.trim().len())
    };
    let names = if length(SOLUTION) > length(ANSWER) {
        SOLUTION
    } else {
        ANSWER
    };
    messages.push(Message::new("assistant", take_answer(fields, names)?));
    Ok(Content::Chat(messages))
}

/// A question of a forum with its title, and the answer that was accepted, else the best by its score,
/// else the first. A question that nobody answered is a text.
pub(super) fn take_forum(fields: &mut Fields) -> Result<Content, Misfit> {
    let (title, body) = (take_text(fields, TITLE)?, take_text(fields, BODY)?);
    let asked = with_context(Some(title), body);
    let key = find(fields, ANSWERS).unwrap_or_default();
    let answers = take(fields, ANSWERS)?;
    if answers.is_null() || answers.as_array().is_some_and(Vec::is_empty) {
        return Ok(Content::Text(asked));
    }
    let text = best_answer(&answers, accepted_id(fields).as_deref(), &key)?;
    fields.insert(key, answers);
    Ok(Content::Chat(vec![
        Message::new("user", asked),
        Message::new("assistant", text),
    ]))
}

/// The field of that name in an object.
fn part<'a>(answer: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let answer = answer.as_object()?;
    find(answer, names).map(|key| &answer[&key])
}

/// A number or a text as it is compared: the same number may be written as either.
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Which of the answers was accepted, as the question says.
fn accepted_id(fields: &Fields) -> Option<String> {
    find(fields, ACCEPTED_ID).and_then(|key| id_text(&fields[&key]))
}

/// The answer that was accepted, by its mark or by its number; else the one with the highest score;
/// else the first. Only answers that say something count.
fn best_answer(answers: &Value, accepted: Option<&str>, name: &str) -> Result<String, Misfit> {
    let Value::Array(list) = answers else {
        return first_answer(answers, name);
    };
    let told: Vec<&Value> = list
        .iter()
        .filter(|answer| !answer_texts(answer).is_empty())
        .collect();
    let is_accepted = |answer: &Value| {
        let own = part(answer, ID).or_else(|| part(answer, &["answer_id"]));
        part(answer, IS_ACCEPTED).is_some_and(is_yes)
            || accepted.is_some() && own.and_then(id_text).as_deref() == accepted
    };
    let score = |answer: &Value| match part(answer, SCORE)? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    let marked = told.iter().copied().find(|answer| is_accepted(answer));
    // Of equal scores the first is kept.
    let scored = || {
        let scored = told
            .iter()
            .filter_map(|answer| Some((*answer, score(answer)?)));
        let best = scored.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(answer, _)| answer)
    };
    match marked.or_else(scored) {
        Some(answer) => first_answer(answer, name),
        None => first_answer(answers, name),
    }
}

/// Whether a mark means yes, as JSON or as a cell of a table has it.
fn is_yes(mark: &Value) -> bool {
    match mark {
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() == Some(1.0),
        Value::String(text) => {
            let text = text.trim().to_lowercase();
            ["true", "1", "yes", "да"].contains(&text.as_str())
        }
        _ => false,
    }
}

/// Whether a mark means no, as JSON or as a cell of a table has it.
fn is_no(mark: &Value) -> bool {
    match mark {
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => {
            let text = text.trim().to_lowercase();
            ["false", "0", "0.0", "no", "нет"].contains(&text.as_str())
        }
        _ => false,
    }
}

/// Refuses an answer that its label calls a bad one: as an answer it would be learned.
///
/// # Errors
/// When the field `label` says no.
pub(super) fn check_label(fields: &Fields) -> Result<(), Misfit> {
    let Some(key) = find(fields, LABEL).filter(|key| is_no(&fields[key])) else {
        return Ok(());
    };
    Err(Misfit::named(
        "undesired_answer",
        format!(
            "the field `{key}` is {}: the answer is an example of a bad one, and it would be learned; where the field means something else, --map question=FIELD,answer=FIELD passes it by",
            fields[&key]
        ),
    ))
}

/// What the user says and what is to follow, as texts or as lists of messages.
pub(super) fn take_completion(
    fields: &mut Fields,
    prompt: &[&str],
    completion: &[&str],
) -> Result<Content, Misfit> {
    check_label(fields)?;
    let is_list = |names: &[&str]| find(fields, names).is_some_and(|key| fields[&key].is_array());
    if !is_list(prompt) {
        return take_pair(fields, prompt, completion);
    }
    let mut messages = take_system(fields)?;
    messages.extend(take_turns(fields, prompt, "user")?);
    messages.extend(take_turns(fields, completion, "assistant")?);
    Ok(Content::Chat(messages))
}

/// The passage that a question is about, if there is one: a text, or a list of texts.
pub(super) fn take_context(fields: &mut Fields) -> Result<Option<String>, Misfit> {
    let context = find(fields, CONTEXT).and_then(|key| passage_text(&fields[&key]));
    if context.is_some() {
        take(fields, CONTEXT)?;
    }
    Ok(context)
}

/// A passage as one text, its paragraphs apart where it is a list of them; `None` of what is blank or
/// of another kind.
fn passage_text(passage: &Value) -> Option<String> {
    let text = match passage {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
            parts?.join("\n\n")
        }
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// The passage that a question is about, also under a name that may mean something else: a text that
/// has the question in it is the record once more, written as a prompt.
pub(super) fn take_about(fields: &mut Fields, question: &str) -> Result<Option<String>, Misfit> {
    if let Some(context) = take_context(fields)? {
        return Ok(Some(context));
    }
    let about = find(fields, ABOUT).and_then(|key| passage_text(&fields[&key]));
    let about = about.filter(|text| !text.contains(question.trim()));
    if about.is_some() {
        take(fields, ABOUT)?;
    }
    Ok(about)
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
    messages.extend(take_instruction(fields)?);
    messages.push(Message::new("assistant", take_answer(fields, OUTPUT)?));
    Ok(Content::Chat(messages))
}

/// What was said before an instruction, and the instruction with its context and its input.
pub(super) fn take_instruction(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    let mut messages = take_history(fields)?;
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
    Ok(messages)
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
            let text = find(
                fields,
                &["text", "value", "answer", "input_text", "body", "content"],
            );
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
            let first = best_answer(&several, accepted_id(fields).as_deref(), &key)?;
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
    let answer = best_answer(&answers, accepted_id(fields).as_deref(), &key)?;
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
