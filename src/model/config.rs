//! The sizes of a model, and the check that they fit together.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::arch::{Arch, Part, Scores};
use crate::ops::{AttentionShape, Rope, RopeOptions, usual_factor};

/// A band of tokens: a token of a banded layer sees itself and the tokens just before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Tokens that a token sees, itself among them.
    pub tokens: usize,
    /// Which layers are banded.
    pub layers: Banded,
}

/// Which layers see only a [`Window`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Banded {
    /// All (Mistral).
    All,
    /// Every second, from the second on; the others are dense (GPT-3).
    Odd,
}

/// A feed-forward layer that is a choice of experts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experts {
    /// Experts of a layer.
    pub count: usize,
    /// How many of them a token goes through.
    pub per_token: usize,
    /// The weight of the load-balancing loss beside the cross-entropy.
    pub balance: f64,
}

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
    /// How far back tokens see; none for to their document's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The experts, where the feed-forward layer is a choice of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<Experts>,
    /// The labels that the head tells instead of tokens, where the model is a classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
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
        ensure!(
            self.window.is_none_or(|window| window.tokens > 0),
            "the window of attention: expected at least 1 token, got 0"
        );
        ensure!(
            self.arch.row().index(Part::Router).is_some() == self.experts.is_some(),
            "experts belong to the architectures with a router, and to all of them"
        );
        ensure!(
            self.labels
                .as_ref()
                .is_none_or(|labels| labels.len() > 1 && !self.tied),
            "a classifier has two labels and more, and a head of its own"
        );
        if let Some(Experts {
            count, per_token, ..
        }) = self.experts
        {
            ensure!(
                (1..=count).contains(&per_token),
                "num_experts_per_tok: expected 1 to num_local_experts ({count}), got {per_token}"
            );
        }
        Ok(())
    }

    /// Experts of a layer; 1 where the feed-forward layer is dense.
    pub fn expert_count(&self) -> usize {
        self.experts.map_or(1, |experts| experts.count)
    }

    /// Experts that a token goes through in a layer; 1 where the feed-forward layer is dense.
    pub fn experts_per_token(&self) -> usize {
        self.experts.map_or(1, |experts| experts.per_token)
    }

    /// How many tokens a token of this layer sees, itself among them; none for all before it.
    pub fn window_of(&self, layer: usize) -> Option<usize> {
        let window = self.window?;
        let banded = window.layers == Banded::All || layer % 2 == 1;
        banded.then_some(window.tokens)
    }

    /// The attention of `batch` sequences of `seq` tokens in this layer.
    pub fn attention(&self, layer: usize, batch: usize, seq: usize) -> AttentionShape {
        AttentionShape {
            batch,
            seq,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
            factor: match self.arch.row().scores {
                Scores::Scaled => usual_factor(self.head_dim),
                Scores::Plain => 1.0,
            },
            window: self.window_of(layer),
        }
    }

    /// The rotary table for contexts of up to `positions` tokens; none where they are learned.
    pub fn rope_table(&self, positions: usize) -> Option<Rope> {
        let options = self.rope.as_ref()?;
        Some(Rope::new(options, self.head_dim, positions))
    }
}
