//! Flags that a run of this kind does not read, or never comes to, are refused rather than ignored.

use crate::support::training::{Place, TRAIN, with};

#[test]
fn flags_of_training_that_would_do_nothing_are_refused() {
    let place = Place::new(60, 6);
    let refused = |more: &[&str], says: &[&str]| {
        let error = place.error(&with(TRAIN, &with(&["--steps", "10"], more)));
        for part in says {
            assert!(error.contains(part), "{more:?}: {error}");
        }
    };
    refused(&["--warmup", "11"], &["--warmup 11", "10 steps"]);
    let wsd = ["--schedule", "wsd"];
    refused(&with(&wsd, &["--decay", "10"]), &["--decay 10", "1 are"]);
    refused(&["--decay", "2"], &["--schedule wsd"]);
    std::fs::write(place.path("p.txt"), "After\n").expect("writes");
    let late = ["--eval-every", "11"];
    refused(
        &with(&late, &["--prompts", "p.txt"]),
        &["--prompts", "--eval-every 11"],
    );
    refused(&with(&late, &["--patience", "2"]), &["--patience"]);
    // What would keep all of itself would never change.
    for flag in ["--ema", "--beta1", "--beta2"] {
        refused(&[flag, "1"], &[flag, "below 1"]);
    }
    refused(&["--eps", "0"], &["--eps", "above 0"]);
    refused(&["--weight-decay=-1"], &["--weight-decay", "0 or"]);
    assert!(!place.path("model").exists(), "nothing was begun");
    // What a run just comes to is none of these.
    let whole = ["--steps", "2", "--warmup", "2", "--eval-every", "2"];
    place.json(&with(
        TRAIN,
        &with(&whole, &["--prompts", "p.txt", "--dry-run"]),
    ));
}

#[test]
fn flags_of_asking_that_would_do_nothing_are_refused() {
    let place = Place::new(60, 6);
    let refused = |args: &[&str], flag: &str| {
        let error = place.error(args);
        let says = error.contains(flag) && error.contains("cannot be used with");
        assert!(says, "{args:?}: {error}");
    };
    let only_of_shards = [
        ("--split", "train"),
        ("--seq-len", "16"),
        ("--packing", "none"),
        ("--max-tokens", "9"),
    ];
    for (flag, value) in only_of_shards {
        for asked in ["--tasks", "--prompts"] {
            refused(&["eval", "model", asked, "x.jsonl", flag, value], flag);
        }
    }
    refused(&["eval", "model", "shards", "--chat"], "--chat");
    let tokens = ["--answer-tokens", "3"];
    refused(&with(&["eval", "model", "shards"], &tokens), tokens[0]);
    refused(&["generate", "model", "After", "--batch", "2"], "--batch");
    for flag in ["--seq-len", "--max-tokens"] {
        let error = place.error(&["eval", "model", "shards", flag, "0"]);
        assert!(error.contains(flag), "{error}");
    }
    place.json(&with(TRAIN, &["--steps", "1"]));
    let error = place.error(&["eval", "model", "shards", "--seq-len", "1000000"]);
    assert!(error.contains("the context of model"), "{error}");
    let question = r#"{"question": "After one", "choices": ["two", "three"], "answer": 0}"#;
    std::fs::write(place.path("q.jsonl"), question).expect("writes");
    let out = place.prep(&["eval", "model", "--tasks", "q.jsonl", "--chat"]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("it changed nothing"), "{said}");
}
