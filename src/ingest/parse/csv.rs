//! Rows of CSV.

use super::{Parsed, Rules};
use crate::ingest::dialect;
use crate::ingest::reject::Reject;
use crate::ingest::shape::Fields;
use crate::ingest::source::Source;
use serde_json::Value;

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
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(dialect.delimiter)
            .has_headers(first_line == 1 && dialect.has_header)
            .flexible(true)
            .from_reader(&bytes[start..]);
        let mut row = csv::ByteRecord::new();
        let (mut line, mut counted) = (first_line, 0);
        loop {
            match reader.read_byte_record(&mut row) {
                Ok(false) => return,
                Ok(true) => {}
                Err(error) => {
                    let message = format!("the rows cannot be read on: {error}");
                    self.rejects
                        .push(Reject::new(name, first_line, "unreadable", message, &[]));
                    return;
                }
            }
            // The reader's own position is before the line end that it skips.
            let mut at = start + row.position().map_or(0, |at| at.byte() as usize);
            while at < bytes.len() && matches!(bytes[at], b'\r' | b'\n') {
                at += 1;
            }
            line += line_ends(&bytes[counted..at]);
            counted = at;
            let record = line;
            let end = (start + reader.position().byte() as usize).max(at);
            let raw = || bytes[at..end].trim_ascii_end().to_vec();
            if row.len() != dialect.columns.len() {
                let message = format!(
                    "the row has {} fields, the columns are {}",
                    row.len(),
                    dialect.columns.join(", ")
                );
                self.rejects
                    .push(Reject::new(name, record, "wrong_width", message, &raw()));
                continue;
            }
            let fields: Result<Fields, _> = dialect
                .columns
                .iter()
                .zip(&row)
                .map(|(column, field)| {
                    Ok((
                        column.clone(),
                        Value::String(std::str::from_utf8(field)?.to_owned()),
                    ))
                })
                .collect();
            match fields {
                Ok(fields) => self.add_fields(name, record, fields, rules, raw),
                Err(error) => self.reject_encoding(name, record, &raw(), error),
            }
        }
    }
}

/// Line ends in `bytes`: LF, CRLF, or CR alone as old Macintosh files have it.
fn line_ends(bytes: &[u8]) -> u64 {
    let lone = |i: usize| bytes[i] == b'\r' && bytes.get(i + 1) != Some(&b'\n');
    (0..bytes.len())
        .filter(|i| bytes[*i] == b'\n' || lone(*i))
        .count() as u64
}
