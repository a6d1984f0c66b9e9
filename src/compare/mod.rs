//! `prep compare A B`: is it the same distribution, and what differs?
//!
//! ```text
//! A, B ─ pass 1 ─▶ words by block (divergence), words and pairs (importance), a sample (classifier, perplexity)
//!      ─ pass 2 ─▶ words that differ most (drift), weights of B (importance)
//!      ─ copies ─▶ the search of `prep shard` (sharding::across), on disk
//! B    ─ pass 3 ─▶ the selected documents as a corpus (select), with --select
//! ```
//!
//! Memory: 70 MB of counts, 4.8 kB for each of the 8,000 sampled documents, 24 bytes a selected document,
//! units of 4 MB under way, and what the search for copies takes of `--memory`. Every number depends
//! on documents, options and seed alone: units are folded in their order.

mod classifier;
mod divergence;
mod drift;
mod importance;
mod perplexity;
mod select;
mod side;
#[cfg(test)]
mod tests;
mod verdict;
pub mod view;
mod words;

use crate::cmd::Context;
use crate::document::Document;
use crate::document::id::hash_file;
pub use crate::plan::Lang as Language;
use crate::progress::{Progress, Unit as ProgressUnit};
use crate::run_dir;
use crate::scratch::Scratch;
use crate::sharding::across::{self, Copies};
use crate::tokenize::Tokenizer;
use crate::{interrupt, ordered};
use anyhow::{Result, ensure};
pub use classifier::Auc;
use classifier::Features;
pub use divergence::Divergence;
use divergence::{BLOCKS, Counts};
pub use drift::{Drift, Word};
pub use importance::Weights;
use importance::{Best, Ratios, Scored, Spread};
pub use perplexity::{Figures, Measured, measure};
use serde::Serialize;
use serde_json::json;
use side::Side;
use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::PathBuf;
use words::{Cut, pair};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Characters of a document that a model is asked about, before tokens are counted.
const MODEL_CHARACTERS: usize = 6_000;

/// What to compare and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Corpus or shards.
    pub a: PathBuf,
    /// Corpus or shards.
    pub b: PathBuf,
    /// Tokens of this tokenizer are compared; words where there is none.
    pub tokenizer: Option<PathBuf>,
    /// Whether copies are searched.
    pub copies: bool,
    /// Documents of B that are selected, and where they are written.
    pub select: Option<(u64, PathBuf)>,
    /// Documents of each set that a model is asked about, about.
    pub model_documents: u64,
    /// What the verdict is written in.
    pub language: Language,
}

/// One of the sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SetFigures {
    /// Its directory.
    pub dir: String,
    /// Documents in it.
    pub documents: u64,
    /// Unicode scalar values of their content.
    pub characters: u64,
    /// UTF-8 bytes of it.
    pub bytes: u64,
    /// Words and runs of signs, or tokens.
    pub words: u64,
    /// Characters by language; `und` of shards.
    pub by_language: BTreeMap<String, u64>,
    /// Characters by kind of document; of shards all are `text`.
    pub by_kind: BTreeMap<String, u64>,
}

impl AddAssign<&SetFigures> for SetFigures {
    fn add_assign(&mut self, other: &SetFigures) {
        self.documents += other.documents;
        self.characters += other.characters;
        self.bytes += other.bytes;
        self.words += other.words;
        for (mine, theirs) in [
            (&mut self.by_language, &other.by_language),
            (&mut self.by_kind, &other.by_kind),
        ] {
            for (key, characters) in theirs {
                *mine.entry(key.clone()).or_default() += characters;
            }
        }
    }
}

/// Conflicting answers inside each set; `null` of shards, whose tokens do not tell a question from its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Inside {
    /// Of A.
    pub a: Option<Copies>,
    /// Of B.
    pub b: Option<Copies>,
}

/// What copies were found of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Across {
    /// The set whose documents are counted, `a` or `b`.
    pub of: &'static str,
    /// Documents in it.
    pub documents: u64,
    /// What stands in the other set, too.
    #[serde(flatten)]
    pub copies: Copies,
}

/// Perplexities under a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Perplexity {
    /// Of documents of A.
    pub a: Option<Figures>,
    /// Of documents of B.
    pub b: Option<Figures>,
}

/// Documents that were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Selected {
    /// The corpus of them.
    pub dir: String,
    /// How many.
    pub documents: u64,
}

/// All that `--json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Always `compare`.
    pub command: &'static str,
    /// What was counted: `words` or `tokens`.
    pub counted: &'static str,
    /// The first set, the target of the weights.
    pub a: SetFigures,
    /// The second set.
    pub b: SetFigures,
    /// How far their distributions of words are from each other.
    pub divergence: Divergence,
    /// Whether a classifier tells them apart; `null` of sets of too few documents.
    pub classifier: Option<Auc>,
    /// How close documents of B are to A.
    pub importance: Weights,
    /// Words that differ most.
    pub drift: Drift,
    /// Copies across; `null` where they were not searched.
    pub across: Option<Across>,
    /// Copies and conflicting answers inside each.
    pub inside: Option<Inside>,
    /// What a model makes of them; `null` without one.
    pub perplexity: Option<Perplexity>,
    /// What was selected; `null` without `--select`.
    pub selected: Option<Selected>,
    /// In words.
    pub verdict: Vec<String>,
}

