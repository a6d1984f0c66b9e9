//! `prep shard --dedup near`: near copies, and validation that none of them leaks into.

use crate::support::corpus::{assert_balances, documents, text};
use crate::support::made_up::{Dice, words};
use crate::support::removed::{self, Removed};
use crate::support::{Prep, place, shards, tree};
use prep::document::{Document, DocumentId};
use prep::shard::Split;
use prep::synth::jaccard::{jaccard, shingles};
use prep::synth::truth::Truth;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A synthetic corpus with its truth: texts in two languages, a third of them planted.
struct Planted {
    place: tempfile::TempDir,
    /// By the user's id, which the truth has.
    documents: BTreeMap<String, Document>,
    truth: Vec<Truth>,
}

impl Planted {
    fn new(format: &str, bytes: &str) -> Self {
        let place = place();
        let path = |name: &str| place.path().join(name);
        Prep::new(["synth", "--format", format, "--bytes", bytes, "--seed", "4"])
            .args(["--duplicates", "5%", "--near", "15%", "--chains", "6%"])
            .args([
                "--boilerplate",
                "4%",
                "--templates",
                "4%",
                "--file-size",
                "1MB",
            ])
            .arg("--out")
            .arg(path("synth"))
            .prints("")
            .run();
        Prep::ingest(&path("synth/data"), &path("corpus")).json();
        let truth = std::fs::read_to_string(path("synth/truth.jsonl")).expect("the truth");
        let truth = truth
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of the truth"))
            .collect();
        let documents = documents(&path("corpus"))
            .into_iter()
            // Plain text has no ids of its own.
            .filter(|document| document.meta.is_some())
            .map(|document| {
                let meta: Value = serde_json::from_str(document.meta.as_deref().expect("meta"))
                    .expect("meta is JSON");
                (meta["id"].as_str().expect("an id").to_owned(), document)
            })
            .collect();
        Self {
            place,
            documents,
            truth,
        }
    }

    fn shard(&self, name: &str, options: &[&str]) -> (PathBuf, Value) {
        let out = self.place.path().join(name);
        let report = Prep::shard(&self.place.path().join("corpus"), &out)
            .args(["--profile", "none"])
            .args(options)
            .json();
        assert_balances(&report);
        (out, report)
    }

    fn id(&self, id: &str) -> DocumentId {
        self.documents[id].id
    }
}

fn removed(shards: &Path) -> BTreeMap<DocumentId, Removed> {
    removed::of(shards)
        .into_iter()
        .map(|removed| (removed.document.id, removed))
        .collect()
}

/// What was kept for each near copy stays, and is as similar as was said, measured anew.
fn assert_precise(planted: &Planted, out: &Path, threshold: f64) {
    let kept = shards::documents(out);
    let by_id: BTreeMap<DocumentId, &Document> = planted
        .documents
        .values()
        .map(|document| (document.id, document))
        .collect();
    let removed = removed(out);
    assert_eq!(kept.len() + removed.len(), planted.documents.len());
    let mut clusters = BTreeMap::<DocumentId, u64>::new();
    for gone in removed.values() {
        let kept_id = gone.kept.expect("a copy goes for another");
        *clusters.entry(kept_id).or_insert(1) += 1;
        assert!(kept.contains_key(&kept_id) && !kept.contains_key(&gone.document.id));
        let similarity = jaccard(
            &shingles(&gone.document.content),
            &shingles(&by_id[&kept_id].content),
        );
        assert_eq!(gone.similarity, Some(similarity));
        match gone.reason.as_str() {
            "near_duplicate" => {
                assert!(similarity >= threshold, "{similarity}");
                assert_eq!(
                    (gone.value, gone.threshold),
                    (Some(similarity), Some(threshold))
                );
                let characters = |document: &Document| document.content.characters();
                assert!(characters(by_id[&kept_id]) >= characters(&gone.document));
            }
            // A copy of what stays, or of a near copy of it.
            reason => {
                assert_eq!(reason, "exact_duplicate");
                assert!(similarity >= threshold, "{similarity}");
            }
        }
    }
    for gone in removed.values() {
        let kept_id = gone.kept.expect("a copy goes for another");
        assert_eq!(gone.cluster_size, Some(clusters[&kept_id]));
    }
}

