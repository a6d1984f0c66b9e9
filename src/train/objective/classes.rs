//! Labels of documents: how they lie in sequences, and how well a model tells them.
//!
//! A document is its first tokens, as many as a sequence takes, without its last one (the end of a
//! text, which says nothing): what `transformers` makes of a text, and what [`label`] asks of a model,
//! too. The head reads the last of them, which has seen all.
//!
//! Accuracy is the share of documents whose likeliest label is theirs. F1 of a label is the harmonic
//! mean of its precision and its recall, `2 tp / (2 tp + fp + fn)`, 0 where it is neither there nor
//! told; macro F1 is its mean over the labels, in which a rare label counts as much as a common one.

use std::{collections::HashMap, ops::AddAssign, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::places::{Place, Places, Stream};
use crate::{
    document::DocumentId,
    eval::Extent,
    model::{Batch, Model},
    ops::{Backend, Rope, Targets, log_share},
    shard::{Dataset, labels},
    train::{Loader, Scale, Sequences, TooLong, loader::Finish},
};

/// The labels of a shard directory, by document.
pub struct Labels {
    /// The field that they are from.
    pub field: String,
    /// Their names, sorted.
    pub names: Vec<String>,
    of: HashMap<DocumentId, u32>,
}

impl Labels {
    /// Reads the labels of shard directories, all of one field.
    ///
    /// # Errors
    /// When a directory has none, or those of another field.
    pub fn read(parts: &[(&Path, &Dataset)], field: Option<&str>) -> Result<Self> {
        let mut found: Option<String> = None;
        let mut named: Vec<(DocumentId, String)> = Vec::new();
        for &(dir, data) in parts {
            let asked = field.unwrap_or("FIELD");
            let entry = data.manifest().labels.as_ref().with_context(|| {
                format!(
                    "{}: its documents have no labels. Shard the corpus with --label-field {asked}",
                    dir.display()
                )
            })?;
            let field = field.or(found.as_deref()).unwrap_or(&entry.field);
            ensure!(
                entry.field == field,
                "{}: its labels are from the field {}, not {field}. Shard the corpus with \
                 --label-field {field}",
                dir.display(),
                entry.field
            );
            found = Some(entry.field.clone());
            labels::for_each(dir, &entry.files, &mut |id, label| {
                named.push((id, label.to_owned()));
            })?;
        }
        let mut names: Vec<String> = named.iter().map(|(_, label)| label.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let number = |label: &String| names.binary_search(label).unwrap_or(0) as u32;
        let of = named.iter().map(|(id, label)| (*id, number(label)));
        Ok(Self {
            field: found.unwrap_or_default(),
            of: of.collect(),
            names,
        })
    }
}

/// Where a document is, and its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labelled {
    start: u64,
    tokens: u32,
    label: u32,
}

impl Place for Labelled {
    const TOO_LONG: TooLong = TooLong::Truncate;

    fn start(&self) -> u64 {
        self.start
    }

    fn tokens(&self) -> u64 {
        u64::from(self.tokens)
    }

    fn behind(self, tokens: u64) -> Self {
        Self {
            start: self.start + tokens,
            ..self
        }
    }

    fn counted(_: &Dataset, _: u64, len: u64) -> u64 {
        len
    }
}

/// The documents of a split with their labels.
pub type LabelStream = Stream<Labelled>;

impl LabelStream {
    /// The documents of a split that have a label: all, unless the directory is damaged.
    ///
    /// # Errors
    /// Names a document without a label.
    pub fn new(data: Dataset, labels: &Labels) -> Result<Self> {
        let mut places: Vec<Labelled> = Vec::new();
        for row in (0..data.rows()).map(|row| data.row(row)) {
            let tokens = u32::try_from(row.len).unwrap_or(u32::MAX);
            if let (true, Some(last)) = (row.continuation, places.last_mut()) {
                last.tokens = last.tokens.saturating_add(tokens);
                continue;
            }
            let label = labels.of.get(&row.document_id).with_context(|| {
                format!(
                    "the document {} has no label in labels/; shard the corpus again",
                    row.document_id
                )
            })?;
            places.push(Labelled {
                start: row.start,
                tokens,
                label: *label,
            });
        }
        Ok(Self {
            data,
            places,
            left_out: 0,
        })
    }
}

/// The labels of all documents of a mixture.
pub type Targeted = Places<Labelled>;

impl Targeted {
    /// Labels of documents at these places: first token, tokens, label.
    #[cfg(test)]
    pub fn of(places: &[(u64, u32, u32)]) -> Self {
        let of = |&(start, tokens, label): &(u64, u32, u32)| Labelled {
            start,
            tokens,
            label,
        };
        Self(places.iter().map(of).collect())
    }
}

impl Finish for Targeted {
    fn finish(&self, sequences: &mut Sequences) {
        sequences.targets.fill(0);
        sequences.counted.fill(false);
        for &(row, start) in &sequences.pieces {
            let Some(place) = self.at(start) else {
                continue;
            };
            let rows = (place.tokens as usize - 1).min(sequences.seq);
            sequences.targets[row + rows - 1] = place.label;
            sequences.counted[row + rows - 1] = true;
        }
    }
}

/// How often a label was told for another: rows are what documents have, columns what was told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// Documents, `[labels][labels]`.
    pub counts: Vec<Vec<u64>>,
    /// Summed loss, nats.
    pub nats: f64,
}

