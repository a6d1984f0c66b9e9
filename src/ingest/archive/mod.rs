//! Archives: their members are read as if they were files, without unpacking them to disk.
//!
//! A member is called `archive.zip!path/in/it`. Members come in the order of the archive; nothing of
//! one is held longer than its blocks. What is no regular file, is encrypted, or has a name that
//! points out of the archive is a reject of its own.

pub mod tar;
pub mod zip;

use super::blocks::{Block, Reading, Stop};
use super::codec::Codec;
use super::format::{Format, Unread};
use super::look::{BLOCK_SAMPLE_BYTES, SAMPLE_BYTES, Sample, UTF8};
use super::reject::Reject;
use super::source::Source;
use super::walk;
use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::{Arc, OnceLock};
use xxhash_rust::xxh3::Xxh3;

/// Members of an archive that are read, at most: the account of each is kept in memory.
pub const MAX_MEMBERS: u64 = 200_000;
/// Archives inside archives that are opened.
const MAX_DEPTH: usize = 3;

/// The members of one archive, on their way to blocks.
pub struct Members<'a, 'b> {
    reading: &'a Reading<'b>,
    archive: &'a Arc<Source>,
    depth: usize,
    /// How often each name was used: an archive may hold one name twice.
    names: HashMap<String, u64>,
    count: u64,
}

/// Where a member failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nowhere, or inside itself.
    Done,
    /// The archive broke off in it, and a reject says so.
    Broken,
}

impl<'a, 'b> Members<'a, 'b> {
    /// Those of `archive`, which `depth` archives are around.
    pub fn new(reading: &'a Reading<'b>, archive: &'a Arc<Source>, depth: usize) -> Self {
        Self {
            reading,
            archive,
            depth,
            names: HashMap::new(),
            count: 0,
        }
    }

    /// Whether as many as are read have been.
    pub fn is_full(&self) -> bool {
        self.count >= MAX_MEMBERS
    }

    /// Says that nothing more of the archive is read, and why.
    pub fn stop(&self, error: &'static str, message: String) -> Result<(), Stop> {
        let reject = Reject::new(&self.archive.name, self.count + 1, error, message, &[]);
        self.reading
            .send(self.archive, Block::Refused(Box::new(reject)))
    }

    /// Says something of the archive that costs nothing.
    pub fn note(&self, message: &str) -> Result<(), Stop> {
        let note = format!("{}: {message}", self.archive.name);
        self.reading.send(self.archive, Block::Note(note))
    }

    /// Whether no member was seen.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Closes the archive.
    pub fn finish(&self) -> Result<(), Stop> {
        if self.count == 0 {
            return self.stop("empty_source", "the archive holds no file".to_owned());
        }
        Ok(())
    }

    fn source(&mut self, path: &str, bytes: u64, format: Result<Format, Unread>) -> Source {
        self.count += 1;
        let mut name = format!("{}!{path}", self.archive.name);
        let uses = self.names.entry(path.to_owned()).or_default();
        *uses += 1;
        if *uses > 1 {
            name += &format!("#{uses}");
        }
        Source {
            name,
            path: self.archive.path.clone(),
            bytes,
            modified: None,
            changed: None,
            codec: Codec::Plain,
            format,
            encoding: UTF8,
            forced: self.reading.wishes.encoding,
            dialect: None,
            lone_cr: false,
            habits: OnceLock::new(),
            member_of: Some(self.archive.file_name().to_owned()),
        }
    }

    /// Accounts for a member that is not read.
    pub fn refuse(
        &mut self,
        path: &str,
        bytes: u64,
        error: &'static str,
        message: &str,
    ) -> Result<(), Stop> {
        let message = message.to_owned();
        let source = Arc::new(self.source(path, bytes, Err(Unread { error, message })));
        self.reading.send(&source, Block::MemberEnd { xxh3: 0 })
    }

