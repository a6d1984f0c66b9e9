//! `prep eval`: the loss of a model on shards, or its answers to multiple choice.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{
    device::{choose, on_device},
    generate::text_prompt,
};
use crate::{
    cmd::Context,
    eval::{
        Extent, Means, measure,
        tasks::{self, Tally},
    },
    exit::Exit,
    interrupt,
    model::{self, Session},
    ops::Backend,
    output,
    progress::Unit,
    shard::{Dataset, Split},
    tokenize::Tokenizer,
    train::{Loader, Packing, fitting_seq},
};

/// Measures a model on a split (nats a counted token, perplexity, bits a byte) or on questions.
///
/// The loss counts what the shards' loss mask counts: all of a text, only the assistant's words of
/// a chat. Bits a byte compares models with different tokenizers. --tasks asks multiple choice: the
/// answer is the choice that is most probable after the question, by the sum of its tokens and, as
/// normalised accuracy, by character.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model folder: one that `prep train` wrote, or of Hugging Face (Llama, Qwen2, Qwen3, GPT-2,
    /// Mistral, Mixtral, GPT-Neo); or an adapter folder, whose base is found by its path.
    model: PathBuf,
    /// Shard directory, tokenized with the model's tokenizer.
    #[arg(required_unless_present_any = ["logits", "tasks"])]
    shards: Option<PathBuf>,
    /// Which documents: val (held out) or train.
    #[arg(long, value_name = "SPLIT", default_value = "val", value_parser = ["val", "train"])]
    split: String,
    /// Tokens of a sequence [default: what the model was trained with, else at most 1024].
    #[arg(long, value_name = "TOKENS")]
    seq_len: Option<usize>,
    /// How documents come into sequences: bestfit, concat or none; a document attends only to
    /// itself in each, and what is longer than a sequence is cut.
    #[arg(long, value_name = "WAY", default_value = "bestfit")]
    packing: Packing,
    /// Measure at most this many tokens [default: the whole split].
    #[arg(long, value_name = "TOKENS")]
    max_tokens: Option<u64>,
    /// Sequences that go through the model at once.
    #[arg(long, value_name = "SEQUENCES", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    micro_batch: u32,
    /// What computes: auto (a GPU, else the CPU), cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,
    /// Questions, a JSON object a line: question, choices, and answer (a choice's number from 0, its
    /// letter or its text) [default: none].
    #[arg(long, value_name = "FILE.jsonl", conflicts_with = "shards")]
    tasks: Option<PathBuf>,
    /// Print the logits of each text of this JSON list instead, a line each (for comparisons).
    #[arg(long, value_name = "TEXTS.json", hide = true)]
    logits: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Says what is wrong with the model or the shards, and the remedy.
