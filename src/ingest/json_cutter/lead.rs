//! A system prompt or an instruction beside an array of records: each of them gets what stands before it.
//!
//! What comes behind records comes too late for them, and is refused by that name.

use super::passage::Passage;
use crate::ingest::json;
use crate::ingest::shape::{self, Lead};
use crate::units::grouped;
use serde_json::Value;

/// Why a system prompt or an instruction is refused that came too late.
pub(super) const TOO_LATE: &str = "prompt_behind_records";

/// What stands before the records of an array and belongs to each of them.
#[derive(Default)]
pub(super) struct Before {
    pub(super) passage: Option<Passage>,
    pub(super) lead: Option<Lead>,
    /// Whether a record got something of the lead.
    pub(super) is_led: bool,
}

/// The lead in `frame`, a whole object; where it has none, that around it.
pub(super) fn of(frame: &[u8], around: Option<&Lead>) -> Option<Lead> {
    let own = match json::value(frame) {
        Some(Value::Object(fields)) => Lead::of(&fields).map(|(own, _)| own),
        _ => None,
    };
    match own {
        Some(own) => Some(own.within(around)),
        None => around.cloned(),
    }
}

/// The record `element` with what `lead` adds to it; none where that is nothing.
pub(super) fn with(lead: &Lead, element: &[u8]) -> Option<Vec<u8>> {
    let beginning = lead.beginning(&json::value(element)?)?;
    let (bracket, rest) = element.split_at_checked(1)?;
    Some([bracket, beginning.as_bytes(), rest].concat())
}

/// Whether a record has something to gain from a lead of any kind.
pub(super) fn is_lacking(element: &[u8]) -> bool {
    match json::value(element) {
        Some(Value::Object(own)) => {
            shape::Shape::of(&own).is_some_and(|shape| !shape.is_text())
                && Lead::names(&own).is_empty()
        }
        Some(Value::Array(list)) => shape::is_messages(&list),
        _ => false,
    }
}

/// What is said of a lead in these fields that came too late for so many records.
pub(super) fn too_late(names: &[String], records: u64) -> String {
    format!(
        "`{}` stands behind {} records, which were read without it; write it before them and ingest again, or give each record its own",
        names.join("`, `"),
        grouped(records)
    )
}
