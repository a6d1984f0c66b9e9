//! Place on disk for what must be read with seeking and comes as a stream: a Parquet file in a zip
//! archive, a compressed Arrow file, standard input.
//!
//! It is a hidden directory in the output directory, made when it is first needed and removed at the
//! end. A spooled file loses its name at once where the system allows that, so a kill leaves nothing.

use super::blocks::Stop;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Name of the directory; hidden, so that it is no foreign file in an output directory.
const NAME: &str = ".spool";

/// The directory of a run.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    count: AtomicU64,
}

impl Spool {
    /// That of the output directory `out`; nothing is made yet.
    #[must_use]
    pub fn new(out: &Path) -> Self {
        Self {
            dir: out.join(NAME),
            count: AtomicU64::new(0),
        }
    }

    /// A new file for `name` in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self, name: &str) -> Result<(PathBuf, File)> {
        let path = self.dir.join(name);
        let file = std::fs::create_dir_all(&self.dir).and_then(|()| {
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path)
        });
        let file = file.with_context(|| crate::atomic::cannot_write(&path))?;
        Ok((path, file))
    }

    /// All of `reader` as a file without a name.
    ///
    /// # Errors
    /// When the reader fails, or there is no room.
    pub fn keep(&self, reader: &mut dyn Read) -> Result<File, Stop> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let (path, mut file) = self.create(&format!("{number}"))?;
        let _ = std::fs::remove_file(&path);
        copy(reader, &mut file)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// Removes the directory and what a kill left in it.
    pub fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Copies a stream piece by piece.
///
/// # Errors
/// Says on which side it failed.
pub fn copy(reader: &mut dyn Read, file: &mut File) -> Result<u64> {
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("the stream is damaged or cut off"),
        };
        file.write_all(&buffer[..count])
            .context("there is no room for a copy of it in the output directory")?;
        bytes += count as u64;
    }
}
