//! Multiple choice by log-likelihood: which answer does the model find most probable after the
//! question?
//!
//! As `EleutherAI`'s lm-evaluation-harness does it: each choice is scored as the continuation
//! `question + " " + choice`; accuracy takes the highest sum of log-probabilities, normalised
//! accuracy the highest sum per character of the choice. A question's tokens go through the model
//! once, for all of its choices.

use anyhow::{Result, ensure};

use crate::{
    model::{Model, Session},
    ops::{Backend, log_share},
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
        let each = rows
            .zip(&whole[scored..])
            .map(|(row, &id)| log_share(row, id));
        nats.push(each.sum::<Result<f64>>()?);
    }
    Ok(Likelihoods {
        nats,
        truncated: cut > 0,
    })
}

impl Likelihoods {
    /// The most probable choice; of equals the first.
    #[must_use]
    pub fn best(&self) -> usize {
        best(&self.nats)
    }

    /// The most probable choice per character.
    #[must_use]
    pub fn best_by_character(&self, item: &Item) -> usize {
        let characters = item.choices.iter().map(|choice| choice.chars().count());
        let each = self.nats.iter().zip(characters);
        let each: Vec<f64> = each.map(|(l, n)| l / n as f64).collect();
        best(&each)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Batch, preset},
        ops::{Targets, cpu::Cpu},
    };

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
                    weights: &[],
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
