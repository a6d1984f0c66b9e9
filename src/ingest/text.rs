//! Plain text and Markdown into documents, cut where the text itself has its ends.

use super::outline::{Outline, Place};
use crate::chars::is_blank;
use std::ops::Range;

/// Characters of a document of plain text, unless the user says otherwise.
pub const DOCUMENT_CHARACTERS: u64 = 16_000;

/// How plain text becomes documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Paragraphs are packed until a document has about this many characters.
    Paragraphs {
        /// Unicode scalar values that a document aims at.
        characters: u64,
    },
    /// Each line that is not blank is a document.
    Lines,
    /// The whole file is one document.
    None,
}

impl Default for Split {
    fn default() -> Self {
        Self::Paragraphs {
            characters: DOCUMENT_CHARACTERS,
        }
    }
}

impl Split {
    /// What it does, for the configuration of a run and for people.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Paragraphs { characters } => format!("paragraphs of {characters} characters"),
            Self::Lines => "lines".to_owned(),
            Self::None => "none".to_owned(),
        }
    }
}

/// A document's lines in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the block.
    pub range: Range<usize>,
    /// Lines of the block before it.
    pub lines_before: u64,
}

/// Cuts `text`, a whole block, into documents; `is_beginning` says that it begins its file.
///
/// With [`Split::Paragraphs`] a document of the size S ends at the strongest place (`Strength`)
/// between S/2 and 3S/2 characters, of equally strong ones at the one nearest to S, of equally near
/// ones at the first. Where no line ends in between (a very long line), it ends with that line.
#[must_use]
pub fn pack(text: &str, split: Split, is_beginning: bool) -> Vec<Piece> {
    match split {
        Split::Paragraphs { characters } => paragraphs(text, characters, is_beginning),
        Split::Lines => lines(text),
        Split::None => whole(text),
    }
}

fn paragraphs(text: &str, size: u64, is_beginning: bool) -> Vec<Piece> {
    let (least, most) = (size / 2, size.saturating_add(size / 2));
    let mut pieces = Vec::new();
    // The beginning of the document, and the places in it that were seen.
    let Some(mut start) = first_line(text) else {
        return pieces;
    };
    let mut places: Vec<Place> = Vec::new();
    let mut outline = Outline::new(text, is_beginning);
    loop {
        let length = |place: &Place| place.characters - start.characters_next;
        // One place beyond the largest size shows all that there is to choose from.
        while places.last().is_none_or(|last| length(last) <= most) {
            let Some(place) = outline.next() else { break };
            places.push(place);
        }
        let Some(last) = places.last() else {
            return pieces;
        };
        let best = places
            .iter()
            .enumerate()
            .filter(|(_, place)| (least..=most).contains(&length(place)))
            .max_by_key(|(i, place)| {
                let far = length(place).abs_diff(size);
                (place.strength, std::cmp::Reverse((far, *i)))
            })
            .map_or(places.len() - 1, |(i, _)| i);
        // What is left at the end of the text may be small.
        let best = if length(last) < least {
            places.len() - 1
        } else {
            best
        };
        let cut = places[best];
        pieces.push(Piece {
            range: start.next..cut.end,
            lines_before: start.lines,
        });
        start = cut;
        places.drain(..=best);
    }
}

/// The place before the first line that is not blank.
fn first_line(text: &str) -> Option<Place> {
    let (mut at, mut characters) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if !is_blank(line) {
            return Some(Place {
                strength: super::outline::Strength::Page,
                end: at,
                next: at,
                lines: number as u64,
                characters,
                characters_next: characters,
            });
        }
        at += line.len();
        characters += crate::document::count_characters(line) as u64;
    }
    None
}

fn lines(text: &str) -> Vec<Piece> {
    let mut at = 0;
    let mut pieces = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if !is_blank(line) {
            pieces.push(Piece {
                range: at..at + line.len(),
                lines_before: number as u64,
            });
        }
        at += line.len();
    }
    pieces
}

