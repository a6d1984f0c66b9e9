//! Cuts a JSON file into records without reading it whole.
//!
//! Records are the elements of the top array, the top values themselves, or the elements of the
//! arrays in a top object that is only their frame (`{"data": [{…}]}`, `{"train": ["…"], "validation":
//! […]}`). Each becomes one line of a block, so that the rest of ingest sees JSONL.
//!
//! Whether a top object is a frame or a record that has lists is known when it was seen: it is held
//! until it ends, or until [`HELD_BYTES`] of it have come. A frame is then cut from its beginning.
//! What a frame has beside its arrays is counted by name, or is a record where it looks like one.

mod frame;

use super::blocks::Block;
use super::cutter::{BLOCK_BYTES, Cut, HEAD_BYTES, MAX_LINE_BYTES, read_more};
use super::mapping::Mapping;
use frame::{Meaning, Outline, Rest, gives_records, rest_of_frame};
use std::io::Read;

/// Bytes of a top object after which it is told from what was seen whether it is a frame.
const HELD_BYTES: usize = 4 << 20;

/// Bytes of a byte order mark, which may stand before the first value.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Where in the structure the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// Outside a string.
    Outside,
    /// Inside a string.
    Inside,
    /// After a backslash in a string.
    Escaped,
}

/// Where among the fields of the top object the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// In a key or before it.
    Key,
    /// Between a key and its value.
    Value,
    /// In an array, before its first element.
    First,
    /// In a value or behind it.
    Inside,
}

/// The values of one stream on their way to blocks.
pub struct JsonCutter<'a> {
    mapping: Option<&'a Mapping>,
    held_bytes: usize,
    input: Vec<u8>,
    ended: bool,
    /// The block that is being filled: one record a line.
    lines: Vec<u8>,
    /// Number of the first record in `lines`.
    first_record: u64,
    /// Number of the record that is being read.
    record: u64,
    /// The value that is being read.
    value: Vec<u8>,
    /// Bytes of the value that were left out because it is too long.
    left_out: u64,
    text: Text,
    depth: usize,
    /// Depth at which values are records: 0 for top values, 1 or 2 inside arrays.
    record_depth: usize,
    /// What the top object is as far as that is known.
    meaning: Meaning,
    /// What the top object has so far.
    outline: Outline,
    slot: Slot,
    /// Key at depth 1 of the top object, as it is written.
    key: Vec<u8>,
    /// The frame around the array whose elements are being read.
    wrapper: Vec<u8>,
    ready: Vec<Block>,
}

impl<'a> JsonCutter<'a> {
    /// Cuts a stream of JSON; records with the fields of `mapping` are known by them.
    #[must_use]
    pub fn new(mapping: Option<&'a Mapping>) -> Self {
        Self {
            mapping,
            held_bytes: HELD_BYTES,
            input: Vec::new(),
            ended: false,
            lines: Vec::new(),
            first_record: 1,
            record: 1,
            value: Vec::new(),
            left_out: 0,
            text: Text::Outside,
            depth: 0,
            record_depth: 0,
            meaning: Meaning::Unknown,
            outline: Outline::default(),
            slot: Slot::Key,
            key: Vec::new(),
            wrapper: Vec::new(),
            ready: Vec::new(),
        }
    }

    fn byte(&mut self, byte: u8) {
        match self.text {
            Text::Outside => self.outside(byte),
            Text::Escaped => {
                self.text = Text::Inside;
                self.inside(byte);
            }
            Text::Inside => {
                match byte {
                    b'\\' => self.text = Text::Escaped,
                    b'"' => self.text = Text::Outside,
                    _ => {}
                }
                self.inside(byte);
            }
        }
        // Told once here, and from then on with each array that begins.
        if self.value.len() == self.held_bytes {
            self.decide();
        }
    }

    /// A byte of a string, its last quote included.
    fn inside(&mut self, byte: u8) {
        if self.is_at_fields() && self.slot == Slot::Key && self.text != Text::Outside {
            self.key.push(byte);
        }
        // A raw line end in a string is no JSON; it must not pass for the end of a record.
        self.keep(if byte == b'\n' { 1 } else { byte });
    }

    fn outside(&mut self, byte: u8) {
        if self.record == 1 && self.depth == 0 && self.value.is_empty() && BOM.contains(&byte) {
            return;
        }
        if self.record_depth == 0 && !byte.is_ascii_whitespace() {
            self.see(byte);
        }
        match byte {
            b'"' => {
                self.text = Text::Inside;
                self.keep(byte);
            }
            b'[' if self.depth == 0 => {
                self.depth = 1;
                self.record_depth = 1;
            }
            b'{' | b'[' => {
                if self.depth == 0 {
                    self.slot = Slot::Key;
                    self.meaning = Meaning::Unknown;
                    self.outline = Outline::default();
                }
                self.depth += 1;
                self.keep(byte);
            }
            b'}' | b']' => self.close(byte),
            b',' if self.depth == self.record_depth && self.depth > 0 => self.finish(),
            b'\n' | b'\r' => self.keep(b' '),
            _ => self.keep(byte),
        }
    }

    /// Whether the next byte belongs to the fields of the top object.
    fn is_at_fields(&self) -> bool {
        self.depth == 1 && self.record_depth == 0
    }

