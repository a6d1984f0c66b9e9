//! Reads one source as blocks of about 4 MB that workers parse on their own.
//!
//! Where a block ends depends on the bytes of the source alone: after a paragraph for text, after a
//! line for JSONL, after some rows for Parquet. So the documents are the same for any number of
//! threads, and for a file and its compressed copy. A member of an archive is read as a file is: its
//! blocks come between those of its neighbours, and its own end closes its account.

use super::archive;
use super::arrow_file;
use super::csv_cutter::CsvCutter;
use super::csv_rows;
use super::cutter::MAX_LINE_BYTES;
use super::cutter::{Cut, Cutter};
use super::format::Format;
use super::json_cutter::JsonCutter;
use super::line_ends::LineFeeds;
use super::parquet_file;
use super::reject::Reject;
use super::source::{Source, Wishes};
use super::spool::Spool;
use super::text::Split;
use super::warc::WarcCutter;
use super::whole_cutter::WholeCutter;
use super::witnesses;
use super::xml::XmlText;
use crate::document::id::hash_rest;
use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh3::Xxh3;

/// A piece of a source.
#[derive(Debug)]
pub enum Block {
    /// Whole lines; `line` is the 1-based number of the first. Of HTML, a whole page. Of text a line
    /// without an end far and wide is cut: `part` counts, from 0, the blocks that begin within it.
    Lines {
        line: u64,
        part: usize,
        bytes: Vec<u8>,
    },
    /// A record that is too long to be read, left out, with its beginning. `characters` are those of
    /// all of it as UTF-8.
    LongLine {
        line: u64,
        bytes: u64,
        characters: u64,
        head: Vec<u8>,
    },
    /// Rows of a table; `row` is the 1-based number of the first.
    Rows {
        row: u64,
        batch: RecordBatch,
        bytes: usize,
    },
    /// Records of a web archive, `bytes` in all.
    Web {
        records: Vec<super::warc::Record>,
        bytes: usize,
    },
    /// The rest of the source cannot be read from this line or row on.
    Unreadable {
        record: u64,
        error: String,
        tail: Vec<u8>,
    },
    /// So many rows from `row` on cannot be read; what is behind them can.
    UnreadableRows { row: u64, count: u64, error: String },
    /// Something of the source that cannot be read, with its reason.
    Refused(Box<Reject>),
    /// A record that is refused where it is cut, with the error's name and why.
    RefusedRecord {
        record: u64,
        error: &'static str,
        why: String,
        raw: Vec<u8>,
    },
    /// What a person should know of the source, though nothing of it was lost.
    Note(String),
    /// Something that is left out on purpose: what it is called, why, and its size.
    Left {
        name: String,
        reason: &'static str,
        bytes: u64,
    },
    /// So many commas are missing between the elements of a JSON file, which are read all the same.
    MissingCommas(u64),
    /// So many places of a file in a wide encoding were no character and are U+FFFD.
    Replaced(u64),
    /// Fields of a JSON file that stand beside its records, and how many values each has.
    FrameFields { fields: Vec<(String, u64)> },
    /// A member of an archive was read to its end: xxh3-128 of its bytes as they are unpacked.
    MemberEnd { xxh3: u128 },
    /// The source was read to its end: xxh3-128 of its bytes on disk.
    End { xxh3: u128 },
}

impl Block {
    /// Bytes that it holds, by which blocks are grouped for a worker.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Lines { bytes, .. } => bytes.len(),
            Self::Rows { bytes, .. } | Self::Web { bytes, .. } => *bytes,
            Self::LongLine { head, .. } => head.len(),
            Self::Unreadable { tail, .. } => tail.len(),
            Self::RefusedRecord { raw, .. } => raw.len(),
            // So many of them are a group, too.
            Self::Refused(_)
            | Self::UnreadableRows { .. }
            | Self::Note(_)
            | Self::Left { .. }
            | Self::FrameFields { .. }
            | Self::MissingCommas(_)
            | Self::Replaced(_)
            | Self::MemberEnd { .. }
            | Self::End { .. } => 512,
        }
    }
}

/// How much of a file was read and the xxh3-128 of that, so that an interrupted run can see whether
/// what it has done is still what stands in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// Bytes from its beginning.
    pub bytes: u64,
    /// xxh3-128 of them.
    pub xxh3: u128,
}

