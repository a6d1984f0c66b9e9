//! Lines of JSON: objects with named fields, texts, and lists of messages.

use super::{Parsed, Rules, utf8};
use crate::ingest::json::{self, Line};
use crate::ingest::reject::Reject;
use crate::ingest::shape::{self, Fields, Shape};
use crate::ingest::weight;
use crate::units::human_bytes;
use serde_json::Value;
use std::borrow::Cow;

/// Why a record is rejected that would take so much memory.
fn too_heavy(line: &[u8], weight: u64, most: u64) -> String {
    format!(
        "the record has {}, and so many values and objects that it takes about {} of memory as it is parsed; --memory leaves {} for that, half of what it is above 300 MB: give more, or write the lists in the record as records of their own",
        human_bytes(line.len() as u64),
        human_bytes(weight),
        human_bytes(most)
    )
}

impl Parsed {
    pub(super) fn add_json_lines(
        &mut self,
        name: &str,
        first_line: u64,
        bytes: &[u8],
        rules: Rules<'_>,
    ) {
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]);
        for (number, end) in ends.enumerate() {
            let record = first_line + number as u64;
            let line = &bytes[start..end];
            start = end + 1;
            // Files that were written behind one another have a byte order mark each.
            let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            if line.trim_ascii().is_empty() {
                continue;
            }
            let weight = weight::beside_text(line, weight::of(line));
            if weight > rules.most_tree {
                let message = too_heavy(line, weight, rules.most_tree);
                self.rejects
                    .push(Reject::new(name, record, "record_too_heavy", message, line));
                continue;
            }
            let text = match utf8(line) {
                Ok(text) => Cow::Borrowed(text),
                Err(error) => {
                    let Some(text) = self.recovered(line, rules) else {
                        self.reject_encoding(name, record, line, error);
                        continue;
                    };
                    Cow::Owned(text)
                }
            };
            match json::parse(&text, rules.mapping) {
                Ok((read, is_mended)) => {
                    self.repairs.json += u64::from(is_mended);
                    match read {
                        Line::Record(fields) => {
                            self.add_fields(name, record, fields, rules, || line.to_vec());
                        }
                        Line::Other(value) => self.add_value(name, record, value, line, rules),
                    }
                }
                Err(error) => {
                    // serde_json counts lines within what it was given: only the column helps here.
                    let column = error.column();
                    let message = if json::is_unclosed(&text) {
                        format!(
                            "no valid JSON at column {column}: a quote in it is never closed, or one within a text has no backslash before it"
                        )
                    } else {
                        format!("no valid JSON at column {column}: {error}")
                    };
                    self.rejects
                        .push(Reject::new(name, record, "invalid_json", message, line));
                }
            }
        }
    }

    /// A value that is no object: a text is a document, a list of messages a chat.
    fn add_value(&mut self, name: &str, record: u64, value: Value, line: &[u8], rules: Rules<'_>) {
        let takes = |wanted: &str| {
            rules.mapping.is_none() && rules.shape.is_none_or(|shape| shape.name == wanted)
        };
        let fields = match value {
            Value::String(text) if takes("text") => {
                Some(Fields::from_iter([("text".to_owned(), text.into())]))
            }
            Value::Array(list) if takes("messages") && shape::is_messages(&list) => {
                Some(shape::record_of(list))
            }
            _ => None,
        };
        if let Some(fields) = fields.filter(|fields| Shape::of(fields).is_some()) {
            return self.add_fields(name, record, fields, rules, || line.to_vec());
        }
        let message = "the record is JSON but no object; expected an object with named fields, a text, or a list of messages with role and content; lists of values are read from CSV with --columns";
        self.rejects.push(Reject::new(
            name,
            record,
            "not_an_object",
            message.to_owned(),
            line,
        ));
    }
}
