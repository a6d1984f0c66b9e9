//! Passages with several questions each: `SQuAD`, `CoQA`, RACE and their like.

use super::choice::take_multiple_choice;
use super::fields::{find, has, take, take_text, type_name, value_of};
use super::known::Names;
use super::names::{
    ANSWER, ANSWERS, OPTIONS, PASSAGE, PASSAGES, QUESTION, QUESTION_ITEMS, QUESTIONS,
};
use super::pairs::{take_context_question, take_question};
use super::{Fields, Item, Items, Misfit};
use crate::document::Content;
use crate::ingest::json;
use serde_json::Value;

/// Passages in a list, as `SQuAD` has them.
pub(super) fn take_squad(fields: &mut Fields) -> Items {
    let key = find(fields, PASSAGES).unwrap_or_default();
    let Value::Array(passages) = take(fields, PASSAGES)? else {
        return Err(Misfit::wrong(format!("the field `{key}` is no list")));
    };
    let mut items = Vec::new();
    for (i, passage) in passages.into_iter().enumerate() {
        let place = format!("{key}[{i}]");
        let raw = json::text(&passage);
        let taken = match passage {
            Value::Object(mut passage) => {
                take_questions(&mut passage, &format!("{place}.")).map(|own| {
                    // What the passage says beside its questions belongs to each of them.
                    own.into_iter()
                        .map(|item| with_fields(item, &passage))
                        .collect::<Vec<_>>()
                })
            }
            other => Err(Misfit::wrong(format!(
                "it is {}, expected an object",
                type_name(&other)
            ))),
        };
        match taken {
            Ok(own) => items.extend(own),
            Err(misfit) => items.push(Err(misfit.at(&place).of_text(raw))),
        }
    }
    Ok(items)
}

fn with_fields(item: Result<Item, Misfit>, fields: &Fields) -> Result<Item, Misfit> {
    let item = item?;
    let mut all = fields.clone();
    all.extend(item.fields);
    Ok(Item {
        content: item.content,
        fields: all,
    })
}

/// One passage with its questions.
pub(super) fn take_passage(fields: &mut Fields) -> Items {
    take_questions(fields, "")
}

/// One passage with its questions in a list whose name does not say so.
pub(super) fn take_passage_items(fields: &mut Fields) -> Items {
    let items = take(fields, QUESTION_ITEMS)?;
    fields.insert(QUESTIONS[0].to_owned(), items);
    take_questions(fields, "")
}

/// Whether a text is the passage of questions in a list beside it, none of which has one of its own.
pub(super) fn has_question_items(fields: &Fields) -> bool {
    let items = value_of(fields, QUESTION_ITEMS).and_then(Value::as_array);
    let first = items.and_then(|items| items.first()?.as_object());
    has_passage(fields) && first.is_some_and(asks_about_passage)
}

/// Whether lists of this name may hold the questions of a passage beside them, though their name does
/// not say so.
pub fn holds_questions(name: &str) -> bool {
    QUESTION_ITEMS.has(name)
}

/// Whether a list of this name holds questions by its name.
pub fn names_questions(name: &str) -> bool {
    QUESTIONS.has(name)
}

/// Whether a text among `fields` may be the passage of questions beside it.
pub fn has_passage(fields: &Fields) -> bool {
    value_of(fields, PASSAGE).is_some_and(Value::is_string)
}

/// Whether an object is a question with its answer and without a passage of its own.
pub fn asks_about_passage(question: &Fields) -> bool {
    let has = |names| has(question, names);
    has(QUESTION) && (has(ANSWER) || has(ANSWERS)) && !has(PASSAGE)
}

/// The questions of a passage: objects with their answers, or lists of questions, answers and options
/// side by side. A question that does not fit costs itself.
fn take_questions(passage: &mut Fields, place: &str) -> Items {
    let context = take_text(passage, PASSAGE)?;
    let key = find(passage, QUESTIONS).unwrap_or_else(|| QUESTIONS[0].to_owned());
    let Value::Array(questions) = take(passage, QUESTIONS)? else {
        return Err(Misfit::wrong(format!("the field `{key}` is no list")));
    };
    if questions.is_empty() {
        return Err(Misfit::named(
            "no_question",
            format!("the field `{key}` is empty: the passage has no question"),
        ));
    }
    let length = questions.len();
    let own_answers = questions.iter().all(|question| {
        question
            .as_object()
            .is_some_and(|own| has(own, ANSWERS) || has(own, ANSWER))
    });
    let mut answers = if own_answers {
        None
    } else {
        side_by_side(passage, Names::of(&[ANSWERS[0], ANSWER[0]]), length)?
    };
    let mut options = if own_answers {
        None
    } else {
        side_by_side(passage, OPTIONS, length)?
    };
    let next = |list: &mut Option<std::vec::IntoIter<Value>>| list.as_mut()?.next();
    let items = questions.into_iter().enumerate().map(|(j, question)| {
        let raw = json::text(&question);
        let mut own = match question {
            Value::Object(own) => own,
            text => Fields::from_iter([(QUESTION[0].to_owned(), text)]),
        };
        if let Some(text) = own.shift_remove("input_text") {
            own.insert(QUESTION[0].to_owned(), text);
        }
        if let Some(answer) = next(&mut answers) {
            own.insert(ANSWER[0].to_owned(), answer);
        }
        if let Some(options) = next(&mut options) {
            own.insert(OPTIONS[0].to_owned(), options);
        }
        own.insert("context".to_owned(), context.clone().into());
        match take_one(&mut own) {
            Ok(content) => Ok(Item {
                content,
                fields: own,
            }),
            Err(misfit) => Err(misfit.at(&format!("{place}{key}[{j}]")).of_text(raw)),
        }
    });
    Ok(items.collect())
}

/// A list of as many values as there are questions, `None` where there is none.
fn side_by_side(
    passage: &mut Fields,
    names: Names<'_>,
    length: usize,
) -> Result<Option<std::vec::IntoIter<Value>>, Misfit> {
    if !has(passage, names) {
        return Ok(None);
    }
    let list = match take(passage, names)? {
        Value::Array(list) => list,
        // {"input_text": […], "answer_start": […]}, as on the hub.
        Value::Object(mut lists) => {
            match lists.remove("input_text").or_else(|| lists.remove("text")) {
                Some(Value::Array(list)) => list,
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    if list.len() != length {
        return Err(Misfit::wrong(format!(
            "the field `{}` has {} values for {length} questions",
            names[0],
            list.len()
        )));
    }
    Ok(Some(list.into_iter()))
}

fn take_one(own: &mut Fields) -> Result<Content, Misfit> {
    if has(own, OPTIONS) && has(own, ANSWER) {
        take_multiple_choice(own)
    } else if has(own, ANSWERS) {
        take_context_question(own)
    } else if has(own, ANSWER) {
        take_question(own)
    } else {
        Err(Misfit::no_answer("the question has no answer".to_owned()))
    }
}
