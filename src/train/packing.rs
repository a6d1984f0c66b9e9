//! Which pieces of documents share a sequence: the plan that is made when training starts.
//!
//! A document of n tokens has n - 1 pairs of an input and the token after it, and a sequence has
//! room for `seq` of them; one of two sides has n - 2. Longer texts are cut into pieces of `seq` pairs and a rest, which share
//! the token at the cut, so that every token but a document's first is predicted once an epoch. A
//! chat (a document whose mask leaves tokens out) is never cut: what does not fit is truncated at
//! its end.
//!
//! Best-fit decreasing: pieces in order of falling length, each into the sequence with the least
//! room that still takes it. Lengths are whole numbers up to `seq`, so that a counting sort orders
//! them, and sequences stand in a bucket for each amount of free room. 10 million pieces take 1-2 s
//! on one core and leave under 0.1 % of padding, where plain concatenation cuts a third of the
//! documents that would fit. The plan holds 8 bytes a piece and 4 a sequence; making it takes up to
//! 28 bytes a piece.

use anyhow::{Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{Tokens, packed::Packed, tokens::TooLong};

/// How documents come into sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    /// Best-fit decreasing: hardly any padding, and only what is longer than a sequence is cut.
    Bestfit,
    /// One after another: no padding, and whatever stands at a sequence's end is cut.
    Concat,
    /// A document a sequence: padding instead of packing.
    None,
}

/// The longest sequence: what the length in a [`Piece`] has bits for.
pub const LONGEST: usize = (1 << LENGTH_BITS) - 1;
const LENGTH_BITS: u32 = 24;

/// Part of a document: 40 bits of its first position, 24 of its pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece(u64);

impl Piece {
    fn new(start: u64, pairs: u64) -> Self {
        Self(start << LENGTH_BITS | pairs)
    }

    /// Position of the first input in the stream.
    #[must_use]
    pub fn start(self) -> u64 {
        self.0 >> LENGTH_BITS
    }

    /// Pairs of an input and its target.
    #[must_use]
    pub fn pairs(self) -> usize {
        (self.0 & LONGEST as u64) as usize
    }
}

/// The sequences of an epoch, in the order of their making.
pub struct Plan {
    pieces: Vec<Piece>,
    /// First piece of each sequence, and the end of the last.
    bounds: Vec<u32>,
    /// What was made of the documents.
    pub packed: Packed,
}

impl Plan {
    /// Plans sequences of `seq` tokens.
    ///
    /// # Errors
    /// When a number does not fit its place: tokens over 2^40, pieces over 2^32, or sequences over
    /// 2^24 tokens.
    pub fn new(source: &dyn Tokens, packing: Packing, seq: usize) -> Result<Self> {
        ensure!(seq > 0, "--seq-len: expected at least 1, got 0");
        ensure!(
            seq <= LONGEST && source.tokens() < 1 << (u64::BITS - LENGTH_BITS),
            "--seq-len is at most {LONGEST} and shards have at most 2^40 tokens, got {seq} and {}",
            source.tokens()
        );
        let mut packed = Packed::default();
        let (pieces, bounds) = match packing {
            Packing::Bestfit => {
                let pieces = cut(source, seq as u64, &mut packed);
                check_count(pieces.len())?;
                best_fit(pieces, seq)
            }
            Packing::None => {
                let pieces = cut(source, seq as u64, &mut packed);
                check_count(pieces.len())?;
                let bounds = (0..=pieces.len() as u32).collect();
                (pieces, bounds)
            }
            Packing::Concat => {
                let made = concatenate(source, seq as u64, &mut packed);
                check_count(made.0.len())?;
                made
            }
        };
        packed.sequences = bounds.len() as u64 - 1;
        packed.pieces = pieces.len() as u64;
        packed.room_tokens = packed.sequences * seq as u64;
        packed.plan_bytes = 8 * packed.pieces + 4 * bounds.len() as u64;
        Ok(Self {
            pieces,
            bounds,
            packed,
        })
    }

    /// Sequences of an epoch.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.bounds.len() as u64 - 1
    }

    /// The pieces of a sequence.
    #[must_use]
    pub fn sequence(&self, number: u64) -> &[Piece] {
        let number = number as usize;
        &self.pieces[self.bounds[number] as usize..self.bounds[number + 1] as usize]
    }
}

