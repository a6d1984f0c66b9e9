//! Members of a zip archive, in the order of its directory.

use super::{MAX_MEMBERS, Members, Outcome};
use crate::ingest::blocks::{Reading, Stop};
use crate::ingest::encoding::{self, Encoding};
use crate::ingest::source::Source;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;
use zip::{SUPPORTED_COMPRESSION_METHODS, ZipArchive};

/// Sends what the members of `archive` hold, which is in `file`.
///
/// # Errors
/// When it has no directory that can be read, or nobody wants more.
pub fn read(
    reading: &Reading,
    archive: &Arc<Source>,
    mut file: File,
    depth: usize,
) -> Result<(), Stop> {
    let mut members = Members::new(reading, archive, depth);
    // The directory is read whole into memory: its length is looked at first.
    if let Some(count) = count_members(&mut file)?
        && count > MAX_MEMBERS
    {
        let message =
            format!("the archive has {count} members, at most {MAX_MEMBERS} are read; split it");
        return members.stop("too_many_members", message);
    }
    let mut probe = file.try_clone()?;
    let mut zip = match ZipArchive::new(BufReader::new(file)) {
        Ok(zip) => zip,
        Err(error) => {
            let message = format!(
                "is no readable zip archive (damaged or cut off): {error}; zip -FF may repair it"
            );
            return members.stop("unreadable", message);
        }
    };
    if zip.offset() > 0 && is_inside_another(&mut probe, zip.offset())? {
        let message = "the archive is cut off, or two stand one behind the other: its own directory is missing, that at its end is of an archive within it; zip -FF may repair it";
        return members.stop("unreadable", message.to_owned());
    }
    let names = names(&mut zip);
    for (index, path) in names.into_iter().enumerate() {
        let (size, refusal) = match zip.by_index_data(index) {
            // What ends so and has content is a file all the same.
            Ok(about) if (about.is_dir() || path.ends_with('/')) && about.size() == 0 => continue,
            Ok(about) if about.encrypted() => (
                about.size(),
                Some((
                    "encrypted_member",
                    "it is encrypted; unpack it with its password",
                )),
            ),
            Ok(about) if about.is_symlink() => (
                about.size(),
                Some((
                    "link_member",
                    "it is a link to another file; what that holds is read where it stands",
                )),
            ),
            Ok(about) if !SUPPORTED_COMPRESSION_METHODS.contains(&about.compression()) => (
                about.size(),
                Some((
                    "unsupported_compression",
                    "it is compressed in a way that is not read; unpack it",
                )),
            ),
            Ok(about) => (about.size(), None),
            Err(_) => (
                0,
                Some(("unreadable", "its entry in the directory is damaged")),
            ),
        };
        if let Some((error, message)) = refusal {
            members.refuse(&path, size, error, message)?;
            continue;
        }
        match zip.by_index(index) {
            // A member whose bytes are damaged does not keep the others from being read.
            Ok(mut member) => {
                let _: Outcome = members.read(&path, size, &mut member)?;
            }
            Err(error) => {
                let message = format!("it cannot be read: {error}; zip -FF may repair the archive");
                members.refuse(&path, size, "unreadable", &message)?;
            }
        }
    }
    if zip.has_duplicate_names() {
        let message =
            "several members have the same name; only the last of each was read, unpack the others";
        members.stop("duplicate_name", message.to_owned())?;
    }
    members.finish()
}

