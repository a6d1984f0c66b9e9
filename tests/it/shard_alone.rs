//! `prep shard` where nothing is compared: the corpus is read once, and each document is judged as it is
//! encoded.

use crate::support::corpus::assert_balances;
use crate::support::{Prep, fixture, place, tree, write};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The fixtures' texts and questions, some of which the rules drop.
fn corpus(place: &Path) -> PathBuf {
    let raw = place.join("more.jsonl");
    let lines = [
        json!({"text": "short"}),
        json!({"text": "A line of javascript.\nThe next line has many words that end with a full stop.\nno stop here"}),
        json!({"question": "Что это?", "answer": "As an AI language model, I cannot."}),
        json!({"text": "Write to someone@example.org about it, and call again.", "label": "letter"}),
        json!({"text": "word word word word word word word word word word word word word word"}),
    ];
    write(&raw, lines.map(|line| line.to_string()).join("\n"));
    let corpus = place.join("corpus");
    Prep::ingest(&raw, &corpus)
        .arg(fixture("text"))
        .arg(fixture("qa"))
        .json();
    corpus
}

/// Shards without a search for copies or documents for validation.
fn shard(corpus: &Path, out: &Path, options: &[&str]) -> Value {
    let report = Prep::shard(corpus, out)
        .args(["--dedup", "off", "--val", "0"])
        .args(options)
        .json();
    assert_balances(&report);
    report
}

/// A weight of 1 changes nothing, but has documents compared, for which the corpus is scanned first.
#[test]
fn one_pass_makes_what_two_passes_make() {
    let place = place();
    let corpus = corpus(place.path());
    for (number, options) in [
        &["--profile", "none"][..],
        &["--profile", "default"],
        &["--profile", "qa"],
        &["--profile", "fineweb-en"],
        &["--profile", "fineweb2-ru", "--order", "shuffle"],
        &["--profile", "none", "--mask-pii", "--dedup-lines=2"],
        &["--profile", "none", "--label-field", "label"],
    ]
    .into_iter()
    .enumerate()
    {
        let profile = options.join(" ");
        let out = |name: &str| place.path().join(format!("{number} {name}"));
        let once = shard(&corpus, &out("once"), options);
        let weighted = [options, &["--weight", "*=1"]].concat();
        let twice = shard(&corpus, &out("twice"), &weighted);
        for key in ["ledger", "by_source", "edits", "tokens", "chats", "samples"] {
            assert!(!once[key].is_null(), "{key}");
            assert_eq!(once[key], twice[key], "{profile}: {key}");
        }
        if !profile.contains("none") {
            assert_ne!(once["ledger"]["dropped"], json!({}), "{profile}");
        }
        let files = |name: &str| {
            let mut files = tree::of(&out(name));
            files.retain(|path, _| {
                let ending = Path::new(path).extension();
                ending.is_some_and(|ending| ending == "arrow" || ending == "parquet")
            });
            files
        };
        assert!(files("once").len() > 1, "{:?}", files("once"));
        assert_eq!(files("once"), files("twice"), "{profile}");
    }
}

#[test]
fn where_nothing_is_left_the_rules_are_named() {
    let place = place();
    let alone = |corpus: &Path, out: &str| {
        Prep::shard(corpus, &place.path().join(out))
            .args(["--dedup", "off", "--val", "0"])
            .fails()
    };
    let corpus = place.path().join("refusals");
    Prep::ingest(&fixture("bad/refusals.jsonl"), &corpus).json();
    for _ in 0..2 {
        let message = alone(&corpus, "none left");
        assert!(
            message.contains("no document is left") && message.contains("qa_refusal dropped 2"),
            "{message}"
        );
    }
    let empty = place.path().join("empty");
    Prep::ingest(&fixture("bad/empty.txt"), &empty)
        .code(1)
        .json();
    let message = alone(&empty, "none at all");
    assert!(message.contains("it holds no documents"), "{message}");
    let chats = place.path().join("chats");
    Prep::ingest(&fixture("qa/messages_en.jsonl"), &chats).json();
    let message = Prep::shard(&chats, &place.path().join("none fits"))
        .args(["--dedup", "off", "--val", "0", "--max-length", "16"])
        .fails();
    assert!(
        message.contains("chat_too_long dropped") && message.contains("raise --max-length"),
        "{message}"
    );
}
