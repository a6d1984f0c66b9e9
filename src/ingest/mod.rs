//! `prep ingest`: sources of any shape to normalised documents, nothing lost.
//!
//! ```text
//! sources ─reader thread each─▶ blocks ─grouped to ~4 MB─▶ workers: parse, normalise, identify,
//!         decompress, cut                                  encode a Parquet row group
//!                                                              │ in order
//!                                       documents/ rejects/ ◀──┘ state.json, manifest.json last
//! ```
//!
//! Memory: two blocks for each open source and `2 * threads + 2` groups under way, up to 320 MB with
//! two threads, whatever the size of the input.

mod archive;
mod arrow_file;
mod arrow_inflate;
mod blocks;
pub mod codec;
mod csv_cutter;
pub mod csv_rows;
mod cutter;
pub mod dialect;
pub mod encoding;
mod feed;
pub mod format;
pub mod html;
mod json;
mod json_cutter;
pub mod language;
mod line_ends;
mod look;
pub mod mapping;
pub mod normalise;
pub mod outline;
mod parquet_file;
pub mod parse;
mod parts;
pub mod preview;
mod reject;
pub mod repair;
mod rows;
pub mod shape;
pub mod source;
pub mod spool;
mod state;
pub mod text;
mod warc;
mod web;
mod whole_cutter;
mod xml;

use crate::cmd::Context;
use crate::corpus::{CorpusManifest, IngestReport, LanguageText, SourceEntry, VERSION, share_out};
use crate::document::Document;
use crate::document::parquet::{Encoder, RowGroup, schema};
use crate::ledger::{Count, Entry, Ledgers, Place};
use crate::progress::{Progress, Unit};
use crate::run_dir::{self, Found};
use crate::{atomic, interrupt, ordered};
use anyhow::{Context as _, Result, bail, ensure};
use blocks::Block;
use encoding::Encoding;
use feed::{Feed, Group};
use format::{Format, Unread};
use mapping::Mapping;
use parse::{Parsed, Rules};
use parts::Parts;
use reject::Reject;
use repair::Switches;
use shape::Shape;
use source::{Source, Wishes};
use spool::Spool;
use state::{Begun, Cursor, Stamp, State};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use text::Split;

/// What to ingest and how; everything here decides the bytes of the output but `strict`.
pub struct Options {
    /// Files, directories, patterns, and `-` for standard input.
    pub sources: Vec<String>,
    /// The directory to write.
    pub out: PathBuf,
    /// Read every source as this, `None` to tell by name and content.
    pub format: Option<Format>,
    /// The shape of structured records, `None` to detect it for each.
    pub shape: Option<&'static Shape>,
    /// Which fields of structured records are what, `None` to tell by their names.
    pub mapping: Option<Mapping>,
    /// How plain text becomes documents.
    pub split: Split,
    /// The encoding of every text source, `None` to detect it for each.
    pub encoding: Option<Encoding>,
    /// Names of the columns of CSV files without a header, empty for none.
    pub columns: Vec<String>,
    /// Which repairs are made.
    pub repairs: Switches,
    /// Stop at the first record that cannot be read.
    pub strict: bool,
}

impl Options {
    /// These sources, read as the flags' defaults say.
    #[must_use]
    pub fn new(sources: Vec<String>, out: PathBuf) -> Self {
        Self {
            sources,
            out,
            format: None,
            shape: None,
            mapping: None,
            split: Split::default(),
            encoding: None,
            columns: Vec::new(),
            repairs: Switches::default(),
            strict: false,
        }
    }

    fn wishes<'a>(&'a self, spool: &'a Spool) -> Wishes<'a> {
        Wishes {
            format: self.format,
            encoding: self.encoding,
            columns: &self.columns,
            mapping: self.mapping.as_ref(),
            split: self.split,
            out: Some(&self.out),
            stdin: Some(spool),
        }
    }

    fn config(&self, sources: &[Arc<Source>]) -> serde_json::Value {
        serde_json::json!({
            "command": "ingest",
            "format": self.format.map(Format::name),
            "shape": self.shape.map(|shape| shape.name),
            "split": self.split.describe(),
            "encoding": self.encoding.map(Encoding::name),
            "columns": self.columns,
            "map": self.mapping.as_ref().map(Mapping::describe),
            "repairs": self.repairs.names(),
            "sources": sources.iter().map(|source| (source.name.as_str(), source.bytes)).collect::<Vec<_>>(),
        })
    }
}

