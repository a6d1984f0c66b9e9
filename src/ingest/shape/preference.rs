//! Two answers to the same, of which one is better.

use super::candidates::put_candidates;
use super::fields::{find, value_of};
use super::known::Names;
use super::messages::{known, take_messages, take_turns};
use super::names::{
    CHOSEN, CONVERSATIONS, INPUT, INSTRUCTION, MESSAGES, PROMPT, QUESTION, REJECTED,
};
use super::pairs::{
    take_context, take_history, take_instruction, take_system, with_context, with_input,
};
use super::transcript::{prompt_turns, transcript};
use super::turn::{are_pairs, role_key};
use super::{Fields, Misfit};
use crate::document::{Content, Message};
use serde_json::Value;

/// What a preference answers: a prompt in text or turns, an instruction with its input, or the turns
/// before the answers. Nothing where the answers themselves begin with it.
fn take_asked(fields: &mut Fields) -> Result<Vec<Message>, Misfit> {
    let says = |fields: &Fields, names: Names<'_>| {
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
            let mut turns = take_turns(fields, Names::of(&[key.as_str()]), "user")?;
            if let ([turn], true) = (turns.as_slice(), is_text)
                && let Some(said) = prompt_turns(&turn.content)
            {
                turns = said;
            }
            if let ([turn], true) = (turns.as_mut_slice(), is_text) {
                let context = take_context(fields)?;
                // A prompt that was written with its context has it already.
                let context = context.filter(|context| !turn.content.contains(context.trim()));
                turn.content = with_context(context, std::mem::take(&mut turn.content));
                // A field that is the prompt itself was taken.
                turn.content = with_input(fields, std::mem::take(&mut turn.content))?;
                turns.splice(0..0, take_history(fields)?);
            }
            turns
        }
        None => {
            let mut lists = [MESSAGES, CONVERSATIONS].into_iter();
            let is_asked = |names: &Names<'_>| {
                says(fields, *names).is_some_and(|key| {
                    // A conversation that both answers have in them is a note of the user's.
                    !are_pairs(&fields[&key]) || !have_prompts(fields)
                })
            };
            match lists.find(is_asked) {
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

/// Whether both answers begin with what they answer.
fn have_prompts(fields: &Fields) -> bool {
    [CHOSEN, REJECTED].iter().all(|names| {
        let list = value_of(fields, *names).and_then(Value::as_array);
        let first = list.and_then(|list| list.first()?.as_object());
        let role = first.and_then(|turn| known(turn[&role_key(turn)?].as_str()?));
        matches!(role, Some("user" | "system"))
    })
}

pub(super) fn take_preference(fields: &mut Fields) -> Result<Content, Misfit> {
    let mut messages = take_asked(fields)?;
    put_candidates(fields)?;
    let mut chosen = take_side(fields, CHOSEN)?;
    let mut rejected = take_side(fields, REJECTED)?;
    let systems = messages.iter().filter(|turn| turn.role == "system");
    let systems = systems.count();
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
    check_sides(&chosen, &rejected)?;
    messages.extend(chosen);
    Ok(Content::Preference { messages, rejected })
}

/// Whether two turns say the same but for white space around it.
pub(super) fn is_same_turn(a: &Message, b: &Message) -> bool {
    a.role == b.role && a.content.trim() == b.content.trim()
}

/// One of the answers: the turns of a text that is written as a whole conversation, else as it is.
fn take_side(fields: &mut Fields, names: Names<'_>) -> Result<Vec<Message>, Misfit> {
    let is_text = value_of(fields, names).is_some_and(Value::is_string);
    let turns = take_turns(fields, names, "assistant")?;
    match turns.as_slice() {
        [turn] if is_text => Ok(transcript(&turn.content).unwrap_or(turns)),
        _ => Ok(turns),
    }
}

/// Refuses answers that say nothing, and two that say the same: neither is better.
pub(super) fn check_sides(chosen: &[Message], rejected: &[Message]) -> Result<(), Misfit> {
    for (name, side) in [(CHOSEN[0], chosen), (REJECTED[0], rejected)] {
        if side.iter().all(|turn| turn.content.trim().is_empty()) {
            return Err(Misfit::no_answer(format!(
                "the field `{name}` holds no text; a preference needs two answers"
            )));
        }
    }
    let is_same = |(a, b): (&Message, &Message)| is_same_turn(a, b);
    if chosen.len() == rejected.len() && chosen.iter().zip(rejected).all(is_same) {
        return Err(Misfit::named(
            "same_answers",
            "the fields `chosen` and `rejected` hold the same answer: there is nothing to prefer"
                .to_owned(),
        ));
    }
    Ok(())
}
