//! Digits of numbers as they were written, where 64 bits would not hold them.
//!
//! What is learned is a text, and the text of an answer is what its author wrote: `0.1000`, `1e5`, `-0`.
//! Such numbers are put between quotes before the record is read. Elsewhere (scores, ids of a size that
//! fits) a number stays a number; integers beyond 64 bits and numbers beyond what a double reaches are
//! texts wherever they stand, for nothing else would keep them.

use crate::ingest::shape::{self, Fields};
use serde_json::{Number, Value};

/// Integers from here on have no exact value in 64 bits.
const WIDE: f64 = 9_223_372_036_854_775_807.0;
/// Digits of the longest integers that have one for sure.
const LONGEST: usize = 18;

/// What `--map` says of names: whether the values of such a field are learned.
pub type Named<'a> = &'a dyn Fn(&str) -> bool;

/// Whether a record has a number that is no integer of 64 bits.
pub fn has_floats(fields: &Fields) -> bool {
    fields.values().any(has_float)
}

/// Whether digits of `fields` may have been lost.
pub fn may_lose_digits(fields: &Fields, named: Named<'_>) -> bool {
    fields.iter().any(|(name, value)| {
        has_float(value) && loses(value, Place::OUTSIDE.under(name, named), named)
    })
}

/// The same of a value.
pub fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_float),
        Value::Object(fields) => fields.values().any(has_float),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

fn loses(value: &Value, place: Place, named: Named<'_>) -> bool {
    match value {
        Value::Number(number) => {
            let wide = || number.as_f64().is_some_and(|number| number.abs() >= WIDE);
            number.is_f64() && (place.is_said || wide())
        }
        Value::Array(list) => list.iter().any(|value| loses(value, place, named)),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| has_float(value) && loses(value, place.under(name, named), named)),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// What the names around a value say of it.
#[derive(Clone, Copy)]
struct Place {
    /// Whether it is said: a number there becomes text.
    is_said: bool,
    /// Whether it is in something that holds what is said.
    is_within: bool,
}

impl Place {
    const OUTSIDE: Self = Self {
        is_said: false,
        is_within: false,
    };

    const SAID: Self = Self {
        is_said: true,
        is_within: true,
    };

    /// The place of the value of the field `name` here.
    fn under(self, name: &str, named: Named<'_>) -> Self {
        let holds = shape::holds_what_is_said(name) || named(name);
        Self {
            is_said: holds || self.is_within && shape::says(name),
            is_within: holds || self.is_within,
        }
    }
}

/// What is open around the next byte.
struct Level {
    is_object: bool,
    place: Place,
}

/// `json` with quotes around the numbers whose digits would be lost.
pub fn as_written(json: &[u8], named: Named<'_>) -> Vec<u8> {
    quoted(json, Place::OUTSIDE, named)
}

/// The same where all of it is said.
pub fn all_as_written(json: &[u8]) -> Vec<u8> {
    quoted(json, Place::SAID, &|_| false)
}

/// Where all options of a list are texts by now for the sake of their digits, a number that is one of
/// them becomes a text, too: beside texts it would be the place of one.
pub fn keep_kinds(before: &Fields, fields: &mut Fields) {
    let mut options = Vec::new();
    for (name, value) in fields.iter_mut() {
        let Some(before) = before.get(name) else {
            continue;
        };
        if let (Value::Array(numbers), Value::Array(texts)) = (before, &*value)
            && texts.iter().all(Value::is_string)
            && shape::lists_options(name)
        {
            options.extend(numbers.iter().filter_map(Value::as_f64));
        }
        keep_kinds_within(before, value);
    }
    for (name, value) in fields.iter_mut() {
        let number = value.as_f64();
        if number.is_some_and(|number| options.contains(&number)) && shape::names_option(name) {
            *value = value.to_string().into();
        }
    }
}

fn keep_kinds_within(before: &Value, value: &mut Value) {
    match (before, value) {
        (Value::Object(before), Value::Object(fields)) => keep_kinds(before, fields),
        (Value::Array(before), Value::Array(list)) => {
            for (before, value) in before.iter().zip(list) {
                keep_kinds_within(before, value);
            }
        }
        _ => {}
    }
}

fn quoted(json: &[u8], root: Place, named: Named<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + 16);
    let mut levels: Vec<Level> = Vec::new();
    // The place of the next value, and whether a key comes before it.
    let (mut place, mut key_is_next) = (root, false);
    let mut at = 0;
    while at < json.len() {
        let end = match json[at] {
            b'"' => {
                let end = end_of_text(json, at);
                if std::mem::take(&mut key_is_next) {
                    let name: String = serde_json::from_slice(&json[at..end]).unwrap_or_default();
                    let around = levels.last().map_or(root, |level| level.place);
                    place = around.under(&name, named);
                }
                end
            }
            open @ (b'{' | b'[') => {
                let is_object = open == b'{';
                key_is_next = is_object;
                levels.push(Level { is_object, place });
                at + 1
            }
            b'}' | b']' => {
                levels.pop();
                at + 1
            }
            b',' => {
                if let Some(level) = levels.last() {
                    key_is_next = level.is_object;
                    place = level.place;
                }
                at + 1
            }
            b'-' | b'0'..=b'9' => {
                let end = json[at..]
                    .iter()
                    .position(|byte| !byte.is_ascii_digit() && !b"+-.eE".contains(byte))
                    .map_or(json.len(), |length| at + length);
                if is_lost(&json[at..end], place.is_said) {
                    out.push(b'"');
                    out.extend(&json[at..end]);
                    out.push(b'"');
                    at = end;
                    continue;
                }
                end
            }
            _ => at + 1,
        };
        out.extend(&json[at..end]);
        at = end;
    }
    out
}

/// Behind the last quote of the text that begins at `at`.
fn end_of_text(json: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', json.get(end..).unwrap_or_default()) {
        end += found;
        if json[end] == b'"' {
            return end + 1;
        }
        end += 2;
    }
    json.len()
}

/// Whether a number would not be what is written here: wherever it stands, or where it `is_said`.
pub fn is_lost(written: &[u8], is_said: bool) -> bool {
    let digits = written.strip_prefix(b"-").unwrap_or(written);
    // `-Infinity` is no number.
    if digits.is_empty() {
        return false;
    }
    if digits.iter().all(u8::is_ascii_digit) && digits.len() > LONGEST {
        return true;
    }
    let is_integer = digits.iter().all(u8::is_ascii_digit) && written != b"-0";
    if is_integer {
        return false;
    }
    match serde_json::from_slice::<Number>(written) {
        Ok(number) => is_said && number.to_string().as_bytes() != written,
        Err(error) => is_beyond(&error),
    }
}

/// Whether a number was refused because no double reaches it.
pub fn is_beyond(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("number out of range")
}
