//! Where the records of JSON go: one a line, in blocks.

use crate::ingest::blocks::Block;
use crate::ingest::cutter::{BLOCK_BYTES, HEAD_BYTES, characters};

/// What was left out of a value because it is too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) bytes: u64,
    pub(super) characters: u64,
}

impl LeftOut {
    /// Counts a byte of UTF-8.
    pub(super) fn add(&mut self, byte: u8) {
        self.bytes += 1;
        self.characters += characters(&[byte]);
    }
}

/// The records on their way to blocks.
pub(super) struct Sink {
    /// The block that is being filled: one record a line.
    pub(super) lines: Vec<u8>,
    /// Number of the first record in `lines`.
    pub(super) first_record: u64,
    /// Number of the record that is being read.
    pub(super) record: u64,
    pub(super) ready: Vec<Block>,
    /// Commas that were missing between elements, not yet in a block.
    missing_commas: u64,
}

impl Default for Sink {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            first_record: 1,
            record: 1,
            ready: Vec::new(),
            missing_commas: 0,
        }
    }
}

impl Sink {
    /// Adds a record.
    pub(super) fn add(&mut self, record: &[u8]) {
        self.lines.extend_from_slice(record);
        self.lines.push(b'\n');
        self.record += 1;
        if self.lines.len() >= BLOCK_BYTES {
            self.flush();
        }
    }

    /// Adds what stands among records and is none. A string would be taken for a text: it is set in
    /// brackets, which are no record either.
    pub(super) fn add_other(&mut self, value: &[u8]) {
        if value.starts_with(b"\"") {
            self.add(&[b"[", value.trim_ascii_end(), b"]"].concat());
        } else {
            self.add(value);
        }
    }

    /// Adds a record of which only the beginning is known, and what of it is missing.
    pub(super) fn add_long(&mut self, beginning: &[u8], left_out: LeftOut) {
        self.flush();
        self.ready.push(Block::LongLine {
            line: self.record,
            bytes: beginning.len() as u64 + left_out.bytes,
            characters: characters(beginning) + left_out.characters,
            head: beginning[..HEAD_BYTES.min(beginning.len())].to_vec(),
        });
        self.record += 1;
        self.first_record = self.record;
    }

    /// Refuses a record, with the error's name and why.
    pub(super) fn refuse(&mut self, error: &'static str, why: String, raw: &[u8]) {
        self.flush();
        self.ready.push(Block::RefusedRecord {
            record: self.record,
            error,
            why,
            raw: raw.to_vec(),
        });
        self.record += 1;
        self.first_record = self.record;
    }

    /// Counts a comma that is missing between two elements.
    pub(super) fn count_missing_comma(&mut self) {
        self.missing_commas += 1;
    }

    /// Counts what stands beside the records, by name.
    pub(super) fn count(&mut self, fields: Vec<(String, u64)>) {
        if !fields.is_empty() {
            self.ready.push(Block::FrameFields { fields });
        }
    }

    pub(super) fn flush(&mut self) {
        let commas = std::mem::take(&mut self.missing_commas);
        if commas > 0 {
            self.ready.push(Block::MissingCommas(commas));
        }
        let bytes = std::mem::take(&mut self.lines);
        if !bytes.is_empty() {
            self.ready.push(Block::Lines {
                part: 0,
                line: self.first_record,
                bytes,
            });
        }
        self.first_record = self.record;
    }
}
