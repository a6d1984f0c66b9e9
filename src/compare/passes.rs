//! The two passes over the documents of a set. Units are read on all cores and folded in their order.

use super::divergence::{self, Answers, Counts, Question};
use super::importance::{self, Best, Ratios, Scored, Spread};
use super::side::{self, Side};
use super::words::{Cut, pair};
use super::{SetFigures, classifier, drift};
use crate::cmd::Context;
use crate::document::Document;
use crate::progress::Progress;
use crate::{interrupt, ordered};
use anyhow::Result;
use classifier::Features;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Characters of a document that a model is asked about, before tokens are counted.
const MODEL_CHARACTERS: usize = 6_000;

/// What the first pass gathers of a set.
#[derive(Default)]
pub struct First {
    pub figures: SetFigures,
    pub counts: Counts,
    pub grams: Vec<u64>,
    pub sample: Vec<(bool, Features)>,
    pub texts: Vec<(String, String)>,
}

/// The same of one unit, small.
#[derive(Default)]
struct FirstOfUnit {
    figures: SetFigures,
    /// Places of [`Counts`] and how often each.
    keys: Vec<(u32, u32)>,
    grams: Vec<u64>,
    sample: Vec<(bool, Features)>,
    texts: Vec<(String, String)>,
}

/// What the second pass gathers of both sets.
#[derive(Default)]
pub struct Second {
    /// For the divergence.
    pub answers: Answers,
    /// How often each word of the chosen places occurs.
    pub words: drift::WordCounts,
}

/// What the second pass gathers of B.
pub struct Scores {
    pub best: Best,
    pub spread: Spread,
}

/// What both passes read with.
pub struct Reader<'a> {
    pub cut: &'a Cut,
    pub context: &'a Context,
    pub progress: &'a Progress,
    /// Documents of each set that a model is asked about.
    pub model_documents: u64,
}

