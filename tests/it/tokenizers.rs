//! `prep tokenizer`: what a user sees of a tokenizer, and that a trained one is used.

use crate::schemas::check;
use crate::support::{Prep, fixture, place, read, write};
use serde_json::{Value, json};
use std::path::Path;

fn train(corpus: &Path, out: &Path, more: &[&str]) -> Value {
    Prep::new(["tokenizer", "train"])
        .arg(corpus)
        .arg("--out")
        .arg(out)
        .args(["--vocab-size", "600"])
        .args(more)
        .json()
}

#[test]
fn the_small_tokenizer_of_the_fixtures_is_told_as_it_is() {
    let file = fixture("golden/tokenizer.json");
    let found = Prep::new(["tokenizer", "inspect"]).arg(&file).json();
    check("tokenizer_inspect.json", &found);
    assert_eq!(found["kind"], json!("byte-level BPE"));
    assert_eq!(found["fast_path"]["taken"], json!(true));
    let tokens: u64 = (found["scripts"].as_array().expect("scripts").iter())
        .filter_map(|row| row["tokens"].as_u64())
        .sum();
    assert_eq!(Some(tokens), found["tokens"].as_u64());
    assert_eq!(found["unreachable"]["tokens"], json!(0));
    Prep::new(["tokenizer", "inspect"])
        .arg(&file)
        .prints("byte-level BPE")
        .prints("never met in a text")
        .run();
}

#[test]
fn trained_tokenizers_are_used_by_shard_and_are_the_same_for_any_number_of_threads() {
    let place = place();
    let at = |name: &str| place.path().join(name);
    let corpus = at("corpus");
    Prep::ingest(&fixture("text"), &corpus).json();
    for kind in ["byte-level", "sentencepiece-bpe", "unigram"] {
        let [one, two] = ["one", "two"].map(|name| at(&format!("{kind} {name}")));
        let printed = train(&corpus, &one, &["--kind", kind, "--threads", "1"]);
        check("tokenizer_train.json", &printed);
        train(&corpus, &two, &["--kind", kind, "--threads", "3"]);
        for file in ["tokenizer.json", "tokenizer_config.json"] {
            assert!(
                read(&one.join(file)) == read(&two.join(file)),
                "{kind} {file}"
            );
        }
        // Done is done: the same command prints the same and writes nothing.
        assert_eq!(train(&corpus, &one, &["--kind", kind]), printed);
        let shards = at(&format!("{kind} shards"));
        let report = Prep::shard_trained(&corpus, &shards)
            .args(["--profile", "none", "--val", "0"])
            .arg("--tokenizer")
            .arg(&one)
            .json();
        assert_eq!(report["vocab_size"], printed["vocab_size"]);
        Prep::new(["verify"]).arg(&shards).prints("").run();
    }
    let refused = at("byte-level one");
    Prep::new(["tokenizer", "train"])
        .arg(&corpus)
        .arg("--out")
        .arg(&refused)
        .args(["--vocab-size", "601"])
        .code(2)
        .says("holds another run")
        .run();
}

/// Tokens of a lower-casing tokenizer do not come back to the text, which is no fault of the shards.
#[test]
fn shards_of_a_normalising_tokenizer_are_verified_by_what_it_makes_of_texts() {
    let place = place();
    let at = |name: &str| place.path().join(name);
    let corpus = at("corpus");
    Prep::ingest(&fixture("text"), &corpus).json();
    let mut json: Value =
        serde_json::from_slice(&read(&fixture("golden/tokenizer.json"))).expect("JSON");
    json["normalizer"] = json!({"type": "Lowercase"});
    write(&at("tokenizer.json"), json.to_string());
    let shards = at("shards");
    Prep::shard_trained(&corpus, &shards)
        .args(["--profile", "none", "--val", "0"])
        .arg("--tokenizer")
        .arg(at("tokenizer.json"))
        .json();
    let verified = Prep::new(["verify"]).arg(&shards).json().to_string();
    assert!(verified.contains("this tokenizer normalises"), "{verified}");
    let plain = at("plain");
    Prep::shard_trained(&corpus, &plain)
        .args(["--profile", "none", "--val", "0"])
        .arg("--tokenizer")
        .arg(fixture("golden/tokenizer.json"))
        .json();
    let verified = Prep::new(["verify"]).arg(&plain).json().to_string();
    assert!(
        !verified.contains("this tokenizer normalises"),
        "{verified}"
    );
}

