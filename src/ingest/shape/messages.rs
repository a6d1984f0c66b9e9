//! Lists of messages, as chats and as what a preference prefers.

use super::fields::{as_answer, as_text, find, take, take_text, type_name};
use super::names::{
    CHOSEN, CONVERSATIONS, INPUT, INSTRUCTION, MESSAGES, PROMPT, QUESTION, REJECTED, TURNS,
};
use super::pairs::{take_context, take_instruction, take_system, with_context};
use super::tools::{call_text, calls_text};
use super::{Fields, Misfit};
use crate::document::{Content, Message};
use serde_json::Value;

/// Names of roles in the wild, and ours.
pub(super) const ROLES: &[(&str, &[&str])] = &[
    ("system", &["system", "developer", "система"]),
    (
        "user",
        &[
            "user",
            "human",
            "prompter",
            "customer",
            "пользователь",
            "клиент",
        ],
    ),
    (
        "assistant",
        &[
            "assistant",
            "gpt",
            "bot",
            "model",
            "chatgpt",
            "ai",
            "function_call",
            "tool_call",
            "ассистент",
            "бот",
        ],
    ),
    (
        "tool",
        &[
            "tool",
            "function",
            "observation",
            "function_response",
            "tool_response",
            "ipython",
            "инструмент",
        ],
    ),
];

const ROLE: &[&str] = &["role", "from", "speaker"];
const CONTENT: &[&str] = &["content", "value", "text"];

/// Our name of a role.
pub(super) fn known_role(role: &str) -> Result<&'static str, Misfit> {
    known(role).ok_or_else(|| {
        Misfit::wrong(format!(
            "unknown role `{role}`, expected system, user, assistant or tool"
        ))
    })
}

fn known(role: &str) -> Option<&'static str> {
    let lower = role.trim().to_lowercase();
    let mut roles = ROLES.iter();
    let found = roles.find(|(_, names)| names.contains(&lower.as_str()))?;
    Some(found.0)
}

/// Whether a list that is a record of its own is one of messages.
pub fn is_messages(list: &[Value]) -> bool {
    let has_role = |turn: &Value| {
        turn.as_object()
            .is_some_and(|turn| find(turn, ROLE).is_some())
    };
    !list.is_empty() && list.iter().all(has_role)
}

/// Whether a list that nothing says more of is one conversation: all of it are turns of known roles with
/// something said, and both the user and the assistant speak.
pub fn is_dialogue(list: &[Value]) -> bool {
    let role = |turn: &Value| {
        let turn = turn.as_object()?;
        find(turn, CONTENT)?;
        known(turn[&find(turn, ROLE)?].as_str()?)
    };
    let roles: Option<Vec<&str>> = list.iter().map(role).collect();
    roles.is_some_and(|roles| roles.contains(&"user") && roles.contains(&"assistant"))
}

/// The record that a list of messages is.
pub fn record_of(list: Vec<Value>) -> Fields {
    Fields::from_iter([(MESSAGES[0].to_owned(), list.into())])
}

pub(super) fn take_messages(fields: &mut Fields, names: &[&str]) -> Result<Vec<Message>, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    let mut list = take(fields, names)?;
    // A list in an object of its own; what else that has is the user's.
    if let Value::Object(around) = &mut list
        && let Some(inner) = find(around, TURNS)
    {
        let turns = around.shift_remove(&inner).unwrap_or_default();
        let around = std::mem::replace(&mut list, turns);
        if around.as_object().is_some_and(|around| !around.is_empty()) {
            fields.insert(format!("{key}.around"), around);
        }
    }
    let messages = as_messages(keep_if_it_says_more(list, &key, fields), &key)?;
    // ShareGPT keeps the system prompt beside the turns.
    if messages.iter().any(|message| message.role == "system") {
        return Ok(messages);
    }
    let mut all = take_system(fields)?;
    all.extend(messages);
    Ok(all)
}

/// Weights, names and the like of single turns are the user's: a list that has them is kept as it was.
fn keep_if_it_says_more(list: Value, key: &str, fields: &mut Fields) -> Value {
    let turns = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let more = |value: &Value| value.as_object().is_some_and(|fields| fields.len() > 2);
    let says_more = turns.iter().filter_map(Value::as_object).any(|turn| {
        let mut parts = turn.values().filter_map(Value::as_array).flatten();
        turn.len() > 2 || parts.any(more)
    });
    if says_more {
        fields.insert(key.to_owned(), list.clone());
    }
    list
}

