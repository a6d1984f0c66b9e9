//! `prep where`: every token of the shards leads back to its source and record.

use crate::support::corpus::documents;
use crate::support::{Prep, fixture, place, read, shards, write};
use prep::shard::{Dataset, Split};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

fn ask(words: &[String]) -> Value {
    Prep::new(["where"]).args(words).json()
}

/// Checks some positions of a shard directory against the corpus that it was made from.
fn check(corpus: &Path, dir: &Path) {
    let by_id: BTreeMap<_, _> = documents(corpus)
        .into_iter()
        .map(|document| (document.id.to_string(), document))
        .collect();
    let tokenizer = shards::tokenizer(dir);
    let data = Dataset::open(dir, Split::Train).expect("shards");
    let files = data.manifest().train.shards.clone();
    assert!(files.len() > 2, "{} shards", files.len());
    let (mut continued, mut start) = (0, 0);
    for file in &files {
        for position in [0, 1, file.tokens / 2, file.tokens - 1] {
            let place = format!("{}:{position}", dir.join(&file.file).display());
            let found = ask(&[place]);
            let (mut ids, mut mask) = ([0], [false]);
            data.window(start + position, &mut ids, &mut mask);
            assert_eq!(found["token_id"], ids[0]);
            assert_eq!(found["token"], tokenizer.decode(&ids, false));
            assert_eq!(found["in_loss"], mask[0]);
            assert_eq!(found["split_position"], start + position);
            let document = &by_id[found["document_id"].as_str().expect("an id")];
            assert_eq!(found["origin"]["source"], document.source.as_str());
            assert_eq!(found["origin"]["record"], document.record);
            assert_eq!(found["origin"]["kind"], document.content.kind().name());
            let spans = found["document_shards"].as_array().expect("shards");
            assert!(spans.contains(&Value::from(file.file.as_str())));
            continued += usize::from(spans.len() > 1);
            // The same place by its position in the split.
            let dir = dir.display().to_string();
            let again = ask(&[dir, "train".to_owned(), (start + position).to_string()]);
            assert_eq!(again, found);
        }
        start += file.tokens;
    }
    assert!(continued > 0, "some document goes on in the next shard");
}

#[test]
fn a_token_leads_to_its_document_source_and_record() {
    let place = place();
    let (corpus, dir) = (place.path().join("corpus"), place.path().join("shards"));
    Prep::ingest(&fixture(""), &corpus).code(1).json();
    Prep::shard(&corpus, &dir)
        .args(["--val", "10%", "--shard-size", "50kB", "--profile", "none"])
        .json();
    check(&corpus, &dir);
    let shard = dir.join("train-00000.arrow").display().to_string();
    Prep::new(["where", &format!("{shard}:5")])
        .prints("train-00000.arrow position 5")
        .prints("record")
        .prints("⟦")
        .run();
    // Without the corpus beside the shards it has to be named.
    let elsewhere = place.path().join("away");
    std::fs::create_dir(&elsewhere).expect("a directory");
    let moved = elsewhere.join("corpus");
    std::fs::rename(&corpus, &moved).expect("moves");
    let alone = ask(&[format!("{shard}:5")]);
    assert!(
        alone["origin"].is_null() && alone["document_id"].is_string(),
        "{alone}"
    );
    let named = Prep::new(["where", &shard, "5"])
        .arg("--corpus")
        .arg(&moved)
        .json();
    assert!(named["origin"]["source"].is_string());
}

#[test]
fn places_that_are_not_there_are_said() {
    let place = place();
    let (corpus, dir) = (place.path().join("corpus"), place.path().join("shards"));
    Prep::ingest(&fixture("qa"), &corpus).json();
    Prep::shard(&corpus, &dir).args(["--val", "10%"]).json();
    let shard = dir.join("train-00000.arrow").display().to_string();
    for (words, needle) in [
        (
            vec![format!("{shard}:99999999")],
            "is beyond the end of train-00000.arrow: it has",
        ),
        (vec![shard.clone()], "has no position"),
        (
            vec![dir.join("train-00007.arrow:1").display().to_string()],
            "has no shard 7 of train",
        ),
        (vec![format!("{}:1", dir.display())], "is no shard"),
        (
            vec![dir.display().to_string(), "train".into(), "99999999".into()],
            "beyond the end of train",
        ),
    ] {
        let error = Prep::new(["where"]).args(&words).fails();
        assert!(error.contains(needle), "{error}");
    }
    let other = place.path().join("another corpus");
    Prep::ingest(&fixture("text"), &other).json();
    let error = Prep::new(["where", &format!("{shard}:1")])
        .arg("--corpus")
        .arg(&other)
        .fails();
    assert!(
        error.contains("is not the corpus that the shards were made from"),
        "{error}"
    );
}

#[test]
fn what_is_damaged_is_not_shown() {
    let place = place();
    let at = |name: &str| place.path().join(name);
    Prep::ingest(&fixture(""), &at("corpus")).code(1).json();
    Prep::shard(&at("corpus"), &at("shards"))
        .args(["--val", "20%", "--shard-size", "40kB"])
        .json();
    let cat = |path: &str, document: &str| Prep::new(["cat", "--document", document]).arg(at(path));
    let token = at("shards/train-00001.arrow:5");
    let ask = || Prep::new(["where"]).arg(&token);
    let damage = |file: &str| {
        let path = at(file);
        let mut bytes = read(&path);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        write(&path, &bytes);
    };
    ask().prints("train-00001").run();
    damage("shards/train-00001.arrow");
    for said in [ask().fails(), cat("shards/train-00001.arrow", "0").fails()] {
        assert!(
            said.contains("train-00001.arrow was changed or damaged")
                && said.contains("prep verify"),
            "{said}"
        );
    }
    // An id that is not found may be a damaged one.
    let why = Prep::new(["why", "0123456789abcdef0123456789abcdef"]).arg(at("shards"));
    let said = why.fails();
    assert!(
        said.contains("train-00001.arrow was changed or damaged"),
        "{said}"
    );
    // What stands in files that are whole is shown, wherever another is damaged.
    cat("shards", "0").prints("document").run();
    cat("shards/train-00000.arrow", "0")
        .prints("document")
        .run();
    std::fs::create_dir(at("empty")).expect("a new folder");
    let said = cat("empty", "0").fails();
    assert!(
        said.contains("empty has no readable manifest.json: give a finished directory"),
        "{said}"
    );
    let said = cat("nowhere", "0").fails();
    assert!(
        said.contains("there is no") && said.contains("nowhere"),
        "{said}"
    );
    damage("corpus/documents/part-00000.parquet");
    let said = cat("corpus", "0").fails();
    assert!(
        said.contains("part-00000.parquet was changed or damaged") && said.contains("prep verify"),
        "{said}"
    );
}