#[test]
fn a_weight_for_a_language_that_is_not_there_is_refused() {
    let place = place();
    let corpus = place.path().join("corpus");
    Prep::ingest(&fixture("text"), &corpus).json();
    Prep::new(["tokenizer", "train"])
        .arg(&corpus)
        .arg("--out")
        .arg(place.path().join("out"))
        .args(["--weight-language", "ru=0.5,xx=0.5"])
        .code(2)
        .says("\"xx\"")
        .run();
    let half = train(
        &corpus,
        &place.path().join("half"),
        &[
            "--weight-language",
            "ru=0.5,en=0.5",
            "--sample-bytes",
            "4MB",
        ],
    );
    for language in ["ru", "en"] {
        let share = half["sample"][language]["share"].as_f64().expect("a share");
        assert!((share - 0.5).abs() < 0.05, "{language} {share}");
    }
}

#[test]
fn tokenizers_are_compared_on_files_as_on_their_corpus() {
    let place = place();
    let corpus = place.path().join("corpus");
    Prep::ingest(&fixture("text"), &corpus).json();
    let own = place.path().join("own");
    train(&corpus, &own, &[]);
    let compare = |input: &Path| {
        let mut found = Prep::new(["tokenizer", "compare"])
            .arg(input)
            .arg("--tokenizer")
            .arg(fixture("golden/tokenizer.json"))
            .arg("--tokenizer")
            .arg(&own)
            .args(["--model", "llama-1m"])
            .json();
        check("tokenizer_compare.json", &found);
        // What the machine decides.
        for row in found["tokenizers"].as_array_mut().expect("rows") {
            row["bytes_per_second"] = json!(0);
        }
        found
    };
    let of_corpus = compare(&corpus);
    assert_eq!(of_corpus, compare(&fixture("text")));
    let rows = of_corpus["tokenizers"].as_array().expect("rows");
    for row in rows {
        let sum = |key: &str| -> u64 {
            let languages = row["by_language"].as_object().expect("languages");
            languages
                .values()
                .filter_map(|figures| figures[key].as_u64())
                .sum()
        };
        for key in ["tokens", "bytes", "words"] {
            assert_eq!(Some(sum(key)), row["total"][key].as_u64());
        }
        assert_eq!(row["lossless_share"], json!(1.0));
        assert_eq!(row["total"]["bytes"], rows[0]["total"]["bytes"]);
    }
    let best = of_corpus["recommended"].as_u64().expect("a place") as usize;
    assert!(rows[best]["relative_cost"].as_f64().expect("a number") < 1.01);
}

