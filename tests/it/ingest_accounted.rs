//! What `prep ingest` leaves out, mends or refuses to guess is counted and named.

use crate::support::archives::tar;
use crate::support::corpus::{assert_balances, documents, places, rejects, text};
use crate::support::made_up::{Dice, many_parts};
use crate::support::{Prep, place, read, tree, write};
use prep::document::Content;
use serde_json::Value;
use std::path::Path;

fn make(dir: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().expect("has a parent")).expect("creates");
        write(&path, text);
    }
}

/// The last turns of the chats of a corpus.
fn answers(corpus: &Path) -> Vec<String> {
    let last = |content: &Content| match content {
        Content::Chat(messages) => messages.last().map(|message| message.content.clone()),
        _ => None,
    };
    let documents = documents(corpus);
    let answers = documents.iter().map(|document| last(&document.content));
    answers.map(|answer| answer.expect("a chat")).collect()
}

fn ingest(dir: &Path, name: &str, bytes: &[u8], code: i32) -> (std::path::PathBuf, Value) {
    let (source, corpus) = (dir.join(name), dir.join(format!("corpus of {name}")));
    write(&source, bytes);
    let report = Prep::ingest(&source, &corpus).code(code).json();
    assert_balances(&report);
    (corpus, report)
}

#[test]
fn hidden_files_are_counted_and_read_on_demand() {
    let place = place();
    let raw = place.path().join("raw");
    make(
        &raw,
        &[
            ("a.txt", "Visible text.\n"),
            (".notes.txt", "Hidden text.\n"),
            (".git/config", "Configuration.\n"),
            (".git/hooks/b.txt", "Deeper.\n"),
            ("below/.c.txt", "Hidden below.\n"),
        ],
    );
    write(
        &raw.join("d.tar"),
        tar(&[("e.txt", b"Packed.\n"), (".f.txt", b"Packed and hidden.\n")]),
    );
    let corpus = place.path().join("corpus");
    let command = || {
        Prep::talkative(["ingest"])
            .arg(&raw)
            .arg("--out")
            .arg(&corpus)
    };
    let report = command()
        .says("hidden files and directories not read: 4")
        .says("raw/.git/, raw/.notes.txt")
        .says("--hidden")
        .json();
    assert_balances(&report);
    assert_eq!(documents(&corpus).len(), 2);
    let dropped = &report["ledger"]["dropped"]["hidden_file"];
    assert_eq!(dropped["records"], 4);
    assert_eq!(
        report["by_source"]["raw/.notes.txt"]["dropped"]["hidden_file"]["bytes"],
        13
    );
    // A run that is done says the same again, and a dry run what it can see.
    command().says("not read: 4").json();
    Prep::talkative(["ingest", "--dry-run"])
        .arg(&raw)
        .prints("raw/a.txt")
        .says("hidden files and directories not read: 3")
        .run();
    let all = place.path().join("all");
    let report = Prep::ingest(&raw, &all).arg("--hidden").json();
    assert_balances(&report);
    assert_eq!(documents(&all).len(), 7);
    assert!(
        report["ledger"]["dropped"]
            .as_object()
            .expect("counts")
            .is_empty()
    );
    // A pattern that begins with a dot asks for them.
    let some = place.path().join("some");
    Prep::ingest(&raw.join(".*.txt"), &some).json();
    assert_eq!(documents(&some).len(), 1);
}

