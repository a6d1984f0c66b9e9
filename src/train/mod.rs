//! Training: data order, schedule, steps, checkpoints, the run.
//!
//! ```text
//! Tokens ─▶ Plan ─▶ Loader (keyed order) ─▶ Trainer.step ─▶ metrics.jsonl
//!                                              │  every N ─▶ checkpoints/step-…
//!                                              └─ at the end: evaluation, model folder
//! ```

pub mod available;
pub mod checkpoint;
mod clock;
mod feed;
pub mod finish;
pub mod guard;
pub mod journal;
pub mod loader;
mod measure;
pub mod memory;
pub mod metrics;
pub mod mfu;
pub mod moments;
pub mod objective;
mod options;
mod packed;
mod packing;
mod permutation;
pub mod prompts;
mod random;
pub mod ranks;
pub mod run;
mod schedule;
mod tensorboard;
#[cfg(test)]
mod tests;
mod tokens;
mod trainer;

pub use loader::{Loader, Scale, Sequences, fitting_seq};
pub use options::Options;
pub use packed::Packed;
pub use packing::{Packing, Plan};
pub use permutation::Permutation;
pub use random::Random;
pub use schedule::{Schedule, Shape};
pub use tokens::{Mixture, Tokens, TooLong};
pub use trainer::{Step, Trainer};
