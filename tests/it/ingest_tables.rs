//! `prep ingest` of tables: Arrow IPC files and streams, compressed Parquet, what Excel writes.

use crate::support::archives::gzip;
use crate::support::corpus::{assert_balances, documents, places, rejects, text};
use crate::support::{Prep, place, write};
use arrow::array::{
    ArrayRef, DictionaryArray, FixedSizeListArray, Int64Array, LargeStringArray, ListBuilder,
    RecordBatch, StringArray, StringBuilder, StringViewArray, StructArray,
    TimestampMicrosecondArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use arrow::ipc::writer::{FileWriter, StreamWriter};
use prep::corpus::CorpusManifest;
use prep::document::Content;
use std::sync::Arc;

/// Rows of text.
pub fn rows(texts: &[&str]) -> RecordBatch {
    let column: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    RecordBatch::try_from_iter([("text", column)]).expect("a batch")
}

/// Questions and answers in columns of every kind of string, with nested columns beside them.
fn nested(questions: &[&str]) -> RecordBatch {
    let question: ArrayRef = Arc::new(LargeStringArray::from(questions.to_vec()));
    let answers: DictionaryArray<Int32Type> = questions.iter().map(|_| Some("да")).collect();
    let topic: ArrayRef = Arc::new(StringViewArray::from(vec!["тема"; questions.len()]));
    let mut tags = ListBuilder::new(StringBuilder::new());
    for _ in questions {
        tags.values().append_value("a");
        tags.values().append_value("b");
        tags.append(true);
    }
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..questions.len() as i64));
    let about = StructArray::from(vec![(
        Arc::new(Field::new("n", DataType::Int64, false)),
        numbers,
    )]);
    RecordBatch::try_from_iter([
        ("question", question),
        ("answer", Arc::new(answers) as ArrayRef),
        ("topic", topic),
        ("tags", Arc::new(tags.finish()) as ArrayRef),
        ("about", Arc::new(about) as ArrayRef),
    ])
    .expect("a batch")
}

fn file(batches: &[RecordBatch]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = FileWriter::try_new(&mut out, &batches[0].schema()).expect("memory");
    for batch in batches {
        writer.write(batch).expect("memory");
    }
    writer.finish().expect("memory");
    drop(writer);
    out
}

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = StreamWriter::try_new(&mut out, &batches[0].schema()).expect("memory");
    for batch in batches {
        writer.write(batch).expect("memory");
    }
    writer.finish().expect("memory");
    drop(writer);
    out
}

#[test]
fn arrow_files_and_streams_are_read_as_parquet_is() {
    let place = place();
    let batches = [nested(&["кто?", "что?", "где?"]), nested(&["когда?"])];
    for (name, bytes) in [
        ("a.arrow", file(&batches)),
        ("a.feather", file(&batches)),
        ("b.arrow", stream(&batches)),
        ("b.arrows.gz", gzip(&stream(&batches))),
        ("c.arrow.gz", gzip(&file(&batches))),
        ("no ending", stream(&batches)),
        ("lies.json", file(&batches)),
    ] {
        let (source, corpus) = (
            place.path().join(name),
            place.path().join(format!("corpus {name}")),
        );
        write(&source, bytes);
        let report = Prep::ingest(&source, &corpus).json();
        assert_balances(&report);
        let documents = documents(&corpus);
        let records: Vec<u64> = documents.iter().map(|document| document.record).collect();
        assert_eq!(records, [1, 2, 3, 4], "{name}");
        let Content::Chat(messages) = &documents[3].content else {
            panic!("a chat")
        };
        assert_eq!(
            (messages[0].content.as_str(), messages[1].content.as_str()),
            ("когда?", "да")
        );
        let meta: serde_json::Value =
            serde_json::from_str(documents[1].meta.as_deref().expect("has one")).expect("JSON");
        assert_eq!(
            meta,
            serde_json::json!({"topic": "тема", "tags": ["a", "b"], "about": {"n": 1}})
        );
    }
}

