//! What decides a run's result, and nothing else: it is compared when a run continues.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Packing, Schedule, objective::Objective};
use crate::{
    model::{Config, Lora, ParamSpec, safetensors::Dtype},
    ops::{Precision, quant::Format},
};

/// A run's resolved options; the same options and shards give the same bits on the CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// The model.
    pub model: Config,
    /// The weights that the run starts from: a hash of their file, or none for random ones.
    pub base: Option<String>,
    /// The adapters that learn beside the base's weights; none where all weights learn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<Lora>,
    /// What is learned.
    #[serde(default, skip_serializing_if = "Objective::is_tokens")]
    pub objective: Objective,
    /// A hash of the shards' manifests, with weights where there are several.
    pub shards: String,
    /// Other validation splits that are measured, as name and hash of the shards' manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub val_sets: Vec<String>,
    /// The tokenizer of shards and model.
    pub tokenizer: String,
    /// How documents come into sequences.
    pub packing: Packing,
    /// Tokens of a sequence.
    pub seq_len: usize,
    /// Sequences of a step.
    pub sequences: usize,
    /// Sequences that go through the model at once.
    pub micro_batch: usize,
    /// Whether layers run again in the backward instead of keeping what they computed.
    pub recompute: bool,
    /// Learning rates and the number of steps.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// AdamW's decay of the first moment.
    pub beta1: f64,
    /// AdamW's decay of the second moment.
    pub beta2: f64,
    /// AdamW's epsilon.
    pub eps: f64,
    /// AdamW's weight decay; not for norms.
    pub weight_decay: f64,
    /// The longest gradient, as a norm; none for no clipping.
    pub clip: Option<f64>,
    /// The weight of the squared log-sum-exp of the logits in the loss; none for none.
    pub z_loss: Option<f64>,
    /// What the averaged weights keep of themselves at each step; none for no average.
    pub ema: Option<f64>,
    /// Standard deviations above the last losses from which on a step is left out; none for never.
    pub spike: Option<f64>,
    /// Evaluations without a lower loss after which the run ends; none for never.
    pub patience: Option<u64>,
    /// How the frozen base's matrices are stored; none for f32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_quant: Option<Format>,
    /// Bits of the optimizer's moments; none for 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimizer_bits: Option<u32>,
    /// Whether moments and master weights are in the host's memory, where a GPU computes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offload: bool,
    /// What matrix products multiply in, beside f32; only on GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<Precision>,
    /// How the model's weights are stored in the end.
    pub save_dtype: Dtype,
    /// Seed of weights and order.
    pub seed: u64,
    /// Steps between evaluations; none for only the last.
    pub eval_every: Option<u64>,
    /// Tokens of an evaluation on the way.
    pub eval_tokens: u64,
}

impl Options {
    /// Parameters of the adapters that learn; none where all weights do.
    #[must_use]
    pub fn trained(&self) -> Option<usize> {
        let layout = self.lora.as_ref()?.layout(&self.model);
        Some(layout.iter().map(ParamSpec::count).sum())
    }

    /// Tokens of a step.
    #[must_use]
    pub fn step_tokens(&self) -> u64 {
        (self.sequences * self.seq_len) as u64
    }

    /// Refuses to continue a run that was started with other options.
    ///
    /// # Errors
    /// Names every option that differs.
    pub fn check_same(&self, started: &Self) -> Result<()> {
        let then = started.flat()?;
        let mut differing: Vec<String> = Vec::new();
        let now = self.flat()?;
        for (key, value) in &now {
            let before = then.iter().find(|(k, _)| k == key).map(|(_, v)| v);
            if before != Some(value) {
                let before = before.map_or("nothing".to_owned(), Value::to_string);
                differing.push(format!("{key} was {before}, is now {value}"));
            }
        }
        for (key, value) in then
            .iter()
            .filter(|(key, _)| now.iter().all(|(k, _)| k != key))
        {
            differing.push(format!("{key} was {value}, is now nothing"));
        }
        if differing.is_empty() {
            return Ok(());
        }
        bail!(
            "the directory holds a run of another configuration: {}. Repeat the command as it was \
             to continue that run, or choose another --out",
            differing.join("; ")
        )
    }

    /// The options as (key, value), nested keys joined by dots.
    ///
    /// # Errors
    /// Never for these types; the result is the library's.
    pub fn flat(&self) -> Result<Vec<(String, Value)>> {
        let mut out = Vec::new();
        walk("", serde_json::to_value(self)?, &mut out);
        Ok(out)
    }
}

fn walk(prefix: &str, value: Value, out: &mut Vec<(String, Value)>) {
    let Value::Object(map) = value else {
        out.push((prefix.to_owned(), value));
        return;
    };
    for (key, value) in map {
        let name = if prefix.is_empty() {
            key
        } else {
            format!("{prefix}.{key}")
        };
        walk(&name, value, out);
    }
}
