//! Plain text and Markdown into documents: paragraphs packed to a size, cut only at their ends.

use std::ops::Range;

/// How plain text becomes documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Paragraphs are packed until a document has this many characters.
    Paragraphs {
        /// Unicode scalar values after which a document ends at the next blank line.
        characters: u64,
    },
    /// Each line that is not blank is a document.
    Lines,
}

/// A document's lines in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the block.
    pub range: Range<usize>,
    /// Lines of the block before it.
    pub lines_before: u64,
}

/// Packs the lines of `text`, a whole block, into documents.
///
/// With [`Split::Paragraphs`] a document that has reached the size ends at the next blank line, or
/// at the end of a line once it is half as long again (books without blank lines).
#[must_use]
pub fn pack(text: &str, split: Split) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut open: Option<Piece> = None;
    let (mut at, mut characters) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let end = at + line.len();
        let blank = line.trim().is_empty();
        let full = match split {
            Split::Lines => open.is_some(),
            Split::Paragraphs { characters: size } => {
                (characters >= size && blank) || characters >= size + size / 2
            }
        };
        if full {
            pieces.extend(open.take());
            characters = 0;
        }
        if !blank {
            let piece = open.get_or_insert(Piece {
                range: at..end,
                lines_before: number as u64,
            });
            piece.range.end = end;
        }
        if open.is_some() {
            characters += crate::document::count_characters(line) as u64;
        }
        at = end;
    }
    pieces.extend(open);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &str, split: Split) -> Vec<(u64, &str)> {
        pack(text, split)
            .into_iter()
            .map(|piece| (piece.lines_before, &text[piece.range]))
            .collect()
    }

    #[test]
    fn documents_end_at_blank_lines_and_lose_no_line() {
        let text = "а б\nв г\n\n\nд е\n\nж з\n";
        let split = Split::Paragraphs { characters: 5 };
        assert_eq!(
            packed(text, split),
            [(0, "а б\nв г\n"), (4, "д е\n\nж з\n")]
        );
        let long = Split::Paragraphs { characters: 1_000 };
        assert_eq!(packed(text, long), [(0, "а б\nв г\n\n\nд е\n\nж з\n")]);
    }

    #[test]
    fn text_without_blank_lines_ends_at_lines() {
        let split = Split::Paragraphs { characters: 4 };
        assert_eq!(
            packed("аа\nбб\nвв\nгг\n", split),
            [(0, "аа\nбб\n"), (2, "вв\nгг\n")]
        );
    }

    #[test]
    fn a_line_is_a_document_when_asked() {
        assert_eq!(
            packed("a\n\nb\nc", Split::Lines),
            [(0, "a\n"), (2, "b\n"), (3, "c")]
        );
    }
}
