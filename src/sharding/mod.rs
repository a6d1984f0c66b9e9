//! `prep shard`: documents to token shards, each document kept or dropped for a named reason.
//!
//! ```text
//! corpus ─row groups─▶ scan: keys, verdicts ─▶ plan: copies, conflicts, split
//!                                                  │ fates, in order
//! corpus ─row groups──────────────▶ encode: tokens, removed/, conflicts/ ─▶ assemble: shards
//! ```
//!
//! Scan and encode run on every core, a row group (4 MB) a worker, and leave a file for each part
//! in `work/`: a killed run goes on with the next part. Disk while it runs: about 4.2 bytes a token
//! beside the shards. Memory: `2 * threads + 2` row groups, one shard a split, and candidates for
//! copies within half of `--memory`.

pub mod assemble;
pub mod benchmarks;
mod copies;
mod earlier;
pub mod edit;
pub mod encode;
pub mod lines;
pub mod mixing;
mod plan;
pub mod removed;
pub mod report;
mod sample;
mod scan;
mod units;
mod work;

use crate::atomic;
use crate::cmd::Context;
use crate::corpus::{CorpusManifest, IngestReport};
use crate::decontaminate::Benchmarks;
use crate::dedup::exact::Conflicts;
use crate::dedup::minhash::Recall;
use crate::document::id::hex_hash;
use crate::filter::{Fidelity, Filters};
use crate::pii::Masker;
use crate::progress::{Progress, Unit};
use crate::run_dir::{self, Found};
use crate::shard::manifest::VERSION;
use crate::shard::{Dataset, ShardInfo, ShardManifest, Split};
use crate::tokenize::{EncodePath, Policy, Tokenizer};
use anyhow::{Context as _, Result, bail, ensure};
use assemble::Ends;
use benchmarks::Remedy;
use earlier::Earlier;
use edit::Edits;
use encode::PartAccount;
use globset::{Glob, GlobSet, GlobSetBuilder};
use lines::{LinesReport, RepeatedLines};
use mixing::Weights;
use plan::{Fate, Plan};
use report::{CopiesReport, MixReport, Sample, ShardReport, TokenReport};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use units::{Corpus, Units};
use work::Work;

/// Which copies are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DedupMode {
    /// Documents with the same comparison key, and texts of nearly the same word 5-grams.
    Near,
    /// Documents with the same comparison key.
    Exact,
    /// None.
    Off,
}

impl DedupMode {
    /// The name in flags and configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Exact => "exact",
            Self::Off => "off",
        }
    }
}

/// How much is validated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValSize {
    /// A share of the documents, 0 to 1.
    Share(f64),
    /// So many documents, or a few less.
    Documents(u64),
}

impl ValSize {
    /// Whether anything is.
    #[must_use]
    pub fn is_some(self) -> bool {
        match self {
            Self::Share(share) => share > 0.0,
            Self::Documents(documents) => documents > 0,
        }
    }
}

/// Where the tokenizer comes from.
#[derive(Clone, Debug)]
pub enum TokenizerChoice {
    /// A `tokenizer.json`, or a directory that holds one.
    File(PathBuf),
    /// A byte-level BPE trained from a sample of the corpus.
    Train {
        /// Entries of its vocabulary.
        vocab_size: u32,
        /// Bytes of content that it is trained on, at most.
        sample_bytes: u64,
    },
}

