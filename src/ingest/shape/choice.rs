//! Multiple choice: the options belong to the question, the answer is an option's text.
//!
//! An answer names an option by its text, its label, its letter or its number. Numbers count as the
//! options do: by their labels where they have some, from 1 where columns are called `option1`, else
//! from 0 as in programs. Several are named by a list ("A, C", "A and C", "AC"), and words before a name
//! ("the answer is B") change nothing. An answer that only can be a name and names none is a misfit, never a text.

use super::fields::{as_answer, find, is_same, take, take_text, type_name};
use super::names::{
    ANSWER, ANSWERS, BEGINNING, CORRECT, ENDINGS, LABEL, OPTION_STEMS, OPTIONS, QUESTION,
};
use super::pairs::{take_about, with_context};
use super::{Fields, Misfit};
use crate::document::{Content, Message};
use serde_json::Value;

/// An option of a question.
struct Choice {
    /// What stands before it: a letter.
    letter: char,
    /// What an answer may call it: its label, or its number.
    label: String,
    text: String,
}

/// The options of a question.
#[derive(Default)]
struct Choices {
    all: Vec<Choice>,
    /// How its numbers count, for the error.
    counting: &'static str,
    /// The options are numbers themselves, so a number is one of them.
    are_numbers: bool,
    /// The letters of its columns were of two alphabets, and so may those of answers be.
    is_mixed: bool,
}

const LATIN: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Letters of Russian lists: Ё, Й, Ъ, Ы and Ь name nothing.
const RUSSIAN: &str = "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯ";
/// Russian letters of lists and the Latin ones that look the same.
const ALIKE: &[(char, char)] = &[
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
const FROM_0: &str = "numbers count from 0";

/// Takes the options, in a list or in columns of their own.
fn take_options(fields: &mut Fields) -> Result<Choices, Misfit> {
    match find(fields, OPTIONS) {
        Some(_) => listed(take(fields, OPTIONS)?, "options"),
        None => columns(fields),
    }
}

/// The options of a list of texts or of objects, of a map from letters, or of lists side by side.
fn listed(value: Value, name: &str) -> Result<Choices, Misfit> {
    let value = match value {
        // Columns of CSV hold lists as they are written.
        Value::String(text) if text.trim_start().starts_with(['[', '{']) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        value => value,
    };
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
    let is_labelled = !labels.is_empty() && labels.iter().all(|label| !label.is_null());
    let labels: Vec<String> = labels
        .into_iter()
        .enumerate()
        .map(|(i, label)| {
            if is_labelled {
                as_answer(label, "label")
            } else {
                // Without labels a list is counted from 0, as in programs.
                Ok(i.to_string())
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
            text: as_answer(option, name)?,
        })
    });
    Ok(Choices {
        all: all.collect::<Result<_, Misfit>>()?,
        counting: if is_labelled {
            "its labels are given"
        } else {
            FROM_0
        },
        are_numbers,
        is_mixed: false,
    })
}

