//! `LayerNorm` over the rows of a matrix, and biases of linear layers.
//!
//! As in the other norm, gradients that are summed over rows are summed in blocks of [`ROWS`] rows
//! whose partial sums are added in order, so that threads change nothing.

use rayon::prelude::*;

use super::{buf::CpuBuf, simd};

/// Rows of one task.
const ROWS: usize = 64;

/// Writes the normed rows and, in `stats`, each row's mean and then each row's reciprocal root.
pub fn forward(x: &CpuBuf, w: &[f32], b: &[f32], eps: f32, y: &mut CpuBuf, stats: &mut [f32]) {
    let width = x.cols;
    let (means, rstds) = stats.split_at_mut(x.rows);
    x.par_chunks(ROWS * width)
        .zip(y.par_chunks_mut(ROWS * width))
        .zip(means.par_chunks_mut(ROWS))
        .zip(rstds.par_chunks_mut(ROWS))
        .for_each(|(((x, y), means), rstds)| {
            let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
            for (((x, y), mean), rstd) in rows.zip(means).zip(rstds) {
                *mean = simd::total(x) / width as f32;
                *rstd = norm_row(x, w, b, *mean, eps, y);
            }
        });
}

simd::kernel! {
    /// Norms one row and returns its reciprocal root.
    pub fn norm_row(x: &[f32], w: &[f32], b: &[f32], mean: f32, eps: f32, y: &mut [f32]) -> f32 {
        let squares = simd::sum(x.len(), |i| (x[i] - mean) * (x[i] - mean));
        let rstd = 1.0 / (squares / x.len() as f32 + eps).sqrt();
        for (((y, x), w), b) in y.iter_mut().zip(x).zip(w).zip(b) {
            *y = (x - mean) * rstd * w + b;
        }
        rstd
    }
}

/// Adds the gradients of the weight, of the bias and of x.
pub fn backward_add(
    x: &CpuBuf,
    w: &[f32],
    stats: &[f32],
    dy: &[f32],
    [dw, db]: [&mut CpuBuf; 2],
    dx: &mut [f32],
) {
    let width = x.cols;
    let block = ROWS * width;
    let (means, rstds) = stats.split_at(x.rows);
    let partial: Vec<Vec<f32>> = x
        .par_chunks(block)
        .zip(dy.par_chunks(block))
        .zip(dx.par_chunks_mut(block))
        .zip(means.par_chunks(ROWS).zip(rstds.par_chunks(ROWS)))
        .map(|(((x, dy), dx), (means, rstds))| {
            let mut sums = vec![0.0; 2 * width];
            let (dw, db) = sums.split_at_mut(width);
            let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
            let rows = rows.zip(dx.chunks_exact_mut(width));
            for (((x, dy), dx), (mean, rstd)) in rows.zip(means.iter().zip(rstds)) {
                backward_row(x, w, *mean, *rstd, dy, dw, dx);
                simd::axpy(1.0, dy, db);
            }
            sums
        })
        .collect();
    for part in &partial {
        simd::axpy(1.0, &part[..width], dw);
        simd::axpy(1.0, &part[width..], db);
    }
}

simd::kernel! {
    /// One row of the backward.
    pub fn backward_row(
        x: &[f32],
        w: &[f32],
        mean: f32,
        rstd: f32,
        dy: &[f32],
        dw: &mut [f32],
        dx: &mut [f32],
    ) {
        let len = x.len();
        let (w, dy, dw, dx) = (&w[..len], &dy[..len], &mut dw[..len], &mut dx[..len]);
        let plain = simd::sum(len, |i| dy[i] * w[i]) / len as f32;
        let inner = simd::sum(len, |i| dy[i] * w[i] * (x[i] - mean)) * rstd / len as f32;
        for i in 0..len {
            let normed = (x[i] - mean) * rstd;
            dw[i] += dy[i] * normed;
            dx[i] += rstd * (dy[i] * w[i] - plain - normed * inner);
        }
    }
}

/// Adds the vector to every row.
pub fn bias_add(bias: &[f32], y: &mut CpuBuf) {
    let width = y.cols;
    y.par_chunks_mut(ROWS * width).for_each(|rows| {
        for row in rows.chunks_exact_mut(width) {
            simd::axpy(1.0, bias, row);
        }
    });
}

/// Adds the sum of the rows.
pub fn bias_backward_add(dy: &CpuBuf, dbias: &mut [f32]) {
    let width = dy.cols;
    let partial: Vec<Vec<f32>> = dy
        .par_chunks(ROWS * width)
        .map(|rows| {
            let mut sum = vec![0.0; width];
            for row in rows.chunks_exact(width) {
                simd::axpy(1.0, row, &mut sum);
            }
            sum
        })
        .collect();
    for part in &partial {
        simd::axpy(1.0, part, dbias);
    }
}
