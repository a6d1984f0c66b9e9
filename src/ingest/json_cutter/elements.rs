//! The elements of one array of a frame: each is told by itself whether it is a record.
//!
//! Under a name of records every element is one. Under another name objects and lists of messages
//! are; what else stands among them is rejected, and where there is none of them all is counted.

use super::frame::{is_frame_name, is_message_list, is_text_name};
use super::sink::{LeftOut, Sink};

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
}

impl Elements {
    /// The elements of the array `name` in the frame at `path`.
    pub(super) fn of(path: &str, name: &str) -> Self {
        Self {
            name: format!("{path}{name}"),
            holds_records: is_frame_name(name),
            holds_texts: is_text_name(name),
            holds_lists: is_frame_name(name),
            waiting: Vec::new(),
            passed_by: 0,
        }
    }

    /// Takes an element, of which `left_out` is missing at its end.
    pub(super) fn add(&mut self, value: &[u8], left_out: LeftOut, sink: &mut Sink) {
        let is_record = left_out.bytes > 0
            || match value.first() {
                Some(b'{') => true,
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
            sink.add(value);
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

    /// Counts what is neither kept nor rejected, at the end of the array.
    pub(super) fn end(self, sink: &mut Sink) {
        if self.passed_by > 0 {
            sink.count(vec![(self.name, self.passed_by)]);
        }
    }
}
