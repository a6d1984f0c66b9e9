//! Several processes that train one model, each on a share of every step (data parallel).
//!
//! Rank 0 is the process that the user starts; it starts the others, one a device, writes everything
//! that is written, and judges. All have the same weights and moments and make the same updates:
//!
//! ```text
//! step's micro-batches ─share─▶ gradients of each rank ─sum─▶ the same gradients ─▶ the same update
//! ```
//!
//! **The global batch is the same for any number of ranks**: the sequences of a step are a range of
//! samples, its micro-batches are cut as one process would cut them, and each rank has a run of them.
//! So experts' balance and dropout are the same, too. What differs is the order in which f32
//! gradients are summed, and that order is fixed: two runs of N ranks end with the same bits.
//!
//! **What is summed**: gradients ([`Ranks::sum_gradients`]: over sockets through the host, or by NCCL
//! on the devices) and a few numbers ([`sum`]). What is decided is rank 0's word ([`agree`]).

#[cfg(feature = "nccl")]
mod nccl;
mod processes;
#[cfg(test)]
mod tests;
mod wire;

use std::ops::Range;

use anyhow::{Context as _, Result, ensure};
use serde::{Serialize, de::DeserializeOwned};

use super::{Options, Step};
use crate::ops::Backend;

#[cfg(feature = "nccl")]
pub use nccl::Nccl;
pub use processes::{join, own_rank, start};
pub use wire::Wire;

/// How ranks speak with each other. Every rank makes the same calls in the same order.
pub trait Exchange: Sync {
    /// This process's number, from 0.
    fn rank(&self) -> usize;
    /// How many there are.
    fn count(&self) -> usize;
    /// What every rank said, in their order.
    ///
    /// # Errors
    /// Names the rank that has failed or died.
    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>>;
}

/// How the ranks' gradients become one.
pub trait Ranks<B: Backend>: Exchange {
    /// Makes every rank's gradients the sum of all ranks', the same bits everywhere.
    ///
    /// # Errors
    /// Names the rank that has failed or died.
    fn sum_gradients(&self, backend: &B, gradients: &mut [B::Buf]) -> Result<()>;
}

/// A process that trains alone.
pub struct Alone;

impl Exchange for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn count(&self) -> usize {
        1
    }

    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        Ok(vec![own.to_vec()])
    }
}

impl<B: Backend> Ranks<B> for Alone {
    fn sum_gradients(&self, _: &B, _: &mut [B::Buf]) -> Result<()> {
        Ok(())
    }
}

/// The sequences of a step that are a rank's: whole micro-batches, as evenly as they go.
#[must_use]
pub fn share(options: &Options, rank: usize, count: usize) -> Range<usize> {
    let all = options.sequences.div_ceil(options.micro_batch);
    let end = |rank: usize| {
        options
            .sequences
            .min(all * rank / count * options.micro_batch)
    };
    end(rank)..end(rank + 1)
}

/// Fails unless every rank has a micro-batch in each step.
///
/// # Errors
/// Says how many ranks a step has work for.
pub fn check_shares(options: &Options, count: usize) -> Result<()> {
    let all = options.sequences.div_ceil(options.micro_batch);
    ensure!(
        count <= all,
        "a step has {all} micro-batches of {} sequences, which {count} devices cannot share. Raise \
         --batch-tokens, lower --micro-batch, or name at most {all} --devices",
        options.micro_batch
    );
    Ok(())
}

/// Makes every rank's values the sums of all ranks', added in the order of the ranks.
///
/// # Errors
/// Names the rank that has failed or died.
pub fn sum<E: Exchange + ?Sized>(ranks: &E, values: &mut [f64]) -> Result<()> {
    if ranks.count() == 1 {
        return Ok(());
    }
    let own: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let all = ranks.gather(&own)?;
    values.fill(0.0);
    for (rank, bytes) in all.iter().enumerate() {
        let (theirs, _) = bytes.as_chunks::<8>();
        ensure!(
            theirs.len() == values.len(),
            "rank {rank} has {} numbers to add to {}: it is at another place of the run",
            theirs.len(),
            values.len()
        );
        for (value, theirs) in values.iter_mut().zip(theirs) {
            *value += f64::from_le_bytes(*theirs);
        }
    }
    Ok(())
}

/// Rank 0's value, on every rank.
///
/// # Errors
/// Names the rank that has failed or died.
pub fn agree<E: Exchange + ?Sized, T: Serialize + DeserializeOwned>(
    ranks: &E,
    own: T,
) -> Result<T> {
    if ranks.count() == 1 {
        return Ok(own);
    }
    let leads = ranks.rank() == 0;
    let said = if leads {
        serde_json::to_vec(&own)?
    } else {
        Vec::new()
    };
    let all = ranks.gather(&said)?;
    if leads {
        return Ok(own);
    }
    serde_json::from_slice(&all[0]).context("what rank 0 said")
}

/// Gives a step rank 0's loss and gradient norm, by which every rank then decides the same.
///
/// # Errors
/// When this rank's gradients are not rank 0's, or a rank has died.
pub fn agree_on_step<E: Exchange + ?Sized>(ranks: &E, step: &mut Step) -> Result<()> {
    let own = (step.loss.map(f64::to_bits), step.grad_norm.to_bits());
    let (loss, norm) = agree(ranks, own)?;
    let (own, norm) = (step.grad_norm, f64::from_bits(norm));
    // Sums of the same gradients: cards of two generations may round them differently, no more.
    let same = if norm.is_finite() {
        (own - norm).abs() <= 1e-3 * norm
    } else {
        !own.is_finite()
    };
    ensure!(
        same,
        "the gradient's norm is {norm} on rank 0 and {own} on rank {}: their weights are no longer \
         the same, or a device computes wrongly. The same command continues from the last checkpoint",
        ranks.rank()
    );
    step.loss = loss.map(f64::from_bits);
    step.grad_norm = norm;
    Ok(())
}

/// Compares the ranks' options, of which only rank 0 knows how much memory the run may fill, and
/// returns those that count.
///
/// # Errors
/// Names what this rank read differently.
pub fn meet<E: Exchange + ?Sized>(ranks: &E, own: &Options) -> Result<Options> {
    let options = agree(ranks, own.clone())?;
    let same = Options {
        micro_batch: options.micro_batch,
        recompute: options.recompute,
        ..own.clone()
    };
    options.check_same(&same).with_context(|| {
        format!(
            "rank {} reads shards, model or flags that rank 0 does not: did a file change while \
             the run started?",
            ranks.rank()
        )
    })?;
    check_shares(&options, ranks.count())?;
    Ok(options)
}
