//! One layer, forward and backward: attention and feed-forward with their norms, whatever parts
//! the architecture has.

use anyhow::Result;

use super::{
    Model,
    arch::{Grad, Layer, Part},
    experts::KeptExperts,
    router::{Pull, Routing},
};
use crate::ops::{Attended, Backend, Places};

/// What is the same for every layer of a batch.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Sequences.
    pub batch: usize,
    /// Tokens of each.
    pub seq: usize,
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
    feed: Feed<T>,
}

/// What the feed-forward layer keeps.
pub(super) enum Feed<T> {
    /// Gate, where there is one, and up.
    Dense(Option<T>, T),
    /// Those of the experts that were chosen.
    Experts(KeptExperts<T>),
}

impl<T> Kept<T> {
    /// Who went to which expert.
    pub(super) fn routing(&self) -> Option<&Routing> {
        match &self.feed {
            Feed::Dense(..) => None,
            Feed::Experts(kept) => Some(&kept.routing),
        }
    }
}

/// Where the gradients of a norm's own parameters go.
pub(super) enum NormGradients<'a, T> {
    /// That of the weight.
    Rms(&'a mut T),
    /// Those of the weight and the bias.
    Layer([&'a mut T; 2]),
    /// Nowhere: the weight is frozen.
    FrozenRms,
    /// Nowhere: weight and bias are frozen.
    FrozenLayer,
}

impl<'a, T> NormGradients<'a, T> {
    /// Those of a layer's norm.
    fn of(g: &'a mut Grad<'_, T>, parts: [Part; 2]) -> Self {
        let [weight, bias] = parts;
        match (g.row.index(bias).is_some(), g.values.is_some()) {
            (true, true) => g.pair(parts).map_or(Self::FrozenLayer, Self::Layer),
            (true, false) => Self::FrozenLayer,
            (false, _) => g.get(weight).map_or(Self::FrozenRms, Self::Rms),
        }
    }
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
    /// given, to those of the weight and the bias, and to `dx`.
    pub(super) fn norm_backward(
        backend: &B,
        [x, w, stats, dy]: [&B::Buf; 4],
        gradients: NormGradients<'_, B::Buf>,
        dx: &mut B::Buf,
    ) -> Result<()> {
        // A frozen norm's own gradients are a row each: they are made and dropped.
        let scratch = || backend.zeros(1, backend.shape(w).1);
        match gradients {
            NormGradients::Rms(dw) => backend.rms_norm_backward_add(x, w, stats, dy, dw, dx),
            NormGradients::Layer(dwb) => backend.layer_norm_backward_add(x, w, stats, dy, dwb, dx),
            NormGradients::FrozenRms => {
                backend.rms_norm_backward_add(x, w, stats, dy, &mut scratch()?, dx)
            }
            NormGradients::FrozenLayer => {
                let dwb = [&mut scratch()?, &mut scratch()?];
                backend.layer_norm_backward_add(x, w, stats, dy, dwb, dx)
            }
        }
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
            let (weight, bias) = PROJECTIONS[i];
            let x = Self::project(backend, w, (weight, Some(bias)), normed)?;
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
        Self::project_add(backend, w, (Part::O, Part::OBias), out, stream)
    }

    /// Adds the feed-forward layer's output to the residual stream.
    pub(super) fn feed_forward(
        &self,
        backend: &B,
        w: Layer<'_, B::Buf>,
        normed: &B::Buf,
        stream: &mut B::Buf,
    ) -> Result<Feed<B::Buf>> {
        if let Some(experts) = self.config.experts {
            let kept = Self::experts(backend, w, experts, normed, stream)?;
            return Ok(Feed::Experts(kept));
        }
        let up = Self::project(backend, w, (Part::Up, Some(Part::UpBias)), normed)?;
        let gate = match w.maybe(Part::Gate) {
            Some(_) => Some(Self::project(backend, w, (Part::Gate, None), normed)?),
            None => None,
        };
        let act = match &gate {
            Some(gate) => backend.swiglu(gate, &up)?,
            None => backend.gelu(&up)?,
        };
        Self::project_add(backend, w, (Part::Down, Part::DownBias), &act, stream)?;
        Ok(Feed::Dense(gate, up))
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
        let shape = self.config.attention(layer, run.batch, run.seq);
        let attended = backend.attention(q, k, v, shape, run.places)?;
        let mut middle = backend.copy(x)?;
        Self::attention_out(backend, w, &attended.out, &mut middle)?;
        let (weight, bias) = (w.get(Part::PostNorm), w.maybe(Part::PostNormBias));
        let (post_normed, post_stats) = self.norm(backend, &middle, weight, bias)?;
        let mut y = backend.copy(&middle)?;
        let feed = self.feed_forward(backend, w, &post_normed, &mut y)?;
        let kept = Kept {
            normed,
            stats,
            unnormed,
            attended,
            middle,
            post_normed,
            post_stats,
            feed,
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
        pull: Option<Pull<'_>>,
        g: &mut Grad<'_, B::Buf>,
        d: &mut B::Buf,
    ) -> Result<()> {
        let w = self.layer_weights(layer);
        let dnormed = match kept.feed {
            Feed::Dense(gate, up) => {
                let copy = backend.for_products(d)?;
                let d = copy.as_ref().unwrap_or(d);
                Self::dense_backward(backend, w, (gate, up), (&kept.post_normed, d), g)?
            }
            Feed::Experts(experts) => {
                Self::experts_backward(backend, w, experts, pull, (&kept.post_normed, d), g)?
            }
        };
        let norm = [
            &kept.middle,
            w.get(Part::PostNorm),
            &kept.post_stats,
            &dnormed,
        ];
        let gradients = NormGradients::of(g, [Part::PostNorm, Part::PostNormBias]);
        Self::norm_backward(backend, norm, gradients, d)?;

        let copy = backend.for_products(d)?;
        let middle = copy.as_ref().unwrap_or(d);
        let dout = Self::project_dx(backend, w, Part::O, middle)?;
        let o = (Part::O, Some(Part::OBias));
        Self::project_dw(backend, w, o, (&kept.attended.out, middle), g)?;
        drop(copy);
        let shape = self.config.attention(layer, run.batch, run.seq);
        let mut dqkv = backend.attention_backward(&kept.attended, &dout, shape, run.places)?;
        for ((part, i), unnormed) in HEAD_NORMS.into_iter().zip(kept.unnormed) {
            let (Some(unnormed), Some(weight)) = (unnormed, w.maybe(part)) else {
                continue;
            };
            let gradient = match g.get(part) {
                Some(gradient) => NormGradients::Rms(gradient),
                None => NormGradients::FrozenRms,
            };
            Self::head_norm_backward(backend, unnormed, weight, gradient, &mut dqkv[i])?;
        }
        let mut dnormed = Self::project_dx(backend, w, PROJECTIONS[0].0, &dqkv[0])?;
        for (i, ((weight, bias), dy)) in PROJECTIONS.into_iter().zip(&dqkv).enumerate() {
            Self::project_dw(backend, w, (weight, Some(bias)), (&kept.normed, dy), g)?;
            if i > 0 {
                Self::project_dx_add(backend, w, weight, dy, &mut dnormed)?;
            }
        }
        let norm = [x, w.get(Part::InputNorm), &kept.stats, &dnormed];
        let gradients = NormGradients::of(g, [Part::InputNorm, Part::InputNormBias]);
        Self::norm_backward(backend, norm, gradients, d)
    }

    /// The gradient of the normed input of a dense feed-forward layer, from that of its output.
    fn dense_backward(
        backend: &B,
        w: Layer<'_, B::Buf>,
        (gate, up): (Option<B::Buf>, B::Buf),
        (normed, d): (&B::Buf, &B::Buf),
        g: &mut Grad<'_, B::Buf>,
    ) -> Result<B::Buf> {
        let dact = Self::project_dx(backend, w, Part::Down, d)?;
        let (dgate, dup, act) = if let Some(gate) = gate {
            let [dgate, dup, act] = backend.swiglu_backward(gate, up, dact)?;
            (Some(dgate), dup, act)
        } else {
            let [dup, act] = backend.gelu_backward(up, dact)?;
            (None, dup, act)
        };
        let down = (Part::Down, Some(Part::DownBias));
        Self::project_dw(backend, w, down, (&act, d), g)?;
        drop(act);
        Self::project_dw(
            backend,
            w,
            (Part::Up, Some(Part::UpBias)),
            (normed, &dup),
            g,
        )?;
        let mut dnormed = Self::project_dx(backend, w, Part::Up, &dup)?;
        if let Some(dgate) = dgate {
            Self::project_dw(backend, w, (Part::Gate, None), (normed, &dgate), g)?;
            Self::project_dx_add(backend, w, Part::Gate, &dgate, &mut dnormed)?;
        }
        Ok(dnormed)
    }

    /// Turns the gradient of normed queries or keys into that of the unnormed.
    fn head_norm_backward(
        backend: &B,
        (x, rstd): (B::Buf, B::Buf),
        weight: &B::Buf,
        gradient: NormGradients<'_, B::Buf>,
        d: &mut B::Buf,
    ) -> Result<()> {
        let (heads, dim) = backend.shape(&x);
        let (rows, cols) = backend.shape(d);
        let dy = backend.reshape(std::mem::replace(d, backend.zeros(0, 0)?), heads, dim)?;
        let mut dx = backend.zeros(heads, dim)?;
        Self::norm_backward(backend, [&x, weight, &rstd, &dy], gradient, &mut dx)?;
        *d = backend.reshape(dx, rows, cols)?;
        Ok(())
    }
}
