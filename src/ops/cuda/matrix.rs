//! Matrices on the device, and what is done with memory there.

use anyhow::{Result, ensure};

use super::{
    Gpu, THREADS, WIDTH,
    driver::{Argument, Driver},
};
use crate::ops::Precision;

/// A row-major matrix.
pub struct Matrix<M> {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// The type of its values.
    pub element: Precision,
    /// The values; at least a byte even where there are none.
    pub memory: M,
}

impl<M> Matrix<M> {
    /// How many values it holds.
    pub fn len(&self) -> usize {
        self.rows * self.cols
    }
}

/// Types whose values are their bytes, in every bit pattern.
pub trait Plain: Copy + Default {}
impl Plain for f32 {}
impl Plain for f64 {}
impl Plain for u32 {}

fn bytes<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: plain values have no padding, and the slice is as long as they are.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

fn bytes_mut<T: Plain>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: as above, and every bit pattern is a plain value.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

impl<D: Driver> Gpu<D> {
    /// A matrix of f32 with whatever the memory held before; what asks for one writes all of it.
    pub(super) fn matrix(&self, rows: usize, cols: usize) -> Result<Matrix<D::Memory>> {
        self.matrix_in(Precision::F32, rows, cols)
    }

    /// The same in a precision.
    pub(super) fn matrix_in(
        &self,
        element: Precision,
        rows: usize,
        cols: usize,
    ) -> Result<Matrix<D::Memory>> {
        let bytes = (rows * cols * element.bytes()).max(1);
        Ok(Matrix {
            rows,
            cols,
            element,
            memory: self.driver.alloc(bytes)?,
        })
    }

    /// The same in the precision that activations of so many rows have.
    pub(super) fn activations(&self, rows: usize, cols: usize) -> Result<Matrix<D::Memory>> {
        self.matrix_in(self.precision_of(rows), rows, cols)
    }

    /// A matrix of f32 zeros.
    pub(super) fn zeros_of(&self, rows: usize, cols: usize) -> Result<Matrix<D::Memory>> {
        let mut matrix = self.matrix(rows, cols)?;
        self.driver.zero(&mut matrix.memory)?;
        Ok(matrix)
    }

    /// Room for values of a type.
    pub(super) fn values<T>(&self, count: usize) -> Result<D::Memory> {
        self.driver.alloc((count * size_of::<T>()).max(1))
    }

    /// Values of the host on the device.
    pub(super) fn put<T: Plain>(&self, values: &[T]) -> Result<D::Memory> {
        let mut memory = self.values::<T>(values.len())?;
        self.driver.write(&mut memory, bytes(values))?;
        Ok(memory)
    }

    /// The first values of a memory on the host.
    pub(super) fn get<T: Plain>(&self, memory: &D::Memory, count: usize) -> Result<Vec<T>> {
        let mut values = vec![T::default(); count];
        self.driver.read(memory, bytes_mut(&mut values))?;
        Ok(values)
    }

    /// Copies values within the device: from row `from` on, to row `to` on.
    pub(super) fn copy_rows(
        &self,
        x: &Matrix<D::Memory>,
        from: usize,
        y: &mut Matrix<D::Memory>,
        to: usize,
        rows: usize,
    ) -> Result<()> {
        ensure!(
            x.cols == y.cols && from + rows <= x.rows && to + rows <= y.rows,
            "{rows} rows from {from} of {} do not fit {to} of {}",
            x.rows,
            y.rows
        );
        if rows * x.cols == 0 {
            return Ok(());
        }
        if x.element != y.element {
            let at = |matrix: &Matrix<_>, row| {
                let address = self.address(matrix) + (row * x.cols * matrix.element.bytes()) as u64;
                tagged(address, matrix.element)
            };
            let count = rows * x.cols;
            let arguments = [at(x, from), at(y, to), Argument::Long(count as u64)];
            return self.run_over("cast", count, &arguments);
        }
        let row = x.element.bytes() * x.cols;
        let (source, target) = (self.address(x), self.address(y));
        // SAFETY: both ranges lie in their matrices, which are two.
        unsafe {
            self.driver.copy(
                source + (from * row) as u64,
                target + (to * row) as u64,
                rows * row,
            )
        }
    }

    /// Where a matrix begins.
    pub(super) fn address(&self, x: &Matrix<D::Memory>) -> u64 {
        self.driver.address(&x.memory)
    }

    /// A matrix as a kernel's argument.
    pub(super) fn at(&self, x: &Matrix<D::Memory>) -> Argument {
        tagged(self.address(x), x.element)
    }

    /// A matrix as the argument of a kernel that reads one type alone.
    pub(super) fn plain(&self, x: &Matrix<D::Memory>) -> Argument {
        Argument::Pointer(self.address(x))
    }

    /// A memory as a kernel's argument.
    pub(super) fn to(&self, memory: &D::Memory) -> Argument {
        Argument::Pointer(self.driver.address(memory))
    }

    /// Runs a kernel over a grid of blocks. The modules beside this one know what their kernels
    /// read and write; the simulated device checks both.
    pub(super) fn run(
        &self,
        kernel: &'static str,
        grid: [usize; 2],
        arguments: &[Argument],
    ) -> Result<()> {
        if grid.contains(&0) {
            return Ok(());
        }
        ensure!(
            grid[0] < 1 << 31 && grid[1] < 1 << 16,
            "{kernel}: a grid of {} x {} blocks is more than a device has",
            grid[0],
            grid[1]
        );
        // SAFETY: callers pass the kernel's arguments, and matrices of the sizes that they pass.
        unsafe {
            self.driver
                .launch(kernel, grid.map(|n| n as u32), arguments)
        }
    }

    /// Runs a kernel whose threads take four elements each.
    pub(super) fn run_over(
        &self,
        kernel: &'static str,
        elements: usize,
        arguments: &[Argument],
    ) -> Result<()> {
        self.run(kernel, [elements.div_ceil(THREADS * WIDTH), 1], arguments)
    }

    /// Runs a kernel whose threads take an element each.
    pub(super) fn run_each(
        &self,
        kernel: &'static str,
        elements: usize,
        arguments: &[Argument],
    ) -> Result<()> {
        self.run(kernel, [elements.div_ceil(THREADS), 1], arguments)
    }
}

/// Values at an address as a kernel's argument.
pub fn tagged(address: u64, element: Precision) -> Argument {
    Argument::Values(address | u64::from(element == Precision::Bf16))
}
