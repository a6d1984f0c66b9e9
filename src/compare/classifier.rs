//! Can a simple model tell documents of A from documents of B? The classifier two-sample test.
//!
//! Logistic regression on hashed words and pairs of words (frequencies damped by a logarithm, of unit
//! length) of the beginnings of sampled documents, learned on one half and measured on the other (Lopez-Paz
//! and Oquab 2017, <https://arxiv.org/abs/1610.06545>). The area under the ROC curve is the chance that a
//! document of A is ranked above one of B: 0.5 says that nothing tells them apart. Its standard error
//! is that of Hanley and `McNeil` 1982.

use crate::train::Random;
use serde::Serialize;

/// Places of features.
pub const PLACES: usize = 1 << 18;
/// Documents of each set that are sampled, about.
pub const SAMPLED: u64 = 4_000;
/// Words of a document that count, from its beginning: length must not tell.
pub const WORDS: usize = 300;
/// Fewest documents of a set in a half.
const FEWEST: usize = 10;
const EPOCHS: usize = 6;
const RATE: f32 = 0.5;
/// Weight decay.
const DECAY: f32 = 1e-5;

/// Features of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Features(Vec<(u32, f32)>);

impl Features {
    /// Of the hashes of its words and pairs.
    #[must_use]
    pub fn of(hashes: &[u64]) -> Self {
        let mut places: Vec<u32> = hashes
            .iter()
            .map(|hash| (hash % PLACES as u64) as u32)
            .collect();
        places.sort_unstable();
        let mut features: Vec<(u32, f32)> = (places.chunk_by(|a, b| a == b))
            .map(|same| (same[0], 1.0 + (same.len() as f32).ln()))
            .collect();
        let norm = features.iter().map(|(_, x)| x * x).sum::<f32>().sqrt();
        for (_, x) in &mut features {
            *x /= norm.max(f32::MIN_POSITIVE);
        }
        Self(features)
    }
}

/// What the classifier found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Auc {
    /// Area under the ROC curve on documents that it did not learn from, 0.5 to 1 but for chance.
    pub auc: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Documents of A that it was measured on.
    pub documents_a: u64,
    /// Documents of B that it was measured on.
    pub documents_b: u64,
}

/// Learns on the documents whose flag is set, and measures on the others; `None` where one half has less than
/// ten of a set.
#[must_use]
pub fn measure(a: &[(bool, Features)], b: &[(bool, Features)], seed: u64) -> Option<Auc> {
    let half = |set: &[(bool, Features)], learned: bool| {
        set.iter().filter(|(flag, _)| *flag == learned).count()
    };
    let enough = [a, b]
        .iter()
        .all(|set| half(set, true) >= FEWEST && half(set, false) >= FEWEST);
    if !enough {
        return None;
    }
    let both = || {
        let of_a = a.iter().map(|(flag, features)| (*flag, features, 1.0_f32));
        of_a.chain(b.iter().map(|(flag, features)| (*flag, features, 0.0)))
    };
    let mut lesson: Vec<(&Features, f32)> = both()
        .filter(|(learned, ..)| *learned)
        .map(|(_, features, label)| (features, label))
        .collect();
    let weights = learned(&mut lesson, seed);
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for (_, features, label) in both().filter(|(learned, ..)| !learned) {
        let score = weights.score(features);
        if label > 0.5 {
            of_a.push(score);
        } else {
            of_b.push(score);
        }
    }
    let auc = area(&of_a, &of_b);
    Some(Auc {
        auc,
        standard_error: standard_error(auc, of_a.len() as f64, of_b.len() as f64),
        documents_a: of_a.len() as u64,
        documents_b: of_b.len() as u64,
    })
}

struct Weights {
    weights: Vec<f32>,
    bias: f32,
}

impl Weights {
    fn score(&self, features: &Features) -> f32 {
        let products = features
            .0
            .iter()
            .map(|(place, x)| self.weights[*place as usize] * x);
        self.bias + products.sum::<f32>()
    }
}

