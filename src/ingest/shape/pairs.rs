//! One question, one answer: pairs, alpaca, a question about a passage.

use super::answers::{answer_texts, is_no, nothing_said, take_answer, take_best};
use super::fields::{as_answer, find, has, take, take_text, value_of};
use super::known::{Names, entry};
use super::messages::{broken, is_broken, is_messages, messages_in, take_turns};
use super::names::{
    ABOUT, ANSWER, ANSWERS, BODY, CONTEXT, HISTORY, IDEAL, INPUT, INSTANCES, INSTRUCTION,
    IS_CORRECT, LABEL, OUTPUT, QUESTION, QUESTIONS_COLUMN, SOLUTION, SYSTEM, TITLE,
};
use super::passage_text::take_passage;
use super::transcript::prompt_turns;
use super::written::{looks_structured, structure_of};
use super::{Fields, Item, Items, Misfit};
use crate::document::{Content, Message};
use serde_json::Value;

pub(super) fn take_pair(
    fields: &mut Fields,
    question: Names<'_>,
    answer: Names<'_>,
) -> Result<Content, Misfit> {
    let mut messages = take_system(fields)?;
    messages.extend(take_history(fields)?);
    let asked = take_text(fields, question)?;
    if let (Some(turns), None) = (prompt_turns(&asked), find(fields, CONTEXT)) {
        messages.extend(turns);
        messages.push(Message::new("assistant", take_answer(fields, answer)?));
        return Ok(Content::Chat(messages));
    }
    let question = with_context(take_context(fields)?, asked);
    let question = with_input(fields, question)?;
    messages.push(Message::new("user", question));
    messages.push(Message::new("assistant", take_answer(fields, answer)?));
    Ok(Content::Chat(messages))
}

/// A question, what it is about, and its answer. Of a solution and an answer the longer is the answer,
/// because the other is its result alone; that stays in `meta`.
pub(super) fn take_question(fields: &mut Fields) -> Result<Content, Misfit> {
    check_label(fields)?;
    let mut messages = take_system(fields)?;
    messages.extend(take_history(fields)?);
    let question = take_text(fields, QUESTION)?;
    let question = with_context(take_about(fields, &question)?, question);
    let question = with_input(fields, question)?;
    messages.push(Message::new("user", question));
    let length = |names: Names<'_>| {
        let texts = answer_texts(value_of(fields, names)?);
        Some(texts.first()?.trim().len())
    };
    let names = if has(fields, SOLUTION) && length(SOLUTION) > length(ANSWER) {
        SOLUTION
    } else {
        ANSWER
    };
    messages.push(Message::new("assistant", take_answer(fields, names)?));
    Ok(Content::Chat(messages))
}

/// A question of a forum with its title, and the answer that was accepted, else the best by its score,
/// else the first. A question that nobody answered is a text.
pub(super) fn take_forum(fields: &mut Fields) -> Result<Content, Misfit> {
    let (title, body) = (take_text(fields, TITLE)?, take_text(fields, BODY)?);
    let asked = with_context(Some(title), body);
    let Some(text) = take_best(fields, ANSWERS)? else {
        return Ok(Content::Text(asked));
    };
    Ok(Content::Chat(vec![
        Message::new("user", asked),
        Message::new("assistant", text),
    ]))
}

/// Refuses an answer beside which a field says that it is not right.
///
/// # Errors
/// When it does; a 0 does where the name asks for yes or no, else it may be a place.
fn check_correct(fields: &Fields) -> Result<(), Misfit> {
    if !has(fields, IS_CORRECT) {
        return Ok(());
    }
    let says_no = |name: &&&str| {
        find(fields, Names::of(&[**name])).filter(|key| {
            let mark = &fields[key];
            let is_number = mark.is_number()
                || mark
                    .as_str()
                    .is_some_and(|text| text.trim().parse::<f64>().is_ok());
            is_no(mark) && (!is_number || name.starts_with("is_"))
        })
    };
    match IS_CORRECT.iter().find_map(|name| says_no(&name)) {
        Some(key) => Err(Misfit::named(
            "undesired_answer",
            format!(
                "the field `{key}` is {}: the answer is a wrong one, and it would be learned; where the field means something else, --map question=FIELD,answer=FIELD passes it by",
                fields[&key]
            ),
        )),
        None => Ok(()),
    }
}

