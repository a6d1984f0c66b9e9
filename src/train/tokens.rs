//! Where training reads tokens: a split of the shards, several of them mixed, or a test's numbers.

use anyhow::{Result, ensure};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::shard::Dataset;

/// What becomes of a document that is longer than a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    /// A text is cut into pieces; a chat, of which the loss leaves tokens out, loses its end.
    Cut,
    /// It loses its end.
    Truncate,
    /// It is left out.
    LeaveOut,
}

/// A stream of tokens with the loss mask, and where its documents begin.
pub trait Tokens: Sync {
    /// Tokens in the stream.
    fn tokens(&self) -> u64;
    /// Copies tokens from position `start` on, and whether the loss counts predicting each. The
    /// window lies in one document.
    fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]);
    /// Calls `each` with the first position and the tokens of every document that an epoch learns
    /// from, as often as it does.
    fn documents(&self, each: &mut dyn FnMut(u64, u64));
    /// How many of the `len` tokens of one document from position `start` on the loss counts.
    fn counted(&self, start: u64, len: u64) -> u64;
    /// Of the document that begins at `start`, how many tokens are in the first of its two sides; none
    /// where it has no sides. That the last token of one side predicts the first of the other is no
    /// pair: sequences have no row for it.
    fn joint(&self, _start: u64) -> Option<usize> {
        None
    }
    /// What becomes of documents that are longer than a sequence.
    fn too_long(&self) -> TooLong {
        TooLong::Cut
    }
}

impl Tokens for Dataset {
    fn tokens(&self) -> u64 {
        Self::tokens(self)
    }

    fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
        Self::window(self, start, ids, mask);
    }

    fn documents(&self, each: &mut dyn FnMut(u64, u64)) {
        self.for_each_span(each);
    }

    fn counted(&self, start: u64, len: u64) -> u64 {
        Self::counted(self, start, len)
    }
}

/// More passes over one part than this teach nothing (Muennighoff et al. 2023, arXiv 2305.16264,
/// find no gain after 16 epochs).
const LARGEST_WEIGHT: f64 = 100.0;

/// Several streams as one, each learned from `weight` times an epoch: 2.5 takes every document
/// twice and a keyed half of them a third time.
pub struct Mixture<'a> {
    /// Streams with the position of their first token, in order.
    parts: Vec<(u64, &'a dyn Tokens, f64)>,
    seed: u64,
}

impl<'a> Mixture<'a> {
    /// Streams with their weights; `seed` decides which documents a part of a weight takes.
    ///
    /// # Errors
    /// When a weight is not a number from 0 to 100.
    pub fn new(parts: &[(&'a dyn Tokens, f64)], seed: u64) -> Result<Self> {
        let mut start = 0;
        let mut placed = Vec::new();
        for &(tokens, weight) in parts {
            ensure!(
                (0.0..=LARGEST_WEIGHT).contains(&weight),
                "the weight of shards: expected a number from 0 to {LARGEST_WEIGHT}, got {weight}"
            );
            placed.push((start, tokens, weight));
            start += tokens.tokens();
        }
        Ok(Self {
            parts: placed,
            seed,
        })
    }

    /// The part that a position is in: its first position and its tokens.
    fn part(&self, position: u64) -> (u64, &dyn Tokens) {
        let after = self.parts.partition_point(|part| part.0 <= position);
        let (start, tokens, _) = self.parts[after - 1];
        (start, tokens)
    }
}

impl Tokens for Mixture<'_> {
    fn tokens(&self) -> u64 {
        self.parts
            .iter()
            .map(|(_, tokens, _)| tokens.tokens())
            .sum()
    }

    fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
        let (first, tokens) = self.part(start);
        tokens.window(start - first, ids, mask);
    }

    fn documents(&self, each: &mut dyn FnMut(u64, u64)) {
        for (i, &(first, tokens, weight)) in self.parts.iter().enumerate() {
            let seed = self.seed ^ (i as u64 + 1).rotate_left(32);
            for pass in 0..weight.ceil() as u64 {
                let share = (weight - pass as f64).min(1.0);
                let mut number: u64 = 0;
                tokens.documents(&mut |start, count| {
                    let hash = xxh3_64_with_seed(&number.to_le_bytes(), seed);
                    if share >= 1.0 || (hash as f64 / u64::MAX as f64) < share {
                        each(first + start, count);
                    }
                    number += 1;
                });
            }
        }
    }

    fn counted(&self, start: u64, len: u64) -> u64 {
        let (first, tokens) = self.part(start);
        tokens.counted(start - first, len)
    }

    fn joint(&self, start: u64) -> Option<usize> {
        let (first, tokens) = self.part(start);
        tokens.joint(start - first)
    }

    fn too_long(&self) -> TooLong {
        // All parts are of one kind.
        let first = self.parts.first();
        first.map_or(TooLong::Cut, |(_, tokens, _)| tokens.too_long())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::loader::tests::Counting;

    #[test]
    fn weights_repeat_and_sample_documents() {
        let (a, b) = (Counting::of(&[5; 1000]), Counting::of(&[7; 400]));
        let mixture = Mixture::new(&[(&a, 0.3), (&b, 2.5)], 9).unwrap();
        let (mut first, mut second) = (Vec::new(), vec![0; 400]);
        mixture.documents(&mut |start, tokens| {
            if start < 5000 {
                assert_eq!(tokens, 5);
                first.push(start);
            } else {
                assert_eq!((tokens, (start - 5000) % 7), (7, 0));
                second[(start - 5000) as usize / 7] += 1;
            }
        });
        assert!((250..350).contains(&first.len()), "{}", first.len());
        assert!(second.iter().all(|n| [2, 3].contains(n)));
        let thrice = second.iter().filter(|&&n| n == 3).count();
        assert!((150..250).contains(&thrice), "{thrice}");
        let (mut ids, mut mask) = ([0; 3], [true; 3]);
        mixture.window(5002, &mut ids, &mut mask);
        assert_eq!(ids, [2, 3, 4]);
        assert!(Mixture::new(&[(&a, -1.0)], 0).is_err());
        assert!(Mixture::new(&[(&a, f64::NAN)], 0).is_err());
    }
}
