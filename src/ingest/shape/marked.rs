//! Answers and options of which a mark says whether they are right: a mark of each, or one beside them.

use super::answers::{is_no, is_yes};
use super::asked::is_lone_name;
use super::choice::listed;
use super::fields::{find, has, is_same, take, take_text, value_of};
use super::known::Names;
use super::names::{ANSWER, ANSWERS, CORRECT, IS_CORRECT, LABEL, LABELS, OPTIONS, QUESTION};
use super::pairs::take_about;
use super::written::structured;
use super::{Fields, Misfit};
use crate::document::Content;
use serde_json::Value;

/// The field of an answer that says whether it is right: by its name, or a label of 0 or 1.
pub(super) fn mark_key(answer: &Fields) -> Option<String> {
    let is_told = |key: &String| is_yes(&answer[key]) != is_no(&answer[key]);
    find(answer, IS_CORRECT).or_else(|| find(answer, LABELS).filter(is_told))
}

/// The list under one of `names` with what marks each: two answers or more in one line each, some of
/// them right and the others wrong.
fn each_marked(fields: &Fields, names: Names<'_>) -> Option<(Vec<Value>, Vec<Value>)> {
    // Most lists have none, and this is asked for each record.
    // Labels are the names of options, and only of answers they are marks.
    let mark = |own: &Fields| match names {
        OPTIONS => find(own, IS_CORRECT),
        _ => mark_key(own),
    };
    let has_mark = |answer: &Value| answer.as_object().is_some_and(|own| mark(own).is_some());
    let key = find(fields, names)?;
    let list = match &fields[&key] {
        Value::Array(list) if list.first().is_some_and(has_mark) => list.clone(),
        text @ Value::String(_) => match structured(text.clone()) {
            Value::Array(list) => list,
            _ => return None,
        },
        _ => return None,
    };
    let mut marks = Vec::with_capacity(list.len());
    let mut answers = list;
    for answer in &mut answers {
        let own = answer.as_object_mut()?;
        let mark = own.shift_remove(&mark(own)?)?;
        if is_yes(&mark) == is_no(&mark) {
            return None;
        }
        marks.push(Value::Bool(is_yes(&mark)));
    }
    let right = marks.iter().filter(|mark| **mark == Value::Bool(true));
    let is_told = (1..marks.len()).contains(&right.count());
    let options = listed(answers.clone().into(), "answers").ok()?;
    let is_list = options
        .all
        .iter()
        .all(|option| !option.text.trim().is_empty() && !option.text.trim().contains('\n'));
    (is_told && is_list).then_some((answers, marks))
}

/// Whether each of the answers is marked as right or wrong, and nothing else says the answer.
pub(super) fn has_marks_of_each(fields: &Fields) -> bool {
    !has(fields, ANSWER) && each_marked(fields, ANSWERS).is_some()
}

/// The same of options.
pub(super) fn has_options_marked(fields: &Fields) -> bool {
    !has(fields, ANSWER) && each_marked(fields, OPTIONS).is_some()
}

/// Answers of which each is marked are the options.
pub(super) fn take_marks_of_each(fields: &mut Fields) -> Result<Content, Misfit> {
    let names = if has(fields, ANSWERS) {
        ANSWERS
    } else {
        OPTIONS
    };
    let question = take_text(fields, QUESTION)?;
    let context = take_about(fields, &question)?;
    let Some((answers, marks)) = each_marked(fields, names) else {
        return Err(Misfit::wrong(format!(
            "the field `{}` is no list of answers that are marked as right or wrong",
            names[0]
        )));
    };
    take(fields, names)?;
    let options = listed(answers.into(), names[0])?;
    let answer = options.resolve_all(marks.into())?;
    Ok(options.asked(context, &question, answer))
}

/// Whether a field beside two answers or more says which is right, be it one that is not there. In
/// words that are none of them it says the answer itself where its name does.
pub(super) fn has_marked_answers(fields: &Fields) -> bool {
    let value = |names: Names<'_>| value_of(fields, names).cloned();
    let (Some(answers), Some(mark)) = (value(ANSWERS), value(CORRECT)) else {
        return false;
    };
    if mark.is_null() || mark.is_boolean() {
        return false;
    }
    let answers = structured(answers);
    if !answers.is_array() && !answers.is_object() {
        return false;
    }
    let Ok(options) = listed(answers, "answers") else {
        return false;
    };
    if options.all.len() < 2 {
        return false;
    }
    if !has(fields, ANSWER) {
        return true;
    }
    match options.resolve_all(mark) {
        Ok(text) => options.all.iter().any(|option| option.text == text),
        Err(misfit) => ["no_such_option", "ambiguous_option"].contains(&misfit.error),
    }
}

