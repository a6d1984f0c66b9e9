//! The flags that say how the next token is chosen, and of how many an answer is.

use super::Context;
use crate::generate::{Sampler, Sampling};

/// How the next token is chosen, and how many there are at most.
#[derive(Clone, Debug, clap::Args)]
pub struct SamplingArgs {
    /// Always take the most probable token instead of drawing one. Default: off.
    #[arg(long, conflicts_with_all = ["temperature", "top_k", "top_p"])]
    greedy: bool,
    /// How much chance: below 1 probable tokens become more probable, 0 is --greedy (a number without
    /// unit).
    #[arg(long, value_name = "T", default_value_t = 0.8, value_parser = not_negative)]
    temperature: f32,
    /// Draw among this many of the most probable tokens only [default: all].
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    top_k: Option<u32>,
    /// Draw among the most probable tokens that together have this probability [default: all].
    #[arg(long, value_name = "P", value_parser = probability)]
    top_p: Option<f32>,
    /// Make tokens that occurred less probable; 1 changes nothing, 1.2 is usual [default: off].
    #[arg(long, value_name = "FACTOR", value_parser = positive)]
    repetition_penalty: Option<f32>,
    /// Answer with at most this many tokens.
    #[arg(long, value_name = "TOKENS", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tokens: u32,
}

impl SamplingArgs {
    /// A sampler with the seed of the command.
    pub fn sampler(&self, ctx: &Context) -> Sampler {
        self.numbered(ctx, 0)
    }

    /// The sampler of prompt `number`: what a prompt is answered does not depend on those before it.
    pub fn numbered(&self, ctx: &Context, number: u64) -> Sampler {
        Sampler::new(
            Sampling {
                temperature: (!self.greedy && self.temperature > 0.0).then_some(self.temperature),
                top_k: self.top_k.map(|k| k as usize),
                top_p: self.top_p,
                repetition_penalty: self.repetition_penalty,
            },
            ctx.seed.wrapping_add(number),
        )
    }
}

fn positive(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && f32::is_finite(value) => Ok(value),
        _ => Err(format!("expected a number above 0, got {text}")),
    }
}

fn not_negative(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(value) if value >= 0.0 && f32::is_finite(value) => Ok(value),
        _ => Err(format!("expected 0 or a number above it, got {text}")),
    }
}

fn probability(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err(format!(
            "expected a number above 0 and at most 1, got {text}"
        )),
    }
}
