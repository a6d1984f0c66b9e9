//! `prep contest`: several models on the same shards, one after another, and which is best.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Context,
    train::{self, Ended},
};
use crate::{
    atomic,
    exit::Exit,
    model, output,
    plan::{
        Shape,
        quantity::{Lang, count, flops},
    },
    run_dir::{self, Found},
    table::Table,
};

/// Trains several models on the same shards with the same budget and says which to choose.
///
/// Every flag of `prep train` means what it means there, for each of the models. Presets of one size
/// take as many FLOPs a token in every architecture, so that what differs is what the architecture
/// makes of them. --out has a model folder with its report for each, report.json with all, and a
/// verdict. The same command continues after an interruption.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(after_help = model::presets_help())]
pub struct Args {
    /// The models, by commas: presets (llama-15m,qwen3-15m,mixtral-15m) or config.json files.
    #[arg(
        long,
        value_name = "PRESET|FILE,...",
        required = true,
        value_delimiter = ',',
        conflicts_with_all = ["model", "base", "resume", "dry_run", "list_models", "devices"]
    )]
    models: Vec<String>,
    #[command(flatten)]
    train: train::Args,
}

/// Costs of a token that differ by more than this share are no equal cost.
const EQUAL_COST: f64 = 0.05;
/// Bits per byte that differ by less than this share may differ for the seed alone.
const EQUAL_BITS: f64 = 0.005;

/// What became of one model.
#[derive(Clone, Debug, Serialize)]
struct Entrant {
    model: String,
    directory: String,
    parameters: u64,
    active_parameters: u64,
    flops_per_token: u64,
    steps: u64,
    tokens: u64,
    train_loss: Option<f64>,
    val_loss: Option<f64>,
    bits_per_byte: Option<f64>,
    tokens_per_second: f64,
}

/// Runs the command: each model trained, all of them beside each other, a verdict.
///
/// # Errors
/// Says which model, shard directory or flag does not fit, and the remedy.
pub fn run(args: &Args, ctx: &Context) -> Result<Exit> {
    let names = names(&args.models)?;
    ensure!(
        args.train.goal.is_tokens(),
        "a contest compares models of the next token: leave --objective out"
    );
    announce(args, &names, ctx)?;
    let out = args.train.out();
    let config = json!({"command": "contest", "models": args.models});
    match run_dir::open(out, &config)? {
        Found::Finished => {
            ctx.note(&format!("{}: this contest is done", out.display()));
            let path = out.join("report.json");
            let text =
                std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            print(&serde_json::from_slice(&text)?, ctx);
            return Ok(Exit::Done);
        }
        Found::New => {
            atomic::write_json(&run_dir::state_path(out), &json!({"config": config}))?;
        }
        Found::Unfinished => {}
    }
    let mut entrants = Vec::new();
    for (model, name) in args.models.iter().zip(&names) {
        ctx.note(&format!(
            "{name} ({} of {})",
            entrants.len() + 1,
            names.len()
        ));
        let entrant = args.train.entrant(model, out.join(name));
        match train::train_model(&entrant, ctx).with_context(|| name.clone())? {
            Ended::Now(report) | Ended::Before(report) => entrants.push(read(name, &report)?),
            Ended::Interrupted => return Ok(Exit::Interrupted),
        }
    }
    let report = json!({
        "command": "contest",
        "entrants": entrants,
        "best": best(&entrants).map(|entrant| &entrant.model),
        "verdict": verdict(&entrants),
    });
    atomic::write_json(&out.join("report.json"), &report)?;
    let manifest = json!({
        "format": "prep-contest",
        "version": 1,
        "prep_version": env!("CARGO_PKG_VERSION"),
        "config": config,
        "report": report,
    });
    atomic::write_json(&run_dir::manifest_path(out), &manifest)?;
    let _ = std::fs::remove_file(run_dir::state_path(out));
    print(&report, ctx);
    if let Some(best) = best(&entrants) {
        ctx.note(&format!("next: prep generate {} \"…\"", best.directory));
    }
    Ok(Exit::Done)
}

