//! JSON files that are damaged, and objects too large to be held: what can be told is kept, the rest is
//! named with its place.

use crate::support::corpus::{assert_balances, documents, rejects, text};
use crate::support::{Prep, place, write};
use prep::document::{Content, Document};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn ingest(dir: &Path, name: &str, json: &str, code: i32) -> (PathBuf, Value) {
    let (source, corpus) = (dir.join(name), dir.join(format!("corpus of {name}")));
    write(&source, json);
    let report = Prep::ingest(&source, &corpus).code(code).json();
    assert_balances(&report);
    (corpus, report)
}

/// What the first turn of a chat says.
fn asked(document: &Document) -> &str {
    match &document.content {
        Content::Chat(messages) => &messages[0].content,
        other => panic!("{} is no chat but {other:?}", document.id),
    }
}

#[test]
fn an_unclosed_quote_costs_one_element_of_thousands() {
    let place = place();
    let elements = |separator: &str| -> String {
        let element = |i: usize| match i {
            700 => "{\"text\": \"number 700, \"n\": 700}".to_owned(),
            i => format!("{{\"text\": \"number {i}\", \"n\": {i}}}"),
        };
        let all: Vec<String> = (1..=3_000).map(element).collect();
        format!("[{}]", all.join(separator))
    };
    for (name, separator) in [("lines.json", ",\n"), ("one line.json", ", ")] {
        let (corpus, _) = ingest(place.path(), name, &elements(separator), 1);
        let documents = documents(&corpus);
        assert_eq!(documents.len(), 2_999, "{name}");
        assert!(
            documents
                .iter()
                .all(|document| text(document) == format!("number {}", document.record)),
            "{name}"
        );
        let errors = rejects(&corpus);
        assert_eq!(errors.len(), 1, "{name}");
        assert_eq!(
            (errors[0].record, errors[0].error.as_str()),
            (700, "invalid_json")
        );
        assert!(
            errors[0].message.contains("never closed"),
            "{}",
            errors[0].message
        );
        assert!(errors[0].sample.starts_with("{\"text\": \"number 700"));
    }
}

/// An object with a passage and more questions than are held, `before` and `behind` the list of them.
fn large_passage(name: &str, before: &str, behind: &str) -> (String, usize) {
    let questions: Vec<String> = (0..80_000)
        .map(|i| format!("{{\"question\": \"What is {i}, and why is it so, and what follows?\", \"answer\": \"{i}\"}}"))
        .collect();
    let json = format!(
        "{{{before}\"{name}\": [{}]{behind}}}",
        questions.join(",\n")
    );
    assert!(json.len() > 5 << 20);
    (json, questions.len())
}

#[test]
fn a_passage_stays_with_each_question_of_a_large_object() {
    let place = place();
    for name in ["items", "data", "qas", "qa_pairs"] {
        let before = "\"title\": \"T\", \"context\": \"The passage of all.\", ";
        let (json, questions) = large_passage(name, before, ", \"version\": 2");
        let (corpus, report) = ingest(place.path(), &format!("{name}.json"), &json, 0);
        let documents = documents(&corpus);
        assert_eq!(documents.len(), questions, "{name}");
        for (i, document) in documents.iter().enumerate() {
            let wanted =
                format!("The passage of all.\n\nWhat is {i}, and why is it so, and what follows?");
            assert_eq!(asked(document), wanted, "{name}");
            let meta = document.meta.as_deref().expect("the title");
            assert!(meta.contains("\"title\":\"T\""), "{meta}");
        }
        assert_eq!(report["by_shape"]["passage"], questions, "{name}");
    }
}

#[test]
fn a_passage_behind_its_questions_is_refused_by_name() {
    let place = place();
    let (json, questions) = large_passage("items", "", ", \"context\": \"Too late.\"");
    let (corpus, _) = ingest(place.path(), "late.json", &json, 1);
    assert_eq!(documents(&corpus).len(), questions);
    let errors = rejects(&corpus);
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].error, "passage_behind_questions");
    assert_eq!(errors[0].record, questions as u64 + 1);
    assert!(
        errors[0].message.contains("before"),
        "{}",
        errors[0].message
    );
}
