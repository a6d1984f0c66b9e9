//! Causal grouped-query attention out of products over blocks of query rows.
//!
//! For a block of rows of one sequence: the queries of all heads are laid beside each other, so
//! that those that share a key head are one matrix; one batched product a block makes the scores of
//! all heads, a kernel the probabilities, another product the output. Backward makes the scores
//! again. Alive at once are [`SCORES`](crate::ops::scratch::SCORES) scores (and as many gradients), never seq × seq. A block's
//! keys begin with the document, or the window, of its first query, as on the CPU.

use std::sync::Arc;

use anyhow::Result;

use super::{
    Gpu,
    driver::{
        Argument::{Float, Int, Long, Pointer},
        Driver,
    },
    matrix::{Matrix, tagged},
    products::{Cast, Rows, Sizes, Write, choose},
};
use crate::ops::{Attended, AttentionShape, Places, Precision, Span, scratch::block_queries};

/// Queries of one sequence and the keys that any of them sees, as places in the sequence.
#[derive(Clone, Copy)]
struct Block {
    batch: usize,
    first: usize,
    rows: usize,
    first_key: usize,
    keys: usize,
}

/// The blocks of a batch.
fn blocks(shape: AttentionShape, places: Places<'_>) -> impl Iterator<Item = Block> {
    let AttentionShape { batch, seq, .. } = shape;
    let most = block_queries(shape.heads, seq);
    (0..batch).flat_map(move |batch| {
        (0..seq).step_by(most).map(move |first| {
            let rows = most.min(seq - first);
            // Documents lie one after another: the first query's is the earliest, and so is its window.
            let first_key = shape.first_key(places.start(batch * seq + first), first);
            Block {
                batch,
                first,
                rows,
                first_key,
                keys: first + rows - first_key,
            }
        })
    })
}

/// Which way the pairs turn.
#[derive(Clone, Copy)]
pub enum Turn {
    /// By the position's angle.
    Forward,
    /// By minus the position's angle: the backward of the rotation.
    Back,
}

/// Sizes that every step of a call asks for.
#[derive(Clone, Copy)]
struct Widths {
    shape: AttentionShape,
    /// Query heads that share a key head.
    group: usize,
    /// Values of a row of queries.
    q: usize,
    /// Values of a row of keys.
    kv: usize,
}

impl Widths {
    fn new(shape: AttentionShape) -> Self {
        Self {
            shape,
            group: shape.heads / shape.kv_heads,
            q: shape.heads * shape.head_dim,
            kv: shape.kv_heads * shape.head_dim,
        }
    }

    /// Scores of a block: `[group * rows, keys]` for each key head.
    fn scores(self, block: Block) -> usize {
        self.shape.heads * block.rows * block.keys
    }

    fn scores_sizes(self, block: Block) -> Sizes {
        Sizes {
            m: self.group * block.rows,
            n: block.keys,
            k: self.shape.head_dim,
            batch: self.shape.kv_heads,
        }
    }

    fn output_sizes(self, block: Block) -> Sizes {
        Sizes {
            m: self.group * block.rows,
            n: self.shape.head_dim,
            k: block.keys,
            batch: self.shape.kv_heads,
        }
    }

    fn key_sizes(self, block: Block) -> Sizes {
        Sizes {
            m: block.keys,
            n: self.shape.head_dim,
            k: self.group * block.rows,
            batch: self.shape.kv_heads,
        }
    }

    /// Scores, probabilities or their gradients at an address.
    fn block_scores(self, address: u64, block: Block) -> Rows {
        Rows::new(address, block.keys).batched(self.group * block.rows * block.keys)
    }

    /// Queries of a block, or what has their shape, head by head.
    fn block_queries(self, address: u64, block: Block) -> Rows {
        let dim = self.shape.head_dim;
        Rows::new(address, dim).batched(self.group * block.rows * dim)
    }

