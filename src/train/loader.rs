//! From the plan of an epoch to training sequences.
//!
//! Sample `i` of epoch `e` is the sequence `permutation(e).at(i)` of the plan: shuffling costs no
//! memory, the order is the same however many workers share it, and the loader's whole state is
//! one integer. A sample reads only its own pages of the mapped shards; narrow ids are widened as
//! they are gathered. Its documents keep to themselves: each row knows where its document begins,
//! and attention and positions begin there. What is left at a sequence's end is padding, which the
//! loss does not count.

use anyhow::{Result, ensure};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Permutation, Tokens,
    packed::Packed,
    packing::{Packing, Plan},
};
use crate::{model::Batch, ops::Targets};

/// Sequences with their targets, one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequences {
    /// Tokens of each.
    pub seq: usize,
    /// Inputs, `count * seq`.
    pub ids: Vec<u32>,
    /// Targets, `count * seq`.
    pub targets: Vec<u32>,
    /// Whether the loss counts each target.
    pub counted: Vec<bool>,
    /// Where in its sequence each row's document begins.
    pub starts: Vec<u32>,
    /// First row of each piece of a document, and the position in the stream of its first input.
    pub pieces: Vec<(usize, u64)>,
}

/// How the loss of rows counts.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// What each row's loss is multiplied by in the gradients.
    pub rows: f32,
    /// The weight of the squared log-sum-exp; 0 for none.
    pub z_loss: f32,
}

impl Scale {
    /// For a loss without gradients.
    pub const PLAIN: Self = Self {
        rows: 1.0,
        z_loss: 0.0,
    };
}

impl Sequences {
    /// Targets that the loss counts.
    #[must_use]
    pub fn counted_targets(&self) -> usize {
        self.counted.iter().filter(|&&c| c).count()
    }

    /// Sequences.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ids.len() / self.seq.max(1)
    }

    /// Some of the sequences as a model takes them.
    #[must_use]
    pub fn batch(&self, sequences: std::ops::Range<usize>, scale: Scale) -> Batch<'_> {
        let rows = sequences.start * self.seq..sequences.end * self.seq;
        Batch {
            batch: sequences.len(),
            seq: self.seq,
            ids: &self.ids[rows.clone()],
            starts: &self.starts[rows.clone()],
            targets: Targets {
                ids: &self.targets[rows.clone()],
                counted: &self.counted[rows],
                scale: scale.rows,
                z_loss: scale.z_loss,
                weights: &[],
            },
        }
    }
}

/// What an objective makes of gathered sequences before a model sees them.
pub trait Finish: Sync {
    /// Changes the sequences, whose pieces are those of the plan.
    fn finish(&self, sequences: &mut Sequences);
}

/// The sequences of a stream by their numbers.
pub struct Loader<'a> {
    source: &'a dyn Tokens,
    plan: Plan,
    seq: usize,
    seed: u64,
    finish: Option<&'a dyn Finish>,
}

impl<'a> Loader<'a> {
    /// Plans sequences of `seq` tokens; `seed` decides their order.
    ///
    /// # Errors
    /// When the stream has nothing to learn from, or is too large for a plan.
    pub fn new(source: &'a dyn Tokens, packing: Packing, seq: usize, seed: u64) -> Result<Self> {
        let plan = Plan::new(source, packing, seq)?;
        ensure!(
            plan.packed.counted_tokens > 0,
            "the loss counts none of the {} tokens of the split: nothing can be learned or \
             measured. Add documents of two tokens and more, shard with texts or with chats that \
             have assistant messages, raise --seq-len if every answer is cut off, or choose \
             another --val share when sharding",
            source.tokens()
        );
        Ok(Self {
            source,
            plan,
            seq,
            seed,
            finish: None,
        })
    }

    /// The same with what an objective makes of its sequences.
    #[must_use]
    pub fn finished_by(self, finish: Option<&'a dyn Finish>) -> Self {
        Self { finish, ..self }
    }

