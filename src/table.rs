//! Tables for a person at a terminal: aligned columns, no borders.

/// Rows of text under a header; numbers are set to the right.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column names.
    #[must_use]
    pub fn new(header: &[&str]) -> Self {
        Self {
            rows: vec![header.iter().map(|name| (*name).to_owned()).collect()],
        }
    }

    /// Appends a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as lines.
    #[must_use]
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |text: &str| text.chars().count();
        let widths: Vec<usize> = (0..columns)
            .map(|i| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(i))
                    .map(|cell| width(cell))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        // A column is set to the right when everything below its header is a number.
        let numeric: Vec<bool> = (0..columns)
            .map(|i| {
                self.rows[1..]
                    .iter()
                    .filter_map(|row| row.get(i))
                    .all(|cell| is_number(cell))
            })
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (i, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[i] - width(cell));
                if i > 0 {
                    line += "  ";
                }
                line += &if numeric[i] {
                    pad + cell
                } else {
                    cell.clone() + &pad
                };
            }
            out += line.trim_end();
            out.push('\n');
        }
        out.truncate(out.trim_end().len());
        out
    }
}

fn is_number(cell: &str) -> bool {
    cell.is_empty() || cell == "–" || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_characters() {
        let mut table = Table::new(&["язык", "documents"]);
        table.row(vec!["ru".to_owned(), "12".to_owned()]);
        table.row(vec!["other".to_owned(), "1 234".to_owned()]);
        assert_eq!(
            table.render(),
            "язык   documents\nru            12\nother      1 234"
        );
    }
}
