//! Causal grouped-query attention in blocks of query rows.
//!
//! Forward makes the scores of [`ROWS`] queries against the keys up to them, turns them into
//! probabilities at once and keeps only each row's log-sum-exp; backward makes the scores again.
//! A task's scratch is `2 * ROWS * seq` floats (0.5 MiB at 1,024 tokens) where the whole scores
//! would be `heads * seq * seq` a sequence; the price is one more product of five in backward.
//! In packed sequences a block's keys begin with the document of its first query: what lies before
//! is not multiplied at all, so that short documents cost what they would cost alone; and what lies
//! before the window of its first query, so that windows cost what they see.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    super::{Attended, AttentionShape, Places},
    buf::CpuBuf,
    disjoint::Disjoint,
    gemm::{self, Sizes, View, Write},
    simd,
};

/// Queries of one block.
const ROWS: usize = 64;

/// Where one head's data lies in the matrices.
struct Head<'a> {
    q: View<'a>,
    k: View<'a>,
    v: View<'a>,
    /// First element of the head in q, out and their gradients.
    q_at: usize,
    /// First element of the head in k, v and their gradients.
    kv_at: usize,
}

fn head<'a>(
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    shape: AttentionShape,
    batch: usize,
    head: usize,
) -> Head<'a> {
    let (q_width, kv_width) = widths(shape);
    let group = shape.heads / shape.kv_heads;
    let q_at = batch * shape.seq * q_width + head * shape.head_dim;
    let kv_at = batch * shape.seq * kv_width + head / group * shape.head_dim;
    Head {
        q: View::rows(&q[q_at..], q_width),
        k: View::rows(&k[kv_at..], kv_width),
        v: View::rows(&v[kv_at..], kv_width),
        q_at,
        kv_at,
    }
}

fn widths(shape: AttentionShape) -> (usize, usize) {
    (
        shape.heads * shape.head_dim,
        shape.kv_heads * shape.head_dim,
    )
}

