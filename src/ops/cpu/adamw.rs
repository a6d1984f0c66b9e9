//! AdamW in one pass: weights, gradient and both moments are read and written once each, where an
//! update out of operations makes about ten temporaries of the parameter's size.

use rayon::prelude::*;

use super::{super::AdamStep, CpuBuf, simd};
use crate::ops::quant::{
    adam::{self, Block, EightSlot},
    bytes_mut,
};

/// Elements of one task.
const BLOCK: usize = 16 * 1024;

/// Updates the weights and the moments and sets the gradient to zero.
pub fn update(w: &mut [f32], g: &mut [f32], m: &mut [f32], v: &mut [f32], step: AdamStep) {
    w.par_chunks_mut(BLOCK)
        .zip(g.par_chunks_mut(BLOCK))
        .zip(m.par_chunks_mut(BLOCK))
        .zip(v.par_chunks_mut(BLOCK))
        .for_each(|(((w, g), m), v)| update_block(w, g, m, v, step));
}

simd::kernel! {
    /// One block of the update.
    pub fn update_block(
        w: &mut [f32],
        g: &mut [f32],
        m: &mut [f32],
        v: &mut [f32],
        step: AdamStep,
    ) {
        let power = i32::try_from(step.step).unwrap_or(i32::MAX);
        let unbias1 = 1.0 / (1.0 - step.beta1.powi(power));
        let unbias2 = 1.0 / (1.0 - step.beta2.powi(power));
        let keep = 1.0 - step.lr * step.weight_decay;
        for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            let grad = *g * step.grad_scale;
            *g = 0.0;
            *m = step.beta1 * *m + (1.0 - step.beta1) * grad;
            *v = step.beta2 * *v + (1.0 - step.beta2) * grad * grad;
            let root = (*v * unbias2).sqrt() + step.eps;
            *w = *w * keep - step.lr * (*m * unbias1) / root;
        }
    }
}

/// The same with moments in 8 bits, block by block.
pub fn update_eight(slot: EightSlot<'_, CpuBuf>, step: AdamStep) {
    let EightSlot { weight, grad, m, v } = slot;
    let count = weight.len();
    let blocks = weight
        .par_chunks_mut(adam::BLOCK)
        .zip(grad.par_chunks_mut(adam::BLOCK));
    let m = bytes_mut(&mut m.codes)[..count]
        .par_chunks_mut(adam::BLOCK)
        .zip(m.scales.par_iter_mut());
    let v = bytes_mut(&mut v.codes)[..count]
        .par_chunks_mut(adam::BLOCK)
        .zip(v.scales.par_iter_mut());
    let all = blocks.zip(m).zip(v).with_min_len(BLOCK / adam::BLOCK);
    all.for_each(|(((w, g), (m, m_scale)), (v, v_scale))| {
        let [m, v] = [(m, m_scale), (v, v_scale)].map(|(codes, scale)| Block { codes, scale });
        adam::update_block(w, g, m, v, step);
    });
}

/// `average = keep * average + (1 - keep) * weights`.
pub fn average(average: &mut [f32], weights: &[f32], keep: f32) {
    average
        .par_chunks_mut(BLOCK)
        .zip(weights.par_chunks(BLOCK))
        .for_each(|(average, weights)| average_block(average, weights, keep));
}

simd::kernel! {
    /// One block of the average.
    pub fn average_block(average: &mut [f32], weights: &[f32], keep: f32) {
        for (a, w) in average.iter_mut().zip(weights) {
            // Written so that an average that equals the weights stays what it is, to the bit.
            *a = w + keep * (*a - w);
        }
    }
}

/// The sum of squares: blocks in f32 lanes, their sums in f64 in order.
pub fn sum_squares(x: &[f32]) -> f64 {
    let parts: Vec<f64> = x
        .par_chunks(BLOCK)
        .map(|x| {
            x.chunks(1024)
                .map(|x| f64::from(simd::dot(x, x)))
                .sum::<f64>()
        })
        .collect();
    parts.iter().sum()
}
