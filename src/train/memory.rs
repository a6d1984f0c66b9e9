//! What a run will need in memory, so that it can adapt before it starts.
//!
//! f32 weights, gradients and two moments are 16 bytes a parameter; the rest are activations,
//! which smaller micro-batches and recomputation reduce.

use crate::model::{Config, parameters};

/// How sequences go through the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Sequences at once.
    pub micro_batch: usize,
    /// Whether layers keep only their input.
    pub recompute: bool,
}

/// Weights, gradients and moments, in bytes.
#[must_use]
pub fn fixed_bytes(config: &Config) -> u64 {
    16 * parameters(config) as u64
}

/// An estimate of everything, in bytes; within a tenth of the peak measured at 15.7M parameters.
#[must_use]
pub fn bytes(config: &Config, seq: usize, plan: Plan) -> u64 {
    let rows = (plan.micro_batch * seq) as u64;
    let width = config.hidden_size as u64;
    let q = (config.heads * config.head_dim) as u64;
    let kv = (config.kv_heads * config.head_dim) as u64;
    let wide = config.intermediate_size as u64;
    let layer = 4 * width + 2 * q + 2 * kv + 2 * wide;
    let working = 3 * width + 2 * q + 2 * kv + 3 * wide;
    let kept = if plan.recompute {
        config.layers as u64 * width + layer
    } else {
        config.layers as u64 * layer
    };
    let logits = 32 << 20;
    fixed_bytes(config) + 4 * rows * (kept + working) + logits
}

/// The first plan that fits `limit` bytes: as asked, then with recomputation, then with ever
/// smaller micro-batches. `None` when not even one sequence fits.
#[must_use]
pub fn plan(config: &Config, seq: usize, asked: usize, limit: u64) -> Option<Plan> {
    let mut plan = Plan {
        micro_batch: asked,
        recompute: false,
    };
    while bytes(config, seq, plan) > limit {
        if !plan.recompute {
            plan.recompute = true;
        } else if plan.micro_batch > 1 {
            plan.micro_batch = plan.micro_batch.div_ceil(2);
        } else {
            return None;
        }
    }
    Some(plan)
}
