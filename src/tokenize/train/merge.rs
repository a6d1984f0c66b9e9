//! Byte pair encoding: the most frequent pair becomes a token, again and again.
//!
//! A heap holds every pair with a count that may be outdated; an entry is believed only when it
//! agrees with the exact count. For each pair the words that may contain it are listed, so that a
//! merge touches only those.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

type Pair = (u32, u32);

/// Pairs that occur only once say nothing about the next text.
const MIN_COUNT: u64 = 2;

/// Two tokens that become a third; the alphabet (bytes: 0 to 255) comes first and new tokens follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Merge {
    pub left: u32,
    pub right: u32,
    pub into: u32,
}

/// A word of the corpus as tokens.
struct Word {
    tokens: Vec<u32>,
    count: u64,
}

/// At most `limit` merges that give new tokens of words of bytes, in their order.
pub(super) fn merges(words: &[(Box<[u8]>, u64)], limit: usize) -> Vec<Merge> {
    let symbols = words.iter().map(|(bytes, count)| {
        let tokens = bytes.iter().map(|byte| u32::from(*byte)).collect();
        (tokens, *count)
    });
    let bytes = (0..=255u8).map(|byte| Box::from([byte])).collect();
    merges_of(symbols, bytes, limit)
}

/// At most `limit` merges that give new tokens, in their order. Ties go to the smaller pair.
///
/// A word is a sequence of places in `alphabet`, whose entries are the spellings of the symbols; new
/// tokens are numbered behind them.
pub(super) fn merges_of(
    words: impl Iterator<Item = (Vec<u32>, u64)>,
    alphabet: Vec<Box<[u8]>>,
    limit: usize,
) -> Vec<Merge> {
    let mut words: Vec<Word> = words
        .map(|(tokens, count)| Word { tokens, count })
        .collect();
    let mut pairs = Pairs::default();
    for (index, word) in words.iter().enumerate() {
        for pair in pairs_of(&word.tokens) {
            pairs.add(pair, word.count, index);
        }
    }
    pairs.queue_changed();

    // Two merges can spell the same token; it then keeps its first id.
    let most = alphabet.len() + limit;
    let mut spelt = alphabet;
    let mut id_of: HashMap<Box<[u8]>, u32> = spelt.iter().cloned().zip(0u32..).collect();
    let mut merges = Vec::new();
    while spelt.len() < most {
        let Some(pair) = pairs.most_frequent() else {
            break;
        };
        let bytes: Box<[u8]> = [&spelt[pair.0 as usize][..], &spelt[pair.1 as usize][..]]
            .concat()
            .into_boxed_slice();
        let next = u32::try_from(spelt.len()).unwrap_or(u32::MAX);
        let into = *id_of.entry(bytes.clone()).or_insert(next);
        if into == next {
            spelt.push(bytes);
        }
        merges.push(Merge {
            left: pair.0,
            right: pair.1,
            into,
        });
        for index in pairs.take_words(pair) {
            merge_in(&mut words[index], index, pair, into, &mut pairs);
        }
        pairs.counts.remove(&pair);
        pairs.queue_changed();
    }
    merges
}

/// Replaces `pair` in one word and accounts for every pair that goes or comes.
fn merge_in(word: &mut Word, index: usize, pair: Pair, into: u32, pairs: &mut Pairs) {
    if !pairs_of(&word.tokens).any(|other| other == pair) {
        return;
    }
    for old in pairs_of(&word.tokens) {
        pairs.remove(old, word.count);
    }
    let mut merged = Vec::with_capacity(word.tokens.len());
    for &token in &word.tokens {
        match merged.last_mut() {
            // A token that was just merged cannot be the left half again unless it equals it.
            Some(last) if (*last, token) == pair && into != *last => *last = into,
            _ => merged.push(token),
        }
    }
    word.tokens = merged;
    for new in pairs_of(&word.tokens) {
        if new.0 == into || new.1 == into {
            pairs.add(new, word.count, index);
        } else {
            pairs.restore(new, word.count);
        }
    }
}

fn pairs_of(tokens: &[u32]) -> impl Iterator<Item = Pair> {
    tokens.windows(2).map(|pair| (pair[0], pair[1]))
}

/// Counts of pairs and where they are.
#[derive(Default)]
struct Pairs {
    counts: HashMap<Pair, u64>,
    words: HashMap<Pair, Vec<usize>>,
    queue: BinaryHeap<(u64, Reverse<Pair>)>,
    /// Pairs whose count grew since they were queued.
    changed: Vec<Pair>,
}

impl Pairs {
    fn add(&mut self, pair: Pair, count: u64, word: usize) {
        *self.counts.entry(pair).or_insert(0) += count;
        let words = self.words.entry(pair).or_default();
        if words.last() != Some(&word) {
            words.push(word);
        }
        self.changed.push(pair);
    }

    /// Gives back what `remove` took of a pair that was there before.
    fn restore(&mut self, pair: Pair, count: u64) {
        *self.counts.entry(pair).or_insert(0) += count;
    }

    fn remove(&mut self, pair: Pair, count: u64) {
        if let Some(left) = self.counts.get_mut(&pair) {
            *left = left.saturating_sub(count);
        }
    }

    fn queue_changed(&mut self) {
        self.changed.sort_unstable();
        self.changed.dedup();
        for pair in self.changed.drain(..) {
            if let Some(count) = self.counts.get(&pair) {
                self.queue.push((*count, Reverse(pair)));
            }
        }
    }

    fn take_words(&mut self, pair: Pair) -> Vec<usize> {
        self.words.remove(&pair).unwrap_or_default()
    }

    fn most_frequent(&mut self) -> Option<Pair> {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let now = self.counts.get(&pair).copied().unwrap_or(0);
            if now != count {
                if now >= MIN_COUNT {
                    self.queue.push((now, Reverse(pair)));
                }
            } else if now >= MIN_COUNT {
                return Some(pair);
            }
        }
        None
    }
}
