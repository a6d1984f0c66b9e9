//! Generation's forward pass: sequences under way with a cache of their keys and values, and the
//! logits of what is asked.

use anyhow::{Result, ensure};

use super::{Model, arch::Part, block::Projected};
use crate::ops::{Backend, Rope, Span, positions};

/// Several sequences under way, whose new tokens go through the model together: a matrix is read
/// once for all of them, which is what a new token costs.
pub struct Sequences<'m, B: Backend> {
    backend: &'m B,
    model: &'m Model<B>,
    rope: Option<Rope>,
    /// Keys and values of each layer, `[slots * capacity, kv_heads * head_dim]`.
    cache: Vec<(B::Buf, B::Buf)>,
    capacity: usize,
    /// Tokens of each sequence that the cache holds.
    past: Vec<usize>,
}

/// Prompt tokens that go through the model at once: bounds the memory of a long prompt.
const CHUNK: usize = 512;

impl<'m, B: Backend> Sequences<'m, B> {
    /// Room for `slots` sequences of up to `capacity` tokens each.
    ///
    /// # Errors
    /// When the device has no room for the cache.
    pub fn new(backend: &'m B, model: &'m Model<B>, slots: usize, capacity: usize) -> Result<Self> {
        let width = model.config.kv_heads * model.config.head_dim;
        let zeros = || backend.zeros(slots * capacity, width);
        Ok(Self {
            backend,
            model,
            rope: model.config.rope_table(capacity),
            cache: (0..model.config.layers)
                .map(|_| Ok((zeros()?, zeros()?)))
                .collect::<Result<_>>()?,
            capacity,
            past: vec![0; slots],
        })
    }

    /// Forgets all but the first `tokens` tokens of a sequence; more than there are change nothing.
    pub fn rewind(&mut self, slot: usize, tokens: usize) {
        self.past[slot] = self.past[slot].min(tokens);
    }

    /// Appends tokens to one sequence and returns the logits after the last of them.
    ///
    /// # Errors
    /// When there are no tokens, or more than there is room for.
    pub fn push(&mut self, slot: usize, ids: &[u32]) -> Result<Vec<f32>> {
        ensure!(!ids.is_empty(), "no tokens to go on from");
        let mut last = None;
        for chunk in ids.chunks(CHUNK) {
            last = Some(self.hidden(&[(slot, chunk)])?);
        }
        let Some(hidden) = last else {
            return Ok(Vec::new());
        };
        let rows = self.backend.shape(&hidden).0;
        let row = self.backend.rows(&hidden, rows - 1, rows)?;
        self.backend.download(&self.logits(&row)?)
    }

    /// Appends tokens to one sequence and returns the logits after each of them, row by row.
    ///
    /// # Errors
    /// When there are more tokens than there is room for.
    pub fn push_all(&mut self, slot: usize, ids: &[u32]) -> Result<Vec<f32>> {
        let mut all = Vec::new();
        for chunk in ids.chunks(CHUNK) {
            let hidden = self.hidden(&[(slot, chunk)])?;
            all.extend(self.backend.download(&self.logits(&hidden)?)?);
        }
        Ok(all)
    }

    /// Appends one token to each of some sequences (slot and token) and returns the logits after
    /// each, row by row.
    ///
    /// # Errors
    /// When a sequence has no room for another token.
    pub fn step(&mut self, tokens: &[(usize, u32)]) -> Result<Vec<f32>> {
        let tokens: Vec<(usize, &[u32])> = tokens
            .iter()
            .map(|(slot, token)| (*slot, std::slice::from_ref(token)))
            .collect();
        let hidden = self.hidden(&tokens)?;
        self.backend.download(&self.logits(&hidden)?)
    }

    fn logits(&self, hidden: &B::Buf) -> Result<B::Buf> {
        let model = self.model;
        let (normed, _) = model.normed(self.backend, hidden)?;
        self.backend.linear(&normed, model.head_weight())
    }

    /// Where the new tokens of each sequence go.
    fn spans(&self, tokens: &[(usize, &[u32])]) -> Result<Vec<Span>> {
        let span = |(slot, ids): &(usize, &[u32])| {
            let span = Span {
                first: slot * self.capacity,
                past: self.past[*slot],
                rows: ids.len(),
            };
            ensure!(
                span.past + span.rows <= self.capacity,
                "{} tokens do not fit a session for {}",
                span.past + span.rows,
                self.capacity
            );
            Ok(span)
        };
        tokens.iter().map(span).collect()
    }

    fn hidden(&mut self, tokens: &[(usize, &[u32])]) -> Result<B::Buf> {
        let (backend, model) = (self.backend, self.model);
        let spans = self.spans(tokens)?;
        let rope = self.rope.as_ref();
        let ids: Vec<u32> = tokens.iter().flat_map(|(_, ids)| *ids).copied().collect();
        let places: Vec<u32> = positions(&spans).collect();
        let mut x = model.embed(backend, &ids, &places)?;
        for (layer, cache) in self.cache.iter_mut().enumerate() {
            let w = model.layer_weights(layer);
            let (weight, bias) = (w.get(Part::InputNorm), w.maybe(Part::InputNormBias));
            let (normed, _) = model.norm(backend, &x, weight, bias)?;
            let Projected { qkv: [q, k, v], .. } = model.queries(backend, w, &normed)?;
            let shape = model.config.attention(layer, 1, ids.len());
            let out = backend.attention_cached(q, k, v, cache, &spans, shape, rope)?;
            Model::attention_out(backend, w, &out, &mut x)?;
            let (weight, bias) = (w.get(Part::PostNorm), w.maybe(Part::PostNormBias));
            let (normed, _) = model.norm(backend, &x, weight, bias)?;
            model.feed_forward(backend, w, &normed, &mut x)?;
        }
        for ((slot, _), span) in tokens.iter().zip(spans) {
            self.past[*slot] = span.past + span.rows;
        }
        Ok(x)
    }
}

/// One sequence under way.
pub struct Session<'m, B: Backend>(Sequences<'m, B>);

impl<'m, B: Backend> Session<'m, B> {
    /// A session for up to `capacity` tokens.
    ///
    /// # Errors
    /// When the device has no room for the cache.
    pub fn new(backend: &'m B, model: &'m Model<B>, capacity: usize) -> Result<Self> {
        Sequences::new(backend, model, 1, capacity).map(Self)
    }

    /// Forgets all but the first `tokens` tokens; more than there are change nothing.
    pub fn rewind(&mut self, tokens: usize) {
        self.0.rewind(0, tokens);
    }

    /// Appends tokens and returns the logits after the last of them.
    ///
    /// # Errors
    /// When there are no tokens, or more than the session has room for.
    pub fn push(&mut self, ids: &[u32]) -> Result<Vec<f32>> {
        self.0.push(0, ids)
    }

    /// Appends tokens and returns the logits after each of them, row by row.
    ///
    /// # Errors
    /// When there are more tokens than the session has room for.
    pub fn push_all(&mut self, ids: &[u32]) -> Result<Vec<f32>> {
        self.0.push_all(0, ids)
    }
}
