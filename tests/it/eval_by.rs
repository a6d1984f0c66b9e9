//! `eval` by source and language, and of two models side by side.

use crate::schemas::check;
use crate::support::command::Prep;
use crate::support::{fixture, read_json};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A corpus, its shards and two models of different seeds, made once a test.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new(models: &[&str]) -> Self {
        let place = Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
        };
        let (corpus, shards) = (place.path("corpus"), place.path("shards"));
        Prep::ingest(&fixture("qa"), &corpus).json();
        Prep::shard(&corpus, &shards).args(["--val", "20%"]).json();
        for (seed, model) in models.iter().enumerate() {
            let report = Prep::new([
                "train",
                "--steps",
                "2",
                "--seq-len",
                "64",
                "--device",
                "cpu",
            ])
            .args([
                "--batch-tokens",
                "64",
                "--model",
                "llama-1m",
                "--eval-every",
                "1",
            ])
            .args(["--seed", &seed.to_string()])
            .arg(&shards)
            .arg("--out")
            .arg(place.path(model))
            .json();
            check("train_report.json", &report);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn eval(&self, shards: &str, more: &[&str]) -> Value {
        let report = Prep::new(["eval", "--device", "cpu"])
            .arg(self.path("a"))
            .arg(self.path(shards))
            .args(more)
            .json();
        check("eval_report.json", &report);
        report
    }
}

/// The means of all parts put together are those of the whole.
fn add_up(whole: &Value, parts: &Value) {
    let parts = parts.as_object().expect("means by name");
    let sum = |of: &dyn Fn(&Value) -> f64| parts.values().map(of).sum::<f64>();
    let number = |value: &Value, key: &str| value[key].as_f64().expect("a number");
    let tokens = number(whole, "tokens");
    assert_eq!(sum(&|part| number(part, "tokens")), tokens);
    let nats = sum(&|part| number(part, "loss") * number(part, "tokens"));
    let whole_nats = number(whole, "loss") * tokens;
    assert!(
        (nats / whole_nats - 1.0).abs() < 1e-9,
        "{nats} of {whole_nats}"
    );
    // Bits a byte weigh by bytes, which the report does not have; nats over bits give them.
    let bytes =
        |of: &Value| number(of, "loss") * number(of, "tokens") / number(of, "bits_per_byte");
    assert!((sum(&bytes) / bytes(whole) - 1.0).abs() < 1e-9);
    for part in parts.values() {
        let (loss, perplexity) = (number(part, "loss"), number(part, "perplexity"));
        assert!((loss.exp() / perplexity - 1.0).abs() < 1e-12);
    }
}

fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).expect("is renamed");
}

#[test]
fn a_loss_is_told_apart_by_source_and_language() {
    let place = Place::new(&["a"]);
    let got = place.eval("shards", &[]);
    let sources = got["by_source"].as_object().expect("sources");
    assert!(sources.len() > 3, "{got}");
    assert!(sources.keys().all(|name| name.contains(".jsonl")));
    let languages = got["by_language"].as_object().expect("languages");
    assert!(
        languages.contains_key("ru") && languages.contains_key("en"),
        "{got}"
    );
    add_up(&got, &got["by_source"]);
    add_up(&got, &got["by_language"]);
    // Training measures the same at its end, and some of it on the way.
    let report = read_json(&place.path("a").join("report.json"));
    assert_eq!(report["val_by_source"], got["by_source"]);
    assert_eq!(report["val_by_language"], got["by_language"]);
    let metrics = std::fs::read_to_string(place.path("a").join("metrics.jsonl")).expect("reads");
    let lines: Vec<Value> = metrics
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1]["val_by_language"]["ru"]["loss"].as_f64() > Some(0.0));
    let events = place
        .path("a")
        .join("tensorboard/events.out.tfevents.0.prep");
    let events = std::fs::read(events).expect("reads");
    let tag = b"val_bits_per_byte_by_language/ru";
    assert!(events.windows(tag.len()).any(|bytes| bytes == tag));

    // The same after resharding, with the corpus away: the shards say it themselves.
    rename(&place.path("corpus"), &place.path("away.d"));
    std::fs::create_dir(place.path("hidden")).expect("is made");
    rename(&place.path("away.d"), &place.path("hidden/corpus"));
    Prep::new(["reshard", "--order", "shuffle"])
        .arg(place.path("shards"))
        .arg("--out")
        .arg(place.path("again"))
        .json();
    let again = place.eval("again", &[]);
    add_up(&again, &again["by_source"]);
    let tokens = |report: &Value| report["by_source"]["alpaca_ru.jsonl"]["tokens"].clone();
    assert_eq!(tokens(&again), tokens(&got));
    // Of the train split nothing is known without the corpus.
    assert!(place.eval("shards", &["--split", "train"])["by_source"].is_null());

    // Shards of before have no origins: the corpus beside them says it, in any split.
    let manifest = place.path("shards").join("manifest.json");
    let mut old = read_json(&manifest);
    old.as_object_mut().expect("an object").remove("origins");
    std::fs::write(&manifest, old.to_string()).expect("writes");
    std::fs::remove_dir_all(place.path("shards/origins")).expect("is removed");
    assert!(place.eval("shards", &[])["by_source"].is_null());
    rename(&place.path("hidden/corpus"), &place.path("corpus"));
    assert_eq!(place.eval("shards", &[])["by_source"], got["by_source"]);
    let train = place.eval("shards", &["--split", "train"]);
    add_up(&train, &train["by_language"]);
}

