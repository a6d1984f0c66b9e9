//! Second pass: kept documents become tokens, dropped ones go to `removed/` with their reason.

use super::Job;
use super::edit::{self, Changes};
use super::lines::LinesAccount;
use super::mixing::{Mix, Mixes};
use super::plan::{Fate, Plan, Removal};
use super::scan::{KeyColumns, Scanned};
use super::units::{Unit, Units};
use super::work::BatchWriter;
use crate::atomic::{self, AtomicFile};
use crate::corpus::PartEntry;
use crate::document::parquet::{DocumentWriter, Encoder, RowGroup, schema_with};
use crate::document::{Content, Document, Kind, count_characters};
use crate::ledger::{Count, Entry, Ledgers, Place};
use crate::shard::Split;
use crate::stats::{TokenSums, TokenTables, count_words};
use crate::tokenize::{Encoded, Tokenizer};
use crate::{interrupt, ordered};
use anyhow::{Context as _, Result, ensure};
use arrow::array::{
    ArrayRef, BooleanBuilder, FixedSizeBinaryArray, FixedSizeBinaryBuilder, Float64Array,
    ListBuilder, RecordBatch, StringArray, UInt8Builder, UInt32Builder, UInt64Array, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, SchemaRef};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;
use std::path::PathBuf;
use std::sync::Arc;

/// The columns that `removed/` has beside a document's.
#[must_use]
pub fn removed_schema() -> SchemaRef {
    schema_with(vec![
        Field::new("reason", DataType::Utf8, false),
        Field::new("value", DataType::Float64, true),
        Field::new("threshold", DataType::Float64, true),
        Field::new("kept_id", DataType::FixedSizeBinary(16), true),
        Field::new("similarity", DataType::Float64, true),
        Field::new("cluster_size", DataType::UInt64, true),
    ])
}

/// The account of one part, written when its files stand.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PartAccount {
    /// Where the documents went.
    pub ledgers: Ledgers,
    /// Statistics of those that stay.
    pub tokens: TokenTables,
    /// What the edits did to the documents.
    pub edits: Changes,
    /// Repeated lines that were taken out.
    pub lines: LinesAccount,
    /// Training tokens by source, where weights were given.
    pub mixes: Mixes,
    /// What weights write beyond one copy of each document.
    pub repeated: Repeated,
    /// The most copies of one document.
    pub most_copies: u32,
    /// The file of removed documents, if there are any.
    pub removed: Option<PartEntry>,
    /// The keys of documents that are no texts, if there are any.
    pub keys: Option<PartEntry>,
    /// The file of answers that contradict each other, if there are any.
    pub conflicts: Option<PartEntry>,
}

/// Copies of documents beyond the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeated {
    /// How many there are.
    pub documents: u64,
    /// Their tokens.
    pub tokens: u64,
}

impl AddAssign for Repeated {
    fn add_assign(&mut self, other: Self) {
        self.documents += other.documents;
        self.tokens += other.tokens;
    }
}

/// A document's way out of the unit.
struct Dropped {
    document: Document,
    why: Removal,
}

/// What a worker makes of one unit.
struct Done {
    unit: Unit,
    tokens: RecordBatch,
    keys: RecordBatch,
    removed: Option<(RowGroup, u64)>,
    conflicts: Option<(RowGroup, u64)>,
    account: PartAccount,
}

/// Encodes the parts that have not been encoded yet, and returns the accounts of all.
///
/// # Errors
/// When a document cannot be tokenized at all, or writing fails.
pub fn run(job: &Job, plan: &Plan, tokenizer: &Tokenizer) -> Result<PartAccount> {
    for name in ["removed", "conflicts", "dedup"] {
        let path = job.options.out.join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
    }
    let todo = Units::missing(&job.corpus, |part| job.work.part("account", part).exists());
    let progress = job.progress("tokenize", &todo);
    let worker = Worker {
        job,
        tokenizer,
        removed: Encoder::new(removed_schema())?,
        conflicts: Encoder::new(schema_with(Vec::new()))?,
    };
    let mut fates = plan.read(job)?;
    let mut open: Option<Open> = None;
    let items = todo
        .iter()
        .map(|unit| Ok((*unit, fates.take(unit.part, unit.rows)?)));
    ordered::map_fold(
        job.context.threads,
        items,
        |(unit, fates)| worker.encode(unit, fates.into_iter()),
        |done| {
            interrupt::check()?;
            let unit = done.unit;
            open.get_or_insert_with(|| Open::new(job, unit.part))
                .append(done)?;
            progress.add(unit.bytes);
            if unit.last
                && let Some(part) = open.take()
            {
                part.commit(job)?;
            }
            Ok(())
        },
    )?;
    progress.finish();
    total(job)
}

