//! A frozen model whose layers' matrices are stored in 4 or 8 bits: what adapters learn beside.
//!
//! The token table, the head, norms, biases and routers stay f32: they are small, or rounding them
//! shows most. Each matrix is rounded as soon as it is read, so that the model is never whole in f32.

use std::ops::Deref;

use anyhow::Result;

use super::{
    Config,
    arch::{Layer, Part},
    layout::{ParamSpec, layout},
};
use crate::ops::{
    Backend,
    quant::{Format, Frozen, Packed},
};

/// Whether a part is stored in fewer bits.
fn is_packed(part: Part) -> bool {
    matches!(
        part,
        Part::Q | Part::K | Part::V | Part::O | Part::Gate | Part::Up | Part::Down
    )
}

/// For each parameter whether it is stored in fewer bits, in the order of the layout.
pub fn packed(config: &Config) -> Vec<bool> {
    let row = config.arch.row();
    let mut all = vec![false; layout(config).len()];
    for layer in 0..config.layers {
        let own = &mut all[row.layer_start(layer)..][..row.layer.len()];
        for (is, (part, ..)) in own.iter_mut().zip(row.layer) {
            *is = is_packed(*part);
        }
    }
    all
}

/// Bytes of a model's weights, those of the layers' matrices in a format.
#[must_use]
pub fn frozen_bytes(config: &Config, format: Format) -> u64 {
    let specs = layout(config);
    let each = specs.iter().zip(packed(config)).map(|(spec, packed)| {
        if packed {
            format.bytes(spec.rows, spec.cols)
        } else {
            4 * spec.count()
        }
    });
    each.sum::<usize>() as u64
}

/// Rounds a parameter and puts it on the device.
pub(super) fn upload<B: Backend>(
    backend: &B,
    spec: &ParamSpec,
    format: Format,
    values: &[f32],
) -> Result<Frozen<B::Buf>> {
    let Packed { codes, scales, .. } = Packed::new(format, spec.rows, spec.cols, values);
    Ok(Frozen {
        format,
        rows: spec.rows,
        cols: spec.cols,
        codes: backend.upload(1, codes.len(), &codes)?,
        scales: backend.upload(1, scales.len(), &scales)?,
    })
}

/// A matrix as f32: as it is, or made for a while.
pub(super) enum Whole<'a, T> {
    /// The model's.
    There(&'a T),
    /// Out of fewer bits.
    Made(T),
}

impl<T> Deref for Whole<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::There(matrix) => matrix,
            Self::Made(matrix) => matrix,
        }
    }
}

impl<'a, T> Layer<'a, T> {
    /// The matrix of a part that is stored in fewer bits.
    pub(super) fn frozen(&self, part: Part) -> Option<&'a Frozen<T>> {
        let i = self.row.index(part)?;
        self.frozen.get(i)?.as_ref()
    }

    /// The matrix of a part, f32.
    pub(super) fn whole<B: Backend<Buf = T>>(
        &self,
        backend: &B,
        part: Part,
    ) -> Result<Whole<'a, T>> {
        Ok(match self.frozen(part) {
            Some(frozen) => Whole::Made(backend.unpack(frozen)?),
            None => Whole::There(self.get(part)),
        })
    }
}
