//! A linear layer of a model, forward and backward: the matrix, its bias, its adapter.
//!
//! With an adapter `y = x Wᵀ + b + s (drop(x) Aᵀ) Bᵀ` (LoRA, <https://arxiv.org/abs/2106.09685>). What
//! lies between A and B has as many columns as the adapter's rank, so that it is made again in the
//! backward rather than kept.

use anyhow::Result;

use super::{
    Model,
    arch::{Grad, Layer, Part},
};
use crate::ops::Backend;

impl<B: Backend> Model<B> {
    /// The layer's output.
    pub(super) fn project(
        backend: &B,
        w: Layer<'_, B::Buf>,
        (weight, bias): (Part, Option<Part>),
        x: &B::Buf,
    ) -> Result<B::Buf> {
        let mut y = match w.frozen(weight) {
            Some(frozen) => {
                let mut y = backend.zeros(backend.shape(x).0, frozen.rows)?;
                backend.frozen_linear_add(x, frozen, &mut y)?;
                y
            }
            None => backend.linear(x, w.get(weight))?,
        };
        if let Some(bias) = bias.and_then(|bias| w.maybe(bias)) {
            backend.bias_add(bias, &mut y)?;
        }
        Self::adapter_add(backend, w, weight, x, &mut y)?;
        Ok(y)
    }

    /// Adds the layer's output to `y`.
    pub(super) fn project_add(
        backend: &B,
        w: Layer<'_, B::Buf>,
        (weight, bias): (Part, Part),
        x: &B::Buf,
        y: &mut B::Buf,
    ) -> Result<()> {
        match w.frozen(weight) {
            Some(frozen) => backend.frozen_linear_add(x, frozen, y)?,
            None => backend.linear_add(x, w.get(weight), y)?,
        }
        if let Some(bias) = w.maybe(bias) {
            backend.bias_add(bias, y)?;
        }
        Self::adapter_add(backend, w, weight, x, y)
    }

    /// The gradient of the input.
    pub(super) fn project_dx(
        backend: &B,
        w: Layer<'_, B::Buf>,
        part: Part,
        dy: &B::Buf,
    ) -> Result<B::Buf> {
        let mut dx = match w.frozen(part) {
            Some(frozen) => {
                let mut dx = backend.zeros(backend.shape(dy).0, frozen.cols)?;
                backend.frozen_dx_add(dy, frozen, &mut dx)?;
                dx
            }
            None => backend.linear_dx(dy, w.get(part))?,
        };
        Self::adapter_dx_add(backend, w, part, dy, &mut dx)?;
        Ok(dx)
    }

    /// Adds the gradient of the input to `dx`.
    pub(super) fn project_dx_add(
        backend: &B,
        w: Layer<'_, B::Buf>,
        part: Part,
        dy: &B::Buf,
        dx: &mut B::Buf,
    ) -> Result<()> {
        match w.frozen(part) {
            Some(frozen) => backend.frozen_dx_add(dy, frozen, dx)?,
            None => backend.linear_dx_add(dy, w.get(part), dx)?,
        }
        Self::adapter_dx_add(backend, w, part, dy, dx)
    }

    /// Adds the gradients of what learns: matrix and bias, or the adapter.
    pub(super) fn project_dw(
        backend: &B,
        w: Layer<'_, B::Buf>,
        (weight, bias): (Part, Option<Part>),
        (x, dy): (&B::Buf, &B::Buf),
        g: &mut Grad<'_, B::Buf>,
    ) -> Result<()> {
        if let Some(dw) = g.get(weight) {
            backend.linear_dw_add(x, dy, dw)?;
        }
        if let Some(db) = bias.and_then(|bias| g.get(bias)) {
            backend.bias_backward_add(dy, db)?;
        }
        let Some(adapter) = w.adapter(weight) else {
            return Ok(());
        };
        let Some([da, db]) = g.adapter(weight) else {
            return Ok(());
        };
        let dropped = adapter.dropped(backend, x)?;
        let x = dropped.as_ref().unwrap_or(x);
        backend.linear_dw_add(&adapter.narrow(backend, x)?, dy, db)?;
        backend.linear_dw_add(x, &adapter.narrow_back(backend, dy)?, da)
    }

    /// Adds the adapter's output to `y`.
    fn adapter_add(
        backend: &B,
        w: Layer<'_, B::Buf>,
        part: Part,
        x: &B::Buf,
        y: &mut B::Buf,
    ) -> Result<()> {
        let Some(adapter) = w.adapter(part) else {
            return Ok(());
        };
        let dropped = adapter.dropped(backend, x)?;
        let narrow = adapter.narrow(backend, dropped.as_ref().unwrap_or(x))?;
        backend.linear_add(&narrow, adapter.b, y)
    }

    /// Adds what the adapter passes down to `dx`.
    fn adapter_dx_add(
        backend: &B,
        w: Layer<'_, B::Buf>,
        part: Part,
        dy: &B::Buf,
        dx: &mut B::Buf,
    ) -> Result<()> {
        let Some(adapter) = w.adapter(part) else {
            return Ok(());
        };
        let narrow = adapter.narrow_back(backend, dy)?;
        if !adapter.drops() {
            return backend.linear_dx_add(&narrow, adapter.a, dx);
        }
        let wide = backend.linear_dx(&narrow, adapter.a)?;
        let Some(wide) = adapter.dropped(backend, &wide)? else {
            return Ok(());
        };
        let rows: Vec<u32> = (0..backend.shape(dx).0 as u32).collect();
        backend.embed_backward_add(&rows, &wide, dx)
    }
}
