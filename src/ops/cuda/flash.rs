//! Attention in bf16 by kernels that keep scores on the chip (`kernels/flash.cu`), for heads of the
//! widths that they are compiled for; others go the way of [`super::attention`].

use anyhow::Result;

use super::{
    Gpu,
    driver::{
        Argument::{self, Float, Int, Pointer},
        Driver,
    },
    matrix::Matrix,
};
use crate::ops::{Attended, AttentionShape, Places, Precision};

/// Rows of a block's tile, as `kernels/flash.cu` has it.
const OWN: usize = 128;

/// The kernels of a width: output, gradient of queries, gradients of keys and values.
type Kernels = [&'static str; 3];

/// Those for heads of a width.
fn kernels(head_dim: usize) -> Option<Kernels> {
    match head_dim {
        32 => Some(["flash_32", "flash_queries_32", "flash_keys_32"]),
        64 => Some(["flash_64", "flash_queries_64", "flash_keys_64"]),
        128 => Some(["flash_128", "flash_queries_128", "flash_keys_128"]),
        _ => None,
    }
}

impl<D: Driver> Gpu<D> {
    /// The kernels for a shape; none where it goes the other way.
    pub(super) fn flash_kernels(&self, shape: AttentionShape) -> Option<Kernels> {
        // A grid has less than 2^16 rows of blocks, and places in a sequence are u32.
        let sequence = shape.seq * shape.heads * shape.head_dim;
        let fits = shape.batch * shape.heads < 1 << 16 && sequence < 1 << 31;
        (fits && self.precision_of(shape.batch * shape.seq) == Precision::Bf16)
            .then(|| kernels(shape.head_dim))
            .flatten()
    }

    /// The matrix in bf16.
    pub(super) fn in_bf16(&self, x: Matrix<D::Memory>) -> Result<Matrix<D::Memory>> {
        Ok(match self.cast(&x, Precision::Bf16)? {
            super::products::Cast::Copy(copy) => copy,
            super::products::Cast::Same(_) => x,
        })
    }

    /// The arguments that all kernels end with.
    fn flash_arguments(&self, shape: AttentionShape, starts: Option<&D::Memory>) -> [Argument; 6] {
        [
            starts.map_or(Pointer(0), |starts| self.to(starts)),
            Int(shape.seq as u32),
            Int(shape.heads as u32),
            Int((shape.heads / shape.kv_heads) as u32),
            Int(shape.window.unwrap_or(0) as u32),
            Float(shape.factor),
        ]
    }

    /// Output and log-sum-exps of rotated queries and keys, in bf16.
    pub(super) fn flash(
        &self,
        [kernel, ..]: Kernels,
        [q, k, v]: [&Matrix<D::Memory>; 3],
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<[Matrix<D::Memory>; 2]> {
        let out = self.matrix_in(Precision::Bf16, q.rows, q.cols)?;
        let lse = self.matrix(shape.batch * shape.heads, shape.seq)?;
        let starts = self.starts(places)?;
        let mut arguments = [q, k, v, &out, &lse].map(|x| self.plain(x)).to_vec();
        arguments.extend(self.flash_arguments(shape, starts.as_deref()));
        let tiles = shape.seq.div_ceil(OWN);
        self.run(kernel, [tiles, shape.batch * shape.heads], &arguments)?;
        Ok([out, lse])
    }

    /// Gradients of the rotated q and k and of v.
    pub(super) fn flash_backward(
        &self,
        [_, of_queries, of_keys]: Kernels,
        saved: &Attended<Matrix<D::Memory>>,
        dout: &Matrix<D::Memory>,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<[Matrix<D::Memory>; 3]> {
        let Attended { q, k, v, out, lse } = saved;
        let dout = self.cast(dout, Precision::Bf16)?;
        let dout = dout.matrix();
        let like = |x: &Matrix<_>| self.matrix_in(Precision::Bf16, x.rows, x.cols);
        let (dq, dk, dv) = (like(q)?, like(k)?, like(v)?);
        let inner = self.matrix(lse.rows, lse.cols)?;
        let starts = self.starts(places)?;
        let last = self.flash_arguments(shape, starts.as_deref());
        let tiles = shape.seq.div_ceil(OWN);
        let first = [q, k, v, out, dout, lse, &inner, &dq];
        let arguments = [&first.map(|x| self.plain(x))[..], &last].concat();
        self.run(of_queries, [tiles, shape.batch * shape.heads], &arguments)?;
        let first = [q, k, v, dout, lse, &inner, &dk, &dv];
        let arguments = [&first.map(|x| self.plain(x))[..], &last].concat();
        self.run(of_keys, [tiles, shape.batch * shape.kv_heads], &arguments)?;
        Ok([dq, dk, dv])
    }
}

#[cfg(test)]
mod tests {
    use super::kernels;
    use crate::ops::scratch::FLASH_HEADS;

    #[test]
    fn the_plan_of_memory_knows_the_widths() {
        let known: Vec<usize> = (1..=512).filter(|&dim| kernels(dim).is_some()).collect();
        assert_eq!(known, FLASH_HEADS);
    }
}
