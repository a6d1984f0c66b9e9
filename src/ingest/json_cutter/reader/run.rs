//! Many bytes at a time: most of JSON is the inside of texts, and the white space between values.

use super::Reader;
use super::place::{Slot, Text};
use crate::ingest::cutter::MAX_LINE_BYTES;
use crate::ingest::json_cutter::sink::Sink;
use memchr::memchr3;

impl Reader<'_> {
    /// Reads the next bytes, as [`Self::byte`] does one by one.
    pub(in crate::ingest::json_cutter) fn read(&mut self, mut bytes: &[u8], sink: &mut Sink) {
        while let [byte, behind @ ..] = bytes {
            match self.run(bytes) {
                0 => {
                    self.byte(*byte, sink);
                    bytes = behind;
                }
                count => bytes = &bytes[count..],
            }
        }
    }

    /// Keeps the bytes that `bytes` begins with and that change nothing but the value; how many those were.
    pub(super) fn run(&mut self, bytes: &[u8]) -> usize {
        if let Some(inner) = &mut self.inner {
            return inner.run(bytes);
        }
        let held = self.value.len();
        // Where a value becomes too long, or is looked at, each byte counts.
        let mut most = MAX_LINE_BYTES.saturating_sub(held);
        if self.next_look > held {
            most = most.min(self.next_look - held - 1);
        }
        if held == 0 || self.left_out.bytes > 0 {
            return 0;
        }
        let bytes = &bytes[..bytes.len().min(most)];
        match self.text {
            Text::Inside if !(self.is_at_fields() && self.slot == Slot::Key) => {
                let count = plain(bytes);
                self.value.extend_from_slice(&bytes[..count]);
                count
            }
            Text::Outside => {
                let space = bytes.iter().take_while(|byte| byte.is_ascii_whitespace());
                let count = space.count();
                let as_held = |byte: &u8| match byte {
                    b'\n' | b'\r' => b' ',
                    space => *space,
                };
                self.value.extend(bytes[..count].iter().map(as_held));
                count
            }
            _ => 0,
        }
    }
}

/// How many bytes of a text stand before its next quote or raw line end. An escape is whole or not among
/// them.
fn plain(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match memchr3(b'"', b'\\', b'\n', &bytes[at..]) {
            None => return bytes.len(),
            Some(found) => {
                at += found;
                let is_escape =
                    bytes[at] == b'\\' && bytes.get(at + 1).is_some_and(|next| *next != b'\n');
                if !is_escape {
                    return at;
                }
                at += 2;
            }
        }
    }
}
