//! Second pass: kept documents become tokens, dropped ones go to `removed/` with their reason.

use super::Job;
use super::account::{Account, PartAccount};
use super::edit;
use super::mixing::Mix;
use super::part_files::PartFiles;
use super::plan::{Fate, Plan};
use super::removed::{self, Removal, Removed};
use super::scan::{KeyColumns, Scanned};
use super::units::{Unit, Units};
use crate::document::parquet::{Encoder, RowGroup, schema_with};
use crate::document::{Content, Document, Kind};
use crate::shard::Split;
use crate::tokenize::{Encoded, Tokenizer};
use crate::{interrupt, ordered};
use anyhow::{Context as _, Result, ensure};
use arrow::array::{
    ArrayRef, BooleanBuilder, FixedSizeBinaryBuilder, ListBuilder, RecordBatch, UInt8Builder,
    UInt32Builder, UInt64Builder,
};
use std::sync::Arc;

/// What a worker makes of one unit.
pub struct Done {
    pub unit: Unit,
    pub tokens: RecordBatch,
    pub keys: RecordBatch,
    pub removed: Option<(RowGroup, u64)>,
    pub conflicts: Option<(RowGroup, u64)>,
    pub account: PartAccount,
}

/// Encodes the parts that have not been encoded yet, and returns the accounts of all.
///
/// # Errors
/// When a document cannot be tokenized at all, or writing fails.
pub fn run(job: &Job, plan: &Plan, tokenizer: &Tokenizer) -> Result<Account> {
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
        removed: Encoder::new(removed::schema())?,
        conflicts: Encoder::new(schema_with(Vec::new()))?,
    };
    let mut fates = plan.read(job)?;
    let mut open: Option<PartFiles> = None;
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
            open.get_or_insert_with(|| PartFiles::new(job, unit.part))
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
    Account::total(job)
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
            account.book(&document, &fate, &encoded);
            match fate {
                Fate::Keep { split, conflict } => {
                    self.mix(&mut account, &document, split, &encoded, copies);
                    tokens.append(&document, split, &encoded, copies);
                    keys.append(scanned);
                    if conflict {
                        conflicting.push(document);
                    }
                }
                Fate::Drop(why) => removed.push(Removed { document, why }),
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
            removed: removed::encode(&self.removed, removed)?,
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
