//! What readers used to pass over: each is read, or is in the account.

use crate::support::archives::{replaced, tar_raw, zip};
use crate::support::corpus::{assert_balances, documents, text};
use crate::support::{Prep, place, write};
use arrow::array::{ArrayRef, FixedSizeListArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::FileWriter;
use prep::document::Content;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const RECORD: &[u8] = b"{\"text\":\"Something is said here.\"}\n";

fn ingest(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> (PathBuf, Value) {
    let (source, corpus) = (dir.join(name), dir.join(format!("corpus of {name}")));
    write(&source, bytes);
    let report = Prep::ingest(&source, &corpus).json();
    assert_balances(&report);
    (corpus, report)
}

fn sources(corpus: &Path) -> Vec<String> {
    let documents = documents(corpus).into_iter();
    documents.map(|document| document.source).collect()
}

#[test]
fn a_member_called_like_a_directory_is_read_where_it_holds_something() {
    let place = place();
    let mut builder = tar::Builder::new(Vec::new());
    tar_raw(&mut builder, "empty/", tar::EntryType::Regular, b"");
    tar_raw(&mut builder, "records/", tar::EntryType::Regular, RECORD);
    let bytes = builder.into_inner().expect("memory");
    let (corpus, _) = ingest(place.path(), "a.tar", bytes);
    assert_eq!(sources(&corpus), ["a.tar!records/"]);
    let stored = zip::CompressionMethod::Stored;
    let bytes = zip(&[("empty_", b"", stored), ("records_", RECORD, stored)]);
    let bytes = replaced(
        replaced(bytes, b"empty_", b"empty/"),
        b"records_",
        b"records/",
    );
    let (corpus, _) = ingest(place.path(), "a.zip", bytes);
    assert_eq!(sources(&corpus), ["a.zip!records/"]);
}

#[test]
fn values_of_tar_headers_may_have_line_ends() {
    let place = place();
    let header = |records: &[&str], trailer: &str| -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let record = |said: &&str| format!("{} {said}\n", said.len() + 4);
        let header: String = records.iter().map(record).collect();
        let header = header + trailer;
        tar_raw(
            &mut builder,
            "header",
            tar::EntryType::XHeader,
            header.as_bytes(),
        );
        tar_raw(&mut builder, "short.jsonl", tar::EntryType::Regular, RECORD);
        builder.into_inner().expect("memory")
    };
    // An empty line within a value is none of the end.
    let whole = header(&["SCHILY.xattr.a=x\n\ny\n", "path=long name.jsonl"], "");
    let (corpus, report) = ingest(place.path(), "a.tar", whole);
    assert_eq!(sources(&corpus), ["a.tar!long name.jsonl"]);
    assert_eq!(report["notes"], Value::Null);
    // What cannot be read of it is said.
    let damaged = header(&[], "20 path=cut");
    let (corpus, report) = ingest(place.path(), "b.tar", damaged);
    assert_eq!(sources(&corpus), ["b.tar!short.jsonl"]);
    let note = report["notes"][0].as_str().expect("a note");
    assert!(note.contains("b.tar") && note.contains("damaged"), "{note}");
}

fn arrow(columns: Vec<(Field, ArrayRef)>) -> Vec<u8> {
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("a batch");
    let mut out = Vec::new();
    let mut writer = FileWriter::try_new(&mut out, &schema).expect("memory");
    writer.write(&batch).expect("memory");
    writer.finish().expect("memory");
    drop(writer);
    out
}

fn texts(name: &str, texts: &[&str]) -> (Field, ArrayRef) {
    let column: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    (Field::new(name, DataType::Utf8, false), column)
}

#[test]
fn columns_of_one_name_are_all_kept() {
    let place = place();
    let bytes = arrow(vec![
        texts("note", &["first"]),
        texts("text", &["What it says."]),
        texts("note", &["second"]),
        texts("note", &["third"]),
    ]);
    let (corpus, _) = ingest(place.path(), "a.arrow", bytes);
    let all = documents(&corpus);
    assert_eq!(text(&all[0]), "What it says.");
    let meta = all[0].meta.as_deref().expect("notes");
    assert_eq!(
        serde_json::from_str::<Value>(meta).expect("JSON"),
        serde_json::json!({"note#1": "first", "note#2": "second", "note": "third"})
    );
}

#[test]
fn lists_of_one_length_are_lists() {
    let place = place();
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let values: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "d", "e", "f"]));
    let options: ArrayRef =
        Arc::new(FixedSizeListArray::try_new(Arc::clone(&item), 3, values, None).expect("a list"));
    let answers: ArrayRef = Arc::new(Int64Array::from(vec![0, 2]));
    let bytes = arrow(vec![
        texts("question", &["q", "r"]),
        (
            Field::new("options", DataType::FixedSizeList(item, 3), false),
            options,
        ),
        (Field::new("answer", DataType::Int64, false), answers),
    ]);
    let (corpus, _) = ingest(place.path(), "a.arrow", bytes);
    let said: Vec<String> = documents(&corpus)
        .iter()
        .map(|document| match &document.content {
            Content::Chat(messages) => messages[1].content.clone(),
            other => panic!("a chat: {other:?}"),
        })
        .collect();
    assert_eq!(said, ["a", "f"]);
}

#[test]
fn what_an_option_has_beside_its_text_stays() {
    let place = place();
    let line = r#"{"question":"q","options":[{"text":"x","label":"A","why":"so"},{"text":"y","label":"B","why":"not"}],"answer":"B"}"#;
    let (corpus, _) = ingest(place.path(), "a.jsonl", line);
    let meta = documents(&corpus)[0].meta.clone().expect("the options");
    assert!(meta.contains("\"why\":\"not\""), "{meta}");
    let line = r#"{"question":"q","options":[{"text":"x","label":"A"},{"text":"y","label":"B"}],"answer":"B"}"#;
    let (corpus, _) = ingest(place.path(), "b.jsonl", line);
    assert_eq!(documents(&corpus)[0].meta, None);
}

#[cfg(unix)]
#[test]
fn a_pipe_below_a_directory_is_counted() {
    let place = place();
    let raw = place.path().join("raw");
    std::fs::create_dir(&raw).expect("creates");
    write(&raw.join("a.jsonl"), RECORD);
    let _socket = std::os::unix::net::UnixListener::bind(raw.join("b")).expect("binds");
    let corpus = place.path().join("corpus");
    let report = Prep::talkative(["ingest"])
        .arg(&raw)
        .arg("--out")
        .arg(&corpus)
        .says("pipes, sockets and devices not read: 1 (raw/b)")
        .json();
    assert_balances(&report);
    assert_eq!(report["ledger"]["dropped"]["special_file"]["records"], 1);
    assert_eq!(documents(&corpus).len(), 1);
}
