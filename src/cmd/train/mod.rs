//! `prep train`: a language model from token shards.

mod args;
mod batches;
mod input;
mod list;
mod objective;
mod peak;
mod person;
mod prompts;
mod ranks;
mod resolve;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use super::device::{Device, choose_with};
pub use args::Args;
pub use input::Input;
use person::Person;
use ranks::among;
use resolve::{Resolved, resolve};
pub use resolve::{config_of, resolve_with};

use crate::{
    atomic,
    cmd::Context,
    exit::Exit,
    model::{Adapters, Model, parameters},
    ops::Backend,
    output,
    run_dir::{self, Found},
    shard::Split,
    train::{
        Loader, Options, Packed, Tokens,
        finish::{Writing, finish, first_of, packing},
        memory,
        mfu::{Utilisation, flops_per_token},
        ranks::{Ranks, check_shares, meet, own_rank},
        run::{Data, Saving, run_among as train},
    },
    units::human_bytes,
};

/// Runs the command: shards and model in, options and plan resolved, steps, model folder out.
///
/// # Errors
/// Says what is wrong with the shards, the model or the directory, and the remedy.
pub fn run(args: &Args, ctx: &Context) -> Result<Exit> {
    if let Some(rank) = own_rank() {
        return ranks::follow(args, ctx, rank);
    }
    if args.list_models {
        list::print(args, ctx);
        return Ok(Exit::Done);
    }
    ensure!(
        !args.goal.is_classify() || args.val.is_empty(),
        "--objective classify measures the labels of SHARDS alone: leave --val out"
    );
    if args.dry_run {
        let input = Input::open(args)?;
        let train = input.train(ctx.seed)?;
        let ctx = &ranks::part(args, ctx);
        let device = choose_with(&ranks::device(args, 0)?, args.dtype, ctx)?;
        let resolved = resolve(args, ctx, &input, &train, &device)?;
        check_shares(&resolved.options, ranks::count(args))?;
        if let Some(path) = &args.batches {
            batches::write(path, &resolved.loader, &resolved.options)?;
        }
        plan(ctx, &input, &resolved)?;
        return Ok(Exit::Done);
    }
    match train_model(args, ctx)? {
        Ended::Now(report) => tell(args, ctx, &report),
        Ended::Before(report) if ctx.json => output::data(&report.to_string()),
        Ended::Before(_) => {}
        Ended::Interrupted => return Ok(Exit::Interrupted),
    }
    let out = args.out().display();
    ctx.note(&if args.goal.is_classify() {
        format!("next: prep classify {out} SOURCE, or prep shard --classifier '{out}:LABEL>=0.5'")
    } else {
        format!("next: prep generate {out} \"…\"")
    });
    Ok(Exit::Done)
}

/// How a run ended, with its report.
pub enum Ended {
    /// It did its last step.
    Now(Value),
    /// It was done already.
    Before(Value),
    /// It was stopped, and the same command continues.
    Interrupted,
}

/// Trains a model, or goes on where a run was stopped.
///
/// # Errors
/// Says what is wrong with the shards, the model or the directory, and the remedy.
pub fn train_model(args: &Args, ctx: &Context) -> Result<Ended> {
    let (args, ctx) = (&ranks::as_started(args), &ranks::part(args, ctx));
    let input = Input::open(args)?;
    let train = input.train(ctx.seed)?;
    let device = choose_with(&ranks::device(args, 0)?, args.dtype, ctx)?;
    let mut resolved = resolve(args, ctx, &input, &train, &device)?;
    ranks::keep_started(args, &mut resolved);
    check_shares(&resolved.options, ranks::count(args))?;
    check_free(&device, &resolved, ranks::count(args))?;
    let config = flat(&resolved.options)?;
    match run_dir::open(args.out(), &config)? {
        Found::Finished => return already_done(args, ctx).map(Ended::Before),
        Found::New => {
            ensure!(
                !args.resume,
                "{}: no run to continue. Leave --resume out to start one",
                args.out().display()
            );
            let state = ranks::first_state(args, &config);
            atomic::write_json(&run_dir::state_path(args.out()), &state)?;
        }
        Found::Unfinished => {}
    }
    input.check_hashes()?;
    let wire = ranks::start(args, ctx)?;
    among!(&wire, &device, ctx, (backend, ranks) => {
        go(backend, args, ctx, &input, resolved, &config, ranks)
    })
}

