//! First pass over the corpus: each document's keys and the verdict of the rules.

use super::Job;
use super::benchmarks;
use super::edit::Edited;
use super::units::{Unit, Units};
use super::work::BatchWriter;
use crate::decontaminate::FEWEST_SHARED;
use crate::dedup::keys;
use crate::document::{Content, Document, Kind};
use crate::filter::{Reason, Verdict};
use crate::{atomic, interrupt, ordered};
use anyhow::Result;
use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, Float64Builder, RecordBatch, StringBuilder,
    UInt8Builder, UInt64Builder,
};
use arrow::datatypes::{Float64Type, UInt8Type, UInt64Type};
use std::sync::Arc;

/// What the scan says of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanned {
    /// Equal for copies.
    pub content: u128,
    /// Equal for copies and for answers to the same question.
    pub group: u128,
    /// Equal for conversations that begin with the same question; decides the split.
    pub split: u128,
    /// The document's id.
    pub id: [u8; 16],
    /// Unicode scalar values of the content.
    pub characters: u64,
    /// The document's kind.
    pub kind: Kind,
    /// Why a rule drops it: name, measured value, threshold.
    pub dropped: Option<(String, f64, f64)>,
}

const KINDS: [Kind; 3] = [Kind::Text, Kind::Chat, Kind::Preference];

/// Scans the parts that have not been scanned yet.
///
/// # Errors
/// When the corpus is damaged or the work directory cannot be written.
pub fn run(job: &Job) -> Result<()> {
    let todo = Units::missing(&job.corpus, |part| job.work.part("scan", part).exists());
    let progress = job.progress("filter", &todo);
    let mut open: Option<BatchWriter> = None;
    let mut listed = String::new();
    ordered::map_fold(
        job.context.threads,
        todo.iter().map(|unit| Ok(*unit)),
        |unit: Unit| Ok((unit, scan(job, unit)?)),
        |(unit, (batch, contaminated))| {
            interrupt::check()?;
            listed += &contaminated;
            let writer =
                open.get_or_insert_with(|| BatchWriter::new(job.work.part("scan", unit.part)));
            if batch.num_rows() > 0 {
                writer.write(&batch)?;
            }
            progress.add(unit.bytes);
            if unit.last
                && let Some(writer) = open.take()
            {
                if job.benchmarks.is_some() {
                    let path = job.work.part("contamination", unit.part);
                    atomic::write(&path, std::mem::take(&mut listed).as_bytes())?;
                }
                writer.commit()?;
            }
            Ok(())
        },
    )?;
    progress.finish();
    Ok(())
}

/// The scan of a unit, and the lines of `contamination.jsonl` for it.
fn scan(job: &Job, unit: Unit) -> Result<(RecordBatch, String)> {
    let edits = job.edits();
    let mut contaminated = String::new();
    let mut content = FixedSizeBinaryBuilder::new(16);
    let mut group = FixedSizeBinaryBuilder::new(16);
    let mut split = FixedSizeBinaryBuilder::new(16);
    let mut id = FixedSizeBinaryBuilder::new(16);
    let mut characters = UInt64Builder::new();
    let mut kind = UInt8Builder::new();
    let mut rule = StringBuilder::new();
    let mut value = Float64Builder::new();
    let mut threshold = Float64Builder::new();
    unit.for_each(job, |mut document: Document, mut edited: Edited| {
        edits.judge(&document, &mut edited);
        if let (Some(benchmarks), false) = (&job.benchmarks, edited.hits.is_empty()) {
            contaminated += &benchmarks::listed(benchmarks, &document, &edited)?;
        }
        let reason = judge(job, &mut document, &edited);
        let found = keys::of(&document.content);
        content.append_value(found.content.to_be_bytes())?;
        group.append_value(found.group.to_be_bytes())?;
        split.append_value(found.split.to_be_bytes())?;
        id.append_value(document.id.0)?;
        characters.append_value(document.content.characters());
        kind.append_value(
            KINDS
                .iter()
                .position(|kind| *kind == document.content.kind())
                .unwrap_or(0) as u8,
        );
        rule.append_option(reason.map(|reason| reason.rule));
        value.append_option(reason.map(|reason| reason.value));
        threshold.append_option(reason.map(|reason| reason.threshold));
        Ok(())
    })?;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("content", Arc::new(content.finish())),
        ("group", Arc::new(group.finish())),
        ("id", Arc::new(id.finish())),
        ("characters", Arc::new(characters.finish())),
        ("kind", Arc::new(kind.finish())),
        ("rule", Arc::new(rule.finish())),
        ("value", Arc::new(value.finish())),
        ("threshold", Arc::new(threshold.finish())),
        ("split", Arc::new(split.finish())),
    ];
    // Nullability is stated, so that every batch of a part has the same schema.
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )?;
    Ok((batch, contaminated))
}

/// Why `document` is dropped, if it is; what C4 cuts out of it if it stays is cut.
fn judge(job: &Job, document: &mut Document, edited: &Edited) -> Option<Reason> {
    if edited.contaminated {
        let shared = edited.hits.iter().map(|hit| hit.shared).max().unwrap_or(0);
        return Some(Reason {
            rule: "contaminated",
            value: f64::from(shared),
            threshold: f64::from(FEWEST_SHARED),
        });
    }
    let (verdict, cleaned) = job.filters.apply(document);
    if let Some(cleaned) = cleaned {
        document.content = Content::Text(cleaned.text);
    }
    match verdict {
        Verdict::Keep => None,
        Verdict::Drop(reason) => Some(reason),
    }
}

/// The rows of one batch of a scan.
#[must_use]
pub fn rows(batch: &RecordBatch) -> Vec<Scanned> {
    let bytes = |i: usize, row: usize| -> [u8; 16] {
        let mut out = [0; 16];
        out.copy_from_slice(batch.column(i).as_fixed_size_binary().value(row));
        out
    };
    let rule = batch.column(5).as_string::<i32>();
    let number = |i: usize, row: usize| batch.column(i).as_primitive::<Float64Type>().value(row);
    (0..batch.num_rows())
        .map(|row| Scanned {
            content: u128::from_be_bytes(bytes(0, row)),
            group: u128::from_be_bytes(bytes(1, row)),
            id: bytes(2, row),
            split: u128::from_be_bytes(bytes(8, row)),
            characters: batch.column(3).as_primitive::<UInt64Type>().value(row),
            kind: KINDS[usize::from(batch.column(4).as_primitive::<UInt8Type>().value(row)).min(2)],
            dropped: rule
                .is_valid(row)
                .then(|| (rule.value(row).to_owned(), number(6, row), number(7, row))),
        })
        .collect()
}
