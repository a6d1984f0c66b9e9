//! The token table: rows out, gradients in.

use anyhow::{Result, ensure};

use super::{
    Gpu,
    driver::{Argument::Int, Driver},
    matrix::Matrix,
};

/// The rows of each id: ids in ascending order, where each one's rows begin in `order`, and the
/// rows, ascending for each id.
struct RowsOfIds {
    ids: Vec<u32>,
    firsts: Vec<u32>,
    order: Vec<u32>,
}

fn rows_of_ids(ids: &[u32]) -> RowsOfIds {
    let mut order: Vec<u32> = (0..ids.len() as u32).collect();
    order.sort_by_key(|&row| (ids[row as usize], row));
    let (mut distinct, mut firsts) = (Vec::new(), Vec::new());
    for (i, &row) in order.iter().enumerate() {
        let id = ids[row as usize];
        if distinct.last() != Some(&id) {
            distinct.push(id);
            firsts.push(i as u32);
        }
    }
    firsts.push(order.len() as u32);
    RowsOfIds {
        ids: distinct,
        firsts,
        order,
    }
}

impl<D: Driver> Gpu<D> {
    /// Sets (`take_rows`) or adds to (`add_rows`) row `i` of `out` row `ids[i]` of the table.
    pub(super) fn rows_by_id(
        &self,
        kernel: &'static str,
        table: &Matrix<D::Memory>,
        ids: &[u32],
        out: &Matrix<D::Memory>,
    ) -> Result<()> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= table.rows) {
            anyhow::bail!(
                "id {id} is outside of the model's table of {} rows",
                table.rows
            );
        }
        ensure!(
            out.rows == ids.len() && out.cols == table.cols,
            "{} ids for {} rows",
            ids.len(),
            out.rows
        );
        let numbers = self.put(ids)?;
        let arguments = [
            self.at(table),
            self.to(&numbers),
            self.at(out),
            Int(out.cols as u32),
        ];
        self.run(kernel, [out.rows, 1], &arguments)
    }

    /// Adds row `i` of dy to row `ids[i]` of the gradient, in order of the rows, as on the CPU: a
    /// block takes an id with all its rows, so that no two add to one place.
    pub(super) fn table_backward(
        &self,
        ids: &[u32],
        dy: &Matrix<D::Memory>,
        dtable: &Matrix<D::Memory>,
    ) -> Result<()> {
        ensure!(
            ids.iter().all(|&id| (id as usize) < dtable.rows) && dy.rows == ids.len(),
            "an id is outside of the model's table of {} rows",
            dtable.rows
        );
        let rows = rows_of_ids(ids);
        let (distinct, firsts, order) = (
            self.put(&rows.ids)?,
            self.put(&rows.firsts)?,
            self.put(&rows.order)?,
        );
        let arguments = [
            self.to(&distinct),
            self.to(&firsts),
            self.to(&order),
            self.at(dy),
            self.at(dtable),
            Int(dtable.cols as u32),
        ];
        self.run("embed_backward", [rows.ids.len(), 1], &arguments)
    }
}
