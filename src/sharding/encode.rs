//! Second pass: kept documents become tokens, dropped ones go to `removed/` with their reason.

use super::Job;
use super::account::{Account, PartAccount};
use super::conflicts::{self, Conflicting};
use super::edit;
use super::mixing::Mix;
use super::pairs::Made;
use super::part_files::PartFiles;
use super::plan::{Fate, Plan};
use super::removed::{self, Removal, Removed};
use super::scan::{KeyColumns, Look, SAMPLED_OUT, Scanned};
use super::units::{Unit, Units};
use crate::document::parquet::{Encoder, RowGroup};
use crate::document::{Content, Document, Kind};
use crate::shard::writer::runs;
use crate::shard::{Split, labels, origins};
use crate::tokenize::{MAX_VOCABULARY_U16, Pieces, Tokenizer};
use crate::{interrupt, ordered};
use anyhow::{Context as _, Result, ensure};
use arrow::array::{
    ArrayRef, AsArray, BooleanBuilder, FixedSizeBinaryBuilder, ListArray, ListBuilder, RecordBatch,
    UInt8Builder, UInt16Array, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, UInt32Type};
use std::sync::Arc;

/// What a worker makes of one unit.
pub struct Done {
    pub unit: Unit,
    pub tokens: RecordBatch,
    pub pairs: RecordBatch,
    pub keys: RecordBatch,
    pub origins: RecordBatch,
    pub labels: RecordBatch,
    pub removed: Option<(RowGroup, u64)>,
    pub conflicts: Option<(RowGroup, u64)>,
    pub account: PartAccount,
}

/// Encodes the parts that have not been encoded yet, and returns the accounts of all.
///
/// # Errors
/// When a document cannot be tokenized at all, or writing fails.
pub fn run(job: &Job, plan: &Plan, tokenizer: &Tokenizer) -> Result<Account> {
    for name in ["removed", "conflicts", "dedup", origins::FOLDER]
        .into_iter()
        .chain(job.options.label_field.as_ref().map(|_| labels::FOLDER))
    {
        let path = job.options.out.join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
    }
    let todo = Units::missing(&job.corpus, |part| job.work.part("account", part).exists());
    let progress = job.progress("tokenize", &todo);
    let worker = Worker {
        job,
        plan,
        tokenizer,
        removed: Encoder::new(removed::schema())?,
        conflicts: Encoder::new(conflicts::schema())?,
    };
    let mut fates = if job.decides_alone() {
        None
    } else {
        Some(plan.read(job)?)
    };
    let mut open: Option<PartFiles> = None;
    let items = todo.iter().map(|unit| {
        let fates = fates.as_mut().map(|fates| fates.take(unit.part, unit.rows));
        Ok((*unit, fates.transpose()?))
    });
    ordered::map_fold(
        job.context.threads,
        items,
        |(unit, fates)| worker.encode(unit, fates),
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
    plan: &'a Plan,
    tokenizer: &'a Tokenizer,
    removed: Encoder,
    conflicts: Encoder,
}

impl Worker<'_> {
    /// Tokenizes one unit, whose fates are these, or are told of each document by itself.
    fn encode(&self, unit: Unit, fates: Option<Vec<(Scanned, Fate)>>) -> Result<Done> {
        let mut fates = fates.map(Vec::into_iter);
        let mut look = Look::new(self.job);
        let mut tokens = TokenColumns::default();
        let mut pairs = Made::default();
        let mut keys = KeyColumns::default();
        let mut validated = origins::Columns::default();
        let mut labelled = labels::Columns::default();
        let field = self.job.options.label_field.as_deref();
        let mut account = PartAccount::default();
        let (mut removed, mut conflicting) = (Vec::new(), Vec::new());
        unit.for_each(self.job, |mut document, edited| {
            let (scanned, fate) = if let Some(fates) = &mut fates {
                fates.next().context("the plan is shorter than the part")?
            } else {
                // Without benchmarks, for which `edited` would have to be judged first.
                let scanned = look.at(&document, Some(&edited))?;
                let fate = self.plan.of_one(self.job, &scanned);
                (scanned, fate)
            };
            account.edits += &edited.changes;
            if let Some(taken) = &edited.lines {
                account.lines.add(&document.source, taken);
            }
            if matches!(fate, Fate::Keep { .. }) {
                edit::clean(&self.job.filters, &mut document, &mut account.edits);
            }
            let (fate, pieces) = self.tokenized(fate, &document);
            account.book(&document, &fate, &pieces);
            let question = scanned.group ^ u128::from(scanned.system);
            match fate {
                Fate::Keep { split, conflict } => {
                    let copies = self.job.weights.copies(&document, split);
                    self.mix(&mut account, &document, split, &pieces, copies);
                    tokens.append(&document, split, &pieces, copies);
                    let most = self.job.options.max_length;
                    pairs.add(self.tokenizer, &document, split, most, copies);
                    keys.append(scanned);
                    if let Some(label) = field.and_then(|field| labels::of(&document, field)) {
                        labelled.append(document.id, &label);
                        *account.by_label.entry(label).or_default() += 1;
                    }
                    if split == Split::Val {
                        validated.append(&document);
                    }
                    if conflict {
                        conflicting.push(Conflicting {
                            document,
                            question,
                            kept: true,
                        });
                    }
                }
                Fate::Drop(why) => {
                    // A source that is left out altogether is named, too.
                    if why.reason == SAMPLED_OUT {
                        account.mixes.add(&document.source, &Mix::default());
                    }
                    if why.in_conflict {
                        conflicting.push(Conflicting {
                            document: document.clone(),
                            question,
                            kept: false,
                        });
                    }
                    removed.push(Removed { document, why });
                }
            }
            Ok(())
        })?;
        account.pairs += pairs.counts;
        account.checks += pairs.checks;
        Ok(Done {
            unit,
            tokens: tokens.finish(self.tokenizer)?,
            pairs: pairs.columns.finish(self.tokenizer)?,
            keys: keys.finish()?,
            origins: validated.finish()?,
            labels: labelled.finish()?,
            removed: removed::encode(&self.removed, removed)?,
            conflicts: conflicts::encode(&self.conflicts, conflicting)?,
            account,
        })
    }

    /// Books what the weight of its source makes of a document that is written so many times.
    fn mix(
        &self,
        account: &mut PartAccount,
        document: &Document,
        split: Split,
        pieces: &Pieces,
        copies: u32,
    ) {
        let tokens = pieces.tokens();
        account.most_copies = account.most_copies.max(copies);
        account.repeated.documents += u64::from(copies - 1) * pieces.pieces.len() as u64;
        account.repeated.tokens += u64::from(copies - 1) * tokens;
        if split == Split::Train && !self.job.options.weights.is_empty() {
            let mix = Mix {
                documents: 1,
                tokens,
                effective_tokens: tokens * u64::from(copies),
            };
            account.mixes.add(&document.source, &mix);
        }
    }

    /// The tokens of a document, and its fate once they are known: a chat that its template refuses or
    /// that does not fit is dropped for that, if nothing else drops it.
    fn tokenized(&self, fate: Fate, document: &Document) -> (Fate, Pieces) {
        let pieces = self.tokenize(document).and_then(|pieces| {
            let mut masks = pieces.pieces.iter().map(|piece| &piece.encoded.loss_mask);
            // An answer of which the loss counts nothing was not rendered as an answer.
            ensure!(
                document.content.kind() == Kind::Text || masks.all(|mask| mask.contains(&true)),
                "the chat template renders no token of an answer"
            );
            Ok(pieces)
        });
        let why = match (&fate, &pieces) {
            (Fate::Keep { .. }, Err(_)) => Removal {
                reason: "chat_template".to_owned(),
                ..Removal::default()
            },
            (Fate::Keep { .. }, Ok(pieces)) if pieces.pieces.is_empty() => Removal {
                reason: "chat_too_long".to_owned(),
                value: Some(pieces.tokens_whole as f64),
                threshold: self.job.options.max_length.map(|most| most as f64),
                ..Removal::default()
            },
            _ => return (fate, pieces.unwrap_or_default()),
        };
        (Fate::Drop(why), pieces.unwrap_or_default())
    }

    /// The tokens of a document as training sees them. Of a preference the chosen answer is learned.
    fn tokenize(&self, document: &Document) -> Result<Pieces> {
        match &document.content {
            Content::Text(text) => Ok(Pieces::whole(
                self.tokenizer.encode_document(text)?,
                text.len() as u64,
            )),
            Content::Chat(messages) | Content::Preference { messages, .. } => self
                .tokenizer
                .encode_chat_within(messages, self.job.options.max_length),
        }
    }
}

