//! Taking fields out of a record, with errors that name the field and its type.

use super::{Fields, Misfit};
use serde_json::Value;

/// The key in `fields` that is one of `names`, the earlier name first.
///
/// A field that is null gives way to another that is not.
pub(super) fn find(fields: &Fields, names: &[&str]) -> Option<String> {
    let named = |name: &&str| -> Option<String> {
        if fields.contains_key(*name) {
            return Some((*name).to_owned());
        }
        fields.keys().find(|key| is_same(key, name)).cloned()
    };
    let mut found = names.iter().filter_map(named);
    let first = found.next()?;
    if !fields[&first].is_null() {
        return Some(first);
    }
    Some(found.find(|name| !fields[name].is_null()).unwrap_or(first))
}

/// Whether two names are the same but for case, white space, underscores and hyphens.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    // Most names differ in their first letter, and this is asked for each field of each record.
    if let (Some(a), Some(b)) = (a.bytes().next(), b.bytes().next())
        && a.is_ascii_alphanumeric()
        && b.is_ascii_alphanumeric()
        && !a.eq_ignore_ascii_case(&b)
    {
        return false;
    }
    // No letter of the Cyrillic alphabet is one of ASCII in another case.
    let begins = |name: &str, is: fn(&u8) -> bool| name.as_bytes().first().is_some_and(is);
    let is_cyrillic: fn(&u8) -> bool = |byte| matches!(byte, 0xd0 | 0xd1);
    if begins(a, is_cyrillic) && begins(b, u8::is_ascii_alphanumeric)
        || begins(a, u8::is_ascii_alphanumeric) && begins(b, is_cyrillic)
    {
        return false;
    }
    folded(a).eq(folded(b))
}

fn folded(name: &str) -> impl Iterator<Item = char> {
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
