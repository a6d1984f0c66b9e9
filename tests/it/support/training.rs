//! Trainings of small shards: a directory for them, their usual flags, and what an interruption leaves.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::read_json;
use crate::train_shards;

pub struct Place {
    pub dir: TempDir,
}

impl Place {
    /// A directory with `shards/` in it.
    pub fn new(train: usize, val: usize) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let tokenizer = train_shards::tokenizer(420);
        train_shards::write(&dir.path().join("shards"), &tokenizer, train, val);
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn prep(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_prep"))
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .expect("prep runs")
    }

    /// Runs a command that succeeds and prints one JSON object.
    pub fn json(&self, args: &[&str]) -> Value {
        let out = self.prep(&[args, &["--json", "--quiet"]].concat());
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{args:?}: {stderr}");
        assert_eq!(stderr, "", "{args:?}");
        serde_json::from_slice(&out.stdout).expect("one JSON object")
    }

    /// Runs a command that fails and returns what it says.
    pub fn error(&self, args: &[&str]) -> String {
        let out = self.prep(args);
        assert_eq!(out.status.code(), Some(2), "{args:?} should fail");
        assert!(out.stdout.is_empty(), "{args:?}: data on stdout");
        String::from_utf8_lossy(&out.stderr).into_owned()
    }
}

pub const TRAIN: &[&str] = &[
    "train",
    "shards",
    "--out",
    "model",
    "--model",
    "llama-1m",
    "--seq-len",
    "32",
    "--batch-tokens",
    "256",
    "--lr",
    "0.003",
    "--device",
    "cpu",
];

pub fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

pub fn file(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Makes of a finished run what a kill after an earlier checkpoint leaves: no result, no `checkpoint`, and
/// the state that says what the run is.
pub fn undo(dir: &Path, weights: &str, checkpoint: &str) {
    let manifest = read_json(&dir.join("manifest.json"));
    for name in ["manifest.json", "report.json", weights] {
        std::fs::remove_file(dir.join(name)).expect("is removed");
    }
    std::fs::remove_dir_all(dir.join("checkpoints").join(checkpoint)).expect("is removed");
    let state = json!({"config": manifest["config"]});
    prep::atomic::write_json(&prep::run_dir::state_path(dir), &state).expect("writes");
}
