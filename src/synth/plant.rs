//! Which document is a plant, of which kind, and of which original: from its number alone.
//!
//! Nothing is remembered: the original of a plant is an earlier document that is made again from
//! its own number. So memory does not grow with the corpus, copies lie anywhere before, and any
//! part can be made on any core.

use super::rng::{Purpose, Rng};
use serde::{Deserialize, Serialize};

/// Similarities of near-duplicates, one as often as the other.
pub const LEVELS: [f64; 5] = [0.95, 0.9, 0.8, 0.7, 0.5];
/// Similarity of A and B, and of B and C, in a chain; that of A and C is about 0.72 then (0.65 to 0.74).
pub const CHAIN_LEVEL: f64 = 0.85;
/// Texts that documents share as their beginning, and templates, of each kind.
const SHARED_TEXTS: u64 = 16;
/// Documents that are looked at for an original before a plant becomes an ordinary document.
const SEARCH: u64 = 20_000;

/// What a document is meant to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// An ordinary document, which may be an original.
    Plain,
    /// The same bytes as its original (its shape may be another).
    Exact,
    /// The same comparison key in other bytes.
    SameKey,
    /// A near-duplicate of this similarity.
    Near(f64),
    /// B in a chain A~B~C with A≁C: a near-duplicate of an ordinary document.
    ChainMiddle,
    /// C in a chain: a near-duplicate of a B.
    ChainEnd,
    /// Begins with shared text of this number.
    Boilerplate(u64),
    /// Made from the template of this number.
    Template(u64),
}

impl Role {
    /// Name in the truth file and the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "none",
            Self::Exact => "exact",
            Self::SameKey => "same_key",
            Self::Near(_) => "near",
            Self::ChainMiddle => "chain_middle",
            Self::ChainEnd => "chain_end",
            Self::Boilerplate(_) => "boilerplate",
            Self::Template(_) => "template",
        }
    }
}

/// Shares of documents that are plants, each 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Exact copies; a quarter of them differ in capitals and punctuation.
    pub duplicates: f64,
    /// Near-duplicates of an ordinary document.
    pub near: f64,
    /// B and C of chains.
    pub chains: f64,
    /// Documents that begin with a shared text.
    pub boilerplate: f64,
    /// Documents made from a template.
    pub templates: f64,
}

impl Shares {
    /// Share of documents that are plants.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.duplicates + self.near + self.chains + self.boilerplate + self.templates
    }

    /// What document `number` is meant to be.
    #[must_use]
    pub fn role(&self, seed: u64, number: u64) -> Role {
        let mut rng = Rng::new(seed, Purpose::Role, number);
        let mut left = rng.unit();
        let mut falls = |share: f64| {
            left -= share;
            left < 0.0
        };
        if falls(self.duplicates) {
            if rng.chance(0.25) {
                Role::SameKey
            } else {
                Role::Exact
            }
        } else if falls(self.near) {
            Role::Near(rng.pick(&LEVELS))
        } else if falls(self.chains) {
            if rng.chance(0.5) {
                Role::ChainMiddle
            } else {
                Role::ChainEnd
            }
        } else if falls(self.boilerplate) {
            Role::Boilerplate(rng.below(SHARED_TEXTS))
        } else if falls(self.templates) {
            Role::Template(rng.below(SHARED_TEXTS))
        } else {
            Role::Plain
        }
    }
}

/// An earlier document than `number` for which `fits`, anywhere before it.
#[must_use]
pub fn origin(seed: u64, number: u64, fits: impl Fn(u64) -> bool) -> Option<u64> {
    if number == 0 {
        return None;
    }
    let start = Rng::new(seed, Purpose::Origin, number).below(number);
    // Downwards from somewhere, then downwards from the end.
    let below = (0..=start).rev();
    let above = (start + 1..number).rev();
    below
        .chain(above)
        .take(SEARCH as usize)
        .find(|candidate| fits(*candidate))
}

/// The nearest document before `number` for which `fits`.
#[must_use]
pub fn previous(number: u64, fits: impl Fn(u64) -> bool) -> Option<u64> {
    (0..number)
        .rev()
        .take(SEARCH as usize)
        .find(|candidate| fits(*candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_their_shares() {
        let shares = Shares {
            duplicates: 0.1,
            near: 0.05,
            chains: 0.01,
            boilerplate: 0.02,
            templates: 0.03,
        };
        let mut counts = std::collections::BTreeMap::<&str, u32>::new();
        for number in 0..100_000 {
            *counts.entry(shares.role(9, number).name()).or_default() += 1;
        }
        let share = |name| f64::from(counts[name]) / 100_000.0;
        for (name, wanted) in [
            ("exact", 0.075),
            ("same_key", 0.025),
            ("near", 0.05),
            ("boilerplate", 0.02),
            ("template", 0.03),
            ("none", 0.79),
        ] {
            assert!((share(name) / wanted - 1.0).abs() < 0.1, "{name}");
        }
        assert!(counts["chain_middle"] > 400 && counts["chain_end"] > 400);
    }

    #[test]
    fn an_original_comes_before_its_copy() {
        assert_eq!(origin(1, 0, |_| true), None);
        for number in 1..200 {
            let found = origin(1, number, |candidate| candidate % 7 == 0);
            assert!(found.is_some_and(|found| found < number && found % 7 == 0));
        }
    }
}
