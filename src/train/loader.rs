//! From a stream of tokens to training sequences.
//!
//! Window `w` is the `seq + 1` tokens from `w * seq` on: the first `seq` are inputs, the last
//! `seq` targets. Neighbours share one token, so that every token but the split's first is
//! predicted exactly once an epoch. Documents are packed without padding and windows cross their
//! borders; only the split's last window is padded, and the loss does not count the padding.

use anyhow::{Result, ensure};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Permutation;
use crate::{
    ops::Targets,
    shard::{Dataset, Split},
};

/// A stream of tokens with the loss mask: one split of the shards, or a test's numbers.
pub trait Tokens: Sync {
    /// Tokens in the stream.
    fn tokens(&self) -> u64;
    /// Copies tokens from position `start` on, and whether the loss counts predicting each.
    fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]);
}

impl Tokens for Dataset {
    fn tokens(&self) -> u64 {
        Self::tokens(self)
    }

    fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
        Self::window(self, start, ids, mask);
    }
}

/// Sequences with their targets, one after another.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    /// Inputs, `count * seq`.
    pub ids: Vec<u32>,
    /// Targets, `count * seq`.
    pub targets: Vec<u32>,
    /// Whether the loss counts each target.
    pub counted: Vec<bool>,
}

impl Sequences {
    /// Targets that the loss counts.
    #[must_use]
    pub fn counted_targets(&self) -> usize {
        self.counted.iter().filter(|&&c| c).count()
    }

    /// The inputs and targets of some of the sequences.
    #[must_use]
    pub fn part(&self, rows: std::ops::Range<usize>, scale: f32) -> (&[u32], Targets<'_>) {
        let targets = Targets {
            ids: &self.targets[rows.clone()],
            counted: &self.counted[rows.clone()],
            scale,
        };
        (&self.ids[rows], targets)
    }
}

/// Cuts a stream into windows.
pub struct Windows<'a> {
    source: &'a dyn Tokens,
    seq: usize,
    count: u64,
    seed: u64,
}

impl<'a> Windows<'a> {
    /// Windows of `seq + 1` tokens; `seed` decides their order.
    ///
    /// # Errors
    /// When the stream has no pair of tokens.
    pub fn new(source: &'a dyn Tokens, seq: usize, seed: u64) -> Result<Self> {
        let tokens = source.tokens();
        ensure!(seq > 0, "--seq-len: expected at least 1, got 0");
        ensure!(
            tokens >= 2,
            "the split has {tokens} tokens; at least 2 are needed to predict one from another. Add \
             documents, or choose another --val share when sharding"
        );
        let count = (tokens - 1).div_ceil(seq as u64);
        Ok(Self {
            source,
            seq,
            count,
            seed,
        })
    }

    /// Windows in the split.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Tokens of a window, less one.
    #[must_use]
    pub fn seq(&self) -> usize {
        self.seq
    }

    /// Training samples `first..first + n` of all epochs, each epoch in its own order.
    #[must_use]
    pub fn samples(&self, first: u64, n: usize) -> Sequences {
        let mut out = Sequences::default();
        for sample in first..first + n as u64 {
            let epoch = sample / self.count;
            let key = xxh3_64_with_seed(&epoch.to_le_bytes(), self.seed);
            let order = Permutation::new(self.count, key);
            self.append(order.at(sample % self.count), &mut out);
        }
        out
    }

    /// Windows `first..first + n` in the order of the stream.
    #[must_use]
    pub fn in_order(&self, first: u64, n: usize) -> Sequences {
        self.chosen(first..first + n as u64)
    }

    /// The windows of these numbers.
    #[must_use]
    pub fn chosen(&self, numbers: impl Iterator<Item = u64>) -> Sequences {
        let mut out = Sequences::default();
        for window in numbers {
            self.append(window, &mut out);
        }
        out
    }

    /// Whether the loss counts any target at all.
    #[must_use]
    pub fn anything_counted(&self) -> bool {
        (0..self.count).any(|w| self.in_order(w, 1).counted_targets() > 0)
    }

    fn append(&self, window: u64, out: &mut Sequences) {
        let start = window * self.seq as u64;
        let left = self.source.tokens() - start;
        let len = usize::try_from(left).map_or(self.seq + 1, |left| left.min(self.seq + 1));
        let (mut ids, mut mask) = (vec![0; self.seq + 1], vec![false; self.seq + 1]);
        self.source.window(start, &mut ids[..len], &mut mask[..len]);
        out.ids.extend_from_slice(&ids[..self.seq]);
        out.targets.extend_from_slice(&ids[1..]);
        out.counted.extend_from_slice(&mask[1..]);
    }
}

/// The sequence length for a split: as asked, or shorter for a split that is smaller than one
/// window.
#[must_use]
pub fn fitting_seq(asked: usize, tokens: u64) -> usize {
    usize::try_from(tokens.saturating_sub(1).max(1)).map_or(asked, |most| most.min(asked))
}

/// The name of a split in messages.
#[must_use]
pub fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Val => "val",
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The stream 0, 1, 2, …; the loss counts all but every seventh token.
    pub struct Counting(pub u64);

    impl Tokens for Counting {
        fn tokens(&self) -> u64 {
            self.0
        }

        fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
            assert!(start + ids.len() as u64 <= self.0, "out of the stream");
            for (i, (id, mask)) in (start..).zip(ids.iter_mut().zip(mask)) {
                *id = i as u32;
                *mask = i % 7 != 0;
            }
        }
    }

    #[test]
    fn an_epoch_predicts_every_token_once() {
        for tokens in [2, 9, 10, 11, 100] {
            let stream = Counting(tokens);
            let windows = Windows::new(&stream, 9, 3).unwrap();
            let epoch = windows.samples(windows.count(), windows.count() as usize);
            let mut seen: Vec<u32> = Vec::new();
            for ((&id, &target), &counted) in
                epoch.ids.iter().zip(&epoch.targets).zip(&epoch.counted)
            {
                if counted {
                    assert_eq!(target, id + 1);
                    assert_ne!(target % 7, 0, "the mask is the target's");
                    seen.push(target);
                }
            }
            seen.sort_unstable();
            let want: Vec<u32> = (1..tokens as u32).filter(|t| t % 7 != 0).collect();
            assert_eq!(seen, want, "{tokens} tokens");
        }
    }

    #[test]
    fn epochs_have_other_orders_and_one_integer_is_the_state() {
        let stream = Counting(1000);
        let windows = Windows::new(&stream, 10, 3).unwrap();
        let n = windows.count() as usize;
        let first = windows.samples(0, n);
        assert_ne!(first.ids, windows.samples(n as u64, n).ids);
        assert_eq!(first.ids[10 * 17..], windows.samples(17, n - 17).ids);
        assert_ne!(
            first.ids,
            Windows::new(&stream, 10, 4).unwrap().samples(0, n).ids
        );
    }

    #[test]
    fn a_stream_without_a_pair_is_an_error() {
        assert!(Windows::new(&Counting(1), 4, 0).is_err());
        assert!(Windows::new(&Counting(0), 4, 0).is_err());
        assert_eq!(fitting_seq(128, 5), 4);
        assert_eq!(fitting_seq(128, 0), 1);
        assert_eq!(fitting_seq(128, 1 << 40), 128);
    }
}