#[test]
fn instants_of_any_time_zone_are_text() {
    let place = place();
    // 31 January 2026, 10:00:00 in Greenwich.
    let at = 1_769_853_600_000_i64;
    let zone = |zone: &str| -> ArrayRef {
        let instants = TimestampMicrosecondArray::from(vec![Some(at * 1000 + 250_000), None]);
        Arc::new(instants.with_timezone(zone))
    };
    let pairs: ArrayRef = Arc::new(FixedSizeListArray::new(
        Arc::new(Field::new("item", zone("UTC").data_type().clone(), true)),
        1,
        zone("UTC"),
        None,
    ));
    let moscow = zone("Europe/Moscow");
    let inner = Field::new("when", moscow.data_type().clone(), true);
    let inside: ArrayRef = Arc::new(StructArray::from(vec![(Arc::new(inner), moscow)]));
    let plain: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![at, at]));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["раз", "два"]));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("text", text, false),
        ("utc", zone("UTC"), true),
        ("offset", zone("+03:00"), true),
        ("inside", inside, true),
        ("list", pairs, true),
        ("plain", plain, true),
    ])
    .expect("a batch");
    let mut parquet = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).expect("memory");
    writer.write(&batch).expect("memory");
    writer.close().expect("memory");
    for (name, bytes) in [("a.parquet", parquet), ("a.arrow", file(&[batch]))] {
        let source = place.path().join(name);
        let corpus = place.path().join(format!("corpus {name}"));
        write(&source, bytes);
        assert_balances(&Prep::ingest(&source, &corpus).json());
        let meta: Vec<serde_json::Value> = documents(&corpus)
            .iter()
            .map(|document| {
                serde_json::from_str(document.meta.as_deref().expect("has one")).expect("JSON")
            })
            .collect();
        let utc = "2026-01-31T10:00:00.250Z";
        assert_eq!(
            meta[0],
            serde_json::json!({
                "utc": utc,
                "offset": "2026-01-31T13:00:00.250+03:00",
                "inside": {"when": utc},
                "list": [utc],
                "plain": "2026-01-31T10:00:00",
            }),
            "{name}"
        );
        assert_eq!(meta[1]["utc"], serde_json::Value::Null, "{name}");
    }
}

#[test]
fn one_large_batch_is_cut_to_blocks_and_threads_do_not_matter() {
    let place = place();
    let texts: Vec<String> = (0..40_000)
        .map(|i| format!("строка номер {i}, в которой есть слова"))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let source = place.path().join("large.arrow");
    write(&source, file(&[rows(&texts)]));
    let corpora = ["1", "2", "7"].map(|threads| {
        let corpus = place.path().join(format!("corpus {threads}"));
        Prep::ingest(&source, &corpus)
            .args(["--threads", threads])
            .json();
        corpus
    });
    crate::support::tree::assert_same(&corpora[0], &corpora[1]);
    crate::support::tree::assert_same(&corpora[0], &corpora[2]);
    let documents = documents(&corpora[0]);
    assert_eq!(documents.len(), 40_000);
    assert_eq!(
        (documents[39_999].record, text(&documents[39_999])),
        (40_000, texts[39_999])
    );
}

#[test]
fn a_damaged_arrow_file_keeps_the_batches_before() {
    let place = place();
    let whole = stream(&[rows(&["one", "two"]), rows(&["three"])]);
    for (name, bytes, kept) in [
        ("cut.arrow", &whole[..whole.len() - 40], 2),
        ("head.arrow", &whole[..40], 0),
    ] {
        let (source, corpus) = (
            place.path().join(name),
            place.path().join(format!("corpus {name}")),
        );
        write(&source, bytes);
        let report = Prep::ingest(&source, &corpus).code(1).json();
        assert_balances(&report);
        assert_eq!(documents(&corpus).len(), kept);
        let wanted = (kept as u64 + 1, "unreadable".to_owned());
        assert_eq!(places(&rejects(&corpus), name), [wanted]);
    }
}

