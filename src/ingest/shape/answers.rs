//! Which of several answers is learned: the one that is marked as right, that was accepted, that has
//! the highest score; else the first. A mark that leads to no answer is a misfit, never the first.
//! Marks and scores are those of each answer, or in a list of as many beside them (`beside.rs`).

use super::beside::with_beside;
use super::fields::{as_answer, find, take_named, value_of};
use super::known::Names;
use super::marked::{mark_key, right_one};
use super::names::{ACCEPTED_ID, ID, IS_ACCEPTED, IS_CORRECT, LABELS, RANK, SCORE};
use super::written::{looks_structured, structure_of};
use super::{Fields, Misfit};
use serde_json::{Value, json};

/// What an answer says, in an object.
pub(super) const SAID: Names<'static> =
    Names::of(&["text", "value", "answer", "input_text", "body", "content"]);

/// The field of that name in an object.
fn part<'a>(answer: &'a Value, names: Names<'_>) -> Option<&'a Value> {
    let answer = answer.as_object()?;
    value_of(answer, names)
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
    let id = value_of(fields, ACCEPTED_ID).and_then(id_text);
    id.filter(|id| !id.is_empty())
}

pub(super) fn no_correct(name: &str, why: &str) -> Misfit {
    Misfit::named(
        "no_correct_answer",
        format!("of the answers in the field `{name}` {why}; the first of them may be a wrong one"),
    )
}

/// Those of the answers that their marks call right; all of them where none has a mark.
fn right_answers<'a>(told: Vec<&'a Value>, name: &str) -> Result<Vec<&'a Value>, Misfit> {
    let mark = |answer: &'a Value| {
        let own = answer.as_object()?;
        let mark = &own[&mark_key(own)?];
        Some(mark).filter(|mark| !mark.is_null())
    };
    if !told.iter().any(|answer| mark(answer).is_some()) {
        return Ok(told);
    }
    let right = told
        .into_iter()
        .filter(|answer| mark(answer).is_some_and(is_yes));
    let right: Vec<&Value> = right.collect();
    if right.is_empty() {
        return Err(no_correct(name, "none is marked as right"));
    }
    Ok(right)
}

/// The answers of an object with lists of texts and of marks, each as an object of its own.
fn with_marks(answers: &Value, name: &str) -> Result<Option<Value>, Misfit> {
    let is_told = |marks: &&Value| {
        let list = marks.as_array();
        list.is_some_and(|list| list.iter().all(|mark| is_yes(mark) != is_no(mark)))
    };
    let marks = part(answers, IS_CORRECT).or_else(|| part(answers, LABELS).filter(is_told));
    let (marks, texts) = (marks, part(answers, SAID));
    if let (None, Some(Value::Array(scores)), Some(Value::Array(texts))) =
        (marks, part(answers, SCORE), texts)
        && scores.len() == texts.len()
    {
        let both = texts.iter().zip(scores);
        let each = both.map(|(text, score)| json!({ "text": text, "score": score }));
        return Ok(Some(each.collect::<Vec<_>>().into()));
    }
    let (Some(marks), Some(texts)) = (marks, texts) else {
        return Ok(None);
    };
    match (marks, texts) {
        (Value::Null, _) => Ok(None),
        (Value::Array(marks), Value::Array(texts)) if marks.len() == texts.len() => {
            let both = texts.iter().zip(marks);
            let each = both.map(|(text, mark)| json!({ "text": text, "correct": mark }));
            Ok(Some(each.collect::<Vec<_>>().into()))
        }
        (Value::Array(_), _) => Err(no_correct(name, "the marks are not as many as the texts")),
        _ => Ok(Some(Value::Array(vec![answers.clone()]))),
    }
}

