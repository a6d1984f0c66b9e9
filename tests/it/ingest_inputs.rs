//! Where `prep ingest` takes its sources from: standard input, lists, names that lie, files that were
//! touched, streams that end in odd ways.

use crate::support::archives::{gzip, tar, zip};
use crate::support::corpus::{assert_balances, documents, places, rejects, text};
use crate::support::made_up::{Dice, many_parts};
use crate::support::{Prep, place, read, read_json, tree, write};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

fn lines(count: usize) -> String {
    (1..=count)
        .map(|number| format!("{{\"text\":\"line {number}\"}}\n"))
        .collect()
}

fn stdin(bytes: &[u8], dir: &Path, corpus: &Path) -> Prep {
    let input = dir.join("piped");
    write(&input, bytes);
    Prep::ingest(Path::new("-"), corpus).stdin(&input)
}

#[test]
fn standard_input_is_a_source_of_any_format() {
    let place = place();
    let archive = zip(&[(
        "a.jsonl",
        lines(3).as_bytes(),
        zip::CompressionMethod::Deflated,
    )]);
    for (name, bytes) in [
        ("jsonl", lines(3).into_bytes()),
        ("gzip", gzip(lines(3).as_bytes())),
        ("zip", archive),
        ("tar", tar(&[("a.jsonl", lines(3).as_bytes())])),
    ] {
        let corpus = place.path().join(name);
        let report = stdin(&bytes, place.path(), &corpus).json();
        assert_balances(&report);
        let documents = documents(&corpus);
        assert_eq!(documents.len(), 3, "{name}");
        assert!(
            documents[0].source.starts_with('-'),
            "{}",
            documents[0].source
        );
        let manifest = read_json(&corpus.join("manifest.json"));
        assert_eq!(manifest["sources"][0]["name"], "-");
        assert_eq!(manifest["sources"][0]["bytes"], bytes.len() as u64);
        assert_eq!(
            manifest["sources"][0]["xxh3"],
            prep::document::id::hex_hash(&bytes)
        );
        assert!(!corpus.join(".spool").exists(), "its copy is gone");
        // The same again finds all done; another is refused.
        let before = tree::of(&corpus);
        stdin(&bytes, place.path(), &corpus).json();
        assert_eq!(tree::of(&corpus), before);
    }
    let corpus = place.path().join("jsonl");
    let message = stdin(lines(3).replace('3', "4").as_bytes(), place.path(), &corpus).fails();
    assert!(message.contains("- changed since"), "{message}");
    // A directory that is no run's is refused before anything is copied to it.
    let foreign = place.path().join("foreign");
    std::fs::create_dir(&foreign).expect("creates");
    write(&foreign.join("thesis.doc"), "years");
    let message = stdin(b"x", place.path(), &foreign).fails();
    assert!(message.contains("thesis.doc"), "{message}");
    assert_eq!(std::fs::read_dir(&foreign).expect("reads").count(), 1);
    let message = stdin(b"x", place.path(), &place.path().join("dry"))
        .arg("--dry-run")
        .fails();
    assert!(message.contains("save it to a file"), "{message}");
}

#[test]
fn an_interrupted_run_of_standard_input_goes_on_with_the_same_bytes_only() {
    let place = place();
    let raw = place.path().join("raw.jsonl");
    many_parts(&raw, 13_000_000, &mut Dice::new(5));
    let (whole, killed) = (place.path().join("whole"), place.path().join("killed"));
    let command = |out: &Path| Prep::ingest(Path::new("-"), out).stdin(&raw);
    command(&whole).code(1).json();
    assert_eq!(
        crate::interrupted::kill_at_parts(&command(&killed), &killed, &[1]),
        1
    );
    let bytes = read(&raw);
    let mut other = bytes.clone();
    other[10] ^= 1;
    write(&raw, &other);
    let message = command(&killed).fails();
    assert!(
        message.contains("- changed since the interrupted run"),
        "{message}"
    );
    write(&raw, &bytes);
    command(&killed).code(1).json();
    tree::assert_same(&whole, &killed);
}

