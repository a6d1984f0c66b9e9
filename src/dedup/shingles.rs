//! Word 5-grams of a comparison key as 64-bit hashes: what the similarity of two texts is made of.
//!
//! Each word is hashed once, eight bytes a step, and five word hashes are mixed to one, so that the
//! cost does not grow with the five words that each shingle spans. Two different shingles of a
//! million share a hash with a chance of 1 in 37 million.

/// Words of a shingle.
pub const WORDS: usize = 5;

/// One odd multiplier for each place in a shingle, so that the order of words counts.
const PLACES: [u64; WORDS] = [
    0x9e37_79b9_7f4a_7c15,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0xd6e8_feb8_6659_fd93,
    0xa076_1d64_78bd_642f,
];

/// Calls `each` with the hash of every shingle of `key`, in order, repeats included.
///
/// A key is words with one space between them; one of fewer than five words has no shingle.
#[inline]
pub fn for_each(key: &str, mut each: impl FnMut(u64)) {
    if key.is_empty() {
        return;
    }
    let bytes = key.as_bytes();
    let mut last = [0_u64; WORDS];
    let (mut start, mut words) = (0, 0_usize);
    for end in memchr::memchr_iter(b' ', bytes).chain([bytes.len()]) {
        last = [last[1], last[2], last[3], last[4], word(bytes, start, end)];
        start = end + 1;
        words += 1;
        if words >= WORDS {
            let mut sum = 0_u64;
            for (hash, place) in last.iter().zip(PLACES) {
                sum = sum.wrapping_add(hash.wrapping_mul(place));
            }
            each(mixed(sum));
        }
    }
}

/// The hash of the word from `start` to `end` (multiply and fold, as in wyhash).
#[inline(always)]
fn word(bytes: &[u8], start: usize, end: usize) -> u64 {
    let mut hash = (end - start) as u64;
    let mut at = start;
    loop {
        let left = end - at;
        // The eight bytes from `at`, of which those behind the word do not count.
        let mut eight = match bytes.get(at..at + 8) {
            Some(chunk) => {
                let mut array = [0; 8];
                array.copy_from_slice(chunk);
                u64::from_le_bytes(array)
            }
            None => bytes[at..]
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        if left < 8 {
            eight &= (1 << (8 * left)) - 1;
        }
        let product = u128::from(hash ^ eight ^ 0x2d35_8dcc_aa6c_78a5) * 0x8bb8_4b93_962e_acc9;
        hash = product as u64 ^ (product >> 64) as u64;
        at += 8;
        if at >= end {
            return hash;
        }
    }
}

/// Spreads the bits of `x` (the finaliser of `MurmurHash3`; a bijection).
#[inline]
fn mixed(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

/// The set of shingles of `key`, sorted.
#[must_use]
pub fn set(key: &str) -> Vec<u64> {
    let mut set = Vec::with_capacity(key.len() / 6);
    for_each(key, |shingle| set.push(shingle));
    set.sort_unstable();
    set.dedup();
    set
}

/// How alike two sets are, as whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Shingles in both.
    pub common: u32,
    /// Shingles in one of them or both.
    pub all: u32,
}

impl Overlap {
    /// Of two sorted sets.
    #[must_use]
    pub fn of(a: &[u64], b: &[u64]) -> Self {
        let (mut i, mut j, mut common) = (0, 0, 0_usize);
        while i < a.len() && j < b.len() {
            let (x, y) = (a[i], b[j]);
            // Without branches: which set is ahead is a coin toss.
            common += usize::from(x == y);
            i += usize::from(x <= y);
            j += usize::from(y <= x);
        }
        Self {
            common: common as u32,
            all: (a.len() + b.len() - common) as u32,
        }
    }

    /// The Jaccard similarity, 0 to 1.
    #[must_use]
    pub fn jaccard(self) -> f64 {
        f64::from(self.common) / f64::from(self.all.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Content;
    use crate::document::comparison_key::comparison_key;
    use crate::synth::jaccard;

    #[test]
    fn the_similarity_is_that_of_the_independent_measure() {
        let texts = [
            "The pilot reads the water by its colour, and by the way the gulls sit on it.",
            "The pilot reads the water by its colour, or by the way the gulls sit on it!",
            "Лоцман читает воду по её цвету и по тому, как на ней сидят чайки; 25 лет подряд.",
            "лоцман читает воду по ее цвету и по тому как на ней сидят вороны 7 лет подряд",
            "one two three four five one two three four five one two three four five",
        ];
        for a in texts {
            for b in texts {
                let ours = Overlap::of(&set(&comparison_key(a)), &set(&comparison_key(b)));
                let of = |text: &str| jaccard::shingles(&Content::Text(text.to_owned()));
                assert_eq!(ours.jaccard(), jaccard::jaccard(&of(a), &of(b)), "{a} {b}");
            }
        }
    }

    #[test]
    fn order_counts_and_short_texts_have_no_shingle() {
        assert_ne!(set("a b c d e"), set("b a c d e"));
        assert_eq!(set("a b c d e").len(), 1);
        assert!(set("a b c d").is_empty() && set("").is_empty());
    }

    #[test]
    fn words_of_any_length_at_any_place_differ() {
        let text: String = (0..40_u8).map(|i| char::from(b'a' + i % 26)).collect();
        let mut seen = std::collections::BTreeMap::new();
        for start in 0..40 {
            for end in start + 1..=40 {
                let hash = word(text.as_bytes(), start, end);
                let before = seen.insert(hash, &text[start..end]);
                assert!(before.is_none_or(|word| word == &text[start..end]));
                // What stands around a word does not count.
                assert_eq!(hash, word(&text.as_bytes()[start..end], 0, end - start));
            }
        }
    }

    #[test]
    fn hashes_stay_as_they_are() {
        // A run that is continued by another version of prep compares old hashes with new ones.
        assert_eq!(set("a b c d e"), [14_153_069_412_049_547_354]);
    }
}
