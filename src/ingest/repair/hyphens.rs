//! Words that were cut at line ends, joined again: the rest of the word moves up to the first line.
//!
//! groff writes U+2010 where it cuts a word and nothing else does so at a line end, so that those are
//! always joined. An ordinary hyphen may belong to the word («кто-нибудь», "well-known"): it is decided
//! by the words of the same text, and left as it is where they do not tell.

use super::{Counts, Repair};
use crate::chars;
use memchr::memmem;
use std::borrow::Cow;
use std::collections::HashMap;

/// The hyphen of groff.
const PRINTED: char = '\u{2010}';
const PRINTED_BYTES: &[u8] = "\u{2010}".as_bytes();

/// Which words of a text, in lower case, and which words with hyphens there are, as far as its line ends ask:
/// those that the halves of a cut word may be.
///
/// A text has a hundred times as many words as are asked for, so that it is not made a set of them: each
/// is compared with what is asked for by a hash that is had while its letters are read.
pub struct Words {
    /// What is asked for, and whether it was seen.
    asked: HashMap<String, bool>,
    /// A bit for the hash of each.
    hashes: Box<[u64; HASHES / 64]>,
}

/// Hashes that are told apart.
const HASHES: usize = 1 << 14;

/// The hash of a word, a letter at a time.
#[derive(Clone, Copy)]
struct Hash(u32);

impl Hash {
    const EMPTY: Self = Self(0);

    #[inline]
    fn add(&mut self, letter: char) {
        self.0 = (self.0.rotate_left(5) ^ letter as u32).wrapping_mul(0x9e37_79b9);
    }

    #[inline]
    fn bit(self) -> usize {
        self.0 as usize >> (32 - HASHES.trailing_zeros())
    }
}

impl Words {
    /// Those of `text` that no line end cuts.
    pub fn of(text: &str) -> Self {
        let mut words = Self {
            asked: HashMap::new(),
            hashes: Box::new([0; HASHES / 64]),
        };
        words.ask(text);
        if words.asked.is_empty() {
            return words;
        }
        // Most texts have no such hyphen and are not copied.
        let text = if memmem::find(text.as_bytes(), PRINTED_BYTES).is_some() {
            Cow::Owned(text.replace(PRINTED, "-"))
        } else {
            Cow::Borrowed(text)
        };
        for line in text.lines() {
            let line = chars::trim_end(line);
            let whole = match line.strip_suffix('-') {
                Some(cut) => &cut[..cut.trim_end_matches(is_word).len()],
                None => line,
            };
            words.see(whole);
        }
        words
    }

    /// Asks for what the line ends of `text` may need to know.
    fn ask(&mut self, text: &str) {
        for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
            let line = &text[..end];
            let Some(head) = head(line) else { continue };
            let Some((first, second)) = halves(head, &text[end + 1..]) else {
                continue;
            };
            let (first, second) = (chars::lowercase(first), chars::lowercase(second));
            self.ask_for(format!("{first}-{second}"));
            self.ask_for(format!("{first}{second}"));
            self.ask_for(first);
            self.ask_for(second);
        }
    }

    fn ask_for(&mut self, word: String) {
        let mut hash = Hash::EMPTY;
        word.chars().for_each(|letter| hash.add(letter));
        self.hashes[hash.bit() / 64] |= 1 << (hash.bit() % 64);
        self.asked.insert(word, false);
    }

    /// Looks at the words of a line, or of what of it no line end cuts.
    fn see(&mut self, line: &str) {
        // Where the word with hyphens and where its part begins; whether it has a hyphen.
        let (mut start, mut part, mut is_compound) = (0, 0, false);
        let mut hash = Hash::EMPTY;
        // Letters whose small ones are not known here: their word is looked for.
        let mut is_odd = false;
        for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
            if is_word(c) {
                match chars::small(c) {
                    Some(small) => hash.add(small),
                    None => is_odd = true,
                }
                continue;
            }
            if part < at && (is_odd || self.may_be_asked(hash)) {
                self.mark(&line[part..at]);
            }
            part = at + c.len_utf8();
            (hash, is_odd) = (Hash::EMPTY, false);
            if c == '-' {
                is_compound = true;
                continue;
            }
            if is_compound {
                self.mark(line[start..at].trim_matches('-'));
            }
            (start, is_compound) = (part, false);
        }
    }

    fn may_be_asked(&self, hash: Hash) -> bool {
        self.hashes[hash.bit() / 64] >> (hash.bit() % 64) & 1 == 1
    }

    fn mark(&mut self, word: &str) {
        if let Some(is_seen) = self.asked.get_mut(chars::lowercase(word).as_str()) {
            *is_seen = true;
        }
    }

    fn has(&self, word: &str) -> bool {
        let is_seen = self.asked.get(word);
        debug_assert!(is_seen.is_some(), "{word} was not asked for");
        is_seen == Some(&true)
    }
}

#[inline]
fn is_word(character: char) -> bool {
    chars::is_alphabetic(character)
}

/// A line up to the hyphen that it ends with.
fn head(line: &str) -> Option<&str> {
    line.strip_suffix(PRINTED)
        .or_else(|| line.strip_suffix('-'))
}

/// The halves of the word that ends with `head` and goes on `below`.
fn halves<'a>(head: &'a str, below: &'a str) -> Option<(&'a str, &'a str)> {
    let first = &head[head.trim_end_matches(is_word).len()..];
    let indented = below.trim_start_matches([' ', '\t']);
    let second = &indented[..indented.find(|c| !is_word(c)).unwrap_or(indented.len())];
    (!first.is_empty() && !second.is_empty()).then_some((first, second))
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
    let within = memmem::find_iter(text.as_bytes(), PRINTED_BYTES)
        .any(|at| text[at + PRINTED_BYTES.len()..].starts_with(chars::is_alphanumeric));
    let known = (within && words.is_none()).then(|| Words::of(text));
    let words = words.or(known.as_ref());
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    let (mut count, mut number) = (0, 0);
    while let Some(at) = memchr::memchr(b'\n', rest.as_bytes()) {
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
    let head = head(line)?;
    let printed = line.ends_with(PRINTED);
    let (first, second) = halves(head, below)?;
    let capital = second.starts_with(char::is_uppercase);
    match (printed, words) {
        (true, None) => return Some((head, Cut::Printer)),
        // Names in capitals (SIGXCPU) are cut as well.
        (true, Some(_)) if capital => return Some((head, Cut::Printer)),
        (false, _) if capital => return None,
        _ => {}
    }
    decide(&chars::lowercase(first), &chars::lowercase(second), words?).map(|cut| (head, cut))
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