/// Messages of a list.
fn as_messages(list: Value, name: &str) -> Result<Vec<Message>, Misfit> {
    let list = match list {
        // Columns of CSV hold lists as they are written.
        Value::String(text) if text.trim_start().starts_with('[') => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        list => list,
    };
    let Value::Array(turns) = list else {
        return Err(Misfit::wrong(format!(
            "the field `{name}` is {}, expected a list of messages",
            type_name(&list)
        )));
    };
    if turns.is_empty() {
        return Err(Misfit::named(
            "empty_chat",
            format!("the field `{name}` holds no message"),
        ));
    }
    if turns.iter().all(Value::is_string) {
        return Ok(alternating(&turns));
    }
    let mut messages = Vec::with_capacity(turns.len());
    for (i, turn) in turns.into_iter().enumerate() {
        let place = format!("{name}[{i}]");
        let Value::Object(turn) = turn else {
            return Err(Misfit::wrong(format!(
                "{place} is {}, expected an object with role and content",
                type_name(&turn)
            )));
        };
        add_turn(turn, &mut messages).map_err(|misfit| misfit.at(&place))?;
    }
    Ok(messages)
}

/// Texts that user and assistant say in turn, the user first.
fn alternating(turns: &[Value]) -> Vec<Message> {
    let said = turns.iter().filter_map(Value::as_str);
    said.zip(["user", "assistant"].into_iter().cycle())
        .map(|(text, role)| Message::new(role, text))
        .collect()
}

/// A dialogue as a list of texts in turn.
pub(super) fn take_turn_texts(fields: &mut Fields, names: &[&str]) -> Result<Content, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    as_messages(take(fields, names)?, &key).map(Content::Chat)
}

fn add_turn(mut turn: Fields, messages: &mut Vec<Message>) -> Result<(), Misfit> {
    if find(&turn, ROLE).is_none()
        && !turn.is_empty()
        && turn
            .iter()
            .all(|(key, said)| known(key).is_some() && said.is_string())
    {
        // {"human": "…", "assistant": "…"}: a turn of each.
        for (key, said) in turn {
            messages.push(Message::new(known_role(&key)?, as_text(said, &key)?));
        }
        return Ok(());
    }
    let role = known_role(&take_text(&mut turn, ROLE)?)?;
    let calls = calls_text(&turn)?;
    let content = match (find(&turn, CONTENT), &calls) {
        // An assistant that calls a tool need not say anything.
        (None, Some(_)) => String::new(),
        (Some(key), Some(_)) if turn[&key].is_null() => String::new(),
        _ => match take(&mut turn, CONTENT)? {
            Value::Array(parts) => parts_text(parts, "content")?,
            other => as_text(other, "content")?,
        },
    };
    let content = match calls {
        Some(calls) if content.trim().is_empty() => calls,
        Some(calls) => format!("{}\n{calls}", content.trim_end()),
        None => content,
    };
    messages.push(Message::new(role, content));
    Ok(())
}

/// Text of a content that is a list of parts: each on a line of its own. A part that is no text makes
/// the record a misfit: an answer about a picture teaches nothing without the picture.
fn parts_text(parts: Vec<Value>, name: &str) -> Result<String, Misfit> {
    let mut texts = Vec::new();
    for (i, part) in parts.into_iter().enumerate() {
        texts.push(match part {
            Value::String(text) => text,
            Value::Object(mut part) => {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
                match kind {
                    "text" | "input_text" | "output_text" => take_text(&mut part, CONTENT)
                        .map_err(|misfit| misfit.at(&format!("{name}[{i}]")))?,
                    "tool_use" => call_text(&part)?,
                    "tool_result" => match part.remove("content").unwrap_or_default() {
                        Value::Array(parts) => parts_text(parts, &format!("{name}[{i}].content"))?,
                        other => as_answer(other, "content")?,
                    },
                    kind => {
                        return Err(Misfit::named(
                            "not_text",
                            format!(
                                "{name}[{i}] is of type `{kind}`; only text is read, and what is said about it means nothing without it"
                            ),
                        ));
                    }
                }
            }
            other => {
                return Err(Misfit::wrong(format!(
                    "{name}[{i}] is {}, expected a part with text",
                    type_name(&other)
                )));
            }
        });
    }
    Ok(texts.join("\n"))
}

/// What a preference answers: a prompt in text or turns, an instruction with its input, or the turns
/// before the answers. Nothing where the answers themselves begin with it.
fn take_asked(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    let says = |fields: &Fields, names: &[&str]| {
        find(fields, names).filter(|key| match &fields[key] {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => true,
        })
    };
    let mut asked = [PROMPT, QUESTION, INSTRUCTION, INPUT].into_iter();
    let mut messages = match asked.find_map(|names| says(fields, names)) {
        Some(key)
            if fields[&key].is_string() && find(fields, INSTRUCTION).as_ref() == Some(&key) =>
        {
            take_instruction(fields)?
        }
        Some(key) => {
            let is_text = fields[&key].is_string();
            let mut turns = take_turns(fields, &[key.as_str()], "user")?;
            if let ([turn], true) = (turns.as_mut_slice(), is_text) {
                let context = take_context(fields)?;
                // A prompt that was written with its context has it already.
                let context = context.filter(|context| !turn.content.contains(context.trim()));
                turn.content = with_context(context, std::mem::take(&mut turn.content));
            }
            turns
        }
        None => {
            let mut lists = [MESSAGES, CONVERSATIONS].into_iter();
            match lists.find(|names| says(fields, names).is_some()) {
                Some(names) => take_messages(fields, names)?,
                None => Vec::new(),
            }
        }
    };
    if !messages.iter().any(|turn| turn.role == "system") {
        messages.splice(0..0, take_system(fields)?);
    }
    Ok(messages)
}

