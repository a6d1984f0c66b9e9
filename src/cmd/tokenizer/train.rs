//! `prep tokenizer train`: a vocabulary of one's own.

use super::super::Context;
use crate::exit::Exit;
use crate::output;
use crate::sample::{self, LanguageWeight};
use crate::table::Table;
use crate::tokenize::{BUILT_IN, Digits, ModelKind, Spaces, Training};
use crate::units::{grouped, human_bytes, parse_bytes};
use crate::vocabulary::{self, Options, TrainReport};
use anyhow::Result;
use std::path::PathBuf;

/// Train a tokenizer on a sample of a corpus: tokenizer.json and `tokenizer_config.json`.
///
/// `prep shard --tokenizer DIR` takes it, and so does `transformers`. The bytes depend on corpus,
/// options and --seed alone. Special tokens: <|bos|> <|eos|> <|pad|> `<|im_start|>` `<|im_end|>` and three
/// reserved ones. Memory: within --memory, which decides how many distinct words are kept, 4 million at
/// most (1.8 GB; 2.3 GB for unigram); the rarest go.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Corpus directory that `prep ingest` wrote, or a file, which is ingested for the occasion.
    #[arg(value_name = "CORPUS")]
    corpus: PathBuf,
    /// Directory to write. Must be new, or of the same run.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Model of the tokenizer.
    #[arg(long, value_name = "KIND", default_value = "byte-level")]
    kind: ModelKind,
    /// Entries of the vocabulary at most, special tokens included.
    #[arg(long, value_name = "TOKENS", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(300..=1_000_000))]
    vocab_size: u32,
    /// Content that it is trained on, a seeded sample of documents, as bytes with a unit.
    #[arg(long, value_name = "SIZE", default_value = "200MB", value_parser = parse_bytes)]
    sample_bytes: u64,
    /// Shares of the sample by language, as ru=0.5,en=0.5. A language that has less than its share is
    /// repeated; what the shares leave of 1 is for all other languages. Default: as the corpus has them.
    #[arg(long, value_name = "LANG=SHARE", value_delimiter = ',', value_parser = sample::parse_weight)]
    weight_language: Vec<LanguageWeight>,
    /// Digits of a number that a token may hold.
    #[arg(long, value_name = "HOW", default_value = "triples")]
    digits: Digits,
    /// Whether runs of white space may be tokens, or each character is one.
    #[arg(long, value_name = "HOW", default_value = "runs")]
    whitespace: Spaces,
    /// Special token beside prep's own; may be repeated. Default: none.
    #[arg(long, value_name = "TOKEN")]
    special_token: Vec<String>,
    /// Chat template, whose tokens become special ones.
    #[arg(long, value_name = "NAME", default_value = "chatml", value_parser = template_names())]
    chat_template: String,
    /// Share of the characters of the sample that have a token of their own, 0.9 to 1, others are
    /// written as bytes; not for byte-level.
    #[arg(long, value_name = "SHARE", default_value = "0.9995", value_parser = parse_coverage)]
    character_coverage: f64,
}

fn template_names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|row| row.name).collect()
}

fn parse_coverage(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(share) if (0.9..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("`{text}` is not between 0.9 and 1")),
    }
}

/// Trains, tells what came of it.
///
/// # Errors
/// What could not be read or written, with place and remedy.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let options = Options {
        corpus: args.corpus.clone(),
        out: args.out.clone(),
        sample_bytes: args.sample_bytes,
        weights: args.weight_language.clone(),
        chat_template: args.chat_template.clone(),
        training: Training {
            kind: args.kind,
            vocab_size: args.vocab_size,
            digits: args.digits,
            spaces: args.whitespace,
            special_tokens: args.special_token.clone(),
            character_coverage: args.character_coverage,
            most_words: None,
        }
        .within(context.memory)?,
    };
    let report = vocabulary::run(&options, context)?;
    if context.json {
        output::data(&serde_json::to_string(&report)?);
    } else {
        output::data(&view(&report));
    }
    if report.vocab_size < args.vocab_size {
        context.note(&format!(
            "the sample is too small for {} tokens: the vocabulary has {}",
            grouped(args.vocab_size.into()),
            grouped(report.vocab_size.into())
        ));
    }
    let out = args.out.display();
    context.note(&format!(
        "next: prep shard {} --out shards --tokenizer {out}   (or: prep tokenizer inspect {out})",
        args.corpus.display()
    ));
    Ok(Exit::Done)
}

fn view(report: &TrainReport) -> String {
    let mut table = Table::new(&[
        "sample",
        "documents",
        "bytes",
        "share",
        "of the corpus",
        "times",
    ]);
    for (language, sample) in &report.sample {
        table.row(vec![
            language.clone(),
            grouped(sample.documents),
            human_bytes(sample.bytes),
            format!("{:.1} %", 100.0 * sample.share),
            human_bytes(sample.corpus_bytes),
            format!("{:.2}", sample.times),
        ]);
    }
    format!(
        "{}\n\nvocabulary {}, fingerprint {}",
        table.render(),
        grouped(report.vocab_size.into()),
        report.fingerprint
    )
}
