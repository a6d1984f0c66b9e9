//! Taking fields out of a record, with errors that name the field and its type.

use super::known::{Names, entry};
pub(super) use super::known::{folded, is_same};
use super::{Fields, Misfit};
use serde_json::Value;

/// The key in `fields` that is one of `names`, as [`entry`] finds it.
pub(super) fn find(fields: &Fields, names: Names<'_>) -> Option<String> {
    entry(fields, names).map(|(key, _)| key.clone())
}

/// The value under that key.
pub(super) fn value_of<'f>(fields: &'f Fields, names: Names<'_>) -> Option<&'f Value> {
    entry(fields, names).map(|(_, value)| value)
}

/// Whether there is such a key.
pub(super) fn has(fields: &Fields, names: Names<'_>) -> bool {
    entry(fields, names).is_some()
}

pub(super) fn take(fields: &mut Fields, names: Names<'_>) -> Result<Value, Misfit> {
    take_named(fields, names).map(|(_, value)| value)
}

/// The same with the key.
pub(super) fn take_named(fields: &mut Fields, names: Names<'_>) -> Result<(String, Value), Misfit> {
    let key = find(fields, names)
        .ok_or_else(|| Misfit::wrong(format!("the field `{}` is missing", names[0])))?;
    // `shift_remove` keeps the order of what is left for `meta`.
    let value = fields.shift_remove(&key).unwrap_or_default();
    Ok((key, value))
}

pub(super) fn take_text(fields: &mut Fields, names: Names<'_>) -> Result<String, Misfit> {
    let (key, value) = take_named(fields, names)?;
    as_text(value, &key)
}

/// Text as it is; a number or truth value as it is written (answers such as 42).
pub(super) fn as_text(value: Value, name: &str) -> Result<String, Misfit> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Misfit::wrong(format!(
            "the field `{name}` is {}, expected text",
            type_name(&other)
        ))),
    }
}

/// As [`as_text`], but answers may be numbers or truth values.
pub(super) fn as_answer(value: Value, name: &str) -> Result<String, Misfit> {
    match value {
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        other => as_text(other, name),
    }
}

pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::{ANSWER, QUESTION};
    use super::*;
    use serde_json::json;

    #[test]
    fn the_earlier_name_is_found_and_of_its_keys_the_exact_one() {
        let Value::Object(fields) =
            json!({"Response": "r", "ANSWER": "x", "answer": "a", "вопрос": null, "query": "q"})
        else {
            panic!("an object");
        };
        assert_eq!(find(&fields, ANSWER).as_deref(), Some("answer"));
        assert_eq!(
            find(&fields, Names::of(&["response"])).as_deref(),
            Some("Response")
        );
        // A null gives way.
        assert_eq!(find(&fields, QUESTION).as_deref(), Some("query"));
        assert_eq!(
            find(&fields, Names::of(&["вопрос", "none"])).as_deref(),
            Some("вопрос")
        );
        assert_eq!(find(&fields, Names::of(&["none"])), None);
    }
}
