use super::*;
use crate::document::Document;
use crate::ingest;
use std::path::Path;

fn context(threads: usize) -> Context {
    Context {
        json: false,
        quiet: true,
        threads,
        seed: 3,
        memory: 1 << 30,
        config: None,
    }
}

/// A corpus of these lines, a document each.
fn corpus(place: &Path, name: &str, lines: &[String]) -> PathBuf {
    let text = place.join(format!("{name}.jsonl"));
    let records: Vec<String> = lines
        .iter()
        .map(|line| json!({ "text": line }).to_string())
        .collect();
    std::fs::write(&text, records.join("\n")).expect("writes");
    let out = place.join(name);
    let options = ingest::Options::new(vec![text.display().to_string()], out.clone());
    ingest::run(&options, &context(2)).expect("ingests");
    out
}

/// Sentences of 40 words that a seeded walk draws from `words`; `number` makes each its own.
fn prose(words: &[&str], documents: usize, seed: u64) -> Vec<String> {
    let mut random = crate::train::Random::new(seed);
    (0..documents)
        .map(|_| {
            let mut draw = || words[(random.uniform().powi(2) * words.len() as f64) as usize];
            (0..40).map(|_| draw()).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

const RUSSIAN: &str = "и в не он на я что тот быть с а весь это как она по но они к у ты из мы за вы так же от сказать \
                       этот который мочь человек о один еще бы такой только себя свое какой когда уже для вот кто да говорить год";
const ENGLISH: &str = "the of and a to in is you that it he was for on are as with his they I at be this have from or one had \
                       by word but not what all were we when your can said there use an each which she do how their if";

fn options(a: &Path, b: &Path) -> Options {
    Options {
        a: a.to_owned(),
        b: b.to_owned(),
        tokenizer: None,
        copies: false,
        select: None,
        model_documents: 0,
        language: Language::En,
    }
}

fn compared(options: &Options, threads: usize) -> Report {
    let mut report = run(options, &context(threads)).expect("compares").report;
    report.judge(options.language);
    report
}

#[test]
fn halves_of_one_corpus_are_the_same_and_two_languages_are_not() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let words: Vec<&str> = RUSSIAN.split_whitespace().collect();
    let all = prose(&words, 1_200, 1);
    let one = corpus(place.path(), "one", &all[..600]);
    let two = corpus(place.path(), "two", &all[600..]);
    let english: Vec<&str> = ENGLISH.split_whitespace().collect();
    let other = corpus(place.path(), "other", &prose(&english, 600, 2));
    let same = compared(&options(&one, &two), 2);
    assert!(
        same.divergence.low == Some(0.0) && same.divergence.bits < 0.002,
        "{:?}",
        same.divergence
    );
    let auc = same.classifier.expect("enough");
    assert!((auc.auc - 0.5).abs() < 3.0 * auc.standard_error, "{auc:?}");
    assert!(same.drift.more_in_a.is_empty(), "{:?}", same.drift);
    assert!(
        same.verdict[0].contains("the same distribution"),
        "{:?}",
        same.verdict
    );
    let differ = compared(&options(&one, &other), 2);
    assert!(differ.classifier.expect("enough").auc > 0.999);
    assert!(differ.divergence.low > Some(0.9), "{:?}", differ.divergence);
    assert!(
        differ.verdict[0].contains("different kinds"),
        "{:?}",
        differ.verdict
    );
    assert_eq!(differ.importance.closer_to_a_share, 0.0);
    assert!(differ.drift.more_in_b.iter().any(|word| word.word == "the"));
    assert_eq!(
        differ,
        compared(&options(&one, &other), 1),
        "threads decide nothing"
    );
}

#[test]
fn a_planted_mixture_is_selected_and_copies_are_found() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let words: Vec<&str> = RUSSIAN.split_whitespace().collect();
    let english: Vec<&str> = ENGLISH.split_whitespace().collect();
    let target = prose(&words, 300, 1);
    let mut mixture = prose(&english, 400, 2);
    let planted = prose(&words, 100, 3);
    // One in five is like the target; ten are in it.
    for (i, line) in planted.iter().enumerate() {
        mixture.insert(5 * i, line.clone());
    }
    mixture.extend(target[..10].iter().cloned());
    let a = corpus(place.path(), "target", &target);
    let b = corpus(place.path(), "mixture", &mixture);
    let out = place.path().join("selected");
    let mut options = options(&a, &b);
    options.select = Some((100, out.clone()));
    options.copies = true;
    let report = compared(&options, 2);
    assert_eq!(
        report.selected.as_ref().map(|selected| selected.documents),
        Some(100)
    );
    let across = report.across.expect("searched");
    assert_eq!(
        (across.of, across.copies.exact, across.documents),
        ("b", 10, 510)
    );
    assert!((report.importance.closer_to_a_share - 110.0 / 510.0).abs() < 0.01);
    let selected = Side::open(&out).expect("a corpus");
    let mut found = 0;
    for unit in &selected.units {
        let each = |document: Document| {
            let text = document
                .content
                .pieces()
                .next()
                .unwrap_or_default()
                .to_owned();
            found += usize::from(planted.contains(&text) || target[..10].contains(&text));
            Ok(())
        };
        selected.for_each(unit, each).expect("reads");
    }
    assert_eq!(found, 100, "all that was selected is like the target");
    let manifest = std::fs::read(out.join("manifest.json")).expect("reads");
    std::fs::remove_dir_all(&out).expect("removes");
    compared(&options, 1);
    assert_eq!(
        manifest,
        std::fs::read(out.join("manifest.json")).expect("reads")
    );
    assert!(
        crate::verify::corpus(&out)
            .expect("verifies")
            .iter()
            .all(|check| check.holds)
    );
}
