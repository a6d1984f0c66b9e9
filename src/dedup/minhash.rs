//! `MinHash` signatures and their bands: which texts are worth comparing.
//!
//! A signature holds, for each of 112 permutations of 32-bit numbers (x ↦ a·x + b, a odd), the
//! least image of the text's shingles. Two texts agree in one place with a chance of their Jaccard
//! similarity s, and in one of `b` bands of `r` places with 1 - (1 - s^r)^b (Broder 1997; Leskovec,
//! Rajaraman and Ullman, chapter 3). All permutations of one shingle are computed at once: seven
//! registers of AVX-512, fourteen of AVX2. That is plain code, which the compiler turns into
//! vectors for each set of instructions, so that every processor gives the same numbers.
//!
//! One-permutation schemes touch each shingle once instead of 112 times, but hashing the words then
//! costs more than what they save (see `benches/dedup.rs`), and on short texts empty bins have to be
//! filled with borrowed values, which costs recall.

use super::shingles;
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Places of a signature that are computed at once.
const LANES: usize = 112;
/// Shingles that are collected before the kernel runs over them.
const BLOCK: usize = 512;

/// How surely a pair of similar texts is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Recall {
    /// 14 bands of 8: pairs of similarity 0.7, 0.8, 0.9 are found with a chance of 56, 92, 99.96 %.
    Default,
    /// 28 bands of 8: 81, 99.4, 99.999 98 %, for twice the time and disk.
    High,
}

impl Recall {
    /// The name in flags and configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::High => "high",
        }
    }

    /// Bands of a signature.
    #[must_use]
    pub const fn bands(self) -> usize {
        match self {
            Self::Default => 14,
            Self::High => 28,
        }
    }

    /// Chance that a pair of similarity `s` shares a band.
    #[must_use]
    pub fn chance(self, s: f64) -> f64 {
        1.0 - (1.0 - s.powi(ROWS as i32)).powi(self.bands() as i32)
    }
}

/// Places of a band.
pub const ROWS: usize = 8;

/// Multipliers and summands of as many permutations as are computed at once.
#[derive(Clone)]
struct Permutations {
    multiply: [u32; LANES],
    add: [u32; LANES],
}

/// Two sets of permutations: the second is that of [`Recall::High`] alone.
static PERMUTATIONS: LazyLock<[Permutations; 2]> = LazyLock::new(|| {
    let mut state = 0x7072_6570_6d69_6e68_u64;
    // SplitMix64 (Steele, Lea and Flood 2014).
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    std::array::from_fn(|_| {
        let mut set = Permutations {
            multiply: [0; LANES],
            add: [0; LANES],
        };
        for lane in 0..LANES {
            let bits = next();
            set.multiply[lane] = (bits >> 32) as u32 | 1;
            set.add[lane] = bits as u32;
        }
        set
    })
});

/// Lowers `minima` to the images of `shingles`.
type Kernel = fn(&mut [u32; LANES], &Permutations, &[u32]);

#[inline(always)]
fn lower_lanes<const N: usize>(
    minima: &mut [u32],
    multiply: &[u32],
    add: &[u32],
    shingles: &[u32],
) {
    let mut least: [u32; N] = std::array::from_fn(|i| minima[i]);
    let multiply: [u32; N] = std::array::from_fn(|i| multiply[i]);
    let add: [u32; N] = std::array::from_fn(|i| add[i]);
    for shingle in shingles {
        for i in 0..N {
            let image = multiply[i].wrapping_mul(*shingle).wrapping_add(add[i]);
            least[i] = least[i].min(image);
        }
    }
    minima[..N].copy_from_slice(&least);
}

#[inline(always)]
fn lower_all<const N: usize>(minima: &mut [u32; LANES], set: &Permutations, shingles: &[u32]) {
    for from in (0..LANES).step_by(N) {
        let range = from..from + N;
        lower_lanes::<N>(
            &mut minima[range.clone()],
            &set.multiply[range.clone()],
            &set.add[range],
            shingles,
        );
    }
}

fn lower_portable(minima: &mut [u32; LANES], set: &Permutations, shingles: &[u32]) {
    lower_all::<16>(minima, set, shingles);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, Permutations, lower_all};

    #[target_feature(enable = "avx2")]
    fn avx2(minima: &mut [u32; LANES], set: &Permutations, shingles: &[u32]) {
        lower_all::<28>(minima, set, shingles);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn avx512(minima: &mut [u32; LANES], set: &Permutations, shingles: &[u32]) {
        lower_all::<112>(minima, set, shingles);
    }

    /// The kernel for this processor's widest registers, if it has wide ones.
    pub fn kernel() -> Option<super::Kernel> {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
        {
            // SAFETY: the processor has just been asked.
            return Some(|minima, set, shingles| unsafe { avx512(minima, set, shingles) });
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just been asked.
            return Some(|minima, set, shingles| unsafe { avx2(minima, set, shingles) });
        }
        None
    }

    /// Kernels of this processor by name.
    #[cfg(test)]
    pub fn all() -> Vec<(&'static str, super::Kernel)> {
        let mut kernels: Vec<(&'static str, super::Kernel)> = Vec::new();
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just been asked.
            kernels.push(("avx2", |m, s, x| unsafe { avx2(m, s, x) }));
        }
        if kernel().is_some() && is_x86_feature_detected!("avx512vl") {
            // SAFETY: `kernel` has just asked the processor.
            kernels.push(("avx512", |m, s, x| unsafe { avx512(m, s, x) }));
        }
        kernels
    }
}

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    if let Some(kernel) = x86::kernel() {
        return kernel;
    }
    lower_portable
});

