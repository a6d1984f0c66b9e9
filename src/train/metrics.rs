//! `metrics.jsonl`: one line a step, appended as the run goes, without duplicates after a resume.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{
    journal::{self, OfStep},
    objective::{Preferred, classes::Told},
};
use crate::{eval::Means, model::Spread};

/// How a step's tokens were spread over the experts. No token is dropped: experts have no capacity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experts {
    /// The load-balancing loss before its weight: as many as a token's experts when all are used
    /// alike, up to that times the experts' number when always the same are.
    pub balance: f64,
    /// The share of the choices that each expert has, over all layers.
    pub shares: Vec<f64>,
    /// The largest share that one expert has in one layer.
    pub largest_share: f64,
}

impl From<&Spread> for Experts {
    fn from(spread: &Spread) -> Self {
        Self {
            balance: spread.balance(),
            shares: spread.shares(),
            largest_share: spread.largest_share(),
        }
    }
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The step, from 1; 0 is what was measured before the first.
    pub step: u64,
    /// Tokens seen so far.
    pub tokens: u64,
    /// Mean loss of the step, nats a counted token, or of a pair of answers; null when it counted none.
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
    /// The share of the device's peak that the step used; null where the peak is not known.
    #[serde(default)]
    pub mfu: Option<f64>,
    /// Whether the step was left out: its loss or gradient was no number, or a spike.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// Mean loss on the validation split, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    /// The same in bits for each byte of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_bits_per_byte: Option<f64>,
    /// What became of the step's pairs of answers, where these are learned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preference: Option<Preferred>,
    /// The same of the validation split, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_preference: Option<Preferred>,
    /// How well the labels of the validation split were told, where labels are learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_classes: Option<Told>,
    /// The use of the experts, where the model has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<Experts>,
    /// The means by source, where it was measured and the shards say where documents are from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_by_source: Option<BTreeMap<String, Means>>,
    /// The means by language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_by_language: Option<BTreeMap<String, Means>>,
    /// The means of the other validation splits by their names (`--val`), where they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_sets: Option<BTreeMap<String, Means>>,
}

/// Splits with their losses in words: `new 3.210, old 2.871`.
#[must_use]
pub fn losses(sets: &BTreeMap<String, Means>) -> String {
    let each = sets
        .iter()
        .map(|(name, means)| format!("{name} {:.3}", means.loss));
    each.collect::<Vec<_>>().join(", ")
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
