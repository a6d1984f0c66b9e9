//! Ends of sentences, and scripts of letters.

use super::Fidelity;
use crate::chars;
use memchr::{memchr3, memmem};

/// Marks that may follow a terminal mark and still leave it the end of the sentence.
const CLOSERS: [char; 9] = ['»', '"', '”', '“', '’', '\'', ')', ']', '*'];
/// Abbreviations that a point does not end a sentence after.
const ABBREVIATIONS: [&str; 22] = [
    "mr", "mrs", "ms", "dr", "st", "prof", "vs", "etc", "e.g", "i.e", "no", "fig", "т.е", "т.к",
    "т", "г", "гг", "им", "ул", "см", "рис", "стр",
];

/// Whether `line`, without white space at its end, ends in terminal punctuation.
///
/// The source accepts full stops, question and exclamation marks of all scripts (here the common
/// ones). prep adds `…`, `"` and `'`, and closing quotes and brackets after a terminal mark.
pub fn ends_terminally(line: &str, fidelity: Fidelity) -> bool {
    const TERMINAL: [char; 21] = [
        '.', '?', '!', '։', '؟', '۔', '।', '॥', '‼', '‽', '⁇', '⁈', '⁉', '。', '﹒', '﹖', '﹗',
        '！', '．', '？', '｡',
    ];
    if line.ends_with(TERMINAL) {
        return true;
    }
    fidelity == Fidelity::Prep
        && (line.ends_with(['"', '\''])
            || line
                .trim_end_matches(CLOSERS)
                .ends_with(['.', '?', '!', '…']))
}

/// The sentences of `text`: what ends in `.`, `!`, `?` or `…` (and closing quotes) before white
/// space, or at a newline or at the end of the text. A point after an abbreviation or an initial ends none.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        let rest = line.trim();
        // Most lines have none, and three marks are searched much faster than four.
        let ellipses = memmem::find(rest.as_bytes(), "…".as_bytes()).is_some();
        Sentences { rest, ellipses }
    })
}

struct Sentences<'a> {
    rest: &'a str,
    /// Whether there may be an "…" in it.
    ellipses: bool,
}

impl<'a> Iterator for Sentences<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(found) = find_mark(&self.rest[from..], self.ellipses) {
            let mark = from + found;
            let after = self.rest[mark..]
                .trim_start_matches(['.', '!', '?', '…'])
                .trim_start_matches(CLOSERS);
            from = self.rest.len() - after.len();
            let point = self.rest[mark..].starts_with('.');
            if after.starts_with(char::is_whitespace)
                && !(point && is_abbreviated(&self.rest[..mark]))
            {
                let sentence = &self.rest[..from];
                self.rest = after.trim_start();
                return Some(sentence);
            }
        }
        Some(std::mem::take(&mut self.rest))
    }
}

/// Where the first mark of `text` is that may end a sentence.
fn find_mark(text: &str, ellipses: bool) -> Option<usize> {
    let mark = memchr3(b'.', b'!', b'?', text.as_bytes());
    if !ellipses {
        return mark;
    }
    let before = mark.unwrap_or(text.len());
    memmem::find(&text.as_bytes()[..before], "…".as_bytes()).or(mark)
}

/// Whether the last word of `before` is an abbreviation or an initial.
fn is_abbreviated(before: &str) -> bool {
    let last = before
        .rsplit(|c: char| !chars::is_alphabetic(c) && c != '.')
        .next()
        .unwrap_or_default();
    let mut letters = last.chars();
    let initial = matches!((letters.next(), letters.next()), (Some(first), None) if chars::is_uppercase(first));
    // The longest abbreviation has 4 letters, 8 bytes.
    initial || last.len() <= 8 && ABBREVIATIONS.contains(&last.to_lowercase().as_str())
}

/// Letters in Cyrillic and in any other script.
pub fn letters_by_script(text: &str) -> (usize, usize) {
    let (mut cyrillic, mut other) = (0, 0);
    for c in text.chars() {
        match c {
            '\u{400}'..='\u{52f}' => cyrillic += 1,
            c if chars::is_alphabetic(c) => other += 1,
            _ => {}
        }
    }
    (cyrillic, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_marks_and_lines() {
        let text = "Dr. Watson came. He said: “Why?” Then…\nА. С. Пушкин, т.е. поэт! «Да.» Конец";
        let expected = [
            "Dr. Watson came.",
            "He said: “Why?”",
            "Then…",
            "А. С. Пушкин, т.е. поэт!",
            "«Да.»",
            "Конец",
        ];
        assert_eq!(sentences(text).collect::<Vec<_>>(), expected);
        assert_eq!(sentences(" \n").count(), 0);
    }

    #[test]
    fn closing_quotes_keep_a_line_terminal_but_do_not_make_it_so() {
        for line in ["Да…", "«Да!»", "“Yes.”", "(See above.)"] {
            assert!(ends_terminally(line, Fidelity::Prep), "{line}");
            assert!(!ends_terminally(line, Fidelity::Source), "{line}");
        }
        for line in ["«Мир»", "(fig)", "Глава", "f(x)"] {
            assert!(!ends_terminally(line, Fidelity::Prep), "{line}");
        }
        assert!(ends_terminally("Да.", Fidelity::Source));
    }
}
