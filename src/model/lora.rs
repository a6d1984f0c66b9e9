//! Adapters of low rank beside frozen matrices (LoRA, <https://arxiv.org/abs/2106.09685>).
//!
//! A matrix `[out, in]` gets A `[rank, in]` and B `[out, rank]`, and computes `x Wᵀ + s drop(x) Aᵀ Bᵀ`
//! with `s = alpha / rank`. A starts uniform within `1 / sqrt(in)` and B at 0, as in PEFT, so that
//! training starts from the base model. Only adapters have gradients and moments: of an 8B model
//! with rank 16 in every matrix 42M parameters learn, 0.5 %.
//!
//! The head of a classifier is none of the base's and learns whole beside the adapters (PEFT's
//! `modules_to_save`); its values stand with theirs, behind them.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Config, Model,
    arch::{Architecture, Layer, Part, Stored},
    layout::{ParamSpec, Role, layout},
};
use crate::{ops::Backend, train::Random};

/// What adapters are like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lora {
    /// Rank of A and B.
    pub rank: usize,
    /// What they are scaled by, times the rank.
    pub alpha: f64,
    /// The share of the adapters' inputs that is left out in training.
    pub dropout: f64,
    /// The matrices that have some, by their names in Hugging Face's files.
    pub targets: Vec<String>,
}

/// What the names of PEFT's files begin with.
pub(super) const BASE: &str = "base_model.model.";

/// The matrices that can have adapters, with their names.
fn candidates(row: &Architecture) -> Vec<(Part, &'static str)> {
    let matrices = row.layer.iter().filter(|(part, name, stored)| {
        *stored == Stored::Own && name.ends_with(".weight") && !is_norm(*part)
    });
    let router = |part: Part| part == Part::Router;
    matrices
        .filter(|(part, ..)| !router(*part))
        .filter_map(|&(part, name, _)| Some((part, name.rsplit('.').nth(1)?)))
        .collect()
}

fn is_norm(part: Part) -> bool {
    matches!(
        part,
        Part::InputNorm | Part::PostNorm | Part::QNorm | Part::KNorm
    )
}

impl Lora {
    /// The names that `targets` may have, for this configuration.
    ///
    /// # Errors
    /// When no matrix of the architecture can have adapters.
    pub fn all_targets(config: &Config) -> Result<Vec<String>> {
        let row = config.arch.row();
        let names = candidates(row).into_iter();
        let names: Vec<String> = names.map(|(_, name)| name.to_owned()).collect();
        ensure!(
            !names.is_empty(),
            "{}: its files hold queries, keys and values in one transposed matrix, which adapters \
             cannot be put beside. gpt_neo has them apart",
            row.model_type
        );
        Ok(names)
    }

    /// The parts of a layer that have adapters, in the architecture's order.
    fn parts(&self, row: &Architecture) -> Vec<Part> {
        let mut parts = candidates(row);
        parts.retain(|(_, name)| self.targets.iter().any(|target| target == name));
        parts.into_iter().map(|(part, _)| part).collect()
    }

    /// Checks the numbers and the names.
    ///
    /// # Errors
    /// Names what does not fit, and what would.
    pub fn check(&self, config: &Config) -> Result<()> {
        let known = Self::all_targets(config)?;
        if let Some(name) = self.targets.iter().find(|name| !known.contains(name)) {
            bail!(
                "LoRA targets: expected some of {}, got {name}",
                known.join(", ")
            );
        }
        ensure!(!self.targets.is_empty(), "LoRA targets: there are none");
        ensure!(self.rank > 0, "LoRA rank: expected at least 1, got 0");
        ensure!(
            (0.0..1.0).contains(&self.dropout),
            "LoRA dropout: expected a share from 0 to below 1, got {}",
            self.dropout
        );
        Ok(())
    }

    /// What A and B together are multiplied by.
    #[must_use]
    pub fn scale(&self) -> f32 {
        (self.alpha / self.rank as f64) as f32
    }

