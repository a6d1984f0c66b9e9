//! One training step: gradients of a batch in micro-batches, clipping, AdamW.

use anyhow::Result;

use super::{Options, loader::Windows};
use crate::{
    model::{Batch, Keep, Llama},
    ops::{AdamStep, Backend, Rope, Slot},
};

/// A model in training: weights, gradients and moments.
pub struct Trainer<'a, B: Backend> {
    backend: &'a B,
    /// The model.
    pub model: Llama<B>,
    gradients: Vec<B::Buf>,
    /// First moments, in the order of the model's parameters.
    pub m: Vec<B::Buf>,
    /// Second moments.
    pub v: Vec<B::Buf>,
    rope: Rope,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Mean loss over the counted targets, nats; none when there were none.
    pub loss: Option<f64>,
    /// The gradient's norm before clipping.
    pub grad_norm: f64,
    /// The learning rate.
    pub lr: f64,
    /// Targets that the loss counted.
    pub counted: usize,
}

impl Step {
    /// Whether loss and gradient are numbers: else the run has diverged.
    pub fn is_finite(&self) -> bool {
        self.loss.is_none_or(f64::is_finite) && self.grad_norm.is_finite()
    }
}

impl<'a, B: Backend> Trainer<'a, B> {
    /// A trainer with zero moments.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(backend: &'a B, model: Llama<B>, seq: usize) -> Result<Self> {
        Ok(Self {
            backend,
            gradients: model.zeros(backend)?,
            m: model.zeros(backend)?,
            v: model.zeros(backend)?,
            rope: model.config.rope_table(seq),
            model,
        })
    }

    /// Step number `step`, from 1, on the samples that belong to it.
    ///
    /// A loss or a norm that is not finite is returned without an update.
    ///
    /// # Errors
    /// When a token is outside of the model's vocabulary, or the device fails.
    pub fn step(&mut self, step: u64, options: &Options, windows: &Windows<'_>) -> Result<Step> {
        let seq = windows.seq();
        let samples = options.sequences;
        let data = windows.samples((step - 1) * samples as u64, samples);
        let counted = data.counted_targets();
        let lr = options.schedule.at(step);
        let mut report = Step {
            loss: None,
            grad_norm: 0.0,
            lr,
            counted,
        };
        if counted == 0 {
            // A batch of padding and prompts alone teaches nothing and changes nothing.
            return Ok(report);
        }
        let scale = (1.0 / counted as f64) as f32;
        let keep = if options.recompute {
            Keep::Inputs
        } else {
            Keep::All
        };
        let mut total = 0.0;
        for first in (0..samples).step_by(options.micro_batch) {
            let count = options.micro_batch.min(samples - first);
            let (ids, targets) = data.part(first * seq..(first + count) * seq, scale);
            let batch = Batch {
                batch: count,
                seq,
                ids,
                targets,
            };
            let (model, gradients) = (&self.model, &mut self.gradients);
            total += model.loss_and_gradients(self.backend, &self.rope, batch, keep, gradients)?;
        }
        report.loss = Some(total / counted as f64);
        report.grad_norm = self.gradient_norm()?;
        if report.is_finite() {
            self.update(step, options, &report)?;
        }
        Ok(report)
    }

    fn gradient_norm(&self) -> Result<f64> {
        let mut squares = 0.0;
        for gradient in &self.gradients {
            squares += self.backend.sum_squares(gradient)?;
        }
        Ok(squares.sqrt())
    }

    fn update(&mut self, step: u64, options: &Options, report: &Step) -> Result<()> {
        let grad_scale = match options.clip {
            Some(most) if report.grad_norm > most => most / report.grad_norm,
            _ => 1.0,
        };
        for (i, spec) in self.model.specs.iter().enumerate() {
            let slot = Slot {
                weight: &mut self.model.weights[i],
                grad: &mut self.gradients[i],
                m: &mut self.m[i],
                v: &mut self.v[i],
            };
            let update = AdamStep {
                lr: report.lr as f32,
                beta1: options.beta1 as f32,
                beta2: options.beta2 as f32,
                eps: options.eps as f32,
                weight_decay: if spec.decays() {
                    options.weight_decay as f32
                } else {
                    0.0
                },
                grad_scale: grad_scale as f32,
                step,
            };
            self.backend.adamw(slot, update)?;
        }
        Ok(())
    }
}
