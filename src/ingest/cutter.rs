//! Cuts a stream of text into blocks of whole lines (JSONL) or whole paragraphs (text).

use super::blocks::Block;
use super::format::Format;
use memchr::memmem;
use std::io::Read;

/// Size after which a block ends at the next possible place.
pub const BLOCK_BYTES: usize = 4 << 20;
/// How far a text block looks for the end of a paragraph before it takes the end of a line.
const PARAGRAPH_SEARCH_BYTES: usize = 64 << 10;
/// The longest line that is read; a longer one is rejected (JSONL) or cut at a character (text).
pub const MAX_LINE_BYTES: usize = 64 << 20;
/// Bytes of a line that is too long which are kept to show it.
pub const HEAD_BYTES: usize = 400;
/// Bytes that are read at once: as many as were read before, so that a small file needs no large buffer.
const LEAST_READ_BYTES: usize = 16 << 10;
const MOST_READ_BYTES: usize = 256 << 10;

/// Cuts one stream into blocks.
pub trait Cut {
    /// Reads some more of `reader`; false at its end.
    ///
    /// # Errors
    /// Those of the reader; what was read before stays.
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool>;

    /// The next block that is complete, or that the end of the stream completes.
    fn cut(&mut self) -> Option<Block>;

    /// Takes what is left after a failure: the whole records as a block, and the broken rest.
    fn give_up(&mut self) -> (Option<Block>, Vec<u8>);

    /// 1-based number of the first line or record that is not in a block yet.
    fn position(&self) -> u64;
}

/// Appends some bytes of `reader` to `buffer`, about as many as were `read` before; false at its end.
///
/// # Errors
/// Those of the reader.
pub fn read_more(
    reader: &mut dyn Read,
    buffer: &mut Vec<u8>,
    read: usize,
) -> std::io::Result<bool> {
    let before = buffer.len();
    let more = read.clamp(LEAST_READ_BYTES, MOST_READ_BYTES);
    buffer.resize(before + more, 0);
    let outcome = loop {
        match reader.read(&mut buffer[before..]) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    buffer.truncate(before + *outcome.as_ref().unwrap_or(&0));
    outcome.map(|count| count > 0)
}

/// `bytes` in a buffer of about their size: thousands of small files wait together for a worker, each
/// in the buffer that it was read into.
pub fn fitting(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.capacity() > 2 * bytes.len() {
        bytes.shrink_to_fit();
    }
    bytes
}

/// The lines of one stream on their way to blocks. Holds at most one block and one line.
pub struct Cutter {
    format: Format,
    block_bytes: usize,
    max_line_bytes: usize,
    line: u64,
    /// Blocks that ended within the line of that number.
    part: usize,
    buffer: Vec<u8>,
    /// A line that is being left out.
    skipping: Option<Skipped>,
    ended: bool,
}

impl Cutter {
    /// Cuts a stream of `format`.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self::with_sizes(format, BLOCK_BYTES, MAX_LINE_BYTES)
    }

    fn with_sizes(format: Format, block_bytes: usize, max_line_bytes: usize) -> Self {
        Self {
            format,
            block_bytes,
            max_line_bytes,
            line: 1,
            part: 0,
            buffer: Vec::new(),
            skipping: None,
            ended: false,
        }
    }

    fn block(&mut self, bytes: Vec<u8>) -> Block {
        let bytes = fitting(bytes);
        let (line, part) = (self.line, self.part);
        let ends = memchr::memchr_iter(b'\n', &bytes).count() as u64;
        self.line += ends;
        self.part = match (bytes.ends_with(b"\n"), ends) {
            (true, _) => 0,
            (false, 0) => part + 1,
            (false, _) => 1,
        };
        Block::Lines { line, part, bytes }
    }

    /// Where the block that the buffer begins with ends, if that is known yet.
    fn end_of_block(&self) -> Option<End> {
        let (buffer, from) = (&self.buffer, self.block_bytes);
        if buffer.len() < from + PARAGRAPH_SEARCH_BYTES {
            return None;
        }
        if self.format == Format::Text {
            // A paragraph that ends exactly at `from` counts, hence the two bytes before it.
            let window = &buffer[from - 2..from + PARAGRAPH_SEARCH_BYTES];
            let blank = [b"\n\n".as_slice(), b"\n\r\n"]
                .into_iter()
                .filter_map(|end| Some(memmem::find(window, end)? + end.len()))
                .min();
            if let Some(at) = blank {
                return Some(End::At(from - 2 + at));
            }
        }
        // What follows must not depend on how much happens to be buffered.
        let start = memchr::memrchr(b'\n', &buffer[..from]).map_or(0, |at| at + 1);
        let end = memchr::memchr(b'\n', &buffer[from..]).map(|at| from + at);
        if self.format == Format::Text {
            // No end of a line far and wide: whole words, else whole characters, are the best there is.
            return match end {
                Some(end) if end < 2 * from => Some(End::At(end + 1)),
                _ if buffer.len() >= 2 * from => Some(End::At(last_word_end(&buffer[..2 * from]))),
                _ => None,
            };
        }
        if end.unwrap_or(buffer.len()) - start > self.max_line_bytes {
            return Some(End::LongLine(start));
        }
        end.map(|end| End::At(end + 1))
    }

    /// Leaves out a line that is too long, some of which may be gone already.
    fn skip(&mut self, mut skipped: Skipped) -> Option<Block> {
        if !skipped.drop_line(&mut self.buffer) && !self.ended {
            self.skipping = Some(skipped);
            return None;
        }
        let line = self.line;
        self.line += 1;
        Some(skipped.block(line))
    }
}