pub fn run(args: &Args, ctx: &Context) -> Result<Exit> {
    let device = choose(&args.device, ctx)?;
    if let Some(texts) = &args.logits {
        return on_device!(&device, backend => print_logits(backend, &args.model, texts));
    }
    if let Some(tasks) = &args.tasks {
        return on_device!(&device, backend => answer(backend, ctx, &args.model, tasks));
    }
    let Some(shards) = &args.shards else {
        bail!("SHARDS is missing");
    };
    let split = if args.split == "val" {
        Split::Val
    } else {
        Split::Train
    };
    let data = Dataset::open(shards, split)?;
    let tokenizer = Tokenizer::from_dir(&args.model)?;
    check_tokenizer(&tokenizer, &data)?;
    ensure!(
        data.tokens() > 0,
        "{}: the {} split is empty. Measure --split train, or shard again with a --val share",
        shards.display(),
        args.split
    );
    let means = on_device!(&device, backend => evaluate(backend, args, ctx, &data, &tokenizer))?;
    report(args, ctx, &means);
    note_next(ctx, &args.model);
    Ok(Exit::Done)
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

fn evaluate<B: Backend>(
    backend: &B,
    args: &Args,
    ctx: &Context,
    data: &Dataset,
    tokenizer: &Tokenizer,
) -> Result<Means> {
    let model = model::load(backend, &args.model)?;
    let config = &model.config;
    let asked = args
        .seq_len
        .or_else(|| trained_seq(&args.model))
        .unwrap_or(1024)
        .min(config.max_positions);
    let loader = Loader::new(data, args.packing, fitting_seq(asked, data.tokens()), 0)?;
    let rope = config.rope_table(loader.seq());
    let extent = Extent {
        micro_batch: args.micro_batch as usize,
        tokens: args.max_tokens,
    };
    let room = loader.packed().room_tokens;
    let total = args.max_tokens.map_or(room, |t| t.min(room));
    let progress = ctx.progress("eval", Unit::Tokens, Some(total));
    let mut shown = 0;
    let mut interrupted = None;
    let sums = measure(
        backend,
        &model,
        rope.as_ref(),
        &loader,
        &tokenizer.token_bytes(),
        extent,
        &mut |done| {
            let tokens = (done * loader.seq() as u64).min(total);
            progress.add(tokens - shown);
            shown = tokens;
            interrupted = interrupt::check().err();
            interrupted.is_none()
        },
    )?;
    if let Some(interrupted) = interrupted {
        return Err(interrupted.into());
    }
    progress.finish();
    sums.means().context(
        "the loss mask counts no token of the split: there is nothing to measure. Choose another \
         --split",
    )
}

/// The sequence length of a model that `prep train` wrote.
fn trained_seq(model: &Path) -> Option<usize> {
    let text = std::fs::read(model.join("manifest.json")).ok()?;
    let manifest: Value = serde_json::from_slice(&text).ok()?;
    manifest["config"]["seq_len"].as_u64()?.try_into().ok()
}

fn report(args: &Args, ctx: &Context, means: &Means) {
    if ctx.json {
        let mut json = json!(means);
        json["split"] = json!(args.split);
        json["model"] = json!(args.model);
        json["shards"] = json!(args.shards);
        output::data(&json.to_string());
    } else {
        let bits = means
            .bits_per_byte
            .map_or("-".to_owned(), |b| format!("{b:.4}"));
        output::data(&format!("loss          {:.4} nats/token", means.loss));
        output::data(&format!("perplexity    {:.3}", means.perplexity));
        output::data(&format!("bits per byte {bits}"));
        output::data(&format!("tokens        {}", means.tokens));
    }
}

fn note_next(ctx: &Context, model: &Path) {
    ctx.note(&format!("next: prep generate {} \"…\"", model.display()));
}

/// Asks every question of the file.
fn answer<B: Backend>(backend: &B, ctx: &Context, dir: &Path, path: &Path) -> Result<Exit> {
    let tokenizer = Tokenizer::from_dir(dir)?;
    let model = model::load(backend, dir)?;
    let encode = |text: &str| text_prompt(&tokenizer, text);
    let progress = ctx.progress("eval", Unit::Documents, None);
    let (mut tally, mut rejected) = (Tally::default(), Vec::new());
    tasks::for_each(path, &mut rejected, &mut |item| {
        interrupt::check()?;
        let likelihoods = tasks::likelihoods(backend, &model, &item, &encode)?;
        tally.add(&item, &likelihoods);
        progress.add(1);
        Ok(())
    })?;
    progress.finish();
    let scores = tally.scores(rejected);
    for line in &scores.rejected {
        ctx.note(&format!(
            "{}:{}: {}",
            path.display(),
            line.line,
            line.reason
        ));
    }
    ensure!(
        scores.items > 0,
        "{}: expected questions, a JSON object a line with question, choices and answer; found none",
        path.display()
    );
    if ctx.json {
        let mut json = json!(scores);
        json["model"] = json!(dir);
        json["tasks"] = json!(path);
        output::data(&json.to_string());
    } else {
        let share = |p: f64, error: f64| format!("{:.2} % ± {:.2}", 100.0 * p, 100.0 * error);
        let plain = share(scores.accuracy, scores.accuracy_stderr);
        let normalized = share(
            scores.accuracy_normalized,
            scores.accuracy_normalized_stderr,
        );
        output::data(&format!("accuracy            {plain}"));
        output::data(&format!("normalised accuracy {normalized}"));
        output::data(&format!(
            "by chance           {:.2} %",
            100.0 * scores.chance
        ));
        output::data(&format!("questions           {}", scores.items));
    }
    note_next(ctx, dir);
    Ok(if scores.rejected.is_empty() {
        Exit::Done
    } else {
        Exit::Rejects
    })
}

/// One line a text: its ids and the logits after each of them.
fn print_logits<B: Backend>(backend: &B, model: &Path, texts: &Path) -> Result<Exit> {
    let text = std::fs::read(texts).with_context(|| format!("cannot read {}", texts.display()))?;
    let texts: Vec<String> = serde_json::from_slice(&text)
        .with_context(|| format!("{}: expected a JSON list of texts", texts.display()))?;
    let tokenizer = Tokenizer::from_dir(model)?;
    let model = model::load(backend, model)?;
    for text in texts {
        let ids = tokenizer.encode_text(&text)?;
        let logits = Session::new(backend, &model, ids.len())?.push_all(&ids)?;
        let rows: Vec<&[f32]> = logits.chunks(model.config.vocab_size).collect();
        output::data(&json!({"text": text, "ids": ids, "logits": rows}).to_string());
    }
    Ok(Exit::Done)
}
