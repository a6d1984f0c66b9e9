//! The dialect of a CSV file: its delimiter and the names of its columns, told from its beginning.

mod padding;
mod quoting;
mod table;
mod turns;

use super::csv_rows::{self, COMMA, Ending, Grammar, Quotes};
use super::mapping::Mapping;
use super::shape;
use quoting::{is_spaced, quotes};
use std::collections::BTreeSet;
pub use table::is_table;

/// Delimiters that are tried.
const DELIMITERS: &[u8] = b",;\t|";
/// Rows that are looked at.
const ROWS: usize = 200;
/// Bytes of a byte order mark in UTF-8.
const BOM_BYTES: usize = 3;
/// Longest name of a column, in characters.
const LONGEST_NAME: usize = 60;

/// How a CSV file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What divides its rows into fields.
    pub grammar: Grammar,
    /// Names of the columns: those of the header, else `column_1`, `column_2`, …
    pub columns: Vec<Column>,
    /// Whether the first row holds names: those of the columns, unless the user gave others.
    pub has_header: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, which no other column has.
    pub name: String,
    /// Whether the header left its name out: rows may leave out its field.
    pub is_spare: bool,
    /// Spaces and tabs before its cells, at most, that only set them off.
    pub padding: usize,
}

/// A reading of the sample.
struct Reading {
    grammar: Grammar,
    rows: Vec<Vec<String>>,
    /// Thousandths of the rows that fit below the first.
    share: usize,
}

impl Reading {
    fn new(grammar: Grammar, sample: &str) -> Option<Self> {
        let rows = rows(sample, grammar);
        let first = rows.first()?;
        let fitting = rows.iter().filter(|row| fits(row, first)).count();
        let share = fitting * 1000 / rows.len();
        Some(Self {
            grammar,
            rows,
            share,
        })
    }

    fn width(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }
}

/// Whether `row` is as wide as `header`, but for empty fields at the end of either.
fn fits(row: &[String], header: &[String]) -> bool {
    let filled = |fields: &[String]| {
        let last = fields.iter().rposition(|field| !field.trim().is_empty());
        last.map_or(0, |at| at + 1)
    };
    let (narrow, wide) = (filled(header), header.len());
    row.len() == wide
        || (narrow..=wide).contains(&row.len())
        || row.len() > wide && filled(row) <= wide
}

