//! System prompts and instructions in frames on their way to the records.

use super::super::lead;
use super::super::sink::Sink;
use super::Reader;
use crate::ingest::json;
use crate::ingest::shape::Lead;
use serde_json::Value;

/// What was found of a lead in the fields so far: a frame may have thousands of them, and each asks.
#[derive(Default)]
pub(super) struct Told {
    /// Fields that were looked at.
    seen: usize,
    /// Whether one of them may hold a lead.
    is_named: bool,
    /// Whether such a one came since a record used the lead.
    is_unused: bool,
    /// Whether the lead was read, and no field of it came since.
    is_read: bool,
    lead: Option<Lead>,
}

impl Reader<'_> {
    /// What `frame`, this one as far as it was read, says to the records that follow, and what is said
    /// around it.
    pub(super) fn lead(&mut self, frame: impl FnOnce(&Self) -> Vec<u8>) -> Option<Lead> {
        let fields = self.outline.fields();
        let new = fields.keys().skip(self.told.seen);
        let is_new = new.into_iter().any(|name| Lead::is_in(name));
        self.told.seen = fields.len();
        self.told.is_named |= is_new;
        self.told.is_unused |= is_new;
        // The value of the field that is being read is not known yet.
        let is_open = Lead::is_in(self.outline.name());
        if is_new || is_open {
            self.told.is_read = false;
        }
        if !self.told.is_named {
            return self.around.clone();
        }
        if !self.told.is_read {
            self.told.lead = lead::of(&frame(self), self.around.as_ref());
            self.told.is_read = !is_open;
        }
        self.told.lead.clone()
    }

    /// Notes that the last field was forgotten.
    pub(super) fn forget_told(&mut self) {
        self.told.seen = self.told.seen.min(self.outline.fields().len());
    }

    /// Notes that a record got something of the lead: what is said here is used.
    pub(super) fn use_lead(&mut self) {
        self.has_lead = true;
        if std::mem::take(&mut self.told.is_unused) {
            self.used.extend(Lead::names(self.outline.fields()));
        }
    }

    /// Refuses a lead behind records. Its fields are `used` then: nothing else is to be said of them.
    pub(super) fn refuse_late_lead(&mut self, used: &mut Vec<String>, sink: &mut Sink) {
        let without = self.without_lead;
        if self.level == 0 {
            // What is said around it may come behind it, too.
            self.without_lead = 0;
        }
        let is_late = without > 0 && self.mapping.is_none() && self.left_out.bytes == 0;
        if !is_late || Lead::names(self.outline.fields()).is_empty() {
            return;
        }
        let Some(Value::Object(mut fields)) = json::value(&self.value) else {
            return;
        };
        let Some((_, names)) = Lead::of(&fields) else {
            return;
        };
        fields.retain(|name, _| names.contains(name));
        let raw = Value::Object(fields).to_string().into_bytes();
        sink.refuse(lead::TOO_LATE, lead::too_late(&names, without), &raw);
        used.extend(names);
    }
}
