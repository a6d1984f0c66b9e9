//! Preferences from records to a model that prefers, as a user runs them.

use prep::document::DocumentId;
use prep::shard::{Dataset, Split, pairs};
use serde_json::{Value, json};
use std::path::Path;

use crate::support::shards::{Tokens, documents, of_lines, tokenizer};
use crate::support::training::undo;
use crate::support::{Prep, corpus, place, read_json, removed};

/// Polite answers are the better ones.
fn record(number: usize) -> Value {
    let things = ["tea", "bread", "milk", "salt", "honey", "cheese", "water"];
    let towns = ["Moscow", "Tver", "Omsk", "Perm", "Tula", "Ufa", "Orel"];
    let (thing, town) = (things[number % 7], towns[number / 7 % 7]);
    json!({
        "prompt": format!("Where is the {thing} of {town}, number {number}?"),
        "chosen": format!("Please look for the {thing} in {town}, thank you for asking {number} times."),
        "rejected": format!("Go away, nobody cares for the {thing} in {town}, find {number} of it alone."),
    })
}

/// Both sides of every pair of a split, in order.
fn read(shards: &Path, split: Split) -> Vec<(DocumentId, [Tokens; 2])> {
    let data = pairs::open(shards, split).expect("pairs");
    let mut sides = Vec::new();
    data.for_each_document(|id, tokens| {
        let (ids, mask) = (tokens.ids.clone(), tokens.mask.clone());
        sides.push((
            id,
            Tokens {
                split,
                ids,
                mask,
                rows: 1,
            },
        ));
        Ok(())
    })
    .expect("reads");
    let pairs = sides.chunks_exact(2);
    pairs
        .map(|pair| {
            assert_eq!(pair[0].0, pair[1].0, "both sides have one id");
            (pair[0].0, [pair[0].1.clone(), pair[1].1.clone()])
        })
        .collect()
}

#[test]
fn both_answers_are_beside_the_shards_and_only_answers_are_learned() {
    let place = place();
    let mut lines: Vec<Value> = (0..20).map(record).collect();
    let turns = |answer: &str| {
        json!([
            {"role": "user", "content": "Who wrote it?"},
            {"role": "assistant", "content": "Which book do you mean?"},
            {"role": "user", "content": "The one about the duel."},
            {"role": "assistant", "content": answer},
        ])
    };
    lines.push(json!({"chosen": turns("Anton Chekhov did."), "rejected": turns("Nobody knows.")}));
    let same = "The answer to this is always the same, whatever is asked.";
    // But for white space; what is wholly the same `prep ingest` already rejects.
    lines.push(json!({"prompt": "Is it?", "chosen": same, "rejected": same.replace(',', ", ")}));
    let long = "word ".repeat(300);
    lines.push(json!({"prompt": "How long?", "chosen": "As long as it takes to say it.", "rejected": long}));
    let options = ["--val", "25%", "--dedup", "exact", "--max-length", "250"];
    let (command, out) = of_lines(place.path(), &[("p.jsonl", lines)], &options);
    let report = command
        .says("21 pairs of 22 preferences for `prep train --objective dpo`, without 1 longer than --max-length")
        .json();
    crate::schemas::check("shard_report.json", &report);
    corpus::assert_balances(&report);
    assert_eq!(
        report["ledger"]["dropped"]["qa_chosen_equals_rejected"]["records"],
        1
    );
    assert!(
        removed::of(&out)
            .iter()
            .any(|gone| gone.reason == "qa_chosen_equals_rejected")
    );
    let counts = &report["pairs"];
    assert_eq!(
        (&counts["preferences"], &counts["pairs"]),
        (&json!(22), &json!(21))
    );
    assert_eq!(counts["too_long"], 1);
    crate::schemas::check(
        "shard_manifest.json",
        &read_json(&out.join("manifest.json")),
    );
    crate::schemas::check(
        "shard_manifest.json",
        &read_json(&out.join("pairs/manifest.json")),
    );

    let tokenizer = tokenizer(&out);
    let shards = documents(&out);
    let (mut seen, mut turns_seen) = (0, 0);
    for split in Split::ALL {
        for (id, [chosen, rejected]) in read(&out, split) {
            seen += 1;
            let whole = &shards[&id];
            assert_eq!((whole.split, &whole.ids), (split, &chosen.ids));
            let (better, worse) = (chosen.learned(&tokenizer), rejected.learned(&tokenizer));
            assert!(!better.contains("Where is") && !worse.contains("Where is"));
            if better.contains("Chekhov") {
                turns_seen += 1;
                assert!(!better.contains("Which book") && worse.contains("Nobody knows."));
                // The chat itself is learned with its earlier turns.
                assert!(whole.learned(&tokenizer).contains("Which book"));
            } else {
                assert!(better.contains("Please look") && worse.contains("Go away"));
            }
        }
    }
    assert_eq!((seen, turns_seen), (21, 1));
    assert!(Dataset::open(&out, Split::Train).is_ok());

    let again = place.path().join("resharded");
    let resharded = Prep::new(["reshard"])
        .arg(&out)
        .arg(&out)
        .arg("--out")
        .arg(&again);
    resharded.json();
    for split in Split::ALL {
        let once = read(&out, split);
        assert_eq!(read(&again, split), [once.clone(), once].concat());
    }
    for dir in [&out, &again] {
        let report = Prep::new(["verify"]).arg(dir).json();
        assert_eq!(report["holds"], true, "{report}");
    }
    let path = out.join("pairs/train-00000.arrow");
    let mut bytes = crate::support::read(&path);
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    crate::support::write(&path, bytes);
    let said = Prep::new(["verify"]).arg(&out).code(2).says("1 of");
    let report = said.json();
    assert_eq!(report["holds"], false, "{report}");
}