/// The accounts of all parts together.
fn total(job: &Job) -> Result<PartAccount> {
    let mut total = PartAccount::default();
    for part in 0..job.corpus.parts.len() {
        let account = PartAccount::read(job, part)?;
        total += &account;
    }
    total.ledgers.check()?;
    Ok(total)
}

impl AddAssign<&PartAccount> for PartAccount {
    /// Adds what was counted; files stay those of each part.
    fn add_assign(&mut self, other: &PartAccount) {
        self.ledgers += &other.ledgers;
        self.tokens += &other.tokens;
        self.edits += &other.edits;
        self.lines += &other.lines;
        self.mixes += &other.mixes;
        self.repeated += other.repeated;
        self.most_copies = self.most_copies.max(other.most_copies);
    }
}

impl PartAccount {
    /// The account of part `part`.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn read(job: &Job, part: usize) -> Result<Self> {
        let path = job.work.part("account", part);
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged; remove the directory", path.display()))
    }
}

struct Worker<'a> {
    job: &'a Job<'a>,
    tokenizer: &'a Tokenizer,
    removed: Encoder,
    conflicts: Encoder,
}

impl Worker<'_> {
    /// Tokenizes one unit.
    fn encode(&self, unit: Unit, mut fates: impl Iterator<Item = (Scanned, Fate)>) -> Result<Done> {
        let mut tokens = TokenColumns::default();
        let mut keys = KeyColumns::default();
        let mut account = PartAccount::default();
        let (mut removed, mut conflicting) = (Vec::new(), Vec::new());
        unit.for_each(self.job, |mut document, edited| {
            let (scanned, fate) = fates.next().context("the plan is shorter than the part")?;
            account.edits += &edited.changes;
            if let Some(taken) = &edited.lines {
                account.lines.add(&document.source, taken);
            }
            if matches!(fate, Fate::Keep { .. }) {
                edit::clean(&self.job.filters, &mut document, &mut account.edits);
            }
            let (fate, copies) = self.weighted(fate, &document);
            let encoded = self.tokenize(&document);
            // An answer of which the loss counts nothing was not rendered as an answer.
            let encoded = encoded.and_then(|encoded| {
                let learns = encoded.loss_mask.contains(&true);
                ensure!(
                    learns || document.content.kind() == Kind::Text,
                    "the chat template renders no token of an answer"
                );
                Ok(encoded)
            });
            let (fate, encoded) = match (fate, encoded) {
                // A chat that its template refuses is dropped for that, if nothing else drops it.
                (Fate::Keep { .. }, Err(_)) => {
                    let why = Removal {
                        reason: "chat_template".to_owned(),
                        ..Removal::default()
                    };
                    (Fate::Drop(why), Encoded::default())
                }
                (fate, encoded) => (fate, encoded.unwrap_or_default()),
            };
            book(&mut account, &document, &fate, &encoded);
            match fate {
                Fate::Keep { split, conflict } => {
                    self.mix(&mut account, &document, split, &encoded, copies);
                    tokens.append(&document, split, &encoded, copies);
                    keys.append(scanned);
                    if conflict {
                        conflicting.push(document);
                    }
                }
                Fate::Drop(why) => removed.push(Dropped { document, why }),
            }
            Ok(())
        })?;
        let conflicts = if conflicting.is_empty() {
            None
        } else {
            Some((
                self.conflicts.encode(&conflicting, Vec::new())?,
                conflicting.len() as u64,
            ))
        };
        Ok(Done {
            unit,
            tokens: tokens.finish()?,
            keys: keys.finish()?,
            removed: self.removed(removed)?,
            conflicts,
            account,
        })
    }

    /// How often a document that stays is written; its source's weight may leave it out.
    fn weighted(&self, fate: Fate, document: &Document) -> (Fate, u32) {
        let Fate::Keep { split, .. } = fate else {
            return (fate, 0);
        };
        match self.job.weights.copies(document, split) {
            0 => {
                let sampled_out = Removal {
                    reason: "sampled_out".to_owned(),
                    value: Some(self.job.weights.of(&document.source)),
                    ..Removal::default()
                };
                (Fate::Drop(sampled_out), 0)
            }
            copies => (fate, copies),
        }
    }

    fn mix(
        &self,
        account: &mut PartAccount,
        document: &Document,
        split: Split,
        encoded: &Encoded,
        copies: u32,
    ) {
        let tokens = encoded.ids.len() as u64;
        account.most_copies = account.most_copies.max(copies);
        account.repeated.documents += u64::from(copies - 1);
        account.repeated.tokens += u64::from(copies - 1) * tokens;
        if split == Split::Train && !self.job.options.weights.is_empty() {
            let mix = Mix {
                documents: 1,
                tokens,
                effective_tokens: tokens * u64::from(copies),
            };
            *account.mixes.0.entry(document.source.clone()).or_default() += &mix;
        }
    }

    /// The tokens of a document as training sees them. Of a preference the chosen answer is learned.
    fn tokenize(&self, document: &Document) -> Result<Encoded> {
        match &document.content {
            Content::Text(text) => self.tokenizer.encode_document(text),
            Content::Chat(messages) | Content::Preference { messages, .. } => {
                self.tokenizer.encode_chat(messages)
            }
        }
    }

    fn removed(&self, removed: Vec<Dropped>) -> Result<Option<(RowGroup, u64)>> {
        if removed.is_empty() {
            return Ok(None);
        }
        let why = || removed.iter().map(|dropped| &dropped.why);
        let kept = why().map(|why| why.kept.map(|id| id.0));
        let extra: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(why().map(|why| &why.reason))),
            Arc::new(why().map(|why| why.value).collect::<Float64Array>()),
            Arc::new(why().map(|why| why.threshold).collect::<Float64Array>()),
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                kept, 16,
            )?),
            Arc::new(why().map(|why| why.similarity).collect::<Float64Array>()),
            Arc::new(why().map(|why| why.cluster_size).collect::<UInt64Array>()),
        ];
        let documents: Vec<Document> = removed
            .into_iter()
            .map(|dropped| dropped.document)
            .collect();
        Ok(Some((
            self.removed.encode(&documents, extra)?,
            documents.len() as u64,
        )))
    }
}

