//! `prep compare`: how far one set is from another.

use super::Context;
use super::device::{choose, on_device};
use crate::compare::{self, Compared, Language, Options, Perplexity};
use crate::exit::Exit;
use crate::model;
use crate::ops::Backend;
use crate::output;
use crate::progress::Unit;
use crate::run_dir::{self, Kind};
use crate::tokenize::Tokenizer;
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};

/// Compare two sets of documents: is it the same distribution, and what differs?
///
/// Takes corpora and shards. Word frequencies (Jensen-Shannon divergence, adjusted for chance, with an
/// interval), a classifier that tries to tell single documents apart, words that differ most, how close documents of
/// B are to A (DSIR weights), copies across and conflicting answers, and, with --model, perplexities;
/// a verdict in words at the end. --select writes the documents of B that are closest to A as a corpus that
/// `prep shard` reads. Nothing depends on --threads. Memory: about 250 MB, and for the search
/// for copies half of --memory, on disk in TMPDIR 0.5 kB a document.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Corpus or shards: the target.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Corpus or shards that are compared with it.
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Compare tokens of this tokenizer.json, or directory with one. Default: words in lower case.
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Write so many documents of B, drawn by their DSIR weights and --seed (Gumbel top-k). Default: none.
    #[arg(long, value_name = "DOCUMENTS", requires = "out", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    select: Option<u64>,
    /// Corpus directory for --select. Must be new, or of the same run.
    #[arg(long, value_name = "DIR", requires = "select")]
    out: Option<PathBuf>,
    /// Do not search for copies and conflicting answers, which takes the most time. Default: off.
    #[arg(long)]
    no_copies: bool,
    /// Model folder whose perplexity is measured on the first 512 tokens of sampled documents. Default: none.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Documents of each set that the model is asked about, about so many.
    #[arg(long, value_name = "DOCUMENTS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    model_documents: u64,
    /// What computes with --model: auto (a GPU, else the CPU), cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,
    /// Language of the verdict.
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: Language,
}

/// Compares, asks the model, shows.
///
/// # Errors
/// When a set cannot be read, or the selection cannot be written.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let options = Options {
        a: args.a.clone(),
        b: args.b.clone(),
        tokenizer: args.tokenizer.clone(),
        copies: !args.no_copies,
        select: args.select.zip(args.out.clone()),
        model_documents: match args.model {
            Some(_) => args.model_documents,
            None => 0,
        },
        language: args.lang,
    };
    let mut compared = compare::run(&options, context)?;
    if let Some(dir) = &args.model {
        let device = choose(&args.device, context)?;
        on_device!(&device, backend => ask(backend, dir, &mut compared, context))?;
    }
    let mut report = compared.report;
    report.judge(args.lang);
    if context.json {
        output::data(&serde_json::to_string(&report)?);
    } else {
        output::data(&compare::view::render(&report));
    }
    if let Some(selected) = &report.selected {
        context.note(&format!(
            "{} documents of B are in {}",
            selected.documents, selected.dir
        ));
    }
    let (a, b) = (args.a.display(), args.b.display());
    let next = match &report.selected {
        Some(selected) => format!("next: prep shard {} --out shards", selected.dir),
        // Of tokens no documents can be taken.
        None if run_dir::kind(&args.b)? == Kind::Corpus => format!(
            "next: prep compare {a} {b} --select 1000 --out selected   (the documents of B closest to A)"
        ),
        None => format!("next: prep stats {b} --tokens"),
    };
    context.note(&next);
    Ok(Exit::Done)
}

/// Perplexities of the sampled documents.
fn ask<B: Backend>(
    backend: &B,
    dir: &Path,
    compared: &mut Compared,
    context: &Context,
) -> Result<()> {
    let tokenizer = Tokenizer::from_dir(dir)?;
    let model = model::load(backend, dir)?;
    ensure!(
        tokenizer.vocab_size() as usize <= model.config.vocab_size,
        "{}: the tokenizer has more tokens than the model",
        dir.display()
    );
    let all = compared.texts.iter().map(Vec::len).sum::<usize>() as u64;
    let progress = context.progress("perplexity", Unit::Documents, Some(all));
    let [a, b] = &compared.texts;
    let measure = |texts| compare::measure(backend, &model, &tokenizer, texts, &progress);
    let (a, b) = (measure(a)?, measure(b)?);
    progress.finish();
    compared.report.perplexity = Some(Perplexity { a, b });
    Ok(())
}
