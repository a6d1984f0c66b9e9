//! One block to documents and rejects: a pure function, run on every core.

use super::blocks::Block;
use super::csv_rows::{self, Ending};
use super::format::Format;
use super::mapping::Mapping;
use super::normalise::{Repairs, normalise};
use super::reject::Reject;
use super::repair::{self, Repair, Switches};
use super::shape::{self, Fields, Misfit, Shape};
use super::source::Source;
use super::text::{self, Split};
use super::{dialect, encoding, json, language, rows};
use crate::document::{Content, Document, DocumentId, Message};
use crate::units::human_bytes;
use anyhow::Result;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What decides how records are read; part of the run's configuration.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// How plain text becomes documents.
    pub split: Split,
    /// The one shape that structured records must have, `None` to detect it.
    pub shape: Option<&'static Shape>,
    /// Which fields of structured records are what, `None` to tell by their names.
    pub mapping: Option<&'a Mapping>,
    /// Which repairs are made.
    pub repairs: Switches,
}

/// What a block became.
#[derive(Default)]
pub struct Parsed {
    /// Documents in the order of their records.
    pub documents: Vec<Document>,
    /// Records that could not be read.
    pub rejects: Vec<Reject>,
    /// How many pieces of text were repaired.
    pub repairs: Repairs,
    /// Documents by shape.
    pub shapes: BTreeMap<&'static str, u64>,
    /// What was left out on purpose: its source, the reason and its size in bytes.
    pub left: Vec<(String, &'static str, u64)>,
    /// Records that have a field of `--map`, by its path.
    pub mapped: BTreeMap<String, u64>,
    /// What a person should know of the sources.
    pub notes: Vec<String>,
}

impl Parsed {
    /// Parses `block` of the source called `name`.
    ///
    /// # Errors
    /// When a Parquet column is of a type that is not read at all.
    pub fn add(
        &mut self,
        source: &Source,
        format: Format,
        block: Block,
        rules: Rules<'_>,
    ) -> Result<()> {
        let name = source.name.as_str();
        match block {
            Block::Lines { line, bytes } => self.add_lines(source, format, line, bytes, rules),
            Block::LongLine { line, bytes, head } => {
                let message = too_long(format, rules.split, bytes);
                let mut reject = Reject::new(name, line, "record_too_long", message, &head);
                reject.bytes = bytes;
                self.rejects.push(reject);
            }
            Block::Rows { row, batch, .. } => match rows::to_fields(&batch) {
                Ok(all) => {
                    for (i, fields) in all.into_iter().enumerate() {
                        // Only a reject shows its row, so only then is it written out.
                        let shown = || rows::to_json(&batch.slice(i, 1));
                        self.add_fields(name, row + i as u64, fields, rules, shown);
                    }
                }
                Err(error) => return Err(error.context(format!("{name}: rows from {row} on"))),
            },
            Block::Unreadable {
                record,
                error,
                tail,
            } => {
                self.rejects
                    .push(Reject::new(name, record, "unreadable", error, &tail));
            }
            Block::Web { records, .. } => {
                for record in records {
                    self.add_web(source, record, rules);
                }
            }
            Block::Refused(reject) => self.rejects.push(*reject),
            Block::Note(note) => self.notes.push(note),
            Block::Left {
                name,
                reason,
                bytes,
            } => self.leave(name, reason, bytes),
            Block::MemberEnd { .. } | Block::End { .. } => {}
        }
        Ok(())
    }

    fn add_lines(
        &mut self,
        source: &Source,
        format: Format,
        line: u64,
        bytes: Vec<u8>,
        rules: Rules<'_>,
    ) {
        if format == Format::Html {
            return self.add_html(source, line, &bytes, rules);
        }
        let encoding = source.encoding.encoding;
        // Wide encodings are UTF-8 by the time they are cut; the others are decoded here, on all cores.
        let decoded = encoding.is_utf8() || !encoding.is_ascii_superset();
        let bytes = if decoded || format == Format::Xml {
            bytes
        } else {
            encoding.decode(&bytes).text.into_bytes()
        };
        match format {
            Format::Text | Format::Xml => self.add_text(&source.name, line, bytes, rules),
            Format::Csv => self.add_rows(source, line, &bytes, rules),
            _ => self.add_json_lines(&source.name, line, &bytes, rules),
        }
    }