    /// Sequences of an epoch.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.plan.count()
    }

    /// Tokens of a sequence.
    #[must_use]
    pub fn seq(&self) -> usize {
        self.seq
    }

    /// What the plan made of the documents.
    #[must_use]
    pub fn packed(&self) -> &Packed {
        &self.plan.packed
    }

    /// Tokens of a piece of a document that a token sees at most, on average over tokens.
    #[must_use]
    pub fn mean_span_tokens(&self) -> f64 {
        let (mut tokens, mut squares) = (0.0, 0.0);
        for number in 0..self.count() {
            for piece in self.plan.sequence(number) {
                let pairs = piece.pairs() as f64;
                tokens += pairs;
                squares += pairs * pairs;
            }
        }
        squares / f64::max(tokens, 1.0)
    }

    /// Training samples `first..first + n` of all epochs, each epoch in its own order.
    #[must_use]
    pub fn samples(&self, first: u64, n: usize) -> Sequences {
        self.chosen((first..first + n as u64).map(|sample| self.sequence_of(sample)))
    }

    /// The number of the sequence that is training sample number `sample`.
    #[must_use]
    pub fn sequence_of(&self, sample: u64) -> u64 {
        let (count, epoch) = (self.count(), sample / self.count());
        let key = xxh3_64_with_seed(&epoch.to_le_bytes(), self.seed);
        Permutation::new(count, key).at(sample % count)
    }

    /// Calls `each` with the tokens and the mask of every piece in a sequence: its inputs and the
    /// target of the last of them. Documents must have no sides.
    pub fn for_each_piece(&self, number: u64, each: &mut dyn FnMut(&[u32], &[bool])) {
        let (mut ids, mut mask) = (vec![0; self.seq + 1], vec![false; self.seq + 1]);
        for piece in self.plan.sequence(number) {
            let (ids, mask) = (&mut ids[..=piece.pairs()], &mut mask[..=piece.pairs()]);
            self.source.window(piece.start(), ids, mask);
            each(ids, mask);
        }
    }

    /// The sequences of these numbers.
    #[must_use]
    pub fn chosen(&self, numbers: impl Iterator<Item = u64>) -> Sequences {
        let mut out = Sequences {
            seq: self.seq,
            ..Sequences::default()
        };
        let (mut ids, mut mask) = (vec![0; self.seq + 2], vec![false; self.seq + 2]);
        for number in numbers {
            let mut at = 0;
            for piece in self.plan.sequence(number) {
                let pairs = piece.pairs();
                let joint = self.source.joint(piece.start());
                let tokens = pairs + 1 + usize::from(joint.is_some());
                let (ids, mask) = (&mut ids[..tokens], &mut mask[..tokens]);
                self.source.window(piece.start(), ids, mask);
                out.pieces.push((out.ids.len(), piece.start()));
                // Each side is inputs with the tokens after them; without sides the whole is one.
                let joint = joint.unwrap_or(tokens);
                for side in [0..joint, joint..tokens]
                    .into_iter()
                    .filter(|s| !s.is_empty())
                {
                    out.ids.extend_from_slice(&ids[side.start..side.end - 1]);
                    out.targets
                        .extend_from_slice(&ids[side.start + 1..side.end]);
                    out.counted
                        .extend_from_slice(&mask[side.start + 1..side.end]);
                }
                out.starts.resize(out.ids.len(), at as u32);
                at += pairs;
            }
            let whole = out.ids.len() + self.seq - at;
            out.ids.resize(whole, 0);
            out.targets.resize(whole, 0);
            out.counted.resize(whole, false);
            out.starts.resize(whole, at as u32);
        }
        if let Some(finish) = self.finish {
            finish.finish(&mut out);
        }
        out
    }
}

