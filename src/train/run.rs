//! The loop of a run: continue, step, measure, save, finish.
//!
//! A run is a pure function of its options, its shards and its base model. It may be interrupted
//! anywhere: what is lost are the steps since the last checkpoint, and they come again with the
//! same bits.

use std::{collections::BTreeMap, path::Path, time::Instant};

use anyhow::{Result, bail, ensure};

use super::{
    Loader, Options, Step, Trainer,
    checkpoint::{Best, Checkpoints, State},
    clock::Clock,
    feed::Feed,
    guard::Verdict,
    journal::Journal,
    measure::{self, Measured},
    metrics::{self, Line},
    mfu::Utilisation,
    objective::{Preferred, classes::Confusion},
    prompts::{self, Answer, Prompts},
    ranks::{self, Alone, Ranks},
    tensorboard::Board,
};
use crate::{
    eval::{Breakdown, Extent, Groups, Means, Sums},
    model::Model,
    ops::Backend,
};

/// How often a run saves, and how many saves stay: these do not change its result.
#[derive(Clone, Copy, Debug)]
pub struct Saving {
    /// Steps between checkpoints.
    pub every: u64,
    /// Checkpoints that stay.
    pub keep: usize,
}

/// The data of a run.
pub struct Data<'a> {
    /// What the model learns from.
    pub train: Loader<'a>,
    /// What it is measured on, where the shards have some.
    pub val: Option<Loader<'a>>,
    /// Other validation splits, measured beside it under their names.
    pub val_sets: Vec<(String, Loader<'a>)>,
    /// Whose tokens the validation split has, where that is known.
    pub groups: Option<Groups>,
    /// Bytes of text of each token id.
    pub token_bytes: &'a [u32],
    /// What the speed is compared with, where the device's peak is known.
    pub utilisation: Option<Utilisation>,
    /// What the model answers at every evaluation.
    pub prompts: Option<Prompts<'a>>,
    /// Fails when the shards are no longer what they were; asked before every checkpoint.
    pub unchanged: &'a dyn Fn() -> Result<()>,
}

/// Who watches a run and may stop it.
pub trait Watcher {
    /// The run starts, or goes on after `step` steps.
    fn start(&mut self, step: u64);
    /// A step is done.
    fn step(&mut self, line: &Line);
    /// A prompt was answered.
    fn answer(&mut self, answer: &Answer);
    /// A remark for a person.
    fn note(&mut self, text: &str);
    /// Whether to save and stop.
    fn stop(&mut self) -> bool;
}

/// How a run ended.
pub struct Outcome<B: Backend> {
    /// The model.
    pub model: Model<B>,
    /// Where the run stands, of all sessions.
    pub state: State,
    /// The mean loss of the last steps (a twentieth of the run, at most 50).
    pub train_loss: Option<f64>,
    /// The whole validation split.
    pub val: Option<Sums>,
    /// What became of its pairs of answers, where these are learned from.
    pub val_preference: Option<Preferred>,
    /// What was told of its labels, where these are learned.
    pub val_classes: Option<Confusion>,
    /// The same by source and language, where that is known.
    pub val_by: Option<Breakdown>,
    /// The whole of the other validation splits.
    pub val_sets: BTreeMap<String, Means>,
    /// Tokens a second of this session's steps, evaluation and saving left out; where it made none, of
    /// the earlier ones in metrics.jsonl.
    pub tokens_per_second: Option<f64>,
    /// The share of the same steps that the device waited for data.
    pub wait_share: Option<f64>,
    /// How the last step used the experts, where there are some.
    pub experts: Option<metrics::Experts>,
    /// Whether all steps are done, or the run ended itself.
    pub complete: bool,
}

/// Runs to the end, or until the watcher stops it.
///
/// # Errors
/// When the run diverges, the shards change, the directory holds another run, or a file cannot be
/// written.
pub fn run<B: Backend>(
    backend: &B,
    model: Model<B>,
    data: &Data<'_>,
    options: &Options,
    saving: Saving,
    out: &Path,
    watcher: &mut dyn Watcher,
) -> Result<Outcome<B>> {
    run_among(&Alone, backend, model, data, options, saving, out, watcher)
}

/// The same as one of several ranks, which have the same model, data and options. Rank 0 alone
/// evaluates, writes and is watched; what the others return is the model alone.
///
/// # Errors
/// As [`run`], and when another rank fails or dies.
#[allow(clippy::too_many_arguments)]
pub fn run_among<B: Backend>(
    ranks: &dyn Ranks<B>,
    backend: &B,
    model: Model<B>,
    data: &Data<'_>,
    options: &Options,
    saving: Saving,
    out: &Path,
    watcher: &mut dyn Watcher,
) -> Result<Outcome<B>> {
    let trainer = Trainer::new(backend, model, options)?.among(ranks);
    let session = Session {
        ranks,
        trainer,
        backend,
        data,
        options,
        out,
        checkpoints: Checkpoints::new(out, saving.keep),
        state: State::new(options),
        clock: Clock::default(),
    };
    session.run(saving, watcher)
}

