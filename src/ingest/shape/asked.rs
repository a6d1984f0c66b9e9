//! Multiple choice whose question, answer or options have names that mean something else elsewhere: a
//! prompt, an output, further answers. The answer decides: it names one of the options, or they are none.

use super::choice::{Choices, one_letter, or_premise, take_multiple_choice, take_options};
use super::columns::has_columns;
use super::fields::{find, folded, has, is_same, take, take_text, value_of};
use super::known::Names;
use super::names::{
    ANSWER, ANSWERS, ASKED, CORRECT, INSTRUCTION, LABEL, MAYBE_FIRST_OPTION, MAYBE_OPTIONS,
    MAYBE_SECOND_OPTION, NAMES_OPTION, OPTIONS, QUESTION,
};
use super::operands::{self, check_operands};
use super::option_name::{bare, behind_stem};
use super::pairs::{check_label, take_context, take_instruction, with_context, with_input};
use super::unread::lists;
use super::{Fields, Misfit};
use crate::document::{Content, Message};
use serde_json::Value;

/// Whether an answer can be nothing but a name: one letter, or a number of one or two digits.
pub(super) fn is_lone_name(said: &Value) -> bool {
    match said {
        Value::Number(number) => number.as_u64().is_some_and(|number| number < 100),
        Value::String(text) => is_lone_word(text),
        _ => false,
    }
}

/// The same of a text.
pub(super) fn is_lone_word(text: &str) -> bool {
    // A third letter or digit is none of what sets a name off: most texts are told by that.
    let letters = text.trim_start().trim_start_matches('(');
    let mut letters = letters.trim_start().chars();
    if letters.nth(2).is_some_and(char::is_alphanumeric) {
        return false;
    }
    let name = bare(text);
    let is_number = || name.bytes().all(|byte| byte.is_ascii_digit());
    one_letter(name).is_some() || (1..=2).contains(&name.len()) && is_number()
}

/// What an answer is to options.
#[derive(PartialEq)]
enum Named {
    /// It names one of them, or would if it were known from where they count.
    One,
    /// It can only be a name, and is that of none.
    None,
    /// Words of its own.
    Words,
}

fn named(options: &Choices, said: &Value) -> Named {
    match options.resolve_surely(said.clone()) {
        Ok(_) => Named::One,
        Err(misfit) if misfit.error == "ambiguous_option" => Named::One,
        Err(_) if is_lone_name(said) => Named::None,
        Err(_) => Named::Words,
    }
}

/// The options of a record, and what its answer is to them.
fn options_of(fields: &Fields, names: Names<'_>) -> Option<(Choices, Named)> {
    let said = fields[&find(fields, names)?].clone();
    if !said.is_string() && !said.is_number() {
        return None;
    }
    let options = take_options(&mut fields.clone()).ok()?;
    // Settings of a model are a map, too, and their names are longer.
    let is_label = |label: &str| label.chars().count() < 3 || behind_stem(label).is_some();
    let is_list = options.all.len() > 1 && options.all.iter().all(|one| is_label(&one.label));
    let named = is_list.then(|| named(&options, &said))?;
    Some((options, named))
}

/// Whether options stand beside a question and an answer of which one is called otherwise, and the
/// answer is a name of one. A prompt that has its options already is taken with the answer as it is.
pub(super) fn asks_with_options(fields: &Fields) -> bool {
    let has = |names| has(fields, names);
    if has(QUESTION) && (has(ANSWER) || has(CORRECT)) {
        return false;
    }
    let asked = value_of(fields, ASKED).and_then(Value::as_str);
    let Some(asked) = asked else {
        return false;
    };
    if !has(OPTIONS) && !operands::has_options(fields) {
        return false;
    }
    options_of(fields, NAMES_OPTION).is_some_and(|(options, named)| {
        let texts: Vec<&str> = options.all.iter().map(|one| one.text.as_str()).collect();
        named != Named::Words && !lists(asked, &texts)
    })
}

/// A question under any name, its options, and the option that the answer names.
pub(super) fn take_asked_choice(fields: &mut Fields) -> Result<Content, Misfit> {
    let name = find(fields, NAMES_OPTION).unwrap_or_default();
    if find(fields, LABEL).as_ref() != Some(&name) {
        check_label(fields)?;
    }
    let mut turns = take_asked(fields)?;
    check_operands(fields)?;
    let answer = take(fields, Names::of(&[name.as_str()]))?;
    let options_name = find(fields, OPTIONS);
    let mut options = take_options(fields)?;
    options.count_as_named(&name, options_name.as_deref(), &answer);
    let answer = options.resolve_all(answer)?;
    if let Some(last) = turns.last_mut() {
        last.content = options.under(&last.content);
    }
    turns.push(Message::new("assistant", answer));
    Ok(Content::Chat(turns))
}

