//! `prep ingest` of archives that are cut off or put together: what is missing is said, and no part of
//! an archive passes for all of it.

use crate::support::archives::{gzip, tar, zip};
use crate::support::corpus::{assert_balances, documents, places, rejects};
use crate::support::{Prep, place, write};
use zip::CompressionMethod;

const TEXT: &str = "Текст о погоде и о море, в котором довольно слов.\n";

/// What becomes of an archive: names of the documents' sources, rejects by record, notes.
fn ingested(name: &str, bytes: &[u8], code: i32) -> (Vec<String>, Vec<(u64, String)>, Vec<String>) {
    let place = place();
    let (source, corpus) = (place.path().join(name), place.path().join("corpus"));
    write(&source, bytes);
    let report = Prep::ingest(&source, &corpus).code(code).json();
    assert_balances(&report);
    let sources = documents(&corpus)
        .into_iter()
        .map(|document| document.source);
    let notes = report["notes"].as_array().cloned().unwrap_or_default();
    let text = |note: &serde_json::Value| note.as_str().expect("a text").to_owned();
    (
        sources.collect(),
        places(&rejects(&corpus), name),
        notes.iter().map(text).collect(),
    )
}

#[test]
fn a_zip_that_is_cut_off_is_not_the_archive_within_it() {
    let inner = zip(&[("inner.txt", TEXT.as_bytes(), CompressionMethod::Stored)]);
    let outer = zip(&[
        ("a.txt", TEXT.as_bytes(), CompressionMethod::Stored),
        ("inner.zip", &inner, CompressionMethod::Stored),
    ]);
    let (sources, bad, _) = ingested("a.zip", &outer, 0);
    assert_eq!(sources, ["a.zip!a.txt", "a.zip!inner.zip!inner.txt"]);
    assert_eq!(bad, []);
    let unreadable = [(1, "unreadable".to_owned())];
    // The directory of the outer one begins behind the whole inner one.
    let end = memchr::memmem::find(&outer, &inner).expect("is stored") + inner.len();
    for length in [end, end + 20] {
        let (sources, bad, _) = ingested("a.zip", &outer[..length], 1);
        assert!(sources.is_empty(), "{sources:?}");
        assert_eq!(bad, unreadable, "cut off at {length}");
    }
    // A program before the archive hides the first header, not the one of the member.
    let mut program = b"#!/bin/sh\nexit\n".to_vec();
    program.extend(&outer);
    let (sources, bad, _) = ingested("a.zip", &program, 0);
    assert_eq!((sources.len(), bad.len()), (2, 0));
    let (sources, bad, _) = ingested("a.zip", &program[..15 + end], 1);
    assert!(sources.is_empty(), "{sources:?}");
    assert_eq!(bad, unreadable);
    // Of two archives in one file the first would be lost.
    let mut two = inner.clone();
    two.extend(&inner);
    assert_eq!(ingested("a.zip", &two, 1).1, unreadable);
}

#[test]
fn a_tar_that_is_cut_off_says_where() {
    let whole = tar(&[("a.txt", TEXT.as_bytes()), ("b.txt", TEXT.as_bytes())]);
    let member = 512 + TEXT.len();
    assert!(member < 1024, "one block of content");
    let both = ["a.tar!a.txt", "a.tar!b.txt"];
    let (sources, bad, notes) = ingested("a.tar", &whole, 0);
    assert_eq!(
        (sources.as_slice(), bad.len(), notes.len()),
        (both.map(str::to_owned).as_slice(), 0, 0)
    );
    // Whole blocks without the end mark: some writers leave it out.
    for bytes in [whole[..2048].to_vec(), whole[..1024].to_vec()] {
        let (sources, bad, notes) = ingested("a.tar", &bytes, 0);
        assert_eq!((sources.len(), bad.len()), (bytes.len() / 1024, 0));
        assert!(
            notes[0].starts_with("a.tar: ") && notes[0].contains("end mark"),
            "{notes:?}"
        );
    }
    // Inside the padding of the last member, which is whole itself.
    let (sources, bad, _) = ingested("a.tar", &whole[..1024 + member + 3], 1);
    assert_eq!(sources, both);
    assert_eq!(bad, [(3, "unreadable".to_owned())]);
    let (sources, bad, _) = ingested("a.tar", &whole[..member], 1);
    assert_eq!(sources, both[..1]);
    assert_eq!(bad, [(2, "unreadable".to_owned())]);
    let (sources, bad, _) = ingested("a.tar.gz", &gzip(&whole[..1500]), 1);
    assert_eq!(sources, ["a.tar.gz!a.txt"]);
    assert_eq!(bad, [(2, "unreadable".to_owned())]);
}

#[test]
fn tars_one_behind_another_are_read_as_one() {
    let mut both = tar(&[("a.txt", TEXT.as_bytes())]);
    both.extend(tar(&[("b.txt", TEXT.as_bytes())]));
    both.extend([0; 4096]);
    let (sources, bad, notes) = ingested("a.tar", &both, 0);
    assert_eq!(sources, ["a.tar!a.txt", "a.tar!b.txt"]);
    assert_eq!((bad.len(), notes.len()), (0, 0));
}
