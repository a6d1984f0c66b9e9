//! Matrix products, in the three orders that a linear layer needs, without transposing anything.
//!
//! The result is cut into tiles whose size depends on the shapes alone; each tile is one
//! single-threaded call of the `gemm` crate (about 100 GFLOP/s a core with AVX2), so that threads
//! never wait for each other inside of a product and the bits do not depend on their number.

use rayon::prelude::*;

use super::disjoint::Disjoint;

/// What happens to the values that the result had.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// They are overwritten.
    Set,
    /// The product is added to them.
    Add,
}

/// A strided view of a matrix of f32.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The first element onward.
    pub data: &'a [f32],
    /// Elements from one row to the next.
    pub row_stride: usize,
    /// Elements from one column to the next.
    pub col_stride: usize,
}

impl<'a> View<'a> {
    /// Rows of `stride` elements.
    pub fn rows(data: &'a [f32], stride: usize) -> Self {
        Self {
            data,
            row_stride: stride,
            col_stride: 1,
        }
    }

    /// The transpose of rows of `stride` elements.
    pub fn transposed(data: &'a [f32], stride: usize) -> Self {
        Self {
            data,
            row_stride: 1,
            col_stride: stride,
        }
    }

    fn offset(&self, row: usize, col: usize) -> usize {
        row * self.row_stride + col * self.col_stride
    }

    fn holds(&self, rows: usize, cols: usize) -> bool {
        rows == 0 || cols == 0 || self.offset(rows - 1, cols - 1) < self.data.len()
    }
}

/// The sizes of a product: `[m, k] × [k, n] → [m, n]`.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// The length that is summed over.
    pub k: usize,
}

/// One product on the calling thread: `c = a b` or `c += a b`. Rows of `c` are
/// `c_stride` elements apart and `c` begins at element `at`.
///
/// # Safety
/// No one else reads or writes the elements of this block of `c` meanwhile.
pub unsafe fn block(
    sizes: Sizes,
    a: View<'_>,
    b: View<'_>,
    c: &Disjoint<'_>,
    at: usize,
    c_stride: usize,
    write: Write,
) {
    let Sizes { m, n, k } = sizes;
    if m == 0 || n == 0 {
        return;
    }
    assert!(
        a.holds(m, k) && b.holds(k, n),
        "operands of {m} x {k} x {n}"
    );
    assert!(
        (m - 1) * c_stride + n <= c.len_from(at),
        "result of {m} x {n}"
    );
    // SAFETY: every element the call reads lies in `a` and `b` and every one it writes in `c`
    // (asserted above); `c`'s block is not aliased by the caller's promise.
    unsafe {
        ::gemm::gemm(
            m,
            n,
            k,
            c.at(at),
            1,
            c_stride as isize,
            write == Write::Add,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0_f32,
            1.0,
            false,
            false,
            false,
            ::gemm::Parallelism::None,
        );
    }
}

/// Work below which a product is not cut: about 20 µs.
const SMALL: usize = 1 << 20;
/// Parts that a product is cut into where its sides allow.
const PARTS: usize = 16;
/// The shortest side of a tile: below it packing costs more than it saves.
const SHORTEST: usize = 128;

/// The tile of an `m × n` result: halves the longer side until there are [`PARTS`] tiles.
fn tile(sizes: Sizes) -> (usize, usize) {
    let Sizes { m, n, k } = sizes;
    let (mut rows, mut cols) = (m, n);
    if m * n * k <= SMALL {
        return (rows, cols);
    }
    while m.div_ceil(rows) * n.div_ceil(cols) < PARTS {
        if rows >= cols && rows >= 2 * SHORTEST {
            rows = rows.div_ceil(2).next_multiple_of(8);
        } else if cols >= 2 * SHORTEST {
            cols = cols.div_ceil(2).next_multiple_of(8);
        } else {
            break;
        }
    }
    (rows, cols)
}

/// A whole product over the current pool's threads; `c` is contiguous.
fn product(sizes: Sizes, a: View<'_>, b: View<'_>, c: &mut [f32], write: Write) {
    let Sizes { m, n, k } = sizes;
    assert_eq!(c.len(), m * n, "the result holds {m} x {n}");
    if m == 0 || n == 0 {
        return;
    }
    let (rows, cols) = tile(sizes);
    let across = n.div_ceil(cols);
    let c = Disjoint::new(c);
    (0..m.div_ceil(rows) * across)
        .into_par_iter()
        .for_each(|i| {
            let (row, col) = (i / across * rows, i % across * cols);
            let part = Sizes {
                m: rows.min(m - row),
                n: cols.min(n - col),
                k,
            };
            let a = View {
                data: &a.data[a.offset(row, 0)..],
                ..a
            };
            let b = View {
                data: &b.data[b.offset(0, col)..],
                ..b
            };
            // SAFETY: tiles do not overlap, and each is one task's.
            unsafe { block(part, a, b, &c, row * n + col, n, write) };
        });
}

/// `c = a bᵀ` for `a: [m, k]`, `b: [n, k]`.
pub fn abt(a: &[f32], b: &[f32], c: &mut [f32], k: usize, write: Write) {
    let sizes = Sizes {
        m: a.len() / k,
        n: b.len() / k,
        k,
    };
    product(sizes, View::rows(a, k), View::transposed(b, k), c, write);
}

/// `c = a b` for `a: [m, k]`, `b: [k, n]`.
pub fn ab(a: &[f32], b: &[f32], c: &mut [f32], k: usize, write: Write) {
    let sizes = Sizes {
        m: a.len() / k,
        n: b.len() / k,
        k,
    };
    product(sizes, View::rows(a, k), View::rows(b, sizes.n), c, write);
}

/// `c = aᵀ b` for `a: [k, m]`, `b: [k, n]`.
pub fn atb(a: &[f32], b: &[f32], c: &mut [f32], k: usize, write: Write) {
    let sizes = Sizes {
        m: a.len() / k,
        n: b.len() / k,
        k,
    };
    let (a, b) = (View::transposed(a, sizes.m), View::rows(b, sizes.n));
    product(sizes, a, b, c, write);
}
