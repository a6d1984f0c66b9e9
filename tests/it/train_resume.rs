//! Trainings that are stopped or killed and go on.

use std::process::Command;

use serde_json::Value;

use crate::support::training::{Place, TRAIN, file, undo, with};

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

    // What a kill after step 4 leaves.
    let model = place.path("model");
    undo(&model, "model.safetensors", "step-000006");
    let other = place.error(&with(TRAIN, &["--steps", "7"]));
    assert!(other.contains("steps is 6, yours is 7"), "{other}");
    let resumed = place.json(&with(&args, &["--resume"]));
    assert_eq!(resumed["val_loss"], whole["val_loss"]);
    assert_eq!(resumed["train_loss"], whole["train_loss"]);
    assert_eq!(file(&model.join("model.safetensors")), weights);
    let metrics = String::from_utf8(file(&model.join("metrics.jsonl"))).expect("text");
    assert_eq!(metrics.lines().count(), 6, "no step twice");
}

/// Kills a training with SIGKILL when its metrics have `steps` lines; whether it came to that.
fn kill_after(place: &Place, args: &[&str], steps: usize) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_prep"))
        .args(args)
        .arg("--quiet")
        .current_dir(place.dir.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("prep runs");
    let metrics = place.path("model/metrics.jsonl");
    loop {
        if child.try_wait().expect("is ours").is_some() {
            return false;
        }
        let lines = std::fs::read_to_string(&metrics).map_or(0, |text| text.lines().count());
        if lines >= steps {
            child.kill().expect("is killed");
            child.wait().expect("has ended");
            return true;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_killed_run_ends_with_the_bits_of_an_undisturbed_one() {
    let place = Place::new(120, 12);
    let mut args = with(TRAIN, &["--steps", "24", "--checkpoint-every", "3"]);
    args.extend(["--eval-every", "5", "--ema", "0.9", "--z-loss", "1e-4"]);
    args[3] = "undisturbed";
    place.json(&args);
    args[3] = "model";
    let mut killed = 0;
    for steps in [2, 8, 13, 20] {
        killed += usize::from(kill_after(&place, &args, steps));
    }
    assert!(killed > 0, "no run lived long enough to be killed");
    place.json(&args);
    let weights = |dir: &str| file(&place.path(dir).join("model.safetensors"));
    assert_eq!(weights("model"), weights("undisturbed"));
    let losses = |dir: &str| -> Vec<[Value; 4]> {
        let text = String::from_utf8(file(&place.path(dir).join("metrics.jsonl"))).expect("text");
        let lines = text.lines().map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            ["step", "loss", "grad_norm", "val_loss"].map(|key| line[key].clone())
        });
        lines.collect()
    };
    assert_eq!(losses("model").len(), 24);
    assert_eq!(losses("model"), losses("undisturbed"));
}
