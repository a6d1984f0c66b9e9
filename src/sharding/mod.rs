//! `prep shard`: documents to token shards, each document kept or dropped for a named reason.
//!
//! ```text
//! corpus ─row groups─▶ scan: keys, verdicts ─▶ plan: copies, conflicts, split
//!                                                  │ fates, in order
//! corpus ─row groups──────────────▶ encode: tokens, removed/, conflicts/ ─▶ assemble: shards
//! ```
//!
//! Where each document is decided on by itself ([`Job::decides_alone`]: no search for copies, nothing
//! validated, no weights, no benchmarks, a tokenizer that is there), it is judged as it is encoded, without
//! a scan before.
//!
//! Scan and encode run on every core, a row group (4 MB) a worker, and leave a file for each part
//! in `work/`: a killed run goes on with the next part. Disk while it runs: about 4.2 bytes a token
//! beside the shards, or 2.2 where ids have 16 bits. Memory: `2 * threads + 2` row groups, a shard a split and two of training, and
//! candidates for copies within half of `--memory`.

mod account;
pub mod across;
pub mod assemble;
pub mod benchmarks;
pub mod classifier;
mod conflicts;
mod copies;
mod earlier;
pub mod edit;
mod encode;
mod finish;
pub mod lines;
pub mod mixing;
pub mod options;
pub mod pairs;
mod part_files;
mod plan;
pub mod removed;
pub mod report;
mod sample;
mod scan;
mod units;
mod work;

use crate::atomic;
use crate::cmd::Context;
use crate::corpus::CorpusManifest;
use crate::decontaminate::Benchmarks;
use crate::filter::Filters;
use crate::ledger::Ledger;
use crate::progress::{Progress, Unit};
use crate::run_dir::{self, Found};
use crate::shard::ShardManifest;
use crate::shard::labels::LabelsEntry;
use crate::tokenize::{EncodePath, Letters, Policy, Tokenizer};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use earlier::Earlier;
use edit::Edits;
use globset::{Glob, GlobSet, GlobSetBuilder};
use lines::RepeatedLines;
use mixing::Weights;
pub use options::{DedupMode, LARGEST_VAL_SHARE, Options, TokenizerChoice, ValSize};
use plan::Plan;
use report::ShardReport;
use std::collections::BTreeMap;
use units::{Corpus, Units};
use work::Work;

/// A run under way: its input, its options, its work directory.
pub struct Job<'a> {
    options: &'a Options,
    context: &'a Context,
    corpus: Corpus,
    filters: Filters,
    earlier: Earlier,
    val_sources: GlobSet,
    benchmarks: Option<Benchmarks>,
    classifier: Option<classifier::Filter>,
    weights: Weights,
    /// Lines that are taken out of texts, once they have been counted.
    repeated: Option<RepeatedLines>,
    work: Work,
}

impl Job<'_> {
    /// The changes that the user asked for.
    fn edits(&self) -> Edits<'_> {
        let benchmarks = self.benchmarks.as_ref();
        Edits::new(
            self.options.mask_pii.as_ref(),
            benchmarks.map(|benchmarks| (benchmarks, self.options.remedy)),
            self.repeated.as_ref(),
        )
    }

    /// Whether anything asks which documents are alike: else copies stay, nothing is validated and nothing
    /// left out.
    fn compares(&self) -> bool {
        self.options.dedup != DedupMode::Off
            || self.options.val.is_some()
            || !self.options.val_sources.is_empty()
            || !self.options.weights.is_empty()
    }

    /// Whether the fate of a document depends on it alone, so that one pass over the corpus is enough.
    fn decides_alone(&self) -> bool {
        let is_given = matches!(self.options.tokenizer, TokenizerChoice::File(_));
        is_given && self.benchmarks.is_none() && !self.compares()
    }

    fn progress(&self, label: &str, units: &Units) -> Progress {
        self.context
            .progress(label, Unit::Bytes, Some(units.bytes()))
    }
}

