//! From flags, shards and model to the run's options and its plan.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::{args::Args, input::Input, ranks};
use crate::{
    cmd::{Context, device::Device, eval::check_tokenizer},
    model::{self, Config, Lora, PRESETS, ParamSpec, parameters, preset},
    ops::Precision,
    shard::Split,
    tokenize::Tokenizer,
    train::{
        Loader, Mixture, Options, Schedule, Shape, Tokens, fitting_seq, memory, moments::Keeping,
        objective::Objective,
    },
    units::human_bytes,
};

/// What a run does.
pub struct Resolved<'a> {
    /// The options that decide its result.
    pub options: Options,
    /// The sequences of an epoch.
    pub loader: Loader<'a>,
    /// How sequences go through the model.
    pub memory: memory::Plan,
}

/// The model's configuration, its default learning rate, and the hash of its first weights.
fn resolve_model(args: &Args, input: &Input, seq: usize) -> Result<(Config, f64, Option<String>)> {
    let vocab = input.vocab_size();
    if let Some(base) = &args.base {
        ensure!(
            !model::is_adapter(base),
            "{}: an adapter folder, to which a base cannot be added. Train its own --base with \
             --merge, and take the merged model",
            base.display()
        );
        let tokenizer = Tokenizer::from_dir(base)
            .with_context(|| format!("{}: the base model", base.display()))?;
        check_tokenizer(&tokenizer, input.any_train())?;
        let config = model::load_config(base, None)?;
        ensure!(
            config.labels.is_none() || input.labels.is_some(),
            "{}: a classifier; it goes on with --objective classify alone",
            base.display()
        );
        ensure!(
            config.vocab_size >= vocab,
            "{}: the model has {} token ids, the shards {vocab}. Shard the corpus with --tokenizer {}",
            base.display(),
            config.vocab_size,
            base.join("tokenizer.json").display()
        );
        // Before a plan is made: a broken folder should say so at once.
        let config = model::check_folder(base, config)?;
        let weights = model::digest_weights(base)?;
        let lr = if args.lora.is_some() { 2e-4 } else { 2e-5 };
        return Ok((config, lr, Some(weights)));
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

/// Resolves the options and plans the sequences.
///
/// # Errors
/// Says which flag, shard directory or model does not fit, and the remedy.
pub fn resolve<'a>(
    args: &Args,
    ctx: &Context,
    input: &'a Input,
    train: &'a Mixture<'a>,
    device: &Device,
) -> Result<Resolved<'a>> {
    resolve_with(args, ctx, input, train, &|model, lora, seq_len| {
        resolve_memory(args, ctx, model, lora, seq_len, device)
    })
}

/// How sequences of a length go through a model, or its adapters.
type PlanMemory<'p> = dyn Fn(&Config, Option<&Lora>, usize) -> Result<memory::Plan> + 'p;

