//! `prep shard`: which documents are validated, and who stays for whom where sources differ.

use crate::support::corpus::assert_balances;
use crate::support::made_up::{Dice, words};
use crate::support::removed;
use crate::support::{Prep, place, shards, write};
use prep::document::DocumentId;
use prep::shard::Split;
use serde_json::{Value, json};
use std::path::Path;

fn texts(dice: &mut Dice, count: usize) -> Vec<Value> {
    let text = |_| json!({ "text": words(dice, 60) });
    (0..count).map(text).collect()
}

/// Documents of each split.
fn splits(out: &Path) -> [usize; 2] {
    let kept = shards::documents(out);
    Split::ALL.map(|split| kept.values().filter(|tokens| tokens.split == split).count())
}

#[test]
fn a_group_larger_than_the_validation_is_learned_from() {
    // Each pair of pages is 0.7 alike: none is a copy, all are related.
    let mut dice = Dice::new(3);
    let page = words(&mut dice, 60);
    let mut lines: Vec<Value> = (0..100)
        .map(|_| json!({ "text": format!("{page} {}", words(&mut dice, 10)) }))
        .collect();
    lines.extend(texts(&mut dice, 8));
    let place = place();
    for (name, val, wanted) in [("share", "20%", 7..=8), ("count", "8", 7..=8)] {
        let dir = place.path().join(name);
        std::fs::create_dir(&dir).expect("creates");
        let options = ["--profile", "none", "--dedup-recall", "high", "--val", val];
        let (command, out) = shards::of_lines(&dir, &[("a.jsonl", lines.clone())], &options);
        if name == "share" {
            command.says("are learned from").json();
        } else {
            command.arg("--quiet").json();
        }
        let [train, val] = splits(&out);
        assert_eq!(train + val, 108);
        assert!(wanted.contains(&val), "{name}: {val}");
        let kept = shards::documents(&out);
        for record in 1..=100 {
            let tokens = &kept[&DocumentId::new("raw/a.jsonl", record)];
            assert_eq!(tokens.split, Split::Train, "{name} {record}");
        }
    }
}

#[test]
fn as_many_are_validated_as_are_asked_for() {
    // Groups of 6 answers to one question, and single ones.
    let mut lines = texts(&mut Dice::new(7), 30);
    for asked in 0..20 {
        for answer in 0..6 {
            lines.push(
                json!({ "question": format!("What is the number of room {asked}, and why?"),
                "answer": format!("It is {answer}, since the house was built in {asked}.") }),
            );
        }
    }
    let place = place();
    let sources = [("a.jsonl", lines)];
    for seed in ["0", "1", "2", "3"] {
        let dir = place.path().join(seed);
        std::fs::create_dir(&dir).expect("creates");
        for (val, wanted) in [("25", 25), ("10%", 15)] {
            let options = ["--profile", "none", "--quiet", "--seed", seed, "--val", val];
            let dir = dir.join(val);
            std::fs::create_dir(&dir).expect("creates");
            let (command, out) = shards::of_lines(&dir, &sources, &options);
            command.json();
            let [train, val] = splits(&out);
            assert_eq!((train, val), (150 - wanted, wanted), "seed {seed}");
        }
    }
}

