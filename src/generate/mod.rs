//! Generation: prompt to tokens, tokens to logits, logits to the next token, tokens to text.

mod many;
mod sampler;
mod stream;

use anyhow::Result;

pub use many::{generate_each, generate_many};
pub use sampler::{Sampler, Sampling};
pub use stream::TextStream;

use crate::{model::Model, ops::Backend};

/// Why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model ended the text or its turn.
    Stop,
    /// The most tokens were generated, or the model's context is full.
    Length,
}

impl Finish {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// What was asked for.
pub struct Request<'a> {
    /// The tokens to go on from; at least one.
    pub prompt: &'a [u32],
    /// The most new tokens.
    pub max_tokens: usize,
    /// Tokens that end the generation.
    pub stop: &'a [u32],
}

/// Generates; `emit` gets each new token but the stop, and says whether to go on.
///
/// # Errors
/// Those of [`generate_many`].
pub fn generate<B: Backend>(
    backend: &B,
    model: &Model<B>,
    request: &Request<'_>,
    sampler: &mut Sampler,
    emit: &mut dyn FnMut(u32) -> Result<bool>,
) -> Result<Finish> {
    let requests = std::slice::from_ref(request);
    let samplers = std::slice::from_mut(sampler);
    let ends = generate_many(backend, model, requests, 1, samplers, &mut |_, token| {
        emit(token)
    })?;
    Ok(ends[0])
}