/// Pairs of the truth that are at least so similar, and how many of them are not both kept.
fn recall(planted: &Planted, out: &Path, at_least: f64) -> (usize, usize) {
    let removed = removed(out);
    let near = ["near", "chain_middle", "chain_end"];
    let pairs = planted.truth.iter().filter(|truth| {
        near.contains(&truth.plant.as_str()) && truth.jaccard.is_some_and(|j| j >= at_least)
    });
    let (mut found, mut all) = (0, 0);
    for truth in pairs {
        let of = truth.of.as_ref().expect("an original");
        all += 1;
        found += usize::from(
            removed.contains_key(&planted.id(&truth.id)) || removed.contains_key(&planted.id(of)),
        );
    }
    (found, all)
}

#[test]
fn planted_near_copies_are_found_and_nothing_else_goes() {
    let planted = Planted::new("jsonl", "9MB");
    let (out, report) = planted.shard("near", &[]);
    assert_precise(&planted, &out, 0.8);
    let (found, all) = recall(&planted, &out, 0.9);
    assert!(
        all > 60 && found as f64 >= 0.99 * all as f64,
        "{found} of {all}"
    );
    let (found, all) = recall(&planted, &out, 0.8);
    assert!(
        all > 200 && found as f64 >= 0.92 * all as f64,
        "{found} of {all}"
    );
    // Shared beginnings and templates are no copies.
    let removed = removed(&out);
    for truth in &planted.truth {
        if ["boilerplate", "template"].contains(&truth.plant.as_str()) {
            assert!(!removed.contains_key(&planted.id(&truth.id)), "{truth:?}");
        }
    }
    // Inside and across sources are what the sources say.
    let by_id: BTreeMap<DocumentId, &str> = planted
        .documents
        .values()
        .map(|document| (document.id, document.source.as_str()))
        .collect();
    for (reason, name) in [("near_duplicate", "near"), ("exact_duplicate", "exact")] {
        let of_reason = || removed.values().filter(|gone| gone.reason == reason);
        let inside = of_reason()
            .filter(|gone| gone.document.source == by_id[&gone.kept.expect("one is kept")])
            .count();
        let figures = &report["copies"][name];
        assert_eq!(figures["inside"], json!(inside));
        assert_eq!(figures["across"], json!(of_reason().count() - inside));
        assert!(inside > 0 && of_reason().count() > inside);
    }
}

#[test]
fn of_a_chain_both_ends_stay() {
    let planted = Planted::new("jsonl", "9MB");
    let (out, _) = planted.shard("near", &[]);
    let removed = removed(&out);
    let mut seen = 0;
    for truth in planted
        .truth
        .iter()
        .filter(|truth| truth.plant == "chain_end")
    {
        let [Some(middle), Some(root)] = [&truth.of, &truth.root] else {
            continue;
        };
        let [end, middle, root] = [&truth.id, middle, root].map(|id| planted.id(id));
        // Where only the middle goes, it is similar to what is kept for it, and the ends stay.
        if removed.contains_key(&middle) && [end, root].iter().all(|id| !removed.contains_key(id)) {
            seen += 1;
            assert!(removed[&middle].similarity >= Some(0.8));
        }
        // The ends never go for each other.
        if let Some(gone) = removed.get(&end) {
            assert_ne!(gone.kept, Some(root));
        }
        if let Some(gone) = removed.get(&root) {
            assert_ne!(gone.kept, Some(end));
        }
    }
    assert!(seen > 5, "{seen} chains of which the middle alone goes");
}

#[test]
fn threads_and_memory_change_nothing() {
    let planted = Planted::new("mixed", "4MB");
    let one = planted.shard("1", &["--threads", "1"]).0;
    for (name, options) in [
        ("2", ["--threads", "2", "--memory", "1MiB"]),
        ("7", ["--threads", "7", "--memory", "64KiB"]),
    ] {
        let other = planted.shard(name, &options).0;
        tree::assert_same(&one, &other);
    }
}

