//! What a run measures of its model, on the way and at its end: the loss of the validation split by its
//! objective, and that of the other splits.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{
    Options, Trainer,
    metrics::Line,
    objective::{
        Preferred,
        classes::{self, Confusion},
    },
    run::Data,
};
use crate::{
    eval::{self, Breakdown, Extent, Groups, Means, Sums},
    ops::Backend,
};

/// What was measured; nothing where there is no validation split.
#[derive(Default)]
pub(super) struct Measured {
    /// The loss of the next token.
    pub val: Option<Sums>,
    /// The same by source and language, where that is known.
    pub by: Option<Breakdown>,
    /// What became of the pairs of answers, where these are learned from.
    pub preference: Option<Preferred>,
    /// What was told of the labels, where these are learned.
    pub classes: Option<Confusion>,
    /// The other splits by their names.
    pub sets: BTreeMap<String, Means>,
}

impl Measured {
    /// Writes what there is into a line.
    pub fn into_line(self, line: &mut Line) {
        line.val_preference = self.preference;
        line.val_classes = self.classes.and_then(|of| of.told());
        let means = self.val.and_then(|val| val.means());
        line.val_loss = (line.val_preference.map(|of| of.loss))
            .or(line.val_classes.map(|of| of.loss))
            .or(means.map(|of| of.loss));
        line.val_bits_per_byte = means.and_then(|of| of.bits_per_byte);
        if let Some(by) = self.by {
            line.val_by_source = Some(by.by_source);
            line.val_by_language = Some(by.by_language);
        }
        line.val_sets = (!self.sets.is_empty()).then_some(self.sets);
    }
}

/// Measures the model as it stands, of each split the whole or about so many tokens.
///
/// # Errors
/// When a token is outside of the model's vocabulary, or the device fails.
pub(super) fn measure<B: Backend>(
    backend: &B,
    trainer: &mut Trainer<'_, B>,
    data: &Data<'_>,
    options: &Options,
    tokens: Option<u64>,
) -> Result<Measured> {
    let extent = Extent {
        micro_batch: options.micro_batch,
        tokens,
    };
    // Portions have other sizes than steps: neither keeps memory beside the other.
    backend.release();
    let mut all = Measured::default();
    if let Some(val) = &data.val {
        if trainer.judge.is_some() {
            all.preference = trainer.judge(val, extent)?.means();
        } else if options.model.labels.is_some() {
            all.classes = Some(classes::measure(backend, &trainer.model, val, extent)?);
        } else {
            let groups = data.groups.as_ref();
            let mut account = groups.map(Groups::account).unwrap_or_default();
            let mut each = |position: u64, sums: Sums| {
                if let Some(groups) = groups {
                    account[groups.at(position).1] += sums;
                }
            };
            let (model, bytes) = (&trainer.model, data.token_bytes);
            let go_on = &mut |_| true;
            let sums = eval::measure(backend, model, val, bytes, extent, &mut each, go_on)?;
            all.val = Some(sums);
            all.by = groups.map(|groups| groups.breakdown(&account));
        }
    }
    all.sets = sets(backend, trainer, data, extent)?;
    backend.release();
    Ok(all)
}

/// Measures the named splits, one after another.
///
/// # Errors
/// As [`measure`].
pub(super) fn sets<B: Backend>(
    backend: &B,
    trainer: &Trainer<'_, B>,
    data: &Data<'_>,
    extent: Extent,
) -> Result<BTreeMap<String, Means>> {
    let (model, bytes) = (&trainer.model, data.token_bytes);
    let mut all = BTreeMap::new();
    for (name, set) in &data.val_sets {
        let (each, go_on) = (&mut |_, _| (), &mut |_| true);
        let sums = eval::measure(backend, model, set, bytes, extent, each, go_on)?;
        all.extend(sums.means().map(|means| (name.clone(), means)));
    }
    Ok(all)
}
