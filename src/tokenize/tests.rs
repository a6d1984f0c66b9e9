use super::*;
use std::path::PathBuf;

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

/// The data of `PREP_DATA`, or a word about why the test is skipped.
fn data() -> Option<PathBuf> {
    let data = std::env::var_os("PREP_DATA")
        .filter(|data| !data.is_empty())
        .map(PathBuf::from);
    if data.is_none() {
        eprintln!("skipped: PREP_DATA does not name the data directory");
    }
    data
}

/// Name, vocabulary size and whether decoding gives the text back.
const REAL: [(&str, u32, bool); 10] = [
    ("botchan_unigram_1k.json", 1000, false),
    ("cl100k_base.json.zst", 100_258, true),
    ("gpt2.json.zst", 50_257, true),
    ("llama3_style_cl100k.json.zst", 100_272, true),
    ("mbert_wordpiece.json.zst", 119_547, false),
    ("mistral_v1_spm_bpe.json.zst", 32_000, true),
    ("o200k_base.json.zst", 200_000, true),
    ("qwen3.json.zst", 151_669, true),
    ("ruen_bytebpe_16k.json.zst", 16_384, true),
    ("ruen_unigram_8k.json.zst", 8000, false),
];

#[test]
fn real_tokenizers_give_the_ids_of_the_crate_and_count_bytes() {
    let Some(data) = data() else { return };
    let mut text = std::fs::read_to_string(data.join("text/ru/chekhov_duel.txt")).unwrap();
    text.push_str(&std::fs::read_to_string(data.join("text/en/stoker_dracula.txt")).unwrap());
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (name, vocab_size, exact) in REAL {
        let path = data.join("tokenizers").join(name);
        let tokenizer = Tokenizer::from_file(&path).unwrap();
        assert_eq!(tokenizer.vocab_size(), vocab_size, "{name}");
        let raw = tokenizers::Tokenizer::from_bytes(&tokenizer.json).unwrap();
        let lengths = tokenizer.token_bytes();
        assert_eq!(lengths.len(), vocab_size as usize);
        let chunks = lines
            .chunks(7)
            .map(|lines| lines.concat())
            .chain(lines.iter().map(ToString::to_string));
        for text in chunks.step_by(5) {
            let ids = tokenizer.encode_text(&text).unwrap();
            assert_eq!(
                ids,
                raw.encode(text.as_str(), false).unwrap().get_ids(),
                "{name}: {text:?}"
            );
            if exact {
                assert_eq!(tokenizer.decode(&ids, true), text, "{name}");
                let bytes: usize = ids.iter().map(|id| lengths[*id as usize] as usize).sum();
                let prefix = usize::from(name.starts_with("mistral"));
                assert_eq!(bytes, text.len() + prefix, "{name}: {text:?}");
            }
        }
    }
}

#[test]
fn letters_of_special_tokens_are_text_for_real_tokenizers() {
    let Some(data) = data() else { return };
    for (name, _, exact) in REAL {
        let tokenizer = Tokenizer::from_file(&data.join("tokenizers").join(name)).unwrap();
        for (id, token) in tokenizer.engine.specials() {
            for text in [
                token.content.clone(),
                format!("a {} b", token.content),
                format!("я{}я", token.content),
            ] {
                let ids = tokenizer.encode_text(&text).unwrap();
                let unknown = tokenizer
                    .engine
                    .token(id)
                    .is_some_and(|token| token.to_lowercase().contains("unk"));
                assert!(
                    unknown || !ids.contains(&id),
                    "{name}: {text:?} became {ids:?}"
                );
                if exact {
                    assert_eq!(tokenizer.decode(&ids, true), text, "{name}");
                }
            }
        }
    }
}

#[test]
fn real_tokenizers_know_their_special_tokens() {
    let Some(data) = data() else { return };
    let load = |name: &str| Tokenizer::from_file(&data.join("tokenizers").join(name)).unwrap();
    let specials = |name: &str| {
        let tokenizer = load(name);
        let token = |id: u32| tokenizer.token(id);
        (
            tokenizer.bos_id().map(token),
            token(tokenizer.eos_id()),
            tokenizer.pad_id().map(token),
            tokenizer.adds_bos(),
        )
    };
    let some = |token: &str| Some(token.to_owned());
    assert_eq!(
        specials("llama3_style_cl100k.json.zst"),
        (
            some("<|begin_of_text|>"),
            "<|end_of_text|>".into(),
            some("<|finetune_right_pad_id|>"),
            true
        )
    );
    assert_eq!(
        specials("qwen3.json.zst"),
        (None, "<|im_end|>".into(), some("<|endoftext|>"), false)
    );
    assert_eq!(
        specials("mistral_v1_spm_bpe.json.zst"),
        (some("<s>"), "</s>".into(), None, true)
    );
    assert_eq!(
        specials("gpt2.json.zst"),
        (None, "<|endoftext|>".into(), None, false)
    );
    assert_eq!(
        specials("mbert_wordpiece.json.zst"),
        (some("[CLS]"), "[SEP]".into(), some("[PAD]"), false)
    );
    let llama = load("llama3_style_cl100k.json.zst");
    let stops: Vec<String> = llama.stop_ids().iter().map(|id| llama.token(*id)).collect();
    assert_eq!(stops, ["<|end_of_text|>", "<|eot_id|>"]);
}