impl Dialect {
    /// Tells the dialect from the decoded beginning of a file.
    ///
    /// # Errors
    /// When no delimiter gives rows of equal width, or the names given are too few or too many.
    pub fn detect(
        sample: &str,
        names: &[String],
        mapping: Option<&Mapping>,
    ) -> Result<Self, String> {
        // Excel says in a first line of its own what divides the fields.
        let said = said_delimiter(sample);
        let sample = &sample[before_rows(sample.as_bytes()).min(sample.len())..];
        let delimiters = said.map_or_else(|| DELIMITERS.to_vec(), |said| vec![said]);
        let best = delimiters
            .iter()
            .filter(|delimiter| may_divide(sample, **delimiter))
            .filter_map(|delimiter| {
                let grammar = Grammar {
                    delimiter: Some(*delimiter),
                    spaced: is_spaced(sample, *delimiter),
                    quotes: Quotes::Doubled,
                };
                let quotes = quotes(sample, grammar);
                Reading::new(Grammar { quotes, ..grammar }, sample)
                    .filter(|reading| reading.width() > 1)
            })
            // The share of rows as wide as the first decides, then the width.
            .max_by_key(|reading| (reading.share, reading.width()));
        // One column has no delimiter to tell it: its name must be known.
        let known = |reading: &Reading| {
            names.len() == 1
                || names.is_empty()
                    && (has_known_name(&reading.rows[0], mapping)
                        || turns::are_headed(&reading.rows))
        };
        let single = || {
            let grammar = Grammar {
                delimiter: None,
                ..COMMA
            };
            let quotes = quotes(sample, grammar);
            Reading::new(Grammar { quotes, ..grammar }, sample).filter(known)
        };
        let different = best.as_ref().is_some_and(|reading| reading.share < 500);
        let Some(reading) = best.filter(|_| !different).or_else(single) else {
            return Err(if different {
                "its rows are of different widths with every delimiter (comma, semicolon, tab, bar)"
            } else {
                "no delimiter (comma, semicolon, tab or bar) divides its first row, and it is no name of a column that is known (--columns text reads each row as a text)"
            }
            .to_owned());
        };
        let width = reading.width();
        // Where the user names the columns, the first row is data unless all of it are names.
        let has_header = reading.rows.split_first().is_some_and(|(first, below)| {
            if names.is_empty() {
                is_header(first, below, mapping) || turns::are_headed(&reading.rows)
            } else {
                holds_names_alone(first, names, mapping)
            }
        });
        if !names.is_empty() && names.len() != width {
            return Err(format!(
                "it has {width} columns, --columns names {}",
                names.len()
            ));
        }
        let mut columns = match reading.rows.into_iter().next() {
            _ if !names.is_empty() => columns(names),
            Some(first) if has_header => columns(&first),
            _ => columns(&vec![String::new(); width])
                .into_iter()
                .map(|column| Column {
                    is_spare: false,
                    ..column
                })
                .collect(),
        };
        let padded = padding::padded(sample, reading.grammar, has_header);
        for (column, padding) in columns.iter_mut().zip(padded) {
            column.padding = padding;
        }
        Ok(Self {
            grammar: reading.grammar,
            columns,
            has_header,
        })
    }

    /// That of a file without a row.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self {
            grammar: COMMA,
            columns: columns(&[String::new()]),
            has_header: false,
        }
    }

    /// Names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// How many fields a row must have at least: the named ones.
    #[must_use]
    pub fn least_width(&self) -> usize {
        let last = self.columns.iter().rposition(|column| !column.is_spare);
        last.map_or(0, |at| at + 1)
    }
}

/// Columns called as the fields of a header are: a column without a name by its number, one whose
/// name was there before with a number behind it.
fn columns(header: &[String]) -> Vec<Column> {
    let mut taken: BTreeSet<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    let mut seen = BTreeSet::new();
    header
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let name = name.trim();
            if !name.is_empty() && seen.insert(name) {
                return Column {
                    name: name.to_owned(),
                    is_spare: false,
                    padding: 0,
                };
            }
            let (stem, first) = if name.is_empty() {
                ("column", at + 1)
            } else {
                (name, 2)
            };
            let mut number = first;
            while !taken.insert(format!("{stem}_{number}")) {
                number += 1;
            }
            Column {
                name: format!("{stem}_{number}"),
                is_spare: name.is_empty(),
                padding: 0,
            }
        })
        .collect()
}

/// The delimiter of a first line `sep=;`.
fn said_delimiter(text: &str) -> Option<u8> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    let line = line.trim_matches('"');
    let (key, value) = line.split_at_checked(4)?;
    let [delimiter] = value.as_bytes() else {
        return None;
    };
    (key.eq_ignore_ascii_case("sep=") && delimiter.is_ascii()).then_some(*delimiter)
}

/// Bytes before the first row: a byte order mark, and the line `sep=;` with its end.
#[must_use]
pub fn before_rows(bytes: &[u8]) -> usize {
    let mark = if bytes.starts_with(b"\xef\xbb\xbf") {
        BOM_BYTES
    } else {
        0
    };
    let head = &bytes[mark..bytes.len().min(mark + 16)];
    if said_delimiter(&String::from_utf8_lossy(head)).is_none() {
        return mark;
    }
    let line = head.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let end = line.map_or(head.len(), |at| {
        at + 1 + usize::from(head[at] == b'\r' && head.get(at + 1) == Some(&b'\n'))
    });
    mark + end
}

