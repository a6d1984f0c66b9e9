//! Classifiers from labelled records to filtered shards, as a user runs them.

use serde_json::{Value, json};
use std::path::Path;

use crate::support::shards::{documents, of_lines};
use crate::support::{Prep, corpus, place, read, read_json, removed, write};

const TOPICS: [(&str, [&str; 6]); 2] = [
    (
        "kitchen",
        ["bread", "butter", "spoon", "kettle", "honey", "plate"],
    ),
    (
        "sea",
        ["anchor", "harbour", "sailor", "lighthouse", "wave", "deck"],
    ),
];

/// Texts whose words say their topic.
fn record(number: usize) -> Value {
    let (topic, words) = TOPICS[number % 2];
    let word = |i: usize| words[(number / 2 * (i + 1) + i) % words.len()];
    json!({
        "text": format!("Note {number}: the {}, the {} and the {} of today.", word(0), word(1), word(2)),
        "topic": topic,
    })
}

fn train(place: &Path, out: &str, more: &[&str]) -> Prep {
    on(place, out, &["--device", "cpu", "--model", "llama-1m"])
        .args(["--lr", "0.002"])
        .args(more)
}

/// A training on devices and from a model that `more` names.
pub fn on(place: &Path, out: &str, more: &[&str]) -> Prep {
    Prep::new(["train", "shards", "--out", out, "--objective", "classify"])
        .args(["--seq-len", "64", "--batch-tokens", "512"])
        .args(["--micro-batch", "4"])
        .args(more)
        .inside(place)
}

/// Shards with a topic for each of 200 notes, and two records without one.
pub fn sharded(place: &Path) {
    let mut lines: Vec<Value> = (0..200).map(record).collect();
    lines.push(json!({"text": "This one has no topic at all."}));
    lines.push(json!({"text": "This one has a topic that is no label.", "topic": 0.5}));
    let options = [
        "--val",
        "20%",
        "--dedup",
        "off",
        "--profile",
        "none",
        "--label-field",
        "topic",
        "--quiet",
    ];
    let (command, out) = of_lines(place, &[("notes.jsonl", lines)], &options);
    let report = command.json();
    crate::schemas::check("shard_report.json", &report);
    crate::schemas::check(
        "shard_manifest.json",
        &read_json(&out.join("manifest.json")),
    );
    corpus::assert_balances(&report);
    assert_eq!(report["ledger"]["dropped"]["no_label"]["records"], 2);
    assert_eq!(report["labels"], json!({"kitchen": 100, "sea": 100}));
    assert_eq!(removed::of(&out).len(), 2);
    Prep::new(["verify"]).arg(&out).prints("labels/").run();
}

/// A classifier of the topics in `topics/`, with what is checked of it.
fn trained(place: &Path) {
    let steps = ["--steps", "40", "--checkpoint-every", "20"];
    let report = train(place, "topics", &steps).json();
    crate::schemas::check("train_report.json", &report);
    let told = &report["val_classes"];
    assert_eq!(told["labels"], json!(["kitchen", "sea"]));
    assert!(told["accuracy"].as_f64() > Some(0.9), "{told}");
    assert!(told["macro_f1"].as_f64() > Some(0.9), "{told}");
    let confusion = told["confusion"].as_array().expect("rows").iter();
    let told_of = confusion.flat_map(|row| row.as_array().expect("a row"));
    let sum: u64 = told_of.map(|count| count.as_u64().expect("a count")).sum();
    assert_eq!(told["documents"], sum);
    let model = place.join("topics");
    crate::schemas::check_lines("metrics_line.json", &model.join("metrics.jsonl"));
    crate::schemas::check(
        "model_manifest.json",
        &read_json(&model.join("manifest.json")),
    );
    let config = read_json(&model.join("config.json"));
    assert_eq!(
        config["architectures"],
        json!(["LlamaForSequenceClassification"])
    );
    assert_eq!(config["id2label"], json!({"0": "kitchen", "1": "sea"}));
    assert!(config["pad_token_id"].is_u64());
    train(place, "again", &steps).json();
    let weights = |dir: &str| read(&place.join(dir).join("model.safetensors"));
    assert_eq!(
        weights("again"),
        weights("topics"),
        "the same run has the same bits"
    );
}

