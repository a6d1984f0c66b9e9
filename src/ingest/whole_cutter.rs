//! Takes a file as one block, up to a size: a page of HTML, a text with `--split none`.

use super::blocks::Block;
use super::cutter::{Cut, HEAD_BYTES, fitting, read_more};
use std::io::Read;

/// A stream on its way to one block. A longer one than the limit is read to its end and left out.
pub struct WholeCutter {
    most_bytes: usize,
    buffer: Vec<u8>,
    /// Bytes that were left out because there are too many.
    left_out: u64,
    ended: bool,
}

impl WholeCutter {
    /// Takes at most `most_bytes`.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            buffer: Vec::new(),
            left_out: 0,
            ended: false,
        }
    }
}

impl Cut for WholeCutter {
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool> {
        let more = read_more(reader, &mut self.buffer)?;
        if self.left_out > 0 || self.buffer.len() > self.most_bytes {
            // Only the beginning is kept, to show it.
            let kept = HEAD_BYTES.min(self.most_bytes).min(self.buffer.len());
            self.left_out += (self.buffer.len() - kept) as u64;
            self.buffer.truncate(kept);
            self.buffer.shrink_to_fit();
        }
        self.ended = !more;
        Ok(more)
    }

    fn cut(&mut self) -> Option<Block> {
        if !self.ended || self.buffer.is_empty() {
            return None;
        }
        let bytes = fitting(std::mem::take(&mut self.buffer));
        Some(if self.left_out > 0 {
            Block::LongLine {
                line: 1,
                bytes: self.left_out + bytes.len() as u64,
                head: bytes,
            }
        } else {
            Block::Lines {
                line: 1,
                part: 0,
                bytes,
            }
        })
    }

    fn give_up(&mut self) -> (Option<Block>, Vec<u8>) {
        if self.left_out > 0 {
            return (None, std::mem::take(&mut self.buffer));
        }
        let whole = memchr::memrchr(b'\n', &self.buffer).map_or(0, |at| at + 1);
        let tail = self.buffer.split_off(whole);
        let bytes = std::mem::take(&mut self.buffer);
        let block = (!bytes.is_empty()).then_some(Block::Lines {
            line: 1,
            part: 0,
            bytes,
        });
        (block, tail)
    }

    fn position(&self) -> u64 {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(data: &[u8], most: usize) -> Vec<Block> {
        let mut cutter = WholeCutter::new(most);
        let mut reader = data;
        while cutter.fill(&mut reader).expect("memory does not fail") {
            assert!(cutter.cut().is_none());
        }
        std::iter::from_fn(|| cutter.cut()).collect()
    }

    #[test]
    fn a_file_is_one_block_up_to_the_limit_and_named_with_its_size_beyond() {
        let data = b"one\n\ntwo".repeat(100_000);
        let [Block::Lines { line: 1, bytes, .. }] = &cut(&data, data.len())[..] else {
            panic!("one block")
        };
        assert!(*bytes == data);
        let [Block::LongLine { bytes, head, .. }] = &cut(&data, data.len() - 1)[..] else {
            panic!("one block")
        };
        assert_eq!((*bytes, head.len()), (data.len() as u64, HEAD_BYTES));
        assert!(cut(b"", 10).is_empty());
    }
}
