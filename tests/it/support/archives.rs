//! Archives as their tools write them, and what is wrong with some.

use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A tar archive of regular files.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        tar_file(&mut builder, path, bytes);
    }
    builder.into_inner().expect("memory")
}

/// Adds a regular file.
pub fn tar_file(builder: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    builder
        .append_data(&mut header, path, bytes)
        .expect("memory");
}

/// Adds an entry of another kind, or with a name that the builder would refuse.
pub fn tar_raw(
    builder: &mut tar::Builder<Vec<u8>>,
    path: &str,
    kind: tar::EntryType,
    bytes: &[u8],
) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    builder.append(&header, bytes).expect("memory");
}

/// A zip archive of regular files, each compressed by its method.
pub fn zip(files: &[(&str, &[u8], CompressionMethod)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes, method) in files {
        let options = SimpleFileOptions::default().compression_method(*method);
        writer.start_file(*path, options).expect("memory");
        writer.write_all(bytes).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

/// Sets a field of two bytes in the headers of every member: that of the directory begins `from`
/// bytes into its entry, that of the local header `from - 2`.
pub fn zip_patch(zip: &mut [u8], from: usize, value: u16) {
    let value = value.to_le_bytes();
    for at in 0..zip.len().saturating_sub(46) {
        let (mark, offset) = match &zip[at..at + 4] {
            b"PK\x01\x02" => (true, from),
            b"PK\x03\x04" => (true, from - 2),
            _ => (false, 0),
        };
        if mark {
            zip[at + offset..at + offset + 2].copy_from_slice(&value);
        }
    }
}

/// `bytes` with one string replaced by another of the same length, wherever it stands.
pub fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(&bytes[at..], from) {
        at += found;
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// One gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}
