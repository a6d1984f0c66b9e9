//! Pairs as a stream of tokens, and as the rows of sequences.
//!
//! A pair is one document of the stream: the chosen side, then the rejected one, so that the packing
//! puts both into one sequence and they meet in one micro-batch. Between them is one row without a
//! meaning (the chosen side's last token would predict the rejected side's first), which is not
//! counted. Behind the packing the sides are told apart again: each is a document of its own to
//! attention and positions.

use std::ops::Range;

use super::preference::Pair;
use crate::{
    shard::{Dataset, pairs},
    train::{Sequences, Tokens, TooLong, loader::Finish},
};

/// Where a pair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// First token of the chosen side.
    start: u64,
    /// Tokens of the chosen side.
    chosen: u32,
    /// Tokens of the rejected side, which follows.
    rejected: u32,
}

/// The pairs of a split.
pub struct PairStream {
    /// The tokens.
    pub data: Dataset,
    places: Vec<Place>,
    /// Pairs of which one side is longer than the model's context.
    pub beyond_context: u64,
}

impl PairStream {
    /// The pairs whose sides fit a context of so many tokens.
    #[must_use]
    pub fn new(data: Dataset, context: usize) -> Self {
        let (mut places, mut beyond_context) = (Vec::new(), 0);
        pairs::for_each(&data, &mut |start, chosen, rejected| {
            // A side's last token is predicted, and predicts nothing.
            let fits = |tokens: u64| tokens <= context as u64 + 1;
            match (u32::try_from(chosen), u32::try_from(rejected)) {
                (Ok(short), Ok(other)) if fits(chosen) && fits(rejected) => places.push(Place {
                    start,
                    chosen: short,
                    rejected: other,
                }),
                _ => beyond_context += 1,
            }
        });
        Self {
            data,
            places,
            beyond_context,
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
        let longest = self.places.iter().map(|place| place.tokens() - 1);
        longest.max().unwrap_or(0)
    }
}

impl Place {
    fn tokens(&self) -> u64 {
        u64::from(self.chosen) + u64::from(self.rejected)
    }
}

impl Tokens for PairStream {
    fn tokens(&self) -> u64 {
        self.data.tokens()
    }

    fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
        self.data.window(start, ids, mask);
    }

    fn documents(&self, each: &mut dyn FnMut(u64, u64)) {
        for place in &self.places {
            each(place.start, place.tokens());
        }
    }

    fn counted(&self, start: u64, len: u64) -> u64 {
        self.data.counted(start, len)
    }

    fn too_long(&self) -> TooLong {
        TooLong::LeaveOut
    }
}

/// Where the sides of all pairs of a mixture meet.
pub struct Joints {
    /// In the order of their starts in the mixture.
    places: Vec<Place>,
}

impl Joints {
    /// The joints of streams that lie one after another.
    pub fn new<'a>(streams: impl Iterator<Item = &'a PairStream>) -> Self {
        let (mut places, mut before) = (Vec::new(), 0);
        for stream in streams {
            let moved = stream.places.iter().map(|place| Place {
                start: before + place.start,
                ..*place
            });
            places.extend(moved);
            before += Tokens::tokens(stream);
        }
        Self { places }
    }

    fn at(&self, start: u64) -> Option<Place> {
        let found = self
            .places
            .binary_search_by_key(&start, |place| place.start);
        found.ok().map(|index| self.places[index])
    }
}

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
            let joint = row + place.chosen as usize;
            let end = joint + place.rejected as usize - 1;
            starts[row..joint].fill((row % seq) as u32);
            starts[joint..end].fill((joint % seq) as u32);
            sequences.counted[joint - 1] = false;
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