#[test]
fn related_documents_fall_to_one_split() {
    let planted = Planted::new("jsonl", "20MB");
    let sources: BTreeSet<&str> = planted
        .documents
        .values()
        .map(|document| document.source.as_str())
        .collect();
    let source = *sources.first().expect("a source");
    for options in [["--val", "30%"], ["--val", "500"], ["--val-source", source]] {
        // What is never compared cannot be related: high recall misses one such pair in 7,000.
        let options = [&options[..], &["--dedup-recall", "high"]].concat();
        let (out, report) = planted.shard(&options.join("-").replace('/', "_"), &options);
        let kept = shards::documents(&out);
        let (mut checked, mut in_val) = (0, 0);
        for truth in &planted.truth {
            let pairs = [
                (&truth.of, truth.jaccard),
                (&truth.root, truth.root_jaccard),
            ];
            for (other, similarity) in pairs {
                let Some(other) = other.as_ref().filter(|_| similarity >= Some(0.85)) else {
                    continue;
                };
                let split = |id: &str| kept.get(&planted.id(id)).map(|tokens| tokens.split);
                let (Some(a), Some(b)) = (split(&truth.id), split(other)) else {
                    continue;
                };
                checked += 1;
                in_val += u32::from(a == Split::Val);
                assert_eq!(a, b, "{options:?} {truth:?}");
            }
        }
        // The ends of chains whose middle went.
        let removed = removed(&out);
        for truth in planted.truth.iter().filter(|truth| truth.root.is_some()) {
            let [middle, root] = [&truth.of, &truth.root].map(|id| id.clone().expect("in a chain"));
            let [end, middle, root] = [&truth.id, &middle, &root].map(|id| planted.id(id));
            if let (Some(a), Some(b), true) = (
                kept.get(&end),
                kept.get(&root),
                removed.contains_key(&middle),
            ) && removed[&middle]
                .kept
                .is_some_and(|kept| kept == end || kept == root)
            {
                checked += 1;
                in_val += u32::from(a.split == Split::Val);
                assert_eq!(a.split, b.split, "{options:?} {truth:?}");
            }
        }
        assert!(
            checked > 10 && in_val > 0,
            "{options:?}: {checked} pairs, {in_val} validated"
        );
        let val = report["tokens"]["by_split"]["val"]["documents"]
            .as_u64()
            .expect("a count");
        match options[..] {
            ["--val", "500", ..] => assert!((450..=500).contains(&val), "{val}"),
            ["--val", ..] => {
                let share = val as f64 / kept.len() as f64;
                assert!((0.25..0.35).contains(&share), "{share}");
            }
            _ => {
                for document in planted.documents.values() {
                    if let Some(tokens) = kept.get(&document.id)
                        && document.source == source
                    {
                        assert_eq!(tokens.split, Split::Val);
                    }
                }
            }
        }
    }
}

#[test]
fn a_source_that_loses_much_is_named_with_pairs() {
    let mut dice = Dice::new(8);
    let page = words(&mut dice, 200);
    let of =
        |prefix: &str, dice: &mut Dice| json!({ "text": format!("{prefix} {}", words(dice, 60)) });
    let shop: Vec<Value> = (0..30)
        .map(|i| json!({ "text": format!("{page} {}", words(&mut dice, 1 + i % 7)) }))
        .collect();
    let diary: Vec<Value> = (0..30).map(|_| of("day", &mut dice)).collect();
    let place = place();
    let (command, out) = shards::of_lines(
        place.path(),
        &[("shop.jsonl", shop), ("diary.jsonl", diary)],
        &["--profile", "none"],
    );
    command
        .says("warning: raw/shop.jsonl loses 29 of its 30 documents to near copies")
        .says("(similarity 0.9")
        .prints("near, inside")
        .run();
    let report: Value =
        serde_json::from_slice(&crate::support::read(&out.join("report.json"))).expect("JSON");
    let alarms = report["copies"]["alarms"].as_array().expect("alarms");
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0]["samples"].as_array().map(Vec::len), Some(5));
    let removed = removed(&out);
    for sample in alarms[0]["samples"].as_array().expect("pairs") {
        let id = DocumentId::parse(sample["removed_id"].as_str().expect("an id"));
        let gone = &removed[&id.expect("an id")];
        assert_eq!(sample["similarity"].as_f64(), gone.similarity);
        assert_eq!(gone.cluster_size, Some(30));
    }
}

#[test]
fn questions_of_one_pattern_and_short_texts_are_no_near_copies() {
    let ask = |a: u32, b: u32| {
        json!({
            "question": format!("Tell me in one short sentence, please, without any words beside the number that is asked for, how much is {a} plus {b} when both are counted in apples?"),
            "answer": format!("It is {}.", a + b),
        })
    };
    let questions: Vec<Value> = (0..40).map(|i| ask(i, 2 * i + 1)).collect();
    let texts = [
        "one two three four",
        "one two three five",
        "Наша Таня громко плачет",
    ];
    let texts: Vec<Value> = texts.iter().map(|text| json!({ "text": text })).collect();
    let place = place();
    let (command, out) = shards::of_lines(
        place.path(),
        &[("sums.jsonl", questions), ("short.jsonl", texts)],
        &["--quiet", "--profile", "none"],
    );
    let report = command.json();
    assert_eq!(report["ledger"]["dropped"], json!({}));
    assert_eq!(shards::documents(&out).len(), 43);
    assert_eq!(report["copies"]["candidates"]["documents"], json!(0));
}

