//! Whether the values of a record are such as its shape has, where names alone do not tell.

use super::Fields;
use super::columns::has_columns;
use super::fields::{has, value_of};
use super::known::Names;
use super::messages::is_messages;
use super::names::{ANSWERS, CORRECT, PASSAGES, QUESTIONS};
use super::turn::transposed;
use serde_json::Value;

pub(super) fn always(_: &Fields) -> bool {
    true
}

pub(super) fn is_text(fields: &Fields, names: Names<'_>) -> bool {
    value_of(fields, names).is_some_and(Value::is_string)
}

pub(super) fn is_list(fields: &Fields, names: Names<'_>) -> bool {
    value_of(fields, names).is_some_and(Value::is_array)
}

/// Whether passages are such with questions, and not what was found for one question. An object whose
/// fields are not known may be one.
pub(super) fn has_questions(fields: &Fields) -> bool {
    let list = value_of(fields, PASSAGES).and_then(Value::as_array);
    list.is_some_and(|list| match list.first() {
        Some(Value::Object(first)) => first.is_empty() || has(first, QUESTIONS),
        first => first.is_none(),
    })
}

/// Whether the answers of a forum are objects, or nobody has answered yet.
pub(super) fn has_answers_in_objects(fields: &Fields) -> bool {
    match value_of(fields, ANSWERS) {
        Some(Value::Array(list)) => list.first().is_none_or(Value::is_object),
        Some(value) => value.is_null(),
        None => false,
    }
}

/// Whether the field that says which option is right says more than yes or no.
pub(super) fn has_mark(fields: &Fields) -> bool {
    value_of(fields, CORRECT).is_some_and(|mark| !mark.is_boolean())
}

/// The same of options in columns of their own.
pub(super) fn has_mark_of_columns(fields: &Fields) -> bool {
    has_columns(fields) && has_mark(fields)
}

pub(super) fn is_list_of_texts(fields: &Fields, names: Names<'_>) -> bool {
    let list = value_of(fields, names).and_then(Value::as_array);
    list.is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string))
}

pub(super) fn is_messages_in(fields: &Fields, names: Names<'_>) -> bool {
    let value = value_of(fields, names).cloned().map(transposed);
    value.is_some_and(|value| value.as_array().is_some_and(|list| is_messages(list)))
}
