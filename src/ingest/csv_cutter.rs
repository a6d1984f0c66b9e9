//! Cuts CSV and TSV into blocks of whole rows: a line end inside quotes ends no row.
//!
//! What a row is says `csv_rows`, which the parser asks again: a block ends behind a row, so it finds
//! the same ones.

use super::blocks::Block;
use super::csv_rows::{Grammar, Search};
use super::cutter::{BLOCK_BYTES, Cut, MAX_LINE_BYTES, Skipped, fitting, read_more};
use std::io::Read;

/// The rows of one stream on their way to blocks.
pub struct CsvCutter {
    grammar: Grammar,
    buffer: Vec<u8>,
    /// End of the last row in the buffer that was found.
    row_end: usize,
    /// The search for the end of the one behind it.
    search: Search,
    line: u64,
    /// A row that is being left out.
    skipping: Option<Skipped>,
    ended: bool,
}

impl CsvCutter {
    /// Cuts a stream whose rows are written by `grammar`.
    #[must_use]
    pub fn new(grammar: Grammar) -> Self {
        Self {
            grammar,
            buffer: Vec::new(),
            row_end: 0,
            search: Search::default(),
            line: 1,
            skipping: None,
            ended: false,
        }
    }

    /// Looks on until a row ends at or behind the size of a block.
    fn find_rows(&mut self, ended: bool) {
        while self.row_end < BLOCK_BYTES
            && let Some(ending) = self
                .search
                .on(self.grammar, &self.buffer[self.row_end..], ended)
        {
            self.row_end += ending.bytes();
            self.search = Search::default();
        }
    }

    /// Leaves out a line that is too long, some of which may be gone already.
    fn skip(&mut self, mut skipped: Skipped) -> Option<Block> {
        let whole = skipped.drop_line(&mut self.buffer);
        (self.row_end, self.search) = (0, Search::default());
        if !whole && !self.ended {
            self.skipping = Some(skipped);
            return None;
        }
        let line = self.line;
        self.line += 1;
        Some(skipped.block(line))
    }

    /// The rows that were found.
    fn take_rows(&mut self) -> Option<Block> {
        let rest = self.buffer.split_off(self.row_end);
        let bytes = fitting(std::mem::replace(&mut self.buffer, rest));
        self.row_end = 0;
        let line = self.line;
        self.line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        (!bytes.is_empty()).then_some(Block::Lines {
            line,
            part: 0,
            bytes,
        })
    }
}

impl Cut for CsvCutter {
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool> {
        let read = self.buffer.len();
        let more = read_more(reader, &mut self.buffer, read)?;
        self.ended = !more;
        Ok(more)
    }

    fn cut(&mut self) -> Option<Block> {
        if let Some(skipped) = self.skipping.take() {
            return self.skip(skipped);
        }
        self.find_rows(self.ended);
        if self.row_end >= BLOCK_BYTES {
            return self.take_rows();
        }
        if self.buffer.len() - self.row_end > MAX_LINE_BYTES {
            if self.row_end > 0 {
                return self.take_rows();
            }
            // A line without end: only its beginning is kept, to show it.
            let skipped = Skipped::beginning(&self.buffer);
            return self.skip(skipped);
        }
        if self.ended { self.take_rows() } else { None }
    }

    fn give_up(&mut self) -> (Option<Block>, Vec<u8>) {
        if self.skipping.take().is_some() {
            return (None, std::mem::take(&mut self.buffer));
        }
        self.find_rows(false);
        let block = self.take_rows();
        (block, std::mem::take(&mut self.buffer))
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
        let mut cutter = CsvCutter::new(super::super::csv_rows::COMMA);
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
