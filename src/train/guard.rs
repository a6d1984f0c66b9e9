//! Steps that would harm: losses that are no number, or far above what they were.
//!
//! Such a step changes no weight. When [`IN_A_ROW`] follow each other the weights themselves are
//! suspect: the run goes back to its last checkpoint and on with the data after those steps, as
//! `PaLM`'s did (Chowdhery et al. 2022, section 5.1). After [`MOST_ROLLBACKS`] the run has diverged.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Step;

/// Losses that a step is compared with.
const WINDOW: usize = 64;
/// With fewer losses than this nothing is called a spike.
const LEAST: usize = 32;
/// Bad steps in a row that lead back to a checkpoint.
const IN_A_ROW: u32 = 3;
/// How often a run goes back.
const MOST_ROLLBACKS: u32 = 3;

/// What a run remembers of its losses; part of its checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// The last losses, as the bits of f64: decimal digits might not come back the same.
    recent: VecDeque<u64>,
    /// Bad steps since the last good one.
    in_a_row: u32,
    /// Steps without an update, of the whole run.
    pub skipped: u64,
    /// Returns to a checkpoint, of the whole run.
    pub rollbacks: u32,
}

/// What to do with a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Update the weights.
    Learn,
    /// Leave it out, for this reason.
    Skip(String),
    /// Go back to the last checkpoint, for this reason.
    RollBack(String),
    /// Give up, for this reason.
    Diverged(String),
}

impl Guard {
    /// Judges a step before its update; `spike` is how many standard deviations above the mean of
    /// the last losses are too many.
    pub fn judge(&mut self, step: &Step, spike: Option<f64>) -> Verdict {
        let Some(reason) = self.fault(step, spike) else {
            self.in_a_row = 0;
            if let Some(loss) = step.loss {
                self.recent.push_back(loss.to_bits());
                if self.recent.len() > WINDOW {
                    self.recent.pop_front();
                }
            }
            return Verdict::Learn;
        };
        self.skipped += 1;
        self.in_a_row += 1;
        if self.in_a_row < IN_A_ROW {
            return Verdict::Skip(reason);
        }
        self.in_a_row = 0;
        self.rollbacks += 1;
        if self.rollbacks > MOST_ROLLBACKS {
            Verdict::Diverged(reason)
        } else {
            Verdict::RollBack(reason)
        }
    }

    /// Whether the last step was good, so that its weights may be saved.
    pub fn is_calm(&self) -> bool {
        self.in_a_row == 0
    }

    /// The memory of a checkpoint that the run went back to; what was counted since stays counted.
    pub fn back_to(&mut self, then: &Self) {
        self.recent.clone_from(&then.recent);
    }

    fn fault(&self, step: &Step, spike: Option<f64>) -> Option<String> {
        let loss = step.loss?;
        if !step.is_finite() {
            return Some(format!(
                "the loss is {loss} and the gradient's norm {}",
                step.grad_norm
            ));
        }
        let spike = spike?;
        if self.recent.len() < LEAST {
            return None;
        }
        let count = self.recent.len() as f64;
        let losses = || self.recent.iter().map(|&bits| f64::from_bits(bits));
        let mean = losses().sum::<f64>() / count;
        let variance = losses().map(|l| (l - mean).powi(2)).sum::<f64>() / count;
        let most = mean + spike * variance.sqrt();
        (loss > most)
            .then(|| format!("the loss is {loss:.3}, the last {count} were {mean:.3} on average"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(loss: f64) -> Step {
        Step {
            loss: Some(loss),
            grad_norm: 1.0,
            lr: 1.0,
            counted: 1,
            spread: None,
            judgement: None,
        }
    }

    #[test]
    fn spikes_are_skipped_and_a_row_of_them_goes_back() {
        let mut guard = Guard::default();
        let good = |i: u32| step(2.0 + 0.1 * f64::from(i % 3));
        assert_eq!(
            guard.judge(&step(50.0), Some(5.0)),
            Verdict::Learn,
            "too early to say"
        );
        let mut guard_at_40 = Guard::default();
        for i in 0..40 {
            assert_eq!(guard_at_40.judge(&good(i), Some(5.0)), Verdict::Learn);
        }
        guard = guard_at_40.clone();
        assert_eq!(guard.judge(&step(2.45), Some(5.0)), Verdict::Learn);
        assert_eq!(guard.clone().judge(&step(9.0), None), Verdict::Learn);
        for _ in 0..2 {
            assert!(matches!(
                guard.judge(&step(9.0), Some(5.0)),
                Verdict::Skip(_)
            ));
            assert!(!guard.is_calm());
        }
        assert_eq!(guard.judge(&good(1), Some(5.0)), Verdict::Learn);
        for round in 1..=4 {
            for _ in 0..2 {
                assert!(matches!(
                    guard.judge(&step(f64::NAN), None),
                    Verdict::Skip(_)
                ));
            }
            match guard.judge(&step(f64::NAN), None) {
                Verdict::RollBack(reason) => assert!(round < 4 && reason.contains("NaN")),
                other => assert!(
                    round == 4 && matches!(other, Verdict::Diverged(_)),
                    "{other:?}"
                ),
            }
            guard.back_to(&guard_at_40);
        }
        assert_eq!((guard.skipped, guard.rollbacks), (14, 4));
    }

    #[test]
    fn it_is_the_same_after_a_checkpoint() {
        let mut guard = Guard::default();
        for i in 0..70 {
            guard.judge(&step(1.0 / f64::from(i + 3)), Some(5.0));
        }
        let text = serde_json::to_string(&guard).unwrap();
        assert_eq!(serde_json::from_str::<Guard>(&text).unwrap(), guard);
    }
}
