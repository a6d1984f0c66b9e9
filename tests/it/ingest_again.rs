//! What `prep ingest` wrote is a source like any other: its documents are read back as what they were.

use crate::support::corpus::{assert_balances, documents, rejects};
use crate::support::{Prep, place, write};
use prep::document::{Content, Document, Kind};
use std::collections::BTreeSet;
use std::path::Path;

/// One document of each kind, with what stands beside them, and a page of text.
fn make(dir: &Path) {
    std::fs::create_dir(dir).expect("creates");
    let lines = [
        r#"{"text": "Первый текст, он по-русски.", "url": "u", "n": 1}"#,
        r#"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "What is it?"}, {"role": "tool", "content": "t"}, {"role": "assistant", "content": "  an\n  answer"}], "answer": "not this one"}"#,
        r#"{"prompt": "p", "chosen": "good", "rejected": [{"role": "assistant", "content": "bad"}, {"role": "user", "content": "why?"}, {"role": "assistant", "content": "worse"}], "system_note": "x"}"#,
        r#"{"question": "q", "answer": "0.50"}"#,
    ];
    write(&dir.join("a.jsonl"), lines.join("\n"));
    write(&dir.join("b.txt"), "Some running text, in a file.\n");
}

/// What a document says, and in which languages.
type Said = (Content, String, Vec<(String, f32)>);

fn contents(documents: &[Document]) -> Vec<Said> {
    let of = |document: &Document| {
        let lang = document.lang.clone();
        (document.content.clone(), lang, document.languages.clone())
    };
    documents.iter().map(of).collect()
}

fn meta(document: &Document) -> serde_json::Value {
    let meta = document.meta.as_deref().unwrap_or("null");
    serde_json::from_str(meta).expect("JSON")
}

#[test]
fn documents_are_read_back_as_what_they_were() {
    let place = place();
    let [raw, first, second, third] =
        ["raw", "first", "second", "third"].map(|name| place.path().join(name));
    make(&raw);
    Prep::ingest(&raw, &first).json();
    let before = documents(&first);
    let kinds: BTreeSet<Kind> = before.iter().map(|d| d.content.kind()).collect();
    assert_eq!(kinds.len(), 3);
    let report = Prep::ingest(&first.join("documents"), &second).json();
    assert_balances(&report);
    assert_eq!(report["by_shape"]["document"], before.len());
    let again = documents(&second);
    assert_eq!(contents(&again), contents(&before));
    // Ids are those of the new source, and what was told of each document stays with it.
    let ids = before.iter().chain(&again).map(|document| document.id);
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), 2 * before.len());
    assert!(
        again[0].source.starts_with("documents/"),
        "{}",
        again[0].source
    );
    assert_eq!(
        meta(&again[0]),
        serde_json::json!({"url": "u", "n": 1, "source": "raw/a.jsonl", "record": 1})
    );
    assert_eq!(meta(&again[1])["answer"], "not this one");
    // Once more, now by the name of the corpus: where they came from at first is still known.
    let report = Prep::ingest(&second, &third).json();
    assert_balances(&report);
    let last = documents(&third);
    assert_eq!(contents(&last), contents(&before));
    for (document, earlier) in last.iter().zip(&again) {
        assert_eq!(meta(document), meta(earlier));
    }
}

#[test]
fn a_corpus_that_is_named_is_read_and_its_rejects_are_not() {
    let place = place();
    let [raw, corpus, again] = ["raw", "corpus", "again"].map(|name| place.path().join(name));
    make(&raw);
    write(&raw.join("c.jsonl"), "{\"text\": \"whole\"}\n{\"text\": \n");
    Prep::ingest(&raw, &corpus).code(1).json();
    let report = Prep::talkative(["ingest"])
        .arg(&corpus)
        .arg("--out")
        .arg(&again)
        .says("outputs of prep not read: 1 (corpus/rejects/)")
        .json();
    assert_balances(&report);
    assert_eq!(documents(&again).len(), documents(&corpus).len());
    assert!(rejects(&again).is_empty());
    // Below a directory it is left out, and so is what an interrupted run left.
    let message = Prep::ingest(&raw, &corpus.join("own")).code(1).json();
    assert_balances(&message);
    std::fs::remove_file(corpus.join("manifest.json")).expect("removes");
    let state = serde_json::json!({"config": {"command": "ingest"}});
    write(&corpus.join("state.json"), state.to_string());
    let message = Prep::ingest(&corpus, &place.path().join("none")).fails();
    assert!(message.contains("what is left out"), "{message}");
}
