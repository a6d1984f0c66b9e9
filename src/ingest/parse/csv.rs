//! Rows of CSV.

use super::{Left, Parsed, Rules, utf8};
use crate::ingest::csv_rows::{self, Ending};
use crate::ingest::dialect::{self, Dialect};
use crate::ingest::reject::Reject;
use crate::ingest::shape::Fields;
use crate::ingest::source::Source;
use serde_json::Value;
use std::borrow::Cow;

/// Why a row of empty cells is left out; the reason in the ledger.
pub const BLANK_ROW: &str = "blank_row";

impl Parsed {
    pub(super) fn add_rows(
        &mut self,
        source: &Source,
        first_line: u64,
        bytes: &[u8],
        rules: Rules<'_>,
    ) {
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
        let mut blank = Left {
            name: name.to_owned(),
            reason: BLANK_ROW,
            records: 0,
            bytes: 0,
        };
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
            if csv_rows::is_blank(&fields) {
                // An empty line is no row.
                if fields.len() > 1 || !row.trim_ascii().is_empty() {
                    blank.records += 1;
                    blank.bytes += row.len() as u64;
                }
                continue;
            }
            if std::mem::take(&mut header) {
                if !repeats_header(dialect, &fields) {
                    self.notes.push(other_header(name, record, row));
                }
                continue;
            }
            if dialect.has_header && repeats_header(dialect, &fields) {
                let message = "the row is the header once more, as where files were joined; it is no record and nothing of the text is missing without it".to_owned();
                self.rejects
                    .push(Reject::new(name, record, "repeated_header", message, row));
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
            match named(dialect, row, &fields) {
                Ok(fields) => self.add_fields(name, record, fields, rules, || row.to_vec()),
                Err(error) => {
                    // What divides rows and fields is ASCII in every encoding of a damaged line.
                    let recovered = self.recovered(row, rules);
                    let fields = recovered.as_ref().and_then(|text| {
                        let row = text.as_bytes();
                        named(dialect, row, &dialect.grammar.fields(row)).ok()
                    });
                    match fields {
                        Some(fields) => {
                            self.add_fields(name, record, fields, rules, || row.to_vec());
                        }
                        None => self.reject_encoding(name, record, row, error),
                    }
                }
            }
        }
        if blank.records > 0 {
            self.left.push(blank);
        }
    }
}

/// The fields of a row under the names of their columns.
fn named(
    dialect: &Dialect,
    row: &[u8],
    fields: &[Cow<[u8]>],
) -> Result<Fields, std::str::Utf8Error> {
    let mut named = Fields::with_capacity(dialect.columns.len());
    let has_padding = dialect.columns.iter().any(|column| column.padding > 0);
    let written = has_padding.then(|| dialect.grammar.written(row));
    // What is quoted is as it was meant.
    let is_bare = |place: usize| {
        let written = written.as_ref().and_then(|written| written.get(place));
        written.is_some_and(|(_, closed)| closed.is_none())
    };
    for (place, (column, field)) in dialect.columns.iter().zip(fields).enumerate() {
        if !column.is_spare || !field.trim_ascii().is_empty() {
            let mut text = utf8(field)?;
            if column.padding > 0 && is_bare(place) {
                let before = text.bytes().take(column.padding);
                let before = before.take_while(|byte| matches!(byte, b' ' | b'\t'));
                text = &text[before.count()..];
            }
            named.insert(column.name.clone(), Value::String(text.to_owned()));
        }
    }
    Ok(named)
}

/// The fields of the first row below the header in the beginning of a file.
#[must_use]
pub fn first_row(dialect: &Dialect, bytes: &[u8]) -> Option<Fields> {
    let bytes = &bytes[dialect::before_rows(bytes)..];
    csv_rows::rows(dialect.grammar, bytes, true).find_map(|(at, ending)| {
        let row = csv_rows::without_end(&bytes[at..at + ending.bytes()]);
        let fields = dialect.grammar.fields(row);
        let is_record = matches!(ending, Ending::Whole(_))
            && !csv_rows::is_blank(&fields)
            && !(dialect.has_header && repeats_header(dialect, &fields));
        is_record.then(|| named(dialect, row, &fields).ok())?
    })
}

/// Whether a row says the names of all columns and nothing else.
fn repeats_header(dialect: &Dialect, fields: &[Cow<[u8]>]) -> bool {
    let columns = dialect.columns.iter().filter(|column| !column.is_spare);
    let names = columns.map(|column| column.name.trim().as_bytes());
    let fields = fields.iter().map(|field| {
        // Each of the joined files may have begun with a byte order mark.
        let field = field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field);
        field.trim_ascii()
    });
    names.eq(fields.filter(|field| !field.is_empty()))
}

/// That the first row is a header with other names than the user's.
fn other_header(name: &str, record: u64, row: &[u8]) -> String {
    format!(
        "{name}, row {record}: `{}` was read as a header and is no record; the names of its columns are those of --columns",
        String::from_utf8_lossy(row)
    )
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
