//! `prep tokenizer compare`: several tokenizers on the same texts, and what each would cost.
//!
//! ```text
//! sample ─ batches ─▶ encode (measure) ─▶ sums by language ─┐
//! plan's formulas, one body of layers ──▶ costs ────────────┴▶ Report ─▶ advice in words
//! ```
//!
//! One tokenizer is in memory at a time; the sample is read again for each. Texts are encoded without
//! BOS and EOS. All figures but the rate are the same for any number of threads.

mod advice;
mod measure;
#[cfg(test)]
mod tests;

use crate::cmd::Context;
use crate::model::{self, Config};
use crate::plan::Lang;
use crate::plan::Shape;
use crate::sample::{Inputs, Sampled};
use crate::tokenize::{EncodePath, Spelt, TokenKind, Tokenizer};
use anyhow::{Context as _, Result, bail, ensure};
pub use measure::Figures;
use measure::Measured;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Share of texts that a tokenizer must give back to be recommended.
pub const LOSSLESS: f64 = 0.999;

/// A comparison.
#[derive(Clone, Debug)]
pub struct Options {
    /// A corpus, or files.
    pub inputs: Vec<PathBuf>,
    /// Files or folders of tokenizers, the first to which others are compared.
    pub tokenizers: Vec<PathBuf>,
    /// Bytes of content to encode, about.
    pub sample_bytes: u64,
    /// Preset or config.json whose layers the model has.
    pub model: String,
    /// Tokens of a sequence.
    pub seq_len: u64,
    /// Language of the recommendation.
    pub lang: Lang,
}

/// What `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always `tokenizer compare`.
    pub command: &'static str,
    /// What was encoded, by language.
    pub sample: BTreeMap<String, Sampled>,
    /// Preset or file of the model that costs are told for.
    pub model: String,
    /// Its parameters without token table and head.
    pub body_parameters: u64,
    /// Width of a row of its token table.
    pub hidden_size: u64,
    /// Whether its token table is also its head.
    pub tied: bool,
    /// Tokens of a sequence.
    pub seq_len: u64,
    /// The tokenizers, as they were given.
    pub tokenizers: Vec<Row>,
    /// Place of the recommended one among them, from 0.
    pub recommended: usize,
    /// Why, in sentences.
    pub reasons: Vec<String>,
}

/// Entries of the vocabulary that the sample does not use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Unused {
    /// How many: an upper bound, since a larger sample uses more.
    pub tokens: u64,
    /// Share of the ordinary tokens, 0 to 1.
    pub share: f64,
}

/// One tokenizer.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// File or folder.
    pub file: String,
    /// Highest id + 1.
    pub vocab_size: u32,
    /// Whether prep's fast path takes it.
    pub fast_path: bool,
    /// Figures of all texts.
    pub total: Figures,
    /// The same by language.
    pub by_language: BTreeMap<String, Figures>,
    /// Share of the texts whose first 2 kB decoding gives back exactly, 0 to 1.
    pub lossless_share: f64,
    /// Ordinary tokens that no text has.
    pub unused: Unused,
    /// Parameters of token table and head.
    pub embedding_parameters: u64,
    /// Their share of the model, 0 to 1.
    pub embedding_share: f64,
    /// Tokens less than those of the tokenizer that makes most, as a share of these: as much more text
    /// fits a context.
    pub context_saved: f64,
    /// Bytes of text in a sequence.
    pub bytes_per_sequence: f64,
    /// FLOPs to train once on the sample.
    pub training_flops: f64,
    /// The same divided by the least of all tokenizers that give the texts back.
    pub relative_cost: f64,
    /// Bytes of text encoded in a second by one thread. It depends on the machine.
    pub bytes_per_second: f64,
}

