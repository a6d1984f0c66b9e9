//! Generation: prompt to tokens, tokens to logits, logits to the next token, tokens to text.

mod sampler;
mod stream;

use anyhow::{Result, ensure};

pub use sampler::{Sampler, Sampling};
pub use stream::TextStream;

use crate::{
    model::{Model, Session},
    ops::Backend,
};

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
/// When the prompt is empty or fills the model's context, or the model's output is no number.
pub fn generate<B: Backend>(
    backend: &B,
    model: &Model<B>,
    request: &Request<'_>,
    sampler: &mut Sampler,
    emit: &mut dyn FnMut(u32) -> Result<bool>,
) -> Result<Finish> {
    let context = model.config.max_positions;
    let prompt = request.prompt;
    ensure!(
        prompt.len() < context,
        "the prompt has {} tokens, the model's context {context}: shorten the prompt",
        prompt.len()
    );
    let capacity = (prompt.len() + request.max_tokens).min(context);
    let mut session = Session::new(backend, model, capacity)?;
    let mut seen = prompt.to_vec();
    let mut fresh = prompt.len();
    while seen.len() < capacity {
        let mut logits = session.push(&seen[seen.len() - fresh..])?;
        let token = sampler.next(&mut logits, &seen)?;
        if request.stop.contains(&token) {
            return Ok(Finish::Stop);
        }
        seen.push(token);
        fresh = 1;
        if !emit(token)? {
            break;
        }
    }
    Ok(Finish::Length)
}
