//! Common words of Latin languages, which make up a fifth or more of running text.

use crate::eight_bytes;
use std::ops::AddAssign;
use std::sync::LazyLock;

/// A language and its words. Those under `other` keep their neighbours from being taken for one of
/// the four that are told; a word may stand under several.
const LANGUAGES: &[(&str, &str)] = &[
    (
        "en",
        "the of and to is that it was for with you this are be what how which have from not by or \
         as at they we he she his her but can will has if would there their",
    ),
    (
        "de",
        "der die und das ist nicht ein eine einen einer mit zu den von auf sich auch für dem des \
         im wir ich sie es werden wird sind kann oder aber wie bei nach aus haben über durch noch \
         wenn nur war",
    ),
    (
        "fr",
        "le les des et est une dans que qui pour pas sur du au il la un en ce cette je nous vous \
         avec plus par sont être mais ne aux ils elle dont ou leur comme où ses fait a à",
    ),
    (
        "es",
        "el los las es una que en por con para del se no su un la como más pero al lo son este \
         esta muy también está y o ha fue sus sobre cuando entre hay todo nos qué desde",
    ),
    // Portuguese, Italian, Dutch, Polish, Czech, Swedish, Danish and Norwegian, Turkish, Romanian,
    // Finnish, Hungarian, Vietnamese and Indonesian, each a language of its own in the count.
    (
        "pt",
        "não uma com os as ao são mas em do da dos das você isso um que para por mais também foi \
         seu sua é ele na no",
    ),
    (
        "it",
        "che di il della è non per un con gli del una sono nel alla anche più le questo dei si da \
         ha come ma lo i delle",
    ),
    (
        "nl",
        "het een van niet dat zijn voor met op de en te die ook aan bij maar naar worden door wordt \
         deze ik er",
    ),
    (
        "pl",
        "nie się jest że na do to jak z w po od przez są ale dla który może jego tak już",
    ),
    (
        "cs",
        "je že se na by jsem to ve jako ale pro není také který jsou když byl podle až",
    ),
    (
        "sv",
        "och att det inte som en är på av för med till den om jag har var ett de från",
    ),
    (
        "da",
        "og ikke er på det til af en at som med den for har jeg de fra et var også",
    ),
    (
        "tr",
        "ve bir bu için ile da de çok daha olarak gibi olan ne var kadar sonra ama",
    ),
    (
        "ro",
        "și este nu în pe că cu la o din pentru care sunt mai să de un fi lui",
    ),
    (
        "fi",
        "ja on ei se että oli hän mutta myös kuin joka ovat tai niin",
    ),
    ("hu", "és nem egy hogy az a is de meg van csak volt mint ez"),
    (
        "id",
        "yang dan di ini itu dengan untuk tidak dari dalam pada adalah akan",
    ),
];

/// Languages that are told by their own code.
const TOLD: usize = 4;
const COUNT: usize = 16;
const _: () = assert!(LANGUAGES.len() == COUNT);
/// Longest word in the table, in bytes.
const LONGEST: usize = 8;

/// Slots of the table: a power of two, four times the words.
const SLOTS: usize = 2048;

/// A word as a number (its bytes), the bits of its languages, and its own number.
#[derive(Clone, Copy, Default)]
struct Slot {
    word: u64,
    languages: u16,
    number: u16,
}

/// The words by a hash of their number; a plain map costs three times as much for each word of a text.
static TABLE: LazyLock<Vec<Slot>> = LazyLock::new(|| {
    let mut table = vec![Slot::default(); SLOTS];
    let mut words = 0;
    for (language, (_, list)) in LANGUAGES.iter().enumerate() {
        for word in list.split_whitespace() {
            let word = packed(word.as_bytes());
            let at = place(word, |at| table[at]);
            let slot = &mut table[at];
            if slot.word == 0 {
                *slot = Slot {
                    word,
                    languages: 0,
                    number: words,
                };
                words += 1;
            }
            slot.languages |= 1 << language;
        }
    }
    table
});

/// The bytes of a word of at most [`LONGEST`], capitals of ASCII made small.
fn packed(word: &[u8]) -> u64 {
    let mut bytes = [0; LONGEST];
    bytes[..word.len()].copy_from_slice(word);
    bytes.make_ascii_lowercase();
    u64::from_le_bytes(bytes)
}

/// The slot of `word`, or the free one where it would be.
fn place(word: u64, slot: impl Fn(usize) -> Slot) -> usize {
    let mut at = (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53) as usize;
    while slot(at).word != word && slot(at).word != 0 {
        at = (at + 1) % SLOTS;
    }
    at
}

/// A bit for each of at most 64 bytes: whether it is a letter. Bytes beyond ASCII are, near enough.
fn letters(block: &[u8]) -> u64 {
    let mut all = 0;
    for (number, eight) in block.chunks(8).enumerate() {
        let mut bytes = [0; 8];
        bytes[..eight.len()].copy_from_slice(eight);
        let eight = u64::from_le_bytes(bytes);
        let high = eight_bytes::ascii_letters(eight) | eight & eight_bytes::HIGH;
        // The product gathers the high bits of the eight bytes in its topmost byte.
        let bits = (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        all |= bits << (8 * number);
    }
    all
}

/// Common words of each language in a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Hits {
    words: u32,
    count: [u32; COUNT],
    /// Different words seen, as bits by a hash of their number.
    seen: [u64; COUNT],
}

impl Hits {
    pub(super) fn of(text: &str) -> Self {
        let mut hits = Self::default();
        hits.add(text);
        hits
    }

