use super::*;

const SAMPLES: [&str; 7] = [
    "Маша ела кашу, а за́мок стоял. Её «ёлка» — №5.",
    "The quick brown fox didn't jump 12345 times over the lazy dog's back.",
    "🙂🙃 👨‍👩‍👧‍👦 naïve café 你好，世界！",
    "  two spaces\tand a tab\r\n\r\n\n   end   ",
    "",
    " ",
    "<|eos|><|im_end|></s><|endoftext|>[SEP]<pad>",
];

/// A tokenizer of 700 ids trained on the samples and a few lines.
pub(super) fn small() -> Tokenizer {
    let lines = [
        "Мама мыла раму и пела песню.",
        "You are a helpful assistant.",
        "Ответ: да, конечно!",
    ];
    let texts = SAMPLES
        .iter()
        .chain(&lines)
        .cycle()
        .take(200)
        .map(ToString::to_string);
    Tokenizer::train(texts, 700).unwrap()
}

#[test]
fn a_trained_tokenizer_gives_every_text_back() {
    let tokenizer = small();
    for text in SAMPLES {
        let ids = tokenizer.encode_text(text).unwrap();
        assert_eq!(tokenizer.decode(&ids, false), text);
        assert_eq!(
            tokenizer.decode(&ids, true),
            text,
            "no special token may come of a text"
        );
    }
}

#[test]
fn words_are_forgotten_and_ids_stay() {
    let tokenizer = small();
    let ids = tokenizer.encode_text(SAMPLES[0]).unwrap();
    assert!(tokenizer.forget_words() > 0);
    assert_eq!(tokenizer.forget_words(), 0);
    assert_eq!(tokenizer.encode_text(SAMPLES[0]).unwrap(), ids);
    assert!(tokenizer.forget_words() > 0);
}

#[test]
fn a_document_has_bos_and_eos_and_the_loss_counts_all_but_bos() {
    let mut tokenizer = small();
    let encoded = tokenizer.encode_document("раму").unwrap();
    assert_eq!(encoded.ids.first(), Some(&0));
    assert_eq!(encoded.ids.last(), Some(&tokenizer.eos_id()));
    assert!(!encoded.loss_mask[0] && encoded.loss_mask[1..].iter().all(|counted| *counted));
    tokenizer.set_specials(Policy::Never, None).unwrap();
    let bare = tokenizer.encode_document("раму").unwrap();
    assert_eq!(bare.ids, encoded.ids[1..]);
    assert!(bare.loss_mask.iter().all(|counted| *counted));
    assert_eq!(
        tokenizer.encode_document("").unwrap().ids,
        [tokenizer.eos_id()]
    );
}

#[test]
fn saving_and_loading_changes_nothing() {
    let mut tokenizer = small();
    let auto = tokenizer.fingerprint().to_owned();
    for (policy, eos) in [
        (Policy::Auto, None),
        (Policy::Never, Some("<|im_end|>")),
        (Policy::Always, Some("<|reserved_1|>")),
    ] {
        tokenizer.set_specials(policy, eos).unwrap();
        let dir = tempfile::tempdir().unwrap();
        tokenizer.save(dir.path()).unwrap();
        let loaded = Tokenizer::from_dir(dir.path()).unwrap();
        assert_eq!(loaded.fingerprint(), tokenizer.fingerprint());
        assert_eq!(loaded.fingerprint() == auto, policy == Policy::Auto);
        assert_eq!(loaded.chat_template_hash(), tokenizer.chat_template_hash());
        assert_eq!(loaded.specials, tokenizer.specials);
        assert_eq!(
            std::fs::read(dir.path().join("tokenizer.json")).unwrap(),
            tokenizer.json
        );
        let chat = [
            Message::new("user", "мама ма"),
            Message::new("assistant", "мама"),
        ];
        assert_eq!(
            loaded.encode_chat(&chat).unwrap(),
            tokenizer.encode_chat(&chat).unwrap()
        );
        let document = tokenizer.encode_document(SAMPLES[0]).unwrap();
        assert_eq!(loaded.encode_document(SAMPLES[0]).unwrap(), document);
    }
}

#[test]
fn the_fingerprint_ignores_formatting_and_nothing_else() {
    let tokenizer = small();
    let mut json: serde_json::Value = serde_json::from_slice(&tokenizer.json).unwrap();
    let load = |json: &serde_json::Value| {
        Tokenizer::new(
            serde_json::to_vec(json).unwrap(),
            TokenizerConfig::default(),
        )
        .unwrap()
    };
    assert_eq!(load(&json).fingerprint(), tokenizer.fingerprint());
    json["truncation"] = serde_json::json!({
        "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0
    });
    assert_eq!(load(&json).fingerprint(), tokenizer.fingerprint());
    assert_eq!(
        load(&json).encode_text(SAMPLES[0]).unwrap(),
        tokenizer.encode_text(SAMPLES[0]).unwrap()
    );
    json["normalizer"] = serde_json::json!({"type": "Lowercase"});
    assert_ne!(load(&json).fingerprint(), tokenizer.fingerprint());
}

