//! Plain text.

use super::{Parsed, Rules, utf8};
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
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            match utf8(line) {
                Ok(line) => text.push_str(line),
                Err(error) => {
                    if let Some(line) = self.recovered(line, rules) {
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
}