/// `AdaGrad` (Duchi et al. 2011) over the lesson in seeded orders.
fn learned(lesson: &mut [(&Features, f32)], seed: u64) -> Weights {
    let mut model = Weights {
        weights: vec![0.0; PLACES],
        bias: 0.0,
    };
    let mut squares = vec![1e-6_f32; PLACES];
    let mut bias_squares = 1e-6_f32;
    let mut random = Random::new(seed ^ 0x636c_6173_7369_6679);
    for _ in 0..EPOCHS {
        for i in (1..lesson.len()).rev() {
            lesson.swap(i, (random.uniform() * (i + 1) as f64) as usize);
        }
        for (features, label) in lesson.iter() {
            let chance = 1.0 / (1.0 + (-model.score(features)).exp());
            let error = chance - label;
            for (place, x) in &features.0 {
                let place = *place as usize;
                let gradient = error * x + DECAY * model.weights[place];
                squares[place] += gradient * gradient;
                model.weights[place] -= RATE * gradient / squares[place].sqrt();
            }
            bias_squares += error * error;
            model.bias -= RATE * error / bias_squares.sqrt();
        }
    }
    model
}

/// The share of pairs in which the document of A has the higher score; equal ones count half.
fn area(of_a: &[f32], of_b: &[f32]) -> f64 {
    let mut all: Vec<(f32, bool)> = of_a
        .iter()
        .map(|score| (*score, true))
        .chain(of_b.iter().map(|score| (*score, false)))
        .collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut below, mut sum) = (0.0, 0.0);
    for equal in all.chunk_by(|x, y| x.0 == y.0) {
        let a = equal.iter().filter(|(_, is_a)| *is_a).count() as f64;
        let b = equal.len() as f64 - a;
        sum += a * (below + b / 2.0);
        below += b;
    }
    sum / (of_a.len() as f64 * of_b.len() as f64)
}

fn standard_error(auc: f64, a: f64, b: f64) -> f64 {
    let q1 = auc / (2.0 - auc);
    let q2 = 2.0 * auc * auc / (1.0 + auc);
    let sum = auc * (1.0 - auc) + (a - 1.0) * (q1 - auc * auc) + (b - 1.0) * (q2 - auc * auc);
    (sum.max(0.0) / (a * b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_counts_pairs_and_its_error_is_that_of_the_paper() {
        assert_eq!(area(&[2.0, 3.0], &[0.0, 1.0]), 1.0);
        assert_eq!(area(&[1.0, 1.0], &[1.0]), 0.5);
        assert_eq!(area(&[0.0, 2.0], &[1.0]), 0.5);
        // Hanley and `McNeil` 1982, table II: an area of 0.893, 58 normal and 51 abnormal images: 0.0326.
        assert!((standard_error(0.893, 51.0, 58.0) - 0.0326).abs() < 0.001);
    }

    /// Documents of 40 words, of which `own` are of the set's own 200 and the others common.
    fn set(count: usize, own: usize, vocabulary: u64, seed: u64) -> Vec<(bool, Features)> {
        let mut random = Random::new(seed);
        let mut draw = |from: u64, size: u64| {
            let word = from + (random.uniform() * size as f64) as u64;
            word.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        (0..count)
            .map(|i| {
                let mut hashes: Vec<u64> = (0..own).map(|_| draw(vocabulary, 200)).collect();
                hashes.extend((own..40).map(|_| draw(0, 1_000)));
                (i % 2 == 0, Features::of(&hashes))
            })
            .collect()
    }

    #[test]
    fn alike_sets_are_not_told_apart_and_different_ones_are() {
        let same = measure(&set(600, 0, 0, 1), &set(600, 0, 0, 2), 3).expect("enough");
        assert!(
            (same.auc - 0.5).abs() < 3.0 * same.standard_error,
            "{same:?}"
        );
        let other = measure(&set(600, 10, 5_000, 1), &set(600, 10, 9_000, 2), 3).expect("enough");
        assert!(other.auc > 0.99, "{other:?}");
        assert_eq!(measure(&set(10, 0, 0, 1), &set(600, 0, 0, 2), 3), None);
    }
}
