//! `prep eval --prompts`: what one model, or two side by side, say to fixed prompts.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{Args, Speaker};
use crate::{cmd::Context, exit::Exit, interrupt, ops::Backend, output, train::prompts::lines};

/// Answers every prompt of the file.
pub(super) fn run<B: Backend>(
    backend: &B,
    args: &Args,
    ctx: &Context,
    path: &Path,
) -> Result<Exit> {
    let prompts = lines(path)?;
    let speakers = Speaker::all(backend, args)?;
    let mut said = Vec::new();
    for prompt in prompts {
        let mut answers = Vec::new();
        for speaker in &speakers {
            interrupt::check()?;
            answers.push(speaker.answer(&prompt, false)?.0);
        }
        if !ctx.json {
            output::data(&prompt);
            for (answer, name) in answers.iter().zip(["model ", "versus"]) {
                // The lines of an answer stay together under its name.
                output::data(&format!(
                    "  {name}  {}",
                    answer.replace('\n', "\n          ")
                ));
            }
            output::data("");
        }
        said.push(json!({
            "prompt": prompt,
            "answer": answers[0],
            "versus": answers.get(1),
        }));
    }
    if ctx.json {
        let report = json!({"model": args.model, "versus": args.versus, "prompts": said});
        output::data(&report.to_string());
    }
    Ok(Exit::Done)
}
