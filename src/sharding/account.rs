//! What became of the documents of a part, and of all parts together.

use super::Job;
use super::edit::Changes;
use super::lines::LinesAccount;
use super::mixing::Mixes;
use super::pairs::PairCounts;
use super::plan::Fate;
use crate::corpus::PartEntry;
use crate::document::{Content, Document, count_characters};
use crate::ledger::{Count, Entry, Ledgers, Place};
use crate::stats::{TokenSums, TokenTables, count_words};
use crate::tokenize::{Checks, Pieces};
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;

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
    /// Chats that were cut between turns.
    pub chats: ChatCuts,
    /// Pairs of preferences.
    #[serde(default)]
    pub pairs: PairCounts,
    /// What the self-check of the encoding looked at.
    pub checks: Checks,
    /// The file of removed documents, if there are any.
    pub removed: Option<PartEntry>,
    /// The keys of documents that are no texts, if there are any.
    pub keys: Option<PartEntry>,
    /// Sources and languages of the validated documents, if there are any.
    #[serde(default)]
    pub origins: Option<PartEntry>,
    /// The labels of the kept documents, if they were asked for.
    #[serde(default)]
    pub labels: Option<PartEntry>,
    /// Kept documents by label.
    #[serde(default)]
    pub by_label: BTreeMap<String, u64>,
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

/// Chats longer than `--max-length`, cut between turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatCuts {
    /// Chats that were cut.
    pub chats: u64,
    /// Pieces that they were cut into.
    pub pieces: u64,
    /// Exchanges of kept chats that are longer than a piece, and are left out.
    pub exchanges_left_out: u64,
    /// Tokens that the pieces have more than what is kept of the chats has in whole chats: each piece
    /// begins with the system prompt. Negative where a template shortens the ends of chats.
    #[serde(default)]
    pub tokens_added: i64,
}

/// The ledger's line of exchanges of kept chats that fit no piece. It has no records: the chats stay.
pub const EXCHANGE_TOO_LONG: &str = "exchange_too_long";

impl AddAssign for ChatCuts {
    fn add_assign(&mut self, other: Self) {
        self.chats += other.chats;
        self.pieces += other.pieces;
        self.exchanges_left_out += other.exchanges_left_out;
        self.tokens_added += other.tokens_added;
    }
}

/// The accounts of all parts, each read once.
#[derive(Debug, Default)]
pub struct Account {
    /// What was counted.
    pub total: PartAccount,
    /// The files of keys, in order.
    pub keys: Vec<PartEntry>,
    /// The files of origins, in order.
    pub origins: Vec<PartEntry>,
    /// The files of labels, in order.
    pub labels: Vec<PartEntry>,
    /// The files of removed documents, in order.
    pub removed: Vec<PartEntry>,
    /// The files of contradicting answers, in order.
    pub conflicts: Vec<PartEntry>,
    /// Answers that contradict another one.
    pub conflicting_answers: u64,
}

impl Account {
    /// Reads the accounts of all parts.
    ///
    /// # Errors
    /// When one is damaged, or the ledger does not balance.
    pub fn total(job: &Job) -> Result<Self> {
        let mut all = Self::default();
        for part in 0..job.corpus.parts.len() {
            let account = PartAccount::read(job, part)?;
            all.total += &account;
            all.keys.extend(account.keys);
            all.origins.extend(account.origins);
            all.labels.extend(account.labels);
            all.conflicting_answers += account.conflicts.as_ref().map_or(0, |entry| entry.rows);
            all.removed.extend(account.removed);
            all.conflicts.extend(account.conflicts);
        }
        all.total.ledgers.check()?;
        Ok(all)
    }
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
        self.chats += other.chats;
        self.pairs += other.pairs;
        self.checks += other.checks;
        for (label, documents) in &other.by_label {
            *self.by_label.entry(label.clone()).or_default() += documents;
        }
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

    /// Documents in the shards: with every repetition, and a chat that was cut once for each piece.
    #[must_use]
    pub fn items(&self) -> u64 {
        let kept = self.ledgers.ledger.kept.records;
        kept + self.chats.pieces - self.chats.chats + self.repeated.documents
    }

    /// Books a document where its fate says, with its tokens.
    pub fn book(&mut self, document: &Document, fate: &Fate, tokens: &Pieces) {
        let content = &document.content;
        for piece in &tokens.pieces {
            self.checks += piece.encoded.checks;
        }
        let kept = matches!(fate, Fate::Keep { .. });
        if kept && (tokens.pieces.len() > 1 || !tokens.left_out.is_empty()) {
            self.chats += ChatCuts {
                chats: 1,
                pieces: tokens.pieces.len() as u64,
                exchanges_left_out: tokens.left_out.len() as u64,
                tokens_added: tokens.tokens_added(),
            };
        }
        let count = Count {
            tokens: Some(tokens.tokens_whole),
            ..Count::one(content.characters(), content.bytes())
        };
        let place = Place {
            source: &document.source,
            language: &document.lang,
            kind: Some(content.kind()),
        };
        self.ledgers.add(place, Entry::Read, count);
        match fate {
            Fate::Drop(why) => self.ledgers.add(place, Entry::Dropped(&why.reason), count),
            Fate::Keep { split, .. } => {
                self.keep(place, count, content, tokens);
                let mut sums = TokenSums {
                    documents: 1,
                    tokens: tokens.tokens(),
                    tokens_loss: tokens.tokens_loss(),
                    ..TokenSums::default()
                };
                // What the tokens were made of, a repeated system prompt as often as it is repeated.
                for piece in &tokens.pieces {
                    for content in tokens.contents(piece, content.learned()) {
                        sums.characters += count_characters(content) as u64;
                        sums.bytes += content.len() as u64;
                        sums.words += count_words(content);
                    }
                }
                for piece in &tokens.pieces {
                    sums.lengths.add(piece.encoded.ids.len() as u64);
                }
                let keys = [
                    split.name(),
                    &document.source,
                    &document.lang,
                    content.kind().name(),
                ];
                self.tokens.add(keys, &sums);
            }
        }
    }
    /// Books what stays of a kept document, and the exchanges of it that do not.
    fn keep(&mut self, place: Place<'_>, whole: Count, content: &Content, tokens: &Pieces) {
        let mut left_out = Count {
            tokens: Some(tokens.tokens_left_out),
            ..Count::default()
        };
        for content in tokens.contents_left_out(content.learned()) {
            left_out.characters += count_characters(content) as u64;
            left_out.bytes += content.len() as u64;
        }
        let kept = Count {
            characters: whole.characters - left_out.characters,
            bytes: whole.bytes - left_out.bytes,
            tokens: Some(tokens.tokens_whole - tokens.tokens_left_out),
            ..whole
        };
        self.ledgers.add(place, Entry::Kept, kept);
        if !tokens.left_out.is_empty() {
            let entry = Entry::Dropped(EXCHANGE_TOO_LONG);
            self.ledgers.add(place, entry, left_out);
        }
    }
}
