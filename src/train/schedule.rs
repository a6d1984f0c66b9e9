//! The learning rate over the run: linear warm-up, then the shape that was chosen.

use std::f64::consts::PI;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What the learning rate does after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Half a cosine down to the last rate.
    Cosine,
    /// Stays, and falls over the last steps as 1 - √x (warmup-stable-decay; Hägele et al. 2024,
    /// arXiv 2405.18392).
    Wsd,
    /// Falls linearly to the last rate.
    Linear,
    /// Stays.
    Constant,
}

/// A run's learning rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// What it does after the warm-up.
    #[serde(rename = "schedule")]
    pub shape: Shape,
    /// The highest learning rate.
    pub lr: f64,
    /// What of it the last step still has.
    pub final_share: f64,
    /// Steps until the highest is reached.
    pub warmup: u64,
    /// The last steps, over which `wsd` falls; the other shapes do not read it.
    pub decay: u64,
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
        let done = |from: u64| {
            let after = step.saturating_sub(from) as f64;
            (after / self.steps.saturating_sub(from).max(1) as f64).min(1.0)
        };
        let left = match self.shape {
            Shape::Cosine => 0.5 * (1.0 + (PI * done(self.warmup)).cos()),
            Shape::Linear => 1.0 - done(self.warmup),
            Shape::Wsd => {
                let stable = self.steps.saturating_sub(self.decay).max(self.warmup);
                1.0 - done(stable).sqrt()
            }
            Shape::Constant => 1.0,
        };
        self.lr * (self.final_share + (1.0 - self.final_share) * left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(shape: Shape, final_share: f64) -> Schedule {
        Schedule {
            shape,
            lr: 1.0,
            final_share,
            warmup: 10,
            decay: 20,
            steps: 110,
        }
    }

    #[test]
    fn every_shape_rises_to_the_top_and_ends_where_it_should() {
        let shapes = [Shape::Cosine, Shape::Wsd, Shape::Linear, Shape::Constant];
        let halfway = [0.55, 1.0, 0.55, 1.0];
        let last = [0.1, 0.1, 0.1, 1.0];
        for ((shape, halfway), last) in shapes.into_iter().zip(halfway).zip(last) {
            let schedule = schedule(shape, 0.1);
            let near = |step, want: f64| {
                let got = schedule.at(step);
                assert!((got - want).abs() < 1e-12, "{shape:?} at {step}: {got}");
            };
            near(1, 0.1);
            near(10, 1.0);
            near(60, halfway);
            near(110, last);
            assert!((11..110).all(|s| schedule.at(s) >= schedule.at(s + 1)));
        }
        let wsd = schedule(Shape::Wsd, 0.0);
        assert!((wsd.at(90) - 1.0).abs() < 1e-12);
        assert!(
            (wsd.at(95) - 0.5).abs() < 1e-12,
            "a quarter of the fall has halved it"
        );
        assert_eq!(wsd.at(110), 0.0);
    }

    #[test]
    fn a_run_without_warm_up_begins_near_the_top() {
        let schedule = Schedule {
            warmup: 0,
            steps: 1,
            ..schedule(Shape::Cosine, 0.1)
        };
        assert!((schedule.at(1) - 0.1).abs() < 1e-12);
    }
}
