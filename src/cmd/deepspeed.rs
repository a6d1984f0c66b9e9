//! `prep export deepspeed`: a run of `prep train` as a folder for `PyTorch`, on several GPUs.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use clap::{ArgMatches, Command, FromArgMatches, parser::ValueSource};

use super::{
    Context,
    train::{self, Input, resolve_with},
};
use crate::{
    exit::Exit,
    export::deepspeed::{Offload, Project, Wanted, layout, sequences},
    interrupt,
    ops::Precision,
    output,
    plan::{Gpu, Shape, gpu, memory::Stage},
    progress::Unit,
    table::Table,
    train::{Loader, Tokens, fitting_seq, memory, moments::Keeping},
    units::{grouped, human_bytes},
};

/// Write a run as a folder that PyTorch trains from, with DeepSpeed or torchrun.
///
/// The folder holds prep's packed sequences in prep's order, a short training script with transformers
/// and datasets, DeepSpeed's configuration (ZeRO, offload, micro-batch by the arithmetic of `prep
/// plan`), the same without DeepSpeed, and a README with the commands. Flags of `prep train` mean what
/// they mean there, so that the run is the same as on one machine.
// Names are spelt as their owners spell them.
#[allow(clippy::doc_markdown)]
#[derive(Debug, clap::Args)]
#[command(after_long_help = gpu::help())]
pub struct Args {
    /// Shard directories that `prep shard` wrote, of one tokenizer; `DIR=2.5` learns from its
    /// documents two and a half times an epoch.
    #[arg(value_name = "SHARDS[=WEIGHT]", required = true, num_args = 1..)]
    shards: Vec<String>,
    /// Preset (`prep train --list-models`), a config.json of Hugging Face, or a model folder whose
    /// weights to continue from.
    #[arg(value_name = "MODEL", required = true)]
    model: String,
    /// Directory to write; must be new or empty, or of an interrupted export.
    #[arg(long, value_name = "DIR", default_value = "deepspeed")]
    out: PathBuf,
    /// ZeRO's stage, what is divided between the GPUs: 0 nothing, 1 the optimizer, 2 gradients, too, 3
    /// weights, too (a number without unit).
    #[arg(long, value_name = "STAGE", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=3))]
    zero: u8,
    /// Number of GPUs that train together.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    gpus: u64,
    /// Kind of GPU, for the micro-batch (see --help).
    #[arg(long, value_name = "NAME", default_value = "h100", value_parser = gpu::parse)]
    gpu: &'static Gpu,
    /// What lies in the host's memory: none, optimizer, or all (weights, too) [default: as little as
    /// fits].
    #[arg(long, value_name = "WHAT")]
    offload: Option<Offload>,
    /// What the model computes in: bf16 or f32.
    #[arg(long, value_name = "TYPE", default_value = "bf16")]
    dtype: Precision,
    #[command(flatten)]
    train: LikeTrain,
}

/// Flags of `prep train` that are taken as they are; the others have no counterpart in the scripts.
const TAKEN: &[&str] = &[
    "steps",
    "epochs",
    "seq_len",
    "packing",
    "batch_tokens",
    "micro_batch",
    "lr",
    "schedule",
    "warmup",
    "decay",
    "final_lr",
    "beta1",
    "beta2",
    "eps",
    "weight_decay",
    "clip",
    "z_loss",
    "eval_every",
    "eval_tokens",
    "checkpoint_every",
];

/// The arguments of `prep train`, of which only [`TAKEN`] can be given.
#[derive(Clone, Debug)]
struct LikeTrain(train::Args);