/// Tokens of kept documents between the stages.
#[derive(Default)]
pub(super) struct TokenColumns {
    ids: Vec<[u8; 16]>,
    split: UInt8Builder,
    bytes: UInt64Builder,
    tokens: ListBuilder<UInt32Builder>,
    mask: ListBuilder<BooleanBuilder>,
    copies: UInt32Builder,
    /// Which piece of its document it is.
    piece: UInt32Builder,
}

impl TokenColumns {
    pub(super) fn append(
        &mut self,
        document: &Document,
        split: Split,
        pieces: &Pieces,
        copies: u32,
    ) {
        for (number, piece) in pieces.pieces.iter().enumerate() {
            self.copies.append_value(copies);
            self.piece.append_value(number as u32);
            self.ids.push(document.id.0);
            self.split.append_value(u8::from(split == Split::Val));
            self.bytes.append_value(piece.bytes_text);
            self.tokens.values().append_slice(&piece.encoded.ids);
            self.tokens.append(true);
            for (counts, tokens) in runs(&piece.encoded.loss_mask) {
                self.mask.values().append_n(tokens, counts);
            }
            self.mask.append(true);
        }
    }

    /// Ids of `tokenizer`, in 16 bits where its vocabulary has room in them.
    pub(super) fn finish(mut self, tokenizer: &Tokenizer) -> Result<RecordBatch> {
        let tokens = self.tokens.finish();
        let tokens: ArrayRef = if tokenizer.vocab_size() <= MAX_VOCABULARY_U16 {
            let (_, offsets, ids, _) = tokens.into_parts();
            let ids = ids.as_primitive::<UInt32Type>().values().iter();
            let ids = UInt16Array::from_iter_values(ids.map(|id| *id as u16));
            let field = Field::new_list_field(DataType::UInt16, true);
            Arc::new(ListArray::new(
                Arc::new(field),
                offsets,
                Arc::new(ids),
                None,
            ))
        } else {
            Arc::new(tokens)
        };
        let mut id = FixedSizeBinaryBuilder::with_capacity(self.ids.len(), 16);
        for bytes in &self.ids {
            id.append_value(bytes)?;
        }
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(id.finish())),
            ("split", Arc::new(self.split.finish())),
            ("bytes", Arc::new(self.bytes.finish())),
            ("tokens", tokens),
            ("mask", Arc::new(self.mask.finish())),
            ("copies", Arc::new(self.copies.finish())),
            ("piece", Arc::new(self.piece.finish())),
        ];
        Ok(RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(n, c)| (n, c, true)),
        )?)
    }
}
