//! Corpora that are made up on the fly, the same each time.

use std::fmt::Write as _;
use std::path::Path;

/// A sequence of numbers that looks random (`SplitMix64`).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// `count` words of two alphabets, separated by spaces.
pub fn words(dice: &mut Dice, count: u64) -> String {
    const SYLLABLES: [&str; 24] = [
        "ka", "lo", "mi", "ren", "sta", "tu", "vel", "por", "dis", "an", "er", "ing", "ко", "ра",
        "ми", "сто", "пере", "вод", "ный", "ость", "ла", "не", "да", "ва",
    ];
    let mut text = String::new();
    for number in 0..count {
        if number > 0 {
            text.push(' ');
        }
        let alphabet = 12 * dice.below(2);
        for _ in 0..=dice.below(3) {
            text.push_str(SYLLABLES[(alphabet + dice.below(12)) as usize]);
        }
    }
    text
}

/// About `bytes` of JSON lines, of which most cannot be read. 50,000 rejects end a part of a corpus
/// as 64 MB of text do, so that a few megabytes make many parts.
pub fn many_parts(path: &Path, bytes: usize, dice: &mut Dice) {
    let mut lines = String::with_capacity(bytes + 1_000);
    while lines.len() < bytes {
        let count = 20 + dice.below(20);
        let text = words(dice, count);
        writeln!(lines, "{{\"text\":\"{text}\",\"n\":{}}}", lines.len()).expect("memory");
        for _ in 0..12 {
            let number = dice.below(1_000);
            writeln!(
                lines,
                "{{\"text\":{number},\"what\":\"a number is no text\"}}"
            )
            .expect("memory");
        }
    }
    super::write(path, lines);
}
