//! Words that were cut at line ends, joined again: the rest of the word moves up to the first line.
//!
//! groff writes U+2010 where it cuts a word and nothing else does so at a line end, so that those are
//! always joined. An ordinary hyphen may belong to the word («кто-нибудь», "well-known"): it is decided
//! by the words of the same text, and left as it is where they do not tell.

use super::{Counts, Repair, lines};
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
    /// How many words of a hash were not seen yet; [`u8::MAX`] stands for any number.
    unseen: Vec<u8>,
}

/// Hashes for each word that is asked for: the other words have the hash of one seldom.
const HASHES: usize = 8;

/// The hash of a word, a letter at a time.
#[derive(Clone, Copy)]
struct Hash(u32);

impl Hash {
    const EMPTY: Self = Self(0);

    #[inline]
    fn add(&mut self, letter: u32) {
        self.0 = (self.0.rotate_left(5) ^ letter).wrapping_mul(0x9e37_79b9);
    }

    /// That of a word in small letters.
    fn of(word: &str) -> Self {
        let mut hash = Self::EMPTY;
        word.chars().for_each(|letter| hash.add(letter as u32));
        hash
    }

    /// Its place among `count`, a power of two.
    #[inline]
    fn place(self, count: usize) -> usize {
        (self.0 ^ self.0 >> 15) as usize & (count - 1)
    }
}

/// The small letters of U+0400 to U+047F, all of which are letters; 0 where they are not told here.
const SMALL: [u32; 128] = {
    let mut letters = [0; 128];
    let mut letter = 0;
    while letter < 128 {
        if let Some(c) = char::from_u32(0x400 + letter as u32)
            && let Some(small) = chars::small(c)
        {
            letters[letter] = small as u32;
        }
        letter += 1;
    }
    letters
};

impl Words {
    /// Those of `text` that no line end cuts.
    pub fn of(text: &str) -> Self {
        let mut words = Self {
            asked: asked(text),
            unseen: Vec::new(),
        };
        if words.asked.is_empty() {
            return words;
        }
        let hashes = (HASHES * words.asked.len()).next_power_of_two();
        words.unseen = vec![0_u8; hashes];
        // In any order the sums are the same.
        words.asked.keys().for_each(|word| {
            let unseen = &mut words.unseen[Hash::of(word).place(hashes)];
            *unseen = unseen.saturating_add(1);
        });
        // Most texts have no such hyphen and are not copied.
        let text = if memmem::find(text.as_bytes(), PRINTED_BYTES).is_some() {
            Cow::Owned(text.replace(PRINTED, "-"))
        } else {
            Cow::Borrowed(text)
        };
        for line in lines(&text) {
            let line = chars::trim_end(line);
            let whole = match line.strip_suffix('-') {
                Some(cut) => &cut[..cut.trim_end_matches(is_word).len()],
                None => line,
            };
            words.see(whole);
        }
        words
    }

    /// Looks at the words of a line, or of what of it no line end cuts.
    fn see(&mut self, line: &str) {
        // Where the word with hyphens and where its part begins; whether it has a hyphen.
        let (mut start, mut part, mut is_compound) = (0, 0, false);
        let mut hash = Hash::EMPTY;
        // Letters whose small ones are not known here: their word is looked for.
        let mut is_odd = false;
        let bytes = line.as_bytes();
        let mut at = 0;
        loop {
            // What stands at `at` if it is no letter, and the bytes of it.
            let (other, length) = match bytes.get(at) {
                None => (b' ', 0),
                Some(byte) if byte.is_ascii_alphabetic() => {
                    hash.add(u32::from(byte.to_ascii_lowercase()));
                    at += 1;
                    continue;
                }
                Some(byte) if byte.is_ascii() => (*byte, 1),
                Some(lead @ (0xd0 | 0xd1)) => {
                    let trail = bytes.get(at + 1).copied().unwrap_or(0);
                    let small = SMALL[usize::from((lead & 1) << 6 | trail & 0x3f)];
                    hash.add(small);
                    is_odd |= small == 0;
                    at += 2;
                    continue;
                }
                Some(_) => {
                    let c = line[at..].chars().next().unwrap_or(' ');
                    if is_word(c) {
                        is_odd = true;
                        at += c.len_utf8();
                        continue;
                    }
                    (b' ', c.len_utf8())
                }
            };
            if part < at && (is_odd || self.unseen[hash.place(self.unseen.len())] > 0) {
                self.mark(&line[part..at]);
            }
            if is_compound && other != b'-' {
                self.mark(line[start..at].trim_matches('-'));
            }
            if length == 0 {
                return;
            }
            at += length;
            part = at;
            (hash, is_odd) = (Hash::EMPTY, false);
            is_compound = other == b'-';
            if !is_compound {
                start = at;
            }
        }
    }

