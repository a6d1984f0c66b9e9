//! How surprising a text is as Russian, in bits: the measure by which encodings are told apart and
//! the repair of mojibake is judged.
//!
//! A chain over letters: each pair of lower-case letters has its cost (`bigrams`, counted on the
//! Russian fixtures), capitals cost by where they stand in a word (КОИ-8 read as windows-1251 swaps the
//! cases), and what ordinary text seldom has (box drawing, letters of both scripts in one word,
//! control characters) costs more than any letter. ASCII next to ASCII costs nothing, because every
//! encoding reads it the same way.

use super::bigrams::BIGRAMS;
use std::sync::LazyLock;

/// а, е, и, о, у, ы, э, ю, я, ё.
const VOWELS: [u8; 10] = [1, 6, 9, 15, 20, 28, 30, 31, 32, 33];

/// Costs are in sixteenths of a bit.
pub const BIT: u64 = 16;

/// What a character is to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// A space or a line end.
    Space,
    /// ASCII but letters and spaces.
    Plain,
    /// An ASCII letter.
    Latin,
    /// A Russian letter, 1 to 33.
    Letter(u8, Case),
    /// A letter of another Cyrillic alphabet; common ones are Ukrainian and Belarusian.
    Other(Rarity),
    /// The Belarusian ў, which stands after vowels only, where the Ukrainian і hardly ever does.
    Short,
    /// An accented Latin letter.
    Accent(Rarity),
    /// Typography that books have.
    Mark(Mark),
    /// Signs, other scripts, box drawing.
    Odd,
    /// Control characters and no characters at all.
    Bad,
}

/// Where a mark stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// « before a word.
    Open,
    /// “ and „ before a word, in Russian seldom.
    OpenForeign,
    /// » and … after a word.
    Close,
    /// ” and ’ after a word, in Russian seldom, in English within a word too.
    CloseForeign,
    /// – and — between spaces.
    Dash,
    /// The space that does not break.
    Space,
    /// № before a number.
    Number,
}

/// The case of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Lower.
    Lower,
    /// Upper.
    Upper,
}

/// How often a letter is seen among its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rarity {
    /// Seen on every page.
    Common,
    /// At the beginning of a word or among capitals.
    Capital,
    /// Hardly ever seen.
    Rare,
}

/// The class of a character.
#[inline]
#[must_use]
pub fn symbol(character: char) -> Symbol {
    match KNOWN.get(character as usize) {
        Some(known) => *known,
        None => class(character),
    }
}

/// The classes of U+0000 to U+045F, which most text is made of.
static KNOWN: [Symbol; 0x460] = {
    let mut known = [Symbol::Bad; 0x460];
    let mut number = 0;
    while number < known.len() {
        if let Some(character) = char::from_u32(number as u32) {
            known[number] = class(character);
        }
        number += 1;
    }
    known
};

const fn class(character: char) -> Symbol {
    match character {
        'a'..='z' | 'A'..='Z' => Symbol::Latin,
        '\t' | '\n' | '\r' | ' ' => Symbol::Space,
        '!'..='~' => Symbol::Plain,
        'а'..='я' => Symbol::Letter((character as u32 - 'а' as u32) as u8 + 1, Case::Lower),
        'А'..='Я' => Symbol::Letter((character as u32 - 'А' as u32) as u8 + 1, Case::Upper),
        'ё' => Symbol::Letter(33, Case::Lower),
        'Ё' => Symbol::Letter(33, Case::Upper),
        'ў' => Symbol::Short,
        // ґ is so rare that a text full of it is і of another encoding.
        'і' | 'ї' | 'є' => Symbol::Other(Rarity::Common),
        'І' | 'Ї' | 'Є' => Symbol::Other(Rarity::Capital),
        '\u{400}'..='\u{4ff}' => Symbol::Other(Rarity::Rare),
        '«' => Symbol::Mark(Mark::Open),
        '“' | '„' | '‘' => Symbol::Mark(Mark::OpenForeign),
        '»' | '…' => Symbol::Mark(Mark::Close),
        '”' | '’' => Symbol::Mark(Mark::CloseForeign),
        '–' | '—' => Symbol::Mark(Mark::Dash),
        '\u{a0}' => Symbol::Mark(Mark::Space),
        '№' => Symbol::Mark(Mark::Number),
        'à' | 'â' | 'ä' | 'á' | 'ã' | 'ç' | 'è' | 'é' | 'ê' | 'ë' | 'í' | 'î' | 'ï' | 'ñ' | 'ó'
        | 'ô' | 'ö' | 'õ' | 'ú' | 'ù' | 'û' | 'ü' | 'ß' | 'å' | 'ø' | 'æ' => {
            Symbol::Accent(Rarity::Common)
        }
        '×' | '÷' => Symbol::Odd,
        'À'..='ÿ' | 'Œ' | 'œ' | 'Š' | 'š' | 'Ž' | 'ž' | 'Ÿ' => {
            Symbol::Accent(Rarity::Rare)
        }
        '\u{0}'..='\u{9f}' | '\u{fffd}' => Symbol::Bad,
        _ => Symbol::Odd,
    }
}

