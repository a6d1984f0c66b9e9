//! Bare ids, as nanoGPT (`data/*/prepare.py`) and llm.c (`dev/data/data_common.py`) map them.
//!
//! llm.c's header is 256 little-endian i32: magic, version, number of tokens, zeros. Magic 20240520,
//! version 1 has 16-bit ids; magic 20240801, version 7 has 32-bit ids.

use super::{IdWriter, Sequence, Target, Writer};
use crate::shard::Dataset;
use crate::shard::format::is_narrow;
use anyhow::{Context as _, Result, ensure};
use std::io::Write as _;

const HEADER_INTS: usize = 256;

struct Bare(IdWriter);

pub fn open(target: &Target) -> Result<Box<dyn Writer>> {
    ensure!(
        is_narrow(target.info.vocab_size),
        "nanoGPT's files hold 16-bit ids, and the vocabulary has {} entries; llmc, megatron and datatrove hold 32-bit ids",
        target.info.vocab_size
    );
    let ids = IdWriter::create(&target.file("bin"), &target.info)?;
    Ok(Box::new(Bare(ids)))
}

pub fn open_with_header(target: &Target) -> Result<Box<dyn Writer>> {
    let tokens = Dataset::open(&target.shards, target.split)?.tokens();
    let tokens = i32::try_from(tokens)
        .context("llm.c counts tokens in 32 bits, and the split has more than 2^31")?;
    let mut ids = IdWriter::create(&target.file("bin"), &target.info)?;
    let mut header = [0_i32; HEADER_INTS];
    let (magic, version) = if ids.narrow {
        (20_240_520, 1)
    } else {
        (20_240_801, 7)
    };
    header[..3].copy_from_slice(&[magic, version, tokens]);
    for int in header {
        ids.out.write_all(&int.to_le_bytes())?;
    }
    Ok(Box::new(Bare(ids)))
}

impl Writer for Bare {
    fn write(&mut self, sequence: &Sequence) -> Result<()> {
        self.0.write(&sequence.tokens.ids)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.out.commit()?;
        Ok(())
    }
}
