//! `prep stats --tokens`: what every token of a shard directory says, or of a corpus under a tokenizer
//! (`corpus`).
//!
//! ```text
//! documents ─▶ counts by id ─▶ shares, unused vocabulary, most frequent tokens
//!           ├▶ n-grams (ngrams)   two passes, bounded memory, exact
//!           └▶ lengths (packing)  what a trainer would waste
//! ```
//!
//! Memory: 8 bytes an id, 200 MB for n-grams, 8 bytes a distinct length.

pub mod corpus;
mod ngrams;
mod packing;
#[cfg(test)]
mod tests;
pub mod view;

use crate::interrupt;
use crate::progress::Progress;
use crate::resharding::Report;
use crate::shard::{Dataset, ShardManifest, Split};
use crate::tokenize::{Spelt, TokenKind, Tokenizer};
use anyhow::Result;
use ngrams::Finder;
pub use ngrams::Frequent;
use packing::Lengths;
pub use packing::Packing;
use serde::Serialize;
use std::path::Path;

/// Tokens and n-grams that are shown.
const SHOWN: usize = 20;
/// Lengths of the n-grams.
const NGRAMS: [usize; 2] = [2, 4];

/// A token and how often it occurs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenCount {
    /// Its id.
    pub id: u32,
    /// What it stands for; bytes that are no UTF-8 become U+FFFD.
    pub token: String,
    /// How often.
    pub count: u64,
    /// Share of all tokens, 0 to 1.
    pub share: f64,
}

/// Frequent n-grams of one length.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ngrams {
    /// Tokens in each.
    pub tokens: usize,
    /// The most frequent first.
    pub most_frequent: Vec<Frequent>,
}

/// All of it; part of what `prep stats --tokens --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// Tokens of both splits, special tokens included.
    pub tokens: u64,
    /// Share of the tokens that are special ones, 0 to 1.
    pub special_share: f64,
    /// Share of the ordinary tokens that stand for one byte, 0 to 1.
    pub single_byte_share: f64,
    /// Share of the ordinary tokens in which a character is cut, 0 to 1.
    pub byte_fallback_share: f64,
    /// Share of the tokens that the loss does not count, 0 to 1.
    pub loss_masked_share: f64,
    /// Share of the documents that were read and that went as copies, 0 to 1; of a corpus, the exact copies
    /// that `prep shard` would remove; `null` of shards that `prep reshard` made of others.
    pub duplicate_share: Option<f64>,
    /// Ordinary tokens of the vocabulary.
    pub vocabulary: u64,
    /// Those of them that do not occur.
    pub unused_vocabulary: u64,
    /// The most frequent tokens.
    pub most_frequent: Vec<TokenCount>,
    /// The most frequent n-grams inside documents, special tokens left out.
    pub ngrams: Vec<Ngrams>,
    /// Documents of the train split by their length.
    pub by_length: Vec<OfLength>,
    /// What sequences of several lengths would hold of the train split.
    pub packing: Vec<Packing>,
}

/// Documents of so many tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OfLength {
    /// At most so many tokens each, and more than the row before says; `null` for all longer ones.
    pub most_tokens: Option<u64>,
    /// Documents.
    pub documents: u64,
    /// Their tokens.
    pub tokens: u64,
}

/// Counts that grow with every document, in two passes over all.
struct Tally {
    counts: Vec<u64>,
    lengths: Lengths,
    ngrams: Vec<Finder>,
    is_special: Vec<bool>,
}

impl Tally {
    fn new(spelt: &[Spelt]) -> Self {
        let is_special = spelt.iter().map(|token| token.kind == TokenKind::Special);
        Self {
            counts: vec![0; spelt.len()],
            lengths: Lengths::default(),
            ngrams: NGRAMS.map(Finder::new).into(),
            is_special: is_special.collect(),
        }
    }

    /// The first pass; `learned` of documents that sequences are filled with.
    fn first(&mut self, ids: &[u32], learned: bool) {
        for id in ids {
            self.counts[*id as usize] += 1;
        }
        if learned {
            self.lengths.add(ids.len() as u64);
        }
        for run in ids.split(|id| self.is_special[*id as usize]) {
            self.ngrams.iter_mut().for_each(|finder| finder.bound(run));
        }
    }

    /// Between the passes.
    fn turn(&mut self) {
        self.ngrams.iter_mut().for_each(Finder::turn);
    }