fn check_count(pieces: usize) -> Result<()> {
    ensure!(
        u32::try_from(pieces).is_ok(),
        "the shards make {pieces} pieces, a plan holds at most {}. Raise --seq-len",
        u32::MAX
    );
    Ok(())
}

/// Pieces of at most `seq` pairs; whole documents where they fit.
fn cut(source: &dyn Tokens, seq: u64, packed: &mut Packed) -> Vec<Piece> {
    let mut pieces = Vec::new();
    source.documents(&mut |start, tokens| {
        packed.documents += 1;
        let joint = u64::from(source.joint(start).is_some());
        let mut left = tokens.saturating_sub(1 + joint);
        if left > seq && source.too_long() == TooLong::LeaveOut {
            packed.truncated_documents += 1;
            packed.truncated_tokens += left;
            packed.lost_tokens += source.counted(start + 1, left + joint);
            return;
        }
        let truncated = left > seq
            && (source.too_long() == TooLong::Truncate || source.counted(start + 1, left) < left);
        if truncated {
            packed.truncated_documents += 1;
            packed.truncated_tokens += left - seq;
            // A label is learned at the last token that is kept: nothing of it is lost.
            if source.too_long() == TooLong::Cut {
                packed.lost_tokens += source.counted(start + 1 + seq, left - seq);
            }
            left = seq;
        }
        packed.cut_documents += u64::from(left > seq);
        let before = pieces.len();
        let mut at = start;
        while left > 0 {
            let pairs = left.min(seq);
            let counted = source.counted(at + 1, pairs + joint);
            if counted > 0 {
                packed.used_tokens += pairs;
                packed.counted_tokens += counted;
                pieces.push(Piece::new(at, pairs));
            } else {
                packed.silent_tokens += pairs;
            }
            at += pairs;
            left -= pairs;
        }
        packed.silent_documents += u64::from(pieces.len() == before);
    });
    pieces
}

/// Fills one sequence after another, whatever is cut.
fn concatenate(source: &dyn Tokens, seq: u64, packed: &mut Packed) -> (Vec<Piece>, Vec<u32>) {
    let (mut pieces, mut bounds) = (Vec::new(), vec![0]);
    let mut room = seq;
    source.documents(&mut |start, tokens| {
        packed.documents += 1;
        let all = tokens.saturating_sub(1);
        packed.cut_documents += u64::from(all > room);
        packed.cut_needlessly += u64::from(all > room && all <= seq);
        packed.used_tokens += all;
        packed.counted_tokens += source.counted(start + tokens - all, all);
        let (mut at, mut left) = (start, all);
        while left > 0 {
            let pairs = left.min(room);
            pieces.push(Piece::new(at, pairs));
            at += pairs;
            left -= pairs;
            room -= pairs;
            if room == 0 {
                bounds.push(pieces.len() as u32);
                room = seq;
            }
        }
    });
    if room < seq {
        bounds.push(pieces.len() as u32);
    }
    (pieces, bounds)
}

/// Puts pieces into as few sequences as best-fit decreasing finds.
fn best_fit(pieces: Vec<Piece>, seq: usize) -> (Vec<Piece>, Vec<u32>) {
    let sorted = longest_first(pieces, seq);
    let mut rooms = Rooms::new(seq);
    let homes: Vec<u32> = sorted
        .iter()
        .map(|piece| rooms.place(piece.pairs()))
        .collect();
    // A counting sort by sequence: the longest piece of each stays the first.
    let mut bounds = vec![0_u32; rooms.count() + 1];
    for &home in &homes {
        bounds[home as usize + 1] += 1;
    }
    for i in 1..bounds.len() {
        bounds[i] += bounds[i - 1];
    }
    drop(rooms);
    let mut next = bounds.clone();
    let mut placed = vec![Piece(0); sorted.len()];
    for (piece, home) in sorted.into_iter().zip(homes) {
        let at = &mut next[home as usize];
        placed[*at as usize] = piece;
        *at += 1;
    }
    (placed, bounds)
}

/// The pieces by falling length, of equals the earlier first.
fn longest_first(pieces: Vec<Piece>, seq: usize) -> Vec<Piece> {
    let mut next = vec![0_usize; seq + 2];
    for piece in &pieces {
        // Slot `seq - pairs` begins after all longer pieces.
        next[seq - piece.pairs() + 1] += 1;
    }
    for i in 1..next.len() {
        next[i] += next[i - 1];
    }
    let mut sorted = vec![Piece(0); pieces.len()];
    for piece in pieces {
        let at = &mut next[seq - piece.pairs()];
        sorted[*at] = piece;
        *at += 1;
    }
    sorted
}