/// Shards, or continues an interrupted run, or finds that all is done.
///
/// # Errors
/// When the output directory is another run's, the corpus or tokenizer cannot be read, nothing is
/// left of the corpus, or writing fails.
pub fn run(options: &Options, context: &Context) -> Result<ShardReport> {
    let manifest = CorpusManifest::read(&options.corpus)?;
    let filters = Filters::new(&options.profile, &options.set, &options.skip)
        .map_err(anyhow::Error::msg)?
        .with_fidelity(options.fidelity);
    let weights = Weights::new(&options.weights, context.seed)?;
    patterns_are_used(options, &weights)?;
    let given = match &options.tokenizer {
        TokenizerChoice::File(path) => Some(configure(Tokenizer::open(path)?, options)?),
        TokenizerChoice::Train { .. } => None,
    };
    let config = options::config(options, context, given.as_ref())?;
    match run_dir::open(&options.out, &config)? {
        Found::Finished => return finish::finished(options, context),
        Found::Unfinished => context.note(&format!("continuing {}", options.out.display())),
        Found::New => {}
    }
    atomic::write_json(
        &run_dir::state_path(&options.out),
        &serde_json::json!({ "config": config }),
    )?;
    let corpus = Corpus::open(&options.corpus, &manifest)?;
    let work = Work::open(&options.out)?;
    let mut job = Job {
        options,
        context,
        earlier: Earlier::open(&options.against, corpus.parts.len())?,
        corpus,
        filters,
        val_sources: globs(&options.val_sources)?,
        benchmarks: benchmarks::load(options, &work, context)?,
        classifier: match &options.classifier {
            Some(choice) => Some(classifier::Filter::open(choice)?),
            None => None,
        },
        weights,
        repeated: None,
        work,
    };
    for dir in job.earlier.lossy() {
        context.note(&format!(
            "warning: the tokenizer of {} does not give texts back letter by letter: copies of them may be missed or taken for near ones; --against its corpus finds all",
            dir.display()
        ));
    }
    if let Some(documents) = options.dedup_lines {
        job.repeated = Some(RepeatedLines::find(&job, documents)?);
    }
    let plan = if job.decides_alone() {
        Plan::alone(&job)
    } else {
        scan::run(&job)?;
        let plan = Plan::make(&job)?;
        if plan.kept == 0 {
            return Err(nothing_left(&job, &plan.reasons(&job)?));
        }
        plan
    };
    let tokenizer = match given {
        Some(tokenizer) => tokenizer,
        None => trained(&job, &plan)?,
    };
    let mut account = encode::run(&job, &plan, &tokenizer)?;
    let Ledger { kept, dropped, .. } = &account.total.ledgers.ledger;
    if kept.records == 0 {
        let counts = dropped
            .iter()
            .map(|(why, count)| (why.clone(), count.records));
        return Err(nothing_left(&job, &counts.collect()));
    }
    // A difference between the fast path and the oracle must be heard of, not only survived.
    if matches!(tokenizer.encode_path(), EncodePath::Differs) {
        context.note(
            "warning: the fast encoding path differed from the tokenizers crate on this text; the \
             rest was encoded by the crate. Remove the output and report this as a bug of prep",
        );
    }
    let info = finish::info(&tokenizer);
    let (splits, ends) = assemble::run(&job, &info, &account.total)?;
    tokenizer.save(&options.out)?;
    let keys = std::mem::take(&mut account.keys);
    let origins = std::mem::take(&mut account.origins);
    let files = std::mem::take(&mut account.labels);
    let labels = (options.label_field.clone()).map(|field| LabelsEntry { field, files });
    let pairs = pairs::assemble(&job, &config, &info, &account.total)?;
    let manifest = ShardManifest {
        pairs,
        labels,
        removed: std::mem::take(&mut account.removed),
        conflicts: std::mem::take(&mut account.conflicts),
        ..ShardManifest::new(config, info, splits, keys, origins)
    };
    finish::run(&job, &tokenizer, &manifest, &account, &plan, ends)
}

/// Every pattern of `--weight` and `--val-source` must name a source of the corpus.
fn patterns_are_used(options: &Options, weights: &Weights) -> Result<()> {
    if options.weights.is_empty() && options.val_sources.is_empty() {
        return Ok(());
    }
    let sources = CorpusManifest::sources(&options.corpus)?.into_iter();
    let names: Vec<String> = sources.map(|source| source.name).collect();
    if let Some(pattern) = weights.unused(&names).next() {
        bail!(
            "--weight {pattern}: no source of {} has such a name; `prep stats` lists them",
            options.corpus.display()
        );
    }
    for pattern in &options.val_sources {
        let glob = globs(std::slice::from_ref(pattern))?;
        ensure!(
            names.iter().any(|name| glob.is_match(name)),
            "--val-source {pattern}: no source of {} has such a name; `prep stats` lists them",
            options.corpus.display()
        );
    }
    Ok(())
}

