//! The documents follow from the content of the sources alone: not from their compression, the
//! number of threads, or the order in which they are named.

use crate::support::corpus::documents;
use crate::support::made_up::{Dice, many_parts, words};
use crate::support::{Prep, fixture, place, read, tree, write};
use std::io::Write as _;
use std::path::Path;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

/// Ingests `bytes` as NAME, NAME.gz and NAME.zst and compares the documents.
fn check_compression(name: &str, bytes: &[u8]) {
    let place = place();
    let mut forms = Vec::new();
    for (ending, packed) in [
        ("", bytes.to_vec()),
        (".gz", gzip(bytes)),
        (".zst", zstd(bytes)),
    ] {
        let source = place.path().join(format!("{name}{ending}"));
        write(&source, packed);
        let corpus = place.path().join(format!("corpus{ending}"));
        Prep::ingest(&source, &corpus).json();
        let documents: Vec<_> = documents(&corpus)
            .into_iter()
            .map(|document| {
                (
                    document.record,
                    document.content,
                    document.lang,
                    document.meta,
                )
            })
            .collect();
        assert!(!documents.is_empty());
        forms.push(documents);
    }
    assert_eq!(forms[0], forms[1], "{name}.gz");
    assert_eq!(forms[0], forms[2], "{name}.zst");
}

#[test]
fn a_compressed_copy_gives_the_same_documents() {
    check_compression("pochta.txt", &read(&fixture("text/ru/06_pochta.txt")));
    check_compression("notes.jsonl", &read(&fixture("text/en/notes.jsonl")));
    // Several blocks of 4 MB, so that where they end matters.
    let mut dice = Dice::new(1);
    let mut long = String::new();
    while long.len() < 10_000_000 {
        let words = words(&mut dice, 400);
        long += &words;
        long += if words.len().is_multiple_of(3) {
            "\n"
        } else {
            "\n\n"
        };
    }
    check_compression("long.txt", long.as_bytes());
}

#[test]
fn several_gzip_members_and_zstd_frames_are_one_source() {
    let place = place();
    let (first, second) = (b"{\"text\":\"one\"}\n".as_slice(), b"{\"text\":\"two\"}\n");
    for (name, bytes) in [
        ("a.jsonl.gz", [gzip(first), gzip(second)].concat()),
        ("a.jsonl.zst", [zstd(first), zstd(second)].concat()),
    ] {
        let source = place.path().join(name);
        write(&source, bytes);
        let corpus = place.path().join(format!("corpus of {name}"));
        Prep::ingest(&source, &corpus).json();
        assert_eq!(documents(&corpus).len(), 2, "{name}");
    }
}

/// Sources of all kinds, several blocks each, some damaged.
fn sources(dir: &Path) {
    let mut dice = Dice::new(2);
    many_parts(&dir.join("parts.jsonl"), 9_000_000, &mut dice);
    let mut text = String::new();
    while text.len() < 9_000_000 {
        text += &words(&mut dice, 100);
        text += "\n\n";
    }
    write(&dir.join("long.txt.gz"), gzip(text.as_bytes()));
    write(
        &dir.join("cut.txt.zst"),
        &zstd(text.as_bytes())[..1_000_000],
    );
    for number in 0..40 {
        write(
            &dir.join(format!("small-{number}.txt")),
            words(&mut dice, 50),
        );
    }
    for entry in std::fs::read_dir(fixture("bad")).expect("fixtures") {
        let path = entry.expect("an entry").path();
        write(&dir.join(path.file_name().expect("a name")), read(&path));
    }
}

#[test]
fn the_bytes_do_not_depend_on_threads() {
    let place = place();
    let raw = place.path().join("raw");
    std::fs::create_dir(&raw).expect("creates");
    sources(&raw);
    let corpus = |threads: &str| {
        let corpus = place.path().join(format!("corpus-{threads}"));
        Prep::ingest(&raw, &corpus)
            .args(["--threads", threads])
            .code(1)
            .json();
        corpus
    };
    let one = corpus("1");
    assert!(tree::of(&one).len() > 6, "several parts");
    tree::assert_same(&one, &corpus("2"));
    tree::assert_same(&one, &corpus("7"));
}

#[test]
fn the_bytes_do_not_depend_on_the_order_of_arguments() {
    let place = place();
    let (a, b) = (place.path().join("a"), place.path().join("b"));
    let run = |sources: [&str; 3], out: &Path| {
        Prep::new(["ingest"])
            .args(sources.map(fixture))
            .arg("--out")
            .arg(out)
            .json();
    };
    run(["qa", "text/ru", "text/en"], &a);
    run(["text/en", "qa", "text/ru"], &b);
    tree::assert_same(&a, &b);
}

#[test]
fn a_line_is_a_document_when_asked() {
    let place = place();
    let source = place.path().join("lines.txt");
    write(&source, "one\n\ntwo\r\n  \nthree");
    let corpus = place.path().join("corpus");
    Prep::ingest(&source, &corpus)
        .args(["--split", "lines"])
        .json();
    let lines: Vec<_> = documents(&corpus)
        .into_iter()
        .map(|document| (document.record, document.content))
        .collect();
    let text = |text: &str| prep::document::Content::Text(text.to_owned());
    assert_eq!(
        lines,
        [(1, text("one")), (3, text("two")), (5, text("three"))]
    );
}

/// Rows of a CSV file and the lines that they begin on, as documents say.
fn csv_lines(content: &str, columns: &str) -> Vec<u64> {
    let place = crate::support::place();
    let (file, out) = (place.path().join("a.csv"), place.path().join("corpus"));
    crate::support::write(&file, content);
    Prep::ingest(&file, &out)
        .args(["--columns", columns])
        .json();
    let lines: Vec<u64> = documents(&out)
        .iter()
        .map(|document| document.record)
        .collect();
    lines
}

#[test]
fn rows_of_csv_know_their_lines_whatever_ends_them() {
    let columns = "question,answer";
    assert_eq!(
        csv_lines("question,answer\r\na?,b\r\n\r\nc?,d\r\n", columns),
        [2, 4]
    );
    assert_eq!(csv_lines("question,answer\ra?,b\rc?,d\r", columns), [2, 3]);
    assert_eq!(
        csv_lines("question,answer\n\"a\n?\",b\nc?,d\n", columns),
        [2, 4]
    );
    // Without a header no row is lost.
    assert_eq!(csv_lines("привет,пока\nкот,пёс\n", columns), [1, 2]);
    let sums = "два плюс два,четыре\n3+3,6\n4+4,8\n5+5,10\n";
    assert_eq!(csv_lines(sums, columns), [1, 2, 3, 4]);
}

#[test]
fn what_is_written_is_not_read_again_and_a_broken_link_costs_itself() {
    let place = crate::support::place();
    crate::support::write(&place.path().join("a.txt"), "Текст о погоде и о море.\n");
    std::os::unix::fs::symlink("nowhere", place.path().join("broken.txt")).expect("links");
    let out = place.path().join("corpus");
    for _ in 0..2 {
        let report = Prep::ingest(place.path(), &out).code(1).json();
        assert_eq!(report["ledger"]["kept"]["records"], 1);
        assert_eq!(
            report["ledger"]["rejected"]["unsupported_format"]["records"],
            1
        );
    }
}
