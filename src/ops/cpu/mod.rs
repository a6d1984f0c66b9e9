//! The CPU kernels: plain slices, SIMD by runtime detection, threads by rayon.
//!
//! Work is split by sizes that depend on the shapes alone, and partial sums are added in a fixed
//! order: the bits do not depend on the number of threads. (They do depend on the processor: gemm
//! picks its blocks by cache size and its kernels by instruction set.)

mod adamw;
mod attention;
mod buf;
mod cached;
mod disjoint;
mod dropout;
mod embed;
mod frozen;
mod gelu;
mod gemm;
mod grouped;
mod head;
mod layer_norm;
mod rms_norm;
mod rotate;
mod simd;
mod swiglu;

use anyhow::Result;

pub use buf::CpuBuf;

use super::{
    AdamStep, Attended, AttentionShape, Backend, Loss, Places, Rope, Slot, Span, Targets, Turns,
    quant::{Frozen, adam::EightSlot},
};
use buf::Pool;

/// The CPU and its pool of buffers.
#[derive(Default)]
pub struct Cpu {
    pool: Pool,
}

impl Backend for Cpu {
    type Buf = CpuBuf;

    fn name(&self) -> String {
        "cpu".to_owned()
    }

    fn release(&self) {
        self.pool.clear();
    }

    fn upload(&self, rows: usize, cols: usize, values: &[f32]) -> Result<CpuBuf> {
        anyhow::ensure!(
            values.len() == rows * cols,
            "expected {rows} x {cols} values, got {}",
            values.len()
        );
        let mut buf = self.pool.take(rows, cols);
        buf.copy_from_slice(values);
        Ok(buf)
    }

    fn download(&self, buf: &CpuBuf) -> Result<Vec<f32>> {
        Ok(buf.to_vec())
    }

    fn zeros(&self, rows: usize, cols: usize) -> Result<CpuBuf> {
        Ok(self.pool.zeros(rows, cols))
    }

    fn reshape(&self, mut buf: CpuBuf, rows: usize, cols: usize) -> Result<CpuBuf> {
        assert_eq!(buf.rows * buf.cols, rows * cols, "the same values");
        (buf.rows, buf.cols) = (rows, cols);
        Ok(buf)
    }

    fn copy(&self, buf: &CpuBuf) -> Result<CpuBuf> {
        let mut out = self.pool.take(buf.rows, buf.cols);
        out.copy_from_slice(buf);
        Ok(out)
    }

    fn shape(&self, buf: &CpuBuf) -> (usize, usize) {
        (buf.rows, buf.cols)
    }

    fn embed(&self, table: &CpuBuf, ids: &[u32]) -> Result<CpuBuf> {
        let mut out = self.pool.take(ids.len(), table.cols);
        embed::forward(table, ids, &mut out)?;
        Ok(out)
    }

    fn embed_add(&self, table: &CpuBuf, ids: &[u32], out: &mut CpuBuf) -> Result<()> {
        embed::forward_add(table, ids, out)
    }

    fn embed_backward_add(&self, ids: &[u32], dy: &CpuBuf, dtable: &mut CpuBuf) -> Result<()> {
        embed::backward_add(ids, dy, dtable);
        Ok(())
    }

    fn linear(&self, x: &CpuBuf, w: &CpuBuf) -> Result<CpuBuf> {
        let mut y = self.pool.take(x.rows, w.rows);
        gemm::abt(x, w, &mut y, x.cols, gemm::Write::Set);
        Ok(y)
    }

    fn linear_add(&self, x: &CpuBuf, w: &CpuBuf, y: &mut CpuBuf) -> Result<()> {
        gemm::abt(x, w, y, x.cols, gemm::Write::Add);
        Ok(())
    }

    fn linear_dx(&self, dy: &CpuBuf, w: &CpuBuf) -> Result<CpuBuf> {
        let mut dx = self.pool.take(dy.rows, w.cols);
        gemm::ab(dy, w, &mut dx, dy.cols, gemm::Write::Set);
        Ok(dx)
    }

    fn linear_dx_add(&self, dy: &CpuBuf, w: &CpuBuf, dx: &mut CpuBuf) -> Result<()> {
        gemm::ab(dy, w, dx, dy.cols, gemm::Write::Add);
        Ok(())
    }

    fn linear_dw_add(&self, x: &CpuBuf, dy: &CpuBuf, dw: &mut CpuBuf) -> Result<()> {
        gemm::atb(dy, x, dw, x.rows, gemm::Write::Add);
        Ok(())
    }

    fn bias_add(&self, bias: &CpuBuf, y: &mut CpuBuf) -> Result<()> {
        layer_norm::bias_add(bias, y);
        Ok(())
    }

