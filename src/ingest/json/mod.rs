//! One JSON record as fields, with what JSON parsers lose: values of repeated keys, and the digits of
//! numbers ([`numbers`]). What Python writes and strict parsers refuse is mended ([`mend`]).

mod numbers;

use super::mapping::Mapping;
use super::shape::{self, Fields};
use super::weight::{self, LOOKED_AT};
use numbers::Named;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::map::Entry;
use std::collections::BTreeMap;
use std::fmt;

/// A line of JSON.
#[derive(Debug, PartialEq)]
pub enum Line {
    /// The fields of an object.
    Record(Fields),
    /// Another value.
    Other(Value),
}

/// Reads a line, and says whether it had to be mended.
///
/// Of a repeated key the last value counts, as everywhere; earlier ones that differ are kept under
/// `key#1`, `key#2`. Numbers become texts of their digits where these would be lost: integers beyond 64
/// bits, numbers beyond doubles, and in what is learned (by its name, or by `mapping`) all others.
///
/// # Errors
/// When `line` is no JSON, mended or not.
pub fn parse(line: &str, mapping: Option<&Mapping>) -> serde_json::Result<(Line, bool)> {
    match strict(line, mapping) {
        Ok(read) => Ok((read, false)),
        Err(error) => {
            match mend(line.as_bytes()).and_then(|mended| strict(&mended, mapping).ok()) {
                Some(read) => Ok((read, true)),
                None => Err(error),
            }
        }
    }
}

/// A value that may have to be mended; none where it is no JSON, or too heavy to be looked into
/// ([`LOOKED_AT`]). Bytes that are no UTF-8 become U+FFFD.
#[must_use]
pub fn value(bytes: &[u8]) -> Option<Value> {
    if weight::of(bytes) > LOOKED_AT {
        return None;
    }
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Some(value);
    }
    let text = String::from_utf8_lossy(bytes);
    let mended = mend(text.as_bytes());
    let text = mended.as_deref().unwrap_or(&text);
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(error) if numbers::is_beyond(&error) => {
            serde_json::from_slice(&numbers::as_written(text.as_bytes(), &|_| false)).ok()
        }
        Err(_) => None,
    }
}

/// A value as JSON, without a look at each piece as the formatter of the standard library takes it.
#[must_use]
pub fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are texts, and memory does not fail")
}

fn strict(line: &str, mapping: Option<&Mapping>) -> serde_json::Result<Line> {
    let named = |name: &str| mapping.is_some_and(|mapping| mapping.learns(name));
    if !line.trim_ascii_start().starts_with('{') {
        return serde_json::from_str(line).map(Line::Other);
    }
    let as_written = |named: Named| {
        let quoted = numbers::as_written(line.as_bytes(), named);
        Ok(serde_json::from_slice::<Record>(&quoted)?.0)
    };
    match serde_json::from_str::<Record>(line) {
        Ok(Record(fields)) => {
            // Most records have no number whose digits could be lost.
            if !numbers::has_floats(&fields) {
                return Ok(Line::Record(fields));
            }
            let has_columns = shape::has_option_columns(&fields);
            let named = |name: &str| named(name) || has_columns && shape::is_option_column(name);
            if !numbers::may_lose_digits(&fields, &named) {
                return Ok(Line::Record(fields));
            }
            let mut written = as_written(&named)?;
            numbers::keep_kinds(&fields, &mut written);
            Ok(Line::Record(written))
        }
        Err(error) if numbers::is_beyond(&error) => as_written(&named).map(Line::Record),
        Err(error) => Err(error),
    }
}

/// `value`, which a cell or a text holds as `text`, with the digits of its numbers.
#[must_use]
pub fn with_digits(text: &str, value: Value) -> Value {
    if !numbers::has_float(&value) {
        return value;
    }
    serde_json::from_slice(&numbers::all_as_written(text.as_bytes())).unwrap_or(value)
}

/// The number that a word is, as a text where it would not be printed as it is written.
#[must_use]
pub fn number(word: &str) -> Option<Value> {
    match serde_json::from_str(word) {
        Ok(_) if numbers::is_lost(word.as_bytes(), true) => Some(word.into()),
        Ok(number) => Some(Value::Number(number)),
        Err(_) => None,
    }
}

