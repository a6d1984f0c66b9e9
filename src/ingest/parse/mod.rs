//! One block to documents and rejects: a pure function, run on every core.

mod characters;
mod csv;
mod json_lines;
mod plain;
mod record;

pub use csv::{BLANK_ROW, first_row};

use super::blocks::Block;
use super::format::Format;
use super::mapping::Mapping;
use super::normalise::{Repairs, normalise};
use super::reject::Reject;
use super::repair::{self, Repair, Switches};
use super::shape::numbering::{Habits, Numbering};
use super::shape::{self, Shape};
use super::source::Source;
use super::text::Split;
use super::{language, rows};
use crate::document::{Content, Document, DocumentId, Message};
use crate::units::human_bytes;
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
    /// How options without labels count, `None` to tell it for each source.
    pub first_option: Option<Numbering>,
    /// Bytes of memory that a JSON record may take as it is parsed.
    pub most_tree: u64,
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
    /// What was left out on purpose.
    pub left: Vec<Left>,
    /// Records that have a field of `--map`, by its path.
    pub mapped: BTreeMap<String, u64>,
    /// Records whose answer is the number of an option, where the user says how these count.
    pub numbered: u64,
    /// What a person should know of the sources.
    pub notes: Vec<String>,
    /// Values of JSON files that stand beside the records, by name.
    pub frame_fields: BTreeMap<String, u64>,
    /// Shapes of the records before.
    recent: shape::Recent,
    /// How the options of the source count, and what its answers are.
    habits: Habits,
    /// Whether records are only looked at.
    is_witness: bool,
}

/// Records that are left out on purpose.
#[derive(Debug)]
pub struct Left {
    /// What they are called in the ledger.
    pub name: String,
    /// Why, as in the ledger.
    pub reason: &'static str,
    /// How many they are.
    pub records: u64,
    /// Bytes of them.
    pub bytes: u64,
}

impl Parsed {
    /// One whose records are only looked at: nothing becomes a document.
    #[must_use]
    pub fn witness() -> Self {
        Self {
            is_witness: true,
            ..Self::default()
        }
    }

    /// Parses `block` of `source`.
    pub fn add(&mut self, source: &Source, format: Format, block: Block, rules: Rules<'_>) {
        let name = source.name.as_str();
        let habits = source.habits.get().copied().unwrap_or_default();
        self.habits = habits.told(rules.first_option);
        match block {
            Block::Lines { line, part, bytes } => {
                self.add_lines(source, format, (line, part), bytes, rules);
            }
            Block::LongLine {
                line,
                bytes,
                characters,
                head,
            } => {
                let message = too_long(format, rules.split, bytes);
                let mut reject = Reject::new(name, line, "record_too_long", message, &head);
                // The sample is its beginning; the account is of all of it.
                let encoding = source.encoding.encoding;
                let is_single_byte = encoding.is_ascii_superset() && !encoding.is_utf8();
                reject.bytes = bytes;
                reject.characters = if is_single_byte { bytes } else { characters };
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
                // The row cannot be shown, but it is counted.
                Err(error) => {
                    for row in row..row + batch.num_rows() as u64 {
                        let message = format!(
                            "{error:#}; leave the column out, or cast it to text, and write the file again"
                        );
                        let reject = Reject::new(name, row, "unsupported_column", message, &[]);
                        self.rejects.push(reject);
                    }
                }
            },
            Block::Unreadable {
                record,
                error,
                tail,
            } => {
                self.rejects
                    .push(Reject::new(name, record, "unreadable", error, &tail));
            }
            Block::UnreadableRows { row, count, error } => {
                let rows = row..row + count;
                self.rejects.extend(
                    rows.map(|row| Reject::new(name, row, "unreadable", error.clone(), &[])),
                );
            }
            Block::Web { records, .. } => {
                for record in records {
                    self.add_web(source, record, rules);
                }
            }
            Block::RefusedRecord {
                record,
                error,
                why,
                raw,
            } => self
                .rejects
                .push(Reject::new(name, record, error, why, &raw)),
            Block::Refused(reject) => self.rejects.push(*reject),
            Block::Note(note) => self.notes.push(note),
            Block::Left {
                name,
                reason,
                bytes,
            } => self.leave(name, reason, bytes),
            Block::Replaced(places) => self.repairs.text.add(Repair::BadBytes, places),
            Block::MissingCommas(commas) => self.repairs.json += commas,
            Block::FrameFields { fields } => {
                for (name, values) in fields {
                    *self.frame_fields.entry(name).or_default() += values;
                }
            }
            Block::MemberEnd { .. } | Block::End { .. } => {}
        }
    }

