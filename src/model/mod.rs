//! A Llama of our own: configuration, parameters, forward and backward, files.
//!
//! ```text
//! preset or config.json ─▶ Config ─▶ layout (names and shapes) ─▶ Llama { weights }
//!                                                                  │ train: loss and gradients
//!                                                                  │ infer: logits with a cache
//! Hugging Face folder  ◀────────────── files ──────────────────────┘
//! ```

mod config;
mod files;
mod hf;
mod infer;
mod init;
mod layout;
mod llama;
mod presets;
pub mod safetensors;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use files::{digest_weights, load, load_config, save, write_weights};
pub use hf::{ARCHITECTURES, Extra};
pub use infer::Session;
pub use layout::{ParamSpec, layout, parameters};
pub use llama::{Batch, Keep, Llama};
pub use presets::help as presets_help;
pub use presets::{PRESETS, Preset, preset};
