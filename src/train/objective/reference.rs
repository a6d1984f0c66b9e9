//! The frozen reference beside a model in training, and what both say of pairs.

use anyhow::Result;

use super::{
    Judgement, Objective, Preference, pairs,
    preference::{Pair, Rows},
};
use crate::{
    eval::Extent,
    model::{Batch, Keep, Model, ModelLoss},
    ops::{Backend, Rope},
    train::{Loader, Scale, Sequences},
};

/// What judges a model by pairs of answers.
pub struct Judge<B: Backend> {
    preference: Preference,
    /// The first weights; none where the model's adapters can be switched off.
    reference: Option<Model<B>>,
}

impl<B: Backend> Judge<B> {
    /// A judge of a model that is about to learn; none where the objective needs none.
    ///
    /// # Errors
    /// When the device has no room for a copy of the weights.
    pub fn new(backend: &B, model: &Model<B>, objective: &Objective) -> Result<Option<Self>> {
        let Objective::Preference(preference) = objective else {
            return Ok(None);
        };
        Ok(Some(Self {
            preference: *preference,
            reference: match model.adapters {
                Some(_) => None,
                None => Some(model.copy(backend)?),
            },
        }))
    }

    /// The loss of each row under the reference, nats.
    fn reference(
        &self,
        backend: &B,
        model: &mut Model<B>,
        rope: Option<&Rope>,
        batch: Batch<'_>,
    ) -> Result<Vec<f64>> {
        if let Some(reference) = &self.reference {
            return reference.row_losses(backend, rope, batch);
        }
        let adapters = model.adapters.take();
        let losses = model.row_losses(backend, rope, batch);
        model.adapters = adapters;
        losses
    }

    /// Adds the gradients of the mean loss over `of` pairs, of which `data` has those of a micro-batch.
    ///
    /// # Errors
    /// As [`Model::loss_and_gradients`].
    #[allow(clippy::too_many_arguments)]
    pub fn gradients(
        &self,
        backend: &B,
        model: &mut Model<B>,
        rope: Option<&Rope>,
        (data, sequences, scale): (&Sequences, std::ops::Range<usize>, Scale),
        of: usize,
        keep: Keep,
        gradients: &mut [B::Buf],
    ) -> Result<(Judgement, ModelLoss)> {
        let batch = data.batch(sequences.clone(), scale);
        let pairs = pairs::in_batch(data, sequences);
        let reference = self.reference(backend, model, rope, batch)?;
        // The weights carry the mean over pairs; the scale of tokens is that of the experts' balance.
        let factor = 1.0 / (of as f64 * f64::from(scale.rows));
        let mut judgement = Judgement::default();
        let mut weigh = |losses: &[f64]| {
            let rows = Rows {
                counted: batch.targets.counted,
                model: losses,
                reference: &reference,
            };
            let (sum, slopes) = self.preference.judge(&pairs, rows);
            judgement = sum;
            slopes
                .into_iter()
                .map(|slope| (factor * slope) as f32)
                .collect()
        };
        let loss =
            model.weighed_gradients(backend, rope, batch, keep, gradients, Some(&mut weigh))?;
        Ok((judgement, loss))
    }

    /// Judges the pairs of a split, or of as many sequences at even distances as `extent` allows.
    ///
    /// # Errors
    /// When a token is outside of the model's vocabulary, or the device fails.
    pub fn measure(
        &self,
        backend: &B,
        model: &mut Model<B>,
        data: &Loader<'_>,
        extent: Extent,
    ) -> Result<Judgement> {
        let rope = model.config.rope_table(data.seq());
        let mut sum = Judgement::default();
        for (gathered, count) in extent.portions(data) {
            let batch = gathered.batch(0..count, Scale::PLAIN);
            let pairs: Vec<Pair> = pairs::in_batch(&gathered, 0..count);
            let reference = self.reference(backend, model, rope.as_ref(), batch)?;
            let rows = Rows {
                counted: batch.targets.counted,
                model: &model.row_losses(backend, rope.as_ref(), batch)?,
                reference: &reference,
            };
            sum += self.preference.judge(&pairs, rows).0;
        }
        Ok(sum)
    }
}
