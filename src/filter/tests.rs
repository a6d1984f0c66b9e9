//! Every rule against its fixtures, profiles against the table, and `prose` against real books.

use super::*;
use crate::document::{Content, DocumentId, Message};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn document(content: Content, lang: &str, lang_score: f32) -> Document {
    let id = DocumentId::new("test", 1);
    Document {
        id,
        source: "test".into(),
        record: 1,
        content,
        lang: lang.into(),
        lang_score,
        languages: Vec::new(),
        meta: None,
    }
}

fn text(text: impl Into<String>, lang: &str) -> Document {
    document(Content::Text(text.into()), lang, 1.0)
}

fn chat(turns: &[(&str, &str)]) -> Document {
    document(
        Content::Chat(
            turns
                .iter()
                .map(|(role, content)| Message::new(*role, *content))
                .collect(),
        ),
        "ru",
        1.0,
    )
}

/// Only this rule, at its own thresholds.
fn only(name: &str) -> Filters {
    let having = || {
        PROFILES
            .iter()
            .filter(|profile| profile.rules.contains(&name))
    };
    let uncut =
        having().find(|profile| profile.clean_before.is_none() && profile.thresholds.is_empty());
    let profile = uncut.or(having().next()).expect("in no profile");
    let others: Vec<String> = profile
        .rules
        .iter()
        .filter(|other| **other != name)
        .map(ToString::to_string)
        .collect();
    Filters::new(profile.name, &[], &others).expect("a known profile")
}

fn messages(value: &Value) -> Vec<Message> {
    serde_json::from_value(value.clone()).expect("messages with role and content")
}

fn fixture(case: &Value) -> Document {
    let content = match (&case["text"], &case["messages"], &case["rejected"]) {
        (Value::String(text), ..) => Content::Text(
            text.repeat(usize::try_from(case["repeat"].as_u64().unwrap_or(1)).expect("a count")),
        ),
        (_, turns, Value::Null) => Content::Chat(messages(turns)),
        (_, turns, rejected) => Content::Preference {
            messages: messages(turns),
            rejected: messages(rejected),
        },
    };
    #[allow(clippy::cast_possible_truncation)]
    let score = case["lang_score"].as_f64().unwrap_or(1.0) as f32;
    document(content, case["lang"].as_str().expect("lang"), score)
}

