use super::{Benchmarks, Builder, GRAM_WORDS, Grams, Hit};
use crate::document::{Content, Document, DocumentId, Message};

fn document(record: u64, content: Content) -> Document {
    Document {
        id: DocumentId::new("test.jsonl", record),
        source: "test.jsonl".to_owned(),
        record,
        content,
        lang: "en".to_owned(),
        lang_score: 1.0,
        languages: Vec::new(),
        meta: None,
    }
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

fn chat(question: &str, answer: &str) -> Content {
    Content::Chat(vec![
        Message::new("user", question),
        Message::new("assistant", answer),
    ])
}

fn words(prefix: &str, range: std::ops::Range<usize>) -> String {
    // Digits would fold to one: letters spell the number.
    let spelled = |n: usize| -> String {
        n.to_string()
            .bytes()
            .map(|b| (b - b'0' + b'a') as char)
            .collect()
    };
    range
        .map(|n| format!("{prefix}{}", spelled(n)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn benchmarks(contents: Vec<Content>) -> Benchmarks {
    let mut builder = Builder::default();
    for (i, content) in contents.into_iter().enumerate() {
        builder.add(&document(i as u64 + 1, content));
    }
    builder.build()
}

#[test]
fn grams_are_those_of_every_window() {
    let all = words("w", 0..40);
    let slow: Vec<u64> = {
        let words: Vec<&str> = all.split(' ').collect();
        words
            .windows(GRAM_WORDS)
            .map(|window| Grams::of(&text(&window.join(" "))).next().unwrap().hash)
            .collect()
    };
    let fast: Vec<u64> = Grams::of(&text(&all)).map(|gram| gram.hash).collect();
    assert_eq!(fast, slow);
    assert!(Grams::of(&text(&words("w", 0..12))).next().is_none());
}

#[test]
fn one_shared_gram_is_no_proof_two_are() {
    let index = benchmarks(vec![text(&words("q", 0..40))]);
    let inside = |count: usize| {
        text(&format!(
            "{} {} {}",
            words("a", 0..9),
            words("q", 5..5 + count),
            words("b", 0..9)
        ))
    };
    assert_eq!(index.hits(&inside(13)), []);
    let hits = index.hits(&inside(14));
    assert_eq!(
        hits,
        [Hit {
            item: 0,
            shared: 2,
            coverage: 2.0 / 28.0
        }]
    );
}

#[test]
fn arithmetic_with_other_numbers_is_another_item() {
    let solution = |a: u32, b: u32| {
        format!(
            "So he paid {a}-{b}=<<{a}-{b}={}>> dollars\nSo in total he paid {b}+{a}=<<{b}+{a}={}>> dollars",
            a - b,
            a + b
        )
    };
    let index = benchmarks(vec![
        text(&solution(400, 320)),
        text("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"),
    ]);
    assert_eq!(index.hits(&text(&solution(500, 20))), []);
    assert_eq!(index.hits(&text(&solution(400, 320))).len(), 1);
    assert_eq!(
        index.hits(&text("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17")),
        []
    );
}

#[test]
fn half_of_a_short_item_is_a_proof() {
    // 14 words have two 13-grams, of which one is half.
    let index = benchmarks(vec![text(&words("q", 0..14))]);
    let hits = index.hits(&text(&format!("{} x", words("q", 0..13))));
    assert_eq!(
        hits,
        [Hit {
            item: 0,
            shared: 1,
            coverage: 0.5
        }]
    );
}

#[test]
fn case_punctuation_and_lines_do_not_hide_an_item() {
    let item =
        "Джанет продаёт на рынке по шестнадцать утиных яиц в день и три съедает сама за завтраком";
    let index = benchmarks(vec![chat(item, "восемнадцать")]);
    let disguised = item.to_uppercase().replace(' ', ",\n").replace('Ё', "Е");
    assert_eq!(index.hits(&text(&disguised)).len(), 1);
}

#[test]
fn a_short_question_is_found_in_chats_alone() {
    let index = benchmarks(vec![chat("Столица Франции?", "Париж")]);
    let hits = index.hits(&chat("столица  франции", "Лион"));
    assert_eq!(
        hits,
        [Hit {
            item: 0,
            shared: 0,
            coverage: 1.0
        }]
    );
    assert_eq!(index.hits(&text("Столица Франции? Париж")), []);
    assert_eq!(index.hits(&chat("Столица Италии?", "Рим")), []);
    let index = benchmarks(vec![text("Короткий текст, семь слов."), text("Другой.")]);
    let hits = index.hits(&text("короткий ТЕКСТ семь слов"));
    assert_eq!(hits.iter().map(|hit| hit.item).collect::<Vec<_>>(), [0]);
}

#[test]
fn a_template_is_no_content() {
    let template = words("t", 0..30);
    let items = (0..60).map(|i| {
        chat(
            &format!(
                "{template} {}",
                words(&format!("q{}", ["a", "b", "c"][i % 3].repeat(i + 1)), 0..20)
            ),
            "да",
        )
    });
    let index = benchmarks(items.collect());
    assert_eq!(index.hits(&text(&template)), []);
    let of_item = format!("{template} {}", words("qa", 0..20));
    let hits = index.hits(&text(&of_item));
    assert_eq!(hits.iter().map(|hit| hit.item).collect::<Vec<_>>(), [0]);
}

#[test]
fn trimming_cuts_the_lines_of_the_item_alone() {
    let index = benchmarks(vec![text(&words("q", 0..30))]);
    let before = words("a", 0..40);
    let after = words("b", 0..40);
    let content = text(&format!(
        "{before}\n{}\n{}\n{after}",
        words("q", 0..15),
        words("q", 15..30)
    ));
    let (kept, hits) = index.trim(&content).unwrap();
    assert_eq!(kept, format!("{before}\n{after}"));
    assert_eq!(hits[0].shared, 18);
    assert!(index.trim(&text(&before)).is_none());
}

#[test]
fn hits_come_in_a_defined_order() {
    let long = words("q", 0..40);
    let index = benchmarks(vec![text(&words("q", 0..20)), text(&long), text(&long)]);
    let hits = index.hits(&text(&long));
    assert_eq!(
        hits.iter().map(|hit| hit.item).collect::<Vec<_>>(),
        [1, 2, 0]
    );
}