/// What is asked, with what it is about; behind an instruction the question that it is for.
fn take_asked(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    let is_instructed = value_of(fields, INSTRUCTION).is_some_and(Value::is_string);
    if !is_instructed {
        let asked = take_text(fields, ASKED)?;
        let context = take_context(fields)?;
        let context = or_premise(context, fields)?;
        let asked = with_context(context, asked);
        return Ok(vec![Message::new("user", with_input(fields, asked)?)]);
    }
    let mut turns = take_instruction(fields)?;
    if has(fields, QUESTION)
        && let Some(last) = turns.last_mut()
    {
        let question = take_text(fields, QUESTION)?;
        last.content = with_context(Some(std::mem::take(&mut last.content)), question);
    }
    Ok(turns)
}

/// A record whose options have the names of options; `None` where it has some already.
fn renamed(fields: &Fields) -> Option<Fields> {
    if has(fields, OPTIONS) {
        return None;
    }
    let list = find(fields, MAYBE_OPTIONS);
    let column = |name: &str| {
        let name: String = folded(name).collect();
        let mut stems = ["answer", "ответ", ""].iter();
        let end = stems.find_map(|stem| name.strip_prefix(stem))?.to_owned();
        let is_number = (1..=2).contains(&end.len()) && end.bytes().all(|b| b.is_ascii_digit());
        // A column of one letter is an option by its own name.
        let is_letter = end.len() < name.len() && one_letter(&end).is_some();
        (is_number || is_letter).then(|| format!("option{end}"))
    };
    let has_columns = has(fields, MAYBE_FIRST_OPTION);
    let name = |key: &String| {
        if has_columns {
            return column(key);
        }
        (Some(key) == list.as_ref()).then(|| OPTIONS[0].to_owned())
    };
    let fields = fields.iter();
    Some(
        fields
            .map(|(key, value)| (name(key).unwrap_or_else(|| key.clone()), value.clone()))
            .collect(),
    )
}

/// Whether an answer names one of a list that may be the options: not in words that are in the list of
/// further answers, which are other words for the same, and not one of other wordings of the question.
pub(super) fn names_one_of_list(fields: &Fields) -> bool {
    if has(fields, MAYBE_FIRST_OPTION) {
        return false;
    }
    let (Some(said), Some(list)) = (find(fields, ANSWER), find(fields, MAYBE_OPTIONS)) else {
        return false;
    };
    let said = &fields[&said];
    let found = renamed(fields).and_then(|fields| options_of(&fields, ANSWER));
    let Some((options, Named::One)) = found else {
        return false;
    };
    let are_wordings = options.all.iter().all(|one| one.text.trim().ends_with('?'));
    let mut of_answers = ANSWERS.iter().chain(["alternatives"].iter());
    let are_answers = of_answers.any(|name| is_same(name, &list));
    // "C" beside "Vitamin C" is an answer; a number that is none of the texts is a place among them.
    !are_wordings && (!are_answers || said.is_number() && !is_one_of(said, &options))
}

/// Whether an answer is written as one of the options.
fn is_one_of(said: &Value, options: &Choices) -> bool {
    let written = match said {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    options
        .all
        .iter()
        .any(|option| option.text.trim() == written)
}

/// The same of columns that may be the options.
pub(super) fn names_one_of_columns(fields: &Fields) -> bool {
    if find(fields, MAYBE_FIRST_OPTION) == find(fields, MAYBE_SECOND_OPTION) {
        return false;
    }
    let Some(said) = value_of(fields, ANSWER) else {
        return false;
    };
    let is_name = is_lone_name(said)
        || said
            .as_str()
            .is_some_and(|said| behind_stem(said).is_some());
    let found = || {
        let fields = renamed(fields).filter(has_columns)?;
        options_of(&fields, ANSWER)
    };
    is_name
        && found().is_some_and(|(options, named)| named == Named::One && !is_one_of(said, &options))
}

/// Multiple choice once its options are called so.
pub(super) fn take_renamed(fields: &mut Fields) -> Result<Content, Misfit> {
    if let Some(renamed) = renamed(fields) {
        *fields = renamed;
    }
    take_multiple_choice(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_by_a_third_letter_is_no_name() {
        const SIGNS: &[&str] = &["(", ")", ".", ":", " ", "\u{a0}", "B", "б", "1", "/"];
        let slow = |text: &str| {
            let name = bare(text);
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
            one_letter(name).is_some() || is_number && (1..=2).contains(&name.len())
        };
        let (mut texts, mut names) = (vec![String::new()], 0);
        for _ in 0..5 {
            let longer = texts.iter().flat_map(|text| {
                let signs = SIGNS.iter();
                signs.map(move |sign| format!("{text}{sign}"))
            });
            texts = longer.collect();
            for text in &texts {
                assert_eq!(is_lone_word(text), slow(text), "{text:?}");
                names += usize::from(slow(text));
            }
        }
        assert!(names > 1_000, "{names}");
    }
}
