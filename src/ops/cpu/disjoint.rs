//! A slice that several tasks write at once, each to its own elements.
//!
//! Attention writes one head's columns of every row, and a matrix product one tile of its result:
//! disjoint parts, but not contiguous ones, so that `chunks_mut` cannot express them.

use std::marker::PhantomData;

/// A shared mutable slice; whoever uses it keeps the parts apart.
pub struct Disjoint<'a> {
    start: *mut f32,
    len: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer is only turned into a slice by `part`, whose contract is that no two live
// parts overlap.
unsafe impl Send for Disjoint<'_> {}
// SAFETY: as above.
unsafe impl Sync for Disjoint<'_> {}

impl<'a> Disjoint<'a> {
    /// Borrows the slice for as long as `self` lives.
    pub fn new(slice: &'a mut [f32]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            slice: PhantomData,
        }
    }

    /// A pointer to element `at`, for strided kernels that take an extent themselves.
    pub fn at(&self, at: usize) -> *mut f32 {
        assert!(at <= self.len, "element {at} of {}", self.len);
        self.start.wrapping_add(at)
    }

    /// Elements from this one on.
    pub fn len_from(&self, at: usize) -> usize {
        self.len - at
    }

    /// Elements `at..at + len`.
    ///
    /// # Safety
    /// No other part that is alive overlaps this one.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn part(&self, at: usize, len: usize) -> &mut [f32] {
        assert!(at + len <= self.len, "{at} + {len} of {}", self.len);
        // SAFETY: inside of the borrowed slice (asserted); not aliased by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at), len) }
    }
}