/// As [`resolve`], for a machine whose memory the caller plans.
///
/// # Errors
/// As [`resolve`], and what the caller says of the memory.
pub fn resolve_with<'a>(
    args: &Args,
    ctx: &Context,
    input: &'a Input,
    train: &'a Mixture<'a>,
    plan_memory: &PlanMemory<'_>,
) -> Result<Resolved<'a>> {
    let tokens = train.tokens();
    let seq_len = fitting_seq(args.seq_len as usize, tokens);
    if seq_len < args.seq_len as usize {
        ctx.note(&format!(
            "the train split has {tokens} tokens: sequences have {seq_len} instead of {}",
            args.seq_len
        ));
    }
    let (mut model, lr, base) = resolve_model(args, input, seq_len)?;
    let objective = args
        .goal
        .resolve(args.packing, args.z_loss, input.labels.as_ref())?;
    if let Some(labels) = &input.labels {
        ensure!(
            args.prompts.is_none(),
            "--objective classify tells labels and writes no text: leave --prompts out"
        );
        model.labels = Some(labels.names.clone());
        model.tied = false;
    }
    // Both sides of a pair lie in a sequence, and each sees only itself.
    let sides = match objective {
        Objective::Tokens | Objective::Classify { .. } => 1,
        Objective::Preference(_) => 2,
    };
    ensure!(
        seq_len <= sides * model.max_positions,
        "--seq-len {seq_len} is longer than {} of {} tokens",
        if sides == 2 {
            "both sides of a pair in the model's context"
        } else {
            "the model's context"
        },
        model.max_positions
    );
    ensure!(
        args.epochs > 0.0,
        "--epochs: expected more than 0, got {}",
        args.epochs
    );
    let lora = resolve_lora(args, &model)?;
    let memory = plan_memory(&model, lora.as_ref(), seq_len)?;
    let loader = Loader::new(train, args.packing, seq_len, ctx.seed)
        .with_context(|| whole_pairs(input, seq_len))?
        .finished_by(input.finish(Split::Train));
    let sequences = (args.batch_tokens as f64 / seq_len as f64).round().max(1.0) as usize;
    let samples = (loader.count() as f64 * args.epochs).ceil() as u64;
    let steps = args
        .steps
        .unwrap_or(samples.div_ceil(sequences as u64).max(1));
    let warmup = args.warmup.unwrap_or((steps / 20).clamp(1, 1000));
    check_schedule(args, warmup, steps)?;
    let options = Options {
        model,
        base,
        lora,
        objective,
        shards: input.identity(),
        val_sets: input.val_identity(),
        tokenizer: input.fingerprint().to_owned(),
        packing: args.packing,
        seq_len,
        sequences,
        micro_batch: memory.micro_batch.min(sequences),
        recompute: memory.recompute,
        schedule: Schedule {
            shape: args.schedule,
            lr: args.lr.unwrap_or(if sides == 2 { lr / 4.0 } else { lr }),
            final_share: args.final_lr.unwrap_or(match args.schedule {
                Shape::Cosine => 0.1,
                Shape::Wsd | Shape::Linear | Shape::Constant => 0.0,
            }),
            warmup,
            decay: args.decay.unwrap_or(steps / 5),
            steps,
        },
        beta1: args.beta1,
        beta2: args.beta2,
        eps: args.eps,
        weight_decay: args.weight_decay,
        clip: args.clip.is_finite().then_some(args.clip),
        z_loss: args.z_loss,
        ema: args.ema,
        spike: args.spike.is_finite().then_some(args.spike),
        patience: args.patience,
        optimizer_bits: eight(args),
        base_quant: args.base_quant,
        offload: memory.keeping == Keeping::Host,
        dtype: (args.dtype != Precision::F32).then_some(args.dtype),
        save_dtype: args.save_dtype,
        seed: ctx.seed,
        eval_every: Some(args.eval_every.unwrap_or((steps / 10).max(1))),
        eval_tokens: args.eval_tokens,
    };
    Ok(Resolved {
        options,
        loader,
        memory,
    })
}

/// Refuses flags that the schedule does not have, or that a run of so many steps never comes to.
fn check_schedule(args: &Args, warmup: u64, steps: u64) -> Result<()> {
    ensure!(
        args.decay.is_none() || args.schedule == Shape::Wsd,
        "--decay is the last part of --schedule wsd; the other schedules fall all the way: leave it out"
    );
    ensure!(
        args.final_lr.is_none() || args.schedule != Shape::Constant,
        "--schedule constant has one rate from its warm-up on: leave --final-lr out"
    );
    ensure!(
        args.warmup.is_none() || warmup <= steps,
        "--warmup {warmup}: the run has {steps} steps, and would end before it reaches --lr"
    );
    let decay = args.decay.unwrap_or(0);
    ensure!(
        warmup + decay <= steps,
        "--decay {decay}: the run has {steps} steps, of which {warmup} are its warm-up: the rate cannot \
         fall over so many"
    );
    let measures = args.eval_every.is_none_or(|every| every <= steps);
    for (given, flag) in [
        (args.patience.is_some(), "--patience"),
        (args.prompts.is_some(), "--prompts"),
    ] {
        ensure!(
            measures || !given,
            "{flag} is of the evaluations on the way, of which a run of {steps} steps has none with \
             --eval-every {}",
            args.eval_every.unwrap_or_default()
        );
    }
    Ok(())
}

/// What to do where no pair fits a sequence.
fn whole_pairs(input: &Input, seq_len: usize) -> String {
    match input.pair_counts(Split::Train) {
        None => "the train split".to_owned(),
        Some((0, beyond, _)) => format!(
            "the train split of pairs: each of {beyond} has a side that is longer than the model's \
             context. Train a --base with a longer context, or shard with --max-length"
        ),
        Some((pairs, _, longest)) => format!(
            "the train split of pairs: a sequence of {seq_len} tokens takes both sides of none of \
             {pairs}. --seq-len {longest} takes all"
        ),
    }
}

