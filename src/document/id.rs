//! Document ids: where a record is from, in 16 bytes.
//!
//! xxh3-128 of source name and record position, so that the id says where a record is from and two
//! equal texts stay two records. Copies are found by the content key (`comparison_key`), never by id.

use anyhow::{Context, Result, ensure};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// xxh3-128 of the source's name, a zero byte and the record number (little-endian u64).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(pub [u8; 16]);

impl DocumentId {
    /// The id of record number `record` of `source`.
    #[must_use]
    pub fn new(source: &str, record: u64) -> Self {
        // In one piece: setting up a hasher of several costs more than the hash. Most names fit the stack.
        let (name, length) = (source.as_bytes(), source.len() + 9);
        let mut short = [0; 128];
        let mut long = Vec::new();
        let bytes = if length <= short.len() {
            &mut short[..length]
        } else {
            long.resize(length, 0);
            long.as_mut_slice()
        };
        bytes[..name.len()].copy_from_slice(name);
        bytes[name.len() + 1..].copy_from_slice(&record.to_le_bytes());
        Self(xxh3_128(bytes).to_be_bytes())
    }

    /// The id of document number `item` (from 0) of a record that holds several.
    #[must_use]
    pub fn of_item(source: &str, record: u64, item: usize) -> Self {
        if item == 0 {
            return Self::new(source, record);
        }
        let mut hasher = Xxh3::new();
        hasher.update(&Self::new(source, record).0);
        hasher.update(&(item as u64).to_le_bytes());
        Self(hasher.digest128().to_be_bytes())
    }

    /// Parses 32 hexadecimal digits.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        (hex.len() == 32)
            .then(|| u128::from_str_radix(hex, 16).ok())?
            .map(|value| Self(value.to_be_bytes()))
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// xxh3-128 of bytes as 32 hexadecimal digits, for manifests.
#[must_use]
pub fn hex_hash(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

/// xxh3-128 of a file as 32 hexadecimal digits, read a piece at a time.
///
/// # Errors
/// Names the file when it cannot be read.
pub fn hash_file(path: &Path) -> Result<String> {
    Ok(format!("{:032x}", hash_rest(path, Xxh3::new(), 0)?))
}

/// Checks that file `name` of `dir` has the size and the hash that a manifest says.
///
/// # Errors
/// Says what is found instead.
pub fn check_file(dir: &Path, name: &str, bytes: u64, xxh3: &str) -> Result<()> {
    let path = dir.join(name);
    let found = std::fs::metadata(&path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    ensure!(
        found == bytes,
        "has {found} bytes, the manifest says {bytes}"
    );
    let hash = hash_file(&path)?;
    ensure!(
        hash == xxh3,
        "has xxh3-128 {hash}, the manifest says {xxh3}"
    );
    Ok(())
}

/// xxh3-128 of a file of which `hashed` bytes went into `hash` already: a decoder stops at damage,
/// the hash is of the whole file.
///
/// # Errors
/// Names the file when it cannot be read.
pub fn hash_rest(path: &Path, mut hash: Xxh3, hashed: u64) -> Result<u128> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    file.seek(SeekFrom::Start(hashed))?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer);
        match read.with_context(|| format!("cannot read {}", path.display()))? {
            0 => return Ok(hash.digest128()),
            count => hash.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_sources_and_records_apart_and_survive_text() {
        let id = DocumentId::new("books/a.txt", 7);
        assert_ne!(id, DocumentId::new("books/a.txt", 8));
        assert_ne!(id, DocumentId::new("books/b.txt", 7));
        assert_eq!(DocumentId::parse(&id.to_string()), Some(id));
        assert_eq!(DocumentId::parse("xyz"), None);
        for length in [0, 118, 119, 120, 500] {
            let source = "s".repeat(length);
            let bytes = [source.as_bytes(), &[0], &7_u64.to_le_bytes()].concat();
            let wanted = xxh3_128(&bytes).to_be_bytes();
            assert_eq!(DocumentId::new(&source, 7).0, wanted, "{length}");
        }
    }
}
