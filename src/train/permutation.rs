//! A keyed permutation of `0..n` that is computed, not stored.
//!
//! Sample `i` of an epoch is window `permutation.at(i)`: shuffling 4 billion windows costs no
//! memory, and the loader's whole state is one integer. A balanced Feistel network over the next
//! even number of bits, whose round function is xxh3; results outside of `0..n` go through it again
//! (cycle walking, under 4 rounds of it on average since the network's domain is at most 4n).

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Rounds of the network.
const ROUNDS: u64 = 8;

/// A permutation of `0..n`.
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    n: u64,
    key: u64,
    /// Bits of one half.
    half: u32,
}

impl Permutation {
    /// The permutation of `0..n` for this key.
    #[must_use]
    pub fn new(n: u64, key: u64) -> Self {
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        Self {
            n,
            key,
            half: bits.div_ceil(2).max(1),
        }
    }

    /// Where `i < n` goes.
    #[must_use]
    pub fn at(&self, i: u64) -> u64 {
        assert!(i < self.n, "{i} of a permutation of {}", self.n);
        let mut x = self.network(i);
        while x >= self.n {
            x = self.network(x);
        }
        x
    }

    fn network(&self, x: u64) -> u64 {
        let mask = (1_u64 << self.half) - 1;
        let (mut left, mut right) = (x >> self.half, x & mask);
        for round in 0..ROUNDS {
            let mut input = [0; 16];
            input[..8].copy_from_slice(&right.to_le_bytes());
            input[8..].copy_from_slice(&round.to_le_bytes());
            let mixed = xxh3_64_with_seed(&input, self.key) & mask;
            (left, right) = (right, left ^ mixed);
        }
        left << self.half | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_a_bijection() {
        for n in (1..70).chain([255, 256, 257, 1000, 4097]) {
            let permutation = Permutation::new(n, n ^ 7);
            let mut seen: Vec<u64> = (0..n).map(|i| permutation.at(i)).collect();
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(0..n), "n = {n}");
        }
    }

    #[test]
    fn keys_give_other_orders() {
        let order = |key| -> Vec<u64> {
            let permutation = Permutation::new(1000, key);
            (0..1000).map(|i| permutation.at(i)).collect()
        };
        assert_ne!(order(1), order(2));
        assert_eq!(order(1), order(1));
        let stay = order(1).iter().zip(0..).filter(|(a, b)| *a == b).count();
        assert!(stay < 10, "{stay} of 1000 stay in their place");
    }
}
