//! Dropout, one pass; see [`crate::ops::dropout`].

use rayon::prelude::*;

use crate::ops::dropout::factor;

/// Elements of one task.
const BLOCK: usize = 4096;

/// Leaves out a share of the values and scales the others up.
pub fn in_place(x: &mut [f32], key: u64, rate: f32) {
    x.par_chunks_mut(BLOCK).enumerate().for_each(|(i, block)| {
        for (j, value) in block.iter_mut().enumerate() {
            *value *= factor(key, (i * BLOCK + j) as u64, rate);
        }
    });
}