fn below(view: View<'_>, row: usize) -> View<'_> {
    View {
        data: &view.data[row * view.row_stride..],
        ..view
    }
}

fn transposed(view: View<'_>) -> View<'_> {
    View {
        row_stride: view.col_stride,
        col_stride: view.row_stride,
        ..view
    }
}

/// `dst = a b` into a contiguous scratch of `stride`-wide rows.
fn into_scratch(sizes: Sizes, a: View<'_>, b: View<'_>, dst: &mut [f32], stride: usize) {
    let dst = Disjoint::new(dst);
    // SAFETY: the scratch is this task's own.
    unsafe { gemm::block(sizes, a, b, &dst, 0, stride, Write::Set) };
}

/// A block of query rows and the keys that any of them sees, as places in the sequence.
struct Block {
    first: usize,
    rows: usize,
    first_key: usize,
    keys: usize,
}

impl Block {
    fn new(first: usize, shape: AttentionShape, batch: usize, places: Places<'_>) -> Self {
        let rows = ROWS.min(shape.seq - first);
        // Documents lie one after another: the first query's is the earliest, and so is its window.
        let first_key = shape.first_key(places.start(batch * shape.seq + first), first);
        Self {
            first,
            rows,
            first_key,
            keys: first + rows - first_key,
        }
    }

    /// The block's keys that row `r` of it sees.
    fn seen(
        &self,
        r: usize,
        shape: AttentionShape,
        batch: usize,
        places: Places<'_>,
    ) -> Range<usize> {
        let row = self.first + r;
        let start = shape.first_key(places.start(batch * shape.seq + row), row);
        start - self.first_key..row + 1 - self.first_key
    }
}

/// Writes the output and the log-sum-exp of every row.
pub fn forward(
    [q, k, v]: [&[f32]; 3],
    shape: AttentionShape,
    places: Places<'_>,
    out: &mut [f32],
    lse: &mut [f32],
) {
    let AttentionShape {
        seq,
        heads,
        head_dim,
        factor,
        ..
    } = shape;
    let (q_width, _) = widths(shape);
    let out = Disjoint::new(out);
    lse.par_chunks_mut(seq)
        .enumerate()
        .for_each_init(Vec::new, |scores, (i, lse)| {
            let head = head(q, k, v, shape, i / heads, i % heads);
            scores.resize(ROWS * seq, 0.0);
            for first in (0..seq).step_by(ROWS) {
                let block = Block::new(first, shape, i / heads, places);
                let Block { rows, keys, .. } = block;
                let sizes = Sizes {
                    m: rows,
                    n: keys,
                    k: head_dim,
                };
                let queries = below(head.q, first);
                let seen_keys = below(head.k, block.first_key);
                into_scratch(sizes, queries, transposed(seen_keys), scores, keys);
                let mut inverse = [0.0; ROWS];
                for (r, row) in scores.chunks_exact_mut(keys).take(rows).enumerate() {
                    let seen = block.seen(r, shape, i / heads, places);
                    row[..seen.start].fill(0.0);
                    row[seen.end..].fill(0.0);
                    let (max, sum) = simd::exponentials(&mut row[seen], factor);
                    inverse[r] = 1.0 / sum;
                    lse[first + r] = max * factor + sum.ln();
                }
                let sizes = Sizes {
                    m: rows,
                    n: head_dim,
                    k: keys,
                };
                let at = head.q_at + first * q_width;
                // SAFETY: a head's columns of a sequence's rows belong to one task.
                unsafe {
                    let p = View::rows(scores, keys);
                    let values = below(head.v, block.first_key);
                    gemm::block(sizes, p, values, &out, at, q_width, Write::Set);
                    for (r, inverse) in inverse.iter().enumerate().take(rows) {
                        simd::scale(*inverse, out.part(at + r * q_width, head_dim));
                    }
                }
            }
        });
}

/// Scratch of one backward task.
#[derive(Default)]
struct Scratch {
    p: Vec<f32>,
    ds: Vec<f32>,
}

/// Writes the gradients of the rotated q and k and of v.
pub fn backward(
    saved: &Attended<CpuBuf>,
    dout: &[f32],
    shape: AttentionShape,
    places: Places<'_>,
    gradients: [&mut [f32]; 3],
) {
    let AttentionShape {
        batch,
        heads,
        kv_heads,
        ..
    } = shape;
    let [dq, dk, dv] = gradients;
    let (dq, dk, dv) = (Disjoint::new(dq), Disjoint::new(dk), Disjoint::new(dv));
    let group = heads / kv_heads;
    // One task a key head: its queries' heads add to the same gradients, in order.
    (0..batch * kv_heads)
        .into_par_iter()
        .for_each_init(Scratch::default, |scratch, i| {
            let (b, kv) = (i / kv_heads, i % kv_heads);
            for h in kv * group..(kv + 1) * group {
                let place = Place {
                    batch: b,
                    head: h,
                    first_of_group: h == kv * group,
                    places,
                };
                backward_head(saved, dout, shape, place, scratch, [&dq, &dk, &dv]);
            }
        });
}

struct Place<'a> {
    places: Places<'a>,
    batch: usize,
    head: usize,
    /// Whether the key's gradients still hold what the buffer's last user left.
    first_of_group: bool,
}

fn backward_head(
    saved: &Attended<CpuBuf>,
    dout: &[f32],
    shape: AttentionShape,
    place: Place<'_>,
    scratch: &mut Scratch,
    [dq, dk, dv]: [&Disjoint<'_>; 3],
) {
    let AttentionShape {
        seq,
        head_dim,
        factor,
        ..
    } = shape;
    let (q_width, kv_width) = widths(shape);
    let head = head(&saved.q, &saved.k, &saved.v, shape, place.batch, place.head);
    let dout_rows = View::rows(&dout[head.q_at..], q_width);
    let out = &saved.out[head.q_at..];
    let lse = &saved.lse[(place.batch * shape.heads + place.head) * seq..][..seq];
    scratch.p.resize(ROWS * seq, 0.0);
    scratch.ds.resize(ROWS * seq, 0.0);
    if place.first_of_group {
        for row in 0..seq {
            let at = head.kv_at + row * kv_width;
            // SAFETY: a key head's columns of a sequence's rows belong to one task.
            unsafe {
                dk.part(at, head_dim).fill(0.0);
                dv.part(at, head_dim).fill(0.0);
            }
        }
    }
    for first in (0..seq).step_by(ROWS) {
        let block = Block::new(first, shape, place.batch, place.places);
        let Block { rows, keys, .. } = block;
        let (seen_keys, seen_values) = (
            below(head.k, block.first_key),
            below(head.v, block.first_key),
        );
        let scores = Sizes {
            m: rows,
            n: keys,
            k: head_dim,
        };
        let (p, ds) = (&mut scratch.p, &mut scratch.ds);
        let queries = below(head.q, first);
        let dout_block = below(dout_rows, first);
        into_scratch(scores, queries, transposed(seen_keys), p, keys);
        into_scratch(scores, dout_block, transposed(seen_values), ds, keys);
        let blocks = p.chunks_exact_mut(keys).zip(ds.chunks_exact_mut(keys));
        for (r, (p, ds)) in blocks.take(rows).enumerate() {
            let seen = block.seen(r, shape, place.batch, place.places);
            simd::probabilities(&mut p[seen.clone()], factor, lse[first + r]);
            for row in [&mut *p, &mut *ds] {
                row[..seen.start].fill(0.0);
                row[seen.end..].fill(0.0);
            }
            let at = (first + r) * q_width;
            let delta = simd::dot(
                &dout_block.data[r * q_width..][..head_dim],
                &out[at..at + head_dim],
            );
            score_gradients(&mut ds[seen.clone()], &p[seen], delta, factor);
        }
        let (p, ds) = (View::rows(p, keys), View::rows(ds, keys));
        let to_keys = Sizes {
            m: keys,
            n: head_dim,
            k: rows,
        };
        let to_queries = Sizes {
            m: rows,
            n: head_dim,
            k: keys,
        };
        let kv_at = head.kv_at + block.first_key * kv_width;
        let q_at = head.q_at + first * q_width;
        // SAFETY: the columns of a key head and of its query heads belong to one task.
        unsafe {
            let add = Write::Add;
            gemm::block(to_keys, transposed(p), dout_block, dv, kv_at, kv_width, add);
            gemm::block(to_keys, transposed(ds), queries, dk, kv_at, kv_width, add);
            gemm::block(to_queries, ds, seen_keys, dq, q_at, q_width, Write::Set);
        }
    }
}

simd::kernel! {
    /// `ds = p * (ds - delta) * factor`.
    pub fn score_gradients(ds: &mut [f32], p: &[f32], delta: f32, factor: f32) {
        for (ds, p) in ds.iter_mut().zip(p) {
            *ds = p * (*ds - delta) * factor;
        }
    }
}
