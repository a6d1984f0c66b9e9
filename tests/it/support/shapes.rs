//! Files of records and what becomes of each.

use super::corpus::{assert_balances, documents, places, rejects};
use super::{Prep, place, write};
use prep::document::{Content, Document, Message};

/// A document on one line.
fn shown(document: &Document) -> String {
    let turns = |messages: &[Message]| -> String {
        let turns = messages
            .iter()
            .map(|turn| format!("{}: {}", &turn.role[..1], turn.content));
        turns.collect::<Vec<_>>().join(" | ")
    };
    match &document.content {
        Content::Text(text) => text.clone(),
        Content::Chat(messages) => turns(messages),
        Content::Preference { messages, rejected } => {
            format!("{} > {}", turns(messages), turns(rejected))
        }
    }
}

/// Ingests a file of each case, all in one run, and compares its documents and rejects.
pub fn check(cases: &[(&str, &str, &[&str], &[(u64, &str)])]) -> serde_json::Value {
    let place = place();
    let raw = place.path().join("raw");
    std::fs::create_dir(&raw).expect("creates");
    for (i, (name, content, ..)) in cases.iter().enumerate() {
        write(&raw.join(format!("{i:02}-{name}")), content);
    }
    let corpus = place.path().join("corpus");
    let has_rejects = cases.iter().any(|(.., rejects)| !rejects.is_empty());
    let report = Prep::ingest(&raw, &corpus)
        .code(i32::from(has_rejects))
        .json();
    assert_balances(&report);
    let (documents, rejects) = (documents(&corpus), rejects(&corpus));
    for (i, (name, content, kept, rejected)) in cases.iter().enumerate() {
        let source = documents.iter().map(|document| document.source.as_str());
        let rejecting = rejects.iter().map(|reject| reject.source.as_str());
        let name = format!("{i:02}-{name}");
        let source = source
            .chain(rejecting)
            .find(|source| source.ends_with(&name))
            .unwrap_or_else(|| panic!("{name} is lost: {content}"));
        let found: Vec<String> = documents
            .iter()
            .filter(|document| document.source == source)
            .map(shown)
            .collect();
        assert_eq!(&found, kept, "{name}: {content}");
        let wanted: Vec<(u64, String)> = rejected
            .iter()
            .map(|(record, error)| (*record, (*error).to_owned()))
            .collect();
        assert_eq!(places(&rejects, source), wanted, "{name}: {content}");
    }
    report
}
