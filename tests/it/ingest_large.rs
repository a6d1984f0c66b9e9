//! Lines of gigabytes and thousands of files: memory stays what it is.

use crate::support::corpus::{documents, rejects, text};
use crate::support::{Prep, place, write};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// Runs a command to its end: exit code, and the most memory that it had, in bytes.
#[expect(
    clippy::zombie_processes,
    reason = "wait4 waits, and tells the memory as well"
)]
fn measured(prep: Prep) -> (i32, u64) {
    let child = prep.start();
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: the pointers are of live variables of the types that wait4 writes, the child is ours.
    let waited = unsafe { libc::wait4(child.id() as i32, &raw mut status, 0, usage.as_mut_ptr()) };
    assert_eq!(waited, child.id() as i32);
    // SAFETY: wait4 succeeded, and zeros are a valid rusage.
    let usage = unsafe { usage.assume_init() };
    // Linux counts kilobytes, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    (libc::WEXITSTATUS(status), usage.ru_maxrss as u64 * unit)
}

/// Writes a zstd file of `head`, then `mebibytes` of x, then `tail`.
fn long_line(path: &Path, head: &str, mebibytes: usize, tail: &str) {
    let frame = zstd::encode_all(vec![b'x'; 64 << 20].as_slice(), 1).expect("memory");
    let mut file = std::fs::File::create(path).expect("a file");
    let pack = |bytes: &str| zstd::encode_all(bytes.as_bytes(), 1).expect("memory");
    file.write_all(&pack(head)).expect("writes");
    for _ in 0..mebibytes / 64 {
        file.write_all(&frame).expect("writes");
    }
    file.write_all(&pack(tail)).expect("writes");
}

const MEMORY: u64 = 640 << 20;

/// A line of so many mebibytes between a first and a last record is one reject.
fn check(name: &str, [head, tail]: [&str; 2], mebibytes: usize) {
    let place = place();
    let (source, corpus) = (place.path().join(name), place.path().join("corpus"));
    long_line(&source, head, mebibytes, tail);
    let (code, memory) = measured(Prep::ingest(&source, &corpus).args(["--threads", "2"]));
    assert_eq!(code, 1, "{name}");
    assert!(memory < MEMORY, "{name}: {memory} bytes");
    let found = documents(&corpus);
    let texts: Vec<&str> = found.iter().map(text).collect();
    assert_eq!(texts, ["first", "last"], "{name}");
    let rejects = rejects(&corpus);
    assert_eq!(rejects.len(), 1, "{name}");
    assert_eq!(rejects[0].error, "record_too_long", "{name}");
    let least = (mebibytes as u64) << 20;
    assert!(rejects[0].bytes > least, "{name}: {}", rejects[0].bytes);
}

#[test]
fn a_line_of_4_gigabytes_costs_only_itself() {
    let around = [
        "{\"text\":\"first\"}\n{\"text\":\"",
        "\"}\n{\"text\":\"last\"}\n",
    ];
    check("a.jsonl.zst", around, 4096);
}

#[test]
fn an_element_of_a_json_array_that_is_too_long_costs_only_itself() {
    let around = [
        "[{\"text\":\"first\"},{\"text\":\"",
        "\"},{\"text\":\"last\"}]",
    ];
    check("a.json.zst", around, 512);
}

#[test]
fn a_row_of_csv_that_is_too_long_costs_only_itself() {
    check("a.csv.zst", ["text,n\nfirst,1\n", ",2\nlast,3\n"], 512);
    check("b.csv.zst", ["text,n\nfirst,1\n\"", "\",2\nlast,3\n"], 512);
}

#[test]
fn text_without_line_ends_is_streamed() {
    let place = place();
    let (source, corpus) = (place.path().join("a.txt.zst"), place.path().join("corpus"));
    long_line(&source, "Begin ", 256, " end.");
    let (code, memory) = measured(Prep::ingest(&source, &corpus).args(["--threads", "2"]));
    assert_eq!(code, 0);
    assert!(memory < MEMORY, "{memory} bytes");
    let found = documents(&corpus);
    let characters: u64 = found
        .iter()
        .map(|document| document.content.characters())
        .sum();
    assert_eq!(characters, (256 << 20) + 11);
}

#[test]
fn a_line_of_5_megabytes_is_one_document() {
    let line = "слово ".repeat(500_000);
    let line = line.trim_end();
    for (name, bytes) in [
        ("a.txt", format!("{line}\n")),
        (
            "a.jsonl",
            format!("{{\"text\":\"{line}\"}}\n{{\"text\":\"b\"}}\n"),
        ),
        (
            "a.json",
            format!("[{{\"text\":\"{line}\"}},{{\"text\":\"b\"}}]"),
        ),
        ("a.csv", format!("text,n\n{line},1\nb,2\n")),
    ] {
        let place = place();
        let (source, corpus) = (place.path().join(name), place.path().join("corpus"));
        write(&source, bytes);
        Prep::ingest(&source, &corpus).json();
        let found = documents(&corpus);
        assert!(text(&found[0]) == line, "{name}");
        assert_eq!(found.len(), if name == "a.txt" { 1 } else { 2 }, "{name}");
    }
}

