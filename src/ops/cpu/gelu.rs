//! GELU by its tanh formula, one pass over memory each way.
//!
//! `(1 + tanh u) / 2` is the logistic function of `2u`, so that one exponential does it.

use rayon::prelude::*;

use super::simd;

/// Elements of one task.
const BLOCK: usize = 4096;
/// `2 √(2/π)`.
const SLOPE: f32 = 1.595_769;
const CUBIC: f32 = 0.044_715;

/// Writes the activation.
pub fn forward(x: &[f32], act: &mut [f32]) {
    x.par_chunks(BLOCK)
        .zip(act.par_chunks_mut(BLOCK))
        .with_min_len(8)
        .for_each(|(x, act)| forward_block(x, act));
}

/// Turns x into its gradient and the activation's gradient into the activation.
pub fn backward_in_place(x: &mut [f32], act: &mut [f32]) {
    x.par_chunks_mut(BLOCK)
        .zip(act.par_chunks_mut(BLOCK))
        .with_min_len(8)
        .for_each(|(x, act)| backward_block(x, act));
}

simd::kernel! {
    /// One block of the forward.
    pub fn forward_block(x: &[f32], act: &mut [f32]) {
        for (x, a) in x.iter().zip(act) {
            let inner = SLOPE * (x + CUBIC * x * x * x);
            *a = x / (1.0 + simd::exp(-inner));
        }
    }
}

simd::kernel! {
    /// One block of the backward.
    pub fn backward_block(x: &mut [f32], act: &mut [f32]) {
        for (x, act) in x.iter_mut().zip(act) {
            let (v, d) = (*x, *act);
            let inner = SLOPE * (v + CUBIC * v * v * v);
            let gate = 1.0 / (1.0 + simd::exp(-inner));
            let slope = SLOPE * (1.0 + 3.0 * CUBIC * v * v);
            *x = d * (gate + v * gate * (1.0 - gate) * slope);
            *act = v * gate;
        }
    }
}
