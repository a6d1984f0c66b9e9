//! What a device without kernels of its own does with quantised values: the host does it.

use anyhow::Result;

use super::{
    adam::{BLOCK, Block, EightSlot, update_block},
    bytes, bytes_mut,
    frozen::{Frozen, unpack},
};
use crate::ops::{AdamStep, Backend};

/// AdamW with moments in 8 bits.
///
/// # Errors
/// When the device fails.
pub fn adamw8<B: Backend + ?Sized>(
    backend: &B,
    slot: EightSlot<'_, B::Buf>,
    step: AdamStep,
) -> Result<()> {
    let (rows, cols) = backend.shape(slot.weight);
    let [mut w, mut g] = [backend.download(slot.weight)?, backend.download(slot.grad)?];
    let moments = [slot.m, slot.v];
    let mut codes = [0, 1].map(|i| backend.download(&moments[i].codes));
    let mut scales = [0, 1].map(|i| backend.download(&moments[i].scales));
    let [Ok(m_codes), Ok(v_codes)] = &mut codes else {
        let [first, second] = codes;
        return first.and(second).map(|_| ());
    };
    let [Ok(m_scales), Ok(v_scales)] = &mut scales else {
        let [first, second] = scales;
        return first.and(second).map(|_| ());
    };
    let count = w.len();
    let blocks = w.chunks_mut(BLOCK).zip(g.chunks_mut(BLOCK));
    let m = bytes_mut(m_codes)[..count]
        .chunks_mut(BLOCK)
        .zip(&mut *m_scales);
    let v = bytes_mut(v_codes)[..count]
        .chunks_mut(BLOCK)
        .zip(&mut *v_scales);
    for (((w, g), (m, m_scale)), (v, v_scale)) in blocks.zip(m).zip(v) {
        let [m, v] = [(m, m_scale), (v, v_scale)].map(|(codes, scale)| Block { codes, scale });
        update_block(w, g, m, v, step);
    }
    *slot.weight = backend.upload(rows, cols, &w)?;
    *slot.grad = backend.upload(rows, cols, &g)?;
    let [m, v] = moments;
    m.codes = backend.upload(1, m_codes.len(), m_codes)?;
    m.scales = backend.upload(1, m_scales.len(), m_scales)?;
    v.codes = backend.upload(1, v_codes.len(), v_codes)?;
    v.scales = backend.upload(1, v_scales.len(), v_scales)?;
    Ok(())
}

/// A frozen matrix as f32.
///
/// # Errors
/// When the device fails.
pub fn unpack_all<B: Backend + ?Sized>(backend: &B, w: &Frozen<B::Buf>) -> Result<B::Buf> {
    let (codes, scales) = (backend.download(&w.codes)?, backend.download(&w.scales)?);
    let mut values = vec![0.0; w.rows * w.cols];
    let each = w.format.row_bytes(w.cols);
    let codes = bytes(&codes).chunks_exact(each.max(1));
    let scales = scales.chunks_exact(w.cols.div_ceil(super::frozen::BLOCK).max(1));
    let rows = values.chunks_exact_mut(w.cols.max(1));
    for ((row, codes), scales) in rows.zip(codes).zip(scales) {
        unpack(w.format, codes, scales, 0, row);
    }
    backend.upload(w.rows, w.cols, &values)
}