/// Whether `line` ends within a text.
#[must_use]
pub fn is_unclosed(line: &str) -> bool {
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in line.bytes() {
        in_text ^= byte == b'"' && !is_escaped;
        is_escaped = in_text && byte == b'\\' && !is_escaped;
    }
    in_text
}

/// `line` with null for NaN and Infinity, U+FFFD for half of a surrogate pair (an emoji that was cut),
/// and control characters in texts written as escapes; none where nothing of that is in it.
fn mend(line: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(line.len() + 16);
    let (mut at, mut in_string, mut is_mended) = (0, false, false);
    while at < line.len() {
        let rest = &line[at..];
        let byte = rest[0];
        let unmended = match (in_string, byte) {
            (true, b'\\') => match surrogates(rest) {
                Surrogates::None => 2,
                Surrogates::Pair => 12,
                Surrogates::Half => {
                    out.extend(b"\\ufffd");
                    is_mended = true;
                    at += 6;
                    continue;
                }
            },
            (true, 0..0x20) => {
                // The reader of JSON files has put 1 for a line end within a text.
                match byte {
                    1 => out.extend(b"\\n"),
                    _ => out.extend(format!("\\u{byte:04x}").bytes()),
                }
                is_mended = true;
                at += 1;
                continue;
            }
            (false, b'N' | b'I' | b'-') => {
                let literals = [b"NaN".as_slice(), b"Infinity", b"-Infinity"];
                if let Some(literal) = literals.iter().find(|literal| rest.starts_with(literal)) {
                    out.extend(b"null");
                    is_mended = true;
                    at += literal.len();
                    continue;
                }
                1
            }
            (_, b'"') => {
                in_string = !in_string;
                1
            }
            _ => 1,
        };
        let end = line.len().min(at + unmended);
        out.extend(&line[at..end]);
        at = end;
    }
    // Only ASCII was put in, in the place of ASCII.
    is_mended.then(|| String::from_utf8(out).ok()).flatten()
}

/// What an escape begins.
enum Surrogates {
    /// Something else.
    None,
    /// Both halves of a letter.
    Pair,
    /// One half.
    Half,
}

fn surrogates(escape: &[u8]) -> Surrogates {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match (unit(0), unit(6)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => Surrogates::Pair,
        (Some(0xd800..=0xdfff), _) => Surrogates::Half,
        _ => Surrogates::None,
    }
}

