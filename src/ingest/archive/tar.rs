//! Members of a tar archive: old, ustar, GNU and pax, read from a stream.
//!
//! The headers' fields are the `tar` crate's; the walk is ours, because the crate reads the long names
//! of GNU and pax whole into memory, and a few bytes of gzip can hold a name of ten gigabytes.

use super::{Members, Outcome};
use crate::ingest::blocks::{Reading, Stop};
use crate::ingest::encoding;
use crate::ingest::source::Source;
use std::io::Read;
use std::str::FromStr;
use std::sync::Arc;
use tar::{EntryType, GnuExtSparseHeader, Header};

const BLOCK: usize = 512;
/// Bytes of a long name or of extended attributes that are read.
const MAX_ATTRIBUTES: u64 = 1 << 20;

/// Whether `head` begins with the header of a member: its checksum tells, in every dialect.
pub fn is_header(head: &[u8]) -> bool {
    let Some(block) = head.get(..BLOCK) else {
        return false;
    };
    let header = Header::from_byte_slice(block);
    header.cksum().is_ok_and(|sum| sum == checksum(block)) && block[0] != 0
}

/// The sum of a header's bytes, those of the checksum itself counted as spaces.
fn checksum(block: &[u8]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    sum(&block[..148]) + 8 * u32::from(b' ') + sum(&block[156..])
}

/// What the headers before a member say of it.
#[derive(Default)]
struct Attributes {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
    /// Whether some of it could not be read.
    damaged: bool,
}

/// Sends what the members of `archive` hold.
///
/// # Errors
/// When it is damaged, or nobody wants more.
pub fn read(
    reading: &Reading,
    archive: &Arc<Source>,
    reader: &mut dyn Read,
    depth: usize,
) -> Result<(), Stop> {
    let mut members = Members::new(reading, archive, depth);
    let mut attributes = Attributes::default();
    let mut block = [0; BLOCK];
    let mut marked = false;
    loop {
        match fill(reader, &mut block) {
            // Two empty blocks end it. Some writers leave them out, so that an archive without them may
            // be whole or cut off between two members.
            Ok(0) => {
                if !marked && !members.is_empty() {
                    members.note("the archive has no end mark; if it was copied or downloaded, check that it is whole")?;
                }
                return members.finish();
            }
            Ok(BLOCK) if block.iter().all(|byte| *byte == 0) => {
                marked = true;
                continue;
            }
            // Archives put one behind another are read as one.
            Ok(BLOCK) if is_header(&block) => marked = false,
            // What else follows the end is none of the archive.
            Ok(_) if marked => return members.finish(),
            Ok(BLOCK) => {
                let message = "a header is damaged: what follows it cannot be found; unpack what tar can save";
                return members.stop("unreadable", message.to_owned());
            }
            Ok(_) => {
                let message = "the archive is cut off inside a header";
                return members.stop("unreadable", message.to_owned());
            }
            Err(error) => {
                let message = format!("the archive is damaged or cut off: {error}");
                return members.stop("unreadable", message);
            }
        }
        let header = Header::from_byte_slice(&block);
        let kind = header.entry_type();
        let Ok(size) = header.entry_size() else {
            return members.stop("unreadable", "a header has no valid size".to_owned());
        };
        if let Some(what) = attribute_kind(kind) {
            let bytes = match take(reader, size) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let message = format!("the archive is damaged or cut off in a name: {error}");
                    return members.stop("unreadable", message);
                }
            };
            what(&mut attributes, &bytes);
            continue;
        }
        let known = std::mem::take(&mut attributes);
        let path = name(known.path.as_deref().unwrap_or(&header.path_bytes()));
        let size = known.size.unwrap_or(size);
        if members.is_full() {
            let message = format!(
                "the archive has more than {} members; split it",
                super::MAX_MEMBERS
            );
            return members.stop("too_many_members", message);
        }
        let sparse = known.sparse || kind == EntryType::GNUSparse;
        if kind == EntryType::GNUSparse && skip_sparse(reader, header).is_err() {
            return members.stop(
                "unreadable",
                "the archive is cut off inside a header".to_owned(),
            );
        }
        let refusal = refusal(kind, sparse);
        let mut content = Content {
            inner: reader,
            left: size,
        };
        if known.damaged {
            members.note(&format!(
                "a header before {path} is damaged: its name may be another"
            ))?;
        }
        // A name that ends so is one of old archives, unless something stands behind it.
        let directory = kind == EntryType::Directory || path.ends_with('/') && size == 0;
        let outcome = match refusal {
            _ if directory => Outcome::Done,
            Some((error, message)) => {
                members.refuse(&path, size, error, message)?;
                Outcome::Done
            }
            None => members.read(&path, size, &mut content)?,
        };
        if outcome == Outcome::Broken {
            return Ok(());
        }
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        let skipped = std::io::copy(&mut content, &mut std::io::sink())
            .and_then(|_| std::io::copy(&mut reader.take(padding), &mut std::io::sink()));
        let broken = match skipped {
            Ok(skipped) if skipped == padding => continue,
            Ok(_) => "it ends before the block of that is filled".to_owned(),
            Err(error) => error.to_string(),
        };
        let message = format!(
            "the archive is damaged or cut off behind {path} ({broken}): get it again, or unpack what tar can save"
        );
        return members.stop("unreadable", message);
    }
}

