//! Norms, biases and the sums over rows that their gradients are.

use anyhow::Result;

use super::{
    Gpu, THREADS,
    driver::{
        Argument::{Float, Int, Long},
        Driver,
    },
    matrix::Matrix,
};

/// The most chunks of rows that a sum is cut into.
const CHUNKS: usize = 1024;
/// The fewest rows of a chunk.
const LEAST_ROWS: usize = 64;

impl<D: Driver> Gpu<D> {
    /// Adds to `sums` (a vector) what `kernel` sums over chunks of `rows` rows; `inputs` are the
    /// arguments it begins with.
    fn add_column_sums(
        &self,
        kernel: &'static str,
        inputs: &[&Matrix<D::Memory>],
        [rows, cols]: [usize; 2],
        sums: &Matrix<D::Memory>,
    ) -> Result<()> {
        let chunk = rows.div_ceil(CHUNKS).max(LEAST_ROWS);
        let chunks = rows.div_ceil(chunk);
        let partial = self.matrix(chunks, cols)?;
        let mut arguments: Vec<_> = inputs.iter().map(|x| self.at(x)).collect();
        arguments.extend([
            self.at(&partial),
            Int(rows as u32),
            Int(cols as u32),
            Int(chunk as u32),
        ]);
        let blocks = cols.div_ceil(THREADS);
        self.run(kernel, [blocks, chunks], &arguments)?;
        let arguments = [
            self.at(&partial),
            self.at(sums),
            Int(chunks as u32),
            Int(cols as u32),
        ];
        self.run("add_partials", [blocks, 1], &arguments)
    }

    pub(super) fn bias(&self, bias: &Matrix<D::Memory>, y: &Matrix<D::Memory>) -> Result<()> {
        let arguments = [
            self.at(bias),
            self.at(y),
            Long(y.len() as u64),
            Int(y.cols as u32),
        ];
        self.run_over("bias_add", y.len(), &arguments)
    }

    pub(super) fn bias_backward(
        &self,
        dy: &Matrix<D::Memory>,
        dbias: &Matrix<D::Memory>,
    ) -> Result<()> {
        self.add_column_sums("column_sums", &[dy], [dy.rows, dy.cols], dbias)
    }

    pub(super) fn rms(
        &self,
        x: &Matrix<D::Memory>,
        w: &Matrix<D::Memory>,
        eps: f32,
    ) -> Result<[Matrix<D::Memory>; 2]> {
        let y = self.matrix(x.rows, x.cols)?;
        let rstd = self.matrix(1, x.rows)?;
        let arguments = [
            self.at(x),
            self.at(w),
            self.at(&y),
            self.at(&rstd),
            Int(x.cols as u32),
            Float(eps),
        ];
        self.run("rms_norm", [x.rows, 1], &arguments)?;
        Ok([y, rstd])
    }

    pub(super) fn rms_backward(
        &self,
        [x, w, rstd, dy]: [&Matrix<D::Memory>; 4],
        dw: &Matrix<D::Memory>,
        dx: &Matrix<D::Memory>,
    ) -> Result<()> {
        self.add_column_sums("rms_norm_weight", &[x, rstd, dy], [x.rows, x.cols], dw)?;
        let arguments = [
            self.at(x),
            self.at(w),
            self.at(rstd),
            self.at(dy),
            self.at(dx),
            Int(x.cols as u32),
        ];
        self.run("rms_norm_backward", [x.rows, 1], &arguments)
    }

    pub(super) fn layer(
        &self,
        [x, w, b]: [&Matrix<D::Memory>; 3],
        eps: f32,
    ) -> Result<[Matrix<D::Memory>; 2]> {
        let y = self.matrix(x.rows, x.cols)?;
        let stats = self.matrix(2, x.rows)?;
        let arguments = [
            self.at(x),
            self.at(w),
            self.at(b),
            self.at(&y),
            self.at(&stats),
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
        self.add_column_sums("layer_norm_weight", &[x, stats, dy], [x.rows, x.cols], dw)?;
        self.bias_backward(dy, db)?;
        let arguments = [
            self.at(x),
            self.at(w),
            self.at(stats),
            self.at(dy),
            self.at(dx),
            Int(x.rows as u32),
            Int(x.cols as u32),
        ];
        self.run("layer_norm_backward", [x.rows, 1], &arguments)
    }
}