    pub(super) fn add(&mut self, text: &str) {
        let (table, bytes) = (TABLE.as_slice(), text.as_bytes());
        let mut open = None;
        for (block, base) in bytes.chunks(64).zip((0..).step_by(64)) {
            let letters = letters(block);
            // A bit where a word begins, and one where it has ended.
            let mut edges = letters ^ (letters << 1 | u64::from(open.is_some()));
            while edges != 0 {
                let at = base + edges.trailing_zeros() as usize;
                edges &= edges - 1;
                match open.take() {
                    None => open = Some(at),
                    Some(start) => self.word(table, bytes, start, at),
                }
            }
        }
        if let Some(start) = open {
            self.word(table, bytes, start, bytes.len());
        }
    }

    /// Counts the word that is `bytes` from `start` to `end`.
    #[inline]
    fn word(&mut self, table: &[Slot], bytes: &[u8], start: usize, end: usize) {
        self.words += 1;
        // A letter beside digits or underscores is a variable.
        let alone = |byte: Option<&u8>| byte.is_none_or(|b| !b.is_ascii_digit() && *b != b'_');
        let is_word = alone(bytes.get(end)) && alone(start.checked_sub(1).map(|i| &bytes[i]));
        if end - start > LONGEST || !is_word {
            return;
        }
        // Words that begin with a capital beyond ASCII are not found, which costs few of them.
        let word = match bytes[start..].first_chunk::<LONGEST>() {
            Some(eight) => {
                let beyond = 8 * (LONGEST - (end - start));
                let mut eight = *eight;
                eight.make_ascii_lowercase();
                u64::from_le_bytes(eight) << beyond >> beyond
            }
            None => packed(&bytes[start..end]),
        };
        let slot = table[place(word, |at| table[at])];
        let mut left = slot.languages;
        while left != 0 {
            let language = left.trailing_zeros() as usize;
            self.count[language] += 1;
            self.seen[language] |= 1 << (slot.number % 64);
            left &= left - 1;
        }
    }

    /// Share of the words that are common in the likeliest language.
    pub(super) fn share(&self) -> f32 {
        let most = self.count.iter().copied().max().unwrap_or(0);
        most as f32 / self.words.max(1) as f32
    }

    /// Different common words of the language `code`.
    pub(super) fn distinct(&self, code: &str) -> u32 {
        LANGUAGES
            .iter()
            .position(|(known, _)| *known == code)
            .map_or(0, |i| self.seen[i].count_ones())
    }

    /// Whether no language has a common word here.
    pub(super) fn is_empty(&self) -> bool {
        self.count.iter().all(|count| *count == 0)
    }

    /// The likeliest language, and by how much it leads: its count and the next one's.
    fn ranked(&self) -> (usize, u32, u32) {
        let rank = |i: usize| (self.count[i], self.seen[i].count_ones());
        // The earlier of equal ones.
        let first = (1..COUNT).fold(0, |best, i| if rank(i) > rank(best) { i } else { best });
        let next = (0..COUNT)
            .filter(|i| *i != first)
            .map(|i| self.count[i])
            .max();
        (first, self.count[first], next.unwrap_or(0))
    }

    /// The language that the words tell.
    pub(super) fn language(&self) -> Option<&'static str> {
        let (first, count, next) = self.ranked();
        let distinct = self.seen[first].count_ones();
        let is_told = count >= 3
            && distinct >= 3
            && self.share() > 0.10
            && (count * 2 >= next * 3 || distinct >= 6 && count > next);
        is_told.then_some(if first < TOLD {
            LANGUAGES[first].0
        } else {
            "other"
        })
    }

    /// The language of a line, where its words leave no doubt.
    pub(super) fn clear_language(&self) -> Option<&'static str> {
        let (first, count, next) = self.ranked();
        let is_clear = self.seen[first].count_ones() >= 3 && count >= 2 * next;
        is_clear.then_some(if first < TOLD {
            LANGUAGES[first].0
        } else {
            "other"
        })
    }
}

impl AddAssign<&Hits> for Hits {
    fn add_assign(&mut self, other: &Hits) {
        self.words += other.words;
        for i in 0..COUNT {
            self.count[i] += other.count[i];
            self.seen[i] |= other.seen[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words, a byte at a time.
    fn slowly(text: &str) -> Hits {
        let mut hits = Hits::default();
        let bytes = text.as_bytes();
        let is_letter = |b: &u8| b.is_ascii_alphabetic() || *b >= 0x80;
        let mut at = 0;
        while at < bytes.len() {
            let length = bytes[at..].iter().take_while(|b| is_letter(b)).count();
            let (word, end) = (&bytes[at..at + length], at + length);
            let beside = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_digit() || *b == b'_');
            let is_alone = !beside(bytes.get(end)) && (at == 0 || !beside(bytes.get(at - 1)));
            hits.words += u32::from(length > 0);
            if (1..=LONGEST).contains(&length) && is_alone {
                let slot = TABLE[place(packed(word), |at| TABLE[at])];
                for language in (0..COUNT).filter(|i| slot.languages >> i & 1 == 1) {
                    hits.count[language] += 1;
                    hits.seen[language] |= 1 << (slot.number % 64);
                }
            }
            at = end.max(at + 1);
        }
        hits
    }

    #[test]
    fn words_are_cut_64_bytes_at_a_time_as_one_by_one() {
        let text = "The cat of 3the a_is is2 OF für über Qué, «да» the{and}@`[z]~ interesting\n";
        let whole = text.repeat(9);
        for start in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            for end in (start..start + 200).filter(|at| whole.is_char_boundary(*at)) {
                let piece = &whole[start..end];
                let (fast, slow) = (Hits::of(piece), slowly(piece));
                assert_eq!(
                    (fast.words, fast.count, fast.seen),
                    (slow.words, slow.count, slow.seen),
                    "{piece:?}"
                );
            }
        }
    }
}