/// A comparison, with the texts that a model may be asked about: id and beginning, of A and of B.
pub struct Compared {
    /// All but the perplexities; the verdict is made by [`Report::judge`].
    pub report: Report,
    /// Of A and B.
    pub texts: [Vec<(String, String)>; 2],
}

impl Report {
    /// Writes the verdict, once all figures are there.
    pub fn judge(&mut self, language: Language) {
        self.verdict = verdict::write(self, language);
    }
}

/// Compares.
///
/// # Errors
/// When a set cannot be read, or the selection cannot be written.
pub fn run(options: &Options, context: &Context) -> Result<Compared> {
    let [a, b] = [Side::open(&options.a)?, Side::open(&options.b)?];
    ensure!(
        options.select.is_none() || b.is_corpus(),
        "--select takes documents of a corpus; {} holds tokens. Give the corpus that it was made from",
        options.b.display()
    );
    for side in [&a, &b] {
        ensure!(
            side.documents > 0,
            "{} holds no document",
            side.dir.display()
        );
    }
    let cut = match &options.tokenizer {
        Some(path) => Cut::by(Tokenizer::open(path)?),
        None => Cut::Words,
    };
    let bytes = |side: &Side| side.units.iter().map(|unit| unit.bytes).sum::<u64>();
    let total = 2 * (bytes(&a) + bytes(&b));
    let progress = context.progress("compare", ProgressUnit::Bytes, Some(total));
    let reader = Reader {
        cut: &cut,
        context,
        progress: &progress,
        model_documents: options.model_documents,
    };
    let [first_a, first_b] = [reader.first(&a)?, reader.first(&b)?];
    let divergence = Divergence::of(&first_a.counts, &first_b.counts, context.seed);
    let classifier = classifier::measure(&first_a.sample, &first_b.sample, context.seed);
    let totals = [first_a.counts.total(), first_b.counts.total()];
    let chosen = drift::choose(&totals[0], &totals[1]);
    let ratios = Ratios::of(&first_a.grams, &first_b.grams);
    let selected = options.select.as_ref().map_or(0, |(most, _)| *most);
    let mut words = drift::WordCounts::new();
    let mut scores = Scores {
        best: Best::new(selected),
        spread: Spread::default(),
    };
    reader.second(&a, 0, &chosen, &ratios, &mut words, None)?;
    reader.second(&b, 1, &chosen, &ratios, &mut words, Some(&mut scores))?;
    progress.finish();
    let drift = drift::most_telling(&words, first_a.figures.words, first_b.figures.words);
    let (across, inside) = if options.copies {
        let (across, inside) = copies(&a, &b, context)?;
        (across, Some(inside))
    } else {
        (None, None)
    };
    let importance = scores.spread.weights();
    let selected = match &options.select {
        Some((most, out)) => {
            let places = scores.best.places();
            let config = selection(options, *most, context)?;
            select::write(&b, &places, out, &config, context.threads)?;
            Some(Selected {
                dir: out.display().to_string(),
                documents: places.len() as u64,
            })
        }
        None => None,
    };
    let report = Report {
        command: "compare",
        counted: match cut {
            Cut::Words => "words",
            Cut::Tokens { .. } => "tokens",
        },
        a: first_a.figures,
        b: first_b.figures,
        divergence,
        classifier,
        importance,
        drift,
        across,
        inside,
        perplexity: None,
        selected,
        verdict: Vec::new(),
    };
    Ok(Compared {
        report,
        texts: [first_a.texts, first_b.texts],
    })
}

/// What decides the bytes of a selection.
fn selection(options: &Options, most: u64, context: &Context) -> Result<serde_json::Value> {
    let hash = |dir| hash_file(&run_dir::manifest_path(dir));
    let tokenizer = options.tokenizer.as_ref().map(|path| Tokenizer::open(path));
    let tokenizer = tokenizer.transpose()?;
    Ok(json!({
        "command": "compare",
        "a": hash(&options.a)?,
        "b": hash(&options.b)?,
        "select": most,
        "tokenizer": tokenizer.map(|tokenizer| tokenizer.fingerprint().to_owned()),
        "seed": context.seed,
    }))
}

