//! `prep export`: shards in the formats of other trainers.
//!
//! Each format is one row of [`FORMATS`] and one writer. A split is read once, mapped, and written
//! as it is read; memory is that of one document (of `--pack`, one sequence and one document). What
//! trains by itself, scripts and all, is no format but a module of its own: [`deepspeed`].

mod datatrove;
pub mod deepspeed;
mod megatron;
mod nanogpt;
mod pack;
mod records;

use crate::atomic::AtomicFile;
use crate::document::DocumentId;
use crate::shard::dataset::Tokens;
use crate::shard::format::is_narrow;
use crate::shard::{Dataset, ShardInfo, Split};
use crate::tokenize::Tokenizer;
use anyhow::{Context as _, Result, bail, ensure};
use pack::Packer;
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// One format: a row of the table that feeds help, docs and tests.
pub struct Format {
    /// Name of the flag.
    pub name: &'static str,
    /// One sentence: the files, and who reads them.
    pub what: &'static str,
    /// Whether it can hold `--pack` sequences.
    pub packs: bool,
    open: fn(&Target) -> Result<Box<dyn Writer>>,
}

/// Every format.
pub const FORMATS: &[Format] = &[
    Format {
        name: "megatron",
        what: "SPLIT.bin and SPLIT.idx of Megatron-LM's IndexedDataset, a sequence a document",
        packs: false,
        open: megatron::open,
    },
    Format {
        name: "nanogpt",
        what: "SPLIT.bin: nothing but the ids, 16 bits each, as nanoGPT maps them",
        packs: false,
        open: nanogpt::open,
    },
    Format {
        name: "llmc",
        what: "SPLIT.bin with llm.c's header of 256 integers (16-bit ids of GPT-2, else 32-bit ids as its llama-3 files)",
        packs: false,
        open: nanogpt::open_with_header,
    },
    Format {
        name: "datatrove",
        what: "SPLIT.ds, .ds.index, .ds.loss and .ds.metadata of datatrove and nanotron",
        packs: false,
        open: datatrove::open,
    },
    Format {
        name: "jsonl",
        what: "SPLIT.jsonl: document_id, text (decoded, special tokens included), input_ids, loss_mask",
        packs: true,
        open: records::open_jsonl,
    },
    Format {
        name: "parquet",
        what: "SPLIT.parquet (zstd): document_id, input_ids, loss_mask",
        packs: true,
        open: records::open_parquet,
    },
];

/// Where one split goes.
pub struct Target {
    /// The directory.
    pub out: PathBuf,
    /// The split.
    pub split: Split,
    /// Tokenizer and special tokens of the shards.
    pub info: ShardInfo,
    /// The shard directory, for its tokenizer.
    pub shards: PathBuf,
    /// Tokens of a packed sequence, `None` for whole documents.
    pub pack: Option<usize>,
}

impl Target {
    /// `OUT/SPLIT.extension`.
    fn file(&self, extension: &str) -> PathBuf {
        self.out.join(format!("{}.{extension}", self.split.name()))
    }

    fn tokenizer(&self) -> Result<Tokenizer> {
        Tokenizer::from_dir(&self.shards)
    }
}

/// One document, or one packed sequence.
pub struct Sequence<'a> {
    /// The document; `None` of a packed sequence.
    pub id: Option<DocumentId>,
    /// Ids and mask.
    pub tokens: &'a Tokens,
    /// Of a packed sequence: tokens of each piece of a document in it, in order.
    pub lengths: &'a [u32],
}

/// Ids in the narrowest width that holds the vocabulary: 16 bits or 32, little-endian.
struct IdWriter {
    out: AtomicFile,
    narrow: bool,
}

impl IdWriter {
    fn create(path: &Path, info: &ShardInfo) -> Result<Self> {
        Ok(Self {
            out: AtomicFile::create(path)?,
            narrow: is_narrow(info.vocab_size),
        })
    }

    /// Bytes of an id.
    fn width(&self) -> usize {
        if self.narrow { 2 } else { 4 }
    }

    fn write(&mut self, ids: &[u32]) -> Result<()> {
        for id in ids {
            self.out.write_all(&id.to_le_bytes()[..self.width()])?;
        }
        Ok(())
    }
}

/// Writes sequences into the files of one split.
trait Writer {
    /// Appends a sequence.
    fn write(&mut self, sequence: &Sequence) -> Result<()>;
    /// Ends the files, which appear whole or not at all.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What was exported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Documents, or packed sequences.
    pub sequences: u64,
    /// Tokens.
    pub tokens: u64,
    /// Of these, padding at the end of the last packed sequence.
    pub tokens_padding: u64,
}

/// Makes the directory `out` for an export, or takes an empty one, or one in which an interrupted
/// export left files whose names are its `own`: they are overwritten.
///
/// # Errors
/// Names what else it holds.
pub fn claim(out: &Path, own: impl Fn(&str) -> bool) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for entry in std::fs::read_dir(out)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        ensure!(
            own(&name),
            "{} holds {name} already; give a new directory",
            out.display()
        );
    }
    Ok(())
}

/// The format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// Exports one split of `shards` into `out`; `done` hears of the tokens that were written.
///
/// # Errors
/// When the shards are damaged, the format cannot hold them, or writing fails.
pub fn export(
    shards: &Path,
    out: &Path,
    split: Split,
    format: &Format,
    pack: Option<usize>,
    mut done: impl FnMut(u64) -> Result<()>,
) -> Result<Exported> {
    if pack.is_some() && !format.packs {
        bail!(
            "--pack needs a format of records: jsonl or parquet, not {}",
            format.name
        );
    }
    let data = Dataset::open(shards, split)?;
    data.check_files(shards)?;
    let target = Target {
        out: out.to_owned(),
        split,
        info: data.info().clone(),
        shards: shards.to_owned(),
        pack,
    };
    let mut writer =
        (format.open)(&target).with_context(|| format!("cannot export as {}", format.name))?;
    let mut exported = Exported::default();
    let mut write = |sequence: &Sequence| {
        exported.sequences += 1;
        exported.tokens += sequence.tokens.ids.len() as u64;
        writer.write(sequence)
    };
    let mut packer = pack.map(|length| Packer::new(length, &target.info));
    data.for_each_document(|id, tokens| {
        done(tokens.ids.len() as u64)?;
        match &mut packer {
            Some(packer) => packer.push(tokens, &mut write),
            None => write(&Sequence {
                id: Some(id),
                tokens,
                lengths: &[],
            }),
        }
    })?;
    let padding = match packer {
        Some(packer) => packer.finish(&mut write)?,
        None => 0,
    };
    exported.tokens_padding = padding;
    ensure!(
        exported.tokens - padding == data.tokens(),
        "the export holds {} tokens, the split {}; this is a bug of prep, please report it",
        exported.tokens - padding,
        data.tokens()
    );
    writer.finish()?;
    Ok(exported)
}
