//! Whether a top object of a JSON file is a record or the frame around records, and what a frame
//! has beside them.

use super::by_id;
use super::exported;
use super::reader::{FRAMES_IN_FRAMES, HELD_BYTES, Reader};
use crate::ingest::json;
use crate::ingest::mapping::Mapping;
use crate::ingest::shape::{self, Fields, Shape};
use crate::ingest::weight;
use serde_json::Value;

/// Arrays of a top object that are looked into.
const ARRAYS: usize = 64;

/// Names of lists that hold records or texts, in an object that is only their frame.
const TEXTS: [&str; 21] = [
    "data",
    "train",
    "training",
    "validation",
    "valid",
    "val",
    "dev",
    "test",
    "eval",
    "rows",
    "records",
    "items",
    "examples",
    "samples",
    "entries",
    "documents",
    "docs",
    "texts",
    "данные",
    "тексты",
    "документы",
];

/// Names of lists of which only the objects are records, not the strings.
const RECORDS: [&str; 6] = [
    "results",
    "questions",
    "dialogs",
    "dialogues",
    "chats",
    "вопросы",
];

fn is_in(names: &[&str], name: &str) -> bool {
    names.contains(&name.trim().to_lowercase().as_str())
}

/// Whether a list of this name in a frame holds records.
pub(super) fn is_frame_name(name: &str) -> bool {
    is_in(&TEXTS, name) || is_in(&RECORDS, name)
}

/// Whether strings in a list of this name in a frame are texts.
pub(super) fn is_text_name(name: &str) -> bool {
    is_in(&TEXTS, name)
}

/// Whether `value` is a list of messages.
pub(super) fn is_message_list(value: &[u8]) -> bool {
    // The first turns tell of one that is too heavy.
    if weight::of(value) > weight::LOOKED_AT {
        let first: Vec<Value> = elements(&value[1..]).take(ARRAYS).collect();
        return shape::is_messages(&first);
    }
    matches!(json::value(value), Some(Value::Array(list)) if shape::is_messages(&list))
}

/// Whether in a list `name`, which holds records by its name, that is one which begins with `first`.
fn gives_records(name: &str, first: u8) -> bool {
    is_frame_name(name)
        && match first {
            b'{' | b'[' => true,
            b'"' => is_text_name(name),
            _ => false,
        }
}

/// What a top object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Not known: neither fields of a record nor an array of records was seen.
    Unknown,
    /// A record, whatever lists it has.
    Record,
    /// The frame around records.
    Frame,
}

/// An array of a top object.
struct Array {
    name: String,
    /// First byte of its first element.
    first: u8,
    /// Where that is in the object.
    at: usize,
}

/// What a top object has, as far as it was seen.
#[derive(Default)]
pub struct Outline {
    /// Its fields; values stand for their kinds.
    fields: Fields,
    arrays: Vec<Array>,
    /// Where its objects begin.
    objects: Vec<usize>,
    name: String,
}

impl Outline {
    /// Notes a field: its key as it is written, the first byte of its value, and that byte's place.
    pub fn field(&mut self, key: &[u8], first: u8, at: usize) {
        let quoted = [b"\"", key, b"\""].concat();
        self.name = serde_json::from_slice(&quoted)
            .unwrap_or_else(|_| String::from_utf8_lossy(key).into_owned());
        let kind = match first {
            b'n' => Value::Null,
            b'"' => Value::String(String::new()),
            b'{' => Value::Object(Fields::new()),
            b'[' => Value::Array(Vec::new()),
            _ => Value::Bool(true),
        };
        if kind.is_object() && self.objects.len() < ARRAYS {
            self.objects.push(at);
        }
        self.fields.insert(self.name.clone(), kind);
    }

    /// Notes the first byte of the first element of the field's array, and its place in the object.
    pub fn array(&mut self, first: u8, at: usize) {
        let kind = match first {
            b'"' => Value::String(String::new()),
            b'{' => Value::Object(Fields::new()),
            b'[' => Value::Array(Vec::new()),
            _ => Value::Null,
        };
        self.fields.insert(self.name.clone(), vec![kind].into());
        if self.arrays.len() < ARRAYS {
            self.arrays.push(Array {
                name: self.name.clone(),
                first,
                at,
            });
        }
    }

    /// Its fields so far; values stand for their kinds.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Whether a text in it may be the passage of questions beside it.
    pub fn has_passage(&self) -> bool {
        shape::has_passage(&self.fields)
    }

    /// Name of the field that was noted last.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the fields are records by their ids.
    pub fn is_by_id(&self, held: &[u8], mapping: Option<&Mapping>) -> bool {
        !self.objects.is_empty()
            && self.fields.values().all(Value::is_object)
            && by_id::are_records(held, &self.objects, mapping)
    }

    /// Forgets all fields but the name of the last.
    pub fn forget(&mut self) {
        self.fields.clear();
        self.arrays.clear();
        self.objects.clear();
    }

