//! What the operations need of a GPU: memory, launches of our kernels, cuBLAS's products.
//!
//! Everything above this trait (sizes, offsets, order of arguments, transpositions) is the same
//! for a real device and for the simulated one of the tests, so that it is tested without a GPU;
//! below it a driver hands each call on as it is.

use std::ffi::c_void;

use anyhow::Result;

use crate::ops::Precision;

/// An argument of a kernel.
#[derive(Clone, Copy, Debug)]
pub enum Argument {
    /// An address on the device; 0 for none.
    Pointer(u64),
    /// A matrix: its address, with the lowest bit set where its values are bf16.
    Values(u64),
    /// A u32.
    Int(u32),
    /// A u64.
    Long(u64),
    /// An f32.
    Float(f32),
}

impl Argument {
    /// Where the value lies: drivers take arguments by their addresses.
    pub fn pointer(&self) -> *mut c_void {
        match self {
            Self::Pointer(value) | Self::Values(value) | Self::Long(value) => {
                std::ptr::from_ref(value) as _
            }
            Self::Int(value) => std::ptr::from_ref(value) as _,
            Self::Float(value) => std::ptr::from_ref(value) as _,
        }
    }
}

/// One operand of a product as cuBLAS sees it: a column-major matrix.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    /// Where it begins.
    pub address: u64,
    /// Whether the product takes its transpose.
    pub transposed: bool,
    /// Elements from one column to the next.
    pub leading: usize,
    /// Elements from one matrix of the batch to the next.
    pub stride: usize,
}

/// `c = a b`, or `c += a b`, for each matrix of a batch: the arguments of
/// `cublasGemmStridedBatchedEx`, column-major, with f32 sums.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Rows of `c`.
    pub m: usize,
    /// Columns of `c`.
    pub n: usize,
    /// The length that is summed over.
    pub k: usize,
    /// The type of `a` and `b`.
    pub element: Precision,
    /// `[m, k]`, or `[k, m]` transposed.
    pub a: Operand,
    /// `[k, n]`, or `[n, k]` transposed.
    pub b: Operand,
    /// `[m, n]`, never transposed.
    pub c: Operand,
    /// The type of `c`; f32 where that of `a` and `b` is.
    pub result: Precision,
    /// Whether the product is added to what `c` holds.
    pub add: bool,
    /// Matrices of the batch.
    pub batch: usize,
}

/// A GPU. What is asked of it happens in the order of the calls.
pub trait Driver: Sync {
    /// Memory of the device, freed when dropped.
    type Memory: Send + Sync;

    /// What a person calls the device.
    fn name(&self) -> String;

    /// Memory with whatever it held before.
    ///
    /// # Errors
    /// When the device has no room.
    fn alloc(&self, bytes: usize) -> Result<Self::Memory>;

    /// Where the memory begins; divisible by 256.
    fn address(&self, memory: &Self::Memory) -> u64;

    /// Fills the first bytes from the host.
    ///
    /// # Errors
    /// When the device fails.
    fn write(&self, memory: &mut Self::Memory, bytes: &[u8]) -> Result<()>;

    /// Reads the first bytes to the host, after all that was asked before.
    ///
    /// # Errors
    /// When the device fails.
    fn read(&self, memory: &Self::Memory, bytes: &mut [u8]) -> Result<()>;

    /// Sets all bytes to zero.
    ///
    /// # Errors
    /// When the device fails.
    fn zero(&self, memory: &mut Self::Memory) -> Result<()>;

    /// Copies bytes within the device.
    ///
    /// # Safety
    /// Both ranges lie in memory that lives, and do not overlap.
    ///
    /// # Errors
    /// When the device fails.
    unsafe fn copy(&self, from: u64, to: u64, bytes: usize) -> Result<()>;

    /// Runs a kernel over a grid of blocks of [`super::THREADS`] threads.
    ///
    /// # Safety
    /// The arguments are those of the kernel, and what it reads and writes for this grid lies in
    /// memory that lives.
    ///
    /// # Errors
    /// When the device fails.
    unsafe fn launch(
        &self,
        kernel: &'static str,
        grid: [u32; 2],
        arguments: &[Argument],
    ) -> Result<()>;

    /// A product.
    ///
    /// # Safety
    /// The operands lie in memory that lives, and `c` overlaps neither of the others.
    ///
    /// # Errors
    /// When the device fails.
    unsafe fn product(&self, product: &Product) -> Result<()>;
}