/// Refuses a run that the memory which is free now cannot hold: it would end somewhere in its first
/// steps.
fn check_free(device: &Device, resolved: &Resolved<'_>, ranks: usize) -> Result<()> {
    let Some((free, whose)) = device.free()? else {
        return Ok(());
    };
    let options = &resolved.options;
    let ranks = match resolved.memory.place {
        memory::Place::Cpu => ranks as u64,
        memory::Place::Gpu(_) => 1,
    };
    let needed = ranks * memory::bytes(&options.model, options.seq_len, resolved.memory);
    ensure!(
        needed <= free,
        "the run needs about {}, and the {whose} has {} free. End what else uses it, or let the run \
         be smaller: {}",
        human_bytes(needed),
        human_bytes(free),
        match resolved.memory.place {
            memory::Place::Cpu => format!(
                "--memory {}MB (fewer sequences at a time, layers computed twice)",
                free / 1_000_000
            ),
            memory::Place::Gpu(_) => format!(
                "--micro-batch below {}, or a smaller --model or --seq-len",
                options.micro_batch
            ),
        }
    );
    Ok(())
}

/// The options with nested keys joined by dots, so that a difference is named to the point.
fn flat(options: &Options) -> Result<Value> {
    Ok(Value::Object(Map::from_iter(options.flat()?)))
}

fn plan(ctx: &Context, input: &Input, resolved: &Resolved<'_>) -> Result<()> {
    let options = &resolved.options;
    let plan = json!({
        "parameters": parameters(&options.model),
        "steps": options.schedule.steps,
        "tokens": options.schedule.steps * options.step_tokens(),
        "train_tokens": input.train(options.seed)?.tokens(),
        "val_tokens": input.val()?.tokens(),
        "packing": packing(resolved.loader.packed(), options),
        "memory_bytes": memory::bytes(&options.model, options.seq_len, resolved.memory),
        "options": options,
    });
    if ctx.json {
        output::data(&plan.to_string());
    } else {
        output::data(&format!("{plan:#}"));
    }
    if let Some(pairs) = pairs_of(input, Split::Train, resolved.loader.packed()) {
        ctx.note(&pairs);
    }
    ctx.note("next: the same command without --dry-run");
    Ok(())
}

