//! Words that were cut at line ends, joined again: the rest of the word moves up to the first line.
//!
//! groff writes U+2010 where it cuts a word and nothing else does so at a line end, so that those are
//! always joined. An ordinary hyphen may belong to the word («кто-нибудь», "well-known"): it is decided
//! by the words of the same text, and left as it is where they do not tell.

use super::{Counts, Repair};
use std::collections::HashSet;

/// The hyphen of groff.
const PRINTED: char = '\u{2010}';

/// The words of a text in lower case, and its words with hyphens.
pub struct Words {
    words: HashSet<String>,
}

impl Words {
    /// Those of `text` that no line end cuts.
    pub fn of(text: &str) -> Self {
        let mut words = HashSet::new();
        for line in text.replace(PRINTED, "-").lines() {
            let line = line.trim_end();
            let whole = match line.strip_suffix('-') {
                Some(cut) => &cut[..cut.trim_end_matches(is_word).len()],
                None => line,
            };
            for word in whole.split(|c: char| !is_word(c) && c != '-') {
                if word.contains('-') {
                    words.insert(word.trim_matches('-').to_lowercase());
                }
                words.extend(
                    word.split('-')
                        .filter(|part| !part.is_empty())
                        .map(str::to_lowercase),
                );
            }
        }
        Self { words }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

fn is_word(character: char) -> bool {
    character.is_alphabetic()
}

/// What becomes of a hyphen at a line end.
enum Cut {
    /// The printer's: the word has none.
    Printer,
    /// The word's own.
    Own,
}

/// Joins cut words; ordinary hyphens only where `words` are given.
pub fn join(text: &str, words: Option<&Words>, counts: &mut Counts) -> Option<String> {
    join_lines(text, words, counts, &mut Vec::new())
}

/// The same; appends to `gone` the numbers, from 0, of the lines that held nothing but the rest of a word
/// and are now part of the line before.
pub fn join_lines(
    text: &str,
    words: Option<&Words>,
    counts: &mut Counts,
    gone: &mut Vec<usize>,
) -> Option<String> {
    // groff from 1.23 on writes the hyphens of words so too: then the words decide.
    let within = text
        .match_indices(PRINTED)
        .any(|(at, hyphen)| text[at + hyphen.len()..].starts_with(char::is_alphanumeric));
    let known = (within && words.is_none()).then(|| Words::of(text));
    let words = words.or(known.as_ref());
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    let (mut count, mut number) = (0, 0);
    while let Some(at) = rest.find('\n') {
        let (line, below) = (&rest[..at], &rest[at + 1..]);
        rest = below;
        number += 1;
        if let Some((head, cut)) = cut_word(line, below, words) {
            let indented = below.trim_start_matches([' ', '\t']);
            let word = &indented[..indented.find(char::is_whitespace).unwrap_or(indented.len())];
            joined.push_str(head);
            if matches!(cut, Cut::Own) {
                joined.push(if line.ends_with('-') { '-' } else { PRINTED });
            }
            joined.push_str(word);
            count += 1;
            // The line below keeps its indentation; if it had no more than the word, it is gone.
            let left = indented[word.len()..].trim_start_matches([' ', '\t']);
            if !left.is_empty() && !left.starts_with('\n') {
                joined.push('\n');
                joined.push_str(&below[..below.len() - indented.len()]);
            } else {
                gone.push(number);
            }
            rest = left;
            continue;
        }
        joined.push_str(line);
        joined.push('\n');
    }
    counts.add(Repair::Hyphens, count);
    (count > 0).then(|| joined + rest)
}

/// The line up to its hyphen, if that cuts a word which goes on below.
fn cut_word<'a>(line: &'a str, below: &str, words: Option<&Words>) -> Option<(&'a str, Cut)> {
    let printed = line.strip_suffix(PRINTED);
    let head = printed.or_else(|| line.strip_suffix('-'))?;
    let indented = below.trim_start_matches([' ', '\t']);
    let second = &indented[..indented.find(|c| !is_word(c)).unwrap_or(indented.len())];
    let first = &head[head.trim_end_matches(is_word).len()..];
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let capital = second.starts_with(char::is_uppercase);
    match (printed, words) {
        (Some(_), None) => return Some((head, Cut::Printer)),
        // Names in capitals (SIGXCPU) are cut as well.
        (Some(_), Some(_)) if capital => return Some((head, Cut::Printer)),
        (None, _) if capital => return None,
        _ => {}
    }
    decide(&first.to_lowercase(), &second.to_lowercase(), words?).map(|cut| (head, cut))
}

/// Particles that always have a hyphen before them, and beginnings that have one after them.
const PARTICLES: &[&str] = &["либо", "нибудь", "таки"];
/// Particles that may as well be the end of a word.
const SHORT_PARTICLES: &[&str] = &["то", "ка", "де", "с"];
const BEGINNINGS: &[&str] = &["кое", "кой", "из"];

fn decide(first: &str, second: &str, words: &Words) -> Option<Cut> {
    if words.has(&format!("{first}-{second}")) {
        return Some(Cut::Own);
    }
    if words.has(&format!("{first}{second}")) {
        return Some(Cut::Printer);
    }
    if PARTICLES.contains(&second) {
        return Some(Cut::Own);
    }
    if SHORT_PARTICLES.contains(&second) {
        return words.has(first).then_some(Cut::Own);
    }
    let adverb = first == "по"
        && ["ски", "цки", "ому", "ему", "ьи"]
            .iter()
            .any(|end| second.ends_with(end));
    if BEGINNINGS.contains(&first) && ["за", "под", "кто", "что", "где", "как"].contains(&second)
        || adverb
    {
        return Some(Cut::Own);
    }
    (!words.has(first) || !words.has(second)).then_some(Cut::Printer)
}
