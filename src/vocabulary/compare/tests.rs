use super::measure::{Marks, Sums, encode};
use super::*;
use crate::sample::Piece;
use std::sync::Arc;

fn piece(text: &str, language: &str) -> Piece {
    Piece {
        text: text.to_owned(),
        times: 1,
        language: Arc::from(language),
    }
}

#[test]
fn figures_are_those_worked_out_by_hand() {
    // "ab" is a token, nothing else is merged: 8 special tokens, 256 bytes and it.
    let tokenizer = Tokenizer::train(["ab ab".to_owned()].into_iter(), 265).unwrap();
    let marks = Marks::new(&tokenizer);
    let batch = [piece("ab ab!", "en"), piece("ё", "ru"), piece("ab", "en")];
    let measured = encode(&tokenizer, &marks, &batch).unwrap();
    // ab| |ab|! and ab; ё is two bytes.
    let english = measured.by_language["en"];
    let wanted = Sums {
        characters: 8,
        bytes: 8,
        words: 3,
        tokens: 5,
        single_byte: 2,
        byte_fallback: 0,
    };
    assert_eq!(english, wanted);
    let figures = Figures::from(&measured.by_language["ru"]);
    assert_eq!((figures.tokens, figures.words), (2, 1));
    assert_eq!(figures.bytes_per_token, 1.0);
    assert_eq!(figures.characters_per_token, 0.5);
    assert_eq!(
        (figures.single_byte_share, figures.byte_fallback_share),
        (1.0, 1.0)
    );
    assert_eq!((measured.texts, measured.given_back), (3, 3));
    // ab, space, ! and the two bytes of ё, of 257 ordinary tokens.
    let unused = unused(&tokenizer.spelt(), &measured.used);
    assert_eq!(unused.tokens, 257 - 5);
}

fn row(file: &str, tokens: u64, table: u64, flops: f64, lossless_share: f64) -> Row {
    let sums = Sums {
        characters: 500,
        bytes: 1000,
        words: 100,
        tokens,
        ..Sums::default()
    };
    Row {
        file: file.to_owned(),
        vocab_size: 1000,
        fast_path: true,
        total: Figures::from(&sums),
        by_language: BTreeMap::from([("ru".to_owned(), Figures::from(&sums))]),
        lossless_share,
        unused: Unused {
            tokens: 0,
            share: 0.0,
        },
        embedding_parameters: table,
        embedding_share: 0.1,
        context_saved: 0.0,
        bytes_per_sequence: 0.0,
        training_flops: flops,
        relative_cost: 0.0,
        bytes_per_second: 1.0,
    }
}

fn report(mut rows: Vec<Row>) -> Report {
    relate(&mut rows);
    let sampled = Sampled {
        documents: 1,
        bytes: 1000,
        share: 1.0,
        corpus_bytes: 1000,
        times: 1.0,
    };
    Report {
        command: "tokenizer compare",
        sample: BTreeMap::from([("ru".to_owned(), sampled)]),
        model: "llama-15m".to_owned(),
        body_parameters: 1,
        hidden_size: 1,
        tied: true,
        seq_len: 1,
        recommended: advice::choose(&rows),
        tokenizers: rows,
        reasons: Vec::new(),
    }
}

#[test]
fn the_cheapest_that_gives_texts_back_is_recommended() {
    let report = report(vec![
        row("wordpiece", 100, 10, 50.0, 0.2),
        row("large", 150, 90, 100.9, 1.0),
        row("small", 200, 20, 101.0, 1.0),
        row("wide", 120, 900, 150.0, 1.0),
        row("cheap", 180, 40, 100.0, 1.0),
    ]);
    assert_eq!(report.recommended, 2, "within 1 % the smallest table");
    assert_eq!(report.tokenizers[0].context_saved, 0.5);
    assert_eq!(report.tokenizers[3].relative_cost, 1.5);
    let said = advice::reasons(&report, Lang::En).join(" ");
    for part in [
        "Take small: training costs within 1 % of the least",
        "Tokens a word: 2 in ru.",
        "With cheap it would cost 1 % less.",
        "those of wide, 40 % fewer",
        "wordpiece (20 %)",
    ] {
        assert!(said.contains(part), "{part} / {said}");
    }
    let said = advice::reasons(&report, Lang::Ru).join(" ");
    for part in [
        "Возьмите small",
        "Токенов на слово: ru — 2.",
        "wide, на 40 % меньше",
    ] {
        assert!(said.contains(part), "{part} / {said}");
    }
}

#[test]
fn without_an_exact_one_none_is_taken_and_the_least_lossy_is_the_best() {
    let report = report(vec![
        row("a", 100, 10, 40.0, 0.2),
        row("b", 90, 10, 50.0, 0.996),
    ]);
    assert_eq!(report.recommended, 1);
    assert_eq!(report.tokenizers[1].relative_cost, 1.25);
    let said = advice::reasons(&report, Lang::En).join(" ");
    assert!(said.starts_with("Take none of these"), "{said}");
    assert!(said.contains("a (20 %), b (99.6 %)"), "{said}");
    let said = advice::reasons(&report, Lang::Ru).join(" ");
    assert!(said.starts_with("Не берите ни один"), "{said}");
}
