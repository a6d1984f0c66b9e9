//! DSIR importance weights: how much more probable is a document among those of A than among those of B?
//!
//! Data selection with importance resampling (Xie et al. 2023, <https://arxiv.org/abs/2302.03169>): words
//! and pairs of words are hashed to 10,000 places, `p` and `q` are their frequencies in the target A and
//! the raw set B (one is added to each count), a document's weight is the product of `p / q` over its words and pairs. N documents
//! are drawn without replacement by the Gumbel top-k trick: to each logarithm of a weight a number of a
//! Gumbel distribution is added, and the N largest sums are taken. Longer documents have larger weights of
//! either sign, as in the paper.

use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Places of words and pairs.
pub const PLACES: usize = 10_000;

/// The place of a hash.
#[must_use]
pub fn place(hash: u64) -> usize {
    (hash % PLACES as u64) as usize
}

/// `ln(p / q)` at each place.
pub struct Ratios(Vec<f64>);

impl Ratios {
    /// Of counts in the target and in the raw set.
    #[must_use]
    pub fn of(target: &[u64], raw: &[u64]) -> Self {
        let all = |counts: &[u64]| (counts.iter().sum::<u64>() + counts.len() as u64) as f64;
        let (of_target, of_raw) = (all(target), all(raw));
        let ratio = |(p, q): (&u64, &u64)| {
            ((p + 1) as f64 / of_target).ln() - ((q + 1) as f64 / of_raw).ln()
        };
        Self(target.iter().zip(raw).map(ratio).collect())
    }

    /// The logarithm of a document's weight, of the places of its words and pairs.
    #[must_use]
    pub fn weight(&self, places: &[u16]) -> f64 {
        places.iter().map(|place| self.0[usize::from(*place)]).sum()
    }
}

/// A number of the standard Gumbel distribution that a document's id and the seed decide.
#[must_use]
pub fn gumbel(id: &[u8; 16], seed: u64) -> f64 {
    let hash = xxh3_64_with_seed(id, seed ^ 0x6775_6d62_656c);
    // Inside 0 and 1, so that both logarithms are finite.
    let uniform = ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -(-uniform.ln()).ln()
}

/// A document by its score and its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Logarithm of the weight, plus noise.
    pub score: f64,
    /// Unit of the set, and number of the document in it.
    pub at: (u32, u32),
}

impl Eq for Scored {}

impl Ord for Scored {
    /// The least score is the greatest, so that a heap gives it up first; of equal ones the later.
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then(self.at.cmp(&other.at))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The documents of the highest scores; 24 bytes each.
pub struct Best {
    most: usize,
    heap: BinaryHeap<Scored>,
}

impl Best {
    /// At most so many.
    #[must_use]
    pub fn new(most: u64) -> Self {
        Self {
            most: most as usize,
            heap: BinaryHeap::new(),
        }
    }

    /// Looks at one more.
    pub fn push(&mut self, scored: Scored) {
        self.heap.push(scored);
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    /// Their places, in the order of the set.
    #[must_use]
    pub fn places(self) -> Vec<(u32, u32)> {
        let mut places: Vec<_> = self.heap.into_iter().map(|scored| scored.at).collect();
        places.sort_unstable();
        places
    }
}

/// Steps of the histogram, each 0.01 nats a word or pair, around 0.
const STEPS: usize = 2_001;

/// Weights of all documents, each divided by its words and pairs: a histogram.
pub struct Spread {
    steps: Vec<u64>,
    closer: u64,
    documents: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self {
            steps: vec![0; STEPS],
            closer: 0,
            documents: 0,
        }
    }
}

/// What the weights of B say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Weights {
    /// Share of the documents of B that are more probable among those of A, 0 to 1.
    pub closer_to_a_share: f64,
    /// Logarithm of a document's weight, in nats a word or pair, rounded to 0.01: a tenth are below.
    pub p10: f64,
    /// Half are below.
    pub p50: f64,
    /// Nine tenths are below.
    pub p90: f64,
}

impl Spread {
    /// Adds a document with the logarithm of its weight and its number of words and pairs.
    pub fn add(&mut self, weight: f64, places: usize) {
        let each = weight / places.max(1) as f64;
        let step = (each * 100.0).round().clamp(-1_000.0, 1_000.0) + 1_000.0;
        self.steps[step as usize] += 1;
        self.closer += u64::from(weight > 0.0);
        self.documents += 1;
    }

    /// The figures.
    #[must_use]
    pub fn weights(&self) -> Weights {
        let quantile = |share: f64| {
            let wanted = (self.documents as f64 * share).ceil().max(1.0) as u64;
            let mut seen = 0;
            let step = self.steps.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            (step.unwrap_or(1_000) as f64 - 1_000.0) / 100.0
        };
        Weights {
            closer_to_a_share: self.closer as f64 / self.documents.max(1) as f64,
            p10: quantile(0.1),
            p50: quantile(0.5),
            p90: quantile(0.9),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_whatever_their_order() {
        let scores = [3.0, -1.0, 7.5, 3.0, 0.0, 9.0];
        let mut found = Vec::new();
        for turn in 0..scores.len() {
            let mut best = Best::new(3);
            for i in 0..scores.len() {
                let i = (i + turn) % scores.len();
                best.push(Scored {
                    score: scores[i],
                    at: (0, i as u32),
                });
            }
            found.push(best.places());
        }
        // Of the two equal ones the earlier.
        assert!(
            found
                .iter()
                .all(|places| *places == [(0, 0), (0, 2), (0, 5)]),
            "{found:?}"
        );
    }

    #[test]
    fn noise_is_that_of_gumbel() {
        let draws = (0..20_000_u128).map(|n| gumbel(&n.to_be_bytes(), 7));
        let mean = draws.sum::<f64>() / 20_000.0;
        // The Euler-Mascheroni constant; the deviation of the mean is 0.009.
        assert!((mean - 0.5772).abs() < 0.03, "{mean}");
    }

    #[test]
    fn weights_are_ratios_of_frequencies() {
        let ratios = Ratios::of(&[9, 0, 0], &[2, 2, 2]);
        // (10/12) / (3/9) and (1/12) / (3/9).
        let wanted = (10.0_f64 / 12.0 * 3.0).ln() + (1.0_f64 / 12.0 * 3.0).ln();
        assert!((ratios.weight(&[0, 1]) - wanted).abs() < 1e-12);
        let mut spread = Spread::default();
        for weight in [-1.0, 0.5, 2.0] {
            spread.add(weight, 1);
        }
        let found = spread.weights();
        assert!((found.closer_to_a_share - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!((found.p10, found.p50, found.p90), (-1.0, 0.5, 2.0));
    }
}
