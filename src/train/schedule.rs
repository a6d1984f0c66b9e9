//! The learning rate over the run: linear warm-up, then half a cosine down to a tenth.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// What of the highest learning rate the last step still has.
const FLOOR: f64 = 0.1;

/// A run's learning rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The highest learning rate.
    pub lr: f64,
    /// Steps until it is reached.
    pub warmup: u64,
    /// Steps of the run.
    pub steps: u64,
}

impl Schedule {
    /// The learning rate of update number `step`, from 1.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        if step <= self.warmup {
            return self.lr * step as f64 / self.warmup as f64;
        }
        let after = (step - self.warmup) as f64;
        let done = after / (self.steps.saturating_sub(self.warmup)).max(1) as f64;
        let cosine = 0.5 * (1.0 + (PI * done.min(1.0)).cos());
        self.lr * (FLOOR + (1.0 - FLOOR) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_peaks_and_falls_to_a_tenth() {
        let schedule = Schedule {
            lr: 1.0,
            warmup: 10,
            steps: 110,
        };
        assert!((schedule.at(1) - 0.1).abs() < 1e-12);
        assert!((schedule.at(10) - 1.0).abs() < 1e-12);
        assert!((schedule.at(60) - 0.55).abs() < 1e-12);
        assert!((schedule.at(110) - 0.1).abs() < 1e-12);
        assert!((11..110).all(|s| schedule.at(s) > schedule.at(s + 1)));
    }

    #[test]
    fn a_run_without_warm_up_begins_near_the_top() {
        let schedule = Schedule {
            lr: 1.0,
            warmup: 0,
            steps: 1,
        };
        assert!((schedule.at(1) - 0.1).abs() < 1e-12);
    }
}
