//! A text beside an answer: the text asks, under a name that running text has, too.
//!
//! Only names that nothing but answers have say so. A label, a summary or a target beside a text may be
//! anything, and there the text stays one.

use super::answers::{SAID, is_missing, is_no, is_yes};
use super::fields::{find, value_of};
use super::known::Names;
use super::names::{
    ANSWER, ANSWERS, ASKING_TEXT, INSTRUCTION, PROMPT, QUESTION, SAID_TO_TEXT, TITLE,
};
use super::pairs::{take_context_question, take_question, with_context};
use super::{Fields, Item, Items, Shape};
use serde_json::Value;

/// Names under which a number may be an answer, and not the id or the count of some.
const MAYBE_NUMBER: Names<'static> = Names::of(&["answer", "ответ"]);

/// What stands before an answer in a text that has it already, as prompts are written.
const BEFORE_ANSWERS: &[&str] = &[
    "answer",
    "response",
    "output",
    "completion",
    "solution",
    "assistant",
    "model",
    "bot",
    "gpt",
    "inst",
    "ответ",
    "решение",
    "ассистент",
    "бот",
];

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// What HTTP calls its statuses (RFC 9110, and 418 of RFC 2324), in small letters.
const STATUSES: &[(&str, &str)] = &[
    ("200", "ok"),
    ("201", "created"),
    ("202", "accepted"),
    ("204", "no content"),
    ("206", "partial content"),
    ("301", "moved permanently"),
    ("302", "found"),
    ("303", "see other"),
    ("304", "not modified"),
    ("307", "temporary redirect"),
    ("308", "permanent redirect"),
    ("400", "bad request"),
    ("401", "unauthorized"),
    ("402", "payment required"),
    ("403", "forbidden"),
    ("404", "not found"),
    ("405", "method not allowed"),
    ("406", "not acceptable"),
    ("408", "request timeout"),
    ("409", "conflict"),
    ("410", "gone"),
    ("413", "content too large"),
    ("413", "payload too large"),
    ("415", "unsupported media type"),
    ("418", "i'm a teapot"),
    ("422", "unprocessable content"),
    ("422", "unprocessable entity"),
    ("429", "too many requests"),
    ("500", "internal server error"),
    ("501", "not implemented"),
    ("502", "bad gateway"),
    ("503", "service unavailable"),
    ("504", "gateway timeout"),
];

/// Whether a text is the status of an answer of HTTP and nothing else: `200 OK`, `HTTP/1.1 404 Not Found`.
fn is_status(text: &str) -> bool {
    let mut words = text.trim().splitn(2, ' ');
    let (first, behind) = (words.next().unwrap_or_default(), words.next());
    let behind = behind.unwrap_or_default().trim();
    let version = first.get(..5).unwrap_or_default();
    if version.eq_ignore_ascii_case("http/") {
        let (code, phrase) = behind.split_at_checked(3).unwrap_or_default();
        let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        return is_code && !phrase.contains('\n');
    }
    let mut statuses = STATUSES.iter();
    statuses.any(|(code, phrase)| first == *code && behind.eq_ignore_ascii_case(phrase))
}

/// What says of something beside the text that it is so, is missing, or went well: a mark, `nan`, `200 OK`.
fn is_mark(value: &Value, text: &str) -> bool {
    is_yes(value) || is_no(value) || is_missing(text) || is_status(text)
}

fn is_number(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok()
}

/// Whether a value is an answer: a text, or a list of texts or of objects with one. A place in a text
/// is none.
fn is_said(value: &Value, may_be_number: bool) -> bool {
    match value {
        Value::String(text) => {
            !is_blank(text) && (may_be_number || !is_number(text) && !is_mark(value, text))
        }
        Value::Number(_) => may_be_number,
        Value::Array(list) => {
            let is_answer = |one: &Value| match one {
                Value::String(text) => !is_blank(text),
                Value::Object(own) => {
                    let has_place = own.keys().any(|key| key.to_lowercase().contains("start"));
                    let said = value_of(own, SAID).and_then(Value::as_str);
                    !has_place && said.is_some_and(|text| !is_blank(text))
                }
                _ => false,
            };
            !list.is_empty() && list.iter().all(is_answer)
        }
        _ => false,
    }
}

/// The field beside a text that says the answer.
fn said(fields: &Fields) -> Option<String> {
    SAID_TO_TEXT.iter().find_map(|name| {
        let key = find(fields, Names::of(&[name]))?;
        is_said(&fields[&key], MAYBE_NUMBER.has(name)).then_some(key)
    })
}

