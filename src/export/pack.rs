//! Sequences of a fixed length: documents one behind the other, cut where a sequence is full.
//!
//! Nothing is lost and only the last sequence is padded. Attention is meant to stay inside each
//! piece: `position_ids` begin anew with it, and `sequence_lengths` tell where it ends.

use super::Sequence;
use crate::shard::ShardInfo;
use crate::shard::dataset::Tokens;
use anyhow::Result;

/// Packs documents into sequences.
pub struct Packer {
    length: usize,
    pad: u32,
    open: Tokens,
    lengths: Vec<u32>,
}

impl Packer {
    /// Packs into sequences of `length` tokens; padding is the pad token, or EOS without one.
    pub fn new(length: usize, info: &ShardInfo) -> Self {
        Self {
            length,
            pad: info.pad_id.unwrap_or(info.eos_id),
            open: Tokens::default(),
            lengths: Vec::new(),
        }
    }

    /// Appends a document, writing every sequence that becomes full.
    pub fn push(
        &mut self,
        tokens: &Tokens,
        write: &mut impl FnMut(&Sequence) -> Result<()>,
    ) -> Result<()> {
        let mut from = 0;
        while from < tokens.ids.len() {
            let count = (self.length - self.open.ids.len()).min(tokens.ids.len() - from);
            self.open.ids.extend(&tokens.ids[from..from + count]);
            self.open.mask.extend(&tokens.mask[from..from + count]);
            // The first token of a later piece has nothing before it that could predict it.
            if from > 0 {
                let first = self.open.mask.len() - count;
                self.open.mask[first] = false;
            }
            self.lengths.push(count as u32);
            from += count;
            if self.open.ids.len() == self.length {
                self.write(write)?;
            }
        }
        Ok(())
    }

    /// Writes what is left, padded; returns the number of padding tokens.
    pub fn finish(mut self, write: &mut impl FnMut(&Sequence) -> Result<()>) -> Result<u64> {
        if self.open.ids.is_empty() {
            return Ok(0);
        }
        let padding = self.length - self.open.ids.len();
        self.open.ids.resize(self.length, self.pad);
        self.open.mask.resize(self.length, false);
        if padding > 0 {
            self.lengths.push(padding as u32);
        }
        self.write(write)?;
        Ok(padding as u64)
    }

    fn write(&mut self, write: &mut impl FnMut(&Sequence) -> Result<()>) -> Result<()> {
        write(&Sequence {
            id: None,
            tokens: &self.open,
            lengths: &self.lengths,
        })?;
        self.open.ids.clear();
        self.open.mask.clear();
        self.lengths.clear();
        Ok(())
    }
}
