//! `prep ingest`: raw files to normalised documents.

use super::{Context, unread_flags};
use crate::allocator;
use crate::exit::Exit;
use crate::ingest::encoding::Encoding;
use crate::ingest::format::Format;
use crate::ingest::mapping::Mapping;
use crate::ingest::parse::Rules;
use crate::ingest::repair::Switches;
use crate::ingest::shape::numbering::Numbering;
use crate::ingest::shape::{self, Shape};
use crate::ingest::source::{self, Wishes};
use crate::ingest::text::Split;
use crate::ingest::walk;
use crate::ingest::{self, Options};
use crate::units::{grouped, human_bytes};
use crate::{output, view};
use anyhow::Result;
use std::path::PathBuf;

/// Read raw text and Q&A and write normalised documents.
///
/// Reads .txt .md .log .html .jsonl .json .csv .tsv .parquet .arrow .feather .warc .wet, each also as
/// .gz .zst .bz2 .xz .lz4 and in .tar and .zip archives, from files, directories, patterns, lists and
/// standard input, in any encoding of Russian and English. A page of HTML is read up to 16 MiB.
/// Every record is in the output, or in rejects/ with its place and the reason; the originals are
/// never touched. An interrupted run goes on where it was when the same command is given again; a source
/// of another size or time is compared with what was read of it, and a finished run reads all of them again.
/// Memory: 150 to 320 MB with two threads whatever the size of the input, and 40 MB more for each
/// further one; --memory allows so many threads as fit. Pages of HTML of the largest size take up to 200
/// MB more for each thread. JSON records of many small values take up to 90 times their size as they are
/// parsed: half of what --memory leaves is for them, and one that does not fit is rejected.
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
    /// Directory to write: documents/, rejects/, manifest.json, report.{json,html}. Must be new, or of
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
    /// Which field of structured records is what, as target=field,target=field, for instance
    /// question=Колонка,answer=data.reply. Fields are named in any case, nested ones with dots, items of
    /// lists by number. Targets: text; question and answer (context, system, and options or `option_a`,
    /// `option_b` … `option_f` beside them); prompt and completion; instruction, input and output; messages;
    /// prompt, chosen and rejected; question and answers; input and ideal. Default: told by the names of
    /// the fields (--shape).
    #[arg(long, value_name = "MAP", conflicts_with = "shape")]
    map: Vec<String>,
    /// How plain text becomes documents: paragraphs packed to --document-size, a document a line, or
    /// the whole file as one (`none`; a file of more than 64 MB is rejected then). Of a chat that Telegram
    /// exported `lines` are messages.
    #[arg(long, value_name = "HOW", default_value = "paragraphs", value_parser = ["paragraphs", "lines", "none"])]
    split: String,
    /// Characters that a document of packed paragraphs aims at. It ends between half and one and a half
    /// of it, at the strongest place there, of equally strong ones the nearest: a form feed at the
    /// beginning or end of a line (inside a line it is a line break and no more); a chapter
    /// or a separator line (***, ---, %); a lesser heading; several blank lines; one; the end of a
    /// sentence at a line's end; a line's end. Code blocks and front matter are kept whole. A document of
    /// a chat that Telegram exported ends with a message, where the longest pause is.
    #[arg(long, value_name = "CHARACTERS", default_value_t = DOCUMENT_CHARACTERS, value_parser = clap::value_parser!(u64).range(1..))]
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
    /// ansi, overstrikes, windows-1252, controls, soft-hyphens, zero-width, bidi, line-separators, nfc,
    /// bad-bytes (a line of text, JSON or CSV that is no UTF-8 is rejected then). Default: none is left
    /// out; the report counts each.
    #[arg(long, value_name = "REPAIRS", value_parser = Switches::parse_off)]
    no_repair: Option<Switches>,
    /// Number of the first of several options, 0 or 1, where answers name them by numbers that no labels
    /// have; also of columns with numbers. Default: told for each source by the answers of its first 4 MB, else
    /// by the names of its fields; where neither tells, such a record is rejected.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(0..2))]
    first_option: Option<u8>,
    /// Read hidden files too, whose names begin with a dot, and hidden members of archives. Default: off;
    /// they are counted and named.
    #[arg(long)]
    hidden: bool,
    /// Stop at the first record that cannot be read. Default: off, it goes to rejects/.
    #[arg(long)]
    strict: bool,
    /// Show how each source would be read (format, encoding, shape and why, three documents), from its
    /// beginning alone, and write nothing. Default: off.
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    fn mapping(&self) -> Result<Option<Mapping>> {
        if self.map.is_empty() {
            return Ok(None);
        }
        let mapping = Mapping::parse(&self.map).map_err(|why| anyhow::anyhow!("--map: {why}"))?;
        Ok(Some(mapping))
    }

    /// The flags that were given of those that only some formats use.
    fn given(&self) -> Vec<&'static str> {
        let given = [
            ("--columns", !self.columns.is_empty()),
            ("--first-option", self.first_option.is_some()),
            ("--encoding", self.encoding.is_some()),
            ("--split", self.split != "paragraphs"),
            ("--document-size", self.document_size != DOCUMENT_CHARACTERS),
            ("--shape", self.shape.is_some()),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(flag, _)| flag).collect()
    }

    fn split(&self) -> Split {
        match self.split.as_str() {
            "lines" => Split::Lines,
            "none" => Split::None,
            _ => Split::Paragraphs {
                characters: self.document_size,
            },
        }
    }
}

