//! Columns of conversations: lists of turns, in JSON or as Python prints them.
//!
//! `chat` or `turns` alone may be a cell like any other; above lists they are the name of a column.

use crate::ingest::shape;

/// Whether the first row names a column with lists of turns below.
pub(super) fn are_headed(rows: &[Vec<String>]) -> bool {
    let Some((names, below)) = rows.split_first() else {
        return false;
    };
    let is_list = |cell: &String| {
        let cell = cell.trim_start();
        cell.starts_with(['[', '{']) || cell.starts_with("array(")
    };
    let mut columns = names.iter().enumerate();
    columns.any(|(column, name)| {
        let cells = below.iter().filter_map(|row| row.get(column));
        let mut cells = cells.filter(|cell| !cell.trim().is_empty()).peekable();
        shape::names_turns(name.trim()) && cells.peek().is_some() && cells.all(is_list)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;

    #[test]
    fn a_column_of_conversations_is_known_by_its_lists() {
        let turns = r#""[{""role"": ""user"", ""content"": ""a, b""}, {""role"": ""assistant"", ""content"": ""c""}]""#;
        for name in ["messages", "conversations", "Диалог", "dialog", "Turns"] {
            let table = format!("{name}\n{turns}\n{turns}\n");
            let dialect = Dialect::detect(&table, &[], None).expect("a dialect");
            assert!(dialect.has_header, "{table}");
            assert_eq!(dialect.names().collect::<Vec<_>>(), [name]);
            let table = format!("{name},source\n{turns},web\n{turns},web\n");
            let dialect = Dialect::detect(&table, &[], None).expect("a dialect");
            assert!(dialect.has_header, "{table}");
        }
        // A cell like any other.
        let table = "chat,web\ncall,phone\ncall,phone\n";
        let dialect = Dialect::detect(table, &[], None).expect("a dialect");
        assert!(!dialect.has_header);
        assert!(Dialect::detect("chat\ncall\ncall\n", &[], None).is_err());
    }
}
