//! What `--dry-run` shows of a source: how it would be read, and its first records as documents.
//!
//! One block of a source is read (about 4 MB, of a file that is one record the record), and of lines
//! the first [`SAMPLE_BYTES`] are parsed, by the same functions as in a run.

use super::blocks::{self, Block, Piece};
use super::encoding;
use super::format::Format;
use super::parse::{Parsed, Rules};
use super::rows;
use super::shape::{self, Fields, Shape};
use super::source::{Source, Wishes};
use super::spool::Spool;
use super::text::Split;
use crate::document::{Content, Document, Message};
use anyhow::Result;
use crossbeam_channel::bounded;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of lines that are parsed.
const SAMPLE_BYTES: usize = 256 << 10;
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
///
/// # Errors
/// When a Parquet column is of a type that is not read at all.
pub fn preview(source: &Arc<Source>, rules: Rules<'_>, wishes: &Wishes) -> Result<Preview> {
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
            return Ok(preview);
        }
    };
    preview.format = Some(format.name());
    let Sample {
        source,
        block,
        is_all,
    } = sample(source, format, wishes);
    // Of an archive the first member is shown.
    let source = &*source;
    let Ok(format) = source.format else {
        return Ok(preview);
    };
    preview.sample_is_all = is_all;
    let mut fields = None;
    if let Block::Lines { bytes, .. } = &block {
        preview.encoding_runner_up =
            encoding::runner_up(bytes, source.encoding.encoding).map(|(encoding, behind_bits)| {
                RunnerUp {
                    encoding: encoding.name(),
                    behind_bits,
                }
            });
        fields = first_fields(source, format, bytes);
    } else if let Block::Rows { batch, .. } = &block {
        fields = rows::to_fields(&batch.slice(0, 1.min(batch.num_rows())))?.pop();
    }
    preview.decision = decision(format, fields.as_ref(), rules);
    preview.fields = fields.iter().flat_map(Fields::keys).cloned().collect();
    let mut parsed = Parsed::default();
    parsed.add(source, format, block, rules)?;
    preview.sample_documents = parsed.documents.len() as u64;
    preview.sample_rejects = parsed.rejects.len() as u64;
    preview.shapes = parsed
        .shapes
        .into_iter()
        .map(|(shape, count)| (shape.to_owned(), count))
        .collect();
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
    Ok(preview)
}

struct Sample {
    /// The file, or the member of it that comes first.
    source: Arc<Source>,
    block: Block,
    is_all: bool,
}

/// The first block of a source, its lines cut to the size of a sample.
fn sample(source: &Arc<Source>, format: Format, wishes: &Wishes) -> Sample {
    let spool = Spool::new(&std::env::temp_dir().join(format!("prep-{}", std::process::id())));
    let (first, second) = std::thread::scope(|scope| {
        let (out, blocks) = bounded(0);
        let spool = &spool;
        scope.spawn(move || blocks::read(source, spool, wishes, &out));
        let first = blocks.recv();
        // Whether there is a second one says whether the first is all; then the reader stops.
        let second = blocks.recv();
        drop(blocks);
        (first, second)
    });
    spool.remove();
    let Ok(Piece {
        source, mut block, ..
    }) = first
    else {
        return Sample {
            source: Arc::clone(source),
            block: Block::End { xxh3: 0 },
            is_all: true,
        };
    };
    let mut is_all = matches!(block, Block::End { .. })
        || matches!(
            second,
            Ok(Piece {
                block: Block::End { .. },
                ..
            })
        );
    if let Block::Lines { bytes, .. } = &mut block
        && matches!(format, Format::Text | Format::Jsonl | Format::Json)
        && wishes.split != Split::None
        && bytes.len() > SAMPLE_BYTES
        && let Some(end) = memchr::memchr(b'\n', &bytes[SAMPLE_BYTES..])
        && SAMPLE_BYTES + end + 1 < bytes.len()
    {
        bytes.truncate(SAMPLE_BYTES + end + 1);
        is_all = false;
    }
    Sample {
        source,
        block,
        is_all,
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
            let columns = source.dialect.as_ref()?.names();
            Some(columns.map(|name| (name.to_owned(), "".into())).collect())
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
