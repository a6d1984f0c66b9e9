//! What `--dry-run` shows of a source: how it would be read, and its first records as documents.
//!
//! Blocks of a source are read until they gave [`DOCUMENTS`] documents, mostly one (about 4 MB, of a
//! file that is one record the record) and [`READ_BYTES`] at most. Of lines the first [`SAMPLE_BYTES`]
//! are parsed, and more if those had too few documents, by the same functions as in a run.

use super::blocks::{self, Block, Piece, Stop};
use super::encoding;
use super::format::Format;
use super::parse::{self, BLANK_ROW, Left, Parsed, Rules};
use super::reject::{EMPTY, holds_nothing};
use super::rows;
use super::shape::{self, Fields, Shape};
use super::source::{Source, Wishes};
use super::spool::Spool;
use super::text::Split;
use crate::document::{Content, Document, Message};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of lines that are parsed at a time.
const SAMPLE_BYTES: usize = 256 << 10;
/// Bytes of blocks after which no more is read, however few documents there are.
const READ_BYTES: usize = 8 << 20;
/// Documents that are shown.
const DOCUMENTS: usize = 3;
/// Rejected records that are shown.
const REJECTS: usize = 3;
/// Characters that are shown of each piece of a document.
const SHOWN_CHARACTERS: usize = 400;

/// How a source would be read.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// Name of the source.
    pub source: String,
    /// Size on disk in bytes.
    pub bytes: u64,
    /// How it is compressed.
    pub codec: &'static str,
    /// How it would be read, `None` when it would not.
    pub format: Option<&'static str>,
    /// Why it would not be read.
    pub unread: Option<String>,
    /// How its characters are written, `None` where there are none.
    pub encoding: Option<String>,
    /// How sure the encoding is, 0 to 1.
    pub encoding_confidence: f32,
    /// The encoding that the sample fits second best, and by how many bits worse; `None` where nothing
    /// comes near.
    pub encoding_runner_up: Option<RunnerUp>,
    /// Delimiter and columns, of CSV.
    pub csv: Option<Csv>,
    /// Why records are read as they are: which fields tell their shape.
    pub decision: String,
    /// Fields of the first record, empty of text.
    pub fields: Vec<String>,
    /// Documents of the sample by shape.
    pub shapes: BTreeMap<String, u64>,
    /// Documents in the sample.
    pub sample_documents: u64,
    /// Records of the sample that could not be read.
    pub sample_rejects: u64,
    /// Whether the sample is all of the source.
    pub sample_is_all: bool,
    /// The first documents, their texts cut off.
    pub documents: Vec<Shown>,
    /// The first records that could not be read.
    pub rejects: Vec<Rejected>,
}

/// The second best encoding.
#[derive(Debug, Serialize)]
pub struct RunnerUp {
    /// Its name.
    pub encoding: &'static str,
    /// Bits by which it explains the sample worse than the one that was chosen.
    pub behind_bits: f64,
}

/// How a CSV file is written.
#[derive(Debug, Serialize)]
pub struct Csv {
    /// The character between fields; `None` of a table of one column.
    pub delimiter: Option<char>,
    /// Whether the first row names the columns.
    pub has_header: bool,
    /// Names of the columns.
    pub columns: Vec<String>,
}

/// A document as it would be written.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Line or row in its source.
    pub record: u64,
    /// Kind of the document.
    pub kind: &'static str,
    /// Language.
    pub lang: String,
    /// Characters of the whole document.
    pub chars: u64,
    /// Beginning of the text, of a text.
    pub text: Option<String>,
    /// Beginnings of the turns, of a chat or preference.
    pub messages: Option<Vec<Message>>,
    /// Beginnings of the rejected turns, of a preference.
    pub rejected: Option<Vec<Message>>,
    /// Fields that were not understood.
    pub meta: Option<String>,
}

/// A record that could not be read.
#[derive(Debug, Serialize)]
pub struct Rejected {
    /// Line or row in its source.
    pub record: u64,
    /// Name of the error.
    pub error: &'static str,
    /// What was expected and found.
    pub message: String,
}

