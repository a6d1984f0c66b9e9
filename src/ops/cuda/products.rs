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
/// them into bf16 does.
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

/// A matrix in the precision of a product: itself, or a copy in bf16.
pub enum Cast<'a, M> {
    /// The matrix itself.
    Same(&'a Matrix<M>),
    /// Its values in bf16.
    Bf16(M),
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
        if element == Precision::F32 {
            return Ok(Cast::Same(x));
        }
        let memory = self.values::<u16>(x.len())?;
        let arguments = [self.at(x), self.to(&memory), Argument::Long(x.len() as u64)];
        self.run_over("cast_bf16", x.len(), &arguments)?;
        Ok(Cast::Bf16(memory))
    }

    /// Where the values of a cast begin.
    pub(super) fn cast_address(&self, cast: &Cast<'_, D::Memory>) -> u64 {
        match cast {
            Cast::Same(matrix) => self.address(matrix),
            Cast::Bf16(memory) => self.driver.address(memory),
        }
    }

    /// A batch of products; `c` is f32.
    pub(super) fn product(
        &self,
        sizes: Sizes,
        element: Precision,
        a: Rows,
        b: Rows,
        c: Rows,
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
        let (x16, w16) = (self.cast(x, element)?, self.cast(w, element)?);
        self.product(
            Sizes::one(x.rows, w.rows, x.cols),
            element,
            Rows::new(self.cast_address(&x16), x.cols),
            Rows::new(self.cast_address(&w16), w.cols).transposed(),
            Rows::new(self.address(y), y.cols),
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
        let (dy16, w16) = (self.cast(dy, element)?, self.cast(w, element)?);
        self.product(
            Sizes::one(dy.rows, w.cols, w.rows),
            element,
            Rows::new(self.cast_address(&dy16), dy.cols),
            Rows::new(self.cast_address(&w16), w.cols),
            Rows::new(self.address(dx), dx.cols),
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
        let (dy16, x16) = (self.cast(dy, element)?, self.cast(x, element)?);
        self.product(
            Sizes::one(dy.cols, x.cols, x.rows),
            element,
            Rows::new(self.cast_address(&dy16), dy.cols).transposed(),
            Rows::new(self.cast_address(&x16), x.cols),
            Rows::new(self.address(dw), dw.cols),
            Write::Add,
        )
    }
}