/// A block on its way to a worker.
#[derive(Debug)]
pub struct Piece {
    /// The file, or the member of an archive, that it is of.
    pub source: Arc<Source>,
    /// What was read.
    pub block: Block,
    /// What of the file on disk it may depend on.
    pub read: Prefix,
}

/// Why reading stops.
pub enum Stop {
    /// Nobody takes blocks any more: the run has ended.
    Unwanted,
    /// The source cannot be read on; what came before stands.
    Broken(String),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(format!("{error:#}"))
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Takes pieces in order; [`Stop::Unwanted`] when the run has ended.
pub type Taker<'a> = dyn Fn(Piece) -> Result<(), Stop> + 'a;

/// What readers share: where blocks go, and what they must know.
pub struct Reading<'a> {
    taker: &'a Taker<'a>,
    /// Place for what can only be read with seeking.
    pub spool: &'a Spool,
    /// What the user said, for the members of archives.
    pub wishes: &'a Wishes<'a>,
    hash: Arc<Mutex<(Xxh3, u64)>>,
}

/// Reads `source` and gives its blocks to `taker` until it ends or nobody wants more.
///
/// # Errors
/// [`Stop::Unwanted`], where nobody does.
pub fn read(
    source: &Arc<Source>,
    spool: &Spool,
    wishes: &Wishes,
    taker: &Taker<'_>,
) -> Result<(), Stop> {
    let reading = Reading {
        taker,
        spool,
        wishes,
        hash: Arc::default(),
    };
    let outcome = match &source.format {
        Ok(format) => reading.file(source, *format),
        // Not read, but still accounted for.
        Err(_) => Ok(()),
    };
    match outcome {
        Ok(()) => {}
        Err(Stop::Unwanted) => return Err(Stop::Unwanted),
        Err(Stop::Broken(error)) => reading.unreadable(source, 1, error)?,
    }
    let (hash, hashed) = reading.hashed();
    let about = source.path.metadata();
    let is_all = hashed > 0 && about.is_ok_and(|about| about.len() == hashed);
    let xxh3 = if is_all {
        hash.digest128()
    } else {
        // A file that cannot be opened has no hash, but its account must be closed.
        hash_rest(&source.path, hash, hashed).unwrap_or(0)
    };
    reading.send(source, Block::End { xxh3 })
}

/// Hashes what passes through.
struct Hashing<R> {
    inner: R,
    state: Arc<Mutex<(Xxh3, u64)>>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.update(&buffer[..count]);
        state.1 += count as u64;
        Ok(count)
    }
}

