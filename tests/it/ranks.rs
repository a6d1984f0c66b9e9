//! `prep train --devices`: real processes that train one model.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    classify, preferences,
    support::place,
    support::training::{Place, TRAIN, file, with},
};

/// The training of the other tests, without its device.
fn base() -> &'static [&'static str] {
    &TRAIN[..TRAIN.len() - 2]
}

fn into<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = with(base(), more);
    args[3] = out;
    args
}

/// What does not depend on time, of every step.
fn lines(place: &Place, out: &str) -> Vec<[Value; 4]> {
    let text = String::from_utf8(file(&place.path(out).join("metrics.jsonl"))).expect("text");
    let each = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        ["step", "loss", "grad_norm", "val_loss"].map(|key| line[key].clone())
    });
    each.collect()
}

/// Checks that two runs have the same losses but for the order in which f32 gradients are summed.
fn close(one: &[[Value; 4]], other: &[[Value; 4]]) {
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().flatten().zip(other.iter().flatten()) {
        let pair = one.as_f64().zip(other.as_f64());
        let same = pair.map_or(one == other, |(a, b)| (a - b).abs() <= 1e-3 * a.abs());
        assert!(same, "{one} and {other}");
    }
}

const STEPS: [&str; 6] = [
    "--steps",
    "24",
    "--checkpoint-every",
    "4",
    "--eval-every",
    "6",
];

#[test]
fn two_processes_learn_what_one_does_and_the_same_each_time() {
    let place = Place::new(120, 12);
    let alone = with(&STEPS, &["--device", "cpu"]);
    let pair = with(&STEPS, &["--devices", "cpu,cpu"]);
    let one = place.json(&into("one", &alone));
    let two = place.json(&into("two", &pair));
    close(&lines(&place, "one"), &lines(&place, "two"));
    for key in ["steps", "tokens", "counted_tokens"] {
        assert_eq!(one[key], two[key]);
    }
    let again = place.json(&into("again", &pair));
    assert_eq!(lines(&place, "again"), lines(&place, "two"));
    assert_eq!(again["val_loss"], two["val_loss"]);
    let weights = |out: &str| file(&place.path(out).join("model.safetensors"));
    assert!(weights("again") == weights("two"), "the same bits");
    place.json(&into("two", &pair));
}

/// Compares the metrics of two runs: every number but times, nested ones too.
fn close_metrics(one: &Path, other: &Path) {
    let lines = |out: &Path| -> Vec<Value> {
        let text = String::from_utf8(file(&out.join("metrics.jsonl"))).expect("text");
        let lines = text.lines();
        lines
            .map(|line| {
                let mut line: Value = serde_json::from_str(line).expect("JSON");
                for timed in ["tokens_per_second", "wait_share", "mfu"] {
                    line[timed] = Value::Null;
                }
                line
            })
            .collect()
    };
    let (one, other) = (lines(one), lines(other));
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(&other) {
        close_numbers(one, other);
    }
}

fn close_numbers(one: &Value, other: &Value) {
    if let (Some(one), Some(other)) = (one.as_object(), other.as_object()) {
        assert!(one.keys().eq(other.keys()));
        one.values()
            .zip(other.values())
            .for_each(|(a, b)| close_numbers(a, b));
        return;
    }
    let pair = one.as_f64().zip(other.as_f64());
    let same = pair.map_or(one == other, |(a, b)| {
        (a - b).abs() <= 1e-3 * a.abs().max(0.1)
    });
    assert!(same, "{one} and {other}");
}

#[test]
fn two_processes_learn_preferences_and_labels_as_one_does() {
    let (pairs, labels) = (place(), place());
    preferences::with_base(pairs.path(), "6");
    classify::sharded(labels.path());
    let steps = ["--steps", "8", "--eval-every", "4"];
    let on = |devices: &[&str]| {
        let out = if devices[0] == "--devices" {
            "two"
        } else {
            "one"
        };
        for (name, more) in [
            ("dpo", &["--objective", "dpo", "--lora", "4"][..]),
            ("ipo", &["--objective", "ipo", "--lr", "0.0005"]),
        ] {
            let flags = [&steps, devices, more, &["--base", "base"]].concat();
            let report = preferences::on(pairs.path(), &format!("{name}-{out}"), &flags).json();
            assert!(
                report["val_preference"]["pairs"].as_u64() > Some(10),
                "{report}"
            );
        }
        let flags = [&steps, devices, &["--model", "llama-1m"]].concat();
        let report = classify::on(labels.path(), &format!("labels-{out}"), &flags).json();
        assert!(report["val_classes"]["documents"].is_u64(), "{report}");
    };
    on(&["--device", "cpu"]);
    on(&["--devices", "cpu,cpu"]);
    for name in ["dpo", "ipo"] {
        let of = |out: &str| pairs.path().join(format!("{name}-{out}"));
        close_metrics(&of("two"), &of("one"));
    }
    let of = |out: &str| labels.path().join(format!("labels-{out}"));
    close_metrics(&of("two"), &of("one"));
}