/// Marks the end of a bucket's chain.
const END: u32 = u32::MAX;
const WORD: usize = u64::BITS as usize;

/// Open sequences by their free room.
struct Rooms {
    seq: usize,
    /// The newest sequence of each amount of room.
    heads: Vec<u32>,
    /// The sequence that stood at the head of the bucket before, for each sequence.
    chain: Vec<u32>,
    /// Which amounts of room have a sequence, a bit each, and which words of that have any.
    some: Vec<u64>,
    some_words: Vec<u64>,
}

impl Rooms {
    fn new(seq: usize) -> Self {
        let words = (seq + 1).div_ceil(WORD);
        Self {
            seq,
            heads: vec![END; seq + 1],
            chain: Vec::new(),
            some: vec![0; words],
            some_words: vec![0; words.div_ceil(WORD)],
        }
    }

    fn count(&self) -> usize {
        self.chain.len()
    }

    /// Puts a piece into the sequence with the least room that takes it, or a new one.
    fn place(&mut self, pairs: usize) -> u32 {
        let (home, room) = if let Some(room) = self.least_room(pairs) {
            (self.pop(room), room)
        } else {
            self.chain.push(END);
            (self.chain.len() as u32 - 1, self.seq)
        };
        if room > pairs {
            self.push(room - pairs, home);
        }
        home
    }

    /// The least amount of room of at least `pairs` that a sequence has.
    fn least_room(&self, pairs: usize) -> Option<usize> {
        let word = pairs / WORD;
        let here = self.some[word] >> (pairs % WORD) << (pairs % WORD);
        if here != 0 {
            return Some(word * WORD + here.trailing_zeros() as usize);
        }
        let word = word + 1;
        let mut outer = word / WORD;
        let mut bits = self.some_words.get(outer)? >> (word % WORD) << (word % WORD);
        while bits == 0 {
            outer += 1;
            bits = *self.some_words.get(outer)?;
        }
        let word = outer * WORD + bits.trailing_zeros() as usize;
        Some(word * WORD + self.some[word].trailing_zeros() as usize)
    }

    fn push(&mut self, room: usize, sequence: u32) {
        self.chain[sequence as usize] = self.heads[room];
        self.heads[room] = sequence;
        let word = room / WORD;
        self.some[word] |= 1 << (room % WORD);
        self.some_words[word / WORD] |= 1 << (word % WORD);
    }

    fn pop(&mut self, room: usize) -> u32 {
        let sequence = self.heads[room];
        self.heads[room] = self.chain[sequence as usize];
        if self.heads[room] == END {
            let word = room / WORD;
            self.some[word] &= !(1 << (room % WORD));
            if self.some[word] == 0 {
                self.some_words[word / WORD] &= !(1 << (word % WORD));
            }
        }
        sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Random, loader::tests::Counting};

    /// Lengths as web documents have them: log-normal, median 400 tokens.
    fn realistic(count: usize) -> Vec<u64> {
        let mut random = Random::new(3);
        (0..count)
            .map(|_| (400.0 * (1.1 * random.normal()).exp()).max(2.0) as u64)
            .collect()
    }

    /// Every pair of every document is in exactly one sequence, and none is overfull.
    fn check(plan: &Plan, source: &Counting, seq: usize) {
        let mut seen = vec![0; source.tokens() as usize];
        for number in 0..plan.count() {
            let pieces = plan.sequence(number);
            assert!(!pieces.is_empty(), "sequence {number} is empty");
            assert!(pieces.iter().map(|p| p.pairs()).sum::<usize>() <= seq);
            for piece in pieces {
                for target in piece.start() + 1..=piece.start() + piece.pairs() as u64 {
                    seen[target as usize] += 1;
                }
            }
        }
        let mut firsts = vec![false; seen.len()];
        source.documents(&mut |start, _| firsts[start as usize] = true);
        for (token, (&seen, first)) in seen.iter().zip(firsts).enumerate() {
            assert_eq!(seen, u32::from(!first), "token {token}");
        }
    }