#[test]
fn outputs_of_prep_in_a_source_are_left_out() {
    let place = place();
    let raw = place.path().join("raw");
    make(&raw, &[("a.txt", "Some text.\n"), ("b/c.txt", "More.\n")]);
    let (earlier, own) = (raw.join("b/earlier"), raw.join("own"));
    Prep::ingest(&raw.join("a.txt"), &earlier).json();
    let command = || Prep::talkative(["ingest"]).arg(&raw).arg("--out").arg(&own);
    let report = command()
        .says("outputs of prep not read: 1 (raw/b/earlier/)")
        .json();
    assert_balances(&report);
    assert_eq!(documents(&own).len(), 2);
    assert_eq!(report["ledger"]["dropped"]["output_of_prep"]["records"], 1);
    let before = tree::of(&own);
    command()
        .says("is the output of this run: it is not read")
        .json();
    assert_eq!(tree::of(&own), before);
    // What was made to be read is read.
    make(
        &raw,
        &[(
            "d/manifest.json",
            "{\"format\": \"prep-synth\", \"text\": \"t\"}",
        )],
    );
    let other = place.path().join("other");
    let report = Prep::ingest(&raw.join("d"), &other).json();
    assert_eq!(report["ledger"]["kept"]["records"], 1);
    let message = Prep::ingest(&raw.join("b/earlier/rejects"), &place.path().join("none")).fails();
    assert!(message.contains("no files in"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_source_that_changed_behind_its_old_time_is_noticed() {
    let place = place();
    let raw = place.path().join("raw");
    std::fs::create_dir(&raw).expect("creates");
    write(&raw.join("a.jsonl"), "{\"text\":\"line one\"}\n");
    many_parts(&raw.join("b.jsonl"), 13_000_000, &mut Dice::new(7));
    let killed = place.path().join("killed");
    let command = Prep::ingest(&raw, &killed);
    assert_eq!(
        crate::interrupted::kill_at_parts(&command, &killed, &[1]),
        1
    );
    // The first file is done. It is written again, of the same size, and its time is set back.
    let path = raw.join("a.jsonl");
    let time = std::fs::metadata(&path)
        .and_then(|about| about.modified())
        .expect("has a time");
    write(&path, "{\"text\":\"line two\"}\n");
    let file = std::fs::File::options()
        .append(true)
        .open(&path)
        .expect("opens");
    file.set_modified(time).expect("sets the time");
    drop(file);
    let message = command.fails();
    assert!(
        message.contains("raw/a.jsonl changed since the interrupted run"),
        "{message}"
    );
}

#[test]
fn a_bad_byte_costs_a_character_in_every_format() {
    let place = place();
    let healthy = "Обычная строка, которая говорит, что файл написан в UTF-8. ".repeat(4);
    let bad = [
        "Слово с ошибкой: ".as_bytes(),
        b"\xff",
        " и дальше как обычно".as_bytes(),
    ]
    .concat();
    let wanted = "Слово с ошибкой: \u{fffd} и дальше как обычно";
    let between = |parts: [&[u8]; 5]| parts.concat();
    let cases: [(&str, Vec<u8>); 4] = [
        (
            "a.jsonl",
            between([
                b"{\"text\":\"",
                healthy.as_bytes(),
                b"\"}\n{\"text\":\"",
                &bad,
                b"\"}\n",
            ]),
        ),
        (
            "a.json",
            between([
                b"[{\"text\":\"",
                healthy.as_bytes(),
                b"\"},\n{\"text\":\"",
                &bad,
                b"\"}]\n",
            ]),
        ),
        (
            "a.csv",
            between([b"text,n\n\"", healthy.as_bytes(), b"\",1\n", &bad, b",2\n"]),
        ),
        (
            "a.txt",
            between([healthy.as_bytes(), b"\n", &bad, b"\n", b""]),
        ),
    ];
    for (name, bytes) in cases {
        let (corpus, report) = ingest(place.path(), name, &bytes, 0);
        let documents = documents(&corpus);
        let last = text(documents.last().expect("documents"));
        assert!(last.ends_with(wanted), "{name}: {last}");
        assert_eq!(report["repairs"]["bad-bytes"], 1, "{name}");
        let strict = place.path().join(format!("strict {name}"));
        Prep::ingest(&place.path().join(name), &strict)
            .args(["--no-repair", "bad-bytes"])
            .code(1)
            .json();
        let errors = rejects(&strict);
        assert_eq!(errors.len(), 1, "{name}");
        assert_eq!(errors[0].error, "invalid_utf8", "{name}");
    }
}

#[test]
fn damage_of_other_encodings_is_counted() {
    let place = place();
    let wide: Vec<u8> = "Первая строка.\nВторая строка.\n"
        .encode_utf16()
        .chain([0xd800, u16::from(b'\n')])
        .flat_map(u16::to_le_bytes)
        .collect();
    let (corpus, report) = ingest(place.path(), "wide.txt", &wide, 0);
    assert_eq!(report["repairs"]["bad-bytes"], 1);
    assert!(text(&documents(&corpus)[0]).ends_with('\u{fffd}'));
}

#[test]
fn options_count_as_the_numbers_of_their_file_tell() {
    let place = place();
    let file = |answers: &[u32]| -> Vec<u8> {
        let lines = answers.iter().map(|answer| {
            format!(
                "{{\"question\":\"q\",\"options\":[\"w\",\"x\",\"y\",\"z\"],\"answer\":{answer}}}\n"
            )
        });
        lines.collect::<String>().into_bytes()
    };
    let run = |name: &str, numbers: &[u32], code: i32| {
        answers(&ingest(place.path(), name, &file(numbers), code).0)
    };
    assert_eq!(run("from 0.jsonl", &[1, 0, 3], 0), ["x", "w", "z"]);
    assert_eq!(run("from 1.jsonl", &[1, 2, 4], 0), ["w", "x", "z"]);
    // Both: neither is sure, and a 0 is one for itself.
    assert_eq!(run("both.jsonl", &[1, 0, 4], 1), ["w"]);
    assert_eq!(run("neither.jsonl", &[1, 2, 3], 1), [] as [&str; 0]);
    let errors = rejects(&place.path().join("corpus of neither.jsonl"));
    assert!(
        errors
            .iter()
            .all(|reject| reject.error == "ambiguous_option")
    );
    let told = |first: &str| {
        let corpus = place.path().join(format!("first {first}"));
        Prep::ingest(&place.path().join("neither.jsonl"), &corpus)
            .args(["--first-option", first])
            .json();
        answers(&corpus)
    };
    assert_eq!(told("0"), ["x", "y", "z"]);
    assert_eq!(told("1"), ["w", "x", "y"]);
    // In columns, in words and in lists; the alphabet of the letters stays.
    let csv = "вопрос;А;Б;В;ответ\nq;раз;два;три;3\nq;раз;два;три;Ответ: 2\nq;раз;два;три;1, 3\n";
    let (corpus, _) = ingest(place.path(), "columns.csv", csv.as_bytes(), 0);
    assert_eq!(answers(&corpus), ["три", "два", "раз\nтри"]);
    // A name may tell.
    let line = b"{\"question\":\"q\",\"options\":[\"w\",\"x\",\"y\"],\"answer_idx\":1}\n";
    let (corpus, _) = ingest(place.path(), "named.jsonl", line, 0);
    assert_eq!(answers(&corpus), ["x"]);
    // Far behind the first records the file is still the same one.
    let numbers: Vec<u32> = (0..150_000).map(|i| 1 + (i * 7 + i / 3) % 4).collect();
    let large = run("large.jsonl", &numbers, 0);
    let wanted = numbers
        .iter()
        .map(|number| ["w", "x", "y", "z"][*number as usize - 1]);
    assert!(large.iter().map(String::as_str).eq(wanted));
}

#[test]
fn answers_are_the_digits_that_were_written() {
    let place = place();
    let numbers = [
        "12345678901234567890",
        "0.1000",
        "1e400",
        "1E5",
        "-0",
        "3.14159265358979323846",
        "42",
        "1.5",
    ];
    let lines: String = numbers
        .iter()
        .map(|number| format!("{{\"question\":\"q\",\"answer\":{number},\"score\":0.50}}\n"))
        .collect();
    let (corpus, _) = ingest(place.path(), "a.jsonl", lines.as_bytes(), 0);
    assert_eq!(answers(&corpus), numbers);
    let meta = documents(&corpus)[1].meta.clone();
    assert_eq!(meta.as_deref(), Some("{\"score\":0.5}"));
    let array = format!("[{}]", lines.trim_end().replace('\n', ","));
    let (corpus, _) = ingest(place.path(), "a.json", array.as_bytes(), 0);
    assert_eq!(answers(&corpus), numbers);
}

#[test]
fn options_are_the_digits_that_were_written() {
    let place = place();
    let lines = [
        r#"{"question":"q","options":[0.50,1e3,-0,7],"answer":"B"}"#,
        r#"{"question":"q","options":[0.50,1.00],"answer":0.5}"#,
        // A number is one of numbers, not the place of one.
        r#"{"question":"q","options":[1.00,0.50],"answer":1}"#,
        r#"{"question":"q","choices":{"text":[0.50,0.25],"label":["x","y"]},"answer":"x"}"#,
        r#"{"question":"q","option_a":0.50,"option_b":0.250,"option_c":1.0,"answer":"b"}"#,
        r#"{"question":"q","A":0.50,"B":0.250,"answer":"A","score":0.50}"#,
        r#"{"context":"c","questions":[{"question":"q","options":[0.50,2],"answer":"A"}]}"#,
    ]
    .join("\n");
    let (corpus, _) = ingest(place.path(), "a.jsonl", lines.as_bytes(), 0);
    let wanted = ["1e3", "0.50", "1.00", "0.50", "0.250", "0.50", "0.50"];
    assert_eq!(answers(&corpus), wanted);
    // Texts stay texts, beside which a number is a place; and so it is among numbers of such a file.
    let places = [
        r#"{"question":"q","options":["1.00","0.50"],"answer":0}"#,
        r#"{"question":"q","options":["x","y"],"answer":1}"#,
        r#"{"question":"q","options":[3, 1],"answer":1}"#,
        r#"{"question":"q","options":[1, 3],"answer":"1"}"#,
    ];
    let (indexed, _) = ingest(place.path(), "b.jsonl", places.join("\n").as_bytes(), 0);
    assert_eq!(answers(&indexed), ["1.00", "y", "1", "3"]);
    let asked: Vec<String> = documents(&corpus)
        .iter()
        .map(|document| match &document.content {
            Content::Chat(messages) => messages[0].content.clone(),
            other => panic!("a chat: {other:?}"),
        })
        .collect();
    assert_eq!(asked[0], "q\nA) 0.50\nB) 1e3\nC) -0\nD) 7");
    assert_eq!(asked[4], "q\nA) 0.50\nB) 0.250\nC) 1.0");
    assert_eq!(asked[6], "c\n\nq\nA) 0.50\nB) 2");
    // A score is a number still.
    let meta = documents(&corpus)[5].meta.clone();
    assert_eq!(meta.as_deref(), Some("{\"score\":0.5}"));
    let csv = "question;options;answer\nq;[0.50, 1e3];B\nq;['0.50', 0.10];0.1\n";
    let (corpus, _) = ingest(place.path(), "a.csv", csv.as_bytes(), 0);
    assert_eq!(answers(&corpus), ["1e3", "0.10"]);
}

#[test]
fn quotes_of_csv_may_stand_behind_backslashes() {
    let place = place();
    let csv = "question,answer\n\"He said \\\"hi, all\\\"\",\"a\\nb \\\"\nc\\\"\"\n\"d\",\"e\"\n";
    let (corpus, _) = ingest(place.path(), "a.csv", csv.as_bytes(), 0);
    assert_eq!(answers(&corpus), ["a\\nb \"\nc\"", "e"]);
}

#[test]
fn damage_in_an_array_costs_the_damaged_element() {
    let place = place();
    let json = "[{\"text\":\"one\"},{\"text\":\"two\"}\n{\"text\":\"three\"},{\"text\":\"four\" {\"text\":\"five\"},{\"text\":\"six\"}]";
    let (corpus, report) = ingest(place.path(), "a.json", json.as_bytes(), 1);
    let texts: Vec<String> = documents(&corpus)
        .iter()
        .map(|d| text(d).to_owned())
        .collect();
    assert_eq!(texts, ["one", "two", "three", "five", "six"]);
    assert_eq!(
        places(&rejects(&corpus), "a.json"),
        [(4, "invalid_json".to_owned())]
    );
    assert_eq!(report["repairs"]["json"], 1);
    // NaN beside the records rejects nothing, and a passage beside questions belongs to each of them.
    let json = "{\"version\":NaN,\"data\":[{\"question\":\"q\",\"answer\":\"a\"}]}";
    let (corpus, _) = ingest(place.path(), "nan.json", json.as_bytes(), 0);
    assert_eq!(answers(&corpus), ["a"]);
    let json = "{\"context\":\"The passage.\",\"items\":[{\"question\":\"q\",\"answer\":\"a\"},{\"question\":\"r\",\"answer\":\"b\"}]}";
    let (corpus, _) = ingest(place.path(), "passage.json", json.as_bytes(), 0);
    for (document, question) in documents(&corpus).iter().zip(["q", "r"]) {
        let Content::Chat(messages) = &document.content else {
            panic!("a chat");
        };
        assert!(messages[0].content.starts_with("The passage."));
        assert!(messages[0].content.ends_with(question));
    }
}

#[test]
fn a_record_that_is_too_long_is_counted_whole_and_an_empty_file_is_foretold() {
    let place = place();
    let long = format!(
        "{{\"text\":\"{}\"}}\n{{\"text\":\"b\"}}\n",
        "ю".repeat(34 << 20)
    );
    for (name, bytes) in [
        ("a.jsonl", long.clone()),
        (
            "a.json",
            format!("[{}]", long.trim_end().replace('\n', ",")),
        ),
    ] {
        let (_, report) = ingest(place.path(), name, bytes.as_bytes(), 1);
        let long = &report["ledger"]["rejected"]["record_too_long"];
        let (characters, bytes) = (long["characters"].as_u64(), long["bytes"].as_u64());
        let beside = bytes.expect("bytes") - (68 << 20);
        assert_eq!(characters, Some((34 << 20) + beside), "{name}");
    }
    let empty = place.path().join("empty.txt");
    write(&empty, "");
    Prep::new(["ingest", "--dry-run"])
        .arg(&empty)
        .prints("rejected as empty_source")
        .prints("0 and 1 rejects")
        .run();
    assert!(read(&empty).is_empty());
}
