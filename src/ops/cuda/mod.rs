//! The operations on an NVIDIA GPU: our own kernels between cuBLAS's products.
//!
//! The kernels are CUDA C++ in `kernels/`. They are compiled by NVRTC when a device is opened (about
//! a second), for the very card: a binary is not bound to a generation of cards, and building it
//! needs no more of the toolkit than candle does. The same source compiles as C++ with
//! `kernels/simulated.h`; the tests run it so, under the same code as on a card
//! ([`driver::Driver`] tells where the two part).
//!
//! Sums, weights, gradients of weights, moments and the residual stream are f32. With
//! [`Precision::Bf16`] what lies between products of 64 rows and more is bf16, and so are their
//! operands, which tensor cores multiply with f32 sums: a kernel takes a matrix of either type
//! ([`driver::Argument::Values`]), and what a product reads is cast where it is not bf16 yet.
//!
//! Deterministic: no atomics; sums are cut by sizes alone, so that a run on one card and one
//! version of cuBLAS gives the same bits each time. (cuBLAS promises that for calls on one stream;
//! this uses one.) Not the bits of the CPU, whose sums have other orders.

mod attention;
pub mod driver;
mod flash;
mod head;
mod matrix;
#[cfg(feature = "nccl")]
pub mod nccl;
mod norms;
#[cfg(feature = "cuda")]
pub mod nvidia;
mod places;
mod products;
mod quant;
#[cfg(test)]
pub(crate) mod simulated;
mod sums;
mod table;
#[cfg(test)]
mod tests;

use anyhow::{Result, ensure};

use super::{
    AdamStep, Attended, AttentionShape, Backend, Loss, Places, Precision, Rope, Slot, Span,
    Targets, Turns,
    quant::{Frozen, adam::EightSlot},
};
use attention::Turn;
use driver::{
    Argument::{Float, Long},
    Driver,
};
use matrix::Matrix;
use products::{Cast, Write};

/// Threads of a block, as `kernels/common.cuh` has it.
pub const THREADS: usize = 256;
/// Elements that a thread takes at once, as `kernels/common.cuh` has it.
pub const WIDTH: usize = 4;

/// The kernels as one source.
pub const SOURCE: &str = concat!(
    include_str!("kernels/common.cuh"),
    include_str!("kernels/norms.cu"),
    include_str!("kernels/activations.cu"),
    include_str!("kernels/rows.cu"),
    include_str!("kernels/attention.cu"),
    include_str!("kernels/warps.cu"),
    include_str!("kernels/flash.cu"),
    include_str!("kernels/head.cu"),
    include_str!("kernels/optimizer.cu"),
    include_str!("kernels/quant.cu"),
);

/// Every kernel of [`SOURCE`] that is launched.
pub const KERNELS: [&str; 41] = [
    "cast",
    "rms_norm",
    "rms_norm_backward",
    "rms_norm_weight",
    "layer_norm",
    "layer_norm_backward",
    "layer_norm_weight",
    "column_sums",
    "add_partials",
    "bias_add",
    "swiglu",
    "swiglu_backward",
    "gelu",
    "gelu_backward",
    "take_rows",
    "add_rows",
    "put_rows",
    "embed_backward",
    "rotate",
    "split_heads",
    "merge_heads",
    "softmax_f32",
    "softmax_bf16",
    "softmax_backward_f32",
    "softmax_backward_bf16",
    "flash_32",
    "flash_queries_32",
    "flash_keys_32",
    "flash_64",
    "flash_queries_64",
    "flash_keys_64",
    "flash_128",
    "flash_queries_128",
    "flash_keys_128",
    "cross_entropy_f32",
    "cross_entropy_bf16",
    "adamw",
    "average",
    "sum_squares",
    "adamw8",
    "unpack",
];

/// A GPU with the operations.
pub struct Gpu<D: Driver> {
    driver: D,
    precision: Precision,
    places: places::Cache<D::Memory>,
}

