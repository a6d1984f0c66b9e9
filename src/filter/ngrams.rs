//! Repeated word n-grams, exactly as the greedy counts of Gopher define them, at a fraction of the cost.
//!
//! An n-gram can repeat only where both (n-1)-grams in it repeat. So all word pairs are counted, then
//! triples only where two neighbouring pairs repeat, and so on up to 10: of ordinary prose about a
//! third of the pairs, a tenth of the triples and hardly any longer n-gram are looked at, and the
//! numbers are the same as if all were.

use super::counts::{Counts, Place};
use super::hash::chain;
use super::measure::WordStatistics;

/// Lengths of the n-grams whose most common one is measured.
pub const TOP: std::ops::RangeInclusive<usize> = 2..=4;
/// Lengths of the n-grams whose repetitions are measured.
pub const DUPLICATE: std::ops::RangeInclusive<usize> = 5..=10;

/// Measurements of the n-grams of one text.
#[derive(Debug, Default)]
pub struct Ngrams {
    top: [Top; 3],
    duplicate_characters: [usize; 6],
}

/// The most common n-gram; of several, the one that comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Times it occurs, 0 when the text is shorter than it.
    pub count: usize,
    /// Characters of one occurrence, single spaces between the words.
    pub characters: usize,
}

/// An n-gram of the text: the word it begins with, its hash and where that is counted.
struct Gram {
    at: usize,
    hash: u64,
    place: Place,
}

impl Ngrams {
    /// The most common n-gram of `n` words, `n` within [`TOP`].
    pub fn top(&self, n: usize) -> Top {
        self.top[n - TOP.start()]
    }

    /// Characters, without spaces, of n-grams that occurred before, `n` within [`DUPLICATE`].
    pub fn duplicate_characters(&self, n: usize) -> usize {
        self.duplicate_characters[n - DUPLICATE.start()]
    }

    /// Counts the n-grams of `words`.
    pub fn of(words: &WordStatistics) -> Self {
        let mut ngrams = Self::default();
        let mut counts = Counts::for_at_most(words.total());
        let mut grams: Vec<Gram> = Vec::with_capacity(words.total());
        for (at, pair) in words.hashes.windows(2).enumerate() {
            let hash = chain(pair[0], pair[1]);
            let place = counts.add(hash);
            grams.push(Gram { at, hash, place });
        }
        for n in *TOP.start()..=*DUPLICATE.end() {
            let top = keep_repeated(&mut grams, &counts);
            if TOP.contains(&n) && words.total() >= n {
                let (at, count) = top;
                let characters = characters(words, at, n) + n - 1;
                ngrams.top[n - TOP.start()] = Top { count, characters };
            }
            if DUPLICATE.contains(&n) {
                ngrams.duplicate_characters[n - DUPLICATE.start()] =
                    duplicates(n, words, &grams, &mut counts);
            }
            counts = Counts::for_at_most(grams.len());
            grams = longer(n, words, &grams, &mut counts);
        }
        ngrams
    }
}

/// Keeps the n-grams that occur more than once; returns where the most common one begins, and its
/// count, or the beginning of the text and 1 where none repeats.
fn keep_repeated(grams: &mut Vec<Gram>, counts: &Counts) -> (usize, usize) {
    let (mut at, mut most) = (0, 1);
    grams.retain(|gram| {
        let count = counts.count(gram.place);
        if count > most {
            (at, most) = (gram.at, count);
        }
        count > 1
    });
    (at, most)
}

fn characters(words: &WordStatistics, at: usize, n: usize) -> usize {
    words.characters[at..at + n]
        .iter()
        .map(|count| *count as usize)
        .sum()
}

/// Scans greedily: an n-gram seen before adds its characters, and the scan goes on behind it.
fn duplicates(n: usize, words: &WordStatistics, repeated: &[Gram], counts: &mut Counts) -> usize {
    let (mut sum, mut next) = (0, 0);
    for gram in repeated {
        if gram.at < next {
            continue;
        }
        if counts.mark(gram.place) {
            sum += characters(words, gram.at, n);
            next = gram.at + n;
        }
    }
    sum
}

/// The (n+1)-grams whose two n-grams both repeat, counted.
fn longer(n: usize, words: &WordStatistics, repeated: &[Gram], counts: &mut Counts) -> Vec<Gram> {
    let mut longer = Vec::new();
    for pair in repeated.windows(2) {
        let at = pair[0].at;
        if at + 1 == pair[1].at {
            let hash = chain(pair[0].hash, words.hashes[at + n]);
            let place = counts.add(hash);
            longer.push(Gram { at, hash, place });
        }
    }
    longer
}

#[cfg(test)]
mod tests {
    use super::super::measure::TextMeasures;
    use super::super::{Column, Fidelity};
    use super::*;
    use std::collections::{HashMap, HashSet};

    /// The definitions, word for word, on strings.
    fn slow(words: &[&str], n: usize) -> (Top, usize) {
        let grams: Vec<String> = words.windows(n).map(|gram| gram.join(" ")).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for gram in &grams {
            *counts.entry(gram).or_default() += 1;
        }
        let most = counts.values().max().copied().unwrap_or(0);
        let first = grams.iter().find(|gram| counts[gram.as_str()] == most);
        let top = Top {
            count: most,
            characters: first.map_or(0, |gram| gram.chars().count()),
        };
        let (mut seen, mut sum, mut at) = (HashSet::new(), 0, 0);
        while at + n <= words.len() {
            if seen.insert(&grams[at]) {
                at += 1;
            } else {
                sum += words[at..at + n]
                    .iter()
                    .map(|word| word.chars().count())
                    .sum::<usize>();
                at += n;
            }
        }
        (top, sum)
    }

    #[test]
    fn counts_equal_the_definitions() {
        let mut state = 7_u64;
        let vocabulary = ["мир", "a", "the", "дом", "cat", "я"];
        for (length, different) in [(0, 2), (1, 2), (3, 2), (40, 1), (60, 2), (200, 3), (900, 6)] {
            let words: Vec<&str> = (0..length)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    vocabulary[(state >> 33) as usize % different]
                })
                .collect();
            let text = words.join(" ");
            let measures = TextMeasures::new(&text, Column::English, Fidelity::Prep);
            for n in 2..=10 {
                let (top, duplicate) = slow(&words, n);
                if TOP.contains(&n) {
                    assert_eq!(measures.ngrams().top(n), top, "{length} words, n = {n}");
                } else {
                    assert_eq!(
                        measures.ngrams().duplicate_characters(n),
                        duplicate,
                        "{length} words, n = {n}"
                    );
                }
            }
        }
    }
}
