//! First pass over the corpus: each document's keys, the bands of its signature, and the verdict of
//! the rules.

use super::classifier::NO_LABEL;
use super::edit::{self, Edited};
use super::units::{Unit, Units};
use super::work::BatchWriter;
use super::{DedupMode, Job, benchmarks};
use crate::decontaminate::FEWEST_SHARED;
use crate::dedup::{keys, minhash};
use crate::document::{Content, Document, Kind};
use crate::filter::{Reason, Verdict};
use crate::shard::labels;
use crate::{atomic, interrupt, ordered};
use anyhow::Result;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, RecordBatch,
    StringBuilder, UInt8Builder, UInt64Builder,
};
use arrow::datatypes::{Float64Type, UInt8Type, UInt64Type};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// Why a document goes that the weight of its source leaves out.
pub const SAMPLED_OUT: &str = "sampled_out";

/// What the scan says of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanned {
    /// Equal for copies.
    pub content: u128,
    /// Equal for copies and for answers to the same question.
    pub group: u128,
    /// Equal for conversations that begin with the same question; decides the split.
    pub own_split: u128,
    /// The same, or that of the documents that it is related to.
    pub split: u128,
    /// Equal for conversations with the same system prompt.
    pub system: u64,
    /// The document's id.
    pub id: [u8; 16],
    /// Unicode scalar values of the content.
    pub characters: u64,
    /// The document's kind.
    pub kind: Kind,
    /// Hash of the name of its source.
    pub source: u64,
    /// Whether `--val-source` names its source.
    pub of_val_source: bool,
    /// Why a rule drops it: name, measured value, threshold.
    pub dropped: Option<(String, f64, f64)>,
}

const KINDS: [Kind; 3] = [Kind::Text, Kind::Chat, Kind::Preference];

/// Scans the parts that have not been scanned yet.
///
/// # Errors
/// When the corpus is damaged or the work directory cannot be written.
pub fn run(job: &Job) -> Result<()> {
    let done = |part| job.work.part("scan", part).exists();
    let earlier = job.earlier.units();
    let todo =
        Units::missing(&job.corpus, done).and(earlier.into_iter().filter(|unit| !done(unit.part)));
    let progress = job.progress("filter", &todo);
    let mut open: Option<[BatchWriter; 2]> = None;
    let mut listed = String::new();
    ordered::map_fold(
        job.context.threads,
        todo.iter().map(|unit| Ok(*unit)),
        |unit: Unit| Ok((unit, scan(job, unit)?)),
        |(unit, (batches, contaminated))| {
            interrupt::check()?;
            listed += &contaminated;
            // The scan is committed last: where it stands, the part is done.
            let writers = open.get_or_insert_with(|| {
                ["bands", "scan"].map(|stage| BatchWriter::new(job.work.part(stage, unit.part)))
            });
            for (writer, batch) in writers.iter_mut().zip(&batches) {
                if batch.num_rows() > 0 {
                    writer.write(batch)?;
                }
            }
            progress.add(unit.bytes);
            if unit.last
                && let Some(writers) = open.take()
            {
                if job.benchmarks.is_some() {
                    let path = job.work.part("contamination", unit.part);
                    atomic::write(&path, std::mem::take(&mut listed).as_bytes())?;
                }
                for writer in writers {
                    writer.commit()?;
                }
            }
            Ok(())
        },
    )?;
    progress.finish();
    Ok(())
}

/// The hash by which a source is known between the stages.
#[must_use]
pub fn source_hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

