//! Lengths that add up: a histogram whose quantiles are within 1.6 % and whose size is fixed.
//!
//! Values below 64 have a bucket each; above, 32 buckets for each power of two. Two histograms of
//! two halves of the data add to that of the whole, which a list of quantiles does not.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;

const EXACT: u64 = 64;
const SUB_BITS: u32 = 5;

/// A histogram of lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    buckets: BTreeMap<u32, u64>,
    count: u64,
    sum: u64,
    max: u64,
}

/// Quantiles of lengths, for reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Arithmetic mean.
    pub mean: f64,
    /// 5 % are at most this long.
    pub p5: u64,
    /// 25 % are at most this long.
    pub p25: u64,
    /// Half are at most this long.
    pub p50: u64,
    /// 75 % are at most this long.
    pub p75: u64,
    /// 95 % are at most this long.
    pub p95: u64,
    /// The longest, exact.
    pub max: u64,
}

impl Lengths {
    /// Counts one length.
    pub fn add(&mut self, length: u64) {
        *self.buckets.entry(bucket(length)).or_default() += 1;
        self.count += 1;
        self.sum += length;
        self.max = self.max.max(length);
    }

    /// Lengths counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The quantiles; all 0 when nothing was counted.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        if self.count == 0 {
            return Quantiles::default();
        }
        let at = |share: f64| {
            let wanted = (share * self.count as f64).ceil().max(1.0) as u64;
            let mut seen = 0;
            for (bucket, count) in &self.buckets {
                seen += count;
                if seen >= wanted {
                    return middle(*bucket).min(self.max);
                }
            }
            self.max
        };
        Quantiles {
            mean: self.sum as f64 / self.count as f64,
            p5: at(0.05),
            p25: at(0.25),
            p50: at(0.5),
            p75: at(0.75),
            p95: at(0.95),
            max: self.max,
        }
    }
}

impl AddAssign<&Lengths> for Lengths {
    fn add_assign(&mut self, other: &Lengths) {
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }
}

fn bucket(length: u64) -> u32 {
    if length < EXACT {
        return length as u32;
    }
    let shift = length.ilog2() - SUB_BITS;
    // The top bits of the length without the leading one, within its power of two.
    let within = (length >> shift) as u32 & ((1 << SUB_BITS) - 1);
    EXACT as u32 + ((shift - 1) << SUB_BITS) + within
}

fn middle(bucket: u32) -> u64 {
    if u64::from(bucket) < EXACT {
        return u64::from(bucket);
    }
    let above = bucket - EXACT as u32;
    let (shift, within) = (
        (above >> SUB_BITS) + 1,
        u64::from(above & ((1 << SUB_BITS) - 1)),
    );
    let low = ((1 << SUB_BITS) + within) << shift;
    low + (1_u64 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_close_and_halves_add_up() {
        let (mut all, mut even, mut odd) =
            (Lengths::default(), Lengths::default(), Lengths::default());
        for i in 0..100_000_u64 {
            all.add(i);
            if i % 2 == 0 { even.add(i) } else { odd.add(i) }
        }
        even += &odd;
        assert_eq!(even, all);
        let q = all.quantiles();
        for (found, wanted) in [(q.p5, 5_000.0), (q.p50, 50_000.0), (q.p95, 95_000.0)] {
            assert!(
                (found as f64 / wanted - 1.0).abs() < 0.017,
                "{found} for {wanted}"
            );
        }
        assert_eq!((q.max, q.mean), (99_999, 49_999.5));
    }

    #[test]
    fn every_length_is_in_its_bucket() {
        for length in (0..5_000).chain([u64::from(u32::MAX), 1 << 40]) {
            let middle = middle(bucket(length)) as f64;
            assert!(
                (middle - length as f64).abs() <= length as f64 * 0.016 + 0.5,
                "{length} gives {middle}"
            );
        }
    }
}
