//! Words as spaCy's blank English and Russian pipelines cut them, for `--faithful`.
//!
//! datatrove counts spaCy's tokens, and thresholds are fitted to them: in manuals full of code and
//! addresses they are up to a third fewer than words. The published procedure: cut at white space; of
//! each chunk take prefixes and suffixes off until none is left or the rest is a known exception; keep
//! addresses whole; cut the rest at infixes. Exceptions are the common ones (contractions,
//! abbreviations, faces), not spaCy's whole list.
//! Source: spaCy 3, "Tokenizer", and `lang/punctuation.py`.

mod address;
mod affixes;
mod exceptions;

use super::Column;
use address::is_address;
use affixes::{is_lower, is_picture, is_quote, prefix, suffix};
use exceptions::exception;

/// Calls `each` with the byte range of every token of `text`, in order.
pub fn tokens(text: &str, column: Column, mut each: impl FnMut(usize, usize)) {
    let mut at = 0;
    for chunk in text.split(char::is_whitespace) {
        if !chunk.is_empty() {
            cut_chunk(chunk, column, &mut |start, end| each(at + start, at + end));
        }
        // The separator is one character of any width.
        at += chunk.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
}

fn cut_chunk(chunk: &str, column: Column, each: &mut impl FnMut(usize, usize)) {
    let (mut start, mut end) = (0, chunk.len());
    let mut suffixes = Vec::new();
    let mut known = exception(chunk, column);
    while known.is_none() && start < end {
        let rest = &chunk[start..end];
        let before = prefix(rest);
        if before > 0 && before < rest.len() {
            known = exception(&rest[before..], column);
            if known.is_some() {
                each(start, start + before);
                start += before;
                break;
            }
        }
        let after = suffix(&rest[before..]);
        if after > 0 && after < rest.len() {
            known = exception(&rest[..rest.len() - after], column);
            if known.is_some() {
                suffixes.push((end - after, end));
                end -= after;
                break;
            }
        }
        if before == 0 && after == 0 {
            break;
        }
        if before > 0 {
            each(start, start + before);
            start += before;
        }
        if after > 0 {
            suffixes.push((end - after, end));
            end -= after;
        }
        known = exception(&chunk[start..end], column);
    }
    let rest = &chunk[start..end];
    if let Some(cuts) = known {
        let mut from = start;
        for cut in cuts.into_iter().chain([rest.len()]) {
            each(from, start + cut);
            from = start + cut;
        }
    } else if is_address(rest) {
        each(start, end);
    } else {
        cut_infixes(rest, &mut |from, to| each(start + from, start + to));
    }
    for (from, to) in suffixes.into_iter().rev() {
        each(from, to);
    }
}

/// Cuts `rest` at its infixes.
fn cut_infixes(rest: &str, each: &mut impl FnMut(usize, usize)) {
    let mut start = 0;
    let mut before = None;
    let mut skip = 0;
    for (at, c) in rest.char_indices() {
        if at >= skip {
            let length = infix(&rest[at..], before, c);
            skip = at + length;
            // One at the beginning of what is left stays with what follows.
            if length > 0 && at > start {
                each(start, at);
                each(at, at + length);
                start = at + length;
            }
        }
        before = Some(c);
    }
    if start < rest.len() {
        each(start, rest.len());
    }
}

/// Bytes of the infix at the beginning of `rest`, whose first character is `c`; 0 for none.
fn infix(rest: &str, before: Option<char>, c: char) -> usize {
    let after = |length: usize| rest[length..].chars().next();
    let alpha = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let next = after(c.len_utf8());
    if c == '.' && next == Some('.') {
        return rest.len() - rest.trim_start_matches('.').len();
    }
    let operator =
        matches!(c, '+' | '-' | '*' | '^') && digit(before) && (digit(next) || next == Some('-'));
    let stop = c == '.'
        && before.is_some_and(|c| is_lower(c) || is_quote(c))
        && next.is_some_and(|c| c.is_uppercase() || is_quote(c));
    let comma = c == ',' && alpha(before) && alpha(next);
    let relation =
        matches!(c, ':' | '<' | '>' | '=' | '/') && (alpha(before) || digit(before)) && alpha(next);
    if c == '…' || is_picture(c) || operator || stop || comma || relation {
        return c.len_utf8();
    }
    if !alpha(before) {
        return 0;
    }
    ["-", "–", "—", "--", "---", "——", "~"]
        .iter()
        .find(|hyphen| rest.starts_with(**hyphen) && alpha(after(hyphen.len())))
        .map_or(0, |hyphen| hyphen.len())
}

/// Whether `c` is of datatrove's `PUNCTUATION_SET`: words of such characters only are symbol words.
pub fn is_datatrove_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || c.is_control()
        || matches!(
            c,
            '—' | '”'
                | '：'
                | '％'
                | '１'
                | '〈'
                | '、'
                | '━'
                | '【'
                | '「'
                | '」'
                | '，'
                | '】'
                | '；'
                | '“'
                | '《'
                | '„'
                | '’'
                | '∶'
                | '´'
                | '．'
                | '（'
                | '–'
                | '？'
                | '！'
                | '～'
                | '«'
                | '〉'
                | '》'
                | '）'
                | '。'
                | '…'
                | '►'
                | '»'
                | '‼'
                | '‽'
                | '⁇'
                | '⁈'
                | '⁉'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn cut(text: &str, column: Column, expected: &[&str]) {
        let mut found = Vec::new();
        tokens(text, column, |start, end| found.push(&text[start..end]));
        assert_eq!(found, expected);
    }

    /// What `spacy.blank("en")` prints.
    #[test]
    fn english() {
        let en = |text: &str, expected: &[&str]| cut(text, Column::English, expected);
        en(
            "Don't stop, (please)!",
            &["Do", "n't", "stop", ",", "(", "please", ")", "!"],
        );
        en(
            "it's $5.50... a dog's.",
            &["it", "'s", "$", "5.50", "...", "a", "dog", "'s", "."],
        );
        en(
            "see https://a.b.org/x?y=1, ok",
            &["see", "https://a.b.org/x?y=1", ",", "ok"],
        );
        en(
            "well-known co-op 10km 3+4",
            &[
                "well", "-", "known", "co", "-", "op", "10", "km", "3", "+", "4",
            ],
        );
        en("foo(bar) -> x::y", &["foo(bar", ")", "-", ">", "x::y"]);
        en(
            "e.g. Mr. X. U.S.A. end.",
            &["e.g.", "Mr.", "X.", "U.S.A.", "end", "."],
        );
        en(
            "a/b key=value one,two",
            &["a", "/", "b", "key", "=", "value", "one", ",", "two"],
        );
    }

    /// What `spacy.blank("ru")` prints.
    #[test]
    fn russian() {
        let ru = |text: &str, expected: &[&str]| cut(text, Column::Russian, expected);
        ru(
            "«Да», — сказал он.",
            &["«", "Да", "»", ",", "—", "сказал", "он", "."],
        );
        ru(
            "В 1990 г. было 5кг и т.д.",
            &["В", "1990", "г.", "было", "5", "кг", "и", "т.д."],
        );
        ru("кто-то", &["кто", "-", "то"]);
    }
}