/// The signature of a text with this comparison key, or `None` when it has no shingle.
/// Its length is `8 * recall.bands()`.
#[must_use]
pub fn signature(key: &str, recall: Recall) -> Option<Vec<u32>> {
    signature_by(*KERNEL, key, recall)
}

fn signature_by(kernel: Kernel, key: &str, recall: Recall) -> Option<Vec<u32>> {
    let sets = &PERMUTATIONS[..recall.bands() * ROWS / LANES];
    let mut minima = [[u32::MAX; LANES]; 2];
    let mut block = [0_u32; BLOCK];
    let (mut filled, mut any) = (0, false);
    let mut lower = |shingles: &[u32]| {
        for (set, minima) in sets.iter().zip(&mut minima) {
            kernel(minima, set, shingles);
        }
    };
    shingles::for_each(key, |shingle| {
        block[filled] = (shingle >> 32) as u32;
        filled += 1;
        any = true;
        if filled == BLOCK {
            lower(&block);
            filled = 0;
        }
    });
    lower(&block[..filled]);
    any.then(|| minima[..sets.len()].concat())
}

/// A hash of each band of the signature: texts that share one are compared.
/// `None` when the text has no shingle.
#[must_use]
pub fn bands(key: &str, recall: Recall) -> Option<Vec<u64>> {
    let signature = signature(key, recall)?;
    let mut bytes = [0; 4 * ROWS];
    let band = |(number, places): (usize, &[u32])| {
        for (to, place) in bytes.chunks_exact_mut(4).zip(places) {
            to.copy_from_slice(&place.to_le_bytes());
        }
        xxh3_64_with_seed(&bytes, number as u64)
    };
    Some(signature.chunks_exact(ROWS).enumerate().map(band).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn words(from: u32, count: u32) -> String {
        let mut key = String::new();
        for word in from..from + count {
            let _ = write!(key, "w{word} ");
        }
        key.truncate(key.len().saturating_sub(1));
        key
    }

    #[test]
    fn every_kernel_gives_the_same_signature() {
        #[cfg(target_arch = "x86_64")]
        for (name, kernel) in x86::all() {
            for count in [5, 6, 17, 300, 2_000] {
                for recall in [Recall::Default, Recall::High] {
                    let key = words(count, count);
                    assert_eq!(
                        signature_by(kernel, &key, recall),
                        signature_by(lower_portable, &key, recall),
                        "{name} {count}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_signature_is_the_least_image_of_each_permutation() {
        let key = words(0, 700);
        let signature = signature(&key, Recall::High).expect("shingles");
        assert_eq!(signature.len(), 224);
        for (place, found) in signature.iter().enumerate() {
            let set = &PERMUTATIONS[place / LANES];
            let (a, b) = (set.multiply[place % LANES], set.add[place % LANES]);
            let images = shingles::set(&key);
            let images = images
                .iter()
                .map(|x| a.wrapping_mul((x >> 32) as u32).wrapping_add(b));
            assert_eq!(Some(*found), images.min(), "place {place}");
        }
    }

    #[test]
    fn agreement_estimates_the_similarity() {
        // 1,000 shingles each, of which 1,000 - d are common.
        for d in [50, 150, 400] {
            let (mut agree, mut all, mut wanted) = (0, 0, 0.0);
            for round in 0..20 {
                let (a, b) = (words(round * 5_000, 1_004), words(round * 5_000 + d, 1_004));
                wanted = f64::from(1_000 - d) / f64::from(1_000 + d);
                let (a, b) = (
                    signature(&a, Recall::Default),
                    signature(&b, Recall::Default),
                );
                let (a, b) = (a.expect("shingles"), b.expect("shingles"));
                agree += a.iter().zip(&b).filter(|(a, b)| a == b).count();
                all += a.len();
            }
            let found = agree as f64 / all as f64;
            // 2,240 places: three standard deviations are at most 0.032.
            assert!((found - wanted).abs() < 0.035, "{found} {wanted}");
        }
    }

    #[test]
    fn the_chances_are_those_of_the_formula() {
        for (recall, s, wanted) in [
            (Recall::Default, 0.8, 0.924),
            (Recall::Default, 0.9, 0.9996),
            (Recall::High, 0.8, 0.994),
        ] {
            assert!((recall.chance(s) - wanted).abs() < 0.001, "{recall:?} {s}");
        }
    }

    #[test]
    fn bands_stay_as_they_are() {
        assert_eq!(bands("a b c d", Recall::Default), None);
        let found = bands(&words(0, 50), Recall::Default).expect("shingles");
        assert_eq!(found.len(), 14);
        assert_eq!(
            found[..2],
            [9_748_226_833_808_850_326, 10_644_312_652_232_063_456]
        );
    }
}
