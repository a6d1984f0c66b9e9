//! Lists of names that a field may have, and the quick look that tells most keys from all of them.
//!
//! Every record asks for some thirty fields, each under a dozen names. A key and a name that are the same
//! begin and end with the same letter, so each list knows the pairs of letters of its names; a key of
//! another pair is none of them, and is not compared.

use super::Fields;
use serde_json::Value;
use std::ops::Deref;
use std::slice;

/// Names that mean the same, the earlier one first where a record has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    list: &'a [&'a str],
    /// The pairs of first and last letters of the names, as bits; all bits where that of one is not known.
    ends: u128,
}

impl<'a> Names<'a> {
    /// Names in the order in which they are looked for.
    #[must_use]
    pub const fn of(list: &'a [&'a str]) -> Self {
        let (mut ends, mut at) = (0, 0);
        while at < list.len() {
            ends |= ends_of(list[at].as_bytes());
            at += 1;
        }
        Self { list, ends }
    }

    /// Each name.
    pub fn iter(self) -> slice::Iter<'a, &'a str> {
        self.list.iter()
    }

    /// Whether a key is one of the names.
    #[must_use]
    pub fn has(self, key: &str) -> bool {
        self.may_have(key) && self.list.iter().any(|name| is_same(key, name))
    }

    fn may_have(self, key: &str) -> bool {
        self.ends & ends_of(key.as_bytes()) != 0
    }
}

impl<'a> Deref for Names<'a> {
    type Target = [&'a str];

    fn deref(&self) -> &[&'a str] {
        self.list
    }
}

impl<'a> IntoIterator for Names<'a> {
    type Item = &'a &'a str;
    type IntoIter = slice::Iter<'a, &'a str>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

/// The field that has one of `names`, the earlier name first; of its keys the one that is written just so.
///
/// A field that is null gives way to another that is not.
pub(super) fn entry<'f>(fields: &'f Fields, names: Names<'_>) -> Option<(&'f String, &'f Value)> {
    let mut candidates = fields.iter().filter(|(key, _)| names.may_have(key));
    let first = candidates.next()?;
    if candidates.next().is_none() {
        return names
            .list
            .iter()
            .any(|name| is_same(first.0, name))
            .then_some(first);
    }
    // The key that is written just so, else the first that is the same: no hash, for records have few.
    let named = |name: &&str| {
        let mut same = None;
        for field in fields {
            if field.0 == *name {
                return Some(field);
            }
            if same.is_none() && is_same(field.0, name) {
                same = Some(field);
            }
        }
        same
    };
    let mut found = names.list.iter().filter_map(named);
    let first = found.next()?;
    if !first.1.is_null() {
        return Some(first);
    }
    Some(found.find(|(_, value)| !value.is_null()).unwrap_or(first))
}

/// The bit of the letters that a name begins and ends with; all bits where they cannot be told by a byte
/// or two.
const fn ends_of(name: &[u8]) -> u128 {
    let (mut start, mut end) = (0, name.len());
    while start < end && matches!(name[start], b' ' | b'_' | b'-') {
        start += 1;
    }
    while start < end && matches!(name[end - 1], b' ' | b'_' | b'-') {
        end -= 1;
    }
    if start == end {
        return u128::MAX;
    }
    let first = match name[start] {
        byte @ 0x21..=0x7e => byte.to_ascii_lowercase(),
        byte @ (0xd0 | 0xd1) if start + 1 < end => cyrillic(byte, name[start + 1]),
        _ => 0,
    };
    let last = match name[end - 1] {
        byte @ 0x21..=0x7e => byte.to_ascii_lowercase(),
        byte @ 0x80..=0xbf if end - start >= 2 => cyrillic(name[end - 2], byte),
        _ => 0,
    };
    if first == 0 || last == 0 {
        return u128::MAX;
    }
    // Most names that share a first letter end with another.
    1 << (first.wrapping_mul(37).wrapping_add(last) & 127)
}

/// A number above those of ASCII for a letter of Russian, the same in both cases; 0 for what is none.
const fn cyrillic(lead: u8, byte: u8) -> u8 {
    match (lead, byte) {
        // А to Я, а to п, р to я, and Ё.
        (0xd0, 0x90..=0xaf) => byte - 0x90 + 0x80,
        (0xd0, 0xb0..=0xbf) => byte - 0xb0 + 0x80,
        (0xd1, 0x80..=0x8f) => byte - 0x80 + 0x90,
        (0xd0, 0x81) | (0xd1, 0x91) => 0xa0,
        _ => 0,
    }
}

/// Whether two names are the same but for case, white space, underscores and hyphens.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    // As long as both are ASCII or Russian, which names nearly always are.
    loop {
        (a, b) = (without_signs(a), without_signs(b));
        match (a, b) {
            ([], []) => return true,
            ([x, rest_a @ ..], [y, rest_b @ ..]) if x.is_ascii() && y.is_ascii() => {
                if !x.eq_ignore_ascii_case(y) {
                    return false;
                }
                (a, b) = (rest_a, rest_b);
            }
            ([lead_a, x, rest_a @ ..], [lead_b, y, rest_b @ ..])
                if cyrillic(*lead_a, *x) != 0 && cyrillic(*lead_b, *y) != 0 =>
            {
                if cyrillic(*lead_a, *x) != cyrillic(*lead_b, *y) {
                    return false;
                }
                (a, b) = (rest_a, rest_b);
            }
            // No letter of Russian is one of ASCII in another case.
            ([x, ..], [lead, y, ..]) | ([lead, y, ..], [x, ..])
                if x.is_ascii() && cyrillic(*lead, *y) != 0 =>
            {
                return false;
            }
            _ => break,
        }
    }
    // What was passed by ends behind whole characters.
    match (std::str::from_utf8(a), std::str::from_utf8(b)) {
        (Ok(a), Ok(b)) => folded(a).eq(folded(b)),
        _ => false,
    }
}