/// Refuses an answer that its label calls a bad one: as an answer it would be learned.
///
/// # Errors
/// When the field `label` says no.
pub(super) fn check_label(fields: &Fields) -> Result<(), Misfit> {
    check_correct(fields)?;
    let Some(key) = find(fields, LABEL).filter(|key| is_no(&fields[key])) else {
        return Ok(());
    };
    Err(Misfit::named(
        "undesired_answer",
        format!(
            "the field `{key}` is {}: the answer is an example of a bad one, and it would be learned; where the field means something else, --map question=FIELD,answer=FIELD passes it by",
            fields[&key]
        ),
    ))
}

/// A question and an answer under names of several, as columns of tables are called; a cell may hold a
/// list of answers.
pub(super) fn take_column_pair(fields: &mut Fields) -> Result<Content, Misfit> {
    let key = find(fields, QUESTIONS_COLUMN).unwrap_or_default();
    let question = take_text(fields, QUESTIONS_COLUMN)?;
    fields.insert(QUESTION[0].to_owned(), question.into());
    if value_of(fields, ANSWER).is_some_and(|value| !value.is_null()) {
        return take_question(fields);
    }
    check_label(fields)?;
    let answers = find(fields, ANSWERS).unwrap_or_default();
    let content = take_context_question(fields).map_err(|misfit| misfit.at(&key))?;
    // One answer leaves nothing beside it.
    let is_learned =
        |said: &Message| fields.get(&answers).and_then(Value::as_str) == Some(&said.content);
    if let Content::Chat(turns) = &content
        && turns.last().is_some_and(is_learned)
    {
        fields.shift_remove(&answers);
    }
    Ok(content)
}

/// What the user says and what is to follow, as texts or as lists of messages.
pub(super) fn take_completion(
    fields: &mut Fields,
    prompt: Names<'_>,
    completion: Names<'_>,
) -> Result<Content, Misfit> {
    check_label(fields)?;
    for names in [prompt, completion] {
        if let Some((key, Value::String(text))) = entry(fields, names)
            && is_broken(text)
        {
            return Err(broken(key));
        }
    }
    let is_list = |names: Names<'_>| {
        value_of(fields, names).is_some_and(|value| match value {
            Value::Array(_) => true,
            Value::String(text) => messages_in(text).is_some(),
            _ => false,
        })
    };
    let is_list = is_list(prompt);
    if !is_list && is_messages_list(fields, completion) {
        let mut messages = take_system(fields)?;
        messages.extend(take_history(fields)?);
        let question = with_context(take_context(fields)?, take_text(fields, prompt)?);
        messages.push(Message::new("user", with_input(fields, question)?));
        messages.extend(take_turns(fields, completion, "assistant")?);
        return Ok(Content::Chat(messages));
    }
    if !is_list {
        return take_pair(fields, prompt, completion);
    }
    let mut messages = take_system(fields)?;
    messages.extend(take_turns(fields, prompt, "user")?);
    messages.extend(take_turns(fields, completion, "assistant")?);
    Ok(Content::Chat(messages))
}

/// Whether a field is a list of messages, or a text that is written as one.
fn is_messages_list(fields: &Fields, names: Names<'_>) -> bool {
    value_of(fields, names).is_some_and(|value| match value {
        Value::Array(list) => is_messages(list),
        Value::String(text) => messages_in(text).is_some(),
        _ => false,
    })
}

/// The passage that a question is about, if there is one: a text, or a list of texts.
pub(super) fn take_context(fields: &mut Fields) -> Result<Option<String>, Misfit> {
    match value_of(fields, CONTEXT) {
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(_)) => take_text(fields, CONTEXT).map(Some),
        _ => Ok(take_passage(fields, CONTEXT, |_| true)),
    }
}

