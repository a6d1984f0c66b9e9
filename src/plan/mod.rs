//! What a model would cost before a GPU is rented: arithmetic on published formulas, no I/O.
//!
//! ```text
//! Request { tokens, Shape, GPU, … } ─▶ flops ─▶ money        how long, how much
//!                                   ├▶ scaling, repeat       what size fits the data, expected loss
//!                                   ├▶ memory, activations   what fits the card
//!                                   └▶ route ─▶ verdict      what to do, in words
//! ```
//!
//! One concept is one file, and the file names the paper of each formula. Everything is an estimate
//! by rules of thumb: FLOPs agree with published runs within 5 %, memory with published figures
//! within 10 % (`tests.rs`), while hours hang on the MFU and money on the price, both of which the
//! user can give.

// Papers and methods are called as they call themselves: ZeRO, PaLM, LoRA.
#![allow(clippy::doc_markdown)]
// Sentences are put together once for each plan; that they read well counts more than allocations.
#![allow(clippy::format_push_string)]

pub mod activations;
mod advice_en;
mod advice_ru;
mod assume;
pub mod flops;
pub mod gpu;
pub mod memory;
pub mod money;
pub mod quantity;
pub mod repeat;
pub mod report;
pub mod route;
pub mod scaling;
pub mod shape;
#[cfg(test)]
#[allow(clippy::float_cmp)] // Whole numbers, and one formula against another.
mod tests;
pub mod verdict;
mod verdict_en;
mod verdict_ru;
pub mod view;
mod wrap;

pub use gpu::{GPUS, Gpu};
pub use quantity::Lang;
pub use report::{Report, plan};
pub use shape::Shape;

/// What is planned.
#[derive(Clone, Debug)]
pub struct Request {
    /// Different tokens to learn from.
    pub tokens: u64,
    /// Passes over them.
    pub epochs: f64,
    /// The model.
    pub shape: Shape,
    /// Token ids that a model of another size would have, too; as in Llamas of the size when not given.
    pub vocab_size: Option<u64>,
    /// Parameters that were asked for, where the shape is assumed.
    pub asked_parameters: Option<u64>,
    /// Tokens of a sequence.
    pub seq_len: u64,
    /// The card.
    pub gpu: &'static Gpu,
    /// How many of them.
    pub gpus: u64,
    /// Dollars for an hour of one card; the table's band when not given.
    pub price: Option<f64>,
    /// Model FLOPs utilisation, as a share of 1.
    pub mfu: f64,
    /// Language of the verdict.
    pub lang: Lang,
}
