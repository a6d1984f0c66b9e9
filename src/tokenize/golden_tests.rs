//! Chats as `transformers` encodes them: fixtures/golden/chat.json, made by `make_chat_golden.py`.

use super::*;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    template: String,
    chat: String,
    messages: Vec<Message>,
    ids: Vec<u32>,
    mask: Option<Vec<u8>>,
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/golden")
        .join(name)
}

/// The tokens of every built-in template, and two that are not special.
fn tokenizer_json() -> Vec<u8> {
    let texts = [
        "Сколько будет два плюс два? Четыре. Почему небо синее? Из-за рассеяния света. Около часа. Ты — помощник.",
        "Where does the bread rise? In a warm place, under a cloth. You'll see. And at night there is no sunlight.",
        "Answer briefly, as a helpful assistant would. What is a turn? The user asks, the assistant answers.\n\n",
    ];
    let texts = texts.iter().map(|text| (text.repeat(5), 1));
    let json = train::train(texts, &Training::byte_level(600)).unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let first = json["model"]["vocab"].as_object().unwrap().len();
    let specials = [
        "<|user|>",
        "<|assistant|>",
        "<|system|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        "[INST]",
        "[/INST]",
    ];
    let tokens = specials
        .iter()
        .map(|token| (*token, true))
        .chain([("<think>", false), ("</think>", false)]);
    let added = json["added_tokens"].as_array_mut().unwrap();
    added.extend(tokens.enumerate().map(|(n, (content, special))| {
        serde_json::json!({"id": first + n, "content": content, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": special})
    }));
    serde_json::to_vec(&json).unwrap()
}

#[test]
fn golden_inputs_are_what_this_code_makes() {
    let template = |row: &BuiltIn| Template::built_in(row).unwrap().source(true);
    let templates: serde_json::Map<String, serde_json::Value> = BUILT_IN
        .iter()
        .map(|row| (row.name.to_owned(), template(row).into()))
        .collect();
    let files = [
        ("tokenizer.json", tokenizer_json()),
        (
            "templates.json",
            serde_json::to_vec_pretty(&templates).unwrap(),
        ),
    ];
    for (name, bytes) in files {
        if std::env::var_os("PREP_REWRITE_GOLDEN").is_some() {
            std::fs::write(golden(name), &bytes).unwrap();
        }
        let there = std::fs::read(golden(name)).unwrap();
        assert!(
            there == bytes,
            "{name} differs: rewrite it with PREP_REWRITE_GOLDEN=1, then run make_chat_golden.py"
        );
    }
}

#[test]
fn golden_chats_have_the_ids_and_masks_of_transformers() {
    let golden_file: Golden =
        serde_json::from_slice(&std::fs::read(golden("chat.json")).unwrap()).unwrap();
    assert!(golden_file.cases.len() > 30);
    for case in &golden_file.cases {
        check(case, &tokenizer(&case.template));
    }
}

/// The same template without tags: the spans that prefixes show are those of the tags.
#[test]
fn golden_masks_are_found_without_generation_tags() {
    let golden_file: Golden =
        serde_json::from_slice(&std::fs::read(golden("chat.json")).unwrap()).unwrap();
    for case in golden_file.cases.iter().filter(|case| case.mask.is_some()) {
        let source = tokenizer(&case.template).template.source(true);
        let bare = source
            .replace("{%- generation %}", "{%- if true %}")
            .replace("{%- endgeneration %}", "{%- endif %}");
        assert!(bare != source && !bare.contains("generation %}"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bare).unwrap();
        check(
            case,
            &tokenizer(&case.template)
                .with_chat_template(file.path().to_str().unwrap())
                .unwrap(),
        );
    }
}

fn tokenizer(template: &str) -> Tokenizer {
    let file = golden("thinking.jinja");
    let name = if BUILT_IN.iter().any(|row| row.name == template) {
        template
    } else {
        file.to_str().unwrap()
    };
    let mut tokenizer = Tokenizer::from_file(&golden("tokenizer.json")).unwrap();
    if template == "thinking" {
        // It does not write BOS, and neither does transformers then.
        tokenizer.set_specials(Policy::Never, None).unwrap();
    }
    tokenizer.with_chat_template(name).unwrap()
}

fn check(case: &Case, tokenizer: &Tokenizer) {
    let what = format!("{}, {}", case.template, case.chat);
    let mut encoded = tokenizer.encode_chat(&case.messages).unwrap();
    if case.ids.first() != encoded.ids.first() && encoded.ids.first() == Some(&0) {
        encoded.ids.remove(0);
        encoded.loss_mask.remove(0);
    }
    assert_eq!(
        encoded.ids,
        case.ids,
        "{what}: {:?}",
        tokenizer.decode(&encoded.ids, false)
    );
    let Some(mask) = &case.mask else { return };
    let theirs: Vec<bool> = mask.iter().map(|counted| *counted == 1).collect();
    for (place, (ours, theirs_here)) in encoded.loss_mask.iter().zip(&theirs).enumerate() {
        // The one difference: transformers also counts a token that begins in the prompt and holds
        // the first character of the answer (here the prompt's newline and the answer's).
        let straddles =
            case.chat == "white space at the edges" && !ours && place > 0 && !theirs[place - 1];
        let token = tokenizer.decode(&encoded.ids[place..=place], false);
        assert!(
            ours == theirs_here || straddles && token == "\n\n",
            "{what}: token {place} {token:?}"
        );
    }
}