impl<D: Driver> Gpu<D> {
    /// The operations on a device, with products in `precision`.
    pub fn new(driver: D, precision: Precision) -> Self {
        Self {
            driver,
            precision,
            places: places::Cache::default(),
        }
    }

    /// The device.
    pub fn driver(&self) -> &D {
        &self.driver
    }
}

impl<D: Driver> Backend for Gpu<D> {
    type Buf = Matrix<D::Memory>;

    fn name(&self) -> String {
        let name = self.driver.name();
        match self.precision {
            Precision::F32 => name,
            Precision::Bf16 => format!("{name} (bf16)"),
        }
    }

    fn upload(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Self::Buf> {
        ensure!(
            values.len() == rows * cols,
            "expected {rows} x {cols} values, got {}",
            values.len()
        );
        let memory = self.put(values)?;
        Ok(Matrix {
            rows,
            cols,
            element: Precision::F32,
            memory,
        })
    }

    fn download(&self, buf: &Self::Buf) -> Result<Vec<f32>> {
        let values = self.cast(buf, Precision::F32)?;
        self.get(&values.matrix().memory, buf.len())
    }

    fn zeros(&self, rows: usize, cols: usize) -> Result<Self::Buf> {
        self.zeros_of(rows, cols)
    }

    fn reshape(&self, mut buf: Self::Buf, rows: usize, cols: usize) -> Result<Self::Buf> {
        ensure!(buf.len() == rows * cols, "the same values");
        (buf.rows, buf.cols) = (rows, cols);
        Ok(buf)
    }

    fn copy(&self, buf: &Self::Buf) -> Result<Self::Buf> {
        self.rows(buf, 0, buf.rows)
    }

    fn shape(&self, buf: &Self::Buf) -> (usize, usize) {
        (buf.rows, buf.cols)
    }

    fn embed(&self, table: &Self::Buf, ids: &[u32]) -> Result<Self::Buf> {
        let out = self.matrix_in(table.element, ids.len(), table.cols)?;
        self.rows_by_id("take_rows", table, ids, &out)?;
        Ok(out)
    }

    fn embed_add(&self, table: &Self::Buf, ids: &[u32], out: &mut Self::Buf) -> Result<()> {
        self.rows_by_id("add_rows", table, ids, out)
    }

    fn embed_backward_add(
        &self,
        ids: &[u32],
        dy: &Self::Buf,
        dtable: &mut Self::Buf,
    ) -> Result<()> {
        self.table_backward(ids, dy, dtable)
    }

    fn linear(&self, x: &Self::Buf, w: &Self::Buf) -> Result<Self::Buf> {
        let y = self.activations(x.rows, w.rows)?;
        self.abt(x, w, &y, Write::Set)?;
        Ok(y)
    }

    fn linear_add(&self, x: &Self::Buf, w: &Self::Buf, y: &mut Self::Buf) -> Result<()> {
        self.abt(x, w, y, Write::Add)
    }

    fn linear_dx(&self, dy: &Self::Buf, w: &Self::Buf) -> Result<Self::Buf> {
        let dx = self.activations(dy.rows, w.cols)?;
        self.ab(dy, w, &dx, Write::Set)?;
        Ok(dx)
    }

    fn linear_dx_add(&self, dy: &Self::Buf, w: &Self::Buf, dx: &mut Self::Buf) -> Result<()> {
        self.ab(dy, w, dx, Write::Add)
    }

    fn for_products(&self, buf: &Self::Buf) -> Result<Option<Self::Buf>> {
        match self.cast(buf, self.precision_of(buf.rows))? {
            Cast::Copy(copy) => Ok(Some(copy)),
            Cast::Same(_) => Ok(None),
        }
    }

    fn linear_dw_add(&self, x: &Self::Buf, dy: &Self::Buf, dw: &mut Self::Buf) -> Result<()> {
        self.atb_add(dy, x, dw)
    }

    fn bias_add(&self, bias: &Self::Buf, y: &mut Self::Buf) -> Result<()> {
        self.bias(bias, y)
    }

    fn bias_backward_add(&self, dy: &Self::Buf, dbias: &mut Self::Buf) -> Result<()> {
        self.bias_backward(dy, dbias)
    }

    fn layer_norm(
        &self,
        x: &Self::Buf,
        w: &Self::Buf,
        b: &Self::Buf,
        eps: f32,
    ) -> Result<(Self::Buf, Self::Buf)> {
        self.layer([x, w, b], eps).map(Into::into)
    }

    fn layer_norm_backward_add(
        &self,
        x: &Self::Buf,
        w: &Self::Buf,
        stats: &Self::Buf,
        dy: &Self::Buf,
        [dw, db]: [&mut Self::Buf; 2],
        dx: &mut Self::Buf,
    ) -> Result<()> {
        self.layer_backward([x, w, stats, dy], [dw, db], dx)
    }

    fn rms_norm(&self, x: &Self::Buf, w: &Self::Buf, eps: f32) -> Result<(Self::Buf, Self::Buf)> {
        self.rms(x, w, eps).map(Into::into)
    }

    fn rms_norm_backward_add(
        &self,
        x: &Self::Buf,
        w: &Self::Buf,
        rstd: &Self::Buf,
        dy: &Self::Buf,
        dw: &mut Self::Buf,
        dx: &mut Self::Buf,
    ) -> Result<()> {
        self.rms_backward([x, w, rstd, dy], dw, dx)
    }

    fn attention(
        &self,
        q: Self::Buf,
        k: Self::Buf,
        v: Self::Buf,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<Attended<Self::Buf>> {
        let kernels = self.flash_kernels(shape);
        let [mut q, mut k, v] = match kernels {
            Some(_) => [self.in_bf16(q)?, self.in_bf16(k)?, self.in_bf16(v)?],
            None => [q, k, v],
        };
        self.rotate(&mut q, places, shape.seq, 0, Turn::Forward)?;
        self.rotate(&mut k, places, shape.seq, 0, Turn::Forward)?;
        let [out, lse] = match kernels {
            Some(kernels) => self.flash(kernels, [&q, &k, &v], shape, places)?,
            None => self.attend([&q, &k, &v], shape, places)?,
        };
        Ok(Attended { q, k, v, out, lse })
    }

    fn attention_backward(
        &self,
        saved: &Attended<Self::Buf>,
        dout: &Self::Buf,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<[Self::Buf; 3]> {
        let [mut dq, mut dk, dv] = match self.flash_kernels(shape) {
            Some(kernels) => self.flash_backward(kernels, saved, dout, shape, places)?,
            None => self.attend_backward(saved, dout, shape, places)?,
        };
        self.rotate(&mut dq, places, shape.seq, 0, Turn::Back)?;
        self.rotate(&mut dk, places, shape.seq, 0, Turn::Back)?;
        Ok([dq, dk, dv])
    }

    fn attention_cached(
        &self,
        mut q: Self::Buf,
        mut k: Self::Buf,
        v: Self::Buf,
        cache: &mut (Self::Buf, Self::Buf),
        spans: &[Span],
        shape: AttentionShape,
        rope: Option<&Rope>,
    ) -> Result<Self::Buf> {
        let turns = Turns::of(spans);
        let places = Places {
            rope,
            starts: &turns.starts,
        };
        self.rotate(&mut q, places, 1, turns.latest, Turn::Forward)?;
        self.rotate(&mut k, places, 1, turns.latest, Turn::Forward)?;
        let mut row = 0;
        for span in spans {
            self.copy_rows(&k, row, &mut cache.0, span.at(), span.rows)?;
            self.copy_rows(&v, row, &mut cache.1, span.at(), span.rows)?;
            row += span.rows;
        }
        self.attend_cached(&q, [&cache.0, &cache.1], spans, shape)
    }

    fn swiglu(&self, gate: &Self::Buf, up: &Self::Buf) -> Result<Self::Buf> {
        let act = self.activations(gate.rows, gate.cols)?;
        let count = Long(act.len() as u64);
        let arguments = [self.at(gate), self.at(up), self.at(&act), count];
        self.run_over("swiglu", act.len(), &arguments)?;
        Ok(act)
    }

    fn swiglu_backward(
        &self,
        gate: Self::Buf,
        up: Self::Buf,
        dact: Self::Buf,
    ) -> Result<[Self::Buf; 3]> {
        let count = Long(gate.len() as u64);
        let arguments = [self.at(&gate), self.at(&up), self.at(&dact), count];
        self.run_over("swiglu_backward", gate.len(), &arguments)?;
        Ok([gate, up, dact])
    }

    fn gelu(&self, x: &Self::Buf) -> Result<Self::Buf> {
        let act = self.activations(x.rows, x.cols)?;
        let arguments = [self.at(x), self.at(&act), Long(x.len() as u64)];
        self.run_over("gelu", x.len(), &arguments)?;
        Ok(act)
    }

    fn gelu_backward(&self, x: Self::Buf, dact: Self::Buf) -> Result<[Self::Buf; 2]> {
        let arguments = [self.at(&x), self.at(&dact), Long(x.len() as u64)];
        self.run_over("gelu_backward", x.len(), &arguments)?;
        Ok([x, dact])
    }

    fn head_loss(
        &self,
        x: &Self::Buf,
        w: &Self::Buf,
        targets: Targets<'_>,
        dw: Option<&mut Self::Buf>,
    ) -> Result<Loss<Self::Buf>> {
        self.loss_of_head(x, w, targets, dw)
    }

    fn head_losses(&self, x: &Self::Buf, w: &Self::Buf, targets: Targets<'_>) -> Result<Vec<f64>> {
        self.losses_of_head(x, w, targets)
    }

    fn rows(&self, x: &Self::Buf, from: usize, to: usize) -> Result<Self::Buf> {
        let mut out = self.matrix_in(x.element, to - from, x.cols)?;
        self.copy_rows(x, from, &mut out, 0, to - from)?;
        Ok(out)
    }

    fn sum_squares(&self, buf: &Self::Buf) -> Result<f64> {
        Ok(self.squares([buf].into_iter())?[0])
    }

    fn sums_of_squares(&self, bufs: &[Self::Buf]) -> Result<Vec<f64>> {
        self.squares(bufs.iter())
    }

    fn average(&self, average: &mut Self::Buf, weights: &Self::Buf, keep: f32) -> Result<()> {
        let count = Long(average.len() as u64);
        let arguments = [self.at(average), self.at(weights), count, Float(keep)];
        self.run_over("average", average.len(), &arguments)
    }

    fn adamw(&self, slot: Slot<'_, Self::Buf>, step: AdamStep) -> Result<()> {
        let power = i32::try_from(step.step).unwrap_or(i32::MAX);
        let arguments = [
            self.at(slot.weight),
            self.at(slot.grad),
            self.at(slot.m),
            self.at(slot.v),
            Long(slot.weight.len() as u64),
            Float(step.lr),
            Float(step.beta1),
            Float(step.beta2),
            Float(step.eps),
            Float(1.0 - step.lr * step.weight_decay),
            Float(1.0 / (1.0 - step.beta1.powi(power))),
            Float(1.0 / (1.0 - step.beta2.powi(power))),
            Float(step.grad_scale),
        ];
        self.run_over("adamw", slot.weight.len(), &arguments)
    }

    fn adamw8(&self, slot: EightSlot<'_, Self::Buf>, step: AdamStep) -> Result<()> {
        self.adam_in_eight(&slot, step)
    }

    fn unpack(&self, w: &Frozen<Self::Buf>) -> Result<Self::Buf> {
        self.unpacked(w)
    }
}
