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
mod embed;
mod gemm;
mod head;
mod rms_norm;
mod rotate;
mod simd;
mod swiglu;

use anyhow::Result;

pub use buf::CpuBuf;

use super::{AdamStep, Attended, AttentionShape, Backend, Rope, Slot, Targets};
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
        rope: &Rope,
    ) -> Result<Attended<CpuBuf>> {
        rotate::rotate(&mut q, rope, shape.seq, 0, rotate::Turn::Forward);
        rotate::rotate(&mut k, rope, shape.seq, 0, rotate::Turn::Forward);
        let mut out = self.pool.take(q.rows, q.cols);
        let mut lse = self.pool.take(shape.batch * shape.heads, shape.seq);
        attention::forward(&q, &k, &v, shape, &mut out, &mut lse);
        Ok(Attended { q, k, v, out, lse })
    }

    fn attention_backward(
        &self,
        saved: &Attended<CpuBuf>,
        dout: &CpuBuf,
        shape: AttentionShape,
        rope: &Rope,
    ) -> Result<[CpuBuf; 3]> {
        let mut dq = self.pool.take(saved.q.rows, saved.q.cols);
        let mut dk = self.pool.take(saved.k.rows, saved.k.cols);
        let mut dv = self.pool.take(saved.v.rows, saved.v.cols);
        attention::backward(saved, dout, shape, [&mut dq, &mut dk, &mut dv]);
        rotate::rotate(&mut dq, rope, shape.seq, 0, rotate::Turn::Back);
        rotate::rotate(&mut dk, rope, shape.seq, 0, rotate::Turn::Back);
        Ok([dq, dk, dv])
    }

    fn attention_cached(
        &self,
        mut q: CpuBuf,
        mut k: CpuBuf,
        v: CpuBuf,
        cache: &mut (CpuBuf, CpuBuf),
        past: usize,
        shape: AttentionShape,
        rope: &Rope,
    ) -> Result<CpuBuf> {
        rotate::rotate(&mut q, rope, shape.seq, past, rotate::Turn::Forward);
        rotate::rotate(&mut k, rope, shape.seq, past, rotate::Turn::Forward);
        let at = past * k.cols;
        cache.0[at..at + k.len()].copy_from_slice(&k);
        cache.1[at..at + v.len()].copy_from_slice(&v);
        let mut out = self.pool.take(q.rows, q.cols);
        cached::attend(&q, &cache.0, &cache.1, past, shape, &mut out);
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

    fn head_loss(
        &self,
        x: &CpuBuf,
        w: &CpuBuf,
        targets: Targets<'_>,
        dw: Option<&mut CpuBuf>,
    ) -> Result<(f64, Option<CpuBuf>)> {
        head::loss(&self.pool, x, w, targets, dw)
    }

    fn rows(&self, x: &CpuBuf, from: usize, to: usize) -> Result<CpuBuf> {
        let mut out = self.pool.take(to - from, x.cols);
        out.copy_from_slice(&x[from * x.cols..to * x.cols]);
        Ok(out)
    }

    fn sum_squares(&self, buf: &CpuBuf) -> Result<f64> {
        Ok(adamw::sum_squares(buf))
    }

    fn adamw(&self, slot: Slot<'_, CpuBuf>, step: AdamStep) -> Result<()> {
        adamw::update(slot.weight, slot.grad, slot.m, slot.v, step);
        Ok(())
    }
}
