//! Answers that seem to name an option which nothing read: `B` beside a list of an unknown name.
//!
//! A letter that was learned for the text that it stands for teaches nothing, so such a record is
//! refused. A number is more often an answer itself, and so a list counts against it only where its name
//! says that it holds answers.

use super::asked::is_lone_word;
use super::beside::words_of;
use super::choice::{LATIN, RUSSIAN, one_letter};
use super::option_name::bare;
use super::written::structure_of;
use super::{Fields, Item, Misfit};
use crate::document::Content;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Shapes whose answer is what a field says, as it is.
const SAID_AS_IT_IS: &[&str] = &[
    "alpaca",
    "context_question",
    "input_ideal",
    "instances",
    "passage",
    "prompt_completion",
    "question_answer",
    "squad",
];

/// Parts of names of what holds options.
const OF_OPTIONS: &[&str] = &[
    "option",
    "choice",
    "answer",
    "variant",
    "alternative",
    "candidate",
    "вариант",
    "ответ",
    "выбор",
];

/// Parts of names of lists that hold something else, wrong answers alone among them.
const OF_OTHERS: &[&str] = &[
    "distractor",
    "incorrect",
    "wrong",
    "невер",
    "неправ",
    "respons",
    "generat",
    "complet",
    "rollout",
    "predict",
    "solution",
    "rational",
    "test",
    "rubric",
    "question",
    "sent",
    "sample",
    "accepted",
    "normalized",
    "gold",
    "plausible",
    "long",
    "short",
    "tag",
    "keyword",
    "topic",
    "categor",
    "subject",
    "source",
    "hint",
    "step",
    "concept",
    "skill",
    "entit",
    "ref",
    "cit",
    "url",
    "link",
    "lang",
    "author",
    "evidence",
    "alias",
    "synonym",
    "label",
    "meta",
    "title",
    "note",
    "comment",
    "expla",
    "tool",
    "domain",
    "type",
    "context",
    "passage",
    "document",
    "fact",
    "sentence",
    "paragraph",
    "history",
    "image",
    "file",
    "тег",
    "ключев",
    "тем",
    "категори",
    "источник",
    "подсказк",
    "шаг",
];

fn is_of(name: &str, parts: &[&str]) -> bool {
    let name = name.to_lowercase();
    parts.iter().any(|part| name.contains(part))
}

/// A place among options.
#[derive(Clone, Copy)]
enum Place {
    Letter(usize),
    Number(usize),
}

fn place(said: &str) -> Option<Place> {
    if !is_lone_word(said) {
        return None;
    }
    let name = bare(said);
    if let Ok(number) = name.parse() {
        return Some(Place::Number(number));
    }
    let letter = one_letter(name)?;
    let mut alphabets = [LATIN, RUSSIAN].into_iter();
    let at = alphabets.find_map(|letters| letters.chars().position(|other| other == letter))?;
    Some(Place::Letter(at))
}

impl Place {
    /// Whether it may be that of one of so many options under `name`.
    fn is_among(self, options: usize, name: &str) -> bool {
        match self {
            Self::Letter(at) => at < options && !is_of(name, OF_OTHERS),
            Self::Number(number) => {
                let is_short =
                    || words_of(name).any(|word| matches!(word.as_str(), "opt" | "opts"));
                number <= options
                    && (is_of(name, OF_OPTIONS) || is_short())
                    && !is_of(name, OF_OTHERS)
            }
        }
    }
}

/// Whether `asked` lists these texts: each stands behind its letter or number.
pub(super) fn lists(asked: &str, texts: &[&str]) -> bool {
    let is_listed = |(at, text): (usize, &&str)| {
        let text = text.trim();
        let names = [LATIN, RUSSIAN].map(|letters| letters.chars().nth(at));
        // A text that begins with its letter is listed as it is.
        let mut own = text.chars();
        if names.contains(&own.next()) && own.as_str().starts_with([')', '.', ':', ']']) {
            return asked.contains(text);
        }
        !text.is_empty()
            && asked.match_indices(text).any(|(start, _)| {
                let before = asked[..start].trim_end();
                let Some(before) = before.strip_suffix([')', '.', ':', ']', '-']) else {
                    return false;
                };
                let before = before.trim_end();
                let last = before
                    .chars()
                    .next_back()
                    .and_then(|last| last.to_uppercase().next());
                last.is_some() && names.contains(&last)
                    || before.ends_with(&at.to_string())
                    || before.ends_with(&(at + 1).to_string())
            })
    };
    texts.iter().enumerate().all(is_listed)
}