impl AddAssign<&Confusion> for Confusion {
    fn add_assign(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.counts = vec![vec![0; other.counts.len()]; other.counts.len()];
        }
        let rows = self.counts.iter_mut().zip(&other.counts);
        for (row, more) in rows {
            for (count, more) in row.iter_mut().zip(more) {
                *count += more;
            }
        }
        self.nats += other.nats;
    }
}

/// How well labels are told, as metrics and reports have it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Documents.
    pub documents: u64,
    /// Mean loss of a document, nats.
    pub loss: f64,
    /// The share of documents whose likeliest label is theirs.
    pub accuracy: f64,
    /// The mean of the labels' F1.
    pub macro_f1: f64,
    /// The share of documents that have the commonest label: what telling it always would reach.
    pub commonest: f64,
}

/// How well one label is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfLabel {
    /// Its name.
    pub label: String,
    /// Documents that have it.
    pub documents: u64,
    /// Of those that were told to have it, the share that has.
    pub precision: f64,
    /// Of those that have it, the share that was told.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

impl Confusion {
    fn documents(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Documents of a label that were told; that have it; that were told to have it.
    fn of(&self, label: usize) -> (u64, u64, u64) {
        let has = self.counts[label].iter().sum();
        let told = self.counts.iter().map(|row| row[label]).sum();
        (self.counts[label][label], has, told)
    }

    /// Each label's figures.
    #[must_use]
    pub fn by_label(&self, names: &[String]) -> Vec<OfLabel> {
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let labels = names.iter().enumerate().take(self.counts.len());
        labels
            .map(|(label, name)| {
                let (right, has, told) = self.of(label);
                OfLabel {
                    label: name.clone(),
                    documents: has,
                    precision: share(right, told),
                    recall: share(right, has),
                    f1: share(2 * right, has + told),
                }
            })
            .collect()
    }

    /// The figures of all; `None` without documents.
    #[must_use]
    pub fn told(&self) -> Option<Told> {
        let documents = self.documents();
        let labels = self.counts.len();
        let all: Vec<_> = (0..labels).map(|label| self.of(label)).collect();
        let f1 =
            |&(right, has, told): &(u64, u64, u64)| (2 * right) as f64 / (has + told).max(1) as f64;
        (documents > 0).then(|| Told {
            documents,
            loss: self.nats / documents as f64,
            accuracy: all.iter().map(|of| of.0).sum::<u64>() as f64 / documents as f64,
            macro_f1: all.iter().map(f1).sum::<f64>() / labels as f64,
            commonest: all.iter().map(|of| of.1).max().unwrap_or(0) as f64 / documents as f64,
        })
    }
}

/// The place of the largest; the first of equals.
fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (place, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = place;
        }
    }
    best
}

