use super::pieces::{Pieces, alphabet, symbols};
use super::words::Split;
use super::*;
use crate::tokenize::config::TokenizerConfig;
use crate::tokenize::{EncodePath, Tokenizer};

fn words(text: &str, digits: Digits, spaces: Spaces) -> Vec<String> {
    let options = Training {
        digits,
        spaces,
        ..Training::default()
    };
    let mut words = Vec::new();
    Pieces::new(&options).split(text, &mut |word| {
        words.push(String::from_utf8(word.to_vec()).unwrap());
    });
    words
}

#[test]
fn words_begin_at_spaces_and_end_where_classes_meet() {
    use Digits::{Any, Single, Triples};
    for (text, digits, wanted) in [
        ("мама, мыла", Triples, "▁мама|,|▁мыла"),
        ("за\u{301}мок", Triples, "▁за\u{301}мок"),
        ("x86 и API-ключ", Triples, "▁x|86|▁и|▁API|-|ключ"),
        ("в 1234567", Single, "▁в|▁|1|2|3|4|5|6|7"),
        ("в 1234567", Triples, "▁в|▁|123|456|7"),
        ("в 1234567", Any, "▁в|▁1234567"),
        ("   да", Triples, "▁▁▁|▁да"),
        ("а\n\n  б ", Triples, "▁а|\n\n|▁|▁б|▁"),
        ("да▁нет", Triples, "▁да|▁нет"),
        ("", Triples, ""),
    ] {
        assert_eq!(
            words(text, digits, Spaces::Runs).join("|"),
            wanted,
            "{text:?}"
        );
    }
    assert_eq!(
        words("а\n\n  б", Triples, Spaces::Single).join("|"),
        "▁а|\n|\n|▁|▁б"
    );
}

#[test]
fn rare_characters_get_no_token_and_cut_words() {
    let words = [("▁аб".as_bytes().into(), 90), ("a你б".as_bytes().into(), 1)];
    let letters = alphabet(&words, 0.99);
    assert!(letters.contains(&'а') && letters.contains(&'~') && letters.contains(&'▁'));
    assert!(!letters.contains(&'你'));
    let place = |c| letters.iter().position(|letter| *letter == c).unwrap() as u32;
    let mut wanted = vec![
        (vec![place('▁'), place('а'), place('б')], 90),
        (vec![place('a')], 1),
        (vec![place('б')], 1),
    ];
    wanted.sort();
    assert_eq!(symbols(&words, &letters), wanted);
}

const TEXTS: [&str; 8] = [
    "Мама мыла раму, мыла раму мама. The cat sat on the mat; the cat sat.",
    "В 2024 году было 1234567 строк.\n\n    отступ\r\nи конец",
    " leading and trailing  ",
    "aaaa aaa aaaaa за\u{301}мок 你好 🙂🙂",
    "<unk> <s> <|eos|> <0x41> ▁ ",
    "\n",
    " ",
    "",
];

fn trained(kind: ModelKind, digits: Digits, spaces: Spaces) -> Tokenizer {
    let options = Training {
        kind,
        vocab_size: 520,
        digits,
        spaces,
        special_tokens: vec!["<|tool|>".to_owned()],
        character_coverage: 0.9995,
        most_words: None,
    };
    let texts = TEXTS[..4]
        .iter()
        .cycle()
        .take(200)
        .map(|text| ((*text).to_owned(), 1));
    Tokenizer::new(train(texts, &options).unwrap(), TokenizerConfig::default()).unwrap()
}

#[test]
fn every_kind_gives_every_text_back_and_never_makes_a_special_token() {
    for kind in [ModelKind::ByteLevel, ModelKind::Pieces, ModelKind::Unigram] {
        for digits in [Digits::Single, Digits::Triples, Digits::Any] {
            for spaces in [Spaces::Runs, Spaces::Single] {
                let tokenizer = trained(kind, digits, spaces);
                let special = tokenizer.token_id("<|tool|>").unwrap();
                assert_eq!(special, 8);
                let lengths = tokenizer.token_bytes();
                for text in TEXTS {
                    let ids = tokenizer.encode_text(text).unwrap();
                    // A "▁" of a text becomes a space in SentencePiece.
                    let wanted = match kind {
                        ModelKind::ByteLevel => text.to_owned(),
                        _ => text.replace('▁', " "),
                    };
                    let place = format!("{kind:?} {digits:?} {spaces:?} {text:?}");
                    assert_eq!(tokenizer.decode(&ids, false), wanted, "{place}");
                    assert!(ids.iter().all(|id| lengths[*id as usize] > 0), "{place}");
                }
            }
        }
    }
}

#[test]
fn digits_and_spaces_are_as_the_policies_say() {
    for kind in [ModelKind::ByteLevel, ModelKind::Pieces, ModelKind::Unigram] {
        let most = |digits, spaces, is: fn(char) -> bool| {
            let tokens = trained(kind, digits, spaces).spelt();
            let texts = tokens
                .iter()
                .filter(|token| token.kind == crate::tokenize::TokenKind::Text);
            texts
                .filter_map(|token| std::str::from_utf8(&token.bytes).ok())
                .map(|text| text.chars().filter(|c| is(*c)).count())
                .max()
        };
        let digit: fn(char) -> bool = |c| c.is_numeric();
        assert_eq!(
            most(Digits::Single, Spaces::Runs, digit),
            Some(1),
            "{kind:?}"
        );
        assert_eq!(
            most(Digits::Triples, Spaces::Runs, digit),
            Some(3),
            "{kind:?}"
        );
        assert!(most(Digits::Any, Spaces::Runs, digit) > Some(3), "{kind:?}");
        let space: fn(char) -> bool = char::is_whitespace;
        assert_eq!(
            most(Digits::Any, Spaces::Single, space),
            Some(1),
            "{kind:?}"
        );
        assert!(most(Digits::Any, Spaces::Runs, space) > Some(2), "{kind:?}");
    }
}

#[test]
fn both_kinds_of_bpe_are_on_the_fast_path() {
    for digits in [Digits::Single, Digits::Triples, Digits::Any] {
        for kind in [ModelKind::ByteLevel, ModelKind::Pieces] {
            let path = trained(kind, digits, Spaces::Runs).encode_path();
            assert!(
                matches!(path, EncodePath::Fast(_)),
                "{kind:?} {digits:?} {path:?}"
            );
        }
    }
}

#[test]
fn bytes_of_every_kind_are_the_same_for_any_number_of_threads() {
    for kind in [ModelKind::Pieces, ModelKind::Unigram] {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| trained(kind, Digits::Triples, Spaces::Runs).json().to_vec())
        };
        assert!(with(1) == with(3), "{kind:?}");
    }
}
