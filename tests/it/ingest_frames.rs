//! What the frame of a JSON file says to each of its records: system prompts, instructions, and lists of
//! what is not wanted.

use crate::support::corpus::{assert_balances, documents, rejects};
use crate::support::{Prep, place, write};
use prep::document::Content;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn ingest(dir: &Path, name: &str, json: &str, code: i32) -> (PathBuf, Value) {
    let (source, corpus) = (dir.join(name), dir.join(format!("corpus of {name}")));
    write(&source, json);
    let report = Prep::ingest(&source, &corpus).code(code).json();
    assert_balances(&report);
    (corpus, report)
}

/// The turns of the chats of a corpus, each as `role: content`.
fn chats(corpus: &Path) -> Vec<Vec<String>> {
    let documents = documents(corpus);
    let turns = |content: &Content| match content {
        Content::Chat(messages) => messages
            .iter()
            .map(|message| format!("{}: {}", message.role, message.content))
            .collect(),
        other => panic!("no chat but {other:?}"),
    };
    documents
        .iter()
        .map(|document| turns(&document.content))
        .collect()
}

#[test]
fn a_system_prompt_before_records_comes_before_each() {
    let place = place();
    for (name, json, wanted) in [
        (
            "pairs.json",
            r#"{"system": "Ты бот", "data": [{"question": "q", "answer": "a"}, {"question": "r", "answer": "b", "system": "own"}]}"#,
            vec![
                vec!["system: Ты бот", "user: q", "assistant: a"],
                vec!["system: own", "user: r", "assistant: b"],
            ],
        ),
        (
            "dialogs.json",
            r#"{"system_prompt": "s", "dialogs": [[{"role": "user", "content": "h"}, {"role": "assistant", "content": "y"}]]}"#,
            vec![vec!["system: s", "user: h", "assistant: y"]],
        ),
        (
            "splits.json",
            r#"{"system": "s", "train": {"data": [{"prompt": "p", "completion": "c"}]}, "test": {"system": "t", "data": [{"prompt": "q", "completion": "d"}]}}"#,
            vec![
                vec!["system: s", "user: p", "assistant: c"],
                vec!["system: t", "user: q", "assistant: d"],
            ],
        ),
    ] {
        let (corpus, report) = ingest(place.path(), name, json, 0);
        assert_eq!(chats(&corpus), wanted, "{name}");
        let beside = report["frame_fields"]
            .as_object()
            .map_or(0, serde_json::Map::len);
        assert_eq!(beside, 0, "{name}: {}", report["frame_fields"]);
    }
}

#[test]
fn an_instruction_before_records_is_theirs() {
    let place = place();
    let json = r#"{"instruction": "Translate", "examples": [{"input": "hi", "output": "привет"}, {"instruction": "Own", "input": "bye", "output": "пока"}]}"#;
    let (corpus, _) = ingest(place.path(), "a.json", json, 0);
    assert_eq!(
        chats(&corpus),
        [
            ["user: Translate\n\nhi", "assistant: привет"],
            ["user: Own\n\nbye", "assistant: пока"],
        ]
    );
}

#[test]
fn what_stands_behind_records_is_refused_by_name() {
    let place = place();
    let json = r#"{"data": [{"question": "q", "answer": "a"}, {"question": "r", "answer": "b"}], "system": "s", "n": 1}"#;
    let (corpus, report) = ingest(place.path(), "a.json", json, 1);
    assert_eq!(chats(&corpus).len(), 2);
    let errors = rejects(&corpus);
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].error, "prompt_behind_records");
    assert!(
        errors[0]
            .message
            .contains("`system` stands behind 2 records")
    );
    assert_eq!(errors[0].sample, r#"{"system":"s"}"#);
    assert_eq!(report["frame_fields"]["n"], 1);
    let json = r#"{"train": {"data": [{"question": "q", "answer": "a"}]}, "system": "s"}"#;
    let (corpus, _) = ingest(place.path(), "deep.json", json, 1);
    let errors = rejects(&corpus);
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].message.contains("behind 1 record"),
        "{}",
        errors[0].message
    );
    // Records that have their own lack nothing, and texts have no place for one.
    for (name, json) in [
        (
            "own.json",
            r#"{"data": [{"question": "q", "answer": "a", "system": "own"}], "system": "s"}"#,
        ),
        ("texts.json", r#"{"data": ["a", "b"], "system": "s"}"#),
    ] {
        let (corpus, report) = ingest(place.path(), name, json, 0);
        assert!(!documents(&corpus).is_empty(), "{name}");
        assert_eq!(report["frame_fields"]["system"], 1, "{name}");
    }
}

#[test]
fn examples_of_what_is_not_wanted_are_refused() {
    let place = place();
    let json = r#"{"Contributors": ["x"], "Definition": ["Ответь одним словом."],
        "Positive Examples": [{"input": "Столица Франции?", "output": "Париж", "explanation": "ok"}],
        "Negative Examples": [{"input": "Столица Италии?", "output": "Лондон"}, {"input": "Столица Чили?", "output": "Киев"}],
        "Instances": [{"id": "t-0", "input": "Столица Испании?", "output": "Мадрид"}]}"#;
    let (corpus, report) = ingest(place.path(), "task.json", json, 1);
    assert_eq!(
        chats(&corpus),
        [
            [
                "user: Ответь одним словом.\n\nСтолица Франции?",
                "assistant: Париж"
            ],
            [
                "user: Ответь одним словом.\n\nСтолица Испании?",
                "assistant: Мадрид"
            ],
        ]
    );
    let errors = rejects(&corpus);
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().all(|error| error.error == "undesired_answer"));
    assert!(errors[0].sample.contains("Лондон"));
    assert_eq!(
        report["ledger"]["rejected"]["undesired_answer"]["records"],
        2
    );
    assert_eq!(documents(&corpus)[1].record, 4);
}

#[test]
fn a_passage_behind_too_many_questions_says_how_many_lack_it() {
    let place = place();
    let mut json = "{\"questions\": [".to_owned();
    let words = "слово ".repeat(60);
    for number in 0..7_000 {
        write!(
            json,
            "{{\"question\": \"{number}? {words}\", \"answer\": \"a\"}},"
        )
        .expect("memory");
    }
    json.pop();
    json += "], \"context\": \"Too late.\"}";
    let (corpus, _) = ingest(place.path(), "late.json", &json, 1);
    assert_eq!(documents(&corpus).len(), 7_000);
    let errors = rejects(&corpus);
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].error, "passage_behind_questions");
    assert!(
        errors[0].message.contains("behind its 7 000 questions"),
        "{}",
        errors[0].message
    );
}
