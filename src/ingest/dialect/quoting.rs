//! How the quoted fields of a CSV file are written: what may stand before their quotes, and how a quote
//! within them is written.

use super::Reading;
use crate::ingest::csv_rows::{self, COMMA, Ending, Grammar, Quotes};

/// Whether spaces follow the delimiters and are no part of the fields: some field behind one is quoted,
/// and each that begins so ends as a quoted field does.
pub(super) fn is_spaced(sample: &str, delimiter: u8) -> bool {
    // Most samples have no such field, and reading them takes long.
    if !sample.contains(" \"") {
        return false;
    }
    let plain = Grammar {
        delimiter: Some(delimiter),
        ..COMMA
    };
    let spaced = Grammar {
        spaced: true,
        ..plain
    };
    let quoted = |rows: &[Vec<String>]| {
        let fields = rows.iter().flatten();
        fields
            .filter(|field| {
                field.trim_start_matches(' ').starts_with('"') && field.starts_with(' ')
            })
            .count()
    };
    let (Some(a), Some(b)) = (Reading::new(plain, sample), Reading::new(spaced, sample)) else {
        return false;
    };
    let strict = strict_rows(sample, spaced).all(|width| width.is_some());
    quoted(&a.rows) > 0 && strict && b.share >= a.share
}

/// The rows of a sample: the number of fields of each in which every quoted one ends where its quote is
/// closed, `None` of others.
fn strict_rows(sample: &str, grammar: Grammar) -> impl Iterator<Item = Option<usize>> + '_ {
    let sample = sample.as_bytes();
    csv_rows::rows(grammar, sample, false).map(move |(start, ending)| {
        let row = csv_rows::without_end(&sample[start..start + ending.bytes()]);
        let is_strict = matches!(ending, Ending::Whole(_)) && grammar.is_strict(row);
        is_strict.then(|| grammar.fields(row).len())
    })
}

/// How quotes are written in quoted fields, and whether there are any.
pub(super) fn quotes(sample: &str, grammar: Grammar) -> Quotes {
    match behind_backslashes(sample, grammar) {
        Quotes::Doubled if quotes_nothing(sample, grammar) => Quotes::Literal,
        quotes => quotes,
    }
}

/// Whether the fields that begin with a quote are not quoted, as in TSV whose writer leaves quotes alone.
/// Only tabs are looked at, because text has none: what is divided by commas must quote.
///
/// A quote that is closed before its field ends, or never, or only in a later row, is a character. Where
/// most fields are quoted, most quotes have to be such; where few are, more than those that had a reason
/// to be written: a tab, a line end or a doubled quote in them. For quotes around all of a field stand in
/// texts, too.
fn quotes_nothing(sample: &str, grammar: Grammar) -> bool {
    if grammar.delimiter != Some(b'\t') || !sample.contains('"') {
        return false;
    }
    let sample = sample.as_bytes();
    let tabs = |row: &[u8]| memchr::memchr_iter(b'\t', row).count();
    let mut width = None;
    let (mut odd, mut bare, mut closed, mut needed) = (0, 0, 0, 0);
    for (start, ending) in csv_rows::rows(grammar, sample, false) {
        let row = csv_rows::without_end(&sample[start..start + ending.bytes()]);
        let width = *width.get_or_insert_with(|| tabs(row));
        let mut lines = row.split(|byte| *byte == b'\n');
        // Lines that are all rows by themselves.
        let are_rows = row.contains(&b'\n') && lines.all(|line| tabs(line) == width);
        if matches!(ending, Ending::Open(_)) || are_rows {
            odd += 1;
            continue;
        }
        for (field, is_closed) in grammar.written(row) {
            let inner = field.trim_ascii();
            let inner = inner.get(1..inner.len().saturating_sub(1));
            let has_reason = |inner: &[u8]| {
                inner.iter().any(|byte| matches!(byte, b'\t' | b'\n'))
                    || memchr::memmem::find(inner, b"\"\"").is_some()
            };
            match is_closed {
                None => bare += 1,
                Some(false) => odd += 1,
                Some(true) => {
                    closed += 1;
                    needed += usize::from(inner.is_some_and(has_reason));
                }
            }
        }
    }
    odd > if closed > bare + odd { closed } else { needed }
}

/// Quotes are behind backslashes where so more rows have their quotes where RFC 4180 wants them, and as
/// many fields as the first.
fn behind_backslashes(sample: &str, grammar: Grammar) -> Quotes {
    if !sample.contains("\\\"") {
        return Quotes::Doubled;
    }
    let fitting = |quotes| {
        let widths: Vec<_> = strict_rows(sample, Grammar { quotes, ..grammar }).collect();
        widths.iter().filter(|width| **width == widths[0]).count()
    };
    if fitting(Quotes::Escaped) <= fitting(Quotes::Doubled) {
        return Quotes::Doubled;
    }
    // Where one stands alone (\n, \alpha), two of them are two.
    let mut rest = sample;
    let mut has_pair = false;
    while let Some((_, behind)) = rest.split_once('\\') {
        match behind.chars().next() {
            Some('\\') => has_pair = true,
            Some('"') | None => {}
            Some(_) => return Quotes::Escaped,
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    if has_pair {
        Quotes::AllEscaped
    } else {
        Quotes::Escaped
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::*;

    #[test]
    fn quotes_are_doubled_or_behind_backslashes() {
        let quotes = |sample: &str| {
            let dialect = Dialect::detect(sample, &[], None).expect("told");
            dialect.grammar.quotes
        };
        let header = "question,answer\n";
        for (rows, wanted) in [
            (r#""He said \"hi, all\"","a""#, Quotes::Escaped),
            (r#""\"hi\" \n","\\frac""#, Quotes::Escaped),
            (r#""\"hi\"","\\frac C:\\""#, Quotes::AllEscaped),
            // A path ends with a backslash, JSON in a cell has its own.
            (r#""C:\","a""#, Quotes::Doubled),
            (r#""{""a"": ""b \""c\"" d""}","a""#, Quotes::Doubled),
        ] {
            assert_eq!(quotes(&format!("{header}{rows}\n")), wanted, "{rows}");
        }
    }
}
