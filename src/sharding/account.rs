//! What became of the documents of a part, and of all parts together.

use super::Job;
use super::edit::Changes;
use super::lines::LinesAccount;
use super::mixing::Mixes;
use super::plan::Fate;
use crate::corpus::PartEntry;
use crate::document::{Document, count_characters};
use crate::ledger::{Count, Entry, Ledgers, Place};
use crate::stats::{TokenSums, TokenTables, count_words};
use crate::tokenize::{Checks, Pieces};
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
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
    /// What the self-check of the encoding looked at.
    pub checks: Checks,
    /// The file of removed documents, if there are any.
    pub removed: Option<PartEntry>,
    /// The keys of documents that are no texts, if there are any.
    pub keys: Option<PartEntry>,
    /// Sources and languages of the validated documents, if there are any.
    #[serde(default)]
    pub origins: Option<PartEntry>,
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
}

impl AddAssign for ChatCuts {
    fn add_assign(&mut self, other: Self) {
        self.chats += other.chats;
        self.pieces += other.pieces;
        self.exchanges_left_out += other.exchanges_left_out;
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
            all.conflicting_answers += account.conflicts.map_or(0, |entry| entry.rows);
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
        self.checks += other.checks;
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
        if kept && (tokens.pieces.len() > 1 || tokens.left_out > 0) {
            self.chats += ChatCuts {
                chats: 1,
                pieces: tokens.pieces.len() as u64,
                exchanges_left_out: tokens.left_out,
            };
        }
        let count = Count {
            tokens: Some(if kept {
                tokens.tokens()
            } else {
                tokens.tokens_whole
            }),
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
                self.ledgers.add(place, Entry::Kept, count);
                let mut sums = TokenSums {
                    documents: 1,
                    characters: content
                        .learned()
                        .map(|piece| count_characters(piece) as u64)
                        .sum(),
                    bytes: content.learned().map(|piece| piece.len() as u64).sum(),
                    words: content.learned().map(count_words).sum(),
                    tokens: tokens.tokens(),
                    tokens_loss: tokens.tokens_loss(),
                    ..TokenSums::default()
                };
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
}
