//! Indentation of running text that was laid out in pages: what indents a whole block goes, and what
//! begins a paragraph; lists and code keep their steps.
//!
//! Of one line between two that are not indented only its words tell whether it begins a paragraph or is
//! the body of an `if`: it is prose where a sentence ends with it, where it is Russian, or where a sentence
//! ends before it and it begins as one does.

use super::{Counts, Repair, lines};
use crate::chars;

/// Indentation beyond which a line is part of a column rather than a paragraph's beginning.
const PARAGRAPH_INDENT: usize = 8;
/// Words of a line that make it prose.
const PROSE_WORDS: usize = 4;

/// The text without the indentation of blocks and of paragraphs' beginnings.
pub(super) fn fold(text: &str, counts: &mut Counts) -> String {
    let lines: Vec<&str> = lines(text).collect();
    let mut folded = String::with_capacity(text.len());
    let mut indents = Vec::new();
    // What a listing is set in by, as long as its blocks follow one another.
    let mut listing = None;
    for block in lines.chunk_by(|a, b| a.is_empty() == b.is_empty()) {
        indents.clear();
        indents.extend(block.iter().map(|line| indent(line)));
        let mut least = indents.iter().min().copied().unwrap_or(0);
        if !block[0].is_empty() {
            listing = is_listing(block).then(|| least.min(listing.unwrap_or(least)));
            least = listing.unwrap_or(least);
        }
        for (index, line) in block.iter().enumerate() {
            let own = indents[index] - least;
            let begins = (1..=PARAGRAPH_INDENT).contains(&own) && listing.is_none() && {
                let below = indents.get(index + 1).map_or(0, |below| below - least);
                let above = index.checked_sub(1).map(|above| block[above]);
                let is_alone = below == 0 && above.is_none_or(|above| indent(above) == least);
                is_alone && !above.is_some_and(is_item) && is_prose(chars::trim(line), above)
            };
            let kept = if begins { 0 } else { own };
            counts.add(Repair::Layout, u64::from(kept != indents[index]));
            push_with_number(&mut folded, &line[indents[index] - kept..]);
            folded.push('\n');
        }
    }
    // The last line has no end.
    folded.pop();
    folded
}

fn indent(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

/// Whether a line begins an item of a list, whose other lines are indented.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(['•', '–', '—', '-', '*', '·'])
        || number.len() < line.len() && number.starts_with(['.', ')'])
}

fn is_cyrillic(letter: char) -> bool {
    ('\u{400}'..='\u{52f}').contains(&letter)
}

/// Whether a line that is indented alone below `above` is prose: the beginning of a paragraph, or its end.
fn is_prose(line: &str, above: Option<&str>) -> bool {
    if is_code(line) || above.is_some_and(is_code) {
        return false;
    }
    if line.ends_with('.') {
        return true;
    }
    let letters = || line.chars().filter(|c| chars::is_alphabetic(*c));
    let cyrillic = letters().filter(|c| is_cyrillic(*c)).count();
    let is_long = line.split_whitespace().count() >= PROSE_WORDS;
    if cyrillic * 2 > letters().count() {
        return is_long || !letters().next().is_some_and(char::is_lowercase);
    }
    let ended = above.is_none_or(|above| above.trim_end().ends_with(SENTENCE_ENDS));
    let begins = |c: char| c.is_uppercase() || c.is_numeric() || SENTENCE_BEGINS.contains(&c);
    ended && line.starts_with(begins)
}

const SENTENCE_ENDS: [char; 11] = ['.', '!', '?', '…', ':', '»', '”', '"', '’', '\'', ')'];
const SENTENCE_BEGINS: [char; 9] = ['•', '«', '“', '„', '"', '‘', '—', '–', '('];

/// Whether a block is a listing: more of its lines are code than not.
fn is_listing(block: &[&str]) -> bool {
    block.iter().filter(|line| is_code(line)).count() * 2 > block.len()
}

/// What stands in lines of code and not in sentences.
const SIGNS: &[&str] = &[
    " = ", " == ", " != ", " += ", " -= ", " := ", "->", "=>", "::", "()", "](", "&&", "||",
];
/// What lines of code begin with that end with a colon or a brace.
const HEADS: &[&str] = &[
    "if", "elif", "else", "for", "while", "def", "class", "try", "except", "finally", "with",
    "async", "switch", "case", "default", "do", "fn", "func", "function", "struct", "impl",
    "match",
];
/// Short lines of code begin with it.
const STATEMENTS: &[&str] = &[
    "return", "import", "from", "break", "continue", "pass", "raise",
];

/// What no sentence begins with.
const STARTS: &[&str] = &["//", "/*", "#include", ">>> "];

