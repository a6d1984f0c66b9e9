//! Lines that are no UTF-8: in text, JSON and CSV one damaged byte costs a character, not a record.
//!
//! A line that is whole in another encoding is decoded from it where that is certain: files put together
//! from several sources have such lines. Of others the bytes that are no character become U+FFFD, as long
//! as they are few; what has many of them is no text.

use super::{Parsed, Rules};
use crate::ingest::encoding::{self, Encoding};
use crate::ingest::reject::Reject;
use crate::ingest::repair::Repair;

/// Bytes of a line for each place that is replaced, at least.
const BYTES_A_PLACE: usize = 32;

impl Parsed {
    /// The text of a line that is no UTF-8, where it can be told.
    pub(super) fn recovered(&mut self, line: &[u8], rules: Rules<'_>) -> Option<String> {
        let decoded = Encoding::Utf8.decode(line);
        let places = decoded.invalid.len();
        // Among more characters of UTF-8 than damaged places it is UTF-8 that was damaged.
        let sequences = decoded.text.chars().filter(|c| !c.is_ascii()).count() - places;
        if sequences <= places
            && let Some((line, _)) = encoding::rescue_line(line)
        {
            self.repairs.rescued_lines += 1;
            return Some(line);
        }
        if !rules.repairs.has(Repair::BadBytes) || places * BYTES_A_PLACE > line.len() {
            return None;
        }
        self.repairs.text.add(Repair::BadBytes, places as u64);
        Some(decoded.text)
    }

    pub(super) fn reject_encoding(
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::repair::Switches;
    use crate::ingest::text::Split;

    const RULES: Rules<'_> = Rules {
        split: Split::Lines,
        shape: None,
        mapping: None,
        repairs: Switches::all(),
        first_option: None,
        most_tree: u64::MAX,
    };

    fn recovered(line: &[u8]) -> (Option<String>, u64, u64) {
        let mut parsed = Parsed::default();
        let text = parsed.recovered(line, RULES);
        let replaced = parsed.repairs.text.get(Repair::BadBytes);
        (text, parsed.repairs.rescued_lines, replaced)
    }

    #[test]
    fn few_bad_bytes_cost_themselves_and_many_the_line() {
        let russian = "{\"text\":\"Привет, мир и ".as_bytes();
        let line = [russian, b"\xff", " люди\"}".as_bytes()].concat();
        let wanted = "{\"text\":\"Привет, мир и \u{fffd} люди\"}".to_owned();
        assert_eq!(recovered(&line), (Some(wanted), 0, 1));
        let cyrillic = b"{\"text\":\"\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0\"}";
        let wanted = "{\"text\":\"Привет, как дела\"}".to_owned();
        assert_eq!(recovered(cyrillic), (Some(wanted), 1, 0));
        assert_eq!(recovered(b"\xff\xfe\x80 a \xff\xfe\x80"), (None, 0, 0));
        let mut parsed = Parsed::default();
        let rules = Rules {
            repairs: Switches::all().without(Repair::BadBytes),
            ..RULES
        };
        assert_eq!(parsed.recovered(&line, rules), None);
    }
}
