//! Real files, where they are: `PREP_DATA` names a directory with `text/`, `qa/` and `tokenizers/`.

use crate::support::corpus::{assert_balances, documents, rejects};
use crate::support::{Prep, place, read_json, shards, tree};
use prep::document::Content;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The directory of real files, if it is given.
pub fn data() -> Option<PathBuf> {
    let given = std::env::var_os("PREP_DATA").map(PathBuf::from);
    if given.is_none() {
        prep::output::note(
            "skipped: PREP_DATA is not set, it names the directory of real text, qa and tokenizers",
        );
    }
    given
}

fn ingest(data: &Path, out: &Path, threads: &str) -> serde_json::Value {
    Prep::new(["ingest"])
        .args([data.join("text"), data.join("qa")])
        .arg("--out")
        .arg(out)
        .args(["--threads", threads])
        .code(1)
        .json()
}

#[test]
fn the_ledger_balances_and_unread_files_are_named() {
    let Some(data) = data() else { return };
    let place = place();
    let report = ingest(&data, place.path(), "2");
    assert_balances(&report);
    let documents = documents(place.path());
    let ids: BTreeSet<_> = documents.iter().map(|document| document.id).collect();
    assert_eq!(ids.len(), documents.len(), "ids are unique");
    let rejects = rejects(place.path());
    let manifest = read_json(&place.path().join("manifest.json"));
    let sources = manifest["sources"].as_array().expect("sources");
    let files = walkdir::WalkDir::new(data.join("text"))
        .into_iter()
        .chain(walkdir::WalkDir::new(data.join("qa")))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .count();
    assert_eq!(sources.len(), files, "every file is a source");
    for source in sources {
        let name = source["name"].as_str().expect("a name");
        let unread = rejects
            .iter()
            .any(|reject| reject.source == name && reject.error == "unsupported_format");
        assert_eq!(
            unread,
            source["format"].is_null(),
            "{name} is read or named"
        );
        let read = report["by_source"][name]["read"]["records"].as_u64();
        assert!(
            read.is_some_and(|records| records > 0),
            "{name} is in the ledger"
        );
    }
}

#[test]
fn shards_do_not_depend_on_threads_and_hold_the_texts() {
    let Some(data) = data() else { return };
    let place = place();
    let corpus = place.path().join("corpus");
    ingest(&data, &corpus, "2");
    for threads in ["1", "7"] {
        let other = place.path().join(format!("corpus {threads}"));
        ingest(&data, &other, threads);
        tree::assert_same(&corpus, &other);
    }
    let shard = |threads: &str| {
        let out = place.path().join(format!("shards {threads}"));
        let report = Prep::shard_trained(&corpus, &out)
            .arg("--tokenizer")
            .arg(data.join("tokenizers/ruen_bytebpe_16k.json.zst"))
            .args(["--threads", threads, "--shard-size", "5MB"])
            .json();
        assert_balances(&report);
        out
    };
    let two = shard("2");
    tree::assert_same(&two, &shard("1"));
    tree::assert_same(&two, &shard("7"));
    let tokenizer = shards::tokenizer(&two);
    let kept = shards::documents(&two);
    for document in documents(&corpus) {
        if let (Content::Text(text), Some(tokens)) = (&document.content, kept.get(&document.id)) {
            let found = tokens.text(&tokenizer);
            assert!(&found == text, "{} {}", document.source, document.record);
        }
    }
}
