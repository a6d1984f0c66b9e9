//! One training step: gradients of a batch in micro-batches, clipping, AdamW.

use anyhow::Result;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Loader, Options,
    loader::{Scale, Sequences},
    moments::{Keeping, Moments},
    objective::{Judge, Judgement},
    ranks::{self, Alone, Ranks},
};
use crate::{
    eval::Extent,
    model::{Keep, Model, ParamSpec, Spread},
    ops::{AdamStep, Backend, Rope},
};

/// A model in training: weights, gradients and moments.
pub struct Trainer<'a, B: Backend> {
    backend: &'a B,
    /// Who else trains the model.
    ranks: &'a dyn Ranks<B>,
    /// The model.
    pub model: Model<B>,
    gradients: Vec<B::Buf>,
    /// Moments, in the order of the parameters that learn.
    pub moments: Vec<Moments<B>>,
    /// The averaged weights, where the run keeps them.
    pub average: Option<Vec<B::Buf>>,
    rope: Option<Rope>,
    /// What judges pairs of answers, where these are learned from.
    pub judge: Option<Judge<B>>,
}

/// What one step did.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Mean loss over the counted targets, nats, or over pairs of answers; none when there were none.
    pub loss: Option<f64>,
    /// The gradient's norm before clipping.
    pub grad_norm: f64,
    /// The learning rate.
    pub lr: f64,
    /// Targets that the loss counted.
    pub counted: usize,
    /// How the step's tokens were spread over the experts, where there are some.
    pub spread: Option<Spread>,
    /// What became of the step's pairs of answers, where these are learned from.
    pub judgement: Option<Judgement>,
}

impl Step {
    /// Whether loss and gradient are numbers: else the run has diverged.
    pub fn is_finite(&self) -> bool {
        self.loss.is_none_or(f64::is_finite) && self.grad_norm.is_finite()
    }
}

