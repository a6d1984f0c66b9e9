//! Preferences that name their answers by number: `chosen` is 1, and `response_1` the answer.

use super::fields::{find, is_same};
use super::names::{CANDIDATE_STEMS, CANDIDATES, CHOSEN, REJECTED};
use super::written::structured;
use super::{Fields, Misfit};
use serde_json::Value;

/// Puts the answers that `chosen` and `rejected` name in their place.
///
/// # Errors
/// When one of them names an answer and the other does not, or none is there that they name.
pub(super) fn put_candidates(fields: &mut Fields) -> Result<(), Misfit> {
    let (Some(chosen), Some(rejected)) = (find(fields, CHOSEN), find(fields, REJECTED)) else {
        return Ok(());
    };
    let named = [&chosen, &rejected].map(|key| name_of(&fields[key]));
    let has = has_candidates(fields);
    if !has {
        // 4 and 5 may be answers themselves; 0, 1 and 2 are more likely the numbers of two.
        let are_places = named.iter().all(|name| {
            name.as_deref()
                .is_some_and(|name| ["0", "1", "2"].contains(&name))
        });
        if are_places {
            return Err(unclear(
                &chosen,
                &fields[&chosen],
                &rejected,
                &fields[&rejected],
            ));
        }
        return Ok(());
    }
    let places = match &named {
        [None, None] => return Ok(()),
        [Some(a), Some(b)] => [place(fields, a), place(fields, b)],
        _ => [None, None],
    };
    let [Some(better), Some(worse)] = places else {
        return Err(unclear(
            &chosen,
            &fields[&chosen],
            &rejected,
            &fields[&rejected],
        ));
    };
    let answers = [&better, &worse].map(|place| place.value(fields));
    let [better_answer, worse_answer] = answers;
    // What was understood is no note of the user's.
    for place in [better, worse] {
        if let Place::Column(key) = place {
            fields.shift_remove(&key);
        }
    }
    fields.insert(chosen, better_answer);
    fields.insert(rejected, worse_answer);
    Ok(())
}

fn unclear(chosen: &str, better: &Value, rejected: &str, worse: &Value) -> Misfit {
    Misfit::named(
        "no_such_answer",
        format!(
            "the fields `{chosen}` and `{rejected}` are {better} and {worse}: they are not both the names of answers beside them, as in the fields response_0, response_1 or a list `responses`, which counts from 0"
        ),
    )
}

/// Where an answer is.
enum Place {
    Column(String),
    /// The key of a list, and a position in it.
    Listed(String, usize),
}

impl Place {
    fn value(&self, fields: &Fields) -> Value {
        match self {
            Self::Column(key) => fields[key].clone(),
            Self::Listed(key, at) => structured(fields[key].clone())[*at].clone(),
        }
    }
}

/// What may name an answer: a number, a letter, or the name of a column.
fn name_of(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0)?;
            Some(format!("{whole}"))
        }
        Value::String(text) => {
            let text = text.trim().to_lowercase();
            let is_short = text.chars().count() == 1 && text.chars().all(char::is_alphanumeric);
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            (is_short || is_number || suffix(&text).is_some()).then_some(text)
        }
        _ => None,
    }
}

/// What stands behind the stem in the name of a column: a number or a letter.
fn suffix(name: &str) -> Option<String> {
    let name = name.trim();
    let mut stems = CANDIDATE_STEMS.iter();
    let behind = stems.find_map(|stem| {
        let (end, _) = name.char_indices().nth(stem.chars().count())?;
        (name[..end].to_lowercase() == **stem).then(|| &name[end..])
    })?;
    let rest = behind.trim_start_matches(['_', '-', ' ']);
    let is_number = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    // "answers" are several.
    let is_apart = rest.len() < behind.len() || rest.chars().all(char::is_uppercase);
    let is_letter = is_apart && rest.chars().count() == 1 && rest.chars().all(char::is_alphabetic);
    (is_number || is_letter).then(|| rest.to_lowercase())
}

/// Whether answers stand beside that a name may be of.
pub(super) fn has_candidates(fields: &Fields) -> bool {
    list(fields).is_some() || fields.keys().filter(|key| suffix(key).is_some()).count() > 1
}

/// The list of answers and its length.
fn list(fields: &Fields) -> Option<(String, usize)> {
    let key = find(fields, CANDIDATES)?;
    match structured(fields[&key].clone()) {
        Value::Array(list) if list.len() > 1 => Some((key, list.len())),
        _ => None,
    }
}

/// The answer of that name: a column that is called so or ends so, else a number in a list.
fn place(fields: &Fields, name: &str) -> Option<Place> {
    let is_named =
        |key: &&String| suffix(key).is_some_and(|suffix| suffix == name || is_same(key, name));
    let mut columns = fields.keys().filter(is_named);
    if let (Some(key), None) = (columns.next(), columns.next()) {
        return Some(Place::Column(key.clone()));
    }
    let (key, length) = list(fields)?;
    let at: usize = name.parse().ok()?;
    (at < length).then_some(Place::Listed(key, at))
}
