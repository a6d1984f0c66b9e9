//! The elements of one array of a frame: each is told by itself whether it is a record.
//!
//! Under a name of records every element is one. Under another name objects and lists of messages
//! are; what else stands among them is rejected, and where there is none of them all is counted.

use super::frame::{is_frame_name, is_message_list, is_text_name};
use super::lead::{self, Before};
use super::passage::{Passage, asks};
use super::sink::{LeftOut, Sink};
use crate::ingest::{json, shape};
use serde_json::Value;

/// Bytes of elements that wait for a record in their array; those that come after them are counted.
const WAITING_BYTES: usize = 4 << 20;

/// The array whose elements are being read.
pub(super) struct Elements {
    /// Its name and those of what is around it, with dots between.
    name: String,
    holds_records: bool,
    holds_texts: bool,
    holds_lists: bool,
    /// Elements before the first record that are none, each a line.
    waiting: Vec<u8>,
    /// Elements that are no records and not rejected.
    passed_by: u64,
    /// What stands before the array, and belongs to each record in it.
    before: Before,
    /// Records without a passage, and what the first of them lacks.
    records: u64,
    lacks: Option<Lacks>,
    /// Why they are refused, where they show how not to answer.
    refusal: Option<String>,
}

/// What a record has no word of: nothing that stands before its array says it.
#[derive(Clone, Copy)]
struct Lacks {
    /// It is a question without a passage.
    passage: bool,
    /// It may have a system prompt or an instruction.
    lead: bool,
}

/// Why a record is refused whose answer is not wanted.
const UNDESIRED: &str = "undesired_answer";

impl Elements {
    /// The elements of the array `name` in the frame at `path`, behind what stands `before` it.
    pub(super) fn of(path: &str, name: &str, before: Before) -> Self {
        Self {
            name: format!("{path}{name}"),
            holds_records: is_frame_name(name),
            holds_texts: is_text_name(name),
            holds_lists: is_frame_name(name),
            waiting: Vec::new(),
            passed_by: 0,
            before,
            records: 0,
            lacks: None,
            refusal: shape::is_undesired(name).then(|| {
                format!(
                    "the list `{path}{name}` shows how not to answer: its records are no examples to learn from; give it another name to read it"
                )
            }),
        }
    }

    /// Takes an element, of which `left_out` is missing at its end.
    pub(super) fn add(&mut self, value: &[u8], left_out: LeftOut, sink: &mut Sink) {
        let is_record = left_out.bytes > 0
            || match value.first() {
                Some(b'{') => !self.is_schema(value),
                Some(b'[') => self.holds_lists || is_message_list(value),
                Some(b'"') => self.holds_texts,
                _ => false,
            };
        if is_record && !self.holds_records {
            self.holds_records = true;
            let waiting = std::mem::take(&mut self.waiting);
            for value in waiting.split(|byte| *byte == b'\n') {
                if !value.is_empty() {
                    sink.add_other(value);
                    self.passed_by -= 1;
                }
            }
        }
        if left_out.bytes > 0 {
            sink.add_long(value, left_out);
        } else if is_record {
            self.add_record(value, sink);
        } else if self.holds_records {
            sink.add_other(value);
        } else {
            self.passed_by += 1;
            if self.waiting.len() + value.len() < WAITING_BYTES {
                self.waiting.extend_from_slice(value);
                self.waiting.push(b'\n');
            }
        }
    }

    /// Whether an element tells of a column in what the viewer of Hugging Face saves.
    fn is_schema(&self, value: &[u8]) -> bool {
        self.name == "features"
            && matches!(json::value(value), Some(Value::Object(own)) if own.contains_key("feature_idx"))
    }

    fn add_record(&mut self, value: &[u8], sink: &mut Sink) {
        if let Some(why) = &self.refusal {
            return sink.refuse(UNDESIRED, why.clone(), value);
        }
        if let Some(passage) = &mut self.before.passage
            && let Some(question) = passage.with(value)
        {
            return sink.add(&question);
        }
        self.records += 1;
        let Some(lead) = &self.before.lead else {
            if self.lacks.is_none() {
                let list = self.name.rsplit('.').next().unwrap_or(&self.name);
                self.lacks = Some(Lacks {
                    passage: self.before.passage.is_none() && asks(list, value),
                    lead: lead::is_lacking(value),
                });
            }
            return sink.add(value);
        };
        match lead::with(lead, value) {
            Some(record) => {
                self.before.is_led = true;
                sink.add(&record);
            }
            None => sink.add(value),
        }
    }

    /// Questions that were read without a passage.
    pub(super) fn asked_alone(&self) -> u64 {
        match self.lacks {
            Some(Lacks { passage: true, .. }) => self.records,
            _ => 0,
        }
    }

    /// Records that were read without a system prompt or an instruction.
    pub(super) fn without_lead(&self) -> u64 {
        match self.lacks {
            Some(Lacks { lead: true, .. }) => self.records,
            _ => 0,
        }
    }

    /// Whether a record got something of the lead.
    pub(super) fn has_lead(&self) -> bool {
        self.before.is_led
    }

    /// Names of the fields before the array that its records have with their passage.
    pub(super) fn used(self) -> Vec<String> {
        self.before.passage.map(Passage::used).unwrap_or_default()
    }

    /// Counts what is neither kept nor rejected, at the end of the array.
    pub(super) fn end(&self, sink: &mut Sink) {
        if self.passed_by > 0 {
            sink.count(vec![(self.name.clone(), self.passed_by)]);
        }
    }
}