/// A record that is being left out because it is too long: its size so far and its beginning.
pub struct Skipped {
    bytes: u64,
    characters: u64,
    head: Vec<u8>,
}

impl Skipped {
    /// One that begins with `bytes`, nothing of which is gone yet.
    #[must_use]
    pub fn beginning(bytes: &[u8]) -> Self {
        Self {
            bytes: 0,
            characters: 0,
            head: bytes[..HEAD_BYTES.min(bytes.len())].to_vec(),
        }
    }

    /// Counts more of it.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.characters += characters(bytes);
    }

    /// Drops what `buffer` has of its line; whether that ended.
    pub fn drop_line(&mut self, buffer: &mut Vec<u8>) -> bool {
        let end = memchr::memchr(b'\n', buffer);
        let gone = end.map_or(buffer.len(), |at| at + 1);
        self.add(&buffer[..gone]);
        buffer.drain(..gone);
        end.is_some()
    }

    /// Its beginning.
    #[must_use]
    pub fn into_head(self) -> Vec<u8> {
        self.head
    }

    /// What is said of it, `line` being its number.
    #[must_use]
    pub fn block(self, line: u64) -> Block {
        Block::LongLine {
            line,
            bytes: self.bytes,
            characters: self.characters,
            head: self.head,
        }
    }
}

/// Characters that begin in `bytes` of UTF-8.
#[must_use]
pub fn characters(bytes: &[u8]) -> u64 {
    let begins = |byte: &&u8| **byte & 0xc0 != 0x80;
    bytes.iter().filter(begins).count() as u64
}

impl Cut for Cutter {
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
        if self.ended {
            let bytes = std::mem::take(&mut self.buffer);
            return (!bytes.is_empty()).then(|| self.block(bytes));
        }
        match self.end_of_block()? {
            End::At(at) => {
                let rest = self.buffer.split_off(at);
                let bytes = std::mem::replace(&mut self.buffer, rest);
                Some(self.block(bytes))
            }
            // The lines before the long one come first; then the long one begins the buffer.
            End::LongLine(0) => {
                let skipped = Skipped::beginning(&self.buffer);
                self.skip(skipped)
            }
            End::LongLine(start) => {
                let rest = self.buffer.split_off(start);
                let bytes = std::mem::replace(&mut self.buffer, rest);
                Some(self.block(bytes))
            }
        }
    }

    fn give_up(&mut self) -> (Option<Block>, Vec<u8>) {
        if self.skipping.take().is_some() {
            return (None, std::mem::take(&mut self.buffer));
        }
        let whole = memchr::memrchr(b'\n', &self.buffer).map_or(0, |at| at + 1);
        let tail = self.buffer.split_off(whole);
        let bytes = std::mem::take(&mut self.buffer);
        ((!bytes.is_empty()).then(|| self.block(bytes)), tail)
    }

    fn position(&self) -> u64 {
        self.line
    }
}

