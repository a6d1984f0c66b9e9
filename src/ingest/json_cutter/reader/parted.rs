//! A chat that Telegram exported may be of any length: behind some message a record ends, and the next
//! one begins with what the chat says of itself. Each says which part it is.

use super::super::exported::messages_at;
use super::super::frame::Meaning;
use super::super::sink::{LeftOut, Sink};
use super::Reader;
use crate::ingest::shape::PART;

/// Bytes after which a record of a chat ends.
pub(super) const PART_BYTES: usize = 16 << 20;

/// The messages of the chat that a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Messages {
    /// Nobody looked for them.
    Unseen,
    /// They are being read: what the value has before them, behind its brace, and which part this is.
    In { head: Vec<u8>, part: usize },
    /// There are none, or they were read.
    None,
}

impl Reader<'_> {
    /// Whether the record ends before a comma that comes next.
    pub(super) fn ends_part(&mut self) -> bool {
        let is_between = self.depth == self.record_depth + 2 && self.value.len() >= self.part_bytes;
        if !is_between || self.mapping.is_some() || self.left_out.bytes > 0 {
            return false;
        }
        if self.messages == Messages::Unseen {
            self.messages = match messages_at(&self.value) {
                Some(at) => Messages::In {
                    head: self.value[1..at].to_vec(),
                    part: 1,
                },
                None => Messages::None,
            };
        }
        matches!(self.messages, Messages::In { .. })
    }

    /// Ends a record of the chat and begins the next.
    pub(super) fn part(&mut self, sink: &mut Sink) {
        let Messages::In { head, part } = &mut self.messages else {
            return;
        };
        let begin = |part: usize| format!("{{\"{PART}\": {part}, ").into_bytes();
        let mut next = begin(*part + 1);
        next.extend_from_slice(head);
        let mut record = std::mem::replace(&mut self.value, next);
        if *part == 1 {
            record.splice(0..1, begin(1));
        }
        *part += 1;
        record.extend_from_slice(b"]}");
        // It was seen to be none that holds records.
        if self.record_depth == 0 {
            self.meaning = Meaning::Record;
        }
        // What stands before it in a top array is no conversation with it.
        if let Some(mut turns) = self.chat.take() {
            turns.release(sink);
        }
        match &mut self.elements {
            Some(elements) => elements.add(&record, LeftOut::default(), sink),
            None => sink.add(&record),
        }
    }

    /// Whether the elements of a list are being read one by one.
    #[cfg(test)]
    pub(in crate::ingest::json_cutter) fn is_cutting(&self) -> bool {
        let inner = self.inner.as_ref();
        self.elements.is_some() || inner.is_some_and(|inner| inner.is_cutting())
    }
}
