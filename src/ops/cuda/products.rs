//! Matrix products: row-major matrices as cuBLAS's column-major ones, and the precision they are
//! multiplied in.
//!
//! A row-major matrix is, read by columns, its transpose. So `c = a b` is asked for as
//! `cᵀ = bᵀ aᵀ`, in which every matrix lies as it is.

use anyhow::{Result, ensure};

use super::{
    Gpu,
    driver::{Argument, Driver, Operand, Product},
    matrix::Matrix,
};
use crate::ops::Precision;

/// Rows from which on bf16 pays: below, a product reads its weights hardly more often than turning
/// them into bf16 does, and activations stay f32.
const BF16_ROWS: usize = 64;

/// A row-major operand.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// Where it begins.
    pub address: u64,
    /// Elements from one row to the next.
    pub width: usize,
    /// Whether the product takes its transpose.
    pub transposed: bool,
    /// Elements from one matrix of the batch to the next.
    pub stride: usize,
}

impl Rows {
    /// A single matrix of rows of `width` elements.
    pub fn new(address: u64, width: usize) -> Self {
        Self {
            address,
            width,
            transposed: false,
            stride: 0,
        }
    }

    /// Its transpose.
    pub fn transposed(self) -> Self {
        Self {
            transposed: !self.transposed,
            ..self
        }
    }

    /// One of a batch whose matrices are `stride` elements apart.
    pub fn batched(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    fn operand(self) -> Operand {
        Operand {
            address: self.address,
            transposed: self.transposed,
            leading: self.width,
            stride: self.stride,
        }
    }
}

/// What a product does with the values that its result had.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// They are overwritten.
    Set,
    /// The product is added to them.
    Add,
}

/// The sizes of a product: `[m, k] × [k, n] → [m, n]`, `batch` times.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// The length that is summed over.
    pub k: usize,
    /// Products of the batch.
    pub batch: usize,
}

impl Sizes {
    /// A single product.
    pub fn one(m: usize, n: usize, k: usize) -> Self {
        Self { m, n, k, batch: 1 }
    }
}

/// The kernel for f32, or that for bf16.
pub fn choose(element: Precision, [for_f32, for_bf16]: [&'static str; 2]) -> &'static str {
    match element {
        Precision::F32 => for_f32,
        Precision::Bf16 => for_bf16,
    }
}

/// A matrix in the precision of a product: itself, or a copy.
pub enum Cast<'a, M> {
    /// The matrix itself.
    Same(&'a Matrix<M>),
    /// Its values in another precision.
    Copy(Matrix<M>),
}

impl<M> Cast<'_, M> {
    /// The matrix with the values.
    pub fn matrix(&self) -> &Matrix<M> {
        match self {
            Self::Same(matrix) => matrix,
            Self::Copy(matrix) => matrix,
        }
    }
}

impl<D: Driver> Gpu<D> {
    /// The precision for products of this many rows.
    pub(super) fn precision_of(&self, rows: usize) -> Precision {
        if rows >= BF16_ROWS {
            self.precision
        } else {
            Precision::F32
        }
    }

    /// A matrix in a precision.
    pub(super) fn cast<'a>(
        &self,
        x: &'a Matrix<D::Memory>,
        element: Precision,
    ) -> Result<Cast<'a, D::Memory>> {
        if x.element == element {
            return Ok(Cast::Same(x));
        }
        let copy = self.matrix_in(element, x.rows, x.cols)?;
        let arguments = [self.at(x), self.at(&copy), Argument::Long(x.len() as u64)];
        self.run_over("cast", x.len(), &arguments)?;
        Ok(Cast::Copy(copy))
    }

    /// Where the values of a cast begin.
    pub(super) fn cast_address(&self, cast: &Cast<'_, D::Memory>) -> u64 {
        self.address(cast.matrix())
    }

    /// A batch of products with f32 results.
    pub(super) fn product(
        &self,
        sizes: Sizes,
        element: Precision,
        a: Rows,
        b: Rows,
        c: Rows,
        write: Write,
    ) -> Result<()> {
        self.product_into(sizes, element, [a, b], (c, Precision::F32), write)
    }

    /// A batch of products.
    fn product_into(
        &self,
        sizes: Sizes,
        element: Precision,
        [a, b]: [Rows; 2],
        (c, result): (Rows, Precision),
        write: Write,
    ) -> Result<()> {
        let Sizes { m, n, k, batch } = sizes;
        if m * n * batch == 0 {
            return Ok(());
        }
        let product = Product {
            m: n,
            n: m,
            k,
            element,
            a: b.operand(),
            b: a.operand(),
            c: c.operand(),
            result,
            add: write == Write::Add,
            batch,
        };
        // SAFETY: callers pass matrices that live and have the sizes they pass; results are
        // matrices of their own.
        unsafe { self.driver.product(&product) }
    }

    /// `y = x wᵀ` (or `+=`) for `x: [rows, in]`, `w: [out, in]`.
    pub(super) fn abt(
        &self,
        x: &Matrix<D::Memory>,
        w: &Matrix<D::Memory>,
        y: &Matrix<D::Memory>,
        write: Write,
    ) -> Result<()> {
        ensure!(
            x.cols == w.cols && y.rows == x.rows && y.cols == w.rows,
            "the sizes of a product"
        );
        let element = self.precision_of(x.rows);
        let (x, w) = (self.cast(x, element)?, self.cast(w, element)?);
        let (x, w) = (x.matrix(), w.matrix());
        self.product_into(
            Sizes::one(x.rows, w.rows, x.cols),
            element,
            [self.whole(x), self.whole(w).transposed()],
            (self.whole(y), y.element),
            write,
        )
    }

    /// `dx = dy w` (or `+=`) for `dy: [rows, out]`, `w: [out, in]`.
    pub(super) fn ab(
        &self,
        dy: &Matrix<D::Memory>,
        w: &Matrix<D::Memory>,
        dx: &Matrix<D::Memory>,
        write: Write,
    ) -> Result<()> {
        ensure!(
            dy.cols == w.rows && dx.rows == dy.rows && dx.cols == w.cols,
            "the sizes of a product"
        );
        let element = self.precision_of(dy.rows);
        let (dy, w) = (self.cast(dy, element)?, self.cast(w, element)?);
        let (dy, w) = (dy.matrix(), w.matrix());
        self.product_into(
            Sizes::one(dy.rows, w.cols, w.rows),
            element,
            [self.whole(dy), self.whole(w)],
            (self.whole(dx), dx.element),
            write,
        )
    }

    /// `dw += dyᵀ x` for `dy: [rows, out]`, `x: [rows, in]`.
    pub(super) fn atb_add(
        &self,
        dy: &Matrix<D::Memory>,
        x: &Matrix<D::Memory>,
        dw: &Matrix<D::Memory>,
    ) -> Result<()> {
        ensure!(
            dy.rows == x.rows && dw.rows == dy.cols && dw.cols == x.cols,
            "the sizes of a product"
        );
        let element = self.precision_of(x.rows);
        let (dy, x) = (self.cast(dy, element)?, self.cast(x, element)?);
        let (dy, x) = (dy.matrix(), x.matrix());
        self.product_into(
            Sizes::one(dy.cols, x.cols, x.rows),
            element,
            [self.whole(dy).transposed(), self.whole(x)],
            (self.whole(dw), dw.element),
            Write::Add,
        )
    }

    /// All rows of a matrix.
    fn whole(&self, x: &Matrix<D::Memory>) -> Rows {
        Rows::new(self.address(x), x.cols)
    }
}
