//! The feed-forward layer as a choice of experts, forward and backward.
//!
//! The rows of an expert are gathered, so that its three products are dense ones, and what comes
//! out is added to the residual stream at the rows' places. A choice's weight is multiplied into
//! the activation before the last product: there it is as narrow as the layer is.

use anyhow::Result;

use super::{
    Experts, Model,
    arch::{Grad, Layer, Part},
    router::{Pull, Routing},
};
use crate::ops::Backend;

/// What the backward reads, beside the layer's normed input.
pub struct KeptExperts<T> {
    /// Who goes where.
    pub routing: Routing,
    /// Gates of the choices.
    gate: T,
    /// Ups of the choices.
    up: T,
}

impl<B: Backend> Model<B> {
    /// Adds the experts' output to the residual stream.
    pub(super) fn experts(
        backend: &B,
        w: Layer<'_, B::Buf>,
        experts: Experts,
        normed: &B::Buf,
        stream: &mut B::Buf,
    ) -> Result<KeptExperts<B::Buf>> {
        let scores = backend.linear(normed, w.get(Part::Router))?;
        let routing = Routing::choose(experts, &backend.download(&scores)?);
        let Routing { rows, groups, .. } = &routing;
        let x = backend.embed(normed, rows)?;
        let gate = backend.grouped_linear(&x, &*w.whole(backend, Part::Gate)?, groups)?;
        let up = backend.grouped_linear(&x, &*w.whole(backend, Part::Up)?, groups)?;
        drop(x);
        let mut act = backend.swiglu(&gate, &up)?;
        backend.scale_rows(&routing.weights, &mut act)?;
        let out = backend.grouped_linear(&act, &*w.whole(backend, Part::Down)?, groups)?;
        backend.embed_backward_add(rows, &out, stream)?;
        Ok(KeptExperts { routing, gate, up })
    }

    /// The gradient of the normed input, from that of the output (`d`).
    pub(super) fn experts_backward(
        backend: &B,
        w: Layer<'_, B::Buf>,
        kept: KeptExperts<B::Buf>,
        pull: Option<Pull<'_>>,
        (normed, d): (&B::Buf, &B::Buf),
        g: &mut Grad<'_, B::Buf>,
    ) -> Result<B::Buf> {
        let KeptExperts { routing, gate, up } = kept;
        let Routing {
            rows,
            groups,
            weights,
            ..
        } = &routing;
        let dout = backend.embed(d, rows)?;
        let (choices, width) = backend.shape(&gate);
        let mut dact = backend.zeros(choices, width)?;
        backend.grouped_dx_add(&dout, &*w.whole(backend, Part::Down)?, groups, &mut dact)?;
        // How much each choice's weight matters: the output it would add, against the gradient.
        let act = backend.swiglu(&gate, &up)?;
        let dweights = backend.row_dots(&dact, &act)?;
        drop(act);
        backend.scale_rows(weights, &mut dact)?;
        let [dgate, dup, mut act] = backend.swiglu_backward(gate, up, dact)?;
        let x = backend.embed(normed, rows)?;
        if let Some(dw) = g.get(Part::Down) {
            backend.scale_rows(weights, &mut act)?;
            backend.grouped_dw_add(&act, &dout, groups, dw)?;
        }
        drop((act, dout));
        let mut dx = backend.zeros(choices, backend.shape(&x).1)?;
        for (part, dy) in [(Part::Gate, &dgate), (Part::Up, &dup)] {
            if let Some(dw) = g.get(part) {
                backend.grouped_dw_add(&x, dy, groups, dw)?;
            }
            backend.grouped_dx_add(dy, &*w.whole(backend, part)?, groups, &mut dx)?;
        }
        let (tokens, hidden) = backend.shape(normed);
        let mut dnormed = backend.zeros(tokens, hidden)?;
        backend.embed_backward_add(rows, &dx, &mut dnormed)?;
        let dscores = routing.backward(&dweights, pull);
        let dscores = backend.upload(tokens, dscores.len() / tokens.max(1), &dscores)?;
        if let Some(dw) = g.get(Part::Router) {
            backend.linear_dw_add(normed, &dscores, dw)?;
        }
        backend.linear_dx_add(&dscores, w.get(Part::Router), &mut dnormed)?;
        Ok(dnormed)
    }
}
