//! `prep compare A B`: is it the same distribution, and what differs?
//!
//! ```text
//! A, B ─ pass 1 ─▶ words (divergence), words and pairs (importance), a sample (classifier, perplexity)
//!      ─ pass 2 ─▶ what chance does (divergence), words that differ most (drift), weights of B (importance)
//!      ─ copies ─▶ the search of `prep shard` (sharding::across), on disk
//! B    ─ pass 3 ─▶ the selected documents as a corpus (select), with --select
//! ```
//!
//! Memory: 120 MB of counts, 4.8 kB for each of the 8,000 sampled documents, 24 bytes a selected document,
//! units of 4 MB under way, and what the search for copies takes of `--memory`. Every number depends
//! on documents, options and seed alone: units are folded in their order.

mod classifier;
mod divergence;
mod drift;
mod importance;
mod passes;
mod perplexity;
mod select;
mod side;
#[cfg(test)]
mod tests;
mod verdict;
pub mod view;
mod words;

use crate::cmd::Context;
use crate::document::id::hash_file;
pub use crate::plan::Lang as Language;
use crate::progress::Unit as ProgressUnit;
use crate::run_dir;
use crate::scratch::Scratch;
use crate::sharding::across::{self, Copies};
use crate::tokenize::Tokenizer;
use anyhow::{Result, ensure};
pub use classifier::Auc;
pub use divergence::Divergence;
use divergence::Question;
pub use drift::{Drift, Word};
pub use importance::Weights;
use importance::{Best, Ratios, Spread};
use passes::{Reader, Scores, Second};
pub use perplexity::{Figures, Measured, measure};
use serde::Serialize;
use serde_json::json;
use side::Side;
use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::PathBuf;
use words::Cut;

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
    /// Characters by language; empty of shards, whose tokens do not tell.
    pub by_language: BTreeMap<String, u64>,
    /// Characters by kind of document; empty of shards.
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
    let classifier = classifier::measure(&first_a.sample, &first_b.sample, context.seed);
    let (counts_a, counts_b) = (&first_a.counts, &first_b.counts);
    let chosen = drift::choose(counts_a.by_place(), counts_b.by_place());
    let ratios = Ratios::of(&first_a.grams, &first_b.grams);
    let selected = options.select.as_ref().map_or(0, |(most, _)| *most);
    let mut found = Second::default();
    let mut scores = Scores {
        best: Best::new(selected),
        spread: Spread::default(),
    };
    let question = Question::to(counts_a, counts_b, context.seed);
    reader.second(&a, 0, (&chosen, &question), &mut found, None)?;
    let question = Question::to(counts_b, counts_a, context.seed);
    let weigh = Some((&ratios, &mut scores));
    reader.second(&b, 1, (&chosen, &question), &mut found, weigh)?;
    let documents = [first_a.figures.documents, first_b.figures.documents];
    let divergence = Divergence::of([counts_a, counts_b], documents, &found.answers);
    progress.finish();
    let drift = drift::most_telling(&found.words, first_a.figures.words, first_b.figures.words);
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
