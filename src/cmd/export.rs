//! `prep export`: shards for other trainers.

use super::{Context, deepspeed};
use crate::exit::Exit;
use crate::export::{self, FORMATS};
use crate::progress::Unit;
use crate::shard::{ShardManifest, Split};
use crate::table::Table;
use crate::units::grouped;
use crate::{atomic, interrupt, output};
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;

/// Write shards in the format of another trainer.
///
/// The Arrow shards themselves open in Hugging Face datasets, pyarrow, polars and `DuckDB` without an
/// export. The tokenizer's files are copied beside the export. Memory: one document.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    trainer: Option<Trainer>,
    #[command(flatten)]
    files: Option<Files>,
}

/// What trains by itself, scripts and all.
#[derive(Debug, clap::Subcommand)]
enum Trainer {
    Deepspeed(deepspeed::Args),
}

/// Files of another trainer.
#[derive(Debug, clap::Args)]
struct Files {
    /// Directory that `prep shard` wrote.
    #[arg(value_name = "SHARDS")]
    shards: PathBuf,
    /// Directory to write; must be new or empty, or of an interrupted export.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// megatron (.bin and .idx), nanogpt (.bin of 16-bit ids), llmc (.bin with header), datatrove
    /// (.ds, index and loss), jsonl (text, ids and mask), or parquet (ids and mask).
    #[arg(long, value_name = "NAME", value_parser = format_names())]
    format: String,
    /// Pack documents into sequences of this many tokens, with `position_ids` and
    /// `sequence_lengths` (jsonl and parquet). Default: a record a document.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(2..=1 << 24))]
    pack: Option<u64>,
}

fn format_names() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name).collect()
}

/// Export both splits, print what was written.
///
/// # Errors
/// When the shards are damaged, the format cannot hold them, or writing fails.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    match (&args.trainer, &args.files) {
        (Some(Trainer::Deepspeed(args)), _) => deepspeed::run(args, context),
        (None, Some(files)) => write(files, context),
        (None, None) => bail!("give SHARDS with --format and --out, or a trainer; see --help"),
    }
}

fn write(args: &Files, context: &Context) -> Result<Exit> {
    let manifest = ShardManifest::read(&args.shards)?;
    let format = export::format(&args.format).context("clap knows the formats")?;
    export::claim(&args.out, |name| {
        ["train.", "val.", "tokenizer"]
            .iter()
            .any(|own| name.starts_with(own))
    })?;
    let total = manifest.train.tokens + manifest.val.tokens;
    let progress = context.progress("export", Unit::Tokens, Some(total));
    let mut splits = serde_json::Map::new();
    let mut table = Table::new(&["split", "sequences", "tokens", "of these padding"]);
    for split in Split::ALL {
        if manifest.split(split).documents == 0 {
            continue;
        }
        let pack = args.pack.map(|length| length as usize);
        let exported = export::export(&args.shards, &args.out, split, format, pack, |tokens| {
            progress.add(tokens);
            Ok(interrupt::check()?)
        })?;
        table.row(vec![
            split.name().to_owned(),
            grouped(exported.sequences),
            grouped(exported.tokens),
            grouped(exported.tokens_padding),
        ]);
        splits.insert(split.name().to_owned(), serde_json::to_value(exported)?);
    }
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        let from = args.shards.join(file);
        if from.exists() {
            std::fs::copy(&from, args.out.join(file))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    progress.finish();
    let report = serde_json::json!({
        "command": "export", "format": format.name, "pack": args.pack, "splits": splits,
        "vocab_size": manifest.info.vocab_size, "eos_id": manifest.info.eos_id,
    });
    // Last: where it stands, the export is whole.
    atomic::write_json(&args.out.join("export.json"), &report)?;
    output::data(&if context.json {
        report.to_string()
    } else {
        table.render()
    });
    let out = args.out.display();
    context.note(&format!(
        "{out} holds the splits, the tokenizer and export.json with these figures; next: give {out} to your trainer"
    ));
    Ok(Exit::Done)
}
