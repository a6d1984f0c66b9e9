//! Whether a top object of a JSON file is a record or the frame around records, and what a frame
//! has beside them.

use crate::ingest::mapping::Mapping;
use crate::ingest::shape::{self, Fields, Shape};
use serde_json::Value;

/// Arrays of a top object that are looked into.
const ARRAYS: usize = 64;

/// Names of lists that hold records, in an object that is only their frame.
const FRAMES: &[&str] = &[
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
    "results",
    "questions",
    "dialogs",
    "dialogues",
    "chats",
    "данные",
    "тексты",
    "документы",
    "вопросы",
];

/// Names among them whose lists of strings are lists of texts.
const TEXTS: &[&str] = &[
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

fn is_in(names: &[&str], name: &str) -> bool {
    names.contains(&name.trim().to_lowercase().as_str())
}

/// Whether in a frame the elements of the array `name`, the first of which begins with `first`, are
/// records: objects of any array, texts and lists of those that hold records by their name.
pub fn gives_records(name: &str, first: u8) -> bool {
    match first {
        b'{' => true,
        b'[' => is_in(FRAMES, name),
        b'"' => is_in(TEXTS, name),
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
    name: String,
}

impl Outline {
    /// Notes a field: its key as it is written, and the first byte of its value.
    pub fn field(&mut self, key: &[u8], first: u8) {
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

    /// Name of the field that was noted last.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the object is that begins with `held`.
    pub fn meaning(&self, held: &[u8], mapping: Option<&Mapping>) -> Meaning {
        let is_record = |fields: &Fields| match mapping {
            Some(mapping) => mapping.fits(fields),
            None => Shape::of(fields).is_some(),
        };
        let holds_records = |array: &Array| array.first == b'{' && is_record(&first(held, array));
        if is_record(&self.fields) {
            // A text beside a list of records is a record more; another record has lists of its own.
            let is_text = mapping.is_none() && Shape::of(&self.fields).is_some_and(Shape::is_text);
            let mut arrays = self.arrays.iter();
            if is_text && arrays.any(|array| is_in(FRAMES, &array.name) && holds_records(array)) {
                return Meaning::Frame;
            }
            return Meaning::Record;
        }
        let frames = |array: &Array| {
            holds_records(array)
                || is_in(FRAMES, &array.name) && gives_records(&array.name, array.first)
        };
        if self.arrays.iter().any(frames) {
            Meaning::Frame
        } else {
            Meaning::Unknown
        }
    }
}

/// The fields of the first element of an array, none where it is cut off.
fn first(held: &[u8], array: &Array) -> Fields {
    let text = held.get(array.at..).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Fields>();
    values.next().and_then(Result::ok).unwrap_or_default()
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

/// Tells what the rest of a frame is, its arrays of records emptied.
pub fn rest_of_frame(rest: &[u8]) -> Rest {
    let Ok(fields) = serde_json::from_slice::<Fields>(rest) else {
        return Rest::Record;
    };
    let says_something = |(name, value): (&String, &Value)| {
        !is_empty(value) && shape::is_known_field(&name.trim().to_lowercase())
    };
    if fields.iter().any(says_something) {
        return Rest::Record;
    }
    let (mut records, mut names) = (Vec::new(), Vec::new());
    for (name, value) in fields.iter().filter(|(_, value)| !is_empty(value)) {
        let is_record = match value {
            Value::Array(_) => is_in(FRAMES, name),
            Value::Object(fields) => {
                is_in(FRAMES, name) || Shape::of(fields).is_some_and(|shape| !shape.is_text())
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
