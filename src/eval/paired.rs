//! Two models on the same data: the difference of their means and how sure it is.
//!
//! What two models find hard is mostly the same, so the difference on each document or question
//! varies much less than the results themselves (paired differences; Miller 2024, arXiv 2411.00640).

use serde::Serialize;

use super::Sums;

/// A difference, second model less the first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The difference of the means.
    pub mean: f64,
    /// Its standard error; none for fewer than two units.
    pub stderr: Option<f64>,
    /// Documents or questions that were compared.
    pub units: u64,
}

/// Differences of questions, one after another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Paired {
    units: u64,
    sum: f64,
    squares: f64,
}

impl Paired {
    /// Adds a question that was worth `first` to one model and `second` to the other.
    pub fn add(&mut self, first: f64, second: f64) {
        let difference = second - first;
        self.units += 1;
        self.sum += difference;
        self.squares += difference * difference;
    }

    /// The mean difference; none of nothing. Its error is the standard deviation of the differences
    /// over the root of their number.
    #[must_use]
    pub fn difference(&self) -> Option<Difference> {
        let n = self.units as f64;
        let mean = self.sum / n;
        let variance = (self.squares - n * mean * mean).max(0.0) / (n - 1.0);
        (self.units > 0).then(|| Difference {
            mean,
            stderr: (self.units > 1).then(|| (variance / n).sqrt()),
            units: self.units,
        })
    }
}

/// What two models lost on one document.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// Nats of the first.
    pub first: f64,
    /// Nats of the second.
    pub second: f64,
    /// Counted tokens, or bytes: what the mean is over.
    pub weight: f64,
}

impl Losses {
    /// A document with the sums of both models, over its tokens.
    #[must_use]
    pub fn of(first: Sums, second: Sums) -> Self {
        Self {
            first: first.nats,
            second: second.nats,
            weight: first.tokens as f64,
        }
    }
}

/// The difference of two means over tokens, documents being what is drawn: with d the difference of a
/// document's nats, w its tokens and D the difference of the means, the error is
/// `sqrt(n / (n - 1) · Σ (d - D w)²) / Σ w` (the ratio estimator; Cochran, Sampling Techniques, 6.4).
#[must_use]
pub fn of_documents(documents: impl Iterator<Item = Losses> + Clone) -> Option<Difference> {
    let counted = documents.filter(|document| document.weight > 0.0);
    let (mut units, mut nats, mut weight) = (0, 0.0, 0.0);
    for document in counted.clone() {
        units += 1;
        nats += document.second - document.first;
        weight += document.weight;
    }
    let mean = nats / weight;
    let squares: f64 = counted
        .map(|document| (document.second - document.first - mean * document.weight).powi(2))
        .sum();
    let n = units as f64;
    (units > 0).then(|| Difference {
        mean,
        stderr: (units > 1).then(|| (n / (n - 1.0) * squares).sqrt() / weight),
        units,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_questions_have_the_error_of_a_mean() {
        let mut paired = Paired::default();
        assert_eq!(paired.difference(), None);
        for (first, second) in [(0.0, 1.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)] {
            paired.add(first, second);
        }
        let got = paired.difference().unwrap();
        assert_eq!((got.mean, got.units), (0.25, 4));
        // The differences are 1, 0, 1, -1: their variance is 2.75 / 3.
        assert!((got.stderr.unwrap() - (2.75_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn equal_documents_have_the_error_of_a_mean_and_a_constant_difference_none() {
        let documents = |differences: [f64; 4], weights: [f64; 4]| {
            let each = differences.into_iter().zip(weights);
            let each = each.map(|(d, weight)| Losses {
                first: 5.0,
                second: 5.0 + d * weight,
                weight,
            });
            of_documents(each.collect::<Vec<_>>().into_iter()).unwrap()
        };
        let got = documents([0.1, 0.3, 0.2, 0.6], [10.0; 4]);
        // Of equal documents: mean 0.3, variance 0.14 / 3.
        assert!((got.mean - 0.3).abs() < 1e-12);
        assert!((got.stderr.unwrap() - (0.14_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
        let got = documents([0.2; 4], [1.0, 50.0, 7.0, 3.0]);
        assert!((got.mean - 0.2).abs() < 1e-12 && got.stderr.unwrap() < 1e-12);
    }
}