/// The bands and the scan of one unit, and the lines of `contamination.jsonl` for it.
fn scan(job: &Job, unit: Unit) -> Result<([RecordBatch; 2], String)> {
    let edits = job.edits();
    let mut contaminated = String::new();
    let mut content = FixedSizeBinaryBuilder::new(16);
    let mut group = FixedSizeBinaryBuilder::new(16);
    let mut split = FixedSizeBinaryBuilder::new(16);
    let mut system = UInt64Builder::new();
    let mut id = FixedSizeBinaryBuilder::new(16);
    let mut characters = UInt64Builder::new();
    let mut kind = UInt8Builder::new();
    let mut rule = StringBuilder::new();
    let mut value = Float64Builder::new();
    let mut threshold = Float64Builder::new();
    let mut source = UInt64Builder::new();
    let mut of_val_source = BooleanBuilder::new();
    let near = job.options.dedup == DedupMode::Near;
    let own = unit.part < job.corpus.parts.len();
    let mut look = Look::new(job);
    let mut bands = FixedSizeBinaryBuilder::new(8 * job.options.recall.bands() as i32);
    unit.for_each(job, |mut document: Document, mut edited: Edited| {
        if own {
            edits.judge(&document, &mut edited);
            if let (Some(benchmarks), false) = (&job.benchmarks, edited.hits.is_empty()) {
                contaminated += &benchmarks::listed(benchmarks, &document, &edited)?;
            }
        } else if !job.earlier.is_edited(unit.part) {
            edit::clean(&job.filters, &mut document, &mut edited.changes);
        }
        let scanned = look.at(&document, own.then_some(&edited))?;
        source.append_value(scanned.source);
        of_val_source.append_value(scanned.of_val_source);
        // Only texts: questions of one pattern differ in a word or a number, which is their content.
        let signed = near && scanned.kind == Kind::Text;
        match signed
            .then(|| minhash::bands(&look.key, job.options.recall))
            .flatten()
        {
            Some(hashes) => {
                let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
                bands.append_value(bytes)?;
            }
            None => bands.append_null(),
        }
        content.append_value(scanned.content.to_be_bytes())?;
        group.append_value(scanned.group.to_be_bytes())?;
        split.append_value(scanned.split.to_be_bytes())?;
        system.append_value(scanned.system);
        id.append_value(scanned.id)?;
        characters.append_value(scanned.characters);
        let place = KINDS.iter().position(|kind| *kind == scanned.kind);
        kind.append_value(place.unwrap_or(0) as u8);
        let (name, measured, limit) = match scanned.dropped {
            Some((name, measured, limit)) => (Some(name), Some(measured), Some(limit)),
            None => (None, None, None),
        };
        rule.append_option(name);
        value.append_option(measured);
        threshold.append_option(limit);
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
        ("source", Arc::new(source.finish())),
        ("of_val_source", Arc::new(of_val_source.finish())),
        ("system", Arc::new(system.finish())),
    ];
    let bands = batch(vec![("bands", Arc::new(bands.finish()))])?;
    Ok(([bands, batch(columns)?], contaminated))
}

/// Nullability is stated, so that every batch of a part has the same schema.
fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )?)
}

/// Looks at documents, one after the other.
pub struct Look<'a> {
    job: &'a Job<'a>,
    is_compared: bool,
    /// The comparison key of the last document, unless it was a text and nothing is compared.
    key: String,
}

impl<'a> Look<'a> {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(job: &'a Job<'a>) -> Self {
        Self {
            job,
            is_compared: job.compares(),
            key: String::new(),
        }
    }

    /// What is found of `document`: its keys, and the verdict of the rules if it is of the corpus itself and
    /// `edited` is given. Of an earlier set everything counts that is in it.
    ///
    /// # Errors
    /// When a classifier cannot read it.
    pub fn at(&mut self, document: &Document, edited: Option<&Edited>) -> Result<Scanned> {
        let job = self.job;
        let judged = edited.map(|edited| judge(job, document, edited));
        let (mut reason, cleaned) = judged.transpose()?.unwrap_or_default();
        let document = cleaned.as_ref().unwrap_or(document);
        self.key.clear();
        let found = match &document.content {
            Content::Text(text) if !self.is_compared => keys::of_bytes(text),
            content => keys::of_with(content, &mut self.key),
        };
        if edited.is_some() && reason.is_none() {
            let left_out = job.weights.leaves_out(&document.source, found.content);
            reason = left_out.map(|(value, threshold)| Reason {
                rule: SAMPLED_OUT,
                value,
                threshold,
            });
        }
        Ok(Scanned {
            content: found.content,
            group: found.group,
            own_split: found.split,
            split: found.split,
            system: found.system,
            id: document.id.0,
            characters: document.content.characters(),
            kind: document.content.kind(),
            source: source_hash(&document.source),
            of_val_source: job.val_sources.is_match(&document.source),
            dropped: reason.map(|reason| (reason.rule.to_owned(), reason.value, reason.threshold)),
        })
    }
}