/// The first whole rows that hold anything.
fn rows(sample: &str, grammar: Grammar) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (start, ending) in csv_rows::rows(grammar, sample.as_bytes(), true) {
        let Ending::Whole(bytes) = ending else {
            continue;
        };
        let row = csv_rows::without_end(&sample.as_bytes()[start..start + bytes]);
        let row = grammar.fields(row);
        if !csv_rows::is_blank(&row) {
            rows.push(row.iter().map(|field| text(field)).collect());
        }
        if rows.len() == ROWS {
            break;
        }
    }
    rows
}

fn text(field: &[u8]) -> String {
    // Delimiters and quotes are ASCII, so that pieces of a text are texts.
    match simdutf8::basic::from_utf8(field) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(field).into_owned(),
    }
}

/// Whether the first row that holds anything may have more than one field: not where it is plainly the
/// first line, and that has no `delimiter`.
fn may_divide(sample: &str, delimiter: u8) -> bool {
    let Some(first) = first_line(sample) else {
        return false;
    };
    first.bytes().any(|byte| byte == delimiter || byte == b'"')
}

/// Whether `--map` or a shape knows a name in it.
fn has_known_name(row: &[String], mapping: Option<&Mapping>) -> bool {
    let names: BTreeSet<String> = row.iter().map(|name| name.trim().to_lowercase()).collect();
    let mut mapped = mapping.iter().flat_map(|mapping| mapping.paths());
    mapped.any(|path| names.contains(&path.trim().to_lowercase()))
        || names.iter().any(|name| shape::is_known_field(name))
        || shape::names_a_pair(&names)
}

/// Whether each field of a row is a name of `names`, or one that `--map` or a shape knows.
fn holds_names_alone(row: &[String], names: &[String], mapping: Option<&Mapping>) -> bool {
    let is_given = |field: &String| {
        let mut names = names.iter();
        names.any(|name| name.trim().to_lowercase() == field.trim().to_lowercase())
    };
    let is_name =
        |field: &String| is_given(field) || has_known_name(std::slice::from_ref(field), mapping);
    // Rows of the sample hold something.
    let mut filled = row.iter().filter(|field| !field.trim().is_empty());
    filled.all(is_name)
}

/// Whether a row names columns: it has a name that `--map` or a shape knows; or short and different texts above
/// a column of numbers.
fn is_header(row: &[String], below: &[Vec<String>], mapping: Option<&Mapping>) -> bool {
    if has_known_name(row, mapping) {
        return true;
    }
    let names: BTreeSet<String> = row.iter().map(|name| name.trim().to_lowercase()).collect();
    if names.len() != row.len() || names.contains("") {
        return false;
    }
    reads_like_names(&names) && has_numbers_below(row, below)
}

/// Whether these are short and no sentences.
fn reads_like_names(names: &BTreeSet<String>) -> bool {
    names.iter().all(|name| {
        name.chars().count() <= LONGEST_NAME
            && name.parse::<f64>().is_err()
            && !name.ends_with(['.', '?', '!'])
            && name.split_whitespace().count() <= 4
    })
}

/// Whether some column holds nothing but numbers below its name: short words alone prove nothing.
fn has_numbers_below(row: &[String], below: &[Vec<String>]) -> bool {
    (0..row.len()).any(|column| {
        !below.is_empty()
            && below.iter().all(|row| {
                row.get(column)
                    .is_some_and(|field| field.trim().parse::<f64>().is_ok())
            })
    })
}

