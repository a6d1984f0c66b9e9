//! Whole runs for tests: what they learn from, stopped and gone on with, alone or as ranks.

use std::path::Path;

use anyhow::Result;

use super::{Counting, options};
use crate::{
    eval::Groups,
    model::{Adapters, Model},
    ops::cpu::Cpu,
    shard::Split,
    train::{
        Loader, Options, Tokens,
        loader::Finish,
        metrics::{self, Line},
        objective::{
            Joints, Objective, PairStream, Preferred,
            classes::{Targeted, Told},
        },
        prompts::{Answer, Prompt, Prompts},
        ranks::{Alone, Ranks},
        run::{Data, Outcome, Saving, Watcher, run_among},
    },
};

/// Stops after so many steps of a session.
#[derive(Default)]
pub struct StopAfter {
    pub left: Option<u64>,
    pub notes: Vec<String>,
    pub answers: Vec<Answer>,
    pub started: Vec<u64>,
}

impl StopAfter {
    pub fn steps(left: Option<u64>) -> Self {
        Self {
            left,
            ..Self::default()
        }
    }
}

impl Watcher for StopAfter {
    fn start(&mut self, step: u64) {
        self.started.push(step);
    }

    fn step(&mut self, _: &Line) {
        self.left = self.left.map(|left| left - 1);
    }

    fn answer(&mut self, answer: &Answer) {
        self.answers.push(answer.clone());
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    fn stop(&mut self) -> bool {
        self.left == Some(0)
    }
}

/// What the runs learn from and are measured on.
pub enum Material {
    /// Documents of many lengths, some longer than a sequence, of two sources.
    Texts(Counting),
    /// Pairs of answers, of the train split and of the other.
    Pairs(Box<[(PairStream, Joints); 2]>),
    /// Documents with labels.
    Labels(Counting, Targeted),
}

/// Lengths of the documents.
const LENGTHS: [u64; 12] = [9, 3, 20, 2, 8, 8, 5, 17, 1, 4, 6, 7];

/// The documents of the runs.
pub fn stream() -> Counting {
    Counting::texts(&LENGTHS)
}

impl Material {
    /// Texts.
    pub fn texts() -> Self {
        Self::Texts(stream())
    }

    /// The pairs of a shard directory.
    pub fn pairs(shards: &Path) -> Self {
        Self::Pairs(Box::new(Split::ALL.map(|split| {
            let stream = crate::shard::pairs::open(shards, split).unwrap();
            let stream = PairStream::new(stream, 64);
            let joints = Joints::new([&stream].into_iter());
            (stream, joints)
        })))
    }

    /// Documents, each second of which has the label 1.
    pub fn labels() -> Self {
        let (mut at, mut places) = (0, Vec::new());
        for (i, tokens) in LENGTHS.into_iter().enumerate() {
            places.push((at, tokens as u32, i as u32 % 2));
            at += tokens;
        }
        Self::Labels(stream(), Targeted::of(&places))
    }

    fn loader(&self, split: Split, options: &Options) -> Result<Loader<'_>> {
        let (stream, finish): (&dyn Tokens, Option<&dyn Finish>) = match self {
            Self::Texts(stream) => (stream, None),
            Self::Labels(stream, labels) => (stream, Some(labels)),
            Self::Pairs(pairs) => {
                let [train, val] = &**pairs;
                let (stream, joints) = match split {
                    Split::Train => train,
                    Split::Val => val,
                };
                (stream, Some(joints))
            }
        };
        let seed = match split {
            Split::Train => options.seed,
            Split::Val => 0,
        };
        let loader = Loader::new(stream, options.packing, options.seq_len, seed)?;
        Ok(loader.finished_by(finish))
    }

    /// What a run of these options reads.
    pub fn data(&self, options: &Options) -> Result<Data<'_>> {
        let prompts = || Prompts {
            prompts: vec![Prompt {
                text: "five".to_owned(),
                ids: vec![5],
            }],
            stop: vec![99],
            max_tokens: 3,
            decode: &|ids| format!("{ids:?}"),
        };
        let is_text = matches!(self, Self::Texts(_));
        let groups = || Groups::of(&[(0, "a", "ru"), (32, "b", "en"), (50, "a", "en")]);
        Ok(Data {
            train: self.loader(Split::Train, options)?,
            val: Some(self.loader(Split::Val, options)?),
            val_sets: Vec::new(),
            groups: is_text.then(groups),
            token_bytes: &[2; 100],
            utilisation: None,
            prompts: is_text.then(prompts),
            unchanged: &|| Ok(()),
        })
    }
}

/// A run, or what is left of one, as one rank.
pub fn session_as<E: Ranks<Cpu>>(
    ranks: &E,
    material: &Material,
    options: &Options,
    out: &Path,
    watcher: &mut StopAfter,
) -> Result<Outcome<Cpu>> {
    let data = material.data(options)?;
    let b = Cpu::default();
    let mut model = Model::random(&b, options.model.clone(), options.seed)?;
    if let Some(lora) = &options.lora {
        model.adapters = Some(Adapters::new(&b, &model, lora.clone(), options.seed)?);
    }
    let saving = Saving { every: 3, keep: 2 };
    run_among(ranks, &b, model, &data, options, saving, out, watcher)
}

/// The same of one process.
pub fn session(
    material: &Material,
    options: &Options,
    out: &Path,
    watcher: &mut StopAfter,
) -> Result<Outcome<Cpu>> {
    session_as(&Alone, material, options, out, watcher)
}

/// Options of a run that learns labels.
pub fn label_options(steps: u64) -> Options {
    let mut options = Options {
        objective: Objective::Classify {
            field: "topic".to_owned(),
        },
        z_loss: None,
        ..options(steps)
    };
    options.model.labels = Some(["a", "b"].map(str::to_owned).to_vec());
    options.model.tied = false;
    options
}

/// What a line of metrics says beside its times.
#[derive(Debug, PartialEq)]
pub struct Timeless {
    pub step: u64,
    pub loss: Option<f64>,
    pub grad_norm: f64,
    pub val_loss: Option<f64>,
    pub preference: Option<Preferred>,
    pub val_preference: Option<Preferred>,
    pub val_classes: Option<Told>,
}

/// The lines without what depends on time.
pub fn timeless(out: &Path) -> Vec<Timeless> {
    let lines = metrics::read(out).unwrap().into_iter();
    lines
        .map(|line| Timeless {
            step: line.step,
            loss: line.loss,
            grad_norm: line.grad_norm,
            val_loss: line.val_loss,
            preference: line.preference,
            val_preference: line.val_preference,
            val_classes: line.val_classes,
        })
        .collect()
}
