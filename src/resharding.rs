//! `prep reshard`: shard directories of one tokenizer as one, in another size or order.
//!
//! Documents are copied token by token, each in its split and with its mask and id, so that nothing is
//! encoded again. Inputs are mapped and read in order, and a shuffle is that of `prep shard`; memory is
//! that of one document, of a shard a split and two of training, and of the shuffle.

use crate::atomic;
use crate::cmd::Context;
use crate::corpus::PartEntry;
use crate::document::id::{check_file, hex_hash};
use crate::interrupt;
use crate::ledger::Ledgers;
use crate::progress::Unit;
use crate::run_dir::{self, Found};
use crate::shard::labels::LabelsEntry;
use crate::shard::manifest::SplitEntry;
use crate::shard::shuffle::{Item, Order, Shuffle};
use crate::shard::writer::SplitWriter;
use crate::shard::{Dataset, ShardInfo, ShardManifest, Split, labels, origins, pairs};
use crate::sharding::report::ShardReport;
use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What to reshard and how.
pub struct Options {
    /// The shard directories, in order.
    pub inputs: Vec<PathBuf>,
    /// The directory to write.
    pub out: PathBuf,
    /// The most bytes of a shard.
    pub shard_bytes: u64,
    /// How documents are ordered.
    pub order: Order,
}

/// A directory that went into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// xxh3-128 of its manifest.
    pub manifest: String,
    /// Documents in its shards.
    pub documents: u64,
    /// Tokens in its shards.
    pub tokens: u64,
}

/// The report of a resharded directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReshardReport {
    /// Always `reshard`.
    pub command: String,
    /// The ledgers of all inputs together; in the report's root.
    #[serde(flatten)]
    pub ledgers: Ledgers,
    /// Tokens in the shards beyond one copy of each kept document: of weights, and of the system prompts of
    /// cut chats.
    pub tokens_repeated: i64,
    /// The directories that went into it, in order.
    pub inputs: Vec<Input>,
    /// Shards of `train` and of `val`.
    pub shards: [u64; 2],
    /// Documents in the shards.
    pub documents: u64,
    /// Tokens in the shards.
    pub tokens: u64,
}

/// The report of a shard directory, whichever command wrote it.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// Of `prep shard`.
    Shard(Box<ShardReport>),
    /// Of `prep reshard`.
    Reshard(Box<ReshardReport>),
}

impl Report {
    /// The report of `dir`.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("report.json");
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let damaged = || format!("{} is damaged; make the shards again", path.display());
        let value: Value = serde_json::from_slice(&text).with_context(damaged)?;
        Ok(if value["command"] == "reshard" {
            Self::Reshard(serde_json::from_value(value).with_context(damaged)?)
        } else {
            Self::Shard(serde_json::from_value(value).with_context(damaged)?)
        })
    }

    /// Where every document went.
    #[must_use]
    pub fn ledgers(&self) -> &Ledgers {
        match self {
            Self::Shard(report) => &report.ledgers,
            Self::Reshard(report) => &report.ledgers,
        }
    }

    /// Tokens in the shards beyond one copy of each document: of weights, and of the system prompts of
    /// cut chats.
    #[must_use]
    pub fn tokens_repeated(&self) -> i64 {
        match self {
            Self::Shard(report) => {
                let mixes = report.mixing.values();
                let more = mixes.map(|mix| mix.effective_tokens as i64 - mix.tokens as i64);
                more.sum::<i64>() + report.chats.cuts.tokens_added
            }
            Self::Reshard(report) => report.tokens_repeated,
        }
    }
}