#[test]
fn two_models_are_put_side_by_side() {
    let place = Place::new(&["a", "b"]);
    let path = |name: &str| place.path(name).display().to_string();
    let same = place.eval("shards", &["--versus", &path("a")]);
    let difference = &same["versus"]["difference"];
    assert_eq!(difference["loss"]["mean"], 0.0);
    assert_eq!(difference["loss"]["stderr"], 0.0);
    let got = place.eval("shards", &["--versus", &path("b")]);
    let alone = Prep::new(["eval", "--device", "cpu"])
        .arg(place.path("b"))
        .arg(place.path("shards"))
        .json();
    for key in ["loss", "bits_per_byte", "by_source", "by_language"] {
        assert_eq!(got["versus"][key], alone[key], "{key}");
    }
    let number = |value: &Value| value.as_f64().expect("a number");
    let (first, second) = (&got, &got["versus"]);
    for key in ["loss", "bits_per_byte"] {
        let difference = &second["difference"][key];
        let want = number(&second[key]) - number(&first[key]);
        assert!((number(&difference["mean"]) - want).abs() < 1e-9, "{key}");
        assert!(number(&difference["stderr"]) > 0.0);
    }
    let of_russian = &second["difference"]["by_language"]["ru"];
    let loss = |report: &Value| number(&report["by_language"]["ru"]["loss"]);
    assert!((number(&of_russian["mean"]) - loss(second) + loss(first)).abs() < 1e-9);

    let questions = place.path("q.jsonl");
    let lines = r#"{"question": "Почему?", "choices": ["Потому.", "Нет"], "answer": "B"}
{"question": "Сколько будет два и два?", "answer": ["4", "четыре"]}
"#;
    std::fs::write(&questions, lines).expect("writes");
    let answers = place.path("answers.jsonl");
    let report = Prep::new(["eval", "--device", "cpu", "--answer-tokens", "5"])
        .arg(place.path("a"))
        .args(["--versus", &path("b"), "--tasks", &path("q.jsonl")])
        .arg("--answers")
        .arg(&answers)
        .json();
    check("eval_tasks_report.json", &report);
    assert_eq!(
        (&report["items"], &report["exact_items"]),
        (&1.into(), &1.into())
    );
    let written = std::fs::read_to_string(&answers).expect("reads");
    let written: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(written.len(), 2);
    assert_eq!(written[0]["kind"], "choice");
    assert_eq!(written[0]["answers"], serde_json::json!(["Нет"]));
    let right = |who: &str| f64::from(u8::from(written[0][who]["right"] == true));
    let mean = &report["versus"]["difference"]["accuracy"]["mean"];
    assert_eq!(number(mean), right("versus") - right("model"));
    assert_eq!(written[1]["kind"], "exact");
    assert!(written[1]["versus"]["text"].is_string());

    let prompts = place.path("prompts.txt");
    std::fs::write(&prompts, "Привет\n\nHello\n").expect("writes");
    let said = Prep::new(["eval", "--device", "cpu", "--answer-tokens", "3"])
        .arg(place.path("a"))
        .args(["--versus", &path("b"), "--prompts", &path("prompts.txt")])
        .json();
    assert_eq!(said["prompts"].as_array().map(Vec::len), Some(2));
    assert_eq!(said["prompts"][1]["prompt"], "Hello");
    assert!(said["prompts"][1]["versus"].is_string());
}
