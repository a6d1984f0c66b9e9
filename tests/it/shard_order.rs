//! `--order shuffle` and `prep reshard`: the same documents in another order, size or directory.

use crate::support::made_up::{Dice, many_parts, words};
use crate::support::{Prep, fixture, place, read_json, tree, write};
use prep::document::DocumentId;
use prep::shard::{Dataset, Split};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Row = (DocumentId, Vec<u32>, Vec<bool>);

/// Documents of a split in the order of the shards.
fn rows(shards: &Path, split: Split) -> Vec<Row> {
    let mut rows = Vec::new();
    let data = Dataset::open(shards, split).expect("shards");
    data.for_each_document(|id, tokens| {
        rows.push((id, tokens.ids.clone(), tokens.mask.clone()));
        Ok(())
    })
    .expect("documents");
    rows
}

fn sorted(shards: &Path, split: Split) -> Vec<Row> {
    let mut rows = rows(shards, split);
    rows.sort();
    rows
}

/// A corpus of several parts, texts and chats.
fn corpus(dir: &Path) -> PathBuf {
    let (raw, corpus) = (dir.join("raw.jsonl"), dir.join("corpus"));
    many_parts(&raw, 3_000_000, &mut Dice::new(7));
    Prep::new(["ingest"])
        .args([&raw, &fixture("qa")])
        .arg("--out")
        .arg(&corpus)
        .code(1)
        .json();
    corpus
}

fn shard(corpus: &Path, out: &Path, options: &[&str]) {
    Prep::shard(corpus, out)
        .args(["--shard-size", "100kB", "--val", "10%"])
        .args(options)
        .json();
}

/// Shards are within the limit, and all but the last of a split at least 95 % full.
fn check_sizes(shards: &Path, limit: u64) {
    let manifest = read_json(&shards.join("manifest.json"));
    for split in ["train", "val"] {
        let entries = manifest[split]["shards"].as_array().expect("shards");
        for (number, entry) in entries.iter().enumerate() {
            let bytes = entry["bytes"].as_u64().expect("bytes");
            assert!(bytes <= limit, "{entry}");
            assert!(
                number + 1 == entries.len() || bytes * 100 >= limit * 95,
                "{entry}"
            );
        }
    }
    Prep::new(["verify"]).arg(shards).json();
}

#[test]
fn a_shuffle_is_a_permutation_that_seed_and_documents_alone_decide() {
    let place = place();
    let corpus = corpus(place.path());
    let at = |name: &str| place.path().join(name);
    shard(&corpus, &at("input"), &[]);
    shard(
        &corpus,
        &at("one"),
        &["--order", "shuffle", "--threads", "1"],
    );
    shard(
        &corpus,
        &at("five"),
        &["--order", "shuffle", "--threads", "5"],
    );
    // So little that the buckets are many and sorted in ranges.
    shard(
        &corpus,
        &at("small"),
        &["--order", "shuffle", "--memory", "200kB"],
    );
    tree::assert_same(&at("one"), &at("five"));
    tree::assert_same(&at("one"), &at("small"));
    for split in Split::ALL {
        assert_ne!(rows(&at("one"), split), rows(&at("input"), split));
        assert_eq!(sorted(&at("one"), split), sorted(&at("input"), split));
    }
    let manifest = read_json(&at("one").join("manifest.json"));
    assert!(
        manifest["train"]["shards"]
            .as_array()
            .is_some_and(|shards| shards.len() > 3)
    );
    check_sizes(&at("one"), 100_000);
    // Chats, which were ingested last, are everywhere.
    let rows = rows(&at("one"), Split::Train);
    let chat = |row: &Row| row.2.iter().skip(1).any(|counts| !counts);
    let quarters = rows.chunks(rows.len().div_ceil(4));
    for quarter in quarters {
        assert!(quarter.iter().filter(|row| chat(row)).count() > 10);
    }
    shard(
        &corpus,
        &at("seeded"),
        &["--order", "shuffle", "--seed", "1"],
    );
    assert_ne!(rows, self::rows(&at("seeded"), Split::Train));
}

#[test]
fn repetitions_of_a_weight_are_shuffled_too() {
    let place = place();
    let (raw, corpus) = (place.path().join("raw.jsonl"), place.path().join("corpus"));
    let mut dice = Dice::new(5);
    let lines: String = (0..300)
        .map(|_| format!("{{\"text\":\"{}\"}}\n", words(&mut dice, 40)))
        .collect();
    write(&raw, lines);
    Prep::ingest(&raw, &corpus).json();
    let out = place.path().join("shards");
    let weight = ["--weight", "raw.jsonl=3", "--profile", "none"];
    shard(
        &corpus,
        &out,
        &[&["--order", "shuffle"], &weight[..]].concat(),
    );
    let mut places: BTreeMap<DocumentId, Vec<usize>> = BTreeMap::new();
    for (place, (id, ..)) in rows(&out, Split::Train).into_iter().enumerate() {
        places.entry(id).or_default().push(place);
    }
    assert!(places.values().all(|places| places.len() == 3));
    let beside = places
        .values()
        .filter(|places| places[1] == places[0] + 1)
        .count();
    assert!(
        beside < 10,
        "{beside} of {} have a copy beside them",
        places.len()
    );
    check_sizes(&out, 100_000);
}