impl clap::Args for LikeTrain {
    fn augment_args(command: Command) -> Command {
        let train = <train::Args as clap::Args>::augment_args(Command::new("train"));
        let arguments = train.get_arguments().cloned();
        command.args(arguments.filter(|arg| TAKEN.contains(&arg.get_id().as_str())))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LikeTrain {
    /// Lets train's own definition read what was given, so that there is one meaning of each flag.
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut words: Vec<OsString> = ["train", ".", "--out", "."].map(OsString::from).into();
        for id in TAKEN {
            if matches.value_source(id) == Some(ValueSource::CommandLine) {
                for value in matches.get_raw(id).into_iter().flatten() {
                    words.push(format!("--{}", id.replace('_', "-")).into());
                    words.push(value.to_owned());
                }
            }
        }
        let train = <train::Args as clap::Args>::augment_args(Command::new("train"));
        let matches = train.try_get_matches_from(words)?;
        train::Args::from_arg_matches(&matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Resolves the run as `prep train` does, lays it out on the GPUs, writes the folder.
///
/// # Errors
/// When shards, model or flags do not fit, the run does not fit the GPUs, or writing fails.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let mut like = args.train.0.clone();
    like.shards.clone_from(&args.shards);
    match Path::new(&args.model) {
        folder if folder.is_dir() => like.base = Some(folder.to_owned()),
        _ => like.model = Some(args.model.clone()),
    }
    ensure!(
        !like.goal.is_preference() && !like.goal.is_classify(),
        "--objective dpo, ipo and classify are not exported: the script learns the next token"
    );
    let input = Input::open(&like)?;
    input.check_hashes()?;
    let train = input.train(context.seed)?;
    like.batch_tokens = shared_batch(&like, train.tokens(), args.gpus, context);
    let mut resolved = resolve_with(&like, context, &input, &train, &|_, _, _| {
        Ok(memory::Plan {
            micro_batch: like.micro_batch as usize,
            recompute: false,
            average: false,
            adapters: None,
            reference: false,
            base: None,
            keeping: Keeping::Full,
            place: memory::Place::Gpu(args.dtype),
        })
    })?;
    let options = &mut resolved.options;
    let wanted = Wanted {
        stage: stage(args.zero),
        gpus: args.gpus,
        gpu: args.gpu,
        dtype: args.dtype,
        offload: args.offload,
        micro_batch: u64::from(like.micro_batch),
    };
    let shape = Shape::of(&options.model);
    let layout = layout(
        &shape,
        options.seq_len as u64,
        options.sequences as u64,
        wanted,
    )?;
    options.micro_batch = layout.micro_batch as usize;
    options.recompute = layout.gradient_checkpointing;
    options.dtype = (args.dtype != Precision::F32).then_some(args.dtype);

    let held_out = input.val()?;
    let val = (held_out.tokens() >= 2)
        .then(|| Loader::new(&held_out, options.packing, options.seq_len, 0));
    let val = val.transpose()?;
    let steps = options.schedule.steps;
    let project = Project {
        options,
        train: &resolved.loader,
        val: val.as_ref(),
        tokenizer: &input.tokenizer,
        base: like.base.as_deref(),
        stage: wanted.stage,
        gpus: args.gpus,
        dtype: args.dtype,
        layout,
        checkpoint_every: like.checkpoint_every.unwrap_or((steps / 20).clamp(1, 500)),
        out: &args.out,
    };
    let total = train.tokens() + held_out.tokens();
    let progress = context.progress("export", Unit::Tokens, Some(total));
    let report = project.write(|tokens| {
        progress.add(tokens);
        Ok(interrupt::check()?)
    })?;
    progress.finish();
    if context.json {
        output::data(&report.to_string());
    } else {
        output::data(&table(&project).render());
    }
    context.note(&format!(
        "next: cd {} && deepspeed --num_gpus {} train_deepspeed.py (README.md has it without DeepSpeed)",
        args.out.display(),
        args.gpus
    ));
    Ok(Exit::Done)
}

/// Tokens of a step whose sequences the GPUs can share alike.
fn shared_batch(like: &train::Args, tokens: u64, gpus: u64, context: &Context) -> u64 {
    let seq_len = fitting_seq(like.seq_len as usize, tokens) as u64;
    let asked = (like.batch_tokens as f64 / seq_len as f64).round().max(1.0) as u64;
    let shared = sequences(asked, gpus);
    if shared != asked {
        context.note(&format!(
            "a step has {shared} sequences instead of {asked}, so that {gpus} GPUs share it; in prep \
             train that is --batch-tokens {}",
            shared * seq_len
        ));
    }
    shared * seq_len
}

fn stage(number: u8) -> Stage {
    match number {
        0 => Stage::Zero0,
        1 => Stage::Zero1,
        2 => Stage::Zero2,
        _ => Stage::Zero3,
    }
}

fn table(project: &Project<'_>) -> Table {
    let options = project.options;
    let layout = project.layout;
    let mut table = Table::new(&["", "of the run"]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("steps", grouped(options.schedule.steps));
    row("tokens a step", grouped(options.step_tokens()));
    row("sequences at once on a GPU", grouped(layout.micro_batch));
    row("layers computed twice", yes(layout.gradient_checkpointing));
    row("offloaded", format!("{:?}", layout.offload).to_lowercase());
    row("memory of a GPU, about", human_bytes(layout.bytes));
    table
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}
