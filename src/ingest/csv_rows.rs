//! Rows and fields of CSV: one reading of quotes for the sample that tells the dialect, for the cutter
//! and for the parser, so that they can never see different rows.
//!
//! A quote opens a field at its beginning only, as in RFC 4180; an inch sign inside a field is a
//! character. In a file whose quotes stand behind backslashes ([`Quotes`]) these are no ends of fields. A quoted field may hold line ends, but one that does must also end as RFC 4180 says,
//! with a quote before a delimiter or a line end. A quote after which that does not come opened
//! nothing: its line is one bad row and the next line begins the next (the `csv` crate takes all that
//! follows for the field; on rows without such a quote a test holds the two to the same). Within one line readers are
//! lenient, and so is this one: behind `"a"b` the field goes on without quotes.

use super::cutter::MAX_LINE_BYTES;
use memchr::{memchr, memchr2};
use std::borrow::Cow;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// What divides rows into fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grammar {
    /// The byte between fields; `None` where a row is one field.
    pub delimiter: Option<u8>,
    /// Whether spaces before a field are none of it, so that a quote behind them opens it.
    pub spaced: bool,
    /// How a quote is written in a quoted field.
    pub quotes: Quotes,
}

/// How a quote is written in a quoted field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// Twice, as in RFC 4180. A backslash is a character.
    Doubled,
    /// Behind a backslash, as databases write it. Elsewhere a backslash is a character.
    Escaped,
    /// Behind a backslash, and so are all backslashes, as Python writes it.
    AllEscaped,
    /// As every other character: no field is quoted.
    Literal,
}

/// What a table is written in where nothing says otherwise.
pub const COMMA: Grammar = Grammar {
    delimiter: Some(b','),
    spaced: false,
    quotes: Quotes::Doubled,
};

/// How a row ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Behind so many bytes, its line end among them.
    Whole(usize),
    /// A quote in it is never closed: its first line, of so many bytes, is all that is taken for it.
    Open(usize),
}

impl Ending {
    /// Bytes up to the next row.
    pub fn bytes(self) -> usize {
        match self {
            Self::Whole(bytes) | Self::Open(bytes) => bytes,
        }
    }
}

/// The search for the end of one row, which goes on when there is more of the stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Search {
    /// Bytes that were looked at.
    at: usize,
    quoted: bool,
    /// Where the first line ends, once a quoted field went beyond it.
    first_line: Option<usize>,
}

impl Search {
    /// Where the row that `bytes` begins with ends; `None` when that is not in `bytes` and `ended` does
    /// not say that nothing follows.
    pub fn on(&mut self, grammar: Grammar, bytes: &[u8], ended: bool) -> Option<Ending> {
        while let Some(found) = memchr2(b'"', b'\n', &bytes[self.at..]) {
            let at = self.at + found;
            // What follows must not depend on how much happens to be buffered.
            if at >= MAX_LINE_BYTES {
                break;
            }
            if bytes[at] == b'\n' {
                self.at = at + 1;
                if !self.quoted {
                    return Some(Ending::Whole(at + 1));
                }
                self.first_line.get_or_insert(at + 1);
            } else if !self.quoted {
                self.quoted = grammar.opens_behind(&bytes[..at]);
                self.at = at + 1;
            } else if grammar.is_escaped(&bytes[..at]) {
                self.at = at + 1;
            } else if bytes.get(at + 1) == Some(&b'"') {
                // A doubled quote is a quote.
                self.at = at + 2;
            } else {
                match (
                    self.first_line,
                    grammar.closes_before(&bytes[at + 1..], ended),
                ) {
                    (Some(line), Some(false)) => return Some(Ending::Open(line)),
                    (_, None) => {
                        // The next byte decides; it is not here yet.
                        self.at = at;
                        return None;
                    }
                    _ => (self.quoted, self.at) = (false, at + 1),
                }
            }
        }
        if bytes.len() > MAX_LINE_BYTES {
            // A single line that is too long is for the cutter to leave out.
            return self.first_line.map(Ending::Open);
        }
        if self.quoted && ended {
            return Some(Ending::Open(self.first_line.unwrap_or(bytes.len())));
        }
        self.at = bytes.len();
        (ended && !bytes.is_empty()).then_some(Ending::Whole(bytes.len()))
    }
}