    /// The second pass.
    fn second(&mut self, ids: &[u32]) {
        for run in ids.split(|id| self.is_special[*id as usize]) {
            self.ngrams.iter_mut().for_each(|finder| finder.count(run));
        }
    }

    fn finish(self, tokenizer: &Tokenizer, spelt: &[Spelt]) -> Survey {
        let mut survey = of_counts(&self.counts, spelt);
        for (tokens, finder) in NGRAMS.into_iter().zip(self.ngrams) {
            let mut most_frequent = finder.finish(SHOWN);
            for found in &mut most_frequent {
                found.text = tokenizer.decode(&found.ids, false);
            }
            survey.ngrams.push(Ngrams {
                tokens,
                most_frequent,
            });
        }
        survey.by_length = self.lengths.by_length();
        survey.packing = self.lengths.packings();
        survey
    }
}

/// Reads every token of the shards in `dir`, twice.
///
/// # Errors
/// When a file is missing or damaged.
pub fn run(
    dir: &Path,
    manifest: &ShardManifest,
    report: &Report,
    progress: &Progress,
) -> Result<Survey> {
    let tokenizer = Tokenizer::from_dir(dir)?;
    let spelt = tokenizer.spelt();
    let splits = Split::ALL.map(|split| Dataset::open(dir, split));
    let splits = splits.into_iter().collect::<Result<Vec<_>>>()?;
    let documents = |each: &mut dyn FnMut(usize, &[u32])| -> Result<()> {
        for (split, data) in splits.iter().enumerate() {
            data.for_each_document(|_, tokens| {
                interrupt::check()?;
                progress.add(tokens.ids.len() as u64);
                each(split, &tokens.ids);
                Ok(())
            })?;
        }
        Ok(())
    };
    let mut tally = Tally::new(&spelt);
    documents(&mut |split, ids| tally.first(ids, split == 0))?;
    tally.turn();
    documents(&mut |_, ids| tally.second(ids))?;
    let mut survey = tally.finish(&tokenizer, &spelt);
    survey.loss_masked_share = {
        let loss = manifest.train.tokens_loss + manifest.val.tokens_loss;
        1.0 - ratio(loss, survey.tokens)
    };
    if let Report::Shard(report) = report {
        let copies = report.copies.exact.total() + report.copies.near.total();
        survey.duplicate_share = Some(ratio(copies, report.ledgers.ledger.read.records));
    }
    Ok(survey)
}

/// Tokens that a survey reads, for progress.
#[must_use]
pub fn tokens_to_read(manifest: &ShardManifest) -> u64 {
    2 * (manifest.train.tokens + manifest.val.tokens)
}

fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b.max(1) as f64
}

/// What follows from how often each id occurs.
fn of_counts(counts: &[u64], spelt: &[Spelt]) -> Survey {
    let sum = |of: &dyn Fn(&Spelt) -> bool| -> u64 {
        let chosen = counts.iter().zip(spelt).filter(|(_, token)| of(token));
        chosen.map(|(count, _)| count).sum()
    };
    let tokens = counts.iter().sum();
    let special = sum(&|token| token.kind == TokenKind::Special);
    let ordinary = |token: &Spelt| matches!(token.kind, TokenKind::Text | TokenKind::ByteFallback);
    let mut order: Vec<u32> = (0..counts.len() as u32).collect();
    order.sort_by_key(|id| (std::cmp::Reverse(counts[*id as usize]), *id));
    let frequent = order
        .into_iter()
        .take(SHOWN)
        .filter(|id| counts[*id as usize] > 0);
    Survey {
        tokens,
        special_share: ratio(special, tokens),
        single_byte_share: ratio(sum(&Spelt::is_single_byte), tokens - special),
        byte_fallback_share: ratio(sum(&Spelt::is_part_of_character), tokens - special),
        loss_masked_share: 0.0,
        duplicate_share: None,
        vocabulary: spelt.iter().filter(|token| ordinary(token)).count() as u64,
        unused_vocabulary: (spelt.iter().zip(counts))
            .filter(|(token, count)| ordinary(token) && **count == 0)
            .count() as u64,
        most_frequent: frequent
            .map(|id| TokenCount {
                id,
                token: String::from_utf8_lossy(&spelt[id as usize].bytes).into_owned(),
                count: counts[id as usize],
                share: ratio(counts[id as usize], tokens),
            })
            .collect(),
        ngrams: Vec::new(),
        by_length: Vec::new(),
        packing: Vec::new(),
    }
}
