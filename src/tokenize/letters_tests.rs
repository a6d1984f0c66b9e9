//! The letters of special tokens: text, or with `--allow-special` the tokens.

use super::fast::Encode as _;
use super::tests::small;
use super::*;
use serde_json::{Value, json};

const TEXTS: [&str; 8] = [
    "An article about <|endoftext|> and </s>, <s> and [INST] tags [/INST].",
    "<s>[INST] Вопрос [/INST] Ответ </s>",
    "<|endoftext|>",
    "a<|endoftext|><|endoftext|>b </s",
    "нет ничего",
    "<|endoftext|",
    "  <s> два  </s>\n",
    "",
];
const NAMES: [&str; 4] = ["<|endoftext|>", "</s>", "<s>", "[INST]"];

/// The small tokenizer with more special tokens, as `change` makes it.
fn tokenizer(change: impl Fn(&mut Value)) -> Tokenizer {
    let mut json: Value = serde_json::from_slice(small().json()).unwrap();
    let first = 1_000;
    for (index, content) in NAMES.into_iter().enumerate() {
        json["added_tokens"].as_array_mut().unwrap().push(json!({
            "id": first + index, "content": content, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true,
        }));
    }
    change(&mut json);
    Tokenizer::new(
        serde_json::to_vec(&json).unwrap(),
        TokenizerConfig::default(),
    )
    .unwrap()
}

type Change = fn(&mut Value);

fn kinds() -> Vec<(&'static str, Tokenizer)> {
    let changes: [(&str, Change); 4] = [
        ("fast", |_| {}),
        ("nfc", |json| json["normalizer"] = json!({"type": "NFC"})),
        ("crate", |json| {
            json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\s+|\S+".into();
        }),
        ("tokens that take white space", |json| {
            for token in json["added_tokens"].as_array_mut().unwrap() {
                token["lstrip"] = true.into();
            }
        }),
    ];
    changes
        .into_iter()
        .map(|(kind, change)| (kind, tokenizer(change)))
        .collect()
}

#[test]
fn letters_are_text_unless_special_tokens_are_allowed() {
    for (kind, mut tokenizer) in kinds() {
        let ids: Vec<u32> = NAMES
            .iter()
            .map(|name| tokenizer.token_id(name).unwrap())
            .collect();
        for text in TEXTS {
            let plain = tokenizer.encode_text(text).unwrap();
            assert!(plain.iter().all(|id| !ids.contains(id)), "{kind}: {text}");
            assert_eq!(tokenizer.decode(&plain, true), text, "{kind}");
        }
        tokenizer.set_letters(Letters::Tokens);
        for text in TEXTS {
            let mut theirs = Vec::new();
            tokenizer
                .engine
                .template()
                .encode_into(text, &mut theirs)
                .unwrap();
            let ours = tokenizer.encode_text(text).unwrap();
            assert_eq!(ours, theirs, "{kind}: {text}");
            for (name, id) in NAMES.iter().zip(&ids) {
                let count = ours.iter().filter(|found| *found == id).count();
                assert_eq!(
                    count,
                    text.matches(name).count(),
                    "{kind}: {name} in {text}"
                );
            }
        }
    }
}

#[test]
fn letters_in_messages_follow_too_and_masks_stay_exact() {
    for (kind, mut tokenizer) in kinds() {
        let chat = [
            Message::new("user", "Что такое <|endoftext|>?"),
            Message::new("assistant", "Это </s> и [INST]."),
        ];
        let count = |encoded: &Encoded, name: &str| {
            let id = tokenizer.engine.id(name).unwrap();
            encoded.ids.iter().filter(|found| **found == id).count()
        };
        let learned = |encoded: &Encoded| {
            let ids = encoded.ids.iter().zip(&encoded.loss_mask);
            let ids: Vec<u32> = ids.filter(|(_, yes)| **yes).map(|(id, _)| *id).collect();
            tokenizer.decode(&ids, false)
        };
        let text = tokenizer.encode_chat(&chat).unwrap();
        assert!(NAMES.iter().all(|name| count(&text, name) == 0), "{kind}");
        let said = learned(&text);
        assert!(said.starts_with("Это </s> и [INST]."), "{kind}: {said}");
        let mut allowed = tokenizer_of(&tokenizer);
        allowed.set_letters(Letters::Tokens);
        let tokens = allowed.encode_chat(&chat).unwrap();
        for name in ["<|endoftext|>", "</s>", "[INST]"] {
            assert_eq!(count(&tokens, name), 1, "{kind}: {name}");
        }
        if kind != "tokens that take white space" {
            assert_eq!(learned(&tokens), said, "{kind}");
        }
        tokenizer.set_letters(Letters::Tokens);
        assert_eq!(tokenizer.encode_chat(&chat).unwrap(), tokens, "{kind}");
    }
}

fn tokenizer_of(tokenizer: &Tokenizer) -> Tokenizer {
    Tokenizer::new(tokenizer.json().to_vec(), TokenizerConfig::default()).unwrap()
}

#[test]
fn the_decision_is_in_the_fingerprint_and_is_saved() {
    let place = tempfile::tempdir().unwrap();
    let mut tokenizer = tokenizer(|_| {});
    let text = tokenizer.fingerprint().to_owned();
    tokenizer.set_letters(Letters::Tokens);
    assert_ne!(tokenizer.fingerprint(), text);
    tokenizer.save(place.path()).unwrap();
    let again = Tokenizer::from_dir(place.path()).unwrap();
    assert_eq!(again.letters(), Letters::Tokens);
    assert_eq!(again.fingerprint(), tokenizer.fingerprint());
}