    /// Notes that there is `word`.
    fn mark(&mut self, word: &str) {
        let word = chars::lowercase(word);
        let is_seen = self.asked.get_mut(&word);
        // Where all words of a hash were seen, nothing is looked for any more.
        if is_seen.is_some_and(|is_seen| !std::mem::replace(is_seen, true)) {
            let place = Hash::of(&word).place(self.unseen.len());
            if self.unseen[place] < u8::MAX {
                self.unseen[place] -= 1;
            }
        }
    }

    fn has(&self, word: &str) -> bool {
        let is_seen = self.asked.get(word);
        debug_assert!(is_seen.is_some(), "{word} was not asked for");
        is_seen == Some(&true)
    }
}

/// What the line ends of `text` may need to know: the words that each cut one may be, none seen yet.
fn asked(text: &str) -> HashMap<String, bool> {
    let mut asked = HashMap::new();
    for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
        let Some(head) = head(&text[..end]) else {
            continue;
        };
        let Some((first, second)) = halves(head, &text[end + 1..]) else {
            continue;
        };
        let (first, second) = (chars::lowercase(first), chars::lowercase(second));
        asked.insert(format!("{first}-{second}"), false);
        asked.insert(format!("{first}{second}"), false);
        asked.insert(first, false);
        asked.insert(second, false);
    }
    asked
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

/// Whether `first` is the beginning of a compound that is written with a hyphen before `second`: «вице-»,
/// "well-", and «северо-» before another quarter, where «североамериканский» has none.
fn is_compound(first: &str, second: &str) -> bool {
    match first {
        "вице" | "интернет" | "онлайн" | "веб" | "vice" | "well" | "self" => {
            true
        }
        "бизнес" => !second.starts_with("мен"),
        "северо" | "юго" => second.starts_with("запад") || second.starts_with("восто"),
        "в" | "во" => [
            "первых",
            "вторых",
            "третьих",
            "четвертых",
            "четвёртых",
            "пятых",
        ]
        .contains(&second),
        _ => false,
    }
}

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
        || is_compound(first, second)
        || adverb
    {
        return Some(Cut::Own);
    }
    (!words.has(first) || !words.has(second)).then_some(Cut::Printer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// All words of a text, as they are defined.
    fn all(text: &str) -> HashSet<String> {
        let mut words = HashSet::new();
        for line in text.replace(PRINTED, "-").lines() {
            let line = line.trim_end();
            let whole = match line.strip_suffix('-') {
                Some(cut) => &cut[..cut.trim_end_matches(char::is_alphabetic).len()],
                None => line,
            };
            for word in whole.split(|c: char| !c.is_alphabetic() && c != '-') {
                if word.contains('-') {
                    words.insert(word.trim_matches('-').to_lowercase());
                }
                let parts = word.split('-').filter(|part| !part.is_empty());
                words.extend(parts.map(str::to_lowercase));
            }
        }
        words
    }

    #[test]
    fn beginnings_of_compounds_keep_their_hyphen() {
        for (text, joined) in [
            (
                "На Северо-\nзападный и западный фронт",
                "На Северо-западный\nи западный фронт",
            ),
            ("Во-\nпервых, да", "Во-первых,\nда"),
            ("Северо-\nамериканский", "Североамериканский"),
            ("бизнес-\nмены и", "бизнесмены\nи"),
            (
                "a self-\nmade man, made here",
                "a self-made\nman, made here",
            ),
        ] {
            let found = join(text, Some(&Words::of(text)), &mut Counts::default());
            assert_eq!(found.as_deref(), Some(joined));
        }
    }

    #[test]
    fn what_is_asked_for_is_seen_as_in_the_set_of_all_words() {
        let text = "Кто-то по-русски: кто\u{2010}нибудь, ВЕСЬМА-весьма — и -так-, Ёж!\n\
                    ёж, Ґанок; straße STRASSE Straße-Ecke x-y--z ΣΟΦΌΣ й1ц a_b кто-\n\
                    то весь\u{2010}\nма по-\n  русски вслед-\nствие stra-\nße Ґа-\nнок -\nнет, \
                    ΣΟ-\nΦΌΣ Straße-\nEcke не-\nт так-\nв x-\ny z-\nё вследствие\n";
        let words = Words::of(text);
        let all = all(text);
        assert!(words.asked.len() > 30, "{}", words.asked.len());
        for word in words
            .asked
            .keys()
            .collect::<std::collections::BTreeSet<_>>()
        {
            assert_eq!(words.has(word), all.contains(word), "{word}");
        }
        assert!(words.has("кто-то") && words.has("вследствие") && !words.has("не"));
    }
}
