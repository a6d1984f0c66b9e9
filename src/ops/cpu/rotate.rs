//! Rotary embedding in place: one pass over queries or keys.

use rayon::prelude::*;

use super::{super::Places, buf::CpuBuf};

/// Which way the pairs turn: the backward of a rotation is the rotation back.
#[derive(Clone, Copy)]
pub enum Turn {
    /// By the position's angle.
    Forward,
    /// By minus the position's angle.
    Back,
}

/// Tokens that one task rotates.
const ROWS: usize = 64;

/// Rotates each head of each row; row `r` stands `r % seq` tokens into its sequence, and its
/// position counts from the start of its document, plus `past`. Without a table nothing turns.
pub fn rotate(x: &mut CpuBuf, places: Places<'_>, seq: usize, past: usize, turn: Turn) {
    let Some(rope) = places.rope else { return };
    let width = x.cols;
    let half = rope.half;
    x.par_chunks_mut(ROWS * width)
        .enumerate()
        .for_each(|(i, rows)| {
            for (j, row) in rows.chunks_exact_mut(width).enumerate() {
                let r = i * ROWS + j;
                let at = (past + r % seq - places.start(r)) * half;
                let cos = &rope.cos[at..at + half];
                let sin = &rope.sin[at..at + half];
                for head in row.chunks_exact_mut(2 * half) {
                    let (a, b) = head.split_at_mut(half);
                    match turn {
                        Turn::Forward => turn_pairs(a, b, cos, sin),
                        // Turning back swaps the halves' roles.
                        Turn::Back => turn_pairs(b, a, cos, sin),
                    }
                }
            }
        });
}

super::simd::kernel! {
    /// `(a, b) = (a cos - b sin, b cos + a sin)`.
    pub fn turn_pairs(a: &mut [f32], b: &mut [f32], cos: &[f32], sin: &[f32]) {
        for (((a, b), c), s) in a.iter_mut().zip(b.iter_mut()).zip(cos).zip(sin) {
            let (x, y) = (*a, *b);
            *a = x * c - y * s;
            *b = y * c + x * s;
        }
    }
}
