//! The token table: rows out, gradients in.

use anyhow::{Result, ensure};

use super::{buf::CpuBuf, simd};

/// Copies row `ids[i]` of the table to row `i`.
///
/// # Errors
/// When an id is outside of the table.
pub fn forward(table: &CpuBuf, ids: &[u32], out: &mut CpuBuf) -> Result<()> {
    let width = table.cols;
    for (&id, out) in ids.iter().zip(out.chunks_exact_mut(width)) {
        let id = id as usize;
        ensure!(
            id < table.rows,
            "token id {id} is outside of the model's vocabulary of {}",
            table.rows
        );
        out.copy_from_slice(&table[id * width..][..width]);
    }
    Ok(())
}

/// Adds row `i` to row `ids[i]` of the table's gradient, in order of the rows.
pub fn backward_add(ids: &[u32], dy: &CpuBuf, dtable: &mut CpuBuf) {
    let width = dtable.cols;
    for (&id, dy) in ids.iter().zip(dy.chunks_exact(width)) {
        simd::axpy(1.0, dy, &mut dtable[id as usize * width..][..width]);
    }
}
