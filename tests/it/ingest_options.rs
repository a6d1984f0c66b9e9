//! How `prep ingest` is told what to do: `--split`, `--document-size`, `--map`, `--dry-run`.

use crate::support::corpus::{documents, rejects, text};
use crate::support::{Prep, fixture, place, tree, write};
use prep::document::{Content, Message};
use serde_json::json;
use std::path::Path;

const CHAPTER: &str = "Он шёл по дороге и думал о своём, а вокруг было тихо и пусто.\n\n";

#[test]
fn text_is_cut_at_its_own_ends_or_not_at_all() {
    let place = place();
    let source = place.path().join("book.txt");
    let book: String = (1..=6)
        .map(|number| format!("Глава {number}\n\n{}", CHAPTER.repeat(20 + number)))
        .collect();
    write(&source, &book);
    let ingest = |name: &str, args: &[&str]| {
        let corpus = place.path().join(name);
        Prep::ingest(&source, &corpus).args(args).json();
        documents(&corpus)
    };
    let chapters = ingest("chapters", &["--document-size", "1500"]);
    assert_eq!(chapters.len(), 6);
    for (number, chapter) in chapters.iter().enumerate() {
        assert!(text(chapter).starts_with(&format!("Глава {}", number + 1)));
    }
    assert_eq!(chapters[1].record, 45, "the line of the second heading");
    let whole = ingest("whole", &["--split", "none"]);
    assert_eq!(whole.len(), 1);
    assert_eq!(text(&whole[0]), book.trim_end());
    let lines = ingest("lines", &["--split", "lines"]);
    assert_eq!(
        lines.len(),
        book.lines().filter(|line| !line.is_empty()).count()
    );
}

#[test]
fn a_file_too_large_for_one_document_is_named() {
    let place = place();
    let source = place.path().join("large.txt");
    write(&source, "word ".repeat(14_000_000));
    let corpus = place.path().join("corpus");
    Prep::ingest(&source, &corpus)
        .args(["--split", "none"])
        .code(1)
        .json();
    let rejects = rejects(&corpus);
    assert_eq!(rejects.len(), 1);
    assert_eq!(
        (rejects[0].record, rejects[0].error.as_str()),
        (1, "record_too_long")
    );
    assert_eq!(rejects[0].bytes, 70_000_000);
    assert!(
        rejects[0].message.contains("--split paragraphs"),
        "{}",
        rejects[0].message
    );
}

fn turns(question: &str, answer: &str) -> Content {
    Content::Chat(vec![
        Message::new("user", question),
        Message::new("assistant", answer),
    ])
}

#[test]
fn fields_are_mapped_in_every_format() {
    let place = place();
    let csv = "Номер;Спрошено;Сказано\n1;Кто?;Я\n2;Где?;Тут\n";
    let jsonl = "{\"n\":1,\"turn\":{\"ask\":\"Кто?\",\"say\":\"Я\"}}\n{\"n\":2,\"turn\":{\"ask\":\"Где?\"}}\n";
    let json = "[{\"ASK\":\"Кто?\",\"say\":\"Я\",\"question\":\"not this\"}]";
    for (name, bytes, map, expected) in [
        ("a.csv", csv, "question=спрошено,answer=СКАЗАНО", 2),
        ("a.jsonl", jsonl, "question=turn.ask,answer=turn.say", 1),
        ("a.json", json, "question=ask,answer=say", 1),
    ] {
        let source = place.path().join(name);
        write(&source, bytes);
        let corpus = place.path().join(format!("corpus of {name}"));
        let code = i32::from(name == "a.jsonl");
        let report = Prep::ingest(&source, &corpus)
            .args(["--map", map])
            .code(code)
            .json();
        let found = documents(&corpus);
        assert_eq!(found.len(), expected, "{name}");
        assert_eq!(found[0].content, turns("Кто?", "Я"), "{name}");
        let first = map.split(['=', ',']).nth(1).expect("a path");
        assert_eq!(
            report["mapped"][first],
            json!(expected + code as usize),
            "{name}"
        );
    }
    let rejects = rejects(&place.path().join("corpus of a.jsonl"));
    assert_eq!(rejects[0].record, 2);
    assert!(
        rejects[0].message.contains("`answer` is missing"),
        "{}",
        rejects[0].message
    );
}

