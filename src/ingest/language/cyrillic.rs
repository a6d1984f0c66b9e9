//! Short Cyrillic prose without a letter that only one language has: Bulgarian, Ukrainian and Belarusian may
//! do without theirs for a line, and Russian is the likeliest. Common words and trigrams (`whatlang`) speak
//! against it. Longer texts are told by their letters.

use super::Told;
use super::letters::Letters;
use super::said::Said;
use super::words::OTHER;
use crate::chars::{self, Lengths};
use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;
use whatlang::{Detector, Lang};

/// Letters from which letters alone tell.
pub(super) const MOST_LETTERS: u32 = 250;
/// Letters below which nothing tells.
const LEAST_LETTERS: u32 = 12;
/// The score from which a text is not Russian; trigrams alone give at most 1.
const FOREIGN: f32 = 0.7;
/// What a common word more than Russian has adds, for so many at most.
const WORD: f32 = 0.3;
const MOST_WORDS: f32 = 3.0;
/// What each letter beyond the first few adds, for a hundred at most: the longer a text goes without ы, э, ё
/// and ь, one letter in 22, the less it is Russian, and the longer it goes without і, one in 14, the
/// less it is Ukrainian.
const LACK: f32 = 0.005;
const FEW_LETTERS: u32 = 30;
/// How clear trigrams must be where no word agrees, and of how many letters at least.
const ALONE: f32 = 0.7;
const ALONE_LETTERS: u32 = 30;

/// Common words by their language, those that it shares with Russian left out; Russian is the first row.
const WORDS: &[(&str, &str)] = &[
    (
        "ru",
        "что это из к если чтобы его ее её же был было уже только когда вы мы он она они вас нас мне \
         об о со во их ещё еще этот эта эти всё так того для вот тебя меня ни кто где та \
         какой какая какие каких своих своего своей",
    ),
    (
        "bg",
        "се са е че като това този тази тези ще може няма си сте сме съм му ѝ той тя ние вие който която \
         които което къде кога какво защо чрез със във бе беше бил трябва още вече много добре добър днес \
         тук има дали ви да го към преди бъде бъдат всички",
    ),
    (
        "uk",
        "та що як це ця цей або але від був немає дуже добре дякую якщо щоб може треба буде коли чи із \
         під можна лише ще ви він вона вони бути було має для після цього з й",
    ),
    (
        "be",
        "што як гэта гэты гэтага але або няма калі быў яго можа вельмі дзе трэба ня ён яна яны каб ці \
         толькі яшчэ з па для",
    ),
    ("mk", "се од ќе може како што е ги го оваа овој нема сте"),
    ("sr", "се је од су није као што ово може нема сте ће са али"),
];

/// Languages that may pass for Russian by their letters, with the row of their words and their code.
const CANDIDATES: [(Lang, usize, &str); 5] = [
    (Lang::Bul, 1, "bg"),
    (Lang::Ukr, 2, "uk"),
    (Lang::Bel, 3, "be"),
    (Lang::Mkd, 4, OTHER),
    (Lang::Srp, 5, OTHER),
];

/// The words, with a bit for each row that has them, and their lengths: most words of a text are none of
/// them.
struct Table {
    rows: HashMap<&'static str, u8>,
    lengths: Lengths,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut rows = HashMap::new();
    for (row, (_, list)) in WORDS.iter().enumerate() {
        for word in list.split_whitespace() {
            *rows.entry(word).or_default() |= 1 << row;
        }
    }
    let words = WORDS.iter().flat_map(|(_, list)| list.split_whitespace());
    let words: Vec<&str> = words.collect();
    Table {
        lengths: Lengths::of(&[&words]),
        rows,
    }
});

