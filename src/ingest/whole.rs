//! Takes a stream whole, as one record, up to a size: pages of HTML.

use super::blocks::Block;
use super::cutter::{Cut, HEAD_BYTES, read_more};
use std::io::Read;

/// A stream on its way to one block.
pub struct WholeCutter {
    most: usize,
    bytes: Vec<u8>,
    /// Bytes that were left out because the stream is too long.
    left_out: u64,
    ended: bool,
}

impl WholeCutter {
    /// Takes at most `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            bytes: Vec::new(),
            left_out: 0,
            ended: false,
        }
    }
}

impl Cut for WholeCutter {
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool> {
        let more = read_more(reader, &mut self.bytes)?;
        // Once some is left out, all that follows is.
        if self.left_out > 0 || self.bytes.len() > self.most {
            let kept = HEAD_BYTES.min(self.bytes.len());
            self.left_out += (self.bytes.len() - kept) as u64;
            self.bytes.truncate(kept);
        }
        self.ended = !more;
        Ok(more)
    }

    fn cut(&mut self) -> Option<Block> {
        if !self.ended || self.bytes.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.bytes);
        if self.left_out > 0 {
            return Some(Block::LongLine {
                line: 1,
                bytes: bytes.len() as u64 + self.left_out,
                head: bytes,
            });
        }
        Some(Block::Lines { line: 1, bytes })
    }

    fn give_up(&mut self) -> (Option<Block>, Vec<u8>) {
        (None, std::mem::take(&mut self.bytes))
    }

    fn position(&self) -> u64 {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(data: &[u8], most: usize) -> Block {
        let mut cutter = WholeCutter::new(most);
        let mut reader = data;
        while cutter.fill(&mut reader).expect("memory does not fail") {
            assert!(cutter.cut().is_none());
            assert!(cutter.bytes.len() <= most + (256 << 10));
        }
        cutter.cut().expect("one block")
    }

    #[test]
    fn a_stream_is_one_record_or_too_long() {
        let data = vec![b'x'; 3_000_000];
        assert!(matches!(cut(&data, 3_000_000), Block::Lines { bytes, .. } if bytes == data));
        let Block::LongLine { bytes, head, .. } = cut(&data, 1_000_000) else {
            panic!("too long")
        };
        assert_eq!((bytes, head.len()), (3_000_000, HEAD_BYTES));
    }
}
