//! `prep eval`: the loss of a model on shards, its answers to questions, or what it says to prompts;
//! of one model, or of two side by side.

mod loss;
mod prompts;
mod tasks;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use super::{
    device::{DeviceArg, on_device},
    generate::text_prompt,
};
use crate::{
    cmd::Context,
    document::Message,
    exit::Exit,
    model::{self, Session},
    ops::Backend,
    output,
    shard::Dataset,
    tokenize::Tokenizer,
    train::Packing,
};

/// Measures a model on a split (nats a counted token, perplexity, bits a byte, by source and language)
/// or on questions.
///
/// The loss counts what the shards' loss mask counts: all of a text, only the assistant's words of
/// a chat. Bits a byte compares models with different tokenizers. --tasks asks questions. With
/// choices, the answer is the choice that is most probable after the question, by the sum of its
/// tokens and, as normalised accuracy, by character. Without choices, what the model writes must be
/// the answer after both are normalised: NFKC, lower case, ё as е, without quotes and without the
/// punctuation around words, white space as one space. --versus measures a second model on the same
/// and gives the difference with its standard error, over paired documents or questions.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model folder: one that `prep train` wrote, or of Hugging Face (Llama, Qwen2, Qwen3, GPT-2,
    /// Mistral, Mixtral, GPT-Neo); or an adapter folder, whose base is found by its path.
    model: PathBuf,
    /// Shard directory, tokenized with the model's tokenizer.
    shards: Option<PathBuf>,
    /// A second model folder to put beside the first; both are in memory for questions and prompts,
    /// one after the other for shards [default: none].
    #[arg(long, value_name = "MODEL")]
    versus: Option<PathBuf>,
    /// Which documents: val (held out) or train.
    #[arg(long, value_name = "SPLIT", default_value = "val", value_parser = ["val", "train"], conflicts_with_all = ["tasks", "prompts"])]
    split: String,
    /// Tokens of a sequence [default: what the model was trained with, else at most 1024].
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..), conflicts_with_all = ["tasks", "prompts"])]
    seq_len: Option<u32>,
    /// How documents come into sequences: bestfit, concat or none; a document attends only to
    /// itself in each, and what is longer than a sequence is cut.
    #[arg(long, value_name = "WAY", default_value = "bestfit", conflicts_with_all = ["tasks", "prompts"])]
    packing: Packing,
    /// Measure whole sequences until they hold this many tokens [default: the whole split].
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["tasks", "prompts"])]
    max_tokens: Option<u64>,
    /// Sequences that go through the model at once; questions and prompts that are answered at once.
    #[arg(long, value_name = "SEQUENCES", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    micro_batch: u32,
    #[command(flatten)]
    device: DeviceArg,
    /// Questions, a JSON object a line: question, choices, and answer (a choice's number from 0, its
    /// letter or its text); without choices answer is the right text, or a list of right texts
    /// [default: none].
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["shards", "prompts"])]
    tasks: Option<PathBuf>,
    /// Write what was answered to each question here, a JSON object a line [default: nowhere; the
    /// first ten wrong ones are shown].
    #[arg(long, value_name = "FILE.jsonl", requires = "tasks")]
    answers: Option<PathBuf>,
    /// A file with a prompt a line that the model goes on from by its most probable tokens
    /// [default: none].
    #[arg(long, value_name = "FILE", conflicts_with = "shards")]
    prompts: Option<PathBuf>,
    /// Put questions without choices, and prompts, into the model's chat template. Default: off: a
    /// question is gone on from, and its answer ends with the line.
    #[arg(long, conflicts_with = "shards")]
    chat: bool,
    /// Tokens of an answer, at most.
    #[arg(long, value_name = "TOKENS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "shards")]
    answer_tokens: u32,
    /// Print the logits of each text of this JSON list instead, a line each (for comparisons).
    #[arg(long, value_name = "TEXTS.json", hide = true)]
    logits: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model or the shards, and the remedy.
