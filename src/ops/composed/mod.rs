//! The operations put together from candle's, with the same explicit backward: what the kernels are
//! tested against.
//!
//! It uses only candle's plain operations (matmul, broadcasting arithmetic, exp, sums, gather),
//! never its fused ones. Attention goes over blocks of query rows as the kernel does, so that no
//! seq × seq tensor is kept.

mod attention;

use anyhow::Result;
use candle_core::{D, DType, Device, Tensor};

use super::{AdamStep, Attended, AttentionShape, Backend, Loss, Places, Rope, Slot, Span, Targets};

/// Logits that are alive at once, in rows × vocabulary.
const CHUNK: usize = 1 << 26;

/// A candle device.
pub struct Composed {
    /// Where the tensors live.
    pub device: Device,
}

impl Composed {
    /// The operations on this device.
    pub fn new(device: Device) -> Self {
        Self { device }
    }
}

impl Backend for Composed {
    type Buf = Tensor;

    fn name(&self) -> String {
        match self.device.location() {
            candle_core::DeviceLocation::Cpu => "cpu (composed)".to_owned(),
            candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
            candle_core::DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
        }
    }

    fn upload(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Tensor> {
        Ok(Tensor::from_slice(values, (rows, cols), &self.device)?)
    }

    fn download(&self, buf: &Tensor) -> Result<Vec<f32>> {
        Ok(buf.flatten_all()?.to_vec1()?)
    }

    fn zeros(&self, rows: usize, cols: usize) -> Result<Tensor> {
        Ok(Tensor::zeros((rows, cols), DType::F32, &self.device)?)
    }

    fn reshape(&self, buf: Tensor, rows: usize, cols: usize) -> Result<Tensor> {
        Ok(buf.reshape((rows, cols))?)
    }

    fn copy(&self, buf: &Tensor) -> Result<Tensor> {
        // Nothing writes into a tensor's storage: a second handle is a copy.
        Ok(buf.clone())
    }

    fn shape(&self, buf: &Tensor) -> (usize, usize) {
        let dims = buf.dims();
        (dims[0], dims[1])
    }

    fn embed(&self, table: &Tensor, ids: &[u32]) -> Result<Tensor> {
        let ids = Tensor::from_slice(ids, ids.len(), &self.device)?;
        Ok(table.index_select(&ids, 0)?)
    }

    fn embed_add(&self, table: &Tensor, ids: &[u32], out: &mut Tensor) -> Result<()> {
        *out = (&*out + self.embed(table, ids)?)?;
        Ok(())
    }

    fn embed_backward_add(&self, ids: &[u32], dy: &Tensor, dtable: &mut Tensor) -> Result<()> {
        let ids = Tensor::from_slice(ids, ids.len(), &self.device)?;
        *dtable = dtable.index_add(&ids, dy, 0)?;
        Ok(())
    }

    fn linear(&self, x: &Tensor, w: &Tensor) -> Result<Tensor> {
        Ok(x.matmul(&w.t()?)?)
    }

    fn linear_add(&self, x: &Tensor, w: &Tensor, y: &mut Tensor) -> Result<()> {
        *y = (&*y + self.linear(x, w)?)?;
        Ok(())
    }

    fn linear_dx(&self, dy: &Tensor, w: &Tensor) -> Result<Tensor> {
        Ok(dy.matmul(w)?)
    }

    fn linear_dx_add(&self, dy: &Tensor, w: &Tensor, dx: &mut Tensor) -> Result<()> {
        *dx = (&*dx + dy.matmul(w)?)?;
        Ok(())
    }

    fn linear_dw_add(&self, x: &Tensor, dy: &Tensor, dw: &mut Tensor) -> Result<()> {
        *dw = (&*dw + dy.t()?.matmul(x)?)?;
        Ok(())
    }

    fn bias_add(&self, bias: &Tensor, y: &mut Tensor) -> Result<()> {
        *y = y.broadcast_add(bias)?;
        Ok(())
    }

    fn bias_backward_add(&self, dy: &Tensor, dbias: &mut Tensor) -> Result<()> {
        *dbias = (&*dbias + dy.sum_keepdim(0)?)?;
        Ok(())
    }

    fn layer_norm(&self, x: &Tensor, w: &Tensor, b: &Tensor, eps: f32) -> Result<(Tensor, Tensor)> {
        let mean = x.mean_keepdim(D::Minus1)?;
        let centred = x.broadcast_sub(&mean)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let rstd = (variance + f64::from(eps))?.sqrt()?.recip()?;
        let y = centred.broadcast_mul(&rstd)?.broadcast_mul(w)?;
        let stats = Tensor::cat(&[mean, rstd], 1)?.t()?.contiguous()?;
        Ok((y.broadcast_add(b)?, stats))
    }

    fn layer_norm_backward_add(
        &self,
        x: &Tensor,
        w: &Tensor,
        stats: &Tensor,
        dy: &Tensor,
        [dw, db]: [&mut Tensor; 2],
        dx: &mut Tensor,
    ) -> Result<()> {
        let stats = stats.t()?;
        let (mean, rstd) = (stats.narrow(1, 0, 1)?, stats.narrow(1, 1, 1)?);
        let normed = x.broadcast_sub(&mean)?.broadcast_mul(&rstd)?;
        *dw = (&*dw + (dy * &normed)?.sum_keepdim(0)?)?;
        *db = (&*db + dy.sum_keepdim(0)?)?;
        let dnormed = dy.broadcast_mul(w)?;
        let plain = dnormed.mean_keepdim(D::Minus1)?;
        let inner = (&dnormed * &normed)?.mean_keepdim(D::Minus1)?;
        let back = (dnormed.broadcast_sub(&plain)? - normed.broadcast_mul(&inner)?)?;
        *dx = (&*dx + back.broadcast_mul(&rstd)?)?;
        Ok(())
    }

    fn rms_norm(&self, x: &Tensor, w: &Tensor, eps: f32) -> Result<(Tensor, Tensor)> {
        let mean = x.sqr()?.mean_keepdim(D::Minus1)?;
        let rstd = (mean + f64::from(eps))?.sqrt()?.recip()?;
        let y = x.broadcast_mul(&rstd)?.broadcast_mul(w)?;
        Ok((y, rstd.t()?.contiguous()?))
    }

    fn rms_norm_backward_add(
        &self,
        x: &Tensor,
        w: &Tensor,
        rstd: &Tensor,
        dy: &Tensor,
        dw: &mut Tensor,
        dx: &mut Tensor,
    ) -> Result<()> {
        let rstd = rstd.t()?;
        let normed = x.broadcast_mul(&rstd)?;
        *dw = (&*dw + (dy * &normed)?.sum_keepdim(0)?)?;
        let dnormed = dy.broadcast_mul(w)?;
        let inner = (&dnormed * &normed)?.mean_keepdim(D::Minus1)?;
        let back = (dnormed - normed.broadcast_mul(&inner)?)?;
        *dx = (&*dx + back.broadcast_mul(&rstd)?)?;
        Ok(())
    }

    fn attention(
        &self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<Attended<Tensor>> {
        Ok(attention::forward(q, k, v, shape, places)?)
    }

    fn attention_backward(
        &self,
        saved: &Attended<Tensor>,
        dout: &Tensor,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<[Tensor; 3]> {
        Ok(attention::backward(saved, dout, shape, places)?)
    }

    fn attention_cached(
        &self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        cache: &mut (Tensor, Tensor),
        spans: &[Span],
        shape: AttentionShape,
        rope: Option<&Rope>,
    ) -> Result<Tensor> {
        Ok(attention::cached([q, k, v], cache, spans, shape, rope)?)
    }

    fn swiglu(&self, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
        Ok((gate * sigmoid(gate)? * up)?)
    }

    fn swiglu_backward(&self, gate: Tensor, up: Tensor, dact: Tensor) -> Result<[Tensor; 3]> {
        let sigmoid = sigmoid(&gate)?;
        let silu = (&gate * &sigmoid)?;
        let slope = (&sigmoid * ((&gate * (1.0 - &sigmoid)?)? + 1.0)?)?;
        let dgate = (&dact * &up * slope)?;
        let dup = (&dact * &silu)?;
        Ok([dgate, dup, (silu * up)?])
    }

    fn gelu(&self, x: &Tensor) -> Result<Tensor> {
        Ok((x * gelu_gate(x)?)?)
    }

    fn gelu_backward(&self, x: Tensor, dact: Tensor) -> Result<[Tensor; 2]> {
        let gate = gelu_gate(&x)?;
        let slope = ((x.sqr()? * (3.0 * GELU_CUBIC))? + 1.0)?;
        let bend = ((&x * &gate)? * (1.0 - &gate)?)?;
        let whole = (&gate + (bend * (slope * GELU_SLOPE)?)?)?;
        Ok([(dact * whole)?, (x * gate)?])
    }

    fn head_loss(
        &self,
        x: &Tensor,
        w: &Tensor,
        targets: Targets<'_>,
        dw: Option<&mut Tensor>,
    ) -> Result<Loss<Tensor>> {
        let with_dx = dw.is_some();
        self.chunked_loss(x, w, targets, dw, with_dx)
    }

    fn frozen_head_loss(
        &self,
        x: &Tensor,
        w: &Tensor,
        targets: Targets<'_>,
    ) -> Result<Loss<Tensor>> {
        self.chunked_loss(x, w, targets, None, true)
    }

    fn scale_rows(&self, factors: &[f32], x: &mut Tensor) -> Result<()> {
        let factors = Tensor::from_slice(factors, (factors.len(), 1), &self.device)?;
        *x = x.broadcast_mul(&factors)?;
        Ok(())
    }

    fn row_dots(&self, x: &Tensor, y: &Tensor) -> Result<Vec<f32>> {
        Ok((x * y)?.sum(1)?.to_vec1()?)
    }

    fn head_losses(&self, x: &Tensor, w: &Tensor, targets: Targets<'_>) -> Result<Vec<f64>> {
        let (rows, vocab) = (x.dim(0)?, w.dim(0)?);
        let chunk = (CHUNK / vocab).clamp(16, 8192);
        let mut nats = Vec::with_capacity(rows);
        for from in (0..rows).step_by(chunk) {
            let len = chunk.min(rows - from);
            let logits = self.linear(&x.narrow(0, from, len)?, w)?;
            let ids = Tensor::from_slice(&targets.ids[from..from + len], (len, 1), &self.device)?;
            let max = logits.max_keepdim(D::Minus1)?;
            let sum = logits.broadcast_sub(&max)?.exp()?.sum_keepdim(D::Minus1)?;
            let lost = ((sum.log()? + max)? - logits.gather(&ids, 1)?)?;
            let lost: Vec<f32> = lost.flatten_all()?.to_vec1()?;
            let counted = &targets.counted[from..from + len];
            let each = lost.iter().zip(counted);
            nats.extend(each.map(|(&l, &c)| if c { f64::from(l) } else { 0.0 }));
        }
        Ok(nats)
    }

    fn rows(&self, x: &Tensor, from: usize, to: usize) -> Result<Tensor> {
        Ok(x.narrow(0, from, to - from)?.contiguous()?)
    }

    fn sum_squares(&self, buf: &Tensor) -> Result<f64> {
        Ok(f64::from(buf.sqr()?.sum_all()?.to_scalar::<f32>()?))
    }

    fn average(&self, average: &mut Tensor, weights: &Tensor, keep: f32) -> Result<()> {
        *average = (weights + ((&*average - weights)? * f64::from(keep))?)?;
        Ok(())
    }

    fn adamw(&self, slot: Slot<'_, Tensor>, step: AdamStep) -> Result<()> {
        let AdamStep { beta1, beta2, .. } = step;
        let power = i32::try_from(step.step).unwrap_or(i32::MAX);
        let grad = (&*slot.grad * f64::from(step.grad_scale))?;
        let m = ((&*slot.m * f64::from(beta1))? + (&grad * f64::from(1.0 - beta1))?)?;
        let v = ((&*slot.v * f64::from(beta2))? + (grad.sqr()? * f64::from(1.0 - beta2))?)?;
        let m_hat = (&m / f64::from(1.0 - beta1.powi(power)))?;
        let root = ((&v / f64::from(1.0 - beta2.powi(power)))?.sqrt()? + f64::from(step.eps))?;
        let kept = (&*slot.weight * f64::from(1.0 - step.lr * step.weight_decay))?;
        *slot.weight = (kept - ((m_hat / root)? * f64::from(step.lr))?)?;
        *slot.grad = slot.grad.zeros_like()?;
        *slot.m = m;
        *slot.v = v;
        Ok(())
    }
}

impl Composed {
    /// The loss in row chunks, with the gradients that are asked for.
    fn chunked_loss(
        &self,
        x: &Tensor,
        w: &Tensor,
        targets: Targets<'_>,
        mut dw: Option<&mut Tensor>,
        with_dx: bool,
    ) -> Result<Loss<Tensor>> {
        let (rows, vocab) = (x.dim(0)?, w.dim(0)?);
        let chunk = (CHUNK / vocab).clamp(16, 8192);
        let (mut nats, mut squares) = (0.0, 0.0);
        let mut parts = Vec::new();
        for from in (0..rows).step_by(chunk) {
            let len = chunk.min(rows - from);
            let part = Targets {
                ids: &targets.ids[from..from + len],
                counted: &targets.counted[from..from + len],
                weights: targets.weights.get(from..from + len).unwrap_or(&[]),
                ..targets
            };
            let x = x.narrow(0, from, len)?;
            let (loss, dlogits) = self.chunk_loss(&x, w, part)?;
            nats += loss.0;
            squares += loss.1;
            if let Some(dw) = dw.as_deref_mut() {
                self.linear_dw_add(&x, &dlogits, dw)?;
            }
            if with_dx {
                parts.push(dlogits.matmul(w)?);
            }
        }
        let dx = if parts.is_empty() {
            None
        } else {
            Some(Tensor::cat(&parts, 0)?)
        };
        Ok(Loss { nats, squares, dx })
    }

    /// The sums of the losses and of the squared log-sum-exps, and the logits' gradient.
    fn chunk_loss(
        &self,
        x: &Tensor,
        w: &Tensor,
        targets: Targets<'_>,
    ) -> Result<((f64, f64), Tensor)> {
        let rows = targets.ids.len();
        let counted: Vec<f32> = targets.counted.iter().map(|&c| f32::from(c)).collect();
        let counted = Tensor::from_vec(counted, (rows, 1), &self.device)?;
        let ids = Tensor::from_slice(targets.ids, (rows, 1), &self.device)?;
        let logits = self.linear(x, w)?;
        let max = logits.max_keepdim(D::Minus1)?;
        let exponentials = logits.broadcast_sub(&max)?.exp()?;
        let sum = exponentials.sum_keepdim(D::Minus1)?;
        let lse = (sum.log()? + max)?;
        let sum_of = |x: Tensor| -> Result<f64> {
            let values: Vec<f32> = x.flatten_all()?.to_vec1()?;
            Ok(values.iter().map(|&v| f64::from(v)).sum())
        };
        let nats = sum_of(((&lse - logits.gather(&ids, 1)?)? * &counted)?)?;
        let squares = sum_of((lse.sqr()? * &counted)?)?;
        let scales: Vec<f32> = (0..rows).map(|row| targets.scale_of(row)).collect();
        let scale = (counted * Tensor::from_vec(scales, (rows, 1), &self.device)?)?;
        let p = exponentials.broadcast_div(&sum)?.broadcast_mul(&scale)?;
        let pull = ((lse * (2.0 * f64::from(targets.z_loss)))? + 1.0)?;
        let p = p.broadcast_mul(&pull)?;
        let dlogits = p.scatter_add(&ids, &scale.neg()?, 1)?;
        Ok(((nats, squares), dlogits))
    }
}

/// `2 √(2/π)`.
const GELU_SLOPE: f64 = 1.595_769_121_605_731;
const GELU_CUBIC: f64 = 0.044_715;

/// `(1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`, which is a logistic function.
fn gelu_gate(x: &Tensor) -> candle_core::Result<Tensor> {
    let inner = (x + ((x.sqr()? * x)? * GELU_CUBIC)?)?;
    sigmoid(&(inner * GELU_SLOPE)?)
}

fn sigmoid(x: &Tensor) -> candle_core::Result<Tensor> {
    (x.neg()?.exp()? + 1.0)?.recip()
}