/// What to shard and how; everything here decides the bytes of the output.
pub struct Options {
    /// The corpus directory.
    pub corpus: PathBuf,
    /// The directory to write.
    pub out: PathBuf,
    /// Where the tokenizer comes from.
    pub tokenizer: TokenizerChoice,
    /// Name of the profile of rules.
    pub profile: String,
    /// Thresholds changed by the user.
    pub set: Vec<(String, f64)>,
    /// Rules left out by the user.
    pub skip: Vec<String>,
    /// Whether rules are those of their sources to the letter.
    pub fidelity: Fidelity,
    /// What personal data is masked.
    pub mask_pii: Option<Masker>,
    /// Benchmarks that must not be in the shards.
    pub decontaminate: Vec<PathBuf>,
    /// What is done with documents that hold their items.
    pub remedy: Remedy,
    /// Weights of sources, by patterns of their names.
    pub weights: Vec<(String, f64)>,
    /// Which copies are removed.
    pub dedup: DedupMode,
    /// What is done with several answers to one question.
    pub conflicts: Conflicts,
    /// From which similarity on a text is a near copy, 0 to 1.
    pub threshold: f64,
    /// How surely near copies are compared.
    pub recall: Recall,
    /// Documents from which on a line that they share is taken out of texts.
    pub dedup_lines: Option<u32>,
    /// Finished corpora and shard directories of which no document is repeated.
    pub against: Vec<PathBuf>,
    /// How much is validated.
    pub val: ValSize,
    /// Patterns of sources that are validated whole.
    pub val_sources: Vec<String>,
    /// The most bytes of a shard.
    pub shard_bytes: u64,
    /// Whether documents begin with BOS.
    pub bos: Policy,
    /// The token that ends documents, `None` for the tokenizer's own.
    pub eos: Option<String>,
    /// Chat template by name or file, `None` for the tokenizer's own.
    pub chat_template: Option<String>,
}

/// A run under way: its input, its options, its work directory.
pub struct Job<'a> {
    options: &'a Options,
    context: &'a Context,
    corpus: Corpus,
    filters: Filters,
    earlier: Earlier,
    val_sources: GlobSet,
    benchmarks: Option<Benchmarks>,
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
    let names: Vec<String> = manifest
        .sources
        .iter()
        .map(|source| source.name.clone())
        .collect();
    if let Some(pattern) = weights.unused(&names).next() {
        bail!(
            "--weight {pattern}: no source of {} has such a name; `prep stats` lists them",
            options.corpus.display()
        );
    }
    let given = match &options.tokenizer {
        TokenizerChoice::File(path) => Some(configure(load(path)?, options)?),
        TokenizerChoice::Train { .. } => None,
    };
    let config = config(options, context, given.as_ref())?;
    match run_dir::open(&options.out, &config)? {
        Found::Finished => return finished(options, context),
        Found::Unfinished(_) => context.note(&format!("continuing {}", options.out.display())),
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
        weights,
        repeated: None,
        work,
    };
    if let Some(documents) = options.dedup_lines {
        job.repeated = Some(RepeatedLines::find(&job, documents)?);
    }
    scan::run(&job)?;
    let plan = Plan::make(&job)?;
    ensure!(
        plan.kept > 0,
        "no document is left of {}; {}",
        options.corpus.display(),
        why_nothing(&job, &plan)?
    );
    let tokenizer = match given {
        Some(tokenizer) => tokenizer,
        None => trained(&job, &plan)?,
    };
    let account = encode::run(&job, &plan, &tokenizer)?;
    // A difference between the fast path and the oracle must be heard of, not only survived.
    if matches!(tokenizer.encode_path(), EncodePath::Differs) {
        context.note(
            "warning: the fast encoding path differed from the tokenizers crate on this text; the \
             rest was encoded by the crate. Remove the output and report this as a bug of prep",
        );
    }
    let info = info(&tokenizer);
    let (splits, ends) = assemble::run(&job, &info, &account)?;
    let [train, val] = splits;
    tokenizer.save(&options.out)?;
    let mut keys = Vec::new();
    for part in 0..job.corpus.parts.len() {
        keys.extend(PartAccount::read(&job, part)?.keys);
    }
    let manifest = ShardManifest {
        format: "prep-shards".to_owned(),
        version: VERSION,
        prep_version: env!("CARGO_PKG_VERSION").to_owned(),
        config,
        info,
        train,
        val,
        keys,
    };
    finish(&job, &tokenizer, &manifest, &account, &plan, ends)
}

