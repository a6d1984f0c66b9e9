//! Formats of sources: one table that also feeds the help.
//!
//! A format is told by content where that is certain (Parquet, archives, web archives have marks),
//! else by the ending of the name, and content overrules a name that lies: JSON called `.txt`, a
//! web page called `.jsonl`. A text whose name says nothing may be a table ([`super::dialect::is_table`]).

use super::archive::tar;
use super::codec::Codec;
use super::encoding;
use super::line_ends;
use super::shape::Shape;
use super::xml;
use serde_json::{Deserializer, Value};
use std::fmt;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Plain text or Markdown: paragraphs are packed into documents. XML loses its tags.
    Text,
    /// A web page: its main text is one document.
    Html,
    /// One JSON object a line.
    Jsonl,
    /// A JSON array, an object with arrays in it, or one object.
    Json,
    /// Rows of a CSV or TSV file; delimiter and header are told from its beginning.
    Csv,
    /// Rows of a Parquet file.
    Parquet,
    /// Rows of an Arrow IPC file or stream.
    Arrow,
    /// Records of a WARC or WET file: its pages and texts are documents.
    Warc,
    /// Text without the tags of XML; what `text` means for XML.
    #[value(skip)]
    Xml,
    /// Members of a tar archive, each read as a file.
    #[value(skip)]
    Tar,
    /// Members of a zip archive, each read as a file.
    #[value(skip)]
    Zip,
}

/// Formats with their name and the endings that tell them.
pub const FORMATS: &[(Format, &str, &[&str])] = &[
    (
        Format::Text,
        "text",
        &["txt", "md", "markdown", "text", "log"],
    ),
    (Format::Html, "html", &["html", "htm", "xhtml", "shtml"]),
    (Format::Jsonl, "jsonl", &["jsonl", "ndjson"]),
    (Format::Json, "json", &["json"]),
    (Format::Csv, "csv", &["csv", "tsv"]),
    (Format::Parquet, "parquet", &["parquet"]),
    (
        Format::Arrow,
        "arrow",
        &["arrow", "arrows", "feather", "ipc"],
    ),
    (Format::Warc, "warc", &["warc", "wet"]),
    (Format::Tar, "tar", &["tar", "tgz", "tbz2", "txz", "tzst"]),
    (Format::Zip, "zip", &["zip"]),
    // Read only when the user says so.
    (Format::Xml, "xml", &[]),
];

/// Endings of XML documents that are text with tags.
const XML_ENDINGS: &[&str] = &["xml", "dbk", "docbook", "tei", "fb2"];

/// Files of other kinds by what they begin with, and what helps.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (
        b"%PDF-",
        "a PDF file",
        "extract its text, for instance with pdftotext -layout",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Office file",
        "save it as .txt or .csv",
    ),
    (b"{\\rtf", "an RTF file", "save it as .txt"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (
        b"SQLite format 3\0",
        "an SQLite database",
        "export its tables as .csv",
    ),
    (b"\x89PNG", "a PNG image", "leave it out"),
    (b"\xff\xd8\xff", "a JPEG image", "leave it out"),
    (b"GIF8", "a GIF image", "leave it out"),
    (b"\x7fELF", "a program", "leave it out"),
];

/// Bytes of the first member of a zip archive by which Office files are told.
const OFFICE: &[&[u8]] = &[
    b"[Content_Types].xml",
    b"mimetypeapplication/vnd.oasis",
    b"_rels/",
    b"docProps/",
];

/// Why a source is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Name of the error in the ledger.
    pub error: &'static str,
    /// What it is and what helps.
    pub message: String,
}

