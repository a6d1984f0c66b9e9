//! Lines and paragraphs, counted in one pass each.

use super::counts::Counts;
use super::{Fidelity, sentences};
use crate::document::count_characters;
use memchr::{memchr_iter, memmem};
use xxhash_rust::xxh3::xxh3_64;

/// A line of at most so many characters is short (FineWeb): a speaker's name, a refrain, a bracket.
pub const SHORT_CHARACTERS: usize = 30;

/// Counts of the lines of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// All of them, blank ones too, as Python's `splitlines` counts.
    pub all: usize,
    /// Those with something visible.
    pub non_blank: usize,
    /// Newline characters.
    pub newlines: usize,
    /// Lines starting with "•" or "-".
    pub bullets: usize,
    /// Lines ending in "..." or "…".
    pub end_ellipsis: usize,
    /// Lines ending in terminal punctuation.
    pub terminal: usize,
    /// Short lines that are not blank.
    pub short: usize,
    /// Second and later occurrences of non-blank lines.
    pub duplicates: usize,
    /// Characters of those.
    pub duplicate_characters: usize,
    /// Second and later occurrences of lines that are not short.
    pub long_duplicates: usize,
    /// Lines of white space alone, which Gopher's source counts as lines.
    pub blank: Blank,
}

/// Lines that look empty and are not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Blank {
    /// How many there are.
    pub all: usize,
    /// Second and later occurrences.
    pub duplicates: usize,
    /// Characters of those.
    pub duplicate_characters: usize,
}

impl Blank {
    fn count(&mut self, line: &str, seen: &mut Counts) {
        self.all += 1;
        let place = seen.add(xxh3_64(line.as_bytes()));
        if seen.count(place) > 1 {
            self.duplicates += 1;
            self.duplicate_characters += count_characters(line);
        }
    }
}

impl Lines {
    /// Counts the lines of `text`.
    pub fn of(text: &str, fidelity: Fidelity) -> Self {
        let newlines = memchr_iter(b'\n', text.as_bytes()).count();
        let mut lines = Self {
            newlines,
            ..Self::default()
        };
        let mut seen = Counts::for_at_most(newlines + 1);
        for line in text.split_terminator('\n') {
            lines.all += 1;
            let trimmed = line.trim();
            if trimmed.is_empty() {
                if !line.is_empty() {
                    lines.blank.count(line, &mut seen);
                }
                continue;
            }
            let short = is_short(line);
            lines.non_blank += 1;
            lines.short += usize::from(short);
            lines.bullets += usize::from(trimmed.starts_with(['•', '-']));
            lines.end_ellipsis += usize::from(trimmed.ends_with("...") || trimmed.ends_with('…'));
            // White space behind its last mark makes a line unpunctuated to the source.
            let end = match fidelity {
                Fidelity::Prep => trimmed,
                Fidelity::Source => line,
            };
            lines.terminal += usize::from(sentences::ends_terminally(end, fidelity));
            let place = seen.add(xxh3_64(line.as_bytes()));
            if seen.count(place) > 1 {
                lines.duplicates += 1;
                lines.duplicate_characters += count_characters(line);
                lines.long_duplicates += usize::from(!short);
            }
        }
        lines
    }
}

fn is_short(line: &str) -> bool {
    line.len() <= SHORT_CHARACTERS
        || line.len() <= 4 * SHORT_CHARACTERS && count_characters(line) <= SHORT_CHARACTERS
}

/// Counts of the paragraphs of a text, which two or more newlines part.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Paragraphs {
    /// All of them.
    pub all: usize,
    /// Second and later occurrences.
    pub duplicates: usize,
    /// Characters of those.
    pub duplicate_characters: usize,
}

impl Paragraphs {
    /// Counts the paragraphs of `text`.
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        let breaks = memmem::find_iter(text.as_bytes(), "\n\n").count();
        let mut seen = Counts::for_at_most(breaks + 1);
        let mut paragraphs = Self::default();
        let pieces = text
            .split("\n\n")
            .map(|piece| piece.trim_start_matches('\n'))
            .filter(|piece| !piece.is_empty());
        for paragraph in pieces {
            paragraphs.all += 1;
            let place = seen.add(xxh3_64(paragraph.as_bytes()));
            if seen.count(place) > 1 {
                paragraphs.duplicates += 1;
                paragraphs.duplicate_characters += count_characters(paragraph);
            }
        }
        paragraphs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_once_and_blank_ones_do_not_repeat() {
        let text = "Маша.\n\n\nМаша.\n- да…\nОчень длинная строка, длиннее тридцати знаков\n\
                    Очень длинная строка, длиннее тридцати знаков\n";
        let expected = Lines {
            all: 7,
            non_blank: 5,
            newlines: 7,
            bullets: 1,
            end_ellipsis: 1,
            terminal: 3,
            short: 3,
            duplicates: 2,
            duplicate_characters: 5 + 45,
            long_duplicates: 1,
            blank: Blank::default(),
        };
        assert_eq!(Lines::of(text, Fidelity::Prep), expected);
        assert_eq!(Lines::of("", Fidelity::Prep), Lines::default());
    }

    #[test]
    fn paragraphs_are_parted_by_any_number_of_blank_lines() {
        let paragraphs = Paragraphs::of("\nа\nб\n\nв\n\n\n\nа\nб\n\n\nг\n");
        assert_eq!(
            paragraphs,
            Paragraphs {
                all: 4,
                duplicates: 1,
                duplicate_characters: 3
            }
        );
    }
}
