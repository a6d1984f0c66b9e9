//! What a synthetic corpus promises, checked on the files themselves.

use super::*;
use crate::ingest::language::detect;
use std::collections::HashSet;
use std::path::Path;

fn context(threads: usize, seed: u64) -> Context {
    Context {
        json: false,
        quiet: true,
        threads,
        seed,
        memory: 1 << 30,
        config: None,
    }
}

fn options(out: &Path, format: Format, bytes: u64) -> Options {
    Options {
        out: out.to_owned(),
        bytes,
        file_bytes: 1_000_000,
        format,
        languages: language::LANGUAGES.iter().collect(),
        shares: Shares {
            duplicates: 0.1,
            near: 0.1,
            chains: 0.06,
            boilerplate: 0.02,
            templates: 0.02,
        },
    }
}

fn truths(out: &Path) -> Vec<Truth> {
    let text = std::fs::read_to_string(out.join("truth.jsonl")).expect("reads");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a row of truth"))
        .collect()
}

/// The texts of a JSONL corpus by id, each found where the truth says that it is.
fn texts(out: &Path, truths: &[Truth]) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    truths
        .iter()
        .map(|truth| {
            let lines: &Vec<String> = lines.entry(truth.file.clone()).or_insert_with(|| {
                let text = std::fs::read_to_string(out.join(&truth.file)).expect("reads");
                text.lines().map(str::to_owned).collect()
            });
            let line = &lines[truth.record as usize - 1];
            let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(value["id"], truth.id.as_str());
            let text = value["text"].as_str().expect("text").to_owned();
            (truth.id.clone(), text)
        })
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_threads() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let run_with = |name: &str, threads, seed| {
        let options = options(&dir.path().join(name), Format::Mixed, 4_000_000);
        run(&options, &context(threads, seed)).expect("makes")
    };
    let one = run_with("one", 1, 7);
    assert_eq!(one, run_with("three", 3, 7));
    let truth = |name| std::fs::read(dir.path().join(name).join("truth.jsonl")).expect("reads");
    assert_eq!(truth("one"), truth("three"));
    assert_ne!(one.files, run_with("other", 2, 8).files);
    assert!((4_000_000..4_500_000).contains(&one.bytes));
    for kind in ["text", "documents", "exchanges"] {
        let bytes: u64 = one
            .files
            .iter()
            .filter(|file| file.file.contains(kind))
            .map(|file| file.bytes)
            .sum();
        assert!((500_000..2_500_000).contains(&bytes), "{kind} has {bytes}");
    }
    assert_eq!(one, run_with("one", 2, 7), "a finished run is not repeated");
}

#[test]
fn the_truth_is_true() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    run(
        &options(dir.path(), Format::Jsonl, 4_000_000),
        &context(2, 1),
    )
    .expect("makes");
    let truths = truths(dir.path());
    let texts = texts(dir.path(), &truths);
    // Sets of strings, not of hashes: another way to the same number.
    let shingles = |id: &str| -> HashSet<String> {
        let key = crate::document::comparison_key::comparison_key(&texts[id]);
        let words: Vec<&str> = key.split_whitespace().collect();
        words.windows(5).map(|window| window.join(" ")).collect()
    };
    let similarity = |a: &str, b: &str| {
        let (a, b) = (shingles(a), shingles(b));
        let common = a.intersection(&b).count() as f64;
        common / (a.len() as f64 + b.len() as f64 - common)
    };
    let mut counts = BTreeMap::<&str, u32>::new();
    for truth in &truths {
        *counts.entry(&truth.plant).or_default() += 1;
        let Some(of) = &truth.of else { continue };
        let measured = similarity(&truth.id, of);
        let stated = truth.jaccard.expect("a similarity");
        assert!((measured - stated).abs() < 1e-12, "{truth:?}: {measured}");
        if let Some(wanted) = truth.wanted {
            // Short documents cannot have any similarity: one word is five shingles.
            let coarse = 6.0 / shingles(&truth.id).len() as f64;
            assert!((stated - wanted).abs() < 0.01 + coarse, "{truth:?}");
        }
        match truth.plant.as_str() {
            "exact" => assert_eq!(texts[&truth.id], texts[of]),
            "same_key" => assert_ne!(texts[&truth.id], texts[of]),
            "chain_end" => {
                let root = truth.root.as_ref().expect("a beginning");
                let stated = truth.root_jaccard.expect("a similarity");
                assert!((similarity(&truth.id, root) - stated).abs() < 1e-12);
                assert!(stated < 0.8, "A and C are apart: {truth:?}");
            }
            _ => {}
        }
    }
    for plant in [
        "none",
        "exact",
        "same_key",
        "near",
        "chain_middle",
        "chain_end",
    ] {
        assert!(counts[plant] > 10, "{counts:?}");
    }
    assert!(counts.contains_key("boilerplate") && counts.contains_key("template"));
}

#[test]
fn half_is_russian_and_is_told_apart() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let report = run(
        &options(dir.path(), Format::Jsonl, 4_000_000),
        &context(2, 2),
    )
    .expect("makes");
    let share = report.languages["ru"] as f64 / report.documents as f64;
    assert!((0.42..0.58).contains(&share), "{share}");
    let truths = truths(dir.path());
    let texts = texts(dir.path(), &truths);
    let right = truths
        .iter()
        .filter(|truth| detect([texts[&truth.id].as_str()].into_iter()).code == truth.language)
        .count();
    assert!(right as f64 > 0.99 * truths.len() as f64);
}

#[test]
fn text_files_say_where_documents_begin() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    run(&options(dir.path(), Format::Txt, 1_500_000), &context(1, 3)).expect("makes");
    let truths = truths(dir.path());
    let first = std::fs::read_to_string(dir.path().join("data/text-00000.txt")).expect("reads");
    let lines: Vec<&str> = first.lines().collect();
    for truth in truths
        .iter()
        .filter(|truth| truth.file.ends_with("00000.txt"))
        .skip(1)
    {
        let line = truth.record as usize - 1;
        assert!(!lines[line].is_empty());
        assert_eq!(&lines[line - 2..line], ["", ""]);
    }
}
