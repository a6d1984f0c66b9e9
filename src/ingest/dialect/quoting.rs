//! How the quoted fields of a CSV file are written: what may stand before their quotes, and how a quote
//! within them is written.

use super::Reading;
use crate::ingest::csv_rows::{self, COMMA, Ending, Grammar, Quotes};

/// Whether spaces follow the delimiters and are no part of the fields: some field behind one is quoted,
/// and each that begins so ends as a quoted field does.
pub(super) fn is_spaced(sample: &str, delimiter: u8) -> bool {
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

/// How quotes are written in quoted fields: behind backslashes where so more rows have their quotes
/// where RFC 4180 wants them, and as many fields as the first.
pub(super) fn quotes(sample: &str, grammar: Grammar) -> Quotes {
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