/// Looks into `source`.
#[must_use]
pub fn preview(source: &Arc<Source>, rules: Rules<'_>, wishes: &Wishes) -> Preview {
    let mut preview = Preview {
        source: source.name.clone(),
        bytes: source.bytes,
        codec: source.codec.name(),
        format: None,
        unread: None,
        encoding: source.encoding_name(),
        encoding_confidence: source.encoding.confidence,
        encoding_runner_up: None,
        csv: source.dialect.as_ref().map(|dialect| Csv {
            delimiter: dialect.grammar.delimiter.map(char::from),
            has_header: dialect.has_header,
            columns: dialect.names().map(str::to_owned).collect(),
        }),
        decision: String::new(),
        fields: Vec::new(),
        shapes: BTreeMap::new(),
        sample_documents: 0,
        sample_rejects: 0,
        sample_is_all: false,
        documents: Vec::new(),
        rejects: Vec::new(),
    };
    let format = match &source.format {
        Ok(format) => *format,
        Err(why) => {
            preview.unread = Some(why.message.clone());
            preview.decision = format!("it is rejected as {}", why.error);
            return preview;
        }
    };
    preview.format = Some(format.name());
    let sample = sample(source, rules, wishes);
    // Of an archive the first member with records is shown.
    let format = sample.source.format.as_ref().copied().unwrap_or(format);
    preview.sample_is_all = sample.is_all;
    preview.encoding_runner_up = sample.runner_up;
    preview.decision = decision(format, sample.fields.as_ref(), rules);
    preview.fields = sample
        .fields
        .iter()
        .flat_map(Fields::keys)
        .cloned()
        .collect();
    let parsed = sample.parsed;
    preview.sample_documents = parsed.documents.len() as u64;
    preview.sample_rejects = parsed.rejects.len() as u64;
    preview.shapes = parsed
        .shapes
        .into_iter()
        .map(|(shape, count)| (shape.to_owned(), count))
        .collect();
    let is_nothing = |left: &Left| left.reason == BLANK_ROW;
    let is_empty = parsed.documents.is_empty()
        && parsed.rejects.is_empty()
        && parsed.left.iter().all(is_nothing);
    if sample.is_all && is_empty && !format.is_archive() {
        let why = holds_nothing(Some(format));
        preview.decision = format!("it is rejected as {EMPTY}: {why}");
        preview.sample_rejects = 1;
        preview.rejects = vec![Rejected {
            record: 0,
            error: EMPTY,
            message: why.to_owned(),
        }];
        return preview;
    }
    preview.documents = parsed.documents.iter().take(DOCUMENTS).map(show).collect();
    preview.rejects = parsed
        .rejects
        .into_iter()
        .take(REJECTS)
        .map(|reject| Rejected {
            record: reject.record,
            error: reject.error,
            message: reject.message,
        })
        .collect();
    preview
}

struct Sample {
    /// The file, or the first member of it that has records.
    source: Arc<Source>,
    /// Bytes of the blocks that were taken, and whether no more are.
    read: usize,
    is_full: bool,
    /// Whether a block of records was seen.
    begun: bool,
    runner_up: Option<RunnerUp>,
    /// Fields of the first record that could be read.
    fields: Option<Fields>,
    parsed: Parsed,
    is_all: bool,
}

/// The beginning of a source, parsed.
fn sample(source: &Arc<Source>, rules: Rules<'_>, wishes: &Wishes) -> Sample {
    let spool = Spool::new(&std::env::temp_dir().join(format!("prep-{}", std::process::id())));
    let sample = RefCell::new(Sample {
        source: Arc::clone(source),
        read: 0,
        is_full: false,
        begun: false,
        runner_up: None,
        fields: None,
        parsed: Parsed::default(),
        is_all: false,
    });
    let taker = |piece| sample.borrow_mut().take(piece, rules);
    // It mostly stops before the end.
    let _ = blocks::read(source, &spool, wishes, &taker);
    spool.remove();
    sample.into_inner()
}

impl Sample {
    fn has_enough(&self) -> bool {
        self.parsed.documents.len() >= DOCUMENTS
    }

    /// Parses a piece, unless there is enough. What a frame has beside its records may come before them,
    /// and so may members of an archive that are left out.
    fn take(&mut self, piece: Piece, rules: Rules<'_>) -> Result<(), Stop> {
        if std::mem::replace(&mut self.is_full, true) {
            return Err(Stop::Unwanted);
        }
        let Piece { source, block, .. } = piece;
        // The piece after the last says whether there was more.
        self.is_all = matches!(block, Block::End { .. });
        let ends = matches!(block, Block::MemberEnd { .. }) && self.begun;
        if self.is_all || ends || self.has_enough() || self.read >= READ_BYTES {
            return Err(Stop::Unwanted);
        }
        self.read += block.size();
        let has_records = matches!(
            block,
            Block::Lines { .. } | Block::Rows { .. } | Block::Web { .. }
        );
        if has_records && !self.begun {
            self.source = Arc::clone(&source);
        }
        let Ok(format) = source.format else {
            self.is_full = false;
            return Ok(());
        };
        let whole = match block {
            Block::Lines { line, part, bytes } => {
                self.add_lines(&source, format, (line, part, bytes), rules)
            }
            block => {
                if let (Block::Rows { batch, .. }, None) = (&block, &self.fields) {
                    // What cannot be read is among the rejects.
                    let first = rows::to_fields(&batch.slice(0, 1.min(batch.num_rows())));
                    self.fields = first.ok().and_then(|mut rows| rows.pop());
                }
                self.parsed.add(&source, format, block, rules);
                true
            }
        };
        self.begun |= has_records;
        self.is_full = !whole;
        if whole { Ok(()) } else { Err(Stop::Unwanted) }
    }

