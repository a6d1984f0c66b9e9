//! `prep plan`: what training would take, before anything is rented.

use super::Context;
use crate::exit::Exit;
use crate::model::{self, PRESETS, Preset, preset};
use crate::output;
use crate::plan::quantity::parse_count;
use crate::plan::scaling::TOKENS_PER_PARAMETER;
use crate::plan::{self, Gpu, Lang, Request, Shape, gpu, repeat, view};
use crate::shard::ShardManifest;
use anyhow::{Result, bail, ensure};
use std::path::{Path, PathBuf};

/// Vocabulary of presets where neither shards nor --vocab-size name one: that of `prep shard`.
const VOCAB_SIZE: u64 = 16_384;

/// MFU where the user gives none (see `plan::money`).
const DEFAULT_MFU: &str = "40%";

/// Show what a model would take: FLOPs, hours, money, memory, and whether the data suffice.
///
/// Arithmetic on published formulas, within 5 % of published runs in FLOPs and 10 % in memory. Hours
/// depend on --mfu, money on --price. Ends with a verdict in words.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{}\n{}", gpu::help(), model::presets_help()))]
pub struct Args {
    /// Shard directory that `prep shard` wrote: its train split says how many tokens there are, and
    /// its tokenizer the vocabulary. Default: none, then --tokens is needed.
    #[arg(value_name = "SHARDS")]
    shards: Option<PathBuf>,
    /// Different tokens to learn from, as 350M, 7B or 1.5T. Default: those of SHARDS.
    #[arg(long, value_name = "TOKENS", value_parser = parse_count, allow_hyphen_values = true, conflicts_with = "shards")]
    tokens: Option<u64>,
    /// Parameters of the model, as 110M, 8B or 1.5T; layers and width are assumed. Default: as many
    /// as fit the tokens, a twentieth.
    #[arg(long, value_name = "PARAMETERS", value_parser = parse_count, allow_hyphen_values = true, conflicts_with = "model")]
    params: Option<u64>,
    /// Parameters that a token passes through in a mixture of experts. Default: all.
    #[arg(long, value_name = "PARAMETERS", value_parser = parse_count, allow_hyphen_values = true, requires = "params")]
    active_params: Option<u64>,
    /// Preset (see --help) or a config.json of Hugging Face. Default: none, --params instead.
    #[arg(long, value_name = "PRESET|FILE")]
    model: Option<String>,
    /// Token ids of the vocabulary. Default: the shards'; 16384 for a preset; a config.json's own; as
    /// in Llamas of the size for --params.
    #[arg(long, value_name = "TOKENS", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(256..=10_000_000))]
    vocab_size: Option<u64>,
    /// Tokens of a sequence.
    #[arg(long, value_name = "TOKENS", default_value_t = 2048, allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..=16_777_216))]
    seq_len: u64,
    /// Passes over the tokens.
    #[arg(long, value_name = "EPOCHS", default_value = "1", allow_negative_numbers = true, value_parser = parse_epochs)]
    epochs: f64,
    /// Kind of GPU (see --help).
    #[arg(long, value_name = "NAME", default_value = "h100", value_parser = gpu::parse)]
    gpu: &'static Gpu,
    /// Number of GPUs that train together.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    gpus: u64,
    /// Rent of one GPU for an hour, in US dollars. Default: the band of the table of GPUs.
    #[arg(long, value_name = "USD", allow_negative_numbers = true, value_parser = parse_price)]
    price: Option<f64>,
    /// Share of the peak rate that training reaches (MFU), in percent (40% or 40) or as a share below 1
    /// (0.4); 1 alone could be either, so write 1% or 100%.
    #[arg(long, value_name = "PERCENT", default_value = DEFAULT_MFU, allow_negative_numbers = true, value_parser = parse_mfu)]
    mfu: f64,
    /// Language of tables and verdict: en or ru.
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: Lang,
}

fn parse_epochs(text: &str) -> Result<f64, String> {
    within(text, 0.001..=1000.0, "passes, for instance 1 or 4")
}

fn parse_price(text: &str) -> Result<f64, String> {
    within(
        text.trim_start_matches('$'),
        0.001..=10_000.0,
        "US dollars an hour, for instance 2.5",
    )
}

fn parse_mfu(text: &str) -> Result<f64, String> {
    const PERCENT: &str = "percent, for instance 40%";
    if let Some(percent) = text.trim().strip_suffix('%') {
        return Ok(within(percent, 0.1..=100.0, PERCENT)? / 100.0);
    }
    match text.trim().parse::<f64>() {
        Ok(1.0) => Err(format!(
            "`{text}` could be 1 percent or all of the peak rate: write 1% or 100%"
        )),
        Ok(share) if share < 1.0 => within(text, 0.001..=1.0, "as a share, for instance 0.4"),
        _ => Ok(within(text, 0.1..=100.0, PERCENT)? / 100.0),
    }
}

fn within(text: &str, range: std::ops::RangeInclusive<f64>, what: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!(
            "`{text}` is not between {} and {} {what}",
            range.start(),
            range.end()
        )),
    }
}

