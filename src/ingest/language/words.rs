//! Common words of Latin languages, which make up a fifth or more of running text.

use crate::eight_bytes;
use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::LazyLock;

/// A language and its words. Those under `other` keep their neighbours from being taken for one of
/// the four that are told; a word may stand under several.
const LANGUAGES: &[(&str, &str)] = &[
    (
        "en",
        "the of and to is that it was for with you this are be what how which have from not by or \
         as at we they he she his her but can will has if would there their in on an a i no do so \
         all one out up about who when were been your any only could than into may should each more \
         most other then them these did does my our after some must cannot",
    ),
    (
        "de",
        "der die und das ist nicht ein eine einen einer mit zu den von auf sich auch für dem des \
         im wir ich sie es werden wird sind kann oder aber wie bei nach aus haben über durch noch \
         wenn nur war in an so als am um vom zum zur bis hat er uns keine kein diese dieser alle \
         mehr sein ihr man ohne wurde wurden muss soll dass beim unter ihre mich mir gibt bitte",
    ),
    (
        "fr",
        "le les des et est une dans que qui pour pas sur du au il la un en ce cette je nous vous \
         avec plus par sont être mais ne aux ils elle dont ou leur comme où ses fait a à de on si \
         se aucun entre sous tout tous aussi cet peut même n d l",
    ),
    (
        "es",
        "el los las es una que en por con para del se no su un la como más pero al lo son este \
         esta muy también está y o ha fue sus sobre cuando entre hay todo nos qué desde de a si ya \
         sin hasta puede ser sólo solo ni le me cada sea tiene debe uno dos mi porque donde así",
    ),
    // Portuguese, Italian, Dutch, Polish, Czech, Swedish, Danish and Norwegian, Turkish, Romanian,
    // Finnish, Hungarian, Vietnamese and Indonesian, each a language of its own in the count.
    (
        "pt",
        "não uma com os as ao são mas em do da dos das você isso um que para por mais também foi \
         seu sua é ele na no de a o e se ou sem até pode ser já nos às à me pelo pela deve este esta quando muito ainda eu",
    ),
    (
        "it",
        "che di il della è non per un con gli del una sono nel alla anche più le questo dei si da \
         ha come ma lo i delle in a e la o se su dal nella essere può questa l d",
    ),
    (
        "nl",
        "het een van niet dat zijn voor met op de en te die ook aan bij maar naar worden door wordt \
         deze ik er in is als of kan geen uit",
    ),
    (
        "pl",
        "nie się jest że na do to jak z w po od przez są ale dla który może jego tak już i a o lub \
         być co czy za jako",
    ),
    (
        "cs",
        "je že se na by jsem to ve jako ale pro není také který jsou když byl podle až a i v z do \
         nebo pokud",
    ),
    (
        "sv",
        "och att det inte som en är på av för med till den om jag har var ett de från i kan eller",
    ),
    (
        "da",
        "og ikke er på det til af en at som med den for har jeg de fra et var også i kan eller",
    ),
    (
        "tr",
        "ve bir bu için ile da de çok daha olarak gibi olan ne var kadar sonra ama",
    ),
    (
        "ro",
        "și este nu în pe că cu la o din pentru care sunt mai să de un fi lui a sau",
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

/// The code of languages that are not told apart.
pub(super) const OTHER: &str = "other";
/// Languages that are told by their own code.
const TOLD: usize = 4;
const COUNT: usize = 16;
const _: () = assert!(LANGUAGES.len() == COUNT);
/// Longest word in the table, in bytes.
const LONGEST: usize = 8;

/// Buckets of the table: with a good multiplier no bucket has more than two of its words.
const BUCKETS: usize = 2048;

/// Two words as their bytes, 0 for none, and their numbers from 1.
#[derive(Clone, Copy, Default)]
struct Bucket {
    words: [u64; 2],
    /// The numbers of none, of the first and of the second: comparisons say which, without a branch.
    numbers: [u16; 4],
}

/// Most words, and one more: number 0 is no word.
const NUMBERS: usize = 64 * PARTS;
/// Parts of a set of words, 64 bits each.
const PARTS: usize = 8;

/// The words, found without a branch: most words of a text are not in the table, and which ones are
/// no processor can guess.
struct Table {
    buckets: Box<[Bucket; BUCKETS]>,
    multiplier: u64,
    /// 1 for each language that has the word of this number.
    languages: Box<[[u16; COUNT]; NUMBERS]>,
    /// The words of each language, as bits by their number.
    words: [[u64; PARTS]; COUNT],
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

impl Table {
    fn new() -> Self {
        let mut numbers: BTreeMap<u64, usize> = BTreeMap::new();
        let mut languages = Box::new([[0; COUNT]; NUMBERS]);
        let mut words = [[0; PARTS]; COUNT];
        for (language, (_, list)) in LANGUAGES.iter().enumerate() {
            for word in list.split_whitespace() {
                let next = numbers.len() + 1;
                let number = *numbers.entry(packed(word.as_bytes())).or_insert(next);
                assert!(number < NUMBERS, "more words than numbers");
                languages[number][language] = 1;
                words[language][number / 64] |= 1 << (number % 64);
            }
        }
        // About one odd multiplier in four will do; the first from here on.
        let mut multiplier = 0x9e37_79b9_7f4a_7c15_u64;
        let buckets = loop {
            if let Some(buckets) = Self::place_all(&numbers, multiplier) {
                break buckets;
            }
            multiplier = multiplier.wrapping_add(1 << 20);
        };
        Self {
            buckets,
            multiplier,
            languages,
            words,
        }
    }

    /// The buckets with all words; none if one would need more than two places.
    fn place_all(
        numbers: &BTreeMap<u64, usize>,
        multiplier: u64,
    ) -> Option<Box<[Bucket; BUCKETS]>> {
        let buckets = vec![Bucket::default(); BUCKETS].into_boxed_slice();
        let mut buckets: Box<[Bucket; BUCKETS]> = buckets.try_into().ok()?;
        for (word, number) in numbers {
            let bucket = &mut buckets[bucket(*word, multiplier)];
            let free = bucket.words.iter().position(|word| *word == 0)?;
            bucket.words[free] = *word;
            bucket.numbers[free + 1] = *number as u16;
        }
        Some(buckets)
    }

    /// The number of `word`; 0 if it is not in the table.
    #[inline]
    fn number(&self, word: u64) -> usize {
        let Bucket { words, numbers } = &self.buckets[bucket(word, self.multiplier) % BUCKETS];
        let which = usize::from(words[0] == word) + 2 * usize::from(words[1] == word);
        usize::from(numbers[which % 4]) % NUMBERS
    }
}

#[inline]
fn bucket(word: u64, multiplier: u64) -> usize {
    (word.wrapping_mul(multiplier) >> (64 - BUCKETS.trailing_zeros())) as usize
}

/// The bytes of a word of at most [`LONGEST`], capitals of ASCII made small.
fn packed(word: &[u8]) -> u64 {
    let mut bytes = [0; LONGEST];
    bytes[..word.len()].copy_from_slice(word);
    bytes.make_ascii_lowercase();
    u64::from_le_bytes(bytes)
}

/// A bit for each of at most 64 bytes: whether it is a letter. Bytes beyond ASCII are, near enough.
fn letters(block: &[u8]) -> u64 {
    if let Some(block) = block.first_chunk::<64>() {
        return letters_of(block.as_chunks().0);
    }
    let mut padded = [0; 64];
    padded[..block.len()].copy_from_slice(block);
    letters_of(&padded.as_chunks().0[..block.len().div_ceil(8)])
}

/// [`letters`] of eight bytes at a time.
#[inline]
fn letters_of(eights: &[[u8; 8]]) -> u64 {
    let mut all = 0;
    for (number, eight) in eights.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        let high = eight_bytes::ascii_letters(eight) | eight & eight_bytes::HIGH;
        // The product gathers the high bits of the eight bytes in its topmost byte.
        let bits = (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        all |= bits << (8 * number);
    }
    all
}

/// Bytes that are counted in 16 bits.
const MOST_BYTES: usize = 60_000;

/// What was found in some bytes.
#[derive(Default)]
struct Found {
    words: u32,
    count: [u16; COUNT],
    /// Numbers of the words, as bits.
    seen: [u64; PARTS],
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "no branches: which words are common no processor can guess"
)]
impl Found {
    /// Counts the word that is `bytes` from `start` to `end`.
    #[inline]
    fn word(&mut self, table: &Table, bytes: &[u8], start: usize, end: usize) {
        self.words += 1;
        // A letter beside digits or underscores is a variable.
        let is_beside = |byte: u8| byte.is_ascii_digit() | (byte == b'_');
        let before = if start == 0 { b' ' } else { bytes[start - 1] };
        let after = bytes.get(end).copied().unwrap_or(b' ');
        let length = end - start;
        // Words that begin with a capital beyond ASCII are not found, which costs few of them.
        let word = match bytes[start..].first_chunk::<LONGEST>() {
            Some(eight) => {
                let beyond = 8 * LONGEST.saturating_sub(length);
                // Of a letter the bit of 32 says whether it is a capital.
                let eight = u64::from_le_bytes(*eight);
                let small = eight | eight_bytes::ascii_letters(eight) >> 2;
                small << beyond >> beyond
            }
            None => packed(&bytes[start..end]),
        };
        let is_word = (length <= LONGEST) & !is_beside(before) & !is_beside(after);
        let number = table.number(word) & usize::from(is_word).wrapping_neg();
        for (count, one) in self.count.iter_mut().zip(&table.languages[number]) {
            *count += one;
        }
        self.seen[number / 64 % PARTS] |= 1 << (number % 64);
    }
}

/// Common words of each language in a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Hits {
    words: u32,
    count: [u32; COUNT],
    /// Numbers of the words, as bits.
    seen: [u64; PARTS],
}

impl Hits {
    pub(super) fn of(text: &str) -> Self {
        let mut hits = Self::default();
        hits.add(text);
        hits
    }

    pub(super) fn add(&mut self, text: &str) {
        // Counts of 16 bits: a piece has at most half as many words as bytes.
        let mut start = 0;
        while start < text.len() {
            let mut end = text.len().min(start + MOST_BYTES);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            // A word across two pieces is cut, which only tests see: lines are shorter.
            self.add_piece(&text.as_bytes()[start..end]);
            start = end;
        }
    }

    fn add_piece(&mut self, bytes: &[u8]) {
        let mut found = Found::default();
        let table = &*TABLE;
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
                    Some(start) => found.word(table, bytes, start, at),
                }
            }
        }
        if let Some(start) = open {
            found.word(table, bytes, start, bytes.len());
        }
        self.words += found.words;
        for (sum, count) in self.count.iter_mut().zip(found.count) {
            *sum += u32::from(count);
        }
        for (seen, found) in self.seen.iter_mut().zip(found.seen) {
            *seen |= found;
        }
    }

    /// Different words of a language, of those with the same number but for multiples of 64 one.
    fn different(&self, language: usize) -> u32 {
        let words = &TABLE.words[language];
        let seen = self.seen.iter().zip(words).map(|(seen, own)| seen & own);
        seen.fold(0, |all: u64, some| all | some).count_ones()
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
            .map_or(0, |i| self.different(i))
    }

    /// The likeliest language but English by its different common words, and how many they are.
    pub(super) fn foreign(&self) -> (&'static str, u32) {
        let rank = |i: usize| (self.different(i), self.count[i]);
        // The earlier of equal ones.
        let first = (2..COUNT).fold(1, |best, i| if rank(i) > rank(best) { i } else { best });
        (LANGUAGES[first].0, rank(first).0)
    }

    /// The code by which the language `code` is told.
    pub(super) fn told(code: &'static str) -> &'static str {
        let told = LANGUAGES[..TOLD].iter().any(|(known, _)| *known == code);
        if told { code } else { OTHER }
    }

    /// The likeliest language, and by how much it leads: its count and the next one's.
    fn ranked(&self) -> (usize, u32, u32) {
        // The earlier of equal ones; different words are counted where counts are equal.
        let is_likelier = |i: usize, best: usize| {
            let (own, most) = (self.count[i], self.count[best]);
            own > most || own == most && own > 0 && self.different(i) > self.different(best)
        };
        let first = (1..COUNT).fold(0, |best, i| if is_likelier(i, best) { i } else { best });
        let next = (0..COUNT)
            .filter(|i| *i != first)
            .map(|i| self.count[i])
            .max();
        (first, self.count[first], next.unwrap_or(0))
    }

    /// The language that the words tell.
    pub(super) fn language(&self) -> Option<&'static str> {
        let (first, count, next) = self.ranked();
        let distinct = self.different(first);
        let is_told = count >= 3
            && distinct >= 3
            && self.share() > 0.10
            && (count * 2 >= next * 3 || distinct >= 6 && count > next);
        is_told.then(|| Self::told(LANGUAGES[first].0))
    }

    /// The language of a line, where its words leave no doubt.
    pub(super) fn clear_language(&self) -> Option<&'static str> {
        let (first, count, next) = self.ranked();
        let is_clear = count >= 3 && count >= 2 * next && self.different(first) >= 3;
        is_clear.then(|| Self::told(LANGUAGES[first].0))
    }
}

impl AddAssign<&Hits> for Hits {
    fn add_assign(&mut self, other: &Hits) {
        self.words += other.words;
        for i in 0..COUNT {
            self.count[i] += other.count[i];
        }
        for (seen, others) in self.seen.iter_mut().zip(other.seen) {
            *seen |= others;
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
                let lower = word.to_ascii_lowercase();
                for (language, (_, list)) in LANGUAGES.iter().enumerate() {
                    if list
                        .split_whitespace()
                        .any(|known| known.as_bytes() == lower)
                    {
                        hits.count[language] += 1;
                        let number = TABLE.number(packed(&lower));
                        hits.seen[number / 64] |= 1 << (number % 64);
                    }
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
                    (fast.words, fast.count),
                    (slow.words, slow.count),
                    "{piece:?}"
                );
                let different = |hits: &Hits| -> [u32; COUNT] {
                    std::array::from_fn(|language| hits.different(language))
                };
                assert_eq!(different(&fast), different(&slow), "{piece:?}");
            }
        }
    }
}
