//! Which values dropout leaves out: a hash of a key and the value's place, so that the backward, a
//! recomputed layer and a resumed run leave out the same ones.

/// What value `place` is multiplied by: 0, or `1 / (1 - rate)`.
#[must_use]
pub fn factor(key: u64, place: u64, rate: f32) -> f32 {
    // SplitMix64 (Steele et al. 2014, <https://doi.org/10.1145/2660193.2660195>).
    let mut z = key.wrapping_add(place.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let share = ((z ^ (z >> 31)) >> 40) as f32 / (1 << 24) as f32;
    if share < rate {
        0.0
    } else {
        1.0 / (1.0 - rate)
    }
}

#[cfg(test)]
mod tests {
    use super::factor;

    #[test]
    fn as_many_are_left_out_as_was_asked_for() {
        let left_out = (0..100_000).filter(|&i| factor(7, i, 0.1) == 0.0).count();
        assert!((9_700..10_300).contains(&left_out), "{left_out}");
        let both = |i: &u64| factor(7, *i, 0.5) == factor(8, *i, 0.5);
        let same = (0..100_000).filter(both).count();
        assert!((49_000..51_000).contains(&same), "{same}");
        assert_eq!(factor(7, 3, 0.0), 1.0);
    }
}
