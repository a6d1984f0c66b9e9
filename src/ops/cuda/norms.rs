//! Norms, biases and the sums over rows that their gradients are.

use anyhow::Result;

use super::{
    Gpu, THREADS,
    driver::{
        Argument::{self, Float, Int},
        Driver,
    },
    matrix::Matrix,
};

/// The most chunks of rows that a sum is cut into.
const CHUNKS: usize = 1024;
/// The fewest rows of a chunk.
const LEAST_ROWS: usize = 64;
/// Blocks for rows of which a warp takes one each.
fn blocks_of_rows<M>(x: &Matrix<M>) -> usize {
    x.rows.div_ceil(THREADS / 32)
}

impl<D: Driver> Gpu<D> {
    /// Adds to `sums` (a vector) what `kernel` sums over chunks of `rows` rows; `inputs` are the
    /// arguments it begins with.
    fn add_column_sums(
        &self,
        kernel: &'static str,
        inputs: &[Argument],
        [rows, cols]: [usize; 2],
        sums: &Matrix<D::Memory>,
    ) -> Result<()> {
        let chunk = rows.div_ceil(CHUNKS).max(LEAST_ROWS);
        let chunks = rows.div_ceil(chunk);
        let partial = self.matrix(chunks, cols)?;
        let mut arguments = inputs.to_vec();
        arguments.extend([
            self.plain(&partial),
            Int(rows as u32),
            Int(cols as u32),
            Int(chunk as u32),
        ]);
        self.run(kernel, [cols.div_ceil(THREADS), chunks], &arguments)?;
        let arguments = [
            self.plain(&partial),
            self.at(sums),
            Int(chunks as u32),
            Int(cols as u32),
        ];
        self.run("add_partials", [cols.div_ceil(32), 1], &arguments)
    }

    pub(super) fn bias(&self, bias: &Matrix<D::Memory>, y: &Matrix<D::Memory>) -> Result<()> {
        let arguments = [self.at(bias), self.at(y), Int(y.cols as u32)];
        self.run("bias_add", [y.rows, 1], &arguments)
    }

    pub(super) fn bias_backward(
        &self,
        dy: &Matrix<D::Memory>,
        dbias: &Matrix<D::Memory>,
    ) -> Result<()> {
        self.add_column_sums("column_sums", &[self.at(dy)], [dy.rows, dy.cols], dbias)
    }

    pub(super) fn rms(
        &self,
        x: &Matrix<D::Memory>,
        w: &Matrix<D::Memory>,
        eps: f32,
    ) -> Result<[Matrix<D::Memory>; 2]> {
        let y = self.activations(x.rows, x.cols)?;
        let rstd = self.matrix(1, x.rows)?;
        let arguments = [
            self.at(x),
            self.at(w),
            self.at(&y),
            self.plain(&rstd),
            Int(x.rows as u32),
            Int(x.cols as u32),
            Float(eps),
        ];
        self.run("rms_norm", [blocks_of_rows(x), 1], &arguments)?;
        Ok([y, rstd])
    }

    pub(super) fn rms_backward(
        &self,
        [x, w, rstd, dy]: [&Matrix<D::Memory>; 4],
        dw: &Matrix<D::Memory>,
        dx: &Matrix<D::Memory>,
    ) -> Result<()> {
        let inputs = [self.at(x), self.plain(rstd), self.at(dy)];
        self.add_column_sums("rms_norm_weight", &inputs, [x.rows, x.cols], dw)?;
        let arguments = [
            self.at(x),
            self.at(w),
            self.plain(rstd),
            self.at(dy),
            self.at(dx),
            Int(x.rows as u32),
            Int(x.cols as u32),
        ];
        self.run("rms_norm_backward", [blocks_of_rows(x), 1], &arguments)
    }

    pub(super) fn layer(
        &self,
        [x, w, b]: [&Matrix<D::Memory>; 3],
        eps: f32,
    ) -> Result<[Matrix<D::Memory>; 2]> {
        let y = self.activations(x.rows, x.cols)?;
        let stats = self.matrix(2, x.rows)?;
        let arguments = [
            self.at(x),
            self.at(w),
            self.at(b),
            self.at(&y),
            self.plain(&stats),
            Int(x.rows as u32),
            Int(x.cols as u32),
            Float(eps),
        ];
        self.run("layer_norm", [x.rows, 1], &arguments)?;
        Ok([y, stats])
    }

    pub(super) fn layer_backward(
        &self,
        [x, w, stats, dy]: [&Matrix<D::Memory>; 4],
        [dw, db]: [&Matrix<D::Memory>; 2],
        dx: &Matrix<D::Memory>,
    ) -> Result<()> {
        let inputs = [self.at(x), self.plain(stats), self.at(dy)];
        self.add_column_sums("layer_norm_weight", &inputs, [x.rows, x.cols], dw)?;
        self.bias_backward(dy, db)?;
        let arguments = [
            self.at(x),
            self.at(w),
            self.plain(stats),
            self.at(dy),
            self.at(dx),
            Int(x.rows as u32),
            Int(x.cols as u32),
        ];
        self.run("layer_norm_backward", [x.rows, 1], &arguments)
    }
}
