//! Checkpoints: `checkpoints/step-000100/` with weights, moments and the place in the data.
//!
//! A checkpoint appears whole or not at all: its files are written and synced in a directory with
//! a temporary name, which is then renamed. f32 weights and both moments are 12 bytes a parameter
//! that learns (190 MB at 15.7M parameters); frozen weights are the base model's and not in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Options, Trainer, guard::Guard};
use crate::{
    atomic,
    model::safetensors::{self, Dtype, Reader},
    ops::Backend,
};

const WEIGHTS: &str = "weights.safetensors";
const MOMENTS: &str = "moments.safetensors";
const AVERAGE: &str = "average.safetensors";
const BEST: &str = "best.safetensors";
const STATE: &str = "state.json";
/// The version of the layout; a reader refuses a newer one.
const VERSION: u32 = 2;

/// Where a run stands: all of its state beside the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Version of the checkpoint's layout.
    pub version: u32,
    /// Steps done.
    pub step: u64,
    /// Samples taken from the shards: the loader's whole state. More than the steps took when the
    /// run went back to a checkpoint and on with later data.
    pub samples: u64,
    /// Targets counted so far.
    pub counted: u64,
    /// What is remembered of the losses.
    pub guard: Guard,
    /// The best evaluation so far.
    pub best: Option<Best>,
    /// The run's options.
    pub options: Options,
}

/// The lowest loss of the evaluations so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Best {
    /// The step after which it was measured.
    pub step: u64,
    /// The loss, as the bits of f64.
    loss: u64,
    /// Evaluations since.
    pub since: u64,
}

impl Best {
    /// The loss, nats a counted token.
    #[must_use]
    pub fn loss(self) -> f64 {
        f64::from_bits(self.loss)
    }

    /// The best after one more evaluation.
    #[must_use]
    pub fn after(best: Option<Self>, step: u64, loss: f64) -> Self {
        match best {
            Some(best) if loss >= best.loss() || loss.is_nan() => Self {
                since: best.since + 1,
                ..best
            },
            _ => Self {
                step,
                loss: loss.to_bits(),
                since: 0,
            },
        }
    }
}

impl State {
    /// The state of a run that begins.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            version: VERSION,
            step: 0,
            samples: 0,
            counted: 0,
            guard: Guard::default(),
            best: None,
            options: options.clone(),
        }
    }

    /// Whether the run is to end for want of progress.
    #[must_use]
    pub fn out_of_patience(&self) -> bool {
        let since = self.best.map_or(0, |best| best.since);
        self.options.patience.is_some_and(|most| since >= most)
    }
}

/// The checkpoints of a run.
pub struct Checkpoints {
    dir: PathBuf,
    keep: usize,
}

impl Checkpoints {
    /// The checkpoints under `out`, of which the newest `keep` stay.
    #[must_use]
    pub fn new(out: &Path, keep: usize) -> Self {
        Self {
            dir: out.join("checkpoints"),
            keep: keep.max(1),
        }
    }

    /// Writes one and removes those that are too many.
    ///
    /// # Errors
    /// When it cannot be written; the ones before stay.
    pub fn save<B: Backend>(
        &self,
        backend: &B,
        trainer: &Trainer<'_, B>,
        state: &State,
    ) -> Result<()> {
        let path = self.dir.join(format!("step-{:06}", state.step));
        if path.join(STATE).is_file() {
            return Ok(());
        }
        // A tensor at a time passes through memory on its way to the file.
        backend.release();
        let temporary = atomic::temporary(&path);
        let failed = || format!("cannot write the checkpoint {}", path.display());
        if temporary.exists() {
            fs::remove_dir_all(&temporary).with_context(failed)?;
        }
        fs::create_dir_all(&temporary).with_context(failed)?;
        let model = &trainer.model;
        let path_of = |name| temporary.join(name);
        let specs = model.trained_specs();
        crate::model::write_weights(backend, specs, model.trained(), &path_of(WEIGHTS))?;
        write_moments(backend, trainer, &temporary.join(MOMENTS))?;
        if let Some(average) = &trainer.average {
            crate::model::write_weights(backend, specs, average, &path_of(AVERAGE))?;
        }
        atomic::write_json(&temporary.join(STATE), state)?;
        fs::rename(&temporary, &path).with_context(failed)?;
        // Not every file system lets a directory be synced; the rename stands either way.
        if let Ok(dir) = fs::File::open(&self.dir) {
            let _ = dir.sync_all();
        }
        self.prune()
    }