/// Ingests, or continues an interrupted run, or finds that all is done.
///
/// # Errors
/// When the output directory is another run's, a source changed under way, or writing fails.
pub fn run(options: &Options, context: &Context) -> Result<IngestReport> {
    let spool = Spool::new(&options.out);
    let wishes = options.wishes(&spool);
    let sources: Vec<Arc<Source>> = source::discover(&options.sources, &wishes)?
        .into_iter()
        .map(Arc::new)
        .collect();
    let config = options.config(&sources);
    let mut state = match run_dir::open(&options.out, &config)? {
        Found::Finished => return finished(&options.out, &sources, context),
        Found::Unfinished(found) => {
            let state: State = serde_json::from_value(found).with_context(|| {
                format!(
                    "the state in {} is damaged; remove the directory",
                    options.out.display()
                )
            })?;
            state.check_sources(&sources)?;
            context.note(&format!(
                "continuing {}: {} parts are done",
                options.out.display(),
                state.documents.len()
            ));
            state
        }
        Found::New => State {
            config,
            stamps: sources.iter().map(|source| Stamp::of(source)).collect(),
            // A field that no record has is in the report with 0.
            mapped: options
                .mapping
                .iter()
                .flat_map(Mapping::paths)
                .map(|path| (path.to_owned(), 0))
                .collect(),
            ..State::default()
        },
    };
    // The state comes first: a directory with other files and without it is no run of prep.
    atomic::write_json(&run_dir::state_path(&options.out), &state)?;
    let mut parts = Parts::new(&options.out)?;
    let left: u64 = sources[state.cursor.source.min(sources.len())..]
        .iter()
        .map(|source| source.bytes)
        .sum();
    let progress = context.progress("ingest", Unit::Bytes, Some(left));
    let worker = Worker::new(Rules {
        split: options.split,
        shape: options.shape,
        mapping: options.mapping.as_ref(),
        repairs: options.repairs,
    })?;
    std::thread::scope(|scope| {
        let feed = Feed::new(
            scope,
            &sources,
            (&spool, &wishes),
            state.cursor,
            context.threads,
        );
        ordered::map_fold(
            context.threads,
            feed,
            |group| worker.run(group),
            |done| {
                interrupt::check()?;
                fold(done, &mut state, &mut parts, options.strict, &progress)
            },
        )
    })?;
    parts.commit(&mut state)?;
    progress.finish();
    spool.remove();
    finish(&options.out, &sources, state)
}

/// A source or a member of one that was read to its end.
struct Ended {
    source: Arc<Source>,
    xxh3: u128,
}

/// A group of blocks after its worker.
struct Done {
    end: Cursor,
    /// What the cursor is within, and how much of it was read by then.
    begun: Option<Begun>,
    encoded: Option<RowGroup>,
    rows: u64,
    bytes: u64,
    parsed: Parsed,
    shapes: BTreeMap<String, BTreeMap<&'static str, u64>>,
    ledgers: Ledgers,
    languages: BTreeMap<String, LanguageText>,
    ended: Vec<Ended>,
}

struct Worker<'a> {
    rules: Rules<'a>,
    encoder: Encoder,
}

impl<'a> Worker<'a> {
    fn new(rules: Rules<'a>) -> Result<Self> {
        Ok(Self {
            rules,
            encoder: Encoder::new(schema())?,
        })
    }

    /// Parses and encodes a group; nothing here depends on other groups.
    fn run(&self, group: Group) -> Result<Done> {
        let mut parsed = Parsed::default();
        let (mut shapes, mut ended) = (BTreeMap::new(), Vec::new());
        let mut begun = None;
        for piece in group.blocks {
            let (source, block) = (piece.source, piece.block);
            begun = Some(Begun {
                name: source.file_name().to_owned(),
                bytes: piece.read.bytes,
                xxh3: format!("{:032x}", piece.read.xxh3),
            });
            if let Block::End { xxh3 } | Block::MemberEnd { xxh3 } = block {
                if let Err(why) = &source.format {
                    parsed.rejects.push(unread(&source, why));
                }
                ended.push(Ended { source, xxh3 });
                continue;
            }
            // That it cannot be opened is what its format says already.
            let Ok(format) = source.format else { continue };
            parsed.add(&source, format, block, self.rules)?;
            for (shape, count) in std::mem::take(&mut parsed.shapes) {
                *shapes
                    .entry(source.name.clone())
                    .or_insert_with(BTreeMap::new)
                    .entry(shape)
                    .or_default() += count;
            }
        }
        let ledgers = account(&parsed);
        let mut languages = BTreeMap::new();
        for document in &parsed.documents {
            share_out(document, &mut languages);
        }
        let encoded = if parsed.documents.is_empty() {
            None
        } else {
            Some(self.encoder.encode(&parsed.documents, Vec::new())?)
        };
        let rows = parsed.documents.len() as u64;
        let bytes = parsed
            .documents
            .iter()
            .map(|document| document.content.bytes())
            .sum();
        parsed.documents = Vec::new();
        Ok(Done {
            end: group.end,
            begun,
            encoded,
            rows,
            bytes,
            parsed,
            shapes,
            ledgers,
            languages,
            ended,
        })
    }
}

