//! `prep tokenizer compare`: which tokenizer suits a text.

use super::super::Context;
use crate::exit::Exit;
use crate::model;
use crate::output;
use crate::plan::Lang;
use crate::run_dir::{self, Kind};
use crate::table::Table;
use crate::units::{grouped, parse_bytes};
use crate::vocabulary::compare::{self, LOSSLESS, Options, Report, Row};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Compare tokenizers on your own text: tokens a word, context, vocabulary, cost of training.
///
/// Each encodes the same seeded sample, without BOS and EOS. Costs are those of `prep plan`'s formulas
/// for a model of the same layers whose token table has the size of each vocabulary. A tokenizer from
/// whose tokens the texts do not come back is not recommended.
#[derive(Debug, clap::Args)]
#[command(after_long_help = model::presets_help())]
pub struct Args {
    /// Corpus directory that `prep ingest` wrote, or files and directories that it reads.
    #[arg(value_name = "CORPUS|FILES", required = true)]
    inputs: Vec<PathBuf>,
    /// tokenizer.json (also .zst, .gz) or a directory with one; give it several times.
    #[arg(long = "tokenizer", value_name = "FILE", required = true)]
    tokenizers: Vec<PathBuf>,
    /// Content that is encoded, a seeded sample of documents, as bytes with a unit.
    #[arg(long, value_name = "SIZE", default_value = "20MB", value_parser = parse_bytes)]
    sample_bytes: u64,
    /// Preset (see --help) or a config.json of Hugging Face: the model that costs are told for.
    #[arg(long, value_name = "PRESET|FILE", default_value = "llama-110m")]
    model: String,
    /// Tokens of a training sequence.
    #[arg(long, value_name = "TOKENS", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..=16_777_216))]
    seq_len: u64,
    /// Language of the recommendation: en or ru.
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: Lang,
}

/// Compares, prints.
///
/// # Errors
/// When an input, a tokenizer or the model cannot be read.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let report = compare::run(
        &Options {
            inputs: args.inputs.clone(),
            tokenizers: args.tokenizers.clone(),
            sample_bytes: args.sample_bytes,
            model: args.model.clone(),
            seq_len: args.seq_len,
            lang: args.lang,
        },
        context,
    )?;
    if context.json {
        output::data(&serde_json::to_string(&report)?);
    } else {
        output::data(&languages(&report));
        output::data(&format!("\n{}", costs(&report)));
        output::data(&format!("\n{}", report.reasons.join("\n")));
    }
    let best = &report.tokenizers[report.recommended];
    let corpus = args
        .inputs
        .iter()
        .find(|input| matches!(run_dir::kind(Path::new(input)), Ok(Kind::Corpus)));
    let corpus = corpus.map_or_else(|| "CORPUS".to_owned(), |path| path.display().to_string());
    let next = if best.lossless_share >= LOSSLESS {
        format!("prep shard {corpus} --out shards --tokenizer {}", best.file)
    } else {
        format!("prep tokenizer train {corpus} --out tokenizer")
    };
    context.note(&format!("next: {next}"));
    Ok(Exit::Done)
}

fn name(row: &Row) -> String {
    let path = Path::new(&row.file);
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Figures by language, tokenizer by tokenizer.
fn languages(report: &Report) -> String {
    let mut table = Table::new(&[
        "language",
        "tokenizer",
        "tokens",
        "tokens/word",
        "bytes/token",
        "characters/token",
        "single bytes",
        "parts of characters",
    ]);
    let all = [None].into_iter();
    for language in all.chain(report.sample.keys().map(Some)) {
        for row in &report.tokenizers {
            let figures = match language {
                None => Some(&row.total),
                Some(language) => row.by_language.get(language),
            };
            let Some(figures) = figures else {
                continue;
            };
            table.row(vec![
                language.map_or_else(|| "all".to_owned(), Clone::clone),
                name(row),
                grouped(figures.tokens),
                format!("{:.2}", figures.tokens_per_word),
                format!("{:.2}", figures.bytes_per_token),
                format!("{:.2}", figures.characters_per_token),
                percent(figures.single_byte_share),
                percent(figures.byte_fallback_share),
            ]);
        }
    }
    table.render()
}

/// What each costs.
fn costs(report: &Report) -> String {
    let title = format!("for {}", report.model);
    let mut table = Table::new(&[
        &title,
        "vocabulary",
        "unused here",
        "table parameters",
        "of the model",
        "context saved",
        "training cost",
        "text back",
        "MB/s a thread",
        "fast path",
    ]);
    for row in &report.tokenizers {
        table.row(vec![
            name(row),
            grouped(row.vocab_size.into()),
            percent(row.unused.share),
            grouped(row.embedding_parameters),
            percent(row.embedding_share),
            percent(row.context_saved),
            format!("{:.3}", row.relative_cost),
            percent(row.lossless_share),
            format!("{:.1}", row.bytes_per_second / 1e6),
            if row.fast_path { "yes" } else { "no" }.to_owned(),
        ]);
    }
    table.render()
}