    fn add_text(&mut self, name: &str, first_line: u64, bytes: Vec<u8>, rules: Rules<'_>) {
        let mut text = match utf8(&bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(self.without_invalid_lines(name, first_line, &bytes)),
        };
        if rules.repairs.has(Repair::Mojibake)
            && let Cow::Owned(repaired) = repair::mojibake_lines(&text, &mut self.repairs.text)
        {
            text = Cow::Owned(repaired);
        }
        // Pages are found by form feeds; what is left knows which lines of the source it is.
        let mut lines = None;
        if let Some(running) = repair::pages(&text, rules.repairs, &mut self.repairs.text) {
            text = Cow::Owned(running.text);
            lines = Some(running.lines);
        }
        for piece in text::pack(&text, rules.split, first_line == 1) {
            let mut content =
                normalise(&text[piece.range], rules.repairs, &mut self.repairs).into_owned();
            content.truncate(content.trim_end().len());
            let before = piece.lines_before;
            let before = lines.as_ref().map_or(before, |lines| {
                let line = lines.get(before as usize).or(lines.last());
                line.map_or(before, |line| u64::from(*line))
            });
            let line = first_line + before;
            if content.trim().is_empty() {
                continue;
            }
            self.keep(name, (line, 0), Content::Text(content), None, "text");
        }
    }