#[test]
fn what_stays_for_a_document_of_a_validated_source_is_validated() {
    let mut dice = Dice::new(4);
    let held = texts(&mut dice, 30);
    let text = |value: &Value| value["text"].as_str().expect("a text").to_owned();
    let mut train = texts(&mut dice, 60);
    for document in &held[..10] {
        // Longer, so it stays: 8 words in 68 are new.
        let longer = format!("{} {}", text(document), words(&mut dice, 8));
        train.push(json!({ "text": longer }));
    }
    train.extend(held[10..20].iter().cloned());
    let place = place();
    let sources = [("held.jsonl", held), ("train.jsonl", train)];
    let options = [
        "--profile",
        "none",
        "--dedup-recall",
        "high",
        "--quiet",
        "--val-source",
        "*/held.jsonl",
    ];
    let (command, out) = shards::of_lines(place.path(), &sources, &options);
    assert_balances(&command.json());
    let kept = shards::documents(&out);
    let (mut near, mut exact) = (0, 0);
    for gone in removed::of(&out) {
        let stays = &kept[&gone.kept.expect("a copy")];
        assert_eq!(stays.split, Split::Val, "{}", gone.document.record);
        near += u32::from(gone.reason == "near_duplicate");
        exact += u32::from(gone.reason == "exact_duplicate");
    }
    assert!(near >= 8 && exact == 10, "{near} near, {exact} exact");
    assert_eq!(splits(&out)[0], 60);
}

#[test]
fn a_copy_that_stays_is_validated_with_what_it_is_related_to() {
    let mut dice = Dice::new(6);
    let held = texts(&mut dice, 20);
    let mut train = texts(&mut dice, 40);
    for document in &held {
        train.push(document.clone());
        // 60 words of 85: no copy, but related.
        let text = document["text"].as_str().expect("a text");
        train.push(json!({ "text": format!("{text} {}", words(&mut dice, 25)) }));
    }
    let place = place();
    let sources = [("held.jsonl", held), ("train.jsonl", train)];
    let options = ["--profile", "none", "--dedup-recall", "high", "--quiet"];
    let (command, out) = shards::of_lines(place.path(), &sources, &options);
    assert_balances(&command.args(["--val-source", "*/held.jsonl"]).json());
    let kept = shards::documents(&out);
    let gone = removed::of(&out);
    assert_eq!(gone.len(), 20);
    let of_held = gone
        .iter()
        .filter(|gone| gone.document.source == "raw/held.jsonl");
    assert!(of_held.count() > 2, "copies of other sources stay for some");
    for gone in &gone {
        let stays = &kept[&gone.kept.expect("a copy")];
        assert_eq!(stays.split, Split::Val, "{}", gone.document.record);
    }
}

#[test]
fn validation_that_cannot_be_is_an_error() {
    let place = place();
    let sources = [("a.jsonl", texts(&mut Dice::new(1), 20))];
    let (command, _) = shards::of_lines(place.path(), &sources, &["--val", "19"]);
    assert!(command.fails().contains("20 documents stay"));
    for (options, says) in [
        (vec!["--val-source", "nosuch"], "--val-source nosuch"),
        (vec!["--dedup", "off", "--conflicts", "drop"], "--conflicts"),
        (
            vec!["--dedup", "exact", "--threshold", "0.9"],
            "--threshold",
        ),
        (vec!["--weight", "*=0"], "sampled_out dropped 20"),
    ] {
        let out = place.path().join("wrong");
        let error = Prep::shard(&place.path().join("corpus"), &out)
            .args(&options)
            .fails();
        assert!(error.contains(says), "{options:?}: {error}");
        let _ = std::fs::remove_dir_all(out);
    }
}

#[test]
fn no_document_goes_for_one_that_a_weight_leaves_out() {
    let mut dice = Dice::new(8);
    let shared = texts(&mut dice, 20);
    let mut b = shared.clone();
    b.extend(texts(&mut dice, 10));
    let place = place();
    let sources = [("a.jsonl", shared), ("b.jsonl", b)];
    let options = [
        "--profile",
        "none",
        "--quiet",
        "--val",
        "0%",
        "--weight",
        "*/a.jsonl=0.4",
    ];
    let (command, out) = shards::of_lines(place.path(), &sources, &options);
    let report = command.json();
    assert_balances(&report);
    let kept = shards::documents(&out);
    // Every one of the 30 texts is there, from one source or the other.
    assert_eq!(kept.len(), 30);
    let left_out = report["ledger"]["dropped"]["sampled_out"]["records"].as_u64();
    let copies = report["ledger"]["dropped"]["exact_duplicate"]["records"].as_u64();
    assert_eq!(left_out.and_then(|count| Some(count + copies?)), Some(20));
    for gone in removed::of(&out) {
        if let Some(id) = gone.kept {
            assert!(kept.contains_key(&id));
        }
    }
    let mix = &report["mixing"]["raw/a.jsonl"];
    let epochs = mix["epochs"].as_f64().expect("a number");
    assert!((0.0..0.8).contains(&epochs), "{mix}");
}

