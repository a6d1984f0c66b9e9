//! `prep tokenizer train`: from a corpus to the files of a tokenizer. `prep tokenizer compare`: which of
//! several suits a text (`compare`).
//!
//! ```text
//! corpus ─ seeded sample by language ─▶ Tokenizer::train_with ─▶ tokenizer.json …
//! ```
//!
//! The directory is finished when its `manifest.json` stands. There is nothing to resume: a killed run
//! begins again and ends with the same bytes.

pub mod compare;

use crate::atomic;
use crate::cmd::Context;
use crate::progress::Unit;
use crate::run_dir::{self, Found};
use crate::sample::{Inputs, LanguageWeight, Sampled};
use crate::tokenize::{Tokenizer, Training};
use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A training of a tokenizer.
#[derive(Clone, Debug)]
pub struct Options {
    /// Finished corpus directory.
    pub corpus: PathBuf,
    /// Directory to write.
    pub out: PathBuf,
    /// Bytes of content to train on, about.
    pub sample_bytes: u64,
    /// Shares of the sample by language; empty for those of the corpus.
    pub weights: Vec<LanguageWeight>,
    /// Name of the built-in chat template.
    pub chat_template: String,
    /// How it is trained.
    pub training: Training,
}

/// What `--json` prints, kept in the manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrainReport {
    /// Always `tokenizer train`.
    pub command: String,
    /// Highest id + 1.
    pub vocab_size: u32,
    /// xxh3-128 of what decides the ids.
    pub fingerprint: String,
    /// What it was trained on, by language.
    pub sample: BTreeMap<String, Sampled>,
}

/// Trains, or finds that it is done.
///
/// # Errors
/// When the output directory is another run's, the corpus cannot be read or has no text of a
/// language that has a share, or writing fails.
pub fn run(options: &Options, context: &Context) -> Result<TrainReport> {
    options.training.check()?;
    let inputs = Inputs::open(std::slice::from_ref(&options.corpus), context)?;
    let mut training = options.training.clone();
    training
        .special_tokens
        .extend(Tokenizer::tokens_of_template(&options.chat_template));
    let files: Vec<&str> = inputs
        .manifest()
        .documents
        .iter()
        .map(|part| part.xxh3.as_str())
        .collect();
    let config = json!({
        "seed": context.seed,
        "sample_bytes": options.sample_bytes,
        "weight_language": options.weights,
        "chat_template": options.chat_template,
        "training": training,
        "corpus": files,
    });
    if matches!(run_dir::open(&options.out, &config)?, Found::Finished) {
        let path = run_dir::manifest_path(&options.out);
        let found: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        return serde_json::from_value(found["report"].clone())
            .with_context(|| format!("{} is damaged; give another --out", path.display()));
    }
    atomic::write_json(
        &run_dir::state_path(&options.out),
        &json!({ "config": config }),
    )?;
    let plan = inputs
        .plan(&options.weights, options.sample_bytes)
        .with_context(|| format!("--weight-language, of {}", options.corpus.display()))?;
    let progress = context.progress("train tokenizer", Unit::Bytes, Some(plan.bytes()));
    let mut sample = inputs.sample(&plan, context.seed);
    let texts = std::iter::from_fn(|| sample.next_piece())
        .inspect(|piece| progress.add(piece.text.len() as u64))
        .map(|piece| (piece.text, piece.times));
    let tokenizer = Tokenizer::train_with(texts, &training);
    progress.finish();
    let sampled = sample.finish()?;
    ensure!(
        sampled.values().any(|sampled| sampled.documents > 0),
        "no document of {} is in the sample: give a larger --sample-bytes",
        options.corpus.display()
    );
    let tokenizer = tokenizer?.with_chat_template(&options.chat_template)?;
    tokenizer.save(&options.out)?;
    let report = TrainReport {
        command: "tokenizer train".to_owned(),
        vocab_size: tokenizer.vocab_size(),
        fingerprint: tokenizer.fingerprint().to_owned(),
        sample: sampled,
    };
    let manifest = json!({
        "format": "prep-tokenizer",
        "version": 1,
        "prep_version": env!("CARGO_PKG_VERSION"),
        "config": config,
        "report": report,
    });
    atomic::write_json(&run_dir::manifest_path(&options.out), &manifest)?;
    let state = run_dir::state_path(&options.out);
    std::fs::remove_file(&state).with_context(|| format!("cannot remove {}", state.display()))?;
    Ok(report)
}
