//! Plain text.

use super::{Parsed, Rules, utf8};
use crate::chars::{self, is_blank};
use crate::document::Content;
use crate::ingest::normalise::normalise;
use crate::ingest::repair::{self, Repair};
use crate::ingest::text;
use std::borrow::Cow;

impl Parsed {
    pub(super) fn add_text(
        &mut self,
        name: &str,
        (first_line, part): (u64, usize),
        bytes: Vec<u8>,
        rules: Rules<'_>,
    ) {
        let mut text = match utf8(&bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(self.without_invalid_lines(name, first_line, &bytes, rules)),
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
            content.truncate(chars::trim_end(&content).len());
            let before = piece.lines_before;
            let before = lines.as_ref().map_or(before, |lines| {
                let line = lines.get(before as usize).or(lines.last());
                line.map_or(before, |line| u64::from(*line))
            });
            let line = first_line + before;
            if is_blank(&content) {
                continue;
            }
            // Pieces of one line are told apart by their number.
            let item = if line == first_line { part } else { 0 };
            self.keep(name, (line, item), Content::Text(content), None, "text");
        }
    }

    /// Mends the lines that are no UTF-8, or rejects them; an empty line takes the place of each.
    fn without_invalid_lines(
        &mut self,
        name: &str,
        first_line: u64,
        bytes: &[u8],
        rules: Rules<'_>,
    ) -> String {
        let mut text = String::with_capacity(bytes.len());
        let (mut rest, mut number) = (bytes, first_line);
        // From one damaged line to the next.
        while let Err(error) = simdutf8::compat::from_utf8(rest) {
            let damaged = error.valid_up_to();
            let start = memchr::memrchr(b'\n', &rest[..damaged]).map_or(0, |at| at + 1);
            let length = memchr::memchr(b'\n', &rest[damaged..]);
            let end = length.map_or(rest.len(), |length| damaged + length + 1);
            let (whole, line) = (&rest[..start], &rest[start..end]);
            text.push_str(utf8(whole).unwrap_or_default());
            number += memchr::memchr_iter(b'\n', whole).count() as u64;
            if let Some(line) = self.recovered(line, rules) {
                text.push_str(&line);
            } else if let Err(error) = utf8(line) {
                self.reject_encoding(name, number, line, error);
                text.push('\n');
            }
            number += 1;
            rest = &rest[end..];
        }
        text.push_str(utf8(rest).unwrap_or_default());
        text
    }
}
