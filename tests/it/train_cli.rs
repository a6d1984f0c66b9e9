//! `train`, `eval` and `generate` as a user runs them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::train_shards;

struct Place {
    dir: TempDir,
}

impl Place {
    /// A directory with `shards/` in it.
    fn new(train: usize, val: usize) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let tokenizer = train_shards::tokenizer(420);
        train_shards::write(&dir.path().join("shards"), &tokenizer, train, val);
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn prep(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_prep"))
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .expect("prep runs")
    }

    /// Runs a command that succeeds and prints one JSON object.
    fn json(&self, args: &[&str]) -> Value {
        let out = self.prep(&[args, &["--json", "--quiet"]].concat());
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{args:?}: {stderr}");
        assert_eq!(stderr, "", "{args:?}");
        serde_json::from_slice(&out.stdout).expect("one JSON object")
    }

    /// Runs a command that fails and returns what it says.
    fn error(&self, args: &[&str]) -> String {
        let out = self.prep(args);
        assert_eq!(out.status.code(), Some(2), "{args:?} should fail");
        assert!(out.stdout.is_empty(), "{args:?}: data on stdout");
        String::from_utf8_lossy(&out.stderr).into_owned()
    }
}

const TRAIN: &[&str] = &[
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

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

fn file(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_model_is_trained_measured_and_asked() {
    let place = Place::new(200, 20);
    let report = place.json(&with(TRAIN, &["--steps", "400"]));
    assert_eq!(report["steps"], 400);
    assert_eq!(report["tokens"], 400 * 256);
    let val = report["val_loss"].as_f64().expect("a validation loss");
    assert!(val < 1.0, "the sentences are easy, but the loss is {val}");
    assert!(report["tokens_per_second"].as_f64() > Some(0.0));
    for name in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "metrics.jsonl",
        "report.json",
        "manifest.json",
    ] {
        assert!(
            place.path("model").join(name).is_file(),
            "{name} is missing"
        );
    }

    let eval = place.json(&["eval", "model", "shards"]);
    assert!(
        (eval["loss"].as_f64().expect("a loss") - val).abs() < 1e-6,
        "{eval}"
    );
    let loss = eval["loss"].as_f64().expect("a loss");
    let perplexity = eval["perplexity"].as_f64().expect("a perplexity");
    assert!((perplexity - loss.exp()).abs() < 1e-9);
    assert_eq!(eval["bits_per_byte"], report["bits_per_byte"]);
    place.json(&["eval", "model", "shards", "--split", "train"]);

    let ask = [
        "generate",
        "model",
        "After two comes",
        "--greedy",
        "--max-tokens",
        "30",
    ];
    let said = place.json(&ask);
    let text = said["text"].as_str().expect("a text");
    assert!(text.starts_with(" three. После два идёт три."), "{said}");
    assert_eq!(said["finish_reason"], "stop");
    let streamed = place.prep(&with(&ask, &["--quiet"]));
    assert_eq!(
        String::from_utf8_lossy(&streamed.stdout),
        format!("{text}\n")
    );

    let chance = [
        "generate",
        "model",
        "After",
        "--max-tokens",
        "5",
        "--seed",
        "7",
        "--top-k",
        "9",
        "--top-p",
        "0.9",
        "--repetition-penalty",
        "1.1",
    ];
    let first = place.json(&chance);
    assert_eq!(first, place.json(&chance), "the same seed says the same");
    assert_eq!(first["finish_reason"], "length");
    place.json(&[
        "generate",
        "model",
        "?",
        "--chat",
        "--system",
        "Be brief.",
        "--max-tokens",
        "4",
    ]);
}

#[test]
fn a_run_continues_and_a_finished_one_says_so() {
    let place = Place::new(60, 6);
    let args = with(TRAIN, &["--steps", "6", "--checkpoint-every", "2"]);
    let whole = place.json(&args);
    let weights = file(&place.path("model/model.safetensors"));
    let again = place.prep(&args);
    assert!(again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("this run is done"));
    assert_eq!(place.json(&args)["val_loss"], whole["val_loss"]);

    // What a kill after step 4 leaves: no result, no later checkpoint.
    let model = place.path("model");
    for name in ["manifest.json", "report.json", "model.safetensors"] {
        std::fs::remove_file(model.join(name)).expect("is removed");
    }
    std::fs::remove_dir_all(model.join("checkpoints/step-000006")).expect("is removed");
    let config = train_state(&place, &args);
    std::fs::write(model.join("state.json"), config).expect("is written");
    let other = place.error(&with(TRAIN, &["--steps", "7"]));
    assert!(other.contains("steps is 6, yours is 7"), "{other}");
    let resumed = place.json(&with(&args, &["--resume"]));
    assert_eq!(resumed["val_loss"], whole["val_loss"]);
    assert_eq!(resumed["train_loss"], whole["train_loss"]);
    assert_eq!(file(&model.join("model.safetensors")), weights);
    let metrics = String::from_utf8(file(&model.join("metrics.jsonl"))).expect("text");
    assert_eq!(metrics.lines().count(), 6, "no step twice");
}

/// The state file of an unfinished run of these options.
fn train_state(place: &Place, args: &[&str]) -> String {
    let finished = place.path("other");
    let mut args = args.to_vec();
    args[3] = "other";
    place.json(&args);
    let manifest: Value =
        serde_json::from_slice(&file(&finished.join("manifest.json"))).expect("JSON");
    serde_json::json!({"config": manifest["config"]}).to_string()
}

#[test]
fn threads_do_not_change_the_model() {
    let place = Place::new(60, 0);
    let weights = |threads: &str, out: &str| {
        let mut args = with(TRAIN, &["--steps", "4", "--threads", threads]);
        args[3] = out;
        let report = place.json(&args);
        assert_eq!(report["val_loss"], Value::Null);
        file(&place.path(out).join("model.safetensors"))
    };
    assert_eq!(weights("1", "one"), weights("3", "three"));
}

#[test]
fn a_base_model_goes_on_learning_and_another_tokenizer_is_refused() {
    let place = Place::new(60, 6);
    place.json(&with(TRAIN, &["--steps", "20"]));
    let base = [
        "train",
        "shards",
        "--out",
        "tuned",
        "--base",
        "model",
        "--steps",
        "2",
        "--seq-len",
        "32",
        "--batch-tokens",
        "64",
        "--device",
        "cpu",
    ];
    let tuned = place.json(&base);
    let before = place.json(&["eval", "model", "shards"]);
    let (before, after) = (before["loss"].as_f64(), tuned["val_loss"].as_f64());
    let moved = (before.expect("a loss") - after.expect("a loss")).abs();
    assert!(
        moved < 0.1,
        "it begins where the base ended, but the loss moved by {moved}"
    );

    train_shards::write(&place.path("others"), &train_shards::tokenizer(300), 60, 6);
    let mut args = base.to_vec();
    args[1] = "others";
    args[3] = "never";
    let error = place.error(&args);
    assert!(
        error.contains("another tokenizer") && error.contains("--tokenizer"),
        "{error}"
    );
    let error = place.error(&["eval", "model", "others"]);
    assert!(error.contains("another tokenizer"), "{error}");
}

#[test]
fn wrong_usage_is_explained() {
    let place = Place::new(60, 6);
    let fails = |more: &[&str], say: &str| {
        let error = place.error(&with(&["train", "shards", "--out", "x"], more));
        assert!(error.contains(say), "{more:?}: {error}");
    };
    fails(&["--model", "gpt-5"], "llama-1m");
    fails(&["--model", "llama-8b"], "--memory");
    fails(&["--device", "tpu"], "expected auto, cpu, cuda");
    fails(&["--resume", "--model", "llama-1m"], "no run to continue");
    if !cfg!(feature = "cuda") {
        fails(
            &["--device", "cuda", "--model", "llama-1m"],
            "--features cuda",
        );
    }
    let error = place.error(&["generate", "shards", "a"]);
    assert!(error.contains("config.json"), "{error}");
    let error = place.error(&["train", "nowhere", "--out", "y"]);
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn a_split_smaller_than_a_window_is_trained_on_shorter_sequences() {
    let place = Place::new(1, 0);
    let out = place.prep(&[
        "train", "shards", "--out", "m", "--model", "llama-1m", "--steps", "1",
    ]);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{stderr}");
    assert!(stderr.contains("instead of 512"), "{stderr}");
}
