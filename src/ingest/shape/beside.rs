//! A list beside the answers that has a mark, a score or a rank for each of them.
//!
//! Of a list of numbers or truth values that is none of these and no place in a passage nothing tells
//! what it says of the answers: to learn the first of them may be to learn a wrong one, so the record is
//! a misfit.

use super::answers::{is_no, is_yes, no_correct, number};
use super::fields::{is_same, value_of};
use super::known::Names;
use super::names::{IS_ACCEPTED, IS_CORRECT, LABELS, RANK, SCORE};
use super::written::structured;
use super::{Fields, Misfit};
use serde_json::{Value, json};

/// Words in the names of lists that say where answers stand or come from, without a plural's s.
const OF_PLACES: &[&str] = &[
    "start",
    "end",
    "offset",
    "span",
    "pos",
    "position",
    "begin",
    "beginning",
    "length",
    "index",
    "indice",
    "indexe",
    "idx",
    "id",
    "page",
    "year",
    "date",
    "time",
    "timestamp",
    "token",
    "char",
    "character",
    "line",
    "section",
    "row",
    "count",
    "freq",
    "frequency",
    "frequencie",
    "hop",
    "level",
    "num",
    "number",
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
    let of = |names: Names<'_>| value_of(fields, names).and_then(list);
    // Where a mark is missing the answer has none.
    let all = |list: &Vec<Value>, is: fn(&Value) -> bool| {
        list.iter().all(|value| value.is_null() || is(value))
            && list.iter().any(|value| !value.is_null())
    };
    let is_told = |list: &Vec<Value>| all(list, |mark| is_yes(mark) != is_no(mark));
    let are_numbers = |list: &Vec<Value>| all(list, |value| number(value).is_some());
    let found = of(IS_CORRECT)
        .or_else(|| of(LABELS))
        .or_else(|| of(IS_ACCEPTED))
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
    words_of(name).any(|word| OF_PLACES.contains(&word.strip_suffix('s').unwrap_or(&word)))
}

/// The words of a name in lower case: parts between signs, and where capitals begin.
pub(super) fn words_of(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in name.chars() {
        if !letter.is_alphabetic() || was_lower && letter.is_uppercase() {
            words.push(String::new());
        }
        was_lower = letter.is_lowercase();
        if let Some(word) = words.last_mut()
            && letter.is_alphabetic()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.into_iter().filter(|word| !word.is_empty())
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
        Value::Bool(_) | Value::Number(_) | Value::Null => true,
        Value::String(text) => {
            let text = text.trim().to_lowercase();
            WORDS.contains(&text.as_str()) || is_yes(value) || is_no(value)
        }
        _ => false,
    };
    list.iter().all(says) && list.iter().any(|value| *value != list[0])
}
