//! What the frame of records says to each of them: a system prompt, and what there is to do.

use super::fields::{find, has};
use super::known::Names;
use super::names::{INSTRUCTION, SYSTEM};
use super::{Fields, Shape, is_messages};
use serde_json::{Value, json};

/// What there is to do, beside records of it.
const TASK: Names<'static> = Names::of(&["instructions", "definition", "task_definition"]);
/// Names of lists that show how not to answer.
const UNDESIRED: Names<'static> = Names::of(&[
    "negative",
    "negatives",
    "negative examples",
    "negative samples",
    "отрицательные",
    "отрицательные примеры",
]);

/// Whether a list of this name shows answers that are not wanted.
#[must_use]
pub fn is_undesired(list: &str) -> bool {
    UNDESIRED.has(list)
}

/// What a frame says to each of its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lead {
    system: Option<String>,
    instruction: Option<String>,
}

/// A text, or one in lines, as Super-NaturalInstructions have it; `None` of another value.
pub(super) fn text_of(said: &Value) -> Option<String> {
    match said {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => {
            let lines: Option<Vec<&str>> = lines.iter().map(Value::as_str).collect();
            Some(lines?.join("\n"))
        }
        _ => None,
    }
}

impl Lead {
    /// That of a frame with these fields, with the names of those it is in; none where there is none.
    #[must_use]
    pub fn of(fields: &Fields) -> Option<(Self, Vec<String>)> {
        let mut names = Vec::new();
        let mut said = |known: Names<'_>| {
            let name = find(fields, known)?;
            let text = text_of(&fields[&name])?;
            names.push(name);
            (!text.trim().is_empty()).then_some(text)
        };
        let system = said(SYSTEM);
        let instruction = said(INSTRUCTION).or_else(|| said(TASK));
        let is_some = system.is_some() || instruction.is_some();
        is_some.then_some((
            Self {
                system,
                instruction,
            },
            names,
        ))
    }

    /// Names among `fields`, whose values may be unknown, that it may be in.
    #[must_use]
    pub fn names(fields: &Fields) -> Vec<String> {
        let known = [SYSTEM, INSTRUCTION, TASK];
        known
            .iter()
            .filter_map(|names| find(fields, *names))
            .collect()
    }

    /// Whether a list of texts of this name may be one.
    #[must_use]
    pub fn is_in(name: &str) -> bool {
        [SYSTEM, INSTRUCTION, TASK]
            .iter()
            .any(|known| known.has(name))
    }

    /// The same, with what is said around it where it says nothing itself.
    #[must_use]
    pub fn within(mut self, around: Option<&Self>) -> Self {
        if let Some(around) = around {
            self.system = self.system.or_else(|| around.system.clone());
            self.instruction = self.instruction.or_else(|| around.instruction.clone());
        }
        self
    }

    /// What it adds at the beginning of `record`, behind its bracket, as JSON; none where the record is
    /// of no shape or a text, or says all of that itself.
    #[must_use]
    pub fn beginning(&self, record: &Value) -> Option<String> {
        match record {
            Value::Object(own) => self.fields(own),
            Value::Array(turns) if is_messages(turns) => self.turn(turns),
            _ => None,
        }
    }

    fn fields(&self, own: &Fields) -> Option<String> {
        // A text is not spoken to.
        if Shape::of(own).is_none_or(Shape::is_text) {
            return None;
        }
        let has = |names| has(own, names);
        let system = self.system.as_deref().filter(|_| !has(SYSTEM));
        let instruction = self.instruction.as_deref().filter(|_| !has(INSTRUCTION));
        let is_taken = instruction.is_some_and(|text| takes(own, text));
        let mut beginning = String::new();
        // An instruction that the shape has no place for is what all turns are about.
        let is_system = !is_taken && !has(SYSTEM);
        let system: Vec<&str> = system
            .into_iter()
            .chain(instruction.filter(|_| is_system))
            .collect();
        if !system.is_empty() {
            beginning += &format!("\"{}\":{},", SYSTEM[0], Value::from(system.join("\n\n")));
        }
        if let Some(text) = instruction.filter(|_| is_taken) {
            beginning += &format!("\"{}\":{},", INSTRUCTION[0], Value::from(text));
        }
        (!beginning.is_empty()).then_some(beginning)
    }

    fn turn(&self, turns: &[Value]) -> Option<String> {
        let first = turns.first()?.as_object()?;
        let (role, content) = if first.contains_key("from") {
            ("from", "value")
        } else {
            ("role", "content")
        };
        if first.get(role).is_some_and(|role| role == SYSTEM[0]) {
            return None;
        }
        let said = [self.system.as_deref(), self.instruction.as_deref()];
        let said: Vec<&str> = said.into_iter().flatten().collect();
        Some(format!(
            "{},",
            json!({ role: SYSTEM[0], content: said.join("\n\n") })
        ))
    }
}

/// Whether the shape of a record takes an instruction that is added to it.
fn takes(own: &Fields, instruction: &str) -> bool {
    let mut with = own.clone();
    with.insert(INSTRUCTION[0].to_owned(), instruction.into());
    let taken = Shape::of(&with).map(|shape| shape.take(&mut with));
    matches!(taken, Some(Ok(_))) && !with.contains_key(INSTRUCTION[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_speaks_to_records_that_say_nothing_themselves() {
        let Value::Object(frame) = json!({"System": "s", "Definition": ["do", "it"], "n": 1})
        else {
            panic!("an object");
        };
        let (lead, names) = Lead::of(&frame).expect("a lead");
        assert_eq!(names, ["System", "Definition"]);
        assert_eq!(Lead::names(&frame), names);
        for (record, wanted) in [
            (
                json!({"input": "i", "output": "o"}),
                Some(r#""system":"s","instruction":"do\nit","#),
            ),
            (
                json!({"instruction": "own", "output": "o"}),
                Some(r#""system":"s","#),
            ),
            (
                json!({"question": "q", "answer": "a"}),
                Some(r#""system":"s\n\ndo\nit","#),
            ),
            (
                json!([{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]),
                Some(r#"{"role":"system","content":"s\n\ndo\nit"},"#),
            ),
            (
                json!([{"role": "system", "content": "own"}, {"role": "user", "content": "u"}]),
                None,
            ),
            (json!({"note": 1}), None),
            (json!({"text": "t"}), None),
            (json!("text"), None),
        ] {
            assert_eq!(lead.beginning(&record).as_deref(), wanted, "{record}");
        }
        assert_eq!(Lead::of(&Fields::new()), None);
        let own = Lead {
            system: Some("own".to_owned()),
            instruction: None,
        };
        let both = own.within(Some(&lead));
        assert_eq!(both.system.as_deref(), Some("own"));
        assert_eq!(both.instruction.as_deref(), Some("do\nit"));
    }

    #[test]
    fn lists_of_what_is_not_wanted_are_known_by_their_names() {
        for name in ["Negative Examples", "negatives", "negative_examples"] {
            assert!(is_undesired(name), "{name}");
        }
        for name in [
            "Positive Examples",
            "non-negative",
            "negative_reviews",
            "data",
        ] {
            assert!(!is_undesired(name), "{name}");
        }
    }
}
