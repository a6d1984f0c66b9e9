//! Training: data order, schedule, steps, checkpoints, the run.
//!
//! ```text
//! Tokens ─▶ Windows (keyed order) ─▶ Trainer.step ─▶ metrics.jsonl
//!                                       │  every N ─▶ checkpoints/step-…
//!                                       └─ at the end: evaluation, model folder
//! ```

pub mod checkpoint;
pub mod finish;
mod loader;
pub mod memory;
pub mod metrics;
mod options;
mod permutation;
mod random;
pub mod run;
mod schedule;
#[cfg(test)]
mod tests;
mod trainer;

pub use loader::{Sequences, Tokens, Windows, fitting_seq, split_name};
pub use options::Options;
pub use permutation::Permutation;
pub use random::Random;
pub use schedule::Schedule;
pub use trainer::{Step, Trainer};
