//! `prep shard`: masking, decontamination, weights, and what `prep why` and `prep rules` tell of it.

use crate::support::corpus::{assert_balances, documents};
use crate::support::removed;
use crate::support::shards::{self, tokenizer};
use crate::support::{Prep, place, tree, write};
use prep::document::DocumentId;
use prep::shard::{Dataset, Split};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A corpus of `texts.jsonl` and `chats.jsonl`.
struct Made {
    place: tempfile::TempDir,
}

impl Made {
    fn new(texts: &[String], chats: &[(&str, &str)]) -> Self {
        let place = place();
        for folder in ["raw", "bench"] {
            std::fs::create_dir(place.path().join(folder)).expect("a new folder");
        }
        let lines = texts.iter().map(|text| json!({ "text": text }).to_string());
        write(
            &place.path().join("raw/texts.jsonl"),
            lines.collect::<Vec<_>>().join("\n"),
        );
        if !chats.is_empty() {
            let lines = chats.iter().map(|(question, answer)| {
                json!({ "question": question, "answer": answer }).to_string()
            });
            write(
                &place.path().join("raw/chats.jsonl"),
                lines.collect::<Vec<_>>().join("\n"),
            );
        }
        let made = Self { place };
        Prep::ingest(&made.at("raw"), &made.corpus()).json();
        made
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn corpus(&self) -> PathBuf {
        self.at("corpus")
    }

    fn shard(&self, out: &str, options: &[&str]) -> Value {
        let report = Prep::shard(&self.corpus(), &self.at(out))
            .args(["--profile", "none", "--val", "0%"])
            .args(options)
            .json();
        assert_balances(&report);
        report
    }
}

/// The texts in the shards, by record of `texts.jsonl`.
fn texts(shards: &Path) -> BTreeMap<u64, String> {
    let tokenizer = tokenizer(shards);
    let found = shards::documents(shards);
    (1..=100)
        .filter_map(|record| {
            let tokens = found.get(&DocumentId::new("raw/texts.jsonl", record))?;
            Some((record, tokens.text(&tokenizer)))
        })
        .collect()
}

/// Words that differ from each other by letters.
fn words(prefix: &str, count: usize) -> String {
    let spelled = |n: usize| {
        n.to_string()
            .bytes()
            .map(|b| (b - b'0' + b'a') as char)
            .collect::<String>()
    };
    (0..count)
        .map(|n| format!("{prefix}{}", spelled(n)))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn personal_data_is_masked_on_request_and_counted() {
    let made = Made::new(
        &[
            "Пишите: ivan@почта.рф, тел. +7 916 123-45-67.".to_owned(),
            "Здесь ничего личного: user@example.com, 10.0.0.1.".to_owned(),
        ],
        &[("Как связаться?", "Пишите на a.b@mail.ru")],
    );
    let report = made.shard("masked", &["--mask-pii"]);
    let change = &report["edits"]["mask_pii"];
    assert_eq!(change["documents"], 2);
    assert_eq!(change["items"], json!({ "email": 2, "phone": 1 }));
    let lost = change["characters_before"].as_i64().unwrap()
        - change["characters_after"].as_i64().unwrap();
    let whole = made.shard("whole", &[]);
    assert_eq!(whole["edits"], json!({}));
    let read = |report: &Value| report["ledger"]["read"]["characters"].as_i64().unwrap();
    assert_eq!(read(&whole) - read(&report), lost);
    let found = texts(&made.at("masked"));
    assert_eq!(found[&1], "Пишите: <EMAIL>, тел. <PHONE>.");
    assert_eq!(
        found[&2],
        "Здесь ничего личного: user@example.com, 10.0.0.1."
    );
    let of_chat = shards::documents(&made.at("masked"))[&DocumentId::new("raw/chats.jsonl", 1)]
        .learned(&tokenizer(&made.at("masked")));
    assert!(of_chat.contains("Пишите на <EMAIL>"), "{of_chat}");

    let some = made.shard("some", &["--mask-pii=phone"]);
    assert_eq!(some["edits"]["mask_pii"]["items"], json!({ "phone": 1 }));
    let error = Prep::shard(&made.corpus(), &made.at("error"))
        .arg("--mask-pii=fax")
        .fails();
    assert!(error.contains("fax") && error.contains("snils"), "{error}");
}

#[test]
fn what_a_benchmark_asks_is_not_in_the_shards() {
    let item = words("q", 20);
    let made = Made::new(
        &[
            format!("{}\n{}\n{}", words("a", 40), item, words("b", 40)),
            words("c", 60),
            format!("{} {}", words("q", 13), words("d", 40)),
        ],
        &[("Столица Франции?", "Лион"), ("Столица Италии?", "Рим")],
    );
    write(
        &made.at("bench/test.csv"),
        format!("question,answer\n{item},да\nстолица франции,Париж\n"),
    );
    let bench = made.at("bench/test.csv");
    let options = ["--decontaminate", bench.to_str().unwrap()];
    let report = made.shard("dropped", &options);
    assert_eq!(report["ledger"]["dropped"]["contaminated"]["records"], 2);
    assert_eq!(report["contamination_listed"], 2);
    // One shared 13-gram of eight is not enough.
    assert_eq!(
        texts(&made.at("dropped")).keys().collect::<Vec<_>>(),
        [&2, &3]
    );
    let list = std::fs::read_to_string(made.at("dropped/contamination.jsonl")).unwrap();
    let mut list: Vec<Value> = list
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    list.sort_by_key(|line| line["source"].to_string());
    let [chat, text] = list.as_slice() else {
        panic!("two finds, not {list:?}");
    };
    assert_eq!(
        (&chat["record"], &chat["benchmark_record"], &chat["done"]),
        (&json!(1), &json!(3), &json!("dropped"))
    );
    assert_eq!(
        (&text["record"], &text["benchmark_record"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(text["benchmark"], "test.csv");
    assert_eq!(text["shared_grams"], 8);
    let removed = removed::of(&made.at("dropped"));
    assert!(
        removed
            .iter()
            .all(|removed| removed.reason == "contaminated")
    );

    let report = made.shard(
        "trimmed",
        &[options[0], options[1], "--decontaminate-by", "trim"],
    );
    assert_eq!(report["ledger"]["dropped"]["contaminated"]["records"], 1);
    assert_eq!(report["edits"]["trim_contamination"]["documents"], 1);
    assert_eq!(
        texts(&made.at("trimmed"))[&1],
        format!("{}\n{}", words("a", 40), words("b", 40))
    );
}

#[test]
fn a_benchmark_that_cannot_be_read_is_an_error() {
    let made = Made::new(&[words("a", 40)], &[]);
    write(
        &made.at("bench.jsonl"),
        "{\"question\": \"a?\", \"answer\": \"b\"}\n{broken\n",
    );
    let error = Prep::shard(&made.corpus(), &made.at("shards"))
        .arg("--decontaminate")
        .arg(made.at("bench.jsonl"))
        .fails();
    assert!(error.contains("1 records of the benchmarks"), "{error}");
    let error = Prep::shard(&made.corpus(), &made.at("shards"))
        .arg("--decontaminate")
        .arg(made.at("missing.jsonl"))
        .fails();
    assert!(error.contains("missing.jsonl"), "{error}");
}

#[test]
fn weights_repeat_and_sample_whole_documents() {
    let made = Made::new(
        &(0..40)
            .map(|i| words(&"x".repeat(i + 1), 20))
            .collect::<Vec<_>>(),
        &[("Столица Франции?", "Париж")],
    );
    let report = made.shard(
        "weighted",
        &["--weight", "*=1", "--weight", "*/texts.*=2.5"],
    );
    let mix = &report["mixing"]["raw/texts.jsonl"];
    assert_eq!(
        (&mix["weight"], &mix["documents"]),
        (&json!(2.5), &json!(40))
    );
    let data = Dataset::open(&made.at("weighted"), Split::Train).unwrap();
    let order: Vec<DocumentId> = (0..data.rows())
        .map(|row| data.row(row).document_id)
        .collect();
    let mut counts = BTreeMap::<DocumentId, u64>::new();
    for id in &order {
        *counts.entry(*id).or_default() += 1;
    }
    let of_text = |record| counts[&DocumentId::new("raw/texts.jsonl", record)];
    assert!((1..=40).all(|record| (2..=3).contains(&of_text(record))));
    assert!(
        (1..=40).any(|record| of_text(record) == 2) && (1..=40).any(|record| of_text(record) == 3)
    );
    assert_eq!(counts[&DocumentId::new("raw/chats.jsonl", 1)], 1);
    // Every document once before any comes again.
    assert_eq!(
        order[..41]
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        41
    );
    let effective: u64 = (0..data.rows())
        .map(|row| data.row(row))
        .filter(|row| row.document_id != DocumentId::new("raw/chats.jsonl", 1))
        .map(|row| row.len)
        .sum();
    assert_eq!(mix["effective_tokens"], effective);
    assert_eq!(report["ledger"]["kept"]["records"], 41);

    let report = made.shard("sampled", &["--weight", "raw/texts.jsonl=0.5"]);
    let out = report["ledger"]["dropped"]["sampled_out"]["records"]
        .as_u64()
        .unwrap();
    assert!((8..=32).contains(&out), "{out}");
    for threads in ["1", "7"] {
        made.shard(
            &format!("again {threads}"),
            &[
                "--weight",
                "*=1",
                "--weight",
                "*/texts.*=2.5",
                "--threads",
                threads,
            ],
        );
        tree::assert_same(&made.at("weighted"), &made.at(&format!("again {threads}")));
    }
    let error = Prep::shard(&made.corpus(), &made.at("error"))
        .args(["--weight", "books/*=2"])
        .fails();
    assert!(error.contains("books/*"), "{error}");
}

#[test]
fn lines_that_c4_cuts_are_not_learned() {
    let sentence = "The river runs past the old mill and down to the sea. ";
    let story = format!(
        "We use cookies to improve this site.\n{}\n{}",
        sentence,
        "In the village that stood by the bridge people were kind, and they have helped with all of it. Nobody knew why. The be to of and that have with words are here. It rained again that evening in the town. Then the sun came out."
    );
    let made = Made::new(std::slice::from_ref(&story), &[]);
    let report = Prep::shard(&made.corpus(), &made.at("shards"))
        .args([
            "--profile",
            "fineweb-en",
            "--val",
            "0%",
            "--skip",
            "language_en",
        ])
        .json();
    assert_balances(&report);
    let change = &report["edits"]["c4_lines"];
    assert_eq!(
        (&change["documents"], &change["items"]),
        (&json!(1), &json!({ "policy": 1 }))
    );
    let expected: Vec<&str> = story.lines().skip(1).map(str::trim).collect();
    assert_eq!(texts(&made.at("shards"))[&1], expected.join("\n"));
}

#[test]
fn why_tells_the_story_of_kept_dropped_and_doubled_documents() {
    let good = words("a", 40);
    let made = Made::new(&[good.clone(), good.clone(), "12 34".to_owned()], &[]);
    let report = Prep::shard(&made.corpus(), &made.at("shards"))
        .args(["--val", "0%"])
        .json();
    assert_eq!(report["ledger"]["kept"]["records"], 1);
    let why = |document: &str| {
        Prep::new(["why", document])
            .arg(made.at("shards"))
            .arg("--corpus")
            .arg(made.corpus())
    };
    let stories = [1, 2, 3].map(|record| why(&format!("raw/texts.jsonl:{record}")).json());
    let kept = usize::from(stories[0]["dropped"] != Value::Null);
    let (kept, copy) = (&stories[kept], &stories[1 - kept]);
    assert_eq!(kept["kept"][0]["shard"], "train-00000.arrow");
    assert_eq!(kept["kept"][0]["position"], 0);
    assert!(kept["rules"].as_array().unwrap().len() > 5);
    assert_eq!(copy["dropped"]["reason"], "exact_duplicate");
    assert_eq!(copy["kept_copy"]["document_id"], kept["document_id"]);
    assert_eq!(copy["kept_copy"]["kept"], kept["kept"]);
    let third = &stories[2];
    assert_eq!(third["dropped"]["reason"], "no_letters");
    let drops: Vec<&Value> = third["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["drops"] == true)
        .collect();
    assert_eq!(drops[0]["rule"], "no_letters");
    assert_eq!(drops[0]["value"], third["dropped"]["value"]);

    let id = documents(&made.corpus())[2].id.to_string();
    why(&id)
        .prints("no_letters")
        .prints("raw/texts.jsonl, record 3")
        .run();
    assert!(why("nonsense").fails().contains("SOURCE:RECORD"));
    assert!(why("raw/texts.jsonl:4").fails().contains("no document"));
}

#[test]
fn rules_lists_every_rule_with_its_source() {
    let all = Prep::new(["rules"]).json();
    let rules = all["rules"].as_array().unwrap();
    assert_eq!(rules.len(), prep::filter::RULES.len());
    assert!(
        rules
            .iter()
            .all(|rule| !rule["source"].as_str().unwrap().is_empty())
    );
    let threshold = |profile: &[&str], name: &str| {
        let list = Prep::new(["rules"]).args(profile).json();
        let rules = list["rules"].as_array().unwrap().clone();
        rules
            .iter()
            .find(|rule| rule["rule"] == name)
            .map(|rule| rule["threshold_en"].clone())
    };
    assert_eq!(
        threshold(&["--profile", "prose"], "dup_5_gram"),
        Some(json!(0.7))
    );
    assert_eq!(
        threshold(&["--profile", "prose", "--faithful"], "dup_5_gram"),
        Some(json!(0.15))
    );
    assert_eq!(threshold(&["--profile", "qa"], "dup_5_gram"), None);
    Prep::new(["rules"])
        .prints("gopher_short_doc")
        .prints("<EMAIL>")
        .prints("fineweb2-ru")
        .run();
}