/// The language of what is `said`, whose letters say that it is Russian as `told` does.
pub(super) fn language(letters: &Letters, said: &Said<'_>, told: Told) -> Told {
    let is_short = (LEAST_LETTERS..MOST_LETTERS).contains(&letters.cyrillic);
    if told.code != "ru" || !is_short {
        return told;
    }
    let text = said.text();
    let may_be_belarusian = letters.may_be_belarusian() && !has_russian_spelling(text);
    if letters.has_yeru() && !may_be_belarusian {
        return told;
    }
    let words = common_words(text);
    let endings = LazyCell::new(|| russian_endings(text));
    // What speaks for Russian against a language; Ukrainian and Belarusian have the same ends.
    let russian = |lang: Lang| match lang {
        Lang::Ukr | Lang::Bel => words[0],
        _ => words[0] + *endings,
    };
    let new_letters = LazyCell::new(|| letters.cyrillic.saturating_sub(repeated_letters(text)));
    // Whether trigrams may tell without a word: not where Russian has one.
    let may_stand_alone = words[0] == 0 && letters.cyrillic >= ALONE_LETTERS;
    let is_possible = |(lang, row, _): &(Lang, usize, &str)| {
        let is_alone = words[*row] == 0 && may_stand_alone && matches!(lang, Lang::Bul | Lang::Bel);
        // What is cheap and seldom true comes first.
        if words[*row] < words[0] || words[*row] == 0 && !is_alone {
            return false;
        }
        let by_letters = match lang {
            Lang::Bel => may_be_belarusian,
            _ if letters.has_yeru() => false,
            Lang::Bul => !has_soft_sign(text),
            Lang::Ukr => true,
            _ => !text.contains(NOT_SERBIAN),
        };
        by_letters
            && words[*row] >= russian(*lang)
            && (words[*row] > 0 || *new_letters >= ALONE_LETTERS)
    };
    let possible: Vec<_> = CANDIDATES.into_iter().filter(is_possible).collect();
    if possible.is_empty() {
        return told;
    }
    // Trigrams are dear: most Russian texts do not come here.
    let langs = possible.iter().map(|(lang, ..)| *lang);
    let found = Detector::with_allowlist(langs.chain([Lang::Rus]).collect()).detect(text);
    let found = found.map_or(Lang::Rus, |found| found.lang());
    let by_trigrams = possible.iter().find(|(lang, ..)| *lang == found);
    // Words of another language say more than trigrams of Russian, and of those neighbours trigrams are
    // much the same.
    let by_words = possible.iter().max_by_key(|(_, row, _)| words[*row]);
    let margin = |lang: Lang, row: usize| words[row] - russian(lang);
    let Some((lang, row, code)) = by_trigrams
        .filter(|(_, row, code)| {
            *code != OTHER || by_words.is_none_or(|(_, best, _)| words[*best] <= words[*row] + 1)
        })
        .or(by_words.filter(|(lang, row, _)| margin(*lang, *row) > 1))
        .copied()
    else {
        return told;
    };
    let pair = Detector::with_allowlist(vec![Lang::Rus, lang]).detect(text);
    let pair = pair.map_or(0.0, |pair| {
        let sure = pair.confidence() as f32;
        if pair.lang() == Lang::Rus {
            -sure
        } else {
            sure
        }
    });
    let lead = (margin(lang, row) as f32).min(MOST_WORDS);
    let beyond = LACK * new_letters.saturating_sub(FEW_LETTERS).min(100) as f32;
    let lack = match code {
        "uk" => -beyond,
        "be" => 0.0,
        _ => beyond,
    };
    let score = pair + WORD * lead + lack;
    if score >= FOREIGN && (words[row] > 0 || pair >= ALONE) {
        return Told {
            code,
            sure: (0.5 + 0.4 * (score - FOREIGN)).min(0.9),
        };
    }
    // Something speaks for another language.
    let most = match score {
        score if score > FOREIGN / 2.0 => 0.6,
        score if score > FOREIGN / 4.0 => 0.95,
        _ => 1.0,
    };
    Told {
        code: "ru",
        sure: told.sure.min(most),
    }
}

/// Letters of lines that say the same as one before, whatever numbers stand in them, as those of logs: they
/// lack the same letters once more.
fn repeated_letters(text: &str) -> u32 {
    if text.trim_end().lines().nth(1).is_none() {
        return 0;
    }
    let mut seen = HashSet::new();
    let letters =
        |line: &str| -> String { line.chars().filter(|c| chars::is_alphabetic(*c)).collect() };
    let repeated = text
        .lines()
        .map(letters)
        .filter(|line| !seen.insert(line.clone()));
    repeated.map(|line| Letters::count(&line).cyrillic).sum()
}