pub fn run(args: &Args, ctx: &Context) -> Result<Exit> {
    let device = args.device.choose(ctx)?;
    if let Some(texts) = &args.logits {
        return on_device!(&device, backend => print_logits(backend, &args.model, texts));
    }
    let exit = if let Some(path) = &args.tasks {
        on_device!(&device, backend => tasks::run(backend, args, ctx, path))?
    } else if let Some(path) = &args.prompts {
        on_device!(&device, backend => prompts::run(backend, args, ctx, path))?
    } else if let Some(shards) = &args.shards {
        on_device!(&device, backend => loss::run(backend, args, ctx, shards))?
    } else {
        bail!(
            "there is nothing to measure {} on: name shards (prep eval MODEL SHARDS), questions \
             (--tasks FILE.jsonl) or prompts (--prompts FILE)",
            args.model.display()
        );
    };
    ctx.note(&format!(
        "next: prep generate {} \"…\"",
        args.model.display()
    ));
    Ok(exit)
}

/// Refuses shards of another tokenizer: their ids would mean something else to the model.
///
/// # Errors
/// When the fingerprints differ.
pub fn check_tokenizer(tokenizer: &Tokenizer, data: &Dataset) -> Result<()> {
    let want = &data.info().tokenizer_fingerprint;
    ensure!(
        tokenizer.fingerprint() == want,
        "the shards are tokenized with another tokenizer (fingerprint {want}) than the model's ({}): \
         the ids would mean something else. Shard the corpus with --tokenizer MODEL/tokenizer.json",
        tokenizer.fingerprint()
    );
    Ok(())
}

/// A model that answers.
struct Speaker<'a, B: Backend> {
    backend: &'a B,
    model: model::Model<B>,
    tokenizer: Tokenizer,
    stop: Vec<u32>,
    chat: bool,
    max_tokens: usize,
    /// Questions that are answered at once.
    at_once: usize,
}

impl<'a, B: Backend> Speaker<'a, B> {
    /// The models of the command: one, or two.
    fn all(backend: &'a B, args: &Args) -> Result<Vec<Self>> {
        let dirs = std::iter::once(&args.model).chain(&args.versus);
        dirs.map(|dir| Self::load(backend, args, dir)).collect()
    }

    fn load(backend: &'a B, args: &Args, dir: &Path) -> Result<Self> {
        let tokenizer = Tokenizer::from_dir(dir)?;
        Ok(Self {
            backend,
            model: model::load(backend, dir)?,
            stop: tokenizer.stop_ids(),
            tokenizer,
            chat: args.chat,
            max_tokens: args.answer_tokens as usize,
            at_once: args.micro_batch as usize,
        })
    }

    /// The tokens of a question as the model saw such texts in training.
    fn prompt(&self, text: &str) -> Result<Vec<u32>> {
        if self.chat {
            let messages = [Message::new("user", text)];
            return self.tokenizer.render_chat(&messages, true);
        }
        text_prompt(&self.tokenizer, text)
    }

    /// The greedy answers, each with whether the beginning of its question was left out.
    fn answers(&self, texts: &[&str], one_line: bool) -> Result<Vec<(String, bool)>> {
        let asking = crate::eval::exact::Asking {
            stop: &self.stop,
            max_tokens: self.max_tokens,
            one_line: one_line && !self.chat,
            decode: &|ids| self.tokenizer.decode(ids, true),
        };
        let prompts = texts.iter().map(|text| self.prompt(text));
        let prompts: Vec<Vec<u32>> = prompts.collect::<Result<_>>()?;
        crate::eval::exact::answers(self.backend, &self.model, &prompts, self.at_once, &asking)
    }
}

/// One line a text: its ids and the logits after each of them, of a classifier those of its labels.
fn print_logits<B: Backend>(backend: &B, model: &Path, texts: &Path) -> Result<Exit> {
    let text = std::fs::read(texts).with_context(|| format!("cannot read {}", texts.display()))?;
    let texts: Vec<String> = serde_json::from_slice(&text)
        .with_context(|| format!("{}: expected a JSON list of texts", texts.display()))?;
    let tokenizer = Tokenizer::from_dir(model)?;
    let model = model::load_any(backend, model)?;
    let labels = model.config.labels.as_ref().map(Vec::len);
    let logits_of_row = labels.unwrap_or(model.config.vocab_size);
    for text in texts {
        let ids = tokenizer.encode_text(&text)?;
        let logits = Session::new(backend, &model, ids.len())?.push_all(&ids)?;
        let rows: Vec<&[f32]> = logits.chunks(logits_of_row).collect();
        output::data(&json!({"text": text, "ids": ids, "logits": rows}).to_string());
    }
    Ok(Exit::Done)
}
