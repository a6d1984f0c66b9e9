//! The sizes of a model that costs depend on: from a configuration, or assumed from a number of
//! parameters.

use super::assume;
use super::flops::{self, PerToken};
use crate::model::{Arch, Config, parameters};
use serde::Serialize;

/// A model's sizes. Real numbers, because assumed shapes lie between known ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shape {
    /// All parameters; a tied head counts once.
    pub parameters: f64,
    /// Parameters that one token passes through: fewer in a mixture of experts.
    pub active_parameters: f64,
    /// Whether layers, width and the like are assumed, since only a number of parameters is known.
    pub assumed: bool,
    /// Layers.
    pub layers: f64,
    /// Width of the residual stream.
    pub hidden_size: f64,
    /// Width of the feed-forward layer.
    pub intermediate_size: f64,
    /// Heads × head size: width of the queries.
    pub query_size: f64,
    /// Key heads × head size: width of the keys, and of the values.
    pub key_size: f64,
    /// Query heads.
    pub heads: f64,
    /// Token ids.
    pub vocab_size: f64,
    /// Whether the token table is also the head.
    pub tied: bool,
    /// How the feed-forward layer is built.
    #[serde(skip)]
    pub block: Block,
    /// Parameters of a table of learned positions.
    #[serde(skip)]
    pub position_parameters: f64,
    /// Layers whose tokens see a window, and the window's tokens.
    #[serde(skip)]
    pub banded: (f64, f64),
}

/// What a layer keeps for its backward pass depends on how it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// GELU between two matrices, dropout: GPT-2, GPT-3.
    Gpt,
    /// Gated by SiLU (three matrices), no dropout: Llama.
    Llama,
}

impl Shape {
    /// The exact sizes of a configuration.
    pub fn of(config: &Config) -> Self {
        let count = parameters(config) as f64;
        let idle = (config.expert_count() - config.experts_per_token()) as f64;
        let expert = 3.0 * (config.intermediate_size * config.hidden_size) as f64;
        // A learned position is one row of a table, read like a token's.
        let positions = match config.arch.row().positions {
            Some(_) => (config.max_positions * config.hidden_size) as f64,
            None => 0.0,
        };
        Self {
            parameters: count,
            active_parameters: count - idle * expert * config.layers as f64,
            assumed: false,
            layers: config.layers as f64,
            hidden_size: config.hidden_size as f64,
            intermediate_size: (config.intermediate_size * config.experts_per_token()) as f64,
            query_size: (config.heads * config.head_dim) as f64,
            key_size: (config.kv_heads * config.head_dim) as f64,
            heads: config.heads as f64,
            vocab_size: config.vocab_size as f64,
            tied: config.tied,
            position_parameters: positions,
            banded: (
                (0..config.layers)
                    .filter(|&layer| config.window_of(layer).is_some())
                    .count() as f64,
                config.window.map_or(0.0, |window| window.tokens as f64),
            ),
            block: match config.arch {
                Arch::Gpt2 | Arch::GptNeo => Block::Gpt,
                Arch::Llama | Arch::Qwen2 | Arch::Qwen3 | Arch::Mistral | Arch::Mixtral => {
                    Block::Llama
                }
            },
        }
    }

    /// A Llama of this size and, where it is given, of this vocabulary (see `assume`). Where the vocabulary
    /// alone takes more, `parameters` are more than asked for.
    pub fn assume(parameters: f64, vocab_size: Option<u64>) -> Self {
        assume::shape(parameters, vocab_size)
    }

    /// FLOPs of one training token in sequences of `seq` tokens.
    pub fn flops(&self, seq: f64) -> PerToken {
        PerToken {
            weights: flops::weights(self.multiplied()),
            attention: flops::causal_attention(self.layers - self.banded.0, self.query_size, seq)
                + flops::banded_attention(self.banded, self.query_size, seq),
        }
    }

    /// Parameters that a token is multiplied with: a token table beside a separate head is only
    /// read, and so are learned positions. All (active) ones where the shape is assumed, as in published totals.
    pub fn multiplied(&self) -> f64 {
        let active = self.active_parameters - self.position_parameters;
        if self.assumed || self.tied {
            active
        } else {
            active - self.vocab_size * self.hidden_size
        }
    }

    /// Parameters of the token table and the head.
    pub fn embedding_parameters(&self) -> f64 {
        let tables = if self.tied { 1.0 } else { 2.0 };
        (tables * self.vocab_size * self.hidden_size).min(self.parameters)
    }

    /// Parameters of one layer.
    pub fn layer_parameters(&self) -> f64 {
        (self.parameters - self.embedding_parameters()) / self.layers
    }

    /// Parameters that LoRA of this rank adds to all seven matrices of each layer (as QLoRA does):
    /// rank × (rows + columns) of each.
    pub fn lora_parameters(&self, rank: f64) -> f64 {
        let hidden = self.hidden_size;
        let attention = 2.0 * (hidden + self.query_size) + 2.0 * (hidden + self.key_size);
        let feed_forward = 3.0 * (hidden + self.intermediate_size);
        self.layers * rank * (attention + feed_forward)
    }
}