/// An option's text and its label, null where it has none.
fn option_of(option: Value) -> (Value, Value) {
    match option {
        Value::Object(mut parts) => {
            let mut part = |names: &[&str]| find(&parts, names).and_then(|key| parts.remove(&key));
            let text = part(&["text", "value", "content"]);
            let label = part(&["label", "key", "letter", "id"]);
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
fn one_letter(name: &str) -> Option<char> {
    let mut letters = name.trim().chars();
    let first = letters.next()?;
    (letters.next().is_none() && first.is_alphabetic())
        .then(|| first.to_uppercase().next())
        .flatten()
}

/// The columns that are called by one letter of a list and hold something.
fn letter_columns(fields: &Fields) -> Vec<(String, char)> {
    let holds = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    };
    let named = fields.iter().filter(|(_, value)| holds(value));
    named
        .filter_map(|(name, _)| Some((name.clone(), one_letter(name)?)))
        .filter(|(_, letter)| "ABCDEFАБВГДЕ".contains(*letter))
        .collect()
}

/// Gives columns with letters of two alphabets (a Latin A beside Б and Г) those of one: Russian where
/// a letter is that has no Latin likeness, else Latin. Whether it had to.
fn unmix(fields: &mut Fields) -> bool {
    let columns = letter_columns(fields);
    let is_latin = |(_, letter): &(String, char)| letter.is_ascii();
    if columns.iter().all(is_latin) || !columns.iter().any(is_latin) {
        return false;
    }
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

/// Options in columns of their own: `A`, `option_a`, `option1`, `opa`, or `А`, `вариант_а`.
fn columns(fields: &mut Fields) -> Result<Choices, Misfit> {
    let mut choices = Choices {
        all: Vec::new(),
        counting: FROM_0,
        are_numbers: false,
        is_mixed: unmix(fields),
    };
    let lower = |letter: char| letter.to_lowercase().to_string();
    for (i, (latin, russian)) in LATIN.chars().zip(RUSSIAN.chars()).enumerate() {
        let (letter, own) = (lower(latin), lower(russian));
        let stems = || OPTION_STEMS.iter();
        let numbered: Vec<String> = stems().map(|stem| format!("{stem}{}", i + 1)).collect();
        let in_latin = stems().map(|stem| format!("{stem}{letter}"));
        let in_latin: Vec<String> = in_latin
            .chain([letter.clone(), format!("op{letter}")])
            .collect();
        let in_own: Vec<String> = stems().map(|stem| format!("{stem}{own}")).collect();
        let names: Vec<&str> = std::iter::once(letter.as_str())
            .chain(in_latin.iter().map(String::as_str))
            .chain(numbered.iter().map(String::as_str))
            .chain(std::iter::once(own.as_str()))
            .chain(in_own.iter().map(String::as_str))
            .collect();
        let Some(key) = find(fields, &names) else {
            break;
        };
        let text = match take(fields, &names)? {
            Value::Null => String::new(),
            other => as_answer(other, &letter)?,
        };
        let is_in = |names: &[String]| names.iter().any(|name| is_same(&key, name));
        let is_numbered = is_in(&numbered);
        if is_numbered {
            choices.counting = "numbers count from 1, as the columns do";
        }
        // Questions with fewer options leave the last columns empty.
        if !text.trim().is_empty() {
            choices.all.push(Choice {
                letter: if is_same(&key, &own) || is_in(&in_own) {
                    russian
                } else {
                    latin
                },
                label: (i + usize::from(is_numbered)).to_string(),
                text,
            });
        }
    }
    let left = letter_columns(fields);
    if !left.is_empty() {
        let left: Vec<String> = left.into_iter().map(|(name, _)| name).collect();
        return Err(Misfit::wrong(format!(
            "the columns [{}] follow no other option: the letters of the options have a gap or are of two alphabets",
            left.join(", ")
        )));
    }
    Ok(choices)
}

/// A name without what sets it off: "(B)", "B.", "B:".
fn bare(name: &str) -> String {
    let name = name.trim().trim_start_matches('(');
    name.trim_end_matches(['.', ')', ':']).trim().to_owned()
}

/// Words that announce an answer, the longer before those that they begin with.
const ANNOUNCING: &[&str] = &[
    "the correct answer is",
    "the answer is",
    "correct answer",
    "answer is",
    "answer",
    "option",
    "choice",
    "правильный ответ",
    "верный ответ",
    "ответ",
    "вариант",
];

/// What stands behind the words that announce an answer; all of it where there are none.
fn behind_words(given: &str) -> &str {
    let mut said = given.trim();
    for words in ANNOUNCING {
        let head = said.char_indices().nth(words.chars().count());
        let Some((end, next)) = head else { continue };
        if said[..end].to_lowercase() == *words && !next.is_alphanumeric() {
            let sign = |c: char| c.is_whitespace() || matches!(c, ':' | '-' | '–' | '—' | '=');
            said = said[end..].trim_start_matches(sign);
        }
    }
    said
}

impl Choices {
    /// What `answer` means: the text of the option that it names, or itself where it is said in words.
    fn resolve(&self, answer: Value) -> Result<String, Misfit> {
        // A number beside texts is an index, even where a text has the same digits; as text it may be
        // either, and an option is the likelier.
        let is_index = answer.is_number() && !self.are_numbers;
        let answer = as_answer(answer, "answer")?;
        let given = answer.trim();
        if given.is_empty() {
            return Err(Misfit::no_answer("the answer is empty".to_owned()));
        }
        let mut options = self.all.iter();
        if !is_index && let Some(option) = options.find(|option| option.text.trim() == given) {
            return Ok(option.text.clone());
        }
        if self.all.is_empty() {
            return Ok(answer);
        }
        if let Some(option) = self.named(&bare(given)) {
            return Ok(option.text.clone());
        }
        let same = |text: &str| text.trim().to_lowercase() == given.to_lowercase();
        if let Some(option) = self.all.iter().find(|option| same(&option.text)) {
            return Ok(option.text.clone());
        }
        // "B) the text" and "B. the text".
        if let Some((name, text)) = given.split_once([')', '.', ':'])
            && let Some(option) = self.named(&bare(name))
            && option.text.trim().to_lowercase() == text.trim().to_lowercase()
        {
            return Ok(option.text.clone());
        }
        // "The answer is B": what it says is behind.
        let said = behind_words(given);
        if said.len() < given.len()
            && let Some(option) = self.named(&bare(said))
        {
            return Ok(option.text.clone());
        }
        if let Some(several) = self.several(said) {
            let texts: Vec<&str> = several.iter().map(|option| option.text.trim()).collect();
            return Ok(texts.join("\n"));
        }
        let bare = bare(said);
        let is_name = one_letter(&bare).is_some() || bare.parse::<f64>().is_ok();
        if !is_name {
            return Ok(answer);
        }
        let known: Vec<String> = self
            .all
            .iter()
            .map(|option| match option.label.as_str() {
                label if label.chars().eq([option.letter]) => label.to_owned(),
                label => format!("{} or {label}", option.letter),
            })
            .collect();
        Err(Misfit::named(
            "no_such_option",
            format!(
                "the answer `{given}` names none of the options [{}] ({}); options with numbers of their own are read as \"options\": {{\"text\": […], \"label\": […]}} or from columns option1, option2",
                known.join(", "),
                self.counting
            ),
        ))
    }

    /// The options that a list names: "A, C", "A and C", "1; 3", or letters without anything between,
    /// in their order.
    fn several(&self, given: &str) -> Option<Vec<&Choice>> {
        let spaced = given
            .replace(" and ", ",")
            .replace(" и ", ",")
            .replace([';', '&', '/'], ",");
        let names: Vec<&str> = spaced
            .split(',')
            .filter(|name| !name.trim().is_empty())
            .collect();
        if names.len() > 1 {
            return names.iter().map(|name| self.named(&bare(name))).collect();
        }
        let letters: Vec<char> = bare(given).chars().collect();
        if letters.len() < 2 || !letters.iter().all(|letter| letter.is_uppercase()) {
            return None;
        }
        let named = letters.iter().map(|letter| {
            let mut options = self.all.iter();
            options.position(|option| option.letter == *letter)
        });
        let named: Vec<usize> = named.collect::<Option<_>>()?;
        let in_order = named.windows(2).all(|pair| pair[0] < pair[1]);
        in_order.then(|| named.into_iter().map(|at| &self.all[at]).collect())
    }

    /// The option that has this label or letter.
    fn named(&self, name: &str) -> Option<&Choice> {
        let lower = name.to_lowercase();
        let mut options = self.all.iter();
        if let Some(option) = options.find(|option| option.label.to_lowercase() == lower) {
            return Some(option);
        }
        let letter = one_letter(name)?;
        if let Some(option) = self.all.iter().find(|option| option.letter == letter) {
            return Some(option);
        }
        if self.is_mixed {
            let alike = ALIKE
                .iter()
                .find(|(russian, latin)| *russian == letter || *latin == letter)?;
            let mut options = self.all.iter();
            return options.find(|option| option.letter == alike.0 || option.letter == alike.1);
        }
        // А and В look alike in both alphabets and stand at other places: among options with letters
        // of their own only those count, a list without labels is counted in the answer's alphabet.
        let is_list = self.counting == FROM_0 && self.all.first()?.letter == 'A';
        let at = RUSSIAN.chars().position(|russian| russian == letter)?;
        if is_list { self.all.get(at) } else { None }
    }
}

/// Options are part of the question; a letter, label or number as answer, as text or as a number,
/// becomes the option's text.
pub(super) fn take_multiple_choice(fields: &mut Fields) -> Result<Content, Misfit> {
    take_choice(fields, ANSWER, take_options)
}

/// The same where the field that names the right option has a name that says so.
pub(super) fn take_marked_options(fields: &mut Fields) -> Result<Content, Misfit> {
    take_choice(fields, CORRECT, take_options)
}

/// A list of answers beside which it is said which of them is right: the answers are the options.
pub(super) fn take_marked_answers(fields: &mut Fields) -> Result<Content, Misfit> {
    take_choice(fields, CORRECT, |fields| {
        listed(take(fields, ANSWERS)?, "answers")
    })
}

/// Whether a field beside a list of answers says which is right, be it one that is not there.
pub(super) fn has_marked_answers(fields: &Fields) -> bool {
    let value = |names: &[&str]| find(fields, names).map(|key| fields[&key].clone());
    let (Some(answers @ Value::Array(_)), Some(mark)) = (value(ANSWERS), value(CORRECT)) else {
        return false;
    };
    let Ok(options) = listed(answers, "answers") else {
        return false;
    };
    if options.all.len() < 2 || mark.is_boolean() || mark.is_array() {
        return false;
    }
    match options.resolve(mark) {
        Ok(text) => options.all.iter().any(|option| option.text == text),
        Err(misfit) => misfit.error == "no_such_option",
    }
}

fn take_choice(
    fields: &mut Fields,
    answer: &[&str],
    options: impl Fn(&mut Fields) -> Result<Choices, Misfit>,
) -> Result<Content, Misfit> {
    let question = take_text(fields, QUESTION)?;
    let context = take_about(fields, &question)?;
    let answer = take(fields, answer)?;
    let options = options(fields)?;
    let answer = match answer {
        Value::Null => {
            return Err(Misfit::no_answer(
                "the field `answer` is null, expected an option".to_owned(),
            ));
        }
        // Several are right.
        Value::Array(list) => {
            let named: Result<Vec<String>, Misfit> =
                list.into_iter().map(|name| options.resolve(name)).collect();
            let named = named?.join("\n");
            if named.is_empty() {
                return Err(Misfit::no_answer("the list of answers is empty".to_owned()));
            }
            named
        }
        other => options.resolve(other)?,
    };
    let listed: String = options
        .all
        .iter()
        .map(|option| format!("\n{}) {}", option.letter, option.text.trim()))
        .collect();
    let question = with_context(context, format!("{}{listed}", question.trim_end()));
    Ok(Content::Chat(vec![
        Message::new("user", question),
        Message::new("assistant", answer),
    ]))
}

/// A beginning and the ending that fits: how it goes on is the answer, the other endings are in `meta`.
pub(super) fn take_ending(fields: &mut Fields) -> Result<Content, Misfit> {
    let beginning = take_text(fields, BEGINNING)?;
    let key = find(fields, ENDINGS).unwrap_or_default();
    let endings = take(fields, ENDINGS)?;
    let label = take(fields, LABEL)?;
    let ending = listed(endings.clone(), "endings")?.resolve(label)?;
    fields.insert(key, endings);
    Ok(Content::Chat(vec![
        Message::new("user", beginning),
        Message::new("assistant", ending),
    ]))
}
