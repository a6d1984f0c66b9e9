//! Which documents are in the sample, and their texts: a seeded share of each language.

use crate::corpus::CorpusManifest;
use crate::document::Document;
use crate::document::parquet::DocumentFile;
use crate::interrupt;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The share of the sample that a language has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LanguageWeight {
    /// ISO 639-1 code.
    pub language: String,
    /// 0 to 1.
    pub share: f64,
}

/// Parses `ru=0.5`.
///
/// # Errors
/// Says what was expected.
pub fn parse_weight(text: &str) -> Result<LanguageWeight, String> {
    let wrong = || format!("`{text}` is no share of a language; expected for instance ru=0.5");
    let (language, share) = text.split_once('=').ok_or_else(wrong)?;
    let share: f64 = share.trim().parse().map_err(|_| wrong())?;
    if !(0.0..=1.0).contains(&share) {
        return Err(format!("the share in `{text}` is not between 0 and 1"));
    }
    Ok(LanguageWeight {
        language: language.trim().to_owned(),
        share,
    })
}

/// How often each document of a language counts, on average: 0.3 is a seeded 30 % of them, 2.5 all of
/// them twice and half of them a third time.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    times: BTreeMap<String, (f64, u64)>,
}

impl Plan {
    /// Shares `sample` bytes out over languages of so many bytes.
    ///
    /// # Errors
    /// When the shares exceed 1, or a language with a share has no document.
    pub fn new(
        bytes: &BTreeMap<&str, u64>,
        weights: &[LanguageWeight],
        sample: u64,
    ) -> Result<Self> {
        let given: f64 = weights.iter().map(|weight| weight.share).sum();
        ensure!(
            given < 1.0 + 1e-9,
            "the shares are {given} together; they may be 1 at most"
        );
        let weight_of = |language: &str| {
            let mut found = weights.iter().filter(|weight| weight.language == language);
            found.next_back().map(|weight| weight.share)
        };
        for weight in weights {
            let has = bytes.get(weight.language.as_str()).copied().unwrap_or(0);
            ensure!(
                has > 0 || weight.share == 0.0,
                "there is no document in {:?}; `prep stats` lists the languages",
                weight.language
            );
        }
        let all: u64 = bytes.values().sum();
        let others: u64 = (bytes.iter())
            .filter(|(language, _)| weight_of(language).is_none())
            .map(|(_, bytes)| bytes)
            .sum();
        // Without weights, no more than there is.
        let sample = if weights.is_empty() {
            sample.min(all)
        } else {
            sample
        } as f64;
        let rest = (1.0 - given).max(0.0);
        let times = (bytes.iter().filter(|(_, bytes)| **bytes > 0))
            .map(|(language, &bytes)| {
                let times = match weight_of(language) {
                    Some(share) => sample * share / bytes as f64,
                    None => sample * rest / others as f64,
                };
                // Of languages that weights do not name there is no more than all.
                let times = match weight_of(language) {
                    Some(_) => times,
                    None => times.min(1.0),
                };
                ((*language).to_owned(), (times, bytes))
            })
            .collect();
        Ok(Self { times })
    }

    /// Bytes that are read and counted, a repeated text once.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let all = self.times.values();
        all.map(|(times, bytes)| (*bytes as f64 * times.min(1.0)) as u64)
            .sum()
    }

    /// How often this document counts.
    #[must_use]
    pub fn times(&self, language: &str, id: &[u8; 16], seed: u64) -> u64 {
        let (times, _) = self.times.get(language).copied().unwrap_or((0.0, 0));
        let chance = xxh3_64_with_seed(id, seed) as f64 / 2_f64.powi(64);
        times.floor() as u64 + u64::from(chance < times.fract())
    }
}

/// What was taken of a language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampled {
    /// Documents, each once however often it counts.
    pub documents: u64,
    /// UTF-8 bytes of content, as often as they count.
    pub bytes: u64,
    /// Share of the sample's bytes, 0 to 1.
    pub share: f64,
    /// UTF-8 bytes of content in the corpus.
    pub corpus_bytes: u64,
    /// How often each document was to count, on average.
    pub times: f64,
}

/// A text of the sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The text of a document, or a message of a chat.
    pub text: String,
    /// How often it counts.
    pub times: u64,
    /// Language of its document.
    pub language: Arc<str>,
}

/// The texts of the sample; those of a row group are in memory at a time.
pub struct Sample<'a> {
    plan: &'a Plan,
    seed: u64,
    files: VecDeque<PathBuf>,
    /// The file that is read and its next row group.
    open: Option<(DocumentFile, usize)>,
    waiting: VecDeque<Piece>,
    sampled: BTreeMap<String, Sampled>,
    languages: BTreeSet<Arc<str>>,
    failure: Option<anyhow::Error>,
}

impl<'a> Sample<'a> {
    /// The texts of the corpus in `dir` that `plan` takes.
    #[must_use]
    pub fn new(dir: &Path, manifest: &CorpusManifest, plan: &'a Plan, seed: u64) -> Self {
        let parts = manifest.documents.iter();
        Self {
            plan,
            seed,
            files: parts.map(|part| dir.join(&part.file)).collect(),
            open: None,
            waiting: VecDeque::new(),
            sampled: BTreeMap::new(),
            languages: BTreeSet::new(),
            failure: None,
        }
    }

    /// The next text; `None` at the end and after an error, which
    /// [`Self::finish`] gives back.
    pub fn next_piece(&mut self) -> Option<Piece> {
        while self.waiting.is_empty() {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failure = Some(error);
                    self.files.clear();
                    self.open = None;
                    return None;
                }
            }
        }
        self.waiting.pop_front()
    }

    /// Takes the texts of the next row group, and says whether there was one.
    fn fill(&mut self) -> Result<bool> {
        interrupt::check()?;
        let (file, group) = match self.open.take() {
            Some((file, group)) if group < file.row_groups() => (file, group),
            _ => match self.files.pop_front() {
                Some(path) => (DocumentFile::open(&path)?, 0),
                None => return Ok(false),
            },
        };
        if group < file.row_groups() {
            for batch in file.read(group, 64)? {
                for document in batch? {
                    self.take(&document);
                }
            }
        }
        self.open = Some((file, group + 1));
        Ok(true)
    }

    fn take(&mut self, document: &Document) {
        let times = self.plan.times(&document.lang, &document.id.0, self.seed);
        if times == 0 {
            return;
        }
        let language = match self.languages.get(document.lang.as_str()) {
            Some(language) => Arc::clone(language),
            None => Arc::from(document.lang.as_str()),
        };
        self.languages.insert(Arc::clone(&language));
        let sampled = self.sampled.entry(document.lang.clone()).or_default();
        sampled.documents += 1;
        sampled.bytes += times * document.content.bytes();
        let pieces = document.content.pieces();
        self.waiting.extend(pieces.map(|text| Piece {
            text: text.to_owned(),
            times,
            language: Arc::clone(&language),
        }));
    }

    /// What was taken, once all texts are.
    ///
    /// # Errors
    /// What ended the texts before their end.
    pub fn finish(self) -> Result<BTreeMap<String, Sampled>> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        let mut sampled = self.sampled;
        let all: u64 = sampled.values().map(|sampled| sampled.bytes).sum();
        for (language, (times, bytes)) in &self.plan.times {
            let row = sampled.entry(language.clone()).or_default();
            row.share = row.bytes as f64 / all.max(1) as f64;
            row.corpus_bytes = *bytes;
            row.times = *times;
        }
        Ok(sampled)
    }
}
