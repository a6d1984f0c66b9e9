//! Multiple choice: the options belong to the question, the answer is an option's text.
//!
//! An answer names an option by its text, its label, its letter or its number. Numbers count as the
//! options do: by their labels where they have some, from 1 where columns are called `option1`, else as
//! the numbers of the file tell (`numbering.rs`). Several are named by a list ("A, C", "A and C", "AC"), and words before a name
//! ("the answer is B") change nothing. An answer that only can be a name and names none is a misfit, never a text.

use super::columns::columns;
use super::fields::{as_answer, find, folded, has, take, take_named, take_text, type_name};
use super::known::Names;
use super::names::{ANSWER, BEGINNING, CORRECT, ENDINGS, LABEL, OPTION_STEMS, OPTIONS, QUESTION};
use super::numbering::{self, Numbering};
use super::operands::check_operands;
use super::pairs::take_about;
use super::written::structured;
use super::{Fields, Misfit};
use crate::document::{Content, Message};
use serde_json::Value;

/// An option of a question.
pub(super) struct Choice {
    /// What stands before it: a letter.
    pub(super) letter: char,
    /// What an answer may call it: its label, or its number.
    pub(super) label: String,
    /// The name of its column, empty where it is one of a list.
    pub(super) column: String,
    pub(super) text: String,
}

/// The options of a question.
#[derive(Default)]
pub(super) struct Choices {
    pub(super) all: Vec<Choice>,
    /// How its numbers count, for the error.
    pub(super) counting: &'static str,
    /// From which number they count, where only the file says it.
    pub(super) numbering: Option<Numbering>,
    /// From which number the names of their columns count: so do the options where the file does not tell.
    pub(super) columns_from: Option<usize>,
    /// The options are numbers themselves, so a number is one of them.
    pub(super) are_numbers: bool,
    /// The letters of its columns were of two alphabets, and so may those of answers be.
    pub(super) is_mixed: bool,
    /// Which names say themselves that they are names.
    pub(super) stated: Stated,
}

/// Which names of options are names, whatever their texts are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stated {
    /// Labels, and those of columns.
    #[default]
    Labels,
    /// Letters, too: the texts carried them.
    Letters,
    /// All: the answer's field is that of an index.
    All,
}

const PREMISE: Names<'static> = Names::of(&["premise"]);

pub(super) const LATIN: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Letters of Russian lists: Ё, Й, Ъ, Ы and Ь name nothing.
pub(super) const RUSSIAN: &str = "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯ";
/// Russian letters of lists and the Latin ones that look the same.
pub(super) const ALIKE: &[(char, char)] = &[
    ('А', 'A'),
    ('В', 'B'),
    ('С', 'C'),
    ('Е', 'E'),
    ('Н', 'H'),
    ('К', 'K'),
    ('М', 'M'),
    ('О', 'O'),
    ('Р', 'P'),
    ('Т', 'T'),
    ('Х', 'X'),
];
/// What an option of a list says, and how it may be labelled.
const OPTION_TEXT: Names<'static> =
    Names::of(&["text", "value", "content", "answer", "option", "body"]);
const OPTION_LABEL: Names<'static> = Names::of(&["label", "key", "letter", "id", "answer_id"]);
pub(super) const FROM_0: &str = "numbers count from 0";
const COLUMNS_FROM_0: &str = "numbers count from 0, as the columns do";
const COLUMNS_FROM_1: &str = "numbers count from 1, as the columns do";
const FROM_1: &str = "numbers count from 1, as others of the file do";

/// How numbers count where only the file says it, for the error.
pub(super) fn counting(numbering: Numbering) -> &'static str {
    match numbering {
        Numbering::From1 => FROM_1,
        Numbering::From0 | Numbering::FewZeros | Numbering::Unknown => FROM_0,
    }
}

/// From which number options count that have columns with numbers from `from` on, and how that is said. A
/// 0 among the answers, or the number behind the last, tells more than the names: COPA's `label` 0 is `choice1`.
pub(super) fn counting_of_columns(numbering: Numbering, from: usize) -> (usize, &'static str) {
    match (numbering, from) {
        (Numbering::From0, 1) => (0, "numbers count from 0, as others of the file do"),
        (Numbering::From1, 0) => (1, FROM_1),
        (_, 0) => (0, COLUMNS_FROM_0),
        (_, _) => (1, COLUMNS_FROM_1),
    }
}

