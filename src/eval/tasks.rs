//! Questions from a file: multiple choice, or answered freely.
//!
//! Where an item has `choices`, the most probable one is the answer ([`super::choice`]); where it has
//! none, what the model writes is compared with `answer` ([`super::exact`]). The standard error of a
//! mean of n items is `sqrt(p (1 - p) / (n - 1))`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    choice::{Item, Likelihoods},
    exact::{Question, normalise},
};

/// One item of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// With choices.
    Choice(Item),
    /// Without.
    Free(Question),
}

/// The account of a file of questions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Questions with choices that were answered.
    pub items: u64,
    /// The share whose right choice is the most probable; none without such questions.
    pub accuracy: Option<f64>,
    /// Its standard error; 0 for one question.
    pub accuracy_stderr: Option<f64>,
    /// The share whose right choice is the most probable per character.
    pub accuracy_normalized: Option<f64>,
    /// Its standard error.
    pub accuracy_normalized_stderr: Option<f64>,
    /// The share that guessing gets right.
    pub chance: Option<f64>,
    /// Questions without choices that were answered.
    pub exact_items: u64,
    /// The share whose answer is the right one after normalisation; none without such questions.
    pub exact_match: Option<f64>,
    /// Its standard error; 0 for one question.
    pub exact_match_stderr: Option<f64>,
    /// Questions whose beginning was left out, since they are longer than the model's context.
    pub truncated: u64,
    /// Lines that are no question, with the reason.
    pub rejected: Vec<Rejected>,
}

/// A line that is no question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it, and the remedy.
    pub reason: String,
}

/// Longest list of rejected lines; more are an error, since the file is then of another kind.
const MOST_REJECTED: usize = 1000;

/// Reads questions a line at a time: `question`; `choices` and `answer` as the number of a choice
/// from 0, its letter, or its text; or no choices and `answer` as a text, a number, or a list of
/// those, each of which is right.
///
/// # Errors
/// When the file cannot be read, or has more than a thousand lines that are no questions.
pub fn for_each(
    path: &Path,
    rejected: &mut Vec<Rejected>,
    each: &mut dyn FnMut(u64, Task) -> Result<()>,
) -> Result<()> {
    let failed = || format!("cannot read {}", path.display());
    let file = std::fs::File::open(path).with_context(failed)?;
    for (line, text) in (1..).zip(BufReader::new(file).lines()) {
        let text = text.with_context(failed)?;
        if text.trim().is_empty() {
            continue;
        }
        match parse(&text) {
            Ok(task) => each(line, task)?,
            Err(error) => rejected.push(Rejected {
                line,
                reason: format!("{error:#}"),
            }),
        }
        ensure!(
            rejected.len() <= MOST_REJECTED,
            "{}: more than {MOST_REJECTED} lines are no questions; the last says: {}",
            path.display(),
            rejected[MOST_REJECTED].reason
        );
    }
    Ok(())
}

fn parse(text: &str) -> Result<Task> {
    let json: Map<String, Value> = serde_json::from_str(text)
        .context("expected a JSON object with question and answer, and choices if there are any")?;
    let question = json.get("question").and_then(Value::as_str);
    let question = question.context("question: expected a text")?.to_owned();
    let answer = json.get("answer").context("answer is missing")?;
    let Some(choices) = json.get("choices").filter(|choices| !choices.is_null()) else {
        let answers = right_answers(answer)?;
        return Ok(Task::Free(Question { question, answers }));
    };
    let choices = choices.as_array();
    let choices = choices.context("choices: expected a list of texts")?;
    let choices: Option<Vec<String>> = choices
        .iter()
        .map(|choice| choice.as_str().map(str::to_owned))
        .collect();
    let choices = choices.context("choices: expected texts only")?;
    ensure!(
        choices.len() >= 2 && choices.iter().all(|choice| !choice.is_empty()),
        "choices: expected two and more that are not empty, got {}",
        choices.len()
    );
    let answer = which(answer, &choices)?;
    let same = choices.iter().filter(|&choice| *choice == choices[answer]);
    ensure!(
        same.count() == 1,
        "choices: the right one, {:?}, is there twice, so that no model can be right",
        choices[answer]
    );
    Ok(Task::Choice(Item {
        question,
        choices,
        answer,
    }))
}