/// Whether the archive that begins `offset` bytes into `file` is not what the file is: an archive stands
/// before it, or a member that it is the stored content of. Anything else may stand before an archive, for
/// instance a program that unpacks it. The place in `file` is kept.
fn is_inside_another(file: &mut File, offset: u64) -> std::io::Result<bool> {
    const MEMBER: &[u8] = b"PK\x03\x04";
    const HEADER_BYTES: usize = 30;
    let place = file.stream_position()?;
    // A name and an extra field have at most 64 kB each.
    let from = offset.saturating_sub(HEADER_BYTES as u64 + 2 * 65_535);
    let (mut head, mut before) = (Vec::new(), Vec::new());
    file.seek(SeekFrom::Start(0))?;
    (&mut *file)
        .take(MEMBER.len() as u64)
        .read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(from))?;
    (&mut *file).take(offset - from).read_to_end(&mut before)?;
    file.seek(SeekFrom::Start(place))?;
    let holds_all_behind = |at: usize| {
        let length = |at: usize| {
            let bytes = before.get(at..at + 2)?;
            Some(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
        };
        let (name, extra) = (length(at + 26)?, length(at + 28)?);
        Some(at + HEADER_BYTES + name + extra == before.len())
    };
    Ok(head == MEMBER
        || memchr::memmem::find_iter(&before, MEMBER).any(|at| holds_all_behind(at) == Some(true)))
}

/// The number of members that the end of the archive names, if that is found.
fn count_members(file: &mut File) -> std::io::Result<Option<u64>> {
    const END: &[u8] = b"PK\x05\x06";
    let length = file.seek(SeekFrom::End(0))?;
    // The end record is 22 bytes, with a comment of at most 64 kB behind it; that of zip64 before it.
    let from = length.saturating_sub(22 + 65_535 + 20 + 56);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(1 << 17).read_to_end(&mut tail)?;
    file.seek(SeekFrom::Start(0))?;
    let Some(end) = memchr::memmem::rfind(&tail, END) else {
        return Ok(None);
    };
    let short = tail.get(end + 10..end + 12);
    let count = short.map_or(0, |bytes| {
        u64::from(u16::from_le_bytes([bytes[0], bytes[1]]))
    });
    if count < 0xffff {
        return Ok(Some(count));
    }
    let long = memchr::memmem::rfind(&tail[..end], b"PK\x06\x06");
    let bytes = long.and_then(|at| tail.get(at + 32..at + 40));
    Ok(bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_le_bytes))
}

/// The names of all members. Those without a mark are in the code page of the system that made the
/// archive, which all of them together tell: CP866 or windows-1251 where they are Cyrillic, CP437 else.
fn names(zip: &mut ZipArchive<BufReader<File>>) -> Vec<String> {
    let mut names: Vec<Result<String, Vec<u8>>> = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let Ok(about) = zip.by_index_data(index) else {
            names.push(Ok(format!("member {}", index + 1)));
            continue;
        };
        // A name that an extra field gives in UTF-8 stands here already.
        let raw = about.name_raw().to_vec();
        names.push(String::from_utf8(raw).map_err(std::string::FromUtf8Error::into_bytes));
    }
    let foreign: Vec<&[u8]> = names
        .iter()
        .filter_map(|name| name.as_ref().err().map(Vec::as_slice))
        .collect();
    let detected = encoding::detect(&foreign.join(&b'\n')).encoding;
    let cyrillic = matches!(
        detected,
        Encoding::Cp866
            | Encoding::Cp1125
            | Encoding::Windows1251
            | Encoding::Koi8R
            | Encoding::Koi8U
            | Encoding::MacCyrillic
    );
    names
        .into_iter()
        .map(|name| {
            let name = name.unwrap_or_else(|raw| {
                if cyrillic {
                    detected.decode(&raw).text
                } else {
                    cp437(&raw)
                }
            });
            // Some archivers of Windows write its separators.
            name.replace('\\', "/")
        })
        .collect()
}

/// The upper half of the code page of the first PCs.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

fn cp437(raw: &[u8]) -> String {
    raw.iter()
        .map(|byte| match byte {
            0..0x80 => char::from(*byte),
            byte => CP437
                .chars()
                .nth(usize::from(byte - 0x80))
                .unwrap_or('\u{fffd}'),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_page_is_whole() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(cp437(b"M\x81nchen \xe1"), "München ß");
    }
}