#[test]
fn a_list_names_the_sources() {
    let place = place();
    let names = [
        "a.jsonl",
        "with [brackets] and spaces.jsonl",
        "вопросы.jsonl",
    ];
    let paths: Vec<String> = names
        .iter()
        .map(|name| {
            let path = place.path().join(name);
            write(&path, lines(2));
            path.display().to_string()
        })
        .collect();
    let list = place.path().join("list");
    let run = |bytes: &str, name: &str| {
        write(&list, bytes);
        let corpus = place.path().join(name);
        Prep::new(["ingest"])
            .arg("--files-from")
            .arg(&list)
            .arg("--out")
            .arg(&corpus)
            .json();
        corpus
    };
    let by_lines = run(
        &format!("{}\r\n\n{}\n{}", paths[0], paths[1], paths[2]),
        "by lines",
    );
    assert_eq!(documents(&by_lines).len(), 6);
    let by_zeros = run(&format!("{}\0", paths.join("\0")), "by zeros");
    tree::assert_same(&by_lines, &by_zeros);
    let piped = place.path().join("piped");
    Prep::new(["ingest"])
        .args(["--files-from", "-", "--out"])
        .arg(&piped)
        .stdin(&list)
        .json();
    tree::assert_same(&by_lines, &piped);
    write(&list, "/no/such/file.txt\n");
    let message = Prep::new(["ingest"])
        .arg("--files-from")
        .arg(&list)
        .arg("--out")
        .arg(place.path().join("none"))
        .fails();
    assert!(message.contains("/no/such/file.txt"), "{message}");
}

#[test]
fn files_are_read_by_content_when_their_names_lie() {
    let place = place();
    for (name, bytes, count) in [
        ("records.txt", lines(3).into_bytes(), 3),
        ("packed.txt", gzip(lines(3).as_bytes()), 3),
        (
            "array",
            b"[\n  {\"text\": \"one\"},\n  {\"text\": \"two\"}\n]\n".to_vec(),
            2,
        ),
        (
            "object",
            b"{\n  \"data\": [{\"text\": \"one\"}, {\"text\": \"two\"}]\n}\n".to_vec(),
            2,
        ),
        (
            "array.jsonl",
            b"[{\"text\": \"one\"},\n {\"text\": \"two\"}]\n".to_vec(),
            2,
        ),
        (
            "plain.html",
            "Просто строка без разметки.\n\nИ ещё одна.\n".into(),
            1,
        ),
    ] {
        let (source, corpus) = (
            place.path().join(name),
            place.path().join(format!("corpus of {name}")),
        );
        write(&source, bytes);
        Prep::ingest(&source, &corpus).json();
        assert_eq!(documents(&corpus).len(), count, "{name}");
    }
}

/// A gzip stream as dictzip writes it: an extra field `RA` with the sizes of its pieces.
fn dictzip(text: &[u8]) -> Vec<u8> {
    let mut out = flate2::GzBuilder::new()
        .extra(b"RA\x08\x00\x01\x00\xff\xff\x01\x00\x10\x00".to_vec())
        .filename("a.dict")
        .write(Vec::new(), flate2::Compression::best());
    out.write_all(text).expect("memory");
    out.finish().expect("memory")
}

