//! `--prompts`: a file with a prompt a line.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::{
    cmd::generate::text_prompt,
    tokenize::Tokenizer,
    train::prompts::{Prompt, Prompts},
};

/// Prompts that a person can still read at every evaluation.
const MOST: usize = 100;
/// Tokens of an answer.
const TOKENS: usize = 64;

/// Reads the file; empty lines are no prompts.
///
/// # Errors
/// When it cannot be read, or has no prompt or too many.
pub fn read<'a>(
    path: &Path,
    tokenizer: &Tokenizer,
    decode: &'a dyn Fn(&[u32]) -> String,
) -> Result<Prompts<'a>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let prompts: Vec<Prompt> = lines
        .map(|line| {
            Ok(Prompt {
                text: line.to_owned(),
                ids: text_prompt(tokenizer, line)?,
            })
        })
        .collect::<Result<_>>()?;
    ensure!(
        (1..=MOST).contains(&prompts.len()),
        "{}: expected 1 to {MOST} prompts, a line each, got {}",
        path.display(),
        prompts.len()
    );
    Ok(Prompts {
        prompts,
        stop: tokenizer.stop_ids(),
        max_tokens: TOKENS,
        decode,
    })
}
