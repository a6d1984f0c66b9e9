//! `prep generate`: goes on from a prompt, or from many.

mod many;

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::{
    answer::answer,
    device::{DeviceArg, on_device},
    sampling::SamplingArgs,
};
use crate::{
    cmd::Context, document::Message, exit::Exit, generate::Request, model, ops::Backend, output,
    tokenize::Tokenizer,
};

/// Lets a model go on from a prompt; prints the continuation as it comes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model folder: one that `prep train` wrote, or of Hugging Face (Llama, Qwen2, Qwen3, GPT-2,
    /// Mistral, Mixtral, GPT-Neo); or an adapter folder, whose base is found by its path.
    model: PathBuf,
    /// The text to go on from, or with --chat what the user says.
    #[arg(required_unless_present = "prompts", conflicts_with = "prompts")]
    prompt: Option<String>,
    /// Many prompts at once: a file with a prompt a line, or a JSON object a line with "prompt" or
    /// with "messages" (.jsonl). What is generated goes to standard output, a JSON object for each
    /// prompt, in their order; blank lines are passed over [default: one prompt from the command line].
    #[arg(long, value_name = "FILE")]
    prompts: Option<PathBuf>,
    /// How many of --prompts are generated at once: the model is read once for all of them.
    #[arg(long, value_name = "SEQUENCES", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "prompt")]
    batch: u32,
    /// Put the prompt into the model's chat template and let the assistant answer. Default: off.
    #[arg(long)]
    chat: bool,
    /// What the system message of the chat says [default: none].
    #[arg(long, value_name = "TEXT", requires = "chat")]
    system: Option<String>,
    #[command(flatten)]
    sampling: SamplingArgs,
    #[command(flatten)]
    device: DeviceArg,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model or the prompt, and the remedy.
pub fn run(args: &Args, ctx: &Context) -> Result<Exit> {
    let device = args.device.choose(ctx)?;
    on_device!(&device, backend => go(backend, args, ctx))
}

fn go<B: Backend>(backend: &B, args: &Args, ctx: &Context) -> Result<Exit> {
    let tokenizer = Tokenizer::from_dir(&args.model)?;
    let model = model::load(backend, &args.model)?;
    if let Some(path) = &args.prompts {
        let speaker = many::Speaker {
            backend,
            model: &model,
            tokenizer: &tokenizer,
        };
        return speaker.run(args, path, ctx);
    }
    let text = args.prompt.as_deref().unwrap_or_default();
    let prompt = prompt(&tokenizer, args, text)?;
    let stop = tokenizer.stop_ids();
    let request = Request {
        prompt: &prompt,
        max_tokens: args.sampling.max_tokens as usize,
        stop: &stop,
    };
    let mut sampler = args.sampling.sampler(ctx);
    let said = answer(backend, &model, &tokenizer, &request, &mut sampler, ctx)?;
    if ctx.json {
        let report = json!({
            "prompt": text,
            "text": said.text,
            "tokens": said.tokens,
            "prompt_tokens": prompt.len(),
            "finish_reason": said.finish.name(),
        });
        output::data(&report.to_string());
    }
    ctx.note(&format!("next: prep chat {}", args.model.display()));
    Ok(if said.interrupted {
        Exit::Interrupted
    } else {
        Exit::Done
    })
}

/// The prompt's tokens, as the model saw texts in training: after BOS where texts begin with it.
fn prompt(tokenizer: &Tokenizer, args: &Args, text: &str) -> Result<Vec<u32>> {
    if args.chat {
        return chat(tokenizer, args, vec![Message::new("user", text)]);
    }
    text_prompt(tokenizer, text)
}

/// A chat's tokens up to where the assistant answers, after the system message of the command.
fn chat(tokenizer: &Tokenizer, args: &Args, messages: Vec<Message>) -> Result<Vec<u32>> {
    let system = args
        .system
        .as_ref()
        .map(|text| Message::new("system", text));
    let messages: Vec<Message> = system.into_iter().chain(messages).collect();
    tokenizer.render_chat(&messages, true)
}

/// A text's tokens as the model saw the beginning of texts in training.
///
/// # Errors
/// When the tokenizer cannot encode it.
pub fn text_prompt(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>> {
    let begin = tokenizer.bos_id().filter(|_| tokenizer.adds_bos());
    let mut ids: Vec<u32> = begin
        .into_iter()
        .chain(tokenizer.encode_text(text)?)
        .collect();
    if ids.is_empty() {
        // Without BOS a text has no token before it; the end of another is the nearest.
        ids.push(tokenizer.eos_id());
    }
    Ok(ids)
}