/// Reshards, or finds that all is done.
///
/// # Errors
/// When the inputs are unfinished, damaged or of different tokenizers, the output directory is another
/// run's, or writing fails.
pub fn run(options: &Options, context: &Context) -> Result<ReshardReport> {
    let out = &options.out;
    let inputs = read_inputs(options)?;
    let config = config(options, context, &inputs);
    match run_dir::open(out, &config)? {
        Found::Finished => {
            for split in Split::ALL {
                Dataset::open(out, split)?.check_files(out)?;
            }
            context.note(&format!("{} is finished already", out.display()));
            return match Report::read(out)? {
                Report::Reshard(report) => Ok(*report),
                Report::Shard(_) => bail!("{}/report.json is of prep shard", out.display()),
            };
        }
        Found::Unfinished => context.note(&format!("continuing {}", out.display())),
        Found::New => {}
    }
    atomic::write_json(
        &run_dir::state_path(out),
        &serde_json::json!({ "config": config }),
    )?;
    let info = inputs[0].manifest.info.clone();
    let [train, val] = write(options, context, &inputs, &info)?;
    let (keys, origins) = copy_files(out, &inputs)?;
    let pairs = copy_pairs(options, &config, &info, &inputs)?;
    let labels = copy_labels(out, &inputs)?;
    let mut report = ReshardReport {
        command: "reshard".to_owned(),
        ledgers: Ledgers::default(),
        tokens_repeated: 0,
        inputs: Vec::new(),
        shards: [train.shards.len() as u64, val.shards.len() as u64],
        documents: train.documents + val.documents,
        tokens: train.tokens + val.tokens,
    };
    for input in &inputs {
        let of_input = Report::read(&input.dir)?;
        report.ledgers += of_input.ledgers();
        report.tokens_repeated += of_input.tokens_repeated();
        let splits = Split::ALL.map(|split| input.manifest.split(split));
        report.inputs.push(Input {
            manifest: input.hash.clone(),
            documents: splits.iter().map(|split| split.documents).sum(),
            tokens: splits.iter().map(|split| split.tokens).sum(),
        });
    }
    report.ledgers.check()?;
    let kept = report.ledgers.ledger.kept.tokens.unwrap_or(0);
    let (documents, tokens) = (report.inputs.iter()).fold((0, 0), |(documents, tokens), input| {
        (documents + input.documents, tokens + input.tokens)
    });
    ensure!(
        (documents, tokens) == (report.documents, report.tokens)
            && tokens as i64 == kept as i64 + report.tokens_repeated,
        "the inputs hold {documents} documents and {tokens} tokens, the ledgers {kept} tokens, the output {} and {}; this is a bug of prep, please report it",
        report.documents,
        report.tokens
    );
    let manifest = ShardManifest {
        pairs,
        labels,
        ..ShardManifest::new(config, info, [train, val], keys, origins)
    };
    atomic::write_json(&out.join("report.json"), &report)?;
    atomic::write_json(&run_dir::manifest_path(out), &manifest)?;
    let _ = std::fs::remove_file(run_dir::state_path(out));
    Ok(report)
}

/// An input with its manifest.
struct Source {
    dir: PathBuf,
    manifest: ShardManifest,
    /// xxh3-128 of the manifest.
    hash: String,
}

fn read_inputs(options: &Options) -> Result<Vec<Source>> {
    let mut inputs: Vec<Source> = Vec::new();
    for dir in &options.inputs {
        let manifest = ShardManifest::read(dir)?;
        let path = run_dir::manifest_path(dir);
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            !same(dir, &options.out),
            "{} is both read and written; give another --out",
            dir.display()
        );
        if let Some(first) = inputs.first() {
            let (ours, theirs) = (&first.manifest.info, &manifest.info);
            let both = format!("{} and {}", first.dir.display(), dir.display());
            ensure!(
                ours.tokenizer_fingerprint == theirs.tokenizer_fingerprint,
                "{both} are of different tokenizers (fingerprints {} and {}): their ids mean different tokens; shard one of the corpora again with --tokenizer {}",
                ours.tokenizer_fingerprint,
                theirs.tokenizer_fingerprint,
                first.dir.display()
            );
            ensure!(
                ours == theirs,
                "{both} have the same tokenizer, but different chat templates or special tokens ({ours:?} and {theirs:?}); shard one of the corpora again with --tokenizer {}",
                first.dir.display()
            );
        }
        inputs.push(Source {
            dir: dir.clone(),
            manifest,
            hash: hex_hash(&text),
        });
    }
    Ok(inputs)
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Everything that decides the bytes, and the corpora that the documents are from.
fn config(options: &Options, context: &Context, inputs: &[Source]) -> Value {
    let mut corpora: Vec<&str> = Vec::new();
    for corpus in inputs.iter().flat_map(|input| input.manifest.corpora()) {
        if !corpora.contains(&corpus) {
            corpora.push(corpus);
        }
    }
    let hashes: Vec<&str> = inputs.iter().map(|input| input.hash.as_str()).collect();
    serde_json::json!({
        "command": "reshard",
        "inputs": hashes,
        "corpora": corpora,
        "shard_bytes": options.shard_bytes,
        "order": options.order.name(),
        "seed": context.seed,
    })
}

