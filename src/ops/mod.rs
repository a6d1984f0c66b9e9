//! The operations a transformer is trained with, each with an explicit backward.
//!
//! What: one trait, [`Backend`], with three implementations: [`cpu::Cpu`] (kernels on slices), `cuda::Gpu`
//! (kernels and cuBLAS on an NVIDIA GPU, behind the feature `cuda`) and [`composed::Composed`] (the
//! same formulas put together from candle's operations, which the others are tested against). The
//! model is written once against the trait.
//!
//! Why not candle's tape: many of its fused operations cut the gradient without an error, it keeps
//! every intermediate, and it adds gradients out of place. Measured on 2 cores with a 15.7M Llama:
//! the tape over composed operations trains 370-540 tokens/s in 2.5 GB, these kernels more than
//! twice as many in less than half of the memory.
//!
//! Every buffer is a row-major f32 matrix `[rows, cols]`; rows are tokens (`batch * seq`) for
//! activations. A vector is a matrix with one row.

pub mod composed;
pub mod cpu;
#[cfg(any(feature = "cuda", test))]
pub mod cuda;
pub mod dropout;
pub mod grouped;
mod precision;
pub mod quant;
mod rope;
pub mod scratch;
mod spans;
#[cfg(test)]
pub(crate) mod tests;

use anyhow::{Context, Result};

pub use precision::Precision;
pub use rope::{Llama3Scaling, Rope, RopeOptions};
pub use spans::{Span, Turns, positions};

/// The sizes of one attention call.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Sequences.
    pub batch: usize,
    /// Tokens of each sequence.
    pub seq: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Floats of one head; even where positions are rotary.
    pub head_dim: usize,
    /// What the scores are multiplied by before the softmax; [`usual_factor`] nearly everywhere.
    pub factor: f32,
    /// How many tokens a token sees, itself among them; none for all before it.
    pub window: Option<usize>,
}

/// `1 / sqrt(head_dim)`, by which scores keep the spread of one product.
#[must_use]
pub fn usual_factor(head_dim: usize) -> f32 {
    let width = head_dim as f32;
    1.0 / width.sqrt()
}

impl AttentionShape {
    /// The first of the keys `start..` that the query at `place` sees.
    #[must_use]
    pub fn first_key(&self, start: usize, place: usize) -> usize {
        let hidden = self
            .window
            .map_or(0, |window| (place + 1).saturating_sub(window));
        start.max(hidden)
    }
}

/// What attention keeps for its backward: rotated queries and keys, values, the output and the
/// log-sum-exp of each row of scores. There is no tensor of size seq × seq.
pub struct Attended<T> {
    /// Rotated queries, `[batch * seq, heads * head_dim]`.
    pub q: T,
    /// Rotated keys, `[batch * seq, kv_heads * head_dim]`.
    pub k: T,
    /// Values, `[batch * seq, kv_heads * head_dim]`.
    pub v: T,
    /// The output, `[batch * seq, heads * head_dim]`.
    pub out: T,
    /// Log-sum-exp of the scaled scores, `[batch * heads, seq]`.
    pub lse: T,
}

/// Where the tokens of packed sequences stand.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// The rotary table; none where positions are learned.
    pub rope: Option<&'a Rope>,
    /// For each row the place in its sequence at which its document begins: a row attends from
    /// there to itself, and its position counts from there. Empty when each sequence is one
    /// document.
    pub starts: &'a [u32],
}

impl<'a> Places<'a> {
    /// Sequences of one document each.
    pub fn whole(rope: Option<&'a Rope>) -> Self {
        Self { rope, starts: &[] }
    }

    /// The place in its sequence at which the document of `row` begins.
    pub fn start(&self, row: usize) -> usize {
        self.starts.get(row).map_or(0, |&start| start as usize)
    }
}

/// What the head makes of its input: sums over the counted rows.
pub struct Loss<T> {
    /// The cross-entropy, nats.
    pub nats: f64,
    /// The sum of squared log-sum-exps, not yet times [`Targets::z_loss`].
    pub squares: f64,
    /// The gradient of the head's input, where one was asked for.
    pub dx: Option<T>,
}

/// Targets of the language-model head.
#[derive(Clone, Copy)]
pub struct Targets<'a> {
    /// The token that each row has to predict.
    pub ids: &'a [u32],
    /// Whether the loss counts the row.
    pub counted: &'a [bool],
    /// What each row's loss is multiplied by in the gradients: 1 / counted rows of the whole step.
    pub scale: f32,
    /// The weight of the squared log-sum-exp beside the cross-entropy (`PaLM`'s z-loss); 0 for none.
    pub z_loss: f32,
    /// What each row's gradient is multiplied by beside `scale`, of either sign; empty for 1 each.
    /// Losses are as they are without it.
    pub weights: &'a [f32],
}