impl Reader<'_> {
    /// Whether a document is among about `most` of `all`, decided by its id.
    fn takes(&self, id: &[u8; 16], purpose: u64, most: u64, all: u64) -> bool {
        let hash = xxh3_64_with_seed(id, self.context.seed ^ purpose);
        hash as f64 / 2_f64.powi(64) < most as f64 / all.max(1) as f64
    }

    /// Counts the words of a set, and samples its documents.
    ///
    /// # Errors
    /// When the set is damaged, or a text cannot be encoded.
    pub fn first(&self, side: &Side) -> Result<First> {
        let mut all = First {
            grams: vec![0; importance::PLACES],
            ..First::default()
        };
        all.figures.dir = side.dir.display().to_string();
        ordered::map_fold(
            self.context.threads,
            side.units.iter().map(Ok),
            |unit| Ok((unit.bytes, self.first_of_unit(side, unit)?)),
            |(bytes, found)| {
                interrupt::check()?;
                self.progress.add(bytes);
                all.figures += &found.figures;
                for (key, count) in found.keys {
                    all.counts.add(key, count);
                }
                for (sum, count) in all.grams.iter_mut().zip(found.grams) {
                    *sum += count;
                }
                all.sample.extend(found.sample);
                all.texts.extend(found.texts);
                Ok(())
            },
        )?;
        Ok(all)
    }

    fn first_of_unit(&self, side: &Side, unit: &side::Unit) -> Result<FirstOfUnit> {
        let mut found = FirstOfUnit {
            grams: vec![0; importance::PLACES],
            ..FirstOfUnit::default()
        };
        let mut keys: Vec<u32> = Vec::new();
        let mut beginning: Vec<u64> = Vec::new();
        side.for_each(unit, |document| {
            let id = &document.id.0;
            let (mut last, mut words) = (None, 0);
            beginning.clear();
            self.cut.for_each(&document, |_, hash| {
                keys.push(divergence::place(hash));
                found.grams[importance::place(hash)] += 1;
                let paired = last.replace(hash).map(|last| pair(last, hash));
                if let Some(paired) = paired {
                    found.grams[importance::place(paired)] += 1;
                }
                if words < classifier::WORDS {
                    beginning.push(hash);
                    beginning.extend(paired);
                }
                words += 1;
            })?;
            if self.takes(id, 0x7361_6d70_6c65, classifier::SAMPLED, side.documents) {
                let learned = self.takes(id, 0x6861_6c66, 1, 2);
                found.sample.push((learned, Features::of(&beginning)));
            }
            if self.takes(id, 0x6d_6f64_656c, self.model_documents, side.documents) {
                found
                    .texts
                    .push((document.id.to_string(), beginning_of(&document)));
            }
            found.figures.add(&document, words as u64, side.is_corpus());
            Ok(())
        })?;
        found.keys = counted(keys);
        Ok(found)
    }

    /// Counts the words of the chosen places, asks the question of each document, and weighs it where
    /// `scores` are wanted. `number` is 0 for A and 1 for B.
    ///
    /// # Errors
    /// When the set is damaged, or a text cannot be encoded.
    pub fn second(
        &self,
        side: &Side,
        number: usize,
        (chosen, question): (&[bool], &Question),
        found: &mut Second,
        mut scores: Option<(&Ratios, &mut Scores)>,
    ) -> Result<()> {
        let ratios = scores.as_ref().map(|(ratios, _)| *ratios);
        ordered::map_fold(
            self.context.threads,
            side.units.iter().enumerate().map(Ok),
            |(index, unit)| {
                let unit_found =
                    self.second_of_unit(side, (index as u32, unit), (chosen, question), ratios)?;
                Ok((unit.bytes, unit_found))
            },
            |(bytes, unit)| {
                interrupt::check()?;
                self.progress.add(bytes);
                for (word, count) in unit.words {
                    found.words.entry(word).or_default()[number] += count;
                }
                found.answers.add_squares(unit.squares);
                for (key, count) in unit.dealt {
                    found.answers.add_dealt(key, count);
                }
                if let Some((_, scores)) = &mut scores {
                    for (weight, places, scored) in unit.weights {
                        scores.spread.add(weight, places);
                        scores.best.push(scored);
                    }
                }
                Ok(())
            },
        )
    }

    fn second_of_unit(
        &self,
        side: &Side,
        (index, unit): (u32, &side::Unit),
        (chosen, question): (&[bool], &Question),
        ratios: Option<&Ratios>,
    ) -> Result<SecondOfUnit> {
        let mut found = SecondOfUnit::default();
        let mut dealt: Vec<u32> = Vec::new();
        let (mut places, mut grams, mut row) = (Vec::new(), Vec::<u16>::new(), 0_u32);
        side.for_each(unit, |document| {
            places.clear();
            grams.clear();
            let mut last = None;
            self.cut.for_each(&document, |word, hash| {
                let place = divergence::place(hash);
                places.push(place);
                if chosen[place as usize] {
                    match found.words.get_mut(word) {
                        Some(count) => *count += 1,
                        None => {
                            found.words.insert(word.to_owned(), 1);
                        }
                    }
                }
                grams.push(importance::place(hash) as u16);
                if let Some(last) = last.replace(hash) {
                    grams.push(importance::place(pair(last, hash)) as u16);
                }
            })?;
            found.squares += question.square(&places);
            for deal in question.dealt(&document.id.0) {
                let first = (deal * divergence::PLACES) as u32;
                dealt.extend(places.iter().map(|place| first + place));
            }
            if let Some(ratios) = ratios {
                let weight = ratios.weight(&grams);
                let noise = importance::gumbel(&document.id.0, self.context.seed);
                let scored = Scored {
                    score: weight + noise,
                    at: (index, row),
                };
                found.weights.push((weight, grams.len(), scored));
            }
            row += 1;
            Ok(())
        })?;
        found.dealt = counted(dealt);
        Ok(found)
    }
}

/// What the second pass gathers of one unit.
#[derive(Default)]
struct SecondOfUnit {
    words: BTreeMap<String, u64>,
    /// Sum of [`Question::square`].
    squares: f64,
    /// Keys of [`Answers::add_dealt`] and how often each.
    dealt: Vec<(u32, u32)>,
    /// Weight of each document, its words and pairs, and its score.
    weights: Vec<(f64, usize, Scored)>,
}

/// How often each number is there.
fn counted(mut numbers: Vec<u32>) -> Vec<(u32, u32)> {
    numbers.sort_unstable();
    (numbers.chunk_by(|a, b| a == b))
        .map(|same| (same[0], same.len() as u32))
        .collect()
}

impl SetFigures {
    fn add(&mut self, document: &Document, words: u64, is_of_corpus: bool) {
        let characters = document.content.characters();
        self.documents += 1;
        self.characters += characters;
        self.bytes += document.content.bytes();
        self.words += words;
        if !is_of_corpus {
            return;
        }
        *self.by_language.entry(document.lang.clone()).or_default() += characters;
        let kind = document.content.kind().name().to_owned();
        *self.by_kind.entry(kind).or_default() += characters;
    }
}

/// What a model is asked about: the beginning of what is learned of a document.
fn beginning_of(document: &Document) -> String {
    let pieces: Vec<&str> = document.content.learned().collect();
    let text = pieces.join("\n");
    match text.char_indices().nth(MODEL_CHARACTERS) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}