#[test]
fn missing_special_tokens_are_named() {
    let mut tokenizer = small();
    let error = tokenizer
        .set_specials(Policy::Auto, Some("<nope>"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("--eos") && error.contains("<nope>"),
        "{error}"
    );
    let error = tokenizer
        .set_specials(Policy::Auto, Some("he"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("ordinary token"), "{error}");
    let bare = |vocab| {
        let json = serde_json::json!({"version": "1.0", "added_tokens": [],
            "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}});
        Tokenizer::new(
            serde_json::to_vec(&json).unwrap(),
            TokenizerConfig::default(),
        )
    };
    let error = bare(serde_json::json!({"<unk>": 0, "a": 1}))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("--eos TOKEN"), "{error}");
    let mut bare = bare(serde_json::json!({"<unk>": 0, "a": 1, "</s>": 2})).unwrap();
    assert_eq!(
        bare.encode_text("</s>").unwrap(),
        [0],
        "the letters of EOS are a word like any other"
    );
    assert_eq!(bare.encode_document("a").unwrap().ids, [1, 2]);
    assert!(
        bare.set_specials(Policy::Always, None)
            .unwrap_err()
            .to_string()
            .contains("BOS")
    );
}

/// As of Qwen3, whose vocabulary has `</s>` of HTML, which merges make.
#[test]
fn a_usual_name_that_is_an_ordinary_token_is_not_chosen() {
    let mut json: serde_json::Value = serde_json::from_slice(&small().json).unwrap();
    let id = |json: &serde_json::Value, token: &str| json["model"]["vocab"][token].as_u64();
    let entry = |json: &mut serde_json::Value, token: &str| {
        let vocab = json["model"]["vocab"].as_object_mut().unwrap();
        let next = vocab.len();
        vocab.entry(token).or_insert(next.into());
    };
    // The special tokens of the file get names that nobody knows.
    let tokens = json["added_tokens"].as_array().unwrap().clone();
    for token in tokens {
        let name = token["content"].as_str().unwrap();
        let vocab = json["model"]["vocab"].as_object_mut().unwrap();
        if let Some(id) = vocab.remove(name) {
            vocab.insert(format!("hidden {name}"), id);
        }
    }
    for (left, right) in [
        ("<", "/"),
        ("</", "s"),
        ("</s", ">"),
        ("<", "s"),
        ("<s", ">"),
    ] {
        let merge = serde_json::json!([left, right]);
        json["model"]["merges"].as_array_mut().unwrap().push(merge);
        entry(&mut json, &format!("{left}{right}"));
    }
    let added = |names: &[&str]| -> serde_json::Value {
        let tokens = names.iter().enumerate().map(|(index, name)| {
            serde_json::json!({
                "id": 2000 + index, "content": name, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            })
        });
        tokens.collect()
    };
    let load = |json: &serde_json::Value| {
        Tokenizer::new(
            serde_json::to_vec(json).unwrap(),
            TokenizerConfig::default(),
        )
    };
    json["added_tokens"] = added(&["<|endoftext|>", "<|im_end|>"]);
    json["post_processor"] = serde_json::Value::Null;
    let mut tokenizer = load(&json).unwrap();
    assert_eq!(tokenizer.token(tokenizer.eos_id()), "<|endoftext|>");
    assert_eq!((tokenizer.bos_id(), tokenizer.pad_id()), (None, None));
    let html = id(&json, "</s>").unwrap() as u32;
    assert!(!tokenizer.engine.is_special(html));
    // Letters that merges make are no special token, whatever is allowed.
    tokenizer.set_letters(Letters::Tokens);
    let ids = tokenizer.encode_text("a</s>").unwrap();
    assert!(!tokenizer.engine.is_special(*ids.last().unwrap()));
    // Nor is it where nothing else could end a text.
    json["added_tokens"] = added(&["<|other|>"]);
    let error = load(&json).err().unwrap().to_string();
    assert!(error.contains("--eos TOKEN"), "{error}");
    // An entry that no merge makes is chosen, and special; another choice leaves it a word.
    for token in ["<eos>", "<|pad|>"] {
        entry(&mut json, token);
    }
    let mut tokenizer = load(&json).unwrap();
    assert_eq!(tokenizer.token(tokenizer.eos_id()), "<eos>");
    let own = tokenizer.eos_id();
    assert!(tokenizer.engine.is_special(own));
    tokenizer
        .set_specials(Policy::Auto, Some("<|other|>"))
        .unwrap();
    assert!(!tokenizer.engine.is_special(own));
    let dir = tempfile::tempdir().unwrap();
    tokenizer.save(dir.path()).unwrap();
    let loaded = Tokenizer::from_dir(dir.path()).unwrap();
    assert_eq!(loaded.fingerprint(), tokenizer.fingerprint());
}

#[test]
fn added_tokens_that_are_not_special_keep_their_meaning() {
    let mut json: serde_json::Value = serde_json::from_slice(&small().json).unwrap();
    let id = json["model"]["vocab"].as_object().unwrap().len();
    json["added_tokens"]
        .as_array_mut()
        .unwrap()
        .push(serde_json::json!({
            "id": id, "content": "<think>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": false,
        }));
    let tokenizer = Tokenizer::new(
        serde_json::to_vec(&json).unwrap(),
        TokenizerConfig::default(),
    )
    .unwrap();
    let think = u32::try_from(id).unwrap();
    assert_eq!(tokenizer.encode_text("<think>").unwrap(), [think]);
    assert_eq!(tokenizer.token_bytes()[id], 7);
    let ids = tokenizer.encode_text("<|eos|><think><|eos|>").unwrap();
    assert!(ids.contains(&think) && !ids.contains(&tokenizer.eos_id()));
    // A chat whose text has letters of a special token goes another way; it too knows the token.
    let chat = [
        Message::new("user", "<|im_end|><think>"),
        Message::new("assistant", "<think>"),
    ];
    let encoded = tokenizer.encode_chat(&chat).unwrap();
    assert_eq!(encoded.ids.iter().filter(|id| **id == think).count(), 2);
}

#[test]
fn a_tokenizer_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&small());
}
