//! The loop of a run: continue, step, measure, save, finish.
//!
//! A run is a pure function of its options, its shards and its base model. It may be interrupted
//! anywhere: what is lost are the steps since the last checkpoint, and they come again with the
//! same bits.

use std::{path::Path, time::Instant};

use anyhow::{Result, bail, ensure};

use super::{
    Options, Step, Trainer, Windows,
    checkpoint::{Checkpoints, State},
    metrics::{Line, Metrics},
};
use crate::{
    eval::{self, Extent, Sums},
    model::Llama,
    ops::{Backend, Rope},
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
    pub train: Windows<'a>,
    /// What it is measured on, where the shards have some.
    pub val: Option<Windows<'a>>,
    /// Bytes of text of each token id.
    pub token_bytes: &'a [u32],
}

/// Who watches a run and may stop it.
pub trait Watcher {
    /// The run starts, or goes on after `step` steps.
    fn start(&mut self, step: u64);
    /// A step is done.
    fn step(&mut self, line: &Line);
    /// A remark for a person.
    fn note(&mut self, text: &str);
    /// Whether to save and stop.
    fn stop(&mut self) -> bool;
}

/// How a run ended.
pub struct Outcome<B: Backend> {
    /// The model.
    pub model: Llama<B>,
    /// Steps done, of all sessions.
    pub steps: u64,
    /// The mean loss of the last steps (a twentieth of the run, at most 50).
    pub train_loss: Option<f64>,
    /// The whole validation split.
    pub val: Option<Sums>,
    /// Tokens a second of this session's steps, evaluation and saving left out.
    pub tokens_per_second: f64,
    /// Whether all steps are done.
    pub complete: bool,
}

/// Runs to the end, or until the watcher stops it.
///
/// # Errors
/// When the run diverges, nothing can be learned, the directory holds another run, or a file cannot
/// be written.
pub fn run<B: Backend>(
    backend: &B,
    model: Llama<B>,
    data: &Data<'_>,
    options: &Options,
    saving: Saving,
    out: &Path,
    watcher: &mut dyn Watcher,
) -> Result<Outcome<B>> {
    let mut trainer = Trainer::new(backend, model, options.seq_len)?;
    let rope = trainer.model.config.rope_table(options.seq_len);
    let checkpoints = Checkpoints::new(out, saving.keep);
    let state = checkpoints.load(backend, &mut trainer, &mut |text| watcher.note(text))?;
    let (mut done, mut counted) = (0, 0);
    match state {
        Some(state) => {
            options.check_same(&state.options)?;
            (done, counted) = (state.step, state.counted);
        }
        None => ensure!(
            data.train.anything_counted(),
            "the loss mask of the shards counts no token: nothing can be learned. Shard again with \
             texts, or with chats that have assistant messages"
        ),
    }
    let mut metrics = Metrics::open(out, done)?;
    watcher.start(done);
    let mut clock = Clock::default();
    let mut stopped;
    while done < options.schedule.steps {
        let begin = Instant::now();
        let step = trainer.step(done + 1, options, &data.train)?;
        check_finite(done + 1, &step, out)?;
        done += 1;
        counted += step.counted as u64;
        let rate = clock.add(begin, options.step_tokens());
        let val = match &data.val {
            Some(val) if due(options.eval_every, done) => Some(measure(
                backend,
                &trainer.model,
                &rope,
                val,
                data.token_bytes,
                options,
                Some(options.eval_tokens),
            )?),
            _ => None,
        };
        let line = line(done, &step, rate, val, options);
        metrics.append(&line)?;
        watcher.step(&line);
        stopped = watcher.stop();
        if stopped || done == options.schedule.steps || due(Some(saving.every), done) {
            let state = State::new(done, counted, options);
            checkpoints.save(backend, &trainer, &state)?;
        }
        if stopped {
            break;
        }
    }
    let complete = done == options.schedule.steps;
    let val = match &data.val {
        Some(val) if complete => Some(measure(
            backend,
            &trainer.model,
            &rope,
            val,
            data.token_bytes,
            options,
            None,
        )?),
        _ => None,
    };
    drop(metrics);
    Ok(Outcome {
        train_loss: recent_loss(out, options),
        model: trainer.model,
        steps: done,
        val,
        tokens_per_second: clock.rate(),
        complete,
    })
}

fn due(every: Option<u64>, step: u64) -> bool {
    every.is_some_and(|every| step.is_multiple_of(every.max(1)))
}

fn line(
    done: u64,
    step: &Step,
    tokens_per_second: f64,
    val: Option<Sums>,
    options: &Options,
) -> Line {
    let means = val.and_then(|val| val.means());
    Line {
        step: done,
        tokens: done * options.step_tokens(),
        loss: step.loss,
        lr: step.lr,
        grad_norm: step.grad_norm,
        tokens_per_second,
        val_loss: means.map(|m| m.loss),
        val_bits_per_byte: means.and_then(|m| m.bits_per_byte),
    }
}

fn measure<B: Backend>(
    backend: &B,
    model: &Llama<B>,
    rope: &Rope,
    windows: &Windows<'_>,
    token_bytes: &[u32],
    options: &Options,
    tokens: Option<u64>,
) -> Result<Sums> {
    let extent = Extent {
        micro_batch: options.micro_batch,
        tokens,
    };
    eval::measure(
        backend,
        model,
        rope,
        windows,
        token_bytes,
        extent,
        &mut |_| true,
    )
}

fn check_finite(number: u64, step: &Step, out: &Path) -> Result<()> {
    if step.is_finite() {
        return Ok(());
    }
    bail!(
        "step {number}: the loss is {} and the gradient's norm {}: the run has diverged. The last \
         checkpoint in {} is intact. Start again in another --out with a lower --lr or a longer \
         --warmup",
        step.loss.unwrap_or_default(),
        step.grad_norm,
        out.join("checkpoints").display()
    )
}

/// The mean of the last steps' losses: one step's loss says little.
fn recent_loss(out: &Path, options: &Options) -> Option<f64> {
    let lines = super::metrics::read(out).ok()?;
    let count = (options.schedule.steps / 20).clamp(1, 50) as usize;
    let last = &lines[lines.len().saturating_sub(count)..];
    let losses: Vec<f64> = last.iter().filter_map(|line| line.loss).collect();
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}

/// Seconds and tokens of the steps alone.
#[derive(Default)]
struct Clock {
    seconds: f64,
    tokens: u64,
}

impl Clock {
    /// Adds a step; returns its tokens a second.
    fn add(&mut self, begin: Instant, tokens: u64) -> f64 {
        let seconds = begin.elapsed().as_secs_f64().max(1e-9);
        self.seconds += seconds;
        self.tokens += tokens;
        tokens as f64 / seconds
    }

    fn rate(&self) -> f64 {
        self.tokens as f64 / self.seconds.max(1e-9)
    }
}