/// A directory's name for each model: the preset's, or that of the file or its folder.
fn names(models: &[String]) -> Result<Vec<String>> {
    ensure!(
        models.len() > 1,
        "--models: expected at least 2 to compare, got {}",
        models.join(",")
    );
    let mut names: Vec<String> = Vec::new();
    for model in models {
        let path = Path::new(model);
        let of_file = match path.file_stem() {
            Some(stem) if stem == "config" => path.parent().and_then(Path::file_name),
            other => other,
        };
        let name = match model::preset(model) {
            Some(preset) => preset.name(),
            None => of_file
                .and_then(|name| name.to_str())
                .unwrap_or("model")
                .to_owned(),
        };
        if names.contains(&name) {
            bail!("--models: {name} is there twice. Give every model a file of its own name");
        }
        names.push(name);
    }
    Ok(names)
}

/// What each model costs, before hours are spent on a comparison that is none.
fn announce(args: &Args, names: &[String], ctx: &Context) -> Result<()> {
    let mut costs = Vec::new();
    for model in &args.models {
        let entrant = args.train.entrant(model, args.train.out().to_owned());
        let (config, seq) = train::config_of(&entrant)?;
        let cost = Shape::of(&config).flops(seq as f64);
        costs.push(cost.weights + cost.attention);
    }
    let all = || costs.iter().copied();
    let (least, most) = (
        all().fold(f64::INFINITY, f64::min),
        all().fold(0.0, f64::max),
    );
    if most > least * (1.0 + EQUAL_COST) {
        let each = names.iter().zip(&costs);
        let each = each.map(|(name, cost)| format!("{name} {}", flops(*cost, Lang::En)));
        ctx.note(&format!(
            "the models do not cost the same a token: {}. Presets of one size do",
            each.collect::<Vec<_>>().join(", ")
        ));
    }
    Ok(())
}

fn read(name: &str, report: &Value) -> Result<Entrant> {
    let whole = |key: &str| {
        report[key].as_u64().with_context(|| {
            format!("{name}: its report has no {key}; remove its directory and train it again")
        })
    };
    let number = |key: &str| report[key].as_f64();
    Ok(Entrant {
        model: name.to_owned(),
        directory: name.to_owned(),
        parameters: whole("parameters")?,
        active_parameters: whole("active_parameters")?,
        flops_per_token: whole("flops_per_token")?,
        steps: whole("steps")?,
        tokens: whole("tokens")?,
        train_loss: number("train_loss"),
        val_loss: number("val_loss"),
        bits_per_byte: number("bits_per_byte"),
        tokens_per_second: number("tokens_per_second").unwrap_or_default(),
    })
}

/// The entrants that were measured on held-out text, best first.
fn ranked(entrants: &[Entrant]) -> Vec<(&Entrant, f64)> {
    let measured = entrants.iter();
    let mut ranked: Vec<_> = measured
        .filter_map(|entrant| Some((entrant, entrant.bits_per_byte?)))
        .collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.model.cmp(&b.0.model)));
    ranked
}

/// The one to choose: of those that are as good as the best, the fastest.
fn best(entrants: &[Entrant]) -> Option<&Entrant> {
    let ranked = ranked(entrants);
    let least = ranked.first()?.1;
    let as_good = ranked
        .iter()
        .filter(|(_, bits)| *bits <= least * (1.0 + EQUAL_BITS));
    as_good
        .map(|(entrant, _)| *entrant)
        .max_by(|a, b| a.tokens_per_second.total_cmp(&b.tokens_per_second))
}