/// Patterns of sources; a `*` matches `/` too.
fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).with_context(|| format!("`{pattern}` is no pattern"))?);
    }
    Ok(set.build()?)
}

/// Applies `--bos`, `--eos`, `--allow-special` and `--chat-template`.
fn configure(mut tokenizer: Tokenizer, options: &Options) -> Result<Tokenizer> {
    tokenizer.set_specials(options.bos, options.eos.as_deref())?;
    if options.letters == Letters::Tokens {
        tokenizer.set_letters(Letters::Tokens);
    }
    let tokenizer = match &options.chat_template {
        Some(template) => tokenizer.with_chat_template(template)?,
        None => tokenizer,
    };
    match options.bos {
        Policy::Never => tokenizer.without_bos_in_chats(),
        Policy::Auto | Policy::Always => Ok(tokenizer),
    }
}

/// Trains the tokenizer on kept documents, or loads it where an interrupted run has trained it.
fn trained(job: &Job, plan: &Plan) -> Result<Tokenizer> {
    let TokenizerChoice::Train {
        vocab_size,
        sample_bytes,
    } = job.options.tokenizer
    else {
        bail!("a tokenizer is trained only when none is given; this is a bug of prep");
    };
    let dir = job.work.file("tokenizer");
    if !dir.join("done").exists() {
        let bytes: u64 = job
            .corpus
            .parts
            .iter()
            .flatten()
            .map(|(_, bytes)| bytes)
            .sum();
        let share = (sample_bytes as f64 / bytes.max(1) as f64).min(1.0);
        let progress = job.context.progress(
            "train tokenizer",
            Unit::Bytes,
            Some((bytes as f64 * share) as u64),
        );
        let mut failure = None;
        let sample = sample::Texts::new(job, plan, share)?;
        let texts = sample
            .map_while(|text| match text {
                Ok(text) => Some(text),
                Err(error) => {
                    failure = Some(error);
                    None
                }
            })
            .inspect(|text: &String| progress.add(text.len() as u64));
        let tokenizer = Tokenizer::train(texts, vocab_size)?;
        progress.finish();
        if let Some(error) = failure {
            return Err(error);
        }
        if tokenizer.vocab_size() < vocab_size {
            job.context.note(&format!(
                "the corpus is too small for {vocab_size} tokens: the vocabulary has {}",
                tokenizer.vocab_size()
            ));
        }
        let tokenizer = configure(tokenizer, job.options)?;
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        tokenizer.save(&dir)?;
        atomic::write(&dir.join("done"), b"")?;
    }
    // What was saved is what is used, so that an interrupted run cannot differ.
    Tokenizer::from_dir(&dir)
}

/// That nothing is left, by the rules that dropped so many documents, most first.
fn nothing_left(job: &Job, reasons: &BTreeMap<String, u64>) -> anyhow::Error {
    let why = why_nothing(job, reasons);
    anyhow!(
        "no document is left of {}; {why}",
        job.options.corpus.display()
    )
}

fn why_nothing(job: &Job, reasons: &BTreeMap<String, u64>) -> String {
    let mut reasons: Vec<(&String, &u64)> = reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if reasons.is_empty() {
        return "it holds no documents".to_owned();
    }
    let listed: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{reason} dropped {count}"))
        .collect();
    let of_copies = |(reason, _): &(&String, &u64)| reason.ends_with("_duplicate");
    let remedy = match (reasons[0].0.as_str(), &job.options.label_field) {
        (classifier::NO_LABEL, Some(field)) => format!(
            "their records have no field {field} that is a text, a whole number, true or false. \
             `prep cat` shows what they have under meta"
        ),
        ("chat_too_long", _) => "raise --max-length, or leave it out".to_owned(),
        ("chat_template", _) => {
            "the chat template renders none of them: choose another --chat-template".to_owned()
        }
        _ if reasons.iter().any(|reason| !of_copies(reason)) => {
            "choose another --profile, --skip a rule, --set its threshold, or change --weight"
                .to_owned()
        }
        _ if job.options.against.is_empty() => {
            "this is a bug of prep: of copies one stays".to_owned()
        }
        _ => "nothing in it is new: the sets of --against have it all, and no shards are needed"
            .to_owned(),
    };
    format!("{}; {remedy}", listed.join(", "))
}
