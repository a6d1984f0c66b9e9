//! `prep synth`: text and Q&A of any volume, with copies planted and the truth about them written.
//!
//! ```text
//! numbers ─128 a batch─▶ workers: role, words, copies, similarities ─▶ data/, truth.jsonl
//!                                                                in order
//! ```
//!
//! For measurements of speed, memory and of the search for copies at sizes that real text of known
//! truth does not have. The words are those of prose and so are their frequencies (1 / rank) and
//! the lengths of sentences and documents, but there is no meaning: a language model learns
//! nothing from it. Memory: `2 * threads + 2` batches of about 1 MB and two vocabularies, about
//! 30 MB, whatever the volume.

mod edit;
mod exchange;
mod files;
pub mod jaccard;
pub mod language;
mod maker;
pub mod plant;
mod prose;
mod rng;
mod spread;
#[cfg(test)]
mod tests;
pub mod truth;
mod vocabulary;

use crate::cmd::Context;
use crate::progress::Unit;
use crate::run_dir::{self, Found};
use crate::{atomic, interrupt, ordered};
use anyhow::{Context as _, Result};
use files::{Batch, Files, Item};
use language::Language;
use maker::{BATCH, Maker, Mix, Records};
use plant::Shares;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use truth::Truth;

/// Which files are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Plain text, documents apart by two blank lines.
    Txt,
    /// One `{"id": …, "text": …}` a line.
    Jsonl,
    /// Questions and answers in five shapes, one a line.
    Qa,
    /// All three, about the same bytes of each.
    Mixed,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Jsonl => "jsonl",
            Self::Qa => "qa",
            Self::Mixed => "mixed",
        }
    }

    /// A text is about four times as long as an exchange, hence four batches of exchanges.
    fn mix(self) -> Mix {
        use Records::{Jsonl, Qa, Txt};
        Mix(match self {
            Self::Txt => &[Txt],
            Self::Jsonl => &[Jsonl],
            Self::Qa => &[Qa],
            Self::Mixed => &[Txt, Qa, Qa, Jsonl, Qa, Qa],
        })
    }
}

/// What to make; everything here and the seed decide the bytes.
pub struct Options {
    /// The directory to write.
    pub out: PathBuf,
    /// Bytes of all files; the last document is whole.
    pub bytes: u64,
    /// Bytes after which a file ends.
    pub file_bytes: u64,
    /// Which files.
    pub format: Format,
    /// Languages, each in as many documents as the others.
    pub languages: Vec<&'static Language>,
    /// Shares of planted documents.
    pub shares: Shares,
}

impl Options {
    fn config(&self, seed: u64) -> serde_json::Value {
        let languages: Vec<_> = self
            .languages
            .iter()
            .map(|language| language.code)
            .collect();
        serde_json::json!({
            "command": "synth", "seed": seed, "bytes": self.bytes, "file_bytes": self.file_bytes,
            "format": self.format.name(), "languages": languages, "shares": self.shares,
        })
    }
}

/// A file that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name below the output directory.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Documents in it.
    pub documents: u64,
    /// xxh3-128 of its bytes, hexadecimal.
    pub xxh3: String,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Bytes of all files.
    pub bytes: u64,
    /// Documents in them.
    pub documents: u64,
    /// Documents by kind of plant; `none` are the ordinary ones.
    pub plants: BTreeMap<String, u64>,
    /// Documents by language.
    pub languages: BTreeMap<String, u64>,
    /// The files.
    pub files: Vec<FileEntry>,
}

impl Report {
    fn add(&mut self, truth: &Truth, bytes: u64) {
        self.bytes += bytes;
        self.documents += 1;
        for (counts, name) in [
            (&mut self.plants, &truth.plant),
            (&mut self.languages, &truth.language),
        ] {
            match counts.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(counts.insert(name.clone(), 1)),
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    format: String,
    version: u32,
    prep_version: String,
    config: serde_json::Value,
    report: Report,
}

/// Makes the corpus, or finds that it is made already. An interrupted run begins again: 1 GB takes
/// about 15 s of one core.
///
/// # Errors
/// When the output directory is another run's or writing fails.
pub fn run(options: &Options, context: &Context) -> Result<Report> {
    let config = options.config(context.seed);
    if let Found::Finished = run_dir::open(&options.out, &config)? {
        context.note(&format!("{} is made already", options.out.display()));
        return finished(options);
    }
    let state = serde_json::json!({ "config": config });
    atomic::write_json(&run_dir::state_path(&options.out), &state)?;
    let maker = Maker::new(
        context.seed,
        options.shares,
        options.format.mix(),
        &options.languages,
    );
    let mut files = Files::new(&options.out, options.bytes, options.file_bytes)?;
    let progress = context.progress("synth", Unit::Bytes, Some(options.bytes));
    let enough = AtomicBool::new(options.bytes == 0);
    let batches = (0..)
        .take_while(|_| !enough.load(Ordering::Relaxed))
        .map(|batch: u64| Ok(batch * BATCH));
    ordered::map_fold(
        context.threads,
        batches,
        |first| batch(&maker, first),
        |batch| {
            interrupt::check()?;
            progress.add(batch.bytes.len() as u64);
            // What comes behind the last byte was made in vain, whatever the number of threads.
            files.write(batch)?;
            enough.store(files.is_full(), Ordering::Relaxed);
            Ok(())
        },
    )?;
    let report = files.finish()?;
    progress.finish();
    let manifest = Manifest {
        format: "prep-synth".to_owned(),
        version: 1,
        prep_version: env!("CARGO_PKG_VERSION").to_owned(),
        config,
        report,
    };
    atomic::write_json(&run_dir::manifest_path(&options.out), &manifest)?;
    let _ = std::fs::remove_file(run_dir::state_path(&options.out));
    Ok(manifest.report)
}

fn finished(options: &Options) -> Result<Report> {
    let path = run_dir::manifest_path(&options.out);
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    Ok(manifest.report)
}

/// The documents of the batch that begins with number `first`.
fn batch(maker: &Maker, first: u64) -> Result<Batch> {
    let records = maker.records(first);
    let (mut bytes, mut items) = (Vec::with_capacity(2 << 20), Vec::new());
    for number in first..first + BATCH {
        let made = maker.make(number);
        let truth = Truth::of(number, &made);
        match (&made.content, made.shape) {
            (content, Some(shape)) => shape.write(&truth.id, content, &mut bytes)?,
            (content, None) => {
                let text = content.pieces().next().unwrap_or_default();
                if records == Records::Txt {
                    bytes.extend(text.as_bytes());
                    bytes.extend(b"\n\n\n");
                } else {
                    let line = Line {
                        id: &truth.id,
                        text,
                    };
                    serde_json::to_writer(&mut bytes, &line)?;
                    bytes.push(b'\n');
                }
            }
        }
        items.push(Item {
            truth,
            end: bytes.len(),
        });
    }
    Ok(Batch {
        records,
        bytes,
        items,
    })
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    text: &'a str,
}
