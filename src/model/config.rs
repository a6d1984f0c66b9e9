//! The sizes of a model, and the check that they fit together.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::arch::Arch;
use crate::ops::{AttentionShape, Rope, RopeOptions};

/// A model's architecture, sizes and constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The row of the table of architectures.
    pub arch: Arch,
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
    /// Rotary embedding; none where positions are learned.
    pub rope: Option<RopeOptions>,
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
        let learned = self.arch.row().positions.is_some();
        ensure!(
            learned == self.rope.is_none(),
            "positions are either rotary or learned"
        );
        ensure!(
            learned || self.head_dim.is_multiple_of(2),
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

    /// The rotary table for contexts of up to `positions` tokens; none where they are learned.
    pub fn rope_table(&self, positions: usize) -> Option<Rope> {
        let options = self.rope.as_ref()?;
        Some(Rope::new(options, self.head_dim, positions))
    }
}
