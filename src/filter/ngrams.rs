//! Repeated word n-grams, exactly as the greedy counts of Gopher define them, at a fraction of the cost.
//!
//! An n-gram can repeat only where both (n-1)-grams in it repeat. So all word pairs are counted, then
//! triples only where two neighbouring pairs repeat, and so on up to 10: of ordinary prose about a
//! third of the pairs, a tenth of the triples and hardly any longer n-gram are looked at, and the
//! numbers are the same as if all were.

use super::counts::{Counts, Place};
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
        let mut candidates: Vec<Gram> = (1..words.total())
            .map(|next| Gram {
                at: next - 1,
                hash: chain(words.hashes[next - 1], words.hashes[next]),
                place: Place::NONE,
            })
            .collect();
        for n in *TOP.start()..=*DUPLICATE.end() {
            let mut counts = Counts::for_at_most(candidates.len());
            for gram in &mut candidates {
                gram.place = counts.add(gram.hash);
            }
            if TOP.contains(&n) {
                ngrams.top[n - TOP.start()] = top(n, words, &candidates, &counts);
            }
            let mut repeated = candidates;
            repeated.retain(|gram| counts.count(gram.place) > 1);
            if DUPLICATE.contains(&n) {
                ngrams.duplicate_characters[n - DUPLICATE.start()] =
                    duplicates(n, words, &repeated, &mut counts);
            }
            candidates = longer(n, words, &repeated);
        }
        ngrams
    }
}

/// Extends the hash of an n-gram by one word: a folded 128-bit product, as in wyhash.
#[inline]
#[allow(
    clippy::cast_possible_truncation,
    reason = "the halves of the product are folded"
)]
fn chain(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ 0x9e37_79b9_7f4a_7c15)
        * u128::from(word.rotate_left(23) ^ 0xd6e8_feb8_6659_fd93);
    (product as u64 ^ (product >> 64) as u64).wrapping_add(word)
}

fn characters(words: &WordStatistics, at: usize, n: usize) -> usize {
    words.characters[at..at + n]
        .iter()
        .map(|count| *count as usize)
        .sum()
}

/// The most common n-gram among `candidates`, or the first of the text where none repeats.
fn top(n: usize, words: &WordStatistics, candidates: &[Gram], counts: &Counts) -> Top {
    if words.total() < n {
        return Top::default();
    }
    let (mut at, mut count) = (0, 1);
    for gram in candidates {
        if counts.count(gram.place) > count {
            (at, count) = (gram.at, counts.count(gram.place));
        }
    }
    Top {
        count: usize::try_from(count).unwrap_or(usize::MAX),
        characters: characters(words, at, n) + n - 1,
    }
}

/// Scans greedily: an n-gram seen before adds its characters, and the scan goes on behind it.
fn duplicates(n: usize, words: &WordStatistics, repeated: &[Gram], counts: &mut Counts) -> usize {
    let (mut sum, mut next) = (0, 0);
    for gram in repeated.iter() {
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

/// The (n+1)-grams whose two n-grams both repeat.
fn longer(n: usize, words: &WordStatistics, repeated: &[Gram]) -> Vec<Gram> {
    repeated
        .windows(2)
        .filter(|pair| pair[0].at + 1 == pair[1].at)
        .map(|pair| Gram {
            at: pair[0].at,
            hash: chain(pair[0].hash, words.hashes[pair[0].at + n]),
            place: Place::NONE,
        })
        .collect()
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
