//! Rows of CSV.

use super::{Parsed, Rules, utf8};
use crate::ingest::csv_rows::{self, Ending};
use crate::ingest::dialect;
use crate::ingest::reject::Reject;
use crate::ingest::shape::Fields;
use crate::ingest::source::Source;
use serde_json::Value;
use std::borrow::Cow;

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
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
