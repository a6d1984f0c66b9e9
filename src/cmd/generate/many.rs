//! `prep generate --prompts`: a file of prompts, several of them at once.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use super::{Args, chat, prompt};
use crate::{
    cmd::Context,
    document::Message,
    exit::Exit,
    generate::{Finish, Request, Sampler, TextStream, generate_each},
    interrupt,
    model::Model,
    ops::Backend,
    output,
    progress::Unit,
    tokenize::Tokenizer,
};

/// Prompts that are read before they are answered, for each that is answered at once.
const READ: usize = 16;

/// A line of a `.jsonl` file.
#[derive(Deserialize)]
struct Line {
    prompt: Option<String>,
    messages: Option<Vec<Turn>>,
}

#[derive(Deserialize)]
struct Turn {
    role: String,
    content: String,
}

/// A prompt that was read.
struct Prompt {
    /// Its number among the prompts of the file, from 0.
    number: u64,
    /// As the file has it.
    shown: serde_json::Value,
    ids: Vec<u32>,
}

/// A model that answers.
pub(super) struct Speaker<'a, B: Backend> {
    pub backend: &'a B,
    pub model: &'a Model<B>,
    pub tokenizer: &'a Tokenizer,
}

impl<B: Backend> Speaker<'_, B> {
    /// Answers every prompt of the file.
    pub(super) fn run(&self, args: &Args, path: &Path, ctx: &Context) -> Result<Exit> {
        let failed = || format!("cannot read {}", path.display());
        let file = File::open(path).with_context(failed)?;
        let is_json = path
            .extension()
            .is_some_and(|end| end == "jsonl" || end == "ndjson");
        let progress = ctx.progress("generate", Unit::Documents, None);
        let most = READ * args.batch as usize;
        let (mut group, mut number, mut tokens) = (Vec::new(), 0, 0);
        for (line, text) in (1..).zip(BufReader::new(file).lines()) {
            let text = text.with_context(failed)?;
            if text.trim().is_empty() {
                continue;
            }
            let place = || format!("{}:{line}", path.display());
            let read = self.read(args, &text, is_json).with_context(place);
            let context = self.model.config.max_positions;
            let read = read.and_then(|(shown, ids)| {
                ensure!(
                    ids.len() < context,
                    "{}: the prompt has {} tokens, the model's context {context}: shorten the prompt",
                    place(),
                    ids.len()
                );
                Ok(Prompt { number, shown, ids })
            });
            let prompt = match read {
                Ok(prompt) => prompt,
                Err(error) => {
                    // What stands before a bad line is answered first.
                    self.answer(args, &group, ctx)?;
                    return Err(error);
                }
            };
            group.push(prompt);
            number += 1;
            if group.len() == most {
                tokens += self.answer(args, &std::mem::take(&mut group), ctx)?;
                progress.add(most as u64);
            }
        }
        tokens += self.answer(args, &group, ctx)?;
        progress.finish();
        ensure!(
            number > 0,
            "{}: expected a prompt a line, found none",
            path.display()
        );
        ctx.note(&format!(
            "{number} prompts answered, {tokens} tokens generated"
        ));
        Ok(Exit::Done)
    }

    /// A line's prompt as it is shown, and its tokens.
    fn read(
        &self,
        args: &Args,
        text: &str,
        is_json: bool,
    ) -> Result<(serde_json::Value, Vec<u32>)> {
        if !is_json {
            return Ok((json!(text), prompt(self.tokenizer, args, text)?));
        }
        let expected = "expected a JSON object with \"prompt\", a text, or \"messages\", a list of \
                        objects with \"role\" and \"content\"";
        let line: Line = serde_json::from_str(text).context(expected)?;
        match (line.prompt, line.messages) {
            (Some(text), None) => {
                let ids = prompt(self.tokenizer, args, &text)?;
                Ok((json!(text), ids))
            }
            (None, Some(turns)) if !turns.is_empty() => {
                let turn = |turn: &Turn| Message::new(&turn.role, &turn.content);
                let ids = chat(self.tokenizer, args, turns.iter().map(turn).collect())?;
                let shown = serde_json::from_str::<serde_json::Value>(text)?["messages"].take();
                Ok((shown, ids))
            }
            _ => anyhow::bail!("{expected}, and not both"),
        }
    }

    /// Answers some prompts and prints them in their order; how many tokens were generated.
    fn answer(&self, args: &Args, group: &[Prompt], ctx: &Context) -> Result<u64> {
        let stop = self.tokenizer.stop_ids();
        let requests: Vec<Request> = group
            .iter()
            .map(|prompt| Request {
                prompt: &prompt.ids,
                max_tokens: args.sampling.max_tokens as usize,
                stop: &stop,
            })
            .collect();
        let mut samplers: Vec<Sampler> = group
            .iter()
            .map(|prompt| args.sampling.numbered(ctx, prompt.number))
            .collect();
        let decode = |ids: &[u32]| self.tokenizer.decode(ids, true);
        let mut said: Vec<_> = group
            .iter()
            .map(|_| (TextStream::new(decode), String::new(), 0_u64))
            .collect();
        let mut ends: Vec<Option<Finish>> = vec![None; group.len()];
        let outcome = generate_each(
            self.backend,
            self.model,
            &requests,
            args.batch as usize,
            &mut samplers,
            &mut |number, token| {
                interrupt::check()?;
                let (stream, text, tokens) = &mut said[number];
                text.push_str(&stream.push(token));
                *tokens += 1;
                Ok(true)
            },
            &mut |number, end| ends[number] = Some(end),
        );
        let mut all = 0;
        let finished = ends.into_iter().map_while(|end| end);
        // After an interruption the answers that are whole, up to the first that is not.
        for ((prompt, end), (mut stream, mut text, tokens)) in group.iter().zip(finished).zip(said)
        {
            text.push_str(&stream.finish());
            all += tokens;
            let line = json!({
                "prompt": prompt.shown,
                "text": text,
                "tokens": tokens,
                "prompt_tokens": prompt.ids.len(),
                "finish_reason": end.name(),
            });
            output::data(&line.to_string());
        }
        outcome?;
        Ok(all)
    }
}
