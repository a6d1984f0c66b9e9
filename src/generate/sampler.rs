//! From logits to one token: repetition penalty, temperature, top-k, top-p, chance.

use anyhow::{Result, ensure};

use crate::train::Random;

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// What logits are divided by; none for the most probable token always.
    pub temperature: Option<f32>,
    /// Only this many of the most probable tokens.
    pub top_k: Option<usize>,
    /// Only the most probable tokens that together reach this probability.
    pub top_p: Option<f32>,
    /// What the logits of tokens that occurred are divided by (multiplied by if negative).
    pub repetition_penalty: Option<f32>,
}

impl Sampling {
    /// The most probable token each time.
    pub const GREEDY: Self = Self {
        temperature: None,
        top_k: None,
        top_p: None,
        repetition_penalty: None,
    };
}

/// A chooser and its chance.
pub struct Sampler {
    sampling: Sampling,
    random: Random,
}

impl Sampler {
    /// A chooser; the same seed and logits give the same tokens.
    #[must_use]
    pub fn new(sampling: Sampling, seed: u64) -> Self {
        Self {
            sampling,
            random: Random::new(seed),
        }
    }

    /// The next token; `seen` are the tokens so far, the prompt's included.
    ///
    /// # Errors
    /// When a logit is not a number.
    pub fn next(&mut self, logits: &mut [f32], seen: &[u32]) -> Result<u32> {
        ensure!(
            logits.iter().all(|l| l.is_finite()),
            "the model's output is not a number: its weights are broken (did its training diverge?)"
        );
        if let Some(penalty) = self.sampling.repetition_penalty {
            penalise(logits, seen, penalty);
        }
        let Some(temperature) = self.sampling.temperature else {
            return Ok(best(logits));
        };
        let mut candidates = candidates(logits, temperature);
        if let Some(k) = self.sampling.top_k {
            candidates.truncate(k.max(1));
        }
        if let Some(p) = self.sampling.top_p {
            keep_nucleus(&mut candidates, f64::from(p));
        }
        Ok(self.draw(&candidates))
    }

    /// One of the candidates by their weights.
    fn draw(&mut self, candidates: &[(u32, f64)]) -> u32 {
        let total: f64 = candidates.iter().map(|c| c.1).sum();
        let mut left = self.random.uniform() * total;
        for &(token, weight) in candidates {
            left -= weight;
            if left < 0.0 {
                return token;
            }
        }
        candidates.last().map_or(0, |c| c.0)
    }
}

fn penalise(logits: &mut [f32], seen: &[u32], penalty: f32) {
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    seen.dedup();
    for token in seen {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit > 0.0 {
                *logit / penalty
            } else {
                *logit * penalty
            };
        }
    }
}

/// The most probable token, of equals the first.
fn best(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (i, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = i;
        }
    }
    best as u32
}

/// Tokens with their weights (not normalised), the most probable first, of equals the lower id.
fn candidates(logits: &[f32], temperature: f32) -> Vec<(u32, f64)> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |l: f32| f64::from((l - max) / temperature).exp();
    let mut all: Vec<(u32, f64)> = (0..).zip(logits.iter().map(|&l| weight(l))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all
}

/// Cuts the tail beyond the probability `p`; at least one candidate stays.
fn keep_nucleus(candidates: &mut Vec<(u32, f64)>, p: f64) {
    let total: f64 = candidates.iter().map(|c| c.1).sum();
    let mut sum = 0.0;
    let enough = candidates.iter().position(|c| {
        sum += c.1;
        sum >= p * total
    });
    candidates.truncate(enough.map_or(candidates.len(), |last| last + 1));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Sampling = Sampling {
        temperature: Some(1.0),
        top_k: None,
        top_p: None,
        repetition_penalty: None,
    };

    fn counts(sampling: Sampling, logits: &[f32]) -> Vec<u32> {
        let mut sampler = Sampler::new(sampling, 1);
        let mut counts = vec![0; logits.len()];
        for _ in 0..4000 {
            let token = sampler.next(&mut logits.to_vec(), &[]).unwrap();
            counts[token as usize] += 1;
        }
        counts
    }

    #[test]
    fn chance_follows_the_probabilities() {
        let logits = [0.0, 0.5_f32.ln(), 0.25_f32.ln(), 0.25_f32.ln()];
        let counts = counts(PLAIN, &logits);
        for (got, want) in counts.iter().zip([2000_i32, 1000, 500, 500]) {
            assert!((*got as i32 - want).abs() < 150, "{counts:?}");
        }
    }

    #[test]
    fn greedy_takes_the_first_of_the_best() {
        let greedy = Sampling {
            temperature: None,
            ..PLAIN
        };
        assert_eq!(counts(greedy, &[1.0, 3.0, 3.0, 2.0])[1], 4000);
    }

    #[test]
    fn top_k_and_top_p_cut_the_tail() {
        let logits = [1.0, 2.0, 3.0, 4.0];
        let k = counts(
            Sampling {
                top_k: Some(2),
                ..PLAIN
            },
            &logits,
        );
        assert!(k[0] == 0 && k[1] == 0 && k[2] > 0 && k[3] > 0, "{k:?}");
        let p = counts(
            Sampling {
                top_p: Some(0.6),
                ..PLAIN
            },
            &logits,
        );
        assert_eq!(p[3], 4000, "the best alone has 64 %: {p:?}");
    }

    #[test]
    fn the_penalty_turns_to_tokens_that_did_not_occur() {
        let sampling = Sampling {
            temperature: None,
            repetition_penalty: Some(2.0),
            ..PLAIN
        };
        let mut sampler = Sampler::new(sampling, 1);
        assert_eq!(sampler.next(&mut [3.0, 2.0], &[0]).unwrap(), 1);
        assert_eq!(sampler.next(&mut [-1.0, -1.5], &[0]).unwrap(), 1);
        assert!(sampler.next(&mut [f32::NAN, 0.0], &[]).is_err());
    }
}
