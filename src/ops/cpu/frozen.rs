//! Products with frozen matrices in 4 or 8 bits: a tile at a time becomes f32 in memory that stays in
//! the cache, and is multiplied there.

use rayon::prelude::*;

use super::{
    CpuBuf,
    disjoint::Disjoint,
    gemm::{Sizes, View, Write, block},
};
use crate::ops::quant::{Frozen, bytes, frozen};

/// Rows of a tile, or columns: a multiple of the blocks of scales.
const TILE: usize = 2 * frozen::BLOCK;

/// The bytes of a matrix's codes, and its scales.
struct Rows<'a> {
    w: &'a Frozen<CpuBuf>,
    codes: &'a [u8],
    each: usize,
    blocks: usize,
}

impl<'a> Rows<'a> {
    fn of(w: &'a Frozen<CpuBuf>) -> Self {
        Self {
            w,
            codes: bytes(&w.codes),
            each: w.format.row_bytes(w.cols),
            blocks: w.cols.div_ceil(frozen::BLOCK),
        }
    }

    /// Columns `first..` of a row, as many as `out` has.
    fn unpack(&self, row: usize, first: usize, out: &mut [f32]) {
        let codes = &self.codes[row * self.each..(row + 1) * self.each];
        let scales = &self.w.scales[row * self.blocks..(row + 1) * self.blocks];
        frozen::unpack(self.w.format, codes, scales, first, out);
    }
}

/// The whole matrix.
pub fn unpack(w: &Frozen<CpuBuf>, out: &mut [f32]) {
    let rows = Rows::of(w);
    let each = out.par_chunks_exact_mut(w.cols.max(1)).enumerate();
    each.for_each(|(row, out)| rows.unpack(row, 0, out));
}

/// `y += x wᵀ`: tiles are rows of w, which are columns of y.
pub fn linear_add(x: &CpuBuf, w: &Frozen<CpuBuf>, y: &mut CpuBuf) {
    assert!(
        x.cols == w.cols && y.cols == w.rows && y.rows == x.rows,
        "the sizes of a product"
    );
    let (rows, all) = (Rows::of(w), w.rows);
    let y = Disjoint::new(y);
    (0..all.div_ceil(TILE)).into_par_iter().for_each(|tile| {
        let first = tile * TILE;
        let count = TILE.min(all - first);
        let mut values = vec![0.0; count * w.cols];
        for (row, out) in (first..).zip(values.chunks_exact_mut(w.cols)) {
            rows.unpack(row, 0, out);
        }
        let sizes = Sizes {
            m: x.rows,
            n: count,
            k: w.cols,
        };
        let (a, b) = (View::rows(x, x.cols), View::transposed(&values, w.cols));
        // SAFETY: each task has its own columns of y.
        unsafe { block(sizes, a, b, &y, first, all, Write::Add) };
    });
}

/// `dx += dy w`: tiles are columns of w, which are those of dx.
pub fn dx_add(dy: &CpuBuf, w: &Frozen<CpuBuf>, dx: &mut CpuBuf) {
    assert!(
        dy.cols == w.rows && dx.cols == w.cols && dx.rows == dy.rows,
        "the sizes of a product"
    );
    let (rows, all) = (Rows::of(w), w.cols);
    let dx = Disjoint::new(dx);
    (0..all.div_ceil(TILE)).into_par_iter().for_each(|tile| {
        let first = tile * TILE;
        let count = TILE.min(all - first);
        let mut values = vec![0.0; w.rows * count];
        for (row, out) in values.chunks_exact_mut(count).enumerate() {
            rows.unpack(row, first, out);
        }
        let sizes = Sizes {
            m: dy.rows,
            n: count,
            k: w.rows,
        };
        let (a, b) = (View::rows(dy, dy.cols), View::rows(&values, count));
        // SAFETY: each task has its own columns of dx.
        unsafe { block(sizes, a, b, &dx, first, all, Write::Add) };
    });
}
