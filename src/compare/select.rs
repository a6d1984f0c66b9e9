//! The selected documents as a corpus of its own, which `prep shard` reads.

use super::side::Side;
use crate::atomic::{self, AtomicFile};
use crate::corpus::{CorpusManifest, IngestReport, PartEntry, WholeManifest, share_out};
use crate::document::Document;
use crate::document::parquet::{DocumentWriter, Encoder, schema};
use crate::ledger::{Count, Entry, Ledgers, Place};
use crate::run_dir::{self, Found};
use crate::{interrupt, ordered};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of content after which a part ends.
const PART_BYTES: u64 = 64 << 20;

/// What a unit gives: its selected documents and the account of all.
struct OfUnit {
    group: Option<crate::document::parquet::RowGroup>,
    rows: u64,
    bytes: u64,
    ledgers: Ledgers,
    languages: BTreeMap<String, crate::corpus::LanguageText>,
}

/// Writes the documents of `side` at `places` (unit and number in it, sorted) to `out`. All others are in
/// the ledger as `not_selected`.
///
/// # Errors
/// When `out` is another run's, or cannot be written.
pub fn write(
    side: &Side,
    places: &[(u32, u32)],
    out: &Path,
    config: &Value,
    threads: usize,
) -> Result<()> {
    if matches!(run_dir::open(out, config)?, Found::Finished) {
        return Ok(());
    }
    atomic::write_json(&run_dir::state_path(out), &json!({ "config": config }))?;
    std::fs::create_dir_all(out.join("documents"))
        .with_context(|| format!("cannot make {}", out.join("documents").display()))?;
    std::fs::create_dir_all(out.join("rejects"))?;
    let encoder = Encoder::new(schema())?;
    let (mut parts, mut open) = (Vec::new(), None::<Open>);
    let mut report = IngestReport {
        command: "compare".to_owned(),
        ledgers: Ledgers::default(),
        repairs: crate::ingest::normalise::Repairs::default(),
        by_shape: BTreeMap::new(),
        by_language_share: BTreeMap::new(),
        sources: Vec::new(),
        mapped: BTreeMap::new(),
        numbered: None,
        notes: Vec::new(),
        frame_fields: BTreeMap::new(),
    };
    ordered::map_fold(
        threads,
        (0..side.units.len()).map(Ok),
        |unit| of_unit(side, unit, places, &encoder),
        |unit| {
            interrupt::check()?;
            report.ledgers += &unit.ledgers;
            for (language, text) in unit.languages {
                *report.by_language_share.entry(language).or_default() += text;
            }
            if let Some(group) = unit.group {
                if open.is_none() {
                    open = Some(Open::create(out, parts.len())?);
                }
                if let Some(part) = &mut open {
                    part.writer.append(group)?;
                    part.rows += unit.rows;
                    part.bytes += unit.bytes;
                }
            }
            if open.as_ref().is_some_and(|part| part.bytes >= PART_BYTES)
                && let Some(part) = open.take()
            {
                parts.push(part.finish()?);
            }
            Ok(())
        },
    )?;
    if let Some(part) = open {
        parts.push(part.finish()?);
    }
    report.ledgers.check()?;
    report.sources = CorpusManifest::sources(&side.dir)?;
    atomic::write_json(&out.join("report.json"), &report)?;
    let manifest = WholeManifest::new(config, &report.sources, &parts, &[]);
    atomic::write_json(&run_dir::manifest_path(out), &manifest)?;
    // The manifest stands for the finished run now.
    let _ = std::fs::remove_file(run_dir::state_path(out));
    Ok(())
}

struct Open {
    file: String,
    writer: DocumentWriter<AtomicFile>,
    rows: u64,
    bytes: u64,
}

impl Open {
    fn create(out: &Path, number: usize) -> Result<Self> {
        let file = format!("documents/part-{number:05}.parquet");
        let writer = DocumentWriter::new(AtomicFile::create(&out.join(&file))?, schema())?;
        Ok(Self {
            file,
            writer,
            rows: 0,
            bytes: 0,
        })
    }

    fn finish(self) -> Result<PartEntry> {
        let written = self.writer.finish()?.commit()?;
        Ok(PartEntry {
            file: self.file,
            rows: self.rows,
            bytes: written.bytes,
            xxh3: written.xxh3,
        })
    }
}

fn of_unit(side: &Side, unit: usize, places: &[(u32, u32)], encoder: &Encoder) -> Result<OfUnit> {
    let number = unit as u32;
    let from = places.partition_point(|place| *place < (number, 0));
    let mut wanted = places[from..]
        .iter()
        .take_while(|place| place.0 == number)
        .peekable();
    let mut found = OfUnit {
        group: None,
        rows: 0,
        bytes: 0,
        ledgers: Ledgers::default(),
        languages: BTreeMap::new(),
    };
    let (mut documents, mut row) = (Vec::<Document>::new(), 0);
    side.for_each(&side.units[unit], |document| {
        let count = Count::one(document.content.characters(), document.content.bytes());
        let place = Place {
            source: &document.source,
            language: &document.lang,
            kind: Some(document.content.kind()),
        };
        found.ledgers.add(place, Entry::Read, count);
        let selected = wanted.next_if(|place| place.1 == row).is_some();
        row += 1;
        if selected {
            found.ledgers.add(place, Entry::Kept, count);
            share_out(&document, &mut found.languages);
            found.bytes += count.bytes;
            found.rows += 1;
            documents.push(document);
        } else {
            found
                .ledgers
                .add(place, Entry::Dropped("not_selected"), count);
        }
        Ok(())
    })?;
    if !documents.is_empty() {
        found.group = Some(encoder.encode(&documents, Vec::new())?);
    }
    Ok(found)
}
