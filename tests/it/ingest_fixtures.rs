//! `prep ingest` of healthy files: every record is a document, in its shape and language.

use crate::support::corpus::{assert_balances, documents, rejects, text};
use crate::support::{Prep, fixture, place, read};
use prep::document::{Content, Document, DocumentId, Kind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

fn ingest(corpus: &Path) -> Value {
    Prep::new(["ingest"])
        .args([fixture("text"), fixture("qa")])
        .arg("--out")
        .arg(corpus)
        .json()
}

fn of_source<'a>(documents: &'a [Document], source: &str) -> Vec<&'a Document> {
    let found: Vec<_> = documents
        .iter()
        .filter(|document| document.source == source)
        .collect();
    assert!(!found.is_empty(), "no document is from {source}");
    found
}

#[test]
fn every_record_is_a_document_of_its_shape() {
    let place = place();
    let report = ingest(place.path());
    assert_balances(&report);
    assert_eq!(
        report["by_shape"],
        json!({ "text": 23 + 72, "alpaca": 44, "question_answer": 40, "messages": 32, "sharegpt": 24, "preference": 20 })
    );
    assert_eq!(report["ledger"]["kept"], report["ledger"]["read"]);
    assert_eq!(report["ledger"]["rejected"], json!({}));
    assert_eq!(rejects(place.path()), []);
    let documents = documents(place.path());
    assert_eq!(documents.len(), 255);
    let characters: u64 = documents.iter().map(|d| d.content.characters()).sum();
    assert_eq!(report["ledger"]["kept"]["characters"], json!(characters));
    let of_kind = |kind| {
        documents
            .iter()
            .filter(|d| d.content.kind() == kind)
            .count()
    };
    assert_eq!(
        [Kind::Text, Kind::Chat, Kind::Preference].map(of_kind),
        [95, 140, 20]
    );
}

#[test]
fn ids_say_where_a_document_is_from() {
    let place = place();
    ingest(place.path());
    let documents = documents(place.path());
    let ids: BTreeSet<_> = documents.iter().map(|document| document.id).collect();
    assert_eq!(ids.len(), documents.len(), "ids are unique");
    for document in &documents {
        assert_eq!(
            document.id,
            DocumentId::new(&document.source, document.record)
        );
    }
    let records: Vec<u64> = of_source(&documents, "qa/alpaca_ru.jsonl")
        .iter()
        .map(|document| document.record)
        .collect();
    assert_eq!(
        records,
        (1..=22).collect::<Vec<_>>(),
        "the lines of the file"
    );
}

#[test]
fn texts_are_as_they_were_written() {
    let place = place();
    ingest(place.path());
    let documents = documents(place.path());
    let mut files = 0;
    for folder in ["text/en", "text/ru"] {
        for entry in std::fs::read_dir(fixture(folder)).expect("fixtures") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "jsonl") {
                continue;
            }
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let [document] = of_source(&documents, &format!("{folder}/{name}"))[..] else {
                panic!("{name} is one document");
            };
            let written = String::from_utf8(read(&path)).expect("UTF-8");
            assert_eq!(text(document), written.trim_end(), "{name}");
            files += 1;
        }
    }
    assert_eq!(files, 23);
}

#[test]
fn languages_are_told() {
    let place = place();
    let report = ingest(place.path());
    let documents = documents(place.path());
    for document in &documents {
        if document.content.kind() == Kind::Text {
            let wanted = if document.source.starts_with("text/ru/") {
                "ru"
            } else {
                "en"
            };
            assert_eq!(
                document.lang, wanted,
                "{} {}",
                document.source, document.record
            );
        }
        assert!((0.0..=1.0).contains(&document.lang_score));
    }
    let kept = |language: &str| report["by_language"][language]["kept"]["records"].clone();
    // One Russian question asks for SQL: code says nothing of its language.
    assert_eq!(kept("ru"), json!(13 + 36 + 80));
    assert_eq!(kept("en"), json!(10 + 36 + 80));
}

#[test]
fn fields_that_are_not_understood_are_kept() {
    let place = place();
    ingest(place.path());
    let documents = documents(place.path());
    let meta = |source: &str| -> Value {
        let first = of_source(&documents, source)[0];
        serde_json::from_str(first.meta.as_deref().expect("has fields of its own")).expect("JSON")
    };
    assert_eq!(
        meta("text/en/notes.jsonl"),
        json!({ "title": "Route 14 to skip Chapel Street for six weeks", "topic": "local news", "id": "en-note-01" })
    );
    assert_eq!(meta("qa/sharegpt_en.jsonl"), json!({ "id": "en-share-01" }));
    assert_eq!(of_source(&documents, "qa/alpaca_en.jsonl")[0].meta, None);
}

#[test]
fn an_input_is_part_of_the_question_and_a_preference_has_both_answers() {
    let place = place();
    ingest(place.path());
    let documents = documents(place.path());
    let alpaca = of_source(&documents, "qa/alpaca_en.jsonl");
    let Content::Chat(messages) = &alpaca[1].content else {
        panic!("alpaca is a chat")
    };
    let roles: Vec<&str> = messages
        .iter()
        .map(|message| message.role.as_str())
        .collect();
    assert_eq!(roles, ["user", "assistant"]);
    assert_eq!(
        messages[0].content,
        "Rewrite the sentence in a polite tone.\n\nSend me the report today, I have already asked you twice."
    );
    let Content::Preference { messages, rejected } =
        &of_source(&documents, "qa/preference_en.jsonl")[1].content
    else {
        panic!("a preference")
    };
    assert_eq!(messages[0].content, "What is 15 per cent of 240?");
    assert!(messages[1].content.starts_with("Ten per cent of 240"));
    assert!(rejected[0].content.starts_with("It is about 30"));
}
