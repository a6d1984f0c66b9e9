//! `prep ingest` of tar and zip archives: members are read as files are, and what cannot be read is
//! named.

use crate::support::archives::{gzip, replaced, tar, tar_file, tar_raw, zip, zip_patch};
use crate::support::corpus::{assert_balances, documents, places, rejects, text};
use crate::support::made_up::{Dice, many_parts, words};
use crate::support::{Prep, cp1251, fixture, place, read, read_json, tree, write};
use prep::document::{Content, DocumentId};
use std::path::Path;
use zip::CompressionMethod;

const TEXT: &str = "Текст о погоде и о море, в котором довольно слов.\n";
const RECORD: &str = "{\"question\":\"Сколько будет два и два?\",\"answer\":\"Четыре.\"}\n";

/// What is in the documents of a corpus: source, record, content.
fn contents(corpus: &Path) -> Vec<(String, u64, Content)> {
    documents(corpus)
        .into_iter()
        .map(|document| {
            assert_eq!(
                document.id,
                DocumentId::new(&document.source, document.record)
            );
            (document.source, document.record, document.content)
        })
        .collect()
}

/// Files of several formats, one of them compressed.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let cp1251 = cp1251(TEXT);
    vec![
        ("docs/a.txt", cp1251),
        (
            "docs/page.html",
            format!("<html><body><nav>x</nav><p>{TEXT}</p></body></html>").into_bytes(),
        ),
        ("qa/pairs.jsonl.gz", gzip(RECORD.repeat(3).as_bytes())),
        (
            "qa/pairs.csv",
            "вопрос;ответ\nда?;нет\n".as_bytes().to_vec(),
        ),
        ("short.parquet", parquet()),
    ]
}

/// The source of each document, in order.
fn sources(corpus: &Path) -> Vec<String> {
    contents(corpus)
        .into_iter()
        .map(|(source, ..)| source)
        .collect()
}

fn parquet() -> Vec<u8> {
    let batch = crate::ingest_tables::rows(&["first", "second"]);
    let mut out = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), None).expect("memory");
    writer.write(&batch).expect("memory");
    writer.close().expect("memory");
    out
}

#[test]
fn members_are_read_as_files_are() {
    let place = place();
    let raw = place.path().join("raw");
    for (path, bytes) in files() {
        let path = raw.join(path);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("creates");
        write(&path, bytes);
    }
    let files = files();
    let pairs: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, bytes)| (*path, bytes.as_slice()))
        .collect();
    let triples: Vec<_> = pairs
        .iter()
        .zip([
            CompressionMethod::Stored,
            CompressionMethod::Deflated,
            CompressionMethod::Zstd,
            CompressionMethod::Bzip2,
            CompressionMethod::Xz,
        ])
        .map(|((path, bytes), method)| (*path, *bytes, method))
        .collect();
    let loose = place.path().join("loose");
    Prep::ingest(&raw, &loose).json();
    let wanted: Vec<_> = contents(&loose)
        .into_iter()
        .map(|(source, record, content)| (source.replacen("raw/", "", 1), record, content))
        .collect();
    assert_eq!(wanted.len(), 1 + 1 + 3 + 1 + 2);
    let tar = tar(&pairs);
    for (name, bytes) in [
        ("a.tar", tar.clone()),
        ("a.tar.gz", gzip(&tar)),
        ("a.tgz", gzip(&tar)),
        (
            "a.tar.zst",
            zstd::encode_all(tar.as_slice(), 1).expect("compresses"),
        ),
        ("a.zip", zip(&triples)),
        // Names that lie.
        ("a.json", zip(&triples)),
        ("b", tar),
    ] {
        let (source, corpus) = (
            place.path().join(name),
            place.path().join(format!("corpus {name}")),
        );
        write(&source, &bytes);
        let report = Prep::ingest(&source, &corpus).json();
        assert_balances(&report);
        let mut found = contents(&corpus);
        for (source, ..) in &mut found {
            *source = source
                .strip_prefix(&format!("{name}!"))
                .expect("is named after it")
                .to_owned();
        }
        found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        assert_eq!(found, wanted, "{name}");
        let manifest = read_json(&corpus.join("manifest.json"));
        let sources = manifest["sources"].as_array().expect("sources");
        assert_eq!(sources.len(), 6, "{name}");
        assert_eq!(sources[0]["bytes"], bytes.len() as u64);
        let member = sources
            .iter()
            .find(|entry| entry["name"] == format!("{name}!docs/a.txt"))
            .expect("is in the manifest");
        assert_eq!(member["encoding"], "windows-1251");
        assert_eq!(member["member_of"], name);
        assert_eq!(member["xxh3"], prep::document::id::hex_hash(&cp1251(TEXT)));
        // A rerun finds nothing to do.
        let before = tree::of(&corpus);
        Prep::ingest(&source, &corpus).json();
        assert_eq!(tree::of(&corpus), before);
    }
}