impl Choices {
    /// Where numbers do not tell how options count, their names and that of the answer may.
    pub(super) fn count_as_named(&mut self, answer: &str, options: Option<&str>, value: &Value) {
        if numbering::is_index(answer) {
            self.stated = Stated::All;
        }
        let is_said = || numbering::names_say_0(answer, options, value.is_number());
        // Columns say it themselves.
        let is_open = self.numbering == Some(Numbering::Unknown) && self.columns_from.is_none();
        if is_open && is_said() {
            self.numbering = Some(Numbering::From0);
        }
    }
}

/// Takes the options, in a list or in columns of their own.
pub(super) fn take_options(fields: &mut Fields) -> Result<Choices, Misfit> {
    if !has(fields, OPTIONS) {
        return columns(fields);
    }
    let (key, list) = take_named(fields, OPTIONS)?;
    // What stands beside the texts, such as why one is right, is the user's.
    if says_more(&list) {
        fields.insert(key, list.clone());
    }
    listed(list, "options")
}

/// Whether options have more than a text and a label each.
fn says_more(options: &Value) -> bool {
    match options {
        Value::Array(list) => {
            let mut own = list.iter().filter_map(Value::as_object);
            own.any(|own| own.len() > 2)
        }
        Value::Object(lists) => {
            let is_known = |name: &String| name == "text" || name == "label";
            lists.contains_key("text") && !lists.keys().all(is_known)
        }
        _ => false,
    }
}

/// The options of a list of texts or of objects, of a map from letters, or of lists side by side.
pub(super) fn listed(value: Value, name: &str) -> Result<Choices, Misfit> {
    // Columns of CSV hold lists as they are written.
    let value = structured(value);
    let (options, labels): (Vec<Value>, Vec<Value>) = match value {
        Value::Null => return Ok(Choices::default()),
        Value::Array(list) => list.into_iter().map(option_of).unzip(),
        // {"text": […], "label": […]}, as on the hub.
        Value::Object(mut parts) => match (parts.remove("text"), parts.remove("label")) {
            (Some(Value::Array(list)), labels) => {
                let labels = match labels {
                    Some(Value::Array(labels)) if labels.len() == list.len() => labels,
                    None => Vec::new(),
                    Some(_) => {
                        return Err(Misfit::wrong(format!(
                            "the field `{name}` has other labels than texts"
                        )));
                    }
                };
                let labels = labels.into_iter().chain(std::iter::repeat(Value::Null));
                list.into_iter().zip(labels).unzip()
            }
            // {"A": "…", "B": "…"}.
            (None, None)
                if parts
                    .values()
                    .all(|text| !text.is_object() && !text.is_array()) =>
            {
                let pairs = parts.into_iter().filter(|(_, text)| !text.is_null());
                pairs.map(|(label, text)| (text, label.into())).unzip()
            }
            _ => {
                return Err(Misfit::wrong(format!(
                    "the field `{name}` holds no list of texts"
                )));
            }
        },
        other => {
            return Err(Misfit::wrong(format!(
                "the field `{name}` is {}, expected a list",
                type_name(&other)
            )));
        }
    };
    if options.len() > LATIN.len() {
        return Err(Misfit::wrong(format!(
            "the field `{name}` has {} options, the most that have a letter are {}",
            options.len(),
            LATIN.len()
        )));
    }
    let numbering = numbering::now();
    let is_labelled = !labels.is_empty() && labels.iter().all(|label| !label.is_null());
    let labels: Vec<String> = labels
        .into_iter()
        .enumerate()
        .map(|(i, label)| {
            if is_labelled {
                as_answer(label, "label")
            } else {
                Ok((i + numbering.first()).to_string())
            }
        })
        .collect::<Result<_, _>>()?;
    let letters = letters(&labels);
    let are_numbers = options.iter().any(Value::is_number);
    let all = options.into_iter().zip(labels).zip(letters);
    let all = all.map(|((option, label), letter)| {
        Ok(Choice {
            letter,
            label: label.trim().to_owned(),
            column: String::new(),
            text: as_answer(option, name)?,
        })
    });
    let mut choices = Choices {
        all: all.collect::<Result<_, Misfit>>()?,
        counting: if is_labelled {
            "its labels are given"
        } else {
            counting(numbering)
        },
        numbering: (!is_labelled).then_some(numbering),
        columns_from: None,
        are_numbers,
        is_mixed: false,
        stated: Stated::Labels,
    };
    choices.take_carried(!is_labelled);
    Ok(choices)
}

