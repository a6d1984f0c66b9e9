//! Random numbers that depend on nothing but the seed, the purpose and the number of a document.
//!
//! `SplitMix64`: any document can be made again on its own, which is how copies of
//! far-away documents are planted without keeping documents in memory. Only integer arithmetic and
//! the four operations of IEEE 754 are used, so that a seed gives the same bytes on every machine.

use xxhash_rust::xxh3::xxh3_64;

/// What a stream of random numbers is for; streams of different purposes are independent.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Which plant a document is.
    Role = 1,
    /// Which document a plant is made from.
    Origin,
    /// The content of a document.
    Content,
    /// What is changed in a copy.
    Edit,
    /// Texts that several documents share.
    Shared,
    /// The order of the vocabulary.
    Vocabulary,
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream of `seed` for `purpose` and document (or text) `number`.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, number: u64) -> Self {
        let mut bytes = [0; 24];
        for (at, value) in [seed, purpose as u64, number].into_iter().enumerate() {
            bytes[at * 8..][..8].copy_from_slice(&value.to_le_bytes());
        }
        Self(xxh3_64(&bytes))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// A number from 0 to 1, without 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in `share` of the cases.
    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// One of `all`, which is not empty.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_purpose_and_number_and_repeat() {
        let first = |seed, purpose, number| Rng::new(seed, purpose, number).bits();
        let one = first(1, Purpose::Role, 1);
        assert_eq!(one, first(1, Purpose::Role, 1));
        assert_ne!(one, first(2, Purpose::Role, 1));
        assert_ne!(one, first(1, Purpose::Edit, 1));
        assert_ne!(one, first(1, Purpose::Role, 2));
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut rng = Rng::new(0, Purpose::Content, 0);
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[rng.below(10) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)));
    }
}