#[test]
fn a_mapping_that_cannot_be_meant_is_said() {
    let place = place();
    let source = place.path().join("a.jsonl");
    write(&source, "{\"q\":\"Кто?\",\"a\":\"Я\"}\n");
    let corpus = place.path().join("corpus");
    let ingest = |map: &str| Prep::ingest(&source, &corpus).args(["--map", map]);
    assert!(
        ingest("questoin=q,answer=a")
            .fails()
            .contains("unknown target `questoin`")
    );
    assert!(
        ingest("question=q")
            .fails()
            .contains("question needs answer")
    );
    Prep::talkative(["ingest"])
        .arg(&source)
        .arg("--out")
        .arg(&corpus)
        .args(["--map", "question=q,answer=a,context=passage"])
        .prints("kept")
        .says("no record has the field `passage`")
        .run();
}

#[test]
fn flags_that_no_source_can_use_are_named() {
    let place = place();
    let (jsonl, text) = (place.path().join("a.jsonl"), place.path().join("a.txt"));
    write(&jsonl, "{\"question\":\"Кто?\",\"answer\":\"Я\"}\n");
    write(&text, "Слово и дело.\n");
    let unused = |source: &Path, flags: &[&str], dry_run: bool| {
        let name = source.file_name().expect("a file").display();
        let out = place
            .path()
            .join(format!("out of {name} {}", flags.join(" ")));
        let command = Prep::talkative(["ingest"]).arg(source).args(flags);
        let command = if dry_run {
            command.arg("--dry-run")
        } else {
            command.arg("--out").arg(out)
        };
        command.prints("a.").says("next: ").run().1
    };
    for dry_run in [false, true] {
        for (source, flags) in [
            (&jsonl, ["--columns", "a,b"]),
            (&jsonl, ["--split", "lines"]),
            (&jsonl, ["--document-size", "100"]),
            (&text, ["--columns", "a,b"]),
            (&text, ["--shape", "question_answer"]),
            (&text, ["--first-option", "1"]),
        ] {
            let said = unused(source, &flags, dry_run);
            assert!(
                said.contains(&format!("warning: {} is for", flags[0])),
                "{flags:?}: {said}"
            );
        }
        for (source, flags) in [
            (&jsonl, ["--shape", "question_answer"]),
            (&jsonl, ["--encoding", "utf-8"]),
            (&text, ["--split", "lines"]),
            (&text, ["--document-size", "100"]),
        ] {
            let said = unused(source, &flags, dry_run);
            assert!(!said.contains("warning"), "{flags:?}: {said}");
        }
    }
}

