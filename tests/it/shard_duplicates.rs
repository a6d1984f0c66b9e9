//! `prep shard`: copies, answers that contradict each other, and what the rules of Q&A drop.

use crate::support::corpus::{assert_balances, documents};
use crate::support::removed::{self, Removed};
use crate::support::{Prep, fixture, place, shards, write};
use prep::document::{Document, DocumentId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A corpus and its shards.
struct Run {
    place: tempfile::TempDir,
    report: Value,
}

impl Run {
    fn new(sources: &[PathBuf], options: &[&str]) -> Self {
        let place = place();
        Prep::new(["ingest"])
            .args(sources)
            .arg("--out")
            .arg(place.path().join("corpus"))
            .code(i32::from(
                sources
                    .iter()
                    .any(|path| path.ends_with("dangling_roles.jsonl")),
            ))
            .json();
        let report = Prep::shard(&place.path().join("corpus"), &place.path().join("shards"))
            .args(options)
            .json();
        assert_balances(&report);
        Self { place, report }
    }

    /// A corpus of these JSON lines.
    fn of_lines(lines: &[Value], options: &[&str]) -> Self {
        let raw = place();
        let path = raw.path().join("lines.jsonl");
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        write(&path, lines.join("\n"));
        Self::new(&[path], options)
    }

    fn shards(&self) -> PathBuf {
        self.place.path().join("shards")
    }

    fn documents(&self) -> Vec<Document> {
        documents(&self.place.path().join("corpus"))
    }

    fn removed(&self) -> BTreeMap<DocumentId, Removed> {
        removed::of(&self.shards())
            .into_iter()
            .map(|removed| (removed.document.id, removed))
            .collect()
    }

    /// Every document is in the shards or removed, never both, and each that was kept in place of
    /// another is in the shards.
    fn assert_complete(&self) {
        let (kept, removed) = (shards::documents(&self.shards()), self.removed());
        for document in self.documents() {
            assert!(
                kept.contains_key(&document.id) != removed.contains_key(&document.id),
                "{} {} is in the shards or removed",
                document.source,
                document.record
            );
        }
        assert_eq!(kept.len() + removed.len(), self.documents().len());
        for gone in removed.values() {
            if let Some(kept_id) = gone.kept {
                assert!(
                    kept.contains_key(&kept_id),
                    "{} {} ({}) was dropped for {kept_id}, which is not in the shards",
                    gone.document.source,
                    gone.document.record,
                    gone.reason
                );
            }
        }
        let dropped: u64 = self.report["ledger"]["dropped"]
            .as_object()
            .expect("reasons")
            .values()
            .filter_map(|count| count["records"].as_u64())
            .sum();
        assert_eq!(dropped, removed.len() as u64);
    }

    /// What became of each record: the reason it was dropped for, or `kept`.
    fn fates(&self) -> BTreeMap<u64, String> {
        let removed = self.removed();
        self.documents()
            .into_iter()
            .map(|document| {
                let reason = removed
                    .get(&document.id)
                    .map_or("kept", |gone| &gone.reason);
                (document.record, reason.to_owned())
            })
            .collect()
    }
}

fn id(source: &str, record: u64) -> DocumentId {
    DocumentId::new(source, record)
}

/// Copies that the notes of the fixtures list: the same source, two lines.
const COPIES: &[(&str, u64, u64)] = &[
    ("text/en/notes.jsonl", 10, 2),
    ("text/en/notes.jsonl", 17, 4),
    ("text/en/notes.jsonl", 30, 16),
    ("text/en/notes.jsonl", 20, 6),
    ("text/ru/notes.jsonl", 10, 1),
    ("text/ru/notes.jsonl", 23, 3),
    ("text/ru/notes.jsonl", 34, 13),
    ("text/ru/notes.jsonl", 30, 17),
    ("qa/question_answer_en.jsonl", 9, 1),
    ("qa/question_answer_en.jsonl", 15, 3),
    ("qa/question_answer_ru.jsonl", 7, 1),
    ("qa/question_answer_ru.jsonl", 15, 5),
];

/// Answers to the same question that the notes list.
const CONFLICTS: &[(&str, u64, u64)] = &[
    ("qa/question_answer_en.jsonl", 12, 5),
    ("qa/question_answer_en.jsonl", 18, 17),
    ("qa/question_answer_ru.jsonl", 11, 2),
    ("qa/question_answer_ru.jsonl", 19, 17),
];

fn fixtures(options: &[&str]) -> Run {
    Run::new(&[fixture("text"), fixture("qa")], options)
}

#[test]
fn the_planted_copies_are_dropped_in_favour_of_one_that_stays() {
    let run = fixtures(&[]);
    run.assert_complete();
    let removed = run.removed();
    for (source, a, b) in COPIES {
        let (a, b) = (id(source, *a), id(source, *b));
        let (gone, stays) = match (removed.get(&a), removed.get(&b)) {
            (Some(gone), None) => (gone, b),
            (None, Some(gone)) => (gone, a),
            both => panic!("one of {source} {a} {b} must go: {both:?}"),
        };
        assert_eq!(gone.reason, "exact_duplicate");
        assert_eq!(gone.kept, Some(stays));
        assert_eq!(gone.similarity, Some(1.0));
        assert_eq!((gone.value, gone.threshold), (None, None));
    }
    let dropped = &run.report["ledger"]["dropped"];
    assert_eq!(dropped["exact_duplicate"]["records"], json!(COPIES.len()));
    assert_eq!(
        removed.len(),
        COPIES.len(),
        "nothing else of the fixtures is bad: {dropped}"
    );
}

#[test]
fn without_deduplication_all_stay() {
    let run = fixtures(&["--dedup", "off"]);
    run.assert_complete();
    assert_eq!(run.report["ledger"]["dropped"], json!({}));
    assert_eq!(run.report["conflicting_answers"], json!(0));
}

#[test]
fn conflicting_answers_stay_and_are_listed() {
    let run = fixtures(&[]);
    let listed = removed::conflicts(&run.shards());
    let mut listed: Vec<_> = listed
        .iter()
        .map(|document| (document.source.as_str(), document.record))
        .collect();
    listed.sort_unstable();
    let mut wanted: Vec<_> = CONFLICTS
        .iter()
        .flat_map(|(source, a, b)| [(*source, *a), (*source, *b)])
        .collect();
    // 5 of ru and its copy 15 have one answer; 1, 3, 5 of en and ru have copies, no conflicts.
    wanted.sort_unstable();
    assert_eq!(listed, wanted);
    assert_eq!(run.report["conflicting_answers"], json!(wanted.len()));
    let kept = shards::documents(&run.shards());
    for (source, record) in wanted {
        assert!(kept.contains_key(&id(source, record)));
    }
}

/// Settles the planted conflicts with `--conflicts HOW`; `stays` picks the survivor of two.
fn check_conflicts(how: &str, stays: impl Fn(&Document, &Document) -> Option<DocumentId>) {
    let run = fixtures(&["--conflicts", how]);
    run.assert_complete();
    let documents: BTreeMap<_, _> = run
        .documents()
        .into_iter()
        .map(|document| (document.id, document))
        .collect();
    let (kept, removed) = (shards::documents(&run.shards()), run.removed());
    for (source, a, b) in CONFLICTS {
        let [a, b] = [*a, *b].map(|record| id(source, record));
        let survivor = stays(&documents[&a], &documents[&b]);
        for one in [a, b] {
            assert_eq!(
                kept.contains_key(&one),
                survivor == Some(one),
                "{source} {how}"
            );
            if survivor != Some(one) {
                assert_eq!(removed[&one].reason, "qa_conflict");
                assert_eq!(removed[&one].kept, survivor);
            }
        }
    }
}

#[test]
fn conflicts_are_settled_as_asked() {
    check_conflicts("first", |a, b| {
        Some(if a.record < b.record { a.id } else { b.id })
    });
    check_conflicts("longest", |a, b| {
        let longer = a.content.characters() > b.content.characters();
        Some(if longer { a.id } else { b.id })
    });
    check_conflicts("drop", |_, _| None);
}

fn question(question: &str, answer: &str) -> Value {
    json!({ "question": question, "answer": answer })
}

/// Questions that fill up a corpus, so that something is left of it.
fn filler() -> Vec<Value> {
    ["tea", "coal", "rain", "salt"]
        .map(|what| {
            let answer = format!("A merchant of {what} knows the answer to that better than I do.");
            question(&format!("Where does {what} come from?"), &answer)
        })
        .to_vec()
}

#[test]
fn copies_of_a_dropped_answer_go_the_same_way() {
    let asked = "How far is the Moon from the Earth?";
    let mut lines = vec![
        question(asked, "About 384,000 kilometres."),
        question(
            asked,
            "It is roughly thirty times the width of the Earth away.",
        ),
        question(asked, "about  384,000 kilometres!"),
    ];
    lines.extend(filler());
    for (how, kept) in [("first", Some(1)), ("longest", Some(2)), ("drop", None)] {
        let run = Run::of_lines(&lines, &["--conflicts", how]);
        run.assert_complete();
        let fates = run.fates();
        match kept {
            // The first is of the pair of copies, one of which stands for both.
            Some(1) => assert_eq!(fates[&2], "qa_conflict"),
            Some(record) => assert_eq!(fates[&record], "kept"),
            None => {}
        }
        let of_asked = (1..=3).filter(|record| fates[record] == "kept").count();
        assert_eq!(of_asked, usize::from(kept.is_some()), "{how}: {fates:?}");
    }
}

#[test]
fn a_contradiction_of_a_copy_under_another_system_prompt_is_listed() {
    let asked = |system: &str, answer: &str| json!({ "system": system, "question": "How far is the Moon?", "answer": answer });
    let (far, near) = ("About 384,000 kilometres.", "A short walk, if you ask me.");
    let mut lines = vec![
        asked("You are an astronomer who answers with care.", far),
        // A copy of the first, which is longer, and what contradicts it under one prompt.
        asked("Be brief.", far),
        asked("Be brief.", near),
        asked("You are a clown.", near),
    ];
    lines.extend(filler());
    for how in ["keep", "first", "drop"] {
        let run = Run::of_lines(&lines, &["--conflicts", how]);
        run.assert_complete();
        let listed = removed::conflicts(&run.shards());
        let mut listed: Vec<u64> = listed.iter().map(|document| document.record).collect();
        listed.sort_unstable();
        let fates = run.fates();
        assert_eq!(fates[&2], "exact_duplicate", "{how}");
        // The clown's answer is longer than the brief one, which goes for it and is listed, too.
        assert_eq!(
            (listed, fates[&3].as_str()),
            (vec![2, 3], "exact_duplicate"),
            "{how}"
        );
        assert_eq!(run.report["conflicting_answers"], json!(2), "{how}");
    }
}

#[test]
fn a_bad_copy_never_displaces_a_good_text() {
    // The same words; in the second mostly signs, for which the rules of prose drop it.
    let words =
        "The harbour pilot reads the water by its colour and by the way the gulls sit on it.";
    let decorated = format!("{words}{}", " ----- ===== ##### !!!!! ".repeat(60));
    let mut lines = vec![json!({ "text": words }), json!({ "text": decorated })];
    lines.extend(filler());
    let run = Run::of_lines(&lines, &[]);
    run.assert_complete();
    assert_eq!(run.fates()[&1], "kept", "{:?}", run.fates());
    assert_ne!(run.fates()[&2], "kept");
}

#[test]
fn each_rule_of_questions_and_answers_drops_its_line() {
    let run = Run::new(&[fixture("bad/refusals.jsonl"), fixture("qa")], &[]);
    run.assert_complete();
    let removed = run.removed();
    for (record, reason) in [
        (1, "qa_empty_answer"),
        (2, "qa_answer_equals_question"),
        (3, "qa_refusal"),
        (4, "qa_refusal"),
        (5, "qa_no_letters_or_digits"),
        (6, "qa_other_language"),
    ] {
        let gone = &removed[&id("refusals.jsonl", record)];
        assert_eq!(gone.reason, reason, "line {record}");
        assert!(gone.value.is_some() && gone.threshold.is_some() && gone.kept.is_none());
        // The whole document is there, so that nothing is lost.
        assert_eq!(gone.document.record, record);
        assert_eq!(
            run.report["by_source"]["refusals.jsonl"]["kept"]["records"],
            json!(0)
        );
    }
    let run = Run::new(&[fixture("bad/dangling_roles.jsonl"), fixture("qa")], &[]);
    run.assert_complete();
    let removed = run.removed();
    for (record, reason) in [
        (1, "qa_assistant_first"),
        (2, "qa_two_users_in_a_row"),
        (3, "qa_no_assistant_turn"),
    ] {
        assert_eq!(removed[&id("dangling_roles.jsonl", record)].reason, reason);
    }
}

#[test]
fn a_rule_can_be_left_out_and_its_threshold_changed() {
    let fate = |options: &[&str], record: u64| {
        let run = Run::new(&[fixture("bad/refusals.jsonl"), fixture("qa")], options);
        let removed = run.removed();
        removed
            .get(&id("refusals.jsonl", record))
            .map(|gone| gone.reason.clone())
    };
    assert_eq!(fate(&["--skip", "qa_refusal"], 3), None);
    assert_eq!(
        fate(&["--skip", "qa_refusal"], 1).as_deref(),
        Some("qa_empty_answer")
    );
    assert_eq!(fate(&["--profile", "none"], 2), None);
}

#[test]
fn what_is_kept_and_removed_is_all_there_was() {
    let place = place();
    let (corpus, out) = (place.path().join("corpus"), place.path().join("shards"));
    Prep::ingest(&fixture(""), &corpus).code(1).json();
    let report = Prep::shard(&corpus, &out).args(["--val", "10%"]).json();
    assert_balances(&report);
    assert_removed_columns(&out);
    let kept = shards::documents(&out).len();
    let removed = removed::of(&out).len();
    assert_eq!(kept + removed, documents(&corpus).len());
    let amount = |line: &str| report["ledger"][line]["records"].as_u64();
    assert_eq!(amount("read"), Some(documents(&corpus).len() as u64));
    assert_eq!(amount("kept"), Some(kept as u64));
}

/// `removed/` has the columns that scripts rely on.
fn assert_removed_columns(out: &Path) {
    let path = out.join("removed/part-00000.parquet");
    let schema = crate::support::corpus::batches(&path)[0].schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let document = prep::document::parquet::schema();
    let mut wanted: Vec<&str> = document
        .fields()
        .iter()
        .map(|f| f.name().as_str())
        .collect();
    wanted.extend([
        "reason",
        "value",
        "threshold",
        "kept_id",
        "kept_earlier",
        "similarity",
        "cluster_size",
    ]);
    assert_eq!(names, wanted);
}
