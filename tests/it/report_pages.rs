//! `report.html` of every stage: numbers are those of report.json, data stays text, bytes stay the same.

use crate::support::command::Prep;
use crate::support::{fixture, place, read, read_json, write};
use scraper::{Html, Selector};
use serde_json::{Value, json};
use std::path::Path;

/// A document that would run, load and turn what it is shown in.
const HOSTILE: &str =
    "<script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}\u{7}</div></main>";

/// Writes the page in a language and returns it.
fn page(dir: &Path, lang: &str) -> String {
    let printed = Prep::new(["report", "--lang", lang]).arg(dir).json();
    assert_eq!(printed["command"], "report");
    assert_eq!(printed["page"], json!(dir.join("report.html")));
    String::from_utf8(read(&dir.join("report.html"))).expect("UTF-8")
}

fn select(selector: &str) -> Selector {
    Selector::parse(selector).expect("a selector")
}

/// Every number that says where it is from is what the report has there; returns how many there are.
fn agree(html: &str, report: &Value) -> usize {
    let page = Html::parse_document(html);
    let values = select("data");
    for cell in page.select(&values) {
        let key = cell.attr("data-key").expect("a place in the report");
        let found = report.pointer(key);
        let found = found.unwrap_or_else(|| panic!("{key} is not in the report"));
        let text = match found {
            Value::String(text) => text.clone(),
            found => found.to_string(),
        };
        assert_eq!(cell.attr("data-value"), Some(text.as_str()), "{key}");
        if let Some(count) = found.as_u64() {
            let shown: String = cell.text().collect();
            assert_eq!(shown.replace('\u{a0}', ""), count.to_string(), "{key}");
        }
    }
    page.select(&values).count()
}

/// What is true of any page.
fn check(dir: &Path, least: usize) -> String {
    let report = read_json(&dir.join("report.json"));
    let written = String::from_utf8(read(&dir.join("report.html"))).expect("UTF-8");
    let english = page(dir, "en");
    assert_eq!(written, english, "the stage writes what the command writes");
    let russian = page(dir, "ru");
    for (html, lang) in [(&english, "en"), (&russian, "ru")] {
        assert!(html.contains(&format!("<html lang=\"{lang}\">")));
        let numbers = agree(html, &report);
        assert!(numbers >= least, "{numbers} numbers in {}", dir.display());
        let parsed = Html::parse_document(html);
        assert_eq!(parsed.select(&select("script")).count(), 1);
        assert_eq!(
            parsed
                .select(&select("img, iframe, link[href^=http]"))
                .count(),
            0
        );
        assert_eq!(parsed.select(&select("main")).count(), 1);
        assert!(!html.contains('\u{202e}') && !html.contains('\u{7}'));
        assert!(
            parsed
                .select(&select("table"))
                .all(|table| { table.select(&select("caption")).count() == 1 })
        );
        assert!(parsed.select(&select("figure > svg")).all(|svg| {
            svg.attr("role") == Some("img") && svg.select(&select("desc")).count() == 1
        }));
    }
    assert_eq!(page(dir, "en"), english, "the same bytes again");
    english
}

#[test]
fn pages_agree_with_the_reports_and_keep_data_as_text() {
    let place = place();
    let raw = place.path().join("raw");
    std::fs::create_dir(&raw).expect("is made");
    for entry in std::fs::read_dir(fixture("qa")).expect("reads") {
        let path = entry.expect("an entry").path();
        write(&raw.join(path.file_name().expect("a name")), read(&path));
    }
    let words: Vec<String> = (0..120).map(|i| format!("word{}", i * i)).collect();
    let words = words.join(" ");
    let mut lines = String::new();
    for text in [
        format!("{HOSTILE} {words} one"),
        format!("{HOSTILE} {words} two"),
        HOSTILE.to_owned(),
    ] {
        lines += &format!("{}\n", json!({"text": text}));
    }
    lines += &format!("{HOSTILE}\n");
    write(&raw.join("<b>&amp;.jsonl"), lines);
    let [corpus, shards, model] = ["corpus", "shards", "model"].map(|name| place.path().join(name));
    Prep::ingest(&raw, &corpus).code(1).json();
    let html = check(&corpus, 100);
    assert!(html.contains("&lt;b&gt;&amp;amp;.jsonl"));
    assert!(
        html.contains("&lt;script&gt;alert(1)"),
        "the reject is shown"
    );
    assert!(html.contains("⟦U+202E⟧⟦U+0007⟧"));

    Prep::shard(&corpus, &shards).args(["--val", "10%"]).json();
    let html = check(&shards, 100);
    let parsed = Html::parse_document(&html);
    let near = select("article[data-reason^=near]");
    let copy = parsed.select(&near).next().expect("a near copy");
    let words_of = |selector: &str| -> Vec<String> {
        let wanted = select(selector);
        let found = copy.select(&wanted);
        found
            .map(|one| one.text().collect::<String>().trim().to_owned())
            .collect()
    };
    // The legend, and the last word.
    let (gone, kept) = (words_of("del"), words_of("ins"));
    assert_eq!((gone.len(), kept.len()), (2, 2), "{gone:?} {kept:?}");
    assert_eq!((gone[1].as_str(), kept[1].as_str()), ("two", "one"));

    let prompts = place.path().join("prompts");
    write(&prompts, format!("{HOSTILE}\n"));
    Prep::new([
        "train",
        "--model",
        "llama-1m",
        "--steps",
        "4",
        "--eval-every",
        "2",
    ])
    .args(["--seq-len", "64", "--batch-tokens", "64", "--device", "cpu"])
    .arg(&shards)
    .arg("--out")
    .arg(&model)
    .arg("--prompts")
    .arg(&prompts)
    .json();
    let html = check(&model, 30);
    let parsed = Html::parse_document(&html);
    // Training and validation, and each of the sources and languages.
    assert!(parsed.select(&select("polyline")).count() > 6);
}

#[test]
fn a_page_of_many_documents_is_small() {
    let place = place();
    let raw = place.path().join("raw.jsonl");
    let mut lines = String::new();
    for number in 0..4000_u64 {
        // Every text is too short, or a near copy of one of forty long ones.
        let base = number % 40;
        let words: Vec<String> = (0..150)
            .map(|i| format!("w{}", (i + 1) * (base + 7)))
            .collect();
        let text = if number % 2 == 0 {
            format!("{} end{number}", words.join(" "))
        } else {
            format!("short {number}")
        };
        lines += &format!("{}\n", json!({"text": text}));
    }
    write(&raw, lines);
    let [corpus, shards] = ["corpus", "shards"].map(|name| place.path().join(name));
    Prep::ingest(&raw, &corpus).json();
    Prep::shard(&corpus, &shards).json();
    let html = String::from_utf8(read(&shards.join("report.html"))).expect("UTF-8");
    let samples = Html::parse_document(&html)
        .select(&select("article"))
        .count();
    assert!((50..=300).contains(&samples), "{samples} samples");
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
}
