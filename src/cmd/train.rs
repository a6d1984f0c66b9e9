//! `prep train`: a language model from token shards.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::{
    device::{choose, on_device},
    eval::check_tokenizer,
};
use crate::{
    atomic,
    cmd::Context,
    exit::Exit,
    interrupt,
    model::{self, Config, Llama, PRESETS, parameters, preset},
    ops::Backend,
    output,
    progress::{Progress, Unit},
    run_dir::{self, Found},
    shard::{Dataset, Split},
    tokenize::Tokenizer,
    train::{
        Options, Schedule, Windows,
        finish::finish,
        fitting_seq, memory,
        metrics::Line,
        run::{Data, Outcome, Saving, Watcher, run as train},
    },
    units::human_bytes,
};

/// Trains a language model from token shards.
///
/// A Llama with random weights, or with those of --base, learns from the train split and is
/// measured on the val split. The result in --out is a Hugging Face model folder. The same command
/// again continues after an interruption, with the same bits on the CPU.
#[derive(Debug, clap::Args)]
#[command(after_help = model::presets_help())]
pub struct Args {
    /// Shard directory that `prep shard` wrote.
    shards: PathBuf,
    /// Directory of the model: new, or that of an interrupted run.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Preset (see below) or a config.json of Hugging Face; the vocabulary is the shards'
    /// [default: llama-15m].
    #[arg(long, value_name = "PRESET|FILE", conflicts_with = "base")]
    model: Option<String>,
    /// Model folder whose weights to continue from; its tokenizer must be the shards'.
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Optimizer steps [default: as many as --epochs takes].
    #[arg(long, value_name = "STEPS", conflicts_with = "epochs", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Passes over the train split.
    #[arg(long, value_name = "EPOCHS", default_value_t = 1.0)]
    epochs: f64,
    /// Tokens of a sequence; shorter by itself for a smaller split.
    #[arg(long, value_name = "TOKENS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    seq_len: u32,
    /// Tokens of an optimizer step, rounded to whole sequences.
    #[arg(long, value_name = "TOKENS", default_value_t = 8192, value_parser = clap::value_parser!(u64).range(1..))]
    batch_tokens: u64,
    /// Sequences that go through the model at once; smaller by itself to stay within --memory.
    #[arg(long, value_name = "SEQUENCES", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    micro_batch: u32,
    /// Highest learning rate [default: the preset's; 2e-5 with --base; 6e-4 for a config.json].
    #[arg(long, value_name = "RATE")]
    lr: Option<f64>,
    /// Steps until the highest learning rate [default: a twentieth of the run, at most 1000].
    #[arg(long, value_name = "STEPS")]
    warmup: Option<u64>,
    /// AdamW's decay of the gradient's mean (a number without unit).
    #[arg(long, value_name = "BETA", default_value_t = 0.9)]
    beta1: f64,
    /// AdamW's decay of the gradient's square (a number without unit).
    #[arg(long, value_name = "BETA", default_value_t = 0.95)]
    beta2: f64,
    /// AdamW's epsilon (a number without unit).
    #[arg(long, value_name = "EPSILON", default_value_t = 1e-8)]
    eps: f64,
    /// AdamW's weight decay of matrices; norms have none (a number without unit).
    #[arg(long, value_name = "DECAY", default_value_t = 0.1)]
    weight_decay: f64,
    /// Longest gradient, as a norm; `inf` for no clipping.
    #[arg(long, value_name = "NORM", default_value_t = 1.0)]
    clip: f64,
    /// Steps between evaluations on the val split; there is one at the end in any case
    /// [default: a tenth of the run].
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    eval_every: Option<u64>,
    /// Tokens of an evaluation on the way; the last one measures the whole val split.
    #[arg(long, value_name = "TOKENS", default_value_t = 32_768, value_parser = clap::value_parser!(u64).range(1..))]
    eval_tokens: u64,
    /// Steps between checkpoints [default: a twentieth of the run, at most 500].
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: Option<u64>,
    /// Checkpoints that stay; older ones are removed.
    #[arg(long, value_name = "CHECKPOINTS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    /// Fail when there is no run to continue (the same command continues one without it, too).
    /// Default: off.
    #[arg(long)]
    resume: bool,
    /// Print the plan (parameters, steps, memory) and write nothing. Default: off.
    #[arg(long)]
    dry_run: bool,
    /// What computes: auto (a GPU, else the CPU), cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,
}

