//! `prep ingest`: sources of any shape to normalised documents, nothing lost.
//!
//! ```text
//! sources ─reader threads────▶ blocks ─grouped to ~4 MB─▶ workers: parse, normalise, identify,
//!         decompress, cut                                  encode a Parquet row group
//!                                                              │ in order
//!                                       documents/ rejects/ ◀──┘ state.json, manifest.json last
//! ```
//!
//! Memory: two blocks for each open source (of small files about 1 MB, many of which are read as one) and
//! `2 * threads + 2` groups under way, up to 320 MB with two threads, whatever the size of the input; JSON
//! records that are heavy as they are parsed beside that, as many as there is room for (`weight.rs`); and
//! about 2 kB for each source.

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
mod naming;
pub mod normalise;
mod options;
pub mod outline;
mod parquet_file;
pub mod parse;
mod parts;
pub mod preview;
pub mod reject;
pub mod repair;
mod rows;
pub mod shape;
pub mod source;
pub mod spool;
mod state;
pub mod text;
pub mod walk;
mod warc;
mod web;
mod weight;
mod whole_cutter;
mod witnesses;
mod worker;
mod xml;

pub use options::Options;

use crate::cmd::Context;
use crate::corpus::{CorpusManifest, IngestReport, Shapes, SourceEntry, WholeManifest};
use crate::ledger::Ledger;
use crate::progress::{Progress, Unit};
use crate::run_dir::{self, Found};
use crate::{atomic, interrupt, ordered};
use anyhow::{Result, bail, ensure};
use feed::Feed;
use mapping::Mapping;
use parse::{BLANK_ROW, Rules};
use parts::Parts;
use rayon::prelude::*;
use reject::Reject;
use source::Source;
use spool::Spool;
use state::{Stamp, State};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use weight::Room;
use worker::{Done, Worker, account_left, book_reject};

/// Ingests, or continues an interrupted run, or finds that all is done.
///
/// # Errors
/// When the output directory is another run's, a source changed under way, or writing fails.
pub fn run(options: &Options, context: &Context) -> Result<IngestReport> {
    let spool = Spool::new(&options.out);
    let wishes = options.wishes(&spool);
    let found = source::discover(&options.sources, &wishes)?;
    if found.met_out {
        context.note(&format!(
            "{} lies in a source and is the output of this run: it is not read",
            options.out.display()
        ));
    }
    let sources: Vec<Arc<Source>> = found.sources.into_iter().map(Arc::new).collect();
    let config = options.config(&sources);
    let mut state = match run_dir::open(&options.out, &config)? {
        Found::Finished => return finished(&options.out, &sources, context),
        Found::Unfinished => {
            let state = State::read(&options.out)?;
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
            stamps: sources.par_iter().map(|source| Stamp::of(source)).collect(),
            ledgers: account_left(&found.left),
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
        first_option: options.first_option,
        most_tree: options.most_tree,
    })?;
    let room = Room::new(feed::LARGE_BYTES);
    std::thread::scope(|scope| {
        let feed = Feed::new(
            scope,
            &sources,
            (&spool, &wishes, &room),
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
    parts.finish(&mut state)?;
    progress.finish();
    spool.remove();
    finish(options, &sources, state)
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
    state.numbered += done.parsed.numbered;
    for (name, fields) in std::mem::take(&mut done.parsed.frame_fields) {
        state.add_frame_fields(name, fields);
    }
    for (name, shapes) in done.shapes {
        *state.shapes.entry(name).or_default() += shapes;
    }
    state.notes.append(&mut done.parsed.notes);
    state.begun = done.begun;
    for ended in done.ended {
        let source = &ended.source;
        let archive = source
            .format
            .as_ref()
            .is_ok_and(|format| format.is_archive());
        let ledger = state.ledgers.by_source.get(&source.name);
        if !archive && ledger.is_none_or(holds_nothing) {
            let message = reject::holds_nothing(source.format.as_ref().ok().copied()).to_owned();
            let reject = Reject::new(&source.name, 0, reject::EMPTY, message, &[]);
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

/// Whether a source had rows of empty cells and nothing else.
fn holds_nothing(ledger: &Ledger) -> bool {
    ledger.kept.records == 0
        && ledger.rejected.is_empty()
        && ledger.dropped.keys().all(|reason| reason == BLANK_ROW)
}

/// Checks the account against what is on disk, and writes the manifest last.
fn finish(options: &Options, sources: &[Arc<Source>], state: State) -> Result<IngestReport> {
    let out = &options.out;
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
    for (shape, count) in state.shapes.values().chain(members).flat_map(Shapes::iter) {
        *by_shape.entry(shape.to_owned()).or_default() += count;
    }
    let (mut shapes, mut hashes) = (state.shapes, state.hashes);
    let mut members = state.members.into_iter().peekable();
    let mut entries = Vec::with_capacity(sources.len());
    for source in sources {
        let hash = hashes.remove(&source.name);
        let xxh3 = hash.and_then(|hash| u128::from_str_radix(&hash, 16).ok());
        let shapes = shapes.remove(&source.name).unwrap_or_default();
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
        sources: entries,
        mapped: state.mapped,
        numbered: options.first_option.map(|_| state.numbered),
        notes: state.notes,
        frame_fields: state.frame_fields,
    };
    atomic::write_json(&out.join("report.json"), &report)?;
    let (documents, rejects) = (&state.documents, &state.rejects);
    let manifest = WholeManifest::new(&state.config, &report.sources, documents, rejects);
    atomic::write_json(&run_dir::manifest_path(out), &manifest)?;
    let _ = std::fs::remove_file(run_dir::state_path(out));
    Ok(report)
}

/// What the manifest says of a source.
fn entry(source: &Source, xxh3: u128, shapes: Shapes) -> SourceEntry {
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
    let entries = CorpusManifest::sources(out)?;
    let files = entries.iter().filter(|entry| entry.member_of.is_none());
    let check = |(entry, source): (&SourceEntry, &Arc<Source>)| {
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
        Ok(())
    };
    // The first in order is named, whichever is found first.
    let pairs: Vec<_> = files.zip(sources).collect();
    let checked: Vec<Result<()>> = pairs.into_par_iter().map(check).collect();
    checked.into_iter().collect::<Result<()>>()?;
    let _ = std::fs::remove_file(run_dir::state_path(out));
    context.note(&format!(
        "{} is finished already and its sources have not changed",
        out.display()
    ));
    IngestReport::read(out)
}