impl Reading<'_> {
    fn hashed(&self) -> (Xxh3, u64) {
        self.hash
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sends a block of `source`.
    pub fn send(&self, source: &Arc<Source>, block: Block) -> Result<(), Stop> {
        if matches!(block, Block::Lines { .. } | Block::Rows { .. }) {
            source
                .habits
                .get_or_init(|| witnesses::habits(source, &block, self.wishes));
        }
        let (hash, bytes) = self.hashed();
        let read = Prefix {
            bytes,
            xxh3: hash.digest128(),
        };
        let piece = Piece {
            source: Arc::clone(source),
            block,
            read,
        };
        (self.taker)(piece)
    }

    /// Says that `source` cannot be read from `record` on.
    pub fn unreadable(&self, source: &Arc<Source>, record: u64, error: String) -> Result<(), Stop> {
        let tail = Vec::new();
        let block = Block::Unreadable {
            record,
            error,
            tail,
        };
        self.send(source, block)
    }

    /// Reads a file on disk.
    fn file(&self, source: &Arc<Source>, format: Format) -> Result<(), Stop> {
        let file = File::open(&source.path)
            .with_context(|| format!("cannot open {}", source.path.display()))?;
        if source.codec == super::codec::Codec::Plain && format.needs_seeking() {
            // Its parts are not read in order: all of it may matter to each of them.
            *self.hash.lock().unwrap_or_else(PoisonError::into_inner) = hash_whole(&source.path)?;
            return self.seekable(source, format, file, 0);
        }
        let raw = source.codec.decode(Hashing {
            inner: file,
            state: Arc::clone(&self.hash),
        })?;
        self.stream(source, format, raw, 0)
    }

    /// Reads what comes out of `reader`, unpacked already; `depth` archives are around it.
    pub fn stream<'r>(
        &self,
        source: &Arc<Source>,
        format: Format,
        mut reader: Box<dyn Read + 'r>,
        depth: usize,
    ) -> Result<(), Stop> {
        if format.needs_seeking() {
            let file = self.spool.keep(&mut reader)?;
            drop(reader);
            return self.seekable(source, format, file, depth);
        }
        if format == Format::Tar {
            return archive::tar::read(self, source, &mut reader, depth);
        }
        let encoding = source.encoding.encoding;
        let decoded =
            format == Format::Xml || !encoding.is_ascii_superset() && format != Format::Warc;
        let mut invalid = None;
        if decoded {
            let decoding = encoding.reader(reader);
            invalid = Some(decoding.invalid());
            reader = Box::new(decoding);
        }
        if source.lone_cr {
            reader = Box::new(LineFeeds::new(reader));
        }
        if format == Format::Xml {
            reader = Box::new(XmlText::new(reader));
        }
        let mut cutter: Box<dyn Cut> = match format {
            Format::Json => Box::new(JsonCutter::new(self.wishes.mapping)),
            Format::Csv => {
                let dialect = source.dialect.as_ref();
                let grammar = dialect.map_or(csv_rows::COMMA, |dialect| dialect.grammar);
                Box::new(CsvCutter::new(grammar))
            }
            Format::Html => Box::new(WholeCutter::new(super::html::MAX_BYTES)),
            Format::Text if self.wishes.split == Split::None => {
                Box::new(WholeCutter::new(MAX_LINE_BYTES))
            }
            Format::Warc => Box::new(WarcCutter::new()),
            Format::Xml => Box::new(Cutter::new(Format::Text)),
            format => Box::new(Cutter::new(format)),
        };
        self.cut(source, &mut *cutter, &mut reader)?;
        match invalid.map_or(0, |invalid| invalid.load(Ordering::Relaxed)) {
            0 => Ok(()),
            places => self.send(source, Block::Replaced(places)),
        }
    }

    fn seekable(
        &self,
        source: &Arc<Source>,
        format: Format,
        file: File,
        depth: usize,
    ) -> Result<(), Stop> {
        match format {
            Format::Parquet => parquet_file::read(self, source, &file),
            Format::Arrow => arrow_file::read(self, source, &file),
            _ => archive::zip::read(self, source, file, depth),
        }
    }

    fn cut(
        &self,
        source: &Arc<Source>,
        cutter: &mut dyn Cut,
        reader: &mut dyn Read,
    ) -> Result<(), Stop> {
        let failure = loop {
            let filled = cutter.fill(reader);
            while let Some(block) = cutter.cut() {
                self.send(source, block)?;
            }
            match filled {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => break error,
            }
        };
        let (whole, tail) = cutter.give_up();
        let what = match source.codec {
            super::codec::Codec::Plain => "file".to_owned(),
            codec => format!("{} stream", codec.name()),
        };
        let unreadable = Block::Unreadable {
            record: cutter.position(),
            error: format!("the {what} is damaged or cut off: {failure}"),
            tail,
        };
        for block in whole.into_iter().chain([unreadable]) {
            self.send(source, block)?;
        }
        Ok(())
    }
}

fn hash_whole(path: &Path) -> Result<(Xxh3, u64)> {
    let mut hashing = Hashing {
        inner: File::open(path).with_context(|| format!("cannot open {}", path.display()))?,
        state: Arc::default(),
    };
    std::io::copy(&mut hashing, &mut std::io::sink())
        .with_context(|| format!("cannot read {}", path.display()))?;
    let state = hashing.state.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(state.clone())
}

/// xxh3-128 of the first `bytes` of a file.
///
/// # Errors
/// When it cannot be read.
pub fn hash_prefix(path: &Path, bytes: u64) -> Result<u128> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut hashing = Hashing {
        inner: file.take(bytes),
        state: Arc::default(),
    };
    std::io::copy(&mut hashing, &mut std::io::sink())
        .with_context(|| format!("cannot read {}", path.display()))?;
    let state = hashing.state.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(state.0.digest128())
}

/// xxh3-128 of a file as the manifest has it.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path) -> Result<u128> {
    hash_rest(path, Xxh3::new(), 0)
}