/// The number that bytes are, in decimal digits.
fn parsed<N: FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Calls `take` with key and value of each record of a header, `LENGTH KEY=VALUE\n`; whether all of it is
/// such records. The length counts, for a value may have line ends.
fn each_record<'b>(mut bytes: &'b [u8], mut take: impl FnMut(&'b [u8], &'b [u8])) -> bool {
    let record = |bytes: &'b [u8]| -> Option<(&'b [u8], &'b [u8], &'b [u8])> {
        let space = memchr::memchr(b' ', bytes)?;
        let (record, rest) = bytes.split_at_checked(parsed(&bytes[..space])?)?;
        let said = record.get(space + 1..)?.strip_suffix(b"\n")?;
        let equals = memchr::memchr(b'=', said)?;
        Some((&said[..equals], &said[equals + 1..], rest))
    };
    // Some writers fill the rest with zeros.
    while bytes.iter().any(|byte| *byte != 0) {
        let Some((key, value, rest)) = record(bytes) else {
            return false;
        };
        take(key, value);
        bytes = rest;
    }
    true
}

type Learn = fn(&mut Attributes, &[u8]);

/// What a header that only describes the next member teaches; `None` for a member.
fn attribute_kind(kind: EntryType) -> Option<Learn> {
    match kind {
        EntryType::GNULongName => Some(|known, bytes| {
            known.path = Some(
                bytes
                    .split(|byte| *byte == 0)
                    .next()
                    .unwrap_or_default()
                    .to_vec(),
            );
        }),
        EntryType::XHeader => Some(|known, bytes| {
            known.damaged |= !each_record(bytes, |key, value| match key {
                b"path" | b"GNU.sparse.name" => known.path = Some(value.to_vec()),
                b"size" => known.size = parsed(value),
                key => known.sparse |= key.starts_with(b"GNU.sparse."),
            });
        }),
        EntryType::GNULongLink | EntryType::XGlobalHeader => Some(|_, _| {}),
        _ => None,
    }
}

/// Why a member of this kind is not read.
fn refusal(kind: EntryType, sparse: bool) -> Option<(&'static str, &'static str)> {
    if sparse {
        return Some((
            "special_member",
            "it is a sparse file, of which the archive holds only pieces; unpack it",
        ));
    }
    match kind {
        EntryType::Regular | EntryType::Continuous => None,
        EntryType::Symlink | EntryType::Link => Some((
            "link_member",
            "it is a link to another file; what that holds is read where it stands",
        )),
        _ => Some(("special_member", "it is no regular file; leave it out")),
    }
}

/// The name of a member: UTF-8, else the encoding that it looks like.
fn name(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(name) => name.to_owned(),
        Err(_) => encoding::detect(bytes).encoding.decode(bytes).text,
    }
}

/// Skips the headers that list the pieces of a sparse file.
fn skip_sparse(reader: &mut dyn Read, header: &Header) -> std::io::Result<()> {
    let mut more = header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
    while more {
        let mut next = GnuExtSparseHeader::new();
        reader.read_exact(next.as_mut_bytes())?;
        more = next.is_extended();
    }
    Ok(())
}

/// Reads a block, or as much of it as there is.
fn fill(reader: &mut dyn Read, block: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match reader.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads the content of a describing header with its padding, the beginning of one that is too long.
fn take(reader: &mut dyn Read, size: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(size.min(MAX_ATTRIBUTES))
        .read_to_end(&mut bytes)?;
    let rest = size.next_multiple_of(BLOCK as u64) - bytes.len() as u64;
    let skipped = std::io::copy(&mut reader.take(rest), &mut std::io::sink())?;
    if skipped < rest {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// The content of a member; an archive that ends within it is an error, not its end.
struct Content<'a> {
    inner: &'a mut dyn Read,
    left: u64,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = (buffer.len() as u64).min(self.left) as usize;
        if most == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut buffer[..most])?;
        if count == 0 {
            let message = "the archive ends inside the file";
            return Err(std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                message,
            ));
        }
        self.left -= count as u64;
        Ok(count)
    }
}
