//! One layer, forward and backward: attention and feed-forward with their norms, whatever parts
//! the architecture has.

use anyhow::Result;

use super::{
    Model,
    arch::{Layer, Part},
};
use crate::ops::{Attended, AttentionShape, Backend, Places};

/// What is the same for every layer of a batch.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Sizes.
    pub shape: AttentionShape,
    /// Positions and borders of documents.
    pub places: Places<'a>,
}

/// Queries or keys before the norm of their heads, `[rows * heads, head_dim]`, and the norm's
/// reciprocal roots.
type Unnormed<T> = Option<(T, T)>;

/// Queries, keys and values of some rows.
pub struct Projected<T> {
    /// Queries, keys, values.
    pub qkv: [T; 3],
    unnormed: [Unnormed<T>; 2],
}

/// What one layer's backward reads, beside the layer's input.
pub struct Kept<T> {
    normed: T,
    stats: T,
    unnormed: [Unnormed<T>; 2],
    attended: Attended<T>,
    /// The residual stream between attention and feed-forward.
    middle: T,
    post_normed: T,
    post_stats: T,
    gate: Option<T>,
    up: T,
}

/// Norms of queries and of keys, with what they norm.
const HEAD_NORMS: [(Part, usize); 2] = [(Part::QNorm, 0), (Part::KNorm, 1)];
/// The projections that read the first norm, with their biases.
const PROJECTIONS: [(Part, Part); 3] = [
    (Part::Q, Part::QBias),
    (Part::K, Part::KBias),
    (Part::V, Part::VBias),
];

impl<B: Backend> Model<B> {
    /// The norm of rows, and what its backward needs.
    pub(super) fn norm(
        &self,
        backend: &B,
        x: &B::Buf,
        weight: &B::Buf,
        bias: Option<&B::Buf>,
    ) -> Result<(B::Buf, B::Buf)> {
        let eps = self.config.norm_eps as f32;
        match bias {
            Some(bias) => backend.layer_norm(x, weight, bias, eps),
            None => backend.rms_norm(x, weight, eps),
        }
    }

    /// Adds the gradients of a norm, whose input, weight, statistics and output's gradient are
    /// given, to those at `weight` and `bias` of `g`, and to `dx`.
    pub(super) fn norm_backward(
        backend: &B,
        [x, w, stats, dy]: [&B::Buf; 4],
        g: &mut [B::Buf],
        weight: usize,
        bias: Option<usize>,
        dx: &mut B::Buf,
    ) -> Result<()> {
        let Some(bias) = bias else {
            return backend.rms_norm_backward_add(x, w, stats, dy, &mut g[weight], dx);
        };
        let gradients = g.get_disjoint_mut([weight, bias])?;
        backend.layer_norm_backward_add(x, w, stats, dy, gradients, dx)
    }

    /// `x wᵀ + b`.
    fn project(
        backend: &B,
        w: Layer<'_, B::Buf>,
        (weight, bias): (Part, Part),
        x: &B::Buf,
    ) -> Result<B::Buf> {
        let mut y = backend.linear(x, w.get(weight))?;
        if let Some(bias) = w.maybe(bias) {
            backend.bias_add(bias, &mut y)?;
        }
        Ok(y)
    }

    /// Queries, keys and values, not yet rotated.
    pub(super) fn queries(
        &self,
        backend: &B,
        w: Layer<'_, B::Buf>,
        normed: &B::Buf,
    ) -> Result<Projected<B::Buf>> {
        let mut unnormed = [None, None];
        let mut make = |i: usize| -> Result<B::Buf> {
            let x = Self::project(backend, w, PROJECTIONS[i], normed)?;
            let norm = HEAD_NORMS.get(i).and_then(|(part, _)| w.maybe(*part));
            let Some(norm) = norm else { return Ok(x) };
            let (rows, cols) = backend.shape(&x);
            let dim = self.config.head_dim;
            let x = backend.reshape(x, rows * cols / dim, dim)?;
            let (y, rstd) = backend.rms_norm(&x, norm, self.config.norm_eps as f32)?;
            unnormed[i] = Some((x, rstd));
            backend.reshape(y, rows, cols)
        };
        let qkv = [make(0)?, make(1)?, make(2)?];
        Ok(Projected { qkv, unnormed })
    }

    /// Adds attention's output, projected, to the residual stream.
    pub(super) fn attention_out(
        backend: &B,
        w: Layer<'_, B::Buf>,
        out: &B::Buf,
        stream: &mut B::Buf,
    ) -> Result<()> {
        backend.linear_add(out, w.get(Part::O), stream)?;
        match w.maybe(Part::OBias) {
            Some(bias) => backend.bias_add(bias, stream),
            None => Ok(()),
        }
    }

    /// Adds the feed-forward layer's output to the residual stream; returns gate and up.
    pub(super) fn feed_forward(
        backend: &B,
        w: Layer<'_, B::Buf>,
        normed: &B::Buf,
        stream: &mut B::Buf,
    ) -> Result<(Option<B::Buf>, B::Buf)> {
        let up = Self::project(backend, w, (Part::Up, Part::UpBias), normed)?;
        let gate = match w.maybe(Part::Gate) {
            Some(gate) => Some(backend.linear(normed, gate)?),
            None => None,
        };
        let act = match &gate {
            Some(gate) => backend.swiglu(gate, &up)?,
            None => backend.gelu(&up)?,
        };
        backend.linear_add(&act, w.get(Part::Down), stream)?;
        if let Some(bias) = w.maybe(Part::DownBias) {
            backend.bias_add(bias, stream)?;
        }
        Ok((gate, up))
    }

