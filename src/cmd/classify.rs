//! `prep classify`: the label of each document, by a trained classifier.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use super::device::{DeviceArg, on_device};
use crate::{
    classify::Classifier, cmd::Context, document::parquet::DocumentFile, exit::Exit,
    ingest::reject, interrupt, ops::Backend, output, progress::Unit, sample::Inputs,
};

/// Rejects that are named.
const NAMED: usize = 10;

/// Label documents with a classifier that `prep train --objective classify` made.
///
/// Prints a JSON line for each document, in order: its source and record, its likeliest label and the
/// probability of every label. A document of which nothing can be said (no token, or a chat that the
/// template refuses) has the label null. Records that cannot be read, empty texts among them, have no
/// line: they are counted and named on stderr, and the exit code is 1. With --json it prints one object
/// with the counts by label instead.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the classifier, or of adapters that make one of their base.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// A corpus directory that `prep ingest` wrote, or files and folders in any format that it reads.
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    device: DeviceArg,
}

/// Runs the command.
///
/// # Errors
/// When the model is no classifier, a source cannot be read, or the device fails.
pub fn run(args: &Args, ctx: &Context) -> Result<Exit> {
    let device = args.device.choose(ctx)?;
    on_device!(&device, backend => label(backend, args, ctx))
}

fn label<B: Backend>(backend: &B, args: &Args, ctx: &Context) -> Result<Exit> {
    let classifier = Classifier::open(backend, &args.model)?;
    let inputs = Inputs::open(&args.sources, ctx)?;
    let documents = inputs.report().ledgers.ledger.kept.records;
    let progress = ctx.progress("label", Unit::Documents, Some(documents));
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let (mut all, mut unlabelled) = (0_u64, 0_u64);
    for part in &inputs.manifest().documents {
        for document in DocumentFile::open(&inputs.dir().join(&part.file))?.documents() {
            interrupt::check()?;
            let document = document?;
            let found = classifier.probabilities(backend, &document.content)?;
            let mut line = json!({
                "document_id": document.id.to_string(),
                "source": document.source,
                "record": document.record,
                "label": null,
                "probability": null,
                "probabilities": null,
            });
            all += 1;
            progress.add(1);
            if let Some(found) = found {
                let named = classifier.labels().iter().zip(&found);
                let mut best = (&String::new(), f64::NEG_INFINITY);
                for (label, &probability) in named.clone() {
                    if probability > best.1 {
                        best = (label, probability);
                    }
                }
                line["label"] = json!(best.0);
                line["probability"] = json!(best.1);
                let each = named.map(|(label, p)| (label.clone(), json!(p)));
                line["probabilities"] = Value::Object(each.collect());
                *counts.entry(best.0.clone()).or_default() += 1;
            } else {
                unlabelled += 1;
            }
            if !ctx.json {
                output::data(&line.to_string());
            }
        }
    }
    progress.finish();
    let rejected = rejected(&inputs, ctx)?;
    if ctx.json {
        let report = json!({
            "command": "classify",
            "documents": all,
            "by_label": counts,
            "unlabelled": unlabelled,
            "rejected": rejected,
        });
        output::data(&report.to_string());
    }
    Ok(if rejected.is_empty() {
        Exit::Done
    } else {
        Exit::Rejects
    })
}

/// Names what could not be read of files, and counts it by its error; the rejects of a corpus were told
/// when it was made.
fn rejected(inputs: &Inputs, ctx: &Context) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    if !inputs.is_of_occasion() {
        return Ok(counts);
    }
    for (error, count) in &inputs.report().ledgers.ledger.rejected {
        counts.insert(error.clone(), count.records);
    }
    let all: u64 = counts.values().sum();
    if all > 0 {
        ctx.note(&format!(
            "{all} records could not be read and have no label:"
        ));
    }
    let mut named = 0;
    for part in &inputs.manifest().rejects {
        let lines = reject::first(&inputs.dir().join(&part.file), NAMED - named)?;
        named += lines.len();
        for line in &lines {
            ctx.note(&format!("  {line}"));
        }
        if named == NAMED {
            break;
        }
    }
    if all > named as u64 {
        ctx.note("  …  (`prep ingest` of the same files lists all of them)");
    }
    Ok(counts)
}