#[test]
fn a_survey_counts_every_token_of_the_shards() {
    let place = place();
    let [corpus, shards] = ["corpus", "shards"].map(|name| place.path().join(name));
    Prep::ingest(&fixture("qa"), &corpus).json();
    Prep::shard(&corpus, &shards).args(["--val", "10%"]).json();
    let stats = Prep::new(["stats", "--tokens"]).arg(&shards).json();
    let survey = &stats["survey"];
    check("token_survey.json", survey);
    assert_eq!(survey["tokens"], stats["tokens"]["total"]["tokens"]);
    let total = |key: &str| stats["tokens"]["total"][key].as_f64().expect("a number");
    let masked = survey["loss_masked_share"].as_f64().expect("a share");
    assert!((masked - (1.0 - total("tokens_loss") / total("tokens"))).abs() < 1e-9);
    assert!(masked > 0.1, "questions are not learned");
    let all: u64 = stats["tokens"]["by_split"]["train"]["tokens"]
        .as_u64()
        .expect("tokens");
    for packing in survey["packing"].as_array().expect("lengths") {
        let number = |key: &str| packing[key].as_f64().expect("a number");
        assert_eq!(
            packing["concat_sequences"],
            json!(all / number("seq_len") as u64)
        );
        let used =
            number("best_fit_utilisation") * number("best_fit_sequences") * number("seq_len");
        assert!((used - all as f64).abs() < 1e-3);
    }
    let first = &survey["ngrams"][0]["most_frequent"][0];
    assert!(first["count"].as_u64() > Some(1) && first["text"] != json!(""));
    Prep::new(["stats", "--tokens"])
        .arg(&shards)
        .prints("best fit")
        .prints("document length, train split")
        .prints("characters/token")
        .run();
    // Two finished directories are no raw data, and neither is a run that did not end.
    Prep::new(["stats"])
        .arg(&corpus)
        .arg(&shards)
        .code(2)
        .says("is a finished directory of prep (prep-corpus), not raw data")
        .says("prep compare")
        .run();
    let begun = place.path().join("begun");
    std::fs::create_dir(&begun).expect("makes");
    std::fs::write(begun.join("state.json"), r#"{"config": {}}"#).expect("writes");
    Prep::new(["stats"])
        .arg(&begun)
        .code(2)
        .says("a run of prep that did not end")
        .run();
    Prep::new(["stats", "--tokens"])
        .arg(&corpus)
        .code(2)
        .says("needs --tokenizer")
        .run();
}

#[test]
fn a_corpus_under_a_tokenizer_has_the_tokens_that_its_shards_have() {
    let place = place();
    let [corpus, shards] = ["corpus", "shards"].map(|name| place.path().join(name));
    Prep::ingest(&fixture(""), &corpus).code(1).json();
    let everything = ["--profile", "none", "--dedup", "off", "--val", "0"];
    let sharded = Prep::shard(&corpus, &shards).args(everything).json();
    let of_shards = Prep::new(["stats", "--tokens"]).arg(&shards).json();
    let tokenizer = fixture("golden/tokenizer.json");
    let count = |path: &Path| {
        let stats = Prep::new(["stats", "--tokens"]).arg(path);
        stats.arg("--tokenizer").arg(&tokenizer).json()
    };
    let of_corpus = count(&corpus);
    let tokenized = &of_corpus["tokenized"];
    for table in ["total", "by_source", "by_language", "by_kind"] {
        assert_eq!(
            tokenized["tokens"][table], sharded["tokens"][table],
            "{table}"
        );
    }
    let survey = &tokenized["survey"];
    check("token_survey.json", survey);
    let kept: u64 = (survey["by_length"].as_array().expect("rows").iter())
        .filter_map(|row| row["tokens"].as_u64())
        .sum();
    assert_eq!(Some(kept), survey["tokens"].as_u64());
    let mut wanted = of_shards["survey"].clone();
    let copies = survey["duplicate_share"].as_f64().expect("a share");
    assert!(copies > 0.0 && copies < 0.5, "{copies}");
    wanted["duplicate_share"] = survey["duplicate_share"].clone();
    assert_eq!(survey, &wanted);
    // What is not ingested yet has the same tokens.
    let raw = count(&fixture(""));
    assert_eq!(raw["tokenized"], of_corpus["tokenized"]);
    assert_eq!(raw["documents"], of_corpus["documents"]);
    Prep::new(["stats"])
        .arg(&corpus)
        .arg("--tokenizer")
        .arg(&tokenizer)
        .prints("bytes/token")
        .run();
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        Prep::new(["completions", shell])
            .prints("tokenizer")
            .prints("sample-bytes")
            .run();
    }
    let place = place();
    let printed = Prep::new(["man"]).arg("--out").arg(place.path()).json();
    let pages = printed["pages"].as_array().expect("pages");
    for name in ["prep.1", "prep-shard.1", "prep-tokenizer-train.1"] {
        let page = place.path().join(name);
        assert!(pages.contains(&json!(page.display().to_string())), "{name}");
        assert!(
            String::from_utf8_lossy(&read(&page)).contains(".TH"),
            "{name}"
        );
    }
    let shard = String::from_utf8_lossy(&read(&place.path().join("prep-shard.1"))).into_owned();
    assert!(shard.contains("dedup") && shard.contains("tokenizer"));
}
