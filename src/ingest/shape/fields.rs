//! Taking fields out of a record, with errors that name the field and its type.

use super::{Fields, Misfit};
use serde_json::Value;

/// The key in `fields` that is one of `names`, the earlier name first.
///
/// A field that is null gives way to another that is not.
pub(super) fn find(fields: &Fields, names: &[&str]) -> Option<String> {
    // The key that is written just so, else the first that is the same: no hash, for records have few.
    let named = |name: &&str| -> Option<&String> {
        let mut same = None;
        for key in fields.keys() {
            if key == *name {
                return Some(key);
            }
            if same.is_none() && is_same(key, name) {
                same = Some(key);
            }
        }
        same
    };
    let mut found = names.iter().filter_map(named);
    let first = found.next()?;
    let key = if fields[first].is_null() {
        found.find(|name| !fields[*name].is_null()).unwrap_or(first)
    } else {
        first
    };
    Some(key.clone())
}

/// Whether two names are the same but for case, white space, underscores and hyphens.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    // Most names differ in their first letter, and this is asked for each field of each record. Cyrillic
    // begins with one of two bytes, and none of its letters is one of ASCII in another case.
    let first = |name: &str| {
        let byte = name.bytes().next()?;
        (byte.is_ascii_alphanumeric() || matches!(byte, 0xd0 | 0xd1)).then_some(byte)
    };
    if let (Some(a), Some(b)) = (first(a), first(b))
        && (a.is_ascii() || b.is_ascii())
        && !a.eq_ignore_ascii_case(&b)
    {
        return false;
    }
    folded(a).eq(folded(b))
}

/// The letters and digits by which names are compared.
pub(super) fn folded(name: &str) -> impl Iterator<Item = char> {
    let letters = name
        .chars()
        .filter(|letter| !letter.is_whitespace() && !matches!(letter, '_' | '-'));
    letters.flat_map(char::to_lowercase)
}

pub(super) fn take(fields: &mut Fields, names: &[&str]) -> Result<Value, Misfit> {
    let key = find(fields, names)
        .ok_or_else(|| Misfit::wrong(format!("the field `{}` is missing", names[0])))?;
    // `shift_remove` keeps the order of what is left for `meta`.
    Ok(fields.shift_remove(&key).unwrap_or_default())
}

pub(super) fn take_text(fields: &mut Fields, names: &[&str]) -> Result<String, Misfit> {
    let name = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    as_text(take(fields, names)?, &name)
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
    use super::super::names::{ANSWER, FIRST_OPTION, QUESTION, SECOND_OPTION};
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_refused_early_only_where_they_differ() {
        let written = [
            "",
            "-",
            "a",
            "А",
            "а",
            " A ",
            "Вопрос",
            "ВОПРОС",
            "_вопрос",
            "Question Text",
            "QUESTION-text",
            "ответ",
            "Ответ ",
            "\u{212a}",
            "k",
            "ſ",
            "s",
            "İ",
            "i",
            "éa",
            "Éa",
            "рано",
            "Рано",
            "1",
            "_1",
        ];
        let names = [QUESTION, ANSWER, FIRST_OPTION, SECOND_OPTION].concat();
        let all = || written.iter().chain(&names);
        let mut same = 0;
        for a in all() {
            for b in all() {
                let slow = folded(a).eq(folded(b));
                assert_eq!(is_same(a, b), slow, "{a:?} and {b:?}");
                same += usize::from(slow && a != b);
            }
        }
        assert!(same > 20, "{same}");
    }

    #[test]
    fn the_earlier_name_is_found_and_of_its_keys_the_exact_one() {
        let Value::Object(fields) =
            json!({"Response": "r", "ANSWER": "x", "answer": "a", "вопрос": null, "query": "q"})
        else {
            panic!("an object");
        };
        assert_eq!(find(&fields, ANSWER).as_deref(), Some("answer"));
        assert_eq!(find(&fields, &["response"]).as_deref(), Some("Response"));
        // A null gives way.
        assert_eq!(find(&fields, QUESTION).as_deref(), Some("query"));
        assert_eq!(
            find(&fields, &["вопрос", "none"]).as_deref(),
            Some("вопрос")
        );
        assert_eq!(find(&fields, &["none"]), None);
    }
}
