//! datatrove's tokenized files (`pipeline/tokens/tokenizer.py`), which nanotron reads.
//!
//! `.ds`: ids (16 or 32 bits, little-endian). `.ds.index`: the end of each document in tokens (u64).
//! `.ds.loss`: one byte a token, 1 where the loss counts it. `.ds.metadata`: name of the tokenizer and
//! bytes of an id, number of tokens, the same for people.

use super::{IdWriter, Sequence, Target, Writer};
use crate::atomic::AtomicFile;
use crate::units::human_count;
use anyhow::Result;
use std::io::Write as _;

struct Datatrove {
    ids: IdWriter,
    index: AtomicFile,
    loss: AtomicFile,
    metadata: AtomicFile,
    tokens: u64,
    tokenizer: String,
}

pub fn open(target: &Target) -> Result<Box<dyn Writer>> {
    Ok(Box::new(Datatrove {
        ids: IdWriter::create(&target.file("ds"), &target.info)?,
        index: AtomicFile::create(&target.file("ds.index"))?,
        loss: AtomicFile::create(&target.file("ds.loss"))?,
        metadata: AtomicFile::create(&target.file("ds.metadata"))?,
        tokens: 0,
        tokenizer: target.info.tokenizer_fingerprint.clone(),
    }))
}

impl Writer for Datatrove {
    fn write(&mut self, sequence: &Sequence) -> Result<()> {
        self.ids.write(&sequence.tokens.ids)?;
        let mask: Vec<u8> = sequence.tokens.mask.iter().map(|m| u8::from(*m)).collect();
        self.loss.write_all(&mask)?;
        self.tokens += sequence.tokens.ids.len() as u64;
        self.index.write_all(&self.tokens.to_le_bytes())?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let width = self.ids.width();
        write!(
            self.metadata,
            "{}|{width}\n{}\n{}",
            self.tokenizer,
            self.tokens,
            human_count(self.tokens)
        )?;
        self.ids.out.commit()?;
        self.index.commit()?;
        self.loss.commit()?;
        self.metadata.commit()?;
        Ok(())
    }
}