fn book(account: &mut PartAccount, document: &Document, fate: &Fate, encoded: &Encoded) {
    let content = &document.content;
    let count = Count {
        tokens: Some(encoded.ids.len() as u64),
        ..Count::one(content.characters(), content.bytes())
    };
    let place = Place {
        source: &document.source,
        language: &document.lang,
        kind: Some(content.kind()),
    };
    account.ledgers.add(place, Entry::Read, count);
    match fate {
        Fate::Drop(why) => account
            .ledgers
            .add(place, Entry::Dropped(&why.reason), count),
        Fate::Keep { split, .. } => {
            account.ledgers.add(place, Entry::Kept, count);
            let mut sums = TokenSums {
                documents: 1,
                characters: content
                    .learned()
                    .map(|piece| count_characters(piece) as u64)
                    .sum(),
                bytes: content.learned().map(|piece| piece.len() as u64).sum(),
                words: content.learned().map(count_words).sum(),
                tokens: encoded.ids.len() as u64,
                tokens_loss: encoded.loss_mask.iter().filter(|counts| **counts).count() as u64,
                ..TokenSums::default()
            };
            sums.lengths.add(sums.tokens);
            let keys = [
                split.name(),
                &document.source,
                &document.lang,
                content.kind().name(),
            ];
            account.tokens.add(keys, &sums);
        }
    }
}

/// Tokens of kept documents between the stages.
#[derive(Default)]
struct TokenColumns {
    ids: Vec<[u8; 16]>,
    split: UInt8Builder,
    bytes: UInt64Builder,
    tokens: ListBuilder<UInt32Builder>,
    mask: ListBuilder<BooleanBuilder>,
    copies: UInt32Builder,
}

