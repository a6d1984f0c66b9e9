//! Masking of personal data: e-mail, phones, public IP addresses, cards, Russian documents.
//!
//! One pass over the bytes stops only at `@`, at digits and at colons; there each kind of datum is
//! tried, and what is found is replaced by a placeholder such as `<EMAIL>`. Numbers count only with
//! a proof: a check digit, a formatting that nothing else has, or a word before them that says what
//! they are. What is nobody's is left alone: example.com, private networks, version numbers. Pure
//! functions over text; the caller counts.

mod address;
mod card;
mod digits;
mod email;
mod phone;
mod russian;
#[cfg(test)]
mod tests;

use crate::document::Content;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// One kind of personal data: a row of [`TYPES`], which also feeds the help and the reports.
#[derive(Debug)]
pub struct PiiType {
    /// Name in flags and reports.
    pub name: &'static str,
    /// One sentence: what is masked.
    pub what: &'static str,
    /// What stands in its place.
    pub placeholder: &'static str,
    find: Find,
}

/// How a kind of datum is found.
#[derive(Clone, Copy, Debug)]
enum Find {
    /// Around an `@` at this byte.
    At(fn(&str, usize) -> Option<Range<usize>>),
    /// Beginning with the digit at this byte; it may reach back over `+` and `(`.
    Digit(fn(&str, usize) -> Option<Range<usize>>),
    /// Beginning with the digit at this byte, however few follow.
    Dotted(fn(&str, usize) -> Option<Range<usize>>),
    /// Around the first colon at this byte.
    Colon(fn(&str, usize) -> Option<Range<usize>>),
}

/// Every kind; where several begin at one place, the first of the table counts.
pub const TYPES: &[PiiType] = &[
    PiiType {
        name: "email",
        what: "E-mail addresses, Cyrillic domains too; not those of RFC 2606 (example.com) and git@",
        placeholder: "<EMAIL>",
        find: Find::At(email::find),
    },
    PiiType {
        name: "ip",
        what: "Public IPv4 addresses; not private, reserved or documentation networks, nor version and section numbers",
        placeholder: "<IP>",
        find: Find::Dotted(address::v4),
    },
    PiiType {
        name: "ip6",
        what: "Global unicast IPv6 addresses; not the documentation network",
        placeholder: "<IP>",
        find: Find::Colon(address::v6),
    },
    PiiType {
        name: "snils",
        what: "Russian insurance numbers (СНИЛС) whose check digits are right",
        placeholder: "<SNILS>",
        find: Find::Digit(russian::snils),
    },
    PiiType {
        name: "inn",
        what: "Russian tax numbers whose check digits are right, after the word ИНН",
        placeholder: "<INN>",
        find: Find::Digit(russian::inn),
    },
    PiiType {
        name: "passport",
        what: "Series and number of Russian passports, after the word паспорт or серия",
        placeholder: "<PASSPORT>",
        find: Find::Digit(russian::passport),
    },
    PiiType {
        name: "card",
        what: "Numbers of payment cards of a known issuer whose Luhn check digit is right",
        placeholder: "<CARD>",
        find: Find::Digit(card::find),
    },
    PiiType {
        name: "phone",
        what: "Phone numbers: Russian (+7, 8, with area code), international with +, North American",
        placeholder: "<PHONE>",
        find: Find::Digit(phone::find),
    },
];

/// How often each kind was masked, by name.
pub type Counts = BTreeMap<String, u64>;

/// Masks the kinds it was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Masker {
    names: Vec<String>,
}