/// What the classifier says of notes that it has not seen, of which `fresh.jsonl` is made.
fn asked(place: &Path) -> Vec<Value> {
    let fresh: Vec<Value> = (0..40)
        .map(|i| {
            let (topic, words) = TOPICS[i % 2];
            let (one, other) = (words[i % 6], words[(i + 2) % 6]);
            let text = format!("Report {i}: a {one} beside the {other}.");
            json!({"text": text, "truth": topic})
        })
        .collect();
    let raw = place.join("fresh.jsonl");
    let text: Vec<String> = fresh.iter().map(Value::to_string).collect();
    write(&raw, text.join("\n"));
    let asked = || Prep::new(["classify", "topics"]).arg(&raw).inside(place);
    let (stdout, _) = asked().prints("{").run();
    let answers: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect();
    assert_eq!(answers.len(), 40);
    let mut right = 0;
    for (answer, record) in answers.iter().zip(&fresh) {
        crate::schemas::check("classify_line.json", answer);
        let probabilities = answer["probabilities"].as_object().expect("probabilities");
        let sum: f64 = probabilities.values().filter_map(Value::as_f64).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{answer}");
        let label = answer["label"].as_str().expect("a label");
        assert_eq!(answer["probability"], probabilities[label]);
        right += u32::from(record["truth"] == answer["label"]);
    }
    assert!(right >= 32, "{right} of 40");
    let report = asked().json();
    crate::schemas::check("classify_report.json", &report);
    assert_eq!(report["documents"], 40);
    answers
}

/// `prep shard` of the fresh notes with a choice of the classifier's.
fn chosen(place: &Path, choice: &str, out: &str) -> Prep {
    Prep::shard(&place.join("fresh corpus"), &place.join(out))
        .args(["--dedup", "off", "--profile", "none", "--val", "0"])
        .args(["--classifier", choice])
        .inside(place)
}

#[test]
fn a_classifier_is_trained_asked_and_used_as_a_filter() {
    let place = place();
    let place = place.path();
    sharded(place);
    trained(place);
    let answers = asked(place);
    // The same probabilities decide in prep shard.
    Prep::ingest(&place.join("fresh.jsonl"), &place.join("fresh corpus")).json();
    let report = chosen(place, "topics:sea>=0.5", "filtered").json();
    crate::schemas::check("shard_report.json", &report);
    corpus::assert_balances(&report);
    let is_sea = |answer: &&Value| answer["label"] == "sea";
    let sea = answers.iter().filter(is_sea).count();
    assert_eq!(report["ledger"]["kept"]["records"], sea);
    assert_eq!(
        report["ledger"]["dropped"]["classifier"]["records"],
        40 - sea
    );
    assert_eq!(documents(&place.join("filtered")).len(), sea);
    let gone = removed::of(&place.join("filtered"));
    assert_eq!(gone.len(), 40 - sea);
    for gone in &gone {
        assert_eq!(
            (gone.reason.as_str(), gone.threshold),
            ("classifier", Some(0.5))
        );
        let id = gone.document.id.to_string();
        let mut of = answers.iter();
        let answer = of.find(|answer| answer["document_id"] == id.as_str());
        let probability = answer.expect("an answer")["probabilities"]["sea"].as_f64();
        assert_eq!(gone.value, probability);
    }
    let report = chosen(place, "topics:sea<0.5", "below").json();
    assert_eq!(report["ledger"]["kept"]["records"], 40 - sea);
    refused(place);

    // A classifier goes on as one.
    let tuned = Prep::new(["train", "shards", "--out", "tuned"])
        .args([
            "--objective",
            "classify",
            "--base",
            "topics",
            "--steps",
            "2",
        ])
        .args([
            "--seq-len",
            "64",
            "--batch-tokens",
            "128",
            "--device",
            "cpu",
        ])
        .inside(place)
        .json();
    assert!(
        tuned["val_classes"]["accuracy"].as_f64() > Some(0.9),
        "{tuned}"
    );
}

/// What does not fit says so.
fn refused(place: &Path) {
    let said = chosen(place, "topics:river>=0.5", "x").fails();
    assert!(said.contains("kitchen, sea"), "{said}");
    let wrong = chosen(place, "topics:sea", "x").code(2);
    wrong.says("MODEL:LABEL>=P or").run();
    let fails = |args: &[&str]| Prep::new(args).inside(place).fails();
    let said = fails(&["generate", "topics", "The"]);
    assert!(said.contains("a classifier"), "{said}");
    let said = train(place, "x", &["--label-field", "other"]).fails();
    assert!(said.contains("topic, not other"), "{said}");
    let said = train(place, "x", &["--packing", "concat"]).fails();
    assert!(said.contains("--packing concat"), "{said}");
    Prep::new(["train", "filtered", "--out", "lm", "--model", "llama-1m"])
        .args(["--steps", "1", "--seq-len", "32", "--batch-tokens", "64"])
        .args(["--device", "cpu"])
        .inside(place)
        .json();
    let said = fails(&["classify", "lm", "fresh.jsonl"]);
    assert!(said.contains("--objective classify"), "{said}");
    let said = fails(&["train", "filtered", "--out", "x", "--objective", "classify"]);
    assert!(said.contains("--label-field"), "{said}");
    let said = fails(&["train", "shards", "--out", "x", "--base", "topics"]);
    assert!(said.contains("--objective classify alone"), "{said}");
}

