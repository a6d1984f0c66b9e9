//! Files that are either whole or absent: written under a temporary name, synced, renamed.
//!
//! A kill, a power cut or a full disk leaves at most a `.tmp` file, which the next run overwrites.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// The temporary name of `path`, beside it so that the rename stays on one file system.
#[must_use]
pub fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Writes `path` through `fill`, syncs it and puts it in place.
///
/// # Errors
/// Names the path, and what failed; the temporary file is removed.
pub fn write_with<T>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<T>,
) -> Result<T> {
    let temporary = temporary(path);
    let outcome = (|| {
        let file = File::create(&temporary)?;
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        let value = fill(&mut writer)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        Ok(value)
    })();
    match outcome {
        Ok(value) => {
            commit(&temporary, path)?;
            Ok(value)
        }
        Err(error) => {
            let _ = std::fs::remove_file(&temporary);
            let error: anyhow::Error = error;
            Err(error).with_context(|| cannot_write(path))
        }
    }
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

/// Renames a synced temporary file into place and syncs the directory, so that the name survives.
///
/// # Errors
/// Names the path.
pub fn commit(temporary: &Path, path: &Path) -> Result<()> {
    std::fs::rename(temporary, path).with_context(|| cannot_write(path))?;
    if let Some(parent) = path.parent() {
        // Not every file system lets a directory be synced; the rename itself stands either way.
        if let Ok(directory) = File::open(if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        }) {
            let _ = directory.sync_all();
        }
    }
    Ok(())
}

fn cannot_write(path: &Path) -> String {
    format!(
        "cannot write {}; what was finished is kept: make room or fix the permissions and run the same command again",
        path.display()
    )
}
