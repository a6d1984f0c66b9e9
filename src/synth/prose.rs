//! Prose without meaning but with the shape of prose: sentences, paragraphs, dialogue, numbers.
//!
//! Sentence lengths are log-normal around 11 words, paragraphs around 4 sentences; every ninth
//! word has a comma, one in 60 is a number, one in 5 paragraphs is spoken.

use super::language::Language;
use super::rng::Rng;
use super::spread::Spread;
use super::vocabulary::Vocabulary;

/// Writes text of one language.
pub struct Prose {
    /// Its language.
    pub language: &'static Language,
    /// Its words.
    pub words: Vocabulary,
    sentence_words: Spread,
    paragraph_sentences: Spread,
}

impl Prose {
    /// A writer of `language`.
    #[must_use]
    pub fn new(language: &'static Language) -> Self {
        Self {
            language,
            words: Vocabulary::new(language),
            sentence_words: Spread::new(11.0, 1.75, 2, 60),
            paragraph_sentences: Spread::new(4.0, 1.7, 1, 14),
        }
    }

    /// Appends paragraphs, a blank line between them, until about `characters` are written.
    pub fn text(&self, characters: u64, rng: &mut Rng, out: &mut String) {
        let start = out.len();
        let bytes = (characters * self.language.bytes_per_100_characters / 100) as usize;
        while out.len() - start < bytes {
            if out.len() > start {
                out.push_str("\n\n");
            }
            self.paragraph(start + bytes, rng, out);
        }
    }

    /// Appends a paragraph, which ends early once `out` has `end` bytes.
    fn paragraph(&self, end: usize, rng: &mut Rng, out: &mut String) {
        let spoken = rng.chance(0.2);
        let sentences = self.paragraph_sentences.sample(rng);
        let sentences = if spoken {
            sentences.div_ceil(3)
        } else {
            sentences
        };
        let (open, close) = self.language.speech;
        if spoken {
            out.push_str(open);
        }
        for number in 0..sentences {
            if number > 0 {
                out.push(' ');
            }
            self.sentence(rng, out);
            if out.len() >= end {
                break;
            }
        }
        if spoken {
            out.push_str(close);
        }
    }

    /// Appends a sentence with a capital and a mark at its end.
    pub fn sentence(&self, rng: &mut Rng, out: &mut String) {
        let words = self.sentence_words.sample(rng);
        self.words_with_commas(words, Case::Capital, rng, out);
        out.push_str(match rng.below(64) {
            0..=3 => "?",
            4..=5 => "!",
            6..=7 => "…",
            _ => ".",
        });
    }

    /// Appends a question of some words.
    pub fn question(&self, rng: &mut Rng, out: &mut String) {
        out.push_str(rng.pick(self.language.questions));
        out.push(' ');
        let words = self.sentence_words.sample(rng).clamp(3, 20);
        self.words_with_commas(words, Case::Lower, rng, out);
        out.push('?');
    }

    fn words_with_commas(&self, count: u64, first: Case, rng: &mut Rng, out: &mut String) {
        let mut last = usize::MAX;
        for number in 0..count {
            if number > 0 {
                out.push(' ');
            }
            // One draw decides all that is not the word itself.
            let chance = rng.bits();
            if number > 0 && chance.is_multiple_of(64) {
                push_number(chance >> 6, out);
                continue;
            }
            let mut rank = self.words.draw(rng);
            if rank == last {
                rank = self.words.draw(rng);
            }
            last = rank;
            let name = (chance >> 6).is_multiple_of(64);
            if name || (number == 0 && first == Case::Capital) {
                push_capital(self.words.word(rank), out);
            } else {
                out.push_str(self.words.word(rank));
            }
            if number + 1 < count {
                match (chance >> 12) % 128 {
                    0..14 => out.push(','),
                    14 => out.push(';'),
                    15 => out.push(':'),
                    16 => out.push_str(" —"),
                    _ => {}
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Capital,
    Lower,
}

/// Appends `word` with its first letter as a capital.
pub fn push_capital(word: &str, out: &mut String) {
    let mut letters = word.chars();
    if let Some(first) = letters.next() {
        out.extend(first.to_uppercase());
        out.push_str(letters.as_str());
    }
}

/// A count, a year, a decimal fraction or a share.
fn push_number(chance: u64, out: &mut String) {
    use std::fmt::Write;
    let (kind, value) = (chance & 3, chance >> 2);
    let written = match kind {
        0 => write!(out, "{}", value % 100),
        1 => write!(out, "{}", 1800 + value % 227),
        2 => write!(out, "{}.{}", value % 50, (value >> 8) % 10),
        _ => write!(out, "{} %", 1 + value % 99),
    };
    // Writing to a string does not fail.
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::language::LANGUAGES;
    use crate::synth::rng::Purpose;

    #[test]
    fn text_has_the_shape_of_prose() {
        for language in LANGUAGES {
            let prose = Prose::new(language);
            let mut text = String::new();
            let mut rng = Rng::new(7, Purpose::Content, 0);
            prose.text(200_000, &mut rng, &mut text);
            let characters = text.chars().count() as f64;
            assert!(
                (0.85..1.1).contains(&(characters / 200_000.0)),
                "{characters}"
            );
            let words = text.split_whitespace().count() as f64;
            let letters = characters / words;
            assert!((5.0..8.5).contains(&letters), "{letters} characters a word");
            let sentences = text.matches(['.', '?', '!', '…']).count() as f64;
            assert!((8.0..16.0).contains(&(words / sentences)));
            assert!(text.contains(language.speech.0) && text.contains("\n\n"));
            assert!(text.split("\n\n").all(|paragraph| {
                paragraph
                    .trim_start_matches(language.speech.0)
                    .starts_with(char::is_uppercase)
            }));
        }
    }
}
