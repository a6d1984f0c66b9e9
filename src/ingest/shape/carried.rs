//! The letters or numbers that options carry in their texts: "A. x", "2) y".

use super::choice::{LATIN, RUSSIAN};

/// What options begin with.
pub(super) enum Carried {
    Numbers,
    Letters(&'static str),
}

/// What all of the texts begin with in its order, and the texts behind it.
pub(super) fn carried<'a>(texts: &[&'a str]) -> Option<(Carried, Vec<&'a str>)> {
    if texts.len() < 2 {
        return None;
    }
    let behind = |names: &mut dyn Iterator<Item = String>| -> Option<Vec<&'a str>> {
        texts
            .iter()
            .map(|text| {
                let name = names.next()?;
                let text = text.trim();
                let rest = text.strip_prefix('(').unwrap_or(text).strip_prefix(&name)?;
                let is_bracket = rest.starts_with(')');
                let rest = rest.strip_prefix([')', '.', ':'])?;
                // "1.5" is a number, "A)21" a letter and one.
                let is_apart = rest.starts_with(char::is_whitespace);
                ((is_bracket || is_apart) && !rest.trim().is_empty()).then(|| rest.trim())
            })
            .collect()
    };
    for alphabet in [LATIN, RUSSIAN] {
        if let Some(rests) = behind(&mut alphabet.chars().map(String::from)) {
            return Some((Carried::Letters(alphabet), rests));
        }
        if let Some(rests) = behind(&mut alphabet.to_lowercase().chars().map(String::from)) {
            return Some((Carried::Letters(alphabet), rests));
        }
    }
    let rests = behind(&mut (1..).map(|number: usize| number.to_string()))?;
    Some((Carried::Numbers, rests))
}