/// Four lines of 4.4 MB that are 300 MB each in memory, between a first and a last.
fn heavy_lines(path: &Path) {
    let objects = vec!["{\"a\":1}"; 550_000].join(",");
    let heavy = format!("{{\"text\":\"heavy\",\"v\":[{objects}]}}\n");
    write(
        path,
        format!(
            "{{\"text\":\"first\"}}\n{}{{\"text\":\"last\"}}\n",
            heavy.repeat(4)
        ),
    );
}

#[test]
fn records_that_are_heavy_in_memory_are_parsed_one_at_a_time() {
    let place = place();
    let (source, corpus) = (place.path().join("a.jsonl"), place.path().join("corpus"));
    heavy_lines(&source);
    let options = ["--threads", "4", "--memory", "1GiB"];
    let (code, memory) = measured(Prep::ingest(&source, &corpus).args(options));
    assert_eq!(code, 0);
    assert!(memory < 640 << 20, "{memory} bytes");
    assert_eq!(documents(&corpus).len(), 6);
}

#[test]
fn a_record_that_is_too_heavy_costs_only_itself() {
    let place = place();
    let source = place.path().join("a.jsonl");
    heavy_lines(&source);
    let mut trees = Vec::new();
    for threads in ["1", "3"] {
        let corpus = place.path().join(threads);
        let options = ["--threads", threads, "--memory", "512MiB"];
        let (code, memory) = measured(Prep::ingest(&source, &corpus).args(options));
        assert_eq!(code, 1);
        assert!(memory < 200 << 20, "{memory} bytes");
        let found = documents(&corpus);
        let texts: Vec<&str> = found.iter().map(text).collect();
        assert_eq!(texts, ["first", "last"]);
        let rejects = rejects(&corpus);
        assert_eq!(rejects.len(), 4);
        assert_eq!(rejects[1].error, "record_too_heavy");
        assert_eq!(rejects[1].record, 3);
        assert!(rejects[1].message.contains("--memory"));
        trees.push(crate::support::tree::of(&corpus));
    }
    assert!(trees[0] == trees[1]);
}

#[test]
fn thousands_of_small_files() {
    let place = place();
    let (dir, corpus) = (place.path().join("files"), place.path().join("corpus"));
    std::fs::create_dir(&dir).expect("a directory");
    for number in 0..4_000 {
        let mut lines = String::new();
        for line in 0..3 {
            writeln!(lines, "{{\"text\":\"Файл {number}, строка {line}.\"}}").expect("memory");
        }
        write(&dir.join(format!("{number:05}.jsonl")), lines);
    }
    let (code, memory) = measured(Prep::ingest(&dir, &corpus).args(["--threads", "2"]));
    assert_eq!(code, 0);
    assert!(memory < 256 << 20, "{memory} bytes");
    let found = documents(&corpus);
    assert_eq!(found.len(), 12_000);
    assert_eq!(found[11_999].source, "files/03999.jsonl");
    assert_eq!(found[11_999].record, 3);
    let other = place.path().join("other");
    Prep::ingest(&dir, &other).args(["--threads", "7"]).json();
    crate::support::tree::assert_same(&corpus, &other);
}

#[test]
fn a_chat_of_telegram_of_any_length_is_read() {
    let place = place();
    let (source, corpus) = (
        place.path().join("result.json"),
        place.path().join("corpus"),
    );
    let file = std::fs::File::create(&source).expect("a file");
    let mut out = std::io::BufWriter::new(file);
    let head = r#"{"name": "Чат", "type": "private_supergroup", "id": 7, "messages": ["#;
    out.write_all(head.as_bytes()).expect("writes");
    let messages: usize = 150_000;
    let words = "слова и дела ".repeat(18);
    for number in 0..messages {
        let comma = if number == 0 { "" } else { ", " };
        writeln!(
            out,
            r#"{comma}{{"id": {number}, "type": "message", "date": "2024-05-01T10:00:00", "date_unixtime": "{}", "from": "Иван", "from_id": "user1", "text": "номер {number}: {words}"}}"#,
            1_700_000_000 + number * 60
        )
        .expect("writes");
    }
    out.write_all(b"]}\n").expect("writes");
    drop(out);
    assert!(std::fs::metadata(&source).expect("a file").len() > 80 << 20);
    let (code, memory) = measured(Prep::ingest(&source, &corpus).args(["--threads", "2"]));
    assert_eq!(code, 0);
    assert!(memory < MEMORY, "{memory} bytes");
    let mut next = 0;
    for document in documents(&corpus) {
        for line in text(&document).lines() {
            assert!(
                line.starts_with(&format!("Иван: номер {next}: слова")),
                "{line}"
            );
            next += 1;
        }
        assert!(document.meta.expect("what the chat says").contains("Чат"));
    }
    assert_eq!(next, messages);
}
