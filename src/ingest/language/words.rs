//! Common words of Latin languages, which make up a fifth or more of running text.

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

/// As [`packed`], of the word at `start` of `text`, all whose bytes are letters: read at once, where
/// so many bytes follow.
fn packed_at(text: &[u8], start: usize, length: usize) -> u64 {
    let Some(bytes) = text[start..].first_chunk::<LONGEST>() else {
        return packed(&text[start..start + length]);
    };
    let own = u64::MAX >> (64 - 8 * length);
    let word = u64::from_le_bytes(*bytes) & own;
    // The bit that makes a letter of ASCII small, in each byte that is none beyond it.
    let small = (!word & 0x8080_8080_8080_8080) >> 2;
    (word | small) & own
}

/// Bytes of words: letters of ASCII, and those beyond, near enough.
const IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte >= 0x80 || (byte as u8).is_ascii_alphabetic();
        byte += 1;
    }
    table
};

/// The slot of `word`, or the free one where it would be.
fn place(word: u64, slot: impl Fn(usize) -> Slot) -> usize {
    let mut at = (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53) as usize;
    while slot(at).word != word && slot(at).word != 0 {
        at = (at + 1) % SLOTS;
    }
    at
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
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            while at < bytes.len() && IN_WORD[bytes[at] as usize] {
                at += 1;
            }
            if at == start {
                at += 1;
                continue;
            }
            // A letter beside digits or underscores is a variable.
            let alone = |byte: Option<&u8>| byte.is_none_or(|b| !b.is_ascii_digit() && *b != b'_');
            let is_word = alone(bytes.get(at)) && alone(start.checked_sub(1).map(|i| &bytes[i]));
            self.words += 1;
            if at - start <= LONGEST && is_word {
                self.word(table, packed_at(bytes, start, at - start));
            }
        }
    }

    /// Counts a word; those that begin with a capital beyond ASCII are not found, which costs few.
    fn word(&mut self, table: &[Slot], word: u64) {
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

    #[test]
    fn a_word_is_the_same_read_at_once_or_alone() {
        let text = "The ÜBER für Qué même Z zzzzzzzz, ZZZZZZZZ";
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            let start = text.find(word).expect("a word");
            let found = packed_at(text.as_bytes(), start, word.len());
            assert_eq!(found, packed(word.as_bytes()), "{word}");
        }
    }
}