    /// Keys or values that a block sees, where they lie among those of the batch.
    fn seen(self, address: u64, element: Precision, block: Block) -> Rows {
        let row = block.batch * self.shape.seq + block.first_key;
        let address = address + (row * self.kv * element.bytes()) as u64;
        Rows::new(address, self.kv).batched(self.shape.head_dim)
    }
}

/// Keys and values in the precision of the products, and where documents start.
struct Read<'a, M> {
    element: Precision,
    k: Cast<'a, M>,
    v: Cast<'a, M>,
    starts: Option<Arc<M>>,
}

impl<D: Driver> Gpu<D> {
    /// Rotates each head of each row in place; nothing turns without a table.
    pub(super) fn rotate(
        &self,
        x: &mut Matrix<D::Memory>,
        places: Places<'_>,
        seq: usize,
        past: usize,
        turn: Turn,
    ) -> Result<()> {
        let Some(rope) = places.rope else {
            return Ok(());
        };
        let table = self.table(rope)?;
        let starts = self.starts(places)?;
        let pairs = x.len() / 2;
        let arguments = [
            self.at(x),
            self.to(&table[0]),
            self.to(&table[1]),
            starts.map_or(Pointer(0), |starts| self.to(&starts)),
            Long(pairs as u64),
            Int((x.cols / (2 * rope.half)) as u32),
            Int(rope.half as u32),
            Int(seq as u32),
            Int(past as u32),
            Float(match turn {
                Turn::Forward => 1.0,
                Turn::Back => -1.0,
            }),
        ];
        self.run_over("rotate", pairs, &arguments)
    }