/// Why `document` is dropped, if it is; and the document without what C4 cuts out of it, if that cuts.
fn judge(
    job: &Job,
    document: &Document,
    edited: &Edited,
) -> Result<(Option<Reason>, Option<Document>)> {
    if edited.contaminated {
        let shared = edited.hits.iter().map(|hit| hit.shared).max().unwrap_or(0);
        let reason = Reason {
            rule: "contaminated",
            value: f64::from(shared),
            threshold: f64::from(FEWEST_SHARED),
        };
        return Ok((Some(reason), None));
    }
    let (verdict, cleaned) = job.filters.apply(document);
    let cleaned = cleaned.map(|cleaned| Document {
        content: Content::Text(cleaned.text),
        ..document.clone()
    });
    let document = cleaned.as_ref().unwrap_or(document);
    let field = job.options.label_field.as_ref();
    let reason = if let Verdict::Drop(reason) = verdict {
        Some(reason)
    } else if field.is_some_and(|field| labels::of(document, field).is_none()) {
        Some(Reason {
            rule: NO_LABEL,
            value: 0.0,
            threshold: 1.0,
        })
    } else if let Some(classifier) = &job.classifier {
        classifier.judge(document)?
    } else {
        None
    };
    Ok((reason, cleaned))
}

/// The bands of row `row` of a batch of bands, if the document has any.
#[must_use]
pub fn bands(batch: &RecordBatch, row: usize) -> Option<&[u8]> {
    let bands = batch.column(0).as_fixed_size_binary();
    bands.is_valid(row).then(|| bands.value(row))
}

/// The keys of documents that are no texts, for later runs to compare with.
#[derive(Default)]
pub struct KeyColumns(Vec<(Scanned, u8)>);

impl KeyColumns {
    /// Adds a document that stays, unless it is a text: the tokens of a text hold all of it.
    pub fn append(&mut self, scanned: Scanned) {
        if scanned.kind != Kind::Text {
            let kind = u8::from(scanned.kind == Kind::Preference) + 1;
            self.0.push((scanned, kind));
        }
    }

    /// The columns: content and group (keys), id, characters, kind.
    ///
    /// # Errors
    /// Never, unless memory is short.
    pub fn finish(self) -> Result<RecordBatch> {
        let sixteen = |of: fn(&Scanned) -> [u8; 16]| -> Result<ArrayRef> {
            let mut column = FixedSizeBinaryBuilder::with_capacity(self.0.len(), 16);
            for (scanned, _) in &self.0 {
                column.append_value(of(scanned))?;
            }
            Ok(Arc::new(column.finish()))
        };
        let mut characters = UInt64Builder::new();
        let mut kinds = StringBuilder::new();
        for (scanned, kind) in &self.0 {
            characters.append_value(scanned.characters);
            kinds.append_value(KINDS[usize::from(*kind)].name());
        }
        batch(vec![
            (
                "content_key",
                sixteen(|scanned| scanned.content.to_be_bytes())?,
            ),
            (
                "question_key",
                sixteen(|scanned| scanned.group.to_be_bytes())?,
            ),
            ("document_id", sixteen(|scanned| scanned.id)?),
            ("characters", Arc::new(characters.finish())),
            ("kind", Arc::new(kinds.finish())),
        ])
    }
}

/// What [`KeyColumns`] wrote.
#[must_use]
pub fn of_keys(batch: &RecordBatch) -> Vec<Scanned> {
    let bytes = |i: usize, row: usize| -> [u8; 16] {
        let mut out = [0; 16];
        out.copy_from_slice(batch.column(i).as_fixed_size_binary().value(row));
        out
    };
    let kinds = batch.column(4).as_string::<i32>();
    (0..batch.num_rows())
        .map(|row| Scanned {
            content: u128::from_be_bytes(bytes(0, row)),
            group: u128::from_be_bytes(bytes(1, row)),
            own_split: u128::from_be_bytes(bytes(1, row)),
            split: u128::from_be_bytes(bytes(1, row)),
            system: 0,
            id: bytes(2, row),
            characters: batch.column(3).as_primitive::<UInt64Type>().value(row),
            kind: Kind::from_name(kinds.value(row)).unwrap_or(Kind::Chat),
            source: 0,
            of_val_source: false,
            dropped: None,
        })
        .collect()
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
            own_split: u128::from_be_bytes(bytes(8, row)),
            split: u128::from_be_bytes(bytes(8, row)),
            system: batch.column(11).as_primitive::<UInt64Type>().value(row),
            source: batch.column(9).as_primitive::<UInt64Type>().value(row),
            of_val_source: batch.column(10).as_boolean().value(row),
            characters: batch.column(3).as_primitive::<UInt64Type>().value(row),
            kind: KINDS[usize::from(batch.column(4).as_primitive::<UInt8Type>().value(row)).min(2)],
            dropped: rule
                .is_valid(row)
                .then(|| (rule.value(row).to_owned(), number(6, row), number(7, row))),
        })
        .collect()
}
