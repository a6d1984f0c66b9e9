//! Causal grouped-query attention out of candle operations, in blocks of query rows.

use candle_core::{D, Result, Tensor};

use crate::ops::{Attended, AttentionShape, Places, Rope, Span};

/// Queries of one block: the scores alive at once are `batch * heads * ROWS * seq` floats.
const ROWS: usize = 512;

/// `[batch * seq, heads * dim] → [batch, heads, seq, dim]`.
fn split(x: &Tensor, shape: AttentionShape, heads: usize) -> Result<Tensor> {
    x.reshape((shape.batch, shape.seq, heads, shape.head_dim))?
        .transpose(1, 2)?
        .contiguous()
}

/// `[batch, heads, seq, dim] → [batch * seq, heads * dim]`.
fn merge(x: &Tensor) -> Result<Tensor> {
    let (batch, heads, seq, dim) = x.dims4()?;
    x.transpose(1, 2)?.reshape((batch * seq, heads * dim))
}

/// `[batch, kv_heads, seq, dim] → [batch, heads, seq, dim]`: each key head beside its queries.
fn repeat(x: &Tensor, shape: AttentionShape) -> Result<Tensor> {
    let (batch, kv, seq, dim) = x.dims4()?;
    let group = shape.heads / shape.kv_heads;
    x.unsqueeze(2)?
        .expand((batch, kv, group, seq, dim))?
        .reshape((batch, kv * group, seq, dim))
}

/// The backward of [`repeat`]: sums over the queries' heads.
fn gather_group(x: &Tensor, shape: AttentionShape) -> Result<Tensor> {
    let (batch, heads, seq, dim) = x.dims4()?;
    let group = shape.heads / shape.kv_heads;
    x.reshape((batch, heads / group, group, seq, dim))?.sum(2)
}

/// Rotates `[batch * seq, heads * dim]`; a negative `sign` turns back. Without a table nothing
/// turns.
fn rotate(x: &Tensor, places: Places<'_>, seq: usize, past: usize, sign: f64) -> Result<Tensor> {
    let Some(rope) = places.rope else {
        return Ok(x.clone());
    };
    let (rows, width) = x.dims2()?;
    let half = rope.half;
    let heads = width / (2 * half);
    // Sequences of one document each share the rows of the table.
    let shared = if places.starts.is_empty() { seq } else { rows };
    let table = |values: &[f32]| {
        let turned: Vec<f32> = (0..shared)
            .flat_map(|row| {
                let at = (past + row % seq - places.start(row)) * half;
                &values[at..at + half]
            })
            .copied()
            .collect();
        Tensor::from_vec(turned, (shared / seq, seq, 1, half), x.device())
    };
    let cos = table(&rope.cos)?;
    let sin = (table(&rope.sin)? * sign)?;
    let x = x.reshape((rows / seq, seq, heads, 2 * half))?;
    let a = x.narrow(3, 0, half)?;
    let b = x.narrow(3, half, half)?;
    let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
    let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
    Tensor::cat(&[first, second], 3)?.reshape((rows, width))
}

/// Where each row of each sequence begins to see, `[batch or 1, 1, seq, 1]`; the first row stands
/// at place `past`.
fn starts(shape: AttentionShape, places: Places<'_>, past: usize, like: &Tensor) -> Result<Tensor> {
    let device = like.device();
    let sequences = if places.starts.is_empty() {
        1
    } else {
        shape.batch
    };
    let begins: Vec<u32> = (0..sequences * shape.seq)
        .map(|row| shape.first_key(places.start(row), past + row % shape.seq) as u32)
        .collect();
    Tensor::from_vec(begins, (sequences, 1, shape.seq, 1), device)
}