    /// Reads a member of `bytes` bytes called `path`.
    pub fn read(&mut self, path: &str, bytes: u64, reader: &mut dyn Read) -> Result<Outcome, Stop> {
        let path = path.strip_prefix("./").unwrap_or(path);
        if is_unsafe(path) {
            let message =
                "its name points out of the archive; unpack it and give the files you trust";
            self.refuse(path, bytes, "unsafe_path", message)?;
            return Ok(Outcome::Done);
        }
        if is_hidden(path) && !self.reading.wishes.hidden {
            let name = format!("{}!{path}", self.archive.name);
            self.count += 1;
            let block = Block::Left {
                name,
                reason: walk::HIDDEN,
                bytes,
            };
            self.reading.send(self.archive, block)?;
            return Ok(Outcome::Done);
        }
        let mut raw = Hashing::new(reader);
        let mut head = Vec::new();
        let mut broken = raw.fill(&mut head, SAMPLE_BYTES).is_err();
        let codec = Codec::of_head(&head);
        if matches!(codec, Codec::Bzip2 | Codec::Lz4) && !broken {
            broken = raw.fill(&mut head, BLOCK_SAMPLE_BYTES).is_err();
        }
        let look = Sample::of_bytes(&head).look(path, self.reading.wishes, |_| None);
        let mut source = self.source(path, bytes, look.format);
        (source.codec, source.encoding) = (look.codec, look.encoding);
        (source.dialect, source.lone_cr) = (look.dialect, look.lone_cr);
        if source
            .format
            .as_ref()
            .is_ok_and(|format| format.is_archive())
            && self.depth >= MAX_DEPTH
        {
            source.format = Err(Unread {
                error: "nested_too_deep",
                message: format!("it is an archive in {MAX_DEPTH} others; unpack one of them"),
            });
        }
        let source = Arc::new(source);
        let mut whole = Cursor::new(head).chain(&mut raw);
        if let Ok(format) = source.format {
            let decoded = source.codec.decode(&mut whole)?;
            match self
                .reading
                .stream(&source, format, decoded, self.depth + 1)
            {
                Err(Stop::Broken(error)) => self.reading.unreadable(&source, 1, error)?,
                other => other?,
            }
        }
        let reported = raw.failed && source.format.is_ok();
        // What its format did not ask for is its own all the same.
        broken |= std::io::copy(&mut raw, &mut std::io::sink()).is_err();
        if broken && !reported {
            let error = "the archive is damaged or cut off in it".to_owned();
            self.reading.unreadable(&source, 1, error)?;
        }
        let xxh3 = raw.hash.digest128();
        self.reading.send(&source, Block::MemberEnd { xxh3 })?;
        Ok(if broken {
            Outcome::Broken
        } else {
            Outcome::Done
        })
    }
}

/// Whether a name would lead out of the directory that the archive is unpacked in.
fn is_unsafe(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':');
    path.is_empty()
        || drive
        || path.starts_with('/')
        || path.contains('\0')
        || path.split(['/', '\\']).any(|part| part == "..")
}

/// Whether it is hidden, or what Macintosh archives hold beside each file.
fn is_hidden(path: &str) -> bool {
    path.split('/')
        .any(|part| part.starts_with('.') && part != "." || part == "__MACOSX")
}

/// Hashes what passes through and remembers a failure.
struct Hashing<'a> {
    inner: &'a mut dyn Read,
    hash: Xxh3,
    failed: bool,
}

impl<'a> Hashing<'a> {
    fn new(inner: &'a mut dyn Read) -> Self {
        Self {
            inner,
            hash: Xxh3::new(),
            failed: false,
        }
    }

    /// Reads until `head` has `size` bytes or nothing is left.
    fn fill(&mut self, head: &mut Vec<u8>, size: usize) -> std::io::Result<usize> {
        let missing = size.saturating_sub(head.len()) as u64;
        self.take(missing).read_to_end(head)
    }
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // A decoder that has failed may pass for one that has ended.
        if self.failed {
            return Err(std::io::Error::other("it is damaged or cut off"));
        }
        let outcome = self.inner.read(buffer);
        match &outcome {
            Ok(count) => self.hash.update(&buffer[..*count]),
            Err(error) => self.failed |= error.kind() != std::io::ErrorKind::Interrupted,
        }
        outcome
    }
}
