//! `metrics.jsonl`: one line a step, appended as the run goes, without duplicates after a resume.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::journal::{self, OfStep};

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
    /// The share of the step's time that the device waited for data.
    #[serde(default)]
    pub wait_share: f64,
    /// Whether the step was left out: its loss or gradient was no number, or a spike.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// Mean loss on the validation split, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    /// The same in bits for each byte of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_bits_per_byte: Option<f64>,
}

impl OfStep for Line {
    fn step(&self) -> u64 {
        self.step
    }
}

/// Where a run's lines are.
#[must_use]
pub fn path(out: &Path) -> PathBuf {
    out.join("metrics.jsonl")
}

/// The lines of a run.
///
/// # Errors
/// When the file cannot be read.
pub fn read(out: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    journal::for_each(&path(out), &mut |line| {
        lines.push(line);
        Ok(())
    })
    .context("the run's metrics")?;
    Ok(lines)
}
