//! Generation's forward pass: one sequence, a cache of keys and values, logits of what is asked.

use anyhow::{Result, ensure};

use super::{Llama, layout::at};
use crate::ops::{Backend, Rope};

/// One sequence under way: the keys and values of its tokens so far.
pub struct Session<'m, B: Backend> {
    backend: &'m B,
    model: &'m Llama<B>,
    rope: Rope,
    /// Keys and values of each layer, `[capacity, kv_heads * head_dim]`.
    cache: Vec<(B::Buf, B::Buf)>,
    capacity: usize,
    past: usize,
}

/// Prompt tokens that go through the model at once: bounds the memory of a long prompt.
const CHUNK: usize = 512;

impl<'m, B: Backend> Session<'m, B> {
    /// A session for up to `capacity` tokens.
    ///
    /// # Errors
    /// When the device has no room for the cache.
    pub fn new(backend: &'m B, model: &'m Llama<B>, capacity: usize) -> Result<Self> {
        let width = model.config.kv_heads * model.config.head_dim;
        let zeros = || backend.zeros(capacity, width);
        Ok(Self {
            backend,
            model,
            rope: model.config.rope_table(capacity),
            cache: (0..model.config.layers)
                .map(|_| Ok((zeros()?, zeros()?)))
                .collect::<Result<_>>()?,
            capacity,
            past: 0,
        })
    }

    /// Appends tokens and returns the logits after the last of them.
    ///
    /// # Errors
    /// When there are no tokens, or more than the session has room for.
    pub fn push(&mut self, ids: &[u32]) -> Result<Vec<f32>> {
        ensure!(!ids.is_empty(), "no tokens to go on from");
        let mut last = None;
        for chunk in ids.chunks(CHUNK) {
            last = Some(self.hidden(chunk)?);
        }
        let Some(hidden) = last else {
            return Ok(Vec::new());
        };
        let rows = self.backend.shape(&hidden).0;
        let row = self.backend.rows(&hidden, rows - 1, rows)?;
        self.backend.download(&self.logits(&row)?)
    }

    /// Appends tokens and returns the logits after each of them, row by row.
    ///
    /// # Errors
    /// When there are more tokens than the session has room for.
    pub fn push_all(&mut self, ids: &[u32]) -> Result<Vec<f32>> {
        let mut all = Vec::new();
        for chunk in ids.chunks(CHUNK) {
            let hidden = self.hidden(chunk)?;
            all.extend(self.backend.download(&self.logits(&hidden)?)?);
        }
        Ok(all)
    }

    fn logits(&self, hidden: &B::Buf) -> Result<B::Buf> {
        let model = self.model;
        let norm = &model.weights[model.last_norm()];
        let (normed, _) = self
            .backend
            .rms_norm(hidden, norm, model.config.norm_eps as f32)?;
        self.backend.linear(&normed, &model.weights[model.head()])
    }

    fn hidden(&mut self, ids: &[u32]) -> Result<B::Buf> {
        let (backend, model) = (self.backend, self.model);
        ensure!(
            self.past + ids.len() <= self.capacity,
            "{} tokens do not fit a session for {}",
            self.past + ids.len(),
            self.capacity
        );
        let eps = model.config.norm_eps as f32;
        let shape = model.config.attention(1, ids.len());
        let mut x = backend.embed(&model.weights[0], ids)?;
        for (layer, cache) in self.cache.iter_mut().enumerate() {
            let w = model.layer_weights(layer);
            let (normed, _) = backend.rms_norm(&x, &w[at::INPUT_NORM], eps)?;
            let q = backend.linear(&normed, &w[at::Q])?;
            let k = backend.linear(&normed, &w[at::K])?;
            let v = backend.linear(&normed, &w[at::V])?;
            let out = backend.attention_cached(q, k, v, cache, self.past, shape, &self.rope)?;
            backend.linear_add(&out, &w[at::O], &mut x)?;
            let (normed, _) = backend.rms_norm(&x, &w[at::POST_NORM], eps)?;
            let gate = backend.linear(&normed, &w[at::GATE])?;
            let up = backend.linear(&normed, &w[at::UP])?;
            let act = backend.swiglu(&gate, &up)?;
            backend.linear_add(&act, &w[at::DOWN], &mut x)?;
        }
        self.past += ids.len();
        Ok(x)
    }
}
