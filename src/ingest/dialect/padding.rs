//! Columns that are set off with spaces, so that their cells stand below one another.
//!
//! Four spaces before an answer are else the indentation of code, and stay. Padding is told by the header,
//! or by amounts that no one indents by.

use crate::ingest::csv_rows::{self, Ending, Grammar};

/// Rows that are looked at.
const ROWS: usize = 200;
/// Spaces before a name from which they are more than the one behind a delimiter.
const LEAST_BEFORE_NAME: usize = 2;

/// What stands before the cells of a column.
#[derive(Default)]
struct Before {
    /// Spaces and tabs before its name.
    name: usize,
    /// Cells that hold something.
    cells: usize,
    /// Spaces before those that have some.
    spaces: Vec<usize>,
    /// Whether a quoted cell begins with white space, which is then no padding.
    is_quoted: bool,
}

impl Before {
    fn add(&mut self, cell: &[u8], is_quoted: bool) {
        let text = if is_quoted {
            cell.strip_prefix(b"\"").unwrap_or(cell)
        } else {
            cell
        };
        if text.trim_ascii().is_empty() {
            return;
        }
        self.cells += 1;
        let spaces = white_space(text);
        if spaces > 0 {
            self.is_quoted |= is_quoted;
            self.spaces.push(spaces);
        }
    }

    /// How much of it is padding at most: as much as stands before the name, where it stands before three
    /// cells in four, too; all of it, where these have some and as much as no code is indented by. One before
    /// each cell is part of the delimiter.
    fn padding(&self) -> usize {
        if self.is_quoted || self.spaces.is_empty() {
            return 0;
        }
        let is_each = self.spaces.len() == self.cells;
        let delimiter = usize::from(is_each && self.spaces.contains(&1));
        let is_odd = self.spaces.iter().any(|spaces| {
            let spaces = spaces - delimiter;
            spaces > 1 && spaces % 2 == 1
        });
        let below_name = self.spaces.iter().filter(|spaces| **spaces == self.name);
        if self.spaces.len() * 4 >= self.cells * 3 && is_odd {
            usize::MAX
        } else if self.name >= LEAST_BEFORE_NAME && below_name.count() * 4 >= self.spaces.len() * 3
        {
            self.name
        } else {
            0
        }
    }
}

fn white_space(cell: &[u8]) -> usize {
    let mut bytes = cell.iter();
    bytes
        .position(|byte| !matches!(byte, b' ' | b'\t'))
        .unwrap_or(0)
}

/// How far the columns are padded, in the decoded beginning of a file.
pub(super) fn padded(sample: &str, grammar: Grammar, has_header: bool) -> Vec<usize> {
    let mut columns: Vec<Before> = Vec::new();
    // A table of one column has nothing to stand below.
    if grammar.delimiter.is_none() {
        return Vec::new();
    }
    let rows = csv_rows::rows(grammar, sample.as_bytes(), true);
    let rows = rows.filter_map(|(start, ending)| match ending {
        Ending::Whole(bytes) => Some(&sample.as_bytes()[start..start + bytes]),
        Ending::Open(_) => None,
    });
    let rows = rows.filter(|row| !row.trim_ascii().is_empty());
    let mut is_name = has_header;
    for row in rows.take(ROWS) {
        let cells = grammar.written(csv_rows::without_end(row));
        if columns.len() < cells.len() {
            columns.resize_with(cells.len(), Before::default);
        }
        for (column, (cell, closed)) in columns.iter_mut().zip(cells) {
            if is_name {
                column.name = white_space(cell);
            } else {
                column.add(cell, closed.is_some());
            }
        }
        is_name = false;
    }
    columns.iter().map(Before::padding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;

    fn padded(sample: &str) -> Vec<bool> {
        let dialect = Dialect::detect(sample, &[], None).expect("a dialect");
        let columns = dialect.columns.iter();
        columns.map(|column| column.padding > 0).collect()
    }

    #[test]
    fn padding_is_told_from_indentation() {
        for (sample, wanted) in [
            // Below the name.
            (
                "question;    answer\nкто?;    я\nчто за слово?;    ты\n",
                true,
            ),
            ("question\t     answer\nкто?\tя\nчто?\t     ты\n", true),
            // Below one another, at any place.
            (
                "question;answer\nкто?;             я\nчто за слово?;    ты\nгде?;             там\n",
                true,
            ),
            // To the right.
            (
                "question,answer\nкто?,       один\nчто?,   двадцать\nгде?,     да нет\n",
                true,
            ),
            // The one behind a delimiter, and code behind it.
            ("question, answer\nq, a\nr, b\ns,     return x\n", false),
            // Code, all of it or some.
            (
                "question,answer\nq,    return x\nr,        y = 1\ns,    pass\n",
                false,
            ),
            (
                "question,answer\nq,    return x\nr,yes\ns,no\nt,     no\n",
                false,
            ),
            (
                "question,answer\nq,\"     return x\"\nr,\"   y = 1\"\n",
                false,
            ),
            (
                "question,    answer\nq,\"    if x:\n        y\"\nr,\"    pass\"\n",
                false,
            ),
            ("question,answer\nq,a\nr,b\n", false),
            (
                "question,  answer\nq,    return x\nr,        y = 1\n",
                false,
            ),
        ] {
            assert_eq!(padded(sample), [false, wanted], "{sample}");
        }
        // A column alone stands below nothing.
        assert_eq!(padded("answer\n     a\n       b\n"), [false]);
    }
}