    /// Output and log-sum-exps of rotated queries and keys.
    pub(super) fn attend(
        &self,
        [q, k, v]: [&Matrix<D::Memory>; 3],
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<[Matrix<D::Memory>; 2]> {
        let widths = Widths::new(shape);
        let element = self.precision_of(shape.seq);
        let read = Read {
            element,
            k: self.cast(k, element)?,
            v: self.cast(v, element)?,
            starts: self.starts(places)?,
        };
        let out = self.matrix_in(element, q.rows, q.cols)?;
        let lse = self.matrix(shape.batch * shape.heads, shape.seq)?;
        for block in blocks(shape, places) {
            let row = block.batch * shape.seq + block.first;
            let first = (block.batch * shape.heads * shape.seq + block.first) * 4;
            let log_sums = self.address(&lse) + first as u64;
            self.attend_block(widths, block, &read, (q, row), log_sums, &out)?;
        }
        Ok([out, lse])
    }

    /// One block: queries from row `row` of `q`, the output to the same rows of `out`; no
    /// log-sum-exps where `lse` is 0.
    fn attend_block(
        &self,
        widths: Widths,
        block: Block,
        read: &Read<'_, D::Memory>,
        (q, row): (&Matrix<D::Memory>, usize),
        lse: u64,
        out: &Matrix<D::Memory>,
    ) -> Result<()> {
        let element = read.element;
        let queries = self.split_heads(widths, block, element, (q, row))?;
        let keys = widths.seen(self.cast_address(&read.k), element, block);
        let values = widths.seen(self.cast_address(&read.v), element, block);
        let scores = self.matrix(1, widths.scores(block))?;
        self.product(
            widths.scores_sizes(block),
            element,
            widths.block_queries(self.driver.address(&queries), block),
            keys.transposed(),
            widths.block_scores(self.address(&scores), block),
            Write::Set,
        )?;
        // In f32 the probabilities take the scores' place.
        let own = match element {
            Precision::F32 => None,
            Precision::Bf16 => Some(self.values::<u16>(scores.len())?),
        };
        let p = own
            .as_ref()
            .map_or(self.address(&scores), |own| self.driver.address(own));
        let kernel = choose(element, ["softmax_f32", "softmax_bf16"]);
        let mut arguments = vec![self.plain(&scores), Pointer(p), Pointer(lse)];
        arguments.extend(self.block_arguments(widths, block, read));
        self.run(kernel, [widths.shape.heads * block.rows, 1], &arguments)?;
        let split = self.matrix(1, block.rows * widths.q)?;
        self.product(
            widths.output_sizes(block),
            element,
            widths.block_scores(p, block),
            values,
            widths.block_queries(self.address(&split), block),
            Write::Set,
        )?;
        self.merge_heads(widths, block, &split, (out, row))
    }

    /// The arguments that both softmax kernels end with.
    fn block_arguments(
        &self,
        widths: Widths,
        block: Block,
        read: &Read<'_, D::Memory>,
    ) -> [super::driver::Argument; 8] {
        let seq = widths.shape.seq;
        let first = (block.batch * seq + block.first) * 4;
        let starts = read.starts.as_ref();
        let starts = starts.map_or(0, |starts| self.driver.address(starts) + first as u64);
        [
            Pointer(starts),
            Int(block.rows as u32),
            Int(block.keys as u32),
            Int(block.first as u32),
            Int(block.first_key as u32),
            Int(seq as u32),
            Int(widths.shape.window.unwrap_or(0) as u32),
            Float(widths.shape.factor),
        ]
    }

    /// Rows `row..` of the block in the products' precision, head by head.
    fn split_heads(
        &self,
        widths: Widths,
        block: Block,
        element: Precision,
        (x, row): (&Matrix<D::Memory>, usize),
    ) -> Result<D::Memory> {
        let count = block.rows * widths.q;
        let split = self.driver.alloc(count * element.bytes())?;
        let from = self.address(x) + (row * widths.q * x.element.bytes()) as u64;
        let arguments = [
            tagged(from, x.element),
            tagged(self.driver.address(&split), element),
            Long(count as u64),
            Int(block.rows as u32),
            Int(widths.shape.heads as u32),
            Int(widths.shape.head_dim as u32),
        ];
        self.run_each("split_heads", count, &arguments)?;
        Ok(split)
    }

    /// The opposite.
    fn merge_heads(
        &self,
        widths: Widths,
        block: Block,
        split: &Matrix<D::Memory>,
        (x, row): (&Matrix<D::Memory>, usize),
    ) -> Result<()> {
        let to = self.address(x) + (row * widths.q * x.element.bytes()) as u64;
        let arguments = [
            self.at(split),
            tagged(to, x.element),
            Long(split.len() as u64),
            Int(block.rows as u32),
            Int(widths.shape.heads as u32),
            Int(widths.shape.head_dim as u32),
        ];
        self.run_each("merge_heads", split.len(), &arguments)
    }

    /// Gradients of the rotated q and k and of v.
    pub(super) fn attend_backward(
        &self,
        saved: &Attended<Matrix<D::Memory>>,
        dout: &Matrix<D::Memory>,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<[Matrix<D::Memory>; 3]> {
        let widths = Widths::new(shape);
        let element = self.precision_of(shape.seq);
        let read = Read {
            element,
            k: self.cast(&saved.k, element)?,
            v: self.cast(&saved.v, element)?,
            starts: self.starts(places)?,
        };
        let dq = self.matrix_in(element, saved.q.rows, saved.q.cols)?;
        let dk = self.zeros_of(saved.k.rows, saved.k.cols)?;
        let dv = self.zeros_of(saved.v.rows, saved.v.cols)?;
        for block in blocks(shape, places) {
            self.backward_block(widths, block, &read, (saved, dout), [&dq, &dk, &dv])?;
        }
        Ok([dq, dk, dv])
    }

    fn backward_block(
        &self,
        widths: Widths,
        block: Block,
        read: &Read<'_, D::Memory>,
        (saved, dout): (&Attended<Matrix<D::Memory>>, &Matrix<D::Memory>),
        [dq, dk, dv]: [&Matrix<D::Memory>; 3],
    ) -> Result<()> {
        let element = read.element;
        let seq = widths.shape.seq;
        let row = block.batch * seq + block.first;
        let queries = self.split_heads(widths, block, element, (&saved.q, row))?;
        let douts = self.split_heads(widths, block, element, (dout, row))?;
        let queries = widths.block_queries(self.driver.address(&queries), block);
        let douts = widths.block_queries(self.driver.address(&douts), block);
        let keys = widths.seen(self.cast_address(&read.k), element, block);
        let values = widths.seen(self.cast_address(&read.v), element, block);
        let count = widths.scores(block);
        let (scores, dp) = (self.matrix(1, count)?, self.matrix(1, count)?);
        for (rows, columns, to) in [(queries, keys, &scores), (douts, values, &dp)] {
            let to = widths.block_scores(self.address(to), block);
            let sizes = widths.scores_sizes(block);
            self.product(sizes, element, rows, columns.transposed(), to, Write::Set)?;
        }
        let own = match element {
            Precision::F32 => None,
            Precision::Bf16 => Some([self.values::<u16>(count)?, self.values::<u16>(count)?]),
        };
        let [p, ds] = match &own {
            None => [self.address(&scores), self.address(&dp)],
            Some([p, ds]) => [self.driver.address(p), self.driver.address(ds)],
        };
        let first = (block.batch * widths.shape.heads * seq + block.first) * 4;
        let mut arguments = vec![
            self.plain(&scores),
            self.plain(&dp),
            Pointer(p),
            Pointer(ds),
            Pointer(self.address(&saved.lse) + first as u64),
        ];
        arguments.extend(self.block_arguments(widths, block, read));
        let kernel = choose(element, ["softmax_backward_f32", "softmax_backward_bf16"]);
        self.run(kernel, [widths.shape.heads * block.rows, 1], &arguments)?;
        let (p, ds) = (
            widths.block_scores(p, block),
            widths.block_scores(ds, block),
        );
        for (scores, rows, to) in [(p, douts, dv), (ds, queries, dk)] {
            let to = widths.seen(self.address(to), Precision::F32, block);
            let sizes = widths.key_sizes(block);
            self.product(sizes, element, scores.transposed(), rows, to, Write::Add)?;
        }
        let split = self.matrix(1, block.rows * widths.q)?;
        let to = widths.block_queries(self.address(&split), block);
        self.product(
            widths.output_sizes(block),
            element,
            ds,
            keys,
            to,
            Write::Set,
        )?;
        self.merge_heads(widths, block, &split, (dq, row))
    }

    /// Rotated queries, the new tokens of `spans`, against the cached rows of their sequence up to
    /// each of them; in f32, since a new token reads each row once.
    pub(super) fn attend_cached(
        &self,
        q: &Matrix<D::Memory>,
        [keys, values]: [&Matrix<D::Memory>; 2],
        spans: &[Span],
        shape: AttentionShape,
    ) -> Result<Matrix<D::Memory>> {
        // A block's keys begin at row `batch * seq`: with a length of 1 that is where the sequence does.
        let widths = Widths::new(AttentionShape { seq: 1, ..shape });
        let read = Read {
            element: Precision::F32,
            k: Cast::Same(keys),
            v: Cast::Same(values),
            starts: None,
        };
        let out = self.matrix(q.rows, q.cols)?;
        let mut begin = 0;
        for span in spans {
            let most = block_queries(shape.heads, span.past + span.rows);
            for row in (0..span.rows).step_by(most) {
                let rows = most.min(span.rows - row);
                let place = span.past + row;
                let first_key = shape.first_key(0, place);
                let block = Block {
                    batch: span.first,
                    first: place,
                    rows,
                    first_key,
                    keys: place + rows - first_key,
                };
                self.attend_block(widths, block, &read, (q, begin + row), 0, &out)?;
            }
            begin += span.rows;
        }
        Ok(out)
    }
}