/// Runs the command: shards and model in, options resolved, steps, model folder out.
///
/// # Errors
/// Says what is wrong with the shards, the model or the directory, and the remedy.
pub fn run(args: &Args, ctx: &Context) -> Result<Exit> {
    let input = Input::open(args)?;
    let options = resolve(args, ctx, &input)?;
    if args.dry_run {
        plan(ctx, &input, &options);
        return Ok(Exit::Done);
    }
    let device = choose(&args.device, ctx)?;
    let config = flat(&options)?;
    match run_dir::open(&args.out, &config)? {
        Found::Finished => return already_done(args, ctx),
        Found::New => {
            ensure!(
                !args.resume,
                "{}: no run to continue. Leave --resume out to start one",
                args.out.display()
            );
            atomic::write_json(&run_dir::state_path(&args.out), &json!({"config": config}))?;
        }
        Found::Unfinished(_) => {}
    }
    on_device!(&device, backend => go(backend, args, ctx, &input, &options, &config))
}

/// What the run reads.
struct Input {
    train: Dataset,
    val: Dataset,
    tokenizer: Tokenizer,
    /// A hash of the shards' manifest.
    shards: String,
}

impl Input {
    fn open(args: &Args) -> Result<Self> {
        let train = Dataset::open(&args.shards, Split::Train)?;
        let val = Dataset::open(&args.shards, Split::Val)?;
        let tokenizer = Tokenizer::from_dir(&args.shards)?;
        check_tokenizer(&tokenizer, &train).with_context(|| {
            format!(
                "{}: its tokenizer.json is not the one it was made with",
                args.shards.display()
            )
        })?;
        let path = run_dir::manifest_path(&args.shards);
        let manifest =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            train.manifest().train.tokens_loss > 0,
            "{}: the loss counts none of the {} tokens of the train split: nothing can be learned. \
             Shard again with texts, or with chats that have assistant messages",
            args.shards.display(),
            train.tokens()
        );
        Ok(Self {
            train,
            val,
            tokenizer,
            shards: format!("{:032x}", xxh3_128(&manifest)),
        })
    }
}

/// The model's configuration, its default learning rate, and the hash of its first weights.
fn resolve_model(args: &Args, input: &Input, seq: usize) -> Result<(Config, f64, Option<String>)> {
    let vocab = input.train.info().vocab_size as usize;
    if let Some(base) = &args.base {
        let tokenizer = Tokenizer::from_dir(base)
            .with_context(|| format!("{}: the base model", base.display()))?;
        check_tokenizer(&tokenizer, &input.train)?;
        let config = model::load_config(base, None)?;
        ensure!(
            config.vocab_size >= vocab,
            "{}: the model has {} token ids, the shards {vocab}. Shard the corpus with --tokenizer {}",
            base.display(),
            config.vocab_size,
            base.join("tokenizer.json").display()
        );
        let weights = model::digest_weights(base)?;
        return Ok((config, 2e-5, Some(weights)));
    }
    let name = args.model.as_deref().unwrap_or("llama-15m");
    if let Some(preset) = preset(name) {
        return Ok((preset.config(vocab, seq), preset.lr, None));
    }
    let path = Path::new(name);
    if !path.exists() {
        let names: Vec<&str> = PRESETS.iter().map(|p| p.name).collect();
        bail!(
            "--model: expected a preset ({}) or a config.json, got {name}, which is neither",
            names.join(", ")
        );
    }
    let mut config = model::load_config(path, Some(vocab))?;
    config.vocab_size = vocab;
    Ok((config, 6e-4, None))
}