/// Whether a byte is one by which [`SIGNS`] are looked for; each has one.
const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'=' | b'>' | b'(' | b':' | b'&' | b'|')
}

/// Whether a line has one of [`SIGNS`].
fn has_sign(line: &str) -> bool {
    let bytes = line.as_bytes();
    let is_around = |at: usize, sign: &str| {
        let mark = sign.bytes().position(is_mark);
        let start = mark.and_then(|mark| at.checked_sub(mark));
        start.is_some_and(|start| bytes[start..].starts_with(sign.as_bytes()))
    };
    memchr::memchr3_iter(b'=', b'>', b'(', bytes)
        .chain(memchr::memchr3_iter(b':', b'&', b'|', bytes))
        .any(|at| SIGNS.iter().any(|sign| is_around(at, sign)))
}

/// Whether a line reads as code.
fn is_code(line: &str) -> bool {
    let line = chars::trim(line);
    let words = || line.split_whitespace().count();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let first = &line[..line.bytes().take_while(is_name).count()];
    if line.ends_with(['{', '}']) || STARTS.iter().any(|start| line.starts_with(start)) {
        return true;
    }
    if line.ends_with(';') && (first.len() > 1 && words() < 3 || line.contains(['(', '=', '['])) {
        return true;
    }
    if line.ends_with(':') && HEADS.contains(&first)
        || STATEMENTS.contains(&first) && words() <= PROSE_WORDS && !line.ends_with('.')
    {
        return true;
    }
    // What is cheap and seldom true comes first.
    if !has_sign(line) && !is_call(line) {
        return false;
    }
    let is_sentence = words() > PROSE_WORDS
        && (line.starts_with(char::is_uppercase) || line.ends_with(['.', ',', '»']));
    !is_sentence
}

/// Whether a line is a call: `names.append(x)`.
fn is_call(line: &str) -> bool {
    let is_name = |name: &str| {
        let mut letters = name.bytes();
        !name.is_empty() && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
    };
    let called = line.strip_suffix(')').and_then(|call| call.split_once('('));
    called.is_some_and(|(name, _)| is_name(name))
}

/// Adds a line, and "2.4.2      Карта памяти" with one space: a heading is no table.
fn push_with_number(to: &mut String, line: &str) {
    let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let number = line.bytes().take_while(is_number).count();
    if number > 0 {
        let title = line[number..].trim_start_matches(' ');
        let wide = line.len() - number - title.len() > 1;
        if wide && !title.contains("  ") && title.starts_with(chars::is_alphabetic) {
            to.push_str(&line[..=number]);
            to.push_str(title);
            return;
        }
    }
    to.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_lines_fold_where_they_are_prose() {
        for (above, line, folds) in [
            (
                "cdrom-checker Checks media. The",
                "image was not corrupted.",
                true,
            ),
            ("hw-detect Определяет", "дисков и PCMCIA.", true),
            (
                "add brackets around it: «[2001:db8::1]».",
                "Если у вас нет",
                true,
            ),
            ("in these directories:", "• dmesg", true),
            ("ends here.", "The next one begins", true),
            ("--- language=fr", "country=FR --- quiet", false),
            ("if x:", "y", false),
            ("names:", "first", false),
        ] {
            let text = format!("{above}\n    {line}\nи дальше");
            let wanted = if folds {
                format!("{above}\n{line}\nи дальше")
            } else {
                text.clone()
            };
            assert_eq!(fold(&text, &mut Counts::default()), wanted);
        }
    }

    #[test]
    fn every_sign_is_seen_at_a_glance() {
        for sign in SIGNS {
            for text in [format!("a{sign}b"), format!("{sign}b"), format!("я={sign}")] {
                assert!(has_sign(&text), "{text}");
            }
            assert!(
                !has_sign(&sign[1..]) && !has_sign(&sign[..sign.len() - 1]),
                "{sign}"
            );
        }
        assert!(!has_sign("(a=b)|c>d: e & f"));
    }

    #[test]
    fn code_is_told_from_prose() {
        for line in [
            "if x > 0:",
            "    return total",
            "total += i",
            "Show(name)",
            "self.items.append(x)",
            "int n = 0;",
            "baz();",
            "for (i = 0; i < n; i++) {",
            "else:",
            "}",
            "Сообщить(\"да\");",
        ] {
            assert!(is_code(line), "{line}");
        }
        for line in [
            "if you go to Moscow,",
            "Она молчала;",
            "And miles to go before I sleep;",
            "from the beginning of the century to its end",
            "Note (see below)",
            "Пусть x = 5, и тогда всё равно",
            "",
        ] {
            assert!(!is_code(line), "{line}");
        }
    }
}