#[test]
fn adapters_and_a_head_make_a_classifier_of_a_base() {
    let place = place();
    let place = place.path();
    sharded(place);
    let base = ["train", "shards", "--out", "lm", "--model", "llama-1m"];
    Prep::new(base)
        .args(["--seq-len", "64", "--batch-tokens", "512", "--steps", "10"])
        .args(["--lr", "0.002", "--device", "cpu"])
        .inside(place)
        .json();
    let adapted = |out: &str, more: &[&str]| {
        let lora = ["--base", "lm", "--lora", "8", "--steps", "40", "--merge"];
        on(place, out, &["--device", "cpu", "--lr", "0.01"])
            .args(lora)
            .args(more)
            .json()
    };
    let lines = [0, 1].map(|number| record(number).to_string());
    write(&place.join("two.jsonl"), lines.join("\n"));
    let answers = |dir: &str| -> Vec<Value> {
        let asked = Prep::new(["classify", dir, "two.jsonl"]).inside(place);
        let (stdout, _) = asked.prints("{").run();
        let lines = stdout.lines();
        let lines = lines.map(|line| serde_json::from_str(line).expect("JSON"));
        lines.collect()
    };
    for (out, more) in [("adapters", &[][..]), ("packed", &["--base-quant", "nf4"])] {
        let report = adapted(out, more);
        crate::schemas::check("train_report.json", &report);
        let told = &report["val_classes"];
        assert!(told["accuracy"].as_f64() > Some(0.9), "{out}: {told}");
        assert!(report["trained_parameters"].as_u64() > Some(0), "{report}");
        let config = read_json(&place.join(out).join("adapter_config.json"));
        assert_eq!(config["task_type"], "SEQ_CLS");
        assert_eq!(config["modules_to_save"], json!(["score"]));
        let merged = format!("{out}/merged");
        let config = read_json(&place.join(&merged).join("config.json"));
        assert_eq!(config["id2label"], json!({"0": "kitchen", "1": "sea"}));
        let (beside, within) = (answers(out), answers(&merged));
        assert_eq!(
            (&beside[0]["label"], &beside[1]["label"]),
            (&json!("kitchen"), &json!("sea"))
        );
        for (one, other) in beside.iter().zip(&within) {
            assert_eq!(one["label"], other["label"]);
            let of = |answer: &Value| answer["probabilities"]["sea"].as_f64().expect("a number");
            assert!((of(one) - of(other)).abs() < 1e-5, "{one} {other}");
        }
    }
    let refused = Prep::new(["generate", "adapters", "The"])
        .inside(place)
        .fails();
    assert!(refused.contains("a classifier"), "{refused}");
    // As a filter, too.
    let filtered = Prep::shard(&place.join("corpus"), &place.join("filtered"))
        .args(["--dedup", "off", "--profile", "none", "--val", "0"])
        .args(["--classifier", "adapters:sea>=0.5"])
        .inside(place)
        .json();
    let kept = filtered["ledger"]["kept"]["records"]
        .as_u64()
        .expect("a count");
    assert!((80..=120).contains(&kept), "{kept}");
}

#[test]
fn records_without_the_field_leave_nothing_and_say_where_to_look() {
    let place = place();
    let lines = (0..3).map(record).collect();
    let options = ["--profile", "none", "--label-field", "missing", "--quiet"];
    let (command, _) = of_lines(place.path(), &[("notes.jsonl", lines)], &options);
    let said = command.fails();
    assert!(
        said.contains("no_label dropped 3") && said.contains("prep cat"),
        "{said}"
    );
}

#[test]
fn labels_of_one_field_are_merged() {
    let place = place();
    let lines = (0..20).map(record).collect();
    let options = [
        "--profile",
        "none",
        "--label-field",
        "source",
        "--dedup",
        "off",
        "--quiet",
    ];
    let (command, out) = of_lines(place.path(), &[("notes.jsonl", lines)], &options);
    assert_eq!(command.json()["labels"], json!({"raw/notes.jsonl": 20}));
    let again = place.path().join("again");
    Prep::new(["reshard"])
        .arg(&out)
        .arg("--out")
        .arg(&again)
        .json();
    let manifest = read_json(&again.join("manifest.json"));
    crate::schemas::check("shard_manifest.json", &manifest);
    assert_eq!(manifest["labels"]["field"], "source");
    assert_eq!(manifest["labels"]["files"][0]["rows"], 20);
    let said = Prep::new(["train"])
        .arg(&again)
        .args(["--out", "x", "--objective", "classify"])
        .inside(place.path())
        .fails();
    assert!(said.contains("1 different labels"), "{said}");
}
