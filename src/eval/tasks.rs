//! Multiple choice by log-likelihood: which answer does the model find most probable after the
//! question?
//!
//! As `EleutherAI`'s lm-evaluation-harness does it: each choice is scored as the continuation
//! `question + " " + choice`; accuracy takes the highest sum of log-probabilities, normalised
//! accuracy the highest sum per character of the choice, and the standard error of a mean of n
//! items is `sqrt(p (1 - p) / (n - 1))`. A question's tokens go through the model once, for all of
//! its choices.

use std::{
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    model::{Model, Session},
    ops::Backend,
};

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What is asked.
    pub question: String,
    /// The answers to choose from; at least two.
    pub choices: Vec<String>,
    /// Which of them is right, from 0.
    pub answer: usize,
}

/// The account of a file of questions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Questions that were answered.
    pub items: u64,
    /// The share whose right choice is the most probable.
    pub accuracy: f64,
    /// Its standard error; 0 for one question.
    pub accuracy_stderr: f64,
    /// The share whose right choice is the most probable per character.
    pub accuracy_normalized: f64,
    /// Its standard error.
    pub accuracy_normalized_stderr: f64,
    /// The share that guessing gets right.
    pub chance: f64,
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

/// Reads questions a line at a time: `question`, `choices`, and `answer` as the number of a choice
/// from 0, its letter, or its text.
///
/// # Errors
/// When the file cannot be read, or has more than a thousand lines that are no questions.
pub fn for_each(
    path: &Path,
    rejected: &mut Vec<Rejected>,
    each: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<()> {
    let failed = || format!("cannot read {}", path.display());
    let file = std::fs::File::open(path).with_context(failed)?;
    for (line, text) in (1..).zip(BufReader::new(file).lines()) {
        let text = text.with_context(failed)?;
        if text.trim().is_empty() {
            continue;
        }
        match parse(&text) {
            Ok(item) => each(item)?,
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

fn parse(text: &str) -> Result<Item> {
    let json: Map<String, Value> = serde_json::from_str(text)
        .context("expected a JSON object with question, choices and answer")?;
    let question = json.get("question").and_then(Value::as_str);
    let question = question.context("question: expected a text")?.to_owned();
    let choices = json.get("choices").and_then(Value::as_array);
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
    let answer = json.get("answer").context("answer is missing")?;
    let answer = which(answer, &choices)?;
    Ok(Item {
        question,
        choices,
        answer,
    })
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
    truncated: u64,
}

impl Tally {
    /// Adds one item with the log-likelihood of each choice.
    pub fn add(&mut self, item: &Item, likelihoods: &Likelihoods) {
        let nats = &likelihoods.nats;
        let characters = item.choices.iter().map(|choice| choice.chars().count());
        let each: Vec<f64> = nats
            .iter()
            .zip(characters)
            .map(|(l, n)| l / n as f64)
            .collect();
        self.items += 1;
        self.right += u64::from(best(nats) == item.answer);
        self.right_normalized += u64::from(best(&each) == item.answer);
        self.chance += 1.0 / item.choices.len() as f64;
        self.truncated += u64::from(likelihoods.truncated);
    }

    /// The shares and their errors.
    pub fn scores(&self, rejected: Vec<Rejected>) -> Scores {
        let n = self.items.max(1) as f64;
        let error = |p: f64| {
            if self.items < 2 {
                0.0
            } else {
                (p * (1.0 - p) / (n - 1.0)).sqrt()
            }
        };
        let (plain, normalized) = (self.right as f64 / n, self.right_normalized as f64 / n);
        Scores {
            items: self.items,
            accuracy: plain,
            accuracy_stderr: error(plain),
            accuracy_normalized: normalized,
            accuracy_normalized_stderr: error(normalized),
            chance: self.chance / n,
            truncated: self.truncated,
            rejected,
        }
    }
}

/// The place of the largest, of equals the first.
fn best(values: &[f64]) -> usize {
    let mut best = 0;
    for (i, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = i;
        }
    }
    best
}

/// How probable each choice is.
pub struct Likelihoods {
    /// Sum of log-probabilities, nats.
    pub nats: Vec<f64>,
    /// Whether the beginning of the question was left out.
    pub truncated: bool,
}

/// Scores the choices of an item; `encode` makes tokens as the model saw them in training.
///
/// # Errors
/// When a choice alone is longer than the model's context, or the device fails.
pub fn likelihoods<B: Backend>(
    backend: &B,
    model: &Model<B>,
    item: &Item,
    encode: &dyn Fn(&str) -> Result<Vec<u32>>,
) -> Result<Likelihoods> {
    let context = model.config.max_positions;
    let question = encode(&item.question)?;
    let wholes = item
        .choices
        .iter()
        .map(|choice| encode(&format!("{} {choice}", item.question)))
        .collect::<Result<Vec<_>>>()?;
    // A token may reach over the end of the question: what differs from there on is the choice.
    let shared = |whole: &[u32]| {
        let same = whole.iter().zip(&question).take_while(|(a, b)| a == b);
        same.count().min(whole.len() - 1).max(1)
    };
    let longest = wholes.iter().map(Vec::len).max().unwrap_or_default();
    let cut = longest.saturating_sub(context + 1);
    let mut session = Session::new(backend, model, (longest - cut).min(context))?;
    let mut pushed: &[u32] = &[];
    let mut nats = Vec::new();
    for whole in &wholes {
        let scored = shared(whole);
        ensure!(
            scored > cut,
            "a choice of {} tokens is longer than the model's context of {context}",
            whole.len() - scored
        );
        // All but the token before the choice is already there, if the choice before had it, too.
        let before = &whole[cut..scored - 1];
        if pushed != before {
            session.rewind(0);
            session.push_all(before)?;
            pushed = before;
        }
        session.rewind(before.len());
        let logits = session.push_all(&whole[scored - 1..whole.len() - 1])?;
        let rows = logits.chunks(model.config.vocab_size);
        nats.push(
            rows.zip(&whole[scored..])
                .map(|(row, &id)| log_share(row, id))
                .sum(),
        );
    }
    Ok(Likelihoods {
        nats,
        truncated: cut > 0,
    })
}

/// The log-probability of one id.
fn log_share(logits: &[f32], id: u32) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&l| f64::from(l - max).exp()).sum();
    f64::from(logits[id as usize] - max) - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Batch, preset},
        ops::{Targets, cpu::Cpu},
    };

    #[test]
    fn answers_are_numbers_letters_or_texts() {
        let item = |answer: &str| {
            parse(&format!(
                r#"{{"question": "2 + 2 =", "choices": ["3", "4", "B"], "answer": {answer}}}"#
            ))
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
            (4, 0.25, 0.5)
        );
        assert_eq!(scores.accuracy_normalized, 0.75);
        assert!((scores.accuracy_stderr - (0.25_f64 * 0.75 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn likelihoods_are_the_losses_of_whole_texts() {
        let b = Cpu::default();
        let mut config = preset("llama-1m").unwrap().config(256, 1);
        config.init_std = 0.3;
        let model = Model::random(&b, config, 3).unwrap();
        let encode = |text: &str| Ok(text.bytes().map(u32::from).collect());
        let item = Item {
            question: "What is it?".to_owned(),
            choices: ["a bird", "a plane", "b"].map(str::to_owned).to_vec(),
            answer: 0,
        };
        let got = likelihoods(&b, &model, &item, &encode).unwrap();
        for (choice, got) in item.choices.iter().zip(got.nats) {
            let ids: Vec<u32> = encode(&format!("{} {choice}", item.question)).unwrap();
            let n = ids.len() - 1;
            let counted: Vec<bool> = (1..=n).map(|i| i >= item.question.len()).collect();
            let batch = Batch {
                batch: 1,
                seq: n,
                ids: &ids[..n],
                starts: &[],
                targets: Targets {
                    ids: &ids[1..],
                    counted: &counted,
                    scale: 1.0,
                    z_loss: 0.0,
                },
            };
            let rope = model.config.rope_table(n);
            let want = -model.loss(&b, rope.as_ref(), batch).unwrap().nats;
            assert!(
                (got / want - 1.0).abs() < 1e-5,
                "{choice}: {got} instead of {want}"
            );
        }
    }
}
