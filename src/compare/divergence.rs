//! How far two distributions of words are from each other.
//!
//! The Jensen-Shannon divergence in bits (Lin 1991), 0 for equal and 1 for disjoint distributions. Each
//! token has a place of its own; words are hashed to 2^21 places, and those that share one count as one
//! word, which takes some of the divergence away where words are many.
//!
//! The counts alone say too much, because a rare word stands in one of two samples by chance. How much that
//! makes is measured: all documents are dealt at random to two sets of the sizes of A and B, eight times,
//! and the mean divergence of those is what chance alone gives. The estimate is adjusted for it as kappa is,
//! `(d - chance) / (1 - chance)`: 0 where the sets are no further apart than chance puts them, 1 where they
//! have no word in common.
//!
//! The interval is 1.96 standard errors on either side. Their variance is that of the counts, by the delta
//! method over whole documents (the divergence changes with the share `p` of a word by `log2(p / m) / 2`,
//! where `m` is its mean share), and that of the dealt sets.

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Places that words are hashed to; more than any vocabulary has tokens.
pub const PLACES: usize = 1 << 21;
/// How often the documents are dealt.
pub const DEALS: usize = 8;
/// Fewer documents of a set say nothing of what chance does.
pub const FEWEST: u64 = 20;
/// Standard errors that 95 % lie within.
const WITHIN: f64 = 1.96;

/// The place of a word's hash, or of a token's.
#[must_use]
pub fn place(hash: u64) -> u32 {
    (hash % PLACES as u64) as u32
}

/// How often the words at each place occur; 16 MB.
pub struct Counts(Vec<u64>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; PLACES])
    }
}

impl Counts {
    /// Adds `count` at a place.
    pub fn add(&mut self, place: u32, count: u32) {
        self.0[place as usize] += u64::from(count);
    }

    /// By place.
    #[must_use]
    pub fn by_place(&self) -> &[u64] {
        &self.0
    }

    fn all(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// What is asked of the documents of a set once both have been counted.
pub struct Question {
    /// By how much a word's share more changes the divergence, at each place.
    slopes: Vec<f32>,
    /// The mean of the slopes over the set's words.
    mean: f64,
    /// Words of the set.
    words: f64,
    /// The share of all words that the smaller of both sets has.
    share: f64,
    seed: u64,
}

impl Question {
    /// To the documents of `own`, beside the other set.
    #[must_use]
    pub fn to(own: &Counts, other: &Counts, seed: u64) -> Self {
        let [words, others] = [own, other].map(|counts| counts.all() as f64);
        let slopes: Vec<f32> = (own.0.iter().zip(&other.0))
            .map(|(own, other)| {
                let (p, q) = (*own as f64 / words, *other as f64 / others.max(1.0));
                match own {
                    0 => 0.0,
                    _ => ((p / f64::midpoint(p, q)).log2() / 2.0) as f32,
                }
            })
            .collect();
        let sum: f64 = (own.0.iter().zip(&slopes))
            .map(|(count, slope)| *count as f64 * f64::from(*slope))
            .sum();
        Self {
            slopes,
            mean: sum / words.max(1.0),
            words: words.max(1.0),
            share: words.min(others) / (words + others).max(1.0),
            seed,
        }
    }

    /// The square of what the document of these places adds to the divergence.
    #[must_use]
    pub fn square(&self, places: &[u32]) -> f64 {
        let slopes = places.iter().map(|place| self.slopes[*place as usize]);
        let sum: f64 = slopes.map(f64::from).sum();
        ((sum - places.len() as f64 * self.mean) / self.words).powi(2)
    }

    /// The deals in which the document falls to the smaller set.
    pub fn dealt(&self, id: &[u8; 16]) -> impl Iterator<Item = usize> {
        let (id, seed, share) = (*id, self.seed, self.share);
        (0..DEALS).filter(move |deal| {
            let hash = xxh3_64_with_seed(&id, seed ^ 0x6465_616c ^ (*deal as u64) << 40);
            hash as f64 / 2_f64.powi(64) < share
        })
    }
}

/// What the documents of both sets answered.
pub struct Answers {
    /// Variance of the divergence of the counts.
    variance: f64,
    /// Words of the smaller dealt set: `[deal * PLACES + place]`, 67 MB.
    dealt: Vec<u32>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            variance: 0.0,
            dealt: vec![0; DEALS * PLACES],
        }
    }
}

impl Answers {
    /// Adds the squares of some documents.
    pub fn add_squares(&mut self, squares: f64) {
        self.variance += squares;
    }

    /// Adds `count` at `key`, a deal times [`PLACES`] plus a place.
    pub fn add_dealt(&mut self, key: u32, count: u32) {
        let all = &mut self.dealt[key as usize];
        *all = all.saturating_add(count);
    }

    /// The divergences of the dealt sets; of a deal in which one of them is empty there is none.
    fn by_chance(&self, a: &Counts, b: &Counts) -> Vec<f64> {
        let both: Vec<u64> = a.0.iter().zip(&b.0).map(|(a, b)| a + b).collect();
        let deals = self.dealt.chunks_exact(PLACES);
        deals
            .filter_map(|small| {
                let small: Vec<u64> = small.iter().map(|count| u64::from(*count)).collect();
                let large = both.iter().zip(&small).map(|(all, of)| all - of);
                let large: Vec<u64> = large.collect();
                let is_empty = |counts: &[u64]| counts.iter().all(|count| *count == 0);
                (!is_empty(&small) && !is_empty(&large)).then(|| jensen_shannon(&small, &large))
            })
            .collect()
    }
}

