//! What the binary writes and prints is what `schemas/` says.

use crate::support::removed;
use crate::support::{Prep, fixture, place, read_json, repository};
use arrow::datatypes::{DataType, Field};
use jsonschema::{Registry, Validator};
use serde_json::{Value, json};
use std::path::Path;

const BASE: &str = "https://prep.invalid/schemas/";

/// Schemas that others refer to.
const SHARED: [&str; 6] = [
    "ledger.json",
    "ingest_report.json",
    "shard_report.json",
    "reshard_report.json",
    "token_survey.json",
    "train_report.json",
];

/// Hands the validator of `schemas/NAME` to `check`.
fn with_schema(name: &str, check: impl FnOnce(&Validator)) {
    let mut registry = Registry::new();
    for shared in SHARED.iter().filter(|shared| **shared != name) {
        let schema = read_json(&repository("schemas").join(shared));
        registry = registry
            .add(format!("{BASE}{shared}"), schema)
            .unwrap_or_else(|error| panic!("schemas/{shared}: {error}"));
    }
    let registry = registry.prepare().expect("they refer to each other alone");
    let schema = read_json(&repository("schemas").join(name));
    assert_eq!(schema["$id"], json!(format!("{BASE}{name}")));
    let validator = jsonschema::options()
        .with_registry(&registry)
        .build(&schema)
        .unwrap_or_else(|error| panic!("schemas/{name}: {error}"));
    check(&validator);
}

pub fn check(name: &str, value: &Value) {
    with_schema(name, |validator| {
        let errors: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "not as {name} says: {errors:#?}");
    });
}

/// Checks every line of a file of JSON lines, of which there are some.
pub fn check_lines(name: &str, path: &Path) {
    let text = std::fs::read_to_string(path).expect("reads");
    assert!(!text.is_empty(), "{}: no line", path.display());
    for line in text.lines() {
        check(name, &serde_json::from_str(line).expect("JSON"));
    }
}

#[test]
fn what_is_printed_and_written_follows_the_schemas() {
    let place = place();
    let (corpus, shards) = (place.path().join("corpus"), place.path().join("shards"));
    let printed = Prep::ingest(&fixture(""), &corpus)
        .arg("--shape")
        .arg("text")
        .code(1)
        .json();
    check("ingest_report.json", &printed);
    assert_eq!(printed, read_json(&corpus.join("report.json")));
    check(
        "corpus_manifest.json",
        &read_json(&corpus.join("manifest.json")),
    );

    let printed = Prep::new(["ingest"])
        .arg(fixture(""))
        .arg("--dry-run")
        .json();
    check("ingest_preview.json", &printed);

    let corpus = place.path().join("corpus of all shapes");
    let printed = Prep::ingest(&fixture(""), &corpus).code(1).json();
    check("ingest_report.json", &printed);
    check(
        "corpus_manifest.json",
        &read_json(&corpus.join("manifest.json")),
    );
    for ledgers in ["by_source", "by_language", "by_kind"] {
        assert!(
            printed[ledgers]
                .as_object()
                .is_some_and(|map| map.len() > 2)
        );
    }

    let printed = Prep::shard(&corpus, &shards).args(["--val", "10%"]).json();
    check("shard_report.json", &printed);
    assert_eq!(printed, read_json(&shards.join("report.json")));
    check("rules_report.json", &Prep::new(["rules"]).json());
    for dir in [&corpus, &shards] {
        check("verify_report.json", &Prep::new(["verify"]).arg(dir).json());
    }
    let gone = removed::of(&shards);
    let copy = gone.iter().find(|gone| gone.kept.is_some());
    for id in [&gone[0], copy.expect("a copy")].map(|gone| gone.document.id) {
        let why = Prep::new(["why", &id.to_string()]).arg(&shards);
        check("why_report.json", &why.arg("--corpus").arg(&corpus).json());
    }
    check(
        "shard_manifest.json",
        &read_json(&shards.join("manifest.json")),
    );
    assert!(
        printed["ledger"]["dropped"]
            .as_object()
            .is_some_and(|map| map.len() > 3)
    );
    assert!(printed["ledger"]["read"]["tokens"].is_u64());
    let resharded = place.path().join("resharded");
    let printed = Prep::new(["reshard"])
        .arg(&shards)
        .arg("--out")
        .arg(&resharded)
        .json();
    check("reshard_report.json", &printed);
    check(
        "shard_manifest.json",
        &read_json(&resharded.join("manifest.json")),
    );
    let printed = Prep::new(["where"])
        .arg(&shards)
        .args(["train", "7"])
        .json();
    check("where_report.json", &printed);
}

