//! Continued training: what is learned and what is forgotten, side by side.

use serde_json::Value;

use crate::{
    support::training::{Place, TRAIN, file, with},
    train_shards,
};

/// Another text of the same words.
fn backwards(i: usize) -> String {
    let text = train_shards::sentence(i);
    let words: Vec<&str> = text.split(' ').rev().collect();
    words.join(" ")
}

/// A base model that knows `shards`, and texts that it does not know in `news`.
fn place() -> Place {
    let place = Place::new(120, 24);
    let tokenizer = train_shards::tokenizer(420);
    train_shards::write_of(&place.path("news"), &tokenizer, [120, 24], backwards);
    place.json(&with(TRAIN, &["--steps", "40"]));
    place
}

const CONTINUE: &[&str] = &[
    "train",
    "news",
    "shards=0.2",
    "--base",
    "model",
    "--out",
    "more",
    "--seq-len",
    "32",
    "--batch-tokens",
    "256",
    "--lr",
    "0.003",
    "--steps",
    "20",
    "--eval-every",
    "10",
    "--device",
    "cpu",
    "--val",
    "shards=old",
    "--val",
    "news=new",
];

fn loss(of: &Value, name: &str) -> f64 {
    of["val_sets"][name]["loss"].as_f64().expect("a loss")
}

#[test]
fn old_and_new_texts_are_measured_side_by_side() {
    let place = place();
    let out = place.prep(CONTINUE);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{said}");
    for before in [
        "before the first step: new ",
        "step 10: loss ",
        "step 20: loss ",
    ] {
        let line = said.lines().find(|line| line.contains(before));
        let line = line.unwrap_or_else(|| panic!("no {before} in {said}"));
        assert!(line.contains("new ") && line.contains("old "), "{line}");
    }
    crate::schemas::check_lines("metrics_line.json", &place.path("more/metrics.jsonl"));
    let lines: Vec<Value> = String::from_utf8_lossy(&file(&place.path("more/metrics.jsonl")))
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let steps: Vec<u64> = lines
        .iter()
        .filter_map(|line| line["step"].as_u64())
        .collect();
    assert_eq!(
        steps,
        (0..=20).collect::<Vec<_>>(),
        "one line before the first step"
    );
    let measured: Vec<&Value> = lines
        .iter()
        .filter(|line| line["val_sets"].is_object())
        .collect();
    let steps: Vec<&Value> = measured.iter().map(|line| &line["step"]).collect();
    assert_eq!(steps, [0, 10, 20]);
    let (first, last) = (measured[0], measured[2]);
    assert!(loss(first, "old") + 0.5 < loss(first, "new"), "{first}");
    assert!(loss(last, "new") + 0.5 < loss(first, "new"), "{last}");
    assert!(
        (loss(last, "old") - loss(last, "new")).abs() > 1e-3,
        "{last}"
    );
    // The rate is warmed up anew.
    let rate = |step: usize| lines[step]["lr"].as_f64().expect("a rate");
    assert!(rate(20) < rate(1) && (rate(1) - 0.003).abs() < 1e-12);

    let report: Value =
        serde_json::from_slice(&file(&place.path("more/report.json"))).expect("JSON");
    crate::schemas::check("train_report.json", &report);
    // Both whole splits, by whatever name: the same as `prep eval` finds.
    let eval = place.json(&["eval", "more", "news", "--seq-len", "32", "--device", "cpu"]);
    assert_eq!(report["val_sets"]["new"]["loss"], eval["loss"]);
    let printed = String::from_utf8_lossy(&out.stdout).into_owned();
    let line = format!("{:.4} nats/token of old", loss(&report, "old"));
    assert!(printed.contains(&line), "{printed}");
    let page = String::from_utf8_lossy(&file(&place.path("more/report.html"))).into_owned();
    assert!(page.contains("validation set"), "the table of the sets");
    assert!(
        page.contains("/val_sets/old/loss") && page.contains("new:"),
        "figures and curves"
    );
    // Named sets are part of the run.
    let error = place.error(&[CONTINUE, &["--val", "news=again"]].concat());
    assert!(error.contains("val_sets"), "{error}");
}

#[test]
fn a_named_split_needs_the_same_tokenizer_and_its_own_name() {
    let place = Place::new(12, 4);
    train_shards::write(&place.path("empty"), &train_shards::tokenizer(420), 12, 0);
    train_shards::write(&place.path("foreign"), &train_shards::tokenizer(300), 12, 4);
    let error = |val: &[&str]| place.error(&with(TRAIN, val));
    assert!(error(&["--val", "foreign=other"]).contains("another tokenizer"));
    assert!(error(&["--val", "empty"]).contains("nothing that the loss counts"));
    let twice = error(&["--val", "shards=a", "--val", "shards=a"]);
    assert!(twice.contains("DIR=NAME"), "{twice}");
    assert!(error(&["--val", "nowhere"]).contains("nowhere"));
}
