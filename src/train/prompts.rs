//! Fixed prompts that the model answers at every evaluation, so that a person sees it learn:
//! `samples.jsonl`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::journal::OfStep;
use crate::{
    generate::{Request, Sampler, Sampling, generate_many},
    model::Model,
    ops::Backend,
};

/// One prompt.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What a person wrote.
    pub text: String,
    /// Its tokens.
    pub ids: Vec<u32>,
}

/// The prompts of a run, and how they are answered.
pub struct Prompts<'a> {
    /// The prompts, in order.
    pub prompts: Vec<Prompt>,
    /// Tokens that end an answer.
    pub stop: Vec<u32>,
    /// The most tokens of an answer.
    pub max_tokens: usize,
    /// From tokens to text.
    pub decode: &'a dyn Fn(&[u32]) -> String,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Steps that the model had learned.
    pub step: u64,
    /// The prompt.
    pub prompt: String,
    /// What the model went on with, by its most probable tokens.
    pub text: String,
}

impl OfStep for Answer {
    fn step(&self) -> u64 {
        self.step
    }
}

/// Prompts that are answered at once.
const AT_ONCE: usize = 8;
/// Prompts that a person can still read at every evaluation.
const MOST: usize = 100;

/// The prompts of a file, one a line; empty lines are none.
///
/// # Errors
/// When it cannot be read, or has no prompt or too many.
pub fn lines(path: &Path) -> Result<Vec<String>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let prompts: Vec<String> = lines.map(str::to_owned).collect();
    ensure!(
        (1..=MOST).contains(&prompts.len()),
        "{}: expected 1 to {MOST} prompts, a line each, got {}",
        path.display(),
        prompts.len()
    );
    Ok(prompts)
}

/// Where a run's answers are.
#[must_use]
pub fn path(out: &Path) -> PathBuf {
    out.join("samples.jsonl")
}

/// The model's answers after `step` steps.
///
/// # Errors
/// When a prompt is longer than the model's context, or the model's output is no number.
pub fn answers<B: Backend>(
    backend: &B,
    model: &Model<B>,
    prompts: &Prompts<'_>,
    step: u64,
) -> Result<Vec<Answer>> {
    let each = prompts.prompts.iter();
    let requests: Vec<Request> = each
        .map(|prompt| Request {
            prompt: &prompt.ids,
            max_tokens: prompts.max_tokens,
            stop: &prompts.stop,
        })
        .collect();
    let greedy = |_: &Request| Sampler::new(Sampling::GREEDY, 0);
    let mut samplers: Vec<Sampler> = requests.iter().map(greedy).collect();
    let mut said = vec![Vec::new(); requests.len()];
    generate_many(
        backend,
        model,
        &requests,
        AT_ONCE,
        &mut samplers,
        &mut |number, token| {
            said[number].push(token);
            Ok(true)
        },
    )?;
    let answer = |(prompt, tokens): (&Prompt, Vec<u32>)| Answer {
        step,
        prompt: prompt.text.clone(),
        text: (prompts.decode)(&tokens),
    };
    Ok(prompts.prompts.iter().zip(said).map(answer).collect())
}