impl Targets<'_> {
    /// What the gradient of a row's loss is multiplied by.
    #[must_use]
    pub fn scale_of(&self, row: usize) -> f32 {
        self.weights
            .get(row)
            .map_or(self.scale, |weight| self.scale * weight)
    }
}

/// One AdamW update, the same for every parameter but for the decay.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay; 0 for the norms' group.
    pub weight_decay: f32,
    /// What the gradient is multiplied by first: the clipping factor.
    pub grad_scale: f32,
    /// The update's number, from 1: for the moments' bias correction.
    pub step: u64,
}

/// One parameter as the optimizer sees it.
pub struct Slot<'a, T> {
    /// The master weights, changed in place.
    pub weight: &'a mut T,
    /// The gradient, set to zero after use.
    pub grad: &'a mut T,
    /// The first moment.
    pub m: &'a mut T,
    /// The second moment.
    pub v: &'a mut T,
}

// What fails is the same everywhere: an id outside of its table, or the device itself.
#[allow(clippy::missing_errors_doc)]
/// A device with the operations of a transformer. Names ending in `_add` accumulate into their last
/// argument; weights of linear layers are `[out, in]` as in `PyTorch`.
pub trait Backend: Sync {
    /// A matrix of f32 on the device.
    type Buf: Send + Sync;

