//! A model's weights: where they come from, which of them learn, and where each part of it finds its own.

use anyhow::{Result, ensure};

use super::{
    Config,
    arch::{Grad, Layer},
    frozen::packed,
    init,
    layout::{ParamSpec, layout},
    lora::Adapters,
};
use crate::ops::{
    Backend,
    quant::{Format, Frozen},
};

/// A model's weights on a backend.
pub struct Model<B: Backend> {
    /// Sizes and constants.
    pub config: Config,
    /// Names and shapes, in the order of `weights`.
    pub specs: Vec<ParamSpec>,
    /// The master weights, f32; empty where [`Self::frozen`] has them.
    pub weights: Vec<B::Buf>,
    /// Frozen matrices in fewer bits, in the order of `weights`; no entries where all are f32.
    pub frozen: Vec<Option<Frozen<B::Buf>>>,
    /// Adapters beside them; with some, the weights are frozen.
    pub adapters: Option<Adapters<B>>,
}

impl<B: Backend> Model<B> {
    /// A model with random weights.
    ///
    /// # Errors
    /// When the sizes do not fit together, or the device has no room.
    pub fn random(backend: &B, config: Config, seed: u64) -> Result<Self> {
        Self::from_values(backend, config, |spec, config| {
            Ok(init::values(spec, config, seed))
        })
    }

    /// A model whose weights `values` gives, parameter by parameter.
    ///
    /// # Errors
    /// When the sizes do not fit together, `values` fails, or the device has no room.
    pub fn from_values(
        backend: &B,
        config: Config,
        values: impl FnMut(&ParamSpec, &Config) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        Self::from_values_in(backend, config, None, values)
    }

    /// The same, to be frozen, with the layers' matrices in a format of fewer bits.
    ///
    /// # Errors
    /// As [`Self::from_values`].
    pub fn from_values_in(
        backend: &B,
        config: Config,
        format: Option<Format>,
        mut values: impl FnMut(&ParamSpec, &Config) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        config.check()?;
        let specs = layout(&config);
        let (mut weights, mut frozen) = (Vec::new(), Vec::new());
        for (spec, packed) in specs.iter().zip(packed(&config)) {
            let values = values(spec, &config)?;
            if let Some(format) = format {
                let upload = || super::frozen::upload(backend, spec, format, &values);
                frozen.push(packed.then(upload).transpose()?);
            }
            weights.push(match frozen.last() {
                Some(Some(_)) => backend.zeros(0, 0)?,
                _ => backend.upload(spec.rows, spec.cols, &values)?,
            });
        }
        Ok(Self {
            config,
            specs,
            weights,
            frozen,
            adapters: None,
        })
    }

    /// The weights once more, without adapters.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn copy(&self, backend: &B) -> Result<Self> {
        ensure!(
            self.frozen.is_empty(),
            "a base in fewer bits is not copied: only its adapters learn"
        );
        let weights = self.weights.iter().map(|weight| backend.copy(weight));
        Ok(Self {
            config: self.config.clone(),
            specs: self.specs.clone(),
            weights: weights.collect::<Result<_>>()?,
            frozen: Vec::new(),
            adapters: None,
        })
    }

    /// The same layers with a head for labels, of random weights, in place of its own.
    ///
    /// # Errors
    /// When the device has no room, or there are not two labels.
    pub fn with_labels(self, backend: &B, labels: Vec<String>, seed: u64) -> Result<Self> {
        let config = Config {
            labels: Some(labels),
            tied: false,
            ..self.config
        };
        config.check()?;
        let specs = layout(&config);
        let (mut weights, mut frozen) = (self.weights, self.frozen);
        weights.truncate(specs.len() - 1);
        if !frozen.is_empty() {
            frozen.truncate(specs.len() - 1);
            frozen.push(None);
        }
        if let Some(head) = specs.last() {
            let values = init::values(head, &config, seed);
            weights.push(backend.upload(head.rows, head.cols, &values)?);
        }
        Ok(Self {
            config,
            specs,
            weights,
            frozen,
            adapters: self.adapters,
        })
    }

    /// Names and shapes of what learns: the adapters where there are some, else the weights.
    pub fn trained_specs(&self) -> &[ParamSpec] {
        match &self.adapters {
            Some(adapters) => &adapters.specs,
            None => &self.specs,
        }
    }

    /// The values of what learns.
    pub fn trained(&self) -> &[B::Buf] {
        match &self.adapters {
            Some(adapters) => &adapters.weights,
            None => &self.weights,
        }
    }

    /// The values of what learns, to be changed.
    pub fn trained_mut(&mut self) -> &mut Vec<B::Buf> {
        match &mut self.adapters {
            Some(adapters) => &mut adapters.weights,
            None => &mut self.weights,
        }
    }

    /// Zeros of the shape of every parameter that learns: gradients or moments.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn zeros(&self, backend: &B) -> Result<Vec<B::Buf>> {
        self.trained_specs()
            .iter()
            .map(|spec| backend.zeros(spec.rows, spec.cols))
            .collect()
    }

    /// The output head's parameter: the token table when tied.
    fn head(&self) -> usize {
        if self.config.tied {
            0
        } else {
            self.specs.len() - 1
        }
    }

    /// The output head: the adapters' own where labels are learned beside a frozen base.
    pub(super) fn head_weight(&self) -> &B::Buf {
        let own = self.adapters.as_ref().and_then(Adapters::head);
        own.unwrap_or_else(|| &self.weights[self.head()])
    }

    /// Where among the gradients that of the head is, where it learns.
    pub(super) fn head_gradient(&self) -> Option<usize> {
        match &self.adapters {
            Some(adapters) => adapters.head_place,
            None => Some(self.head()),
        }
    }

    /// The last norm's first parameter.
    pub(super) fn last_norm(&self) -> usize {
        self.config.arch.row().layer_start(self.config.layers)
    }

    /// The last norm's weight and bias.
    pub(super) fn last_norm_weights(&self) -> (&B::Buf, Option<&B::Buf>) {
        let at = self.last_norm();
        let bias = self.config.arch.row().last_norm_bias;
        (&self.weights[at], bias.map(|_| &self.weights[at + 1]))
    }

    pub(super) fn layer_weights(&self, layer: usize) -> Layer<'_, B::Buf> {
        let row = self.config.arch.row();
        Layer {
            row,
            values: &self.weights[row.layer_start(layer)..][..row.layer.len()],
            frozen: match &self.frozen[..] {
                [] => &[],
                all => &all[row.layer_start(layer)..][..row.layer.len()],
            },
            adapters: self.adapters.as_ref().map(|all| all.layer(layer)),
        }
    }

    /// Where a layer's gradients go.
    pub(super) fn layer_gradients<'a>(
        &'a self,
        layer: usize,
        all: &'a mut [B::Buf],
    ) -> Grad<'a, B::Buf> {
        let row = self.config.arch.row();
        match &self.adapters {
            Some(adapters) => Grad {
                row,
                values: None,
                adapters: Some((adapters.parts(), &mut all[adapters.range(layer)])),
            },
            None => Grad {
                row,
                values: Some(&mut all[row.layer_start(layer)..][..row.layer.len()]),
                adapters: None,
            },
        }
    }
}
