//! How far two distributions of words are from each other.
//!
//! The Jensen-Shannon divergence in bits (Lin 1991), 0 for equal and 1 for disjoint distributions, of words
//! hashed to 2^17 places. A plug-in estimate is above the truth, since rare words are seen in one of two
//! samples by chance alone. So documents are dealt into 32 blocks by their ids; 200 bootstrap replicates
//! draw blocks with replacement (whole documents, for words of a document go together), and
//! the bias that they show is taken off: estimate `2 d - mean`, interval
//! `2 d - q` of the 2.5 % and 97.5 % quantiles (the basic bootstrap; Davison and Hinkley 1997, 5.2).

use crate::train::Random;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Places that words are hashed to.
pub const PLACES: usize = 1 << 17;
/// Blocks of documents.
pub const BLOCKS: usize = 32;
/// Bootstrap replicates.
const REPLICATES: u64 = 200;

/// How often words at each place occur in each block: `[block * PLACES + place]`, 16 MB.
pub struct Counts(Vec<u32>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; BLOCKS * PLACES])
    }
}

impl Counts {
    /// Adds `count` at `key`, a block times [`PLACES`] plus a place.
    pub fn add(&mut self, key: u32, count: u32) {
        let all = &mut self.0[key as usize];
        *all = all.saturating_add(count);
    }

    /// How often words at each place occur.
    #[must_use]
    pub fn total(&self) -> Vec<u64> {
        weighted(&self.0, PLACES, &[1; BLOCKS])
    }

    /// The counts of these places alone, block by block.
    fn of_places(&self, places: &[usize]) -> Vec<u32> {
        let blocks = self.0.chunks_exact(PLACES);
        blocks
            .flat_map(|block| places.iter().map(|place| block[*place]))
            .collect()
    }
}

/// Sums over blocks of `width` places, each of which counts so many times.
fn weighted(counts: &[u32], width: usize, times: &[u32; BLOCKS]) -> Vec<u64> {
    let mut sums = vec![0_u64; width];
    for (block, times) in counts.chunks_exact(width.max(1)).zip(times) {
        if *times > 0 {
            for (sum, count) in sums.iter_mut().zip(block) {
                *sum += u64::from(*times) * u64::from(*count);
            }
        }
    }
    sums
}

/// An estimate with its interval, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Divergence {
    /// Jensen-Shannon divergence, 0 to 1, its bias taken off.
    pub bits: f64,
    /// 95 % of the bootstrap: from.
    pub low: f64,
    /// To.
    pub high: f64,
    /// What the counts say without correction.
    pub plug_in: f64,
}

impl Divergence {
    /// Of two sets.
    #[must_use]
    pub fn of(a: &Counts, b: &Counts, seed: u64) -> Self {
        let totals = [a.total(), b.total()];
        let plug_in = jensen_shannon(&totals[0], &totals[1]);
        // Most places are empty in small sets.
        let used = (0..PLACES).filter(|place| totals.iter().any(|total| total[*place] > 0));
        let used: Vec<usize> = used.collect();
        let [a, b] = [a, b].map(|counts| counts.of_places(&used));
        let mut found: Vec<f64> = (0..REPLICATES)
            .into_par_iter()
            .map(|replicate| {
                // A hash: streams of neighbouring seeds are one stream, shifted.
                let own_seed = xxh3_64_with_seed(&replicate.to_le_bytes(), seed);
                let mut random = Random::new(own_seed);
                let [a, b] =
                    [&a, &b].map(|counts| weighted(counts, used.len(), &drawn(&mut random)));
                jensen_shannon(&a, &b)
            })
            .collect();
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        found.sort_by(f64::total_cmp);
        let quantile = |share: f64| found[((found.len() - 1) as f64 * share).round() as usize];
        let corrected = |of: f64| (2.0 * plug_in - of).clamp(0.0, 1.0);
        Self {
            bits: corrected(mean),
            low: corrected(quantile(0.975)),
            high: corrected(quantile(0.025)),
            plug_in,
        }
    }
}

/// How often each block is drawn, with replacement, as many as there are.
fn drawn(random: &mut Random) -> [u32; BLOCKS] {
    let mut times = [0; BLOCKS];
    for _ in 0..BLOCKS {
        times[(random.uniform() * BLOCKS as f64) as usize] += 1;
    }
    times
}

/// The divergence of two tables of counts, in bits; 0 where one is empty.
#[must_use]
pub fn jensen_shannon(a: &[u64], b: &[u64]) -> f64 {
    let [all_a, all_b] = [a, b].map(|counts| counts.iter().sum::<u64>() as f64);
    if all_a == 0.0 || all_b == 0.0 {
        return 0.0;
    }
    let term = |p: f64, m: f64| if p > 0.0 { p * (p / m).log2() } else { 0.0 };
    let sum: f64 = (a.iter().zip(b))
        .map(|(a, b)| {
            let (p, q) = (*a as f64 / all_a, *b as f64 / all_b);
            let m = f64::midpoint(p, q);
            term(p, m) + term(q, m)
        })
        .sum();
    (sum / 2.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divergence_of_small_tables_is_that_of_the_formula() {
        assert_eq!(jensen_shannon(&[3, 5, 0], &[6, 10, 0]), 0.0);
        assert!((jensen_shannon(&[1, 0], &[0, 7]) - 1.0).abs() < 1e-12);
        // p = (1/2, 1/2), q = (1, 0): H((3/4, 1/4)) - H(p) / 2 = 0.811278 - 0.5.
        assert!((jensen_shannon(&[1, 1], &[2, 0]) - 0.311_278).abs() < 1e-6);
    }

    /// `documents` of 50 words from a Zipf-like distribution shifted by `shift`.
    fn drawn_counts(documents: u64, shift: u64, seed: u64) -> Counts {
        let (mut counts, mut random) = (Counts::default(), Random::new(seed));
        for document in 0..documents {
            for _ in 0..50 {
                let place = (random.uniform().powi(3) * 2_000.0) as u64 + shift;
                let block = document % BLOCKS as u64;
                counts.add((block * PLACES as u64 + place) as u32, 1);
            }
        }
        counts
    }

    #[test]
    fn samples_of_one_distribution_have_0_in_the_interval_and_of_two_the_truth() {
        let found = Divergence::of(&drawn_counts(500, 0, 1), &drawn_counts(500, 0, 2), 3);
        assert!(found.plug_in > 0.005, "the bias is there: {found:?}");
        assert!(
            found.low == 0.0 && found.bits < found.plug_in / 4.0,
            "{found:?}"
        );
        let large = jensen_shannon(
            &drawn_counts(50_000, 0, 4).total(),
            &drawn_counts(50_000, 300, 5).total(),
        );
        let found = Divergence::of(&drawn_counts(500, 0, 1), &drawn_counts(500, 300, 2), 3);
        assert!(
            found.low > 0.05 && (found.bits - large).abs() < 0.02,
            "{found:?} {large}"
        );
        assert_eq!(
            found,
            Divergence::of(&drawn_counts(500, 0, 1), &drawn_counts(500, 300, 2), 3)
        );
    }
}