    /// A and B of every adapted matrix, in order of the layers, and the head of labels where the model
    /// has one; named as in PEFT's files.
    #[must_use]
    pub fn layout(&self, config: &Config) -> Vec<ParamSpec> {
        let row = config.arch.row();
        let parts = self.parts(row);
        let all = layout(config);
        let of_layer = |layer: usize| {
            let parts = parts.iter().filter_map(|part| row.index(*part));
            parts.map(move |i| row.layer_start(layer) + i)
        };
        let head = config.labels.as_ref().and_then(|_| all.last());
        let head = head.map(|spec| ParamSpec {
            name: format!("{BASE}{}", spec.name),
            file_name: format!("{BASE}{}", spec.file_name),
            ..spec.clone()
        });
        let matrices = (0..config.layers).flat_map(of_layer).flat_map(|i| {
            let spec = &all[i];
            let module = spec.name.trim_end_matches(".weight");
            let matrix = |side: &str, rows, cols| {
                let name = format!("{BASE}{module}.lora_{side}.weight");
                ParamSpec {
                    file_name: name.clone(),
                    name,
                    rows,
                    cols,
                    role: Role::Matrix,
                    stored: Stored::Own,
                    tensors: 1,
                }
            };
            [
                matrix("A", self.rank, spec.cols),
                matrix("B", spec.rows, self.rank),
            ]
        });
        matrices.chain(head).collect()
    }
}

/// A model's adapters on a backend.
pub struct Adapters<B: Backend> {
    /// What they are like.
    pub lora: Lora,
    /// Names and shapes, in the order of `weights`.
    pub specs: Vec<ParamSpec>,
    /// A and B of each adapted matrix, and the head of labels.
    pub weights: Vec<B::Buf>,
    /// What decides the inputs that are left out now; none for leaving out nothing.
    pub dropout_key: Option<u64>,
    parts: Vec<Part>,
    /// Where among the weights the head of labels is, where the model has one; its gradient, too.
    pub(super) head_place: Option<usize>,
}

impl<B: Backend> Adapters<B> {
    /// Adapters whose values `values` gives.
    ///
    /// # Errors
    /// When the options do not fit the configuration, `values` fails or the device has no room.
    pub fn from_values(
        backend: &B,
        config: &Config,
        lora: Lora,
        mut values: impl FnMut(&ParamSpec) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        lora.check(config)?;
        let specs = lora.layout(config);
        let weights = specs
            .iter()
            .map(|spec| backend.upload(spec.rows, spec.cols, &values(spec)?))
            .collect::<Result<_>>()?;
        Ok(Self {
            parts: lora.parts(config.arch.row()),
            head_place: config.labels.as_ref().and(specs.len().checked_sub(1)),
            lora,
            specs,
            weights,
            dropout_key: None,
        })
    }

    /// Adapters that change nothing of a model yet; where it tells labels, with its head.
    ///
    /// # Errors
    /// As [`Self::from_values`].
    pub fn new(backend: &B, model: &Model<B>, lora: Lora, seed: u64) -> Result<Self> {
        let head = model.config.labels.as_ref().and(model.weights.last());
        Self::from_values(backend, &model.config, lora, |spec| match head {
            Some(head) if !spec.name.contains(".lora_") => backend.download(head),
            _ => Ok(first_values(spec, seed)),
        })
    }

    /// The head of labels, where the model has one.
    pub(super) fn head(&self) -> Option<&B::Buf> {
        self.weights.get(self.head_place?)
    }

    /// The parts of a layer that have some.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Where a layer's adapters stand.
    pub(super) fn range(&self, layer: usize) -> std::ops::Range<usize> {
        let each = 2 * self.parts.len();
        layer * each..(layer + 1) * each
    }

