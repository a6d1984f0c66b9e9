//! `prep ingest` of damaged files: one bad record costs one record, and is named with its place.

use crate::support::corpus::{assert_balances, documents, places, rejects, text};
use crate::support::{Prep, fixture, place, read, tree, write};
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use std::path::Path;
use std::sync::Arc;

/// Ingests `fixtures/bad/NAME` alone and compares what is kept and rejected with the notes.
fn check(name: &str, kept: &[u64], rejected: &[(u64, &str)]) {
    let place = place();
    let code = i32::from(!rejected.is_empty());
    let report = Prep::ingest(&fixture("bad").join(name), place.path())
        .code(code)
        .json();
    assert_balances(&report);
    let records: Vec<u64> = documents(place.path()).iter().map(|d| d.record).collect();
    assert_eq!(records, kept, "records of {name} that are kept");
    let found = places(&rejects(place.path()), name);
    let wanted: Vec<_> = rejected
        .iter()
        .map(|(record, error)| (*record, (*error).to_owned()))
        .collect();
    assert_eq!(found, wanted, "records of {name} that are rejected");
    let read = report["ledger"]["read"]["records"].as_u64();
    assert_eq!(read, Some((kept.len() + rejected.len()) as u64));
}

#[test]
fn broken_lines() {
    let rejected = [
        (3, "invalid_json"),
        (5, "invalid_json"),
        (6, "not_an_object"),
        (7, "wrong_type"),
    ];
    check("broken.jsonl", &[1, 2, 4, 8], &rejected);
}

#[test]
fn wrong_types() {
    let rejected = [(2, "wrong_type"), (3, "wrong_type"), (4, "unknown_shape")];
    check("wrong_types.jsonl", &[1, 5], &rejected);
}

#[test]
fn roles() {
    check("dangling_roles.jsonl", &[1, 2, 3], &[(4, "wrong_type")]);
}

#[test]
fn refusals_are_no_business_of_ingest() {
    check("refusals.jsonl", &[1, 2, 3, 4, 5, 6], &[]);
}

#[test]
fn files_without_a_record_are_named() {
    check("empty.txt", &[], &[(0, "empty_source")]);
    check("only_blank.txt", &[], &[(0, "empty_source")]);
}

#[test]
fn a_truncated_gzip_keeps_its_whole_lines() {
    let lines: Vec<u64> = (1..=24).collect();
    check("truncated.jsonl.gz", &lines, &[(25, "unreadable")]);
}

#[test]
fn a_truncated_zstd_keeps_what_was_readable() {
    // The fixture ends inside its only block.
    check("truncated.txt.zst", &[], &[(1, "unreadable")]);
    // One of several blocks keeps those before the cut, up to the end of a line.
    let place = place();
    let lines: String = (1..200_000)
        .map(|i| format!("{{\"text\":\"line {i}\"}}\n"))
        .collect();
    let whole = zstd::encode_all(lines.as_bytes(), 1).expect("compresses");
    let source = place.path().join("cut.jsonl.zst");
    write(&source, &whole[..whole.len() / 2]);
    let corpus = place.path().join("corpus");
    let report = Prep::ingest(&source, &corpus).code(1).json();
    assert_balances(&report);
    let documents = documents(&corpus);
    assert!(documents.len() > 50_000, "{} lines", documents.len());
    for (line, document) in (1..).zip(&documents) {
        assert_eq!(
            (document.record, text(document)),
            (line, &*format!("line {line}"))
        );
    }
    let wanted = (documents.len() as u64 + 1, "unreadable".to_owned());
    assert_eq!(places(&rejects(&corpus), "cut.jsonl.zst"), [wanted]);
}

#[test]
fn plain_text_under_the_name_of_gzip_is_read() {
    check("not_gzip.txt.gz", &[1], &[]);
}

#[test]
fn invalid_bytes_cost_their_line() {
    check("invalid_utf8.txt", &[1], &[(5, "invalid_utf8")]);
    let place = place();
    Prep::ingest(&fixture("bad/invalid_utf8.txt"), place.path())
        .code(1)
        .json();
    let paragraphs = text(&documents(place.path())[0])
        .split("\n\n")
        .filter(|paragraph| !paragraph.trim().is_empty())
        .count();
    assert_eq!(paragraphs, 5, "all but the third of six");
    let [reject] = &rejects(place.path())[..] else {
        panic!("one reject")
    };
    assert!(reject.message.contains("0xff") && reject.message.contains("UTF-8"));
    assert!(reject.sample.contains("doorway") || reject.sample.contains('\u{fffd}'));
}