    /// Follows the fields of the top object.
    fn see(&mut self, byte: u8) {
        if self.slot == Slot::First {
            self.slot = Slot::Inside;
            if byte != b']' {
                self.outline.array(byte, self.value.len());
                if self.value.len() >= self.held_bytes && self.meaning == Meaning::Unknown {
                    self.decide();
                    self.slot = Slot::Inside;
                }
                if self.meaning == Meaning::Frame && gives_records(self.outline.name(), byte) {
                    // The array's bracket stays with the frame, its elements are records.
                    self.wrapper = std::mem::take(&mut self.value);
                    self.record_depth = 2;
                }
            }
        } else if self.depth == 1 {
            match (self.slot, byte) {
                (Slot::Key, b'"') => self.key.clear(),
                (Slot::Key, b':') => self.slot = Slot::Value,
                (Slot::Value, _) => {
                    self.outline.field(&self.key, byte);
                    self.slot = if byte == b'[' {
                        Slot::First
                    } else {
                        Slot::Inside
                    };
                }
                (Slot::Inside, b',') => self.slot = Slot::Key,
                _ => {}
            }
        }
    }

    /// Tells what the top object is from what was seen; a frame is cut from its beginning.
    fn decide(&mut self) {
        if self.meaning != Meaning::Unknown || self.record_depth > 0 || self.depth == 0 {
            return;
        }
        self.meaning = if self.left_out > 0 {
            // Its beginning alone is no frame to cut.
            Meaning::Record
        } else {
            self.outline.meaning(&self.value, self.mapping)
        };
        if self.meaning == Meaning::Frame {
            let held = std::mem::take(&mut self.value);
            (self.text, self.depth, self.slot) = (Text::Outside, 0, Slot::Key);
            let mut first = true;
            for byte in held {
                self.byte(byte);
                if std::mem::take(&mut first) {
                    // The brace began a new object; what it is stays known.
                    self.meaning = Meaning::Frame;
                }
            }
        }
    }

    fn close(&mut self, byte: u8) {
        if byte == b']' && self.depth == self.record_depth && self.depth > 0 {
            self.finish();
            self.depth -= 1;
            self.record_depth = 0;
            if self.depth == 1 {
                self.value = std::mem::take(&mut self.wrapper);
                self.keep(byte);
            }
            return;
        }
        if self.depth == 1 && self.record_depth == 0 {
            // The end of the top object: what it is must be known now, before its last brace.
            self.decide();
        }
        self.keep(byte);
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 {
            if std::mem::replace(&mut self.meaning, Meaning::Unknown) == Meaning::Frame {
                self.finish_frame();
            } else {
                self.finish();
            }
        }
    }

    /// Ends a frame: what is left of it is a record, has records, or is counted.
    fn finish_frame(&mut self) {
        match rest_of_frame(&self.value) {
            _ if self.left_out > 0 => self.finish(),
            Rest::Record => self.finish(),
            Rest::Fields { records, names } => {
                for record in records {
                    self.value = record;
                    self.finish();
                }
                self.value.clear();
                if !names.is_empty() {
                    self.ready.push(Block::FrameFields { names });
                }
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.value.is_empty() && byte.is_ascii_whitespace() {
            return;
        }
        if self.value.len() < MAX_LINE_BYTES {
            self.value.push(byte);
        } else {
            self.left_out += 1;
        }
    }

    /// Ends a record.
    fn finish(&mut self) {
        let value = std::mem::take(&mut self.value);
        if value.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        if self.left_out > 0 {
            self.flush();
            let bytes = value.len() as u64 + std::mem::take(&mut self.left_out);
            let head = value[..HEAD_BYTES].to_vec();
            self.ready.push(Block::LongLine {
                line: self.record,
                bytes,
                head,
            });
            self.record += 1;
            self.first_record = self.record;
            return;
        }
        self.lines.extend_from_slice(&value);
        self.lines.push(b'\n');
        self.record += 1;
        // The buffer of the value is used again.
        self.value = value;
        self.value.clear();
        if self.lines.len() >= BLOCK_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.lines);
        if !bytes.is_empty() {
            self.ready.push(Block::Lines {
                line: self.first_record,
                bytes,
            });
        }
        self.first_record = self.record;
    }
}

impl Cut for JsonCutter<'_> {
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool> {
        let more = match read_more(reader, &mut self.input) {
            Ok(more) => more,
            Err(error) => {
                // The whole records of a frame that is cut off are kept.
                self.decide();
                return Err(error);
            }
        };
        let input = std::mem::take(&mut self.input);
        for byte in &input {
            self.byte(*byte);
        }
        self.input = input;
        self.input.clear();
        self.ended = !more;
        if self.ended {
            self.decide();
        }
        if self.ended && self.depth == 0 && self.text == Text::Outside {
            self.finish();
        }
        Ok(more)
    }

    fn cut(&mut self) -> Option<Block> {
        if self.ready.is_empty() && self.ended {
            self.flush();
            if self.depth > 0 || self.text != Text::Outside {
                let mut tail = std::mem::take(&mut self.value);
                tail.truncate(HEAD_BYTES);
                let error =
                    "the JSON ends inside a value; the file is cut off or damaged".to_owned();
                self.ready.push(Block::Unreadable {
                    record: self.record,
                    error,
                    tail,
                });
                (self.depth, self.text) = (0, Text::Outside);
            }
        }
        if self.ready.is_empty() {
            None
        } else {
            Some(self.ready.remove(0))
        }
    }

    fn give_up(&mut self) -> (Option<Block>, Vec<u8>) {
        let bytes = std::mem::take(&mut self.lines);
        let block = (!bytes.is_empty()).then_some(Block::Lines {
            line: self.first_record,
            bytes,
        });
        let mut tail = std::mem::take(&mut self.value);
        tail.truncate(HEAD_BYTES);
        (block, tail)
    }

    fn position(&self) -> u64 {
        self.record
    }
}

#[cfg(test)]
mod tests;
