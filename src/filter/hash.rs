//! Hashes of words: 64 bits each.
//!
//! Most words have at most 16 bytes. Those are read as two masked integers and folded through one
//! 128-bit product, as wyhash does it, without a branch on their length, which would be mispredicted
//! at every other word; longer ones take xxh3. A word has the same hash wherever it stands.

use xxhash_rust::xxh3::xxh3_64;

const SHORT_BYTES: usize = 16;

/// The hash of `text[start..end]`.
#[inline]
pub fn hash_of_word(text: &[u8], start: usize, end: usize) -> u64 {
    let length = end - start;
    if length > SHORT_BYTES {
        return xxh3_64(&text[start..end]);
    }
    let (low, high) = if let Some(bytes) = text[start..].first_chunk::<SHORT_BYTES>() {
        halves(bytes)
    } else {
        let mut bytes = [0; SHORT_BYTES];
        bytes[..length].copy_from_slice(&text[start..end]);
        halves(&bytes)
    };
    let low = low & MASKS[length.min(8)];
    let high = high & MASKS[length.saturating_sub(8)];
    fold(
        low ^ 0x9e37_79b9_7f4a_7c15,
        high ^ 0xd6e8_feb8_6659_fd93 ^ length as u64,
    )
}

/// Extends the hash of an n-gram by one word.
#[inline]
pub fn chain(hash: u64, word: u64) -> u64 {
    fold(
        hash ^ 0x9e37_79b9_7f4a_7c15,
        word.rotate_left(23) ^ 0xd6e8_feb8_6659_fd93,
    )
    .wrapping_add(word)
}

/// The lowest `index` bytes of an integer.
const MASKS: [u64; 9] = {
    let mut masks = [u64::MAX; 9];
    let mut bytes = 0;
    while bytes < 8 {
        masks[bytes] = (1 << (8 * bytes)) - 1;
        bytes += 1;
    }
    masks
};

fn halves(bytes: &[u8; SHORT_BYTES]) -> (u64, u64) {
    let both = u128::from_le_bytes(*bytes);
    split(both)
}

fn fold(one: u64, other: u64) -> u64 {
    let (low, high) = split(u128::from(one) * u128::from(other));
    low ^ high
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the two halves of 128 bits"
)]
fn split(both: u128) -> (u64, u64) {
    (both as u64, (both >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_word_has_one_hash_wherever_it_stands_and_other_words_another() {
        let text =
            "a ab abc кот котик absolutely правительство обществоведение достопримечательность a";
        let mut seen = HashSet::new();
        for word in text.split(' ') {
            let bytes = word.as_bytes();
            let alone = hash_of_word(bytes, 0, bytes.len());
            let start = text.find(word).expect("a word of the text");
            assert_eq!(
                alone,
                hash_of_word(text.as_bytes(), start, start + word.len()),
                "{word}"
            );
            seen.insert(alone);
        }
        assert_eq!(seen.len(), 9);
    }

    #[test]
    fn a_million_words_share_no_hash() {
        let hashes: HashSet<u64> = (0..1_000_000_u32)
            .map(|n| {
                let word = format!("{n}ы");
                hash_of_word(word.as_bytes(), 0, word.len())
            })
            .collect();
        assert_eq!(hashes.len(), 1_000_000);
    }
}
