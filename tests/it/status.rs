//! `prep` alone: the state of the working directory, and the next step until the model speaks.

use crate::schemas::check;
use crate::support::{Prep, fixture, place};
use serde_json::{Value, json};
use std::path::Path;

fn status(dir: &Path) -> Value {
    let found = Prep::new([""; 0]).inside(dir).json();
    check("status_report.json", &found);
    found
}

#[test]
fn the_next_step_is_named_until_there_is_a_model() {
    let place = place();
    let dir = place.path();
    assert_eq!(
        status(dir)["next"],
        json!("prep ingest SOURCE... --out corpus")
    );
    Prep::ingest(&fixture("qa"), &dir.join("corpus")).json();
    assert_eq!(status(dir)["next"], json!("prep shard corpus --out shards"));
    Prep::shard(&dir.join("corpus"), &dir.join("shards"))
        .args(["--val", "10%"])
        .json();
    let found = status(dir);
    assert_eq!(
        found["next"],
        json!("prep train shards --out model --model llama-15m")
    );
    // Inside the shards it is they, not the folders in them.
    let inside = status(&dir.join("shards"));
    assert_eq!(
        inside["next"],
        json!("prep train . --out ../model --model llama-15m")
    );
    assert_eq!(inside["found"][0]["path"], json!("."));
    assert_eq!(inside["found"].as_array().map(Vec::len), Some(1));
    let train = [
        "train", "shards", "--out", "model", "--model", "llama-1m", "--steps", "1",
    ];
    let small = ["--seq-len", "32", "--batch-tokens", "64"];
    Prep::new(train).args(small).inside(dir).json();
    let found = status(dir);
    assert_eq!(found["next"], json!("prep generate model \"…\""));
    let whats: Vec<_> = (found["found"].as_array().expect("rows").iter())
        .map(|row| row["what"].as_str().expect("a name"))
        .collect();
    assert_eq!(whats, ["corpus", "shards", "model"]);
    assert!(found["found"][1]["tokens"].as_u64() > Some(100));
    // Every command says what to run next, and so does this one.
    Prep::talkative([""; 0])
        .inside(dir)
        .prints("shards")
        .says("next: prep generate")
        .run();
}

#[test]
fn pairs_are_never_taken_for_shards() {
    let place = place();
    let dir = place.path();
    let records = dir.join("pairs.jsonl");
    let record = |n: u32| {
        format!(
            r#"{{"prompt": "Which number comes after {n}, please tell me?", "chosen": "It is the number {}.", "rejected": "I do not know that, sorry."}}"#,
            n + 1
        ) + "\n"
    };
    std::fs::write(&records, (0..20).map(record).collect::<String>()).expect("writes");
    Prep::ingest(&records, &dir.join("corpus")).json();
    let shards = dir.join("shards");
    Prep::shard(&dir.join("corpus"), &shards)
        .args(["--profile", "none", "--dedup", "off"])
        .json();
    assert!(shards.join("pairs/manifest.json").is_file());
    let next = |inside: &Path| status(inside)["next"].clone();
    let train = |from: &str| json!(format!("prep train {from} --model llama-15m"));
    assert_eq!(next(&shards), train(". --out ../model"));
    assert_eq!(next(&shards.join("pairs")), train(".. --out ../../model"));
    std::fs::create_dir(dir.join("model")).expect("makes");
    assert_eq!(next(&shards), train(". --out ../model-2"));
}