    /// Rejects the lines that are no UTF-8; an empty line takes the place of each.
    fn without_invalid_lines(&mut self, name: &str, first_line: u64, bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len());
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            match utf8(line) {
                Ok(line) => text.push_str(line),
                Err(error) => {
                    // A line of another encoding in a UTF-8 file, where that is certain.
                    if let Some((line, _)) = encoding::rescue_line(line) {
                        self.repairs.rescued_lines += 1;
                        text.push_str(&line);
                        continue;
                    }
                    self.reject_encoding(name, first_line + number as u64, line, error);
                    text.push('\n');
                }
            }
        }
        text
    }

    fn reject_encoding(
        &mut self,
        name: &str,
        record: u64,
        line: &[u8],
        error: std::str::Utf8Error,
    ) {
        let at = error.valid_up_to();
        let message = format!(
            "byte {} of the line is {:#04x}, expected UTF-8; repair or convert the file",
            at + 1,
            line[at]
        );
        self.rejects
            .push(Reject::new(name, record, "invalid_utf8", message, line));
    }

    fn add_json_lines(&mut self, name: &str, first_line: u64, bytes: &[u8], rules: Rules<'_>) {
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let record = first_line + number as u64;
            let line = if record == 1 {
                line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
            } else {
                line
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            let text = match utf8(line) {
                Ok(text) => text,
                Err(error) => {
                    self.reject_encoding(name, record, line, error);
                    continue;
                }
            };
            match json::parse(text) {
                Ok(Some(fields)) => {
                    self.add_fields(name, record, fields, rules, || line.to_vec());
                }
                Ok(None) => {
                    let message = "the line is JSON but no object; expected one object with named fields a line";
                    self.rejects.push(Reject::new(
                        name,
                        record,
                        "not_an_object",
                        message.to_owned(),
                        line,
                    ));
                }
                Err(error) => {
                    // serde_json counts lines within what it was given: only the column helps here.
                    let message = format!("no valid JSON at column {}: {error}", error.column());
                    self.rejects
                        .push(Reject::new(name, record, "invalid_json", message, line));
                }
            }
        }
    }

    fn add_rows(&mut self, source: &Source, first_line: u64, bytes: &[u8], rules: Rules<'_>) {
        let name = source.name.as_str();
        let Some(dialect) = &source.dialect else {
            let message =
                "neither delimiter nor columns could be told from its beginning".to_owned();
            self.rejects
                .push(Reject::new(name, first_line, "unreadable", message, bytes));
            return;
        };
        let start = if first_line == 1 {
            dialect::before_rows(bytes)
        } else {
            0
        };
        let mut line = first_line + count_lines(&bytes[..start]);
        let mut header = first_line == 1 && dialect.has_header;
        for (at, ending) in csv_rows::rows(dialect.grammar, &bytes[start..], true) {
            let record = line;
            let row = &bytes[start + at..start + at + ending.bytes()];
            line += count_lines(row);
            let row = csv_rows::without_end(row);
            if matches!(ending, Ending::Open(_)) {
                let message = "a quote opens a field in this line and is never closed before a delimiter or a line end; close it, or double it (\"\") where it is part of the text; the next line was read as a new row";
                self.rejects.push(Reject::new(
                    name,
                    record,
                    "unclosed_quote",
                    message.to_owned(),
                    row,
                ));
                continue;
            }
            let fields = dialect.grammar.fields(row);
            if csv_rows::is_blank(&fields) || std::mem::take(&mut header) {
                continue;
            }
            let wide = dialect.columns.len();
            let spare = |fields: &[Cow<[u8]>]| csv_rows::is_blank(fields);
            if fields.len() < dialect.least_width()
                || fields.len() > wide && !spare(&fields[wide..])
            {
                let names: Vec<&str> = dialect.names().collect();
                let message = format!(
                    "the row has {} fields, the columns are {}",
                    fields.len(),
                    names.join(", ")
                );
                self.rejects
                    .push(Reject::new(name, record, "wrong_width", message, row));
                continue;
            }
            let fields: Result<Fields, _> = dialect
                .columns
                .iter()
                .zip(&fields)
                .filter(|(column, field)| !column.is_spare || !field.trim_ascii().is_empty())
                .map(|(column, field)| {
                    let text = utf8(field)?.to_owned();
                    Ok((column.name.clone(), Value::String(text)))
                })
                .collect();
            match fields {
                Ok(fields) => self.add_fields(name, record, fields, rules, || row.to_vec()),
                Err(error) => self.reject_encoding(name, record, row, error),
            }
        }
    }

    fn add_fields(
        &mut self,
        name: &str,
        record: u64,
        mut fields: Fields,
        rules: Rules<'_>,
        raw: impl Fn() -> Vec<u8>,
    ) {
        let given = rules.mapping.map(Mapping::shape).or(rules.shape);
        let Some(shape) = given.or_else(|| Shape::of(&fields)) else {
            self.rejects.push(Reject::new(
                name,
                record,
                "unknown_shape",
                shape::unknown(&fields),
                &raw(),
            ));
            return;
        };
        let taken = match rules.mapping {
            Some(mapping) => mapping.take(&mut fields, |path| {
                *self.mapped.entry(path.to_owned()).or_default() += 1;
            }),
            None => shape.take(&mut fields),
        };
        match taken {
            Ok(items) => {
                for (number, item) in items.into_iter().enumerate() {
                    let content = self.normalised(item.content, rules.repairs);
                    if let Content::Text(text) = &content
                        && text.trim().is_empty()
                    {
                        let message = "the text is empty".to_owned();
                        self.rejects
                            .push(Reject::new(name, record, "empty_text", message, &raw()));
                        continue;
                    }
                    // What the record says beside its items belongs to each of them.
                    let mut meta = fields.clone();
                    meta.extend(item.fields);
                    let meta = (!meta.is_empty()).then(|| Value::Object(meta).to_string());
                    self.keep(name, (record, number), content, meta, shape.name);
                }
            }
            Err(Misfit(why)) => {
                let message = format!("{why} (shape {})", shape.name);
                self.rejects
                    .push(Reject::new(name, record, "wrong_type", message, &raw()));
            }
        }
    }

    /// Books something that is left out on purpose.
    pub(super) fn leave(&mut self, name: String, reason: &'static str, bytes: u64) {
        self.left.push((name, reason, bytes));
    }

    fn normalised(&mut self, content: Content, switches: Switches) -> Content {
        let repairs = &mut self.repairs;
        let mut turns = |messages: Vec<Message>| -> Vec<Message> {
            messages
                .into_iter()
                .map(|message| Message {
                    content: repaired(trimmed(&message.content), switches, repairs),
                    ..message
                })
                .collect()
        };
        match content {
            Content::Chat(messages) => Content::Chat(turns(messages)),
            Content::Preference { messages, rejected } => Content::Preference {
                messages: turns(messages),
                rejected: turns(rejected),
            },
            Content::Text(text) => Content::Text(repaired(&text, switches, repairs)),
        }
    }

    pub(super) fn keep(
        &mut self,
        name: &str,
        (record, item): (u64, usize),
        content: Content,
        meta: Option<String>,
        shape: &'static str,
    ) {
        let language = language::detect(content.pieces());
        *self.shapes.entry(shape).or_default() += 1;
        self.documents.push(Document {
            id: DocumentId::of_item(name, record, item),
            source: name.to_owned(),
            record,
            content,
            lang: language.code.to_owned(),
            lang_score: language.score,
            meta,
            languages: language
                .shares
                .into_iter()
                .map(|(code, share)| (code.to_owned(), share))
                .collect(),
        });
    }
}