struct Session<'a, B: Backend> {
    ranks: &'a dyn Ranks<B>,
    backend: &'a B,
    trainer: Trainer<'a, B>,
    data: &'a Data<'a>,
    options: &'a Options,
    out: &'a Path,
    checkpoints: Checkpoints,
    state: State,
    clock: Clock,
}

impl<B: Backend> Session<'_, B> {
    fn run(mut self, saving: Saving, watcher: &mut dyn Watcher) -> Result<Outcome<B>> {
        if let Some(state) = self.load(watcher)? {
            self.options.check_same(&state.options)?;
            self.state = state;
        }
        self.check_together()?;
        let mut files = self.open_files()?;
        watcher.start(self.state.step);
        if let Some(files) = &mut files {
            self.begin(files, watcher)?;
        }
        let data = self.data;
        // An interrupted run and one whose data is read ahead stop here: the thread ends with it.
        std::thread::scope(|scope| -> Result<()> {
            let per_step = self.options.sequences;
            let share = ranks::share(self.options, self.ranks.rank(), self.ranks.count());
            let feed = Feed::start(scope, &data.train, self.state.samples, per_step, share);
            while !self.is_complete() {
                let verdict = self.step(&feed, &mut files, watcher)?;
                let stop = ranks::agree(self.ranks, watcher.stop())?;
                if verdict == Moved::Back {
                    files = self.open_files()?;
                    continue;
                }
                let due = stop || self.is_complete() || due(Some(saving.every), self.state.step);
                if due && self.leads() && self.state.guard.is_calm() {
                    (data.unchanged)()?;
                    self.checkpoints
                        .save(self.backend, &self.trainer, &self.state)?;
                }
                if stop {
                    break;
                }
            }
            Ok(())
        })?;
        self.finish()
    }

    fn is_complete(&self) -> bool {
        self.state.step >= self.options.schedule.steps || self.state.out_of_patience()
    }

    fn load(&mut self, watcher: &mut dyn Watcher) -> Result<Option<State>> {
        self.checkpoints
            .load(self.backend, &mut self.trainer, &mut |text| {
                watcher.note(text);
            })
    }

    /// Whether this process evaluates and writes.
    fn leads(&self) -> bool {
        self.ranks.rank() == 0
    }

    /// Fails unless all ranks stand where rank 0 does.
    fn check_together(&self) -> Result<()> {
        let (own, step) = (self.state.step, ranks::agree(self.ranks, self.state.step)?);
        ensure!(
            own == step,
            "rank 0 begins after step {step} and rank {} after step {own}: they do not read the same \
             checkpoints",
            self.ranks.rank()
        );
        Ok(())
    }

    fn open_files(&self) -> Result<Option<Files>> {
        if !self.leads() {
            return Ok(None);
        }
        let step = self.state.step;
        Ok(Some(Files {
            metrics: Journal::open::<Line>(&metrics::path(self.out), step)?,
            answers: match self.data.prompts {
                Some(_) => Some(Journal::open::<Answer>(&prompts::path(self.out), step)?),
                None => None,
            },
            board: Board::open(self.out)?,
        }))
    }

    /// Measures the named splits before the first step, once: what is forgotten is told from there.
    fn begin(&mut self, files: &mut Files, watcher: &mut dyn Watcher) -> Result<()> {
        let started = self.state.step > 0 || !metrics::read(self.out)?.is_empty();
        if started || self.data.val_sets.is_empty() {
            return Ok(());
        }
        let extent = Extent {
            micro_batch: self.options.micro_batch,
            tokens: Some(self.options.eval_tokens),
        };
        let sets = measure::sets(self.backend, &self.trainer, self.data, extent)?;
        watcher.note(&format!(
            "before the first step: {}",
            metrics::losses(&sets)
        ));
        let line = Line {
            val_sets: Some(sets),
            ..Line::default()
        };
        files.metrics.append(&line)?;
        files.board.append(&line)
    }

    /// One step, with its evaluation and its lines.
    fn step(
        &mut self,
        feed: &Feed,
        files: &mut Option<Files>,
        watcher: &mut dyn Watcher,
    ) -> Result<Moved> {
        let begin = Instant::now();
        let (data, waited) = feed.next()?;
        let number = self.state.step + 1;
        let step = self.trainer.gradients(number, self.options, &data)?;
        self.state.samples += self.options.sequences as u64;
        let verdict = self.state.guard.judge(&step, self.options.spike);
        let skipped = verdict != Verdict::Learn;
        match verdict {
            Verdict::Learn => self.trainer.update(number, self.options, &step)?,
            Verdict::Skip(reason) => {
                self.trainer.forget()?;
                watcher.note(&format!("step {number} is left out: {reason}"));
            }
            Verdict::RollBack(reason) => return self.back(number, &reason, watcher),
            Verdict::Diverged(reason) => bail!(self.diverged(number, &reason)),
        }
        self.state.step = number;
        self.state.counted += step.counted as u64;
        let rate = self
            .clock
            .add(begin, waited.as_secs_f64(), self.options.step_tokens());
        let mut line = Line {
            step: number,
            tokens: number * self.options.step_tokens(),
            loss: step.loss.filter(|loss| loss.is_finite()),
            lr: step.lr,
            grad_norm: finite(&step),
            tokens_per_second: rate.0,
            wait_share: rate.1,
            mfu: self.data.utilisation.map(|of| of.share(rate.0)),
            skipped,
            preference: step.judgement.and_then(|sum| sum.means()),
            experts: step.spread.as_ref().map(metrics::Experts::from),
            ..Line::default()
        };
        let measures = due(self.options.eval_every, number);
        if let Some(files) = files {
            if measures {
                self.evaluate(&mut line, files, watcher)?;
            }
            files.metrics.append(&line)?;
            files.board.append(&line)?;
        }
        if measures {
            self.state.best = ranks::agree(self.ranks, self.state.best)?;
        }
        watcher.step(&line);
        Ok(Moved::On)
    }

    /// Measures and asks the model as it would be if the run ended now.
    fn evaluate(
        &mut self,
        line: &mut Line,
        files: &mut Files,
        watcher: &mut dyn Watcher,
    ) -> Result<()> {
        self.trainer.swap_average();
        self.measure(Some(self.options.eval_tokens))?
            .into_line(line);
        if let Some(loss) = line.val_loss {
            let best = Best::after(self.state.best, line.step, loss);
            if best.since == 0 && self.options.patience.is_some() {
                self.checkpoints.save_best(self.backend, &self.trainer)?;
            }
            self.state.best = Some(best);
        }
        if let (Some(prompts), Some(file)) = (&self.data.prompts, &mut files.answers) {
            let model = &self.trainer.model;
            for answer in prompts::answers(self.backend, model, prompts, line.step)? {
                file.append(&answer)?;
                watcher.answer(&answer);
            }
            // Every length of an answer has buffers of its own.
            self.backend.release();
        }
        self.trainer.swap_average();
        Ok(())
    }

    fn measure(&mut self, tokens: Option<u64>) -> Result<Measured> {
        let (data, options) = (self.data, self.options);
        measure::measure(self.backend, &mut self.trainer, data, options, tokens)
    }

    /// Goes back to the last checkpoint, and on with the data after the steps that failed.
    fn back(&mut self, number: u64, reason: &str, watcher: &mut dyn Watcher) -> Result<Moved> {
        self.trainer.forget()?;
        let Some(then) = self.load(watcher)? else {
            bail!(self.diverged(number, reason));
        };
        watcher.note(&format!(
            "step {number}: {reason}, as in the steps before: going back to the checkpoint of step \
             {} and on with other data",
            then.step
        ));
        self.state.step = then.step;
        self.check_together()?;
        self.state.counted = then.counted;
        // The best stays: its weights are kept beside the checkpoints, and it was measured.
        self.state.guard.back_to(&then.guard);
        Ok(Moved::Back)
    }

    fn diverged(&self, number: u64, reason: &str) -> String {
        format!(
            "step {number}: {reason}: the run has diverged. The last checkpoint in {} is intact. \
             Start again in another --out with a lower --lr or a longer --warmup",
            self.out.join("checkpoints").display()
        )
    }

    fn finish(mut self) -> Result<Outcome<B>> {
        let complete = self.is_complete();
        let mut measured = Measured::default();
        if complete && self.leads() {
            if self.options.patience.is_some() && self.state.best.is_some() {
                self.checkpoints
                    .load_best(self.backend, &mut self.trainer)?;
            } else {
                self.trainer.swap_average();
            }
            measured = self.measure(None)?;
        }
        let lines = if self.leads() {
            metrics::read(self.out)?
        } else {
            Vec::new()
        };
        if self.clock.tokens == 0 {
            self.clock = Clock::of(&lines, self.options.step_tokens());
        }
        Ok(Outcome {
            train_loss: recent_loss(&lines, self.options),
            experts: lines.into_iter().next_back().and_then(|line| line.experts),
            model: self.trainer.model,
            state: self.state,
            val: measured.val,
            val_preference: measured.preference,
            val_classes: measured.classes,
            val_by: measured.by,
            val_sets: measured.sets,
            tokens_per_second: self.clock.rate(),
            wait_share: self.clock.wait_share(),
            complete,
        })
    }
}

/// The files that grow with the steps.
struct Files {
    metrics: Journal,
    answers: Option<Journal>,
    board: Board,
}

/// Where a step led.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moved {
    On,
    Back,
}

fn due(every: Option<u64>, step: u64) -> bool {
    every.is_some_and(|every| step.is_multiple_of(every.max(1)))
}

/// The gradient's norm as JSON can say it.
fn finite(step: &Step) -> f64 {
    if step.grad_norm.is_finite() {
        step.grad_norm
    } else {
        0.0
    }
}

/// The mean of the last steps' losses: one step's loss says little.
fn recent_loss(lines: &[Line], options: &Options) -> Option<f64> {
    let count = (options.schedule.steps / 20).clamp(1, 50) as usize;
    let last = &lines[lines.len().saturating_sub(count)..];
    let learned = last.iter().filter(|line| !line.skipped);
    let losses: Vec<f64> = learned.filter_map(|line| line.loss).collect();
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}