/// The sum over a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// In sixteenths of a bit.
    pub cost: u64,
    /// Characters beyond ASCII.
    pub characters: u64,
    /// Russian letters among them.
    pub letters: u64,
}

impl Tally {
    /// Bits for each character beyond ASCII: about 4.5 for Russian, over 8 for the wrong encoding.
    #[must_use]
    pub fn mean_bits(&self) -> f64 {
        self.cost as f64 / BIT as f64 / self.characters.max(1) as f64
    }

    /// All of the cost in bits.
    #[must_use]
    pub fn bits(&self) -> f64 {
        self.cost as f64 / BIT as f64
    }
}

/// The cost of `symbols` in a row.
pub fn tally(symbols: impl Iterator<Item = Symbol>) -> Tally {
    let costs = &*COSTS;
    let mut tally = Tally::default();
    let mut before = Symbol::Space.number();
    // Capitals in a row at the end of the text so far.
    let mut capitals = 0;
    for now in symbols {
        let now = now.number();
        tally.cost += u64::from(costs.0[usize::min(capitals, MOST_CAPITALS)][before][now]);
        tally.characters += u64::from(now >= FIRST_LETTER);
        let is_capital = (FIRST_CAPITAL..FIRST_CAPITAL + LETTERS).contains(&now);
        tally.letters += u64::from((FIRST_LETTER..FIRST_CAPITAL + LETTERS).contains(&now));
        capitals = if is_capital { capitals + 1 } else { 0 };
        before = now;
    }
    tally
}

/// Russian letters.
const LETTERS: usize = 33;
/// Numbers of symbols: those of the first small letter (below are those of ASCII) and of the first capital,
/// and how many there are.
const FIRST_LETTER: usize = 3;
const FIRST_CAPITAL: usize = FIRST_LETTER + LETTERS;
const BEHIND_LETTERS: usize = FIRST_CAPITAL + LETTERS;
const SYMBOLS: usize = BEHIND_LETTERS + 16;

/// Capitals in a row from which more of them cost the same.
const MOST_CAPITALS: usize = 2;

impl Symbol {
    /// Its number among all symbols.
    #[inline]
    fn number(self) -> usize {
        match self {
            Self::Space => 0,
            Self::Plain => 1,
            Self::Latin => 2,
            Self::Letter(letter, Case::Lower) => FIRST_LETTER - 1 + usize::from(letter),
            Self::Letter(letter, Case::Upper) => FIRST_CAPITAL - 1 + usize::from(letter),
            Self::Other(rarity) => BEHIND_LETTERS + rarity as usize,
            Self::Accent(rarity) => BEHIND_LETTERS + 3 + rarity as usize,
            Self::Mark(mark) => BEHIND_LETTERS + 6 + mark as usize,
            Self::Short => BEHIND_LETTERS + 13,
            Self::Odd => BEHIND_LETTERS + 14,
            Self::Bad => BEHIND_LETTERS + 15,
        }
    }

    /// All of them, by their number.
    fn all() -> Vec<Self> {
        use Mark::{Close, CloseForeign, Dash, Number, Open, OpenForeign};
        let letters = |case| (1..=LETTERS as u8).map(move |letter| Self::Letter(letter, case));
        let rarities = [Rarity::Common, Rarity::Capital, Rarity::Rare];
        let marks = [
            Open,
            OpenForeign,
            Close,
            CloseForeign,
            Dash,
            Mark::Space,
            Number,
        ];
        [Self::Space, Self::Plain, Self::Latin]
            .into_iter()
            .chain(letters(Case::Lower))
            .chain(letters(Case::Upper))
            .chain(rarities.map(Self::Other))
            .chain(rarities.map(Self::Accent))
            .chain(marks.map(Self::Mark))
            .chain([Self::Short, Self::Odd, Self::Bad])
            .collect()
    }
}

/// [`step`] by the capitals before, the symbol before and the symbol.
struct Costs([[[u16; SYMBOLS]; SYMBOLS]; MOST_CAPITALS + 1]);

