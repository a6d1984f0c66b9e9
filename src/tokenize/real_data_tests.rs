//! All tokenizers of the data directory that `PREP_DATA` names, against the `tokenizers` crate.

use super::*;
use std::path::PathBuf;

/// The data of `PREP_DATA`, or a word about why the test is skipped.
fn data() -> Option<PathBuf> {
    let data = std::env::var_os("PREP_DATA")
        .filter(|data| !data.is_empty())
        .map(PathBuf::from);
    if data.is_none() {
        crate::output::note("skipped: PREP_DATA does not name the data directory");
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

/// Ruled lines, which pieces make in several ways of nearly the same score: ids of the Python library
/// (tokenizers 0.23.3, `encode(text, add_special_tokens=False)`), which reads scores as [`scores`] says.
#[test]
fn unigram_ties_are_broken_as_python_breaks_them() {
    let Some(data) = data() else { return };
    let path = data.join("tokenizers/ruen_unigram_8k.json.zst");
    let tokenizer = Tokenizer::from_file(&path).unwrap();
    for (text, ids) in [
        ("-".repeat(31), [&[192, 3912, 1033][..], &[]].concat()),
        ("!".repeat(9), [&[4][..], &[45; 9]].concat()),
        ("/".repeat(23), [&[913, 118][..], &[3713; 10]].concat()),
        ("а".repeat(15), [&[212][..], &[16; 14]].concat()),
        ("=".repeat(40), [&[3629][..], &[445; 38]].concat()),
    ] {
        assert_eq!(tokenizer.encode_text(&text).unwrap(), ids, "{text}");
    }
}

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
            .map(<[&str]>::concat)
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

/// Names of EOS and BOS that a tokenizer.json without its configuration has.
#[test]
fn real_tokenizers_without_configuration_end_texts_with_their_own_token() {
    let Some(data) = data() else { return };
    for (name, eos, bos) in [
        ("botchan_unigram_1k.json", "</s>", Some("<s>")),
        ("gpt2.json.zst", "<|endoftext|>", None),
        (
            "llama3_style_cl100k.json.zst",
            "<|end_of_text|>",
            Some("<|begin_of_text|>"),
        ),
        ("mbert_wordpiece.json.zst", "[SEP]", Some("[CLS]")),
        ("mistral_v1_spm_bpe.json.zst", "</s>", Some("<s>")),
        ("qwen3.json.zst", "<|endoftext|>", None),
        ("ruen_bytebpe_16k.json.zst", "<|eos|>", Some("<|bos|>")),
    ] {
        // Alone: what lies beside it would be its configuration.
        let dir = tempfile::tempdir().unwrap();
        let packed = std::fs::read(data.join("tokenizers").join(name)).unwrap();
        std::fs::write(dir.path().join(name), packed).unwrap();
        let tokenizer = Tokenizer::from_file(&dir.path().join(name)).unwrap();
        assert_eq!(tokenizer.token(tokenizer.eos_id()), eos, "{name}");
        let found = tokenizer.bos_id().map(|id| tokenizer.token(id));
        assert_eq!(found.as_deref(), bos, "{name}");
        // Every special token is one that the file calls so.
        let json: serde_json::Value = serde_json::from_slice(tokenizer.json()).unwrap();
        let added = json["added_tokens"].as_array().unwrap();
        for (id, token) in tokenizer.engine.specials() {
            let listed = added.iter().any(|added| added["id"] == id);
            assert!(listed, "{name}: {}", token.content);
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

#[test]
fn the_real_qwen3_template_renders_and_masks() {
    let Some(data) = data() else { return };
    let tokenizer = Tokenizer::from_file(&data.join("tokenizers/qwen3.json.zst")).unwrap();
    let chat = [
        Message::new("system", "Ты — помощник."),
        Message::new("user", "Привет"),
        Message::new("assistant", "<think>\nhm\n</think>\n\nЗдравствуйте!"),
        Message::new("user", "Ещё <|im_end|>?"),
        Message::new("assistant", "<|im_start|> — это токен."),
    ];
    let text = "<|im_start|>system\nТы — помощник.<|im_end|>\n<|im_start|>user\nПривет<|im_end|>\n\
        <|im_start|>assistant\nЗдравствуйте!<|im_end|>\n<|im_start|>user\nЕщё <|im_end|>?<|im_end|>\n\
        <|im_start|>assistant\n<think>\n\n</think>\n\n<|im_start|> — это токен.<|im_end|>\n";
    assert_eq!(tokenizer.chat_text(&chat, false).unwrap(), text);
    let encoded = tokenizer.encode_chat(&chat).unwrap();
    assert_eq!(tokenizer.decode(&encoded.ids, false), text);
    let counted: Vec<u32> = encoded
        .ids
        .iter()
        .zip(&encoded.loss_mask)
        .filter(|(_, yes)| **yes)
        .map(|(id, _)| *id)
        .collect();
    assert_eq!(
        tokenizer.decode(&counted, false),
        "Здравствуйте!<|im_end|><think>\n\n</think>\n\n<|im_start|> — это токен.<|im_end|>"
    );
    let ends = tokenizer.token_id("<|im_end|>").unwrap();
    assert_eq!(encoded.ids.iter().filter(|id| **id == ends).count(), 5);
    assert_eq!(tokenizer.stop_ids(), [ends]);
}
