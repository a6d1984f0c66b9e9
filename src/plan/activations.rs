//! Memory of what the forward pass keeps for the backward pass.
//!
//! Korthikanti et al. 2022 (<https://arxiv.org/abs/2205.05198>, sections 4.1 and 5): a GPT layer in 16
//! bits keeps s·b·h·(34 + 5·a·s/h) bytes for sequences of s tokens, micro-batch b, width h, a heads:
//! attention 11 (its input 2, queries and keys 4, values 2, input of the projection 2, dropout mask
//! 1), feed-forward 19 (input 2, GELU's input 8, its output 8, mask 1), two norms 4, and 5·a·s/h for
//! the scores. Flash attention recomputes the scores, so that the last term is gone. Full
//! recomputation ("checkpointing") keeps each layer's input, 2·s·b·h, and one layer at work.
//!
//! For a Llama the same count gives 8h + 4q + 4k + 8f bytes a token (q, k: widths of queries and
//! keys; f: of the feed-forward layer): no dropout, keys and values narrower, and the gated
//! feed-forward layer keeps four tensors of width f. Scores take 2·a·s without flash attention.

use super::shape::{Block, Shape};

/// Bytes that one layer keeps for one token, with flash attention.
pub fn layer_bytes(shape: &Shape) -> f64 {
    match shape.block {
        Block::Gpt => {
            let attention = 3.0 * shape.hidden_size + 4.0 * shape.query_size + 4.0 * shape.key_size;
            let feed_forward = 3.0 * shape.hidden_size + 4.0 * shape.intermediate_size;
            attention + feed_forward + 4.0 * shape.hidden_size
        }
        Block::Llama => {
            8.0 * shape.hidden_size
                + 4.0 * shape.query_size
                + 4.0 * shape.key_size
                + 8.0 * shape.intermediate_size
        }
    }
}

/// Bytes of attention scores that one layer keeps for one token without flash attention.
pub fn scores_bytes(shape: &Shape, seq: f64) -> f64 {
    let per_score = match shape.block {
        Block::Gpt => 5.0,
        Block::Llama => 2.0,
    };
    per_score * shape.heads * seq
}

/// Bytes of one sequence, every activation kept, with flash attention.
pub fn kept(shape: &Shape, seq: f64) -> f64 {
    shape.layers * layer_bytes(shape) * seq
}

/// Bytes of one sequence, every activation kept, without flash attention.
pub fn kept_with_scores(shape: &Shape, seq: f64) -> f64 {
    kept(shape, seq) + shape.layers * scores_bytes(shape, seq) * seq
}

/// Bytes of one sequence when layers keep only their input and one is recomputed at a time, with
/// flash attention.
pub fn checkpointed(shape: &Shape, seq: f64) -> f64 {
    (shape.layers * 2.0 * shape.hidden_size + layer_bytes(shape)) * seq
}

/// Bytes of one sequence's logits and their gradients, both f32 and whole. A head that works in
/// chunks, as prep's own does, never holds them whole; plans count them to be safe.
pub fn logits(shape: &Shape, seq: f64) -> f64 {
    8.0 * shape.vocab_size * seq
}