#[test]
fn reshard_merges_resizes_and_shuffles_and_keeps_everything() {
    let place = place();
    let at = |name: &str| place.path().join(name);
    let first = corpus(place.path());
    Prep::ingest(&fixture("text"), &at("second corpus")).json();
    shard(&first, &at("first"), &[]);
    shard(&at("second corpus"), &at("second"), &["--weight", "*=1.5"]);
    let reshard = |out: &str, options: &[&str]| {
        Prep::new(["reshard"])
            .args([at("first"), at("second")])
            .arg("--out")
            .arg(at(out))
            .args(options)
            .json()
    };
    let report = reshard("merged", &["--shard-size", "60kB", "--threads", "1"]);
    assert_eq!(report, read_json(&at("merged").join("report.json")));
    reshard("merged 4", &["--shard-size", "60kB", "--threads", "4"]);
    tree::assert_same(&at("merged"), &at("merged 4"));
    reshard("shuffled", &["--shard-size", "60kB", "--order", "shuffle"]);
    reshard(
        "shuffled small",
        &[
            "--shard-size",
            "60kB",
            "--order",
            "shuffle",
            "--memory",
            "100kB",
        ],
    );
    tree::assert_same(&at("shuffled"), &at("shuffled small"));
    for split in Split::ALL {
        let wanted = [rows(&at("first"), split), rows(&at("second"), split)].concat();
        assert_eq!(rows(&at("merged"), split), wanted);
        assert_ne!(rows(&at("shuffled"), split), wanted);
        assert_eq!(sorted(&at("shuffled"), split), sorted(&at("merged"), split));
    }
    for name in ["merged", "shuffled"] {
        check_sizes(&at(name), 60_000);
        assert!(Prep::new(["stats"]).arg(at(name)).json().is_object());
        assert!(!at(name).join("work").exists() && !at(name).join("state.json").exists());
    }
    // The whole again, in its own size: the bytes of the shards are those of the first.
    Prep::new(["reshard"])
        .arg(at("first"))
        .args(["--shard-size", "100kB", "--out"])
        .arg(at("again"))
        .json();
    let (first, again) = (tree::of(&at("first")), tree::of(&at("again")));
    let arrow = |name: &&String| {
        Path::new(name)
            .extension()
            .is_some_and(|end| end == "arrow")
    };
    for name in first.keys().filter(arrow) {
        assert_eq!(first[name], again[name], "{name}");
    }
    // A token of either input is found in its source.
    let train = rows(&at("merged"), Split::Train);
    let tokens: usize = train.iter().map(|(_, ids, _)| ids.len()).sum();
    for (position, corpus) in [(0, "corpus"), (tokens - 1, "second corpus")] {
        let found = Prep::new(["where"])
            .arg(at("merged"))
            .args(["train", &position.to_string()])
            .json();
        let found = found["origin"]["corpus"]
            .as_str()
            .expect("a corpus")
            .to_owned();
        assert_eq!(
            Path::new(&found).file_name(),
            Some(corpus.as_ref()),
            "{position}"
        );
    }
    // A merged directory is one like any other.
    Prep::new(["reshard"])
        .args([at("merged"), at("second")])
        .arg("--out")
        .arg(at("once more"))
        .json();
    check_sizes(&at("once more"), 50_000_000);
    // What is finished is not done again.
    assert_eq!(reshard("merged", &["--shard-size", "60kB"]), report);
}

#[test]
fn reshard_refuses_other_tokenizers_damage_and_its_own_input() {
    let place = place();
    let at = |name: &str| place.path().join(name);
    Prep::ingest(&fixture("text"), &at("corpus")).json();
    shard(&at("corpus"), &at("a"), &[]);
    shard(&at("corpus"), &at("bos"), &["--bos", "never"]);
    shard(&at("corpus"), &at("plain"), &["--chat-template", "plain"]);
    let reshard = |inputs: &[&str], out: &str| {
        Prep::new(["reshard"])
            .args(inputs.iter().map(|name| at(name)))
            .arg("--out")
            .arg(at(out))
    };
    let error = reshard(&["a", "bos"], "out").fails();
    assert!(
        error.contains("are of different tokenizers") && error.contains("--tokenizer"),
        "{error}"
    );
    let error = reshard(&["a", "plain"], "out").fails();
    assert!(error.contains("different chat templates"), "{error}");
    let error = reshard(&["a"], "a").fails();
    assert!(error.contains("both read and written"), "{error}");
    let error = reshard(&["corpus"], "out").fails();
    assert!(error.contains("manifest"), "{error}");
    assert!(!at("out").exists(), "nothing was begun");
    let path = at("a").join("train-00000.arrow");
    let mut bytes = std::fs::read(&path).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("writes");
    let error = reshard(&["a"], "out").fails();
    assert!(error.contains("was changed or damaged"), "{error}");
}

#[test]
fn a_killed_reshard_goes_on_and_ends_with_the_same_bytes() {
    let place = place();
    let at = |name: &str| place.path().join(name);
    let corpus = corpus(place.path());
    shard(&corpus, &at("shards"), &[]);
    let command = |out: &str| {
        Prep::new(["reshard"])
            .arg(at("shards"))
            .arg("--out")
            .arg(at(out))
            .args(["--order", "shuffle", "--shard-size", "20kB", "--seed", "3"])
    };
    command("whole").json();
    // What a kill leaves: the state, a bucket cut short, and some shards, one of them not whole.
    command("killed").json();
    std::fs::remove_file(at("killed").join("manifest.json")).expect("removes");
    std::fs::remove_file(at("killed").join("report.json")).expect("removes");
    std::fs::remove_file(at("killed").join("train-00001.arrow")).expect("removes");
    std::fs::write(at("killed").join("train-00002.arrow"), b"half").expect("writes");
    std::fs::create_dir(at("killed").join("work")).expect("creates");
    std::fs::write(at("killed").join("work/order-000"), b"half").expect("writes");
    let config = &read_json(&at("whole").join("manifest.json"))["config"];
    let state = serde_json::json!({ "config": config }).to_string();
    std::fs::write(at("killed").join("state.json"), state).expect("writes");
    command("killed").json();
    tree::assert_same(&at("whole"), &at("killed"));
}
