//! One group of blocks to an encoded row group, its rejects and its account: run on every core.

use super::blocks::{Block, Piece};
use super::feed::Group;
use super::format::{Format, Unread};
use super::parse::{Parsed, Rules};
use super::reject::Reject;
use super::source::{LeftOut, Source};
use super::state::{Begun, Cursor};
use super::weight::{self, Room};
use crate::corpus::{LanguageText, Shapes, share_out_counted};
use crate::document::Document;
use crate::document::parquet::{Encoder, RowGroup, schema};
use crate::ledger::{Count, Entry, Ledgers, Place};
use anyhow::Result;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A source or a member of one that was read to its end.
pub(super) struct Ended {
    pub source: Arc<Source>,
    pub xxh3: u128,
}

/// A group of blocks after its worker.
pub(super) struct Done {
    pub end: Cursor,
    /// What the cursor is within, and how much of it was read by then.
    pub begun: Option<Begun>,
    pub encoded: Option<RowGroup>,
    pub rows: u64,
    pub bytes: u64,
    pub parsed: Parsed,
    pub shapes: BTreeMap<String, Shapes>,
    pub ledgers: Ledgers,
    pub languages: BTreeMap<String, LanguageText>,
    pub ended: Vec<Ended>,
}

/// What every worker does, with the rules of the run.
pub(super) struct Worker<'a> {
    rules: Rules<'a>,
    encoder: Encoder,
    /// Room for heavy records, of all workers together.
    room: Room,
}

impl<'a> Worker<'a> {
    /// A worker that reads by these rules.
    ///
    /// # Errors
    /// When the encoder of documents cannot be made.
    pub fn new(rules: Rules<'a>) -> Result<Self> {
        Ok(Self {
            rules,
            room: Room::new(rules.most_tree),
            encoder: Encoder::new(schema())?,
        })
    }

    /// Memory that heavy records of a piece take.
    fn weight(&self, piece: &Piece) -> u64 {
        match (&piece.block, &piece.source.format) {
            (Block::Lines { bytes, .. }, Ok(Format::Jsonl | Format::Json)) => {
                weight::of_lines(bytes, self.rules.most_tree)
            }
            _ => 0,
        }
    }

    /// Parses and encodes a group; nothing here depends on other groups.
    ///
    /// # Errors
    /// When encoding fails.
    pub fn run(&self, group: Group<'_>) -> Result<Done> {
        let mut parsed = Parsed::default();
        let weight = group.blocks.iter().map(|piece| self.weight(piece)).sum();
        // Both until its documents are encoded.
        let _large = group.room;
        let _taken = self.room.take(weight);
        let (mut shapes, mut ended) = (BTreeMap::new(), Vec::new());
        let mut begun = None;
        for piece in group.blocks {
            let (source, block) = (piece.source, piece.block);
            begun = Some((Arc::clone(&source), piece.read));
            if let Block::End { xxh3 } | Block::MemberEnd { xxh3 } = block {
                if let Err(why) = &source.format {
                    parsed.rejects.push(unread(&source, why));
                }
                ended.push(Ended { source, xxh3 });
                continue;
            }
            // That it cannot be opened is what its format says already.
            let Ok(format) = source.format else { continue };
            parsed.add(&source, format, block, self.rules);
            if !parsed.shapes.is_empty() {
                let of = shapes.entry(source.name.clone());
                let of: &mut Shapes = of.or_default();
                for (shape, count) in std::mem::take(&mut parsed.shapes) {
                    of.add(shape, count);
                }
            }
        }
        let size = |document: &Document| (document.content.characters(), document.content.bytes());
        let sizes: Vec<(u64, u64)> = parsed.documents.iter().map(size).collect();
        let ledgers = account(&parsed, &sizes);
        let mut languages = BTreeMap::new();
        for (document, (characters, _)) in parsed.documents.iter().zip(&sizes) {
            share_out_counted(document, *characters, &mut languages);
        }
        let encoded = if parsed.documents.is_empty() {
            None
        } else {
            Some(self.encoder.encode(&parsed.documents, Vec::new())?)
        };
        let rows = parsed.documents.len() as u64;
        let bytes = sizes.iter().map(|(_, bytes)| bytes).sum();
        parsed.documents = Vec::new();
        let begun = begun.map(|(source, read)| Begun {
            name: source.file_name().to_owned(),
            bytes: read.bytes,
            xxh3: format!("{:032x}", read.xxh3),
        });
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

/// The account of a group, of whose documents `sizes` has the characters and bytes.
fn account(parsed: &Parsed, sizes: &[(u64, u64)]) -> Ledgers {
    let mut ledgers = Ledgers::default();
    // Most documents are booked where the one before was: names are looked up once for all of them.
    let is_alike = |a: &Document, b: &Document| {
        a.content.kind() == b.content.kind() && a.lang == b.lang && a.source == b.source
    };
    let mut sizes = sizes.iter();
    for alike in parsed.documents.chunk_by(is_alike) {
        let mut count = Count::default();
        for (characters, bytes) in sizes.by_ref().take(alike.len()) {
            count += Count::one(*characters, *bytes);
        }
        let place = Place {
            source: &alike[0].source,
            language: &alike[0].lang,
            kind: Some(alike[0].content.kind()),
        };
        ledgers.add(place, Entry::Read, count);
        ledgers.add(place, Entry::Kept, count);
    }
    for left in &parsed.left {
        book_left(
            &mut ledgers,
            &left.name,
            left.reason,
            (left.records, left.bytes),
        );
    }
    for reject in &parsed.rejects {
        book_reject(&mut ledgers, reject);
    }
    ledgers
}

/// The account of what is left out below the sources: each file or directory is a record.
pub(super) fn account_left(left: &[LeftOut]) -> Ledgers {
    let mut ledgers = Ledgers::default();
    for left in left {
        book_left(&mut ledgers, &left.name, left.reason, (1, left.bytes));
    }
    ledgers
}

fn book_left(ledgers: &mut Ledgers, source: &str, reason: &str, (records, bytes): (u64, u64)) {
    // What was never decoded has bytes and no characters.
    let count = Count {
        records,
        ..Count::one(0, bytes)
    };
    let place = Place {
        source,
        language: "und",
        kind: None,
    };
    ledgers.add(place, Entry::Read, count);
    ledgers.add(place, Entry::Dropped(reason), count);
}

/// Books a record that could not be read.
pub(super) fn book_reject(ledgers: &mut Ledgers, reject: &Reject) {
    let count = Count::one(reject.characters, reject.bytes);
    let place = Place {
        source: &reject.source,
        language: "und",
        kind: None,
    };
    ledgers.add(place, Entry::Read, count);
    ledgers.add(place, Entry::Rejected(reject.error), count);
}