/// An option's text and its label, null where it has none.
fn option_of(option: Value) -> (Value, Value) {
    match option {
        Value::Object(mut parts) => {
            let mut part =
                |names: Names<'_>| find(&parts, names).and_then(|key| parts.remove(&key));
            let text = part(OPTION_TEXT);
            let label = part(OPTION_LABEL);
            match text {
                Some(text) => (text, label.unwrap_or_default()),
                None => (Value::Object(parts), Value::Null),
            }
        }
        other => (other, Value::Null),
    }
}

/// The letters that options with these labels are listed by: Russian ones where the labels are.
fn letters(labels: &[String]) -> Vec<char> {
    let is_russian = labels.first().and_then(|label| one_letter(label)) == Some('А');
    let alphabet = if is_russian { RUSSIAN } else { LATIN };
    alphabet.chars().collect()
}

/// The letter that a name is, in upper case.
pub(super) fn one_letter(name: &str) -> Option<char> {
    let mut letters = name.trim().chars();
    let first = letters.next()?;
    (letters.next().is_none() && first.is_alphabetic())
        .then(|| first.to_uppercase().next())
        .flatten()
}

/// Whether a column of this name may be an option: `A`, `option_a`, `option1`, `opa`, `вариант_а`.
pub fn is_option_column(name: &str) -> bool {
    let name: String = folded(name).collect();
    let mut stems = OPTION_STEMS.iter().chain(&["op"]);
    let behind = stems.find_map(|stem| name.strip_prefix(stem));
    let is_one = |end: &str| one_letter(end).is_some() || end.parse::<usize>().is_ok();
    one_letter(&name).is_some() || behind.is_some_and(is_one)
}

/// Options are part of the question; a letter, label or number as answer, as text or as a number,
/// becomes the option's text.
pub(super) fn take_multiple_choice(fields: &mut Fields) -> Result<Content, Misfit> {
    take_choice(fields, ANSWER, Choices::resolve_all)
}

/// The same where the field that names the right option has a name that says so.
pub(super) fn take_marked_options(fields: &mut Fields) -> Result<Content, Misfit> {
    // It is a mark, so words that are no option say nothing.
    take_choice(fields, CORRECT, Choices::resolve_all_surely)
}

fn take_choice(
    fields: &mut Fields,
    answer: Names<'_>,
    resolve: fn(&Choices, Value) -> Result<String, Misfit>,
) -> Result<Content, Misfit> {
    let question = take_text(fields, QUESTION)?;
    let context = take_about(fields, &question)?;
    let context = or_premise(context, fields)?;
    check_operands(fields)?;
    let (name, answer) = take_named(fields, answer)?;
    let options_name = find(fields, OPTIONS);
    let mut options = take_options(fields)?;
    options.count_as_named(&name, options_name.as_deref(), &answer);
    let answer = resolve(&options, answer)?;
    Ok(options.asked(context, &question, answer))
}

/// What a question is about; else the premise, which COPA asks the cause or the effect of.
pub(super) fn or_premise(
    about: Option<String>,
    fields: &mut Fields,
) -> Result<Option<String>, Misfit> {
    if about.is_some() || !has(fields, PREMISE) {
        return Ok(about);
    }
    take_text(fields, PREMISE).map(Some)
}

/// A beginning and the ending that fits: how it goes on is the answer, the other endings are in `meta`.
pub(super) fn take_ending(fields: &mut Fields) -> Result<Content, Misfit> {
    let beginning = take_text(fields, BEGINNING)?;
    let (key, endings) = take_named(fields, ENDINGS)?;
    let label = take(fields, LABEL)?;
    // The data sets that have endings come from programs, and their labels count from 0.
    let endings_of = || listed(endings.clone(), "endings");
    let ending = numbering::within(Numbering::From0, endings_of)?.resolve_all(label)?;
    fields.insert(key, endings);
    Ok(Content::Chat(vec![
        Message::new("user", beginning),
        Message::new("assistant", ending),
    ]))
}
