//! `--weight SOURCE=W`: how often a source's documents are learned from.
//!
//! A weight of 2.5 writes every document of the source twice and a seeded half of them a third
//! time; 0.3 keeps a seeded 30 %. Whole documents only. What is left out is left out before copies are
//! searched, so that no other source's document goes for it, and by its content, so that copies of it
//! go too. Repetitions stand behind one pass over everything, as further epochs do, not beside each
//! other. Validation is never repeated.

use crate::document::Document;
use crate::shard::Split;
use anyhow::{Result, anyhow, ensure};
use globset::{Glob, GlobMatcher};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// More passes over one source than this teach nothing (Muennighoff et al. 2023, arXiv 2305.16264,
/// find no gain after 16 epochs).
const LARGEST: f64 = 100.0;

/// Weights by source; the last pattern that matches counts.
#[derive(Debug)]
pub struct Weights {
    patterns: Vec<(GlobMatcher, f64)>,
    seed: u64,
}

impl Weights {
    /// Patterns of source names with their weights.
    ///
    /// # Errors
    /// When a pattern is none, or a weight is negative or above 100.
    pub fn new(weights: &[(String, f64)], seed: u64) -> Result<Self> {
        let mut patterns = Vec::new();
        for (pattern, weight) in weights {
            ensure!(
                (0.0..=LARGEST).contains(weight),
                "--weight {pattern}={weight}: expected a number from 0 to {LARGEST}"
            );
            let glob = Glob::new(pattern).map_err(|error| {
                anyhow!("--weight {pattern}: no pattern of source names: {error}")
            })?;
            patterns.push((glob.compile_matcher(), *weight));
        }
        Ok(Self { patterns, seed })
    }

    /// The weight of `source`, 1 where no pattern matches.
    #[must_use]
    pub fn of(&self, source: &str) -> f64 {
        self.patterns
            .iter()
            .rev()
            .find(|(glob, _)| glob.is_match(source))
            .map_or(1.0, |(_, weight)| *weight)
    }

    /// Patterns that match none of `sources`.
    pub fn unused<'a>(&'a self, sources: &'a [String]) -> impl Iterator<Item = &'a str> {
        self.patterns
            .iter()
            .filter(|(glob, _)| !sources.iter().any(|source| glob.is_match(source)))
            .map(|(glob, _)| glob.glob().glob())
    }

    /// Why a document of `source` with this content key is left out, if it is: its number, 0 to 1, and
    /// the weight, which is not above that.
    #[must_use]
    pub fn leaves_out(&self, source: &str, content: u128) -> Option<(f64, f64)> {
        let weight = self.of(source);
        let number = self.number(&content.to_be_bytes());
        (weight < 1.0 && number >= weight).then_some((number, weight))
    }

    /// How often `document`, which is not left out, is written: by its id and the seed, so that it depends
    /// on nothing else.
    #[must_use]
    pub fn copies(&self, document: &Document, split: Split) -> u32 {
        let weight = self.of(&document.source);
        if split == Split::Val || weight < 1.0 {
            return 1;
        }
        let one_more = self.number(&document.id.0) < weight.fract();
        weight as u32 + u32::from(one_more)
    }

    /// A number from 0 to 1, without 1.
    fn number(&self, bytes: &[u8; 16]) -> f64 {
        let hash = xxh3_64_with_seed(bytes, self.seed ^ 0x006d_6978);
        (hash >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What the weight of a source made of its training tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// Documents that are learned from.
    pub documents: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Their tokens with every repetition: what an epoch over the shards sees of the source.
    pub effective_tokens: u64,
}

impl AddAssign<&Mix> for Mix {
    fn add_assign(&mut self, other: &Mix) {
        self.documents += other.documents;
        self.tokens += other.tokens;
        self.effective_tokens += other.effective_tokens;
    }
}

/// The mix by source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mixes(pub BTreeMap<String, Mix>);

impl Mixes {
    /// Adds `mix` to that of `source`.
    pub fn add(&mut self, source: &str, mix: &Mix) {
        *self.0.entry(source.to_owned()).or_default() += mix;
    }
}

impl AddAssign<&Mixes> for Mixes {
    fn add_assign(&mut self, other: &Mixes) {
        for (source, mix) in &other.0 {
            self.add(source, mix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Content, DocumentId};

    fn document(source: &str, record: u64) -> Document {
        Document {
            id: DocumentId::new(source, record),
            source: source.to_owned(),
            record,
            content: Content::Text("text".to_owned()),
            lang: "en".to_owned(),
            lang_score: 1.0,
            languages: Vec::new(),
            meta: None,
        }
    }

    #[test]
    fn weights_are_met_on_average_and_by_the_id_alone() {
        let weights =
            Weights::new(&[("*".to_owned(), 1.0), ("a/*.txt".to_owned(), 2.5)], 1).unwrap();
        let copies: Vec<u32> = (0..10_000)
            .map(|record| weights.copies(&document("a/b.txt", record), Split::Train))
            .collect();
        assert!(copies.iter().all(|copies| (2..=3).contains(copies)));
        let mean = f64::from(copies.iter().sum::<u32>()) / 10_000.0;
        // Three standard deviations of a fair coin.
        assert!((mean - 2.5).abs() < 0.015, "{mean}");
        assert_eq!(weights.copies(&document("b.txt", 1), Split::Train), 1);
        assert_eq!(weights.copies(&document("a/b.txt", 1), Split::Val), 1);
        let again = Weights::new(&[("a/*".to_owned(), 2.5)], 1).unwrap();
        assert_eq!(
            again.copies(&document("a/b.txt", 7), Split::Train),
            copies[7]
        );
        let other = Weights::new(&[("a/*".to_owned(), 2.5)], 2).unwrap();
        assert!((0..100).any(
            |record| other.copies(&document("a/b.txt", record), Split::Train)
                != copies[record as usize]
        ));
    }

    #[test]
    fn a_share_is_left_out_by_the_content() {
        let weights = Weights::new(&[("a*".to_owned(), 0.3)], 0).unwrap();
        let stays = |source: &str| {
            (0..10_000_u128)
                .filter(|content| weights.leaves_out(source, *content).is_none())
                .collect::<Vec<_>>()
        };
        let some = stays("a1");
        assert!((2_850..3_150).contains(&some.len()), "{}", some.len());
        assert_eq!(some, stays("a2"));
        assert_eq!(stays("b").len(), 10_000);
        assert_eq!(weights.copies(&document("a1", 1), Split::Train), 1);
    }

    #[test]
    fn a_weight_of_nothing_leaves_a_source_out() {
        let weights = Weights::new(&[("a".to_owned(), 0.0)], 0).unwrap();
        assert!((0..100).all(|content| weights.leaves_out("a", content).is_some()));
        assert!((0..100).all(|content| weights.leaves_out("b", content).is_none()));
        assert_eq!(weights.unused(&["b".to_owned()]).collect::<Vec<_>>(), ["a"]);
        assert!(Weights::new(&[("a".to_owned(), -1.0)], 0).is_err());
        assert!(Weights::new(&[("[".to_owned(), 1.0)], 0).is_err());
    }
}