/// A run of two ranks under way, and the process of the second.
fn begin(
    place: &Place,
    out: &str,
    steps: usize,
) -> (Child, BufReader<std::process::ChildStderr>, u32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_prep"))
        .args(into(out, &with(&STEPS, &["--devices", "cpu,cpu"])))
        .current_dir(place.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("prep runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let rank = loop {
        let mut line = String::new();
        assert!(
            stderr.read_line(&mut line).expect("text") > 0,
            "no rank was named"
        );
        if let Some((_, rest)) = line.split_once("rank 1 on cpu (process ") {
            break rest
                .trim_end()
                .trim_end_matches(')')
                .parse()
                .expect("a number");
        }
    };
    let metrics = place.path(out).join("metrics.jsonl");
    while std::fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) < steps {
        assert!(
            child.try_wait().expect("is ours").is_none(),
            "it ended by itself"
        );
        std::thread::yield_now();
    }
    (child, stderr, rank)
}

fn signal(signal: &str, process: u32) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {process}")])
        .status();
    assert!(status.is_ok_and(|status| status.success()));
}

/// Waits until a process that is not ours has ended.
fn wait_for_end(process: u32) {
    loop {
        let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
            return;
        };
        if status.contains(") Z") {
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_rank_that_dies_is_named_and_any_number_of_ranks_goes_on() {
    let place = Place::new(120, 12);
    place.json(&into("want", &with(&STEPS, &["--device", "cpu"])));

    let (mut child, mut stderr, rank) = begin(&place, "model", 5);
    signal("KILL", rank);
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("ends").code(), Some(2), "{said}");
    for part in [
        "rank 1 (cpu",
        "signal: 9",
        "has died",
        "checkpoints are intact",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(
        place
            .path("model/checkpoints/step-000004/state.json")
            .is_file()
    );

    // Rank 0 dies: the other ends, too.
    let (mut child, _, rank) = begin(&place, "model", 7);
    child.kill().expect("is killed");
    child.wait().expect("has ended");
    wait_for_end(rank);

    // It is told to stop: it saves, and both end.
    let (mut child, _, rank) = begin(&place, "model", 9);
    signal("TERM", child.id());
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    wait_for_end(rank);

    let report = place.json(&into("model", &with(&STEPS, &["--device", "cpu"])));
    assert_eq!(report["steps"], 24);
    close(&lines(&place, "model"), &lines(&place, "want"));
}

#[test]
fn devices_that_cannot_be_used_are_explained() {
    let place = Place::new(60, 6);
    let fails = |more: &[&str], say: &str| {
        let error = place.error(&into("x", more));
        assert!(error.contains(say), "{more:?}: {error}");
    };
    fails(
        &["--devices", "cpu,tpu"],
        "expected numbers of GPUs, cuda:N or cpu, got tpu",
    );
    fails(&["--devices", "cpu,0"], "expected GPUs alone or CPUs alone");
    fails(&["--devices", "1,cuda:1"], "cuda:1 is named twice");
    fails(
        &["--devices", "0", "--device", "cpu"],
        "cannot be used with",
    );
    fails(
        &["--devices", "cpu,cpu,cpu,cpu,cpu,cpu,cpu,cpu,cpu"],
        "8 micro-batches of 1 sequences, which 9 devices cannot share",
    );
    if !cfg!(feature = "cuda") {
        fails(&["--devices", "0,1"], "--features cuda");
    }
    let models = [
        "contest",
        "shards",
        "--out",
        "y",
        "--models",
        "llama-1m,qwen3-1m",
    ];
    let error = place.error(&with(&models, &["--devices", "cpu,cpu"]));
    assert!(error.contains("--devices"), "{error}");
}
