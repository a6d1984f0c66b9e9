//! What sequences of a fixed length hold of documents, by two ways to fill them.
//!
//! **Concatenation**, as `prep train` and most trainers do: documents one behind the other, cut every so
//! many tokens. Nothing is padded, and documents that lie over a cut are torn.
//!
//! **Best-fit packing** (Ding et al. 2024, <https://arxiv.org/abs/2404.10830>): documents longer than a
//! sequence are cut into whole sequences and a rest; pieces are packed, the longest first, each where
//! it leaves least room. Documents that fit are never torn, and what is left of a sequence is padded.

use super::OfLength;
use serde::Serialize;
use std::collections::BTreeMap;

/// Tokens of the sequences that are reported.
const SEQUENCES: [u64; 5] = [512, 1024, 2048, 4096, 8192];

/// Tokens up to which documents are counted together.
const BOUNDS: [u64; 9] = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 32_768];

/// One length of sequences.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Packing {
    /// Tokens of a sequence.
    pub seq_len: u64,
    /// Share of the documents that are longer than a sequence, 0 to 1.
    pub longer_share: f64,
    /// Sequences of the concatenation; the rest of less than one is left out.
    pub concat_sequences: u64,
    /// Share of the documents that a cut of the concatenation tears, 0 to 1.
    pub concat_torn_share: f64,
    /// Sequences of best-fit packing.
    pub best_fit_sequences: u64,
    /// Share of their places that hold tokens, 0 to 1; the rest is padding.
    pub best_fit_utilisation: f64,
    /// Share of the documents that best-fit packing tears, 0 to 1: those longer than a sequence.
    pub best_fit_torn_share: f64,
}

/// Lengths of documents in tokens, in their order as far as the concatenation needs it.
#[derive(Clone, Debug, Default)]
pub(super) struct Lengths {
    documents: u64,
    tokens: u64,
    counts: BTreeMap<u64, u64>,
    torn: [u64; SEQUENCES.len()],
}

impl Lengths {
    /// The next document.
    pub(super) fn add(&mut self, length: u64) {
        if length == 0 {
            return;
        }
        let (first, last) = (self.tokens, self.tokens + length - 1);
        for (torn, seq_len) in self.torn.iter_mut().zip(SEQUENCES) {
            *torn += u64::from(first / seq_len != last / seq_len);
        }
        self.documents += 1;
        self.tokens += length;
        *self.counts.entry(length).or_default() += 1;
    }

    /// Documents and tokens by length: up to 64, 128, … tokens, and longer ones.
    pub(super) fn by_length(&self) -> Vec<OfLength> {
        let mut rows: Vec<OfLength> = (BOUNDS.into_iter().map(Some).chain([None]))
            .map(|most_tokens| OfLength {
                most_tokens,
                documents: 0,
                tokens: 0,
            })
            .collect();
        for (length, documents) in &self.counts {
            let row = BOUNDS.partition_point(|most| most < length);
            rows[row].documents += documents;
            rows[row].tokens += documents * length;
        }
        rows
    }

    /// All lengths of sequences.
    pub(super) fn packings(&self) -> Vec<Packing> {
        let share = |documents: u64| documents as f64 / self.documents.max(1) as f64;
        (SEQUENCES.into_iter().zip(self.torn))
            .map(|(seq_len, torn)| {
                let longer = self
                    .counts
                    .range(seq_len + 1..)
                    .map(|(_, count)| count)
                    .sum();
                let best_fit = best_fit(&self.counts, seq_len);
                Packing {
                    seq_len,
                    longer_share: share(longer),
                    concat_sequences: self.tokens / seq_len,
                    concat_torn_share: share(torn),
                    best_fit_sequences: best_fit,
                    best_fit_utilisation: self.tokens as f64 / (best_fit * seq_len).max(1) as f64,
                    best_fit_torn_share: share(longer),
                }
            })
            .collect()
    }
}

/// Sequences that best-fit decreasing needs for so many documents of each length.
///
/// Pieces of one length are placed together: a sequence with the least room takes as many as it
/// holds before the next is opened, which is what placing one after the other does.
pub(super) fn best_fit(documents: &BTreeMap<u64, u64>, seq_len: u64) -> u64 {
    let mut sequences = 0;
    let mut pieces: BTreeMap<u64, u64> = BTreeMap::new();
    for (&length, &count) in documents {
        sequences += count * (length / seq_len);
        if length % seq_len > 0 {
            *pieces.entry(length % seq_len).or_default() += count;
        }
    }
    // Sequences by the room that is left in them.
    let mut room: BTreeMap<u64, u64> = BTreeMap::new();
    for (&length, &count) in pieces.iter().rev() {
        let mut left = count;
        while left > 0 {
            let found = room
                .range(length..)
                .next()
                .map(|(room, open)| (*room, *open));
            let (space, open) = found.unwrap_or((seq_len, u64::MAX));
            let each = space / length;
            // Whole sequences of `each` pieces, or one with the last few.
            let (filled, taken) = if left >= each {
                let filled = (left / each).min(open);
                (filled, filled * each)
            } else {
                (1, left)
            };
            left -= taken;
            if found.is_none() {
                sequences += filled;
            } else if filled == open {
                room.remove(&space);
            } else {
                room.insert(space, open - filled);
            }
            let rest = space - length * (taken / filled);
            if rest > 0 {
                *room.entry(rest).or_default() += filled;
            }
        }
    }
    sequences
}
