//! Transformers of our own: architectures, parameters, forward and backward, files.
//!
//! ```text
//! preset or config.json ─▶ Config ─▶ layout (names and shapes) ─▶ Model { weights }
//!                                                                  │ train: loss and gradients
//!                                                                  │ infer: logits with a cache
//! Hugging Face folder  ◀────────────── files ──────────────────────┘
//! ```

mod arch;
mod block;
mod config;
mod fields;
mod files;
mod hf;
mod infer;
mod init;
mod layout;
mod presets;
pub mod safetensors;
#[cfg(test)]
mod tests;
mod transformer;

pub use arch::{ARCHITECTURES, Arch, Architecture, Part};
pub use config::Config;
pub use files::{
    MAX_FILE_BYTES, check_folder, digest_weights, load, load_config, save, write_weights,
};
pub use hf::Extra;
pub use infer::Session;
pub use layout::{ParamSpec, layout, parameters};
pub use presets::help as presets_help;
pub use presets::{PRESETS, Preset, preset};
pub use transformer::{Batch, Keep, Model};