/// A source of a format that is not read is one record that could not be read.
fn unread(source: &Source, why: &Unread) -> Reject {
    let mut reject = Reject::new(&source.name, 0, why.error, why.message.clone(), &[]);
    reject.bytes = source.bytes;
    reject
}

fn account(parsed: &Parsed) -> Ledgers {
    let mut ledgers = Ledgers::default();
    // Most documents are booked where the one before was: names are looked up once for all of them.
    let is_alike = |a: &Document, b: &Document| {
        a.content.kind() == b.content.kind() && a.lang == b.lang && a.source == b.source
    };
    for alike in parsed.documents.chunk_by(is_alike) {
        let mut count = Count::default();
        for document in alike {
            count += Count::one(document.content.characters(), document.content.bytes());
        }
        let place = Place {
            source: &alike[0].source,
            language: &alike[0].lang,
            kind: Some(alike[0].content.kind()),
        };
        ledgers.add(place, Entry::Read, count);
        ledgers.add(place, Entry::Kept, count);
    }
    for (source, reason, bytes) in &parsed.left {
        // What was never decoded has bytes and no characters.
        let count = Count::one(0, *bytes);
        let place = Place {
            source,
            language: "und",
            kind: None,
        };
        ledgers.add(place, Entry::Read, count);
        ledgers.add(place, Entry::Dropped(reason), count);
    }
    for reject in &parsed.rejects {
        book_reject(&mut ledgers, reject);
    }
    ledgers
}

fn book_reject(ledgers: &mut Ledgers, reject: &Reject) {
    let count = Count::one(reject.characters, reject.bytes);
    let place = Place {
        source: &reject.source,
        language: "und",
        kind: None,
    };
    ledgers.add(place, Entry::Read, count);
    ledgers.add(place, Entry::Rejected(reject.error), count);
}

/// Takes a group's results, in order.
fn fold(
    mut done: Done,
    state: &mut State,
    parts: &mut Parts,
    strict: bool,
    progress: &Progress,
) -> Result<()> {
    state.ledgers += &done.ledgers;
    state.repairs += done.parsed.repairs;
    for (code, text) in done.languages {
        *state.languages.entry(code).or_default() += text;
    }
    for (path, records) in std::mem::take(&mut done.parsed.mapped) {
        *state.mapped.entry(path).or_default() += records;
    }
    for (name, fields) in std::mem::take(&mut done.parsed.frame_fields) {
        state.add_frame_fields(name, fields);
    }
    for (name, shapes) in done.shapes {
        let all = state.shapes.entry(name).or_default();
        for (shape, count) in shapes {
            *all.entry(shape.to_owned()).or_default() += count;
        }
    }
    state.notes.append(&mut done.parsed.notes);
    state.begun = done.begun;
    for ended in done.ended {
        let source = &ended.source;
        let archive = source
            .format
            .as_ref()
            .is_ok_and(|format| format.is_archive());
        if !archive && !state.ledgers.by_source.contains_key(&source.name) {
            let message =
                "the file holds no record; an empty source is often a failed download".to_owned();
            let reject = Reject::new(&source.name, 0, "empty_source", message, &[]);
            book_reject(&mut state.ledgers, &reject);
            done.parsed.rejects.push(reject);
        }
        if source.member_of.is_some() {
            let shapes = state.shapes.remove(&source.name).unwrap_or_default();
            state.members.push(entry(source, ended.xxh3, shapes));
            continue;
        }
        let xxh3 = format!("{:032x}", ended.xxh3);
        state.hashes.insert(source.name.clone(), xxh3);
        progress.add(source.bytes);
    }
    if strict && let Some(reject) = done.parsed.rejects.first() {
        bail!(
            "{} at record {}: {} ({}); without --strict it would be rejected and the rest go on",
            reject.source,
            reject.record,
            reject.message,
            reject.error
        );
    }
    if let Some(group) = done.encoded {
        parts.documents(state, group, done.rows, done.bytes)?;
    }
    parts.rejects(done.parsed.rejects);
    state.cursor = done.end;
    if parts.is_full() {
        parts.commit(state)
    } else {
        Ok(())
    }
}

