//! Lengths as they are in real corpora: log-normal, most short, a few very long.
//!
//! The exponent is the number of ones in 64 random bits, which is normal (mean 32, deviation 4)
//! without a logarithm, so that lengths are the same on every machine.

use super::rng::Rng;

/// A log-normal distribution of lengths, cut at both ends.
pub struct Spread {
    lengths: [f64; 65],
    shortest: u64,
    longest: u64,
}

impl Spread {
    /// Half of the lengths are below `median`; two of three are within the factor `deviation` of it.
    #[must_use]
    pub fn new(median: f64, deviation: f64, shortest: u64, longest: u64) -> Self {
        // Four steps are one deviation.
        let step = deviation.sqrt().sqrt();
        let mut lengths = [median; 65];
        for at in 33..65 {
            lengths[at] = lengths[at - 1] * step;
        }
        for at in (0..32).rev() {
            lengths[at] = lengths[at + 1] / step;
        }
        Self {
            lengths,
            shortest,
            longest,
        }
    }

    /// A random length.
    pub fn sample(&self, rng: &mut Rng) -> u64 {
        let at = rng.bits().count_ones() as usize;
        // Between this step and the next, so that lengths are not only 65.
        let (low, high) = (self.lengths[at], self.lengths[(at + 1).min(64)]);
        let length = low + (high - low) * (rng.unit() - 0.5);
        (length as u64).clamp(self.shortest, self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::rng::Purpose;

    #[test]
    fn median_and_deviation_are_as_asked() {
        let spread = Spread::new(1000.0, 2.5, 1, 1_000_000);
        let mut rng = Rng::new(0, Purpose::Content, 0);
        let mut lengths: Vec<u64> = (0..100_000).map(|_| spread.sample(&mut rng)).collect();
        lengths.sort_unstable();
        let at = |share: usize| lengths[lengths.len() * share / 1000] as f64;
        assert!((at(500) / 1000.0 - 1.0).abs() < 0.03, "{}", at(500));
        assert!((at(841) / 2500.0 - 1.0).abs() < 0.1, "{}", at(841));
        assert!((at(159) / 400.0 - 1.0).abs() < 0.1, "{}", at(159));
    }
}
