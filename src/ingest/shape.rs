//! Shapes of structured records: one table that detection, `--shape` and the help read.
//!
//! A shape takes the fields that it understands out of the record; what is left goes to `meta`.
//! Field names match in any case, in English and Russian.

use crate::document::{Content, Message};
use serde_json::{Map, Value};

/// A record as JSON fields.
pub type Fields = Map<String, Value>;

/// Why a record does not fit a shape: which field, what was expected and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit(pub String);

/// One row of [`SHAPES`].
pub struct Shape {
    /// Name for `--shape` and reports.
    pub name: &'static str,
    /// What a record of it looks like.
    pub example: &'static str,
    /// The fields by which it is recognised: one of each group must be there.
    requires: &'static [&'static [&'static str]],
    take: fn(&mut Fields) -> Result<Content, Misfit>,
}

const MESSAGES: &[&str] = &["messages"];
const CONVERSATIONS: &[&str] = &["conversations", "conversation"];
const PROMPT: &[&str] = &["prompt"];
const CHOSEN: &[&str] = &["chosen"];
const REJECTED: &[&str] = &["rejected"];
const INSTRUCTION: &[&str] = &["instruction", "инструкция"];
const INPUT: &[&str] = &["input", "ввод"];
const OUTPUT: &[&str] = &["output", "response", "вывод", "ответ"];
const QUESTION: &[&str] = &["question", "query", "вопрос"];
const ANSWER: &[&str] = &["answer", "response", "ответ"];
const COMPLETION: &[&str] = &["completion"];
const SYSTEM: &[&str] = &["system", "system_prompt"];
const TEXT: &[&str] = &[
    "text",
    "content",
    "body",
    "document",
    "raw_content",
    "текст",
];

/// All shapes, in the order in which a record is compared with them.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "preference",
        example: r#"{"prompt": "…", "chosen": "…", "rejected": "…"} (text or lists of messages)"#,
        requires: &[CHOSEN, REJECTED],
        take: take_preference,
    },
    Shape {
        name: "messages",
        example: r#"{"messages": [{"role": "user", "content": "…"}, …]}"#,
        requires: &[MESSAGES],
        take: |fields| Ok(Content::Chat(take_messages(fields, MESSAGES)?)),
    },
    Shape {
        name: "sharegpt",
        example: r#"{"conversations": [{"from": "human", "value": "…"}, …]}"#,
        requires: &[CONVERSATIONS],
        take: |fields| Ok(Content::Chat(take_messages(fields, CONVERSATIONS)?)),
    },
    Shape {
        name: "alpaca",
        example: r#"{"instruction": "…", "input": "…", "output": "…"}"#,
        requires: &[INSTRUCTION, OUTPUT],
        take: take_alpaca,
    },
    Shape {
        name: "question_answer",
        example: r#"{"question": "…", "answer": "…"}"#,
        requires: &[QUESTION, ANSWER],
        take: |fields| take_pair(fields, QUESTION, ANSWER),
    },
    Shape {
        name: "prompt_completion",
        example: r#"{"prompt": "…", "completion": "…"}"#,
        requires: &[PROMPT, COMPLETION],
        take: |fields| take_pair(fields, PROMPT, COMPLETION),
    },
    Shape {
        name: "text",
        example: r#"{"text": "…"}"#,
        requires: &[TEXT],
        take: |fields| Ok(Content::Text(take_text(fields, TEXT)?)),
    },
];

impl Shape {
    /// The shape of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SHAPES.iter().find(|shape| shape.name == name)
    }

    /// The first shape whose fields are all there.
    #[must_use]
    pub fn of(fields: &Fields) -> Option<&'static Self> {
        SHAPES.iter().find(|shape| {
            shape
                .requires
                .iter()
                .all(|group| find(fields, group).is_some())
        })
    }

    /// Takes this shape's fields out of `fields`.
    ///
    /// # Errors
    /// Names the field that is missing or of the wrong type.
    pub fn take(&self, fields: &mut Fields) -> Result<Content, Misfit> {
        (self.take)(fields)
    }
}

/// What a record without a known shape is told.
#[must_use]
pub fn unknown(fields: &Fields) -> String {
    let found: Vec<&str> = fields.keys().map(String::as_str).take(12).collect();
    let known: Vec<&str> = SHAPES.iter().map(|shape| shape.name).collect();
    format!(
        "no known shape: the fields are [{}], known shapes are {}; --shape forces one",
        found.join(", "),
        known.join(", ")
    )
}

/// The key in `fields` that is one of `names`, the earlier name first.
fn find(fields: &Fields, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        if fields.contains_key(*name) {
            return Some((*name).to_owned());
        }
        fields
            .keys()
            .find(|key| key.trim().to_lowercase() == *name)
            .cloned()
    })
}

