//! Every real file, read as `SOURCES.md` beside it says that it is: format, codec, encoding, shape,
//! kind, language and number of records are parsed from its tables, not written down again here.

use crate::support::corpus::{assert_balances, documents};
use crate::support::{Prep, place, read};
use prep::document::Document;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A row of a table of `SOURCES.md`.
struct Row {
    file: String,
    languages: Vec<String>,
    /// Lines, or records where `is_records`.
    count: u64,
    about: String,
}

fn rows(sources: &str) -> Vec<Row> {
    sources
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let file = *cells.get(1)?;
            if !file.starts_with("text/") && !file.starts_with("qa/") {
                return None;
            }
            Some(Row {
                file: file.to_owned(),
                languages: cells[4].split('+').map(str::to_owned).collect(),
                count: cells[7].parse().expect("a number in the column n"),
                about: cells[8].to_owned(),
            })
        })
        .collect()
}

/// The first of `table` whose words stand in `text`.
fn told<'a>(text: &str, table: &[(&str, &'a str)]) -> Option<&'a str> {
    let found = table.iter().find(|(words, _)| text.contains(words));
    found.map(|(_, meaning)| *meaning)
}

impl Row {
    fn codec(&self) -> &'static str {
        told(&self.file, &[(".gz", "gzip"), (".zst", "zstd")]).unwrap_or("plain")
    }

    fn format(&self) -> &'static str {
        let endings = [
            (".jsonl", "jsonl"),
            (".json", "json"),
            (".csv", "csv"),
            (".tsv", "csv"),
            (".parquet", "parquet"),
            (".html", "html"),
            (".txt", "text"),
            (".md", "text"),
            (".log", "text"),
        ];
        told(&self.file, &endings).expect("a known ending")
    }

    fn encoding(&self) -> Option<&'static str> {
        if self.format() == "parquet" {
            return None;
        }
        let single = ["windows-1251", "KOI8-R", "cp866"];
        let named = single.into_iter().find(|name| self.about.contains(name));
        Some(match named {
            Some("windows-1251") => "windows-1251",
            Some("KOI8-R") => "koi8-r",
            Some("cp866") => "cp866",
            _ => "utf-8",
        })
    }

    fn shape(&self) -> &'static str {
        if self.file.starts_with("text/") {
            return "text";
        }
        let words = [
            ("preference", "preference"),
            ("conversation trees", "tree"),
            ("ShareGPT", "sharegpt"),
            ("messages", "messages"),
            ("SQuAD", "squad"),
            ("question/A-D/answer", "multiple_choice"),
            ("instances", "instances"),
            ("alpaca", "alpaca"),
            ("instruction/input/response", "alpaca"),
            ("prompt/completion", "prompt_completion"),
            ("context, question, answers", "context_question"),
            ("question/answer", "question_answer"),
            ("question_text/answer_text", "question_answer"),
            ("Russian headers", "question_answer"),
        ];
        told(&self.about, &words).unwrap_or_else(|| panic!("{}: {}", self.file, self.about))
    }

    fn kind(&self) -> &'static str {
        match self.shape() {
            kind @ ("preference" | "text") => kind,
            _ => "chat",
        }
    }
}

