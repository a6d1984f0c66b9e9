//! Cuts a JSON file into records without reading it whole.
//!
//! Records are the elements of the top array, the top values themselves, or the elements of the
//! arrays in a top object that is only their frame (`{"data": [{…}]}`, `{"train": ["…"], "validation":
//! […]}`). A top array of the turns of one conversation is one record. Each becomes one line of a block, so that the rest of ingest sees JSONL.
//!
//! Whether a top object is a frame or a record that has lists is known when it was seen: it is held
//! until it ends, or until 4 MiB of it have come. A frame is then cut from its beginning, and so are
//! the frames in it (`{"train": {"data": […]}, "test": {"data": […]}}`). What a frame has beside its
//! arrays of records is counted by name, or is a record where it looks like one; a passage before
//! questions goes with each of them (`passage.rs`), and so do a system prompt and an instruction before
//! records (`lead.rs`). Lists that show how not to answer are refused. A long chat that Telegram exported
//! is several records (`reader/parted.rs`).

mod by_id;
mod chat;
mod elements;
mod exported;
mod frame;
mod lead;
mod passage;
mod reader;
mod sink;

use super::blocks::Block;
use super::cutter::{Cut, HEAD_BYTES, read_more};
use super::mapping::Mapping;
use crate::units::human_bytes;
use reader::Reader;
use sink::Sink;
use std::io::Read;

/// The values of one stream on their way to blocks.
pub struct JsonCutter<'a> {
    input: Vec<u8>,
    /// Bytes that were read.
    read: usize,
    ended: bool,
    reader: Reader<'a>,
    sink: Sink,
}

impl<'a> JsonCutter<'a> {
    /// Cuts a stream of JSON; records with the fields of `mapping` are known by them.
    #[must_use]
    pub fn new(mapping: Option<&'a Mapping>) -> Self {
        Self {
            input: Vec::new(),
            read: 0,
            ended: false,
            reader: Reader::new(mapping),
            sink: Sink::default(),
        }
    }
}

impl Cut for JsonCutter<'_> {
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool> {
        let more = match read_more(reader, &mut self.input, self.read) {
            Ok(more) => more,
            Err(error) => {
                self.reader.end(&mut self.sink);
                self.sink.flush();
                return Err(error);
            }
        };
        self.read += self.input.len();
        self.reader.read(&self.input, &mut self.sink);
        self.input.clear();
        self.ended = !more;
        if self.ended {
            self.reader.end(&mut self.sink);
        }
        Ok(more)
    }

    fn cut(&mut self) -> Option<Block> {
        if self.sink.ready.is_empty() && self.ended {
            self.sink.flush();
            if self.reader.is_inside() {
                let bytes = self.reader.bytes();
                let mut tail = self.reader.take_value();
                tail.truncate(HEAD_BYTES);
                let error = format!(
                    "the JSON ends inside a value, {} behind its beginning, of which the first are shown; the file is cut off or damaged",
                    human_bytes(bytes)
                );
                self.sink.ready.push(Block::Unreadable {
                    record: self.sink.record,
                    error,
                    tail,
                });
                self.reader = Reader::new(None);
            }
        }
        if self.sink.ready.is_empty() {
            None
        } else {
            Some(self.sink.ready.remove(0))
        }
    }

    fn give_up(&mut self) -> (Option<Block>, Vec<u8>) {
        let bytes = std::mem::take(&mut self.sink.lines);
        let block = (!bytes.is_empty()).then_some(Block::Lines {
            part: 0,
            line: self.sink.first_record,
            bytes,
        });
        let mut tail = self.reader.take_value();
        tail.truncate(HEAD_BYTES);
        (block, tail)
    }

    fn position(&self) -> u64 {
        self.sink.record
    }
}

#[cfg(test)]
mod tests;
