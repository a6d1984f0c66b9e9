//! `metrics.jsonl`: one line a step, appended as the run goes, without duplicates after a resume.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::atomic;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The step, from 1.
    pub step: u64,
    /// Tokens seen so far.
    pub tokens: u64,
    /// Mean loss of the step, nats a counted token; null when it counted none.
    pub loss: Option<f64>,
    /// Learning rate.
    pub lr: f64,
    /// The gradient's norm before clipping.
    pub grad_norm: f64,
    /// Tokens a second in this step.
    pub tokens_per_second: f64,
    /// Mean loss on the validation split, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    /// The same in bits for each byte of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_bits_per_byte: Option<f64>,
}

/// The open file.
pub struct Metrics {
    path: PathBuf,
    file: File,
}

impl Metrics {
    /// Opens the file of a run that stands at `step`: later lines, of steps that were lost with an
    /// interruption and come again, are removed.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(out: &Path, step: u64) -> Result<Self> {
        let path = out.join("metrics.jsonl");
        let failed = || format!("cannot write {}", path.display());
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(failed),
        };
        let mut kept = String::new();
        for line in text.lines() {
            // A line that a power cut left half is of a step that comes again.
            if serde_json::from_str::<Line>(line).is_ok_and(|line| line.step <= step) {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        atomic::write(&path, kept.as_bytes())?;
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .with_context(failed)?;
        Ok(Self { path, file })
    }

    /// Appends one line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.file
            .write_all(text.as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The lines of a run.
///
/// # Errors
/// When the file is missing or damaged.
pub fn read(out: &Path) -> Result<Vec<Line>> {
    let path = out.join("metrics.jsonl");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}
