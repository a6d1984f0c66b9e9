//! `prep ingest`: raw files to normalised documents.

use super::Context;
use crate::exit::Exit;
use crate::ingest::encoding::Encoding;
use crate::ingest::format::Format;
use crate::ingest::repair::Switches;
use crate::ingest::shape::{self, Shape};
use crate::ingest::source::{self, Wishes};
use crate::ingest::text::Split;
use crate::ingest::{self, Options};
use crate::table::Table;
use crate::units::grouped;
use crate::{output, view};
use anyhow::Result;
use std::path::PathBuf;

/// Read raw text and Q&A and write normalised documents.
///
/// Reads .txt .md .log .html .jsonl .json .csv .tsv .parquet .arrow .feather .warc .wet, each also as
/// .gz .zst .bz2 .xz .lz4 and in .tar and .zip archives, from files, directories, patterns, lists and
/// standard input, in any encoding of Russian and English. A page of HTML is read up to 16 MiB.
/// Every record is in the output, or in rejects/ with its place and the reason; the originals are
/// never touched. An interrupted run goes on where it was when the same command is given again.
/// Memory: about 60 MB with two threads, 16 MB more for each further one; pages of HTML of the largest
/// size take up to 200 MB more for each thread.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, directories and patterns (quote them) to read; `-` is standard input, of which a copy is
    /// kept in DIR until the run ends.
    #[arg(required_unless_present = "files_from", value_name = "SOURCE")]
    sources: Vec<String>,
    /// Read the files that this list names, one path a line or separated by zero bytes; `-` takes the
    /// list from standard input. Default: none.
    #[arg(long, value_name = "FILE")]
    files_from: Option<String>,
    /// Directory to write: documents/, rejects/, manifest.json, report.json. Must be new, or of
    /// the same run.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Read every source, and every member of an archive, in this format; of XML, text is what stands
    /// between its tags. Default: told by content, else by the ending of its name.
    #[arg(long = "as", value_name = "FORMAT")]
    format: Option<Format>,
    /// Shape of every structured record. Default: the first that fits, for each record.
    #[arg(long, value_name = "SHAPE", value_parser = shape_names())]
    shape: Option<String>,
    /// How plain text becomes documents: paragraphs packed to --document-size, or a document a line.
    #[arg(long, value_name = "HOW", default_value = "paragraphs", value_parser = ["paragraphs", "lines"])]
    split: String,
    /// Characters after which a document of packed paragraphs ends.
    #[arg(long, value_name = "CHARACTERS", default_value_t = 16_000, value_parser = clap::value_parser!(u64).range(1..))]
    document_size: u64,
    /// Encoding of every text source, for instance windows-1251. Default: detected for each on a
    /// sample of 256 kB; the manifest says what was found and how surely.
    #[arg(long, value_name = "NAME", value_parser = Encoding::parse)]
    encoding: Option<Encoding>,
    /// Names of the columns of CSV files without a header, separated by commas, for instance
    /// question,answer. Default: the header's, else numbers.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Repairs to leave out, names separated by commas, or `all`: mojibake, pages, layout, hyphens,
    /// ansi, overstrikes, controls, soft-hyphens, zero-width, bidi, line-separators, nfc. Default:
    /// none is left out; the report counts each.
    #[arg(long, value_name = "REPAIRS", value_parser = Switches::parse_off)]
    no_repair: Option<Switches>,
    /// Stop at the first record that cannot be read. Default: off, it goes to rejects/.
    #[arg(long)]
    strict: bool,
    /// Show what would be read and how, write nothing. Default: off.
    #[arg(long)]
    dry_run: bool,
}

fn shape_names() -> Vec<&'static str> {
    shape::names()
}

impl Args {
    /// The sources of the command line and those of the list.
    fn all_sources(&self) -> Result<Vec<String>> {
        let mut sources = self.sources.clone();
        if let Some(list) = &self.files_from {
            if list == source::STDIN && sources.iter().any(|name| name == source::STDIN) {
                anyhow::bail!("standard input cannot be both a source and the list of files");
            }
            sources.extend(source::read_list(list)?);
        }
        Ok(sources)
    }
}

/// Discover, ingest, print the ledger.
///
/// # Errors
/// What could not be read or written, with place and remedy.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    if args.dry_run {
        return dry_run(args, context);
    }
    let Some(out) = args.out.clone() else {
        anyhow::bail!("--out DIR is missing: where shall the documents go?");
    };
    let options = Options {
        sources: args.all_sources()?,
        out,
        format: args.format,
        shape: args.shape.as_deref().and_then(Shape::named),
        split: if args.split == "lines" {
            Split::Lines
        } else {
            Split::Paragraphs {
                characters: args.document_size,
            }
        },
        encoding: args.encoding,
        columns: args.columns.clone(),
        repairs: args.no_repair.unwrap_or_default(),
        strict: args.strict,
    };
    let report = ingest::run(&options, context)?;
    if context.json {
        output::data(&serde_json::to_string(&report)?);
    } else {
        output::data(&view::ledger(&report.ledgers));
    }
    let rejected = report.ledgers.ledger.rejected_total().records;
    let out = options.out.display();
    if rejected > 0 {
        context.note(&format!(
            "{} records were rejected: {out}/rejects says where and why",
            grouped(rejected)
        ));
    }
    context.note(&format!("next: prep shard {out} --out shards"));
    Ok(if rejected > 0 {
        Exit::Rejects
    } else {
        Exit::Done
    })
}

/// The sources as they would be read.
fn dry_run(args: &Args, context: &Context) -> Result<Exit> {
    let sources = source::discover(
        &args.all_sources()?,
        &Wishes {
            format: args.format,
            encoding: args.encoding,
            columns: &args.columns,
            out: args.out.as_deref(),
            stdin: None,
        },
    )?;
    let mut table = Table::new(&["source", "bytes", "codec", "encoding", "format"]);
    let mut rows = Vec::new();
    for source in &sources {
        let format = match &source.format {
            Ok(format) => format.name().to_owned(),
            Err(why) => format!("not read: {why}"),
        };
        rows.push(serde_json::json!({
            "source": source.name, "bytes": source.bytes, "codec": source.codec.name(),
            "encoding": source.encoding_name(), "encoding_confidence": source.encoding.confidence,
            "format": format,
        }));
        table.row(vec![
            source.name.clone(),
            grouped(source.bytes),
            source.codec.name().to_owned(),
            source.encoding_name().unwrap_or_else(|| "–".to_owned()),
            format,
        ]);
    }
    output::data(&if context.json {
        serde_json::json!({ "sources": rows }).to_string()
    } else {
        table.render()
    });
    Ok(Exit::Done)
}