    /// Parses lines, the first of which is number `line`; false when not all of them.
    fn add_lines(
        &mut self,
        source: &Source,
        format: Format,
        (mut line, mut part, mut bytes): (u64, usize, Vec<u8>),
        rules: Rules<'_>,
    ) -> bool {
        let cut = match format {
            Format::Jsonl | Format::Json => true,
            Format::Text => rules.split != Split::None,
            _ => false,
        };
        loop {
            let end = memchr::memchr(b'\n', bytes.get(SAMPLE_BYTES..).unwrap_or(&[]))
                .map_or(bytes.len(), |at| SAMPLE_BYTES + at + 1);
            let rest = bytes.split_off(if cut { end } else { bytes.len() });
            if !self.begun {
                self.runner_up = encoding::runner_up(&bytes, source.encoding.encoding).map(
                    |(encoding, behind_bits)| RunnerUp {
                        encoding: encoding.name(),
                        behind_bits,
                    },
                );
            }
            self.begun = true;
            if self.fields.is_none() {
                self.fields = first_fields(source, format, &bytes);
            }
            let lines = memchr::memchr_iter(b'\n', &bytes).count() as u64;
            self.parsed
                .add(source, format, Block::Lines { line, part, bytes }, rules);
            if rest.is_empty() {
                return true;
            }
            // A text would be cut where none ends.
            if self.has_enough() || format == Format::Text {
                return false;
            }
            (line, part, bytes) = (line + lines, 0, rest);
        }
    }
}

/// The fields of the first record.
fn first_fields(source: &Source, format: Format, bytes: &[u8]) -> Option<Fields> {
    match format {
        Format::Jsonl | Format::Json => bytes
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line))
            .filter(|line| !line.trim_ascii().is_empty())
            .find_map(|line| serde_json::from_slice(line).ok()),
        Format::Csv => {
            let dialect = source.dialect.as_ref()?;
            let columns = dialect.names().map(|name| (name.to_owned(), "".into()));
            let mut fields: Fields = columns.collect();
            // Where names alone do not tell a shape the values do.
            let encoding = source.encoding.encoding;
            // Wide encodings are UTF-8 by now.
            let first = if encoding.is_utf8() || !encoding.is_ascii_superset() {
                parse::first_row(dialect, bytes)
            } else {
                parse::first_row(dialect, encoding.decode(bytes).text.as_bytes())
            };
            fields.extend(first.into_iter().flatten());
            Some(fields)
        }
        _ => None,
    }
}

/// Why records are read as they are.
fn decision(format: Format, fields: Option<&Fields>, rules: Rules<'_>) -> String {
    if format == Format::Text {
        return match rules.split {
            Split::Paragraphs { characters } => {
                format!("text: cut into documents of about {characters} characters")
            }
            Split::Lines => "text: a document a line".to_owned(),
            Split::None => "text: the whole file is one document".to_owned(),
        };
    }
    if let Some(mapping) = rules.mapping {
        let shape = mapping.shape().name;
        return format!("{shape}: --map {}", mapping.describe());
    }
    let Some(fields) = fields else {
        return "no record could be read".to_owned();
    };
    match rules.shape.or_else(|| Shape::of(fields)) {
        Some(shape) => {
            let found = shape.evidence(fields);
            if found.is_empty() {
                format!(
                    "{}: forced by --shape, none of its fields is there",
                    shape.name
                )
            } else {
                format!("{}: it has {}", shape.name, found.join(", "))
            }
        }
        None => shape::unknown(fields),
    }
}

fn show(document: &Document) -> Shown {
    let turns = |messages: &[Message]| -> Vec<Message> {
        messages
            .iter()
            .map(|message| Message::new(message.role.as_str(), shorten(&message.content)))
            .collect()
    };
    let (text, messages, rejected) = match &document.content {
        Content::Text(text) => (Some(shorten(text)), None, None),
        Content::Chat(messages) => (None, Some(turns(messages)), None),
        Content::Preference { messages, rejected } => {
            (None, Some(turns(messages)), Some(turns(rejected)))
        }
    };
    Shown {
        record: document.record,
        kind: document.content.kind().name(),
        lang: document.lang.clone(),
        chars: document.content.characters(),
        text,
        messages,
        rejected,
        meta: document.meta.as_deref().map(shorten),
    }
}

/// The beginning of a text, with … where it was cut.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