/// The answer that is marked as right; of several the one that was accepted, by its mark or by its
/// number; else the one with the highest score; else the first. Only answers that say something count.
fn best_answer(answers: &Value, accepted: Option<&str>, name: &str) -> Result<String, Misfit> {
    if answers.is_object()
        && let Some(each) = with_marks(answers, name)?
    {
        return best_answer(&each, accepted, name);
    }
    let Value::Array(list) = answers else {
        return first_answer(answers, name);
    };
    let told: Vec<&Value> = list
        .iter()
        .filter(|answer| !answer_texts(answer).is_empty())
        .collect();
    let told = right_answers(told, name)?;
    let is_accepted = |answer: &Value| {
        let own = part(answer, ID).or_else(|| part(answer, Names::of(&["answer_id"])));
        part(answer, IS_ACCEPTED).is_some_and(is_yes)
            || accepted.is_some() && own.and_then(id_text).as_deref() == accepted
    };
    let score = |answer: &Value| {
        let score = part(answer, SCORE).and_then(number);
        // The best has the lowest rank.
        score.or_else(|| part(answer, RANK).and_then(number).map(|rank| -rank))
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
    match (marked.or_else(scored), accepted, told.first()) {
        (Some(answer), ..) => first_answer(answer, name),
        (None, Some(id), Some(_)) => Err(no_correct(
            name,
            &format!("none has the number `{id}` of the accepted one, nor a score"),
        )),
        (None, None, Some(first)) => first_answer(first, name),
        (None, _, None) => first_answer(answers, name),
    }
}

/// A number, also as the text of one.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    }
}

/// Whether a mark means yes, as JSON or as a cell of a table has it.
pub(super) fn is_yes(mark: &Value) -> bool {
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
pub(super) fn is_no(mark: &Value) -> bool {
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

/// Words that stand where an answer is missing.
const MISSING: [&str; 8] = [
    "none",
    "null",
    "nan",
    "n/a",
    "na",
    "-",
    "deleted",
    "[deleted]",
];

/// Whether a text says only that an answer is missing.
pub(super) fn is_missing(text: &str) -> bool {
    let text = text.trim();
    MISSING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The texts of an answer: a list of texts or of objects with a text, or an object with a list.
pub(super) fn answer_texts(answers: &Value) -> Vec<String> {
    match answers {
        Value::Null => Vec::new(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Number(_) | Value::Bool(_) => vec![answers.to_string()],
        Value::Array(list) => list.iter().flat_map(answer_texts).collect(),
        Value::Object(fields) => {
            let text = find(fields, SAID);
            text.map(|key| answer_texts(&fields[&key]))
                .unwrap_or_default()
        }
    }
}

/// That a field holds no answer.
pub(super) fn nothing_said(name: &str) -> Misfit {
    Misfit::no_answer(format!(
        "the field `{name}` holds no text; a question without an answer teaches none"
    ))
}

/// The first of several answers; the others say the same in other words or are equal.
fn first_answer(answers: &Value, name: &str) -> Result<String, Misfit> {
    let mut texts = answer_texts(answers).into_iter();
    texts.next().ok_or_else(|| nothing_said(name))
}

/// Takes an answer: text, a number, a truth value, or the best of a list, the rest of which stays.
pub(super) fn take_answer(fields: &mut Fields, names: Names<'_>) -> Result<String, Misfit> {
    let (key, answer) = take_named(fields, names)?;
    match answer {
        several @ (Value::Array(_) | Value::Object(_)) => {
            let best = marked_or_best(fields, &several, &key)?;
            if several.as_array().is_none_or(|list| list.len() > 1) {
                fields.insert(key, several);
            }
            Ok(best)
        }
        other => as_answer(other, &key),
    }
}

/// Takes the best of the answers under `names`; positions and further answers stay as they were.
/// `None` where there are none.
pub(super) fn take_best(fields: &mut Fields, names: Names<'_>) -> Result<Option<String>, Misfit> {
    let (key, written) = take_named(fields, names)?;
    // Columns of CSV hold lists as they are written.
    let read = match &written {
        Value::String(text) => structure_of(text),
        _ => None,
    };
    if let (Value::String(text), None) = (&written, &read)
        && looks_structured(text)
    {
        return Err(Misfit::wrong(format!(
            "the field `{key}` begins as a list or an object and cannot be read as one, in JSON or as Python prints it"
        )));
    }
    let answers = read.as_ref().unwrap_or(&written);
    if answers.is_null() || answers.as_array().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    let best = marked_or_best(fields, answers, &key)?;
    fields.insert(key, written);
    Ok(Some(best))
}

fn marked_or_best(fields: &Fields, answers: &Value, name: &str) -> Result<String, Misfit> {
    if let Some(right) = right_one(fields, answers, name)? {
        return Ok(right);
    }
    let marked = with_beside(fields, answers, name)?;
    let answers = marked.as_ref().unwrap_or(answers);
    best_answer(answers, accepted_id(fields).as_deref(), name)
}