#[test]
fn buffers_that_pandas_compressed_are_read() {
    for name in ["lz4.feather", "zstd.feather"] {
        let place = place();
        let source = crate::support::fixture("golden").join(name);
        let report = Prep::ingest(&source, place.path()).json();
        assert_balances(&report);
        let documents = documents(place.path());
        assert_eq!(documents.len(), 40, "{name}");
        for (number, document) in documents.iter().enumerate() {
            assert_eq!(document.record, number as u64 + 1);
            let Content::Chat(messages) = &document.content else {
                panic!("a chat")
            };
            let answer = ["чётное", "тоже чётное"][number % 2];
            assert_eq!(
                messages[0].content,
                format!("Сколько будет {number} и {number}?")
            );
            assert_eq!(messages[1].content, answer);
            let level = if number.is_multiple_of(5) {
                serde_json::Value::Null
            } else {
                (number % 3).into()
            };
            let meta: serde_json::Value =
                serde_json::from_str(document.meta.as_deref().expect("has one")).expect("JSON");
            assert_eq!(
                meta["tags"],
                serde_json::json!(["счёт", "школа", number.to_string()])
            );
            assert_eq!(meta["level"], level);
        }
    }
    // A letter that is damaged in a compressed buffer costs its batch and what follows.
    let place = place();
    let mut bytes = crate::support::read(&crate::support::fixture("golden/lz4.feather"));
    let middle = bytes.len() / 2;
    let frame =
        memchr::memmem::find(&bytes[middle..], b"\x04\x22\x4d\x18").expect("a frame") + middle;
    bytes[frame..frame + 4].fill(0);
    let (source, corpus) = (place.path().join("a.feather"), place.path().join("corpus"));
    write(&source, bytes);
    assert_balances(&Prep::ingest(&source, &corpus).code(1).json());
    let kept = documents(&corpus).len() as u64;
    assert!(kept == 15 || kept == 30, "{kept}");
    let wanted = (kept + 1, "unreadable".to_owned());
    assert_eq!(places(&rejects(&corpus), "a.feather"), [wanted]);
}

#[test]
fn compressed_parquet_is_read() {
    let place = place();
    let batch = rows(&["first", "second"]);
    let mut out = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), None).expect("memory");
    writer.write(&batch).expect("memory");
    writer.close().expect("memory");
    let (source, corpus) = (
        place.path().join("a.parquet.gz"),
        place.path().join("corpus"),
    );
    write(&source, gzip(&out));
    Prep::ingest(&source, &corpus).json();
    assert_eq!(documents(&corpus).len(), 2);
    assert!(!corpus.join(".spool").exists(), "the copy is gone");
}

#[test]
fn a_damaged_row_group_costs_its_rows_and_no_others() {
    let place = place();
    let mut out = Vec::new();
    let schema = rows(&["x"]).schema();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, schema, None).expect("memory");
    for group in 0..6 {
        let texts: Vec<String> = (1..=50)
            .map(|row| format!("строка номер {}", group * 50 + row))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        writer.write(&rows(&texts)).expect("memory");
        writer.flush().expect("memory");
    }
    let about = writer.close().expect("memory");
    assert_eq!(about.num_row_groups(), 6);
    let (start, bytes) = about.row_group(2).column(0).byte_range();
    out[start as usize..(start + bytes) as usize].fill(0xff);
    let (source, corpus) = (place.path().join("a.parquet"), place.path().join("corpus"));
    write(&source, out);
    let report = Prep::ingest(&source, &corpus).code(1).json();
    assert_balances(&report);
    assert_eq!(report["ledger"]["read"]["records"], 300);
    let records: Vec<u64> = documents(&corpus)
        .iter()
        .map(|document| document.record)
        .collect();
    let kept: Vec<u64> = (1..=100).chain(151..=300).collect();
    assert_eq!(records, kept);
    let lost: Vec<_> = (101..=150)
        .map(|row| (row, "unreadable".to_owned()))
        .collect();
    assert_eq!(places(&rejects(&corpus), "a.parquet"), lost);
}

#[test]
fn columns_of_maps_are_objects() {
    use arrow::array::{Int32Builder, MapBuilder};
    let place = place();
    let mut about = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    let mut counts = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    for (key, value) in [("question", "кто?"), ("question", "что?")] {
        for (key, value) in [(key, value), ("answer", "да")] {
            about.keys().append_value(key);
            about.values().append_value(value);
        }
        about.append(true).expect("as many keys as values");
        counts.keys().append_value(7);
        counts.values().append_value("семь");
        counts.append(true).expect("as many keys as values");
    }
    let batch = RecordBatch::try_from_iter([
        (
            "text",
            Arc::new(StringArray::from(vec!["раз", "два"])) as ArrayRef,
        ),
        ("about", Arc::new(about.finish()) as ArrayRef),
        ("counts", Arc::new(counts.finish()) as ArrayRef),
    ])
    .expect("a batch");
    let (source, corpus) = (place.path().join("a.arrow"), place.path().join("corpus"));
    // A slice begins behind the first row.
    write(&source, file(&[batch.slice(1, 1)]));
    Prep::ingest(&source, &corpus).json();
    let documents = documents(&corpus);
    let meta: serde_json::Value =
        serde_json::from_str(documents[0].meta.as_deref().expect("has one")).expect("JSON");
    assert_eq!(
        meta,
        serde_json::json!({"about": {"question": "что?", "answer": "да"}, "counts": {"7": "семь"}})
    );
}

