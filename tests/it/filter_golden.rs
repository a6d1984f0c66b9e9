//! `--faithful` rules decide as datatrove 0.10 does, on real documents.
//!
//! `fixtures/golden/datatrove.json` says which rules of datatrove drop which documents; the script
//! beside it wrote it. datatrove cuts words and sentences with spaCy, prep as spaCy is described to, with
//! fewer exceptions: rules that count words may differ at the threshold; nothing else may.

use crate::support::corpus::documents;
use crate::support::{Prep, fixture, place, read_json};
use prep::document::{Content, Document};
use prep::filter::{Column, Fidelity, Filters, TextMeasures};
use prep::output;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Least share of documents on which a rule must agree.
const AGREEMENT: f64 = 0.98;

/// Rules that count neither words nor sentences: no segmenter excuses them.
const WITHOUT_WORDS: [&str; 11] = [
    "dup_para_frac",
    "dup_para_char_frac",
    "dup_line_frac",
    "dup_line_char_frac",
    "gopher_too_many_bullets",
    "gopher_too_many_end_ellipsis",
    "c4_lorem_ipsum",
    "c4_curly_bracket",
    "line_punct_ratio",
    "short_line_ratio",
    "char_dup_ratio",
];

/// Rules that judge an English text without the lines that C4 cuts.
const ON_CLEANED: [&str; 4] = [
    "line_punct_ratio",
    "short_line_ratio",
    "char_dup_ratio",
    "list_ratio",
];

/// What datatrove says of one document.
struct Golden {
    russian: bool,
    words: u64,
    words_cleaned: Option<u64>,
    sentences: Option<u64>,
    drops: Vec<String>,
}

impl Golden {
    fn of(value: &Value) -> Self {
        let drops = value[4].as_str().expect("names of rules");
        Self {
            russian: value[0] == "ru",
            words: value[1].as_u64().expect("a number of words"),
            words_cleaned: value[2].as_u64(),
            sentences: value[3].as_u64(),
            drops: drops.split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// Whether spaCy and prep cut this text alike, so far as `rule` looks at it.
    fn is_cut_alike(&self, rule: &str, text: &str) -> bool {
        let column = if self.russian {
            Column::Russian
        } else {
            Column::English
        };
        let measures = TextMeasures::new(text, column, Fidelity::Source);
        match rule {
            rule if WITHOUT_WORDS.contains(&rule) => true,
            "c4_too_few_sentences" => self.sentences == Some(measures.cleaned().sentences as u64),
            "list_ratio" if !self.russian => {
                let cleaned = TextMeasures::new(&measures.cleaned().text, column, Fidelity::Source);
                self.words_cleaned == Some(cleaned.words().total() as u64)
            }
            _ => self.words == measures.words().total() as u64,
        }
    }
}

#[derive(Default)]
struct Agreement {
    documents: usize,
    dropped: usize,
    differ: usize,
    unexplained: Vec<String>,
}

#[test]
fn faithful_rules_agree_with_datatrove() {
    let Some(data) = crate::real_data::data() else {
        return;
    };
    let golden = read_json(&fixture("golden/datatrove.json"));
    let place = place();
    let files = golden["files"].as_array().expect("files");
    Prep::new(["ingest"])
        .args(
            files
                .iter()
                .map(|file| data.join("text").join(file.as_str().expect("a path"))),
        )
        .arg("--out")
        .arg(place.path())
        .json();
    let table = compare(place.path(), &golden["documents"]);
    assert!(table.len() > 25, "{} rules", table.len());
    output::note("rule                          documents  datatrove drops  differ");
    for (rule, found) in &table {
        output::note(&format!(
            "{rule:30} {:8} {:16} {:7}",
            found.documents, found.dropped, found.differ
        ));
    }
    for (rule, found) in &table {
        let agreement = 1.0 - found.differ as f64 / found.documents as f64;
        assert!(agreement >= AGREEMENT, "{rule}: {agreement}");
        assert!(
            found.unexplained.is_empty(),
            "{rule}: cut alike and judged otherwise: {:?}",
            found.unexplained
        );
    }
    let dropping = table.values().filter(|found| found.dropped > 0).count();
    assert!(dropping > 20, "only {dropping} rules drop anything here");
}

fn compare(corpus: &Path, golden: &Value) -> BTreeMap<&'static str, Agreement> {
    let filters = |profile| {
        Filters::new(profile, &[], &[])
            .expect("a profile")
            .with_fidelity(Fidelity::Source)
    };
    let (english, russian) = (filters("fineweb-en"), filters("fineweb2-ru"));
    let mut table = BTreeMap::<&str, Agreement>::new();
    let documents = documents(corpus);
    assert_eq!(
        documents.len(),
        golden.as_object().expect("documents").len()
    );
    for mut document in documents {
        let golden = Golden::of(&golden[document.id.to_string()]);
        // The golden decisions are by the language that was detected when they were made.
        let (filters, language) = if golden.russian {
            (&russian, "ru")
        } else {
            (&english, "en")
        };
        language.clone_into(&mut document.lang);
        for measured in filters.all_verdicts(&document) {
            let rule = measured.rule.name;
            if rule.starts_with("language") || measured.threshold.is_none() {
                continue;
            }
            // Nothing is left to judge; in the profile another rule has dropped it before.
            if golden.words_cleaned == Some(0) && ON_CLEANED.contains(&rule) {
                continue;
            }
            let found = table.entry(rule).or_default();
            let drops = golden.drops.iter().any(|name| name == rule);
            found.documents += 1;
            found.dropped += usize::from(drops);
            if drops != measured.drops {
                found.differ += 1;
                if golden.is_cut_alike(rule, text(&document)) {
                    found
                        .unexplained
                        .push(format!("{} record {}", document.source, document.record));
                }
            }
        }
    }
    table
}

fn text(document: &Document) -> &str {
    match &document.content {
        Content::Text(text) => text,
        other => panic!("not a text: {other:?}"),
    }
}