fn text_of<'f>(fields: &'f Fields, names: Names<'_>) -> Option<&'f str> {
    let text = value_of(fields, names)?.as_str()?;
    (!is_blank(text)).then_some(text)
}

/// Whether a text ends with the answer, in a line of its own or behind a word for it: it is the record once
/// more, as a prompt.
fn has_answer(text: &str, answer: &Value) -> bool {
    match answer {
        Value::String(answer) => ends_with_answer(text, answer.trim()),
        Value::Number(number) => ends_with_answer(text, &number.to_string()),
        Value::Array(list) => list.iter().any(|one| has_answer(text, one)),
        Value::Object(own) => value_of(own, SAID).is_some_and(|said| has_answer(text, said)),
        _ => false,
    }
}

fn ends_with_answer(text: &str, answer: &str) -> bool {
    let Some(at) = text.rfind(answer).filter(|_| !answer.is_empty()) else {
        return false;
    };
    // Signs of the end of a turn come behind it.
    let rest = text[at + answer.len()..].trim();
    let is_end = rest.is_empty() || rest.starts_with('<') && rest.ends_with('>');
    if !is_end {
        return false;
    }
    let before = text[..at].trim_end();
    if text[before.len()..at].contains('\n') || before.ends_with("####") {
        return true;
    }
    if !before.ends_with(|sign: char| !sign.is_alphanumeric()) {
        return false;
    }
    let words = before.trim_end_matches(|sign: char| !sign.is_alphanumeric());
    let last = words.rsplit(|sign: char| !sign.is_alphanumeric()).next();
    let last = last.unwrap_or_default().to_lowercase();
    // "A: …" and «О: …».
    let is_letter = before.ends_with(':') && ["a", "а", "о"].contains(&last.as_str());
    is_letter || BEFORE_ANSWERS.iter().any(|end| last.ends_with(end))
}

/// Whether a text or its title asks what a field beside it answers.
pub(super) fn is_answered(fields: &Fields) -> bool {
    let text = text_of(fields, ASKING_TEXT);
    if text.is_none() && text_of(fields, TITLE).is_none() {
        return false;
    }
    let Some(key) = said(fields) else {
        return false;
    };
    // What asks already, and an answer under its first name, are not to be written over.
    let is_told = |names| value_of(fields, names).is_some_and(|value| !value.is_null());
    let is_asked = is_told(QUESTION) || is_told(INSTRUCTION) || is_told(PROMPT);
    let says_nothing = |value: &Value| value.is_null() || value.as_str().is_some_and(is_blank);
    let is_first =
        find(fields, ANSWER).is_none_or(|first| first == key || says_nothing(&fields[&first]));
    !is_asked
        && (is_first || ANSWERS.has(&key))
        && text.is_none_or(|text| !has_answer(text, &fields[&key]))
}

/// The text, behind its title if it has one, as a question with its answer.
pub(super) fn take_answered(fields: &mut Fields) -> Items {
    let said = said(fields).unwrap_or_default();
    let text = text_of(fields, ASKING_TEXT).unwrap_or_default().to_owned();
    let title = text_of(fields, TITLE).map(str::to_owned);
    // A text that begins with its title has it already.
    let title = title.filter(|title| !text.trim_start().starts_with(title.trim()));
    if title.is_some() {
        remove(fields, TITLE);
    }
    remove(fields, ASKING_TEXT);
    let asked = match title {
        Some(title) if text.is_empty() => title,
        title => with_context(title, text),
    };
    fields.insert(QUESTION[0].to_owned(), asked.into());
    let is_list = ANSWERS.has(&said);
    // Under the name by which the answer is found, before others that say nothing.
    if !is_list && find(fields, ANSWER).as_ref() != Some(&said) {
        let answer = fields.shift_remove(&said).unwrap_or_default();
        fields.insert(ANSWER[0].to_owned(), answer);
    }
    // Beside options it names one of them.
    if let Some(shape) = Shape::of(fields).filter(|shape| shape.name == "multiple_choice") {
        return shape.take(fields);
    }
    let content = if is_list {
        take_context_question(fields)?
    } else {
        take_question(fields)?
    };
    Ok(vec![Ok(Item::from(content))])
}

fn remove(fields: &mut Fields, names: Names<'_>) {
    if let Some(key) = find(fields, names) {
        fields.shift_remove(&key);
    }
}
