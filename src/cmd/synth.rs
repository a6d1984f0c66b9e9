//! `prep synth`: synthetic text and Q&A with planted copies, to measure with.

use super::Context;
use crate::exit::Exit;
use crate::output;
use crate::synth::language::{self, LANGUAGES, Language};
use crate::synth::plant::Shares;
use crate::synth::{self, Format, Options};
use crate::table::Table;
use crate::units::{grouped, human_bytes, parse_bytes};
use anyhow::{Result, ensure};
use std::path::PathBuf;

/// Make synthetic text and Q&A of any volume, with copies planted and the truth about them.
///
/// Words, sentences and documents have the lengths and frequencies of prose, but no meaning: this
/// is for measuring speed, memory and the search for copies, not for training. Writes data/ (what
/// ingest reads), truth.jsonl (for each document its place, what it is a copy of and the exact
/// similarity: Jaccard of word 5-grams of the comparison key) and manifest.json. The same --seed
/// gives the same bytes. Memory: about 30 MB.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory to write. Must be new, or of the same run.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How much to make, as bytes with a unit; the last document is whole.
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = parse_bytes)]
    bytes: u64,
    /// Which files to make. In txt, ingest packs paragraphs to documents of its own, so copies are
    /// found as documents in jsonl and qa alone.
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    format: Format,
    /// Size at which a file ends, as bytes with a unit.
    #[arg(long, value_name = "SIZE", default_value = "100MB", value_parser = parse_bytes)]
    file_size: u64,
    /// Languages, each in as many documents as the others, as codes with commas between them.
    #[arg(long, value_name = "CODES", default_value = "ru,en", value_delimiter = ',', value_parser = parse_language)]
    languages: Vec<&'static Language>,
    /// Documents that are exact copies of another, in percent; a quarter of them differ in capitals
    /// and punctuation.
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = parse_percent)]
    duplicates: f64,
    /// Documents that are near copies, at similarities of 0.95, 0.9, 0.8, 0.7 and 0.5, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = parse_percent)]
    near: f64,
    /// Documents that are B or C of a chain in which A is like B (0.85), B is like C, and A is not
    /// like C (about 0.72), in percent.
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = parse_percent)]
    chains: f64,
    /// Documents that begin with one of 16 texts of 400 characters, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "2%", value_parser = parse_percent)]
    boilerplate: f64,
    /// Documents that are made from one of 16 templates, every twelfth word a slot, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = parse_percent)]
    templates: f64,
}

fn parse_language(code: &str) -> Result<&'static Language, String> {
    language::named(code.trim()).ok_or_else(|| {
        let known: Vec<&str> = LANGUAGES.iter().map(|language| language.code).collect();
        format!("`{code}` is not made; known are {}", known.join(", "))
    })
}

/// `10%` or `10`, as a share of 1.
fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    match number.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!(
            "`{text}` is no share of documents; expected 0% to 100%"
        )),
    }
}

/// Make, print what was made.
///
/// # Errors
/// What could not be written, with place and remedy.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let shares = Shares {
        duplicates: args.duplicates,
        near: args.near,
        chains: args.chains,
        boilerplate: args.boilerplate,
        templates: args.templates,
    };
    ensure!(
        shares.total() <= 0.9,
        "{:.0}% of the documents are plants; at most 90% can be, the others are their originals",
        shares.total() * 100.0
    );
    let options = Options {
        out: args.out.clone(),
        bytes: args.bytes,
        file_bytes: args.file_size.max(1),
        format: args.format,
        languages: args.languages.clone(),
        shares,
    };
    let report = synth::run(&options, context)?;
    if context.json {
        output::data(&serde_json::to_string(&report)?);
    } else {
        let mut table = Table::new(&["plant", "documents"]);
        for (plant, count) in &report.plants {
            table.row(vec![plant.clone(), grouped(*count)]);
        }
        table.row(vec!["all".to_owned(), grouped(report.documents)]);
        output::data(&table.render());
    }
    let out = args.out.display();
    context.note(&format!(
        "{} in {} files; next: prep ingest {out}/data --out corpus",
        human_bytes(report.bytes),
        report.files.len()
    ));
    Ok(Exit::Done)
}