/// An estimate with its interval, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Divergence {
    /// Jensen-Shannon divergence, 0 to 1, adjusted for chance; as counted where chance is not known.
    pub bits: f64,
    /// 95 %: from. None of sets of less than 20 documents.
    pub low: Option<f64>,
    /// To.
    pub high: Option<f64>,
    /// What the counts say without adjustment.
    pub plug_in: f64,
    /// What chance alone gives for two sets of these sizes.
    pub chance: Option<f64>,
}

impl Divergence {
    /// Of two sets of so many documents, given what their documents answered.
    #[must_use]
    pub fn of([a, b]: [&Counts; 2], documents: [u64; 2], answers: &Answers) -> Self {
        let plug_in = jensen_shannon(&a.0, &b.0);
        let found = answers.by_chance(a, b);
        let deals = found.len() as f64;
        if documents.into_iter().any(|documents| documents < FEWEST) || found.len() < 2 {
            return Self {
                bits: plug_in,
                low: None,
                high: None,
                plug_in,
                chance: None,
            };
        }
        let chance = found.iter().sum::<f64>() / deals;
        let spread = found.iter().map(|found| (found - chance).powi(2));
        let spread = spread.sum::<f64>() / (deals - 1.0);
        // One more of the dealt sets is where the sets themselves would be by chance.
        let error = (answers.variance + spread * (1.0 + 1.0 / deals)).sqrt();
        let adjusted = |bits: f64| ((bits - chance) / (1.0 - chance)).clamp(0.0, 1.0);
        Self {
            bits: adjusted(plug_in),
            low: Some(adjusted(plug_in - WITHIN * error)),
            high: Some(adjusted(plug_in + WITHIN * error)),
            plug_in,
            chance: Some(chance),
        }
    }
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
    use crate::train::Random;

    #[test]
    fn the_divergence_of_small_tables_is_that_of_the_formula() {
        assert_eq!(jensen_shannon(&[3, 5, 0], &[6, 10, 0]), 0.0);
        assert!((jensen_shannon(&[1, 0], &[0, 7]) - 1.0).abs() < 1e-12);
        // p = (1/2, 1/2), q = (1, 0): H((3/4, 1/4)) - H(p) / 2 = 0.811278 - 0.5.
        assert!((jensen_shannon(&[1, 1], &[2, 0]) - 0.311_278).abs() < 1e-6);
    }

    /// `documents` of 50 places with a long tail, shifted by `shift`. Like real texts, each says again what
    /// it has said: half of its words are of ten that are its own choice.
    fn set(documents: u64, shift: u64, seed: u64) -> Vec<Vec<u32>> {
        let mut random = Random::new(seed);
        let mut draw = move || ((random.uniform().powi(-1) - 1.0) * 40.0).min(60_000.0) as u64;
        (0..documents)
            .map(|_| {
                let own: Vec<u64> = (0..10).map(|_| draw()).collect();
                let word = |at: usize| {
                    if at.is_multiple_of(2) {
                        draw()
                    } else {
                        own[at / 2 % 10]
                    }
                };
                (0..50)
                    .map(word)
                    .map(|place| (place + shift) as u32)
                    .collect()
            })
            .collect()
    }

    fn counts(set: &[Vec<u32>]) -> Counts {
        let mut counts = Counts::default();
        set.iter().flatten().for_each(|place| counts.add(*place, 1));
        counts
    }

    fn divergence(sets: [&[Vec<u32>]; 2], seed: u64) -> Divergence {
        let [a, b] = sets.map(counts);
        let mut answers = Answers::default();
        for (number, (own, other)) in [(&a, &b), (&b, &a)].into_iter().enumerate() {
            let question = Question::to(own, other, seed);
            for (at, places) in sets[number].iter().enumerate() {
                answers.add_squares(question.square(places));
                let id = (at as u128 + ((number as u128) << 64)).to_le_bytes();
                for deal in question.dealt(&id) {
                    for place in places {
                        answers.add_dealt((deal * PLACES) as u32 + place, 1);
                    }
                }
            }
        }
        let documents = sets.map(|set| set.len() as u64);
        Divergence::of([&a, &b], documents, &answers)
    }

    #[test]
    fn sets_of_one_distribution_have_0_in_the_interval_and_of_two_the_truth() {
        for (sizes, seed) in [([500, 500], 1), ([2_000, 100], 3), ([60, 900], 5)] {
            let sets = [set(sizes[0], 0, seed), set(sizes[1], 0, seed + 1)];
            let found = divergence([&sets[0], &sets[1]], 3);
            assert!(found.plug_in > 0.05, "the bias is there: {found:?}");
            assert!(
                found.low == Some(0.0) && found.bits < found.plug_in / 10.0,
                "{sizes:?}: {found:?}"
            );
        }
        let large = jensen_shannon(
            &counts(&set(100_000, 0, 7)).0,
            &counts(&set(100_000, 30, 8)).0,
        );
        let [a, b] = [set(500, 0, 1), set(500, 30, 2)];
        let found = divergence([&a, &b], 3);
        let (low, high) = (found.low.unwrap(), found.high.unwrap());
        assert!(
            low > 0.05 && (found.bits - large).abs() < 0.05 && high - low < 0.1,
            "{found:?} {large}"
        );
        assert_eq!(found, divergence([&a, &b], 3));
        // Without a word in common chance takes nothing away.
        let far = set(500, 1 << 20, 2);
        let found = divergence([&a, &far], 3);
        assert!((found.bits - 1.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_few_documents_have_no_interval() {
        let [a, b] = [set(500, 0, 1), set(3, 0, 2)];
        let found = divergence([&a, &b], 3);
        assert_eq!((found.low, found.high, found.chance), (None, None, None));
        assert_eq!(found.bits, found.plug_in);
    }
}
