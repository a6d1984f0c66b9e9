//! System prompts and instructions in frames on their way to the records.

use super::super::lead;
use super::super::sink::Sink;
use super::Reader;
use crate::ingest::json;
use crate::ingest::shape::Lead;
use serde_json::Value;

impl Reader<'_> {
    /// What `frame`, this one as far as it was read, says to the records that follow, and what is said
    /// around it.
    pub(super) fn lead(&self, frame: &[u8]) -> Option<Lead> {
        if Lead::names(self.outline.fields()).is_empty() {
            return self.around.clone();
        }
        lead::of(frame, self.around.as_ref())
    }

    /// Notes that a record got something of the lead: what is said here is used.
    pub(super) fn use_lead(&mut self) {
        self.has_lead = true;
        self.used.extend(Lead::names(self.outline.fields()));
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
