//! The output head with cross-entropy, in chunks of rows.
//!
//! Logits of a whole batch would be its largest tensor (2,048 rows × 16,384 ids: 134 MB, and as
//! much again for the gradient). A chunk holds [`CHUNK_BYTES`] of them; its gradient replaces it
//! in place and goes on to x and the weights at once, in the forward pass. Rows that the loss does
//! not count are left out before the product, so that masked tokens cost nothing.

use anyhow::{Result, ensure};
use rayon::prelude::*;

use super::{
    super::{Loss, Targets},
    buf::{CpuBuf, Pool},
    gemm::{self, Write},
    simd,
};

/// Logits that are alive at once.
const CHUNK_BYTES: usize = 16 << 20;

/// Which gradients are made.
pub enum Make<'a> {
    /// None.
    Nothing,
    /// That of x: the head is frozen.
    Input,
    /// That of x, and the head's is added to this.
    Both(&'a mut CpuBuf),
}

/// See [`super::Backend::head_loss`].
///
/// # Errors
/// When a target is outside of the vocabulary.
pub fn loss(
    pool: &Pool,
    x: &CpuBuf,
    w: &CpuBuf,
    targets: Targets<'_>,
    mut make: Make<'_>,
) -> Result<Loss<CpuBuf>> {
    let (vocab, width) = (w.rows, w.cols);
    let mut dx = (!matches!(make, Make::Nothing)).then(|| pool.zeros(x.rows, width));
    let (mut nats, mut squares) = (0.0, 0.0);
    chunks(pool, x, w, targets, &mut |rows, input, logits, losses| {
        for (loss, lse) in losses {
            nats += loss;
            squares += lse * lse;
        }
        if let Make::Both(dw) = &mut make {
            gemm::atb(logits, input, dw, rows.len(), Write::Add);
        }
        if let Some(dx) = &mut dx {
            gemm::ab(logits, w, input, vocab, Write::Set);
            for (&row, grad) in rows.iter().zip(input.chunks_exact(width)) {
                dx[row * width..][..width].copy_from_slice(grad);
            }
        }
    })?;
    Ok(Loss { nats, squares, dx })
}

/// See [`super::Backend::head_losses`]; the same numbers as those that [`loss`] adds up.
///
/// # Errors
/// When a target is outside of the vocabulary.
pub fn losses(pool: &Pool, x: &CpuBuf, w: &CpuBuf, targets: Targets<'_>) -> Result<Vec<f64>> {
    let mut nats = vec![0.0; x.rows];
    chunks(pool, x, w, targets, &mut |rows, _, _, losses| {
        for (&row, (loss, _)) in rows.iter().zip(losses) {
            nats[row] = loss;
        }
    })?;
    Ok(nats)
}

/// What is done with a chunk: rows, inputs, logits, losses.
type Each<'a> = dyn FnMut(&[usize], &mut [f32], &mut [f32], Vec<(f64, f64)>) + 'a;

/// Calls `each` with the counted rows of a chunk, their inputs, what became of their logits, and the
/// loss (nats) and log-sum-exp of each.
fn chunks(
    pool: &Pool,
    x: &CpuBuf,
    w: &CpuBuf,
    targets: Targets<'_>,
    each: &mut Each<'_>,
) -> Result<()> {
    let (vocab, width) = (w.rows, w.cols);
    ensure!(
        targets.ids.iter().all(|&id| (id as usize) < vocab),
        "a target is outside of the model's vocabulary of {vocab}"
    );
    let counted: Vec<usize> = (0..x.rows).filter(|&r| targets.counted[r]).collect();
    let chunk = (CHUNK_BYTES / (4 * vocab)).clamp(16, 1024);
    // One size whatever the number of counted rows, which changes with the padding: the pool would
    // keep a buffer of each number.
    let most = chunk.min(x.rows);
    let (mut inputs, mut all_logits) = (pool.take(most, width), pool.take(most, vocab));
    for rows in counted.chunks(chunk) {
        let input = &mut inputs[..rows.len() * width];
        for (&row, input) in rows.iter().zip(input.chunks_exact_mut(width)) {
            input.copy_from_slice(&x[row * width..][..width]);
        }
        let logits = &mut all_logits[..rows.len() * vocab];
        gemm::abt(input, w, logits, width, Write::Set);
        let losses: Vec<(f64, f64)> = logits
            .par_chunks_exact_mut(vocab)
            .zip(rows)
            .map(|(logits, &row)| row_loss(logits, row, targets))
            .collect();
        each(rows, input, logits, losses);
    }
    Ok(())
}

/// The loss of one row (nats) and its log-sum-exp; its logits become their gradient.
fn row_loss(logits: &mut [f32], row: usize, targets: Targets<'_>) -> (f64, f64) {
    let (target, scale) = (targets.ids[row] as usize, targets.scale_of(row));
    let wanted = logits[target];
    let (max, sum) = simd::exponentials(logits, 1.0);
    let lse = f64::from(max) + f64::from(sum).ln();
    // The slope of z lse² is 2 z lse times the probabilities.
    let pull = 1.0 + 2.0 * targets.z_loss * lse as f32;
    simd::scale(scale * pull / sum, logits);
    logits[target] -= scale;
    (lse - f64::from(wanted), lse)
}