impl TokenColumns {
    fn append(&mut self, document: &Document, split: Split, encoded: &Encoded, copies: u32) {
        self.copies.append_value(copies);
        self.ids.push(document.id.0);
        self.split.append_value(u8::from(split == Split::Val));
        self.bytes.append_value(
            document
                .content
                .learned()
                .map(|piece| piece.len() as u64)
                .sum(),
        );
        self.tokens.values().append_slice(&encoded.ids);
        self.tokens.append(true);
        self.mask.values().append_slice(&encoded.loss_mask);
        self.mask.append(true);
    }

    fn finish(mut self) -> Result<RecordBatch> {
        let mut id = FixedSizeBinaryBuilder::with_capacity(self.ids.len(), 16);
        for bytes in &self.ids {
            id.append_value(bytes)?;
        }
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(id.finish())),
            ("split", Arc::new(self.split.finish())),
            ("bytes", Arc::new(self.bytes.finish())),
            ("tokens", Arc::new(self.tokens.finish())),
            ("mask", Arc::new(self.mask.finish())),
            ("copies", Arc::new(self.copies.finish())),
        ];
        Ok(RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(n, c)| (n, c, true)),
        )?)
    }
}

/// The files of a part that is being encoded.
struct Open {
    part: usize,
    tokens: BatchWriter,
    keys: BatchWriter,
    keys_rows: u64,
    removed: Side,
    conflicts: Side,
    account: PartAccount,
}

/// A file beside the tokens, which exists only when something goes into it.
struct Side {
    file: String,
    path: PathBuf,
    schema: SchemaRef,
    writer: Option<DocumentWriter<AtomicFile>>,
    rows: u64,
}

impl Side {
    fn new(job: &Job, folder: &str, part: usize, schema: SchemaRef) -> Self {
        let file = format!("{folder}/part-{part:05}.parquet");
        Self {
            path: job.options.out.join(&file),
            file,
            schema,
            writer: None,
            rows: 0,
        }
    }

    fn append(&mut self, group: Option<(RowGroup, u64)>) -> Result<()> {
        let Some((group, rows)) = group else {
            return Ok(());
        };
        let writer = if let Some(writer) = &mut self.writer {
            writer
        } else {
            let file = AtomicFile::create(&self.path)?;
            self.writer
                .insert(DocumentWriter::new(file, Arc::clone(&self.schema))?)
        };
        self.rows += rows;
        writer
            .append(group)
            .with_context(|| atomic::cannot_write(&self.path))
    }

    fn commit(self) -> Result<Option<PartEntry>> {
        let Some(writer) = self.writer else {
            return Ok(None);
        };
        let finished = writer.finish();
        let written = finished
            .with_context(|| atomic::cannot_write(&self.path))?
            .commit()?;
        Ok(Some(PartEntry {
            file: self.file,
            rows: self.rows,
            bytes: written.bytes,
            xxh3: written.xxh3,
        }))
    }
}

/// The keys of what is no text, for `--against`.
fn keys_file(part: usize) -> String {
    format!("dedup/keys-{part:05}.arrow")
}

impl Open {
    fn new(job: &Job, part: usize) -> Self {
        Self {
            part,
            tokens: BatchWriter::new(job.work.part("tokens", part)),
            keys: BatchWriter::new(job.options.out.join(keys_file(part))),
            keys_rows: 0,
            removed: Side::new(job, "removed", part, removed_schema()),
            conflicts: Side::new(job, "conflicts", part, schema_with(Vec::new())),
            account: PartAccount::default(),
        }
    }

    fn append(&mut self, done: Done) -> Result<()> {
        self.account += &done.account;
        if done.tokens.num_rows() > 0 {
            self.tokens.write(&done.tokens)?;
        }
        if done.keys.num_rows() > 0 {
            self.keys_rows += done.keys.num_rows() as u64;
            self.keys.write(&done.keys)?;
        }
        self.removed.append(done.removed)?;
        self.conflicts.append(done.conflicts)
    }

    /// The account goes last: where it stands, the part is done.
    fn commit(mut self, job: &Job) -> Result<()> {
        self.tokens.commit()?;
        if self.keys_rows > 0 {
            let written = self.keys.commit()?;
            self.account.keys = Some(PartEntry {
                file: keys_file(self.part),
                rows: self.keys_rows,
                bytes: written.bytes,
                xxh3: written.xxh3,
            });
        }
        self.account.removed = self.removed.commit()?;
        self.account.conflicts = self.conflicts.commit()?;
        atomic::write_json(&job.work.part("account", self.part), &self.account)
    }
}