/// Whether a label beside two answers or more, in texts, names one of them, and nothing else does.
pub(super) fn has_labelled_answers(fields: &Fields) -> bool {
    if has(fields, ANSWER) || has(fields, CORRECT) {
        return false;
    }
    let list = value_of(fields, ANSWERS).map(|value| structured(value.clone()));
    match list {
        Some(Value::Array(list)) => labelled(fields, &list).is_some(),
        _ => false,
    }
}

/// The label beside answers in texts that is the name of one of them: a letter, a number, its text. One
/// of another kind is a class of the question.
fn labelled(fields: &Fields, answers: &[Value]) -> Option<String> {
    let key = find(fields, LABEL)?;
    if answers.len() < 2 || !answers.iter().all(Value::is_string) {
        return None;
    }
    let label = &fields[&key];
    let is_name = is_lone_name(label) || answers.contains(label);
    let options = listed(answers.to_vec().into(), "answers").ok()?;
    let is_one = match options.resolve_all_surely(label.clone()) {
        Ok(_) => true,
        Err(misfit) => misfit.error == "ambiguous_option" || label.is_string(),
    };
    (is_name && is_one).then_some(key)
}

/// A list of answers beside which it is said which of them is right: the answers are the options.
pub(super) fn take_marked_answers(fields: &mut Fields) -> Result<Content, Misfit> {
    take_answers_by(fields, CORRECT)
}

/// The same where a label says it.
pub(super) fn take_labelled_answers(fields: &mut Fields) -> Result<Content, Misfit> {
    take_answers_by(fields, LABEL)
}

fn take_answers_by(fields: &mut Fields, names: Names<'_>) -> Result<Content, Misfit> {
    let question = take_text(fields, QUESTION)?;
    let context = take_about(fields, &question)?;
    let name = find(fields, names).unwrap_or_default();
    let mark = take(fields, names)?;
    let mut options = listed(take(fields, ANSWERS)?, "answers")?;
    options.count_as_named(&name, None, &mark);
    let answer = options.resolve_all_surely(mark)?;
    Ok(options.asked(context, &question, answer))
}

/// The right one of several answers as a field beside them says, `None` where there is no such field
/// or it says yes to all of them. Beside a list called `answers` a label may be that field.
///
/// # Errors
/// When the field says no, or names none of them.
pub(super) fn right_one(
    fields: &Fields,
    answers: &Value,
    name: &str,
) -> Result<Option<String>, Misfit> {
    let by_label = || {
        let list = answers.as_array()?;
        let are_answers = ANSWERS.iter().any(|known| is_same(known, name));
        are_answers.then(|| labelled(fields, list))?
    };
    let Some(key) = find(fields, CORRECT).or_else(by_label) else {
        return Ok(None);
    };
    let mark = &fields[&key];
    let is_word = mark.is_boolean() || is_word(mark);
    if mark.is_null() || is_word && is_yes(mark) {
        return Ok(None);
    }
    if is_word && is_no(mark) {
        return Err(Misfit::named(
            "undesired_answer",
            format!(
                "the field `{key}` is {mark}: the answer is a wrong one, and it would be learned"
            ),
        ));
    }
    let unclear = |why: &str| {
        Misfit::named(
            "no_correct_answer",
            format!(
                "the field `{key}` is {mark} and leads to none of the answers beside it: {why}"
            ),
        )
    };
    let mut options = listed(answers.clone(), "answers").map_err(|misfit| unclear(&misfit.why))?;
    options.count_as_named(&key, None, mark);
    let named = options.resolve_all_surely(mark.clone());
    named.map(Some).map_err(|misfit| unclear(&misfit.why))
}

/// Whether a mark is a word for yes or no, and no number that may be a place.
fn is_word(mark: &Value) -> bool {
    mark.as_str()
        .is_some_and(|text| text.trim().parse::<f64>().is_err() && (is_yes(mark) || is_no(mark)))
}
