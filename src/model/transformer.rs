//! The forward pass with its loss, and the backward, layer by layer.
//!
//! Nothing records a tape: each layer keeps what its own backward needs ([`Kept`]), or with
//! [`Keep::Inputs`] only its input, and runs once more in the backward. At 15.7M parameters and
//! 2,048 tokens the former keeps 300 MB; the latter 25 MB for about a third more time.

use anyhow::{Result, ensure};

use super::{
    Model,
    block::{Kept, NormGradients, Run},
    router::{Pull, Spread},
};
use crate::ops::{Backend, Places, Rope, Targets};

/// Sums over the counted rows of a batch.
#[derive(Clone, Debug, Default)]
pub struct ModelLoss {
    /// The cross-entropy, nats.
    pub nats: f64,
    /// The sum of squared log-sum-exps, not yet times [`Targets::z_loss`].
    pub squares: f64,
    /// How the tokens were spread over the experts, where there are some.
    pub spread: Option<Spread>,
    /// The balance of the experts times its weight, once a counted row; 0 without experts.
    pub balance: f64,
}

/// What the forward pass keeps for the backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Everything a layer's backward reads.
    All,
    /// Each layer's input; the rest is computed again.
    Inputs,
}

/// Sequences of equal length with their targets.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// Sequences.
    pub batch: usize,
    /// Tokens of each.
    pub seq: usize,
    /// Input ids, `batch * seq`.
    pub ids: &'a [u32],
    /// Where in its sequence the document of each row begins ([`Places::starts`]); empty when
    /// each sequence is one document.
    pub starts: &'a [u32],
    /// What each position has to predict, and how it counts.
    pub targets: Targets<'a>,
}

impl Batch<'_> {
    /// The position of each row in its document.
    fn positions(&self, places: Places<'_>) -> Vec<u32> {
        (0..self.ids.len())
            .map(|row| (row % self.seq - places.start(row)) as u32)
            .collect()
    }

    /// Whether each row is of a document: one of which the loss counts nothing is padding.
    fn real(&self, places: Places<'_>) -> Vec<bool> {
        let mut real = vec![false; self.ids.len()];
        let mut first = 0;
        while first < real.len() {
            let start = places.start(first);
            let same =
                |row: &usize| row / self.seq == first / self.seq && places.start(*row) == start;
            let end = (first..real.len()).take_while(same).last().unwrap_or(first) + 1;
            let counts = self.targets.counted[first..end].contains(&true);
            real[first..end].fill(counts);
            first = end;
        }
        real
    }
}

/// From the loss of each row of a batch (nats) to what its gradient is multiplied by.
pub type Weigh<'a> = dyn FnMut(&[f64]) -> Vec<f32> + 'a;

impl<B: Backend> Model<B> {
    /// The tokens' rows with, where they are learned, their positions'.
    pub(super) fn embed(&self, backend: &B, ids: &[u32], positions: &[u32]) -> Result<B::Buf> {
        let mut x = backend.embed(&self.weights[0], ids)?;
        if self.config.arch.row().positions.is_some() {
            backend.embed_add(&self.weights[1], positions, &mut x)?;
        }
        Ok(x)
    }

    /// The last norm; the head reads what it makes.
    pub(super) fn normed(&self, backend: &B, x: &B::Buf) -> Result<(B::Buf, B::Buf)> {
        let (weight, bias) = self.last_norm_weights();
        self.norm(backend, x, weight, bias)
    }

    /// The spread of all layers, with its weight, in the loss.
    fn with_spread(
        &self,
        backend_loss: &crate::ops::Loss<B::Buf>,
        spread: Option<Spread>,
        targets: Targets<'_>,
    ) -> ModelLoss {
        let counted = targets.counted.iter().filter(|&&counted| counted).count() as f64;
        let weight = self.config.experts.map_or(0.0, |experts| experts.balance);
        ModelLoss {
            nats: backend_loss.nats,
            squares: backend_loss.squares,
            balance: spread
                .as_ref()
                .map_or(0.0, |spread| weight * counted * spread.balance()),
            spread,
        }
    }