fn resolve(args: &Args, ctx: &Context, input: &Input) -> Result<Options> {
    let tokens = input.train.tokens();
    let seq_len = fitting_seq(args.seq_len as usize, tokens);
    if seq_len < args.seq_len as usize {
        ctx.note(&format!(
            "the train split has {tokens} tokens: sequences have {seq_len} instead of {}",
            args.seq_len
        ));
    }
    let (model, lr, base) = resolve_model(args, input, seq_len)?;
    ensure!(
        seq_len <= model.max_positions,
        "--seq-len {seq_len} is longer than the model's context of {} tokens",
        model.max_positions
    );
    let sequences = (args.batch_tokens as f64 / seq_len as f64).round().max(1.0) as usize;
    let windows = Windows::new(&input.train, seq_len, ctx.seed)?.count();
    ensure!(
        args.epochs > 0.0,
        "--epochs: expected more than 0, got {}",
        args.epochs
    );
    let samples = (windows as f64 * args.epochs).ceil() as u64;
    let steps = args
        .steps
        .unwrap_or(samples.div_ceil(sequences as u64).max(1));
    let asked = (args.micro_batch as usize).min(sequences);
    let plan = memory::plan(&model, seq_len, asked, ctx.memory).with_context(|| {
        let least = memory::Plan {
            micro_batch: 1,
            recompute: true,
        };
        format!(
            "the model's {} parameters need {} (16 bytes each, and one sequence's activations), \
             --memory is {}. Choose a smaller --model or --seq-len, or raise --memory",
            parameters(&model),
            human_bytes(memory::bytes(&model, seq_len, least)),
            human_bytes(ctx.memory)
        )
    })?;
    if plan.recompute || plan.micro_batch < asked {
        ctx.note(&format!(
            "to stay within --memory, {} sequences at a time{}",
            plan.micro_batch,
            if plan.recompute {
                ", layers computed twice"
            } else {
                ""
            }
        ));
    }
    Ok(Options {
        model,
        base,
        shards: input.shards.clone(),
        tokenizer: input.train.info().tokenizer_fingerprint.clone(),
        seq_len,
        sequences,
        micro_batch: plan.micro_batch,
        recompute: plan.recompute,
        schedule: Schedule {
            lr: args.lr.unwrap_or(lr),
            warmup: args.warmup.unwrap_or((steps / 20).clamp(1, 1000)),
            steps,
        },
        beta1: args.beta1,
        beta2: args.beta2,
        eps: args.eps,
        weight_decay: args.weight_decay,
        clip: args.clip.is_finite().then_some(args.clip),
        seed: ctx.seed,
        eval_every: Some(args.eval_every.unwrap_or((steps / 10).max(1))),
        eval_tokens: args.eval_tokens,
    })
}

/// The options with nested keys joined by dots, so that a difference is named to the point.
fn flat(options: &Options) -> Result<Value> {
    Ok(Value::Object(Map::from_iter(options.flat()?)))
}

fn plan(ctx: &Context, input: &Input, options: &Options) {
    let memory = memory::Plan {
        micro_batch: options.micro_batch,
        recompute: options.recompute,
    };
    let plan = json!({
        "parameters": parameters(&options.model),
        "steps": options.schedule.steps,
        "tokens": options.schedule.steps * options.step_tokens(),
        "train_tokens": input.train.tokens(),
        "val_tokens": input.val.tokens(),
        "memory_bytes": memory::bytes(&options.model, options.seq_len, memory),
        "options": options,
    });
    if ctx.json {
        output::data(&plan.to_string());
    } else {
        output::data(&format!("{plan:#}"));
    }
}

fn already_done(args: &Args, ctx: &Context) -> Result<Exit> {
    ctx.note(&format!("{}: this run is done", args.out.display()));
    if ctx.json {
        let path = args.out.join("report.json");
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let report: Value = serde_json::from_slice(&text)?;
        output::data(&report.to_string());
    }
    Ok(Exit::Done)
}