    fn add_lines(
        &mut self,
        source: &Source,
        format: Format,
        (line, part): (u64, usize),
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
            let decoded = encoding.decode(&bytes);
            let places = decoded.invalid.len() as u64;
            self.repairs.text.add(Repair::BadBytes, places);
            decoded.text.into_bytes()
        };
        match format {
            Format::Text | Format::Xml => self.add_text(&source.name, (line, part), bytes, rules),
            Format::Csv => self.add_rows(source, line, &bytes, rules),
            _ => self.add_json_lines(&source.name, line, &bytes, rules),
        }
    }

    /// Books something that is left out on purpose.
    pub(super) fn leave(&mut self, name: String, reason: &'static str, bytes: u64) {
        self.left.push(Left {
            name,
            reason,
            records: 1,
            bytes,
        });
    }

    fn normalised(&mut self, content: Content, switches: Switches) -> Content {
        let repairs = &mut self.repairs;
        let mut turns = |messages: Vec<Message>| -> Vec<Message> {
            messages
                .into_iter()
                .map(|message| Message {
                    content: repaired(trimmed(message.content, &message.role), switches, repairs),
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
            Content::Text(text) => Content::Text(repaired(text, switches, repairs)),
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
        (Format::Json, _) => (
            "record",
            super::cutter::MAX_LINE_BYTES,
            "; write its lists as records of their own",
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

/// A piece of a structured record after all repairs; text that needs none is not copied.
pub(super) fn repaired(text: String, switches: Switches, repairs: &mut Repairs) -> String {
    let text = if switches.has(Repair::Mojibake)
        && let Cow::Owned(repaired) = repair::mojibake_lines(&text, &mut repairs.text)
    {
        repaired
    } else {
        text
    };
    if let Cow::Owned(text) = normalise(&text, switches, repairs) {
        return text;
    }
    text
}

/// Spaces that indent a line of code.
const LEAST_INDENT: usize = 4;

/// What `role` says, without the blank lines around it. The indentation of a first line of several
/// (code) stays, and that of an answer in one line; a few spaces before an answer only set it off from its
/// prompt or its column, and around what else is said in one line no white space means anything.
fn trimmed(mut content: String, role: &str) -> String {
    content.truncate(content.trim_end().len());
    let first = content
        .find(|c: char| !c.is_whitespace())
        .unwrap_or(content.len());
    let line = content[..first].rfind('\n').map_or(0, |at| at + 1);
    let indent = &content[line..first];
    let is_indented = role == "assistant"
        && (indent.starts_with('\t') || indent.len() >= LEAST_INDENT)
        && indent.bytes().all(|byte| matches!(byte, b' ' | b'\t'));
    let start = if is_indented || content[first..].contains('\n') {
        line
    } else {
        first
    };
    content.drain(..start);
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::codec::Codec;
    use crate::ingest::encoding::{Detected, Encoding};
    use std::sync::OnceLock;

    fn parse(format: Format, text: &str) -> Parsed {
        let mut parsed = Parsed::default();
        let rules = Rules {
            split: Split::Paragraphs { characters: 1_000 },
            shape: None,
            mapping: None,
            repairs: Switches::all(),
            first_option: None,
            most_tree: u64::MAX,
        };
        let block = Block::Lines {
            line: 1,
            part: 0,
            bytes: text.as_bytes().to_vec(),
        };
        let source = Source {
            name: "s".to_owned(),
            path: "s".into(),
            bytes: 0,
            modified: None,
            changed: None,
            codec: Codec::Plain,
            format: Ok(format),
            encoding: Detected {
                encoding: Encoding::Utf8,
                confidence: 1.0,
            },
            forced: None,
            dialect: None,
            lone_cr: false,
            habits: OnceLock::new(),
            member_of: None,
        };
        parsed.add(&source, format, block, rules);
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
    fn files_behind_one_another_have_a_byte_order_mark_each() {
        let parsed = parse(
            Format::Jsonl,
            "\u{feff}{\"text\":\"a\"}\n\u{feff}{\"text\":\"b\"}\n\u{feff}\n{\"text\":\"\u{feff}c\"}\n",
        );
        let records: Vec<u64> = parsed
            .documents
            .iter()
            .map(|document| document.record)
            .collect();
        assert_eq!((records, parsed.rejects), (vec![1, 2, 4], Vec::new()));
    }

    #[test]
    fn invalid_utf8_costs_its_line() {
        let mut parsed = Parsed::default();
        let rules = Rules {
            split: Split::Paragraphs { characters: 1_000 },
            shape: None,
            mapping: None,
            repairs: Switches::all(),
            first_option: None,
            most_tree: u64::MAX,
        };
        parsed.add_text("s", (1, 0), b"one\n\ntw\xffo\n\nthree\n".to_vec(), rules);
        assert_eq!(parsed.documents.len(), 1);
        assert_eq!(
            parsed.documents[0].content,
            Content::Text("one\n\n\n\nthree".to_owned())
        );
        assert_eq!((parsed.rejects[0].record, parsed.rejects[0].bytes), (3, 5));
    }

    #[test]
    fn code_keeps_its_indentation() {
        let both = |text: &str| ["assistant", "user"].map(|role| trimmed(text.to_owned(), role));
        let all = |text: &str| [text, text].map(str::to_owned);
        assert_eq!(
            both("\n    if x:\n        y\n"),
            all("    if x:\n        y")
        );
        // One line of an answer may be code, too.
        for (answer, wanted) in [
            ("    return a + b\n", "    return a + b"),
            ("\n\n  x", "x"),
            ("\tx", "\tx"),
            (" answer", "answer"),
            ("\n answer", "answer"),
            ("\u{a0}answer", "answer"),
            ("answer ", "answer"),
            ("    \n\t", ""),
        ] {
            let [said, asked] = both(answer);
            assert_eq!((said.as_str(), asked.as_str()), (wanted, wanted.trim()));
        }
        assert_eq!(both("  слово \n")[1], "слово");
    }
}
