//! One turn of a conversation: who says it, what is said, whether it is to be learned.

use super::answers::is_no;
use super::fields::{find, has};
use super::known::Names;
use super::messages::known;
use super::names::{INPUT, OUTPUT};
use super::{Fields, Misfit};
use serde_json::{Map, Value};

pub(super) const ROLE: Names<'static> = Names::of(&["role", "from", "speaker", "роль"]);
pub(super) const CONTENT: Names<'static> =
    Names::of(&["content", "value", "text", "текст", "utterance", "message"]);
/// Names of a role that other things have, too: it is one where it says so.
const MAYBE_ROLE: Names<'static> = Names::of(&["author", "sender", "type"]);

/// The field of a turn that says who speaks.
pub(super) fn role_key(turn: &Fields) -> Option<String> {
    find(turn, ROLE).or_else(|| {
        find(turn, CONTENT)?;
        let mut names = MAYBE_ROLE
            .iter()
            .filter_map(|name| find(turn, Names::of(&[name])));
        names.find(|key| turn[key].as_str().is_some_and(|role| known(role).is_some()))
    })
}

/// Whether turns are pairs of an input and an output, with nobody named.
pub(super) fn are_pairs(list: &Value) -> bool {
    let is_pair = |turn: &Value| {
        let turn = turn.as_object();
        turn.is_some_and(|turn| role_key(turn).is_none() && has(turn, INPUT) && has(turn, OUTPUT))
    };
    let list = list.as_array();
    list.is_some_and(|list| !list.is_empty() && list.iter().all(is_pair))
}

/// Turns in a list of each field, as `{"role": […], "content": […]}`, as a list of turns: what Hugging
/// Face makes of a sequence of structs. Any other value as it is.
pub(super) fn transposed(value: Value) -> Value {
    let Value::Object(lists) = value else {
        return value;
    };
    let length = |names: Names<'_>| lists[&find(&lists, names)?].as_array().map(Vec::len);
    let (Some(turns), Some(texts)) = (length(ROLE), length(CONTENT)) else {
        return lists.into();
    };
    if turns != texts {
        return lists.into();
    }
    let mut all = vec![Map::new(); turns];
    for (name, list) in lists {
        // A field of another length says nothing of single turns; one that is null says nothing.
        if let Value::Array(list) = list
            && list.len() == turns
        {
            for (turn, value) in all.iter_mut().zip(list) {
                if !value.is_null() {
                    turn.insert(name.clone(), value);
                }
            }
        }
    }
    all.into_iter()
        .map(Value::Object)
        .collect::<Vec<_>>()
        .into()
}

/// Refuses turns of which one of the assistant is not to be learned: a document has no place to say
/// so, and its answer would be.
///
/// # Errors
/// When a `weight` is 0, or `train` or `loss` is false.
pub(super) fn check_weights(list: &Value, name: &str) -> Result<(), Misfit> {
    let Value::Array(turns) = list else {
        return Ok(());
    };
    let is_left_out = |turn: &&Fields| {
        let no = |name| find(turn, Names::of(&[name])).is_some_and(|key| is_no(&turn[&key]));
        let is_said = || {
            let role = role_key(turn).and_then(|key| known(turn[&key].as_str()?));
            role == Some("assistant")
        };
        // Most turns have a role and a text.
        turn.len() > 2 && ["weight", "train", "loss"].into_iter().any(no) && is_said()
    };
    let mut own = turns.iter().filter_map(Value::as_object).enumerate();
    match own.find(|(_, turn)| is_left_out(turn)) {
        Some((at, _)) => Err(Misfit::named(
            "undesired_answer",
            format!(
                "{name}[{at}] has the weight 0, or `train` or `loss` false: what the assistant says there is not to be learned, and it would be; leave the turn out, or end the conversation before it"
            ),
        )),
        None => Ok(()),
    }
}
