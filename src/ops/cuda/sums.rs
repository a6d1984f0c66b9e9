//! Sums of squares: the parts of all matrices are made before the device is waited for.

use anyhow::Result;

use super::{
    Gpu,
    driver::{
        Argument::{Int, Long, Pointer},
        Driver,
    },
    matrix::Matrix,
};

/// Elements whose squares one block sums.
const SPAN: usize = 16 * 1024;

impl<D: Driver> Gpu<D> {
    /// The sum of the squares of each matrix's values.
    pub(super) fn squares<'a>(
        &self,
        matrices: impl Iterator<Item = &'a Matrix<D::Memory>> + Clone,
    ) -> Result<Vec<f64>>
    where
        D::Memory: 'a,
    {
        let counts = matrices.clone().map(|x| x.len().div_ceil(SPAN));
        let parts = self.values::<f64>(counts.clone().sum())?;
        let mut first = 0;
        for (x, count) in matrices.zip(counts.clone()) {
            let to = self.driver.address(&parts) + (first * size_of::<f64>()) as u64;
            let length = Long(x.len() as u64);
            let arguments = [self.at(x), Pointer(to), length, Int(SPAN as u32)];
            self.run("sum_squares", [count, 1], &arguments)?;
            first += count;
        }
        let parts = self.get::<f64>(&parts, first)?;
        let mut rest = parts.as_slice();
        let sums = counts.map(|count| {
            let (own, others) = rest.split_at(count);
            rest = others;
            own.iter().sum()
        });
        Ok(sums.collect())
    }
}
