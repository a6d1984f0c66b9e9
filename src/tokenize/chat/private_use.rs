//! Private-use characters: marks that are put into texts for a moment, none of which a text has.

use std::collections::BTreeSet;

/// The planes that Unicode gives to private use, 131,068 characters.
const PLANES: [std::ops::RangeInclusive<u32>; 2] = [0x10_0000..=0x10_FFFD, 0xF_0000..=0xF_FFFD];

/// Private-use characters of planes 15 and 16 that `texts` contain.
pub(super) fn used<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeSet<char> {
    let mut used = BTreeSet::new();
    for text in texts {
        // These planes are encoded with the first bytes F3 and F4, which little else has.
        for at in memchr::memchr2_iter(0xF3, 0xF4, text.as_bytes()) {
            used.extend(
                text[at..]
                    .chars()
                    .next()
                    .filter(|character| *character >= '\u{F0000}'),
            );
        }
    }
    used
}

/// `count` private-use characters that are not in `used`, the same for the same `used`.
pub(super) fn unused(used: &BTreeSet<char>, count: usize) -> Vec<char> {
    let all = PLANES.into_iter().flatten().filter_map(char::from_u32);
    all.filter(|character| !used.contains(character))
        .take(count)
        .collect()
}
