//! Lists and objects that a cell of a table or a text holds as they are written: JSON, or what Python
//! prints of its lists, dicts and arrays.

use crate::ingest::json;
use serde_json::{Map, Value};

/// Lists within lists that are read; deeper ones are none of records.
const DEEPEST: usize = 32;

/// The list or object that a text is written as; any other value as it is.
pub(super) fn structured(value: Value) -> Value {
    match value {
        Value::String(text) => structure_of(&text).unwrap_or(Value::String(text)),
        value => value,
    }
}

/// The list or object that `text` is, `None` where it is none.
pub(super) fn structure_of(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(['[', '{', '(']) && !text.starts_with("array(") {
        return None;
    }
    if let Ok(value @ (Value::Array(_) | Value::Object(_))) = serde_json::from_str(text) {
        return Some(json::with_digits(text, value));
    }
    let mut reader = Reader {
        rest: text,
        depth: 0,
    };
    let value = reader.value()?;
    reader.rest.trim().is_empty().then_some(value)
}

/// Whether a text that is no structure looks as if it should be one.
pub(super) fn looks_structured(text: &str) -> bool {
    if !text.trim_start().starts_with(['[', '{']) {
        return false;
    }
    let text: String = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .take(2)
        .collect();
    ["[{", "[\"", "['", "{\"", "{'"].contains(&text.as_str())
}

/// What is left of a text in Python's notation.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    /// Passes `sign` by, if it is next.
    fn passes(&mut self, sign: char) -> bool {
        match self.rest.trim_start().strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Value> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '[' => self.list('[', ']'),
            '(' => self.list('(', ')'),
            '{' => self.object(),
            '\'' | '"' => self.text().map(Value::String),
            _ => self.word(),
        }
    }

    fn list(&mut self, open: char, close: char) -> Option<Value> {
        self.depth += 1;
        if self.depth > DEEPEST || !self.passes(open) {
            return None;
        }
        let mut list = Vec::new();
        while !self.passes(close) {
            list.push(self.value()?);
            // Arrays of numpy are printed without commas; of texts that cannot be told from one text
            // in two pieces.
            let is_object = list.last().is_some_and(Value::is_object);
            let goes_on = is_object && self.rest.trim_start().starts_with('{');
            if !self.passes(',') && !goes_on {
                if self.passes(close) {
                    break;
                }
                return None;
            }
        }
        self.depth -= 1;
        Some(list.into())
    }

    fn object(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > DEEPEST || !self.passes('{') {
            return None;
        }
        let mut object = Map::new();
        while !self.passes('}') {
            let key = match self.value()? {
                Value::String(key) => key,
                key @ Value::Number(_) => key.to_string(),
                _ => return None,
            };
            if !self.passes(':') {
                return None;
            }
            object.insert(key, self.value()?);
            if !self.passes(',') {
                if self.passes('}') {
                    break;
                }
                return None;
            }
        }
        self.depth -= 1;
        Some(object.into())
    }

    fn text(&mut self) -> Option<String> {
        let mut letters = self.rest.char_indices();
        let (_, quote) = letters.next()?;
        let mut text = String::new();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => match letters.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    kind @ ('x' | 'u' | 'U') => {
                        let length = match kind {
                            'x' => 2,
                            'u' => 4,
                            _ => 8,
                        };
                        let digits: String =
                            letters.by_ref().take(length).map(|(_, c)| c).collect();
                        let code = u32::from_str_radix(&digits, 16).ok()?;
                        text.push(char::from_u32(code)?);
                    }
                    '\n' => {}
                    same @ ('\\' | '\'' | '"') => text.push(same),
                    other => text.extend(['\\', other]),
                },
                letter if letter == quote => {
                    self.rest = &self.rest[at + letter.len_utf8()..];
                    return Some(text);
                }
                letter => text.push(letter),
            }
        }
        None
    }

    /// A number, `None`, a truth value, or an array around a list.
    fn word(&mut self) -> Option<Value> {
        let is_in = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
        let end = self.rest.find(|c| !is_in(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "None" | "null" | "nan" | "NaN" => Some(Value::Null),
            "True" | "true" => Some(true.into()),
            "False" | "false" => Some(false.into()),
            "array" => {
                if !self.passes('(') {
                    return None;
                }
                let list = self.value()?;
                if self.passes(',') {
                    // dtype=object
                    self.rest = &self.rest[self.rest.find(')')?..];
                }
                (self.passes(')') && list.is_array()).then_some(list)
            }
            word => json::number(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_and_python_are_read_and_nothing_else() {
        for (text, value) in [
            (
                r#"{"text": ["a"], "n": [1]}"#,
                json!({"text": ["a"], "n": [1]}),
            ),
            (
                "{'text': ['a'], 'n': [1]}",
                json!({"text": ["a"], "n": [1]}),
            ),
            (
                "{'text': array(['a, b'], dtype=object), 'n': array([1, 2])}",
                json!({"text": ["a, b"], "n": [1, 2]}),
            ),
            (
                "['it\\'s', \"it's\", 'a\\nb\\u0431']",
                json!(["it's", "it's", "a\nbб"]),
            ),
            (
                "[None, True, False, -1.5, ('x',)]",
                json!([null, true, false, -1.5, ["x"]]),
            ),
            ("[{'a': 1}\n {'a': 2}]", json!([{"a": 1}, {"a": 2}])),
            ("[]", json!([])),
        ] {
            assert_eq!(structure_of(text), Some(value), "{text}");
        }
        let deep = "[".repeat(10_000);
        for text in [
            "a",
            "[1] and more",
            "['a' 'b']",
            "['a",
            "{'a'}",
            "[x]",
            "{1: }",
            "[1, 2",
            "3",
            &deep,
        ] {
            assert_eq!(structure_of(text), None, "{text}");
        }
    }
}