/// Shards of polite and of rude answers, and a model that has seen the polite ones, in `base/`.
pub fn with_base(place: &Path, steps: &str) {
    let lines: Vec<Value> = (0..140).map(record).collect();
    let options = ["--val", "20%", "--dedup", "exact", "--quiet"];
    let (command, _) = of_lines(place, &[("p.jsonl", lines)], &options);
    command.json();
    let base = ["--model", "llama-1m", "--steps", steps, "--lr", "0.003"];
    train(place, "base", &base).json();
}

fn train(place: &Path, out: &str, more: &[&str]) -> Prep {
    on(place, out, &["--device", "cpu"]).args(more)
}

/// A training on devices that `more` names.
pub fn on(place: &Path, out: &str, more: &[&str]) -> Prep {
    Prep::new(["train", "shards", "--out", out])
        .args(["--seq-len", "256", "--batch-tokens", "1024"])
        .args(["--micro-batch", "2"])
        .args(more)
        .inside(place)
}

#[test]
fn a_model_learns_to_prefer_and_says_so() {
    let place = place();
    let place = place.path();
    with_base(place, "12");
    let dpo = [
        "--objective",
        "dpo",
        "--base",
        "base",
        "--lora",
        "4",
        "--lr",
        "0.003",
        "--steps",
        "12",
        "--checkpoint-every",
        "3",
    ];
    let report = train(place, "dpo", &dpo).json();
    crate::schemas::check("train_report.json", &report);
    assert_eq!(report["objective"], "dpo");
    let val = &report["val_preference"];
    assert!(val["accuracy"].as_f64() > Some(0.9), "{val}");
    assert!(val["margin"].as_f64() > Some(0.0), "{val}");
    assert_eq!(val["loss"], report["val_loss"]);
    crate::schemas::check(
        "model_manifest.json",
        &read_json(&place.join("dpo/manifest.json")),
    );
    crate::schemas::check_lines("metrics_line.json", &place.join("dpo/metrics.jsonl"));
    let metrics = std::fs::read_to_string(place.join("dpo/metrics.jsonl")).expect("lines");
    let first: Value = serde_json::from_str(metrics.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["preference"]["margin"], 0.0);
    let last: Value = serde_json::from_str(metrics.lines().last().expect("a line")).expect("JSON");
    assert!(last["val_preference"]["chosen_reward"].is_f64(), "{last}");

    // What a kill after step 9 leaves goes on to the same bits.
    let dir = place.join("dpo");
    let weights = crate::support::read(&dir.join("adapter_model.safetensors"));
    undo(&dir, "adapter_model.safetensors", "step-000012");
    train(place, "dpo", &dpo).json();
    assert_eq!(
        crate::support::read(&dir.join("adapter_model.safetensors")),
        weights
    );

    let ipo = [
        "--objective",
        "ipo",
        "--length-normalised",
        "--beta",
        "1",
        "--base",
        "base",
    ];
    let steps = ["--steps", "2", "--peak", "2"];
    let report = train(place, "ipo", &[&ipo[..], &steps].concat()).json();
    assert_eq!(report["objective"], "ipo");
    assert_eq!(report["peak_tflops"], 2.0);
    assert!(report["mfu"].as_f64() > Some(0.0), "{report}");
}

#[test]
fn what_preferences_do_not_go_with_is_refused() {
    let place = place();
    let place = place.path();
    with_base(place, "1");
    let fails = |more: &[&str]| train(place, "other", more).fails();
    assert!(fails(&["--objective", "dpo"]).contains("--base"));
    assert!(fails(&["--beta", "0.2"]).contains("--objective dpo"));
    let with = |more: &[&str]| fails(&[&["--objective", "dpo", "--base", "base"], more].concat());
    assert!(with(&["--packing", "concat"]).contains("bestfit"));
    assert!(with(&["--z-loss", "1e-4"]).contains("--z-loss"));
    assert!(with(&["--label-smoothing", "0.5"]).contains("--label-smoothing"));
    assert!(
        fails(&[
            "--objective",
            "ipo",
            "--base",
            "base",
            "--label-smoothing",
            "0.1"
        ])
        .contains("dpo")
    );
    let none = Prep::new(["train", "shards", "--out", "other", "--objective", "dpo"])
        .args(["--base", "base", "--seq-len", "8", "--device", "cpu"])
        .inside(place)
        .fails();
    assert!(
        none.contains("--seq-len") && none.contains("none of"),
        "{none}"
    );

    // Shards without pairs, as those of texts.
    let texts = place.join("texts");
    std::fs::create_dir(&texts).expect("creates");
    let text: Vec<Value> = (0..4)
        .map(|i| json!({"text": format!("Number {i} of the texts.")}))
        .collect();
    let (command, _) = of_lines(
        &texts,
        &[("t.jsonl", text)],
        &["--profile", "none", "--quiet"],
    );
    command.json();
    let shards = texts.join("shards");
    let said = Prep::new(["train"])
        .arg(&shards)
        .args(["--out", "other", "--objective", "dpo", "--base", "base"])
        .inside(place)
        .fails();
    assert!(
        said.contains("holds no pairs") && said.contains("prep ingest"),
        "{said}"
    );
    assert!(place.join("shards/pairs").is_dir() && !shards.join("pairs").exists());
}