#[test]
fn what_the_trainer_prints_and_writes_follows_the_schemas() {
    let place = place();
    let [corpus, shards, model] = ["corpus", "shards", "model"].map(|name| place.path().join(name));
    Prep::ingest(&fixture("qa"), &corpus).json();
    Prep::shard(&corpus, &shards).args(["--val", "10%"]).json();
    let path = |path: &Path| path.display().to_string();
    let prompts = place.path().join("prompts.txt");
    std::fs::write(&prompts, "Почему?\nWhy?\n").expect("writes");
    let (shards, model_name) = (path(&shards), path(&model));
    let printed = Prep::new([
        "train",
        &shards,
        "--out",
        &model_name,
        "--model",
        "llama-1m",
    ])
    .args(["--steps", "2", "--seq-len", "32", "--batch-tokens", "64"])
    .args(["--eval-every", "1", "--prompts", &path(&prompts)])
    .json();
    check_lines("metrics_line.json", &model.join("metrics.jsonl"));
    check_lines("samples_line.json", &model.join("samples.jsonl"));
    check("train_report.json", &printed);
    check("train_report.json", &read_json(&model.join("report.json")));
    check(
        "model_manifest.json",
        &read_json(&model.join("manifest.json")),
    );
    let printed = Prep::new(["eval", &model_name, &shards]).json();
    check("eval_report.json", &printed);
    let questions = place.path().join("questions.jsonl");
    let question = r#"{"question": "Почему?", "choices": ["Потому.", "Нет"], "answer": "B"}"#;
    std::fs::write(&questions, question).expect("writes");
    let printed = Prep::new(["eval", &model_name, "--tasks", &path(&questions)]).json();
    check("eval_tasks_report.json", &printed);
    let printed = Prep::new(["generate", &model_name, "Почему?", "--max-tokens", "3"]).json();
    check("generate_report.json", &printed);
    for dir in [path(&corpus), shards, model_name] {
        check("stats_report.json", &Prep::new(["stats", &dir]).json());
        let page = Prep::new(["report", &dir, "--lang", "ru"]).json();
        check("report_page.json", &page);
    }
}

#[test]
fn statistics_follow_their_schema_with_every_flag() {
    let place = place();
    let [corpus, shards, again] = ["corpus", "shards", "again"].map(|name| place.path().join(name));
    Prep::ingest(&fixture("qa"), &corpus).json();
    Prep::shard(&corpus, &shards).args(["--val", "10%"]).json();
    Prep::new(["reshard"])
        .arg(&shards)
        .arg("--out")
        .arg(&again)
        .json();
    for dir in [&shards, &again] {
        for flags in [vec![], vec!["--tokens"]] {
            let printed = Prep::new(["stats"]).arg(dir).args(&flags).json();
            check("stats_report.json", &printed);
            assert_eq!(printed["survey"].is_object(), !flags.is_empty());
        }
    }
    let tokenizer = fixture("golden/tokenizer.json");
    for source in [&corpus, &fixture("qa")] {
        for flags in [vec![], vec!["--tokens"]] {
            let stats = Prep::new(["stats"]).arg(source).args(flags);
            let printed = stats.arg("--tokenizer").arg(&tokenizer).json();
            check("stats_report.json", &printed);
            let mut more = printed.clone();
            more["documents"]["words"] = json!(1);
            with_schema("stats_report.json", |schema| {
                assert!(!schema.is_valid(&more), "a field that no schema knows");
            });
        }
    }
}

#[test]
fn a_schema_refuses_what_is_unknown_or_missing() {
    let place = place();
    let corpus = place.path().join("corpus");
    let report = Prep::ingest(&fixture("text"), &corpus).json();
    with_schema("ingest_report.json", |validator| {
        assert!(validator.is_valid(&report));
        let mut more = report.clone();
        more["ledger"]["read"]["words"] = json!(1);
        assert!(
            !validator.is_valid(&more),
            "a field of a count that no schema knows"
        );
        let mut less = report.clone();
        less.as_object_mut().expect("an object").remove("by_kind");
        assert!(!validator.is_valid(&less), "a missing field");
    });
}

#[test]
fn document_json_is_the_schema_of_documents() {
    let described = read_json(&repository("schemas/document.json"));
    let columns = described["properties"].as_object().expect("columns");
    let described: Vec<(String, String, bool)> = columns
        .iter()
        .map(|(name, column)| {
            let kind = column["arrow"].as_str().expect("an Arrow type");
            let types = column["type"].as_array().cloned().unwrap_or_default();
            (
                name.clone(),
                kind.to_owned(),
                types.contains(&json!("null")),
            )
        })
        .collect();
    let schema = prep::document::parquet::schema();
    let real: Vec<(String, String, bool)> = schema
        .fields()
        .iter()
        .map(|field| {
            let kind = arrow_name(field.data_type());
            (field.name().clone(), kind, field.is_nullable())
        })
        .collect();
    assert_eq!(described, real);
    with_schema("document.json", |_| {});
}

fn arrow_name(kind: &DataType) -> String {
    let inner = |field: &Field| {
        assert!(
            !field.is_nullable(),
            "{} inside a column is never null",
            field.name()
        );
        arrow_name(field.data_type())
    };
    match kind {
        DataType::FixedSizeBinary(size) => format!("fixed_size_binary[{size}]"),
        DataType::List(item) => format!("list<{}>", inner(item)),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}: {}", field.name(), inner(field)))
                .collect();
            format!("struct<{}>", fields.join(", "))
        }
        other => format!("{other:?}").to_lowercase(),
    }
}