/// The texts of a list of two or more, or of a map from letters or numbers.
fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    };
    let texts: Vec<String> = match value {
        Value::Array(list) => list.iter().map(text).collect::<Option<_>>()?,
        Value::Object(map) if map.keys().all(|key| is_lone_word(key)) => {
            map.values().map(text).collect::<Option<_>>()?
        }
        _ => return None,
    };
    // Other wordings of a question are no answers to it.
    let is_some = texts.iter().any(|text| !text.ends_with('?'));
    (is_some && (2..=LATIN.len()).contains(&texts.len())).then_some(texts)
}

/// What stands before the letter or number in the name of a column, and that.
fn column(name: &str) -> Option<(&str, String)> {
    let name = name.trim();
    let digits = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if digits.len() < name.len() {
        return Some((digits, name[digits.len()..].to_owned()));
    }
    let (at, last) = name.char_indices().next_back()?;
    let before = name[..at].chars().next_back();
    let is_apart = before.is_none_or(|before| {
        matches!(before, ' ' | '_' | '-') || before.is_lowercase() && last.is_uppercase()
    });
    let letter = one_letter(&last.to_string())?;
    is_apart.then(|| (&name[..at], letter.to_string()))
}

/// Columns that are called alike but for the letters or numbers behind, from the first on.
fn columns(fields: &Fields) -> Vec<(&str, Vec<String>)> {
    let mut stems: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for (name, value) in fields {
        if let (Some((stem, end)), Value::String(text)) = (column(name), value)
            && !text.trim().is_empty()
            && text.trim().parse::<f64>().is_err()
        {
            let ends = stems.entry(stem).or_default();
            ends.insert(end, text.trim().to_owned());
        }
    }
    let begins = |ends: &BTreeMap<String, String>| {
        let pairs = [["A", "B"], ["А", "Б"], ["А", "В"], ["1", "2"], ["0", "1"]];
        pairs
            .iter()
            .any(|pair| pair.iter().all(|end| ends.contains_key(*end)))
    };
    let stems = stems.into_iter().filter(|(_, ends)| begins(ends));
    stems
        .map(|(stem, ends)| (stem, ends.into_values().collect()))
        .collect()
}

/// The field or the columns among which an answer may name one, that it is not itself one of, and that
/// the question does not list.
fn unread(fields: &Fields, place: Place, asked: &str, said: &str) -> Option<(String, usize)> {
    let may_be = |texts: &[String]| {
        let listed: Vec<&str> = texts.iter().map(String::as_str).collect();
        !listed.contains(&said) && !lists(asked, &listed)
    };
    for (name, value) in fields {
        let read = match value {
            Value::String(text) => match structure_of(text) {
                Some(read) => Cow::Owned(read),
                None => continue,
            },
            value => Cow::Borrowed(value),
        };
        if let Some(texts) = texts(&read)
            && place.is_among(texts.len(), name)
            && may_be(&texts)
        {
            return Some((format!("the field `{name}`"), texts.len()));
        }
    }
    columns(fields).into_iter().find_map(|(stem, texts)| {
        // Columns that are called by a letter or a number alone hold what is named so.
        let name = if stem.is_empty() { "option" } else { stem };
        (place.is_among(texts.len(), name) && may_be(&texts))
            .then(|| (format!("the columns `{stem}…`"), texts.len()))
    })
}

