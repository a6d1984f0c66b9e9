//! The gated activation `silu(gate) * up`, one pass over memory each way.

use rayon::prelude::*;

use super::simd;

/// Elements of one task: 16 KiB of each operand, within the first-level cache with the others.
const BLOCK: usize = 4096;

/// Writes `gate / (1 + e^-gate) * up`.
pub fn forward(gate: &[f32], up: &[f32], act: &mut [f32]) {
    gate.par_chunks(BLOCK)
        .zip(up.par_chunks(BLOCK))
        .zip(act.par_chunks_mut(BLOCK))
        .with_min_len(8)
        .for_each(|((gate, up), act)| forward_block(gate, up, act));
}

/// Turns gate into its gradient, up into its gradient and the activation's gradient into the
/// activation.
pub fn backward_in_place(gate: &mut [f32], up: &mut [f32], act: &mut [f32]) {
    gate.par_chunks_mut(BLOCK)
        .zip(up.par_chunks_mut(BLOCK))
        .zip(act.par_chunks_mut(BLOCK))
        .with_min_len(8)
        .for_each(|((gate, up), act)| backward_block(gate, up, act));
}

simd::kernel! {
    /// One block of the forward.
    pub fn forward_block(gate: &[f32], up: &[f32], act: &mut [f32]) {
        for ((g, u), a) in gate.iter().zip(up).zip(act) {
            *a = g / (1.0 + simd::exp(-g)) * u;
        }
    }
}

simd::kernel! {
    /// One block of the backward.
    pub fn backward_block(gate: &mut [f32], up: &mut [f32], act: &mut [f32]) {
        for ((gate, up), act) in gate.iter_mut().zip(up).zip(act) {
            let (g, u, d) = (*gate, *up, *act);
            let sigmoid = 1.0 / (1.0 + simd::exp(-g));
            let silu = g * sigmoid;
            *gate = d * u * sigmoid * (1.0 + g * (1.0 - sigmoid));
            *up = d * silu;
            *act = silu * u;
        }
    }
}