static COSTS: LazyLock<Box<Costs>> = LazyLock::new(|| {
    let mut costs = Box::new(Costs([[[0; SYMBOLS]; SYMBOLS]; MOST_CAPITALS + 1]));
    let all = Symbol::all();
    for (capitals, costs) in costs.0.iter_mut().enumerate() {
        for (costs, before) in costs.iter_mut().zip(&all) {
            for (cost, now) in costs.iter_mut().zip(&all) {
                *cost = step(*before, *now, capitals as u32) as u16;
            }
        }
    }
    costs
});

/// The cost of the characters of `text`.
#[must_use]
pub fn tally_text(text: &str) -> Tally {
    tally(text.chars().map(symbol))
}

fn is_ascii(symbol: Symbol) -> bool {
    matches!(symbol, Symbol::Space | Symbol::Plain | Symbol::Latin)
}

#[expect(clippy::match_same_arms, reason = "a table of costs, not a choice")]
fn step(before: Symbol, now: Symbol, capitals: u32) -> u64 {
    if is_ascii(before) && is_ascii(now) {
        return 0;
    }
    let left = match before {
        Symbol::Letter(letter, _) => letter,
        _ => 0,
    };
    if let Symbol::Letter(letter, case) = now {
        let pair = match before {
            Symbol::Other(_) | Symbol::Short => 5 * BIT,
            _ => u64::from(BIGRAMS[usize::from(left)][usize::from(letter)]),
        };
        return pair + before_letter(before) + case_cost(before, case, capitals);
    }
    let end_of_word = match before {
        Symbol::Letter(..) => u64::from(BIGRAMS[usize::from(left)][0]),
        _ => 0,
    };
    end_of_word
        + match (before, now) {
            (Symbol::Letter(..) | Symbol::Other(_) | Symbol::Short, Symbol::Latin) => 10 * BIT,
            (Symbol::Mark(Mark::Open | Mark::OpenForeign | Mark::Space), Symbol::Space) => 8 * BIT,
            (_, Symbol::Plain | Symbol::Space | Symbol::Latin | Symbol::Letter(..)) => 0,
            (_, Symbol::Mark(mark)) => mark_cost(before, mark),
            (Symbol::Letter(letter, _), Symbol::Short) if VOWELS.contains(&letter) => 6 * BIT,
            (Symbol::Letter(..), Symbol::Short) => 14 * BIT,
            (_, Symbol::Short) => 8 * BIT + before_letter(before),
            (_, Symbol::Other(Rarity::Common)) => 7 * BIT + before_letter(before),
            (Symbol::Letter(_, Case::Lower), Symbol::Other(Rarity::Capital)) => 14 * BIT,
            (_, Symbol::Other(Rarity::Capital)) => 8 * BIT + before_letter(before),
            (_, Symbol::Other(Rarity::Rare)) => 10 * BIT + before_letter(before),
            (Symbol::Letter(..) | Symbol::Other(_) | Symbol::Short, Symbol::Accent(_)) => 14 * BIT,
            (Symbol::Accent(_), Symbol::Accent(_)) => 12 * BIT,
            (Symbol::Latin, Symbol::Accent(Rarity::Common)) => 5 * BIT,
            (_, Symbol::Accent(Rarity::Common)) => 7 * BIT,
            (_, Symbol::Accent(_)) => 9 * BIT,
            (Symbol::Odd, Symbol::Odd) => 5 * BIT,
            (_, Symbol::Odd) => 11 * BIT,
            (_, Symbol::Bad) => 16 * BIT,
        }
}

/// Whether it is a letter of a Cyrillic alphabet.
#[must_use]
pub fn is_cyrillic(symbol: Symbol) -> bool {
    matches!(
        symbol,
        Symbol::Letter(..) | Symbol::Other(_) | Symbol::Short
    )
}

/// What it costs a mark to stand after `before`.
#[expect(clippy::match_same_arms, reason = "a table of costs, not a choice")]
fn mark_cost(before: Symbol, mark: Mark) -> u64 {
    let spaced = matches!(before, Symbol::Space | Symbol::Mark(Mark::Space));
    let in_word = is_cyrillic(before);
    let bits = match mark {
        Mark::Open | Mark::OpenForeign if in_word => 14,
        Mark::Close if spaced => 12,
        Mark::CloseForeign if spaced => 10,
        Mark::Dash if in_word => 8,
        Mark::Space if spaced => 12,
        Mark::Number => 8,
        _ => 5,
    };
    bits * BIT
}

/// What it costs a Cyrillic letter to stand after `before`.
fn before_letter(before: Symbol) -> u64 {
    let bits = match before {
        Symbol::Latin | Symbol::Accent(_) => 10,
        Symbol::Mark(Mark::Close | Mark::CloseForeign | Mark::Number) => 8,
        Symbol::Mark(Mark::Dash) => 6,
        Symbol::Mark(Mark::OpenForeign) | Symbol::Odd => 4,
        _ => 0,
    };
    bits * BIT
}