/// Ends of Bulgarian words with their article that Russian words do not have.
const ENDINGS: &[&str] = &["ията", "ането", "ното", "ният", "стта"];
/// Bytes of the shortest of them.
const SHORTEST_ENDING: usize = 8;

/// Ends of long Russian words that Bulgarian, Serbian and Macedonian words seldom have.
const RUSSIAN_ENDINGS: &[&str] = &["ой", "ого", "его", "ому", "ему", "ую", "юю"];
/// Bytes of a long word.
const LONG_WORD: usize = 12;

fn is_no_letter(c: char) -> bool {
    !chars::is_alphabetic(c)
}

/// How many long words of `text` end as Russian ones do.
fn russian_endings(text: &str) -> u32 {
    let words = text.split(is_no_letter);
    let long = words.filter(|word| word.len() >= LONG_WORD);
    long.filter(|word| RUSSIAN_ENDINGS.iter().any(|end| word.ends_with(end)))
        .count() as u32
}

/// Letters of Russian that neither Serbian nor Macedonian has.
const NOT_SERBIAN: [char; 10] = ['ь', 'й', 'щ', 'ю', 'я', 'Ь', 'Й', 'Щ', 'Ю', 'Я'];

/// Whether there is a soft sign where Bulgarian has none: it has it before о alone.
fn has_soft_sign(text: &str) -> bool {
    let mut rests = text.split(['ь', 'Ь']);
    rests.next();
    rests.any(|rest| !rest.starts_with(['о', 'О']))
}

/// Letters that are always hard in Belarusian, and letters that soften the one before. Where Russian has
/// знаешь, тебя and время, Belarusian has знаеш, цябе and час.
const HARD: [char; 12] = ['р', 'т', 'д', 'ж', 'ш', 'ч', 'Р', 'Т', 'Д', 'Ж', 'Ш', 'Ч'];
const SOFTENING: [char; 10] = ['ь', 'я', 'ю', 'е', 'ё', 'Ь', 'Я', 'Ю', 'Е', 'Ё'];

const VOWELS: &str = "аеёиоуыэюяіАЕЁИОУЫЭЮЯІ";
/// How verbs end of what she did to herself: забралась, in Belarusian забралася.
const REFLEXIVE: &str = "лась";

/// Whether `text` spells something as Belarusian never does: a letter is soft that is hard there, в stands
/// behind a vowel where ў does, or a verb ends as no other.
pub(super) fn has_russian_spelling(text: &str) -> bool {
    let mut rests = text.split(HARD);
    rests.next();
    if rests.any(|rest| rest.starts_with(SOFTENING)) {
        return true;
    }
    let is_vowel = |c: char| VOWELS.contains(c);
    let has_hard_v = text.match_indices('в').any(|(at, v)| {
        let (before, behind) = (&text[..at], &text[at + v.len()..]);
        let before = before.strip_suffix(' ').unwrap_or(before);
        before.ends_with(is_vowel) && !behind.starts_with(is_vowel) && !behind.starts_with('ь')
    });
    has_hard_v
        || text.match_indices(REFLEXIVE).any(|(at, end)| {
            text[at + end.len()..]
                .chars()
                .next()
                .is_none_or(is_no_letter)
        })
}

/// How many words of `text` are common in each language of [`WORDS`].
fn common_words(text: &str) -> [u32; WORDS.len()] {
    let table = &*TABLE;
    let mut found = [0; WORDS.len()];
    for word in text.split(is_no_letter) {
        // At the beginning of a sentence it is the Russian yes.
        if word.is_empty() || word == "Да" {
            continue;
        }
        let is_lower = word.chars().all(|c| ('а'..='џ').contains(&c));
        let word = if is_lower {
            Cow::Borrowed(word)
        } else {
            Cow::Owned(chars::lowercase(word))
        };
        let word = word.as_ref();
        let mut rows = if table.lengths.may_have(word) {
            table.rows.get(word).copied().unwrap_or(0)
        } else {
            0
        };
        if word.len() >= SHORTEST_ENDING && ENDINGS.iter().any(|ending| word.ends_with(ending)) {
            rows |= 1 << CANDIDATES[0].1;
        }
        for (row, found) in found.iter_mut().enumerate() {
            *found += u32::from(rows >> row & 1);
        }
    }
    found
}