/// What a classifier tells of the documents of a split, or of as many sequences at even distances as
/// `extent` allows.
///
/// # Errors
/// When a token is outside of the model's vocabulary, or the device fails.
pub fn measure<B: Backend>(
    backend: &B,
    model: &Model<B>,
    data: &Loader<'_>,
    extent: Extent,
) -> Result<Confusion> {
    let rope = model.config.rope_table(data.seq());
    let labels = model.config.labels.as_ref().map_or(0, Vec::len);
    let mut sum = Confusion {
        counts: vec![vec![0; labels]; labels],
        nats: 0.0,
    };
    for (gathered, count) in extent.portions(data) {
        let batch = gathered.batch(0..count, Scale::PLAIN);
        let scores = model.scores(backend, rope.as_ref(), batch)?;
        let rows = (0..batch.ids.len()).filter(|&row| batch.targets.counted[row]);
        for (row, scores) in rows.zip(scores.chunks_exact(labels)) {
            let label = batch.targets.ids[row];
            sum.nats -= log_share(scores, label)?;
            sum.counts[label as usize][largest(scores)] += 1;
        }
    }
    Ok(sum)
}

/// The probability of each label of one document, given by its ids as they are in shards.
///
/// # Errors
/// When the document has no token to read, or one outside of the vocabulary.
pub fn label<B: Backend>(
    backend: &B,
    model: &Model<B>,
    rope: Option<&Rope>,
    ids: &[u32],
    most: usize,
) -> Result<Vec<f64>> {
    let rows = ids.len().saturating_sub(1).min(most);
    ensure!(rows > 0, "the document has no token to tell a label by");
    let mut counted = vec![false; rows];
    counted[rows - 1] = true;
    let batch = Batch {
        batch: 1,
        seq: rows,
        ids: &ids[..rows],
        starts: &[],
        targets: Targets {
            ids: &vec![0; rows],
            counted: &counted,
            scale: 1.0,
            z_loss: 0.0,
            weights: &[],
        },
    };
    let scores = model.scores(backend, rope, batch)?;
    let each = 0..scores.len() as u32;
    each.map(|label| Ok(log_share(&scores, label)?.exp()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_computed_by_hand() {
        // 4 of a (3 told, 1 taken for b), 2 of b (1 told, 1 taken for c), none of c.
        let confusion = Confusion {
            counts: vec![vec![3, 1, 0], vec![0, 1, 1], vec![0, 0, 0]],
            nats: 3.0,
        };
        let told = confusion.told().unwrap();
        assert_eq!((told.documents, told.loss), (6, 0.5));
        assert!((told.accuracy - 4.0 / 6.0).abs() < 1e-12);
        assert!((told.commonest - 4.0 / 6.0).abs() < 1e-12);
        let names = ["a", "b", "c"].map(str::to_owned);
        let by = confusion.by_label(&names);
        assert_eq!((by[0].precision, by[0].recall), (1.0, 0.75));
        assert_eq!((by[1].precision, by[1].recall, by[1].f1), (0.5, 0.5, 0.5));
        assert_eq!((by[2].documents, by[2].f1), (0, 0.0));
        let f1 = (6.0 / 7.0 + 0.5) / 3.0;
        assert!((told.macro_f1 - f1).abs() < 1e-12, "{told:?}");
        let mut twice = Confusion::default();
        twice += &confusion;
        twice += &confusion;
        assert_eq!(twice.told().unwrap().documents, 12);
        assert_eq!(Confusion::default().told(), None);
        assert_eq!(largest(&[1.0, 3.0, 3.0]), 1);
    }
}
