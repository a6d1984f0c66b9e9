//! The loss of a model on a split: nats a counted token, perplexity, bits a byte.
//!
//! Bits a byte compares models with different tokenizers: the nats of all counted tokens over the
//! bytes of text that they stand for.

pub mod choice;
pub mod exact;
mod groups;
pub mod paired;
pub mod tasks;

use std::{f64::consts::LN_2, ops::AddAssign};

use anyhow::Result;
use serde::{Deserialize, Serialize};

pub use groups::{Breakdown, Groups, MOST_SOURCES, OTHERS};

use crate::{
    model::Model,
    ops::Backend,
    train::{Loader, Scale, Sequences},
};

/// Sums over the counted tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Summed loss, nats.
    pub nats: f64,
    /// Counted tokens.
    pub tokens: u64,
    /// Bytes of text that they stand for.
    pub bytes: u64,
}

/// The means, as reports have them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Means {
    /// Nats a counted token.
    pub loss: f64,
    /// `e^loss`.
    pub perplexity: f64,
    /// Bits a byte of text.
    pub bits_per_byte: Option<f64>,
    /// Counted tokens.
    pub tokens: u64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.nats += other.nats;
        self.tokens += other.tokens;
        self.bytes += other.bytes;
    }
}

impl Sums {
    /// The means; `None` when nothing was counted.
    #[must_use]
    pub fn means(&self) -> Option<Means> {
        (self.tokens > 0).then(|| {
            let loss = self.nats / self.tokens as f64;
            Means {
                loss,
                perplexity: loss.exp(),
                bits_per_byte: (self.bytes > 0).then(|| self.nats / LN_2 / self.bytes as f64),
                tokens: self.tokens,
            }
        })
    }
}

/// How much of a split is measured, and in what portions.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Sequences at once.
    pub micro_batch: usize,
    /// The most tokens; none for all.
    pub tokens: Option<u64>,
}

impl Extent {
    /// The sequences that are measured, at even distances, with their number, portion by portion.
    pub fn portions(self, data: &Loader<'_>) -> impl Iterator<Item = (Sequences, usize)> {
        let most = self
            .tokens
            .map_or(u64::MAX, |t| t.div_ceil(data.seq() as u64).max(1));
        let end = data.count().min(most);
        (0..end).step_by(self.micro_batch).map(move |first| {
            let count = (end - first).min(self.micro_batch as u64);
            let chosen = (first..first + count).map(|i| i * data.count() / end);
            (data.chosen(chosen), count as usize)
        })
    }
}

/// Measures the sequences of a split, or as many as `extent` allows at even distances, so that a part
/// stands for the whole; `token_bytes` has the bytes of each token id. `each` gets the sums of every
/// piece of a document and the position of its first input in the stream.
/// `progress` hears how many sequences are done after each portion and says whether to go on.
///
/// # Errors
/// When a token is outside of the model's vocabulary, or the device fails.
pub fn measure<B: Backend>(
    backend: &B,
    model: &Model<B>,
    data: &Loader<'_>,
    token_bytes: &[u32],
    extent: Extent,
    each: &mut dyn FnMut(u64, Sums),
    progress: &mut dyn FnMut(u64) -> bool,
) -> Result<Sums> {
    let rope = model.config.rope_table(data.seq());
    let mut sums = Sums::default();
    let mut first = 0;
    for (data, count) in extent.portions(data) {
        let batch = data.batch(0..count, Scale::PLAIN);
        let nats = model.row_losses(backend, rope.as_ref(), batch)?;
        let ends = data.pieces.iter().skip(1).map(|piece| piece.0);
        let ends = ends.chain([data.ids.len()]);
        for (&(from, position), to) in data.pieces.iter().zip(ends) {
            let mut piece = Sums::default();
            for row in (from..to).filter(|&row| data.counted[row]) {
                // Row by row, so that the whole does not depend on how it is told apart.
                sums.nats += nats[row];
                piece.nats += nats[row];
                piece.tokens += 1;
                let bytes = token_bytes.get(data.targets[row] as usize);
                piece.bytes += u64::from(bytes.copied().unwrap_or(0));
            }
            sums.tokens += piece.tokens;
            sums.bytes += piece.bytes;
            each(position, piece);
        }
        first += count as u64;
        if !progress(first) {
            break;
        }
    }
    Ok(sums)
}
