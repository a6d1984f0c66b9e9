//! The files of a shard directory: their size, their split, and that their bytes follow from the
//! corpus and the options alone.

use crate::support::corpus::documents;
use crate::support::made_up::{Dice, many_parts};
use crate::support::{Prep, fixture, place, read, read_json, shards, tree};
use prep::dedup::keys;
use prep::document::id::hex_hash;
use prep::shard::Split;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A corpus of several parts, texts, chats and preferences.
fn corpus(dir: &Path) -> PathBuf {
    let (raw, corpus) = (dir.join("raw.jsonl"), dir.join("corpus"));
    many_parts(&raw, 6_000_000, &mut Dice::new(7));
    Prep::new(["ingest"])
        .args([&raw, &fixture("text"), &fixture("qa"), &fixture("bad")])
        .arg("--out")
        .arg(&corpus)
        .code(1)
        .json();
    corpus
}

#[test]
fn shards_are_full_and_never_too_large() {
    let place = place();
    let corpus = corpus(place.path());
    for limit in [40_000_u64, 250_000] {
        let out = place.path().join(format!("shards of {limit}"));
        Prep::shard(&corpus, &out)
            .args(["--shard-size", &limit.to_string(), "--val", "20%"])
            .json();
        let manifest = read_json(&out.join("manifest.json"));
        for split in ["train", "val"] {
            let entries = manifest[split]["shards"].as_array().expect("shards");
            assert!(entries.len() > 2, "{split} has several shards of {limit}");
            for (number, entry) in entries.iter().enumerate() {
                let file = entry["file"].as_str().expect("a name");
                assert_eq!(file, format!("{split}-{number:05}.arrow"));
                let bytes = read(&out.join(file));
                let size = bytes.len() as u64;
                assert_eq!(entry["bytes"], size);
                assert_eq!(entry["xxh3"], hex_hash(&bytes));
                assert!(size <= limit, "{file} has {size} bytes of {limit}");
                assert!(
                    number + 1 == entries.len() || size * 100 >= limit * 95,
                    "{file} has {size} bytes of {limit}"
                );
            }
            let listed = entries.len();
            let found = std::fs::read_dir(&out)
                .expect("reads")
                .filter_map(Result::ok)
                .filter(|entry| {
                    entry
                        .file_name()
                        .to_string_lossy()
                        .starts_with(&format!("{split}-"))
                })
                .count();
            assert_eq!(
                found, listed,
                "no shard is there that the manifest does not list"
            );
        }
    }
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_memory() {
    let place = place();
    let corpus = corpus(place.path());
    let shard = |name: &str, options: &[&str]| {
        let out = place.path().join(name);
        Prep::shard(&corpus, &out)
            .args(["--shard-size", "250kB", "--val", "5%"])
            .args(options)
            .json();
        out
    };
    let one = shard("1", &["--threads", "1"]);
    tree::assert_same(&one, &shard("2", &["--threads", "2"]));
    tree::assert_same(&one, &shard("7", &["--threads", "7"]));
    // So little that copies are searched in several ranges of keys.
    tree::assert_same(&one, &shard("small", &["--memory", "200kB"]));
}

#[test]
fn a_seed_decides_the_split_and_nothing_else() {
    let place = place();
    let corpus = corpus(place.path());
    let splits = |seed: &str| {
        let out = place.path().join(format!("seed {seed}"));
        Prep::shard(&corpus, &out)
            .args(["--val", "10%", "--seed", seed])
            .json();
        let documents = shards::documents(&out);
        let of = |split| -> BTreeSet<_> {
            let of_split = documents.iter().filter(|(_, tokens)| tokens.split == split);
            of_split.map(|(id, _)| *id).collect()
        };
        (of(Split::Train), of(Split::Val))
    };
    let (train, val) = splits("0");
    let (other_train, other_val) = splits("1");
    assert_ne!(val, other_val);
    assert_eq!(&train | &val, &other_train | &other_val);
    let share = val.len() as f64 / (train.len() + val.len()) as f64;
    assert!((0.07..0.13).contains(&share), "10 % are validated: {share}");
}

#[test]
fn no_group_straddles_the_splits() {
    let place = place();
    let corpus = corpus(place.path());
    let out = place.path().join("shards");
    // Copies stay, so that there is something to straddle.
    Prep::shard(&corpus, &out)
        .args(["--val", "40%", "--dedup", "off"])
        .json();
    let kept = shards::documents(&out);
    let mut groups: BTreeMap<u128, Vec<Split>> = BTreeMap::new();
    for document in documents(&corpus) {
        if let Some(tokens) = kept.get(&document.id) {
            let group = groups.entry(keys::of(&document.content).group).or_default();
            group.push(tokens.split);
        }
    }
    let several = groups.values().filter(|splits| splits.len() > 1);
    assert!(
        several.count() >= 16,
        "the fixtures have copies and conflicts"
    );
    for splits in groups.values() {
        assert!(splits.iter().all(|split| *split == splits[0]), "{splits:?}");
    }
    let validated = groups.values().filter(|splits| splits[0] == Split::Val);
    assert!(validated.count() > 50);
}

#[test]
fn a_small_corpus_is_validated_too_and_trained_on() {
    let place = place();
    let raw = place.path().join("raw.jsonl");
    let ask = |question: &str, answer: &str| {
        format!("{{\"question\":\"{question}\",\"answer\":\"{answer}\"}}\n")
    };
    // Two groups: one must be validated, the other must be left to learn from.
    let two = ask("Who keeps the key?", "The porter does.") + &ask("Where is it?", "In the lodge.");
    // One group alone: there is nothing to validate on without a leak.
    let one = ask("Who keeps the key?", "The porter.") + &ask("Who keeps the key?", "The mayor.");
    for (name, lines, documents) in [("two", two, [1, 1]), ("one", one, [2, 0])] {
        crate::support::write(&raw, lines);
        let (corpus, out) = (
            place.path().join(name),
            place.path().join(format!("{name} shards")),
        );
        Prep::ingest(&raw, &corpus).json();
        Prep::shard(&corpus, &out).json();
        let manifest = read_json(&out.join("manifest.json"));
        let found = ["train", "val"].map(|split| manifest[split]["documents"].as_u64());
        assert_eq!(found, documents.map(Some), "{name}");
    }
}

#[test]
fn no_validation_split_when_none_is_asked_for() {
    let place = place();
    let (corpus, out) = (place.path().join("corpus"), place.path().join("shards"));
    Prep::ingest(&fixture("qa"), &corpus).json();
    Prep::shard(&corpus, &out).args(["--val", "0"]).json();
    let manifest = read_json(&out.join("manifest.json"));
    assert_eq!(manifest["val"]["documents"], 0);
    assert_eq!(manifest["val"]["shards"], serde_json::json!([]));
    assert!(!out.join("val-00000.arrow").exists());
    assert!(!out.join("work").exists() && !out.join("state.json").exists());
}

#[test]
fn the_report_counts_what_the_shards_hold() {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    let report = Prep::shard(&corpus, &out).args(["--val", "10%"]).json();
    let kept = shards::documents(&out);
    let tokens: usize = kept.values().map(|tokens| tokens.ids.len()).sum();
    let counted = |split| -> usize {
        let of_split = kept.values().filter(|tokens| tokens.split == split);
        of_split
            .map(|tokens| tokens.mask.iter().filter(|counts| **counts).count())
            .sum()
    };
    assert_eq!(report["ledger"]["kept"]["tokens"], tokens);
    assert_eq!(report["tokens"]["total"]["tokens"], tokens);
    for (name, split) in [("train", Split::Train), ("val", Split::Val)] {
        assert_eq!(
            report["tokens"]["by_split"][name]["tokens_loss"],
            counted(split)
        );
        let manifest = read_json(&out.join("manifest.json"));
        assert_eq!(manifest[name]["tokens_loss"], counted(split));
    }
    let longest = kept.values().map(|tokens| tokens.ids.len()).max();
    assert_eq!(
        report["tokens"]["total"]["document_tokens"]["max"],
        longest.unwrap_or(0)
    );
}
