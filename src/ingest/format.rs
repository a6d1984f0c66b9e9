//! Formats of sources: one table that also feeds the help.

use super::codec::Codec;
use super::encoding::{self, Detected, Encoding};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Plain text or Markdown: paragraphs are packed into documents.
    Text,
    /// One JSON object a line.
    Jsonl,
    /// A JSON array, an object with arrays in it, or one object.
    Json,
    /// Rows of a CSV or TSV file; delimiter and header are told from its beginning.
    Csv,
    /// Rows of a Parquet file.
    Parquet,
}

/// Formats with their name and the endings that tell them.
pub const FORMATS: &[(Format, &str, &[&str])] = &[
    (
        Format::Text,
        "text",
        &["txt", "md", "markdown", "text", "log"],
    ),
    (Format::Jsonl, "jsonl", &["jsonl", "ndjson"]),
    (Format::Json, "json", &["json"]),
    (Format::Csv, "csv", &["csv", "tsv"]),
    (Format::Parquet, "parquet", &["parquet"]),
];

impl Format {
    /// The name in manifests and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        FORMATS
            .iter()
            .find(|(format, ..)| *format == self)
            .map_or("", |(_, name, _)| name)
    }

    /// Tells the format by the ending of the name, below that of its codec, or by content where
    /// there is no ending.
    ///
    /// # Errors
    /// Says what the file seems to be when it is not read.
    pub fn detect(path: &Path, codec: Codec) -> Result<Self, String> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let name = Codec::strip_ending(&name);
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        if let Some(ending) = ending
            && let Some((format, ..)) = FORMATS
                .iter()
                .find(|(.., endings)| endings.contains(&ending))
        {
            return Ok(*format);
        }
        match (ending, sniff(path, codec)) {
            (None, Some(format)) => Ok(format),
            (ending, _) => Err(format!(
                "the format {} is not read yet; read are {}, each also .gz and .zst; --as reads it as one of them",
                ending.map_or("of a file without an ending".to_owned(), |ending| format!(
                    ".{ending}"
                )),
                FORMATS
                    .iter()
                    .flat_map(|(.., endings)| *endings)
                    .map(|e| format!(".{e}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            )),
        }
    }
}

/// Bytes of a source that tell its encoding or its dialect.
const SAMPLE_BYTES: u64 = 256 << 10;
/// Pieces of an uncompressed source that the sample is drawn from.
const PIECES: u64 = 8;

/// The encoding of a source, told from its beginning and, uncompressed, from pieces of all of it.
///
/// # Errors
/// When it cannot be read.
pub fn detect_encoding(path: &Path, codec: Codec, bytes: u64) -> anyhow::Result<Detected> {
    let mut sample = Vec::new();
    let mut file = File::open(path)?;
    if codec == Codec::Plain && bytes > SAMPLE_BYTES {
        // Wide encodings are told from pieces that begin at whole characters.
        for piece in 0..PIECES {
            file.seek(SeekFrom::Start(bytes / PIECES / 4 * 4 * piece))?;
            (&mut file)
                .take(SAMPLE_BYTES / PIECES)
                .read_to_end(&mut sample)?;
        }
    } else {
        // What can be read of a damaged file tells its encoding all the same.
        let read = codec
            .decode(file)?
            .take(SAMPLE_BYTES)
            .read_to_end(&mut sample);
        if sample.is_empty() {
            read?;
        }
    }
    Ok(encoding::detect(&sample))
}

/// The beginning of a source as text, whole lines of it.
///
/// # Errors
/// When it cannot be read.
pub fn sample_text(path: &Path, codec: Codec, encoding: Encoding) -> anyhow::Result<String> {
    let mut sample = Vec::new();
    codec
        .decode(File::open(path)?)?
        .take(SAMPLE_BYTES)
        .read_to_end(&mut sample)?;
    let whole = (sample.len() as u64) < SAMPLE_BYTES;
    let mut text = encoding.decode(&sample).text;
    if !whole {
        text.truncate(text.rfind('\n').map_or(text.len(), |at| at + 1));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// Tells a format by the first bytes of the content.
fn sniff(path: &Path, codec: Codec) -> Option<Format> {
    let mut head = Vec::new();
    codec
        .decode(File::open(path).ok()?)
        .ok()?
        .take(4096)
        .read_to_end(&mut head)
        .ok()?;
    if head.starts_with(b"PAR1") {
        return Some(Format::Parquet);
    }
    // Zero bytes are of no text, but of the wide encodings.
    if head.contains(&0)
        && encoding::detect(&head[..head.len() / 4 * 4])
            .encoding
            .is_ascii_superset()
    {
        return None;
    }
    if head.trim_ascii_start().starts_with(b"{") {
        Some(Format::Jsonl)
    } else {
        Some(Format::Text)
    }
}
