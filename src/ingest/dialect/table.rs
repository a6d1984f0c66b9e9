//! Whether a text is a table, though its name does not say so.

use super::{
    BOM_BYTES, DELIMITERS, Dialect, before_rows, columns, first_line, fits, has_numbers_below,
    reads_like_names, rows,
};
use crate::ingest::mapping::Mapping;
use crate::ingest::shape;
use std::collections::BTreeSet;

/// Rows that a table without names that are known has at least.
const LEAST_ROWS: usize = 3;
/// Rows of as many fields that prove a table without a header: prose seldom has as many commas in each
/// of so many lines.
const PROVING_ROWS: usize = 10;

/// Whether a text is a table, though its name does not say so. It is one
/// - where its header has the columns that `--map` or a shape asks for, `--map` also under the name of
///   a text, and every row is as wide;
/// - where all of three rows or more have as many fields, none without its first, and tabs divide them,
///   or short names stand above a column of numbers;
/// - where ten rows or more have the same three fields or more.
///
/// A text that is called one (`.txt`) is a table only where its header has the columns of a shape, or a
/// first line `sep=;` says so. `is_nameless` says that the name has no ending; `names` are those of `--columns`.
#[must_use]
pub fn is_table(
    sample: &str,
    names: &[String],
    mapping: Option<&Mapping>,
    is_nameless: bool,
) -> bool {
    let is_told = is_nameless || mapping.is_some() || !names.is_empty();
    (is_told || !plainly_heads_nothing(sample)) && has_rows(sample, names, mapping, is_nameless)
}

/// The same, told by all rows of the sample.
fn has_rows(sample: &str, names: &[String], mapping: Option<&Mapping>, is_nameless: bool) -> bool {
    let Ok(dialect) = Dialect::detect(sample, names, mapping) else {
        return false;
    };
    let fields: shape::Fields = dialect
        .names()
        .map(|name| (name.to_owned(), "x".into()))
        .collect();
    let is_mapped = mapping.is_some_and(|mapping| mapping.fits(&fields));
    if is_mapped && (dialect.has_header || !names.is_empty()) {
        return true;
    }
    let Some(delimiter) = dialect.grammar.delimiter else {
        return is_nameless && !names.is_empty();
    };
    let start = before_rows(sample.as_bytes());
    if start > BOM_BYTES || !names.is_empty() {
        return is_nameless || names.is_empty();
    }
    let rows = rows(&sample[start.min(sample.len())..], dialect.grammar);
    let Some((first, below)) = rows.split_first() else {
        return false;
    };
    // A table of Markdown has a rule below its header.
    let is_rule = |row: &Vec<String>| {
        let mut cells = row.iter().map(|cell| cell.trim());
        cells.all(|cell| cell.contains('-') && cell.bytes().all(|byte| b"-: ".contains(&byte)))
    };
    if delimiter == b'|' && below.first().is_some_and(is_rule) {
        return false;
    }
    // A table of Markdown has a bar before its first cell.
    let is_even = below.iter().all(|row| fits(row, first))
        && rows.iter().all(|row| !row[0].trim().is_empty());
    let header: BTreeSet<String> = first
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    let is_named = header.len() == first.len() && reads_like_names(&header);
    let shape = shape::Shape::of(&fields).filter(|_| dialect.has_header && is_named);
    let least = match shape {
        Some(shape) if !shape.is_text() && (is_nameless || delimiter == b'\t') => 2,
        Some(shape) if !shape.is_text() => LEAST_ROWS,
        // The name says that it is a text: what follows is no proof against it.
        Some(_) if !is_nameless && delimiter != b'\t' => return false,
        None if !is_nameless => return false,
        Some(_) => LEAST_ROWS,
        None if delimiter == b'\t' || is_named && has_numbers_below(first, below) => LEAST_ROWS,
        None if first.len() > 2 => PROVING_ROWS,
        None => return false,
    };
    is_even && rows.len() >= least
}

/// Whether the first row is plainly no header with the columns of a shape, whatever divides it: told
/// from the first line alone, as most texts are to be told in no time.
fn plainly_heads_nothing(sample: &str) -> bool {
    let start = before_rows(sample.as_bytes());
    if start > BOM_BYTES {
        return false;
    }
    let Some(line) = sample.get(start..).and_then(first_line) else {
        return false;
    };
    let line = line.trim_end_matches('\r');
    let heads = |delimiter: &u8| {
        let delimiter = char::from(*delimiter);
        let names = || -> Vec<String> { line.split(delimiter).map(str::to_owned).collect() };
        let fields = || -> shape::Fields {
            let columns = columns(&names()).into_iter();
            columns.map(|column| (column.name, "x".into())).collect()
        };
        line.contains(delimiter) && shape::Shape::of(&fields()).is_some()
    };
    // Where quotes end decides what is a row, and a row of nothing but delimiters is none.
    let is_blank = |byte: u8| DELIMITERS.contains(&byte) || byte.is_ascii_whitespace();
    !line.contains('"') && !line.bytes().all(is_blank) && !DELIMITERS.iter().any(heads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_markdown_is_a_text_and_the_last_row_needs_no_line_end() {
        let is = |text: &str, is_nameless| is_table(text, &[], None, is_nameless);
        for is_nameless in [false, true] {
            for rule in ["--- | ---", ":--|--:", "---|:---:"] {
                let table = format!("question | answer\n{rule}\nWhat? | That\nWho? | Me\n");
                assert!(!is(&table, is_nameless), "{table}");
            }
            for end in ["", "\n", "\r\n"] {
                let table = format!("question;answer\nq1;a1\nq2;a2\nq3;a3{end}");
                assert!(is(&table, is_nameless), "{table:?}");
                let table = format!("question\tanswer\nq1\ta1{end}");
                assert!(is(&table, is_nameless), "{table:?}");
            }
        }
        assert!(is(
            "question | answer\nWhat? | That\nWho? | Me\nWhy? | So\n",
            false
        ));
    }

    #[test]
    fn a_text_is_told_by_its_first_line_as_by_all_of_it() {
        let known = |header: &str, row: &str| format!("{header}\n{}", format!("{row}\n").repeat(4));
        let mut tables = 0;
        for (header, row) in [
            ("question;answer", "q;a"),
            (";;\nquestion;answer;x", "q;a;b"),
            (" Вопрос ; Ответ ", "q ; a"),
            ("question,answer,", "q,a,"),
            ("\n \nquestion|answer", "q|a"),
            ("\"question\";\"answer\"", "\"q\";\"a\""),
            ("\u{feff}question;answer", "q;a"),
            ("instruction\tinput\toutput", "a\tb\tc"),
            ("Ну, вот; и всё | как\tраз", "q;a"),
            ("sep=;\nquestion;answer", "q;a"),
            ("Глава 1", "q;a"),
            ("", "q;a"),
        ] {
            let text = known(header, row);
            let is_table = has_rows(&text, &[], None, false);
            assert!(!(is_table && plainly_heads_nothing(&text)), "{text:?}");
            tables += usize::from(is_table);
        }
        assert!(tables > 6, "{tables}");
        assert!(plainly_heads_nothing(&known("Глава 1; начало", "q;a")));
        assert!(!plainly_heads_nothing(&known("question;answer", "q;a")));
    }
}