/// Bytes behind the white space, underscores and hyphens of ASCII that `name` begins with.
fn without_signs(mut name: &[u8]) -> &[u8] {
    while let [b'\t'..=b'\r' | b' ' | b'_' | b'-', rest @ ..] = name {
        name = rest;
    }
    name
}

/// The letters and digits by which names are compared.
pub(super) fn folded(name: &str) -> impl Iterator<Item = char> {
    let letters = name
        .chars()
        .filter(|letter| !letter.is_whitespace() && !matches!(letter, '_' | '-'));
    letters.flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::super::names::{
        ANSWER, ASKED, CORRECT, FIRST_OPTION, NAMES_OPTION, OPTIONS, QUESTION, SECOND_OPTION,
    };
    use super::*;
    use serde_json::{Map, json};

    /// Names as they may be written, with letters that fold to others and signs that are none.
    const WRITTEN: &[&str] = &[
        "",
        "-",
        "a",
        "А",
        "а",
        " A ",
        "Вопрос",
        "ВОПРОС",
        "_вопрос",
        "Question Text",
        "QUESTION-text",
        "question\u{a0}text",
        "\u{2003}question_text\t",
        "quest\u{b}ion",
        "ответ",
        "Ответ ",
        "Отве\u{442}",
        "Ответ\u{301}",
        "\u{212a}",
        "k",
        "ſ",
        "s",
        "an\u{17f}wer",
        "İ",
        "i",
        "i\u{307}",
        "éa",
        "Éa",
        "рано",
        "Рано",
        "Ёж",
        "ёж",
        "еж",
        "Ѐ",
        "ѐ",
        "Ѡ",
        "1",
        "_1",
        "#",
        "question#1",
        "aа",
        "аa",
        "option 1",
        "ВАРИАНТ_1",
    ];

    #[test]
    fn names_are_refused_early_only_where_they_differ() {
        let lists = [QUESTION, ANSWER, FIRST_OPTION, SECOND_OPTION];
        let all = || WRITTEN.iter().chain(lists.into_iter().flatten());
        let mut same = 0;
        for a in all() {
            for b in all() {
                let slow = folded(a).eq(folded(b));
                assert_eq!(is_same(a, b), slow, "{a:?} and {b:?}");
                assert_eq!(Names::of(&[b]).has(a), slow, "{a:?} and {b:?}");
                same += usize::from(slow && a != b);
            }
        }
        assert!(same > 30, "{same}");
    }

    #[test]
    fn what_is_found_is_what_each_name_finds() {
        // Without a quick look: for each name the key that is written so, else the first that is the same.
        let slow = |fields: &Fields, names: Names<'_>| {
            let named = |name: &&str| {
                let mut keys = fields.keys();
                let exact = fields.keys().find(|key| key == name);
                exact.or_else(|| keys.find(|key| folded(key).eq(folded(name))))
            };
            let found: Vec<&String> = names.iter().filter_map(named).collect();
            let told = found.iter().find(|key| !fields[**key].is_null());
            told.or(found.first()).map(|key| (*key).clone())
        };
        let lists = [
            QUESTION,
            ANSWER,
            ASKED,
            CORRECT,
            NAMES_OPTION,
            OPTIONS,
            FIRST_OPTION,
            SECOND_OPTION,
        ];
        let keys: Vec<&str> = WRITTEN
            .iter()
            .chain(&[
                "Answer",
                "ANSWER",
                "correct_answer",
                "Correct Answer",
                "B",
                "Option B",
            ])
            .copied()
            .collect();
        let mut state = 3_u64;
        let mut below = |limit: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % limit
        };
        let mut found = 0;
        for _ in 0..20_000 {
            let fields: Map<String, Value> = (0..below(6))
                .map(|_| {
                    let value = if below(3) == 0 {
                        Value::Null
                    } else {
                        json!("x")
                    };
                    (keys[below(keys.len())].to_owned(), value)
                })
                .collect();
            let names = lists[below(lists.len())];
            let quick = entry(&fields, names).map(|(key, _)| key.clone());
            assert_eq!(quick, slow(&fields, names), "{fields:?} {names:?}");
            found += usize::from(quick.is_some());
        }
        assert!(found > 3_000, "{found}");
    }
}
