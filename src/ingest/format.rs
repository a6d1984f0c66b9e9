//! Formats of sources: one table that also feeds the help.

use super::codec::Codec;
use std::fs::File;
use std::io::Read;
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
    /// Rows of a Parquet file.
    Parquet,
}

/// Formats with their name and the endings that tell them.
pub const FORMATS: &[(Format, &str, &[&str])] = &[
    (Format::Text, "text", &["txt", "md", "markdown", "text"]),
    (Format::Jsonl, "jsonl", &["jsonl", "ndjson"]),
    (Format::Json, "json", &["json"]),
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

/// Bytes at the beginning of a source that tell its encoding.
const SAMPLE_BYTES: u64 = 64 << 10;

/// Checks that a text source is UTF-8 but for a few lines, which are rejected one by one.
///
/// # Errors
/// Says what the bytes look like when most of it would be rejected.
pub fn check_encoding(path: &Path, codec: Codec) -> Result<(), String> {
    let mut sample = Vec::new();
    let mut read = || -> anyhow::Result<()> {
        codec
            .decode(File::open(path)?)?
            .take(SAMPLE_BYTES)
            .read_to_end(&mut sample)?;
        Ok(())
    };
    // A file that cannot be read is reported where it is read.
    if read().is_err() {
        return Ok(());
    }
    if sample.starts_with(&[0xff, 0xfe]) || sample.starts_with(&[0xfe, 0xff]) {
        return Err("the encoding is UTF-16; only UTF-8 is read yet: convert it with `iconv -f UTF-16 -t UTF-8`".to_owned());
    }
    let lines = || {
        sample
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_ascii())
    };
    let (all, invalid) = (
        lines().count(),
        lines()
            .filter(|line| std::str::from_utf8(line).is_err())
            .count(),
    );
    // The sample may end inside a character, so one broken line proves nothing.
    if invalid > 1 && invalid * 2 > all {
        return Err(format!(
            "the encoding is not UTF-8 ({invalid} of the first {all} lines with letters beyond ASCII are invalid); only UTF-8 is read yet: convert it, for instance with `iconv -f WINDOWS-1251 -t UTF-8`"
        ));
    }
    Ok(())
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
    if head.contains(&0) {
        return None;
    }
    if head.trim_ascii_start().starts_with(b"{") {
        Some(Format::Jsonl)
    } else {
        Some(Format::Text)
    }
}
