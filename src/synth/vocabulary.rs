//! 50,000 words a language, drawn with the frequencies that Zipf found: 1 / rank.
//!
//! The words of the fixtures come first, the most frequent at the top, so that function words have
//! the share that they have in prose. Forms and compounds of them fill the tail. A draw is one step
//! in an alias table (Walker 1977), whatever the size.

use super::language::{Language, Paradigm};
use super::rng::{Purpose, Rng};
use std::collections::{BTreeMap, HashSet};

/// Words of a vocabulary.
pub const WORDS: usize = 50_000;
/// Zipf-Mandelbrot: the share of rank r is proportional to 1 / (r + offset). With 1.5 the first
/// word is 4 % of a text.
const OFFSET: f64 = 1.5;

/// A cell of the alias table: the word itself in `own` of 2^32 cases, else the other one.
#[derive(Clone, Copy)]
struct Cell {
    own: u32,
    other: u32,
}

/// The words of a language by rank, and how to draw them.
pub struct Vocabulary {
    letters: String,
    /// Where each word begins, and the end of the last.
    starts: Vec<u32>,
    cells: Vec<Cell>,
}

impl Vocabulary {
    /// The vocabulary of `language`; the same for every seed.
    #[must_use]
    pub fn new(language: &Language) -> Self {
        let words = ranked(language);
        let (mut letters, mut starts) = (String::new(), vec![0]);
        for word in &words {
            letters.push_str(word);
            starts.push(letters.len() as u32);
        }
        Self {
            cells: alias_table(words.len()),
            letters,
            starts,
        }
    }

    /// A random rank, 0 for the most frequent word.
    pub fn draw(&self, rng: &mut Rng) -> usize {
        let bits = rng.bits();
        let at = (((bits >> 32) * self.cells.len() as u64) >> 32) as usize;
        let cell = self.cells[at];
        if (bits as u32) < cell.own {
            at
        } else {
            cell.other as usize
        }
    }

    /// The word of rank `rank`.
    #[must_use]
    pub fn word(&self, rank: usize) -> &str {
        &self.letters[self.starts[rank] as usize..self.starts[rank + 1] as usize]
    }
}

/// The words by rank: of the fixtures by frequency, then made ones in an order without pattern.
fn ranked(language: &Language) -> Vec<String> {
    let mut counts = BTreeMap::<String, u64>::new();
    for text in language.prose {
        let lower = text.to_lowercase();
        for word in lower.split(|c| !(language.is_letter)(c)) {
            // Single consonants are what is left of "it's"; single vowels are words.
            if word.chars().count() > 1 || "aiаивкосуя".contains(word) && !word.is_empty() {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
        }
    }
    let mut words: Vec<(String, u64)> = counts.into_iter().collect();
    // A stable sort: words that are equally frequent stay in alphabetical order.
    words.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut words: Vec<String> = words.into_iter().map(|(word, _)| word).collect();
    let made = derived(&words, language.paradigms);
    words.extend(made);
    words.truncate(WORDS);
    words
}

/// Words made from the stems of `words` in an order without pattern, none twice and none of `words`,
/// as many as are missing.
fn derived(words: &[String], paradigms: &[Paradigm]) -> Vec<String> {
    let stems: Vec<_> = words
        .iter()
        .filter_map(|word| stem(word, paradigms))
        .collect();
    let missing = WORDS.saturating_sub(words.len());
    let mut seen: HashSet<String> = words.iter().cloned().collect();
    let mut made = Vec::with_capacity(missing);
    let mut rng = Rng::new(0, Purpose::Vocabulary, 0);
    // Ten times as many attempts as are needed; the tests see that the words suffice.
    for _ in 0..missing * 10 {
        if made.len() == missing || stems.is_empty() {
            break;
        }
        let (stem, paradigm) = stems[rng.below(stems.len() as u64) as usize];
        let prefix = if rng.chance(0.2) {
            rng.pick(paradigm.prefixes)
        } else {
            ""
        };
        let word = format!("{prefix}{stem}{}", rng.pick(paradigm.forms));
        if seen.insert(word.clone()) {
            made.push(word);
        }
    }
    made
}

/// The stem of `word` and the first class that it belongs to.
fn stem<'a>(word: &'a str, paradigms: &'a [Paradigm]) -> Option<(&'a str, &'a Paradigm)> {
    paradigms.iter().find_map(|paradigm| {
        paradigm
            .endings
            .iter()
            .filter_map(|ending| word.strip_suffix(ending))
            .find(|stem| stem.chars().count() >= paradigm.shortest_stem)
            .map(|stem| (stem, paradigm))
    })
}

/// Walker's table for `count` ranks.
fn alias_table(count: usize) -> Vec<Cell> {
    let weight = |rank: usize| 1.0 / (rank as f64 + 1.0 + OFFSET);
    let total: f64 = (0..count).map(weight).sum();
    let mut share: Vec<f64> = (0..count)
        .map(|rank| weight(rank) / total * count as f64)
        .collect();
    let mut cells = vec![
        Cell {
            own: u32::MAX,
            other: 0
        };
        count
    ];
    let (mut small, mut large): (Vec<usize>, Vec<usize>) =
        (0..count).partition(|rank| share[*rank] < 1.0);
    while let (Some(low), Some(high)) = (small.pop(), large.last().copied()) {
        cells[low] = Cell {
            own: (share[low] * 4_294_967_296.0) as u32,
            other: high as u32,
        };
        share[high] -= 1.0 - share[low];
        if share[high] < 1.0 {
            large.pop();
            small.push(high);
        }
    }
    // What is left is full but for rounding: such a cell is its own alias.
    for rank in small.into_iter().chain(large) {
        cells[rank] = Cell {
            own: u32::MAX,
            other: rank as u32,
        };
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::language::LANGUAGES;

    #[test]
    fn every_language_has_all_its_words_and_each_once() {
        for language in LANGUAGES {
            let vocabulary = Vocabulary::new(language);
            assert_eq!(vocabulary.cells.len(), WORDS, "{}", language.code);
            let words: HashSet<&str> = (0..WORDS).map(|rank| vocabulary.word(rank)).collect();
            assert_eq!(words.len(), WORDS);
        }
        let word = |code: usize| Vocabulary::new(&LANGUAGES[code]).word(0).to_owned();
        assert_eq!((word(0).as_str(), word(1).as_str()), ("и", "the"));
    }

    #[test]
    fn frequencies_fall_as_one_over_rank() {
        let vocabulary = Vocabulary::new(&LANGUAGES[0]);
        let mut counts = vec![0_u32; WORDS];
        let mut rng = Rng::new(1, Purpose::Content, 0);
        for _ in 0..4_000_000 {
            counts[vocabulary.draw(&mut rng)] += 1;
        }
        // Least squares of log count over log rank, on ranks that are frequent enough.
        let points: Vec<(f64, f64)> = (10..3_000)
            .map(|rank| (((rank + 1) as f64).ln(), f64::from(counts[rank]).ln()))
            .collect();
        let mean =
            |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>()
            / points.iter().map(|p| (p.0 - x) * (p.0 - x)).sum::<f64>();
        assert!((-1.05..-0.95).contains(&slope), "slope {slope}");
    }
}