/// Patterns of sources; a `*` matches `/` too.
fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).with_context(|| format!("`{pattern}` is no pattern"))?);
    }
    Ok(set.build()?)
}

fn load(path: &Path) -> Result<Tokenizer> {
    if path.is_dir() {
        Tokenizer::from_dir(path)
    } else {
        Tokenizer::from_file(path)
    }
}

/// Applies `--bos`, `--eos` and `--chat-template`.
fn configure(mut tokenizer: Tokenizer, options: &Options) -> Result<Tokenizer> {
    tokenizer.set_specials(options.bos, options.eos.as_deref())?;
    match &options.chat_template {
        Some(template) => tokenizer.with_chat_template(template),
        None => Ok(tokenizer),
    }
}

fn info(tokenizer: &Tokenizer) -> ShardInfo {
    ShardInfo {
        vocab_size: tokenizer.vocab_size(),
        bos_id: tokenizer.bos_id(),
        eos_id: tokenizer.eos_id(),
        pad_id: tokenizer.pad_id(),
        tokenizer_fingerprint: tokenizer.fingerprint().to_owned(),
        chat_template_hash: tokenizer.chat_template_hash(),
    }
}

/// Everything that decides the bytes, in the words of the flags.
fn config(
    options: &Options,
    context: &Context,
    given: Option<&Tokenizer>,
) -> Result<serde_json::Value> {
    let manifest = run_dir::manifest_path(&options.corpus);
    let corpus =
        std::fs::read(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let tokenizer = match (&options.tokenizer, given) {
        (
            TokenizerChoice::Train {
                vocab_size,
                sample_bytes,
            },
            _,
        ) => serde_json::json!({
            "trained": { "vocab_size": vocab_size, "sample_bytes": sample_bytes }, "bos": format!("{:?}", options.bos),
            "eos": options.eos, "chat_template": options.chat_template.as_deref().map(template_identity),
        }),
        (TokenizerChoice::File(_), given) => serde_json::json!({
            "fingerprint": given.map(Tokenizer::fingerprint), "chat_template": given.map(Tokenizer::chat_template_hash),
        }),
    };
    Ok(serde_json::json!({
        "command": "shard",
        "corpus": hex_hash(&corpus),
        "tokenizer": tokenizer,
        "profile": options.profile,
        "set": options.set,
        "skip": options.skip,
        "faithful": options.fidelity == Fidelity::Source,
        "mask_pii": options.mask_pii,
        "decontaminate": benchmarks::identity(&options.decontaminate)?,
        "remedy": options.remedy.name(),
        "weights": options.weights,
        "dedup": options.dedup.name(),
        "threshold": options.threshold,
        "dedup_recall": options.recall.name(),
        "dedup_lines": options.dedup_lines,
        "against": earlier::identity(&options.against)?,
        "conflicts": options.conflicts.name(),
        "val_share": if let ValSize::Share(share) = options.val { Some(share) } else { None },
        "val_documents": if let ValSize::Documents(documents) = options.val { Some(documents) } else { None },
        "val_sources": options.val_sources,
        "shard_bytes": options.shard_bytes,
        "seed": context.seed,
    }))
}

/// The name of a built-in template, or the hash of a file's content: an edited template is another.
fn template_identity(name_or_file: &str) -> String {
    std::fs::read(name_or_file).map_or_else(|_| name_or_file.to_owned(), |text| hex_hash(&text))
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

/// Which rules left nothing, most documents first.
fn why_nothing(job: &Job, plan: &Plan) -> Result<String> {
    let mut reasons = std::collections::BTreeMap::<String, u64>::new();
    let mut fates = plan.read(job)?;
    for part in 0..job.corpus.parts.len() {
        for (_, fate) in fates.take(part, job.corpus.rows(part))? {
            if let Fate::Drop(why) = fate {
                *reasons.entry(why.reason).or_default() += 1;
            }
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if reasons.is_empty() {
        return Ok("it holds no documents".to_owned());
    }
    let listed: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{reason} dropped {count}"))
        .collect();
    Ok(format!(
        "{}; choose another --profile, --skip a rule or --set its threshold",
        listed.join(", ")
    ))
}

/// Checks the shards against the account, and writes report and manifest.
fn finish(
    job: &Job,
    tokenizer: &Tokenizer,
    manifest: &ShardManifest,
    account: &PartAccount,
    plan: &Plan,
    ends: Vec<Ends>,
) -> Result<ShardReport> {
    let out = &job.options.out;
    let kept = account.ledgers.ledger.kept;
    let (documents, tokens) = (
        manifest.train.documents + manifest.val.documents,
        manifest.train.tokens + manifest.val.tokens,
    );
    let repeated = account.repeated;
    ensure!(
        documents == kept.records + repeated.documents
            && tokens == kept.tokens.unwrap_or(0) + repeated.tokens,
        "the shards hold {documents} documents and {tokens} tokens, the ledger says {} and {:?}, and {repeated:?}; this is a bug of prep, please report it",
        kept.records,
        kept.tokens
    );
    let mut conflicting_answers = 0;
    for part in 0..job.corpus.parts.len() {
        let conflicts = PartAccount::read(job, part)?.conflicts;
        conflicting_answers += conflicts.map_or(0, |entry| entry.rows);
    }
    let samples = ends
        .into_iter()
        .map(|ends| Sample {
            document_id: ends.id.to_string(),
            first: ends
                .first
                .iter()
                .map(|id| tokenizer.decode(&[*id], false))
                .collect(),
            last: ends
                .last
                .iter()
                .map(|id| tokenizer.decode(&[*id], false))
                .collect(),
        })
        .collect();
    check_read(job, account)?;
    let report = ShardReport {
        command: "shard".to_owned(),
        edits: account.edits.clone(),
        lines: job
            .repeated
            .as_ref()
            .map(|repeated| LinesReport::new(repeated, &account.lines)),
        mixing: mixing_report(job, account),
        contamination_listed: benchmarks::write_list(job)?,
        ledgers: account.ledgers.clone(),
        tokens: TokenReport::from(&account.tokens),
        conflicting_answers,
        copies: CopiesReport::new(job.options.dedup, &plan.copies, &account.ledgers),
        vocab_size: manifest.info.vocab_size,
        samples,
    };
    atomic::write_json(&out.join("report.json"), &report)?;
    atomic::write_json(&run_dir::manifest_path(out), manifest)?;
    clean_up(&job.work, out)?;
    Ok(report)
}

/// Compares what was read with what the corpus says it holds, edits taken into account.
fn check_read(job: &Job, account: &PartAccount) -> Result<()> {
    let path = job.options.corpus.join("report.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let corpus: IngestReport =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    let (held, read) = (corpus.ledgers.ledger.kept, account.ledgers.ledger.read);
    ensure!(
        held.records == read.records
            && held.characters as i64 - account.edits.characters_lost() == read.characters as i64,
        "the corpus holds {held:?}, the ledger says that {read:?} were read after {:?}; this is a bug of prep, please report it",
        account.edits
    );
    Ok(())
}

fn mixing_report(job: &Job, account: &PartAccount) -> BTreeMap<String, MixReport> {
    let mixes = account.mixes.0.iter();
    mixes
        .map(|(source, mix)| {
            let weight = job.weights.of(source);
            (source.clone(), MixReport::new(weight, mix))
        })
        .collect()
}

/// Removes what only an unfinished run needs.
fn clean_up(work: &Work, out: &Path) -> Result<()> {
    let _ = std::fs::remove_file(run_dir::state_path(out));
    work.remove()
}

/// A finished run is not repeated.
fn finished(options: &Options, context: &Context) -> Result<ShardReport> {
    let out = &options.out;
    for split in Split::ALL {
        Dataset::open(out, split)?.check_files(out)?;
    }
    if out.join("work").exists() {
        clean_up(&Work::open(out)?, out)?;
    }
    context.note(&format!("{} is finished already", out.display()));
    ShardReport::read(out)
}