/// Which to choose and why, in one sentence.
fn verdict(entrants: &[Entrant]) -> String {
    let ranked = ranked(entrants);
    let (Some(chosen), [(_, least), ..]) = (best(entrants), &ranked[..]) else {
        return "The shards have no val split to measure bits per byte on, so there is no verdict."
            .to_owned();
    };
    let as_good = |bits: f64| bits <= least * (1.0 + EQUAL_BITS);
    let others = ranked
        .iter()
        .filter(|(entrant, _)| entrant.model != chosen.model);
    let (equal, worse): (Vec<_>, Vec<_>) = others.partition(|(_, bits)| as_good(*bits));
    let mut text = format!(
        "Choose {}: {:.3} bits per byte",
        chosen.model,
        chosen.bits_per_byte.unwrap_or_default()
    );
    if !equal.is_empty() {
        let names: Vec<&str> = equal.iter().map(|(entrant, _)| &*entrant.model).collect();
        text += &format!(
            ", no worse than {} within {} % and faster",
            names.join(" and "),
            100.0 * EQUAL_BITS
        );
    }
    if let Some((next, bits)) = worse.first() {
        let own = chosen.bits_per_byte.unwrap_or(*least);
        text += &format!(
            ", {:.1} % fewer than {}",
            100.0 * (1.0 - own / bits),
            next.model
        );
    }
    let speeds = entrants.iter().map(|entrant| entrant.tokens_per_second);
    let fastest = speeds.fold(0.0, f64::max).max(1e-9);
    text += &format!(
        ", at {:.0} % of the fastest one's tokens a second.",
        100.0 * chosen.tokens_per_second / fastest
    );
    text
}

fn print(report: &Value, ctx: &Context) {
    if ctx.json {
        output::data(&report.to_string());
        return;
    }
    let mut table = Table::new(&[
        "model",
        "parameters",
        "of a token",
        "FLOPs/token",
        "tokens",
        "train loss",
        "bits/byte",
        "tokens/s",
    ]);
    for entrant in report["entrants"].as_array().into_iter().flatten() {
        let number = |key: &str| entrant[key].as_f64();
        let fixed = |key: &str| number(key).map_or("-".to_owned(), |n| format!("{n:.4}"));
        let amount = |key: &str| count(number(key).unwrap_or_default(), Lang::En);
        table.row(vec![
            entrant["model"].as_str().unwrap_or_default().to_owned(),
            amount("parameters"),
            amount("active_parameters"),
            flops(number("flops_per_token").unwrap_or_default(), Lang::En),
            amount("tokens"),
            fixed("train_loss"),
            fixed("bits_per_byte"),
            format!("{:.0}", number("tokens_per_second").unwrap_or_default()),
        ]);
    }
    output::data(&table.render());
    output::data(report["verdict"].as_str().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrant(model: &str, bits: Option<f64>, speed: f64) -> Entrant {
        Entrant {
            model: model.to_owned(),
            directory: model.to_owned(),
            parameters: 1,
            active_parameters: 1,
            flops_per_token: 6,
            steps: 1,
            tokens: 1,
            train_loss: None,
            val_loss: None,
            bits_per_byte: bits,
            tokens_per_second: speed,
        }
    }

    #[test]
    fn the_best_is_chosen_and_of_equals_the_fastest() {
        let mut all = vec![
            entrant("slow", Some(2.0), 50.0),
            entrant("fast", Some(2.004), 100.0),
            entrant("bad", Some(2.5), 200.0),
        ];
        assert_eq!(best(&all).unwrap().model, "fast");
        assert_eq!(
            verdict(&all),
            "Choose fast: 2.004 bits per byte, no worse than slow within 0.5 % and faster, 19.8 % \
             fewer than bad, at 50 % of the fastest one's tokens a second."
        );
        all[0].bits_per_byte = Some(1.9);
        assert_eq!(best(&all).unwrap().model, "slow");
        for entrant in &mut all {
            entrant.bits_per_byte = None;
        }
        assert!(best(&all).is_none() && verdict(&all).contains("no val split"));
    }

    #[test]
    fn names_are_those_of_presets_and_folders() {
        let of =
            |models: &[&str]| names(&models.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            of(&["gpt_neo-1m", "a/big/config.json", "small.json"]).unwrap(),
            ["gpt_neo-1m", "big", "small"]
        );
        assert!(of(&["llama-1m"]).is_err());
        assert!(of(&["x/a.json", "y/a.json"]).is_err());
    }
}