    pub(super) fn layer(&self, layer: usize) -> LayerAdapters<'_, B::Buf> {
        let key = self.dropout_key.filter(|_| self.lora.dropout > 0.0);
        LayerAdapters {
            parts: &self.parts,
            values: &self.weights[self.range(layer)],
            scale: self.lora.scale(),
            dropout: self.lora.dropout as f32,
            key: key.map(|key| xxh3_64_with_seed(&(layer as u64).to_le_bytes(), key)),
        }
    }

    /// Adds the adapters to the matrices, `W += s B A`, and puts the head of labels in its place.
    ///
    /// # Errors
    /// When the device fails.
    pub fn merge(mut self, backend: &B, model: &mut Model<B>) -> Result<()> {
        if self.head_place.is_some()
            && let (Some(own), Some(head)) = (model.weights.last_mut(), self.weights.pop())
        {
            *own = head;
        }
        let row = model.config.arch.row();
        for layer in 0..model.config.layers {
            let pairs = self.weights[self.range(layer)].chunks_exact(2);
            for (part, pair) in self.parts.iter().zip(pairs) {
                let Some(i) = row.index(*part) else { continue };
                let mut b = backend.copy(&pair[1])?;
                let rows = backend.shape(&b).0;
                backend.scale_rows(&vec![self.lora.scale(); rows], &mut b)?;
                let weight = &mut model.weights[row.layer_start(layer) + i];
                backend.linear_dx_add(&b, &pair[0], weight)?;
            }
        }
        Ok(())
    }
}

fn first_values(spec: &ParamSpec, seed: u64) -> Vec<f32> {
    if spec.name.ends_with("lora_B.weight") {
        return vec![0.0; spec.count()];
    }
    let bound = 1.0 / (spec.cols as f32).sqrt();
    let mut random = Random::new(xxh3_64_with_seed(spec.name.as_bytes(), seed));
    // 24 bits are what f32 holds.
    let share = |bits: u64| (bits >> 40) as f32 / (1 << 24) as f32;
    (0..spec.count())
        .map(|_| (2.0 * share(random.bits()) - 1.0) * bound)
        .collect()
}

/// The adapters of one layer.
pub struct LayerAdapters<'a, T> {
    parts: &'a [Part],
    values: &'a [T],
    scale: f32,
    dropout: f32,
    key: Option<u64>,
}

impl<T> Clone for LayerAdapters<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for LayerAdapters<'_, T> {}

/// The adapter of one matrix.
pub struct Adapter<'a, T> {
    /// `[rank, in]`.
    pub a: &'a T,
    /// `[out, rank]`.
    pub b: &'a T,
    scale: f32,
    dropout: f32,
    key: Option<u64>,
}

impl<'a, T> Layer<'a, T> {
    /// The adapter of a part, where it has one.
    pub(super) fn adapter(&self, part: Part) -> Option<Adapter<'a, T>> {
        let all = self.adapters?;
        let i = all.parts.iter().position(|own| *own == part)?;
        let key = all.key.map(|key| xxh3_64_with_seed(&[i as u8], key));
        Some(Adapter {
            a: &all.values[2 * i],
            b: &all.values[2 * i + 1],
            scale: all.scale,
            dropout: all.dropout,
            key,
        })
    }
}

impl<T> Adapter<'_, T> {
    /// Whether it leaves inputs out now.
    pub(super) fn drops(&self) -> bool {
        self.key.is_some()
    }

    /// The input without what is left out; none when nothing is.
    pub(super) fn dropped<B: Backend<Buf = T>>(&self, backend: &B, x: &T) -> Result<Option<T>> {
        let Some(key) = self.key else { return Ok(None) };
        backend.dropout(x, key, self.dropout).map(Some)
    }

    /// `s x Aᵀ`.
    pub(super) fn narrow<B: Backend<Buf = T>>(&self, backend: &B, x: &T) -> Result<T> {
        self.scaled(backend, backend.linear(x, self.a)?)
    }

    /// `s dy B`.
    pub(super) fn narrow_back<B: Backend<Buf = T>>(&self, backend: &B, dy: &T) -> Result<T> {
        self.scaled(backend, backend.linear_dx(dy, self.b)?)
    }

    fn scaled<B: Backend<Buf = T>>(&self, backend: &B, mut narrow: T) -> Result<T> {
        let rows = backend.shape(&narrow).0;
        backend.scale_rows(&vec![self.scale; rows], &mut narrow)?;
        Ok(narrow)
    }
}
