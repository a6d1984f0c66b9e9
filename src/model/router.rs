//! Which experts a token goes through, and how evenly the experts are used.
//!
//! A token goes through the experts with the highest scores, weighted by the softmax over those
//! alone (Mixtral, <https://arxiv.org/abs/2401.04088>, section 2.1). No expert has a capacity, so no
//! token is dropped. Choosing is a few operations a token and done on the host.
//!
//! **Balance** (Switch Transformer, <https://arxiv.org/abs/2101.03961>, equations 4 to 6, as
//! `transformers` has it): `E Σ fₑ pₑ` over E experts, where f is the choices of an expert a token and
//! p its mean probability, over all layers together; as many as a token's experts when all are used
//! alike. Only p has a gradient. Padding counts for nothing.

use serde::{Deserialize, Serialize};

use super::Experts;

/// The choices of the rows of one layer.
pub struct Routing {
    experts: Experts,
    /// Softmax over all experts, `[rows, count]`.
    probabilities: Vec<f32>,
    /// The row of each choice; choices are in the order of their experts, then of their rows.
    pub rows: Vec<u32>,
    /// The weight of each choice.
    pub weights: Vec<f32>,
    /// Choices of each expert.
    pub groups: Vec<usize>,
}

impl Routing {
    /// Chooses by scores `[rows, count]`; of equal ones the first expert.
    pub fn choose(experts: Experts, scores: &[f32]) -> Self {
        let count = experts.count;
        let mut probabilities = Vec::with_capacity(scores.len());
        let mut chosen: Vec<Vec<(u32, f32)>> = vec![Vec::new(); count];
        let mut order: Vec<usize> = Vec::with_capacity(count);
        for (row, scores) in scores.chunks_exact(count).enumerate() {
            let max = scores.iter().fold(f32::NEG_INFINITY, |m, &s| m.max(s));
            let powers = scores
                .iter()
                .map(|&s| (f64::from(s) - f64::from(max)).exp());
            let powers: Vec<f64> = powers.collect();
            let sum: f64 = powers.iter().sum();
            probabilities.extend(powers.iter().map(|p| (p / sum) as f32));
            order.clear();
            order.extend(0..count);
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            let best = &order[..experts.per_token];
            let sum: f64 = best.iter().map(|&expert| powers[expert]).sum();
            for &expert in best {
                chosen[expert].push((row as u32, (powers[expert] / sum) as f32));
            }
        }
        let all = || chosen.iter().flatten();
        Self {
            experts,
            probabilities,
            rows: all().map(|choice| choice.0).collect(),
            weights: all().map(|choice| choice.1).collect(),
            groups: chosen.iter().map(Vec::len).collect(),
        }
    }

    /// The expert of each choice.
    fn chosen(&self) -> impl Iterator<Item = usize> {
        let groups = self.groups.iter().enumerate();
        groups.flat_map(|(expert, &count)| std::iter::repeat_n(expert, count))
    }

    /// The gradient of the scores, from that of each choice's weight and, where the balance counts,
    /// that of the probabilities.
    pub fn backward(&self, dweights: &[f32], pull: Option<Pull<'_>>) -> Vec<f32> {
        let count = self.experts.count;
        let mut scores = vec![0.0; self.probabilities.len()];
        let mut means = vec![0.0_f32; scores.len() / count];
        let choices = || self.rows.iter().zip(&self.weights).zip(dweights);
        for ((&row, weight), slope) in choices() {
            means[row as usize] += weight * slope;
        }
        for (((&row, weight), slope), expert) in choices().zip(self.chosen()) {
            let at = row as usize * count + expert;
            scores[at] = weight * (slope - means[row as usize]);
        }
        let Some(Pull { slopes, real }) = pull else {
            return scores;
        };
        let rows = scores.chunks_exact_mut(count);
        let rows = rows.zip(self.probabilities.chunks_exact(count)).zip(real);
        for ((scores, probabilities), _) in rows.filter(|(_, real)| **real) {
            let pairs = || probabilities.iter().zip(slopes);
            let mean: f32 = pairs().map(|(p, slope)| p * slope).sum();
            for (score, (p, slope)) in scores.iter_mut().zip(pairs()) {
                *score += p * (slope - mean);
            }
        }
        scores
    }
}

/// What the balance does to the probabilities.
#[derive(Clone, Copy)]
pub struct Pull<'a> {
    /// The gradient of each expert's probability, the same in every row.
    pub slopes: &'a [f32],
    /// Whether each row is one of a document and no padding.
    pub real: &'a [bool],
}

/// How choices and probabilities are spread over the experts, summed over rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Tokens, times layers.
    pub rows: u64,
    /// Choices of each expert in each layer.
    pub choices: Vec<Vec<u64>>,
    /// Sums of the probabilities of each expert, over all layers.
    pub probabilities: Vec<f64>,
}

