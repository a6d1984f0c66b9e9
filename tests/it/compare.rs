//! `prep compare` as a user meets it: corpora, shards, a model, a selection that is sharded.

use crate::schemas::check;
use crate::support::{Prep, fixture, place, read_json};
use serde_json::{Value, json};
use std::path::Path;

fn compare(a: &Path, b: &Path, more: &[&str]) -> Value {
    let found = Prep::new(["compare"]).arg(a).arg(b).args(more).json();
    check("compare_report.json", &found);
    found
}

#[test]
fn a_corpus_is_the_same_as_itself_and_as_its_shards() {
    let place = place();
    let [corpus, shards] = ["corpus", "shards"].map(|name| place.path().join(name));
    Prep::ingest(&fixture("text"), &corpus).json();
    Prep::shard(&corpus, &shards)
        .args(["--profile", "none", "--dedup", "off", "--val", "0"])
        .json();
    let same = compare(&corpus, &corpus, &[]);
    assert_eq!(same["divergence"]["plug_in"], json!(0.0));
    assert_eq!(same["across"]["exact"], same["a"]["documents"]);
    assert_eq!(same["drift"]["more_in_a"], json!([]));
    let of_shards = compare(&corpus, &shards, &[]);
    assert_eq!(of_shards["across"]["of"], json!("a"));
    for key in ["documents", "words", "characters"] {
        assert_eq!(of_shards["a"][key], of_shards["b"][key], "{key}");
    }
    assert_eq!(of_shards["divergence"]["plug_in"], json!(0.0));
    let tokenizer = fixture("golden/tokenizer.json").display().to_string();
    let tokens = compare(
        &corpus,
        &corpus,
        &["--tokenizer", &tokenizer, "--no-copies"],
    );
    assert_eq!(
        (&tokens["counted"], &tokens["across"]),
        (&json!("tokens"), &Value::Null)
    );
    Prep::new(["compare", "--select", "3"])
        .arg("--out")
        .arg(place.path().join("none"))
        .arg(&corpus)
        .arg(&shards)
        .code(2)
        .says("--select takes documents of a corpus")
        .run();
}

#[test]
fn a_selection_is_a_corpus_that_is_sharded_and_a_model_is_asked() {
    let place = place();
    let at = |name: &str| place.path().join(name);
    let (texts, questions, selected) = (at("texts"), at("questions"), at("selected"));
    Prep::ingest(&fixture("text"), &texts).json();
    Prep::ingest(&fixture("qa"), &questions).json();
    let out = selected.display().to_string();
    let select = ["--select", "20", "--out", &out, "--seed", "4"];
    let found = compare(&texts, &questions, &select);
    assert_eq!(found["selected"]["documents"], json!(20));
    assert!(
        found["verdict"]
            .as_array()
            .is_some_and(|lines| lines.len() > 4)
    );
    check(
        "corpus_manifest.json",
        &read_json(&selected.join("manifest.json")),
    );
    Prep::new(["verify"]).arg(&selected).prints("ok").run();
    let report = Prep::shard(&selected, &at("of selected"))
        .args(["--profile", "none", "--dedup", "off", "--val", "0"])
        .json();
    assert_eq!(report["ledger"]["kept"]["records"], json!(20));
    // The same again changes nothing, another number is another run.
    compare(&texts, &questions, &select);
    Prep::new(["compare", "--select", "21", "--out", &out, "--seed", "4"])
        .arg(&texts)
        .arg(&questions)
        .code(2)
        .says("its select is 20, yours is 21")
        .run();
    let (shards, model) = (at("shards"), at("model"));
    Prep::shard(&questions, &shards)
        .args(["--val", "10%"])
        .json();
    Prep::new(["train", "--model", "llama-1m", "--steps", "1"])
        .arg("--out")
        .arg(&model)
        .arg(&shards)
        .args(["--seq-len", "32", "--batch-tokens", "64"])
        .json();
    let model = model.display().to_string();
    let asked = [
        "--model",
        &model,
        "--model-documents",
        "5",
        "--no-copies",
        "--lang",
        "ru",
    ];
    let found = compare(&texts, &questions, &asked);
    for set in ["a", "b"] {
        let figures = &found["perplexity"][set];
        let documents = figures["documents"].as_array().expect("documents");
        assert!(!documents.is_empty(), "{set}");
        // One step: hardly better than all tokens alike.
        assert!(
            figures["p50"].as_f64().is_some_and(|p50| p50 > 50.0),
            "{figures}"
        );
    }
    let verdict = found["verdict"].to_string();
    assert!(verdict.contains("перплексия"), "{verdict}");
}
