//! `prep ingest` of files whose lines end with carriage returns alone, as on the old Macintosh.

use crate::support::corpus::{assert_balances, documents};
use crate::support::made_up::{Dice, words};
use crate::support::{Prep, place, tree, write};
use std::path::Path;

/// Records and contents of what `bytes` becomes.
fn ingested(dir: &Path, name: &str, bytes: &[u8], options: &[&str]) -> Vec<(u64, String)> {
    let (source, corpus) = (
        dir.join(name),
        dir.join(format!("corpus of {name} {}", bytes.len())),
    );
    write(&source, bytes);
    assert_balances(&Prep::ingest(&source, &corpus).args(options).json());
    let content =
        |document: prep::document::Document| (document.record, format!("{:?}", document.content));
    documents(&corpus).into_iter().map(content).collect()
}

#[test]
fn every_format_is_read_as_with_line_feeds() {
    let text = "Первая строка.\nВторая строка.\n\n\nНовый абзац, в нём слова.\n";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide_cr: Vec<u8> = text
        .replace('\n', "\r")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let jsonl =
        "{\"question\":\"кто?\",\"answer\":\"я\"}\n{\"question\":\"что?\",\"answer\":\"ты\"}\n";
    for (name, feeds, options) in [
        ("a.txt", text, &["--split", "lines"][..]),
        ("b.txt", text, &["--document-size", "20"]),
        ("c.txt", text, &["--split", "none"]),
        ("d.jsonl", jsonl, &[]),
        ("e", jsonl, &[]),
        ("f.csv", "text\nраз\nдва\n", &[]),
    ] {
        let (a, b) = (place(), place());
        let wanted = ingested(a.path(), name, feeds.as_bytes(), options);
        let found = ingested(
            b.path(),
            name,
            feeds.replace('\n', "\r").as_bytes(),
            options,
        );
        assert!(!wanted.is_empty());
        assert_eq!(found, wanted, "{name}");
    }
    let (a, b) = (place(), place());
    let wanted = ingested(a.path(), "a.txt", &wide, &["--split", "lines"]);
    assert_eq!(wanted.len(), 3);
    assert_eq!(
        ingested(b.path(), "a.txt", &wide_cr, &["--split", "lines"]),
        wanted
    );
}

#[test]
fn a_big_file_is_the_same_for_any_number_of_threads() {
    let place = place();
    let mut dice = Dice::new(4);
    let mut text = String::new();
    while text.len() < 9 << 20 {
        text += &words(&mut dice, 40);
        text += if dice.below(4) == 0 { "\r\r" } else { "\r" };
    }
    let source = place.path().join("a.txt");
    write(&source, &text);
    let mut trees = Vec::new();
    for threads in ["1", "3"] {
        let corpus = place.path().join(threads);
        Prep::ingest(&source, &corpus)
            .args(["--threads", threads])
            .json();
        let documents = documents(&corpus);
        let last = documents.last().expect("some");
        assert!(documents.len() > 400, "{}", documents.len());
        assert!(last.record > 30_000, "lines are counted: {}", last.record);
        trees.push(tree::of(&corpus));
    }
    assert!(trees[0] == trees[1], "the same bytes");
}
