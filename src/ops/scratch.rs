//! What the operations on a GPU hold while they run, beside their operands and results: known
//! before a run starts, wherever the plan is made.

use super::Precision;

/// Scores of attention that are alive at once, of all heads of a block of queries.
pub const SCORES: usize = 1 << 24;
/// The most queries of a block.
const MOST_QUERIES: usize = 512;
/// Logits of the head that are alive at once: enough that the gradient of the head's weights, which
/// every chunk reads and writes, passes seldom.
const LOGITS: usize = 1 << 27;
/// cuBLAS's own memory on the largest cards, in bytes.
const CUBLAS_BYTES: usize = 32 << 20;

/// Queries of one block of attention: by the sizes alone, so that sums have one order.
#[must_use]
pub fn block_queries(heads: usize, seq: usize) -> usize {
    (SCORES / (heads * seq).max(1)).clamp(16, MOST_QUERIES)
}

/// Widths of heads whose scores stay on the chip in bf16.
pub const FLASH_HEADS: [usize; 3] = [32, 64, 128];

/// Rows of one chunk of the head.
#[must_use]
pub fn head_rows(vocab: usize) -> usize {
    (LOGITS / vocab.max(1)).clamp(16, 8192)
}

/// Sizes of a batch and of the model, in tokens and in values.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Tokens of the batch.
    pub rows: usize,
    /// Tokens of a sequence.
    pub seq: usize,
    /// Query heads.
    pub heads: usize,
    /// Values of a head.
    pub head_dim: usize,
    /// Values of a token in the residual stream.
    pub width: usize,
    /// Values of a token in the widest layer.
    pub widest: usize,
    /// Rows of the head.
    pub vocab: usize,
}

/// The most bytes that one operation holds for itself.
#[must_use]
pub fn bytes(precision: Precision, sizes: Sizes) -> u64 {
    let Sizes {
        rows,
        seq,
        heads,
        head_dim,
        width,
        widest,
        vocab,
    } = sizes;
    let chunk = rows.min(head_rows(vocab));
    let scores = heads * block_queries(heads, seq).min(seq) * seq;
    // f32 logits, input and its gradient; scores and their gradients. In bf16 the results of the
    // kernels and the operands of the products come beside them.
    let (mut head, mut attention, mut casts) = (4 * chunk * (vocab + 2 * width), 8 * scores, 0);
    if precision == Precision::Bf16 {
        head += 2 * (chunk * (vocab + width) + vocab * width);
        attention = if FLASH_HEADS.contains(&head_dim) {
            4 * rows * heads
        } else {
            12 * scores + 4 * rows * width
        };
        casts = 2 * (rows * (width + widest) + widest * width);
    }
    (head.max(attention).max(casts) + CUBLAS_BYTES) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_is_bounded_by_the_blocks_and_grows_in_bf16() {
        let sizes = |rows| Sizes {
            rows,
            seq: 4096,
            heads: 32,
            head_dim: 64,
            width: 2048,
            widest: 8192,
            vocab: 128_256,
        };
        let f32 = bytes(Precision::F32, sizes(1 << 13));
        assert_eq!(f32, bytes(Precision::F32, sizes(1 << 16)));
        // 1046 rows of logits, two of the input: 560 MB.
        assert_eq!(f32, 4 * 1046 * (128_256 + 4096) + (32 << 20));
        assert!(bytes(Precision::Bf16, sizes(1 << 13)) > f32);
        assert_eq!(block_queries(32, 4096), 128);
        assert_eq!(block_queries(4, 64), 512);
    }
}