/// Puts `-inf` where the key lies after the query or before `starts`, in scores of the queries
/// `first..` against the keys `0..`.
fn mask(scores: &Tensor, first: usize, starts: &Tensor) -> Result<Tensor> {
    let (_, _, rows, keys) = scores.dims4()?;
    let device = scores.device();
    let key = Tensor::arange(0, keys as u32, device)?.reshape((1, 1, 1, keys))?;
    let query = Tensor::arange(first as u32, (first + rows) as u32, device)?;
    let past = key.broadcast_le(&query.reshape((1, 1, rows, 1))?)?;
    let own = key.broadcast_ge(starts)?;
    let seen = past.broadcast_mul(&own)?.broadcast_as(scores.shape())?;
    let never = Tensor::full(f32::NEG_INFINITY, scores.shape(), device)?;
    seen.where_cond(scores, &never)
}

/// Scaled and masked scores of the queries `first..first + rows`.
fn scores([q, k, starts]: [&Tensor; 3], first: usize, rows: usize, factor: f64) -> Result<Tensor> {
    let q = q.narrow(2, first, rows)?.contiguous()?;
    let k = k.narrow(2, 0, first + rows)?.contiguous()?;
    let scores = (q.matmul(&k.t()?)? * factor)?;
    mask(&scores, first, &starts.narrow(2, first, rows)?)
}

/// See [`crate::ops::Backend::attention`].
///
/// # Errors
/// When the device fails.
pub fn forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    shape: AttentionShape,
    places: Places<'_>,
) -> Result<Attended<Tensor>> {
    let seq = shape.seq;
    let starts = starts(shape, places, 0, &q)?;
    let q = rotate(&q, places, seq, 0, 1.0)?;
    let k = rotate(&k, places, seq, 0, 1.0)?;
    let queries = split(&q, shape, shape.heads)?;
    let keys = repeat(&split(&k, shape, shape.kv_heads)?, shape)?;
    let values = repeat(&split(&v, shape, shape.kv_heads)?, shape)?;
    let (mut outs, mut lses) = (Vec::new(), Vec::new());
    for first in (0..seq).step_by(ROWS) {
        let rows = ROWS.min(seq - first);
        let scores = scores(
            [&queries, &keys, &starts],
            first,
            rows,
            f64::from(shape.factor),
        )?;
        let max = scores.max_keepdim(D::Minus1)?;
        let exponentials = scores.broadcast_sub(&max)?.exp()?;
        let sum = exponentials.sum_keepdim(D::Minus1)?;
        let seen = values.narrow(2, 0, first + rows)?.contiguous()?;
        outs.push(exponentials.broadcast_div(&sum)?.matmul(&seen)?);
        lses.push((sum.log()? + max)?);
    }
    let out = merge(&Tensor::cat(&outs, 2)?)?;
    let lse = Tensor::cat(&lses, 2)?.reshape((shape.batch * shape.heads, seq))?;
    Ok(Attended { q, k, v, out, lse })
}

