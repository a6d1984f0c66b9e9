//! `--prompts`: a file with a prompt a line.

use std::path::Path;

use anyhow::Result;

use crate::{
    cmd::generate::text_prompt,
    tokenize::Tokenizer,
    train::prompts::{Prompt, Prompts, lines},
};

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
    let prompts = lines(path)?.into_iter().map(|text| {
        let ids = text_prompt(tokenizer, &text)?;
        Ok(Prompt { text, ids })
    });
    Ok(Prompts {
        prompts: prompts.collect::<Result<_>>()?,
        stop: tokenizer.stop_ids(),
        max_tokens: TOKENS,
        decode,
    })
}
