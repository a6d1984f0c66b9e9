//! Cuts a JSON file into records without reading it whole.
//!
//! Records are the elements of the top array, the elements of arrays of objects one level down in
//! the top object under a name that frames records (`{"data": [{…}]}`, `{"train": […], "validation":
//! […]}`), or the top values themselves. Each becomes one line of a block, so that the rest of ingest sees JSONL.

use super::blocks::Block;
use super::cutter::{BLOCK_BYTES, Cut, HEAD_BYTES, MAX_LINE_BYTES, read_more};
use super::shape;
use std::io::Read;

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

/// The values of one stream on their way to blocks.
pub struct JsonCutter {
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
    /// The top object while an array in it gives the records, and whether one has.
    wrapper: Vec<u8>,
    has_given_records: bool,
    /// The last string at depth 1 of the top object: the key of the value that follows.
    key: Vec<u8>,
    /// An array has begun as a value of the top object and its first element is awaited.
    awaits_object: bool,
    ready: Vec<Block>,
}

impl JsonCutter {
    /// Cuts a stream of JSON.
    #[must_use]
    pub fn new() -> Self {
        Self {
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
            wrapper: Vec::new(),
            has_given_records: false,
            key: Vec::new(),
            awaits_object: false,
            ready: Vec::new(),
        }
    }

    fn byte(&mut self, byte: u8) {
        match self.text {
            Text::Escaped => {
                self.text = Text::Inside;
                return self.keep(byte);
            }
            Text::Inside => {
                match byte {
                    b'\\' => self.text = Text::Escaped,
                    b'"' => self.text = Text::Outside,
                    _ => {
                        if self.depth == 1 && self.record_depth == 0 {
                            self.key.push(byte);
                        }
                    }
                }
                // A raw line end in a string is no JSON; it must not pass for the end of a record.
                return self.keep(if byte == b'\n' { 1 } else { byte });
            }
            Text::Outside => {}
        }
        if self.awaits_object && !byte.is_ascii_whitespace() {
            self.awaits_object = false;
            if byte == b'{' {
                // The array's bracket stays with the top object, its elements are records.
                self.wrapper = std::mem::take(&mut self.value);
                self.record_depth = 2;
                self.has_given_records = true;
            }
        }
        match byte {
            b'"' => {
                if self.depth == 1 && self.record_depth == 0 {
                    self.key.clear();
                }
                self.text = Text::Inside;
                self.keep(byte);
            }
            b'[' if self.depth == 0 => {
                self.depth = 1;
                self.record_depth = 1;
            }
            b'{' | b'[' => {
                self.awaits_object = byte == b'['
                    && self.depth == 1
                    && self.record_depth == 0
                    && shape::is_frame_field(&String::from_utf8_lossy(&self.key));
                self.depth += 1;
                self.keep(byte);
            }
            b'}' | b']' => self.close(byte),
            b',' if self.depth == self.record_depth && self.depth > 0 => self.finish(),
            b'\n' | b'\r' => self.keep(b' '),
            _ => self.keep(byte),
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
        self.keep(byte);
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 {
            if std::mem::take(&mut self.has_given_records) && !says_something(&self.value) {
                // What is left of the top object is a frame (names, versions), no record.
                self.value.clear();
            } else {
                self.finish();
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

/// Whether the frame of some records is a record itself: it has a field that a shape knows.
fn says_something(frame: &[u8]) -> bool {
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(frame).unwrap_or_default();
    fields
        .keys()
        .any(|name| shape::is_known_field(&name.trim().to_lowercase()))
}

impl Cut for JsonCutter {
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool> {
        let more = read_more(reader, &mut self.input)?;
        let input = std::mem::take(&mut self.input);
        let start = if self.record == 1 && self.depth == 0 && input.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        for byte in &input[start..] {
            self.byte(*byte);
        }
        self.input = input;
        self.input.clear();
        self.ended = !more;
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
mod tests {
    use super::*;

    fn records(json: &str) -> Vec<String> {
        let mut cutter = JsonCutter::new();
        // One byte at a time: the cut must not depend on how much is buffered.
        let mut reader = json.as_bytes();
        let mut out = Vec::new();
        let mut take = |cutter: &mut JsonCutter| {
            while let Some(block) = cutter.cut() {
                match block {
                    Block::Lines { bytes, .. } => {
                        out.extend(
                            String::from_utf8(bytes)
                                .expect("UTF-8")
                                .lines()
                                .map(str::to_owned),
                        );
                    }
                    other => out.push(format!("{other:?}")),
                }
            }
        };
        loop {
            let more = cutter
                .fill(&mut (&mut reader).take(1))
                .expect("memory does not fail");
            take(&mut cutter);
            if !more {
                return out;
            }
        }
    }

    #[test]
    fn elements_of_arrays_are_records_wherever_the_array_is() {
        for json in [
            "[{\"a\": 1},\n {\"b\": \"x,]}\\\"\"}]",
            "{\"version\": 2, \"data\": [{\"a\": 1}, {\"b\": \"x,]}\\\"\"}], \"n\": [1]}",
            "\u{feff}{\"train\": [{\"a\": 1}], \"validation\": [{\"b\": \"x,]}\\\"\"}]}",
            "{\"a\": 1}\n{\"b\": \"x,]}\\\"\"}\n",
        ] {
            assert_eq!(
                records(json),
                ["{\"a\": 1}", "{\"b\": \"x,]}\\\"\"}"],
                "{json}"
            );
        }
    }

    #[test]
    fn one_object_is_one_record() {
        let chat = "{\n \"id\": 1,\n \"messages\": [{\"role\": \"user\"}]\n}";
        assert_eq!(
            records(chat),
            ["{  \"id\": 1,  \"messages\": [{\"role\": \"user\"}] }"]
        );
        assert_eq!(
            records("{\"tags\": [\"a\", \"b\"], \"text\": \"t\"}"),
            ["{\"tags\": [\"a\", \"b\"], \"text\": \"t\"}"]
        );
        assert_eq!(records("  [ ] "), Vec::<String>::new());
    }

    #[test]
    fn a_record_with_lists_of_objects_keeps_its_text() {
        let article = "{\"text\": \"t\", \"images\": [{\"url\": 1}]}";
        assert_eq!(records(article), [article]);
        let framed = records("{\"data\": [{\"a\": 1}], \"text\": \"t\"}");
        assert_eq!(framed, ["{\"a\": 1}", "{\"data\": [], \"text\": \"t\"}"]);
    }

    #[test]
    fn a_cut_off_file_keeps_its_whole_records() {
        let found = records("[{\"a\": 1}, {\"b\": \"no end");
        assert_eq!(found[0], "{\"a\": 1}");
        assert!(found[1].starts_with("Unreadable"), "{found:?}");
    }
}
