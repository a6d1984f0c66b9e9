//! `prep chat`: a conversation with a model.

use std::{io::BufRead, path::PathBuf};

use anyhow::{Context as _, Result};

use super::{
    answer::answer,
    device::{DeviceArg, on_device},
    sampling::SamplingArgs,
};
use crate::{
    cmd::Context, document::Message, exit::Exit, generate::Request, model, ops::Backend, output,
    tokenize::Tokenizer,
};

/// Talks with a model: a line of standard input is what you say, its answer comes as it is made.
///
/// `/reset` begins anew, `/exit` or the end of the input ends. When the conversation fills the
/// model's context its oldest exchange is left out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model folder: one that `prep train` wrote, or of Hugging Face (Llama, Qwen2, Qwen3, GPT-2,
    /// Mistral, Mixtral, GPT-Neo); or an adapter folder, whose base is found by its path.
    model: PathBuf,
    /// What the system message says [default: none].
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    #[command(flatten)]
    sampling: SamplingArgs,
    #[command(flatten)]
    device: DeviceArg,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model or what was said, and the remedy.
pub fn run(args: &Args, ctx: &Context) -> Result<Exit> {
    let device = args.device.choose(ctx)?;
    on_device!(&device, backend => go(backend, args, ctx))
}

fn go<B: Backend>(backend: &B, args: &Args, ctx: &Context) -> Result<Exit> {
    let tokenizer = Tokenizer::from_dir(&args.model)?;
    let model = model::load(backend, &args.model)?;
    let stop = tokenizer.stop_ids();
    let mut sampler = args.sampling.sampler(ctx);
    let system = args.system.iter();
    let opening: Vec<Message> = system.map(|text| Message::new("system", text)).collect();
    let mut messages = opening.clone();
    for line in std::io::stdin().lock().lines() {
        let line = line.context("cannot read what you say: it has to be UTF-8 text")?;
        match line.trim() {
            "" => continue,
            "/exit" => break,
            "/reset" => {
                messages.clone_from(&opening);
                ctx.note("a new conversation");
                continue;
            }
            said => messages.push(Message::new("user", said)),
        }
        let room = model.config.max_positions;
        let prompt = fitting(&tokenizer, &mut messages, opening.len(), room, ctx)?;
        let request = Request {
            prompt: &prompt,
            max_tokens: args.sampling.max_tokens as usize,
            stop: &stop,
        };
        let said = answer(backend, &model, &tokenizer, &request, &mut sampler, ctx)?;
        if ctx.json {
            let turn = serde_json::json!({"text": said.text, "finish_reason": said.finish.name()});
            output::data(&turn.to_string());
        }
        if said.interrupted {
            return Ok(Exit::Interrupted);
        }
        messages.push(Message::new("assistant", said.text.trim()));
    }
    ctx.note(&format!(
        "next: prep eval {} SHARDS   (loss and perplexity on held-out documents)",
        args.model.display()
    ));
    Ok(Exit::Done)
}

/// The conversation's tokens, with room for an answer: without its oldest exchanges if need be.
fn fitting(
    tokenizer: &Tokenizer,
    messages: &mut Vec<Message>,
    opening: usize,
    room: usize,
    ctx: &Context,
) -> Result<Vec<u32>> {
    loop {
        let prompt = tokenizer.render_chat(messages, true)?;
        if prompt.len() < room || messages.len() < opening + 3 {
            return Ok(prompt);
        }
        messages.drain(opening..opening + 2);
        ctx.note("the conversation fills the model's context: its oldest exchange is left out");
    }
}
