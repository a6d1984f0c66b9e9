//! Products of rows with one of several matrices that lie one below the other: what a layer of
//! experts needs. Rows of a group follow each other, and `groups` says how many each group has.
//!
//! These are the backends' default: the plain operations, a group at a time. They copy the matrix of
//! each group, which costs as much memory traffic as a product of a few rows; the CPU kernels read
//! it where it lies.

use std::ops::Range;

use anyhow::Result;

use super::Backend;

/// One group that has rows.
pub struct Group {
    /// Its rows.
    pub rows: Range<usize>,
    /// The rows of its matrix.
    pub part: Range<usize>,
}

/// The groups that have rows, of matrices with `height` rows in all.
///
/// # Panics
/// When the matrices are not of equal height.
pub fn each(groups: &[usize], height: usize) -> impl Iterator<Item = Group> {
    assert!(
        height.is_multiple_of(groups.len().max(1)),
        "{height} rows for {} matrices",
        groups.len()
    );
    let part = height / groups.len().max(1);
    let mut from = 0;
    let all = groups.iter().enumerate().map(move |(i, &rows)| {
        let group = Group {
            rows: from..from + rows,
            part: i * part..(i + 1) * part,
        };
        from += rows;
        group
    });
    all.filter(|group| !group.rows.is_empty())
}

fn take<B: Backend>(b: &B, x: &B::Buf, rows: &Range<usize>) -> Result<B::Buf> {
    b.rows(x, rows.start, rows.end)
}

/// Adds `part` to these rows of `whole`.
fn put<B: Backend>(b: &B, part: &B::Buf, rows: &Range<usize>, whole: &mut B::Buf) -> Result<()> {
    let ids: Vec<u32> = (rows.start as u32..rows.end as u32).collect();
    b.embed_backward_add(&ids, part, whole)
}

/// See [`Backend::grouped_linear`].
///
/// # Errors
/// When the device fails.
pub fn linear<B: Backend>(b: &B, x: &B::Buf, w: &B::Buf, groups: &[usize]) -> Result<B::Buf> {
    let height = b.shape(w).0;
    let mut y = b.zeros(b.shape(x).0, height / groups.len().max(1))?;
    for Group { rows, part } in each(groups, height) {
        let product = b.linear(&take(b, x, &rows)?, &take(b, w, &part)?)?;
        put(b, &product, &rows, &mut y)?;
    }
    Ok(y)
}

/// See [`Backend::grouped_dx_add`].
///
/// # Errors
/// When the device fails.
pub fn dx_add<B: Backend>(
    b: &B,
    dy: &B::Buf,
    w: &B::Buf,
    groups: &[usize],
    dx: &mut B::Buf,
) -> Result<()> {
    for Group { rows, part } in each(groups, b.shape(w).0) {
        let product = b.linear_dx(&take(b, dy, &rows)?, &take(b, w, &part)?)?;
        put(b, &product, &rows, dx)?;
    }
    Ok(())
}

/// See [`Backend::grouped_dw_add`].
///
/// # Errors
/// When the device fails.
pub fn dw_add<B: Backend>(
    b: &B,
    x: &B::Buf,
    dy: &B::Buf,
    groups: &[usize],
    dw: &mut B::Buf,
) -> Result<()> {
    let (height, width) = b.shape(dw);
    for Group { rows, part } in each(groups, height) {
        let mut product = b.zeros(part.len(), width)?;
        b.linear_dw_add(&take(b, x, &rows)?, &take(b, dy, &rows)?, &mut product)?;
        put(b, &product, &part, dw)?;
    }
    Ok(())
}

/// See [`Backend::scale_rows`].
///
/// # Errors
/// When the device fails.
pub fn scale_rows<B: Backend>(b: &B, factors: &[f32], x: &mut B::Buf) -> Result<()> {
    let (rows, cols) = b.shape(x);
    let mut values = b.download(x)?;
    for (row, factor) in values.chunks_mut(cols.max(1)).zip(factors) {
        for value in row {
            *value *= factor;
        }
    }
    *x = b.upload(rows, cols, &values)?;
    Ok(())
}

/// See [`Backend::row_dots`].
///
/// # Errors
/// When the device fails.
pub fn row_dots<B: Backend>(b: &B, x: &B::Buf, y: &B::Buf) -> Result<Vec<f32>> {
    let cols = b.shape(x).1.max(1);
    let (x, y) = (b.download(x)?, b.download(y)?);
    let rows = x.chunks(cols).zip(y.chunks(cols));
    Ok(rows
        .map(|(x, y)| x.iter().zip(y).map(|(x, y)| x * y).sum())
        .collect())
}
