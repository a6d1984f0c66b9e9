//! The most frequent n-grams, exact in bounded memory.
//!
//! A first pass counts n-grams by a hash in 2^23 places, where several share one: each count is an
//! upper bound. A second pass counts the n-grams of the fullest places themselves. What is left out
//! is at most as frequent as the fullest place that was left out, so whatever is more frequent than that is
//! among the counted ones; less frequent ones are not reported.

use serde::Serialize;
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// Places of the first pass: 64 MB of counts.
const PLACES: usize = 1 << 23;
/// Places whose n-grams are counted in the second pass, at most.
const FULLEST: usize = 100_000;

/// An n-gram and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frequent {
    /// Its ids.
    pub ids: Vec<u32>,
    /// What they stand for.
    pub text: String,
    /// How often, overlapping ones included.
    pub count: u64,
}

/// The search for one length: every run is given to [`Finder::bound`], then, after [`Finder::turn`], to
/// [`Finder::count`].
pub(super) struct Finder {
    length: usize,
    fullest: usize,
    /// Upper bounds of the counts, by place.
    bounds: Vec<u64>,
    /// The count of the fullest place that is left out.
    left_out: u64,
    counts: HashMap<Box<[u32]>, u64>,
    bytes: Vec<u8>,
}

impl Finder {
    /// Of n-grams of `length` ids.
    pub(super) fn new(length: usize) -> Self {
        Self::with(length, (PLACES, FULLEST))
    }

    pub(super) fn with(length: usize, (places, fullest): (usize, usize)) -> Self {
        Self {
            length,
            fullest,
            bounds: vec![0; places],
            left_out: 0,
            counts: HashMap::new(),
            bytes: Vec::with_capacity(4 * length),
        }
    }

    fn place(bytes: &mut Vec<u8>, ngram: &[u32], places: usize) -> usize {
        bytes.clear();
        bytes.extend(ngram.iter().flat_map(|id| id.to_le_bytes()));
        (xxh3_64(bytes) % places as u64) as usize
    }

    /// The first pass.
    pub(super) fn bound(&mut self, ids: &[u32]) {
        let places = self.bounds.len();
        for ngram in ids.windows(self.length) {
            self.bounds[Self::place(&mut self.bytes, ngram, places)] += 1;
        }
    }

    /// Between the passes.
    pub(super) fn turn(&mut self) {
        let mut sorted = self.bounds.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        self.left_out = sorted.get(self.fullest).copied().unwrap_or(0);
    }

    /// The second pass.
    pub(super) fn count(&mut self, ids: &[u32]) {
        let places = self.bounds.len();
        for ngram in ids.windows(self.length) {
            if self.bounds[Self::place(&mut self.bytes, ngram, places)] > self.left_out {
                match self.counts.get_mut(ngram) {
                    Some(count) => *count += 1,
                    None => {
                        self.counts.insert(ngram.into(), 1);
                    }
                }
            }
        }
    }

    /// The `shown` most frequent; of equal ones the smaller ids.
    pub(super) fn finish(self, shown: usize) -> Vec<Frequent> {
        // What occurs once is no finding.
        let least = self.left_out.max(1);
        let mut found: Vec<(u64, Box<[u32]>)> = (self.counts.into_iter())
            .filter(|(_, count)| *count > least)
            .map(|(ngram, count)| (count, ngram))
            .collect();
        found.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        found.truncate(shown);
        (found.into_iter())
            .map(|(count, ids)| Frequent {
                ids: ids.into_vec(),
                text: String::new(),
                count,
            })
            .collect()
    }
}