/// How the one source of a corpus was read.
fn format_of(corpus: &std::path::Path) -> String {
    let sources = CorpusManifest::sources(corpus).expect("a finished corpus");
    sources[0].format.clone().expect("it was read")
}

#[test]
fn tables_are_told_under_the_name_of_a_text() {
    let place = place();
    let utf16 = |text: &str| -> Vec<u8> {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    for (name, bytes, records) in [
        // What Excel calls Unicode text.
        (
            "unicode.txt",
            utf16("Вопрос\tОтвет\r\nкто?\t\"я, \"\"сам\"\"\"\r\n"),
            vec![2],
        ),
        (
            "pairs.txt",
            "question;answer;id\nкто?;я;1\nчто?;ты;2\n".into(),
            vec![2, 3],
        ),
        ("texts.txt", "id\ttext\n1\tраз\n2\tдва\n".into(), vec![2, 3]),
        (
            "said.txt",
            "sep=;\nquestion;answer\nкто?;я\n".into(),
            vec![3],
        ),
    ] {
        let (source, corpus) = (
            place.path().join(name),
            place.path().join(format!("corpus {name}")),
        );
        write(&source, bytes);
        let report = Prep::ingest(&source, &corpus).json();
        assert_balances(&report);
        assert_eq!(format_of(&corpus), "csv", "{name}");
        let found: Vec<u64> = documents(&corpus)
            .iter()
            .map(|document| document.record)
            .collect();
        assert_eq!(found, records, "{name}");
    }
}

#[test]
fn prose_with_tabs_and_semicolons_stays_prose() {
    let place = place();
    for (name, text) in [
        ("words.txt", "кот\tcat\nпёс\tdog\nдом\thouse\nлес\twood\n"),
        ("said.txt", "Вопрос; ответ.\nОн молчал; она ушла.\n"),
        ("two.txt", "Вопрос, ответ\nДа, нет\n"),
        ("text.txt", "Текст, слово\nРаз, два\nТри, пять\n"),
        (
            "play.txt",
            "Вопрос\tОтвет\nкто?\tя\nА дальше идёт рассказ без всякой таблицы.\nИ ещё строка.\n",
        ),
        ("md.md", "| question | answer |\n|---|---|\n| a | b |\n"),
    ] {
        let (source, corpus) = (
            place.path().join(name),
            place.path().join(format!("corpus {name}")),
        );
        write(&source, text);
        assert_balances(&Prep::ingest(&source, &corpus).json());
        assert_eq!(format_of(&corpus), "text", "{name}");
    }
}

#[test]
fn a_table_without_anything_is_an_empty_source() {
    for (name, text) in [
        ("a.csv", ""),
        ("a.csv", "\u{feff}"),
        ("a.csv", "\u{feff}\r\n\r\n"),
        ("a.tsv", "\n"),
    ] {
        let place = place();
        let (source, corpus) = (place.path().join(name), place.path().join("corpus"));
        write(&source, text);
        assert_balances(&Prep::ingest(&source, &corpus).code(1).json());
        assert_eq!(
            places(&rejects(&corpus), name),
            [(0, "empty_source".to_owned())],
            "{text:?}"
        );
    }
}

#[test]
fn the_first_line_of_excel_names_the_delimiter() {
    let place = place();
    let (source, corpus) = (place.path().join("a.csv"), place.path().join("corpus"));
    // By itself it would pass for the only row of one column.
    write(
        &source,
        "\u{feff}sep=;\r\nвопрос;ответ\r\nда, или нет, или как?;да\r\nгде?;тут\r\n",
    );
    Prep::ingest(&source, &corpus).json();
    let records: Vec<u64> = documents(&corpus)
        .iter()
        .map(|document| document.record)
        .collect();
    assert_eq!(records, [3, 4], "the lines of the file");
}
