//! The dialect of a CSV file: its delimiter and the names of its columns, told from its beginning.

use super::mapping::Mapping;
use super::shape;
use std::collections::BTreeSet;

/// Delimiters that are tried.
const DELIMITERS: &[u8] = b",;\t|";
/// Rows that are looked at.
const ROWS: usize = 200;
/// Longest name of a column, in characters.
const LONGEST_NAME: usize = 60;

/// How a CSV file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between fields.
    pub delimiter: u8,
    /// Names of the columns: those of the header, else `column_1`, `column_2`, …
    pub columns: Vec<String>,
    /// Whether the first row holds the names.
    pub has_header: bool,
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
            .filter_map(|delimiter| {
                let rows = rows(sample, *delimiter);
                let width = rows.first()?.len();
                let equal = rows.iter().filter(|row| row.len() == width).count();
                // The share of rows as wide as the first decides, then the width.
                (width > 1).then_some((equal * 1000 / rows.len(), width, *delimiter, rows))
            })
            .max_by_key(|(share, width, ..)| (*share, *width));
        let Some((share, width, delimiter, rows)) = best else {
            return Err(
                "no delimiter (comma, semicolon, tab or bar) divides its first row".to_owned(),
            );
        };
        if share < 500 {
            return Err("its rows are of different widths with every delimiter (comma, semicolon, tab, bar)".to_owned());
        }
        let has_header = rows
            .split_first()
            .is_some_and(|(first, below)| is_header(first, below, mapping));
        if !names.is_empty() && names.len() != width {
            return Err(format!(
                "it has {width} columns, --columns names {}",
                names.len()
            ));
        }
        let columns = match rows.into_iter().next() {
            _ if !names.is_empty() => names.to_vec(),
            Some(first) if has_header => first.iter().map(|name| name.trim().to_owned()).collect(),
            _ => (1..=width)
                .map(|number| format!("column_{number}"))
                .collect(),
        };
        Ok(Self {
            delimiter,
            columns,
            has_header,
        })
    }
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
        3
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

/// The first whole rows.
fn rows(sample: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(sample.as_bytes());
    let mut rows: Vec<Vec<String>> = reader
        .records()
        .take(ROWS)
        .filter_map(Result::ok)
        .map(|row| row.iter().map(str::to_owned).collect())
        .collect();
    // The sample may end inside the last one.
    if rows.len() > 1 && rows.len() < ROWS && !sample.ends_with('\n') {
        rows.pop();
    }
    rows
}

/// Whether a row names columns: it has a name that `--map` or a shape knows; or short and different texts above
/// a column of numbers.
fn is_header(row: &[String], below: &[Vec<String>], mapping: Option<&Mapping>) -> bool {
    let names: BTreeSet<String> = row.iter().map(|name| name.trim().to_lowercase()).collect();
    if names.len() != row.len() || names.contains("") {
        return false;
    }
    let mut mapped = mapping.iter().flat_map(|mapping| mapping.paths());
    if mapped.any(|path| names.contains(&path.trim().to_lowercase())) {
        return true;
    }
    if names.iter().any(|name| shape::is_known_field(name)) {
        return true;
    }
    let reads_like_names = names.iter().all(|name| {
        name.chars().count() <= LONGEST_NAME
            && name.parse::<f64>().is_err()
            && !name.ends_with(['.', '?', '!'])
            && name.split_whitespace().count() <= 4
    });
    // Short words alone prove nothing: some column must hold numbers below its name.
    let numbers_below = (0..row.len()).any(|column| {
        !below.is_empty()
            && below.iter().all(|row| {
                row.get(column)
                    .is_some_and(|field| field.trim().parse::<f64>().is_ok())
            })
    });
    reads_like_names && numbers_below
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
        assert_eq!((dialect.delimiter, dialect.has_header), (b';', true));
        assert_eq!(dialect.columns, ["Вопрос", "Ответ"]);
        let dialect = Dialect::detect("question\tanswer\nx, y, z\t1\n", &[], None).expect("told");
        assert_eq!(dialect.delimiter, b'\t');
        let dialect =
            Dialect::detect("1,What is it?\n2,\"Why, then?\"\n", &[], None).expect("told");
        assert_eq!(
            (dialect.has_header, dialect.columns),
            (false, vec!["column_1".to_owned(), "column_2".to_owned()])
        );
        let excel = "\u{feff}sep=;\r\nвопрос;ответ\r\nда, или нет, а?;да\r\n";
        let dialect = Dialect::detect(excel, &[], None).expect("told");
        assert_eq!((dialect.delimiter, dialect.has_header), (b';', true));
        assert_eq!(&excel[before_rows(excel.as_bytes())..][..12], "вопрос");
        assert_eq!(before_rows(b"separate,fields\n"), 0);
        let mapping = Mapping::parse(&["text=Тело".to_owned()]).expect("a mapping");
        let dialect = Dialect::detect("Имя,тело\nа,б\n", &[], Some(&mapping)).expect("told");
        assert!(dialect.has_header);
        assert!(Dialect::detect("just a line\nand another\n", &[], None).is_err());
    }
}
