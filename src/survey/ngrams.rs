//! The most frequent n-grams, exact in bounded memory.
//!
//! A first pass counts n-grams by a hash in 2^23 places, where several share one: each count is an
//! upper bound. A second pass counts the n-grams of the fullest places themselves. What is left out
//! is at most as frequent as the fullest place that was left out, so whatever is more frequent than that is
//! among the counted ones; less frequent ones are not reported.

use anyhow::Result;
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

/// The `shown` most frequent n-grams of `length` ids; of equal ones the smaller ids. `pass` hands all
/// runs of ids to its argument, and does so twice.
pub(super) fn most_frequent(
    length: usize,
    shown: usize,
    pass: impl Fn(&mut dyn FnMut(&[u32])) -> Result<()>,
) -> Result<Vec<Frequent>> {
    most_frequent_in(length, shown, (PLACES, FULLEST), pass)
}

pub(super) fn most_frequent_in(
    length: usize,
    shown: usize,
    (places, fullest): (usize, usize),
    pass: impl Fn(&mut dyn FnMut(&[u32])) -> Result<()>,
) -> Result<Vec<Frequent>> {
    let mut bounds = vec![0_u64; places];
    let mut bytes = Vec::with_capacity(4 * length);
    let mut place = move |ngram: &[u32]| {
        bytes.clear();
        bytes.extend(ngram.iter().flat_map(|id| id.to_le_bytes()));
        (xxh3_64(&bytes) % places as u64) as usize
    };
    pass(&mut |ids| {
        for ngram in ids.windows(length) {
            bounds[place(ngram)] += 1;
        }
    })?;
    // The count of the fullest place that is left out.
    let mut sorted = bounds.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let left_out = sorted.get(fullest).copied().unwrap_or(0);
    drop(sorted);
    let mut counts: HashMap<Box<[u32]>, u64> = HashMap::new();
    pass(&mut |ids| {
        for ngram in ids.windows(length) {
            if bounds[place(ngram)] > left_out {
                match counts.get_mut(ngram) {
                    Some(count) => *count += 1,
                    None => {
                        counts.insert(ngram.into(), 1);
                    }
                }
            }
        }
    })?;
    // What occurs once is no finding.
    let least = left_out.max(1);
    let mut found: Vec<(u64, Box<[u32]>)> = (counts.into_iter())
        .filter(|(_, count)| *count > least)
        .map(|(ngram, count)| (count, ngram))
        .collect();
    found.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    found.truncate(shown);
    Ok((found.into_iter())
        .map(|(count, ids)| Frequent {
            ids: ids.into_vec(),
            text: String::new(),
            count,
        })
        .collect())
}
