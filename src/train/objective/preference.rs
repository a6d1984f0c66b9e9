//! Losses of preferences: how much likelier than before the better of two answers becomes.
//!
//! With the log-probability of an answer under the model `p` and under the frozen reference `r`, its
//! reward is `beta (log p - log r)`, and the margin `h` of a pair is `(log p - log r)` of the chosen
//! answer without that of the rejected one:
//!
//! - DPO: `-log sigmoid(beta h)` (Rafailov et al. 2023, arXiv 2305.18290, equation 7). With a label
//!   smoothing `e`, the share of pairs that are told the wrong way round:
//!   `-(1 - e) log sigmoid(beta h) - e log sigmoid(-beta h)` (Mitchell 2023, "A note on DPO with noisy
//!   preferences and relationship to IPO", equation 3).
//! - IPO: `(h - 1 / (2 beta))²` (Azar et al. 2023, arXiv 2310.12036, equation 17, where beta is tau).
//!   It does not push a pair further than that.
//! - Length-normalised: the log-probability of an answer is its mean over the answer's tokens, so that
//!   a long answer is not likelier to be preferred, or to be pushed away, for its length (Lambert et
//!   al. 2024, Tülu 3, arXiv 2411.15124, equation 6; the same mean as in Meng et al. 2024, `SimPO`, arXiv
//!   2405.14734, which has no reference). Means are some hundred times smaller than sums: beta is
//!   usually 5 there, and 0.1 for sums.
//!
//! The gradient needs no tape: the loss of a pair depends on the model through `h` alone, so that of
//! each row of an answer is the slope by `h`, with the answer's sign, and divided by its length where
//! that counts. Sums are in f64.

use std::ops::{AddAssign, Range};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Which loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Formula {
    /// Rafailov et al. 2023.
    Dpo,
    /// Azar et al. 2023.
    Ipo,
}

/// What a run learns from pairs of answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preference {
    /// The loss.
    pub formula: Formula,
    /// How strongly the model is held to the reference; larger is closer.
    pub beta: f64,
    /// The share of pairs that are taken to be told the wrong way round, 0 to 0.5; DPO alone.
    pub label_smoothing: f64,
    /// Whether an answer's log-probability is the mean over its tokens.
    pub length_normalised: bool,
}

impl Preference {
    /// Checks that the options belong together.
    ///
    /// # Errors
    /// Names the flag that does not fit.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.beta > 0.0 && self.beta.is_finite(),
            "--beta: expected a number above 0, got {}",
            self.beta
        );
        ensure!(
            (0.0..0.5).contains(&self.label_smoothing),
            "--label-smoothing: expected a share from 0 to below 0.5, got {}; at 0.5 neither answer \
             is the better one",
            self.label_smoothing
        );
        ensure!(
            self.formula == Formula::Dpo || self.label_smoothing == 0.0,
            "--label-smoothing belongs to --objective dpo: the target of IPO is smooth already"
        );
        Ok(())
    }

    /// The loss of a pair of margin `h`, and its slope by `h`.
    #[must_use]
    pub fn loss(&self, h: f64) -> (f64, f64) {
        match self.formula {
            Formula::Dpo => {
                let (beta, smooth) = (self.beta, self.label_smoothing);
                let loss = (1.0 - smooth) * softplus(-beta * h) + smooth * softplus(beta * h);
                let slope = smooth * sigmoid(beta * h) - (1.0 - smooth) * sigmoid(-beta * h);
                (loss, beta * slope)
            }
            Formula::Ipo => {
                let apart = h - 0.5 / self.beta;
                (apart * apart, 2.0 * apart)
            }
        }
    }

    /// Judges the pairs of a batch by each row's loss (nats) under the model and the reference, and
    /// gives the slope of the pairs' summed losses by each row's loss: 0 for what is not counted.
    #[must_use]
    pub fn judge(&self, pairs: &[Pair], rows: Rows<'_>) -> (Judgement, Vec<f64>) {
        let mut sum = Judgement::default();
        let mut slopes = vec![0.0; rows.counted.len()];
        for pair in pairs {
            let [chosen, rejected] =
                [&pair.chosen, &pair.rejected].map(|range| Side::of(range, &rows));
            let part = |side: &Side| {
                if self.length_normalised {
                    1.0 / side.tokens.max(1) as f64
                } else {
                    1.0
                }
            };
            let gain = |side: &Side| part(side) * (side.log_prob - side.reference);
            let h = gain(&chosen) - gain(&rejected);
            let (loss, slope) = self.loss(h);
            sum += Judgement {
                pairs: 1,
                loss,
                correct: u64::from(h > 0.0),
                chosen_reward: self.beta * gain(&chosen),
                rejected_reward: self.beta * gain(&rejected),
                chosen_nats: -chosen.log_prob,
                chosen_tokens: chosen.tokens,
                likelier: u64::from(chosen.mean() > rejected.mean()),
                reference_likelier: u64::from(chosen.reference_mean() > rejected.reference_mean()),
            };
            // A row's loss is its log-probability with the other sign.
            for (range, side, sign) in [
                (&pair.chosen, &chosen, -1.0),
                (&pair.rejected, &rejected, 1.0),
            ] {
                for row in range.clone().filter(|&row| rows.counted[row]) {
                    slopes[row] = sign * part(side) * slope;
                }
            }
        }
        (sum, slopes)
    }
}