#[test]
fn archives_in_archives_are_opened() {
    let place = place();
    let inner = zip(&[("x/a.txt", TEXT.as_bytes(), CompressionMethod::Deflated)]);
    let middle = gzip(&tar(&[("inner.zip", &inner), ("b.txt", TEXT.as_bytes())]));
    let outer = zip(&[("middle.tar.gz", &middle, CompressionMethod::Stored)]);
    let (source, corpus) = (place.path().join("outer.zip"), place.path().join("corpus"));
    write(&source, &outer);
    Prep::ingest(&source, &corpus).json();
    assert_eq!(
        sources(&corpus),
        [
            "outer.zip!middle.tar.gz!inner.zip!x/a.txt",
            "outer.zip!middle.tar.gz!b.txt"
        ]
    );
    // A matryoshka ends somewhere.
    let mut doll = zip(&[("a.txt", TEXT.as_bytes(), CompressionMethod::Stored)]);
    for _ in 0..6 {
        doll = zip(&[("doll.zip", &doll, CompressionMethod::Stored)]);
    }
    write(&source, &doll);
    let corpus = place.path().join("corpus of dolls");
    Prep::ingest(&source, &corpus).code(1).json();
    let [reject] = &rejects(&corpus)[..] else {
        panic!("one reject")
    };
    assert_eq!(reject.error, "nested_too_deep");
}