/// Checks one file's row of the report and its documents.
fn check(row: &Row, report: &Value, documents: &[&Document]) {
    let name = row.file.as_str();
    let sources = report["sources"].as_array().expect("sources");
    let source = sources
        .iter()
        .find(|source| source["name"] == name)
        .unwrap_or_else(|| panic!("{name} is in the report"));
    assert_eq!(source["format"], row.format(), "{name}");
    assert_eq!(source["codec"], row.codec(), "{name}");
    assert_eq!(source["encoding"].as_str(), row.encoding(), "{name}");
    assert!(
        source["encoding_confidence"].as_f64() > Some(0.95),
        "{name}: {source}"
    );
    let shapes = source["shapes"].as_object().expect("shapes");
    let shapes: Vec<&String> = shapes.keys().collect();
    assert_eq!(shapes, [row.shape()], "{name}");
    let ledger = &report["by_source"][name];
    let records = |of: &Value| of["records"].as_u64().expect("a count");
    let rejected = ledger["rejected"].as_object().expect("errors");
    assert!(rejected.is_empty(), "{name}: {rejected:?}");
    assert_eq!(records(&ledger["kept"]), documents.len() as u64, "{name}");
    match row.format() {
        "text" => {
            // Its lines were counted; it became documents of about the default size.
            assert!(!documents.is_empty(), "{name}");
            let last = documents.iter().map(|document| document.record).max();
            assert!(
                last <= Some(row.count + 1),
                "{name}: {last:?} of {}",
                row.count
            );
            let most = documents
                .iter()
                .map(|document| document.content.characters())
                .max();
            let is_one_line = row.count == 0;
            assert!(most <= Some(24_000) || is_one_line, "{name}: {most:?}");
        }
        "csv" => {
            // Of some files the header was counted, too.
            let read = records(&ledger["read"]);
            assert!(row.count - read <= 1, "{name}: {read} of {}", row.count);
        }
        _ => assert_eq!(records(&ledger["read"]), row.count, "{name}"),
    }
    let mut wrong = 0;
    for document in documents {
        assert_eq!(document.content.kind().name(), row.kind(), "{name}");
        wrong += u64::from(!row.languages.contains(&document.lang) && document.lang != "und");
    }
    // Answers in Spanish to a Russian question and English pages of a Russian manual are real.
    let most = if name.contains("pdf_extract") { 7 } else { 60 };
    assert!(
        wrong * most <= documents.len() as u64 + 60,
        "{name}: {wrong} of {} in another language than {:?}",
        documents.len(),
        row.languages
    );
}

#[test]
fn every_file_is_what_sources_md_says() {
    let Some(data) = super::real_data::data() else {
        return;
    };
    let place = place();
    let corpus = place.path();
    let report = Prep::new(["ingest"])
        .args([data.join("text"), data.join("qa")])
        .arg("--out")
        .arg(corpus);
    let report = report.json();
    assert_balances(&report);
    let table = String::from_utf8(read(&data.join("SOURCES.md"))).expect("UTF-8");
    let rows = rows(&table);
    let documents = documents(corpus);
    let mut by_source: BTreeMap<&str, Vec<&Document>> = BTreeMap::new();
    for document in &documents {
        by_source
            .entry(&document.source)
            .or_default()
            .push(document);
    }
    let mut checked = 0;
    for row in &rows {
        if row.format() == "html" {
            check_html(row, &report, &by_source, &data);
            continue;
        }
        let found = by_source
            .get(row.file.as_str())
            .map_or(&[][..], Vec::as_slice);
        check(row, &report, found);
        checked += 1;
    }
    assert!(checked >= 50, "{checked} rows of SOURCES.md");
    let shared: u64 = report["by_language_share"]
        .as_object()
        .expect("languages")
        .values()
        .map(|text| text["characters"].as_u64().expect("a count"))
        .sum();
    assert_eq!(report["ledger"]["kept"]["characters"], shared);
    // What a person sees has a row for each, too.
    let (shown, _) = Prep::new(["stats"]).arg(corpus).prints("encoding").run();
    for row in &rows {
        if row.format() != "html" {
            assert!(shown.contains(&row.file), "{}", row.file);
        }
    }
}

/// A row of several HTML files: each is a source of the report, and one document in its language.
fn check_html(row: &Row, report: &Value, documents: &BTreeMap<&str, Vec<&Document>>, data: &Path) {
    let folder = row.file.split('*').next().expect("a folder");
    let files = std::fs::read_dir(data.join(folder))
        .expect("the folder")
        .count();
    assert!(
        row.file.contains(&format!("({files} files)")),
        "{}",
        row.file
    );
    let sources = report["sources"].as_array().expect("sources");
    let mut found = 0;
    for source in sources {
        let name = source["name"].as_str().expect("a name");
        if !name.starts_with(folder) {
            continue;
        }
        found += 1;
        assert_eq!(
            (&source["format"], &source["codec"]),
            (&"html".into(), &"plain".into()),
            "{name}"
        );
        let ledger = &report["by_source"][name];
        assert_eq!(ledger["read"]["records"], 1, "{name}");
        assert_eq!(ledger["kept"]["records"], 1, "{name}");
        assert!(documents[name][0].content.characters() > 100, "{name}");
        // Some pages of the Russian guide are half untranslated.
        let document = documents[name][0];
        let mut codes = document.languages.iter().map(|(code, _)| code);
        let told = row.languages.contains(&document.lang)
            || codes.any(|code| row.languages.contains(code));
        assert!(told, "{name} is {}", document.lang);
    }
    assert_eq!(found, files, "{folder}");
}
