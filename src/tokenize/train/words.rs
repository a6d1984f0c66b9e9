//! Counting the words of a corpus: in parallel, and the same for any number of threads.
//!
//! Batches have a fixed size in bytes and are counted one after the other, so that what is pruned
//! does not depend on threads. Memory: about 100 bytes for each distinct word, as many as
//! [`Training::most_words`](super::Training) allows.

use rayon::prelude::*;
use std::collections::HashMap;

/// Bytes of text that are counted at once.
const BATCH_BYTES: usize = 16 << 20;
/// Distinct words that are kept where memory does not ask for less; beyond it the rarest go.
pub(super) const MAX_WORDS: u64 = 4_000_000;

type Counts = HashMap<Box<[u8]>, u64>;

/// Cuts a text into words and hands each to the other function.
pub(super) trait Split: Sync {
    /// Calls `each` with every word of `text`, in order.
    fn split(&self, text: &str, each: &mut dyn FnMut(&[u8]));
}

/// Every word of `texts` and how often it occurs, sorted by its bytes. A text comes with the number of
/// times that it counts. Of more distinct words than `most` the rarest go.
pub(super) fn count(
    texts: impl Iterator<Item = (String, u64)>,
    split: &impl Split,
    most: u64,
) -> Vec<(Box<[u8]>, u64)> {
    let mut counts = Counts::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for (text, times) in texts {
        bytes += text.len();
        batch.push((text, times));
        if bytes >= BATCH_BYTES {
            add(&mut counts, count_batch(split, &batch));
            prune(&mut counts, most as usize);
            (batch, bytes) = (Vec::new(), 0);
        }
    }
    add(&mut counts, count_batch(split, &batch));
    let mut words: Vec<_> = counts.into_iter().collect();
    words.par_sort_unstable();
    words
}

fn count_batch(split: &impl Split, batch: &[(String, u64)]) -> Counts {
    let count_text = |mut counts: Counts, (text, times): &(String, u64)| {
        split.split(text, &mut |word| match counts.get_mut(word) {
            Some(count) => *count += times,
            None => {
                counts.insert(word.into(), *times);
            }
        });
        counts
    };
    let sum = |mut a: Counts, b: Counts| {
        add(&mut a, b);
        a
    };
    batch
        .par_iter()
        .fold(Counts::new, count_text)
        .reduce(Counts::new, sum)
}

#[allow(
    clippy::iter_over_hash_type,
    reason = "sums do not depend on the order"
)]
fn add(counts: &mut Counts, more: Counts) {
    if counts.is_empty() {
        *counts = more;
        return;
    }
    for (word, count) in more {
        *counts.entry(word).or_insert(0) += count;
    }
}

/// Drops the rarest words, all of one count together, until `limit` are left.
fn prune(counts: &mut Counts, limit: usize) {
    let mut rarest = 1;
    while counts.len() > limit {
        counts.retain(|_, count| *count > rarest);
        rarest += 1;
    }
}
