//! Occurrences of 64-bit hashes, in one flat table.
//!
//! Words, lines and n-grams are compared by their hashes. That any two n-grams of a document of a
//! million words share one has a probability of 3 in 100 million, and it would move one fraction by
//! one n-gram. For that, a word is no `String`, and a document costs one allocation a table.

/// A table that counts a known number of hashes at most.
pub struct Counts {
    slots: Vec<Slot>,
    mask: usize,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u64,
    /// 0 where the slot is free.
    count: usize,
}

/// In place of a count: seen in a second scan.
const MARKED: usize = usize::MAX;

/// Where a hash is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

impl Counts {
    /// A table for up to `hashes` additions; it is at most half full.
    pub fn for_at_most(hashes: usize) -> Self {
        let size = (hashes.max(4) * 2).next_power_of_two();
        Self {
            slots: vec![Slot::default(); size],
            mask: size - 1,
        }
    }

    /// Counts `hash` once more.
    #[inline]
    pub fn add(&mut self, hash: u64) -> Place {
        // The multiplications that made the hash leave its low bits as good as its high ones.
        let mut at = usize::try_from(hash & self.mask as u64).unwrap_or(0);
        loop {
            let slot = &mut self.slots[at];
            if slot.count == 0 || slot.hash == hash {
                slot.hash = hash;
                slot.count += 1;
                return Place(at);
            }
            at = (at + 1) & self.mask;
        }
    }

    /// How often the hash counted at `place` was counted.
    #[inline]
    pub fn count(&self, place: Place) -> usize {
        self.slots[place.0].count
    }

    /// Whether the hash at `place` was marked before; marks it. Counts are lost by it.
    pub fn mark(&mut self, place: Place) -> bool {
        std::mem::replace(&mut self.slots[place.0].count, MARKED) == MARKED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_are_counted_together_and_colliding_places_apart() {
        let mut counts = Counts::for_at_most(6);
        let places: Vec<Place> = [7, 7 + 16, 7, 0, 7 + 32, 7]
            .into_iter()
            .map(|hash| counts.add(hash))
            .collect();
        assert_eq!(
            places
                .iter()
                .map(|place| counts.count(*place))
                .collect::<Vec<_>>(),
            [3, 1, 3, 1, 1, 3]
        );
    }
}
