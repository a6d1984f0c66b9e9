//! The true similarity of two documents: Jaccard of the sets of word 5-grams of their comparison keys.
//!
//! Exact sets, not `MinHash`: this is what an estimate is judged by. A 5-gram is kept as 64 bits of
//! xxh3, which confuses two of a million with a chance of 1 in 37 million.

use crate::document::Content;
use crate::document::comparison_key::append_key;
use xxhash_rust::xxh3::xxh3_64;

/// Words of a shingle.
const WORDS: usize = 5;

/// The shingles of a document, sorted, each once. The pieces of a chat follow one another; a
/// document of fewer than five words is one shingle.
#[must_use]
pub fn shingles(content: &Content) -> Vec<u64> {
    let mut key = String::new();
    for piece in content.pieces() {
        if !key.is_empty() && !key.ends_with(' ') {
            key.push(' ');
        }
        append_key(piece, &mut key);
    }
    let key = key.trim_end();
    let mut starts: Vec<usize> = vec![0];
    starts.extend(memchr::memchr_iter(b' ', key.as_bytes()).map(|at| at + 1));
    let words = starts.len();
    // The end of word i is the space before word i + 1.
    starts.push(key.len() + 1);
    let size = WORDS.min(words);
    let mut shingles: Vec<u64> = (0..=words - size)
        .map(|first| xxh3_64(&key.as_bytes()[starts[first]..starts[first + size] - 1]))
        .collect();
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}

/// Common shingles of all shingles, 0 to 1.
#[must_use]
pub fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0_usize);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                i += 1;
                j += 1;
            }
        }
    }
    common as f64 / (a.len() + b.len() - common).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_is_that_of_the_sets() {
        let shingles = |text: &str| shingles(&Content::Text(text.to_owned()));
        let (a, b) = (shingles("a b c d e f g"), shingles("A, b c d e f x"));
        assert_eq!((a.len(), b.len()), (3, 3));
        assert_eq!(jaccard(&a, &b), 0.5);
        assert_eq!(jaccard(&a, &a), 1.0);
        assert_eq!(shingles("two words").len(), 1);
        assert_eq!(
            jaccard(&shingles("two words"), &shingles("three words")),
            0.0
        );
    }
}
