//! Which lines are headings, and how strong the place before them is.

use super::Strength;

/// The longest line that is a heading, in bytes.
pub const HEADING_BYTES: usize = 160;

/// Words that begin the heading of a chapter when a number follows.
const CHAPTER_WORDS: &[&str] = &[
    "глава",
    "часть",
    "книга",
    "том",
    "раздел",
    "действие",
    "акт",
    "песнь",
    "параграф",
    "лекция",
    "урок",
    "chapter",
    "part",
    "book",
    "volume",
    "section",
    "act",
    "canto",
    "lecture",
    "lesson",
    "letter",
    "письмо",
];
/// As [`CHAPTER_WORDS`], for smaller parts.
const SCENE_WORDS: &[&str] = &["сцена", "явление", "картина", "scene", "stave"];
/// Headings of chapters that have no number.
const CHAPTER_NAMES: &[&str] = &[
    "пролог",
    "эпилог",
    "предисловие",
    "послесловие",
    "введение",
    "заключение",
    "приложение",
    "примечания",
    "содержание",
    "оглавление",
    "prologue",
    "epilogue",
    "preface",
    "foreword",
    "introduction",
    "conclusion",
    "afterword",
    "appendix",
    "notes",
    "contents",
];
/// Beginnings of ordinal numbers written out.
const ORDINALS: &[&str] = &[
    "перв",
    "втор",
    "трет",
    "четвёрт",
    "четверт",
    "пят",
    "шест",
    "седьм",
    "восьм",
    "девят",
    "десят",
    "одиннадцат",
    "двенадцат",
    "тринадцат",
    "четырнадцат",
    "пятнадцат",
    "шестнадцат",
    "семнадцат",
    "восемнадцат",
    "девятнадцат",
    "двадцат",
    "тридцат",
    "последн",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "the",
];

/// How strong the place before a heading is; `None` where the line is none.
pub fn heading(text: &str, after_blank: bool, below: &str) -> Option<Strength> {
    let line = text.trim();
    if let Some(strength) = marked_heading(line, after_blank, below) {
        return Some(strength);
    }
    let first = line.chars().next()?;
    if !first.is_uppercase() && !first.is_ascii_digit() {
        return None;
    }
    let bare = line.trim_end_matches(['.', ':', ')']);
    // One `I` of a verse or a table is a number, too: it costs nothing to prefer the place.
    if is_roman(bare) || after_blank && bare.len() <= 4 && bare.bytes().all(|b| b.is_ascii_digit())
    {
        return Some(Strength::Heading);
    }
    let word_end = bare
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(bare.len());
    let word = bare[..word_end].to_lowercase();
    let rest = bare[word_end..].trim_start_matches([' ', '\u{a0}', '№']);
    if rest.is_empty() && CHAPTER_NAMES.contains(&word.as_str()) {
        return Some(Strength::Section);
    }
    let strength = if CHAPTER_WORDS.contains(&word.as_str()) {
        Some(Strength::Section)
    } else if SCENE_WORDS.contains(&word.as_str()) {
        Some(Strength::Heading)
    } else {
        None
    };
    if let Some(strength) = strength
        && is_numbered(rest)
    {
        return Some(strength);
    }
    (after_blank && is_capitals(line)).then_some(Strength::Heading)
}

/// Headings that Markdown marks: `#`, or underlined by the line below.
fn marked_heading(line: &str, after_blank: bool, below: &str) -> Option<Strength> {
    let marks = line.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&marks) && line[marks..].starts_with(' ') && after_blank {
        // Chapters of books are `#` or `##`; what is below `##` is a part of them.
        return Some(if marks == 1 {
            Strength::Section
        } else {
            Strength::Heading
        });
    }
    let rule = below.trim();
    let mark = *rule.as_bytes().first()?;
    let is_rule = rule.len() >= 3
        && matches!(mark, b'=' | b'-')
        && rule.bytes().all(|byte| byte == mark)
        && rule.len() <= HEADING_BYTES;
    (after_blank && is_rule && !line.contains('|')).then_some(if mark == b'=' {
        Strength::Section
    } else {
        Strength::Heading
    })
}

fn is_roman(word: &str) -> bool {
    (1..=8).contains(&word.len())
        && word
            .bytes()
            .all(|byte| matches!(byte, b'I' | b'V' | b'X' | b'L' | b'C'))
        // Letters alone are lists and names of chapters of their own.
        && word.bytes().any(|byte| matches!(byte, b'I' | b'V' | b'X'))
}

/// Whether a number begins `rest`, and the rest reads like a title or nothing.
fn is_numbered(rest: &str) -> bool {
    let end = rest
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(rest.len());
    let (number, title) = rest.split_at(end);
    let lower = number.to_lowercase();
    let is_number = is_roman(number)
        || !number.is_empty() && number.len() <= 4 && number.bytes().all(|b| b.is_ascii_digit())
        || ORDINALS.iter().any(|stem| {
            lower.starts_with(stem) && lower.chars().count() <= stem.chars().count() + 4
        });
    // "Часть вторая, в которой…" is a title; "Книга вторая лежала, и" goes on.
    is_number && !title.ends_with([',', ';', '-', '—'])
}

/// A short line of capitals.
fn is_capitals(line: &str) -> bool {
    let letters = line.chars().filter(|c| c.is_alphabetic());
    line.len() <= 120 && letters.clone().count() >= 3 && letters.clone().all(char::is_uppercase)
}