#[test]
fn all_of_them_together() {
    let place = place();
    let report = Prep::ingest(&fixture("bad"), place.path()).code(1).json();
    assert_balances(&report);
    assert_eq!(documents(place.path()).len(), 4 + 2 + 3 + 6 + 24 + 1 + 1);
    assert_eq!(rejects(place.path()).len(), 4 + 3 + 1 + 2 + 1 + 1 + 1);
    // The manifest names every file, read or not.
    let manifest = crate::support::read_json(&place.path().join("manifest.json"));
    assert_eq!(manifest["sources"].as_array().map(Vec::len), Some(10));
    // A person is told how many, and where to look.
    let again = place.path().join("again");
    Prep::talkative(["ingest"])
        .arg(fixture("bad"))
        .arg("--out")
        .arg(&again)
        .code(1)
        .says("13 records were rejected")
        .says("rejects says where and why")
        .prints("rejected: invalid_json")
        .run();
}

#[test]
fn strict_stops_at_the_first() {
    let place = place();
    let message = Prep::ingest(&fixture("bad/broken.jsonl"), place.path())
        .arg("--strict")
        .fails();
    assert!(
        message.contains("broken.jsonl at record 3") && message.contains("invalid_json"),
        "{message}"
    );
    assert!(!place.path().join("manifest.json").exists());
    // Without the flag the same directory is finished.
    Prep::ingest(&fixture("bad/broken.jsonl"), place.path())
        .code(1)
        .json();
    let whole = place.path().join("whole");
    Prep::ingest(&fixture("bad/broken.jsonl"), &whole)
        .code(1)
        .json();
    let manifest = |dir: &Path| read(&dir.join("manifest.json"));
    assert_eq!(manifest(place.path()), manifest(&whole));
    // A healthy source passes.
    let healthy = place.path().join("healthy");
    Prep::ingest(&fixture("qa"), &healthy)
        .arg("--strict")
        .json();
}

#[test]
fn a_missing_path_is_named() {
    let place = place();
    let out = place.path().join("corpus");
    let message = Prep::ingest(Path::new("no/such/file.txt"), &out).fails();
    assert!(message.contains("no/such/file.txt"), "{message}");
    assert!(!out.exists(), "nothing is written for a wrong command");
    let pattern = place.path().join("*.jsonl");
    let message = Prep::ingest(&pattern, &out).fails();
    assert!(
        message.contains("*.jsonl") && message.contains("matches nothing"),
        "{message}"
    );
}

fn parquet_without_text(path: &Path) {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter([("a", numbers)]).expect("a batch");
    let file = std::fs::File::create(path).expect("creates");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("writes");
    writer.write(&batch).expect("writes");
    writer.close().expect("writes");
}

#[test]
fn a_parquet_file_without_text() {
    let place = place();
    let (source, corpus) = (
        place.path().join("numbers.parquet"),
        place.path().join("corpus"),
    );
    parquet_without_text(&source);
    let report = Prep::ingest(&source, &corpus).code(1).json();
    assert_balances(&report);
    let rejects = rejects(&corpus);
    let wanted = [1, 2, 3].map(|row| (row, "unknown_shape".to_owned()));
    assert_eq!(places(&rejects, "numbers.parquet"), wanted);
    assert!(rejects[0].message.contains("[a]"), "{}", rejects[0].message);
    assert_eq!(rejects[1].sample, r#"{"a":2}"#);
}

#[test]
fn a_damaged_parquet_file_is_one_reject() {
    let place = place();
    let (source, corpus) = (
        place.path().join("cut.parquet"),
        place.path().join("corpus"),
    );
    parquet_without_text(&source);
    let whole = read(&source);
    write(&source, &whole[..whole.len() - 20]);
    let report = Prep::ingest(&source, &corpus).code(1).json();
    assert_balances(&report);
    let wanted = (1, "unreadable".to_owned());
    assert_eq!(places(&rejects(&corpus), "cut.parquet"), [wanted]);
}

#[test]
fn a_rerun_over_a_damaged_parquet_file_agrees() {
    let place = place();
    let (source, corpus) = (
        place.path().join("cut.parquet"),
        place.path().join("corpus"),
    );
    parquet_without_text(&source);
    let whole = read(&source);
    write(&source, &whole[..whole.len() - 20]);
    Prep::ingest(&source, &corpus).code(1).json();
    let before = tree::of(&corpus);
    Prep::ingest(&source, &corpus).code(1).json();
    assert_eq!(tree::of(&corpus), before);
}