fn take(fields: &mut Fields, names: &[&str]) -> Result<Value, Misfit> {
    let key = find(fields, names)
        .ok_or_else(|| Misfit(format!("the field `{}` is missing", names[0])))?;
    // `shift_remove` keeps the order of what is left for `meta`.
    Ok(fields.shift_remove(&key).unwrap_or_default())
}

fn take_text(fields: &mut Fields, names: &[&str]) -> Result<String, Misfit> {
    let name = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    as_text(take(fields, names)?, &name)
}

/// Text as it is; a number or truth value as it is written (answers such as 42).
fn as_text(value: Value, name: &str) -> Result<String, Misfit> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Misfit(format!(
            "the field `{name}` is {}, expected text",
            type_name(&other)
        ))),
    }
}

/// As [`as_text`], but answers may be numbers or truth values.
fn as_answer(value: Value, name: &str) -> Result<String, Misfit> {
    match value {
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        other => as_text(other, name),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn take_pair(fields: &mut Fields, question: &[&str], answer: &[&str]) -> Result<Content, Misfit> {
    let mut messages = take_system(fields)?;
    messages.push(Message::new("user", take_text(fields, question)?));
    messages.push(Message::new(
        "assistant",
        as_answer(take(fields, answer)?, answer[0])?,
    ));
    Ok(Content::Chat(messages))
}

/// A system prompt beside a question, if there is one.
fn take_system(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    match find(fields, SYSTEM).map(|key| fields[&key].clone()) {
        Some(Value::String(text)) if !text.trim().is_empty() => {
            take(fields, SYSTEM)?;
            Ok(vec![Message::new("system", text)])
        }
        _ => Ok(Vec::new()),
    }
}

fn take_alpaca(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_system(fields)?;
    let mut user = take_text(fields, INSTRUCTION)?;
    if find(fields, INPUT).is_some() {
        match take(fields, INPUT)? {
            Value::Null => {}
            input => {
                let input = as_answer(input, "input")?;
                if !input.trim().is_empty() {
                    user = format!("{}\n\n{input}", user.trim_end());
                }
            }
        }
    }
    messages.push(Message::new("user", user));
    messages.push(Message::new(
        "assistant",
        as_answer(take(fields, OUTPUT)?, "output")?,
    ));
    Ok(Content::Chat(messages))
}

/// Names of roles in the wild, and ours.
const ROLES: &[(&str, &[&str])] = &[
    ("system", &["system", "developer"]),
    ("user", &["user", "human", "prompter", "customer"]),
    (
        "assistant",
        &["assistant", "gpt", "bot", "model", "chatgpt", "ai"],
    ),
    ("tool", &["tool", "function", "observation"]),
];

fn take_messages(fields: &mut Fields, names: &[&str]) -> Result<Vec<Message>, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    let list = take(fields, names)?;
    let (messages, leftover) = as_messages(list.clone(), &key)?;
    if leftover {
        // Weights, names and the like of single turns are the user's: the list is kept as it was.
        fields.insert(key, list);
    }
    Ok(messages)
}

/// Messages of a list, and whether it says more than roles and contents.
fn as_messages(list: Value, name: &str) -> Result<(Vec<Message>, bool), Misfit> {
    let Value::Array(turns) = list else {
        return Err(Misfit(format!(
            "the field `{name}` is {}, expected a list of messages",
            type_name(&list)
        )));
    };
    let mut leftover = false;
    let messages = turns
        .into_iter()
        .enumerate()
        .map(|(i, turn)| {
            let place = format!("{name}[{i}]");
            let Value::Object(mut turn) = turn else {
                return Err(Misfit(format!(
                    "{place} is {}, expected an object with role and content",
                    type_name(&turn)
                )));
            };
            let role = take_text(&mut turn, &["role", "from"])
                .map_err(|Misfit(why)| Misfit(format!("{place}: {why}")))?;
            let content = take_text(&mut turn, &["content", "value", "text"])
                .map_err(|Misfit(why)| Misfit(format!("{place}: {why}")))?;
            leftover |= !turn.is_empty();
            let lower = role.trim().to_lowercase();
            let known = ROLES
                .iter()
                .find(|(_, names)| names.contains(&lower.as_str()))
                .ok_or_else(|| {
                    Misfit(format!(
                        "{place}: unknown role `{role}`, expected system, user, assistant or tool"
                    ))
                })?;
            Ok(Message::new(known.0, content))
        })
        .collect::<Result<_, _>>()?;
    Ok((messages, leftover))
}

fn take_preference(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_system(fields)?;
    if let Some(key) = find(fields, PROMPT)
        .or_else(|| find(fields, QUESTION))
        .or_else(|| find(fields, INSTRUCTION))
    {
        messages.extend(take_turns(fields, &[key.as_str()], "user")?);
    }
    let mut chosen = take_turns(fields, CHOSEN, "assistant")?;
    let mut rejected = take_turns(fields, REJECTED, "assistant")?;
    // Some sets repeat the whole conversation in both answers: what they share is the prompt.
    if messages.is_empty() {
        let shared = chosen
            .iter()
            .zip(&rejected)
            .take_while(|(a, b)| a == b && a.role != "assistant")
            .count();
        messages.extend(chosen.drain(..shared));
        rejected.drain(..shared);
    } else if chosen.starts_with(&messages) && rejected.starts_with(&messages) {
        chosen.drain(..messages.len());
        rejected.drain(..messages.len());
    }
    messages.extend(chosen);
    Ok(Content::Preference { messages, rejected })
}

/// A field that is text (one turn of `role`) or a list of messages.
fn take_turns(fields: &mut Fields, names: &[&str], role: &str) -> Result<Vec<Message>, Misfit> {
    match take(fields, names)? {
        Value::Array(list) => Ok(as_messages(Value::Array(list), names[0])?.0),
        other => Ok(vec![Message::new(role, as_answer(other, names[0])?)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (&'static str, Result<Content, Misfit>, String) {
        let mut fields: Fields = serde_json::from_str(json).expect("valid JSON");
        let shape = Shape::of(&fields).expect("a known shape");
        let content = shape.take(&mut fields);
        (
            shape.name,
            content,
            serde_json::to_string(&fields).expect("serializes"),
        )
    }

    fn chat(turns: &[(&str, &str)]) -> Content {
        Content::Chat(
            turns
                .iter()
                .map(|(role, content)| Message::new(*role, *content))
                .collect(),
        )
    }

    #[test]
    fn every_shape_is_recognised_and_keeps_what_it_does_not_know() {
        let two = chat(&[("user", "q"), ("assistant", "a")]);
        for (json, name, content, meta) in [
            (
                r#"{"id":7,"question":"q","answer":"a"}"#,
                "question_answer",
                two.clone(),
                r#"{"id":7}"#,
            ),
            (
                r#"{"Вопрос":"q","Ответ":"a"}"#,
                "question_answer",
                two.clone(),
                "{}",
            ),
            (
                r#"{"question":"q","answer":42}"#,
                "question_answer",
                chat(&[("user", "q"), ("assistant", "42")]),
                "{}",
            ),
            (
                r#"{"instruction":"q","input":"","output":"a"}"#,
                "alpaca",
                two.clone(),
                "{}",
            ),
            (
                r#"{"instruction":"q","input":"x","response":"a"}"#,
                "alpaca",
                chat(&[("user", "q\n\nx"), ("assistant", "a")]),
                "{}",
            ),
            (
                r#"{"prompt":"q","completion":"a","n":1}"#,
                "prompt_completion",
                two.clone(),
                r#"{"n":1}"#,
            ),
            (
                r#"{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}"#,
                "sharegpt",
                two.clone(),
                "{}",
            ),
            (
                r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0}]}"#,
                "messages",
                two.clone(),
                r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0}]}"#,
            ),
            (
                r#"{"title":"t","text":"body"}"#,
                "text",
                Content::Text("body".to_owned()),
                r#"{"title":"t"}"#,
            ),
        ] {
            assert_eq!(read(json), (name, Ok(content), meta.to_owned()), "{json}");
        }
    }

    #[test]
    fn preferences_come_as_text_and_as_messages() {
        let wanted = Content::Preference {
            messages: vec![Message::new("user", "q"), Message::new("assistant", "good")],
            rejected: vec![Message::new("assistant", "bad")],
        };
        for json in [
            r#"{"prompt":"q","chosen":"good","rejected":"bad"}"#,
            r#"{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"good"}],"rejected":[{"role":"assistant","content":"bad"}]}"#,
            r#"{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}]}"#,
        ] {
            assert_eq!(read(json).1, Ok(wanted.clone()), "{json}");
        }
    }

    #[test]
    fn wrong_types_are_named_with_their_place() {
        for (json, needle) in [
            (r#"{"question":"q","answer":null}"#, "`answer` is null"),
            (r#"{"question":["a"],"answer":"x"}"#, "`question` is a list"),
            (r#"{"text":42}"#, "`text` is a number"),
            (
                r#"{"messages":[{"role":"narrator","content":"x"}]}"#,
                "messages[0]: unknown role `narrator`",
            ),
            (r#"{"messages":"x"}"#, "expected a list"),
        ] {
            let Err(Misfit(why)) = read(json).1 else {
                panic!("{json} must not fit")
            };
            assert!(why.contains(needle), "{why}");
        }
        assert!(Shape::of(&serde_json::from_str(r#"{"a":1}"#).expect("valid")).is_none());
    }
}
