//! Generation's forward pass: one sequence, a cache of keys and values, logits of what is asked.

use anyhow::{Result, ensure};

use super::{Model, arch::Part, block::Projected};
use crate::ops::{Backend, Rope};

/// One sequence under way: the keys and values of its tokens so far.
pub struct Session<'m, B: Backend> {
    backend: &'m B,
    model: &'m Model<B>,
    rope: Option<Rope>,
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
    pub fn new(backend: &'m B, model: &'m Model<B>, capacity: usize) -> Result<Self> {
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

    /// Forgets all but the first `tokens` tokens; more than there are change nothing.
    pub fn rewind(&mut self, tokens: usize) {
        self.past = self.past.min(tokens);
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
        let (normed, _) = model.normed(self.backend, hidden)?;
        self.backend.linear(&normed, &model.weights[model.head()])
    }

    fn hidden(&mut self, ids: &[u32]) -> Result<B::Buf> {
        let (backend, model) = (self.backend, self.model);
        let end = self.past + ids.len();
        ensure!(
            end <= self.capacity,
            "{end} tokens do not fit a session for {}",
            self.capacity
        );
        let rope = self.rope.as_ref();
        let positions: Vec<u32> = (self.past as u32..end as u32).collect();
        let mut x = model.embed(backend, ids, &positions)?;
        for (layer, cache) in self.cache.iter_mut().enumerate() {
            let w = model.layer_weights(layer);
            let (weight, bias) = (w.get(Part::InputNorm), w.maybe(Part::InputNormBias));
            let (normed, _) = model.norm(backend, &x, weight, bias)?;
            let Projected { qkv: [q, k, v], .. } = model.queries(backend, w, &normed)?;
            let shape = model.config.attention(layer, 1, ids.len());
            let out = backend.attention_cached(q, k, v, cache, self.past, shape, rope)?;
            Model::attention_out(backend, w, &out, &mut x)?;
            let (weight, bias) = (w.get(Part::PostNorm), w.maybe(Part::PostNormBias));
            let (normed, _) = model.norm(backend, &x, weight, bias)?;
            model.feed_forward(backend, w, &normed, &mut x)?;
        }
        self.past = end;
        Ok(x)
    }
}
