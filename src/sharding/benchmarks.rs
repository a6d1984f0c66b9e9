//! `--decontaminate`: benchmarks of any format that `prep ingest` reads, made ready for comparison.

use super::edit::Edited;
use super::work::Work;
use super::{Job, Options};
use crate::atomic;
use crate::cmd::Context;
use crate::corpus::CorpusManifest;
use crate::decontaminate::{Benchmarks, Builder, GRAM_WORDS};
use crate::document::Document;
use crate::document::id::hash_file;
use crate::document::parquet::DocumentFile;
use crate::ingest;
use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::PathBuf;

/// What is done with a document that holds a benchmark's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Remedy {
    /// It is dropped.
    Drop,
    /// Of a text, the lines that hold it are cut; a chat, or a text that would lose more than half of
    /// itself, is dropped.
    Trim,
}

impl Remedy {
    /// The name in flags and manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Trim => "trim",
        }
    }
}

/// Most items that are listed of one document.
const MOST_LISTED: usize = 10;

/// A line of `contamination.jsonl`: both places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// The document's id.
    pub document_id: String,
    /// Where it is from.
    pub source: String,
    /// 1-based number of its record there.
    pub record: u64,
    /// The benchmark's file.
    pub benchmark: String,
    /// 1-based number of the item's record there.
    pub benchmark_record: u64,
    /// Distinct 13-grams that both share; 0 where the very question is asked.
    pub shared_grams: u32,
    /// Share of the item's 13-grams that the document has.
    pub coverage: f64,
    /// `dropped` or `trimmed`.
    pub done: String,
}

/// The lines of `contamination.jsonl` for one document.
///
/// # Errors
/// When a number is none; a bug of prep.
pub fn listed(benchmarks: &Benchmarks, document: &Document, edited: &Edited) -> Result<String> {
    let mut lines = String::new();
    let done = if edited.contaminated {
        "dropped"
    } else {
        "trimmed"
    };
    for hit in edited.hits.iter().take(MOST_LISTED) {
        let item = &benchmarks.items()[hit.item as usize];
        lines += &serde_json::to_string(&Listed {
            document_id: document.id.to_string(),
            source: document.source.clone(),
            record: document.record,
            benchmark: item.file.clone(),
            benchmark_record: item.record,
            shared_grams: hit.shared,
            coverage: hit.coverage,
            done: done.to_owned(),
        })?;
        lines.push('\n');
    }
    Ok(lines)
}

/// Writes `contamination.jsonl`: the lines of all parts, in order. Returns how many there are.
///
/// # Errors
/// When the work directory is damaged or the file cannot be written.
pub fn write_list(job: &Job) -> Result<u64> {
    if job.benchmarks.is_none() {
        return Ok(0);
    }
    let mut lines = 0;
    atomic::write_with(&job.options.out.join("contamination.jsonl"), |out| {
        for part in 0..job.corpus.parts.len() {
            let path = job.work.part("contamination", part);
            let text =
                std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            lines += memchr::memchr_iter(b'\n', &text).count() as u64;
            out.write_all(&text)?;
        }
        Ok(())
    })?;
    Ok(lines)
}

/// Names and hashes of the files: other benchmarks give other shards.
///
/// # Errors
/// Names the file that cannot be read.
pub fn identity(files: &[PathBuf]) -> Result<serde_json::Value> {
    let mut all = Vec::new();
    for given in files {
        // Of a directory every file counts.
        for entry in walkdir::WalkDir::new(given).sort_by_file_name() {
            let entry = entry.with_context(|| format!("cannot read {}", given.display()))?;
            if !entry.file_type().is_dir() {
                let name = entry.file_name().to_string_lossy().into_owned();
                all.push(serde_json::json!([name, hash_file(entry.path())?]));
            }
        }
    }
    Ok(all.into())
}

/// Ingests the benchmarks into the work directory, and indexes them: `None` when there are none.
///
/// # Errors
/// When one of them, or a record of one, cannot be read.
pub fn load(options: &Options, work: &Work, context: &Context) -> Result<Option<Benchmarks>> {
    if options.decontaminate.is_empty() {
        return Ok(None);
    }
    let corpus = work.file("benchmarks");
    let sources = options
        .decontaminate
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let quiet = Context {
        quiet: true,
        ..context.clone()
    };
    let report = ingest::run(&ingest::Options::new(sources, corpus.clone()), &quiet)
        .context("cannot read the benchmarks of --decontaminate")?;
    // A benchmark that is read in part would leave the rest of it in the shards.
    let rejected = report.ledgers.ledger.rejected_total().records;
    ensure!(
        rejected == 0,
        "{rejected} records of the benchmarks of --decontaminate cannot be read; `prep ingest` on them says which and why"
    );
    let manifest = CorpusManifest::read(&corpus)?;
    let mut builder = Builder::default();
    for entry in &manifest.documents {
        for document in DocumentFile::open(&corpus.join(&entry.file))?.documents() {
            builder.add(&document?);
        }
    }
    let benchmarks = builder.build();
    let short = benchmarks.items().iter().filter(|item| item.grams == 0);
    let short = short.count() as u64;
    if short > 0 {
        context.note(&format!(
            "decontaminate: {} items have fewer than {GRAM_WORDS} words or are mostly numbers: they are found as whole texts or questions only",
            crate::units::grouped(short)
        ));
    }
    context.note(&format!(
        "decontaminate: {} items of {} files",
        crate::units::grouped(benchmarks.items().len() as u64),
        report.sources.len()
    ));
    Ok(Some(benchmarks))
}
