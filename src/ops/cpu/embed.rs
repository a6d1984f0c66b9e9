//! The token table: rows out, gradients in.

use anyhow::{Result, ensure};

use super::{buf::CpuBuf, simd};

/// Copies row `ids[i]` of the table to row `i`.
///
/// # Errors
/// When an id is outside of the table.
pub fn forward(table: &CpuBuf, ids: &[u32], out: &mut CpuBuf) -> Result<()> {
    for (&id, out) in ids.iter().zip(out.chunks_exact_mut(table.cols)) {
        out.copy_from_slice(row(table, id)?);
    }
    Ok(())
}

/// Adds row `ids[i]` of the table to row `i`.
///
/// # Errors
/// When an id is outside of the table.
pub fn forward_add(table: &CpuBuf, ids: &[u32], out: &mut CpuBuf) -> Result<()> {
    for (&id, out) in ids.iter().zip(out.chunks_exact_mut(table.cols)) {
        simd::axpy(1.0, row(table, id)?, out);
    }
    Ok(())
}

fn row(table: &CpuBuf, id: u32) -> Result<&[f32]> {
    let id = id as usize;
    ensure!(
        id < table.rows,
        "id {id} is outside of the model's table of {} rows",
        table.rows
    );
    Ok(&table[id * table.cols..][..table.cols])
}

/// Adds row `i` to row `ids[i]` of the table's gradient, in order of the rows.
pub fn backward_add(ids: &[u32], dy: &CpuBuf, dtable: &mut CpuBuf) {
    let width = dtable.cols;
    for (&id, dy) in ids.iter().zip(dy.chunks_exact(width)) {
        simd::axpy(1.0, dy, &mut dtable[id as usize * width..][..width]);
    }
}