    /// What a person calls the device ("cpu", "cuda:0").
    fn name(&self) -> String;
    /// Gives back memory that is kept for matrices to come: before work of other sizes. The values
    /// of matrices that are in use stay.
    fn release(&self) {}
    /// A matrix with these values.
    fn upload(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Self::Buf>;
    /// The values, row by row.
    fn download(&self, buf: &Self::Buf) -> Result<Vec<f32>>;
    /// A matrix of zeros.
    fn zeros(&self, rows: usize, cols: usize) -> Result<Self::Buf>;
    /// The same values in rows of another width.
    fn reshape(&self, buf: Self::Buf, rows: usize, cols: usize) -> Result<Self::Buf>;
    /// A second matrix with the same values.
    fn copy(&self, buf: &Self::Buf) -> Result<Self::Buf>;
    /// (rows, cols).
    fn shape(&self, buf: &Self::Buf) -> (usize, usize);

    /// Rows `ids` of the table `[vocab, width]`: `[ids, width]`.
    fn embed(&self, table: &Self::Buf, ids: &[u32]) -> Result<Self::Buf>;
    /// Adds row `ids[i]` of the table to row `i` of `out`.
    fn embed_add(&self, table: &Self::Buf, ids: &[u32], out: &mut Self::Buf) -> Result<()>;
    /// Adds row `i` of `dy` to row `ids[i]` of `dtable`.
    fn embed_backward_add(&self, ids: &[u32], dy: &Self::Buf, dtable: &mut Self::Buf)
    -> Result<()>;

    /// `x wᵀ`: `[rows, in] × [out, in] → [rows, out]`.
    fn linear(&self, x: &Self::Buf, w: &Self::Buf) -> Result<Self::Buf>;
    /// `y += x wᵀ`.
    fn linear_add(&self, x: &Self::Buf, w: &Self::Buf, y: &mut Self::Buf) -> Result<()>;
    /// The gradient of the input: `dy w`.
    fn linear_dx(&self, dy: &Self::Buf, w: &Self::Buf) -> Result<Self::Buf>;
    /// `dx += dy w`.
    fn linear_dx_add(&self, dy: &Self::Buf, w: &Self::Buf, dx: &mut Self::Buf) -> Result<()>;
    /// A copy for products alone, where the device makes one for each product that reads the matrix: for
    /// a matrix that several read.
    fn for_products(&self, _buf: &Self::Buf) -> Result<Option<Self::Buf>> {
        Ok(None)
    }
    /// The gradient of the weights: `dw += dyᵀ x`.
    fn linear_dw_add(&self, x: &Self::Buf, dy: &Self::Buf, dw: &mut Self::Buf) -> Result<()>;

    /// Adds the vector `bias` to every row.
    fn bias_add(&self, bias: &Self::Buf, y: &mut Self::Buf) -> Result<()>;
    /// Adds the sum of the rows of `dy` to `dbias`.
    fn bias_backward_add(&self, dy: &Self::Buf, dbias: &mut Self::Buf) -> Result<()>;

    /// `(x - mean) / sqrt(variance + eps) * w + b`, and each row's mean and reciprocal root,
    /// `[2, rows]`.
    fn layer_norm(
        &self,
        x: &Self::Buf,
        w: &Self::Buf,
        b: &Self::Buf,
        eps: f32,
    ) -> Result<(Self::Buf, Self::Buf)>;
    /// Adds the gradients of the norm to those of `w` and `b` (`dwb`) and to `dx`.
    fn layer_norm_backward_add(
        &self,
        x: &Self::Buf,
        w: &Self::Buf,
        stats: &Self::Buf,
        dy: &Self::Buf,
        dwb: [&mut Self::Buf; 2],
        dx: &mut Self::Buf,
    ) -> Result<()>;

    /// `x / sqrt(mean(x²) + eps) * w` and the reciprocal root of each row, `[1, rows]`.
    fn rms_norm(&self, x: &Self::Buf, w: &Self::Buf, eps: f32) -> Result<(Self::Buf, Self::Buf)>;
    /// Adds the gradients of the norm to `dw` and to `dx` (which already holds the residual's).
    fn rms_norm_backward_add(
        &self,
        x: &Self::Buf,
        w: &Self::Buf,
        rstd: &Self::Buf,
        dy: &Self::Buf,
        dw: &mut Self::Buf,
        dx: &mut Self::Buf,
    ) -> Result<()>;

    /// Rotates q and k by their positions and attends causally within each document, no further
    /// back than the shape's window.
    fn attention(
        &self,
        q: Self::Buf,
        k: Self::Buf,
        v: Self::Buf,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<Attended<Self::Buf>>;
    /// Gradients of the unrotated q, k and v.
    fn attention_backward(
        &self,
        saved: &Attended<Self::Buf>,
        dout: &Self::Buf,
        shape: AttentionShape,
        places: Places<'_>,
    ) -> Result<[Self::Buf; 3]>;
    /// New tokens of sequences against a cache of all of them: rotates q and k by the positions of
    /// `spans`, writes k and v behind what the cache has of each sequence, and attends to the rows
    /// of the sequence up to each new token, of which it sees those of the shape's window. The
    /// shape's batch and length say nothing here.
    #[allow(clippy::too_many_arguments)]
    fn attention_cached(
        &self,
        q: Self::Buf,
        k: Self::Buf,
        v: Self::Buf,
        cache: &mut (Self::Buf, Self::Buf),
        spans: &[Span],
        shape: AttentionShape,
        rope: Option<&Rope>,
    ) -> Result<Self::Buf>;

    /// `silu(gate) * up`.
    fn swiglu(&self, gate: &Self::Buf, up: &Self::Buf) -> Result<Self::Buf>;
    /// Gradients of gate and up, and the activation once more (`[dgate, dup, act]`): it was not
    /// kept, since making it again costs less than the memory traffic. Takes all three buffers
    /// so that a kernel may work in place.
    fn swiglu_backward(
        &self,
        gate: Self::Buf,
        up: Self::Buf,
        dact: Self::Buf,
    ) -> Result<[Self::Buf; 3]>;

    /// GELU by its tanh formula: `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
    fn gelu(&self, x: &Self::Buf) -> Result<Self::Buf>;
    /// The gradient of x, and the activation once more (`[dx, act]`), as [`Self::swiglu_backward`].
    fn gelu_backward(&self, x: Self::Buf, dact: Self::Buf) -> Result<[Self::Buf; 2]>;

    /// The head and the cross-entropy in row chunks: the sums over the counted rows and, when `dw`
    /// is given, the gradient of `x`; adds the head's to `dw`. The logits are never whole.
    fn head_loss(
        &self,
        x: &Self::Buf,
        w: &Self::Buf,
        targets: Targets<'_>,
        dw: Option<&mut Self::Buf>,
    ) -> Result<Loss<Self::Buf>>;

    /// Products of rows with one of several matrices that lie one below the other in `w`: row groups
    /// of these lengths, `x wᵢᵀ` each: `[rows, in] × [n out, in] → [rows, out]`.
    fn grouped_linear(&self, x: &Self::Buf, w: &Self::Buf, groups: &[usize]) -> Result<Self::Buf>
    where
        Self: Sized,
    {
        grouped::linear(self, x, w, groups)
    }
    /// `dx += dy wᵢ` in every group.
    fn grouped_dx_add(
        &self,
        dy: &Self::Buf,
        w: &Self::Buf,
        groups: &[usize],
        dx: &mut Self::Buf,
    ) -> Result<()>
    where
        Self: Sized,
    {
        grouped::dx_add(self, dy, w, groups, dx)
    }
    /// `dwᵢ += dyᵀ x` of every group.
    fn grouped_dw_add(
        &self,
        x: &Self::Buf,
        dy: &Self::Buf,
        groups: &[usize],
        dw: &mut Self::Buf,
    ) -> Result<()>
    where
        Self: Sized,
    {
        grouped::dw_add(self, x, dy, groups, dw)
    }
    /// Multiplies row `i` by `factors[i]`, in place.
    fn scale_rows(&self, factors: &[f32], x: &mut Self::Buf) -> Result<()>
    where
        Self: Sized,
    {
        grouped::scale_rows(self, factors, x)
    }
    /// The inner products of rows `i` of both.
    fn row_dots(&self, x: &Self::Buf, y: &Self::Buf) -> Result<Vec<f32>>
    where
        Self: Sized,
    {
        grouped::row_dots(self, x, y)
    }

    /// Leaves out a share of the values, which `key` chooses, and scales the others up for it.
    fn dropout(&self, x: &Self::Buf, key: u64, rate: f32) -> Result<Self::Buf> {
        let (rows, cols) = self.shape(x);
        let mut values = self.download(x)?;
        for (place, value) in values.iter_mut().enumerate() {
            *value *= dropout::factor(key, place as u64, rate);
        }
        self.upload(rows, cols, &values)
    }

    /// As [`Self::head_loss`] of a frozen head: the gradient of `x` alone.
    fn frozen_head_loss(
        &self,
        x: &Self::Buf,
        w: &Self::Buf,
        targets: Targets<'_>,
    ) -> Result<Loss<Self::Buf>> {
        let (rows, cols) = self.shape(w);
        self.head_loss(x, w, targets, Some(&mut self.zeros(rows, cols)?))
    }

    /// The cross-entropy of each row, nats; 0 where it is not counted. For evaluation by document.
    ///
    /// By itself it downloads the logits, a chunk of rows at a time; a device that can do without
    /// has its own.
    fn head_losses(&self, x: &Self::Buf, w: &Self::Buf, targets: Targets<'_>) -> Result<Vec<f64>> {
        let (rows, vocab) = (self.shape(x).0, self.shape(w).0);
        let chunk = ((64 << 20) / (4 * vocab)).clamp(1, rows.max(1));
        let mut nats = Vec::with_capacity(rows);
        for from in (0..rows).step_by(chunk) {
            let to = rows.min(from + chunk);
            let logits = self.download(&self.linear(&self.rows(x, from, to)?, w)?)?;
            for (row, logits) in (from..to).zip(logits.chunks_exact(vocab)) {
                nats.push(if targets.counted[row] {
                    -log_share(logits, targets.ids[row])?
                } else {
                    0.0
                });
            }
        }
        Ok(nats)
    }

    /// Rows `from..to`.
    fn rows(&self, x: &Self::Buf, from: usize, to: usize) -> Result<Self::Buf>;
    /// The sum of squares, in f64 over blocks of a fixed size.
    fn sum_squares(&self, buf: &Self::Buf) -> Result<f64>;
    /// The same of each of several matrices: a device is waited for once.
    fn sums_of_squares(&self, bufs: &[Self::Buf]) -> Result<Vec<f64>> {
        bufs.iter().map(|buf| self.sum_squares(buf)).collect()
    }
    /// `average = keep * average + (1 - keep) * weights`, in place.
    fn average(&self, average: &mut Self::Buf, weights: &Self::Buf, keep: f32) -> Result<()>;
    /// One fused AdamW update in place.
    fn adamw(&self, slot: Slot<'_, Self::Buf>, step: AdamStep) -> Result<()>;
    /// The same with moments in 8 bits.
    fn adamw8(&self, slot: quant::adam::EightSlot<'_, Self::Buf>, step: AdamStep) -> Result<()> {
        quant::host::adamw8(self, slot, step)
    }

    /// A frozen matrix as f32.
    fn unpack(&self, w: &quant::Frozen<Self::Buf>) -> Result<Self::Buf> {
        quant::host::unpack_all(self, w)
    }
    /// `y += x wᵀ` of a frozen matrix.
    fn frozen_linear_add(
        &self,
        x: &Self::Buf,
        w: &quant::Frozen<Self::Buf>,
        y: &mut Self::Buf,
    ) -> Result<()> {
        self.linear_add(x, &self.unpack(w)?, y)
    }
    /// `dx += dy w` of a frozen matrix.
    fn frozen_dx_add(
        &self,
        dy: &Self::Buf,
        w: &quant::Frozen<Self::Buf>,
        dx: &mut Self::Buf,
    ) -> Result<()> {
        self.linear_dx_add(dy, &self.unpack(w)?, dx)
    }
}

/// The log-probability of one id, nats.
///
/// # Errors
/// When there is no logit of the id.
pub fn log_share(logits: &[f32], id: u32) -> Result<f64> {
    let wanted = logits.get(id as usize).with_context(|| {
        format!(
            "the id {id} is outside of the model's vocabulary of {}",
            logits.len()
        )
    })?;
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&l| f64::from(l - max).exp()).sum();
    Ok(f64::from(wanted - max) - sum.ln())
}
