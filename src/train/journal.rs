//! Files of a JSON line a step, appended as the run goes, without duplicates after a resume.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::atomic;

/// A line that belongs to a step.
pub trait OfStep: Serialize + DeserializeOwned {
    /// The step.
    fn step(&self) -> u64;
}

/// The open file.
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the file of a run that stands at `step`: later lines, of steps that were lost with an
    /// interruption and come again, are removed.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open<T: OfStep>(path: &Path, step: u64) -> Result<Self> {
        let failed = || format!("cannot write {}", path.display());
        atomic::write_with(path, |out| {
            for_each::<T>(path, &mut |line| {
                if line.step() <= step {
                    serde_json::to_writer(&mut *out, &line)?;
                    out.write_all(b"\n")?;
                }
                Ok(())
            })
        })?;
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .with_context(failed)?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Appends one line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append<T: OfStep>(&mut self, line: &T) -> Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.file
            .write_all(text.as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Calls `each` with every line; a missing file has none, and a line that a power cut left half is
/// of a step that comes again.
///
/// # Errors
/// That of `each`, or when the file cannot be read.
pub fn for_each<T: OfStep>(path: &Path, each: &mut dyn FnMut(T) -> Result<()>) -> Result<()> {
    let failed = || format!("cannot read {}", path.display());
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(failed),
    };
    for line in BufReader::new(file).lines() {
        if let Ok(line) = serde_json::from_str(&line.with_context(failed)?) {
            each(line)?;
        }
    }
    Ok(())
}