/// The first line that holds anything.
fn first_line(sample: &str) -> Option<&str> {
    let mut lines = sample.split('\n');
    lines.find(|line| !line.as_bytes().trim_ascii().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_and_headers_are_told() {
        let dialect = Dialect::detect(
            "\"Вопрос\";\"Ответ\"\r\n\"Да, или нет; а?\";\"Да\"\r\n\"b\";\"c\"\r\n",
            &[],
            None,
        )
        .expect("told");
        assert_eq!(
            (dialect.grammar.delimiter, dialect.has_header),
            (Some(b';'), true)
        );
        assert_eq!(dialect.names().collect::<Vec<_>>(), ["Вопрос", "Ответ"]);
        let dialect = Dialect::detect("question\tanswer\nx, y, z\t1\n", &[], None).expect("told");
        assert_eq!(dialect.grammar.delimiter, Some(b'\t'));
        let dialect =
            Dialect::detect("1,What is it?\n2,\"Why, then?\"\n", &[], None).expect("told");
        assert_eq!(
            (dialect.has_header, dialect.names().collect()),
            (false, vec!["column_1", "column_2"])
        );
        let excel = "\u{feff}sep=;\r\nвопрос;ответ\r\nда, или нет, а?;да\r\n";
        let dialect = Dialect::detect(excel, &[], None).expect("told");
        assert_eq!(
            (dialect.grammar.delimiter, dialect.has_header),
            (Some(b';'), true)
        );
        assert_eq!(&excel[before_rows(excel.as_bytes())..][..12], "вопрос");
        assert_eq!(before_rows(b"separate,fields\n"), 0);
        let mapping = Mapping::parse(&["text=Тело".to_owned()]).expect("a mapping");
        let dialect = Dialect::detect("Имя,тело\nа,б\n", &[], Some(&mapping)).expect("told");
        assert!(dialect.has_header);
        assert!(Dialect::detect("just a line\nand another\n", &[], None).is_err());
    }

    fn told(sample: &str) -> (Option<u8>, bool, Vec<String>) {
        let dialect = Dialect::detect(sample, &[], None).expect("told");
        let names = dialect.names().map(str::to_owned).collect();
        (dialect.grammar.delimiter, dialect.has_header, names)
    }

    #[test]
    fn headers_are_as_people_write_them() {
        let (delimiter, has_header, names) = told("question;answer;;\nкто?;я;;\nчто?;ты\n");
        assert_eq!((delimiter, has_header), (Some(b';'), true));
        assert_eq!(names, ["question", "answer", "column_3", "column_4"]);
        let (_, has_header, names) = told("Question|answer|answer|\"answer_2\"\na|b|c|d\n");
        assert!(has_header);
        assert_eq!(names, ["Question", "answer", "answer_3", "answer_2"]);
        let dialect = Dialect::detect(
            "question, answer\n\"Да, или нет?\", \"Да\"\n\"b\", \"c\"\n",
            &[],
            None,
        )
        .expect("told");
        assert!(dialect.grammar.spaced && dialect.has_header);
        let inch = "question,answer\na, \"b\" and c\nd,e\n";
        assert!(Dialect::detect(inch, &[], None).is_ok_and(|dialect| !dialect.grammar.spaced));
    }

    #[test]
    fn the_first_row_is_data_where_the_user_names_the_columns() {
        let names = ["question".to_owned(), "answer".to_owned()];
        for (sample, has_header) in [
            ("два плюс два;четыре\n3+3;6\n4+4;8\n", false),
            ("Вопрос;7\nкто?;8\n", false),
            ("ответ;ещё слово\nкто?;8\n", false),
            ("Question;Answer\nкто?;я\n", true),
            ("Вопрос;Ответ\nкто?;я\n", true),
        ] {
            let dialect = Dialect::detect(sample, &names, None).expect("told");
            assert_eq!(dialect.has_header, has_header, "{sample}");
            assert_eq!(dialect.names().collect::<Vec<_>>(), ["question", "answer"]);
        }
    }

    #[test]
    fn one_column_needs_a_name_that_is_known() {
        let (delimiter, has_header, names) = told("text\nРаз, два; три\n\"Четыре, пять\"\n");
        assert_eq!((delimiter, has_header), (None, true));
        assert_eq!(names, ["text"]);
        let names = ["text".to_owned()];
        let dialect = Dialect::detect("один\nдва\n", &names, None).expect("told");
        assert!(!dialect.has_header);
    }
}