impl Masker {
    /// Masks the kinds of these names; `all` stands for every one.
    ///
    /// # Errors
    /// A message that lists what is known, when a name is not.
    pub fn new(names: &[String]) -> Result<Self, String> {
        let known: Vec<&str> = TYPES.iter().map(|kind| kind.name).collect();
        let mut chosen = Vec::new();
        for name in names {
            if name == "all" {
                chosen.extend(known.iter().map(|name| (*name).to_owned()));
            } else if known.contains(&name.as_str()) {
                chosen.push(name.clone());
            } else {
                return Err(format!(
                    "no personal data is named \"{name}\"; known are all, {}",
                    known.join(", ")
                ));
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        Ok(Self { names: chosen })
    }

    /// Masks every piece of text of `content` in place; returns what was masked.
    pub fn mask_content(&self, content: &mut Content) -> Counts {
        let mut counts = Counts::new();
        let mut mask = |text: &mut String| {
            if let Some(masked) = self.mask(text, &mut counts) {
                *text = masked;
            }
        };
        match content {
            Content::Text(text) => mask(text),
            Content::Chat(messages) => messages.iter_mut().for_each(|m| mask(&mut m.content)),
            Content::Preference { messages, rejected } => messages
                .iter_mut()
                .chain(rejected)
                .for_each(|m| mask(&mut m.content)),
        }
        counts
    }

    /// `text` with placeholders, `None` when nothing in it is personal.
    #[must_use]
    pub fn mask(&self, text: &str, counts: &mut Counts) -> Option<String> {
        let mut masked = String::new();
        let mut copied = 0;
        let mut at = 0;
        let bytes = text.as_bytes();
        let kinds: Vec<&PiiType> = TYPES
            .iter()
            .filter(|kind| self.names.iter().any(|name| name == kind.name))
            .collect();
        while let Some(found) = next_trigger(bytes, at) {
            at = found;
            if let Some((kind, range)) = find(&kinds, text, at)
                && range.start >= copied
            {
                masked.push_str(&text[copied..range.start]);
                masked.push_str(kind.placeholder);
                *counts.entry(kind.name.to_owned()).or_default() += 1;
                copied = range.end;
                at = range.end;
            } else if bytes[at].is_ascii_digit() {
                // The rest of a number is not a number of its own.
                at += bytes[at..]
                    .iter()
                    .take_while(|b| b.is_ascii_digit())
                    .count();
            } else {
                at += 1;
            }
        }
        if copied == 0 {
            return None;
        }
        masked.push_str(&text[copied..]);
        Some(masked)
    }
}

/// The first of `kinds` that is at byte `at`, and where it stands.
fn find<'a>(kinds: &[&'a PiiType], text: &str, at: usize) -> Option<(&'a PiiType, Range<usize>)> {
    let trigger = text.as_bytes()[at];
    let many = many_digits(&text.as_bytes()[at..]);
    kinds.iter().find_map(|kind| {
        let find = match kind.find {
            Find::At(find) if trigger == b'@' => find,
            Find::Colon(find) if trigger == b':' => find,
            Find::Dotted(find) if trigger.is_ascii_digit() => find,
            Find::Digit(find) if trigger.is_ascii_digit() && many => find,
            Find::At(_) | Find::Dotted(_) | Find::Digit(_) | Find::Colon(_) => return None,
        };
        Some((*kind, find(text, at)?))
    })
}

/// The next byte from `at` where a datum may be found.
fn next_trigger(bytes: &[u8], at: usize) -> Option<usize> {
    const TRIGGERS: [bool; 256] = {
        let mut table = [false; 256];
        let mut digit = b'0';
        while digit <= b'9' {
            table[digit as usize] = true;
            digit += 1;
        }
        table[b'@' as usize] = true;
        table[b':' as usize] = true;
        table
    };
    bytes[at..]
        .iter()
        .position(|byte| TRIGGERS[usize::from(*byte)])
        .map(|found| at + found)
}

/// Whether a number as long as the shortest phone number may begin here: most numbers are shorter.
fn many_digits(bytes: &[u8]) -> bool {
    let near = &bytes[..bytes.len().min(48)];
    near.iter().filter(|byte| byte.is_ascii_digit()).count() >= 8
}

/// Whether a letter, digit or underscore stands directly before byte `at`.
fn word_before(text: &str, at: usize) -> bool {
    text[..at]
        .chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Whether a letter, digit or underscore stands directly at byte `at`.
fn word_at(text: &str, at: usize) -> bool {
    text[at..]
        .chars()
        .next()
        .is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Whether one of `words`, in lower case, stands in the last `characters` before byte `at`.
fn named(text: &str, at: usize, characters: usize, words: &[&str]) -> bool {
    let said = context(text, at, characters);
    words.iter().any(|word| said.contains(word))
}

/// The last `characters` before byte `at`, in lower case.
fn context(text: &str, at: usize, characters: usize) -> String {
    let start = text[..at].char_indices().rev().take(characters).last();
    text[start.map_or(at, |(start, _)| start)..at].to_lowercase()
}
