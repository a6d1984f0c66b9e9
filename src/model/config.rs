//! The sizes of a Llama, and the check that they fit together.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::ops::{AttentionShape, Rope, RopeOptions};

/// A Llama's sizes and constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Token ids.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Floats of one head.
    pub head_dim: usize,
    /// Added to the mean square in the norms.
    pub norm_eps: f64,
    /// The longest context, in tokens.
    pub max_positions: usize,
    /// Whether the output head is the token table.
    pub tied: bool,
    /// Rotary embedding.
    pub rope: RopeOptions,
    /// Standard deviation of the initial weights.
    pub init_std: f64,
}

impl Config {
    /// Checks what the kernels rely on.
    ///
    /// # Errors
    /// Names the size that does not fit.
    pub fn check(&self) -> Result<()> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("num_key_value_heads", self.kv_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.max_positions),
        ];
        for (name, size) in sizes {
            ensure!(size > 0, "{name}: expected at least 1, got 0");
        }
        ensure!(
            self.heads.is_multiple_of(self.kv_heads),
            "num_attention_heads ({}) is not a multiple of num_key_value_heads ({})",
            self.heads,
            self.kv_heads
        );
        ensure!(
            self.head_dim.is_multiple_of(2),
            "head_dim: expected an even number (rotary embedding turns pairs), got {}",
            self.head_dim
        );
        Ok(())
    }

    /// The attention of `batch` sequences of `seq` tokens.
    pub fn attention(&self, batch: usize, seq: usize) -> AttentionShape {
        AttentionShape {
            batch,
            seq,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
        }
    }

    /// The rotary table for contexts of up to `positions` tokens.
    pub fn rope_table(&self, positions: usize) -> Rope {
        Rope::new(&self.rope, self.head_dim, positions)
    }
}
