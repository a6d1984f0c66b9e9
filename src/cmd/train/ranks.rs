//! `--devices`: which ranks train together, and the part of those that rank 0 starts.

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use super::{
    Args, first_model,
    input::Input,
    resolve::{Resolved, resolve},
};
use crate::{
    cmd::{Context, device::choose_with},
    exit::Exit,
    ops::Backend,
    run_dir,
    train::{
        metrics::Line,
        prompts::Answer,
        ranks::{self, Exchange as _, Ranks, Wire},
        run::{Data, Saving, Watcher, run_among},
    },
};

/// How many processes train.
pub fn count(args: &Args) -> usize {
    args.devices.len().max(1)
}

/// The device of a rank, as `--device` would name it.
pub fn device(args: &Args, rank: usize) -> Result<String> {
    let Some(name) = args.devices.get(rank) else {
        return Ok(args.device.clone());
    };
    let names: Vec<String> = args.devices.iter().map(|name| full(name)).collect();
    for (i, name) in names.iter().enumerate() {
        let number = name.strip_prefix("cuda:").map(str::parse::<usize>);
        if name != "cpu" && !matches!(number, Some(Ok(_))) {
            bail!("--devices: expected numbers of GPUs, cuda:N or cpu, got {name}");
        }
        ensure!(
            name == "cpu" || !names[..i].contains(name),
            "--devices: {name} is named twice, and a GPU takes one rank"
        );
    }
    let is_cpu = |name: &&String| *name == "cpu";
    let cpus = names.iter().filter(is_cpu).count();
    ensure!(
        cpus == 0 || cpus == names.len(),
        "--devices: expected GPUs alone or CPUs alone, got {}: a step takes as long as its slowest \
         rank",
        args.devices.join(",")
    );
    Ok(full(name))
}

fn full(name: &str) -> String {
    match name {
        "cuda" => "cuda:0".to_owned(),
        _ if name.parse::<usize>().is_ok() => format!("cuda:{name}"),
        _ => name.to_owned(),
    }
}

/// What a rank may use of the machine: on the CPU the ranks share `--memory` and `--threads`.
pub fn part(args: &Args, ctx: &Context) -> Context {
    let count = match args.devices.first() {
        Some(first) if first == "cpu" => count(args),
        _ => 1,
    };
    Context {
        memory: ctx.memory / count as u64,
        threads: (ctx.threads / count).max(1),
        ..ctx.clone()
    }
}