/// The sequence length for a split: as asked, or shorter for a split that is smaller than one
/// sequence.
#[must_use]
pub fn fitting_seq(asked: usize, tokens: u64) -> usize {
    usize::try_from(tokens.saturating_sub(1).max(1)).map_or(asked, |most| most.min(asked))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A stream whose token i is i, in documents of given lengths.
    pub struct Counting {
        /// First position and tokens of each document.
        documents: Vec<(u64, u64)>,
        /// Every so many tokens one is not counted.
        silent_every: Option<u64>,
    }

    impl Counting {
        /// Documents of these lengths, one after another, every seventh token not counted.
        pub fn of(lengths: &[u64]) -> Self {
            let mut start = 0;
            let documents = lengths.iter().map(|&tokens| {
                let document = (start, tokens);
                start += tokens;
                document
            });
            Self {
                documents: documents.collect(),
                silent_every: Some(7),
            }
        }

        /// The same with every token counted.
        pub fn texts(lengths: &[u64]) -> Self {
            Self {
                silent_every: None,
                ..Self::of(lengths)
            }
        }

        /// Documents at these places, every seventh token not counted.
        pub fn at(documents: &[(u64, u64)]) -> Self {
            Self {
                documents: documents.to_vec(),
                silent_every: Some(7),
            }
        }

        fn counts(&self, position: u64) -> bool {
            self.silent_every
                .is_none_or(|every| !position.is_multiple_of(every))
        }
    }

    impl Tokens for Counting {
        fn tokens(&self) -> u64 {
            self.documents
                .last()
                .map_or(0, |(start, tokens)| start + tokens)
        }

        fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
            let end = start + ids.len() as u64;
            let inside = |(first, tokens): &(u64, u64)| *first <= start && end <= first + tokens;
            assert!(self.documents.iter().any(inside), "{start}..{end}");
            for (i, (id, mask)) in (start..).zip(ids.iter_mut().zip(mask)) {
                *id = i as u32;
                *mask = self.counts(i);
            }
        }

        fn documents(&self, each: &mut dyn FnMut(u64, u64)) {
            for &(start, tokens) in &self.documents {
                each(start, tokens);
            }
        }

        fn counted(&self, start: u64, len: u64) -> u64 {
            (start..start + len).filter(|&i| self.counts(i)).count() as u64
        }
    }

    #[test]
    fn an_epoch_predicts_every_counted_token_in_its_own_document() {
        let lengths = [2, 9, 1, 40, 5, 5, 12];
        let stream = Counting::texts(&lengths);
        let loader = Loader::new(&stream, Packing::Bestfit, 16, 3).unwrap();
        let epoch = loader.samples(loader.count(), loader.count() as usize);
        let mut seen: Vec<u32> = Vec::new();
        for row in 0..epoch.ids.len() {
            if !epoch.counted[row] {
                continue;
            }
            assert_eq!(epoch.targets[row], epoch.ids[row] + 1);
            seen.push(epoch.targets[row]);
            // The document's rows before this one have the ids before this one's.
            let start = row - row % 16 + epoch.starts[row] as usize;
            for (back, before) in (start..=row).rev().enumerate() {
                assert_eq!(epoch.ids[before] + back as u32, epoch.ids[row]);
            }
        }
        seen.sort_unstable();
        let mut firsts = Vec::new();
        stream.documents(&mut |start, _| firsts.push(start as u32));
        let want: Vec<u32> = (0..74).filter(|t| !firsts.contains(t)).collect();
        assert_eq!(seen, want);
        let padding = epoch.counted.iter().filter(|c| !**c).count() as u64;
        assert_eq!(
            padding,
            loader.packed().room_tokens - loader.packed().used_tokens
        );
    }

    #[test]
    fn epochs_have_other_orders_and_one_integer_is_the_state() {
        let stream = Counting::of(&[11; 100]);
        let loader = Loader::new(&stream, Packing::Bestfit, 10, 3).unwrap();
        let n = loader.count() as usize;
        assert_eq!(n, 100);
        let first = loader.samples(0, n);
        assert_ne!(first.ids, loader.samples(n as u64, n).ids);
        assert_eq!(first.ids[10 * 17..], loader.samples(17, n - 17).ids);
        let other = Loader::new(&stream, Packing::Bestfit, 10, 4).unwrap();
        assert_ne!(first.ids, other.samples(0, n).ids);
    }

    #[test]
    fn a_stream_without_a_pair_is_an_error() {
        for documents in [&[][..], &[1], &[1, 1, 1]] {
            let stream = Counting::of(documents);
            let error = Loader::new(&stream, Packing::Bestfit, 4, 0).err().unwrap();
            assert!(format!("{error:#}").contains("nothing can be learned"));
        }
        assert_eq!(fitting_seq(128, 5), 4);
        assert_eq!(fitting_seq(128, 0), 1);
        assert_eq!(fitting_seq(128, 1 << 40), 128);
    }
}
