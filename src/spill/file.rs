//! Files of records: written one after the other, read in order, or one at its place.

use super::Record;
use crate::atomic::{AtomicFile, cannot_write};
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
pub const READ_BYTES: usize = 1 << 18;

/// Writes a file of records that is whole or absent.
pub struct RecordWriter<R> {
    path: PathBuf,
    out: AtomicFile,
    bytes: Vec<u8>,
    count: u64,
    record: PhantomData<R>,
}

impl<R: Record> RecordWriter<R> {
    /// Begins `path`.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            out: AtomicFile::create(path)?,
            bytes: vec![0; R::BYTES],
            count: 0,
            record: PhantomData,
        })
    }

    /// Appends `record`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, record: &R) -> Result<()> {
        record.put(&mut self.bytes);
        self.count += 1;
        self.out
            .write_all(&self.bytes)
            .with_context(|| cannot_write(&self.path))
    }

    /// Ends the file; returns how many records it has.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn commit(self) -> Result<u64> {
        self.out.commit()?;
        Ok(self.count)
    }
}

/// Reads a file of records in order.
pub struct Reader<R> {
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
    at: usize,
    filled: usize,
    record: PhantomData<R>,
}

impl<R: Record> Reader<R> {
    /// Opens `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        Self::with_buffer(path, READ_BYTES)
    }

    /// Opens `path`, to read about `bytes` at once.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn with_buffer(path: &Path, bytes: usize) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes: vec![0; (bytes / R::BYTES).max(1) * R::BYTES],
            at: 0,
            filled: 0,
            record: PhantomData,
        })
    }

    fn fill(&mut self) -> Result<()> {
        (self.at, self.filled) = (0, 0);
        while self.filled < self.bytes.len() {
            let read = self.file.read(&mut self.bytes[self.filled..]);
            let read = read.with_context(|| format!("cannot read {}", self.path.display()))?;
            if read == 0 {
                break;
            }
            self.filled += read;
        }
        ensure!(
            self.filled.is_multiple_of(R::BYTES),
            "{} ends within a record; remove the directory and run the command again",
            self.path.display()
        );
        Ok(())
    }
}

impl<R: Record> Iterator for Reader<R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        if self.at == self.filled
            && let Err(error) = self.fill()
        {
            return Some(Err(error));
        }
        let bytes = self.bytes[..self.filled].get(self.at..self.at + R::BYTES)?;
        self.at += R::BYTES;
        Some(Ok(R::get(bytes)))
    }
}

/// A file of records, of which any is read at its place. Not mapped: pages that were looked at
/// would count as memory of the process.
pub struct Table<R> {
    path: PathBuf,
    file: File,
    count: u64,
    record: PhantomData<R>,
}

impl<R: Record> Table<R> {
    /// Opens `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let count = file.metadata()?.len() / R::BYTES as u64;
        Ok(Self {
            path: path.to_owned(),
            file,
            count,
            record: PhantomData,
        })
    }

    /// Records in it.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Record number `index`.
    ///
    /// # Errors
    /// When the file is shorter or cannot be read.
    pub fn at(&self, index: u64) -> Result<R> {
        let mut bytes = [0; 256];
        let bytes = &mut bytes[..R::BYTES];
        self.file
            .read_exact_at(bytes, index * R::BYTES as u64)
            .with_context(|| format!("cannot read record {index} of {}", self.path.display()))?;
        Ok(R::get(bytes))
    }
}