pub(super) fn take_preference(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_asked(fields)?;
    let mut chosen = take_turns(fields, CHOSEN, "assistant")?;
    let mut rejected = take_turns(fields, REJECTED, "assistant")?;
    let systems = messages.iter().filter(|turn| turn.role == "system");
    let systems = systems.count();
    if messages.len() == systems {
        // A whole conversation written as one text.
        if let ([a], [b]) = (chosen.as_slice(), rejected.as_slice())
            && let (Some(a), Some(b)) = (transcript(&a.content), transcript(&b.content))
        {
            (chosen, rejected) = (a, b);
        }
    }
    // The turns before the answers may end with the better one.
    if let (Some(last), Some(answer)) = (messages.last(), chosen.last())
        && last.role == "assistant"
        && is_same_turn(last, answer)
    {
        messages.pop();
    }
    // Some sets repeat the whole conversation in both answers: what they share is the prompt.
    let most = chosen.len().min(rejected.len()).saturating_sub(1);
    let pairs = chosen.iter().zip(&rejected).take(most);
    let shared = pairs.take_while(|(a, b)| is_same_turn(a, b)).count();
    let repeats = |asked: &[Message]| {
        asked.len() <= shared && asked.iter().zip(&chosen).all(|(a, b)| is_same_turn(a, b))
    };
    if repeats(&messages) {
        messages = chosen.drain(..shared).collect();
        rejected.drain(..shared);
    } else if repeats(&messages[systems..]) {
        messages.truncate(systems);
        messages.extend(chosen.drain(..shared));
        rejected.drain(..shared);
    }
    let first_is = |turns: &[Message]| turns.first().is_some_and(|turn| turn.role == "user");
    if first_is(&chosen) || first_is(&rejected) {
        return Err(Misfit::wrong(
            "the fields `chosen` and `rejected` do not answer the same: what the user says in them differs from each other or from the prompt".to_owned(),
        ));
    }
    if !messages.iter().any(|turn| turn.role == "user") {
        return Err(Misfit::named(
            "no_prompt",
            "the record has two answers and nothing that they answer; expected `prompt`, `question`, `instruction`, `input` or `messages` beside them, or --map prompt=FIELD,chosen=FIELD,rejected=FIELD".to_owned(),
        ));
    }
    messages.extend(chosen);
    Ok(Content::Preference { messages, rejected })
}

/// Whether two turns say the same but for white space around it.
fn is_same_turn(a: &Message, b: &Message) -> bool {
    a.role == b.role && a.content.trim() == b.content.trim()
}

/// The turns of a text such as `Human: … Assistant: …`, each after an empty line.
fn transcript(text: &str) -> Option<Vec<Message>> {
    const SPEAKERS: [(&str, &str); 2] = [("user", "Human:"), ("assistant", "Assistant:")];
    let speaker = |text: &str| {
        let mut speakers = SPEAKERS.iter();
        speakers.find_map(|(role, name)| Some((*role, text.strip_prefix(name)?.len())))
    };
    let mut messages: Vec<Message> = Vec::new();
    for piece in text.trim_start().split("\n\n") {
        match (speaker(piece), messages.last_mut()) {
            (Some((role, length)), _) => {
                messages.push(Message::new(
                    role,
                    piece[piece.len() - length..].trim_start(),
                ));
            }
            (None, Some(last)) => {
                last.content.push_str("\n\n");
                last.content.push_str(piece);
            }
            (None, None) => return None,
        }
    }
    (messages.first()?.role == "user" && messages.len() > 1).then_some(messages)
}

/// A field that is text (one turn of `role`), a list of messages, or one message.
pub(super) fn take_turns(
    fields: &mut Fields,
    names: &[&str],
    role: &str,
) -> Result<Vec<Message>, Misfit> {
    let key = find(fields, names).unwrap_or_else(|| names[0].to_owned());
    match take(fields, names)? {
        list @ Value::Array(_) => as_messages(keep_if_it_says_more(list, &key, fields), &key),
        // One turn needs no list around it.
        turn @ Value::Object(_) => {
            let list = Value::Array(vec![turn]);
            as_messages(keep_if_it_says_more(list, &key, fields), &key)
        }
        // Columns of CSV hold lists as they are written.
        Value::String(text) if text.trim_start().starts_with("[{") => {
            match serde_json::from_str(&text) {
                Ok(Value::Array(list)) if is_messages(&list) => as_messages(list.into(), &key),
                _ => Ok(vec![Message::new(role, text)]),
            }
        }
        other => Ok(vec![Message::new(role, as_answer(other, names[0])?)]),
    }
}
