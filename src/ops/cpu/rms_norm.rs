//! Root-mean-square norm over the rows of a matrix.
//!
//! Backward reduces the weight's gradient over all rows; it does so in blocks of [`ROWS`] rows
//! whose partial sums are added in order, so that threads change nothing.

use rayon::prelude::*;

use super::{buf::CpuBuf, simd};

/// Rows of one task.
const ROWS: usize = 64;

/// Writes the normed rows and the reciprocal root of each.
pub fn forward(x: &CpuBuf, w: &[f32], eps: f32, y: &mut CpuBuf, rstd: &mut [f32]) {
    let width = x.cols;
    x.par_chunks(ROWS * width)
        .zip(y.par_chunks_mut(ROWS * width))
        .zip(rstd.par_chunks_mut(ROWS))
        .for_each(|((x, y), rstd)| {
            let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
            for ((x, y), rstd) in rows.zip(rstd) {
                *rstd = norm_row(x, w, eps, y);
            }
        });
}

simd::kernel! {
    /// Norms one row and returns its reciprocal root.
    pub fn norm_row(x: &[f32], w: &[f32], eps: f32, y: &mut [f32]) -> f32 {
        let squares = simd::sum(x.len(), |i| x[i] * x[i]);
        let rstd = 1.0 / (squares / x.len() as f32 + eps).sqrt();
        for ((y, x), w) in y.iter_mut().zip(x).zip(w) {
            *y = x * rstd * w;
        }
        rstd
    }
}

/// Adds the gradients of the weight and of x.
pub fn backward_add(
    x: &CpuBuf,
    w: &[f32],
    rstd: &[f32],
    dy: &[f32],
    dw: &mut [f32],
    dx: &mut [f32],
) {
    let width = x.cols;
    let block = ROWS * width;
    let partial: Vec<Vec<f32>> = x
        .par_chunks(block)
        .zip(dy.par_chunks(block))
        .zip(dx.par_chunks_mut(block))
        .zip(rstd.par_chunks(ROWS))
        .map(|(((x, dy), dx), rstd)| {
            let mut dw = vec![0.0; width];
            let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
            for (((x, dy), dx), rstd) in rows.zip(dx.chunks_exact_mut(width)).zip(rstd) {
                backward_row(x, w, *rstd, dy, &mut dw, dx);
            }
            dw
        })
        .collect();
    for part in &partial {
        simd::axpy(1.0, part, dw);
    }
}

simd::kernel! {
    /// One row of the backward.
    pub fn backward_row(
        x: &[f32],
        w: &[f32],
        rstd: f32,
        dy: &[f32],
        dw: &mut [f32],
        dx: &mut [f32],
    ) {
        let len = x.len();
        let (w, dy, dw, dx) = (&w[..len], &dy[..len], &mut dw[..len], &mut dx[..len]);
        let inner = simd::sum(len, |i| dy[i] * w[i] * x[i]);
        let back = rstd * rstd * rstd * inner / len as f32;
        for i in 0..len {
            dw[i] += dy[i] * x[i] * rstd;
            dx[i] += dy[i] * w[i] * rstd - x[i] * back;
        }
    }
}
