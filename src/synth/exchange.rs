//! Questions and answers in the shapes of public data sets.
//!
//! One row of [`SHAPES`] is one shape: how often it is made, and how a record of it is written.

use super::prose::Prose;
use super::rng::Rng;
use super::spread::Spread;
use crate::document::{Content, Message};
use anyhow::Result;
use serde_json::json;

/// One shape of record.
pub struct Shape {
    /// Its name, that of `prep ingest --shape`.
    pub name: &'static str,
    /// Records of it in a hundred.
    pub percent: u64,
    /// What it can hold.
    pub holds: Holds,
    /// The fields of a record.
    fields: fn(&str, &Content) -> serde_json::Value,
}

/// What a shape can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A question and its answer.
    Pair,
    /// Any number of turns, and a system prompt.
    Turns,
    /// A question with a better and a worse answer.
    Preference,
}

/// All shapes; the percents are those of all records.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "alpaca",
        percent: 25,
        holds: Holds::Pair,
        fields: |id, content| {
            let (question, answer) = pair(content);
            // What stands below the question is the input, as ingest puts it together.
            let (instruction, input) = question.split_once("\n\n").unwrap_or((question, ""));
            json!({"id": id, "instruction": instruction, "input": input, "output": answer})
        },
    },
    Shape {
        name: "question_answer",
        percent: 20,
        holds: Holds::Pair,
        fields: |id, content| {
            let (question, answer) = pair(content);
            json!({"id": id, "question": question, "answer": answer})
        },
    },
    Shape {
        name: "messages",
        percent: 25,
        holds: Holds::Turns,
        fields: |id, content| json!({"id": id, "messages": turns(content)}),
    },
    Shape {
        name: "sharegpt",
        percent: 20,
        holds: Holds::Turns,
        fields: |id, content| {
            let turns: Vec<_> = turns(content)
                .iter()
                .map(|turn| json!({"from": sharegpt_role(&turn.role), "value": turn.content}))
                .collect();
            json!({"id": id, "conversations": turns})
        },
    },
    Shape {
        name: "preference",
        percent: 10,
        holds: Holds::Preference,
        fields: |id, content| {
            let (prompt, chosen) = pair(content);
            let rejected = match content {
                Content::Preference { rejected, .. } => first(rejected),
                _ => "",
            };
            json!({"id": id, "prompt": prompt, "chosen": chosen, "rejected": rejected})
        },
    },
];

impl Shape {
    /// A shape by its share.
    #[must_use]
    pub fn draw(rng: &mut Rng) -> &'static Self {
        let mut left = rng.below(100);
        for shape in SHAPES {
            if left < shape.percent {
                return shape;
            }
            left -= shape.percent;
        }
        &SHAPES[0]
    }

    /// A shape that can hold `content`: a copy need not have the shape of its original.
    #[must_use]
    pub fn for_copy(content: &Content, rng: &mut Rng) -> &'static Self {
        let fits = |shape: &&Shape| match content {
            Content::Preference { .. } => shape.holds == Holds::Preference,
            Content::Chat(turns) if turns.len() == 2 => shape.holds != Holds::Preference,
            _ => shape.holds == Holds::Turns,
        };
        let fitting: Vec<&'static Shape> = SHAPES.iter().filter(fits).collect();
        rng.pick(&fitting)
    }

    /// Appends the record as a line of JSON.
    ///
    /// # Errors
    /// Never in practice: text is always JSON.
    pub fn write(&self, id: &str, content: &Content, out: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(&mut *out, &(self.fields)(id, content))?;
        out.push(b'\n');
        Ok(())
    }
}

fn turns(content: &Content) -> &[Message] {
    match content {
        Content::Chat(turns)
        | Content::Preference {
            messages: turns, ..
        } => turns,
        Content::Text(_) => &[],
    }
}

/// The first question and the first answer.
fn pair(content: &Content) -> (&str, &str) {
    let turns = turns(content);
    (first(turns), turns.get(1).map_or("", |turn| &turn.content))
}

fn first(turns: &[Message]) -> &str {
    turns.first().map_or("", |turn| &turn.content)
}

fn sharegpt_role(role: &str) -> &str {
    match role {
        "user" => "human",
        "assistant" => "gpt",
        other => other,
    }
}

/// Makes questions and answers.
pub struct Exchanges {
    answer_characters: Spread,
    rounds: Spread,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            answer_characters: Spread::new(400.0, 2.2, 40, 8_000),
            rounds: Spread::new(1.3, 1.8, 1, 8),
        }
    }
}

impl Exchanges {
    /// A new exchange that a shape of `holds` can hold.
    #[must_use]
    pub fn make(&self, prose: &Prose, holds: Holds, rng: &mut Rng) -> Content {
        match holds {
            Holds::Pair => {
                let mut turns = self.round(prose, rng);
                if rng.chance(0.25) {
                    // Something that the question is about.
                    turns[0].content.push_str("\n\n");
                    prose.sentence(rng, &mut turns[0].content);
                }
                Content::Chat(turns)
            }
            Holds::Turns => {
                let mut turns = Vec::new();
                if rng.chance(0.3) {
                    turns.push(Message::new("system", rng.pick(prose.language.systems)));
                }
                for _ in 0..self.rounds.sample(rng) {
                    turns.extend(self.round(prose, rng));
                }
                Content::Chat(turns)
            }
            Holds::Preference => {
                let messages = self.round(prose, rng);
                let rejected = vec![self.answer(prose, rng)];
                Content::Preference { messages, rejected }
            }
        }
    }

    fn round(&self, prose: &Prose, rng: &mut Rng) -> Vec<Message> {
        let mut question = String::new();
        prose.question(rng, &mut question);
        vec![Message::new("user", question), self.answer(prose, rng)]
    }

    fn answer(&self, prose: &Prose, rng: &mut Rng) -> Message {
        let mut answer = String::new();
        prose.text(self.answer_characters.sample(rng), rng, &mut answer);
        Message::new("assistant", answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::shape::Shape as Read;
    use crate::synth::language::LANGUAGES;
    use crate::synth::rng::Purpose;

    #[test]
    fn every_shape_is_read_back_as_it_was_made() {
        let prose = Prose::new(&LANGUAGES[0]);
        let exchanges = Exchanges::default();
        let mut rng = Rng::new(3, Purpose::Content, 0);
        assert_eq!(SHAPES.iter().map(|shape| shape.percent).sum::<u64>(), 100);
        for shape in SHAPES.iter().cycle().take(200) {
            let content = exchanges.make(&prose, shape.holds, &mut rng);
            let mut line = Vec::new();
            shape.write("x", &content, &mut line).expect("writes");
            let mut fields = serde_json::from_slice(&line).expect("JSON");
            let read = Read::of(&fields).expect("a known shape");
            assert_eq!(read.name, shape.name);
            assert_eq!(read.take(&mut fields).expect("fits"), [Ok(content.into())]);
        }
    }
}