#[test]
fn every_rule_keeps_and_drops_what_its_fixtures_say() {
    let mut cases: BTreeMap<&str, [usize; 2]> =
        RULES.iter().map(|rule| (rule.name, [0, 0])).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("fixtures")
        .map(|file| file.expect("file").path())
        .collect();
    files.sort();
    let mut wrong = Vec::new();
    for path in files {
        let lines = fs::read_to_string(&path).expect("UTF-8");
        for (index, line) in lines.lines().enumerate() {
            let place = format!(
                "{}:{}",
                path.file_name().expect("name").to_string_lossy(),
                index + 1
            );
            let case: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{place}: {error}"));
            let name = case["rule"].as_str().expect("rule");
            let drop = match case["expect"].as_str() {
                Some("drop") => true,
                Some("keep") => false,
                other => panic!("{place}: expected keep or drop, got {other:?}"),
            };
            let counted = cases
                .get_mut(name)
                .unwrap_or_else(|| panic!("{place}: no rule is named {name}"));
            counted[usize::from(drop)] += 1;
            let filters = only(name);
            let verdict = filters.verdict(&fixture(&case));
            let dropped = matches!(verdict, Verdict::Drop(Reason { rule, .. }) if rule == name);
            if dropped != drop {
                let measured = filters.all_verdicts(&fixture(&case));
                let values: Vec<_> = measured
                    .iter()
                    .map(|measured| (measured.value, measured.threshold))
                    .collect();
                wrong.push(format!("{place}: {name} measured, threshold: {values:?}"));
            }
        }
    }
    wrong.extend(
        cases
            .iter()
            .filter(|(_, [keep, drop])| *keep == 0 || *drop == 0)
            .map(|(name, [keep, drop])| {
                format!("{name} has {keep} cases that keep and {drop} that drop")
            }),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_each_name_once_and_every_rule_is_in_a_profile() {
    for (index, row) in RULES.iter().enumerate() {
        assert!(
            RULES[..index].iter().all(|other| other.name != row.name),
            "{} twice",
            row.name
        );
        assert!(!row.what.is_empty() && !row.source.is_empty());
        assert!(
            PROFILES
                .iter()
                .any(|profile| profile.rules.contains(&row.name)),
            "{} is in no profile",
            row.name
        );
    }
    for profile in PROFILES {
        let filters = Filters::new(profile.name, &[], &[]).expect("all names are known");
        assert!(filters.names().eq(profile.rules.iter().copied()));
        assert!(
            profile
                .thresholds
                .iter()
                .all(|(name, _)| profile.rules.contains(name))
        );
        assert!(
            profile
                .clean_before
                .is_none_or(|name| profile.rules.contains(&name))
        );
    }
}

#[test]
fn thresholds_follow_the_language_and_the_user() {
    let value = |document: &Document, set: &[(String, f64)]| {
        let filters = Filters::new("fineweb2-ru", set, &[]).expect("known");
        let measured = filters.all_verdicts(document);
        measured
            .iter()
            .find(|measured| measured.rule.name == "top_2_gram")
            .and_then(|measured| measured.threshold)
    };
    for (lang, words, expected) in [
        ("ru", "x", 0.184),
        ("en", "x", 0.2),
        ("uk", "мир", 0.2),
        ("und", "мир", 0.184),
        ("und", "word", 0.2),
    ] {
        assert_eq!(
            value(&text(words, lang), &[]),
            Some(expected),
            "{lang} {words}"
        );
    }
    assert_eq!(
        value(&text("x", "ru"), &[("top_2_gram".into(), 0.5)]),
        Some(0.5)
    );
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let error = Filters::new("prosa", &[], &[]).expect_err("unknown");
    assert!(
        error.contains("prosa") && error.contains("prose, qa"),
        "{error}"
    );
    let error = Filters::new("prose", &[("gopher_shrt".into(), 1.0)], &[]).expect_err("unknown");
    assert!(
        error.contains("gopher_shrt") && error.contains("gopher_short_doc"),
        "{error}"
    );
    assert!(Filters::new("prose", &[], &["dup".into()]).is_err());
    assert!(Filters::new("prose", &[("top_2_gram".into(), f64::NAN)], &[]).is_err());
}

#[test]
fn set_adds_a_rule_and_skip_leaves_one_out() {
    let stub = text("Короткий текст без конца", "ru");
    let set = [("gopher_short_doc".to_owned(), 20.0)];
    let reason = Reason {
        rule: "gopher_short_doc",
        value: 4.0,
        threshold: 20.0,
    };
    assert_eq!(
        Filters::new("none", &set, &[])
            .expect("known")
            .verdict(&stub),
        Verdict::Drop(reason)
    );
    let skip = ["gopher_short_doc".to_owned()];
    assert_eq!(
        Filters::new("none", &set, &skip)
            .expect("known")
            .verdict(&stub),
        Verdict::Keep
    );
}

#[test]
fn web_rules_never_judge_answers_and_answer_rules_never_judge_texts() {
    let answer = chat(&[("user", "Сколько будет 90 + 3?"), ("assistant", "93")]);
    for profile in PROFILES {
        let filters = Filters::new(profile.name, &[], &[]).expect("known");
        assert_eq!(filters.verdict(&answer), Verdict::Keep, "{}", profile.name);
    }
    assert_eq!(
        Filters::new("qa", &[], &[])
            .expect("known")
            .verdict(&text("", "ru")),
        Verdict::Keep
    );
}

#[test]
fn the_english_web_profile_judges_and_returns_what_c4_leaves() {
    let filters = Filters::new("fineweb-en", &[], &[]).expect("known");
    let menu = "Home\nAbout us\nContact\n".to_owned();
    let prose: String = (0..12)
        .map(|n| format!("{}\n", ENGLISH[n % ENGLISH.len()]))
        .take(6)
        .collect();
    let (verdict, cleaned) = filters.apply(&text(menu.clone() + &prose, "en"));
    assert_eq!(verdict, Verdict::Keep);
    let cleaned = cleaned.expect("kept");
    assert_eq!(
        (cleaned.text.as_str(), cleaned.cut.few_words),
        (prose.trim_end(), 3)
    );
    let (verdict, cleaned) = filters.apply(&text(menu, "en"));
    assert!(matches!(verdict, Verdict::Drop(_)) && cleaned.is_none());
}

#[test]
fn fidelity_to_the_source_takes_the_departures_back() {
    let play = text(
        "Маша.\nКуда вы едете нынче вечером?\nМаша.\nЯ остаюсь здесь одна.",
        "ru",
    );
    let filters = || Filters::new("none", &[("dup_line_frac".into(), 0.2)], &[]).expect("known");
    assert_eq!(filters().verdict(&play), Verdict::Keep);
    assert!(matches!(
        filters().with_fidelity(Fidelity::Source).verdict(&play),
        Verdict::Drop(_)
    ));
}

const ENGLISH: [&str; 6] = [
    "The harbour was quiet that morning, and nobody had seen the boat leave.",
    "Anna walked to the end of the pier with a letter that she did not want to read.",
    "It had been written in haste; the ink was still wet when it was folded.",
    "Her brother, who never wrote to anyone, asked her to come home before winter.",
    "She thought of the long road, of snow on the hills, and of the dark kitchen.",
    "Then the bell rang twice, and she put the letter into her pocket and went back.",
];

#[test]
fn prose_drops_what_is_broken_in_both_languages() {
    let spam = "Купите окна дёшево в Твери, звоните сейчас! ";
    let offers: Vec<String> = (0..40)
        .map(|n| format!("Лампа {n}. Доставка по всему городу в течение трёх рабочих дней. "))
        .collect();
    let table: Vec<String> = (0..40)
        .map(|n| format!("{n} {}.5 17 Total\n", n * 3))
        .collect();
    let encoded = "aGVsbG8gd29ybGQgdGhpcyBpcyBh ".repeat(60);
    let spaced = "T h e c a t s a t o n t h e m a t . ".repeat(6);
    for (broken, lang) in [
        (spam.repeat(20), "ru"),
        (offers.concat(), "ru"),
        ("— 17 —".to_owned(), "ru"),
        (table.concat(), "en"),
        (encoded, "en"),
        (spaced, "en"),
        ("Click here to win a prize now. ".repeat(30), "en"),
    ] {
        let filters = Filters::new("prose", &[], &[]).expect("known");
        let verdict = filters.verdict(&text(broken.clone(), lang));
        assert_ne!(verdict, Verdict::Keep, "{broken}");
    }
}

/// Whole paragraphs, packed to about 4,000 characters.
fn pieces(book: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut characters = 0;
    for line in book.lines() {
        if characters >= 4000 {
            pieces.push(String::new());
            characters = 0;
        }
        characters += line.chars().count() + 1;
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(line);
            piece.push('\n');
        }
    }
    pieces
}

#[test]
#[allow(clippy::print_stderr)]
fn prose_keeps_the_classics() {
    let Some(data) = std::env::var_os("PREP_DATA") else {
        eprintln!("skipped: PREP_DATA does not name the folder with the books");
        return;
    };
    let filters = Filters::new("prose", &[], &[]).expect("known");
    for (file, lang) in [
        ("text/ru/chekhov_duel.txt", "ru"),
        ("text/en/stoker_dracula.txt", "en"),
    ] {
        let book = fs::read_to_string(Path::new(&data).join(file)).expect("a book in UTF-8");
        let verdicts: Vec<Verdict> = pieces(&book)
            .into_iter()
            .map(|piece| filters.verdict(&text(piece, lang)))
            .collect();
        let kept = verdicts
            .iter()
            .filter(|verdict| **verdict == Verdict::Keep)
            .count();
        let drops: Vec<_> = verdicts
            .iter()
            .filter(|verdict| **verdict != Verdict::Keep)
            .collect();
        assert!(
            kept * 100 >= verdicts.len() * 97,
            "{file}: {kept} of {} kept; {drops:?}",
            verdicts.len()
        );
    }
}