    /// The summed loss over the counted targets; makes no gradients.
    ///
    /// # Errors
    /// When the batch does not have the sizes it says, or an id is outside of the vocabulary.
    pub fn loss(&self, backend: &B, rope: Option<&Rope>, batch: Batch<'_>) -> Result<ModelLoss> {
        let (last, spread) = self.last_hidden(backend, rope, &batch)?;
        let loss = backend.head_loss(&last, self.head_weight(), batch.targets, None)?;
        Ok(self.with_spread(&loss, spread, batch.targets))
    }

    /// The loss of each row, nats; 0 where it is not counted. Keeps nothing.
    ///
    /// # Errors
    /// As [`Self::loss`].
    pub fn row_losses(
        &self,
        backend: &B,
        rope: Option<&Rope>,
        batch: Batch<'_>,
    ) -> Result<Vec<f64>> {
        let (last, _) = self.last_hidden(backend, rope, &batch)?;
        backend.head_losses(&last, self.head_weight(), batch.targets)
    }

    /// The logits of the counted rows, one row after another.
    ///
    /// # Errors
    /// As [`Self::loss`].
    pub fn scores(&self, backend: &B, rope: Option<&Rope>, batch: Batch<'_>) -> Result<Vec<f32>> {
        let (last, _) = self.last_hidden(backend, rope, &batch)?;
        let rows = (0..batch.ids.len()).filter(|&row| batch.targets.counted[row]);
        let rows: Vec<u32> = rows.map(|row| row as u32).collect();
        // The rows of a table are what an embedding takes.
        let chosen = backend.embed(&last, &rows)?;
        backend.download(&backend.linear(&chosen, self.head_weight())?)
    }

    /// What the head makes logits of, and how the experts were used.
    fn last_hidden(
        &self,
        backend: &B,
        rope: Option<&Rope>,
        batch: &Batch<'_>,
    ) -> Result<(B::Buf, Option<Spread>)> {
        let run = self.run(batch, rope)?;
        let mut x = self.embed(backend, batch.ids, &batch.positions(run.places))?;
        let mut spread = self.config.experts.map(|_| Spread::default());
        let real = spread.as_ref().map(|_| batch.real(run.places));
        for layer in 0..self.config.layers {
            let (y, kept) = self.layer(backend, layer, &x, run)?;
            count(&mut spread, &kept, real.as_deref());
            x = y;
        }
        Ok((self.normed(backend, &x)?.0, spread))
    }

    /// The summed loss over the counted targets; adds to the gradient of every parameter that
    /// learns.
    ///
    /// # Errors
    /// As [`Self::loss`].
    pub fn loss_and_gradients(
        &self,
        backend: &B,
        rope: Option<&Rope>,
        batch: Batch<'_>,
        keep: Keep,
        gradients: &mut [B::Buf],
    ) -> Result<ModelLoss> {
        self.weighed_gradients(backend, rope, batch, keep, gradients, None)
    }