impl Unread {
    /// A source of a format that is not read.
    #[must_use]
    pub fn format(message: String) -> Self {
        Self {
            error: "unsupported_format",
            message,
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Format {
    /// The name in manifests and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        FORMATS
            .iter()
            .find(|(format, ..)| *format == self)
            .map_or("", |(_, name, _)| name)
    }

    /// Whether it is read at places, not from the beginning to the end.
    #[must_use]
    pub fn needs_seeking(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow | Self::Zip)
    }

    /// Whether it holds files and nothing of its own.
    #[must_use]
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Tar | Self::Zip)
    }

    /// Whether its bytes are characters of one encoding.
    #[must_use]
    pub fn is_text(self) -> bool {
        !self.needs_seeking() && !matches!(self, Self::Tar | Self::Warc)
    }

    /// Tells the format of the file called `name` from `head`, its beginning without compression;
    /// `wished` is what the user said, which archives are looked through for.
    ///
    /// # Errors
    /// Says what the file seems to be when it is not read.
    pub fn detect(name: &str, head: &[u8], wished: Option<Self>) -> Result<Self, Unread> {
        let marked = by_mark(head);
        if let Some(wished) = wished {
            return Ok(match marked {
                Some(Ok(archive)) if archive.is_archive() => archive,
                _ if wished == Self::Text && is_xml(name, head) => Self::Xml,
                _ => wished,
            });
        }
        if let Some(marked) = marked {
            return marked;
        }
        let ending = ending(name);
        let named = ending.as_deref().and_then(|ending| {
            FORMATS
                .iter()
                .find(|(.., endings)| endings.contains(&ending))
                .map(|(format, ..)| *format)
        });
        let text = sample(head);
        match named {
            Some(named) => Ok(overruled(named, ending.as_deref(), &text)),
            None => by_text(&text, ending.is_none())
                .map_or_else(|| Err(unread(ending.as_deref(), head, &text)), Ok),
        }
    }
}

/// Whether a name has no ending that could say what the file is.
#[must_use]
pub fn is_nameless(name: &str) -> bool {
    ending(name).is_none()
}

/// The ending of a name below that of its codec, in lower case.
fn ending(name: &str) -> Option<String> {
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let name = Codec::strip_ending(&name);
    // A hidden file's name is no ending.
    name.rsplit_once('.')
        .filter(|(stem, _)| !stem.is_empty())
        .map(|(_, ending)| ending.to_owned())
}

/// The format that a mark at the beginning gives away.
fn by_mark(head: &[u8]) -> Option<Result<Format, Unread>> {
    if head.starts_with(b"PAR1") {
        return Some(Ok(Format::Parquet));
    }
    // A stream begins with the mark of a continuation and the length of its schema.
    let stream = head.len() >= 8
        && head.starts_with(&[0xff; 4])
        && (1..1 << 24).contains(&u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    if head.starts_with(super::arrow_file::MAGIC) || stream {
        return Some(Ok(Format::Arrow));
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        let first = head.get(30..).unwrap_or_default();
        if OFFICE.iter().any(|name| first.starts_with(name)) {
            let message =
                "it is an Office document, which is not read; save it as .txt, .csv or .html";
            return Some(Err(Unread::format(message.to_owned())));
        }
        return Some(Ok(Format::Zip));
    }
    if head.starts_with(b"WARC/") {
        return Some(Ok(Format::Warc));
    }
    if tar::is_header(head) {
        return Some(Ok(Format::Tar));
    }
    let (_, what, remedy) = FOREIGN.iter().find(|(mark, ..)| head.starts_with(mark))?;
    let message = format!("it is {what}, which is not read; {remedy}");
    Some(Err(Unread::format(message)))
}

/// The beginning as text, whatever its encoding.
fn sample(head: &[u8]) -> String {
    // 64 kB are enough to see the first records.
    let head = &head[..head.len().min(64 << 10)];
    if head.contains(&0) {
        let whole = &head[..head.len() / 4 * 4];
        let detected = encoding::detect(whole).encoding;
        if !detected.is_ascii_superset() {
            return detected.decode(whole).text;
        }
    }
    let text = String::from_utf8_lossy(head);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if line_ends::are_lone_cr(head) {
        return text.replace('\r', "\n");
    }
    text.to_owned()
}

/// Whether a page begins here, behind comments and an XML declaration.
fn is_html(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        let end = if rest.starts_with("<!--") {
            "-->"
        } else if rest.starts_with("<?") {
            "?>"
        } else {
            break;
        };
        let Some(at) = rest.find(end) else {
            return false;
        };
        rest = rest[at + end.len()..].trim_start();
    }
    ["<!doctype html", "<html", "<head", "<body"]
        .iter()
        .any(|start| {
            rest.get(..start.len())
                .is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
        })
}