#[test]
fn what_is_no_plain_member_is_a_reject_of_its_own() {
    let place = place();
    let mut builder = tar::Builder::new(Vec::new());
    let long = format!("{}/длинное имя.txt", "папка".repeat(30));
    tar_file(&mut builder, &long, TEXT.as_bytes());
    tar_file(&mut builder, "same.txt", TEXT.as_bytes());
    tar_file(&mut builder, "same.txt", TEXT.as_bytes());
    tar_file(&mut builder, ".hidden/a.txt", TEXT.as_bytes());
    tar_raw(
        &mut builder,
        "../../up.txt",
        tar::EntryType::Regular,
        TEXT.as_bytes(),
    );
    tar_raw(
        &mut builder,
        "/etc/passwd",
        tar::EntryType::Regular,
        TEXT.as_bytes(),
    );
    tar_raw(&mut builder, "link.txt", tar::EntryType::Symlink, b"");
    tar_raw(&mut builder, "pipe", tar::EntryType::Fifo, b"");
    tar_raw(&mut builder, "dir/", tar::EntryType::Directory, b"");
    tar_file(&mut builder, "image.png", b"\x89PNG\r\n\x1a\n");
    tar_file(&mut builder, "empty.txt", b"");
    tar_file(&mut builder, "last.txt", TEXT.as_bytes());
    let (source, corpus) = (place.path().join("a.tar"), place.path().join("corpus"));
    write(&source, builder.into_inner().expect("memory"));
    let report = Prep::ingest(&source, &corpus).code(1).json();
    assert_balances(&report);
    assert_eq!(
        sources(&corpus),
        [
            format!("a.tar!{long}"),
            "a.tar!same.txt".to_owned(),
            "a.tar!same.txt#2".to_owned(),
            "a.tar!last.txt".to_owned()
        ]
    );
    let found: Vec<(String, String)> = rejects(&corpus)
        .into_iter()
        .map(|reject| (reject.source.replacen("a.tar!", "", 1), reject.error))
        .collect();
    let wanted = [
        ("../../up.txt", "unsafe_path"),
        ("/etc/passwd", "unsafe_path"),
        ("link.txt", "link_member"),
        ("pipe", "special_member"),
        ("image.png", "unsupported_format"),
        ("empty.txt", "empty_source"),
    ];
    assert_eq!(found, wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(report["ledger"]["dropped"]["hidden_file"]["records"], 1);
    // An archive without a file.
    let (source, corpus) = (
        place.path().join("empty.tar"),
        place.path().join("corpus of nothing"),
    );
    write(&source, vec![0; 1024]);
    Prep::ingest(&source, &corpus).code(1).json();
    assert_eq!(
        places(&rejects(&corpus), "empty.tar"),
        [(1, "empty_source".to_owned())]
    );
}

#[test]
fn members_of_zip_that_cannot_be_read_cost_themselves() {
    let place = place();
    let stored = CompressionMethod::Stored;
    let whole = zip(&[
        ("a.txt", TEXT.as_bytes(), stored),
        ("b.txt", TEXT.as_bytes(), stored),
    ]);
    let check = |name: &str, bytes: &[u8], kept: usize, errors: &[&str]| {
        let (source, corpus) = (
            place.path().join(name),
            place.path().join(format!("corpus {name}")),
        );
        write(&source, bytes);
        let report = Prep::ingest(&source, &corpus).code(1).json();
        assert_balances(&report);
        assert_eq!(contents(&corpus).len(), kept, "{name}");
        let found: Vec<String> = rejects(&corpus)
            .into_iter()
            .map(|reject| reject.error)
            .collect();
        assert_eq!(found, errors, "{name}");
    };
    // Bit 0 of the flags: encrypted. Method 98 is PPMd.
    let mut encrypted = whole.clone();
    zip_patch(&mut encrypted, 8, 1);
    check(
        "encrypted.zip",
        &encrypted,
        0,
        &["encrypted_member", "encrypted_member"],
    );
    let mut foreign = whole.clone();
    zip_patch(&mut foreign, 10, 98);
    check(
        "foreign.zip",
        &foreign,
        0,
        &["unsupported_compression", "unsupported_compression"],
    );
    check("cut.zip", &whole[..whole.len() / 2], 0, &["unreadable"]);
    // One letter of the first member is another: its checksum tells.
    let at = memchr::memmem::find(&whole, TEXT.as_bytes()).expect("is stored");
    let mut damaged = whole.clone();
    damaged[at + 1] ^= 1;
    check("damaged.zip", &damaged, 1 + 1, &["unreadable"]);
    let unsafe_path = replaced(whole.clone(), b"a.txt", b"../tx");
    check("unsafe.zip", &unsafe_path, 1, &["unsafe_path"]);
    check("nothing.zip", &zip(&[]), 0, &["empty_source"]);
    // A Word document is no archive of texts.
    let word = zip(&[
        ("[Content_Types].xml", b"<x/>", stored),
        ("word/document.xml", b"<x/>", stored),
    ]);
    check("letter.docx", &word, 0, &["unsupported_format"]);
}

#[test]
fn names_of_old_zip_archives_are_decoded() {
    // «привет мир.txt» and «ответы на вопросы.txt» as the archivers of DOS and Windows wrote them.
    let cp866: &[u8] = b"\xaf\xe0\xa8\xa2\xa5\xe2 \xac\xa8\xe0.txt";
    let long: &[u8] = b"\xae\xe2\xa2\xa5\xe2\xeb \xad\xa0 \xa2\xae\xaf\xe0\xae\xe1\xeb.txt";
    let ascii = ["aaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbb"];
    assert_eq!((cp866.len(), long.len()), (14, 21));
    let bytes = zip(&[
        (ascii[0], TEXT.as_bytes(), CompressionMethod::Stored),
        (ascii[1], TEXT.as_bytes(), CompressionMethod::Stored),
    ]);
    let bytes = replaced(bytes, ascii[0].as_bytes(), cp866);
    let bytes = replaced(bytes, ascii[1].as_bytes(), long);
    let place = place();
    let (source, corpus) = (place.path().join("old.zip"), place.path().join("corpus"));
    write(&source, &bytes);
    Prep::ingest(&source, &corpus).json();
    assert_eq!(
        sources(&corpus),
        ["old.zip!привет мир.txt", "old.zip!ответы на вопросы.txt"]
    );
}

#[test]
fn a_cut_archive_keeps_what_came_before() {
    let place = place();
    let lines = RECORD.repeat(2_000);
    let tar = tar(&[
        ("a.jsonl", lines.as_bytes()),
        ("b.jsonl", lines.as_bytes()),
        ("c.txt", TEXT.as_bytes()),
    ]);
    for (name, bytes) in [
        ("cut.tar", tar[..lines.len() + 30_000].to_vec()),
        ("cut.tar.gz", {
            // Without compression the place of the cut is the place in the archive.
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
            std::io::Write::write_all(&mut out, &tar).expect("memory");
            out.finish().expect("memory")[..lines.len() + 30_000].to_vec()
        }),
    ] {
        let (source, corpus) = (
            place.path().join(name),
            place.path().join(format!("corpus {name}")),
        );
        write(&source, &bytes);
        let report = Prep::ingest(&source, &corpus).code(1).json();
        assert_balances(&report);
        let count = |member: &str| {
            report["by_source"][format!("{name}!{member}")]["kept"]["records"].as_u64()
        };
        assert_eq!(count("a.jsonl"), Some(2_000), "{name}");
        let second = count("b.jsonl").expect("some of it");
        assert!((200..400).contains(&second), "{second} lines");
        let found = rejects(&corpus);
        assert_eq!(found.len(), 1, "{name} {found:?}");
        assert_eq!(
            (found[0].source.as_str(), found[0].record),
            (&*format!("{name}!b.jsonl"), second + 1)
        );
    }
    // A damaged header ends the archive and is named.
    let mut damaged = tar.clone();
    let second = 512 + lines.len().next_multiple_of(512);
    damaged[second + 3] ^= 1;
    let (source, corpus) = (
        place.path().join("damaged.tar"),
        place.path().join("corpus of damage"),
    );
    write(&source, &damaged);
    Prep::ingest(&source, &corpus).code(1).json();
    assert_eq!(documents(&corpus).len(), 2_000);
    assert_eq!(
        places(&rejects(&corpus), "damaged.tar"),
        [(2, "unreadable".to_owned())]
    );
}

#[test]
fn a_long_name_of_gigabytes_costs_no_memory() {
    // A header that announces a name of 8 GB, and an archive that ends soon behind it.
    let mut builder = tar::Builder::new(Vec::new());
    tar_file(&mut builder, "a.txt", TEXT.as_bytes());
    let mut bytes = builder.into_inner().expect("memory");
    bytes.truncate(1024);
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..1].copy_from_slice(b"x");
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(8 << 30);
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&[b'x'; 4096]);
    let place = place();
    let (source, corpus) = (place.path().join("bomb.tar"), place.path().join("corpus"));
    write(&source, &bytes);
    Prep::ingest(&source, &corpus).code(1).json();
    assert_eq!(text(&documents(&corpus)[0]), TEXT.trim_end());
    assert_eq!(
        places(&rejects(&corpus), "bomb.tar"),
        [(2, "unreadable".to_owned())]
    );
}