/// The model that a run of these arguments would train, and the tokens of its sequences.
///
/// # Errors
/// Says what is wrong with shards or model.
pub fn config_of(args: &Args) -> Result<(Config, usize)> {
    let input = Input::open(args)?;
    let tokens = input.train(0)?.tokens();
    let seq_len = fitting_seq(args.seq_len as usize, tokens);
    let (config, ..) = resolve_model(args, &input, seq_len)?;
    Ok((config, seq_len))
}

/// Bits of the moments, where they are not the usual ones.
fn eight(args: &Args) -> Option<u32> {
    args.optimizer_bits.filter(|bits| *bits != 32)
}

/// Whether the optimizer's memory is elsewhere than the model's.
fn offload(args: &Args, device: &Device) -> bool {
    args.offload.is_some() && device.place(args.dtype) != memory::Place::Cpu
}

/// The adapters, where the run is to have some.
fn resolve_lora(args: &Args, model: &Config) -> Result<Option<Lora>> {
    let Some(rank) = args.lora else {
        return Ok(None);
    };
    let all = Lora::all_targets(model)?;
    let lora = Lora {
        rank: rank as usize,
        alpha: args.lora_alpha.unwrap_or(2.0 * f64::from(rank)),
        dropout: args.lora_dropout.unwrap_or(0.0),
        targets: if args.lora_targets.is_empty() {
            all
        } else {
            args.lora_targets.clone()
        },
    };
    lora.check(model)?;
    Ok(Some(lora))
}

/// How sequences go through the model within `--memory`.
fn resolve_memory(
    args: &Args,
    ctx: &Context,
    model: &Config,
    lora: Option<&Lora>,
    seq_len: usize,
    device: &Device,
) -> Result<memory::Plan> {
    let sequences = (args.batch_tokens as f64 / seq_len as f64).round().max(1.0) as usize;
    // Every rank has a micro-batch in each step.
    let most = (sequences / ranks::count(args)).max(1);
    let asked = memory::Plan {
        micro_batch: (args.micro_batch as usize).min(most),
        recompute: false,
        average: args.ema.is_some(),
        reference: args.goal.is_preference(),
        adapters: lora.map(|lora| lora.layout(model).iter().map(ParamSpec::count).sum()),
        base: args.base_quant,
        keeping: match (offload(args, device), eight(args)) {
            (true, _) => Keeping::Host,
            (false, Some(_)) => Keeping::Eight,
            (false, None) => Keeping::Full,
        },
        place: device.place(args.dtype),
    };
    if args.offload.is_some() && !offload(args, device) {
        ctx.note(
            "--offload: the CPU computes, in whose memory the optimizer is already: nothing moves",
        );
    }
    let (room, room_text) = device.room(ctx)?;
    let plan = memory::plan(model, seq_len, asked, room).with_context(|| {
        let least = memory::Plan {
            micro_batch: 1,
            recompute: true,
            ..asked
        };
        let fits = match memory::longest_seq(model, asked, room) {
            Some(seq) => format!("--seq-len {seq} would fit, one sequence at a time"),
            None => "no --seq-len of this model would fit".to_owned(),
        };
        let frozen = memory::Plan {
            adapters: Some(0),
            ..least
        };
        let lora = if lora.is_none() && memory::bytes(model, seq_len, frozen) < room {
            ", train adapters (--lora 16)"
        } else if lora.is_some() && args.base_quant.is_none() {
            ", freeze the base in 4 bits (--base-quant nf4)"
        } else if asked.keeping == Keeping::Full && lora.is_none() {
            ", keep moments in 8 bits (--optimizer-bits 8)"
        } else {
            ""
        };
        let average = if args.ema.is_some() {
            ", leave out --ema"
        } else {
            ""
        };
        format!(
            "the model's {} parameters need {} ({} weights, gradients and moments{}; the rest the \
             activations of one sequence, layers computed twice), and {room_text}: {fits}. Choose a \
             smaller --model or --seq-len{lora}{average}{}",
            parameters(model),
            human_bytes(memory::bytes(model, seq_len, least)),
            human_bytes(memory::fixed_bytes(model, least)),
            match memory::process_bytes(model, least.place) {
                0 => String::new(),
                bytes => format!(", {} the process itself", human_bytes(bytes)),
            },
            match asked.place {
                memory::Place::Cpu => ", or raise --memory",
                memory::Place::Gpu(_) => ", or a larger GPU",
            }
        )
    })?;
    if plan.recompute || plan.micro_batch < asked.micro_batch {
        ctx.note(&format!(
            "since {room_text}, {} sequences at a time{}",
            plan.micro_batch,
            if plan.recompute {
                ", layers computed twice"
            } else {
                ""
            }
        ));
    }
    Ok(plan)
}