#[test]
fn a_text_that_a_rule_drops_keeps_nobody() {
    // The longer one is mostly signs, for which the rules of prose drop it.
    let mut dice = Dice::new(21);
    let page = words(&mut dice, 120);
    let decorated = format!("{page}{}", " ----- ===== ##### !!!!! ".repeat(60));
    let other = words(&mut dice, 120);
    let lines = [format!("{page} end"), decorated, other].map(|text| json!({ "text": text }));
    let place = place();
    let (command, out) = shards::of_lines(
        place.path(),
        &[("lines.jsonl", lines.to_vec())],
        &["--quiet"],
    );
    let report = command.json();
    assert!(
        report["ledger"]["dropped"]["near_duplicate"].is_null(),
        "{report}"
    );
    let kept: Vec<Document> = documents(&place.path().join("corpus"))
        .into_iter()
        .filter(|document| shards::documents(&out).contains_key(&document.id))
        .collect();
    assert!(kept.iter().any(|document| text(document).ends_with(" end")));
}

#[test]
fn what_an_earlier_corpus_or_its_shards_hold_is_left_out() {
    let planted = Planted::new("mixed", "12MB");
    let path = |name: &str| planted.place.path().join(name);
    let before = documents(&path("corpus"));
    // The first set: every other file of it.
    let first = path("first");
    std::fs::create_dir(&first).expect("creates");
    let mut files: Vec<PathBuf> = std::fs::read_dir(path("synth/data"))
        .expect("data")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    for file in files.iter().step_by(2) {
        std::fs::copy(file, first.join(file.file_name().expect("a name"))).expect("copies");
    }
    Prep::ingest(&first, &path("first corpus")).json();
    Prep::shard(&path("first corpus"), &path("first shards"))
        .args(["--profile", "none", "--val", "10%", "--shard-size", "1MB"])
        .json();
    // Two texts of the first set may be alike, of which its shards have one alone.
    let by_corpus = planted.shard("by corpus", &["--against", &shown(&path("first corpus"))]);
    let by_shards = planted.shard("by shards", &["--against", &shown(&path("first shards"))]);
    let alone = planted.shard("alone", &[]).0;
    let in_first = documents(&path("first corpus"));
    let in_shards = shards::documents(&path("first shards"));
    for ((out, report), earlier) in [
        (
            &by_corpus,
            in_first.iter().map(|document| document.id).collect(),
        ),
        (
            &by_shards,
            in_shards.keys().copied().collect::<BTreeSet<DocumentId>>(),
        ),
    ] {
        let (kept, removed) = (shards::documents(out), removed(out));
        let contents: BTreeMap<DocumentId, &Document> = in_first
            .iter()
            .chain(&before)
            .map(|document| (document.id, document))
            .collect();
        assert!(report["copies"]["near"]["earlier"].as_u64() > Some(10));
        assert!(report["copies"]["exact"]["earlier"].as_u64() > Some(200));
        let mut of_kind = BTreeMap::<&str, u32>::new();
        for gone in removed.values() {
            let kept_id = gone.kept.expect("a copy goes for another");
            assert!(kept.contains_key(&kept_id) != earlier.contains(&kept_id));
            if earlier.contains(&kept_id) {
                *of_kind
                    .entry(gone.document.content.kind().name())
                    .or_default() += 1;
                if gone.reason == "near_duplicate" {
                    let [a, b] = [&gone.document, contents[&kept_id]]
                        .map(|document| shingles(&document.content));
                    assert_eq!(gone.similarity, Some(jaccard(&a, &b)));
                }
            }
        }
        assert!(of_kind["text"] > 50 && of_kind["chat"] > 50, "{of_kind:?}");
        // What is in the first set by its key is not in this one.
        let keys = |document: &Document| prep::dedup::keys::of(&document.content).content;
        let first_keys: BTreeSet<u128> = in_first
            .iter()
            .filter(|document| earlier.contains(&document.id))
            .map(keys)
            .collect();
        for document in before
            .iter()
            .filter(|document| kept.contains_key(&document.id))
        {
            assert!(!first_keys.contains(&keys(document)), "{}", document.source);
        }
        assert!(shards::documents(&alone).len() > kept.len());
    }
    let message = Prep::shard(&path("corpus"), &path("wrong"))
        .args(["--against", &shown(&path("synth"))])
        .fails();
    assert!(
        message.contains("neither a finished corpus nor finished shards"),
        "{message}"
    );
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
