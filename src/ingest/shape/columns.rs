//! Options in columns of their own: `A`, `option_a`, `option1`, `opa`, or `А`, `вариант_а`.

use super::choice::{
    ALIKE, Choice, Choices, LATIN, RUSSIAN, Stated, counting, counting_of_columns, one_letter,
};
use super::fields::{as_answer, find, has};
use super::known::{Names, entry};
use super::names::{FIRST_OPTION, OPTION_STEMS, SECOND_OPTION};
use super::numbering;
use super::{Fields, Misfit};
use serde_json::Value;
use std::sync::LazyLock;

/// What the column of one option may be called.
struct Column {
    latin: char,
    russian: char,
    letter: &'static str,
    /// All of its names.
    names: Names<'static>,
    /// Those of them with a number.
    numbered: Names<'static>,
    /// Those of them with a Russian letter.
    in_russian: Names<'static>,
}

/// The columns in their order, where the numbers in names count from 0 and where they do from 1.
static COLUMNS: LazyLock<[Vec<Column>; 2]> = LazyLock::new(|| {
    [0, 1].map(|from| {
        let letters = LATIN.chars().zip(RUSSIAN.chars()).enumerate();
        letters
            .map(|(i, (latin, russian))| Column::of(latin, russian, i + from))
            .collect()
    })
});

/// A column of the number 0.
static ZEROS: LazyLock<Names<'static>> = LazyLock::new(|| kept(with_stems("0").collect()));

impl Column {
    fn of(latin: char, russian: char, number: usize) -> Self {
        let lower = |letter: char| letter.to_lowercase().to_string();
        let (letter, own) = (lower(latin), lower(russian));
        let numbered: Vec<String> = with_stems(&number.to_string()).collect();
        let in_russian: Vec<String> = [own.clone()].into_iter().chain(with_stems(&own)).collect();
        let in_latin = [letter.clone()].into_iter().chain(with_stems(&letter));
        let names = in_latin
            .chain([format!("op{letter}")])
            .chain(numbered.iter().cloned())
            .chain(in_russian.iter().cloned());
        Self {
            latin,
            russian,
            names: kept(names.collect()),
            numbered: kept(numbered),
            in_russian: kept(in_russian),
            letter: letter.leak(),
        }
    }
}

fn with_stems(end: &str) -> impl Iterator<Item = String> {
    OPTION_STEMS.iter().map(move |stem| format!("{stem}{end}"))
}

/// Names that are made once and kept for good.
fn kept(names: Vec<String>) -> Names<'static> {
    let names: Vec<&str> = names.into_iter().map(|name| &*name.leak()).collect();
    Names::of(names.leak())
}

/// The columns that are called by one letter of a list and hold something.
fn letter_columns(fields: &Fields) -> impl Iterator<Item = (&String, char)> {
    let holds = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    };
    fields.iter().filter_map(move |(name, value)| {
        let letter = one_letter(name)?;
        ("ABCDEFАБВГДЕ".contains(letter) && holds(value)).then_some((name, letter))
    })
}

/// Gives columns with letters of two alphabets (a Latin A beside Б and Г) those of one: Russian where
/// a letter is that has no Latin likeness, else Latin. Whether it had to.
fn unmix(fields: &mut Fields) -> bool {
    let is_latin = |(_, letter): (&String, char)| letter.is_ascii();
    if letter_columns(fields).all(is_latin) || !letter_columns(fields).any(is_latin) {
        return false;
    }
    let columns = letter_columns(fields).map(|(name, letter)| (name.clone(), letter));
    let columns: Vec<(String, char)> = columns.collect();
    let is_russian = columns.iter().any(|(_, letter)| "БГД".contains(*letter));
    for (name, letter) in &columns {
        let alike = ALIKE.iter().find_map(|(russian, latin)| {
            let (from, to) = if is_russian {
                (latin, russian)
            } else {
                (russian, latin)
            };
            (from == letter).then(|| to.to_string())
        });
        if let Some(alike) = alike
            && !columns.iter().any(|(_, other)| alike.starts_with(*other))
            && let Some(text) = fields.shift_remove(name)
        {
            fields.insert(alike, text);
        }
    }
    true
}

/// Whether a first and a second option have columns of their own.
pub(super) fn has_columns(fields: &Fields) -> bool {
    let key = |names| entry(fields, names).map(|(key, _)| key);
    // The one of the number 1 is the first or the second one.
    key(FIRST_OPTION) != key(SECOND_OPTION)
}

/// Takes the options that have columns.
pub(super) fn columns(fields: &mut Fields) -> Result<Choices, Misfit> {
    let numbering = numbering::now();
    let mut choices = Choices {
        all: Vec::new(),
        counting: counting(numbering),
        numbering: Some(numbering),
        columns_from: None,
        are_numbers: false,
        is_mixed: unmix(fields),
        stated: Stated::Labels,
    };
    let from = usize::from(!has(fields, *ZEROS));
    for (i, column) in COLUMNS[from].iter().enumerate() {
        let Some(key) = find(fields, column.names) else {
            break;
        };
        let text = match fields.shift_remove(&key).unwrap_or_default() {
            Value::Null => String::new(),
            other => as_answer(other, column.letter)?,
        };
        let is_numbered = column.numbered.has(&key);
        let mut first = numbering.first();
        if is_numbered {
            (first, choices.counting) = counting_of_columns(numbering, from);
            choices.columns_from = Some(from);
        }
        // Questions with fewer options leave the last columns empty.
        if !text.trim().is_empty() {
            choices.all.push(Choice {
                letter: if column.in_russian.has(&key) {
                    column.russian
                } else {
                    column.latin
                },
                label: (i + first).to_string(),
                column: key,
                text,
            });
        }
    }
    if letter_columns(fields).next().is_some() {
        let left: Vec<&str> = letter_columns(fields)
            .map(|(name, _)| name.as_str())
            .collect();
        return Err(Misfit::wrong(format!(
            "the columns [{}] follow no other option: the letters of the options have a gap or are of two alphabets",
            left.join(", ")
        )));
    }
    choices.take_carried(choices.columns_from.is_none());
    Ok(choices)
}