fn is_xml(name: &str, head: &[u8]) -> bool {
    let text = sample(head);
    let named = ending(name).is_some_and(|ending| XML_ENDINGS.contains(&ending.as_str()));
    (named || text.trim_start().starts_with("<?xml")) && text.contains('<')
}

/// Whether there is anything like a tag.
fn has_tags(text: &str) -> bool {
    text.split('<')
        .skip(1)
        .any(|after| after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '/'))
}

/// JSON at the beginning of a text: how it is laid out, and whether the first record has a shape.
fn json(text: &str) -> Option<(Format, bool)> {
    let text = text.trim_start();
    let inner = text.strip_prefix('[').map(str::trim_start);
    let begins =
        text.starts_with('{') || inner.is_some_and(|inner| inner.starts_with(['{', '[', '"']));
    if !begins {
        return None;
    }
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    match values.next()? {
        Ok(first) => {
            let shaped = match &first {
                Value::Object(fields) => Shape::of(fields).is_some(),
                Value::Array(items) => items
                    .first()
                    .and_then(Value::as_object)
                    .is_some_and(|fields| Shape::of(fields).is_some()),
                _ => false,
            };
            let end = values.byte_offset();
            let rest = text[end..].trim_start();
            let one_line = !text[..end].contains('\n');
            if first.is_object() && one_line && rest.starts_with('{') {
                return Some((Format::Jsonl, shaped));
            }
            // A value with other text behind it is no JSON file.
            (rest.is_empty() || rest.starts_with('{')).then_some((Format::Json, shaped))
        }
        // Cut by the end of the sample: JSON as far as it was seen.
        Err(error) if error.is_eof() && text.len() > 1024 => {
            let shaped = inner.is_some_and(|inner| {
                let first = Deserializer::from_str(inner).into_iter::<Value>().next();
                matches!(first, Some(Ok(Value::Object(fields))) if Shape::of(&fields).is_some())
            });
            Some((Format::Json, shaped))
        }
        Err(_) => None,
    }
}

/// What the content says against the name.
fn overruled(named: Format, ending: Option<&str>, text: &str) -> Format {
    let markdown = matches!(ending, Some("md" | "markdown" | "log"));
    match named {
        // Markdown may hold anything.
        Format::Text if markdown => named,
        Format::Html if !has_tags(text) && !text.trim().is_empty() => Format::Text,
        Format::Text
        | Format::Jsonl
        | Format::Json
        | Format::Csv
        | Format::Warc
        | Format::Tar
        | Format::Zip
            if is_html(text) =>
        {
            Format::Html
        }
        Format::Text
        | Format::Csv
        | Format::Parquet
        | Format::Arrow
        | Format::Tar
        | Format::Zip
        | Format::Warc => {
            match json(text) {
                // Text may begin with JSON; it is read so only where it is clearly a record.
                Some((format, true)) => format,
                Some((format, false)) if named != Format::Text => format,
                _ => named,
            }
        }
        // Lines are expected, and an array or a value over several lines is found.
        Format::Jsonl => match json(text) {
            Some((Format::Json, _)) if text.trim_start().starts_with('[') => Format::Json,
            Some((Format::Json, _)) if text.trim().contains('\n') => Format::Json,
            _ => named,
        },
        named => named,
    }
}

