//! A passage beside more questions than are held: each of them is a record, and has the passage.
//!
//! `{"context": "…", "items": [{"question": …}, …]}` is one record where it is small. Of a large one the
//! questions are cut on their own, and what stands before them (the passage, a title) goes with each.
//! A passage that comes behind its questions comes too late for them, and is refused by that name.

use crate::ingest::json;
use crate::ingest::shape::{self, Fields};
use crate::units::grouped;
use serde_json::Value;

/// Why a passage is refused that came too late.
pub(super) const TOO_LATE: &str = "passage_behind_questions";

/// What stands before a list of questions.
pub(super) struct Passage {
    /// The fields, among them the passage.
    fields: Fields,
    /// The name of the list.
    list: String,
    /// The same as JSON, up to the list's first element.
    before: Vec<u8>,
    /// Whether a question had it.
    is_used: bool,
}

impl Passage {
    /// The passage in `frame`, an object as far as the bracket of the array `list`; none where it has
    /// none, or such lists are no questions.
    pub(super) fn before(frame: &[u8], list: &str) -> Option<Self> {
        if !is_asked_in(list) {
            return None;
        }
        let Some(Value::Object(mut fields)) = json::value(&[frame, b"]}"].concat()) else {
            return None;
        };
        // Lists that were cut already are empty.
        fields.retain(|name, value| {
            name != list && value.as_array().is_none_or(|all| !all.is_empty())
        });
        if !shape::has_passage(&fields) {
            return None;
        }
        let mut before = Value::Object(fields.clone()).to_string().into_bytes();
        before.pop();
        before.extend(format!(",{}:[", Value::from(list)).bytes());
        Some(Self {
            fields,
            list: list.to_owned(),
            before,
            is_used: false,
        })
    }

    /// The record of one element with the passage; none of one that does not ask about it.
    pub(super) fn with(&mut self, element: &[u8]) -> Option<Vec<u8>> {
        if !asks(&self.list, element) {
            return None;
        }
        self.is_used = true;
        Some([&self.before, element, b"]}"].concat())
    }

    /// Names of the fields that the questions have, none where no question had them.
    pub(super) fn used(self) -> Vec<String> {
        if self.is_used {
            self.fields.into_iter().map(|(name, _)| name).collect()
        } else {
            Vec::new()
        }
    }
}

/// Whether an element of the array `list` is a question about a passage beside the array.
pub(super) fn asks(list: &str, element: &[u8]) -> bool {
    is_asked_in(list)
        && matches!(json::value(element), Some(Value::Object(own)) if shape::asks_about_passage(&own))
}

/// Whether a list of this name may hold questions about a passage beside it.
fn is_asked_in(list: &str) -> bool {
    shape::holds_questions(list) || shape::names_questions(list)
}

/// What is said of a passage that came too late for so many questions.
pub(super) fn too_late(list: &str, questions: u64) -> String {
    format!(
        "the passage stands behind its {} questions in `{list}`, which were read without it: the object is too large to be held until then; write the passage before the list and ingest again, or give each question its own",
        grouped(questions)
    )
}