/// The passage that a question is about, also under a name that may mean something else: a text that
/// has the question in it is the record once more, written as a prompt.
pub(super) fn take_about(fields: &mut Fields, question: &str) -> Result<Option<String>, Misfit> {
    if let Some(context) = take_context(fields)? {
        return Ok(Some(context));
    }
    let is_other = |text: &str| !text.contains(question.trim());
    Ok(take_passage(fields, ABOUT, is_other))
}

pub(super) fn with_context(context: Option<String>, question: String) -> String {
    match context {
        Some(context) => format!("{}\n\n{question}", context.trim()),
        None => question,
    }
}

/// A system prompt beside a question, if there is one.
pub(super) fn take_system(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    match value_of(fields, SYSTEM) {
        Some(Value::String(text)) if !text.trim().is_empty() => {
            let text = take_text(fields, SYSTEM)?;
            Ok(vec![Message::new("system", text)])
        }
        _ => Ok(Vec::new()),
    }
}

pub(super) fn take_alpaca(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_system(fields)?;
    messages.extend(take_instruction(fields)?);
    messages.push(Message::new("assistant", take_answer(fields, OUTPUT)?));
    Ok(Content::Chat(messages))
}

/// What was said before an instruction, and the instruction with its context and its input.
pub(super) fn take_instruction(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    let mut messages = take_history(fields)?;
    let mut user = take_text(fields, INSTRUCTION)?;
    // Dolly calls what the instruction is about its context.
    if let Some(context) = take_context(fields)? {
        user = format!("{}\n\n{}", user.trim_end(), context.trim());
    }
    if has(fields, INPUT) {
        user = with_text(user, &take_input(fields)?);
    }
    messages.push(Message::new("user", user));
    Ok(messages)
}

