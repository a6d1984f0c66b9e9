//! The letters or numbers that options carry in their texts: "A. x", "2) y".

use super::choice::{Choices, LATIN, RUSSIAN, Stated};

/// What options begin with.
enum Carried {
    Numbers,
    Letters(&'static str),
}

/// What all of the texts begin with in its order, and the texts behind it.
fn carried<'a>(texts: &[&'a str]) -> Option<(Carried, Vec<&'a str>)> {
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

impl Choices {
    /// Takes the letters or numbers that the options carry in their texts ("A. x", "2) y") off, so that
    /// they are not given twice; where `unlabelled`, carried numbers are the labels.
    pub(super) fn take_carried(&mut self, unlabelled: bool) {
        let Some(first) = self.all.first().map(|option| option.text.trim()) else {
            return;
        };
        // Most options begin with none of the names of a first one.
        let first = first.strip_prefix('(').unwrap_or(first);
        if !first.starts_with(['A', 'a', 'А', 'а', '1']) {
            return;
        }
        let texts: Vec<&str> = self.all.iter().map(|option| option.text.as_str()).collect();
        let Some((kind, rests)) = carried(&texts) else {
            return;
        };
        let rests: Vec<String> = rests.into_iter().map(str::to_owned).collect();
        match kind {
            Carried::Numbers if unlabelled => {
                self.numbering = None;
                self.counting = "numbers are those that the options begin with";
                for (i, option) in self.all.iter_mut().enumerate() {
                    option.label = (i + 1).to_string();
                }
            }
            // Labels of another kind stay, and what the texts carry is said by nothing else.
            Carried::Numbers => return,
            Carried::Letters(alphabet) => {
                if !unlabelled
                    && self
                        .all
                        .iter()
                        .zip(alphabet.chars())
                        .any(|(option, letter)| option.letter != letter)
                {
                    return;
                }
                self.stated = Stated::Letters;
                for (option, letter) in self.all.iter_mut().zip(alphabet.chars()) {
                    option.letter = letter;
                }
            }
        }
        for (option, rest) in self.all.iter_mut().zip(rests) {
            option.text = rest;
        }
    }
}