#[test]
fn the_next_delivery_of_a_file_shares_ids_and_nothing_else() {
    let mut dice = Dice::new(9);
    let old = texts(&mut dice, 12);
    // Record 1 is new and like record 2, which is the longer one; 3 is a copy of the first old one.
    let mut new = texts(&mut dice, 12);
    let longer = format!(
        "{} {}",
        new[0]["text"].as_str().expect("a text"),
        words(&mut dice, 8)
    );
    new[1] = json!({ "text": longer });
    new[2] = old[0].clone();
    let place = place();
    for (name, lines) in [("old", &old), ("new", &new)] {
        let raw = place.path().join(name).join("raw");
        std::fs::create_dir_all(&raw).expect("creates");
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        write(&raw.join("feed.jsonl"), lines.join("\n"));
        Prep::ingest(&raw, &place.path().join(name).join("corpus")).json();
    }
    let out = place.path().join("shards");
    let against = place.path().join("old/corpus");
    let report = Prep::shard(&place.path().join("new/corpus"), &out)
        .args(["--profile", "none", "--dedup-recall", "high", "--against"])
        .arg(against)
        .json();
    assert_balances(&report);
    let removed = removed::of(&out);
    let of = |record: u64| {
        let found = removed.iter().find(|gone| gone.document.record == record);
        found.map(|gone| {
            (
                gone.reason.as_str(),
                gone.kept,
                gone.kept_earlier,
                gone.cluster_size,
            )
        })
    };
    let id = |record| Some(DocumentId::new("raw/feed.jsonl", record));
    assert_eq!(of(3), Some(("exact_duplicate", id(1), true, Some(2))));
    assert_eq!(of(1), Some(("near_duplicate", id(2), false, Some(2))));
    assert_eq!(removed.len(), 2);
    assert_eq!(report["copies"]["exact"]["earlier"], json!(1));
}

#[test]
fn every_answer_of_a_conflict_is_listed_whatever_becomes_of_it() {
    let mut lines = texts(&mut Dice::new(2), 10);
    let ask = |question: &str, answer: &str| json!({ "question": question, "answer": answer });
    lines.push(ask("How far is the Moon?", "About 384,000 kilometres."));
    lines.push(ask(
        "How far is the Moon?",
        "Some thirty widths of the Earth.",
    ));
    let under = |system: &str, answer: &str| {
        json!({ "messages": [{ "role": "system", "content": system },
            { "role": "user", "content": "Good morning" }, { "role": "assistant", "content": answer }] })
    };
    lines.push(under("Translate to French.", "Bonjour"));
    lines.push(under("Translate to German.", "Guten Morgen"));
    for (how, stay) in [("keep", 2), ("longest", 1), ("drop", 0)] {
        let place = place();
        let options = [
            "--profile",
            "none",
            "--quiet",
            "--val",
            "0%",
            "--conflicts",
            how,
        ];
        let (command, out) =
            shards::of_lines(place.path(), &[("a.jsonl", lines.clone())], &options);
        let report = command.json();
        assert_eq!(report["conflicting_answers"], json!(2), "{how}");
        let listed = removed::conflicts(&out);
        let kept = shards::documents(&out);
        let stays = listed
            .iter()
            .filter(|document| kept.contains_key(&document.id));
        assert_eq!((listed.len(), stays.count()), (2, stay), "{how}");
        assert_eq!(kept.len(), 12 + stay, "{how}");
    }
}