/// Archives of several parts, some damaged.
fn archives(dir: &Path) {
    std::fs::create_dir(dir).expect("creates");
    let mut dice = Dice::new(7);
    many_parts(&dir.join("big.jsonl"), 13_000_000, &mut dice);
    let big = read(&dir.join("big.jsonl"));
    std::fs::remove_file(dir.join("big.jsonl")).expect("removes");
    let mut long = String::new();
    while long.len() < 5_000_000 {
        long += &words(&mut dice, 100);
        long += "\n\n";
    }
    let small: Vec<(String, String)> = (0..60)
        .map(|number| (format!("small/{number}.txt"), words(&mut dice, 40)))
        .collect();
    let mut files: Vec<(&str, &[u8])> = vec![("big.jsonl", &big), ("long.txt", long.as_bytes())];
    files.extend(
        small
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes())),
    );
    let bad = read(&fixture("bad/truncated.jsonl.gz"));
    files.push(("truncated.jsonl.gz", &bad));
    write(&dir.join("a.tar.gz"), gzip(&tar(&files)));
    let members: Vec<_> = files
        .iter()
        .map(|(path, bytes)| (*path, *bytes, CompressionMethod::Deflated))
        .collect();
    write(&dir.join("b.zip"), zip(&members));
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_kills() {
    let place = place();
    let raw = place.path().join("raw");
    archives(&raw);
    let corpus = |threads: &str| {
        let corpus = place.path().join(format!("corpus-{threads}"));
        let run = Prep::ingest(&raw, &corpus).args(["--threads", threads]);
        assert_balances(&run.code(1).json());
        corpus
    };
    let one = corpus("1");
    assert!(tree::of(&one).len() > 8, "several parts");
    tree::assert_same(&one, &corpus("2"));
    tree::assert_same(&one, &corpus("7"));
    let killed = place.path().join("killed");
    let command = Prep::ingest(&raw, &killed);
    let kills = crate::interrupted::kill_at_parts(&command, &killed, &[1, 2, 3]);
    assert!(kills >= 2, "killed {kills} times");
    command.code(1).json();
    tree::assert_same(&one, &killed);
}