    #[test]
    fn every_token_but_the_first_of_a_document_is_predicted_once() {
        let mut lengths = realistic(300);
        lengths.extend([1, 2, 64, 65, 66, 129, 130, 1000]);
        let source = Counting::texts(&lengths);
        for seq in [1, 7, 64, 256] {
            for packing in [Packing::Bestfit, Packing::Concat, Packing::None] {
                let plan = Plan::new(&source, packing, seq).unwrap();
                check(&plan, &source, seq);
                let used: u64 = lengths.iter().map(|n| n - 1).sum();
                assert_eq!(plan.packed.used_tokens, used);
                assert_eq!(plan.packed.counted_tokens, used);
                assert_eq!(plan.packed.documents, lengths.len() as u64);
                let twin = Plan::new(&source, packing, seq).unwrap();
                assert_eq!((plan.pieces, plan.bounds), (twin.pieces, twin.bounds));
            }
        }
    }

    #[test]
    fn best_fit_leaves_hardly_any_padding_and_cuts_only_what_is_too_long() {
        let lengths = realistic(20_000);
        let source = Counting::texts(&lengths);
        let best = Plan::new(&source, Packing::Bestfit, 2048).unwrap().packed;
        assert!(best.padded_share() < 0.001, "{}", best.padded_share());
        assert_eq!(best.cut_needlessly, 0);
        let long = lengths.iter().filter(|&&n| n > 2049).count() as u64;
        assert_eq!(best.cut_documents, long);
        let concat = Plan::new(&source, Packing::Concat, 2048).unwrap().packed;
        assert!(concat.cut_needlessly * 5 > concat.documents, "{concat:?}");
        let none = Plan::new(&source, Packing::None, 2048).unwrap().packed;
        assert!(none.padded_share() > 0.5, "{}", none.padded_share());
    }

    #[test]
    fn it_is_best_fit_decreasing_as_written_down() {
        let lengths = realistic(500);
        let source = Counting::texts(&lengths);
        let plan = Plan::new(&source, Packing::Bestfit, 1024).unwrap();
        let mut pieces: Vec<u64> = lengths
            .iter()
            .flat_map(|n| {
                let left = n - 1;
                std::iter::repeat_n(1024, (left / 1024) as usize).chain([left % 1024])
            })
            .filter(|&pairs| pairs > 0)
            .collect();
        pieces.sort_unstable_by(|a, b| b.cmp(a));
        let mut rooms: Vec<u64> = Vec::new();
        for pairs in pieces {
            match rooms.iter_mut().filter(|room| **room >= pairs).min() {
                Some(room) => *room -= pairs,
                None => rooms.push(1024 - pairs),
            }
        }
        rooms.sort_unstable();
        let mut got: Vec<u64> = (0..plan.count())
            .map(|n| {
                1024 - plan
                    .sequence(n)
                    .iter()
                    .map(|p| p.pairs() as u64)
                    .sum::<u64>()
            })
            .collect();
        got.sort_unstable();
        assert_eq!(got, rooms);
    }

    #[test]
    fn chats_are_truncated_and_pieces_without_targets_left_out() {
        // Counting leaves every seventh token out, so its documents are chats.
        let source = Counting::of(&[100, 20]);
        let packed = Plan::new(&source, Packing::Bestfit, 32).unwrap().packed;
        assert_eq!(
            (packed.truncated_documents, packed.truncated_tokens),
            (1, 99 - 32)
        );
        assert_eq!((packed.pieces, packed.cut_documents), (2, 0));
        assert!((packed.truncated_share() - 67.0 / 118.0).abs() < 1e-12);
        // Of the targets 33..=99 the multiples of 7, 35 to 98, would not have been counted anyway.
        assert_eq!((packed.lost_tokens, packed.silent_documents), (67 - 10, 0));
        // Of tokens 0..8 and 8.. the first document predicts 7 alone, which is not counted.
        let silent = Counting::at(&[(6, 2), (8, 5)]);
        let packed = Plan::new(&silent, Packing::Bestfit, 32).unwrap().packed;
        assert_eq!((packed.silent_tokens, packed.used_tokens), (1, 4));
        assert_eq!((packed.silent_documents, packed.lost_tokens), (1, 0));
        assert!((packed.silent_share() - 0.2).abs() < 1e-12);
        // Of the first document 7 is all that a sequence of one token takes: 8 is lost with it.
        let cut = Counting::at(&[(6, 3), (9, 2)]);
        let packed = Plan::new(&cut, Packing::Bestfit, 1).unwrap().packed;
        assert_eq!((packed.silent_documents, packed.lost_tokens), (1, 1));
        let said = packed.left_out("val", 1).unwrap();
        assert!(said.contains("1 of 2 tokens"), "{said}");
    }
}
