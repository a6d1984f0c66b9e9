//! SentencePiece-style BPE against the crate: each way of writing spaces, fuzzed.

use super::super::{EncodePath, Tokenizer, TokenizerConfig};
use super::fuzz_tests::{Change, compare, fuzz};
use super::probes::PROBES;
use serde_json::{Value, json};

/// A BPE of characters with byte fallback, trained on the probes, with spaces as the variant says.
fn metaspace(normalizer: &Value, pre_tokenizer: &Value) -> Value {
    let text = PROBES.join("\n").repeat(2) + "        a    b  c";
    let mut words: Vec<Vec<String>> = text
        .replace(' ', "▁")
        .split_inclusive('▁')
        .map(|word| word.chars().map(String::from).collect())
        .collect();
    // "word▁" begins the next word with its space.
    for at in 1..words.len() {
        if words[at - 1].last().is_some_and(|last| last == "▁") {
            words[at - 1].pop();
            words[at].insert(0, "▁".to_owned());
        }
    }
    words.push(vec!["▁".to_owned(); 8]);
    let mut vocab: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).to_vec();
    vocab.extend((0..256).map(|byte| format!("<0x{byte:02X}>")));
    let mut letters: Vec<String> = words.concat();
    letters.sort();
    letters.dedup();
    // Every third letter is left to its bytes.
    vocab.extend(
        letters
            .into_iter()
            .enumerate()
            .filter(|(at, letter)| at % 3 > 0 || letter == "▁")
            .map(|(_, letter)| letter),
    );
    let mut merges = Vec::new();
    for _ in 0..400 {
        let mut counts = std::collections::BTreeMap::<(&str, &str), u32>::new();
        for pair in words.iter().flat_map(|word| word.windows(2)) {
            if pair.iter().all(|part| vocab.contains(part)) {
                *counts.entry((&pair[0], &pair[1])).or_default() += 1;
            }
        }
        let Some((left, right)) = counts
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|((l, r), _)| ((*l).to_owned(), (*r).to_owned()))
        else {
            break;
        };
        let token = format!("{left}{right}");
        for word in &mut words {
            let mut at = 0;
            while at + 1 < word.len() {
                if word[at] == left && word[at + 1] == right {
                    word[at].clone_from(&token);
                    word.remove(at + 1);
                }
                at += 1;
            }
        }
        merges.push(json!([left, right]));
        vocab.push(token);
    }
    let ids: serde_json::Map<String, Value> = vocab
        .into_iter()
        .enumerate()
        .map(|(id, token)| (token, id.into()))
        .collect();
    let special = |id: usize, content: &str| json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": normalizer,
        "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
        "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": null,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": ids, "merges": merges,
        },
    })
}

/// Each way in which spaces are written as "▁".
fn metaspaces() -> Vec<(String, Value)> {
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prepend = json!({"type": "Prepend", "prepend": "▁"});
    let normalizer = json!({"type": "Sequence", "normalizers": [prepend, replace]});
    let mut all = vec![
        ("llama".to_owned(), metaspace(&normalizer, &Value::Null)),
        (
            "replace".to_owned(),
            metaspace(
                &json!({"type": "Sequence", "normalizers": [replace]}),
                &Value::Null,
            ),
        ),
    ];
    for scheme in ["first", "always", "never"] {
        for split in [true, false] {
            let pre_tokenizer = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split});
            all.push((
                format!("{scheme} {split}"),
                metaspace(&Value::Null, &pre_tokenizer),
            ));
        }
    }
    all
}

#[test]
fn fuzzed_texts_have_the_ids_of_the_crate_for_metaspaces() {
    for (name, json) in metaspaces() {
        let json = serde_json::to_vec(&json).unwrap();
        let tokenizer = Tokenizer::new(json, TokenizerConfig::default()).unwrap();
        assert_eq!(
            tokenizer.encode_path(),
            EncodePath::Fast("metaspace"),
            "{name}"
        );
        fuzz(&tokenizer, &name);
        for text in [
            "",
            " ",
            "   ",
            " a",
            "a ",
            "a  b",
            "▁",
            "a▁b ▁",
            "\n a",
            "</s> <s>",
            "<0x0A>",
        ] {
            compare(&tokenizer, text, &name);
        }
        compare(&tokenizer, &"q".repeat(3000), &name);
        compare(&tokenizer, &" ".repeat(3000), &name);
    }
}

/// "▁мыла" added to a vocabulary is found by the crate in what the normaliser makes of " мыла", and at the
/// beginning, where it puts a space.
#[test]
fn texts_with_added_words_have_the_ids_of_the_crate() {
    for (name, mut json) in metaspaces() {
        let id = json["model"]["vocab"].as_object().unwrap().len();
        for (number, content) in ["▁мыла", "▁▁раму", "ма▁п"].into_iter().enumerate()
        {
            for normalized in [true, false] {
                json["added_tokens"].as_array_mut().unwrap().push(json!({
                    "id": id + 2 * number + usize::from(normalized), "content": format!("{content}{}", if normalized { "" } else { "х" }),
                    "single_word": false, "lstrip": false, "rstrip": false, "normalized": normalized, "special": false,
                }));
            }
        }
        let json = serde_json::to_vec(&json).unwrap();
        let tokenizer = Tokenizer::new(json, TokenizerConfig::default()).unwrap();
        assert_eq!(
            tokenizer.encode_path(),
            EncodePath::Fast("metaspace"),
            "{name}"
        );
        for text in [
            "мама мыла раму",
            "мыла",
            "мылах",
            " мыла",
            "ма па",
            "ма п",
            "мама  раму",
            "рамураму",
            "▁мыла мыла",
        ] {
            compare(&tokenizer, text, &name);
        }
    }
}

#[test]
fn merges_over_spaces_and_missing_bytes_are_left_to_the_crate() {
    let (_, json) = metaspaces().swap_remove(0);
    let crossing: Change = |json| {
        let vocab = json["model"]["vocab"].as_object_mut().unwrap();
        let letter = (vocab.keys())
            .find(|token| matches!(token.as_bytes(), [letter] if letter.is_ascii_alphabetic()))
            .unwrap()
            .clone();
        vocab.insert(format!("{letter}▁"), vocab.len().into());
        let merges = json["model"]["merges"].as_array_mut().unwrap();
        merges.push(json!([letter, "▁"]));
    };
    let without_bytes: Change = |json| json["model"]["byte_fallback"] = false.into();
    for (change, reason) in [(crossing, "crosses"), (without_bytes, "byte fallback")] {
        let mut json = json.clone();
        change(&mut json);
        let json = serde_json::to_vec(&json).unwrap();
        let path = Tokenizer::new(json, TokenizerConfig::default())
            .unwrap()
            .encode_path();
        assert!(
            matches!(path, EncodePath::Crate(why) if why.contains(reason)),
            "{path:?}"
        );
    }
}
