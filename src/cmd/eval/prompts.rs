//! `prep eval --prompts`: what one model, or two side by side, say to fixed prompts.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{Args, Speaker};
use crate::{cmd::Context, exit::Exit, ops::Backend, output, train::prompts::lines};

/// Answers every prompt of the file.
pub(super) fn run<B: Backend>(
    backend: &B,
    args: &Args,
    ctx: &Context,
    path: &Path,
) -> Result<Exit> {
    let prompts = lines(path)?;
    let speakers = Speaker::all(backend, args)?;
    let texts: Vec<&str> = prompts.iter().map(String::as_str).collect();
    let answered: Vec<Vec<(String, bool)>> = speakers
        .iter()
        .map(|speaker| speaker.answers(&texts, false))
        .collect::<Result<_>>()?;
    let mut said = Vec::new();
    for (number, prompt) in prompts.iter().enumerate() {
        let answers: Vec<&str> = answered.iter().map(|all| all[number].0.as_str()).collect();
        if !ctx.json {
            output::data(prompt);
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