fn go<B: Backend>(
    backend: &B,
    args: &Args,
    ctx: &Context,
    input: &Input,
    options: &Options,
    config: &Value,
) -> Result<Exit> {
    let model = match &args.base {
        Some(base) => model::load(backend, base)?,
        None => Llama::random(backend, options.model.clone(), options.seed)?,
    };
    ctx.note(&format!(
        "{} parameters on {}, {} steps of {} tokens",
        parameters(&options.model),
        backend.name(),
        options.schedule.steps,
        options.step_tokens()
    ));
    let val = (input.val.tokens() >= 2).then(|| Windows::new(&input.val, options.seq_len, 0));
    if val.is_none() {
        ctx.note("the val split is empty: nothing will be measured on held-out text");
    }
    let data = Data {
        train: Windows::new(&input.train, options.seq_len, options.seed)?,
        val: val.transpose()?,
        token_bytes: &input.tokenizer.token_bytes(),
    };
    let steps = options.schedule.steps;
    let saving = Saving {
        every: args.checkpoint_every.unwrap_or((steps / 20).clamp(1, 500)),
        keep: args.keep as usize,
    };
    let mut person = Person {
        ctx,
        steps,
        step_tokens: options.step_tokens(),
        progress: None,
    };
    let outcome = train(
        backend,
        model,
        &data,
        options,
        saving,
        &args.out,
        &mut person,
    )?;
    if let Some(progress) = person.progress {
        progress.finish();
    }
    if !outcome.complete {
        ctx.note(&format!(
            "interrupted after step {} of {steps}, which is saved; the same command continues",
            outcome.steps
        ));
        return Ok(Exit::Interrupted);
    }
    let report = finish(
        backend,
        &outcome,
        options,
        config,
        &input.tokenizer,
        &args.out,
    )?;
    tell(args, ctx, &outcome, &report);
    Ok(Exit::Done)
}

fn tell<B: Backend>(args: &Args, ctx: &Context, outcome: &Outcome<B>, report: &Value) {
    if ctx.json {
        output::data(&report.to_string());
        return;
    }
    if let Some(loss) = outcome.train_loss {
        output::data(&format!("train loss    {loss:.4} nats/token"));
    }
    if let Some(means) = outcome.val.and_then(|val| val.means()) {
        output::data(&format!("val loss      {:.4} nats/token", means.loss));
        let bits = means
            .bits_per_byte
            .map_or("-".to_owned(), |b| format!("{b:.4}"));
        output::data(&format!("bits per byte {bits}"));
    }
    output::data(&format!("tokens/s      {:.0}", outcome.tokens_per_second));
    output::data(&format!("model         {}", args.out.display()));
}

/// Shows a run to a person and stops it on a signal.
struct Person<'a> {
    ctx: &'a Context,
    steps: u64,
    step_tokens: u64,
    progress: Option<Progress>,
}

impl Watcher for Person<'_> {
    fn start(&mut self, step: u64) {
        if step > 0 {
            self.ctx.note(&format!("continuing after step {step}"));
        }
        let left = (self.steps - step) * self.step_tokens;
        self.progress = Some(self.ctx.progress("train", Unit::Tokens, Some(left)));
    }

    fn step(&mut self, line: &Line) {
        let Some(progress) = &self.progress else {
            return;
        };
        let loss = line
            .loss
            .map_or("-".to_owned(), |loss| format!("{loss:.3}"));
        // Every evaluation stays to be read, whatever the pace of the progress.
        if let Some(val) = line.val_loss {
            progress.note(&format!(
                "step {}: loss {loss}, val loss {val:.3}",
                line.step
            ));
        }
        progress.message(&format!("step {}, loss {loss}", line.step));
        progress.add(self.step_tokens);
    }

    fn note(&mut self, text: &str) {
        self.ctx.note(text);
    }

    fn stop(&mut self) -> bool {
        interrupt::check().is_err()
    }
}
