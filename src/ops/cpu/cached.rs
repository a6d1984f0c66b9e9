//! Attention of new tokens against a cache of keys and values, for generation.
//!
//! A new token reads each cached row once: the work is memory traffic, so rows are read as dot
//! products and scaled sums, without packing them for a matrix product.

use rayon::prelude::*;

use super::{
    super::{AttentionShape, Span},
    buf::CpuBuf,
    simd,
};

/// Attends the rows of q, which are the new tokens of `spans`, to the cached rows of their sequence
/// up to each of them, no further back than the window.
pub fn attend(
    q: &CpuBuf,
    keys: &CpuBuf,
    values: &CpuBuf,
    spans: &[Span],
    shape: AttentionShape,
    out: &mut CpuBuf,
) {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
        factor,
        ..
    } = shape;
    let width = heads * head_dim;
    let kv_width = kv_heads * head_dim;
    let places: Vec<(usize, usize)> = spans
        .iter()
        .flat_map(|span| (span.past..span.past + span.rows).map(|position| (span.first, position)))
        .collect();
    out.par_chunks_mut(head_dim)
        .enumerate()
        .for_each_init(Vec::new, |scores, (i, out)| {
            let (row, head) = (i / heads, i % heads);
            let query = &q[row * width + head * head_dim..][..head_dim];
            let kv_at = head / (heads / kv_heads) * head_dim;
            let (begin, position) = places[row];
            let seen = begin + shape.first_key(0, position)..begin + position + 1;
            scores.clear();
            scores.extend(
                seen.clone()
                    .map(|t| simd::dot(query, &keys[t * kv_width + kv_at..][..head_dim])),
            );
            let (_, sum) = simd::exponentials(scores, factor);
            out.fill(0.0);
            for (t, p) in seen.zip(scores.iter()) {
                simd::axpy(p / sum, &values[t * kv_width + kv_at..][..head_dim], out);
            }
        });
}