impl Grammar {
    /// Whether a field begins behind `before`, which its row begins with and where no quote is open.
    fn opens_behind(self, before: &[u8]) -> bool {
        if self.quotes == Quotes::Literal {
            return false;
        }
        let before = before.strip_prefix(MARK).unwrap_or(before);
        let spaces = before.iter().rev().take_while(|byte| **byte == b' ');
        let spaces = if self.spaced { spaces.count() } else { 0 };
        let last = before[..before.len() - spaces].last();
        last.is_none_or(|last| Some(*last) == self.delimiter)
    }

    /// Whether what stands in a quoted field before a quote makes it a character.
    fn is_escaped(self, before: &[u8]) -> bool {
        matches!(self.quotes, Quotes::Escaped | Quotes::AllEscaped)
            && backslashes_before(before) % 2 == 1
    }

    /// Whether a field ends before `after`, but for spaces; `None` when that is not there yet.
    fn closes_before(self, after: &[u8], ended: bool) -> Option<bool> {
        let next = after
            .iter()
            .find(|byte| **byte != b' ' || self.delimiter == Some(b' '));
        match next {
            Some(next) => Some(Some(*next) == self.delimiter || matches!(next, b'\r' | b'\n')),
            None => ended.then_some(true),
        }
    }

    /// The fields of a row without its line end.
    pub fn fields(self, row: &[u8]) -> Vec<Cow<'_, [u8]>> {
        self.read(row).0
    }

    /// Whether every quoted field of a row ends where its quote is closed.
    pub fn is_strict(self, row: &[u8]) -> bool {
        self.read(row).1
    }

    /// The fields of a row as they are written, each with whether it ends where its quote is closed, if it has one.
    pub fn written(self, row: &[u8]) -> Vec<(&[u8], Option<bool>)> {
        let (mut fields, mut rest) = (Vec::new(), Some(row));
        while let Some(begun) = rest {
            let (_, closed, left) = self.first(begun);
            let behind = left.map_or(0, |left| left.len() + 1);
            fields.push((&begun[..begun.len() - behind], closed));
            rest = left;
        }
        fields
    }

    fn read(self, row: &[u8]) -> (Vec<Cow<'_, [u8]>>, bool) {
        let (mut fields, mut rest) = (Vec::new(), Some(row));
        let mut strict = true;
        while let Some(begun) = rest {
            let (field, closed, left) = self.first(begun);
            strict &= closed.unwrap_or(true);
            fields.push(field);
            rest = left;
        }
        (fields, strict)
    }

    /// The first field of `begun`, whether it is quoted and then ends where its quote is closed, and what
    /// is behind it.
    fn first(self, begun: &[u8]) -> (Cow<'_, [u8]>, Option<bool>, Option<&[u8]>) {
        let field = if self.spaced {
            &begun[begun.iter().take_while(|byte| **byte == b' ').count()..]
        } else {
            begun
        };
        match field.strip_prefix(b"\"") {
            Some(quoted) if self.quotes != Quotes::Literal => {
                let (field, closed, left) = self.quoted(quoted);
                (field, Some(closed), left)
            }
            _ => {
                let (field, left) = self.divide(field);
                (Cow::Borrowed(field), None, left)
            }
        }
    }

    /// What is before the next delimiter, and what is behind it.
    fn divide(self, bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
        match self
            .delimiter
            .and_then(|delimiter| memchr(delimiter, bytes))
        {
            Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
            None => (bytes, None),
        }
    }

    /// Appends a piece of a quoted field that ends before a quote. Where quotes are escaped, backslashes
    /// before one stand for half as many (the odd one is the quote's), and everywhere if all are.
    fn extend<'a>(self, field: &mut Cow<'a, [u8]>, piece: &'a [u8]) {
        let last = backslashes_before(piece);
        let is_plain = match self.quotes {
            Quotes::Doubled | Quotes::Literal => true,
            Quotes::Escaped => last < 2,
            Quotes::AllEscaped => memchr(b'\\', piece).is_none_or(|at| at + 1 == piece.len()),
        };
        if is_plain {
            return extend(field, piece);
        }
        let (start, own) = piece.split_at(piece.len() - last);
        let field = field.to_mut();
        let mut rest = start;
        while self.quotes == Quotes::AllEscaped
            && let Some(at) = memchr(b'\\', rest)
        {
            // Two are one; one alone is not as the file writes its own, and stays.
            let end = at + 1;
            field.extend_from_slice(&rest[..end]);
            let pair = usize::from(rest.get(end) == Some(&b'\\'));
            rest = &rest[end + pair..];
        }
        field.extend_from_slice(rest);
        field.extend(own.iter().take(last.div_ceil(2)));
    }

    /// A field whose quote is open, whether it ends with that, and what is behind it.
    fn quoted(self, bytes: &[u8]) -> (Cow<'_, [u8]>, bool, Option<&[u8]>) {
        let (mut field, mut at) = (Cow::Borrowed(&bytes[..0]), 0);
        loop {
            let end = memchr(b'"', &bytes[at..]).map_or(bytes.len(), |found| at + found);
            let is_escaped = end < bytes.len() && self.is_escaped(&bytes[..end]);
            self.extend(&mut field, &bytes[at..end]);
            if is_escaped {
                // Its backslash is none of the text.
                let field = field.to_mut();
                field.pop();
                field.push(b'"');
                at = end + 1;
                continue;
            }
            if bytes.get(end + 1) == Some(&b'"') {
                extend(&mut field, b"\"");
                at = end + 2;
                continue;
            }
            let (behind, left) = self.divide(bytes.get(end + 1..).unwrap_or_default());
            let closed = behind.trim_ascii().is_empty();
            if !closed {
                extend(&mut field, behind);
            }
            return (field, closed, left);
        }
    }
}