/// What is right where there are no choices.
fn right_answers(answer: &Value) -> Result<Vec<String>> {
    let listed = answer.as_array();
    let each = listed.map_or_else(|| vec![answer], |list| list.iter().collect());
    let answers: Option<Vec<String>> = each
        .into_iter()
        .map(|answer| match answer {
            Value::String(text) if !normalise(text).is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect();
    match answers {
        Some(answers) if !answers.is_empty() => Ok(answers),
        _ => bail!(
            "answer: expected a text that is not empty, a number, or a list of those (the item has no \
             choices), got {answer}"
        ),
    }
}

/// The choice that an answer means: by number, by text, by letter.
fn which(answer: &Value, choices: &[String]) -> Result<usize> {
    let place = match answer {
        Value::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
        Value::String(text) => {
            let letter = match text.as_bytes() {
                [letter @ b'A'..=b'Z'] => Some(usize::from(letter - b'A')),
                _ => None,
            };
            choices.iter().position(|choice| choice == text).or(letter)
        }
        _ => None,
    };
    match place {
        Some(place) if place < choices.len() => Ok(place),
        _ => bail!(
            "answer: expected a choice's number from 0 to {}, its letter or its text, got {answer}",
            choices.len() - 1
        ),
    }
}

/// What the scores are made of.
#[derive(Default)]
pub struct Tally {
    items: u64,
    right: u64,
    right_normalized: u64,
    chance: f64,
    exact_items: u64,
    exact: u64,
    truncated: u64,
}

impl Tally {
    /// Adds one item with the log-likelihood of each choice.
    pub fn add(&mut self, item: &Item, likelihoods: &Likelihoods) {
        self.items += 1;
        self.right += u64::from(likelihoods.best() == item.answer);
        let by_character = likelihoods.best_by_character(item);
        self.right_normalized += u64::from(by_character == item.answer);
        self.chance += 1.0 / item.choices.len() as f64;
        self.truncated += u64::from(likelihoods.truncated);
    }

    /// Adds one question that was answered freely.
    pub fn add_exact(&mut self, right: bool, truncated: bool) {
        self.exact_items += 1;
        self.exact += u64::from(right);
        self.truncated += u64::from(truncated);
    }

    /// The shares and their errors.
    #[must_use]
    pub fn scores(&self, rejected: Vec<Rejected>) -> Scores {
        let plain = share(self.right, self.items);
        let normalized = share(self.right_normalized, self.items);
        let exact = share(self.exact, self.exact_items);
        Scores {
            items: self.items,
            accuracy: plain.map(|share| share.0),
            accuracy_stderr: plain.map(|share| share.1),
            accuracy_normalized: normalized.map(|share| share.0),
            accuracy_normalized_stderr: normalized.map(|share| share.1),
            chance: plain.map(|_| self.chance / self.items as f64),
            exact_items: self.exact_items,
            exact_match: exact.map(|share| share.0),
            exact_match_stderr: exact.map(|share| share.1),
            truncated: self.truncated,
            rejected,
        }
    }
}

/// A share and its standard error; none of nothing.
fn share(right: u64, of: u64) -> Option<(f64, f64)> {
    let (n, p) = (of as f64, right as f64 / of as f64);
    match of {
        0 => None,
        1 => Some((p, 0.0)),
        _ => Some((p, (p * (1.0 - p) / (n - 1.0)).sqrt())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_numbers_letters_or_texts() {
        let item = |answer: &str| {
            let line = format!(
                r#"{{"question": "2 + 2 =", "choices": ["3", "4", "B"], "answer": {answer}}}"#
            );
            match parse(&line)? {
                Task::Choice(item) => Ok(item),
                Task::Free(_) => bail!("it has choices"),
            }
        };
        assert_eq!(item("1").unwrap().answer, 1);
        assert_eq!(item(r#""4""#).unwrap().answer, 1);
        assert_eq!(item(r#""A""#).unwrap().answer, 0);
        assert_eq!(
            item(r#""B""#).unwrap().answer,
            2,
            "the text comes before the letter"
        );
        for wrong in ["3", "-1", "1.5", r#""D""#, r#""five""#, "null"] {
            let error = format!("{:#}", item(wrong).unwrap_err());
            assert!(error.contains("answer"), "{wrong}: {error}");
        }
        assert!(parse(r#"{"question": "?", "choices": ["one"], "answer": 0}"#).is_err());
        // Wrong ones may repeat; the right one would be right and wrong.
        let repeated =
            |answer| format!(r#"{{"question":"?","choices":["a","b","b"],"answer":{answer}}}"#);
        assert!(parse(&repeated(0)).is_ok());
        let error = parse(&repeated(1)).unwrap_err().to_string();
        assert!(error.contains("there twice"), "{error}");
    }

    #[test]
    fn scores_have_their_standard_errors() {
        let item = Item {
            question: String::new(),
            choices: vec!["a".to_owned(), "bbbb".to_owned()],
            answer: 1,
        };
        let mut tally = Tally::default();
        for nats in [[-1.0, -2.0], [-3.0, -2.0], [-1.0, -8.0], [-1.0, -2.0]] {
            tally.add(
                &item,
                &Likelihoods {
                    nats: nats.to_vec(),
                    truncated: false,
                },
            );
        }
        let scores = tally.scores(Vec::new());
        assert_eq!(
            (scores.items, scores.accuracy, scores.chance),
            (4, Some(0.25), Some(0.5))
        );
        assert_eq!(scores.accuracy_normalized, Some(0.75));
        let error = scores.accuracy_stderr.unwrap();
        assert!((error - (0.25_f64 * 0.75 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!((scores.exact_items, scores.exact_match), (0, None));
    }

    #[test]
    fn items_without_choices_are_answered_freely() {
        let answers = |answer: &str| match parse(&format!(
            r#"{{"question": "2 + 2 =", "answer": {answer}}}"#
        ))? {
            Task::Free(question) => Ok(question.answers),
            Task::Choice(_) => bail!("it has no choices"),
        };
        assert_eq!(answers(r#""four""#).unwrap(), ["four"]);
        assert_eq!(answers("4").unwrap(), ["4"]);
        assert_eq!(answers(r#"["four", 4]"#).unwrap(), ["four", "4"]);
        for wrong in [
            "null",
            r#""""#,
            r#"" . ""#,
            "[]",
            r#"["four", null]"#,
            "{}",
            "true",
        ] {
            let error = format!("{:#}", answers(wrong).unwrap_err());
            assert!(
                error.contains("answer: expected a text"),
                "{wrong}: {error}"
            );
        }
        let mut tally = Tally::default();
        for right in [true, false, false, true, true] {
            tally.add_exact(right, false);
        }
        let scores = tally.scores(Vec::new());
        assert_eq!((scores.exact_items, scores.exact_match), (5, Some(0.6)));
        let error = scores.exact_match_stderr.unwrap();
        assert!((error - (0.6_f64 * 0.4 / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!(
            (scores.items, scores.accuracy, scores.chance),
            (0, None, None)
        );
    }
}