/// What `--document-size` is where it is not given.
const DOCUMENT_CHARACTERS: u64 = 16_000;

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

/// What one thread needs beside [`BASE_BYTES`], and that; both measured with gigabytes of JSON lines.
const THREAD_BYTES: u64 = 40 << 20;
const BASE_BYTES: u64 = 256 << 20;

/// The least memory for heavy records ([`tree_bytes`]).
const LEAST_TREE_BYTES: u64 = 16 << 20;

/// What of `memory` is for JSON records that are heavy as they are parsed: the same for any number of threads.
fn tree_bytes(memory: u64) -> u64 {
    let rest = memory.saturating_sub(BASE_BYTES + THREAD_BYTES);
    LEAST_TREE_BYTES.max(rest / 2)
}

/// As many threads as `--memory` has room for.
fn within_memory(context: &Context) -> Result<Context> {
    let rest = context.memory.saturating_sub(BASE_BYTES);
    anyhow::ensure!(
        rest >= THREAD_BYTES,
        "--memory {}: prep ingest needs {} with one thread",
        human_bytes(context.memory),
        human_bytes(BASE_BYTES + THREAD_BYTES)
    );
    let fit = rest.saturating_sub(tree_bytes(context.memory)) / THREAD_BYTES;
    let threads = context.threads.min(fit.max(1) as usize);
    if threads < context.threads {
        context.note(&format!(
            "--memory has room for {threads} of {} threads",
            context.threads
        ));
    }
    Ok(Context {
        threads,
        ..context.clone()
    })
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
    allocator::keep_pages();
    let options = Options {
        sources: args.all_sources()?,
        out,
        format: args.format,
        shape: args.shape.as_deref().and_then(Shape::named),
        mapping: args.mapping()?,
        split: args.split(),
        encoding: args.encoding,
        columns: args.columns.clone(),
        repairs: args.no_repair.unwrap_or_default(),
        first_option: args.first_option.map(Numbering::of_first),
        hidden: args.hidden,
        strict: args.strict,
        most_tree: tree_bytes(context.memory),
    };
    let report = ingest::run(&options, &within_memory(context)?)?;
    crate::report::at_the_end(&options.out, context);
    if context.json {
        output::data(&serde_json::to_string(&report)?);
    } else {
        output::data(&view::ledger(&report.ledgers));
        output::data(&format!("\n{}", view::languages(&report.by_language_share)));
        if let Some(repairs) = view::repairs(&report.repairs) {
            output::data(&format!("\n{repairs}"));
        }
    }
    for path in report.mapped.iter().filter(|(_, records)| **records == 0) {
        context.note(&format!(
            "warning: no record has the field `{}` of --map; --dry-run shows the fields that there are",
            path.0
        ));
    }
    let formats = report.sources.iter();
    let formats = formats.filter_map(|source| source.format.as_deref());
    let formats = formats.chain(unread_flags::as_text(report.by_shape.keys()));
    unread_flags::note(&args.given(), formats.clone(), true, context);
    if report.numbered == Some(0) && unread_flags::is_used("--first-option", formats) {
        context.note("warning: --first-option changed nothing: no record has an answer that is the number of an option");
    }
    for note in &report.notes {
        context.note(note);
    }
    if !report.frame_fields.is_empty() {
        let names: Vec<&str> = report.frame_fields.keys().map(String::as_str).collect();
        context.note(&format!(
            "fields beside the records of JSON files were left out: {}",
            names.join(", ")
        ));
    }
    for (reason, remedy) in LEFT_OUT {
        let sources = report.ledgers.by_source.iter();
        let left = sources.filter(|(_, ledger)| ledger.dropped.contains_key(*reason));
        let names: Vec<&str> = left.map(|(name, _)| name.as_str()).collect();
        note_left(&names, remedy, context);
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

/// What is left out on purpose: the reason, and what it is with what reads it.
const LEFT_OUT: &[(&str, (&str, &str))] = &[
    (
        walk::HIDDEN,
        ("hidden files and directories", "--hidden reads them"),
    ),
    (
        walk::OUTPUT,
        (
            "outputs of prep",
            "`prep shard` reads a corpus, and so does this where a corpus itself is named",
        ),
    ),
    (
        walk::SPECIAL,
        (
            "pipes, sockets and devices",
            "what comes through a pipe is read as standard input",
        ),
    ),
];
/// Names of what is left out that are shown.
const NAMES_SHOWN: usize = 3;

/// Says what was left out.
fn note_left(names: &[&str], (what, remedy): &(&str, &str), context: &Context) {
    if names.is_empty() {
        return;
    }
    let more = if names.len() > NAMES_SHOWN {
        ", …"
    } else {
        ""
    };
    context.note(&format!(
        "{what} not read: {} ({}{more}); {remedy}",
        grouped(names.len() as u64),
        names[..names.len().min(NAMES_SHOWN)].join(", ")
    ));
}

/// The sources as they would be read.
fn dry_run(args: &Args, context: &Context) -> Result<Exit> {
    let mapping = args.mapping()?;
    let wishes = Wishes {
        format: args.format,
        encoding: args.encoding,
        columns: &args.columns,
        mapping: mapping.as_ref(),
        split: args.split(),
        hidden: args.hidden,
        out: args.out.as_deref(),
        stdin: None,
    };
    let found = source::discover(&args.all_sources()?, &wishes)?;
    for (reason, remedy) in LEFT_OUT {
        let left = found.left.iter().filter(|left| left.reason == *reason);
        let names: Vec<&str> = left.map(|left| left.name.as_str()).collect();
        note_left(&names, remedy, context);
    }
    let rules = Rules {
        split: args.split(),
        shape: args.shape.as_deref().and_then(Shape::named),
        mapping: mapping.as_ref(),
        repairs: args.no_repair.unwrap_or_default(),
        first_option: args.first_option.map(Numbering::of_first),
        most_tree: tree_bytes(context.memory),
    };
    let formats = found.sources.iter();
    let formats = formats.filter_map(|source| Some(source.format.as_ref().ok()?.name()));
    let formats: Vec<&str> = formats.collect();
    let shapes = super::dry_run::run(found.sources, rules, &wishes, context)?;
    let formats = formats
        .into_iter()
        .chain(unread_flags::as_text(shapes.iter()));
    unread_flags::note(&args.given(), formats, false, context);
    Ok(Exit::Done)
}