/// What a question is about, behind it, unless the question has it already or it has the question.
pub(super) fn with_input(fields: &mut Fields, question: String) -> Result<String, Misfit> {
    let Some(input) = value_of(fields, INPUT) else {
        return Ok(question);
    };
    // Of another kind it is a note of the user's.
    let text = match input {
        Value::Array(_) | Value::Object(_) => return Ok(question),
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    if text.is_empty() || input.is_null() {
        take(fields, INPUT)?;
        return Ok(question);
    }
    if question.contains(&text) || text.contains(question.trim()) {
        return Ok(question);
    }
    Ok(with_text(question, &take_input(fields)?))
}

/// The input of an instruction, empty where it is null.
fn take_input(fields: &mut Fields) -> Result<String, Misfit> {
    match take(fields, INPUT)? {
        Value::Null => Ok(String::new()),
        input => as_answer(input, INPUT[0]),
    }
}

fn with_text(question: String, input: &str) -> String {
    if input.trim().is_empty() {
        return question;
    }
    format!("{}\n\n{input}", question.trim_end())
}

/// One exchange of a history: `[asked, said]`, or an object with a question and its answer. Where one
/// of both is null, or nothing was asked, it is the other alone; but not an answer behind other pairs.
fn exchange((place, pair): (usize, &Value)) -> Option<Vec<Message>> {
    let own = |own: &Fields, names| value_of(own, names).cloned();
    let [asked, said] = match pair {
        Value::Array(pair) => <[Value; 2]>::try_from(pair.clone()).ok()?,
        Value::Object(pair) => [own(pair, QUESTION)?, own(pair, ANSWER)?],
        _ => return None,
    };
    let mut turns = Vec::new();
    for (role, text) in [("user", asked), ("assistant", said)] {
        match text {
            Value::Null if place > 0 && role == "user" => return None,
            Value::Null => {}
            Value::String(text) => turns.push(Message::new(role, text)),
            _ => return None,
        }
    }
    if place == 0
        && let [asked, said] = turns.as_slice()
        && asked.content.trim().is_empty()
        && !said.content.trim().is_empty()
    {
        turns.remove(0);
    }
    Some(turns)
}

/// The turns before a question or an instruction: pairs of what was asked and answered. One that ends with
/// the question itself has it once.
pub(super) fn take_history(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    let (mut turns, is_left_open) = history(fields)?;
    if let Some(last) = turns.last().filter(|last| last.role == "user") {
        let last = last.content.trim();
        let mut asked = fields.values().filter_map(Value::as_str);
        if asked.any(|asked| asked.trim() == last) {
            turns.pop();
        } else if !is_left_open {
            return Err(Misfit::wrong(
                "the history ends with what the user says, and that is not what is asked now; leave it out, or give its answer".to_owned(),
            ));
        }
    }
    Ok(turns)
}

/// The turns, and whether the last pair says that its question had no answer.
fn history(fields: &mut Fields) -> Result<(Vec<Message>, bool), Misfit> {
    let Some(key) = find(fields, HISTORY) else {
        return Ok((Vec::new(), false));
    };
    // Columns of CSV hold lists as they are written.
    if let Value::String(text) = &fields[&key] {
        match structure_of(text) {
            Some(history) => {
                fields.insert(key.clone(), history);
            }
            None if looks_structured(text) || text.trim_start().starts_with("[[") => {
                return Err(Misfit::wrong(format!(
                    "the field `{key}` begins as a list and cannot be read as one, in JSON or as Python prints it"
                )));
            }
            None => {}
        }
    }
    // Of another kind it is a note of the user's.
    let Value::Array(pairs) = &fields[&key] else {
        return Ok((Vec::new(), false));
    };
    let turns: Option<Vec<_>> = pairs.iter().enumerate().map(exchange).collect();
    let Some(turns) = turns else {
        let unclear = |why: &str| {
            Misfit::wrong(format!(
                "the field `{key}` is no list of pairs [question, answer] nor of turns{why}; where it is no conversation before the question, --map question=FIELD,answer=FIELD passes it by"
            ))
        };
        if !pairs.iter().all(Value::is_object) {
            return Err(unclear(""));
        }
        return take_turns(fields, Names::of(&[key.as_str()]), "user")
            .map(|turns| (turns, false))
            .map_err(|misfit| unclear(&format!(": {}", misfit.why)));
    };
    fields.shift_remove(&key);
    let turns: Vec<Message> = turns.into_iter().flatten().collect();
    // A pair that ends with the user has no answer.
    let is_left_open = turns.last().is_some_and(|last| last.role == "user");
    Ok((turns, is_left_open))
}

pub(super) fn take_context_question(fields: &mut Fields) -> Result<Content, Misfit> {
    check_correct(fields)?;
    let mut messages = take_history(fields)?;
    let question = take_text(fields, QUESTION)?;
    let question = with_context(take_about(fields, &question)?, question);
    let answer = take_best(fields, ANSWERS)?.ok_or_else(|| nothing_said(ANSWERS[0]))?;
    messages.push(Message::new("user", question));
    messages.push(Message::new("assistant", answer));
    Ok(Content::Chat(messages))
}

pub(super) fn take_instances(fields: &mut Fields) -> Items {
    let instruction = take(fields, INSTRUCTION)?;
    let Value::Array(instances) = take(fields, INSTANCES)? else {
        return Err(Misfit::wrong("the field `instances` is no list".to_owned()));
    };
    let items = instances.into_iter().enumerate().map(|(i, instance)| {
        let place = format!("instances[{i}]");
        let Value::Object(mut own) = instance else {
            let misfit = Misfit::wrong(format!("{place} is no object"));
            return Err(misfit.of(&instance));
        };
        let raw = own.clone();
        own.insert("instruction".to_owned(), instruction.clone());
        match take_alpaca(&mut own) {
            Ok(content) => Ok(Item {
                content,
                fields: own,
            }),
            Err(misfit) => Err(misfit.at(&place).of(&Value::Object(raw))),
        }
    });
    Ok(items.collect())
}

pub(super) fn take_ideal(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_turns(fields, INPUT, "user")?;
    let key = find(fields, IDEAL).unwrap_or_default();
    let ideal = match take(fields, IDEAL)? {
        Value::Array(list) => {
            let first = list.first().cloned().ok_or_else(|| {
                Misfit::no_answer("the field `ideal` is an empty list".to_owned())
            })?;
            // Other answers that are right, too, are the user's.
            if list.len() > 1 {
                fields.insert(key, Value::Array(list));
            }
            first
        }
        other => other,
    };
    messages.push(Message::new("assistant", as_answer(ideal, "ideal")?));
    Ok(Content::Chat(messages))
}
