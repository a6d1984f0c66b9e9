//! Which option an answer means: its text, its label, its letter, its number or its column.

use super::Misfit;
use super::choice::{ALIKE, Choice, Choices, LATIN, RUSSIAN, Stated, one_letter};
use super::fields::{as_answer, is_same};
use super::names::OPTION_STEMS;
use super::numbering::{self, Naming, Numbering};
use super::option_value::number;
use super::pairs::with_context;
use super::written::structure_of;
use crate::document::{Content, Message};
use serde_json::Value;

/// A name without what sets it off: "(B)", "B.", "B:".
pub(super) fn bare(name: &str) -> &str {
    let name = name.trim().trim_start_matches('(');
    name.trim_end_matches(['.', ')', ':']).trim()
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

/// The letter or number behind "option", "choice" or the like, which itself says nothing.
pub(super) fn behind_stem(name: &str) -> Option<&str> {
    let stems = OPTION_STEMS.iter().chain(&["answer", "ответ"]);
    for stem in stems {
        let end = name.char_indices().nth(stem.chars().count());
        let Some((end, _)) = end else { continue };
        if name[..end].to_lowercase() == **stem {
            let rest = name[end..].trim_start_matches([' ', '_', '-', '.']);
            let is_number = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
            return (is_number || one_letter(rest).is_some()).then_some(rest);
        }
    }
    None
}

/// The letter and the text of "B) the text", "B. the text" and "B - the text".
fn with_text(given: &str) -> Option<(&str, &str)> {
    let at = given.find([')', '.', ':', ' '])?;
    let name = bare(&given[..at]);
    one_letter(name)?;
    let behind = &given[at..];
    let text = match behind.strip_prefix([')', '.', ':']) {
        Some(text) => text,
        None => behind
            .trim_start()
            .strip_prefix(['-', '–', '—', ')', ':'])?,
    };
    let text = text.trim();
    (!text.is_empty()).then_some((name, text))
}

/// The first letters of Russian lists, as far as lists of options go.
const LIST_LETTERS: usize = 8;

/// Whether lists of options have this letter.
fn is_of_a_list(letter: char) -> bool {
    let begins = |alphabet: &str| alphabet.chars().take(LIST_LETTERS).any(|own| own == letter);
    begins(LATIN) || begins(RUSSIAN)
}

impl Choices {
    /// What `answer` means: the text of the option that it names, or itself where it is said in words.
    fn resolve(&self, answer: Value) -> Result<String, Misfit> {
        let said = as_answer(answer.clone(), "answer")?;
        Ok(self.find_named(answer)?.unwrap_or(said))
    }

    /// The text of the option that `answer` surely names; words that are none of them are a misfit.
    pub(super) fn resolve_surely(&self, answer: Value) -> Result<String, Misfit> {
        let said = as_answer(answer.clone(), "answer")?;
        match self.find_named(answer)? {
            Some(text) if !self.all.is_empty() => Ok(text),
            _ => Err(self.no_such(&said)),
        }
    }

    /// The text of the options that an answer, or a list of them, means.
    pub(super) fn resolve_all(&self, answer: Value) -> Result<String, Misfit> {
        self.each(answer, Self::resolve)
    }

    /// The same where words that are no option are a misfit.
    pub(super) fn resolve_all_surely(&self, answer: Value) -> Result<String, Misfit> {
        self.each(answer, Self::resolve_surely)
    }

    fn each(
        &self,
        answer: Value,
        resolve: fn(&Self, Value) -> Result<String, Misfit>,
    ) -> Result<String, Misfit> {
        // A list in a cell, unless an option is written like one.
        let answer = match answer {
            Value::String(text)
                if !self
                    .all
                    .iter()
                    .any(|option| option.text.trim() == text.trim()) =>
            {
                match structure_of(&text) {
                    Some(Value::Array(list)) => list.into(),
                    _ => Value::String(text),
                }
            }
            answer => answer,
        };
        let named = match answer {
            Value::Null => {
                return Err(Misfit::no_answer(
                    "the field `answer` is null, expected an option".to_owned(),
                ));
            }
            // A yes or no for each option.
            Value::Array(list) if self.is_mask(&list) => {
                let options = self.all.iter().zip(&list);
                let right = options.filter(|(_, mark)| **mark == Value::Bool(true));
                right
                    .map(|(option, _)| option.text.trim())
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            // Several are right.
            Value::Array(list) => {
                let named: Result<Vec<String>, Misfit> =
                    list.into_iter().map(|name| resolve(self, name)).collect();
                named?.join("\n")
            }
            other => return resolve(self, other),
        };
        if named.is_empty() {
            return Err(Misfit::no_answer("the list of answers is empty".to_owned()));
        }
        Ok(named)
    }

    fn is_mask(&self, list: &[Value]) -> bool {
        !list.is_empty() && list.len() == self.all.len() && list.iter().all(Value::is_boolean)
    }

    /// The text of the option that an answer names, `None` where it is said in words.
    fn find_named(&self, answer: Value) -> Result<Option<String>, Misfit> {
        // A number beside texts is an index, even where a text has the same digits; as text it may be
        // either, and an option is the likelier.
        let is_index = answer.is_number() && !self.are_numbers;
        let is_truth = answer.is_boolean();
        let answer = as_answer(answer, "answer")?;
        let given = answer.trim();
        if given.is_empty() {
            return Err(Misfit::no_answer("the answer is empty".to_owned()));
        }
        if self.all.is_empty() {
            return match one_letter(bare(given)) {
                Some(letter) if is_of_a_list(letter) && given.contains(letter) => {
                    Err(Misfit::named(
                        "ambiguous_option",
                        format!(
                            "the answer `{given}` may be the letter of an option, and the list of options is empty: --map question=FIELD,answer=FIELD says that it is the answer itself"
                        ),
                    ))
                }
                _ => Ok(None),
            };
        }
        let by_name = self.named(bare(given));
        let by_text = || {
            let mut options = self.all.iter();
            let exact = options.find(|option| option.text.trim() == given);
            // A number among numbers that have no labels is one of them, however it is written.
            let is_one = self.numbering.is_some() && self.columns_from.is_none();
            exact.or_else(|| is_one.then(|| self.equal_number(given)).flatten())
        };
        match (if is_index { None } else { by_text() }, by_name) {
            (Some(text), Some(name)) if text.text.trim() != name.text.trim() => {
                if self.is_name(given, name)? {
                    self.check_numbering(given, true)?;
                    return Ok(Some(name.text.clone()));
                }
                return Ok(Some(text.text.clone()));
            }
            (Some(text), name) => {
                if name.is_none() {
                    numbering::note_text();
                }
                return Ok(Some(text.text.clone()));
            }
            (None, _) => {}
        }
        self.check_numbering(given, is_index)?;
        if let Some(name) = by_name {
            // Numbers that count were noted as such, whether they can be told or not.
            if self.numbering.is_none() || one_letter(bare(given)).is_some() {
                numbering::note_name(given);
            }
            return Ok(Some(name.text.clone()));
        }
        if let Some(option) = self.equal_number(given) {
            return Ok(Some(option.text.clone()));
        }
        let same = |text: &str| text.trim().to_lowercase() == given.to_lowercase();
        if let Some(option) = self.all.iter().find(|option| same(&option.text)) {
            return Ok(Some(option.text.clone()));
        }
        match self.of_truth(given) {
            Some(option) => return Ok(Some(option.text.clone())),
            None if is_truth || ["true", "false"].contains(&given.to_lowercase().as_str()) => {
                return Err(self.no_such(given));
            }
            None => {}
        }
        if let Some((name, text)) = with_text(given) {
            let option = self.named(name).ok_or_else(|| self.no_such(given))?;
            let (own, text) = (option.text.trim().to_lowercase(), text.to_lowercase());
            if own == text {
                return Ok(Some(option.text.clone()));
            }
            // Its name, its text and why it is right; of another text one of both is wrong.
            return if text.starts_with(&own) {
                Ok(None)
            } else {
                Err(self.no_such(given))
            };
        }
        // "The answer is B": what it says is behind.
        let said = behind_words(given);
        if said.len() < given.len()
            && let Some(option) = self.named(bare(said))
        {
            return Ok(Some(option.text.clone()));
        }
        if let Some(several) = self.several(said) {
            let texts: Vec<&str> = several.iter().map(|option| option.text.trim()).collect();
            return Ok(Some(texts.join("\n")));
        }
        let bare = bare(said);
        let are_numbers = self.all.iter().all(|option| number(&option.text).is_some());
        let is_name = one_letter(bare).is_some()
            || bare.parse::<f64>().is_ok()
            || behind_stem(bare).is_some()
            || are_numbers && number(bare).is_some();
        if is_name {
            return Err(self.no_such(given));
        }
        Ok(None)
    }

    /// Whether an answer that is the text of one option names another, `named`. The answers of the file say
    /// what they are; where they do not, a name that stands beside the options is one, and a place that is
    /// only counted is none.
    fn is_name(&self, given: &str, named: &Choice) -> Result<bool, Misfit> {
        if self.stated == Stated::All {
            return Ok(true);
        }
        match numbering::naming(given) {
            Naming::Names => Ok(true),
            Naming::Texts => Ok(false),
            Naming::Unknown if self.is_stated(given, named) => Ok(true),
            // The number in the name of a column is one, and may be meant.
            Naming::Unknown if self.columns_from.is_none() => Ok(false),
            Naming::Unknown => Err(Misfit::named(
                "ambiguous_option",
                format!(
                    "the answer `{given}` is the text of one option and the number of another, and no other answer of the file tells which is meant: --first-option 0 or --first-option 1 says that numbers are those of options"
                ),
            )),
            Naming::Both => Err(Misfit::named(
                "ambiguous_option",
                format!(
                    "the answer `{given}` is the text of one option and names another, and of the file's first answers some are texts and some names; write one or the other throughout"
                ),
            )),
        }
    }

    /// Whether the name of an option stands beside it: as its label, its column, or before its text.
    fn is_stated(&self, given: &str, named: &Choice) -> bool {
        let name = bare(given);
        let is_label =
            self.numbering.is_none() && named.label.to_lowercase() == name.to_lowercase();
        let has_letter = self.stated == Stated::Letters || !named.column.is_empty();
        is_label || has_letter && one_letter(name).is_some()
    }

    /// Refuses numbers of which nothing says from where they count; and notes what they tell of that.
    fn check_numbering(&self, given: &str, is_index: bool) -> Result<(), Misfit> {
        let Some(numbering) = self.numbering else {
            return Ok(());
        };
        let names = behind_words(given).split([',', ';', '&']);
        let numbers: Option<Vec<usize>> = names.map(|name| bare(name).parse().ok()).collect();
        let Some(numbers) = numbers.filter(|_| is_index || self.equal_number(given).is_none())
        else {
            return Ok(());
        };
        numbering::note(&numbers, self.all.len());
        if numbers.iter().all(|number| *number <= self.all.len()) {
            numbering::note_name(given);
        }
        if let Some(from) = self.columns_from {
            return if from == 1 && numbering == Numbering::FewZeros {
                Err(Misfit::named(
                    "ambiguous_option",
                    format!(
                        "the answer `{given}` is the number of an option; the columns count from 1, and a few answers of the file's first records are 0, which may be the first option or none: --first-option 0 or --first-option 1 says it"
                    ),
                ))
            } else {
                Ok(())
            };
        }
        let may_be_either = |number: &usize| (1..self.all.len()).contains(number);
        if numbering != Numbering::Unknown || numbers.contains(&0) {
            return Ok(());
        }
        if numbers.iter().any(may_be_either) {
            return Err(Misfit::named(
                "ambiguous_option",
                format!(
                    "the answer `{given}` is the number of an option, and no answer of the file's first records says whether they count from 0 or from 1 (none is 0, none is the number of the options); --first-option 0 or --first-option 1 says it"
                ),
            ));
        }
        Ok(())
    }

    fn no_such(&self, given: &str) -> Misfit {
        let known: Vec<String> = self
            .all
            .iter()
            .map(|option| match option.label.as_str() {
                label if label.chars().eq([option.letter]) => label.to_owned(),
                label => format!("{} or {label}", option.letter),
            })
            .collect();
        Misfit::named(
            "no_such_option",
            format!(
                "the answer `{given}` names none of the options [{}] ({}); options with numbers of their own are read as \"options\": {{\"text\": […], \"label\": […]}} or from columns option1, option2",
                known.join(", "),
                self.counting
            ),
        )
    }

    /// The question with its options, and the answer.
    pub(super) fn asked(&self, context: Option<String>, question: &str, answer: String) -> Content {
        let question = with_context(context, self.under(question));
        Content::Chat(vec![
            Message::new("user", question),
            Message::new("assistant", answer),
        ])
    }

    /// The question with its options.
    pub(super) fn under(&self, question: &str) -> String {
        let question = question.trim_end();
        // A line end, a letter of one or two bytes, a bracket and a space before each.
        let options = self.all.iter().map(|option| option.text.len() + 5);
        let mut text = String::with_capacity(question.len() + options.sum::<usize>());
        text.push_str(question);
        for option in &self.all {
            text.extend(['\n', option.letter]);
            text.push_str(") ");
            text.push_str(option.text.trim());
        }
        text
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
            // "1/2" is a number, and so may "1,2" be where the options are numbers.
            let is_letters = names.iter().all(|name| one_letter(bare(name)).is_some());
            let are_numbers = self.all.iter().all(|option| number(&option.text).is_some());
            if !is_letters && (given.contains('/') || are_numbers) {
                return None;
            }
            return names.iter().map(|name| self.named(bare(name))).collect();
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
        let mut options = self.all.iter();
        let has_column =
            |option: &&Choice| !option.column.is_empty() && is_same(&option.column, name);
        if let Some(option) = options.find(has_column) {
            return Some(option);
        }
        // "option_b" of a list, or of columns that are called otherwise.
        let letter = one_letter(name).or_else(|| one_letter(behind_stem(name)?))?;
        if let Some(option) = self.all.iter().find(|option| option.letter == letter) {
            return Some(option);
        }
        let alike = ALIKE
            .iter()
            .find(|(russian, latin)| *russian == letter || *latin == letter);
        let mut options = self.all.iter();
        let alike = alike.and_then(|(russian, latin)| {
            options.find(|option| option.letter == *russian || option.letter == *latin)
        });
        if self.is_mixed {
            return alike;
        }
        let at = RUSSIAN.chars().position(|russian| russian == letter)?;
        let ordered = self.all.get(at);
        // A list without labels is counted in the answer's alphabet. Letters of columns are those that the
        // answer's look like; but В is the third letter of a Russian list, and which is meant nobody knows.
        let has_letters =
            self.numbering.is_none() || self.all.iter().any(|option| !option.column.is_empty());
        let is_latin = self.all.first()?.letter == 'A';
        match (alike, ordered) {
            _ if !is_latin => None,
            (_, ordered) if !has_letters => ordered,
            (Some(_), Some(ordered)) if ordered.letter == 'A' => Some(ordered),
            (Some(alike), None) if at >= LIST_LETTERS => Some(alike),
            (Some(_), _) => None,
            // Labels are what they are.
            (None, ordered) => ordered.filter(|_| self.numbering.is_some()),
        }
    }
}
