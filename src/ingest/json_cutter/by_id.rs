//! Records as the fields of an object, by their ids: `{"id1": {"question": …}, "id2": {…}}`.
//!
//! Each goes where it ends, with its name as its `id`; so nothing of the object is held.

use super::sink::{LeftOut, Sink};
use crate::ingest::json;
use crate::ingest::mapping::Mapping;
use crate::ingest::shape::{Fields, Shape};
use crate::ingest::weight;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::BTreeMap;

/// Objects that prove a map of texts: `{"title": {"text": …}, "body": {"text": …}}` is none.
const TEXTS: usize = 3;

/// Whether more of the objects that begin `at` these places are records than not.
pub(super) fn are_records(held: &[u8], at: &[usize], mapping: Option<&Mapping>) -> bool {
    let (mut records, mut texts, mut others) = (0, 0, 0);
    for at in at {
        let text = held.get(*at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Fields>();
        let Some(Ok(fields)) = values.next() else {
            break;
        };
        let shape = Shape::of(&fields);
        match mapping {
            Some(mapping) if mapping.fits(&fields) => records += 1,
            None if shape.is_some_and(|shape| !shape.is_text()) => records += 1,
            None if shape.is_some() => texts += 1,
            _ => others += 1,
        }
    }
    if texts >= TEXTS {
        records += texts;
    } else {
        others += texts;
    }
    records > others
}

/// Adds the record that stands under `id`, of which `left_out` is missing at its end. It gets the id where
/// it has none of its own.
pub(super) fn add(record: &[u8], id: &str, left_out: LeftOut, sink: &mut Sink) {
    if left_out.bytes > 0 {
        return sink.add_long(record, left_out);
    }
    #[expect(
        clippy::zero_sized_map_values,
        reason = "serde reads an object as a map, and of this one the names alone are wanted"
    )]
    // Of a heavy one the names of its fields are read alone.
    let lacks_id = if weight::of(record) > weight::LOOKED_AT {
        serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(record)
            .is_ok_and(|fields| !fields.contains_key("id"))
    } else {
        matches!(json::value(record), Some(Value::Object(fields)) if !fields.contains_key("id") && !fields.is_empty())
    };
    if lacks_id {
        let id = format!("{{\"id\":{},", Value::from(id));
        sink.add(&[id.as_bytes(), &record[1..]].concat());
    } else {
        sink.add(record);
    }
}

/// Bytes of `frame` before its last key, of so many bytes, whose value is gone; without the comma between.
pub(super) fn without_key(frame: &[u8], key_bytes: usize) -> usize {
    let frame = frame.trim_ascii_end();
    let frame = frame.strip_suffix(b":").unwrap_or(frame).trim_ascii_end();
    // Its quotes, too.
    let end = frame.len().saturating_sub(key_bytes + 2);
    let before = frame[..end].trim_ascii_end();
    let before = before.strip_suffix(b",").unwrap_or(before);
    before.trim_ascii_end().len()
}
