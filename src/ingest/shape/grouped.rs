//! Records around others: a topic with the list of its questions, a row of the Hugging Face viewer.

use super::fields::{find, has, take, type_name, value_of};
use super::known::Names;
use super::names::{QUESTION, QUESTION_ITEMS, QUESTIONS, ROW};
use super::{Fields, Item, Items, Misfit, Shape};
use serde_json::Value;

/// The list of questions, each of which is a record by itself, and its first one.
fn questions(fields: &Fields) -> Option<String> {
    let mut keys = [QUESTIONS, QUESTION_ITEMS]
        .into_iter()
        .filter_map(|names| find(fields, names));
    keys.find(|key| {
        let list = fields[key].as_array();
        let first = list.and_then(|list| list.first()?.as_object());
        first.is_some_and(|first| has(first, QUESTION) && Shape::of(first).is_some())
    })
}

pub(super) fn has_questions(fields: &Fields) -> bool {
    questions(fields).is_some()
}

/// The questions of a topic. One that does not fit costs itself.
pub(super) fn take_grouped(fields: &mut Fields) -> Items {
    let key = questions(fields)
        .ok_or_else(|| Misfit::wrong("no field is a list of questions".to_owned()))?;
    let Value::Array(list) = take(fields, Names::of(&[key.as_str()]))? else {
        return Err(Misfit::wrong(format!("the field `{key}` is no list")));
    };
    let mut items = Vec::new();
    for (i, question) in list.into_iter().enumerate() {
        let raw = question.clone();
        match of_question(question) {
            Ok(own) => items.extend(own),
            Err(misfit) => items.push(Err(misfit.at(&format!("{key}[{i}]")).of(&raw))),
        }
    }
    Ok(items)
}

fn of_question(question: Value) -> Items {
    let Value::Object(own) = question else {
        return Err(Misfit::wrong(format!(
            "it is {}, expected an object",
            type_name(&question)
        )));
    };
    match Shape::of(&own) {
        Some(shape) => take_whole(shape, own),
        None if has(&own, QUESTION) => {
            Err(Misfit::no_answer("the question has no answer".to_owned()))
        }
        None => Err(Misfit::wrong("it has no known shape".to_owned())),
    }
}

/// The items of a record, with what it says beside them.
fn take_whole(shape: &Shape, mut own: Fields) -> Items {
    let items = shape.take(&mut own)?;
    let with_own = |item: Result<Item, Misfit>| {
        let item = item?;
        let mut fields = own.clone();
        fields.extend(item.fields);
        Ok(Item {
            content: item.content,
            fields,
        })
    };
    Ok(items.into_iter().map(with_own).collect())
}

pub(super) fn has_row(fields: &Fields) -> bool {
    let row = value_of(fields, ROW).and_then(Value::as_object);
    row.is_some_and(|row| Shape::of(row).is_some())
}

/// The record in a row of the viewer.
pub(super) fn take_row(fields: &mut Fields) -> Items {
    match take(fields, ROW)? {
        Value::Object(row) => match Shape::of(&row) {
            Some(shape) => take_whole(shape, row),
            None => Err(Misfit::wrong(
                "the field `row` has no known shape".to_owned(),
            )),
        },
        other => Err(Misfit::wrong(format!(
            "the field `row` is {}, expected an object",
            type_name(&other)
        ))),
    }
}
