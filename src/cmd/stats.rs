//! `prep stats`: the ledger and token statistics of raw data, of a corpus, of shards or of a model.

use super::Context;
use crate::corpus::{CorpusManifest, IngestReport};
use crate::document::parquet::DocumentFile;
use crate::exit::Exit;
use crate::lengths::{Lengths, Quantiles};
use crate::progress::Unit;
use crate::resharding::Report;
use crate::run_dir::{self, Kind};
use crate::sample::Inputs;
use crate::shard::{Dataset, ShardManifest, Split};
use crate::stats::count_words;
use crate::table::Table;
use crate::tokenize::Tokenizer;
use crate::units::grouped;
use crate::{interrupt, ordered, output, survey, view};
use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};

/// Show where every record went and what the tokens are like.
///
/// Takes a corpus, shards or a model, or files and folders that are not ingested yet: those are read as
/// `prep ingest` would, into TMPDIR (about a third of their text) for as long as it takes. Of documents
/// lengths are counted, with --tokenizer their tokens by source, language and kind; of shards the statistics
/// of the run are shown and checked against the files; of a model the report of its training.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory that `prep ingest`, `prep shard` or `prep train` wrote, or files and folders of raw data.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// tokenizer.json, or directory with one, whose tokens are counted: of a corpus and of raw data, as
    /// `prep shard --profile none --dedup off` would make them. Default: none.
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Look at every token, of shards or with --tokenizer: single bytes, unused vocabulary, most frequent
    /// tokens and n-grams, lengths, copies, what sequences of several lengths would waste. Default: off.
    #[arg(long)]
    tokens: bool,
}

/// Look at the manifest, show what it is of.
///
/// # Errors
/// When a file is damaged, or nothing can be read.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    if let [dir] = &args.paths[..]
        && run_dir::manifest_path(dir).exists()
    {
        let shown = dir.display();
        match run_dir::kind(dir)? {
            Kind::Corpus => {
                corpus(args, dir, context)?;
                context.note(&match args.tokenizer {
                    Some(_) => format!("next: prep shard {shown} --out shards"),
                    None => format!("next: prep stats {shown} --tokenizer FILE   (tokens), or: prep shard {shown} --out shards"),
                });
            }
            Kind::Shards => {
                ensure!(
                    args.tokenizer.is_none(),
                    "{shown} has its own tokenizer: leave --tokenizer out"
                );
                shards(args, dir, context)?;
            }
            Kind::Model => {
                ensure!(
                    args.tokenizer.is_none() && !args.tokens,
                    "{shown} is a model: --tokens and --tokenizer are for corpora and shards"
                );
                model(dir, context)?;
                context.note(&format!("next: prep generate {shown} \"…\""));
            }
        }
        return Ok(Exit::Done);
    }
    refuse_directories_of_prep(&args.paths)?;
    let inputs = Inputs::open(&args.paths, context)?;
    corpus(args, inputs.dir(), context)?;
    let paths: Vec<String> = (args.paths.iter())
        .map(|path| path.display().to_string())
        .collect();
    context.note(&format!(
        "next: prep ingest {} --out corpus",
        paths.join(" ")
    ));
    Ok(Exit::Done)
}

/// What prep wrote is no raw data, though it consists of Parquet, Arrow and JSON.
fn refuse_directories_of_prep(paths: &[PathBuf]) -> Result<()> {
    let json = |path: PathBuf| -> Option<Value> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    };
    for dir in paths {
        let shown = dir.display();
        let manifest = json(run_dir::manifest_path(dir));
        let format = manifest.as_ref().and_then(|found| found["format"].as_str());
        if let Some(format) = format.filter(|format| format.starts_with("prep-")) {
            bail!(
                "{shown} is a finished directory of prep ({format}), not raw data: `prep stats` shows one \
                 such directory at a time, here `prep stats {shown}`; `prep compare` tells how far two are \
                 apart"
            );
        }
        let state = json(run_dir::state_path(dir));
        ensure!(
            state.is_none_or(|state| state.get("config").is_none()),
            "{shown} holds a run of prep that did not end: run its command again to finish it, then \
             `prep stats {shown}`"
        );
    }
    Ok(())
}

/// Sums over the documents of a corpus.
#[derive(Clone, Debug, Default)]
struct Sums {
    documents: u64,
    characters: u64,
    bytes: u64,
    words: u64,
    lengths: Lengths,
}

impl AddAssign<&Sums> for Sums {
    fn add_assign(&mut self, other: &Sums) {
        self.documents += other.documents;
        self.characters += other.characters;
        self.bytes += other.bytes;
        self.words += other.words;
        self.lengths += &other.lengths;
    }
}

