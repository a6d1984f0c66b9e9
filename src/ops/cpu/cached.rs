//! Attention of new tokens against a cache of keys and values, for generation.
//!
//! A new token reads each cached row once: the work is memory traffic, so rows are read as dot
//! products and scaled sums, without packing them for a matrix product.

use rayon::prelude::*;

use super::{super::AttentionShape, attention::factor, buf::CpuBuf, simd};

/// Attends the `shape.seq` rows of q, which stand at positions `past..`, to the cached rows up to
/// each of them.
pub fn attend(
    q: &CpuBuf,
    keys: &CpuBuf,
    values: &CpuBuf,
    past: usize,
    shape: AttentionShape,
    out: &mut CpuBuf,
) {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
        ..
    } = shape;
    let width = heads * head_dim;
    let kv_width = kv_heads * head_dim;
    let factor = factor(head_dim);
    out.par_chunks_mut(head_dim)
        .enumerate()
        .for_each_init(Vec::new, |scores, (i, out)| {
            let (row, head) = (i / heads, i % heads);
            let query = &q[row * width + head * head_dim..][..head_dim];
            let kv_at = head / (heads / kv_heads) * head_dim;
            let seen = past + row + 1;
            scores.clear();
            scores.extend(
                (0..seen).map(|t| simd::dot(query, &keys[t * kv_width + kv_at..][..head_dim])),
            );
            let (_, sum) = simd::exponentials(scores, factor);
            out.fill(0.0);
            for (t, p) in scores.iter().enumerate() {
                simd::axpy(p / sum, &values[t * kv_width + kv_at..][..head_dim], out);
            }
        });
}