#[test]
fn streams_of_every_codec_may_have_several_members_and_end_oddly() {
    let place = place();
    let (first, second) = (lines(3), lines(2));
    let bzip2 = |text: &str| {
        let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        out.write_all(text.as_bytes()).expect("memory");
        out.finish().expect("memory")
    };
    let xz = |text: &str| {
        let mut out = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default())
            .expect("memory");
        out.write_all(text.as_bytes()).expect("memory");
        out.finish().expect("memory")
    };
    let lz4 = |text: &str| {
        let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
        out.write_all(text.as_bytes()).expect("memory");
        out.finish().expect("memory")
    };
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 1).expect("compresses");
    let all: [(&str, Vec<u8>, Vec<u8>); 6] = [
        ("gz", gzip(first.as_bytes()), gzip(second.as_bytes())),
        ("dz", dictzip(first.as_bytes()), gzip(second.as_bytes())),
        ("zst", zstd(&first), zstd(&second)),
        ("bz2", bzip2(&first), bzip2(&second)),
        ("xz", xz(&first), xz(&second)),
        ("lz4", lz4(&first), lz4(&second)),
    ];
    for (ending, one, two) in all {
        let run = |what: &str, bytes: &[u8], code: i32| {
            let name = format!("{what}.jsonl.{ending}");
            let (source, corpus) = (
                place.path().join(&name),
                place.path().join(format!("corpus of {name}")),
            );
            write(&source, bytes);
            assert_balances(&Prep::ingest(&source, &corpus).code(code).json());
            let errors = places(&rejects(&corpus), &name);
            (documents(&corpus).len(), errors)
        };
        assert_eq!(
            run("two", &[one.as_slice(), &two].concat(), 0),
            (5, vec![]),
            "{ending}"
        );
        // Garbage behind the last member is named, and costs nothing before it.
        let garbage = [one.as_slice(), &two, b"garbage that is no member"].concat();
        let wanted = vec![(6, "unreadable".to_owned())];
        assert_eq!(run("garbage", &garbage, 1), (5, wanted), "{ending}");
        // A second member that is cut off does not cost the first.
        let cut = [one.as_slice(), &two[..two.len() - 3]].concat();
        let (kept, errors) = run("cut", &cut, 1);
        assert!((3..=5).contains(&kept), "{ending}: {kept} lines");
        assert_eq!(errors.len(), 1, "{ending}");
    }
    // Zero bytes fill the last block of a tape.
    let (source, corpus) = (
        place.path().join("tape.jsonl.gz"),
        place.path().join("corpus of a tape"),
    );
    write(&source, [gzip(first.as_bytes()), vec![0; 10_000]].concat());
    Prep::ingest(&source, &corpus).json();
    assert_eq!(documents(&corpus).len(), 3);
    // A seekable Zstandard file may begin with a frame to be skipped.
    let (source, corpus) = (
        place.path().join("seekable.jsonl.zst"),
        place.path().join("corpus of frames"),
    );
    let skipped = [0x5e, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    write(&source, [skipped.as_slice(), &zstd(&first)].concat());
    Prep::ingest(&source, &corpus).json();
    assert_eq!(documents(&corpus).len(), 3);
}

fn touch(path: &Path) {
    let later = SystemTime::now() + Duration::from_secs(100);
    let file = std::fs::File::options()
        .append(true)
        .open(path)
        .expect("opens");
    file.set_modified(later).expect("sets the time");
}

#[test]
fn a_touched_source_is_no_changed_one() {
    let place = place();
    let raw = place.path().join("raw");
    std::fs::create_dir(&raw).expect("creates");
    write(&raw.join("a.jsonl"), lines(10));
    many_parts(&raw.join("b.jsonl"), 13_000_000, &mut Dice::new(6));
    write(&raw.join("c.jsonl"), lines(10));
    let (whole, killed) = (place.path().join("whole"), place.path().join("killed"));
    // A finished run.
    Prep::ingest(&raw, &whole).code(1).json();
    let seconds =
        read_json(&whole.join("manifest.json"))["sources"][0]["modified_unix_seconds"].clone();
    assert!(
        seconds
            .as_u64()
            .is_some_and(|seconds| seconds > 1_500_000_000)
    );
    touch(&raw.join("a.jsonl"));
    let before = tree::of(&whole);
    Prep::ingest(&raw, &whole).code(1).json();
    assert_eq!(tree::of(&whole), before);
    // An interrupted one: of a source that is done, begun, and not begun.
    let command = Prep::ingest(&raw, &killed);
    assert_eq!(
        crate::interrupted::kill_at_parts(&command, &killed, &[1]),
        1
    );
    for name in ["a.jsonl", "b.jsonl", "c.jsonl"] {
        touch(&raw.join(name));
    }
    command.code(1).json();
    let parts = |corpus: &Path| read_json(&corpus.join("manifest.json"))["documents"].clone();
    assert_eq!(parts(&whole), parts(&killed), "the same documents");
    assert_eq!(text(&documents(&killed)[0]), "line 1");
}
