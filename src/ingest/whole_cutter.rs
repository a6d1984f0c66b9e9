//! Takes a file as one block, up to a size: a page of HTML, a text with `--split none`.

use super::blocks::Block;
use super::cutter::{Cut, Skipped, fitting, read_more};
use std::io::Read;

/// A stream on its way to one block. A longer one than the limit is read to its end and left out.
pub struct WholeCutter {
    most_bytes: usize,
    buffer: Vec<u8>,
    /// What is known of a stream that is too long.
    left_out: Option<Skipped>,
    ended: bool,
}

impl WholeCutter {
    /// Takes at most `most_bytes`.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            buffer: Vec::new(),
            left_out: None,
            ended: false,
        }
    }
}

impl Cut for WholeCutter {
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool> {
        let read = self.buffer.len();
        let more = read_more(reader, &mut self.buffer, read)?;
        if self.left_out.is_none() && self.buffer.len() > self.most_bytes {
            // Only the beginning is kept, to show it.
            self.left_out = Some(Skipped::beginning(&self.buffer));
        }
        if let Some(left_out) = &mut self.left_out {
            left_out.add(&self.buffer);
            self.buffer = Vec::new();
        }
        self.ended = !more;
        Ok(more)
    }

    fn cut(&mut self) -> Option<Block> {
        if !self.ended {
            return None;
        }
        if let Some(left_out) = self.left_out.take() {
            return Some(left_out.block(1));
        }
        let bytes = fitting(std::mem::take(&mut self.buffer));
        (!bytes.is_empty()).then_some(Block::Lines {
            line: 1,
            part: 0,
            bytes,
        })
    }

    fn give_up(&mut self) -> (Option<Block>, Vec<u8>) {
        if let Some(left_out) = self.left_out.take() {
            return (None, left_out.into_head());
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
    use crate::ingest::cutter::HEAD_BYTES;

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
        let data = "one\n\nдва".repeat(100_000).into_bytes();
        let [Block::Lines { line: 1, bytes, .. }] = &cut(&data, data.len())[..] else {
            panic!("one block")
        };
        assert!(*bytes == data);
        let [
            Block::LongLine {
                bytes,
                characters,
                head,
                ..
            },
        ] = &cut(&data, data.len() - 1)[..]
        else {
            panic!("one block")
        };
        assert_eq!((*bytes, head.len()), (data.len() as u64, HEAD_BYTES));
        assert_eq!(*characters, 800_000);
        assert!(cut(b"", 10).is_empty());
    }
}