/// What a person wants to know of documents before they are tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct TextFigures {
    documents: u64,
    characters: u64,
    bytes: u64,
    words: u64,
    bytes_per_character: f64,
    document_characters: Quantiles,
}

impl From<&Sums> for TextFigures {
    fn from(sums: &Sums) -> Self {
        Self {
            documents: sums.documents,
            characters: sums.characters,
            bytes: sums.bytes,
            words: sums.words,
            bytes_per_character: sums.bytes as f64 / sums.characters.max(1) as f64,
            document_characters: sums.lengths.quantiles(),
        }
    }
}

/// By source, language and kind, in this order.
type Tables = [BTreeMap<String, Sums>; 3];

const TABLE_NAMES: [&str; 3] = ["by_source", "by_language", "by_kind"];

fn corpus(args: &Args, dir: &Path, context: &Context) -> Result<()> {
    ensure!(
        args.tokenizer.is_some() || !args.tokens,
        "--tokens of documents needs --tokenizer FILE: which tokens?"
    );
    let manifest = CorpusManifest::read(dir)?;
    let report = IngestReport::read(dir)?;
    report.ledgers.check()?;
    let tables = read_documents(dir, &manifest, context)?;
    let mut total = Sums::default();
    for sums in tables[2].values() {
        total += sums;
    }
    let tokens = match &args.tokenizer {
        Some(path) => {
            let tokenizer = Tokenizer::open(path)?;
            let every = args.tokens;
            Some(survey::corpus::run(
                dir, &manifest, &tokenizer, every, context,
            )?)
        }
        None => None,
    };
    if context.json {
        let mut all = serde_json::to_value(&report)?;
        all["command"] = "stats".into();
        let mut documents = serde_json::json!({ "total": TextFigures::from(&total) });
        for (name, table) in TABLE_NAMES.iter().zip(&tables) {
            let figures: BTreeMap<_, _> = table
                .iter()
                .map(|(key, sums)| (key, TextFigures::from(sums)))
                .collect();
            documents[*name] = serde_json::to_value(figures)?;
        }
        all["documents"] = documents;
        if let Some(tokens) = &tokens {
            all["tokenized"] = serde_json::to_value(tokens)?;
        }
        output::data(&all.to_string());
        return Ok(());
    }
    output::data(&view::sources(&report));
    output::data(&format!(
        "\n{}\n",
        view::languages(&report.by_language_share)
    ));
    output::data(&view::ledger(&report.ledgers));
    let header = [
        "documents",
        "count",
        "characters",
        "words",
        "bytes/character",
        "p5",
        "p50",
        "p95",
        "longest",
    ];
    let mut table = Table::new(&header);
    let mut row = |name: &str, sums: &Sums| {
        let figures = TextFigures::from(sums);
        let lengths = figures.document_characters;
        table.row(vec![
            name.to_owned(),
            grouped(figures.documents),
            grouped(figures.characters),
            grouped(figures.words),
            format!("{:.2}", figures.bytes_per_character),
            grouped(lengths.p5),
            grouped(lengths.p50),
            grouped(lengths.p95),
            grouped(lengths.max),
        ]);
    };
    row("all", &total);
    for table in [&tables[2], &tables[1], &tables[0]] {
        for (name, sums) in table.iter().take(view::MOST_ROWS) {
            row(&format!("  {name}"), sums);
        }
    }
    output::data(&format!("\n{}", table.render()));
    if let Some(tokens) = &tokens {
        output::data(&format!("\n{}", view::tokens(&tokens.tokens)));
        if tokens.refused > 0 {
            output::data(&format!(
                "{} chats are not counted: they have no answer, or the chat template refuses them",
                grouped(tokens.refused)
            ));
        }
        if let Some(survey) = &tokens.survey {
            let of = survey::view::render(survey, survey::view::Of::Corpus);
            output::data(&format!("\n{of}"));
        }
    }
    Ok(())
}