fn already_done(args: &Args, ctx: &Context) -> Result<Value> {
    ctx.note(&format!("{}: this run is done", args.out().display()));
    let path = args.out().join("report.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// How many pairs of answers of a split are learned from or measured, and which are not; none where no
/// pairs are.
fn pairs_of(input: &Input, split: Split, packed: &Packed) -> Option<String> {
    let (pairs, beyond, longest) = input.pair_counts(split)?;
    let (all, left_out) = (pairs + beyond, packed.truncated_documents);
    let used = packed.documents.saturating_sub(left_out);
    let name = match split {
        Split::Train => "train",
        Split::Val => "val",
    };
    let mut text = format!("{name}: {used} of {all} pairs of answers");
    if beyond > 0 {
        text += &format!("; {beyond} are longer than the model's context and left out");
    }
    if left_out > 0 {
        text += &format!(
            "; {left_out} are left out because a sequence has no room for both sides: --seq-len {longest} \
             takes them"
        );
    }
    // A tenth is more than chance: the long answers are missing.
    let is_much = (all - used.min(all)) * 10 > all;
    Some(if is_much {
        format!("warning: {text}")
    } else {
        text
    })
}

/// What will happen, in words, before the first step.
fn announce(ctx: &Context, device: &str, input: &Input, resolved: &Resolved<'_>) {
    let (options, packed) = (&resolved.options, resolved.loader.packed());
    ctx.note(&format!(
        "{} parameters{} on {device}, {} steps of {} tokens",
        parameters(&options.model),
        options.trained().map_or(String::new(), |trained| format!(
            ", {trained} of adapters that learn,"
        )),
        options.schedule.steps,
        options.step_tokens()
    ));
    if let Some(pairs) = pairs_of(input, Split::Train, packed) {
        ctx.note(&pairs);
    } else {
        ctx.note(&format!(
            "{} documents in {} sequences of {}: {:.2} % padding, {:.2} % of the tokens cut off, {:.2} \
             % in pieces that teach nothing, {} documents cut in pieces ({} of them would have fitted)",
            packed.documents - packed.silent_documents,
            packed.sequences,
            options.seq_len,
            100.0 * packed.padded_share(),
            100.0 * packed.truncated_share(),
            100.0 * packed.silent_share(),
            packed.cut_documents,
            packed.cut_needlessly
        ));
    }
    if input.pair_counts(Split::Train).is_none() && packed.truncated_share() > 0.01 {
        ctx.note(&format!(
            "{} chats are longer than a sequence and lose their ends: a longer --seq-len keeps them",
            packed.truncated_documents
        ));
    }
    if packed.silent_documents > 0 {
        ctx.note(&format!(
            "{} more documents teach nothing at --seq-len {} and are left out: the loss counts none of \
             their tokens in it",
            packed.silent_documents, options.seq_len
        ));
    }
    let all = memory::bytes(&options.model, options.seq_len, resolved.memory);
    let fixed = memory::fixed_bytes(&options.model, resolved.memory);
    let process = memory::process_bytes(&options.model, resolved.memory.place);
    ctx.note(&format!(
        "about {} of memory: {} weights, gradients and moments, {} activations of {} sequences{}{}; \
         the plan {}",
        human_bytes(all + packed.plan_bytes),
        human_bytes(fixed),
        human_bytes(all - fixed - process),
        options.micro_batch,
        if options.recompute {
            " (layers computed twice)"
        } else {
            ""
        },
        match process {
            0 => String::new(),
            _ => format!(", {} the process itself", human_bytes(process)),
        },
        human_bytes(packed.plan_bytes)
    ));
    let host = memory::host_bytes(&options.model, resolved.memory);
    if host > 0 {
        ctx.note(&format!(
            "and {} of the host's memory: moments and master weights",
            human_bytes(host)
        ));
    }
}

/// The model that the run begins with.
fn first_model<B: Backend>(backend: &B, args: &Args, options: &Options) -> Result<Model<B>> {
    let mut model = match &args.base {
        Some(base) => first_of(backend, base, options, options.base_quant)?,
        None => Model::random(backend, options.model.clone(), options.seed)?,
    };
    if let Some(lora) = &options.lora {
        let adapters = Adapters::new(backend, &model, lora.clone(), options.seed)?;
        model.adapters = Some(adapters);
    }
    Ok(model)
}

fn go<B: Backend>(
    backend: &B,
    args: &Args,
    ctx: &Context,
    input: &Input,
    resolved: Resolved<'_>,
    config: &Value,
    ranks: &dyn Ranks<B>,
) -> Result<Ended> {
    announce(ctx, &backend.name(), input, &resolved);
    let options = &resolved.options;
    let model = first_model(backend, args, options)?;
    let held_out = input.val()?;
    let val = (held_out.tokens() >= 2).then(|| {
        let loader = Loader::new(&held_out, options.packing, options.seq_len, 0)?;
        Ok::<_, anyhow::Error>(loader.finished_by(input.finish(Split::Val)))
    });
    if let Some(Ok(loader)) = &val
        && let Some(text) = pairs_of(input, Split::Val, loader.packed())
            .or_else(|| loader.packed().left_out("val", options.seq_len))
    {
        ctx.note(&text);
    }
    if val.is_none() {
        ctx.note("the val split is empty: nothing will be measured on held-out text");
        ensure!(
            options.patience.is_none(),
            "--patience needs a val split to measure. Shard again with a --val share"
        );
    }
    let mut val_sets = Vec::new();
    for (name, data) in input.val_sets() {
        let loader = Loader::new(data, options.packing, options.seq_len, 0);
        let loader = loader.with_context(|| format!("the val split {name}"))?;
        if let Some(text) = loader.packed().left_out(name, options.seq_len) {
            ctx.note(&text);
        }
        val_sets.push((name.to_owned(), loader));
    }
    // When all ranks have loaded what they need they leave the machine to the measurement.
    meet(ranks, options)?;
    let (known, origin) = peak::of(backend, args.peak)?;
    let utilisation = known.map(|peak| Utilisation {
        flops_per_token: flops_per_token(options, &resolved.loader),
        peak: peak.times(ranks.count()),
    });
    if let Some(Utilisation { peak, .. }) = utilisation {
        ctx.note(&format!(
            "peak {:.3} TFLOP/s, {origin}: MFU is the share of it",
            peak.flops_per_second / 1e12,
        ));
    }
    let tokenizer = &input.tokenizer;
    let decode = |ids: &[u32]| tokenizer.decode(ids, true);
    let data = Data {
        train: resolved.loader,
        groups: match val {
            Some(_) => input.val_groups()?,
            None => None,
        },
        val: val.transpose()?,
        val_sets,
        token_bytes: &tokenizer.token_bytes(),
        utilisation,
        prompts: match &args.prompts {
            Some(path) => Some(prompts::read(path, tokenizer, &decode)?),
            None => None,
        },
        unchanged: &|| input.check_unchanged(),
    };
    // From here on ids are only decoded.
    tokenizer.forget_words();
    let steps = options.schedule.steps;
    let saving = Saving {
        every: args.checkpoint_every.unwrap_or((steps / 20).clamp(1, 500)),
        keep: args.keep as usize,
    };
    let mut person = Person::new(ctx, steps, options.step_tokens());
    let mut outcome = train(
        ranks,
        backend,
        model,
        &data,
        options,
        saving,
        args.out(),
        &mut person,
    )?;
    person.finish();
    if !outcome.complete {
        ctx.note(&format!(
            "interrupted after step {} of {steps}; the same command continues",
            outcome.state.step
        ));
        return Ok(Ended::Interrupted);
    }
    input.check_unchanged()?;
    let writing = Writing {
        tokenizer,
        base: args.base.as_deref(),
        merge: args.merge,
        out: args.out(),
    };
    let report = finish(backend, &mut outcome, &data, options, config, &writing)?;
    tell_of_skipped(ctx, outcome.state.guard.skipped, outcome.state.step);
    crate::report::at_the_end(args.out(), ctx);
    Ok(Ended::Now(report))
}

/// Says so where all steps were skipped: the run ends well, and has done nothing.
fn tell_of_skipped(ctx: &Context, skipped: u64, steps: u64) {
    if skipped > 0 && skipped >= steps {
        ctx.note(&format!(
            "not one of the {steps} steps changed the weights: the loss or its gradient was a spike or no \
             number each time. The model is what it was at the beginning; try a lower --lr or --clip, or \
             look at the data"
        ));
    }
}

fn tell(args: &Args, ctx: &Context, report: &Value) {
    if ctx.json {
        output::data(&report.to_string());
        return;
    }
    let number = |key: &str| report[key].as_f64();
    if let Some(loss) = number("train_loss") {
        let of = match report["objective"].as_str() {
            Some("dpo" | "ipo") => "a pair",
            Some("classify") => "nats/document",
            _ => "nats/token",
        };
        output::data(&format!("train loss    {loss:.4} {of}"));
    }
    let preferred = &report["val_preference"];
    if let (Some(accuracy), Some(margin)) =
        (preferred["accuracy"].as_f64(), preferred["margin"].as_f64())
    {
        let share = |key: &str| 100.0 * preferred[key].as_f64().unwrap_or_default();
        let loss = number("val_loss").unwrap_or_default();
        output::data(&format!("val loss      {loss:.4} a pair"));
        output::data(&format!(
            "val accuracy  {:.1} % of {} pairs, margin {margin:.4}",
            100.0 * accuracy,
            preferred["pairs"]
        ));
        output::data(&format!(
            "chosen is likelier a token in {:.1} %, before in {:.1} %",
            share("chosen_likelier"),
            share("reference_chosen_likelier")
        ));
    } else if report["val_classes"].is_object() {
        for line in objective::told(&report["val_classes"]) {
            output::data(&line);
        }
    } else if let Some(loss) = number("val_loss") {
        output::data(&format!("val loss      {loss:.4} nats/token"));
        let bits = number("bits_per_byte").map_or("-".to_owned(), |b| format!("{b:.4}"));
        output::data(&format!("bits per byte {bits}"));
    }
    for (name, means) in report["val_sets"].as_object().into_iter().flatten() {
        let loss = means["loss"].as_f64().unwrap_or_default();
        output::data(&format!("val loss      {loss:.4} nats/token of {name}"));
    }
    let speed = number("tokens_per_second").map_or("-".to_owned(), |speed| format!("{speed:.0}"));
    output::data(&format!("tokens/s      {speed}"));
    if let Some(mfu) = number("mfu") {
        output::data(&format!("MFU           {:.1} %", 100.0 * mfu));
    }
    output::data(&format!("model         {}", args.out().display()));
}
