//! Cuts CSV and TSV into blocks of whole rows: a line end inside quotes ends no row.
//!
//! A quote opens a field only right behind a delimiter or a line end, as in RFC 4180, so that an
//! inch sign inside a field does not swallow the rest of the file.

use super::blocks::Block;
use super::cutter::{BLOCK_BYTES, Cut, HEAD_BYTES, MAX_LINE_BYTES, drop_line, fitting, read_more};
use std::io::Read;

/// The rows of one stream on their way to blocks.
pub struct CsvCutter {
    delimiter: u8,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were looked at.
    searched: usize,
    /// End of the last whole row among them.
    row_end: usize,
    quoted: bool,
    line: u64,
    /// A row that is being left out: bytes so far and its beginning.
    skipping: Option<(u64, Vec<u8>)>,
    ended: bool,
}

impl CsvCutter {
    /// Cuts a stream whose fields are separated by `delimiter`.
    #[must_use]
    pub fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            buffer: Vec::new(),
            searched: 0,
            row_end: 0,
            quoted: false,
            line: 1,
            skipping: None,
            ended: false,
        }
    }

    /// Looks on until a row ends at or behind the size of a block.
    fn search(&mut self) {
        while let Some(found) = memchr::memchr2(b'"', b'\n', &self.buffer[self.searched..]) {
            let at = self.searched + found;
            if self.buffer[at] == b'\n' {
                self.searched = at + 1;
                if !self.quoted {
                    self.row_end = at + 1;
                    if self.row_end >= BLOCK_BYTES {
                        return;
                    }
                }
                continue;
            }
            if self.quoted {
                match self.buffer.get(at + 1) {
                    // A doubled quote is a quote.
                    Some(b'"') => self.searched = at + 2,
                    None if !self.ended => {
                        // The next byte decides; it is not here yet.
                        self.searched = at;
                        return;
                    }
                    _ => {
                        self.quoted = false;
                        self.searched = at + 1;
                    }
                }
            } else {
                let before = at.checked_sub(1).map(|before| self.buffer[before]);
                self.quoted = before.is_none_or(|byte| byte == self.delimiter || byte == b'\n');
                self.searched = at + 1;
            }
        }
        self.searched = self.buffer.len();
    }

    /// Leaves out a line that is too long, `bytes` of which are gone already.
    fn skip(&mut self, bytes: u64, head: Vec<u8>) -> Option<Block> {
        let (gone, whole) = drop_line(&mut self.buffer);
        (self.searched, self.row_end, self.quoted) = (0, 0, false);
        let bytes = bytes + gone;
        if !whole && !self.ended {
            self.skipping = Some((bytes, head));
            return None;
        }
        let line = self.line;
        self.line += 1;
        Some(Block::LongLine { line, bytes, head })
    }

    fn take(&mut self, end: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(end);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        self.searched = self.searched.saturating_sub(end);
        self.row_end = 0;
        bytes
    }

    fn block(&mut self, bytes: Vec<u8>) -> Block {
        let bytes = fitting(bytes);
        let line = self.line;
        self.line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Block::Lines { line, bytes }
    }
}

impl Cut for CsvCutter {
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool> {
        let more = read_more(reader, &mut self.buffer)?;
        self.ended = !more;
        Ok(more)
    }

    fn cut(&mut self) -> Option<Block> {
        if let Some((bytes, head)) = self.skipping.take() {
            return self.skip(bytes, head);
        }
        if self.row_end < BLOCK_BYTES {
            self.search();
        }
        if self.row_end >= BLOCK_BYTES {
            let bytes = self.take(self.row_end);
            return Some(self.block(bytes));
        }
        if self.buffer.len() - self.row_end > MAX_LINE_BYTES {
            if self.row_end > 0 {
                let bytes = self.take(self.row_end);
                return Some(self.block(bytes));
            }
            let Some(end) = memchr::memrchr(b'\n', &self.buffer) else {
                // A line without end: only its beginning is kept, to show it.
                let head = self.buffer[..HEAD_BYTES].to_vec();
                return self.skip(0, head);
            };
            // A quote that is never closed: what it swallowed is left out, the next line goes on.
            let bytes = self.take(end + 1);
            self.quoted = false;
            let line = self.line;
            self.line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
            return Some(Block::LongLine {
                line,
                bytes: bytes.len() as u64,
                head: bytes[..HEAD_BYTES].to_vec(),
            });
        }
        if self.ended && !self.buffer.is_empty() {
            let bytes = self.take(self.buffer.len());
            return Some(self.block(bytes));
        }
        None
    }

    fn give_up(&mut self) -> (Option<Block>, Vec<u8>) {
        if self.skipping.take().is_some() {
            return (None, std::mem::take(&mut self.buffer));
        }
        self.search();
        let bytes = self.take(self.row_end);
        let tail = std::mem::take(&mut self.buffer);
        ((!bytes.is_empty()).then(|| self.block(bytes)), tail)
    }

    fn position(&self) -> u64 {
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_quoted_line_ends_stay_whole_however_they_are_read() {
        let row = "a \"5\" inch,\"x\n\"\"y\"\",\nz\",b\n";
        let data = row.repeat(400_000);
        let mut cutter = CsvCutter::new(b',');
        let mut reader = data.as_bytes();
        let (mut blocks, mut joined) = (0, Vec::new());
        loop {
            let more = cutter.fill(&mut reader).expect("memory does not fail");
            while let Some(block) = cutter.cut() {
                let Block::Lines { bytes, .. } = block else {
                    panic!("only rows")
                };
                assert_eq!(bytes.len() % row.len(), 0, "a block is whole rows");
                blocks += 1;
                joined.extend(bytes);
            }
            if !more {
                break;
            }
        }
        assert!(blocks > 2);
        assert_eq!(joined, data.as_bytes());
    }
}