    /// One layer: its output, and what its backward reads.
    pub(super) fn layer(
        &self,
        backend: &B,
        layer: usize,
        x: &B::Buf,
        run: Run<'_>,
    ) -> Result<(B::Buf, Kept<B::Buf>)> {
        let w = self.layer_weights(layer);
        let (weight, bias) = (w.get(Part::InputNorm), w.maybe(Part::InputNormBias));
        let (normed, stats) = self.norm(backend, x, weight, bias)?;
        let Projected {
            qkv: [q, k, v],
            unnormed,
        } = self.queries(backend, w, &normed)?;
        let attended = backend.attention(q, k, v, run.shape, run.places)?;
        let mut middle = backend.copy(x)?;
        Self::attention_out(backend, w, &attended.out, &mut middle)?;
        let (weight, bias) = (w.get(Part::PostNorm), w.maybe(Part::PostNormBias));
        let (post_normed, post_stats) = self.norm(backend, &middle, weight, bias)?;
        let mut y = backend.copy(&middle)?;
        let (gate, up) = Self::feed_forward(backend, w, &post_normed, &mut y)?;
        let kept = Kept {
            normed,
            stats,
            unnormed,
            attended,
            middle,
            post_normed,
            post_stats,
            gate,
            up,
        };
        Ok((y, kept))
    }

    /// Turns the gradient of a layer's output (`d`) into that of its input, in place.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn layer_backward(
        &self,
        backend: &B,
        layer: usize,
        x: &B::Buf,
        kept: Kept<B::Buf>,
        run: Run<'_>,
        g: &mut [B::Buf],
        d: &mut B::Buf,
    ) -> Result<()> {
        let w = self.layer_weights(layer);
        let at = |part: Part| w.row.index(part);
        let add_bias = |g: &mut [B::Buf], part: Part, dy: &B::Buf| match at(part) {
            Some(i) => backend.bias_backward_add(dy, &mut g[i]),
            None => Ok(()),
        };
        let add_weight = |g: &mut [B::Buf], part: Part, x: &B::Buf, dy: &B::Buf| match at(part) {
            Some(i) => backend.linear_dw_add(x, dy, &mut g[i]),
            None => Ok(()),
        };

        let dact = backend.linear_dx(d, w.get(Part::Down))?;
        add_bias(g, Part::DownBias, d)?;
        let (dgate, dup, act) = if let Some(gate) = kept.gate {
            let [dgate, dup, act] = backend.swiglu_backward(gate, kept.up, dact)?;
            (Some(dgate), dup, act)
        } else {
            let [dup, act] = backend.gelu_backward(kept.up, dact)?;
            (None, dup, act)
        };
        add_weight(g, Part::Down, &act, d)?;
        drop(act);
        add_weight(g, Part::Up, &kept.post_normed, &dup)?;
        add_bias(g, Part::UpBias, &dup)?;
        let mut dnormed = backend.linear_dx(&dup, w.get(Part::Up))?;
        if let (Some(dgate), Some(gate)) = (dgate, w.maybe(Part::Gate)) {
            add_weight(g, Part::Gate, &kept.post_normed, &dgate)?;
            backend.linear_dx_add(&dgate, gate, &mut dnormed)?;
        }
        drop(dup);
        let norm = [
            &kept.middle,
            w.get(Part::PostNorm),
            &kept.post_stats,
            &dnormed,
        ];
        let (weight, bias) = (Part::PostNorm, Part::PostNormBias);
        Self::norm_backward(
            backend,
            norm,
            g,
            at(weight).unwrap_or_default(),
            at(bias),
            d,
        )?;

        let dout = backend.linear_dx(d, w.get(Part::O))?;
        add_weight(g, Part::O, &kept.attended.out, d)?;
        add_bias(g, Part::OBias, d)?;
        let mut dqkv = backend.attention_backward(&kept.attended, &dout, run.shape, run.places)?;
        for ((part, i), unnormed) in HEAD_NORMS.into_iter().zip(kept.unnormed) {
            let (Some(unnormed), Some(at)) = (unnormed, at(part)) else {
                continue;
            };
            Self::head_norm_backward(backend, unnormed, &w.values[at], &mut g[at], &mut dqkv[i])?;
        }
        let (rows, cols) = backend.shape(d);
        let mut dnormed = backend.zeros(rows, cols)?;
        for ((weight, bias), dy) in PROJECTIONS.into_iter().zip(&dqkv) {
            add_weight(g, weight, &kept.normed, dy)?;
            add_bias(g, bias, dy)?;
            backend.linear_dx_add(dy, w.get(weight), &mut dnormed)?;
        }
        let norm = [x, w.get(Part::InputNorm), &kept.stats, &dnormed];
        let (weight, bias) = (Part::InputNorm, Part::InputNormBias);
        Self::norm_backward(
            backend,
            norm,
            g,
            at(weight).unwrap_or_default(),
            at(bias),
            d,
        )
    }

    /// Turns the gradient of normed queries or keys into that of the unnormed.
    fn head_norm_backward(
        backend: &B,
        (x, rstd): (B::Buf, B::Buf),
        weight: &B::Buf,
        gradient: &mut B::Buf,
        d: &mut B::Buf,
    ) -> Result<()> {
        let (heads, dim) = backend.shape(&x);
        let (rows, cols) = backend.shape(d);
        let dy = backend.reshape(std::mem::replace(d, backend.zeros(0, 0)?), heads, dim)?;
        let mut dx = backend.zeros(heads, dim)?;
        backend.rms_norm_backward_add(&x, weight, &rstd, &dy, gradient, &mut dx)?;
        *d = backend.reshape(dx, rows, cols)?;
        Ok(())
    }
}
