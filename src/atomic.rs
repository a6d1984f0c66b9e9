//! Files that are either whole or absent: written under a temporary name, synced, renamed.
//!
//! A kill, a power cut or a full disk leaves at most a `.tmp` file, which the next run overwrites.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// The temporary name of `path`, beside it so that the rename stays on one file system.
#[must_use]
pub fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// What a committed file holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Written {
    /// Size in bytes.
    pub bytes: u64,
    /// xxh3-128 of the content, hexadecimal.
    pub xxh3: String,
}

/// A file that appears under its name only when it is whole. Dropped before, it leaves nothing.
pub struct AtomicFile {
    path: PathBuf,
    out: Option<BufWriter<File>>,
    hash: Xxh3,
    bytes: u64,
}

impl AtomicFile {
    /// Begins to write `path` under its temporary name.
    ///
    /// # Errors
    /// Names the path.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(temporary(path)).with_context(|| cannot_write(path))?;
        let out = Some(BufWriter::with_capacity(1 << 20, file));
        Ok(Self {
            path: path.to_owned(),
            out,
            hash: Xxh3::new(),
            bytes: 0,
        })
    }

    /// Syncs the file, gives it its name and says what is in it.
    ///
    /// # Errors
    /// Names the path.
    pub fn commit(mut self) -> Result<Written> {
        if let Some(out) = self.out.take() {
            let synced = out
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)
                .and_then(|file| file.sync_all());
            let renamed = synced.and_then(|()| std::fs::rename(temporary(&self.path), &self.path));
            if renamed.is_err() {
                let _ = std::fs::remove_file(temporary(&self.path));
            }
            renamed.with_context(|| cannot_write(&self.path))?;
        }
        sync_parent(&self.path);
        Ok(Written {
            bytes: self.bytes,
            xxh3: format!("{:032x}", self.hash.digest128()),
        })
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let out = self.out.as_mut().ok_or(std::io::ErrorKind::NotConnected)?;
        let count = out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.out.is_some() {
            let _ = std::fs::remove_file(temporary(&self.path));
        }
    }
}

/// Writes `path` through `fill`, syncs it and puts it in place.
///
/// # Errors
/// Names the path, and what failed; the temporary file is removed.
pub fn write_with<T>(path: &Path, fill: impl FnOnce(&mut AtomicFile) -> Result<T>) -> Result<T> {
    let mut file = AtomicFile::create(path)?;
    let value = fill(&mut file).with_context(|| cannot_write(path))?;
    file.commit()?;
    Ok(value)
}

/// Writes all of `bytes` to `path`, whole or not at all.
///
/// # Errors
/// As [`write_with`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |out| Ok(out.write_all(bytes)?))
}

/// Writes `value` as indented JSON with a final newline.
///
/// # Errors
/// As [`write_with`].
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    write_with(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        Ok(out.write_all(b"\n")?)
    })
}

/// Syncs the directory of `path`, so that its name survives a power cut.
fn sync_parent(path: &Path) {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // Not every file system lets a directory be synced; the rename itself stands either way.
    if let Ok(directory) = File::open(parent) {
        let _ = directory.sync_all();
    }
}

/// What is said, with the system's reason behind it, when `path` could not be written.
#[must_use]
pub fn cannot_write(path: &Path) -> String {
    format!(
        "cannot write {}; what was finished is kept: make room or fix the permissions and run the same command again",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_absent() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("a.json");
        let failed = write_with(&path, |out| {
            out.write_all(b"half")?;
            anyhow::bail!("no room")
        });
        let error: anyhow::Error = failed.map(|(): ()| ()).expect_err("fails");
        assert!(
            format!("{error:#}").contains("a.json") && format!("{error:#}").contains("no room")
        );
        assert_eq!(std::fs::read_dir(dir.path()).expect("reads").count(), 0);
        let mut file = AtomicFile::create(&path).expect("creates");
        file.write_all(b"whole").expect("writes");
        let written = file.commit().expect("commits");
        assert_eq!(written.xxh3, crate::document::id::hex_hash(b"whole"));
        assert_eq!(std::fs::read(&path).expect("reads"), b"whole");
    }
}