/// See [`crate::ops::Backend::attention_backward`].
///
/// # Errors
/// When the device fails.
pub fn backward(
    saved: &Attended<Tensor>,
    dout: &Tensor,
    shape: AttentionShape,
    places: Places<'_>,
) -> Result<[Tensor; 3]> {
    let seq = shape.seq;
    let starts = starts(shape, places, 0, dout)?;
    let queries = split(&saved.q, shape, shape.heads)?;
    let keys = repeat(&split(&saved.k, shape, shape.kv_heads)?, shape)?;
    let values = repeat(&split(&saved.v, shape, shape.kv_heads)?, shape)?;
    let lse = saved.lse.reshape((shape.batch, shape.heads, seq, 1))?;
    let delta = split(&(dout * &saved.out)?, shape, shape.heads)?.sum_keepdim(D::Minus1)?;
    let dout = split(dout, shape, shape.heads)?;
    let mut dqs = Vec::new();
    let (mut dk, mut dv) = (keys.zeros_like()?, values.zeros_like()?);
    for first in (0..seq).step_by(ROWS) {
        let rows = ROWS.min(seq - first);
        let seen = first + rows;
        let block = |x: &Tensor| x.narrow(2, first, rows)?.contiguous();
        let p = scores(
            [&queries, &keys, &starts],
            first,
            rows,
            f64::from(shape.factor),
        )?
        .broadcast_sub(&block(&lse)?)?
        .exp()?;
        let dout = block(&dout)?;
        let dp = dout.matmul(&values.narrow(2, 0, seen)?.t()?)?;
        let ds = ((&p * dp.broadcast_sub(&block(&delta)?)?)? * f64::from(shape.factor))?;
        dqs.push(ds.matmul(&keys.narrow(2, 0, seen)?.contiguous()?)?);
        dk = add_first(&dk, &ds.t()?.matmul(&block(&queries)?)?)?;
        dv = add_first(&dv, &p.t()?.matmul(&dout)?)?;
    }
    let dq = rotate(&merge(&Tensor::cat(&dqs, 2)?)?, places, seq, 0, -1.0)?;
    let dk = rotate(&merge(&gather_group(&dk, shape)?)?, places, seq, 0, -1.0)?;
    Ok([dq, dk, merge(&gather_group(&dv, shape)?)?])
}

/// Adds `part` to the first positions of `whole`.
fn add_first(whole: &Tensor, part: &Tensor) -> Result<Tensor> {
    let missing = whole.dim(2)? - part.dim(2)?;
    whole + part.pad_with_zeros(2, 0, missing)?
}

/// See [`crate::ops::Backend::attention_cached`].
///
/// # Errors
/// When the device fails.
pub fn cached(
    qkv: [Tensor; 3],
    cache: &mut (Tensor, Tensor),
    spans: &[Span],
    shape: AttentionShape,
    rope: Option<&Rope>,
) -> Result<Tensor> {
    let (mut outs, mut row) = (Vec::new(), 0);
    for span in spans {
        let [q, k, v] = qkv.each_ref().map(|x| x.narrow(0, row, span.rows));
        outs.push(cached_span([q?, k?, v?], cache, *span, shape, rope)?);
        row += span.rows;
    }
    Tensor::cat(&outs, 0)
}

fn cached_span(
    [q, k, v]: [Tensor; 3],
    cache: &mut (Tensor, Tensor),
    span: Span,
    shape: AttentionShape,
    rope: Option<&Rope>,
) -> Result<Tensor> {
    let (seq, past) = (span.rows, span.past);
    let shape = AttentionShape {
        batch: 1,
        seq,
        ..shape
    };
    let places = Places::whole(rope);
    let begin = starts(shape, places, past, &q)?;
    let q = rotate(&q, places, seq, past, 1.0)?;
    let k = rotate(&k, places, seq, past, 1.0)?;
    let put = |whole: &Tensor, part: &Tensor| {
        whole.slice_assign(&[span.at()..span.at() + seq, 0..part.dim(1)?], part)
    };
    cache.0 = put(&cache.0, &k)?;
    cache.1 = put(&cache.1, &v)?;
    let seen = AttentionShape {
        seq: past + seq,
        ..shape
    };
    let open = |x: &Tensor| {
        let x = x.narrow(0, span.first, past + seq)?.contiguous()?;
        repeat(&split(&x, seen, shape.kv_heads)?, shape)
    };
    let keys = open(&cache.0)?;
    let values = open(&cache.1)?;
    let queries = split(&q, shape, shape.heads)?;
    let scores = (queries.matmul(&keys.t()?)? * f64::from(shape.factor))?;
    let scores = mask(&scores, past, &begin)?;
    let max = scores.max_keepdim(D::Minus1)?;
    let exponentials = scores.broadcast_sub(&max)?.exp()?;
    let p = exponentials.broadcast_div(&exponentials.sum_keepdim(D::Minus1)?)?;
    merge(&p.matmul(&values)?)
}
