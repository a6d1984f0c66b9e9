//! An output directory is one run's: finished once, never mixed with another.

use crate::support::{Prep, fixture, place, tree, write};
use std::path::Path;

fn ingested(corpus: &Path) -> Prep {
    Prep::ingest(&fixture("qa"), corpus)
}

#[test]
fn a_finished_run_is_not_repeated() {
    let place = place();
    let report = ingested(place.path()).json();
    let before = tree::of(place.path());
    assert_eq!(ingested(place.path()).json(), report);
    assert_eq!(tree::of(place.path()), before);
    Prep::talkative(["ingest"])
        .arg(fixture("qa"))
        .arg("--out")
        .arg(place.path())
        .says("is finished already and its sources have not changed")
        .prints("ledger")
        .run();
}

#[test]
fn another_configuration_is_refused_with_what_differs() {
    let place = place();
    ingested(place.path()).json();
    let before = tree::of(place.path());
    let message = ingested(place.path()).args(["--split", "lines"]).fails();
    assert!(
        message.contains("its split is") && message.contains("yours is \"lines\""),
        "{message}"
    );
    let message = ingested(place.path()).args(["--shape", "alpaca"]).fails();
    assert!(
        message.contains("its shape is null, yours is \"alpaca\""),
        "{message}"
    );
    let message = Prep::ingest(&fixture("text"), place.path()).fails();
    assert!(
        message.contains("its sources") && message.contains("--out"),
        "{message}"
    );
    assert_eq!(
        tree::of(place.path()),
        before,
        "a refused run writes nothing"
    );
}

#[test]
fn foreign_files_are_refused() {
    let place = place();
    write(&place.path().join("thesis.doc"), "years of work");
    let message = ingested(place.path()).fails();
    assert!(
        message.contains("thesis.doc") && message.contains("--out"),
        "{message}"
    );
    assert_eq!(
        tree::of(place.path()).len(),
        2,
        "the directory and the file"
    );
    // A file in place of the directory.
    let message = ingested(&place.path().join("thesis.doc")).fails();
    assert!(message.contains("thesis.doc"), "{message}");
}

#[test]
fn a_changed_source_is_noticed() {
    let place = place();
    let (source, corpus) = (place.path().join("a.jsonl"), place.path().join("corpus"));
    write(&source, "{\"text\":\"one\"}\n");
    Prep::ingest(&source, &corpus).json();
    // The same size and another content: only the hash tells.
    write(&source, "{\"text\":\"two\"}\n");
    let message = Prep::ingest(&source, &corpus).fails();
    assert!(message.contains("a.jsonl changed since"), "{message}");
    assert!(message.contains("its content is not (xxh3 "), "{message}");
    assert!(message.contains("put the old file back"), "{message}");
    write(&source, "{\"text\":\"one\"}\n{\"text\":\"two\"}\n");
    let message = Prep::ingest(&source, &corpus).fails();
    let says = "the size of a.jsonl was 15 bytes when it was made and is 30 now";
    assert!(message.contains(says), "{message}");
    assert!(message.contains("give another --out"), "{message}");
    write(&source, "{\"text\":\"one\"}\n");
    Prep::ingest(&source, &corpus).json();
}

#[test]
fn originals_are_never_touched() {
    let place = place();
    let raw = place.path().join("raw");
    std::fs::create_dir(&raw).expect("creates");
    for name in ["broken.jsonl", "truncated.jsonl.gz", "invalid_utf8.txt"] {
        std::fs::copy(fixture("bad").join(name), raw.join(name)).expect("copies");
    }
    let before = tree::of(&raw);
    Prep::ingest(&raw, &place.path().join("corpus"))
        .code(1)
        .json();
    assert_eq!(tree::of(&raw), before);
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = place();
    let corpus = place.path().join("corpus");
    let plan = ingested(&corpus).arg("--dry-run").json();
    assert!(!corpus.exists());
    let sources = plan["sources"].as_array().expect("sources");
    assert_eq!(sources.len(), 10);
    assert_eq!(sources[0]["source"], "qa/alpaca_en.jsonl");
    assert_eq!(sources[0]["format"], "jsonl");
}

#[test]
fn wrong_usage_is_exit_2() {
    Prep::new(["ingest"]).code(2).says("SOURCE").run();
    let message = Prep::new(["ingest"]).arg(fixture("qa")).fails();
    assert!(message.contains("--out DIR is missing"), "{message}");
    let place = place();
    ingested(place.path())
        .args(["--shape", "sonnet"])
        .code(2)
        .says("sonnet")
        .run();
}

#[test]
fn a_person_sees_the_ledger_and_what_comes_next() {
    let place = place();
    Prep::talkative(["ingest"])
        .arg(fixture("qa"))
        .arg("--out")
        .arg(place.path())
        .prints("read")
        .prints("qa/alpaca_en.jsonl")
        .says("next: prep shard")
        .run();
}