    /// What the object is that begins with `held` and stands in `level` others. A record is held as far
    /// as `most` bytes where only that makes it one.
    pub fn meaning(
        &self,
        held: &[u8],
        mapping: Option<&Mapping>,
        (level, most): (usize, usize),
    ) -> Meaning {
        let is_record = |fields: &Fields| match mapping {
            Some(mapping) => mapping.fits(fields),
            None => Shape::of(fields).is_some(),
        };
        let holds_records = |array: &Array| {
            let begun = held.get(array.at..).unwrap_or_default();
            // A chat may be far longer than what is held.
            let is_chat = mapping.is_none() && exported::messages_at(begun).is_some();
            is_chat
                || elements(begun).any(|element| match &element {
                    Value::Object(fields) => is_record(fields),
                    Value::Array(list) => shape::is_messages(list),
                    _ => false,
                })
        };
        if is_record(&self.fields) {
            // A text beside a list of records is a record more; another record has lists of its own.
            let is_text = mapping.is_none() && Shape::of(&self.fields).is_some_and(Shape::is_text);
            let mut arrays = self.arrays.iter();
            if is_text && arrays.any(|array| is_frame_name(&array.name) && holds_records(array)) {
                return Meaning::Frame;
            }
            return Meaning::Record;
        }
        // The passage of questions belongs to each of them: it is no frame, unless it is too large to be
        // held; then it is cut, and each question has the passage.
        let asks = |array: &Array| {
            let mut elements = elements(held.get(array.at..).unwrap_or_default());
            elements.next().is_some_and(|first| {
                let mut fields = self.fields.clone();
                fields.insert(array.name.clone(), vec![first].into());
                Shape::of(&fields).is_some_and(|shape| shape.name == "passage")
            })
        };
        if mapping.is_none() && held.len() < most.min(HELD_BYTES) && self.arrays.iter().any(asks) {
            return Meaning::Record;
        }
        let frames = |array: &Array| {
            gives_records(&array.name, array.first)
                || is_frame_name(&array.name)
                    && elements(held.get(array.at..).unwrap_or_default())
                        .any(|element| gives_records(&array.name, first_byte(&element)))
                || holds_records(array)
        };
        let in_frames = |at: &usize| {
            let text = held.get(*at..).unwrap_or_default();
            Reader::is_frame(text, mapping, level + 1)
        };
        if self.is_by_id(held, mapping)
            || self.arrays.iter().any(frames)
            || level < FRAMES_IN_FRAMES && self.objects.iter().any(in_frames)
        {
            Meaning::Frame
        } else {
            Meaning::Unknown
        }
    }
}

/// The elements of an array from its first one on, as far as they are whole.
fn elements(mut text: &[u8]) -> impl Iterator<Item = Value> {
    std::iter::from_fn(move || {
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
        let value = values.next()?.ok()?;
        let rest = text[values.byte_offset()..].trim_ascii_start();
        // Behind the last one comes the end of the array, which is no value.
        text = rest.strip_prefix(b",").unwrap_or_default();
        Some(value)
    })
}

/// What a value begins with as JSON.
fn first_byte(value: &Value) -> u8 {
    match value {
        Value::Object(_) => b'{',
        Value::Array(_) => b'[',
        Value::String(_) => b'"',
        _ => b'n',
    }
}

/// What a frame has beside the arrays that gave records.
pub enum Rest {
    /// It is a record itself, or no JSON; as a record it is kept or rejected.
    Record,
    /// Fields of the frame.
    Fields {
        /// Values that are no metadata: they stand under a name of records, or look like one.
        records: Vec<Vec<u8>>,
        /// Names of the others.
        names: Vec<String>,
    },
}

/// Tells what the rest of a frame is, its arrays of records emptied, without the fields that its records
/// have, which are `used`.
pub fn rest_of_frame(rest: &[u8], used: &[String]) -> Rest {
    let Some(Value::Object(mut fields)) = json::value(rest) else {
        return Rest::Record;
    };
    fields.retain(|name, _| !used.contains(name));
    let says_something = |(name, value): (&String, &Value)| {
        !is_empty(value) && shape::is_known_field(&name.trim().to_lowercase())
    };
    if fields.iter().any(says_something) {
        return Rest::Record;
    }
    let (mut records, mut names) = (Vec::new(), Vec::new());
    for (name, value) in fields.iter().filter(|(_, value)| !is_empty(value)) {
        let is_record = match value {
            Value::Array(_) => is_frame_name(name),
            Value::Object(fields) => {
                is_frame_name(name) || Shape::of(fields).is_some_and(|shape| !shape.is_text())
            }
            _ => false,
        };
        if is_record {
            records.push(value.to_string().into_bytes());
        } else {
            names.push(name.clone());
        }
    }
    Rest::Fields { records, names }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}
