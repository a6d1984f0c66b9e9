//! A list beside the answers that has a mark, a score or a rank for each of them.
//!
//! Of a list of numbers or truth values that is none of these and no place in a passage nothing tells
//! what it says of the answers: to learn the first of them may be to learn a wrong one, so the record is
//! a misfit.

use super::answers::{is_no, is_yes, no_correct, number};
use super::fields::{find, is_same};
use super::names::{IS_CORRECT, LABELS, RANK, SCORE};
use super::written::structured;
use super::{Fields, Misfit};
use serde_json::{Value, json};

/// Parts of the names of lists that say where answers stand or come from.
const OF_PLACES: &[&str] = &[
    "start", "end", "offset", "span", "pos", "begin", "length", "index", "idx", "id", "page",
    "year", "date", "time", "token", "char", "line", "section", "row", "count",
];

/// Answers in texts as objects with what a list of as many beside them says of each; `None` where there
/// is no such list.
///
/// # Errors
/// When there is one that is not understood.
pub(super) fn with_beside(
    fields: &Fields,
    answers: &Value,
    name: &str,
) -> Result<Option<Value>, Misfit> {
    let Value::Array(texts) = answers else {
        return Ok(None);
    };
    if texts.len() < 2
        || !texts
            .iter()
            .all(|text| text.is_string() || text.is_number())
    {
        return Ok(None);
    }
    let list = |value: &Value| match structured(value.clone()) {
        Value::Array(list) if list.len() == texts.len() => Some(list),
        _ => None,
    };
    let of = |names: &[&str]| find(fields, names).and_then(|key| list(&fields[&key]));
    let is_told = |list: &Vec<Value>| list.iter().all(|mark| is_yes(mark) != is_no(mark));
    let are_numbers = |list: &Vec<Value>| list.iter().all(|value| number(value).is_some());
    let found = of(IS_CORRECT)
        .or_else(|| of(LABELS))
        .filter(is_told)
        .map(|list| ("correct", list))
        .or_else(|| Some(("score", of(SCORE).filter(are_numbers)?)))
        .or_else(|| Some(("rank", of(RANK).filter(are_numbers)?)));
    if let Some((kind, list)) = found {
        let both = texts.iter().zip(list);
        let each = both.map(|(text, mark)| json!({ "text": text, kind: mark }));
        return Ok(Some(each.collect::<Vec<_>>().into()));
    }
    let unknown = fields.iter().find(|(key, value)| {
        !is_place(key) && !is_same(key, name) && list(value).is_some_and(|list| may_mark(&list))
    });
    match unknown {
        Some((key, _)) => Err(no_correct(
            name,
            &format!(
                "each has a value in the list `{key}` beside them, and nothing tells whether it marks the right ones; where it does, call it `is_correct`, `score` or `rank`, where it does not, --map question=FIELD,answers=FIELD passes it by"
            ),
        )),
        None => Ok(None),
    }
}

fn is_place(name: &str) -> bool {
    let name = name.to_lowercase();
    OF_PLACES.iter().any(|part| name.contains(part))
}

/// Whether a list may say which of as many answers are right: numbers, truth values or words of
/// praise that are not all the same.
fn may_mark(list: &[Value]) -> bool {
    const WORDS: &[&str] = &[
        "right",
        "wrong",
        "correct",
        "incorrect",
        "good",
        "bad",
        "верно",
        "неверно",
        "верный",
        "неверный",
        "правильно",
        "неправильно",
    ];
    let says = |value: &Value| match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => {
            let text = text.trim().to_lowercase();
            WORDS.contains(&text.as_str()) || is_yes(value) || is_no(value)
        }
        _ => false,
    };
    list.iter().all(says) && list.iter().any(|value| *value != list[0])
}