/// Reads all documents on every core.
fn read_documents(dir: &Path, manifest: &CorpusManifest, context: &Context) -> Result<Tables> {
    let files = manifest
        .documents
        .iter()
        .map(|entry| DocumentFile::open(&dir.join(&entry.file)))
        .collect::<Result<Vec<_>>>()?;
    let groups: Vec<(&DocumentFile, usize)> = files
        .iter()
        .flat_map(|file| (0..file.row_groups()).map(move |group| (file, group)))
        .collect();
    let bytes = groups.iter().map(|(file, group)| file.bytes(*group)).sum();
    let progress = context.progress("stats", Unit::Bytes, Some(bytes));
    let mut tables = Tables::default();
    ordered::map_fold(
        context.threads,
        groups.into_iter().map(Ok),
        |(file, group)| Ok((file.bytes(group), read_group(file, group)?)),
        |(bytes, group)| {
            interrupt::check()?;
            progress.add(bytes);
            for (all, new) in tables.iter_mut().zip(&group) {
                for (key, sums) in new {
                    *all.entry(key.clone()).or_default() += sums;
                }
            }
            Ok(())
        },
    )?;
    progress.finish();
    Ok(tables)
}

fn read_group(file: &DocumentFile, group: usize) -> Result<Tables> {
    let mut tables = Tables::default();
    for batch in file.read(group, 256)? {
        for document in batch? {
            let mut sums = Sums {
                documents: 1,
                characters: document.content.characters(),
                bytes: document.content.bytes(),
                words: document.content.pieces().map(count_words).sum(),
                lengths: Lengths::default(),
            };
            sums.lengths.add(sums.characters);
            let keys = [
                document.source.as_str(),
                &document.lang,
                document.content.kind().name(),
            ];
            for (table, key) in tables.iter_mut().zip(keys) {
                *table.entry(key.to_owned()).or_default() += &sums;
            }
        }
    }
    Ok(tables)
}

fn shards(args: &Args, dir: &Path, context: &Context) -> Result<()> {
    let report = Report::read(dir)?;
    report.ledgers().check()?;
    let manifest = ShardManifest::read(dir)?;
    let mut files = Vec::new();
    for split in Split::ALL {
        // Size, rows, tokens and xxh3 of every file against the manifest.
        let data = Dataset::open(dir, split)?;
        data.check_files(dir)?;
        let tokens = data.tokens();
        let entry = manifest.split(split);
        files.push(serde_json::json!({
            "split": split.name(), "shards": entry.shards.len(), "documents": entry.documents,
            "tokens": tokens, "tokens_loss": entry.tokens_loss,
            "bytes": entry.shards.iter().map(|shard| shard.bytes).sum::<u64>(),
        }));
    }
    let survey = if args.tokens {
        let total = survey::tokens_to_read(&manifest);
        let progress = context.progress("count tokens", Unit::Tokens, Some(total));
        let survey = survey::run(dir, &manifest, &report, &progress)?;
        progress.finish();
        Some(survey)
    } else {
        None
    };
    if context.json {
        let mut all = serde_json::to_value(&report)?;
        all["command"] = "stats".into();
        all["shards"] = files.into();
        if let Some(survey) = &survey {
            all["survey"] = serde_json::to_value(survey)?;
        }
        output::data(&all.to_string());
        return Ok(());
    }
    output::data(&view::ledger(report.ledgers()));
    if let Report::Shard(report) = &report {
        output::data(&format!("\n{}", view::tokens(&report.tokens)));
    }
    let mut table = Table::new(&[
        "split",
        "shards",
        "documents",
        "tokens",
        "in the loss",
        "bytes",
    ]);
    for file in files {
        let number = |key: &str| grouped(file[key].as_u64().unwrap_or(0));
        table.row(vec![
            file["split"].as_str().unwrap_or_default().to_owned(),
            number("shards"),
            number("documents"),
            number("tokens"),
            number("tokens_loss"),
            number("bytes"),
        ]);
    }
    output::data(&format!("\n{}", table.render()));
    if let Report::Shard(report) = &report {
        output::data(&format!("\n{}", view::samples(&report.samples)));
    }
    match &survey {
        Some(survey) => {
            let of = survey::view::render(survey, survey::view::Of::Shards);
            output::data(&format!("\n{of}"));
            context.note(&format!("next: prep plan {}", dir.display()));
        }
        None => context.note(&format!(
            "next: prep stats {} --tokens   (reads every token)",
            dir.display()
        )),
    }
    Ok(())
}

fn model(dir: &Path, context: &Context) -> Result<()> {
    let path = dir.join("report.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let report: Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    if context.json {
        output::data(&report.to_string());
        return Ok(());
    }
    let mut table = Table::new(&["model", ""]);
    for (key, value) in report.as_object().into_iter().flatten() {
        let shown = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), grouped),
            Value::Object(_) | Value::Array(_) => continue,
            other => other.to_string(),
        };
        table.row(vec![key.clone(), shown]);
    }
    output::data(&table.render());
    Ok(())
}