/// How many backslashes `bytes` end with.
fn backslashes_before(bytes: &[u8]) -> usize {
    let backslashes = bytes.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count()
}

/// Appends without a copy as long as the field is one piece.
fn extend<'a>(field: &mut Cow<'a, [u8]>, more: &'a [u8]) {
    if field.is_empty() {
        *field = Cow::Borrowed(more);
    } else if !more.is_empty() {
        field.to_mut().extend_from_slice(more);
    }
}

/// The row without its line end.
pub fn without_end(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// Whether nothing stands in any field, as in the lines that Excel puts below a table.
pub fn is_blank(fields: &[Cow<'_, [u8]>]) -> bool {
    fields.iter().all(|field| field.trim_ascii().is_empty())
}

/// The rows of `bytes`, each with its ending; `ended` says that nothing follows, else the last row is
/// left out when it is not whole.
pub fn rows(
    grammar: Grammar,
    bytes: &[u8],
    ended: bool,
) -> impl Iterator<Item = (usize, Ending)> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        let ending = Search::default().on(grammar, &bytes[start..], ended)?;
        let row = (start, ending);
        start += ending.bytes();
        Some(row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEMICOLON: Grammar = Grammar {
        delimiter: Some(b';'),
        ..COMMA
    };

    fn fields(grammar: Grammar, row: &str) -> Vec<String> {
        let fields = grammar.fields(row.as_bytes());
        let text = |field: Cow<[u8]>| String::from_utf8(field.into_owned()).expect("UTF-8");
        fields.into_iter().map(text).collect()
    }

    fn rows_of(text: &str) -> Vec<(&str, bool)> {
        rows(SEMICOLON, text.as_bytes(), true)
            .map(|(start, ending)| {
                let row = &text[start..start + ending.bytes()];
                (row, matches!(ending, Ending::Open(_)))
            })
            .collect()
    }

    #[test]
    fn rows_and_fields_are_those_of_the_csv_crate() {
        const PIECES: [&str; 8] = ["a", "\"", ";", "\n", "\r\n", "б", " ", "\"\""];
        let mut state = 5_u64;
        let mut below = |limit: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % limit
        };
        for _ in 0..2_000 {
            let mut written = csv::WriterBuilder::new()
                .delimiter(b';')
                .from_writer(Vec::new());
            let columns = 1 + below(4);
            let wanted: Vec<Vec<String>> = (0..=below(5))
                .map(|_| {
                    let field = |_| {
                        let pieces = below(5);
                        (0..pieces).map(|_| PIECES[below(8) as usize]).collect()
                    };
                    // A row of one empty field is a blank line.
                    let mut row: Vec<String> = (0..columns).map(field).collect();
                    row[0].push('x');
                    row
                })
                .collect();
            for row in &wanted {
                written.write_record(row).expect("memory");
            }
            let bytes = written.into_inner().expect("memory");
            let found: Vec<Vec<String>> = rows(SEMICOLON, &bytes, true)
                .map(|(start, ending)| {
                    assert!(matches!(ending, Ending::Whole(_)));
                    let row = &bytes[start..start + ending.bytes()];
                    let row = std::str::from_utf8(without_end(row)).expect("UTF-8");
                    fields(SEMICOLON, row)
                })
                .collect();
            assert_eq!(found, wanted, "{:?}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn fields_are_those_of_rfc_4180() {
        assert_eq!(
            fields(SEMICOLON, "a;;\"b;\"\"c\"\"\nd\";"),
            ["a", "", "b;\"c\"\nd", ""]
        );
        assert_eq!(
            fields(SEMICOLON, "5\" disk;\"x\"y;\"z\"  "),
            ["5\" disk", "xy", "z"]
        );
        assert_eq!(fields(SEMICOLON, ""), [""]);
        let spaced = Grammar {
            spaced: true,
            ..COMMA
        };
        assert_eq!(fields(spaced, "\"a, b\",  \"c\" , d"), ["a, b", "c", "d"]);
        let one = Grammar {
            delimiter: None,
            ..COMMA
        };
        assert_eq!(fields(one, "a, b; c"), ["a, b; c"]);
        assert_eq!(fields(one, "\"a, \"\"b\"\"\""), ["a, \"b\""]);
    }

    #[test]
    fn quotes_behind_backslashes_are_characters_where_the_file_writes_them_so() {
        let escaped = Grammar {
            quotes: Quotes::Escaped,
            ..COMMA
        };
        let all = Grammar {
            quotes: Quotes::AllEscaped,
            ..COMMA
        };
        for (row, doubled, some, every) in [
            (
                r#""a \"b, c\" d",e"#,
                [r"a \b", r#" c\" d""#, "e"].as_slice(),
                [r#"a "b, c" d"#, "e"].as_slice(),
                [r#"a "b, c" d"#, "e"].as_slice(),
            ),
            (
                r#""\frac \\frac \\\"x\\",e"#,
                &[r#"\frac \\frac \\\x\\""#, "e"],
                &[r#"\frac \\frac \"x\"#, "e"],
                &[r#"\frac \frac \"x\"#, "e"],
            ),
            (
                r#""a ""b"" c",\"#,
                &[r#"a "b" c"#, r"\"],
                &[r#"a "b" c"#, r"\"],
                &[r#"a "b" c"#, r"\"],
            ),
        ] {
            assert_eq!(fields(COMMA, row), doubled, "{row}");
            assert_eq!(fields(escaped, row), some, "{row}");
            assert_eq!(fields(all, row), every, "{row}");
        }
        let text = "\"a\\\"\nb\",c\nd,e\n";
        let ends = |grammar| rows(grammar, text.as_bytes(), true).map(|row| row.1.bytes());
        assert_eq!(ends(escaped).collect::<Vec<_>>(), [10, 4]);
    }

    #[test]
    fn an_open_quote_is_one_line() {
        assert_eq!(
            rows_of("\"a\nb\";c\nd\n"),
            [("\"a\nb\";c\n", false), ("d\n", false)]
        );
        // To the end of the file, into the next quoted field, and over doubled quotes.
        assert_eq!(
            rows_of("a;\"b\nc;d\n"),
            [("a;\"b\n", true), ("c;d\n", false)]
        );
        assert_eq!(
            rows_of("a;\"b\n\"c\";\"d\"\n"),
            [("a;\"b\n", true), ("\"c\";\"d\"\n", false)]
        );
        assert_eq!(
            rows_of("\"a;b\n\"\"; \"c\"\n"),
            [("\"a;b\n", true), ("\"\"; \"c\"\n", false)]
        );
        assert_eq!(rows_of("5\" disk;x\n6\";y\n").len(), 2);
        assert_eq!(rows_of("a;\"b"), [("a;\"b", true)]);
        assert_eq!(rows_of("a;\"b\nc\""), [("a;\"b\nc\"", false)]);
    }

    #[test]
    fn a_row_ends_where_it_ends_however_its_bytes_come() {
        let text = "a;\"b\"\"\n\"  ;c\r\n\"open;d\n\"e\";\"f\ng\";\n\n5\" x;\"\"\n\"last";
        let wanted: Vec<_> = rows(SEMICOLON, text.as_bytes(), true).collect();
        for step in 1..9 {
            let (mut found, mut start, mut search, mut read) =
                (Vec::new(), 0, Search::default(), 0);
            loop {
                read = (read + step).min(text.len());
                let ended = read == text.len();
                while let Some(ending) = search.on(SEMICOLON, &text.as_bytes()[start..read], ended)
                {
                    found.push((start, ending));
                    start += ending.bytes();
                    search = Search::default();
                }
                if ended {
                    break;
                }
            }
            assert_eq!(found, wanted, "by {step}");
        }
    }
}