/// The rows of a batch in which the two sides of a pair are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Of the prompt with the chosen answer.
    pub chosen: Range<usize>,
    /// Of the prompt with the rejected answer.
    pub rejected: Range<usize>,
}

/// The rows of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Whether a row predicts a token of an answer.
    pub counted: &'a [bool],
    /// Each row's loss under the model, nats.
    pub model: &'a [f64],
    /// The same under the reference.
    pub reference: &'a [f64],
}

/// An answer's log-probabilities.
struct Side {
    log_prob: f64,
    reference: f64,
    tokens: u64,
}

impl Side {
    fn of(range: &Range<usize>, rows: &Rows<'_>) -> Self {
        let mut side = Self {
            log_prob: 0.0,
            reference: 0.0,
            tokens: 0,
        };
        for row in range.clone().filter(|&row| rows.counted[row]) {
            side.log_prob -= rows.model[row];
            side.reference -= rows.reference[row];
            side.tokens += 1;
        }
        side
    }

    fn mean(&self) -> f64 {
        self.log_prob / self.tokens.max(1) as f64
    }

    fn reference_mean(&self) -> f64 {
        self.reference / self.tokens.max(1) as f64
    }
}

/// Sums over pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judgement {
    /// Pairs.
    pub pairs: u64,
    /// Their losses.
    pub loss: f64,
    /// Pairs whose chosen answer has the larger reward.
    pub correct: u64,
    /// Rewards of the chosen answers.
    pub chosen_reward: f64,
    /// Rewards of the rejected answers.
    pub rejected_reward: f64,
    /// Losses of the tokens of the chosen answers, nats.
    pub chosen_nats: f64,
    /// These tokens.
    pub chosen_tokens: u64,
    /// Pairs whose chosen answer is likelier a token under the model.
    pub likelier: u64,
    /// The same under the reference.
    pub reference_likelier: u64,
}

impl AddAssign for Judgement {
    fn add_assign(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.loss += other.loss;
        self.correct += other.correct;
        self.chosen_reward += other.chosen_reward;
        self.rejected_reward += other.rejected_reward;
        self.chosen_nats += other.chosen_nats;
        self.chosen_tokens += other.chosen_tokens;
        self.likelier += other.likelier;
        self.reference_likelier += other.reference_likelier;
    }
}

/// Means over pairs, as metrics and reports have them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preferred {
    /// Pairs.
    pub pairs: u64,
    /// The loss of a pair.
    pub loss: f64,
    /// The share of pairs whose chosen answer has the larger reward: which became likelier by more than
    /// the rejected one, compared with the reference. A model that is the reference has 0.
    pub accuracy: f64,
    /// The chosen answer's reward without that of the rejected one.
    pub margin: f64,
    /// The chosen answer's reward, `beta (log p - log r)`.
    pub chosen_reward: f64,
    /// The rejected answer's reward.
    pub rejected_reward: f64,
    /// Loss of the chosen answers, nats a token: it grows where both answers become unlikelier.
    pub chosen_loss: f64,
    /// The share of pairs whose chosen answer is the likelier one a token, under the model.
    pub chosen_likelier: f64,
    /// The same under the reference: what it was before.
    pub reference_chosen_likelier: f64,
}

impl Judgement {
    /// The sums as numbers, in an order of their own: what ranks add.
    #[must_use]
    pub fn numbers(&self) -> [f64; 9] {
        [
            self.pairs as f64,
            self.loss,
            self.correct as f64,
            self.chosen_reward,
            self.rejected_reward,
            self.chosen_nats,
            self.chosen_tokens as f64,
            self.likelier as f64,
            self.reference_likelier as f64,
        ]
    }

    /// Takes the sums from [`Self::numbers`]; others than so many leave all as it was.
    pub fn set_numbers(&mut self, numbers: &[f64]) {
        let &[
            pairs,
            loss,
            correct,
            chosen_reward,
            rejected_reward,
            chosen_nats,
            chosen_tokens,
            likelier,
            reference_likelier,
        ] = numbers
        else {
            return;
        };
        *self = Self {
            pairs: pairs as u64,
            loss,
            correct: correct as u64,
            chosen_reward,
            rejected_reward,
            chosen_nats,
            chosen_tokens: chosen_tokens as u64,
            likelier: likelier as u64,
            reference_likelier: reference_likelier as u64,
        };
    }

    /// The means; `None` without pairs.
    #[must_use]
    pub fn means(&self) -> Option<Preferred> {
        let of = |sum: f64| sum / self.pairs as f64;
        (self.pairs > 0).then(|| Preferred {
            pairs: self.pairs,
            loss: of(self.loss),
            accuracy: of(self.correct as f64),
            margin: of(self.chosen_reward - self.rejected_reward),
            chosen_reward: of(self.chosen_reward),
            rejected_reward: of(self.rejected_reward),
            chosen_loss: self.chosen_nats / self.chosen_tokens.max(1) as f64,
            chosen_likelier: of(self.likelier as f64),
            reference_chosen_likelier: of(self.reference_likelier as f64),
        })
    }
}