impl Spread {
    /// Adds a layer's real rows; layers come in order.
    pub fn add_layer(&mut self, routing: &Routing, real: &[bool]) {
        let count = routing.experts.count;
        self.probabilities.resize(count, 0.0);
        let mut choices = vec![0; count];
        for (expert, &row) in routing.chosen().zip(&routing.rows) {
            choices[expert] += u64::from(real[row as usize]);
        }
        self.choices.push(choices);
        let rows = routing.probabilities.chunks_exact(count).zip(real);
        for (probabilities, _) in rows.filter(|(_, real)| **real) {
            self.rows += 1;
            for (sum, &p) in self.probabilities.iter_mut().zip(probabilities) {
                *sum += f64::from(p);
            }
        }
    }

    /// Adds another batch's.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.choices.resize(other.choices.len(), Vec::new());
        for (own, more) in self.choices.iter_mut().zip(&other.choices) {
            own.resize(more.len(), 0);
            own.iter_mut()
                .zip(more)
                .for_each(|(own, more)| *own += more);
        }
        self.probabilities.resize(other.probabilities.len(), 0.0);
        for (own, more) in self.probabilities.iter_mut().zip(&other.probabilities) {
            *own += more;
        }
    }

    /// Its numbers, which add up as the spreads of batches do; of one model always as many.
    #[must_use]
    pub fn numbers(&self) -> Vec<f64> {
        let choices = self.choices.iter().flatten().map(|&n| n as f64);
        let rows = std::iter::once(self.rows as f64);
        rows.chain(choices)
            .chain(self.probabilities.iter().copied())
            .collect()
    }

    /// Takes the numbers of a spread of the same model.
    pub fn set_numbers(&mut self, numbers: &[f64]) {
        let mut numbers = numbers.iter().copied();
        let mut next = || numbers.next().unwrap_or_default();
        self.rows = next() as u64;
        for choices in self.choices.iter_mut().flatten() {
            *choices = next() as u64;
        }
        self.probabilities.fill_with(next);
    }

    /// Choices of each expert in all layers.
    fn chosen(&self) -> Vec<u64> {
        let of = |expert| self.choices.iter().map(|layer| layer[expert]).sum();
        (0..self.probabilities.len()).map(of).collect()
    }

    /// The share of all choices that each expert has, over all layers.
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        shares(&self.chosen())
    }

    /// The largest share that one expert has in one layer.
    #[must_use]
    pub fn largest_share(&self) -> f64 {
        let all = self.choices.iter().flat_map(|layer| shares(layer));
        all.fold(0.0, f64::max)
    }

    /// `E Σ fₑ pₑ`; 0 without rows.
    #[must_use]
    pub fn balance(&self) -> f64 {
        let slopes = self.slopes().into_iter();
        let products = slopes
            .zip(&self.probabilities)
            .map(|(slope, sum)| slope * sum);
        products.sum()
    }

    /// The gradient of [`Self::balance`] by each expert's probability in each row.
    #[must_use]
    pub fn slopes(&self) -> Vec<f64> {
        let (rows, count) = (self.rows.max(1) as f64, self.probabilities.len() as f64);
        let chosen = self.chosen().into_iter();
        chosen.map(|n| count * n as f64 / rows / rows).collect()
    }
}

fn shares(choices: &[u64]) -> Vec<f64> {
    let sum = choices.iter().sum::<u64>().max(1) as f64;
    choices.iter().map(|&n| n as f64 / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPERTS: Experts = Experts {
        count: 4,
        per_token: 2,
        balance: 0.0,
    };

    #[test]
    fn the_best_are_chosen_with_the_softmax_of_the_chosen() {
        let routing = Routing::choose(EXPERTS, &[1.0, 3.0, 3.0, 0.0, 5.0, 1.0, 2.0, 5.0]);
        assert_eq!(routing.groups, [1, 1, 1, 1]);
        assert_eq!(routing.rows, [1, 0, 0, 1]);
        assert_eq!(routing.weights, [0.5; 4]);
    }

    #[test]
    fn even_use_has_the_least_balance_and_padding_none() {
        let scores = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 9.0, 9.0, 0.0, 0.0];
        let routing = Routing::choose(EXPERTS, &scores);
        let mut even = Spread::default();
        even.add_layer(&routing, &[true, true, false]);
        assert!((even.balance() - 2.0).abs() < 1e-6, "{}", even.balance());
        assert_eq!(even.shares(), [0.25; 4]);
        let mut uneven = Spread::default();
        uneven.add_layer(&routing, &[true, true, true]);
        assert!(uneven.balance() > 2.1);
        assert!((uneven.largest_share() - 2.0 / 6.0).abs() < 1e-9);
        let mut both = Spread::default();
        both.add(&even);
        both.add(&uneven);
        assert_eq!((both.rows, both.choices[0].clone()), (5, vec![3, 3, 2, 2]));
    }
}
