//! A top array that is one conversation: its elements are turns, and together they are one record.
//!
//! Whether it is one is known at its end. Its turns are held until then, 4 MiB at most; the turns
//! of a longer array, and of one that holds something else, are records of their own.

use super::reader::HELD_BYTES;
use super::sink::Sink;
use crate::ingest::{json, shape};
use serde_json::Value;

/// The turns of a top array.
#[derive(Default)]
pub(super) struct Chat {
    /// Turns so far, each a line.
    turns: Vec<u8>,
    /// Whether the array is known to be none.
    is_none: bool,
}

impl Chat {
    /// Takes the next element of the array; false where it, and those after it, are records of their own.
    pub(super) fn add(&mut self, element: &[u8], sink: &mut Sink) -> bool {
        let fits = self.turns.len() + element.len() < HELD_BYTES;
        self.is_none |= !fits || !is_turn(element);
        if self.is_none {
            self.release(sink);
            return false;
        }
        self.turns.extend_from_slice(element.trim_ascii_end());
        self.turns.push(b'\n');
        true
    }

    /// Gives up: every turn is a record.
    pub(super) fn release(&mut self, sink: &mut Sink) {
        self.is_none = true;
        let turns = std::mem::take(&mut self.turns);
        for turn in turns.split_inclusive(|byte| *byte == b'\n') {
            sink.add(turn.trim_ascii_end());
        }
    }

    /// Ends the array: a conversation is one record.
    pub(super) fn end(&mut self, sink: &mut Sink) {
        let turns = std::mem::take(&mut self.turns);
        if turns.is_empty() {
            return;
        }
        let list = [b"[", turns.trim_ascii_end(), b"]"].concat();
        let list: Vec<u8> = list
            .into_iter()
            .map(|byte| if byte == b'\n' { b',' } else { byte })
            .collect();
        let values = match json::value(&list) {
            Some(Value::Array(values)) => values,
            _ => Vec::new(),
        };
        if shape::is_dialogue(&values) {
            sink.add(&list);
        } else {
            self.turns = turns;
            self.release(sink);
        }
    }
}

fn is_turn(element: &[u8]) -> bool {
    element.first() == Some(&b'{')
        && json::value(element).is_some_and(|turn| shape::is_messages(&[turn]))
}