/// `log(1 + e^x)`, without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DPO: Preference = Preference {
        formula: Formula::Dpo,
        beta: 0.5,
        label_smoothing: 0.0,
        length_normalised: false,
    };

    fn all() -> [Preference; 6] {
        let ipo = Preference {
            formula: Formula::Ipo,
            ..DPO
        };
        let smooth = Preference {
            label_smoothing: 0.2,
            ..DPO
        };
        let normalised = |preference: Preference| Preference {
            length_normalised: true,
            ..preference
        };
        [
            DPO,
            ipo,
            smooth,
            normalised(DPO),
            normalised(ipo),
            normalised(smooth),
        ]
    }

    #[test]
    fn losses_are_those_computed_by_hand() {
        let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-12, "{got}, not {want}");
        // -ln(1 / (1 + e^-1)) with beta h = 1.
        close(DPO.loss(2.0).0, (1.0 + (-1.0_f64).exp()).ln());
        close(DPO.loss(0.0).0, 2.0_f64.ln());
        close(DPO.loss(0.0).1, -0.25);
        let [_, ipo, smooth, ..] = all();
        // (2 - 1 / (2 * 0.5))² = 1, at h = 1 nothing is left to learn.
        close(ipo.loss(2.0).0, 1.0);
        assert_eq!(ipo.loss(1.0), (0.0, 0.0));
        let (a, b) = (DPO.loss(2.0).0, DPO.loss(-2.0).0);
        close(smooth.loss(2.0).0, 0.8 * a + 0.2 * b);
        // Far away nothing overflows, and the slope has its limits.
        assert_eq!(DPO.loss(1e6), (0.0, -0.0));
        assert_eq!(DPO.loss(-1e6), (5e5, -0.5));
    }

    #[test]
    fn slopes_of_rows_are_those_of_finite_differences() {
        let counted = [false, true, true, true, false, false, true, false];
        let model = [0.3, 1.2, 0.4, 2.0, 9.0, 0.1, 0.7, 3.0];
        let reference = [0.1, 1.0, 0.9, 1.5, 3.0, 0.2, 1.1, 8.0];
        let pairs = [Pair {
            chosen: 0..4,
            rejected: 4..8,
        }];
        for preference in all() {
            let rows = |model: &[f64]| {
                let rows = Rows {
                    counted: &counted,
                    model,
                    reference: &reference,
                };
                preference.judge(&pairs, rows)
            };
            let (_, slopes) = rows(&model);
            for row in 0..model.len() {
                let step = |by: f64| {
                    let mut moved = model;
                    moved[row] += by;
                    rows(&moved).0.loss
                };
                let want = (step(1e-6) - step(-1e-6)) / 2e-6;
                let got = slopes[row];
                assert!(
                    (got - want).abs() < 1e-7,
                    "{preference:?}, row {row}: {got} instead of {want}"
                );
                assert_eq!(got == 0.0, !counted[row]);
            }
        }
    }

    #[test]
    fn a_pair_is_judged_by_what_changed_since_the_reference() {
        let counted = [true, true, true];
        let pairs = [Pair {
            chosen: 0..2,
            rejected: 2..3,
        }];
        let judge = |preference: Preference, model: [f64; 3]| {
            let rows = Rows {
                counted: &counted,
                model: &model,
                reference: &[1.0, 2.0, 1.0],
            };
            preference.judge(&pairs, rows).0.means().unwrap()
        };
        let same = judge(DPO, [1.0, 2.0, 1.0]);
        assert_eq!((same.accuracy, same.margin), (0.0, 0.0));
        assert_eq!(
            (same.chosen_likelier, same.reference_chosen_likelier),
            (0.0, 0.0)
        );
        let better = judge(DPO, [0.5, 1.0, 2.0]);
        // Chosen: 3 nats before, 1.5 now; rejected 1 before, 2 now; times beta.
        assert_eq!((better.chosen_reward, better.rejected_reward), (0.75, -0.5));
        assert_eq!((better.accuracy, better.margin), (1.0, 1.25));
        assert_eq!((better.chosen_likelier, better.chosen_loss), (1.0, 0.75));
        let normalised = Preference {
            length_normalised: true,
            ..DPO
        };
        assert_eq!(judge(normalised, [0.5, 1.0, 2.0]).chosen_reward, 0.375);
    }

    #[test]
    fn options_that_do_not_fit_are_refused() {
        let wrong = |change: fn(&mut Preference)| {
            let mut preference = DPO;
            change(&mut preference);
            format!("{:#}", preference.check().unwrap_err())
        };
        assert!(wrong(|p| p.beta = 0.0).contains("--beta"));
        assert!(wrong(|p| p.label_smoothing = 0.5).contains("--label-smoothing"));
        let ipo = wrong(|p| (p.formula, p.label_smoothing) = (Formula::Ipo, 0.1));
        assert!(ipo.contains("--objective dpo"));
        for preference in all() {
            preference.check().unwrap();
        }
    }
}