/// An object whose repeated keys are kept.
struct Record(Fields);

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let mut fields = Fields::new();
        let mut earlier: Vec<(String, Value)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value()?;
            match fields.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(mut place) if *place.get() != value => {
                    let before = place.insert(value);
                    earlier.push((place.key().clone(), before));
                }
                Entry::Occupied(_) => {}
            }
        }
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        for (key, value) in earlier {
            // The next number that the record's own keys leave free.
            let number = numbers.entry(key.clone()).or_insert(0);
            loop {
                *number += 1;
                let name = format!("{key}#{number}");
                if !fields.contains_key(&name) {
                    fields.insert(name, value);
                    break;
                }
            }
        }
        Ok(Record(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> String {
        let (Line::Record(fields), _) = parse(json, None).expect("JSON") else {
            panic!("{json} is an object");
        };
        Value::Object(fields).to_string()
    }

    #[test]
    fn repeated_keys_and_wide_integers_are_kept() {
        for (json, wanted) in [
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2,"a#1":1}"#),
            (r#"{"a":1,"a":1}"#, r#"{"a":1}"#),
            (
                r#"{"a":1,"a":2,"a":3,"a#1":0}"#,
                r#"{"a":3,"a#1":0,"a#2":1,"a#3":2}"#,
            ),
            (
                r#"{"id":123456789012345678901234567890,"t":"x \\ \" 99999999999999999999"}"#,
                r#"{"id":"123456789012345678901234567890","t":"x \\ \" 99999999999999999999"}"#,
            ),
            (
                r#"{"id":[{"n":-99999999999999999999}],"f":1e30,"u":18446744073709551615}"#,
                r#"{"id":[{"n":"-99999999999999999999"}],"f":1e+30,"u":"18446744073709551615"}"#,
            ),
            (
                r#"{"u":18446744073709551615,"f":1.5}"#,
                r#"{"u":18446744073709551615,"f":1.5}"#,
            ),
        ] {
            assert_eq!(read(json), wanted, "{json}");
        }
        assert_eq!(
            parse("[1]", None).expect("JSON"),
            (Line::Other(serde_json::json!([1])), false)
        );
        assert!(parse("{\"a\":", None).is_err());
        assert!(parse("[", None).is_err());
    }

    #[test]
    fn answers_keep_the_digits_that_were_written() {
        for (json, wanted) in [
            (
                r#"{"question":"q","answer":0.1000,"score":0.50}"#,
                r#"{"question":"q","answer":"0.1000","score":0.5}"#,
            ),
            (
                r#"{"output":-0,"a":1e400,"response":3.14159265358979323846}"#,
                r#"{"output":"-0","a":"1e400","response":"3.14159265358979323846"}"#,
            ),
            // A number that is printed as it was written stays one.
            (r#"{"answer":1.5,"ideal":2}"#, r#"{"answer":1.5,"ideal":2}"#),
            (
                r#"{"answers":[{"text":[1.50,"x"],"score":1.50}],"text":1.50}"#,
                r#"{"answers":[{"text":["1.50","x"],"score":1.5}],"text":1.5}"#,
            ),
            (
                r#"{"messages":[{"role":"user","content":1E5,"weight":1E5}]}"#,
                r#"{"messages":[{"role":"user","content":"1E5","weight":100000.0}]}"#,
            ),
            (
                r#"{"\u0430nswer":0.10,"\u0061nswer":0.10,"t":"\"answer\":0.10 \\"}"#,
                r#"{"аnswer":0.1,"answer":"0.10","t":"\"answer\":0.10 \\"}"#,
            ),
            (
                r#"{"answer":1e400,"n":NaN}"#,
                r#"{"answer":"1e400","n":null}"#,
            ),
        ] {
            assert_eq!(read(json), wanted, "{json}");
        }
        let mapping = Mapping::parse(&["question=a,answer=d.v.0".to_owned()]).expect("a mapping");
        let json = r#"{"a":"q","d":{"v":[0.10],"w":0.10}}"#;
        let (Line::Record(fields), _) = parse(json, Some(&mapping)).expect("JSON") else {
            panic!("an object");
        };
        let wanted = r#"{"a":"q","d":{"v":["0.10"],"w":0.1}}"#;
        assert_eq!(Value::Object(fields).to_string(), wanted);
    }

    #[test]
    fn what_python_writes_is_mended() {
        for (json, wanted) in [
            (
                r#"{"a":NaN,"b":[-Infinity,Infinity]}"#,
                r#"{"a":null,"b":[null,null]}"#,
            ),
            (r#"{"t":"x\ud83d y"}"#, "{\"t\":\"x\u{fffd} y\"}"),
            (
                r#"{"t":"\udc4d\ud83d\udc4d\ud83d\ud83d"}"#,
                "{\"t\":\"\u{fffd}👍\u{fffd}\u{fffd}\"}",
            ),
            ("{\"t\":\"a\tб\u{1}\"}", r#"{"t":"a\tб\n"}"#),
            (
                r#"{"t":"NaN \\ud83d Infinity \" -Infinity","n":NaN}"#,
                r#"{"t":"NaN \\ud83d Infinity \" -Infinity","n":null}"#,
            ),
        ] {
            assert_eq!(read(json), wanted, "{json}");
            assert!(parse(json, None).expect("JSON").1, "{json}");
        }
        // Healthy pairs and escapes stay, and what is broken otherwise stays an error.
        let (_, is_mended) = parse(r#"{"t":"\ud83d\udc4d NaN \n"}"#, None).expect("JSON");
        assert!(!is_mended);
        for json in [
            r#"{"a":NaN"#,
            r#"{"a":Nan}"#,
            r#"{"t":"\uZZZZ"}"#,
            "{\"t\":\"\t",
        ] {
            assert!(parse(json, None).is_err(), "{json}");
        }
    }
}
