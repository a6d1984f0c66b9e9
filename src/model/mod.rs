//! Transformers of our own: architectures, parameters, forward and backward, files.
//!
//! ```text
//! preset or config.json ─▶ Config ─▶ layout (names and shapes) ─▶ Model { weights }
//!                                                                  │ train: loss and gradients
//!                                                                  │ infer: logits with a cache
//! Hugging Face folder  ◀────────────── files ──────────────────────┘
//! ```

mod adapter_files;
mod arch;
mod block;
mod config;
mod experts;
mod fields;
mod files;
mod frozen;
mod hf;
mod hf_gpt;
mod infer;
mod init;
mod layout;
mod linear;
mod lora;
mod presets;
mod router;
pub mod safetensors;
#[cfg(test)]
mod tests;
mod transformer;
mod weights;

pub use adapter_files::{is_adapter, save_adapters};
pub use arch::{ARCHITECTURES, Arch, Architecture, Part};
pub use config::{Banded, Config, Experts, Window};
pub use files::{
    MAX_FILE_BYTES, check_folder, copy, digest_weights, load, load_any, load_config, load_frozen,
    save, save_config, write_weights,
};
pub use frozen::frozen_bytes;
pub use hf::Extra;
pub use infer::{Sequences, Session};
pub use layout::{ParamSpec, layout, parameters};
pub use lora::{Adapters, Lora};
pub use presets::help as presets_help;
pub use presets::{Named, PRESETS, Preset, all_presets, preset};
pub use router::Spread;
pub use transformer::{Batch, Keep, ModelLoss, Weigh};
pub use weights::Model;