/// The format of a file whose name says nothing, or nothing known.
fn by_text(text: &str, nameless: bool) -> Option<Format> {
    if is_html(text) {
        return Some(Format::Html);
    }
    match json(text) {
        Some((format, shaped)) if nameless || shaped => return Some(format),
        _ => {}
    }
    // Zero bytes are of no text.
    let plain = nameless && !text.contains('\0') && !text.trim_start().starts_with("<?xml");
    plain.then_some(Format::Text)
}

fn unread(ending: Option<&str>, head: &[u8], text: &str) -> Unread {
    let xml = ending.is_some_and(|ending| XML_ENDINGS.contains(&ending))
        || text.trim_start().starts_with("<?xml");
    if xml {
        return Unread::format(xml::remedy(text).to_owned());
    }
    if ending.is_none() && head.contains(&0) {
        let message =
            "it has no ending and looks like no text; --as reads it as a format of your choice";
        return Unread::format(message.to_owned());
    }
    Unread::format(format!(
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
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(name: &str, head: &str) -> Result<Format, Unread> {
        Format::detect(name, head.as_bytes(), None)
    }

    #[test]
    fn content_overrules_a_name_that_lies() {
        let record = "{\"question\":\"a?\",\"answer\":\"b\"}\n";
        for (name, head, wanted) in [
            ("a.txt", record.repeat(2).as_str(), Format::Jsonl),
            ("a.csv", record.repeat(2).as_str(), Format::Jsonl),
            (
                "a",
                "[\n {\"text\": \"a\"},\n {\"text\": \"b\"}]",
                Format::Json,
            ),
            ("a", "{\n \"data\": [{\"text\": \"a\"}]\n}", Format::Json),
            ("a", record.repeat(2).as_str(), Format::Jsonl),
            ("a.jsonl", "[{\"text\": \"a\"}]", Format::Json),
            ("a.txt", "<!DOCTYPE html><p>x", Format::Html),
            (
                "a.jsonl",
                "<?xml version='1.0'?>\n<!-- x --><HTML>",
                Format::Html,
            ),
            ("a.html", "no tags < here", Format::Text),
            ("a.php", "<html><p>x", Format::Html),
            ("a", "plain words", Format::Text),
            ("a.json", "WARC/1.0\r\n", Format::Warc),
            ("a.txt", "PK\x03\x04", Format::Zip),
        ] {
            assert_eq!(detect(name, head), Ok(wanted), "{name} {head}");
        }
    }

    #[test]
    fn text_that_begins_like_something_else_stays_text() {
        for head in [
            "[1] Smith, a reference.\n",
            "{braces} begin this.\n",
            "[link](a.html) and words\n",
            "{\"a\": 1} is JSON, these words are not\n",
            "{\"level\": \"info\", \"ts\": 1}\n{\"level\": \"info\", \"ts\": 2}\n",
            "<b>bold</b> words\n",
        ] {
            assert_eq!(detect("a.txt", head), Ok(Format::Text), "{head}");
        }
        assert_eq!(detect("a.md", "<html>"), Ok(Format::Text));
    }

    #[test]
    fn what_is_not_read_is_named_with_its_remedy() {
        for (name, head, says) in [
            ("a.txt", "%PDF-1.4", "pdftotext"),
            ("a.xml", "<?xml version='1.0'?><doc/>", "--as text"),
            ("a", "<?xml version='1.0'?><doc/>", "--as text"),
            ("a.rst", "Title\n=====\n", ".rst"),
        ] {
            let message = detect(name, head).expect_err("not read").message;
            assert!(message.contains(says), "{message}");
        }
        let xml = b"<?xml version='1.0'?><doc/>";
        assert_eq!(
            Format::detect("a.xml", xml, Some(Format::Text)),
            Ok(Format::Xml)
        );
        assert_eq!(
            Format::detect("a.zip", b"PK\x03\x04", Some(Format::Text)),
            Ok(Format::Zip)
        );
        assert_eq!(
            Format::detect("a.html", b"<html>", Some(Format::Text)),
            Ok(Format::Text)
        );
    }
}