/// Checks the account against what is on disk, and writes the manifest last.
fn finish(out: &Path, sources: &[Arc<Source>], state: State) -> Result<IngestReport> {
    state.ledgers.check()?;
    let rows = |parts: &[crate::corpus::PartEntry]| parts.iter().map(|part| part.rows).sum::<u64>();
    ensure!(
        rows(&state.documents) == state.ledgers.ledger.kept.records
            && rows(&state.rejects) == state.ledgers.ledger.rejected_total().records,
        "the parts hold {} documents and {} rejects, the ledger says {} and {}; this is a bug of prep, please report it",
        rows(&state.documents),
        rows(&state.rejects),
        state.ledgers.ledger.kept.records,
        state.ledgers.ledger.rejected_total().records
    );
    let mut by_shape: BTreeMap<String, u64> = BTreeMap::new();
    let members = state.members.iter().map(|member| &member.shapes);
    for (shape, count) in state.shapes.values().chain(members).flatten() {
        *by_shape.entry(shape.clone()).or_default() += count;
    }
    let mut members = state.members.into_iter().peekable();
    let mut entries = Vec::new();
    for source in sources {
        let hash = state.hashes.get(&source.name);
        let xxh3 = hash.and_then(|hash| u128::from_str_radix(hash, 16).ok());
        let shapes = state.shapes.get(&source.name).cloned().unwrap_or_default();
        entries.push(entry(source, xxh3.unwrap_or(0), shapes));
        // The members of an archive follow it; they were read in the order of the sources.
        while let Some(member) =
            members.next_if(|member| member.member_of.as_deref() == Some(source.name.as_str()))
        {
            entries.push(member);
        }
    }
    let report = IngestReport {
        command: "ingest".to_owned(),
        ledgers: state.ledgers,
        repairs: state.repairs,
        by_shape,
        by_language_share: state.languages,
        sources: entries.clone(),
        mapped: state.mapped,
        notes: state.notes,
        frame_fields: state.frame_fields,
    };
    atomic::write_json(&out.join("report.json"), &report)?;
    let manifest = CorpusManifest {
        format: "prep-corpus".to_owned(),
        version: VERSION,
        prep_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: state.config,
        sources: entries,
        documents: state.documents,
        rejects: state.rejects,
    };
    atomic::write_json(&run_dir::manifest_path(out), &manifest)?;
    let _ = std::fs::remove_file(run_dir::state_path(out));
    Ok(report)
}

/// What the manifest says of a source.
fn entry(source: &Source, xxh3: u128, shapes: BTreeMap<String, u64>) -> SourceEntry {
    SourceEntry {
        name: source.name.clone(),
        bytes: source.bytes,
        modified_unix_seconds: source.modified.map(|since| since.as_secs()),
        member_of: source.member_of.clone(),
        xxh3: format!("{xxh3:032x}"),
        codec: source.codec.name().to_owned(),
        encoding: source.encoding_name(),
        encoding_confidence: source.encoding.confidence,
        format: source
            .format
            .as_ref()
            .ok()
            .map(|format| format.name().to_owned()),
        shapes,
    }
}

/// A finished run is not repeated, but its sources must still be what they were.
fn finished(out: &Path, sources: &[Arc<Source>], context: &Context) -> Result<IngestReport> {
    let manifest = CorpusManifest::read(out)?;
    let files = manifest
        .sources
        .iter()
        .filter(|entry| entry.member_of.is_none());
    for (entry, source) in files.zip(sources) {
        let now = format!("{:032x}", blocks::hash_file(&source.path).unwrap_or(0));
        let written = source.modified.map(|since| since.as_secs());
        ensure!(
            now == entry.xxh3,
            "{} changed since {} was made from it: its size is the same ({} bytes), its content is not (xxh3 {} then, {now} now){}; put the old file back to keep the corpus, or remove the directory or give another --out to ingest it as it is now",
            source.name,
            out.display(),
            entry.bytes,
            entry.xxh3,
            if written == entry.modified_unix_seconds {
                ""
            } else {
                ", and it was written at another time"
            }
        );
    }
    let _ = std::fs::remove_file(run_dir::state_path(out));
    context.note(&format!(
        "{} is finished already and its sources have not changed",
        out.display()
    ));
    IngestReport::read(out)
}
