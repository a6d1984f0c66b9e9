//! Which words differ most in how often they occur.
//!
//! Log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words",
//! equations 16 and 22): the prior has 1,000 words as frequent as in both sets together, and words are
//! ranked by the difference of log-odds divided by its standard deviation, which keeps rare words from
//! looking telling. Counts by place of a hash name the 2,000 most telling places for each
//! set; the words of those are counted themselves in a second pass, so memory is bounded.

use serde::Serialize;
use std::collections::BTreeMap;

/// Words of the prior.
const PRIOR: f64 = 1_000.0;
/// Places whose words are counted, for each set.
const CHOSEN: usize = 2_000;
/// Words that are shown, for each set.
const SHOWN: usize = 20;
/// From here on a difference is no chance, were words independent of each other; they are not quite, and
/// there are many.
const LEAST: f64 = 5.0;

/// A word that is more frequent in one set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Word {
    /// In lower case; a token as it is spelt.
    pub word: String,
    /// How often it occurs in A.
    pub count_a: u64,
    /// How often it occurs in B.
    pub count_b: u64,
    /// Difference of the log-odds in nats, positive where it is more frequent in A.
    pub log_odds: f64,
    /// The same in standard deviations.
    pub z: f64,
}

/// The words of both directions, the most telling first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Drift {
    /// More frequent in A.
    pub more_in_a: Vec<Word>,
    /// More frequent in B.
    pub more_in_b: Vec<Word>,
}

/// Difference of log-odds of a word that occurs `a` of `all_a` and `b` of `all_b` times, and in standard
/// deviations.
fn log_odds(a: f64, b: f64, all_a: f64, all_b: f64) -> (f64, f64) {
    let prior = PRIOR * (a + b) / (all_a + all_b);
    let odds =
        |count: f64, all: f64| ((count + prior) / (all + PRIOR - count - prior).max(0.5)).ln();
    let difference = odds(a, all_a) - odds(b, all_b);
    let variance = 1.0 / (a + prior) + 1.0 / (b + prior);
    (difference, difference / variance.sqrt())
}

/// The places whose words are counted, as flags.
#[must_use]
pub fn choose(a: &[u64], b: &[u64]) -> Vec<bool> {
    let [all_a, all_b] = [a, b].map(|counts| counts.iter().sum::<u64>() as f64);
    let mut scores: Vec<(f64, usize)> = (a.iter().zip(b).enumerate())
        .filter(|(_, (a, b))| **a + **b > 0)
        .map(|(place, (a, b))| (log_odds(*a as f64, *b as f64, all_a, all_b).1, place))
        .collect();
    scores.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    let mut chosen = vec![false; a.len()];
    let ends = scores
        .iter()
        .take(CHOSEN)
        .chain(scores.iter().rev().take(CHOSEN));
    for (_, place) in ends {
        chosen[*place] = true;
    }
    chosen
}

/// How often each word of the chosen places occurs in A and B.
pub type WordCounts = BTreeMap<String, [u64; 2]>;

/// The words that differ most, of sets with so many words in all.
#[must_use]
pub fn most_telling(counts: &WordCounts, all_a: u64, all_b: u64) -> Drift {
    let mut words: Vec<Word> = counts
        .iter()
        .map(|(word, [a, b])| {
            let (log_odds, z) = log_odds(*a as f64, *b as f64, all_a as f64, all_b as f64);
            Word {
                word: word.clone(),
                count_a: *a,
                count_b: *b,
                log_odds,
                z,
            }
        })
        .filter(|word| word.z.abs() >= LEAST)
        .collect();
    words.sort_by(|x, y| y.z.total_cmp(&x.z).then_with(|| x.word.cmp(&y.word)));
    let more_in_a = words.iter().take_while(|word| word.z > 0.0);
    let more_in_b = words.iter().rev().take_while(|word| word.z < 0.0);
    Drift {
        more_in_a: more_in_a.take(SHOWN).cloned().collect(),
        more_in_b: more_in_b.take(SHOWN).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequent_word_that_differs_tells_more_than_a_rare_one() {
        let counts: WordCounts = [
            ("the", [5_000, 100]),
            ("rare", [3, 0]),
            ("same", [400, 400]),
            ("и", [10, 6_000]),
        ]
        .map(|(word, counts)| (word.to_owned(), counts))
        .into();
        let drift = most_telling(&counts, 100_000, 100_000);
        let names = |words: &[Word]| {
            words
                .iter()
                .map(|word| word.word.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&drift.more_in_a), ["the"]);
        assert_eq!(names(&drift.more_in_b), ["и"]);
        assert!(drift.more_in_a[0].log_odds > 3.0);
        let flags = choose(&[5_000, 3, 0], &[100, 3, 0]);
        assert_eq!(flags, [true, true, false]);
    }

    #[test]
    fn the_score_is_that_of_the_formula() {
        // Prior 1000 * 30 / 2000 = 15: odds 35/1965 and 25/1975.
        let (difference, z) = log_odds(20.0, 10.0, 1_000.0, 1_000.0);
        let wanted = (35.0_f64 / 1_965.0).ln() - (25.0_f64 / 1_975.0).ln();
        assert!((difference - wanted).abs() < 1e-12);
        assert!((z - wanted / (1.0 / 35.0_f64 + 1.0 / 25.0).sqrt()).abs() < 1e-12);
    }
}