/// Whether a question has options of its own, whatever stands beside it.
fn has_options(asked: &str) -> bool {
    let pairs = [["A", "B"], ["А", "Б"], ["А", "В"]];
    [')', '.', ':', ']'].into_iter().any(|sign| {
        // A question has few of these signs, and none of the letters stands before most of them.
        let has = |name: &&str| {
            let mut signs = asked.match_indices(sign);
            signs.any(|(at, _)| asked[..at].ends_with(name))
        };
        pairs.iter().any(|pair| pair.iter().all(has))
    })
}

/// The names of columns of options that are called by letters with a gap, where `said` is one of these
/// or of those between.
fn with_gap(fields: &Fields, asked: &str, said: &str) -> Option<Vec<String>> {
    let said = one_letter(bare(said))?;
    let mut stems: BTreeMap<&str, BTreeMap<char, String>> = BTreeMap::new();
    for (name, value) in fields {
        if let (Some((stem, end)), Value::String(text)) = (column(name), value)
            && let Some(letter) = one_letter(&end)
            && (stem.is_empty() || is_of(stem, OF_OPTIONS))
            && !is_of(stem, OF_OTHERS)
            && !text.trim().is_empty()
        {
            stems.entry(stem).or_default().insert(letter, name.clone());
        }
    }
    let is_among = |ends: &BTreeMap<char, String>| {
        let (first, last) = (ends.keys().next(), ends.keys().next_back());
        ends.len() > 1 && first.is_some_and(|first| *first <= said) && last >= Some(&said)
    };
    // Options without a gap were read, or are none.
    let has_gap = |ends: &BTreeMap<char, String>| {
        let letters: Vec<char> = ends.keys().copied().collect();
        !['A', 'a', 'А', 'а'].into_iter().any(|first| {
            let all = (u32::from(first)..).map_while(char::from_u32);
            all.zip(&letters).all(|(letter, own)| letter == *own)
        })
    };
    let ends = stems
        .into_values()
        .find(|ends| is_among(ends) && has_gap(ends))?;
    // Nor does a question ask that lists them.
    let texts = || ends.values().filter_map(|name| fields[name].as_str());
    (!texts().all(|text| asked.contains(text.trim()))).then(|| ends.values().cloned().collect())
}

fn check(item: &Item, beside: &Fields) -> Result<(), Misfit> {
    let Content::Chat(turns) = &item.content else {
        return Ok(());
    };
    let [.., asked, last] = turns.as_slice() else {
        return Ok(());
    };
    if item.fields.is_empty() && beside.is_empty() {
        return Ok(());
    }
    let said = last.content.trim();
    let Some(place) = place(said).filter(|_| !has_options(&asked.content)) else {
        return Ok(());
    };
    let mut parts = [&item.fields, beside].into_iter();
    if let Some(names) = parts
        .clone()
        .find_map(|fields| with_gap(fields, &asked.content, said))
    {
        return Err(Misfit::named(
            "ambiguous_option",
            format!(
                "the answer is `{said}`, and the columns [{}] beside it may be options with a gap in their letters: an option that is not there is a column that is empty; --map question=FIELD,answer=FIELD says that they are none",
                names.join(", ")
            ),
        ));
    }
    let found = parts.find_map(|fields| unread(fields, place, &asked.content, said));
    match found {
        Some((options, texts)) => Err(Misfit::named(
            "ambiguous_option",
            format!(
                "the answer is `{said}`, and {options} beside it has {texts} texts, of which it may name one: --map question=FIELD,answer=FIELD,options=FIELD (or option_a=FIELD,option_b=FIELD,…) says that they are the options, --map question=FIELD,answer=FIELD that they are not"
            ),
        )),
        None => Ok(()),
    }
}

/// Refuses the items of a record of `shape` whose answer may name an option that nothing read.
pub(super) fn checked(
    shape: &str,
    items: Vec<Result<Item, Misfit>>,
    beside: &Fields,
) -> Vec<Result<Item, Misfit>> {
    if !SAID_AS_IT_IS.contains(&shape) {
        return items;
    }
    let checked = |item: Result<Item, Misfit>| {
        let item = item?;
        check(&item, beside)?;
        Ok(item)
    };
    items.into_iter().map(checked).collect()
}