    fn bias_backward_add(&self, dy: &CpuBuf, dbias: &mut CpuBuf) -> Result<()> {
        layer_norm::bias_backward_add(dy, dbias);
        Ok(())
    }

    fn layer_norm(&self, x: &CpuBuf, w: &CpuBuf, b: &CpuBuf, eps: f32) -> Result<(CpuBuf, CpuBuf)> {
        let mut y = self.pool.take(x.rows, x.cols);
        let mut stats = self.pool.take(2, x.rows);
        layer_norm::forward(x, w, b, eps, &mut y, &mut stats);
        Ok((y, stats))
    }

    fn layer_norm_backward_add(
        &self,
        x: &CpuBuf,
        w: &CpuBuf,
        stats: &CpuBuf,
        dy: &CpuBuf,
        [dw, db]: [&mut CpuBuf; 2],
        dx: &mut CpuBuf,
    ) -> Result<()> {
        layer_norm::backward_add(x, w, stats, dy, [dw, db], dx);
        Ok(())
    }

    fn rms_norm(&self, x: &CpuBuf, w: &CpuBuf, eps: f32) -> Result<(CpuBuf, CpuBuf)> {
        let mut y = self.pool.take(x.rows, x.cols);
        let mut rstd = self.pool.take(1, x.rows);
        rms_norm::forward(x, w, eps, &mut y, &mut rstd);
        Ok((y, rstd))
    }

    fn rms_norm_backward_add(
        &self,
        x: &CpuBuf,
        w: &CpuBuf,
        rstd: &CpuBuf,
        dy: &CpuBuf,
        dw: &mut CpuBuf,
        dx: &mut CpuBuf,
    ) -> Result<()> {
        rms_norm::backward_add(x, w, rstd, dy, dw, dx);
        Ok(())
    }

