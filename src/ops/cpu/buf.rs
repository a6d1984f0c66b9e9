//! Matrices of f32 whose memory goes back to a pool.
//!
//! A training step asks for the same sizes again and again. Handing them back to the allocator
//! costs a page fault for each 4 KiB at the next step (a tenth of the step's time with glibc,
//! which returns large blocks to the system); the pool keeps them by length instead.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

type Shelves = BTreeMap<usize, Vec<Vec<f32>>>;

/// Buffers that wait for their next use, by length.
#[derive(Clone, Default)]
pub struct Pool {
    shelves: Arc<Mutex<Shelves>>,
}

impl Pool {
    /// A matrix with whatever the memory's last user left in it; every kernel that gets one
    /// writes all of it.
    pub fn take(&self, rows: usize, cols: usize) -> CpuBuf {
        let len = rows * cols;
        let kept = self.lock().get_mut(&len).and_then(Vec::pop);
        CpuBuf {
            rows,
            cols,
            data: kept.unwrap_or_else(|| vec![0.0; len]),
            pool: self.clone(),
        }
    }

    /// A matrix of zeros.
    pub fn zeros(&self, rows: usize, cols: usize) -> CpuBuf {
        let mut buf = self.take(rows, cols);
        buf.fill(0.0);
        buf
    }

    /// Gives what waits back to the allocator. Lengths that no one asks for again would stay for
    /// ever: an evaluation's portions beside a step's, both beside the files' buffers.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row-major matrix; dereferences to its values.
pub struct CpuBuf {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    data: Vec<f32>,
    pool: Pool,
}

impl Deref for CpuBuf {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.data
    }
}

impl DerefMut for CpuBuf {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }
}

impl Drop for CpuBuf {
    fn drop(&mut self) {
        let data = std::mem::take(&mut self.data);
        self.pool.lock().entry(data.len()).or_default().push(data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_wait_for_their_length_until_the_pool_is_cleared() {
        let pool = Pool::default();
        let waiting = || pool.lock().values().map(Vec::len).sum::<usize>();
        let held = pool.take(2, 3);
        drop((pool.take(3, 2), pool.take(1, 4)));
        assert_eq!(waiting(), 2);
        drop(pool.take(4, 1));
        assert_eq!(waiting(), 2);
        pool.clear();
        assert_eq!((waiting(), held.len()), (0, 6));
    }
}