/// Encodes the sample with each tokenizer, and compares.
///
/// # Errors
/// When an input, a tokenizer or the model cannot be read.
pub fn run(options: &Options, context: &Context) -> Result<Report> {
    ensure!(
        !options.tokenizers.is_empty(),
        "give at least one --tokenizer"
    );
    let config = config(&options.model)?;
    let inputs = Inputs::open(&options.inputs, context)?;
    let plan = inputs.plan(&[], options.sample_bytes)?;
    let mut sample = None;
    let mut rows = Vec::new();
    for path in &options.tokenizers {
        let tokenizer = Tokenizer::open(path)?;
        let mut texts = inputs.sample(&plan, context.seed);
        let label = format!("encode {}", name(path));
        let measured = measure::run(&tokenizer, &mut texts, plan.bytes(), &label, context)
            .with_context(|| path.display().to_string())?;
        let taken = texts.finish()?;
        ensure!(
            taken.values().any(|taken| taken.bytes > 0),
            "no text is in the sample: give a larger --sample-bytes"
        );
        sample = Some(taken);
        rows.push(row(path, &tokenizer, &measured, &config, options.seq_len));
    }
    relate(&mut rows);
    let shape = Shape::of(&config);
    let tables = if config.tied { 1 } else { 2 };
    let table = tables * (config.vocab_size * config.hidden_size) as u64;
    let mut report = Report {
        command: "tokenizer compare",
        sample: sample.unwrap_or_default(),
        model: options.model.clone(),
        body_parameters: shape.parameters as u64 - table,
        hidden_size: config.hidden_size as u64,
        tied: config.tied,
        seq_len: options.seq_len,
        recommended: advice::choose(&rows),
        tokenizers: rows,
        reasons: Vec::new(),
    };
    report.reasons = advice::reasons(&report, options.lang);
    Ok(report)
}

/// A model's configuration; its vocabulary is replaced by each tokenizer's.
fn config(name: &str) -> Result<Config> {
    if let Some(preset) = model::preset(name) {
        return Ok(preset.config(1 << 14, 1));
    }
    let path = Path::new(name);
    if !path.exists() {
        let names: Vec<&str> = model::PRESETS.iter().map(|preset| preset.name).collect();
        bail!(
            "--model: expected a preset ({}) or a config.json, got {name}, which is neither",
            names.join(", ")
        );
    }
    model::load_config(path, None)
}

/// The name of a file without its folders, or of a folder.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn row(
    path: &Path,
    tokenizer: &Tokenizer,
    measured: &Measured,
    config: &Config,
    seq_len: u64,
) -> Row {
    let total = measured.total();
    let figures = Figures::from(&total);
    let spelt = tokenizer.spelt();
    let config = Config {
        vocab_size: tokenizer.vocab_size() as usize,
        ..config.clone()
    };
    let shape = Shape::of(&config);
    let tables = if config.tied { 1 } else { 2 };
    let embedding_parameters = tables * (config.vocab_size * config.hidden_size) as u64;
    let per_token = shape.flops(seq_len as f64);
    Row {
        file: path.display().to_string(),
        vocab_size: tokenizer.vocab_size(),
        fast_path: matches!(tokenizer.encode_path(), EncodePath::Fast(_)),
        lossless_share: measured.given_back as f64 / measured.texts.max(1) as f64,
        unused: unused(&spelt, &measured.used),
        embedding_parameters,
        embedding_share: embedding_parameters as f64 / shape.parameters,
        context_saved: 0.0,
        bytes_per_sequence: figures.bytes_per_token * seq_len as f64,
        training_flops: total.tokens as f64 * (per_token.weights + per_token.attention),
        relative_cost: 0.0,
        bytes_per_second: total.bytes as f64 / measured.seconds.max(1e-9),
        by_language: (measured.by_language.iter())
            .map(|(language, sums)| (language.clone(), Figures::from(sums)))
            .collect(),
        total: figures,
    }
}

fn unused(spelt: &[Spelt], used: &[bool]) -> Unused {
    let ordinary = |token: &Spelt| matches!(token.kind, TokenKind::Text | TokenKind::ByteFallback);
    let all = spelt.iter().filter(|token| ordinary(token)).count() as u64;
    let idle = (spelt.iter().zip(used))
        .filter(|(token, used)| ordinary(token) && !**used)
        .count() as u64;
    Unused {
        tokens: idle,
        share: idle as f64 / all.max(1) as f64,
    }
}

/// Fills in what compares one tokenizer with the others.
fn relate(rows: &mut [Row]) {
    let most = rows.iter().map(|row| row.total.tokens).max().unwrap_or(0);
    let exact = rows.iter().filter(|row| row.lossless_share >= LOSSLESS);
    let least = |rows: &mut dyn Iterator<Item = &Row>| {
        rows.map(|row| row.training_flops).min_by(f64::total_cmp)
    };
    let least = least(&mut exact.into_iter())
        .or_else(|| least(&mut rows.iter()))
        .unwrap_or(1.0);
    for row in rows {
        row.context_saved = 1.0 - row.total.tokens as f64 / most.max(1) as f64;
        row.relative_cost = row.training_flops / least.max(1.0);
    }
}