    fn attention(
        &self,
        mut q: CpuBuf,
        mut k: CpuBuf,
        v: CpuBuf,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<Attended<CpuBuf>> {
        rotate::rotate(&mut q, places, shape.seq, 0, rotate::Turn::Forward);
        rotate::rotate(&mut k, places, shape.seq, 0, rotate::Turn::Forward);
        let mut out = self.pool.take(q.rows, q.cols);
        let mut lse = self.pool.take(shape.batch * shape.heads, shape.seq);
        attention::forward([&q, &k, &v], shape, places, &mut out, &mut lse);
        Ok(Attended { q, k, v, out, lse })
    }

    fn attention_backward(
        &self,
        saved: &Attended<CpuBuf>,
        dout: &CpuBuf,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<[CpuBuf; 3]> {
        let mut dq = self.pool.take(saved.q.rows, saved.q.cols);
        let mut dk = self.pool.take(saved.k.rows, saved.k.cols);
        let mut dv = self.pool.take(saved.v.rows, saved.v.cols);
        attention::backward(saved, dout, shape, places, [&mut dq, &mut dk, &mut dv]);
        rotate::rotate(&mut dq, places, shape.seq, 0, rotate::Turn::Back);
        rotate::rotate(&mut dk, places, shape.seq, 0, rotate::Turn::Back);
        Ok([dq, dk, dv])
    }

    fn attention_cached(
        &self,
        mut q: CpuBuf,
        mut k: CpuBuf,
        v: CpuBuf,
        cache: &mut (CpuBuf, CpuBuf),
        spans: &[Span],
        shape: AttentionShape,
        rope: Option<&Rope>,
    ) -> Result<CpuBuf> {
        let turns = Turns::of(spans);
        let places = Places {
            rope,
            starts: &turns.starts,
        };
        rotate::rotate(&mut q, places, 1, turns.latest, rotate::Turn::Forward);
        rotate::rotate(&mut k, places, 1, turns.latest, rotate::Turn::Forward);
        let (width, mut row) = (k.cols, 0);
        for span in spans {
            let (from, to) = (row * width, span.at() * width);
            let length = span.rows * width;
            cache.0[to..to + length].copy_from_slice(&k[from..from + length]);
            cache.1[to..to + length].copy_from_slice(&v[from..from + length]);
            row += span.rows;
        }
        let mut out = self.pool.take(q.rows, q.cols);
        cached::attend(&q, &cache.0, &cache.1, spans, shape, &mut out);
        Ok(out)
    }

    fn swiglu(&self, gate: &CpuBuf, up: &CpuBuf) -> Result<CpuBuf> {
        let mut act = self.pool.take(gate.rows, gate.cols);
        swiglu::forward(gate, up, &mut act);
        Ok(act)
    }

    fn swiglu_backward(
        &self,
        mut gate: CpuBuf,
        mut up: CpuBuf,
        mut dact: CpuBuf,
    ) -> Result<[CpuBuf; 3]> {
        swiglu::backward_in_place(&mut gate, &mut up, &mut dact);
        Ok([gate, up, dact])
    }

    fn gelu(&self, x: &CpuBuf) -> Result<CpuBuf> {
        let mut act = self.pool.take(x.rows, x.cols);
        gelu::forward(x, &mut act);
        Ok(act)
    }

    fn gelu_backward(&self, mut x: CpuBuf, mut dact: CpuBuf) -> Result<[CpuBuf; 2]> {
        gelu::backward_in_place(&mut x, &mut dact);
        Ok([x, dact])
    }

    fn head_loss(
        &self,
        x: &CpuBuf,
        w: &CpuBuf,
        targets: Targets<'_>,
        dw: Option<&mut CpuBuf>,
    ) -> Result<Loss<CpuBuf>> {
        let make = dw.map_or(head::Make::Nothing, head::Make::Both);
        head::loss(&self.pool, x, w, targets, make)
    }

    fn frozen_head_loss(
        &self,
        x: &CpuBuf,
        w: &CpuBuf,
        targets: Targets<'_>,
    ) -> Result<Loss<CpuBuf>> {
        head::loss(&self.pool, x, w, targets, head::Make::Input)
    }

    fn dropout(&self, x: &CpuBuf, key: u64, rate: f32) -> Result<CpuBuf> {
        let mut out = self.copy(x)?;
        dropout::in_place(&mut out, key, rate);
        Ok(out)
    }

    fn grouped_linear(&self, x: &CpuBuf, w: &CpuBuf, groups: &[usize]) -> Result<CpuBuf> {
        let mut y = self.pool.take(x.rows, w.rows / groups.len().max(1));
        grouped::linear(x, w, groups, &mut y);
        Ok(y)
    }

    fn grouped_dx_add(
        &self,
        dy: &CpuBuf,
        w: &CpuBuf,
        groups: &[usize],
        dx: &mut CpuBuf,
    ) -> Result<()> {
        grouped::dx_add(dy, w, groups, dx);
        Ok(())
    }

    fn grouped_dw_add(
        &self,
        x: &CpuBuf,
        dy: &CpuBuf,
        groups: &[usize],
        dw: &mut CpuBuf,
    ) -> Result<()> {
        grouped::dw_add(x, dy, groups, dw);
        Ok(())
    }

    fn scale_rows(&self, factors: &[f32], x: &mut CpuBuf) -> Result<()> {
        grouped::scale_rows(factors, x);
        Ok(())
    }

    fn row_dots(&self, x: &CpuBuf, y: &CpuBuf) -> Result<Vec<f32>> {
        Ok(grouped::row_dots(x, y))
    }

    fn head_losses(&self, x: &CpuBuf, w: &CpuBuf, targets: Targets<'_>) -> Result<Vec<f64>> {
        head::losses(&self.pool, x, w, targets)
    }

    fn rows(&self, x: &CpuBuf, from: usize, to: usize) -> Result<CpuBuf> {
        let mut out = self.pool.take(to - from, x.cols);
        out.copy_from_slice(&x[from * x.cols..to * x.cols]);
        Ok(out)
    }

    fn sum_squares(&self, buf: &CpuBuf) -> Result<f64> {
        Ok(adamw::sum_squares(buf))
    }

    fn average(&self, average: &mut CpuBuf, weights: &CpuBuf, keep: f32) -> Result<()> {
        adamw::average(average, weights, keep);
        Ok(())
    }

    fn adamw(&self, slot: Slot<'_, CpuBuf>, step: AdamStep) -> Result<()> {
        adamw::update(slot.weight, slot.grad, slot.m, slot.v, step);
        Ok(())
    }

    fn adamw8(&self, slot: EightSlot<'_, CpuBuf>, step: AdamStep) -> Result<()> {
        adamw::update_eight(slot, step);
        Ok(())
    }

    fn unpack(&self, w: &Frozen<CpuBuf>) -> Result<CpuBuf> {
        let mut out = self.pool.take(w.rows, w.cols);
        frozen::unpack(w, &mut out);
        Ok(out)
    }

    fn frozen_linear_add(&self, x: &CpuBuf, w: &Frozen<CpuBuf>, y: &mut CpuBuf) -> Result<()> {
        frozen::linear_add(x, w, y);
        Ok(())
    }

    fn frozen_dx_add(&self, dy: &CpuBuf, w: &Frozen<CpuBuf>, dx: &mut CpuBuf) -> Result<()> {
        frozen::dx_add(dy, w, dx);
        Ok(())
    }
}