/// Writes the shards of both splits.
fn write(
    options: &Options,
    context: &Context,
    inputs: &[Source],
    info: &ShardInfo,
) -> Result<[SplitEntry; 2]> {
    let out = &options.out;
    let mut writers = [
        SplitWriter::new(out, Split::Train, info, options.shard_bytes)?.beside(context.threads),
        SplitWriter::new(out, Split::Val, info, options.shard_bytes)?,
    ];
    let tokens = |split| {
        inputs
            .iter()
            .map(move |input| input.manifest.split(split).tokens)
    };
    let tokens: u64 = Split::ALL.into_iter().flat_map(tokens).sum();
    let progress = context.progress("write shards", Unit::Tokens, Some(tokens));
    let mut push = |item: &Item| {
        let writer = &mut writers[usize::from(item.split == Split::Val)];
        progress.add(item.ids.len() as u64);
        writer.push(item.id, item.ids, item.mask, item.bytes_text)
    };
    match options.order {
        Order::Input => for_each(inputs, &mut push)?,
        Order::Shuffle => {
            let work = out.join("work");
            std::fs::create_dir_all(&work)
                .with_context(|| format!("cannot make {}", work.display()))?;
            let (path, memory) = (work.join("order"), context.memory);
            let mut shuffle = Shuffle::new(&path, context.seed, memory, tokens)?;
            for_each(inputs, |item| shuffle.push(item))?;
            shuffle.for_each(&mut push)?;
            std::fs::remove_dir_all(&work)
                .with_context(|| format!("cannot remove {}", work.display()))?;
        }
    }
    progress.finish();
    let [train, val] = writers;
    let mut entries = [train.finish()?, val.finish()?];
    // Shards do not hold the bytes of each document, only manifests those of all.
    for (entry, split) in entries.iter_mut().zip(Split::ALL) {
        let of_inputs = inputs.iter().map(|input| input.manifest.split(split));
        entry.bytes_text = of_inputs.map(|entry| entry.bytes_text).sum();
    }
    Ok(entries)
}

/// Calls `each` with every document of all inputs, in order. Documents are numbered through, because
/// the same one may come several times.
fn for_each(inputs: &[Source], mut each: impl FnMut(&Item) -> Result<()>) -> Result<()> {
    let mut number = 0;
    for input in inputs {
        for split in Split::ALL {
            let data = Dataset::open(&input.dir, split)?;
            data.check_files(&input.dir)?;
            data.for_each_document(|id, tokens| {
                if number % 1024 == 0 {
                    interrupt::check()?;
                }
                let item = Item {
                    id,
                    number,
                    split,
                    bytes_text: 0,
                    ids: &tokens.ids,
                    mask: &tokens.mask,
                };
                number += 1;
                each(&item)
            })?;
        }
    }
    Ok(())
}

