//! The tokens that a corpus would be under a tokenizer: as `prep shard` would encode it, without filters.

use super::{Survey, Tally, ratio};
use crate::cmd::Context;
use crate::corpus::CorpusManifest;
use crate::document::parquet::DocumentFile;
use crate::document::{Content, Document};
use crate::progress::{Progress, Unit};
use crate::scratch::Scratch;
use crate::sharding::across;
use crate::sharding::report::TokenReport;
use crate::stats::{TokenFigures, TokenSums, TokenTables, count_words};
use crate::tokenize::{Encoded, Tokenizer};
use crate::{interrupt, ordered};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Documents that are decoded at once.
const BATCH_ROWS: usize = 64;

/// What the tokenizer makes of the corpus; part of what `prep stats CORPUS --tokenizer --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Tokens {
    /// xxh3-128 of what decides the ids.
    pub tokenizer_fingerprint: String,
    /// Chats that the template refuses or that have no answer; they have no tokens.
    pub refused: u64,
    /// Tokens by source, language and kind.
    pub tokens: TokenReport,
    /// Every token, with `--tokens`.
    pub survey: Option<Survey>,
}

/// The encoded documents of a row group, one behind the other.
#[derive(Default)]
struct OfGroup {
    ids: Vec<u32>,
    /// Where each document ends in `ids`.
    ends: Vec<usize>,
    tables: TokenTables,
    refused: u64,
}

/// Encodes all documents, once, or twice and with a search for copies where `every_token` is to be told of.
///
/// # Errors
/// When the corpus is damaged or a text cannot be encoded.
pub fn run(
    dir: &Path,
    manifest: &CorpusManifest,
    tokenizer: &Tokenizer,
    every_token: bool,
    context: &Context,
) -> Result<Tokens> {
    let files = manifest.documents.iter();
    let files = files.map(|entry| DocumentFile::open(&dir.join(&entry.file)));
    let files = files.collect::<Result<Vec<_>>>()?;
    let groups: Vec<(&DocumentFile, usize)> = files
        .iter()
        .flat_map(|file| (0..file.row_groups()).map(move |group| (file, group)))
        .collect();
    let bytes: u64 = groups.iter().map(|(file, group)| file.bytes(*group)).sum();
    let passes = 1 + u64::from(every_token);
    let progress = context.progress("count tokens", Unit::Bytes, Some(passes * bytes));
    let reader = Reader {
        groups: &groups,
        tokenizer,
        context,
        progress: &progress,
    };
    let spelt = tokenizer.spelt();
    let mut tally = every_token.then(|| Tally::new(&spelt));
    let (mut tables, mut refused) = (TokenTables::default(), 0);
    reader.for_each(&mut |group| {
        if let Some(tally) = &mut tally {
            group.documents(|ids| tally.first(ids, true));
        }
        tables += &group.tables;
        refused += group.refused;
    })?;
    let total = tables.total();
    let survey = match tally {
        None => None,
        Some(mut tally) => {
            tally.turn();
            reader.for_each(&mut |group| group.documents(|ids| tally.second(ids)))?;
            let mut survey = tally.finish(tokenizer, &spelt);
            survey.loss_masked_share = 1.0 - ratio(total.tokens_loss, total.tokens);
            let scratch = Scratch::new()?;
            let copies = across::find(dir, None, &scratch.path().join("copies"), context)?;
            let documents = manifest.documents.iter().map(|entry| entry.rows).sum();
            survey.duplicate_share = Some(ratio(copies.exact_inside, documents));
            Some(survey)
        }
    };
    progress.finish();
    let figures = |map: &BTreeMap<String, TokenSums>| {
        let of = |(name, sums): (&String, &TokenSums)| (name.clone(), TokenFigures::from(sums));
        map.iter().map(of).collect()
    };
    Ok(Tokens {
        tokenizer_fingerprint: tokenizer.fingerprint().to_owned(),
        refused,
        tokens: TokenReport {
            total: TokenFigures::from(&total),
            // A corpus has no splits yet.
            by_split: BTreeMap::new(),
            by_source: figures(&tables.source),
            by_language: figures(&tables.language),
            by_kind: figures(&tables.kind),
        },
        survey,
    })
}

impl OfGroup {
    fn documents(&self, mut each: impl FnMut(&[u32])) {
        let mut from = 0;
        for end in &self.ends {
            each(&self.ids[from..*end]);
            from = *end;
        }
    }
}

struct Reader<'a> {
    groups: &'a [(&'a DocumentFile, usize)],
    tokenizer: &'a Tokenizer,
    context: &'a Context,
    progress: &'a Progress,
}

impl Reader<'_> {
    fn for_each(&self, each: &mut dyn FnMut(OfGroup)) -> Result<()> {
        ordered::map_fold(
            self.context.threads,
            self.groups.iter().map(Ok),
            |(file, group)| Ok((file.bytes(*group), self.encode(file, *group)?)),
            |(bytes, group)| {
                interrupt::check()?;
                self.progress.add(bytes);
                each(group);
                Ok(())
            },
        )
    }

    fn encode(&self, file: &DocumentFile, group: usize) -> Result<OfGroup> {
        let mut all = OfGroup::default();
        for batch in file.read(group, BATCH_ROWS)? {
            for document in batch? {
                let Some(encoded) = self.encoded(&document)? else {
                    all.refused += 1;
                    continue;
                };
                all.tables.add(
                    [
                        "all",
                        &document.source,
                        &document.lang,
                        document.content.kind().name(),
                    ],
                    &sums(&document, &encoded),
                );
                all.ids.extend(encoded.ids);
                all.ends.push(all.ids.len());
            }
        }
        Ok(all)
    }

    /// The tokens as training would see them, `None` of a chat without one.
    fn encoded(&self, document: &Document) -> Result<Option<Encoded>> {
        match &document.content {
            Content::Text(text) => self.tokenizer.encode_document(text).map(Some),
            Content::Chat(messages) | Content::Preference { messages, .. } => {
                let encoded = self.tokenizer.encode_chat(messages).ok();
                // As `prep shard` does: an answer of which the loss counts nothing is no answer.
                Ok(encoded.filter(|encoded| encoded.loss_mask.contains(&true)))
            }
        }
    }
}

fn sums(document: &Document, encoded: &Encoded) -> TokenSums {
    let content = &document.content;
    let mut sums = TokenSums {
        documents: 1,
        characters: (content.learned())
            .map(|piece| crate::document::count_characters(piece) as u64)
            .sum(),
        bytes: content.learned().map(|piece| piece.len() as u64).sum(),
        words: content.learned().map(count_words).sum(),
        tokens: encoded.ids.len() as u64,
        tokens_loss: encoded.loss_mask.iter().filter(|counts| **counts).count() as u64,
        ..TokenSums::default()
    };
    sums.lengths.add(sums.tokens);
    sums
}
