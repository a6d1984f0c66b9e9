//! Megatron-LM's `IndexedDataset` (`megatron/core/datasets/indexed_dataset.py`).
//!
//! `.bin`: ids one behind the other. `.idx`, little-endian: magic `MMIDIDX\0\0`, version 1 (u64),
//! code of the id type (u8: 8 uint16, 4 int32), number of sequences (u64), number of document
//! indices (u64), length of each sequence (i32), its byte in `.bin` (i64), and the document indices
//! (i64): 0, then the end of each document. Here every document is one sequence.

use super::{IdWriter, Sequence, Target, Writer};
use crate::atomic::AtomicFile;
use anyhow::{Context as _, Result};
use std::io::Write as _;

const MAGIC: &[u8; 9] = b"MMIDIDX\x00\x00";

struct Megatron {
    bin: IdWriter,
    index: AtomicFile,
    /// Tokens of each document: 4 bytes a document.
    lengths: Vec<i32>,
}

pub fn open(target: &Target) -> Result<Box<dyn Writer>> {
    Ok(Box::new(Megatron {
        bin: IdWriter::create(&target.file("bin"), &target.info)?,
        index: AtomicFile::create(&target.file("idx"))?,
        lengths: Vec::new(),
    }))
}

impl Writer for Megatron {
    fn write(&mut self, sequence: &Sequence) -> Result<()> {
        let ids = &sequence.tokens.ids;
        self.bin.write(ids)?;
        let length = i32::try_from(ids.len())
            .context("a document has more than 2^31 tokens, which the index cannot hold")?;
        self.lengths.push(length);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let count = self.lengths.len() as u64;
        let out = &mut self.index;
        out.write_all(MAGIC)?;
        out.write_all(&1_u64.to_le_bytes())?;
        out.write_all(&[if self.bin.narrow { 8 } else { 4 }])?;
        out.write_all(&count.to_le_bytes())?;
        out.write_all(&(count + 1).to_le_bytes())?;
        for length in &self.lengths {
            out.write_all(&length.to_le_bytes())?;
        }
        let width = self.bin.width() as i64;
        let mut at = 0_i64;
        for length in &self.lengths {
            out.write_all(&at.to_le_bytes())?;
            at += i64::from(*length) * width;
        }
        for document in 0..=count as i64 {
            out.write_all(&document.to_le_bytes())?;
        }
        self.bin.out.commit()?;
        self.index.commit()?;
        Ok(())
    }
}