impl<'a, B: Backend> Trainer<'a, B> {
    /// A trainer with zero moments; with `options.ema` the average begins as the weights.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(backend: &'a B, model: Model<B>, options: &Options) -> Result<Self> {
        let average = match options.ema {
            Some(_) => Some(
                model
                    .trained()
                    .iter()
                    .map(|weight| backend.copy(weight))
                    .collect::<Result<_>>()?,
            ),
            None => None,
        };
        Ok(Self {
            average,
            judge: Judge::new(backend, &model, &options.objective)?,
            backend,
            ranks: &Alone,
            gradients: model.zeros(backend)?,
            moments: model
                .trained_specs()
                .iter()
                .map(|spec| Moments::zeros(backend, spec, Keeping::of(options)))
                .collect::<Result<_>>()?,
            rope: model.config.rope_table(options.seq_len),
            model,
        })
    }

    /// The same, one of several ranks that train the model.
    #[must_use]
    pub fn among(self, ranks: &'a dyn Ranks<B>) -> Self {
        Self { ranks, ..self }
    }

    /// Makes the gradients of step number `step`, from 1, on these sequences, which are this rank's
    /// [`ranks::share`] of the step; [`Self::update`] or [`Self::forget`] has to follow.
    ///
    /// # Errors
    /// When a token is outside of the model's vocabulary, the device fails, or another rank does.
    pub fn gradients(&mut self, step: u64, options: &Options, data: &Sequences) -> Result<Step> {
        let mut of_all = [data.counted_targets() as f64, data.pieces.len() as f64];
        ranks::sum(self.ranks, &mut of_all)?;
        let [counted, pieces] = of_all.map(|number| number as usize);
        let share = ranks::share(options, self.ranks.rank(), self.ranks.count());
        let mut report = Step {
            loss: None,
            grad_norm: 0.0,
            lr: options.schedule.at(step),
            counted,
            spread: None,
            judgement: None,
        };
        if counted == 0 {
            // A batch of padding and prompts alone teaches nothing and changes nothing.
            return Ok(report);
        }
        let scale = Scale {
            rows: (1.0 / counted as f64) as f32,
            z_loss: options.z_loss.unwrap_or_default() as f32,
        };
        let keep = if options.recompute {
            Keep::Inputs
        } else {
            Keep::All
        };
        let mut total = 0.0;
        report.judgement = self.judge.as_ref().map(|_| Judgement::default());
        for first in (0..data.count()).step_by(options.micro_batch) {
            let end = data.count().min(first + options.micro_batch);
            if let Some(adapters) = &mut self.model.adapters {
                adapters.dropout_key = Some(dropout_key(options.seed, step, share.start + first));
            }
            let (backend, rope) = (self.backend, self.rope.as_ref());
            let (model, gradients) = (&mut self.model, &mut self.gradients);
            let loss = if let Some(judge) = &self.judge {
                let part = (data, first..end, scale);
                // Both sides of a pair are pieces.
                let (sum, loss) =
                    judge.gradients(backend, model, rope, part, pieces / 2, keep, gradients)?;
                *report.judgement.get_or_insert_default() += sum;
                loss
            } else {
                let batch = data.batch(first..end, scale);
                model.loss_and_gradients(backend, rope, batch, keep, gradients)?
            };
            total += loss.nats;
            if let Some(spread) = &loss.spread {
                report.spread.get_or_insert_default().add(spread);
            }
        }
        if let Some(adapters) = &mut self.model.adapters {
            adapters.dropout_key = None;
        }
        self.ranks
            .sum_gradients(self.backend, &mut self.gradients)?;
        self.sum_report(&mut report, &mut total)?;
        report.loss = match report.judgement.and_then(|sum| sum.means()) {
            Some(means) => Some(means.loss),
            None => Some(total / counted as f64),
        };
        report.grad_norm = self.gradient_norm()?;
        ranks::agree_on_step(self.ranks, &mut report)?;
        Ok(report)
    }

    /// Makes what a rank counted of its share what all ranks counted of the step.
    fn sum_report(&self, report: &mut Step, nats: &mut f64) -> Result<()> {
        let judged = report.judgement.iter().flat_map(Judgement::numbers);
        let mut sums: Vec<f64> = [*nats].into_iter().chain(judged).collect();
        let spread_from = sums.len();
        sums.extend(report.spread.iter().flat_map(Spread::numbers));
        ranks::sum(self.ranks, &mut sums)?;
        *nats = sums[0];
        if let Some(judgement) = &mut report.judgement {
            judgement.set_numbers(&sums[1..spread_from]);
        }
        if let Some(spread) = &mut report.spread {
            spread.set_numbers(&sums[spread_from..]);
        }
        Ok(())
    }

    /// What the model makes of the pairs of a split; nothing of a model that learns from none.
    ///
    /// # Errors
    /// When a token is outside of the model's vocabulary, or the device fails.
    pub fn judge(&mut self, data: &Loader<'_>, extent: Extent) -> Result<Judgement> {
        match &self.judge {
            Some(judge) => judge.measure(self.backend, &mut self.model, data, extent),
            None => Ok(Judgement::default()),
        }
    }

    /// Sets the gradients to zero: the step teaches nothing.
    ///
    /// # Errors
    /// When the device fails.
    pub fn forget(&mut self) -> Result<()> {
        // The old ones go first, so that there are never two of each.
        self.gradients.clear();
        self.gradients = self.model.zeros(self.backend)?;
        Ok(())
    }

    /// Exchanges the weights with their average, where there is one: before and after a use of it.
    pub fn swap_average(&mut self) {
        if let Some(average) = &mut self.average {
            std::mem::swap(average, self.model.trained_mut());
        }
    }

    fn gradient_norm(&self) -> Result<f64> {
        let squares = self.backend.sums_of_squares(&self.gradients)?;
        Ok(squares.iter().sum::<f64>().sqrt())
    }

    /// Updates weights, moments and average with the gradients of step number `step`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn update(&mut self, step: u64, options: &Options, report: &Step) -> Result<()> {
        if report.counted == 0 {
            return Ok(());
        }
        let grad_scale = match options.clip {
            Some(most) if report.grad_norm > most => most / report.grad_norm,
            _ => 1.0,
        };
        let decays: Vec<bool> = self
            .model
            .trained_specs()
            .iter()
            .map(ParamSpec::decays)
            .collect();
        let weights = self.model.trained_mut();
        for (i, decays) in decays.into_iter().enumerate() {
            let update = AdamStep {
                lr: report.lr as f32,
                beta1: options.beta1 as f32,
                beta2: options.beta2 as f32,
                eps: options.eps as f32,
                weight_decay: if decays {
                    options.weight_decay as f32
                } else {
                    0.0
                },
                grad_scale: grad_scale as f32,
                step,
            };
            let (weight, grad) = (&mut weights[i], &mut self.gradients[i]);
            self.moments[i].update(self.backend, weight, grad, update)?;
        }
        if let (Some(average), Some(keep)) = (&mut self.average, options.ema) {
            for (average, weight) in average.iter_mut().zip(self.model.trained()) {
                self.backend.average(average, weight, keep as f32)?;
            }
        }
        Ok(())
    }
}

/// What decides the inputs that adapters leave out in a micro-batch: the place in the run, so that a
/// resumed one leaves out the same.
fn dropout_key(seed: u64, step: u64, first: usize) -> u64 {
    xxh3_64_with_seed(&[step.to_le_bytes(), first.to_le_bytes()].concat(), seed)
}
