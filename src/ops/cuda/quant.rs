//! Moments in 8 bits, and frozen matrices made f32 again in memory that the product after it frees.

use anyhow::{Result, ensure};

use super::{
    Gpu, THREADS,
    driver::{
        Argument::{Float, Int, Long},
        Driver,
    },
    matrix::Matrix,
};
use crate::ops::{
    AdamStep,
    quant::{
        Codebook, Frozen, SIGNED, UNSIGNED,
        adam::{BLOCK, EightSlot, Factors},
        words,
    },
};

/// The numbers of codes, and the midpoints between them, as `kernels/quant.cu` reads them.
fn books() -> Vec<f32> {
    let part = |values: &[f32]| [values, &vec![0.0; 256 - values.len()]].concat();
    let both = |book: &Codebook| [part(book.values()), part(book.midpoints())].concat();
    [both(&SIGNED), both(&UNSIGNED)].concat()
}

impl<D: Driver> Gpu<D> {
    /// AdamW with moments in 8 bits.
    pub(super) fn adam_in_eight(
        &self,
        slot: &EightSlot<'_, Matrix<D::Memory>>,
        step: AdamStep,
    ) -> Result<()> {
        const { assert!(BLOCK == THREADS) };
        let count = slot.weight.len();
        let blocks = count.div_ceil(BLOCK);
        for moment in [&*slot.m, &*slot.v] {
            ensure!(
                moment.codes.len() == words(count) && moment.scales.len() == blocks,
                "the sizes of a moment"
            );
        }
        let books = self.put(&books())?;
        let factors = Factors::of(step);
        let arguments = [
            self.at(slot.weight),
            self.at(slot.grad),
            self.plain(&slot.m.codes),
            self.plain(&slot.m.scales),
            self.plain(&slot.v.codes),
            self.plain(&slot.v.scales),
            self.to(&books),
            Long(count as u64),
            Float(step.lr),
            Float(step.beta1),
            Float(step.beta2),
            Float(step.eps),
            Float(factors.keep),
            Float(factors.unbias1),
            Float(factors.unbias2),
            Float(step.grad_scale),
        ];
        self.run("adamw8", [blocks, 1], &arguments)
    }

    /// A frozen matrix as f32.
    pub(super) fn unpacked(&self, w: &Frozen<Matrix<D::Memory>>) -> Result<Matrix<D::Memory>> {
        let row_bytes = w.format.row_bytes(w.cols);
        ensure!(
            w.codes.len() == words(w.rows * row_bytes),
            "the sizes of a frozen matrix"
        );
        let out = self.matrix(w.rows, w.cols)?;
        let book = self.put(w.format.codebook().values())?;
        let arguments = [
            self.plain(&w.codes),
            self.plain(&w.scales),
            self.to(&book),
            self.plain(&out),
            Long(out.len() as u64),
            Int(w.cols as u32),
            Int(row_bytes as u32),
            Int(w.format.codes_per_byte() as u32),
        ];
        self.run_each("unpack", out.len(), &arguments)?;
        Ok(out)
    }
}