#[expect(clippy::match_same_arms, reason = "a table of costs, not a choice")]
fn case_cost(before: Symbol, case: Case, capitals: u32) -> u64 {
    let in_word = is_cyrillic(before);
    match (in_word, case, capitals) {
        (false, Case::Lower, _) => 3,
        (false, Case::Upper, _) => 3 * BIT,
        (true, Case::Lower, 0 | 1) => 2,
        (true, Case::Lower, _) => 3 * BIT,
        (true, Case::Upper, 0) if matches!(before, Symbol::Letter(..)) => 11 * BIT,
        (true, Case::Upper, 0) => 3 * BIT,
        (true, Case::Upper, 1) => 3 * BIT + BIT / 2,
        (true, Case::Upper, _) => BIT / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::path::Path;

    /// Sixteenths of a bit for each pair, counted on fixtures/text/ru and rounded to whole numbers.
    fn count() -> Vec<[u8; 34]> {
        let mut pairs = vec![[0.3f64; 34]; 34];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/text/ru");
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending != "jsonl"))
            .collect();
        paths.sort();
        for path in paths {
            let mut left = 0;
            for character in std::fs::read_to_string(path).unwrap().chars() {
                let right = match symbol(character) {
                    Symbol::Letter(letter, _) => usize::from(letter),
                    _ => 0,
                };
                pairs[left][right] += f64::from(u8::from(left + right > 0));
                left = right;
            }
        }
        pairs[0][0] = 0.0;
        pairs
            .iter()
            .map(|row| {
                let sum: f64 = row.iter().sum();
                row.map(|count| match count {
                    0.0 => 0,
                    _ => (-(count / sum).log2() * BIT as f64).round().min(255.0) as u8,
                })
            })
            .collect()
    }

    #[test]
    fn the_table_is_that_of_the_fixtures() {
        let counted = count();
        if std::env::var_os("PREP_REWRITE_GOLDEN").is_some() {
            let mut text = String::from(
                "//! Costs of pairs of Russian letters in sixteenths of a bit; row: the first, column: the second.\n\
                 //!\n\
                 //! 0 is what is no Russian letter, 1 to 32 are а to я, 33 is ё. Written by the test\n\
                 //! `the_table_is_that_of_the_fixtures` with `PREP_REWRITE_GOLDEN=1`.\n\n\
                 #[rustfmt::skip]\npub const BIGRAMS: [[u8; 34]; 34] = [\n",
            );
            for row in &counted {
                let row: Vec<_> = row.iter().map(ToString::to_string).collect();
                writeln!(text, "    [{}],", row.join(", ")).unwrap();
            }
            text += "];\n";
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ingest/encoding/bigrams.rs");
            std::fs::write(path, text).unwrap();
            return;
        }
        for (row, known) in counted.iter().zip(&BIGRAMS) {
            for (now, known) in row.iter().zip(known) {
                assert!(now.abs_diff(*known) <= 1, "{row:?} is no longer {known:?}");
            }
        }
    }

    #[test]
    fn steps_are_those_of_the_table() {
        let all = Symbol::all();
        assert_eq!(all.len(), SYMBOLS);
        for (number, symbol) in all.iter().enumerate() {
            assert_eq!(symbol.number(), number, "{symbol:?}");
        }
        for (place, before) in all.iter().enumerate() {
            for (number, now) in all.iter().enumerate() {
                for capitals in 0..6 {
                    let cost = COSTS.0[usize::min(capitals, MOST_CAPITALS)][place][number];
                    assert_eq!(u64::from(cost), step(*before, *now, capitals as u32));
                }
            }
        }
    }

    #[test]
    fn russian_is_cheap_and_its_misreadings_are_dear() {
        let right = tally_text("Мой дядя самых честных правил, когда не в шутку занемог");
        let swapped = tally_text("нПК ДСДС УБНЩИ ЮЕУФОЩИ РТБЧЙМ, ЛПЗДБ ОЕ Ч ЫХФЛХ ЪБОЕНПЗ");
        let capitals = tally_text("МОЙ ДЯДЯ САМЫХ ЧЕСТНЫХ ПРАВИЛ, КОГДА НЕ В ШУТКУ ЗАНЕМОГ");
        assert!(right.mean_bits() < 5.5, "{}", right.mean_bits());
        assert!(swapped.mean_bits() > 7.0, "{}", swapped.mean_bits());
        assert!(capitals.mean_bits() < 6.5, "{}", capitals.mean_bits());
        assert_eq!(tally_text("plain ASCII, 1 + 1 = 2\n").cost, 0);
    }
}