/// Reads what there is, plans, prints.
///
/// # Errors
/// When it is not said how many tokens there are, or shards or model cannot be read.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let manifest = args
        .shards
        .as_deref()
        .map(ShardManifest::read)
        .transpose()?;
    let tokens = match (&manifest, args.tokens) {
        (Some(manifest), _) => manifest.train.tokens,
        (None, Some(tokens)) => tokens,
        (None, None) => bail!(
            "how many tokens are there? Give the directory that `prep shard` wrote, or for instance --tokens 7B"
        ),
    };
    ensure!(tokens > 0, "the train split of these shards has no tokens");
    let shards_vocab = manifest
        .as_ref()
        .map(|manifest| u64::from(manifest.info.vocab_size));
    let vocab_size = args.vocab_size.or(shards_vocab);
    let fitting = repeat::judged_tokens(tokens as f64, args.epochs) / TOKENS_PER_PARAMETER;
    let parameters = args.params.unwrap_or((fitting.round() as u64).max(1));
    let shape = shape(args, parameters, vocab_size)?;
    let request = Request {
        tokens,
        epochs: args.epochs,
        vocab_size: match args.model {
            Some(_) => Some(shape.vocab_size as u64),
            None => vocab_size,
        },
        asked_parameters: args.model.is_none().then_some(parameters),
        shape,
        seq_len: args.seq_len,
        gpu: args.gpu,
        gpus: args.gpus,
        price: args.price,
        mfu: args.mfu,
        lang: args.lang,
    };
    let report = plan::plan(&request);
    if context.json {
        output::data(&serde_json::to_string(&report)?);
    } else {
        output::data(&view::render(&report, request.gpu));
    }
    context.note(&next(args, report.parameters));
    Ok(Exit::Done)
}

/// What to run after the plan.
fn next(args: &Args, parameters: u64) -> String {
    let Some(shards) = &args.shards else {
        return "next: prep ingest SOURCE... --out corpus".to_owned();
    };
    let distance = |preset: &Preset| {
        let of_preset = model::parameters(&preset.config(VOCAB_SIZE as usize, 1)) as f64;
        (of_preset / parameters as f64).ln().abs()
    };
    let nearest = PRESETS
        .iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)));
    let model = args
        .model
        .as_deref()
        .or(nearest.map(|preset| preset.name))
        .unwrap_or("PRESET");
    format!(
        "next: prep train {} --out model --model {model}",
        shards.display()
    )
}

fn shape(args: &Args, parameters: u64, vocab: Option<u64>) -> Result<Shape> {
    let Some(name) = &args.model else {
        let mut shape = Shape::assume(parameters as f64, vocab);
        if let Some(active) = args.active_params {
            ensure!(
                active <= parameters,
                "--active-params {active} are more than all --params {parameters}"
            );
            shape.active_parameters = active as f64;
        }
        return Ok(shape);
    };
    if let Some(preset) = preset(name) {
        let vocab = vocab.unwrap_or(VOCAB_SIZE) as usize;
        return Ok(Shape::of(&preset.config(vocab, args.seq_len as usize)));
    }
    let path = Path::new(name);
    if !path.exists() {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        bail!(
            "--model: expected a preset ({}) or a config.json, got {name}, which is neither",
            names.join(", ")
        );
    }
    let mut config = model::load_config(path, vocab.map(|size| size as usize))?;
    if let Some(vocab) = vocab {
        config.vocab_size = vocab as usize;
    }
    Ok(Shape::of(&config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn utilisation_is_read_as_people_write_it() {
        for (typed, share) in [
            ("40", 0.4),
            ("40%", 0.4),
            ("0.4", 0.4),
            ("1%", 0.01),
            ("100", 1.0),
            ("100%", 1.0),
            ("0.5%", 0.005),
        ] {
            let read = parse_mfu(typed).expect(typed);
            assert!((read - share).abs() < 1e-12, "{typed}: {read}");
        }
        for wrong in ["0", "-40", "101", "140%", "", "much", "nan", "inf"] {
            assert!(parse_mfu(wrong).is_err(), "{wrong}");
        }
        let error = parse_mfu("1").expect_err("ambiguous");
        assert!(error.contains("write 1% or 100%"), "{error}");
    }

    #[test]
    fn a_negative_number_is_told_as_one() {
        for flag in ["--params", "--tokens"] {
            let error = Line::try_parse_from(["plan", flag, "-5B"]).expect_err("negative");
            let text = error.to_string();
            assert!(
                text.contains("is no count") && !text.contains("-- -5"),
                "{text}"
            );
        }
        let error = Line::try_parse_from(["plan", "--gpus", "-1"]).expect_err("negative");
        assert!(!error.to_string().contains("tip"), "{error}");
    }

    #[test]
    fn the_default_utilisation_is_shown_and_used() {
        let line = Line::try_parse_from(["plan", "--tokens", "7B"]).expect("parses");
        assert!((line.args.mfu - 0.4).abs() < 1e-12);
    }
}
