//! The newer exact tokenizers, each a process of its own that reads the same documents.

use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one peer says of one tokenizer and text.
pub struct Said {
    /// Its name and version.
    pub name: String,
    /// MB/s of the pass with empty caches.
    pub first: f64,
    /// MB/s of the better pass after it.
    pub steady: f64,
    /// Its ids of the first documents, one after another.
    pub ids: Vec<u32>,
}

/// The peers that can run here, by the command that starts each.
pub struct Peers {
    commands: Vec<(String, Vec<OsString>)>,
    dir: tempfile::TempDir,
}

impl Peers {
    /// `PREP_BENCH_PEERS` builds the release candidate of `tokenizers`; `PREP_BENCH_PYTHON` names an
    /// interpreter that has gigatoken. Says which are left out.
    #[allow(clippy::print_stdout, reason = "a benchmark prints its numbers")]
    pub fn find() -> Self {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
        let mut commands = Vec::new();
        if std::env::var_os("PREP_BENCH_PEERS").is_some() {
            let program = built(&peers.join("tokenizers_rc"));
            commands.push(("tokenizers 1.0.0-rc.3".to_owned(), vec![program.into()]));
        } else {
            println!("no tokenizers 1.0.0-rc.3: PREP_BENCH_PEERS is not set");
        }
        if let Some(python) = std::env::var_os("PREP_BENCH_PYTHON") {
            let script = peers.join("encode_gigatoken.py");
            commands.push(("gigatoken".to_owned(), vec![python, script.into()]));
        } else {
            println!("no gigatoken: PREP_BENCH_PYTHON names no interpreter that has it");
        }
        Self {
            commands,
            dir: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// Has every peer encode `documents` with the tokenizer of `json`; ids are those of the first
    /// `sample` documents. A peer that does not read the tokenizer says so and is left out.
    #[allow(clippy::print_stdout, reason = "a benchmark prints its numbers")]
    pub fn measure(&self, json: &[u8], documents: &[String], sample: usize) -> Vec<Said> {
        let tokenizer = self.dir.path().join("tokenizer.json");
        let texts = self.dir.path().join("documents.jsonl");
        let ids = self.dir.path().join("ids");
        std::fs::write(&tokenizer, json).expect("written");
        let lines: String = documents
            .iter()
            .map(|document| serde_json::to_string(document).expect("JSON") + "\n")
            .collect();
        std::fs::write(&texts, lines).expect("written");
        let mut said = Vec::new();
        for (name, command) in &self.commands {
            let output = Command::new(&command[0])
                .args(&command[1..])
                .args([&tokenizer, &texts])
                .arg(sample.to_string())
                .arg(&ids)
                .output()
                .expect("a peer that starts");
            if !output.status.success() {
                let error = String::from_utf8_lossy(&output.stderr);
                let last = error.lines().last().unwrap_or_default();
                println!("  {name} fails: {last}");
                continue;
            }
            let row: Value = serde_json::from_slice(&output.stdout).expect("one JSON line");
            said.push(Said {
                name: row["peer"].as_str().unwrap_or(name).to_owned(),
                first: row["first"].as_f64().expect("a speed"),
                steady: row["steady"].as_f64().expect("a speed"),
                ids: std::fs::read(&ids)
                    .expect("the peer's ids")
                    .chunks_exact(4)
                    .map(|id| u32::from_le_bytes([id[0], id[1], id[2], id[3]]))
                    .collect(),
            });
        }
        said
    }
}

/// The program of the crate in `dir`, built with the release profile.
fn built(dir: &Path) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(dir.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .expect("cargo");
    assert!(status.success(), "{} does not build", dir.display());
    target.join("release/tokenizers-rc-peer")
}
