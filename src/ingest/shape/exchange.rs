//! Turns that are pairs: what the user says and what the assistant does, in fields of one object.
//!
//! The system prompt comes first, then the user, then the assistant, unless a conversation shows that the
//! assistant speaks first in each of its pairs ([`First`]). Keys in alphabetical order show nothing:
//! writers sort them, Arrow those of structs in lists that came from Python, whatever the order of the
//! record's other fields.

use super::fields::{as_text, find};
use super::messages::known;
use super::names::{INPUT, OUTPUT, SYSTEM};
use super::{Fields, Misfit};
use crate::document::Message;
use serde_json::Value;

/// The role that a field of a pair has the words of.
fn role(turn: &Fields, name: &str) -> Option<&'static str> {
    if SYSTEM.has(name) {
        return Some("system");
    }
    // {"input": "…", "output": "…"}, where both are there.
    let (asked, said) = (find(turn, INPUT), find(turn, OUTPUT));
    if let (Some(asked), Some(said)) = (asked, said) {
        return match name {
            name if name == asked => Some("user"),
            name if name == said => Some("assistant"),
            _ => None,
        };
    }
    known(name)
}

/// Who speaks first in each pair of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    User,
    Assistant,
}

/// What a pair of a conversation shows.
struct Shown {
    user: bool,
    assistant: bool,
    /// Whether the assistant has a key, and says nothing.
    is_unanswered: bool,
    /// Who stands first in it, where its keys are in an order that nobody sorted.
    first: Option<First>,
}

impl First {
    /// Who speaks first in the pairs that `turns` are. Of several the assistant does where its key stands
    /// first in each and that is not the order of the alphabet; or where the keys show nothing, and one of
    /// both would speak twice in a row behind the user and nobody behind the assistant: a user alone
    /// before the pairs, an assistant alone behind them. Nor does the assistant where only that makes one
    /// of both speak twice.
    pub(super) fn of(turns: &[Value]) -> Self {
        let shown: Option<Vec<Shown>> = turns.iter().map(Shown::of).collect();
        // One pair is a question and its answer.
        let Some(shown) = shown.filter(|shown| shown.len() > 1) else {
            return Self::User;
        };
        let repeats = |first| repeats(&shown, first);
        let mut firsts = shown.iter().filter_map(|pair| pair.first);
        let is_assistant = if let Some(first) = firsts.next() {
            first == Self::Assistant
                && firsts.all(|first| first == Self::Assistant)
                && (!repeats(Self::Assistant) || repeats(Self::User))
        } else {
            // An answer that is missing shifts nothing, unless one is left at the end.
            let is_missing = shown.iter().any(|pair| pair.user && pair.is_unanswered);
            let ends_alone = shown.last().is_some_and(|pair| !pair.user);
            repeats(Self::User) && !repeats(Self::Assistant) && (!is_missing || ends_alone)
        };
        if is_assistant {
            Self::Assistant
        } else {
            Self::User
        }
    }
}

/// Whether the user or the assistant speaks twice in a row where `first` speaks first in each pair.
fn repeats(shown: &[Shown], first: First) -> bool {
    let mut said = shown.iter().flat_map(|pair| {
        let user = pair.user.then_some(First::User);
        let assistant = pair.assistant.then_some(First::Assistant);
        let said = match first {
            First::User => [user, assistant],
            First::Assistant => [assistant, user],
        };
        said.into_iter().flatten()
    });
    let mut before = None;
    said.any(|who| before.replace(who) == Some(who))
}