/// Why a record is too long, by what a record of the format is.
fn too_long(format: Format, split: Split, bytes: u64) -> String {
    let (what, most, remedy) = match (format, split) {
        (Format::Html, _) => (
            "page",
            super::html::MAX_BYTES,
            "; split it, or read it as it is with --as text",
        ),
        (Format::Text, Split::None) => (
            "text",
            super::cutter::MAX_LINE_BYTES,
            "; --split paragraphs cuts it",
        ),
        _ => ("line", super::cutter::MAX_LINE_BYTES, ""),
    };
    format!(
        "the {what} has {}, the longest that is read has {}{remedy}",
        human_bytes(bytes),
        human_bytes(most as u64)
    )
}

/// `bytes` as text: checked many at a time, and once more only to say what is wrong.
fn utf8(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => std::str::from_utf8(bytes),
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// A piece of a structured record after all repairs.
pub(super) fn repaired(text: &str, switches: Switches, repairs: &mut Repairs) -> String {
    if switches.has(Repair::Mojibake)
        && let Cow::Owned(text) = repair::mojibake_lines(text, &mut repairs.text)
    {
        return normalise(&text, switches, repairs).into_owned();
    }
    normalise(text, switches, repairs).into_owned()
}

/// What was said, without the blank lines around it. The indentation of a first line of several
/// (code) stays; around a single line no white space means anything.
fn trimmed(content: &str) -> &str {
    let content = content.trim_end();
    let first = content
        .find(|c: char| !c.is_whitespace())
        .unwrap_or(content.len());
    if content[first..].contains('\n') {
        let line = content[..first].rfind('\n').map_or(0, |at| at + 1);
        &content[line..]
    } else {
        &content[first..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::codec::Codec;
    use crate::ingest::encoding::{Detected, Encoding};

    fn parse(format: Format, text: &str) -> Parsed {
        let mut parsed = Parsed::default();
        let rules = Rules {
            split: Split::Paragraphs { characters: 1_000 },
            shape: None,
            mapping: None,
            repairs: Switches::all(),
        };
        let block = Block::Lines {
            line: 1,
            bytes: text.as_bytes().to_vec(),
        };
        let source = Source {
            name: "s".to_owned(),
            path: "s".into(),
            bytes: 0,
            modified: None,
            codec: Codec::Plain,
            format: Ok(format),
            encoding: Detected {
                encoding: Encoding::Utf8,
                confidence: 1.0,
            },
            forced: None,
            dialect: None,
            lone_cr: false,
            member_of: None,
        };
        parsed
            .add(&source, format, block, rules)
            .expect("lines always parse");
        parsed
    }

    #[test]
    fn a_bad_line_costs_only_itself_and_is_named_with_its_place() {
        let parsed = parse(
            Format::Jsonl,
            "\u{feff}{\"text\":\"a\"}\n{\"text\":\n\n[1]\n{\"text\":\" \"}\n{\"text\":\"b\"}",
        );
        let texts: Vec<_> = parsed
            .documents
            .iter()
            .map(|document| (document.record, document.content.clone()))
            .collect();
        assert_eq!(
            texts,
            [
                (1, Content::Text("a".to_owned())),
                (6, Content::Text("b".to_owned()))
            ]
        );
        let rejects: Vec<_> = parsed
            .rejects
            .iter()
            .map(|reject| (reject.record, reject.error))
            .collect();
        assert_eq!(
            rejects,
            [(2, "invalid_json"), (4, "not_an_object"), (5, "empty_text")]
        );
    }

    #[test]
    fn invalid_utf8_costs_its_line() {
        let mut parsed = Parsed::default();
        let rules = Rules {
            split: Split::Paragraphs { characters: 1_000 },
            shape: None,
            mapping: None,
            repairs: Switches::all(),
        };
        parsed.add_text("s", 1, b"one\n\ntw\xffo\n\nthree\n".to_vec(), rules);
        assert_eq!(parsed.documents.len(), 1);
        assert_eq!(
            parsed.documents[0].content,
            Content::Text("one\n\n\n\nthree".to_owned())
        );
        assert_eq!((parsed.rejects[0].record, parsed.rejects[0].bytes), (3, 5));
    }

    #[test]
    fn code_keeps_its_indentation() {
        assert_eq!(trimmed("\n    if x:\n        y\n"), "    if x:\n        y");
        assert_eq!(trimmed("  слово \n"), "слово");
    }
}
