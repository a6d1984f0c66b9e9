//! The flags of `prep train`.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::objective::ObjectiveArgs;
use crate::{
    model::{self, safetensors::Dtype},
    ops::{Precision, quant::Format},
    plan::gpu,
    train::{Packing, Shape},
};

/// Trains a language model from token shards.
///
/// A model with random weights, or with those of --base, learns from the train split and is
/// measured on the val split. The result in --out is a Hugging Face model folder. The same command
/// again continues after an interruption, with the same bits on the CPU.
// Each is a flag of its own.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = model::presets_help())]
pub struct Args {
    /// Shard directories that `prep shard` wrote, of one tokenizer; `DIR=2.5` learns from its
    /// documents two and a half times an epoch.
    #[arg(
        required_unless_present = "list_models",
        value_name = "SHARDS[=WEIGHT]"
    )]
    pub shards: Vec<String>,
    /// Directory of the model: new, or that of an interrupted run.
    #[arg(long, value_name = "DIR", required_unless_present = "list_models")]
    out: Option<PathBuf>,
    /// Preset (see below) or a config.json of Hugging Face (Llama, Qwen2, Qwen3, GPT-2, Mistral,
    /// Mixtral, GPT-Neo); the vocabulary is the shards' [default: llama-15m].
    #[arg(long, value_name = "PRESET|FILE", conflicts_with = "base")]
    pub model: Option<String>,
    /// Model folder whose weights to continue from; its tokenizer must be the shards'. The rate is
    /// warmed up anew to --lr and falls again; shards of the old texts with a weight of a few percent
    /// (`old=0.05`) keep the model from forgetting them, and --val shows whether they do.
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// What is learned.
    #[command(flatten)]
    pub goal: ObjectiveArgs,
    /// Train adapters of this rank (LoRA) beside the frozen weights of --base; --out becomes an
    /// adapter folder that PEFT loads, too, with the head of a classifier [default: none, all weights learn].
    #[arg(long, value_name = "RANK", requires = "base", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub lora: Option<u32>,
    /// What adapters are scaled by, times the rank (a number without unit) [default: twice the rank].
    #[arg(long, value_name = "ALPHA", requires = "lora", value_parser = positive)]
    pub lora_alpha: Option<f64>,
    /// Matrices that get adapters, by their names in Hugging Face's files, `q_proj,v_proj` for example
    /// [default: all that can have some].
    #[arg(long, value_name = "NAMES", requires = "lora", value_delimiter = ',')]
    pub lora_targets: Vec<String>,
    /// Share of the adapters' inputs that is left out at each step [default: 0].
    #[arg(long, value_name = "SHARE", requires = "lora", value_parser = share)]
    pub lora_dropout: Option<f64>,
    /// Hold the frozen base's matrices in fewer bits: nf4 (4.5 a weight) or int8 (8.5). The adapter is
    /// made for them; what loads it adds it to the exact base [default: f32].
    #[arg(long, value_name = "FORMAT", requires = "lora", hide_short_help = true)]
    pub base_quant: Option<Format>,
    /// Write the whole model with its adapters added, too, into OUT/merged. Default: off.
    #[arg(long, requires = "lora")]
    pub merge: bool,
    /// Optimizer steps [default: as many as --epochs takes].
    #[arg(long, value_name = "STEPS", conflicts_with = "epochs", value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: Option<u64>,
    /// Passes over the train split.
    #[arg(long, value_name = "EPOCHS", default_value_t = 1.0)]
    pub epochs: f64,
    /// Tokens of a sequence; shorter by itself for a smaller split.
    #[arg(long, value_name = "TOKENS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    pub seq_len: u32,
    /// How documents come into sequences: bestfit (hardly any padding, only longer texts are cut),
    /// concat (one after another, cut at the sequence's end) or none (a document a sequence). A
    /// document attends only to itself in each.
    #[arg(long, value_name = "WAY", default_value = "bestfit")]
    pub packing: Packing,
    /// Tokens of an optimizer step, rounded to whole sequences.
    #[arg(long, value_name = "TOKENS", default_value_t = 8192, value_parser = clap::value_parser!(u64).range(1..))]
    pub batch_tokens: u64,
    /// Sequences that go through the model at once; smaller by itself to stay within
    /// --memory, or a GPU's memory.
    #[arg(long, value_name = "SEQUENCES", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub micro_batch: u32,
    /// Highest learning rate [default: the preset's; 2e-5 with --base, 2e-4 with --lora, a quarter
    /// of these for dpo and ipo; 6e-4 for a config.json].
    #[arg(long, value_name = "RATE", value_parser = positive)]
    pub lr: Option<f64>,
    /// What the learning rate does after the warm-up: cosine, wsd (stays, then falls over --decay),
    /// linear or constant.
    #[arg(long, value_name = "SHAPE", default_value = "cosine")]
    pub schedule: Shape,
    /// Steps until the highest learning rate, of a --base, too [default: a twentieth of the run, at most 1000].
    #[arg(long, value_name = "STEPS")]
    pub warmup: Option<u64>,
    /// The last steps of `--schedule wsd`, over which the rate falls [default: a fifth of the run].
    #[arg(long, hide_short_help = true, value_name = "STEPS")]
    pub decay: Option<u64>,
    /// What of the highest learning rate the last step has, as a share [default: 0.1 for cosine, 0
    /// for wsd and linear].
    #[arg(long, hide_short_help = true, value_name = "SHARE", value_parser = share)]
    pub final_lr: Option<f64>,
    /// AdamW's decay of the gradient's mean (a number without unit).
    #[arg(long, hide_short_help = true, value_name = "BETA", default_value_t = 0.9, value_parser = part)]
    pub beta1: f64,
    /// AdamW's decay of the gradient's square (a number without unit).
    #[arg(long, hide_short_help = true, value_name = "BETA", default_value_t = 0.95, value_parser = part)]
    pub beta2: f64,
    /// AdamW's epsilon (a number without unit).
    #[arg(
        long,
        hide_short_help = true,
        value_name = "EPSILON",
        default_value_t = 1e-8,
        value_parser = positive
    )]
    pub eps: f64,
    /// AdamW's weight decay of matrices; norms and biases have none (a number without unit).
    #[arg(long, value_name = "DECAY", default_value_t = 0.1, value_parser = not_negative)]
    pub weight_decay: f64,
    /// Longest gradient, as a norm; `inf` for no clipping.
    #[arg(long, value_name = "NORM", default_value_t = 1.0, value_parser = positive)]
    pub clip: f64,
    /// Weight of the squared log-sum-exp of the logits in the loss, which keeps logits small; 1e-4
    /// is usual (a number without unit) [default: none].
    #[arg(long, hide_short_help = true, value_name = "WEIGHT", value_parser = positive)]
    pub z_loss: Option<f64>,
    /// Keep an average of the weights that keeps this share of itself at each step, 0.999 for
    /// example; it is what is measured and saved [default: none].
    #[arg(long, hide_short_help = true, value_name = "SHARE", value_parser = part)]
    pub ema: Option<f64>,
    /// Leave a step out whose loss is this many standard deviations above the last 64; three in a
    /// row lead back to the last checkpoint. `inf` for never.
    #[arg(long, hide_short_help = true, value_name = "DEVIATIONS", default_value_t = 10.0, value_parser = positive)]
    pub spike: f64,
    /// Steps between evaluations on the val split; there is one at the end in any case
    /// [default: a tenth of the run].
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    pub eval_every: Option<u64>,
    /// Shard directory whose val split is measured at every evaluation, too, beside that of SHARDS, under
    /// its own name: `--val old/shards=old --val new/shards=new` shows what is forgotten and what is
    /// learned. May be repeated [default: none].
    #[arg(long, value_name = "DIR[=NAME]")]
    pub val: Vec<String>,
    /// Tokens of an evaluation on the way; the last one measures the whole val split.
    #[arg(long, hide_short_help = true, value_name = "TOKENS", default_value_t = 32_768, value_parser = clap::value_parser!(u64).range(1..))]
    pub eval_tokens: u64,
    /// End after this many evaluations without a lower loss, with the weights of the best
    /// [default: never].
    #[arg(long, value_name = "EVALUATIONS", value_parser = clap::value_parser!(u64).range(1..))]
    pub patience: Option<u64>,
    /// File with a prompt a line that the model goes on from at every evaluation, into
    /// samples.jsonl [default: none].
    #[arg(long, value_name = "FILE")]
    pub prompts: Option<PathBuf>,
    /// Steps between checkpoints [default: a twentieth of the run, at most 500].
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    pub checkpoint_every: Option<u64>,
    /// Checkpoints that stay; older ones are removed.
    #[arg(long, hide_short_help = true, value_name = "CHECKPOINTS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: u32,
    /// Bits of the optimizer's moments, 8 (2 bytes a weight instead of 8; vectors stay f32) or 32
    /// [default: 32].
    #[arg(long, hide_short_help = true, value_name = "BITS", value_parser = optimizer_bits)]
    pub optimizer_bits: Option<u32>,
    /// On a GPU keep moments and master weights in the host's memory: 8 bytes a weight less there, and
    /// steps wait for the transfers [default: all on the device].
    #[arg(
        long,
        hide_short_help = true,
        value_name = "WHAT",
        conflicts_with = "optimizer_bits"
    )]
    pub offload: Option<Offload>,
    /// What matrix products multiply in, f32 or bf16 (on a GPU, several times faster); weights,
    /// moments and sums are f32 in any case.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    pub dtype: Precision,
    /// How the model's weights are stored: f32, bf16 or f16.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    pub save_dtype: Dtype,
    /// Fail when there is no run to continue (the same command continues one without it, too).
    /// Default: off.
    #[arg(long)]
    pub resume: bool,
    /// Print the plan (parameters, steps, packing, memory) and write nothing. Default: off.
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: write what each step would learn from into this file, a JSON line a sequence
    /// (step, `input_ids`, `labels` with -100 where the loss does not count, `position_ids`)
    /// [default: none].
    #[arg(
        long,
        hide_short_help = true,
        value_name = "FILE",
        requires = "dry_run"
    )]
    pub batches: Option<PathBuf>,
    /// Print the architectures and presets with parameters, memory and FLOPs a token at --seq-len
    /// and --micro-batch, and train nothing. Default: off.
    #[arg(long)]
    pub list_models: bool,
    /// The device's peak for MFU: TFLOP/s, or a card's name as `prep plan --help` has them (its
    /// dense bf16 rate) [default: of a CPU measured at the start, of a GPU that rate where it is known].
    #[arg(long, value_name = "TFLOPS|GPU", value_parser = peak)]
    pub peak: Option<f64>,
    /// What computes: auto (a GPU, else the CPU), cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: String,
    /// Several devices that share every step, a process each: GPUs by their numbers (0,1,2,3) or
    /// cpu,cpu. The step's tokens are the same as on one [default: only --device].
    #[arg(
        long,
        value_name = "DEVICES",
        value_delimiter = ',',
        conflicts_with = "device"
    )]
    pub devices: Vec<String>,
}

