//! Reads one source as blocks of about 4 MB that workers parse on their own.
//!
//! Where a block ends depends on the bytes of the source alone: after a paragraph for text, after a
//! line for JSONL, after some rows for Parquet. So the documents are the same for any number of
//! threads, and for a file and its compressed copy.

use super::csv_cutter::CsvCutter;
use super::cutter::{Cut, Cutter};
use super::format::Format;
use super::json_cutter::JsonCutter;
use super::source::Source;
use super::text::Split;
use super::whole_cutter::WholeCutter;
use crate::document::id::hash_rest;
use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use crossbeam_channel::Sender;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh3::Xxh3;

/// Bytes that a batch of Parquet rows aims at.
const ROWS_BYTES: i64 = 1 << 20;

/// A piece of a source.
#[derive(Debug)]
pub enum Block {
    /// Whole lines; `line` is the 1-based number of the first.
    Lines { line: u64, bytes: Vec<u8> },
    /// A line that is too long to be read, left out, with its beginning.
    LongLine {
        line: u64,
        bytes: u64,
        head: Vec<u8>,
    },
    /// Rows of a Parquet file; `row` is the 1-based number of the first.
    Rows {
        row: u64,
        batch: RecordBatch,
        bytes: usize,
    },
    /// The rest of the source cannot be read from this line or row on.
    Unreadable {
        record: u64,
        error: String,
        tail: Vec<u8>,
    },
    /// The source was read to its end: xxh3-128 of its bytes on disk.
    End { xxh3: u128 },
}

impl Block {
    /// Bytes that it holds, by which blocks are grouped for a worker.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Lines { bytes, .. } => bytes.len(),
            Self::Rows { bytes, .. } => *bytes,
            Self::LongLine { head, .. } => head.len(),
            Self::Unreadable { tail, .. } => tail.len(),
            Self::End { .. } => 0,
        }
    }
}

/// Nobody takes blocks any more: the run has ended.
struct Unwanted;

/// Reads `source`, whose text is cut as `split` says, and sends its blocks until it ends or nobody
/// wants more.
pub fn read(source: &Source, split: Split, out: &Sender<Block>) {
    let send = |block| out.send(block).map_err(|_| Unwanted);
    let outcome = match &source.format {
        Ok(Format::Parquet) => read_parquet(source, send),
        Ok(format) => read_lines(source, *format, split, send),
        // Not read, but still accounted for.
        Err(_) => hash_rest(&source.path, Xxh3::new(), 0).map(|xxh3| send(Block::End { xxh3 })),
    };
    if let Err(error) = outcome {
        let _ = send(Block::Unreadable {
            record: 1,
            error: format!("{error:#}"),
            tail: Vec::new(),
        });
        // A file that cannot be opened has no hash, but its account must be closed.
        let xxh3 = hash_file(&source.path).unwrap_or(0);
        let _ = send(Block::End { xxh3 });
    }
}

/// Hashes what passes through.
struct Hashing {
    file: File,
    state: Arc<Mutex<(Xxh3, u64)>>,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.update(&buffer[..count]);
        state.1 += count as u64;
        Ok(count)
    }
}

fn read_lines(
    source: &Source,
    format: Format,
    split: Split,
    send: impl Fn(Block) -> Result<(), Unwanted>,
) -> Result<Result<(), Unwanted>> {
    let state = Arc::new(Mutex::new((Xxh3::new(), 0)));
    let file = File::open(&source.path)
        .with_context(|| format!("cannot open {}", source.path.display()))?;
    let raw = source.codec.decode(Hashing {
        file,
        state: Arc::clone(&state),
    })?;
    let mut reader: Box<dyn Read + Send> = if source.encoding.encoding.is_ascii_superset() {
        raw
    } else {
        Box::new(source.encoding.encoding.reader(raw))
    };
    let mut cutter: Box<dyn Cut> = match format {
        Format::Json => Box::new(JsonCutter::new()),
        Format::Csv => Box::new(CsvCutter::new(
            source
                .dialect
                .as_ref()
                .map_or(b',', |dialect| dialect.delimiter),
        )),
        Format::Text if split == Split::None => Box::new(WholeCutter::new()),
        format => Box::new(Cutter::new(format)),
    };
    let failure = loop {
        let filled = cutter.fill(&mut reader);
        if let Err(error) = filled {
            break Some(error);
        }
        while let Some(block) = cutter.cut() {
            if send(block).is_err() {
                return Ok(Err(Unwanted));
            }
        }
        if let Ok(false) = filled {
            break None;
        }
    };
    if let Some(error) = failure {
        let (whole, tail) = cutter.give_up();
        let unreadable = Block::Unreadable {
            record: cutter.position(),
            error: format!(
                "the {} stream is damaged or cut off: {error}",
                source.codec.name()
            ),
            tail,
        };
        for block in whole.into_iter().chain([unreadable]) {
            if send(block).is_err() {
                return Ok(Err(Unwanted));
            }
        }
    }
    drop(reader);
    let (hash, hashed) = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(send(Block::End {
        xxh3: hash_rest(&source.path, hash, hashed)?,
    }))
}

/// xxh3-128 of a file as the manifest has it.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path) -> Result<u128> {
    hash_rest(path, Xxh3::new(), 0)
}

fn read_parquet(
    source: &Source,
    send: impl Fn(Block) -> Result<(), Unwanted>,
) -> Result<Result<(), Unwanted>> {
    let file = File::open(&source.path)
        .with_context(|| format!("cannot open {}", source.path.display()))?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
        .context("is no readable Parquet file (damaged or cut off)")?;
    let mut row = 1;
    for group in 0..metadata.metadata().num_row_groups() {
        let about = metadata.metadata().row_group(group);
        let row_bytes = (about.total_byte_size() / about.num_rows().max(1)).max(1);
        let batch_rows = (ROWS_BYTES / row_bytes).clamp(1, 8192) as usize;
        let batches =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata.clone())
                .with_row_groups(vec![group])
                .with_batch_size(batch_rows)
                .build()?;
        for batch in batches {
            let block = match batch {
                Ok(batch) => {
                    let (first, rows) = (row, batch.num_rows());
                    row += rows as u64;
                    Block::Rows {
                        row: first,
                        bytes: rows * row_bytes as usize,
                        batch,
                    }
                }
                Err(error) => {
                    let error = format!("the Parquet file is damaged: {error}");
                    if send(Block::Unreadable {
                        record: row,
                        error,
                        tail: Vec::new(),
                    })
                    .is_err()
                    {
                        return Ok(Err(Unwanted));
                    }
                    return Ok(send(Block::End {
                        xxh3: hash_file(&source.path)?,
                    }));
                }
            };
            if send(block).is_err() {
                return Ok(Err(Unwanted));
            }
        }
    }
    Ok(send(Block::End {
        xxh3: hash_file(&source.path)?,
    }))
}
