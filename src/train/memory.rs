//! What a run will need in memory, so that it can adapt before it starts.
//!
//! f32 weights, gradients and two moments are 16 bytes a parameter; the rest are activations,
//! which smaller micro-batches and recomputation reduce.

use crate::model::{Config, Part, parameters};

/// How sequences go through the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Sequences at once.
    pub micro_batch: usize,
    /// Whether layers keep only their input.
    pub recompute: bool,
    /// Whether an average of the weights is kept.
    pub average: bool,
    /// Parameters of the adapters that learn; none where all weights do.
    pub adapters: Option<usize>,
}

/// Weights, gradients and moments, and the average of the weights where one is kept, in bytes.
#[must_use]
pub fn fixed_bytes(config: &Config, plan: Plan) -> u64 {
    let each = if plan.average { 20 } else { 16 };
    let all = parameters(config) as u64;
    match plan.adapters {
        // Frozen weights have no gradients and no moments.
        Some(adapters) => 4 * all + each * adapters as u64,
        None => each * all,
    }
}

/// An estimate of everything, in bytes; within a tenth of the peak measured at 15.7M parameters.
#[must_use]
pub fn bytes(config: &Config, seq: usize, plan: Plan) -> u64 {
    let rows = (plan.micro_batch * seq) as u64;
    let width = config.hidden_size as u64;
    let q = (config.heads * config.head_dim) as u64;
    let kv = (config.kv_heads * config.head_dim) as u64;
    // A token goes through several experts, each as wide as this.
    let wide = (config.intermediate_size * config.experts_per_token()) as u64;
    let row = config.arch.row();
    // Queries and keys before the norms of their heads.
    let unnormed = row.index(Part::QNorm).map_or(0, |_| q + kv);
    let gates = if row.index(Part::Gate).is_some() {
        2
    } else {
        1
    };
    let layer = 4 * width + 2 * q + 2 * kv + unnormed + gates * wide;
    let working = 3 * width + 2 * q + 2 * kv + 3 * wide;
    let kept = if plan.recompute {
        config.layers as u64 * width + layer
    } else {
        config.layers as u64 * layer
    };
    let logits = 32 << 20;
    fixed_bytes(config, plan) + 4 * rows * (kept + working) + logits
}

/// The first plan that fits `limit` bytes: as asked, then with recomputation, then with ever
/// smaller micro-batches. `None` when not even one sequence fits.
#[must_use]
pub fn plan(config: &Config, seq: usize, asked: Plan, limit: u64) -> Option<Plan> {
    let mut plan = asked;
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