impl Args {
    /// Directory of the model.
    pub fn out(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new("."))
    }

    /// The same run of another model, into another directory.
    pub fn entrant(&self, model: &str, out: PathBuf) -> Self {
        Self {
            model: Some(model.to_owned()),
            out: Some(out),
            ..self.clone()
        }
    }
}

/// What can be in the host's memory while a GPU computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Offload {
    /// Moments and master weights.
    Optimizer,
}

fn optimizer_bits(text: &str) -> Result<u32, String> {
    match text {
        "8" => Ok(8),
        "32" => Ok(32),
        _ => Err(format!("expected 8 or 32, got {text}")),
    }
}

pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 => Ok(value),
        _ => Err(format!("expected a number above 0, got {text}")),
    }
}

/// A peak in FLOP/s.
fn peak(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(tflops) if tflops > 0.0 && tflops.is_finite() => Ok(tflops * 1e12),
        Ok(_) => Err(format!("expected TFLOP/s above 0, got {text}")),
        Err(_) => gpu::parse(text).map(gpu::Gpu::flops_per_second),
    }
}

/// A share of itself that something keeps: of all of it nothing would ever change.
fn part(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err(format!("expected a number from 0 to below 1, got {text}")),
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value),
        _ => Err(format!("expected 0 or a number above it, got {text}")),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err(format!("expected a number from 0 to 1, got {text}")),
    }
}

/// A shard directory and how often an epoch learns from it.
pub fn weighted(text: &str) -> Result<(PathBuf, f64), String> {
    let whole = Path::new(text);
    match text.rsplit_once('=') {
        // A directory whose name has a = in it is meant as it stands.
        Some((dir, weight)) if !whole.exists() => match weight.parse::<f64>() {
            Ok(weight) if weight > 0.0 && weight <= 100.0 => Ok((PathBuf::from(dir), weight)),
            _ => Err(format!(
                "{text}: expected a weight above 0 and at most 100 after the =, got {weight}"
            )),
        },
        _ => Ok((whole.to_owned(), 1.0)),
    }
}

/// A shard directory and the name that its val split goes by: the directory as it was typed unless one
/// is given.
pub fn named(text: &str) -> (PathBuf, String) {
    let whole = Path::new(text);
    match text.rsplit_once('=') {
        // A directory whose name has a = in it is meant as it stands.
        Some((dir, name)) if !whole.exists() && !name.is_empty() => (dir.into(), name.to_owned()),
        _ => (whole.to_owned(), text.to_owned()),
    }
}

impl ValueEnum for Dtype {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.short_name()))
    }
}