enum End {
    At(usize),
    LongLine(usize),
}

/// How far the end of a line that is cut is looked for a space.
const WORD_SEARCH_BYTES: usize = 4 << 10;

/// The end of the last word in `bytes`, its space included; without one near, that of the last character
/// that is whole.
fn last_word_end(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(WORD_SEARCH_BYTES);
    let space = bytes[tail..].iter().rposition(u8::is_ascii_whitespace);
    space.map_or_else(|| last_character_start(bytes), |at| tail + at + 1)
}

/// Start of the last character in `bytes`, which may be cut.
fn last_character_start(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(4);
    bytes[tail..]
        .iter()
        .rposition(|byte| byte & 0xc0 != 0x80)
        .map_or(bytes.len(), |at| tail + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_all(format: Format, data: &[u8], block: usize, line: usize) -> Vec<Block> {
        let mut cutter = Cutter::with_sizes(format, block, line);
        let mut reader = data;
        let mut blocks = Vec::new();
        loop {
            let more = cutter.fill(&mut reader).expect("memory does not fail");
            while let Some(block) = cutter.cut() {
                blocks.push(block);
            }
            if !more {
                return blocks;
            }
        }
    }

    #[test]
    fn blocks_are_whole_lines_and_nothing_is_lost() {
        let data: Vec<u8> = (0..200_000)
            .flat_map(|i| format!("{{\"n\":{i}}}\n").into_bytes())
            .collect();
        let blocks = cut_all(Format::Jsonl, &data, 100_000, 1 << 20);
        assert!(blocks.len() > 10);
        let (mut joined, mut next_line) = (Vec::new(), 1);
        for block in blocks {
            let Block::Lines { line, bytes, .. } = block else {
                panic!("only lines")
            };
            assert_eq!(line, next_line);
            assert!(bytes.ends_with(b"\n"));
            next_line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
            joined.extend(bytes);
        }
        assert_eq!(joined, data);
    }

    #[test]
    fn text_ends_at_paragraphs() {
        let data = "Строка один\nстрока два\n\n".repeat(30_000);
        for block in cut_all(Format::Text, data.as_bytes(), 100_000, 1 << 20) {
            let Block::Lines { bytes, .. } = block else {
                panic!("only lines")
            };
            assert!(bytes.ends_with(b"\n\n"));
        }
    }

    #[test]
    fn a_line_that_is_too_long_costs_only_itself() {
        let mut data = b"first\n".to_vec();
        data.extend("ю".repeat(1_500_000).bytes());
        data.extend(b"\nlast\n");
        let blocks = cut_all(Format::Jsonl, &data, 100_000, 1_000_000);
        let [
            Block::Lines { bytes: first, .. },
            Block::LongLine {
                line: 2,
                bytes: 3_000_001,
                characters: 1_500_001,
                ..
            },
            Block::Lines {
                line: 3,
                bytes: last,
                ..
            },
        ] = blocks.as_slice()
        else {
            panic!("{} blocks", blocks.len())
        };
        assert_eq!(
            (first.as_slice(), last.as_slice()),
            (b"first\n".as_slice(), b"last\n".as_slice())
        );
    }

    #[test]
    fn text_without_lines_is_cut_between_characters() {
        let data = "щ".repeat(700_000);
        let blocks = cut_all(Format::Text, data.as_bytes(), 100_001, 1 << 20);
        assert!(blocks.len() > 3);
        for block in blocks {
            let Block::Lines { bytes, .. } = block else {
                panic!("only lines")
            };
            assert!(std::str::from_utf8(&bytes).is_ok());
        }
    }

    #[test]
    fn a_long_line_is_cut_between_words_and_its_blocks_are_counted() {
        let data = format!("first\n{}\nlast\n", "abcdefghij ".repeat(60_000));
        let mut parts = Vec::new();
        for block in cut_all(Format::Text, data.as_bytes(), 100_000, 1 << 20) {
            let Block::Lines { line, part, bytes } = block else {
                panic!("only lines")
            };
            assert!(bytes.ends_with(b" ") || bytes.ends_with(b"\n"));
            parts.push((line, part));
        }
        // The first begins at a line's start, the others within line 2.
        assert_eq!(parts[..3], [(1, 0), (2, 1), (2, 2)]);
        assert!(parts.len() > 3);
    }
}