/// Searches copies across and inside, in a directory that goes at the end.
fn copies(a: &Side, b: &Side, context: &Context) -> Result<(Option<Across>, Inside)> {
    let scratch = Scratch::new()?;
    let find = |of: &Side, other: Option<&Side>, name: &str| {
        let place = scratch.path().join(name);
        across::find(
            &of.dir,
            other.map(|side| side.dir.as_path()),
            &place,
            context,
        )
    };
    // Documents are looked for in the other set; of tokens alone they cannot be.
    let (of, other, name) = if b.is_corpus() {
        (b, a, "b")
    } else {
        (a, b, "a")
    };
    let across = if of.is_corpus() {
        Some(Across {
            of: name,
            documents: of.documents,
            copies: find(of, Some(other), "across")?,
        })
    } else {
        context.note("copies are searched where one of both is a corpus");
        None
    };
    let inside = |side: &Side, name: &str| -> Result<Option<Copies>> {
        side.is_corpus().then(|| find(side, None, name)).transpose()
    };
    let inside = Inside {
        a: inside(a, "inside-a")?,
        b: inside(b, "inside-b")?,
    };
    Ok((across, inside))
}

/// What the first pass gathers of a set.
#[derive(Default)]
struct First {
    figures: SetFigures,
    counts: Counts,
    grams: Vec<u64>,
    sample: Vec<(bool, Features)>,
    texts: Vec<(String, String)>,
}

/// The same of one unit, small.
#[derive(Default)]
struct FirstOfUnit {
    figures: SetFigures,
    /// Keys of [`Counts`] and how often each.
    keys: Vec<(u32, u32)>,
    grams: Vec<u64>,
    sample: Vec<(bool, Features)>,
    texts: Vec<(String, String)>,
}

/// What the second pass gathers of B.
struct Scores {
    best: Best,
    spread: Spread,
}

struct Reader<'a> {
    cut: &'a Cut,
    context: &'a Context,
    progress: &'a Progress,
    model_documents: u64,
}

impl Reader<'_> {
    /// Whether a document is among about `most` of `all`, decided by its id.
    fn takes(&self, id: &[u8; 16], purpose: u64, most: u64, all: u64) -> bool {
        let hash = xxh3_64_with_seed(id, self.context.seed ^ purpose);
        hash as f64 / 2_f64.powi(64) < most as f64 / all.max(1) as f64
    }

    fn first(&self, side: &Side) -> Result<First> {
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
            let block = xxh3_64_with_seed(id, self.context.seed ^ 0x62_6c6f_636b) % BLOCKS as u64;
            let block = block * divergence::PLACES as u64;
            let (mut last, mut words) = (None, 0);
            beginning.clear();
            self.cut.for_each(&document, |_, hash| {
                keys.push((block + hash % divergence::PLACES as u64) as u32);
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
            found.figures.add(&document, words as u64);
            Ok(())
        })?;
        keys.sort_unstable();
        found.keys = (keys.chunk_by(|a, b| a == b))
            .map(|same| (same[0], same.len() as u32))
            .collect();
        Ok(found)
    }

    /// Counts the words of the chosen places, and weighs the documents where `scores` are wanted.
    fn second(
        &self,
        side: &Side,
        number: usize,
        chosen: &[bool],
        ratios: &Ratios,
        words: &mut drift::WordCounts,
        mut scores: Option<&mut Scores>,
    ) -> Result<()> {
        let weigh = scores.is_some();
        ordered::map_fold(
            self.context.threads,
            side.units.iter().enumerate().map(Ok),
            |(index, unit)| {
                let mut counts = BTreeMap::<String, u64>::new();
                let mut weights = Vec::new();
                let (mut places, mut row) = (Vec::<u16>::new(), 0_u32);
                side.for_each(unit, |document| {
                    places.clear();
                    let mut last = None;
                    self.cut.for_each(&document, |word, hash| {
                        if chosen[(hash % divergence::PLACES as u64) as usize] {
                            match counts.get_mut(word) {
                                Some(count) => *count += 1,
                                None => {
                                    counts.insert(word.to_owned(), 1);
                                }
                            }
                        }
                        places.push(importance::place(hash) as u16);
                        if let Some(last) = last.replace(hash) {
                            places.push(importance::place(pair(last, hash)) as u16);
                        }
                    })?;
                    if weigh {
                        let weight = ratios.weight(&places);
                        let noise = importance::gumbel(&document.id.0, self.context.seed);
                        let scored = Scored {
                            score: weight + noise,
                            at: (index as u32, row),
                        };
                        weights.push((weight, places.len(), scored));
                    }
                    row += 1;
                    Ok(())
                })?;
                Ok((unit.bytes, counts, weights))
            },
            |(bytes, counts, weights)| {
                interrupt::check()?;
                self.progress.add(bytes);
                for (word, count) in counts {
                    words.entry(word).or_default()[number] += count;
                }
                if let Some(scores) = &mut scores {
                    for (weight, places, scored) in weights {
                        scores.spread.add(weight, places);
                        scores.best.push(scored);
                    }
                }
                Ok(())
            },
        )
    }
}

impl SetFigures {
    fn add(&mut self, document: &Document, words: u64) {
        let characters = document.content.characters();
        self.documents += 1;
        self.characters += characters;
        self.bytes += document.content.bytes();
        self.words += words;
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
