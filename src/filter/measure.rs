//! What the rules of running text share, measured once a document and only when first asked for.
//!
//! The n-grams are the most expensive of it: at their peak their tables take about 15 bytes for each
//! byte of English text and 8 of Russian, which is nothing for a book and 1.5 GB for a text of 100 MB.

use super::hash::hash_of_word;
use super::lines::{Lines, Paragraphs};
use super::ngrams::Ngrams;
use super::rules::c4_clean::{Cleaned, c4_clean};
use super::spacy;
use super::words::{WordKind, words};
use super::{Column, Fidelity};
use crate::chars;
use crate::document::{Document, count_characters};
use std::cell::OnceCell;

/// Fewest words of a text whose statistics mean something.
///
/// In the sources the 50-word rule runs before all statistics, so none of their thresholds was ever
/// meant for shorter texts; `prose` has no such rule, and a couplet or a heading is no statistic.
pub const ENOUGH_WORDS: usize = 50;

/// A text and its measurements.
pub struct TextMeasures<'a> {
    /// The text.
    pub text: &'a str,
    /// Which thresholds and stop words it is judged by.
    pub column: Column,
    /// Whether the rules depart from their sources.
    pub fidelity: Fidelity,
    /// Its length in characters.
    pub characters: usize,
    words: OnceCell<WordStatistics>,
    word_count: OnceCell<usize>,
    lines: OnceCell<Lines>,
    paragraphs: OnceCell<Paragraphs>,
    ngrams: OnceCell<Ngrams>,
    cleaned: OnceCell<Cleaned>,
}

/// Words of a text: two numbers a word, and totals.
#[derive(Default)]
pub struct WordStatistics {
    /// 64-bit hash of each word, case and all.
    pub hashes: Vec<u64>,
    /// Characters of each word.
    pub characters: Vec<u32>,
    /// Words that hold a letter or a digit.
    pub non_symbol: usize,
    /// Characters of those.
    pub non_symbol_characters: usize,
    /// Words that hold a letter.
    pub with_letter: usize,
    /// Stretches between white space.
    pub stretches: usize,
    /// Stretches that hold a letter.
    pub stretches_with_letter: usize,
}

impl<'a> TextMeasures<'a> {
    /// Measures nothing yet but the length.
    #[must_use]
    pub fn new(text: &'a str, column: Column, fidelity: Fidelity) -> Self {
        Self {
            text,
            column,
            fidelity,
            characters: count_characters(text),
            words: OnceCell::new(),
            word_count: OnceCell::new(),
            lines: OnceCell::new(),
            paragraphs: OnceCell::new(),
            ngrams: OnceCell::new(),
            cleaned: OnceCell::new(),
        }
    }

    /// The words.
    pub fn words(&self) -> &WordStatistics {
        self.words.get_or_init(|| match self.fidelity {
            Fidelity::Prep => WordStatistics::of(self.text),
            Fidelity::Source => WordStatistics::of_source(self.text, self.column),
        })
    }

    /// The measurements of what stays of `self` when C4 cuts lines: as many words as `self` has, where
    /// that is known, less those cut.
    #[must_use]
    pub fn of_cleaned<'c>(&self, cleaned: &'c Cleaned) -> TextMeasures<'c> {
        let measures = TextMeasures::new(&cleaned.text, self.column, self.fidelity);
        if let (Some(words), Fidelity::Prep) = (self.words.get(), self.fidelity) {
            // Set once: the cell is new.
            let _ = measures.word_count.set(words.total() - cleaned.words_cut);
        }
        measures
    }

    /// How many words there are, without measuring them where nothing else asks.
    pub fn word_count(&self) -> usize {
        if let Some(words) = self.words.get() {
            return words.total();
        }
        *self.word_count.get_or_init(|| match self.fidelity {
            Fidelity::Prep => words(self.text).count(),
            Fidelity::Source => {
                let mut count = 0;
                spacy::tokens(self.text, self.column, |_, _| count += 1);
                count
            }
        })
    }

    /// The lines.
    pub fn lines(&self) -> &Lines {
        self.lines
            .get_or_init(|| Lines::of(self.text, self.fidelity))
    }

    /// The paragraphs.
    pub fn paragraphs(&self) -> &Paragraphs {
        self.paragraphs.get_or_init(|| Paragraphs::of(self.text))
    }

    /// The repeated n-grams.
    pub fn ngrams(&self) -> &Ngrams {
        self.ngrams.get_or_init(|| Ngrams::of(self.words()))
    }

    /// The text without the lines that C4 cuts.
    pub fn cleaned(&self) -> &Cleaned {
        self.cleaned.get_or_init(|| c4_clean(self.text))
    }

    /// `Some` when the text is long enough for statistics; the sources do not ask.
    pub(super) fn enough_words(&self) -> Option<()> {
        (self.fidelity == Fidelity::Source || self.words().total() >= ENOUGH_WORDS).then_some(())
    }
}

impl WordStatistics {
    /// All words, symbols included.
    pub fn total(&self) -> usize {
        self.hashes.len()
    }

    /// The tokens that the sources count; stretches are prep's own.
    fn of_source(text: &str, column: Column) -> Self {
        let mut all = Self::default();
        let bytes = text.as_bytes();
        spacy::tokens(text, column, |start, end| {
            let word = &text[start..end];
            let characters = count_characters(word);
            all.hashes.push(hash_of_word(bytes, start, end));
            all.characters.push(characters as u32);
            all.with_letter += usize::from(word.contains(chars::is_alphabetic));
            if word.contains(|c| !spacy::is_datatrove_punctuation(c)) {
                all.non_symbol += 1;
                all.non_symbol_characters += characters;
            }
        });
        all
    }

    fn of(text: &str) -> Self {
        let mut all = Self::default();
        // English has 5 bytes a word, Russian 9.
        all.hashes.reserve(text.len() / 5);
        all.characters.reserve(text.len() / 5);
        let bytes = text.as_bytes();
        let mut end = usize::MAX;
        let mut letter_in_stretch = false;
        for word in words(text) {
            let letter = word.kind == WordKind::Letters;
            if word.start != end {
                all.stretches += 1;
                letter_in_stretch = false;
            }
            all.stretches_with_letter += usize::from(letter && !letter_in_stretch);
            letter_in_stretch |= letter;
            end = word.end;
            all.hashes.push(hash_of_word(bytes, word.start, word.end));
            all.characters.push(word.characters);
            if word.kind != WordKind::Symbol {
                all.non_symbol += 1;
                all.non_symbol_characters += word.characters as usize;
                all.with_letter += usize::from(letter);
            }
        }
        all
    }
}

/// Which thresholds `document` is judged by: Russian ones for Russian, English ones for the rest;
/// where the language could not be told, a text mostly in Cyrillic letters counts as Russian.
#[must_use]
pub fn column_of(document: &Document, text: &str) -> Column {
    match document.lang.as_str() {
        "ru" => Column::Russian,
        "und" if mostly_cyrillic(text) => Column::Russian,
        _ => Column::English,
    }
}

fn mostly_cyrillic(text: &str) -> bool {
    let (cyrillic, other) = super::sentences::letters_by_script(text);
    cyrillic > other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_by_kind() {
        let text = TextMeasures::new("Ёж, 25 ёлок…", Column::Russian, Fidelity::Prep);
        let words = text.words();
        assert_eq!(
            (words.total(), words.non_symbol, words.with_letter),
            (5, 3, 2)
        );
        assert_eq!((words.stretches, words.stretches_with_letter), (3, 2));
        assert_eq!((words.non_symbol_characters, text.characters), (8, 12));
    }
}