impl Shown {
    /// What a turn shows that is a pair of roles, `None` of another. What is put in is the user's, wherever
    /// it stands: a pair of an input and an output shows nothing.
    fn of(turn: &Value) -> Option<Self> {
        let turn = turn.as_object()?;
        // Whether each of them has a key, and says something.
        let (mut user, mut assistant) = (None, None);
        let mut first = None;
        for (name, said) in turn {
            let says = match said {
                Value::Null => false,
                Value::String(text) => !text.trim().is_empty(),
                _ => return None,
            };
            let (place, who) = match known(name) {
                Some("user") => (&mut user, First::User),
                Some("assistant") => (&mut assistant, First::Assistant),
                Some(_) => continue,
                None if said.is_null() || SYSTEM.has(name) => continue,
                None => return None,
            };
            *place = Some(place.unwrap_or(false) || says);
            first.get_or_insert(who);
        }
        let are_both = user.is_some() && assistant.is_some();
        Some(Self {
            user: user == Some(true),
            assistant: assistant == Some(true),
            is_unanswered: assistant == Some(false),
            first: first.filter(|_| are_both && !turn.keys().is_sorted()),
        })
    }
}

/// Whether an object is such a pair and nothing else; a null says nothing.
pub(super) fn is_exchange(turn: &Fields) -> bool {
    let mut said = turn.iter().filter(|(_, said)| !said.is_null()).peekable();
    let is_some = said.peek().is_some();
    is_some && said.all(|(name, said)| said.is_string() && role(turn, name).is_some())
}

/// The turns of a pair, or `None` of another object. A pair of an input and an output may say more, which
/// is the user's. Where nothing is asked the answer stands alone, unless the conversation `is_begun`.
///
/// # Errors
/// When the input or the output is no text, or the order of the turns cannot be told.
pub(super) fn exchange(
    turn: &Fields,
    first: First,
    is_begun: bool,
) -> Result<Option<Vec<Message>>, Misfit> {
    let is_named = find(turn, INPUT).is_some() && find(turn, OUTPUT).is_some();
    if !is_named && !is_exchange(turn) {
        return Ok(None);
    }
    let mut turns = Vec::new();
    for (name, said) in turn {
        let Some(role) = role(turn, name) else {
            continue;
        };
        let is_blank = said.as_str().is_none_or(|text| text.trim().is_empty());
        let others = || turn.iter().filter(|(other, _)| *other != name);
        // A side that is not there is null in a table.
        let is_beside = others().any(|(other, said)| {
            !said.is_null() && matches!(self::role(turn, other), Some("user" | "assistant"))
        });
        // Nobody speaks with no words; but to a question an answer that is empty is one.
        let says = |who| {
            others().any(|(other, said)| {
                self::role(turn, other) == Some(who)
                    && said.as_str().is_some_and(|text| !text.trim().is_empty())
            })
        };
        let is_silent = || match role {
            "user" => first == First::Assistant || says("assistant"),
            "assistant" => first == First::Assistant && says("user"),
            _ => false,
        };
        let is_lost = is_begun && first == First::User && role == "user" && says("assistant");
        if role == "system" && is_blank
            || !is_lost && said.is_null() && (is_beside || !matches!(role, "user" | "assistant"))
            || !is_lost && is_blank && is_silent()
        {
            continue;
        }
        turns.push(Message::new(role, as_text(said.clone(), name)?));
    }
    let place = |turn: &Message| match turn.role.as_str() {
        "system" => 0,
        "user" if first == First::User => 1,
        "user" => 3,
        _ => 2,
    };
    let is_plain = ["system", "user", "assistant"]
        .iter()
        .all(|role| turns.iter().filter(|turn| turn.role == *role).count() < 2)
        && turns.iter().all(|turn| turn.role != "tool");
    if is_plain {
        turns.sort_by_key(place);
        return Ok(Some(turns));
    }
    // Calls of tools and what these give stand in the order in which they were said, or in none.
    turns.sort_by_key(|turn| turn.role != "system");
    let mut said = turns.iter().filter(|turn| turn.role != "system");
    if said.next().is_none_or(|first| first.role != "user") {
        let names: Vec<&str> = turn.keys().map(String::as_str).collect();
        return Err(Misfit::wrong(format!(
            "the fields [{}] are turns whose order cannot be told; write each as {{\"role\": \"…\", \"content\": \"…\"}}",
            names.join(", ")
        )));
    }
    Ok(Some(turns))
}
