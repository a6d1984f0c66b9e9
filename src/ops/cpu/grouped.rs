//! Products of rows with one of several matrices, read where they lie; see [`crate::ops::grouped`].

use rayon::prelude::*;

use super::{
    super::grouped::{Group, each},
    buf::CpuBuf,
    gemm::{self, Write},
    simd,
};

/// Rows of one task.
const ROWS: usize = 64;

fn part(buf: &CpuBuf, rows: std::ops::Range<usize>) -> &[f32] {
    &buf[rows.start * buf.cols..rows.end * buf.cols]
}

fn part_mut(buf: &mut CpuBuf, rows: std::ops::Range<usize>) -> &mut [f32] {
    let cols = buf.cols;
    &mut buf[rows.start * cols..rows.end * cols]
}

/// Writes `x wᵀ` of every group.
pub fn linear(x: &CpuBuf, w: &CpuBuf, groups: &[usize], y: &mut CpuBuf) {
    for Group { rows, part: of } in each(groups, w.rows) {
        let out = part_mut(y, rows.clone());
        gemm::abt(part(x, rows), part(w, of), out, x.cols, Write::Set);
    }
}

/// Adds `dy w` of every group.
pub fn dx_add(dy: &CpuBuf, w: &CpuBuf, groups: &[usize], dx: &mut CpuBuf) {
    for Group { rows, part: of } in each(groups, w.rows) {
        let out = part_mut(dx, rows.clone());
        gemm::ab(part(dy, rows), part(w, of), out, dy.cols, Write::Add);
    }
}

/// Adds `dyᵀ x` of every group.
pub fn dw_add(x: &CpuBuf, dy: &CpuBuf, groups: &[usize], dw: &mut CpuBuf) {
    for Group { rows, part: of } in each(groups, dw.rows) {
        let (count, out) = (rows.len(), part_mut(dw, of));
        gemm::atb(
            part(dy, rows.clone()),
            part(x, rows),
            out,
            count,
            Write::Add,
        );
    }
}

/// Multiplies every row by its factor.
pub fn scale_rows(factors: &[f32], x: &mut CpuBuf) {
    let cols = x.cols;
    x.par_chunks_mut(ROWS * cols)
        .zip(factors.par_chunks(ROWS))
        .for_each(|(rows, factors)| {
            for (row, &factor) in rows.chunks_exact_mut(cols).zip(factors) {
                simd::scale(factor, row);
            }
        });
}

/// The inner product of every pair of rows.
pub fn row_dots(x: &CpuBuf, y: &CpuBuf) -> Vec<f32> {
    let rows = x.par_chunks(x.cols).zip(y.par_chunks(y.cols));
    rows.with_min_len(ROWS)
        .map(|(x, y)| simd::dot(x, y))
        .collect()
}