#[test]
fn a_chat_of_telegram_becomes_documents_by_size() {
    let place = place();
    let source = place.path().join("result.json");
    let (mut messages, mut lines) = (Vec::new(), Vec::new());
    for number in 0..200_u64 {
        // Ten messages a day.
        let seconds = 1_700_000_000 + number / 10 * 86_400 + number % 10 * 60;
        let text = format!("слово {number}\nи дело");
        lines.push(format!("Иван: {text}"));
        messages.push(json!({
            "id": number, "type": "message", "date": "2023-11-14T22:13:20",
            "date_unixtime": seconds.to_string(), "from": "Иван", "from_id": "user1", "text": text,
        }));
    }
    let chat = json!({"name": "Чат", "type": "personal_chat", "messages": messages});
    write(&source, chat.to_string());
    let run = |name: &str, flags: &[&str]| {
        let out = place.path().join(name);
        let command = Prep::talkative(["ingest"]).arg(&source).args(flags);
        let command = command.arg("--out").arg(&out).prints("result.json");
        let (_, said) = command.says("next: ").run();
        assert!(!said.contains("warning"), "{said}");
        let texts: Vec<String> = documents(&out)
            .into_iter()
            .map(|document| match document.content {
                Content::Text(text) => text,
                other => panic!("a text, not {other:?}"),
            })
            .collect();
        assert_eq!(texts.join("\n"), lines.join("\n"));
        texts
    };
    // A day has about 220 characters.
    let texts = run("sized", &["--document-size", "1000"]);
    assert_eq!(texts.len(), 4);
    for text in &texts {
        assert_eq!(text.matches("Иван: ").count() % 10, 0, "whole days: {text}");
    }
    assert_eq!(run("whole", &["--split", "none"]).len(), 1);
    let dry = Prep::talkative(["ingest"]).arg(&source).arg("--dry-run");
    let dry = dry.args(["--document-size", "1000"]).prints("Иван");
    let (_, said) = dry.says("next: ").run();
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn a_number_of_options_that_no_record_has_is_told() {
    let place = place();
    let said = |name: &str, record: &str, flags: &[&str]| {
        let source = place.path().join(name);
        write(&source, record);
        let out = place.path().join(format!("out of {name}"));
        let command = Prep::talkative(["ingest"]).arg(source).args(flags);
        command
            .arg("--out")
            .arg(&out)
            .prints(name)
            .says("next: ")
            .run()
            .1
    };
    let first = ["--first-option", "1"];
    let without = "{\"question\":\"Кто?\",\"answer\":\"1\"}\n";
    let labelled = "{\"question\":\"q\",\"options\":{\"A\":\"x\",\"B\":\"y\"},\"answer\":\"B\"}\n";
    let numbered = "{\"question\":\"q\",\"options\":[\"x\",\"y\"],\"answer\":1}\n";
    for (name, record) in [("a.jsonl", without), ("b.jsonl", labelled)] {
        let said = said(name, record, &first);
        assert!(
            said.contains("warning: --first-option changed nothing"),
            "{said}"
        );
    }
    let used = said("c.jsonl", numbered, &first);
    assert!(!used.contains("warning"), "{used}");
    let not_given = said("d.jsonl", without, &[]);
    assert!(!not_given.contains("warning"), "{not_given}");
}

#[test]
fn a_dry_run_shows_format_encoding_shape_and_documents() {
    let place = place();
    let (csv, _, _) =
        encoding_rs::WINDOWS_1251.encode("Вопрос;Ответ\nКто там?;Я, конечно\nГде он?;Дома\n");
    write(&place.path().join("a.csv"), csv);
    write(
        &place.path().join("b.jsonl"),
        "{\"text\":\"one\"}\n{\"text\":7}\n",
    );
    write(&place.path().join("c.txt"), CHAPTER.repeat(3));
    write(&place.path().join("d.bin"), [0, 1, 2]);
    let dry = || Prep::new(["ingest"]).arg(place.path()).arg("--dry-run");
    let report = dry().json();
    let [csv, jsonl, txt, bin] = &report["sources"].as_array().expect("sources")[..] else {
        panic!("four sources: {report}")
    };
    assert_eq!(
        (&csv["format"], &csv["encoding"]),
        (&json!("csv"), &json!("windows-1251"))
    );
    assert!(
        csv["encoding_runner_up"]["behind_bits"].as_f64() > Some(5.0),
        "{csv}"
    );
    assert_eq!(
        csv["csv"],
        json!({"delimiter": ";", "has_header": true, "columns": ["Вопрос", "Ответ"]})
    );
    assert_eq!(csv["decision"], "question_answer: it has Вопрос, Ответ");
    assert_eq!(
        csv["documents"][0]["messages"][1],
        json!({"role": "assistant", "content": "Я, конечно"})
    );
    assert_eq!(csv["sample_is_all"], true);
    assert_eq!(
        (&jsonl["sample_documents"], &jsonl["sample_rejects"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(jsonl["rejects"][0]["error"], "wrong_type");
    assert!(
        txt["decision"]
            .as_str()
            .is_some_and(|why| why.contains("16000 characters")),
        "{txt}"
    );
    assert!(
        bin["unread"].is_string() && bin["format"].is_null(),
        "{bin}"
    );
    dry()
        .prints("windows-1251 (")
        .prints("delimiter `;`, header Вопрос, Ответ")
        .prints("user: Кто там?")
        .prints("record 2: chat, ru")
        .run();
}

#[test]
fn a_dry_run_reads_only_the_beginning() {
    let place = place();
    let source = place.path().join("a.jsonl");
    // The end of the file is no JSON: a run would reject it, a dry run does not come so far.
    let mut lines = "{\"text\":\"a line of the file\"}\n".repeat(400_000);
    lines += "broken\n";
    write(&source, lines);
    let report = Prep::new(["ingest"]).arg(&source).arg("--dry-run").json();
    let found = &report["sources"][0];
    assert_eq!(
        (&found["sample_rejects"], &found["sample_is_all"]),
        (&json!(0), &json!(false))
    );
    assert!(found["sample_documents"].as_u64() < Some(20_000), "{found}");
    assert_eq!(found["documents"].as_array().map(Vec::len), Some(3));
    let fixtures = Prep::new(["ingest"])
        .arg(fixture("qa"))
        .arg("--dry-run")
        .json();
    assert_eq!(fixtures["sources"].as_array().map(Vec::len), Some(10));
}

#[test]
fn memory_decides_how_many_threads_there_are_and_nothing_else() {
    let place = place();
    let source = fixture("qa");
    let out = |name: &str| place.path().join(name);
    let small = Prep::new(["ingest", "--memory", "200MB"]).arg(&source);
    let error = small.arg("--out").arg(out("small")).fails();
    assert!(error.contains("with one thread"), "{error}");
    Prep::ingest(&source, &out("plain")).json();
    Prep::talkative(["ingest", "--memory", "300MiB", "--threads", "7"])
        .arg(&source)
        .arg("--out")
        .arg(out("one"))
        .says("room for 1 of 7 threads")
        .json();
    tree::assert_same(&out("plain"), &out("one"));
}

#[test]
fn a_dry_run_shows_the_records_of_a_frame_larger_than_its_sample() {
    let place = place();
    let record = |number: usize, words: usize| {
        let answer = "слово ".repeat(words);
        json!({"question": format!("Что это за слово {number}?"), "answer": answer})
    };
    // What the frame has beside its records comes to light at its end, before any of them.
    let many: Vec<_> = (0..2_000).map(|number| record(number, 70)).collect();
    write(
        &place.path().join("a_many.json"),
        json!({"version": "1", "data": many}).to_string(),
    );
    // Larger than what is held of a top object, and each record larger than a sample.
    let large: Vec<_> = (0..20).map(|number| record(number, 30_000)).collect();
    let large = json!({"data": large, "version": "1"}).to_string();
    write(&place.path().join("b_large.json"), &large);
    // A frame that ends early: not all of it is read, so nothing of it is rejected.
    write(
        &place.path().join("c_cut.json"),
        &large[..large.floor_char_boundary(large.len() * 9 / 10)],
    );
    let report = Prep::new(["ingest"])
        .arg(place.path())
        .arg("--dry-run")
        .json();
    let sources = report["sources"].as_array().expect("sources");
    assert_eq!(sources.len(), 3);
    for found in sources {
        assert_eq!(found["format"], "json");
        assert_eq!(
            found["decision"], "question_answer: it has question, answer",
            "{found}"
        );
        assert_eq!(found["documents"].as_array().map(Vec::len), Some(3));
        assert_eq!(
            (&found["sample_rejects"], &found["sample_is_all"]),
            (&json!(0), &json!(false))
        );
        assert_eq!(found["documents"][2]["record"], 3);
    }
    assert!(sources[0]["sample_documents"].as_u64() < Some(1_000));
    assert_eq!(sources[1]["sample_documents"], 3);
}

#[test]
fn a_dry_run_of_a_whole_small_frame_says_so() {
    let place = place();
    let source = place.path().join("a.json");
    write(
        &source,
        r#"{"version": "1", "data": [{"text": "one"}, {"text": "two"}]}"#,
    );
    let report = Prep::new(["ingest"]).arg(&source).arg("--dry-run").json();
    let found = &report["sources"][0];
    assert_eq!(
        (&found["sample_documents"], &found["sample_is_all"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(found["decision"], "text: it has text");
}

#[test]
fn a_dry_run_tells_the_shape_of_a_table_by_its_first_row() {
    let place = place();
    let table = "Title,Body,Answer\n\nКот,Как зовут кота?,Мурзик\n";
    write(&place.path().join("a.csv"), table);
    let (table, ..) = encoding_rs::WINDOWS_1251
        .encode("текст;ответ\nКак зовут кота?;Его зовут Мурзик\nКак зовут пса?;Его зовут Шарик\n");
    write(&place.path().join("b.csv"), table);
    write(
        &place.path().join("c.csv"),
        "text,answer\nКот спит.,\nА пёс нет.,\n",
    );
    let report = Prep::new(["ingest"])
        .arg(place.path())
        .arg("--dry-run")
        .json();
    let decision = |at: usize| report["sources"][at]["decision"].as_str();
    assert_eq!(decision(0), Some("question_answer: it has Body, Answer"));
    assert_eq!(decision(1), Some("question_answer: it has текст, ответ"));
    assert_eq!(decision(2), Some("text: it has text"));
}