/// Copies the labels of all inputs, where they are all from one field; else there are none.
fn copy_labels(out: &Path, inputs: &[Source]) -> Result<Option<LabelsEntry>> {
    let mut files = Vec::new();
    let field = inputs[0].manifest.labels.as_ref().map(|of| &of.field);
    let Some(field) = field else { return Ok(None) };
    for input in inputs {
        let Some(labels) = (input.manifest.labels.as_ref()).filter(|of| of.field == *field) else {
            return Ok(None);
        };
        files.extend(labels.files.iter().map(|entry| (&input.dir, entry)));
    }
    let folder = out.join(labels::FOLDER);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let mut copied = Vec::new();
    for (dir, entry) in files {
        let from = dir.join(&entry.file);
        let damaged = || format!("{} is missing or damaged; shard again", from.display());
        check_file(dir, &entry.file, entry.bytes, &entry.xxh3).with_context(damaged)?;
        let file = labels::file(copied.len());
        atomic::write(
            &out.join(&file),
            &std::fs::read(&from).with_context(damaged)?,
        )?;
        copied.push(PartEntry {
            file,
            ..entry.clone()
        });
    }
    Ok(Some(LabelsEntry {
        field: field.clone(),
        files: copied,
    }))
}

/// Copies the pairs of preferences of all inputs, in order.
fn copy_pairs(
    options: &Options,
    config: &Value,
    info: &ShardInfo,
    inputs: &[Source],
) -> Result<Vec<PartEntry>> {
    let with_pairs = |input: &&Source| !input.manifest.pairs.is_empty();
    if !inputs.iter().any(|input| with_pairs(&input)) {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    let writers = pairs::writers(&options.out, info, options.shard_bytes)?;
    for (mut writer, split) in writers.into_iter().zip(Split::ALL) {
        let mut bytes_text = 0;
        for input in inputs.iter().filter(with_pairs) {
            let data = pairs::open(&input.dir, split)?;
            data.check_files(&pairs::dir(&input.dir))?;
            bytes_text += data.manifest().split(split).bytes_text;
            data.for_each_document(|id, tokens| {
                interrupt::check()?;
                writer.push(id, &tokens.ids, &tokens.mask, 0)
            })?;
        }
        let mut entry = writer.finish()?;
        entry.bytes_text = bytes_text;
        entries.push(entry);
    }
    let [train, val] = <[SplitEntry; 2]>::try_from(entries)
        .map_err(|_| anyhow::anyhow!("two splits were written; this is a bug of prep"))?;
    Ok(vec![pairs::finish(
        &options.out,
        config,
        info,
        [train, val],
    )?])
}

/// Copies the tokenizer, the keys that a later `--against` compares with, and where the validated
/// documents are from. Where one of the inputs does not say that, the output does not either.
fn copy_files(out: &Path, inputs: &[Source]) -> Result<(Vec<PartEntry>, Vec<PartEntry>)> {
    let copy = |from: PathBuf, to: PathBuf| {
        let bytes =
            std::fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        atomic::write(&to, &bytes)?;
        Ok::<_, anyhow::Error>(())
    };
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        copy(inputs[0].dir.join(file), out.join(file))?;
    }
    let dedup = out.join("dedup");
    std::fs::create_dir_all(&dedup).with_context(|| format!("cannot make {}", dedup.display()))?;
    let (mut keys, mut from) = (Vec::new(), Vec::new());
    let all = |of: fn(&ShardManifest) -> &[PartEntry],
               name: fn(usize) -> String,
               copied: &mut Vec<PartEntry>| {
        for input in inputs {
            for entry in of(&input.manifest) {
                let file = name(copied.len());
                check_file(&input.dir, &entry.file, entry.bytes, &entry.xxh3).with_context(
                    || {
                        format!(
                            "{} is missing or damaged; restore it, or shard its corpus again",
                            input.dir.join(&entry.file).display()
                        )
                    },
                )?;
                copy(input.dir.join(&entry.file), out.join(&file))?;
                copied.push(PartEntry {
                    file,
                    ..entry.clone()
                });
            }
        }
        Ok::<_, anyhow::Error>(())
    };
    all(
        |manifest| &manifest.keys,
        |number| format!("dedup/keys-{number:05}.arrow"),
        &mut keys,
    )?;
    let mut manifests = inputs.iter().map(|input| &input.manifest);
    if manifests.all(|manifest| manifest.val.documents == 0 || !manifest.origins.is_empty()) {
        let folder = out.join(origins::FOLDER);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        all(|manifest| &manifest.origins, origins::file, &mut from)?;
    }
    Ok((keys, from))
}