/// Runs `work` on the threads that `ctx` has.
pub fn on_threads<T: Send>(ctx: &Context, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    if ctx.threads == rayon::current_num_threads() {
        return work();
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(ctx.threads);
    pool.build()?.install(work)
}

/// The arguments of a run that another number of devices began: it goes on with its own micro-batch,
/// since that decides how losses and gradients are summed.
pub fn as_started(args: &Args) -> Args {
    let mut args = args.clone();
    let started = read_state(&args);
    if started["ranks"].as_u64().unwrap_or(1) != count(&args) as u64
        && let Some(micro_batch) = started["config"]["micro_batch"].as_u64()
    {
        args.micro_batch = micro_batch as u32;
    }
    args
}

/// As [`as_started`], for what the plan has decided.
pub fn keep_started(args: &Args, resolved: &mut Resolved<'_>) {
    let started = read_state(args);
    if started["ranks"].as_u64().unwrap_or(1) != count(args) as u64
        && let Some(recompute) = started["config"]["recompute"].as_bool()
    {
        resolved.options.recompute |= recompute;
        resolved.memory.recompute |= recompute;
    }
}

fn read_state(args: &Args) -> Value {
    let text = std::fs::read(run_dir::state_path(args.out())).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// The state of a run that begins.
pub fn first_state(args: &Args, config: &Value) -> Value {
    json!({"config": config, "ranks": count(args)})
}

/// Starts the other ranks, where there are some.
///
/// # Errors
/// When a process cannot be started.
pub fn start(args: &Args, ctx: &Context) -> Result<Option<Wire>> {
    if args.devices.len() < 2 {
        return Ok(None);
    }
    let devices: Vec<String> = args.devices.iter().map(|name| full(name)).collect();
    let wire = ranks::start(&devices)?;
    ctx.note(&format!(
        "{} ranks share every step: this process on {}, {}",
        devices.len(),
        devices[0],
        wire.others().join(", ")
    ));
    if devices[0] != "cpu" && cfg!(not(feature = "nccl")) {
        ctx.note(
            "this prep was built without NCCL: gradients go through the host's memory. `cargo \
             install --path . --features nccl` builds it with",
        );
    }
    Ok(Some(wire))
}

/// Runs the same generic call on whichever device was chosen, among whichever ranks.
macro_rules! among {
    ($wire:expr, $device:expr, $ctx:expr, ($backend:ident, $ranks:ident) => $call:expr) => {
        match ($wire, $device) {
            (None, $crate::cmd::device::Device::Cpu($backend)) => {
                let $ranks = &$crate::train::ranks::Alone;
                $call
            }
            (Some($ranks), $crate::cmd::device::Device::Cpu($backend)) => {
                $crate::cmd::train::ranks::on_threads($ctx, || $call)
            }
            #[cfg(feature = "cuda")]
            (None, $crate::cmd::device::Device::Gpu($backend)) => {
                let $ranks = &$crate::train::ranks::Alone;
                $call
            }
            #[cfg(feature = "nccl")]
            (Some(wire), $crate::cmd::device::Device::Gpu($backend)) => {
                let $ranks = &$crate::train::ranks::Nccl::join(wire, $backend)?;
                $call
            }
            #[cfg(all(feature = "cuda", not(feature = "nccl")))]
            (Some($ranks), $crate::cmd::device::Device::Gpu($backend)) => $call,
        }
    };
}
pub(crate) use among;

/// Trains as rank `rank`, which rank 0 has started; what fails is told to rank 0.
///
/// # Errors
/// When this process was not started by one.
pub fn follow(args: &Args, ctx: &Context, rank: usize) -> Result<Exit> {
    let wire = ranks::join(rank)?;
    match follow_leader(args, ctx, &wire) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            wire.fail(&error);
            Ok(Exit::Failed)
        }
    }
}

fn follow_leader(args: &Args, ctx: &Context, wire: &Wire) -> Result<()> {
    let quiet = Context {
        quiet: true,
        json: false,
        ..part(args, ctx)
    };
    let ctx = &quiet;
    let args = &as_started(args);
    let input = Input::open(args)?;
    let train = input.train(ctx.seed)?;
    let device = choose_with(&device(args, wire.rank())?, args.dtype, ctx)?;
    let mut resolved = resolve(args, ctx, &input, &train, &device)?;
    keep_started(args, &mut resolved);
    among!(Some(wire), &device, ctx, (backend, ranks) => train_along(backend, args, resolved, ranks))
}

/// What a rank other than 0 does: it learns, and leaves all else to rank 0.
fn train_along<B: Backend>(
    backend: &B,
    args: &Args,
    resolved: Resolved<'_>,
    ranks: &dyn Ranks<B>,
) -> Result<()> {
    let model = first_model(backend, args, &resolved.options)?;
    let options = ranks::meet(ranks, &resolved.options)?;
    let data = Data {
        train: resolved.loader,
        val: None,
        val_sets: Vec::new(),
        groups: None,
        token_bytes: &[],
        utilisation: None,
        prompts: None,
        unchanged: &|| Ok(()),
    };
    let saving = Saving { every: 1, keep: 1 };
    let out = args.out();
    run_among(
        ranks,
        backend,
        model,
        &data,
        &options,
        saving,
        out,
        &mut Nobody,
    )?;
    Ok(())
}

/// Watches a rank whose run rank 0 stops.
struct Nobody;

impl Watcher for Nobody {
    fn start(&mut self, _: u64) {}
    fn step(&mut self, _: &Line) {}
    fn answer(&mut self, _: &Answer) {}
    fn note(&mut self, _: &str) {}
    fn stop(&mut self) -> bool {
        false
    }
}