fn whole(text: &str) -> Vec<Piece> {
    first_line(text)
        .map(|first| Piece {
            range: first.next..text.len(),
            lines_before: first.lines,
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &str, split: Split) -> Vec<(u64, &str)> {
        pack(text, split, true)
            .into_iter()
            .map(|piece| (piece.lines_before, &text[piece.range]))
            .collect()
    }

    fn of_size(text: &str, characters: u64) -> Vec<&str> {
        let pieces = packed(text, Split::Paragraphs { characters });
        pieces.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn documents_end_at_blank_lines_and_lose_no_line() {
        let text = "\nа б\nв г\n\n\nд е\n\nж з\n";
        let split = Split::Paragraphs { characters: 8 };
        assert_eq!(
            packed(text, split),
            [(1, "а б\nв г\n"), (5, "д е\n\nж з\n")]
        );
        let long = Split::Paragraphs { characters: 1_000 };
        assert_eq!(packed(text, long), [(1, "а б\nв г\n\n\nд е\n\nж з\n")]);
        // The smallest size gives a document a line.
        let all = Split::Paragraphs { characters: 1 };
        assert_eq!(
            packed("аа\n\nбб бб\n\nвв\n", all),
            [(0, "аа\n"), (2, "бб бб\n"), (4, "вв\n")]
        );
        assert_eq!(packed(" \n\n", split), []);
    }

    #[test]
    fn text_without_blank_lines_ends_at_lines_and_a_long_line_stays_whole() {
        assert_eq!(of_size("аа\nбб\nвв\nгг\n", 6), ["аа\nбб\n", "вв\nгг\n"]);
        let long = "x".repeat(100);
        assert_eq!(
            of_size(&format!("аа\n{long}\nбб\n"), 8),
            [format!("аа\n{long}\n").as_str(), "бб\n"]
        );
        // The end of a sentence is better than another line end, if farther.
        assert_eq!(
            of_size("аа,\nбб.\nвв,\nгг,\nдд,\nее,\n", 12),
            ["аа,\nбб.\n", "вв,\nгг,\nдд,\nее,\n"]
        );
    }

    #[test]
    fn the_strongest_place_near_the_size_is_taken() {
        let paragraph = "Слово за слово, и так до конца.\n\n";
        let text = format!(
            "{}Глава II\n\n{}",
            paragraph.repeat(7),
            paragraph.repeat(12)
        );
        let found = of_size(&text, 330);
        assert!(found[1].starts_with("Глава II"), "{found:?}");
        assert_eq!(
            found[0],
            paragraph.repeat(7).strip_suffix('\n').expect("ends")
        );
        // Far from it a chapter is no reason: documents keep their size.
        let text = format!(
            "{}Глава II\n\n{}",
            paragraph.repeat(3),
            paragraph.repeat(17)
        );
        assert!(of_size(&text, 330)[0].contains("Глава II"));
        // Nothing is lost or doubled.
        for size in [1, 50, 330, 5_000] {
            let joined: String = of_size(&text, size).concat().split_whitespace().collect();
            let whole: String = text.split_whitespace().collect();
            assert_eq!(joined, whole, "size {size}");
        }
    }

    #[test]
    fn code_is_kept_in_one_piece_where_it_fits() {
        let code = format!("```\n{}```\n\n", "a = 1\n\n".repeat(12));
        let text = format!("Начало.\n\n{code}Конец.\n\n{code}Ещё.\n");
        for piece in of_size(&text, 110) {
            assert_eq!(piece.matches("```").count() % 2, 0, "{piece}");
        }
    }

    #[test]
    fn a_line_or_the_file_is_a_document_when_asked() {
        assert_eq!(
            packed("a\n\nb\nc", Split::Lines),
            [(0, "a\n"), (2, "b\n"), (3, "c")]
        );
        assert_eq!(packed("\n a\n\nb\nc", Split::None), [(1, " a\n\nb\nc")]);
        assert_eq!(packed("\n\n", Split::None), []);
    }
}
