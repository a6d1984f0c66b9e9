//! The table of model sizes that `--model` knows by name; it also feeds the help and `--list-models`.
//!
//! Every architecture has every size: `qwen3-15m` has the width, layers, heads and context of
//! `llama-15m`, and a feed-forward layer as wide as brings the multiplications of a token to the
//! same number, so that architectures are compared at equal cost. Windows are an eighth of the
//! context, as GPT-Neo's; Mixtral has 8 experts, of which a token goes through 2.
//!
//! A name is the round number of parameters, token table included, at a vocabulary of about
//! 16,384; the exact number depends on the shards' vocabulary. The three largest tie their shape
//! to known models: 1b is Llama 3.2 1B, 8b is Llama 3.1 8B (their names count a vocabulary of
//! 128,256).

use super::{
    Banded, Config, Experts, Window,
    arch::{ARCHITECTURES, Arch, Part},
    parameters,
};
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

/// A size in an architecture.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The size.
    pub size: &'static Preset,
    /// The architecture.
    pub arch: Arch,
    /// The default of `--lr`.
    pub lr: f64,
}

/// The preset of this name, `ARCHITECTURE-SIZE`.
pub fn preset(name: &str) -> Option<Named> {
    let (architecture, size) = name.rsplit_once('-')?;
    let row = ARCHITECTURES
        .iter()
        .find(|row| row.model_type == architecture)?;
    let size = PRESETS.iter().find(|preset| preset.size() == size)?;
    Some(size.of(row.arch))
}

/// All sizes in all architectures, small to large.
pub fn all_presets() -> impl Iterator<Item = Named> {
    let architectures = |size: &'static Preset| ARCHITECTURES.iter().map(|row| size.of(row.arch));
    PRESETS.iter().flat_map(architectures)
}

impl Named {
    /// What the user types.
    pub fn name(&self) -> String {
        format!("{}-{}", self.arch.row().model_type, self.size.size())
    }

    /// The configuration for a vocabulary and for sequences of at least `seq` tokens.
    pub fn config(&self, vocab_size: usize, seq: usize) -> Config {
        let llama = self.size.config(vocab_size, seq);
        let window = |layers| {
            Some(Window {
                tokens: self.size.max_positions / 8,
                layers,
            })
        };
        let row = self.arch.row();
        let mut config = Config {
            arch: self.arch,
            window: match self.arch {
                Arch::Mistral => window(Banded::All),
                Arch::GptNeo => window(Banded::Odd),
                _ => None,
            },
            experts: row.index(Part::Router).map(|_| Experts {
                count: 8,
                per_token: 2,
                balance: 0.01,
            }),
            ..llama.clone()
        };
        if row.positions.is_some() {
            config.rope = None;
            config.kv_heads = config.heads;
        }
        let missing = multiplied(&llama) - multiplied(&config);
        let width = feed_forward(&config) / config.intermediate_size as f64;
        let whole = (config.intermediate_size as f64 + missing / width) / 8.0;
        config.intermediate_size = 8 * whole.round().max(1.0) as usize;
        config
    }
}

/// Numbers that a token is multiplied with in one layer.
fn multiplied(config: &Config) -> f64 {
    let (q, kv) = (
        config.heads * config.head_dim,
        config.kv_heads * config.head_dim,
    );
    let router = config.experts.map_or(0, |experts| experts.count);
    (config.hidden_size * (2 * q + 2 * kv + router)) as f64 + feed_forward(config)
}

/// Of them, those of the feed-forward layer.
fn feed_forward(config: &Config) -> f64 {
    let matrices = match config.arch.row().index(Part::Gate) {
        Some(_) => 3,
        None => 2,
    };
    let wide = config.intermediate_size * config.experts_per_token();
    (matrices * config.hidden_size * wide) as f64
}

impl Preset {
    /// The size in the name.
    fn size(&self) -> &'static str {
        self.name.trim_start_matches("llama-")
    }

    /// The size in an architecture.
    fn of(&'static self, arch: Arch) -> Named {
        Named {
            size: self,
            arch,
            lr: self.lr,
        }
    }

    /// Llama's configuration for a vocabulary and for sequences of at least `seq` tokens.
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
            window: None,
            experts: None,
            labels: None,
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
    let others = ARCHITECTURES.iter().filter(|row| row.arch != Arch::Llama);
    let others: Vec<&str> = others.map(|row| row.model_type).collect();
    text.push_str(&format!(
        "In place of llama: {}; of as many FLOPs a token (see `prep train --list-models`).\n",
        others.join(", ")
    ));
    text
}
