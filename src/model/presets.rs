//! The table of model sizes that `--model` knows by name; it also feeds the help.
//!
//! A name is the round number of parameters, token table included, at a vocabulary of about
//! 16,384; the exact number depends on the shards' vocabulary. The three largest tie their shape
//! to known models: 1b is Llama 3.2 1B, 8b is Llama 3.1 8B (their names count a vocabulary of
//! 128,256).

use super::{Config, arch::Arch, parameters};
use crate::ops::RopeOptions;

/// One row: a model's shape and the learning rate that suits it.
#[derive(Debug)]
pub struct Preset {
    /// What the user types.
    pub name: &'static str,
    hidden_size: usize,
    layers: usize,
    heads: usize,
    kv_heads: usize,
    intermediate_size: usize,
    max_positions: usize,
    theta: f64,
    tied: bool,
    /// The default of `--lr`.
    pub lr: f64,
}

/// All of them, small to large.
#[rustfmt::skip]
pub const PRESETS: &[Preset] = &[
    Preset { name: "llama-1m",   hidden_size: 64,   layers: 4,  heads: 4,  kv_heads: 2, intermediate_size: 176,   max_positions: 2048, theta: 10_000.0,  tied: true,  lr: 2e-3 },
    Preset { name: "llama-5m",   hidden_size: 192,  layers: 5,  heads: 6,  kv_heads: 2, intermediate_size: 512,   max_positions: 2048, theta: 10_000.0,  tied: true,  lr: 1.5e-3 },
    Preset { name: "llama-15m",  hidden_size: 384,  layers: 8,  heads: 6,  kv_heads: 2, intermediate_size: 1024,  max_positions: 2048, theta: 10_000.0,  tied: true,  lr: 1e-3 },
    Preset { name: "llama-30m",  hidden_size: 512,  layers: 8,  heads: 8,  kv_heads: 4, intermediate_size: 1408,  max_positions: 2048, theta: 10_000.0,  tied: true,  lr: 8e-4 },
    Preset { name: "llama-110m", hidden_size: 768,  layers: 16, heads: 12, kv_heads: 4, intermediate_size: 2048,  max_positions: 2048, theta: 10_000.0,  tied: true,  lr: 6e-4 },
    Preset { name: "llama-350m", hidden_size: 1024, layers: 24, heads: 16, kv_heads: 4, intermediate_size: 3584,  max_positions: 4096, theta: 10_000.0,  tied: true,  lr: 4e-4 },
    Preset { name: "llama-1b",   hidden_size: 2048, layers: 16, heads: 32, kv_heads: 8, intermediate_size: 8192,  max_positions: 8192, theta: 500_000.0, tied: true,  lr: 3e-4 },
    Preset { name: "llama-8b",   hidden_size: 4096, layers: 32, heads: 32, kv_heads: 8, intermediate_size: 14336, max_positions: 8192, theta: 500_000.0, tied: false, lr: 1.5e-4 },
];

/// The row of this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|p| p.name == name)
}

impl Preset {
    /// The configuration for a vocabulary and for sequences of at least `seq` tokens.
    pub fn config(&self, vocab_size: usize, seq: usize) -> Config {
        Config {
            arch: Arch::Llama,
            vocab_size,
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            layers: self.layers,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.hidden_size / self.heads,
            norm_eps: 1e-5,
            max_positions: self.max_positions.max(seq),
            tied: self.tied,
            rope: Some(RopeOptions {
                theta: self.theta,
                llama3: None,
            }),
            init_std: 0.02,
        }
    }

    /// One line of help.
    fn line(&self) -> String {
        let count = parameters(&self.config(16_384, 1));
        let (value, unit) = if count >= 1_000_000_000 {
            (count / 10_000_000, "B")
        } else {
            (count / 10_000, "M")
        };
        format!(
            "  {:<11} {}.{:02}{unit} parameters: {} layers of width {}, {} heads over {}",
            self.name,
            value / 100,
            value % 100,
            self.layers,
            self.hidden_size,
            self.heads,
            self.kv_heads,
        )
    }
}

/// The table as help text.
pub fn help() -> String {
    let mut text = String::from("Model presets (parameters at a vocabulary of 16,384):\n");
    for preset in PRESETS {
        text.push_str(&preset.line());
        text.push('\n');
    }
    text
}