    /// As [`Self::loss_and_gradients`] of a loss that is no sum over rows: `weigh` says, once the rows'
    /// losses are known, what each row's gradient is multiplied by. It costs the product of the head
    /// once more.
    ///
    /// # Errors
    /// As [`Self::loss`].
    pub fn weighed_gradients(
        &self,
        backend: &B,
        rope: Option<&Rope>,
        batch: Batch<'_>,
        keep: Keep,
        gradients: &mut [B::Buf],
        weigh: Option<&mut Weigh<'_>>,
    ) -> Result<ModelLoss> {
        let run = self.run(&batch, rope)?;
        let row = self.config.arch.row();
        let positions = batch.positions(run.places);
        let mut x = self.embed(backend, batch.ids, &positions)?;
        let mut kept = Vec::with_capacity(self.config.layers);
        let mut spread = self.config.experts.map(|_| Spread::default());
        let real = spread.as_ref().map(|_| batch.real(run.places));
        for layer in 0..self.config.layers {
            let (y, saved) = self.layer(backend, layer, &x, run)?;
            count(&mut spread, &saved, real.as_deref());
            kept.push((x, (keep == Keep::All).then_some(saved)));
            x = y;
        }
        let learns = self.adapters.is_none();
        let (normed, stats) = self.normed(backend, &x)?;
        let weight = self.head_weight();
        let weights = match weigh {
            Some(weigh) => weigh(&backend.head_losses(&normed, weight, batch.targets)?),
            None => Vec::new(),
        };
        let targets = Targets {
            weights: &weights,
            ..batch.targets
        };
        let mut loss = match self.head_gradient() {
            Some(head) => {
                let dw = Some(&mut gradients[head]);
                backend.head_loss(&normed, weight, targets, dw)?
            }
            None => backend.frozen_head_loss(&normed, weight, targets)?,
        };
        drop(normed);
        let dx = loss.dx.take();
        let report = self.with_spread(&loss, spread, batch.targets);
        let Some(dnormed) = dx else {
            return Ok(report);
        };
        let slopes = self.balance_slopes(&report, batch.targets);
        let pull = slopes.as_deref().zip(real.as_deref());
        let pull = pull.map(|(slopes, real)| Pull { slopes, real });
        let (rows, cols) = backend.shape(&x);
        let mut dx = backend.zeros(rows, cols)?;
        let weight = self.last_norm_weights().0;
        let norm = [&x, weight, &stats, &dnormed];
        let at = self.last_norm();
        let of_norm = match (learns, row.last_norm_bias.is_some()) {
            (true, false) => NormGradients::Rms(&mut gradients[at]),
            (true, true) => NormGradients::Layer(gradients.get_disjoint_mut([at, at + 1])?),
            (false, false) => NormGradients::FrozenRms,
            (false, true) => NormGradients::FrozenLayer,
        };
        Self::norm_backward(backend, norm, of_norm, &mut dx)?;
        drop((x, stats, dnormed));
        for layer in (0..self.config.layers).rev() {
            let Some((x, saved)) = kept.pop() else { break };
            let saved: Kept<B::Buf> = match saved {
                Some(saved) => saved,
                None => self.layer(backend, layer, &x, run)?.1,
            };
            let mut grad = self.layer_gradients(layer, gradients);
            self.layer_backward(backend, layer, &x, saved, run, pull, &mut grad, &mut dx)?;
        }
        if learns {
            backend.embed_backward_add(batch.ids, &dx, &mut gradients[0])?;
            if row.positions.is_some() {
                backend.embed_backward_add(&positions, &dx, &mut gradients[1])?;
            }
        }
        Ok(report)
    }

    /// The gradient of each expert's probability by the balance; none where it has no weight.
    fn balance_slopes(&self, loss: &ModelLoss, targets: Targets<'_>) -> Option<Vec<f32>> {
        let weight = self.config.experts?.balance;
        let spread = loss.spread.as_ref().filter(|_| weight != 0.0)?;
        let counted = targets.counted.iter().filter(|&&counted| counted).count() as f64;
        let weight = weight * counted * f64::from(targets.scale);
        let slopes = spread.slopes().into_iter();
        Some(slopes.map(|slope| (weight * slope) as f32).collect())
    }

    /// The batch's shape and places, checked.
    fn run<'a>(&self, batch: &Batch<'a>, rope: Option<&'a Rope>) -> Result<Run<'a>> {
        let rows = batch.batch * batch.seq;
        ensure!(
            batch.ids.len() == rows
                && batch.targets.ids.len() == rows
                && batch.targets.counted.len() == rows
                && (batch.starts.is_empty() || batch.starts.len() == rows),
            "a batch of {} x {} tokens has {} ids and {} targets",
            batch.batch,
            batch.seq,
            batch.ids.len(),
            batch.targets.ids.len()
        );
        let places = Places {
            rope,
            starts: batch.starts,
        };
        let most = rope.map_or(self.config.max_positions, Rope::positions);
        // A sequence of several documents may be longer than the context of each.
        let longest = if batch.seq > most && !batch.starts.is_empty() {
            let last = batch.positions(places).into_iter().max();
            last.map_or(0, |last| last as usize + 1)
        } else {
            batch.seq
        };
        ensure!(
            longest <= most,
            "documents of {longest} tokens, but positions for {most}"
        );
        Ok(Run {
            batch: batch.batch,
            seq: batch.seq,
            places,
        })
    }
}

/// Counts the choices of a layer.
fn count<T>(spread: &mut Option<Spread>, kept: &Kept<T>, real: Option<&[bool]>) {
    if let (Some(spread), Some(routing), Some(real)) = (spread, kept.routing(), real) {
        spread.add_layer(routing, real);
    }
}
