//! Pairs as a stream of tokens, and as the rows of sequences.
//!
//! A pair is one document of the stream: the chosen side, then the rejected one, so that the packing
//! puts both into one sequence and they meet in one micro-batch. Where they meet there is no row: that
//! the chosen side's last token predicts the rejected side's first would mean nothing. Behind the packing the sides are told apart again: each is a document of its own to
//! attention and positions.

use std::ops::Range;

use super::{
    places::{Place, Places, Stream},
    preference::Pair,
};
use crate::{
    shard::{Dataset, pairs},
    train::{Sequences, TooLong, loader::Finish},
};

/// Where a pair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// First token of the chosen side.
    start: u64,
    /// Tokens of the chosen side.
    chosen: u32,
    /// Tokens of the rejected side, which follows.
    rejected: u32,
}

impl Place for Sides {
    const TOO_LONG: TooLong = TooLong::LeaveOut;

    fn start(&self) -> u64 {
        self.start
    }

    fn tokens(&self) -> u64 {
        u64::from(self.chosen) + u64::from(self.rejected)
    }

    fn behind(self, tokens: u64) -> Self {
        Self {
            start: self.start + tokens,
            ..self
        }
    }

    fn joint(&self) -> Option<usize> {
        Some(self.chosen as usize)
    }

    fn counted(data: &Dataset, start: u64, len: u64) -> u64 {
        data.counted(start, len)
    }
}

/// The pairs of a split; those of which one side is longer than the model's context are left out.
pub type PairStream = Stream<Sides>;

impl PairStream {
    /// The pairs whose sides fit a context of so many tokens.
    #[must_use]
    pub fn new(data: Dataset, context: usize) -> Self {
        let (mut places, mut left_out) = (Vec::new(), 0);
        pairs::for_each(&data, &mut |start, chosen, rejected| {
            // A side's last token is predicted, and predicts nothing.
            let fits = |tokens: u64| tokens <= context as u64 + 1;
            match (u32::try_from(chosen), u32::try_from(rejected)) {
                (Ok(short), Ok(other)) if fits(chosen) && fits(rejected) => places.push(Sides {
                    start,
                    chosen: short,
                    rejected: other,
                }),
                _ => left_out += 1,
            }
        });
        Self {
            data,
            places,
            left_out,
        }
    }

    /// Pairs that are learned from, where they fit a sequence.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.places.len() as u64
    }

    /// Tokens of a sequence that would take the longest pair.
    #[must_use]
    pub fn longest(&self) -> u64 {
        let longest = self
            .places
            .iter()
            .map(|sides| sides.tokens().saturating_sub(2));
        longest.max().unwrap_or(0)
    }
}

/// Where the sides of all pairs of a mixture meet.
pub type Joints = Places<Sides>;

impl Finish for Joints {
    fn finish(&self, sequences: &mut Sequences) {
        let seq = sequences.seq;
        // Padding is documents of one token each: their positions stay within any context.
        let mut starts: Vec<u32> = (0..sequences.ids.len())
            .map(|row| (row % seq) as u32)
            .collect();
        let mut pieces = Vec::with_capacity(2 * sequences.pieces.len());
        for &(row, start) in &sequences.pieces {
            let Some(place) = self.at(start) else {
                continue;
            };
            let joint = row + (place.chosen as usize).saturating_sub(1);
            let end = joint + (place.rejected as usize).saturating_sub(1);
            starts[row..joint].fill((row % seq) as u32);
            starts[joint..end].fill((joint % seq) as u32);
            pieces.push((row, start));
            pieces.push((joint, start + u64::from(place.chosen)));
        }
        sequences.starts = starts;
        sequences.pieces = pieces;
    }
}

/// The pairs in some of the sequences, by their rows from the first of these on.
#[must_use]
pub fn in_batch(data: &Sequences, sequences: Range<usize>) -> Vec<Pair> {
    let rows = sequences.start * data.seq..sequences.end * data.seq;
    let first = data.pieces.partition_point(|piece| piece.0 < rows.start);
    let end = data.pieces.partition_point(|piece| piece.0 < rows.end);
    let row = |piece: usize| data.pieces[piece].0 - rows.start;
    (first..end)
        .step_by(2)
        .map(|piece| {
            // The sequence's padding, where there is some, is not counted.
            let after = if piece + 2 < end {
                row(piece + 2)
            } else {
                rows.len()
            };
            Pair {
                chosen: row(piece)..row(piece + 1),
                rejected: row(piece + 1)..after,
            }
        })
        .collect()
}