    /// Keeps the trainer's weights as those of the best evaluation.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn save_best<B: Backend>(&self, backend: &B, trainer: &Trainer<'_, B>) -> Result<()> {
        fs::create_dir_all(&self.dir)
            .with_context(|| format!("cannot make {}", self.dir.display()))?;
        let model = &trainer.model;
        let path = self.dir.join(BEST);
        crate::model::write_weights(backend, model.trained_specs(), model.trained(), &path)
    }

    /// Gives the trainer the weights of the best evaluation.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn load_best<B: Backend>(&self, backend: &B, trainer: &mut Trainer<'_, B>) -> Result<()> {
        let mut weights = Reader::open(&self.dir.join(BEST))?;
        let specs = trainer.model.trained_specs().to_vec();
        for (spec, weight) in specs.iter().zip(trainer.model.trained_mut()) {
            let values = weights.read(&spec.name, &spec.dims())?;
            *weight = backend.upload(spec.rows, spec.cols, &values)?;
        }
        Ok(())
    }

    /// Loads the newest readable one; `note` hears of those that are damaged.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn load<B: Backend>(
        &self,
        backend: &B,
        trainer: &mut Trainer<'_, B>,
        note: &mut dyn FnMut(&str),
    ) -> Result<Option<State>> {
        for (_, path) in self.list()?.into_iter().rev() {
            match read(backend, trainer, &path) {
                Ok(state) => return Ok(Some(state)),
                Err(error) => note(&format!(
                    "{} cannot be used, trying the one before: {error:#}",
                    path.display()
                )),
            }
        }
        Ok(None)
    }

    /// Steps and paths, in order of the steps.
    fn list(&self) -> Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        if !self.dir.is_dir() {
            return Ok(found);
        }
        let failed = || format!("cannot list {}", self.dir.display());
        for entry in fs::read_dir(&self.dir).with_context(failed)? {
            let path = entry.with_context(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let step = name.and_then(|name| name.strip_prefix("step-")?.parse().ok());
            if let Some(step) = step {
                found.push((step, path));
            }
        }
        found.sort();
        Ok(found)
    }

    fn prune(&self) -> Result<()> {
        let found = self.list()?;
        for (_, path) in found.iter().rev().skip(self.keep) {
            // The state goes first: without it what is left is no checkpoint.
            let _ = fs::remove_file(path.join(STATE));
            fs::remove_dir_all(path)
                .with_context(|| format!("cannot remove the old checkpoint {}", path.display()))?;
        }
        Ok(())
    }
}

fn write_moments<B: Backend>(backend: &B, trainer: &Trainer<'_, B>, path: &Path) -> Result<()> {
    let specs = trainer.model.trained_specs().iter();
    let (mut tensors, mut places) = (Vec::new(), Vec::new());
    for (spec, moments) in specs.zip(&trainer.moments) {
        for (i, tensor) in moments.tensors(spec).into_iter().enumerate() {
            tensors.push(tensor);
            places.push((moments, i));
        }
    }
    safetensors::write(path, Dtype::F32, &tensors, |at| {
        let (moments, i) = places[at];
        moments.values(backend, i)
    })
}

fn read<B: Backend>(backend: &B, trainer: &mut Trainer<'_, B>, path: &Path) -> Result<State> {
    let text = fs::read(path.join(STATE)).context("cannot read state.json")?;
    let state: State = serde_json::from_slice(&text).context("state.json")?;
    ensure!(
        state.version == VERSION,
        "layout version {}, this prep knows {VERSION}. Use the prep that wrote it",
        state.version
    );
    let mut weights = Reader::open(&path.join(WEIGHTS))?;
    let mut moments = Reader::open(&path.join(MOMENTS))?;
    let mut averages = match trainer.average {
        Some(_) => Some(Reader::open(&path.join(AVERAGE))?),
        None => None,
    };
    let specs = trainer.model.trained_specs().to_vec();
    for (i, spec) in specs.iter().enumerate() {
        let (name, dims) = (&spec.name, spec.dims());
        let upload = |values: Vec<f32>| backend.upload(spec.rows, spec.cols, &values);
        trainer.model.trained_mut()[i] = upload(weights.read(name, &dims)?)?;
        let own = &mut trainer.moments[i];
        for (j, (name, dims)) in own.tensors(spec).iter().enumerate() {
            own.set(backend, spec, j, &moments.read(name, dims)?)?;
        }
        if let (Some(average), Some(file)) = (&mut trainer.average, &mut averages) {
            average[i] = upload(file.read(name, &dims)?)?;
        }
    }
    Ok(state)
}
