//! Checkpoints: `checkpoints/step-000100/` with weights, moments and the place in the data.
//!
//! A checkpoint appears whole or not at all: its files are written and synced in a directory with
//! a temporary name, which is then renamed. f32 weights and both moments are 12 bytes a parameter
//! (190 MB at 15.7M parameters).

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Options, Trainer};
use crate::{
    atomic,
    model::safetensors::{self, Reader},
    ops::Backend,
};

const WEIGHTS: &str = "weights.safetensors";
const MOMENTS: &str = "moments.safetensors";
const STATE: &str = "state.json";
/// The version of the layout; a reader refuses a newer one.
const VERSION: u32 = 1;

/// Where a run stands: all of its state beside the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Version of the checkpoint's layout.
    pub version: u32,
    /// Steps done.
    pub step: u64,
    /// Samples taken from the shards: the loader's whole state.
    pub samples: u64,
    /// Targets counted so far.
    pub counted: u64,
    /// The run's options.
    pub options: Options,
}

impl State {
    /// The state after `step` steps.
    #[must_use]
    pub fn new(step: u64, counted: u64, options: &Options) -> Self {
        Self {
            version: VERSION,
            step,
            samples: step * options.sequences as u64,
            counted,
            options: options.clone(),
        }
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
        let temporary = atomic::temporary(&path);
        let failed = || format!("cannot write the checkpoint {}", path.display());
        if temporary.exists() {
            fs::remove_dir_all(&temporary).with_context(failed)?;
        }
        fs::create_dir_all(&temporary).with_context(failed)?;
        crate::model::write_weights(backend, &trainer.model, &temporary.join(WEIGHTS))?;
        write_moments(backend, trainer, &temporary.join(MOMENTS))?;
        atomic::write_json(&temporary.join(STATE), state)?;
        fs::rename(&temporary, &path).with_context(failed)?;
        // Not every file system lets a directory be synced; the rename stands either way.
        if let Ok(dir) = fs::File::open(&self.dir) {
            let _ = dir.sync_all();
        }
        self.prune()
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
    let specs = &trainer.model.specs;
    let named = |prefix: &str| {
        specs
            .iter()
            .map(|spec| (format!("{prefix}.{}", spec.name), spec.dims()))
            .collect::<Vec<_>>()
    };
    let tensors = [named("m"), named("v")].concat();
    safetensors::write(path, &tensors, |i| match i.checked_sub(specs.len()) {
        None => backend.download(&trainer.m[i]),
        Some(i) => backend.download(&trainer.v[i]),
    })
}

fn read<B: Backend>(backend: &B, trainer: &mut Trainer<'_, B>, path: &Path) -> Result<State> {
    let text = fs::read(path.join(STATE)).context("cannot read state.json")?;
    let state: State = serde_json::from_slice(&text).context("state.json")?;
    ensure!(
        state.version <= VERSION,
        "layout version {}, this prep knows {VERSION}. Use the prep that wrote it",
        state.version
    );
    let mut weights = Reader::open(&path.join(WEIGHTS))?;
    let mut moments = Reader::open(&path.join(MOMENTS))?;
    for (i, spec) in trainer.model.specs.iter().enumerate() {
        let (name, dims) = (&spec.name, spec.dims());
        let upload = |values: Vec<f32>| backend.upload(spec.rows, spec.cols, &values);
        trainer.model.weights[i] = upload(weights.read(name, &dims)?)?;
        trainer.m[i] = upload(moments.read(&format!("m.{name}"), &dims)?)?;
        trainer.v[i] = upload(moments.read(&format!("v.{name}"), &dims)?)?;
    }
    Ok(state)
}
