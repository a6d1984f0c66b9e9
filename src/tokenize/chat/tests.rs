use super::super::config::TokenizerConfig;
use super::super::tests::small;
use super::super::{BUILT_IN, BuiltIn, Policy};
use super::*;

pub(super) fn chat() -> Vec<Message> {
    vec![
        Message::new("system", "You are a helpful assistant."),
        Message::new("user", "Мама мыла раму?"),
        Message::new("assistant", "Да,\nконечно! 🙂"),
        Message::new("user", " The cat?"),
        Message::new("assistant", "sat"),
    ]
}

/// Runs of tokens that the loss counts, decoded.
pub(super) fn counted(tokenizer: &Tokenizer, encoded: &Encoded) -> Vec<String> {
    assert_eq!(encoded.ids.len(), encoded.loss_mask.len());
    let mut runs: Vec<Vec<u32>> = Vec::new();
    let mut before = false;
    for (id, counted) in encoded.ids.iter().zip(&encoded.loss_mask) {
        match runs.last_mut() {
            Some(run) if *counted && before => run.push(*id),
            _ if *counted => runs.push(vec![*id]),
            _ => {}
        }
        before = *counted;
    }
    runs.iter()
        .map(|run| tokenizer.decode(run, false))
        .collect()
}

/// `tokenizer.json` of `small` with these tokens added as special ones.
fn with_specials(tokens: &[&str]) -> Tokenizer {
    let mut json: serde_json::Value = serde_json::from_slice(small().json()).unwrap();
    let first = json["model"]["vocab"].as_object().unwrap().len();
    let added = json["added_tokens"].as_array_mut().unwrap();
    added.retain(|token| !token["content"].as_str().unwrap().starts_with("<|im_"));
    added.extend(tokens.iter().enumerate().map(|(n, token)| {
        serde_json::json!({"id": first + n, "content": token, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true})
    }));
    Tokenizer::new(
        serde_json::to_vec(&json).unwrap(),
        TokenizerConfig::default(),
    )
    .unwrap()
}

fn tokenizer_for(row: &BuiltIn) -> Tokenizer {
    let tokens = if row.needs.is_empty() {
        row.chosen_by
    } else {
        row.needs
    };
    let tokenizer = if row.name == "chatml" {
        small()
    } else {
        with_specials(tokens)
    };
    tokenizer.with_chat_template(row.name).unwrap()
}

#[test]
fn the_mask_is_exactly_the_answers_and_the_end_of_turn() {
    for row in &BUILT_IN {
        let tokenizer = tokenizer_for(row);
        let (before, after) = match row.name {
            "llama3" => ("", "<|eot_id|>"),
            "chatml" => ("", "<|im_end|>"),
            "roles" => ("", "<|eos|>"),
            "llama2" => (" ", " <|eos|>"),
            _ => (" ", "<|eos|>"),
        };
        let encoded = tokenizer.encode_chat(&chat()).unwrap();
        let answers = ["Да,\nконечно! 🙂", "sat"].map(|answer| format!("{before}{answer}{after}"));
        assert_eq!(counted(&tokenizer, &encoded), answers, "{}", row.name);
        assert_eq!(encoded.ids[0], tokenizer.bos_id().unwrap(), "{}", row.name);
        let bos = encoded.ids.iter().filter(|id| **id == 0).count();
        assert_eq!(
            bos,
            if row.name == "llama2" { 2 } else { 1 },
            "{}",
            row.name
        );
        // The prompt for the last answer is where that answer begins.
        let prompt = tokenizer.render_chat(&chat()[..4], true).unwrap();
        assert_eq!(encoded.ids[..prompt.len()], prompt, "{}", row.name);
        assert!(
            !encoded.loss_mask[prompt.len() - 1] && encoded.loss_mask[prompt.len()],
            "{}",
            row.name
        );
        let stop = encoded
            .ids
            .iter()
            .zip(&encoded.loss_mask)
            .rfind(|(_, counted)| **counted)
            .unwrap()
            .0;
        assert!(tokenizer.stop_ids().contains(stop), "{}", row.name);
    }
}

#[test]
fn without_bos_no_built_in_template_writes_it() {
    for row in &BUILT_IN {
        let mut tokenizer = tokenizer_for(row);
        let with = tokenizer.encode_chat(&chat()).unwrap();
        let hash = tokenizer.chat_template_hash();
        tokenizer.set_specials(Policy::Never, None).unwrap();
        let without = tokenizer.encode_chat(&chat()).unwrap();
        let expected: Vec<u32> = with.ids.iter().copied().filter(|id| *id != 0).collect();
        assert_eq!(without.ids, expected, "{}", row.name);
        assert_ne!(tokenizer.chat_template_hash(), hash);
    }
}

#[test]
fn without_bos_no_template_of_a_file_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chat.jinja");
    let jinja = "\n{{ bos_token }}{% for m in messages %}{{ m.content + eos_token }}{% endfor %}";
    std::fs::write(&path, jinja).unwrap();
    let tokenizer = small().with_chat_template(path.to_str().unwrap()).unwrap();
    let with = tokenizer.encode_chat(&chat()).unwrap().ids;
    let bos = tokenizer.bos_id().unwrap();
    let mut without = tokenizer.without_bos_in_chats().unwrap();
    without.set_specials(Policy::Never, None).unwrap();
    assert_eq!(without.bos_of_chats(), None);
    let expected: Vec<u32> = with.iter().copied().filter(|id| *id != bos).collect();
    assert_eq!(without.encode_chat(&chat()).unwrap().ids, expected);
    assert!(with.len() > expected.len());
    // Who loads the files that are written has no BOS either.
    without.save(dir.path()).unwrap();
    let loaded = Tokenizer::from_dir(dir.path()).unwrap();
    assert_eq!(loaded.encode_chat(&chat()).unwrap().ids, expected);
}

#[test]
fn two_tokens_before_texts_are_refused_until_the_user_decides() {
    let tokenizer = with_specials(&["[gMASK]", "<sop>"]);
    let [first, second] = ["[gMASK]", "<sop>"].map(|token| tokenizer.engine.id(token).unwrap());
    let mut json: serde_json::Value = serde_json::from_slice(tokenizer.json()).unwrap();
    json["post_processor"] = serde_json::json!({
        "type": "TemplateProcessing", "pair": [],
        "single": [{"SpecialToken": {"id": "[gMASK]", "type_id": 0}}, {"SpecialToken": {"id": "<sop>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {
            "[gMASK]": {"id": "[gMASK]", "ids": [first], "tokens": ["[gMASK]"]},
            "<sop>": {"id": "<sop>", "ids": [second], "tokens": ["<sop>"]},
        },
    });
    let json = serde_json::to_vec(&json).unwrap();
    let mut tokenizer = Tokenizer::new(json, TokenizerConfig::default()).unwrap();
    let error = tokenizer.set_specials(Policy::Auto, None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("2 tokens before a text ([gMASK] <sop>)"),
        "{error}"
    );
    for policy in [Policy::Never, Policy::Always] {
        tokenizer.set_specials(policy, None).unwrap();
    }
    assert_eq!(tokenizer.encode_document("cat").unwrap().ids[0], first);
}

#[test]
fn templates_are_chosen_by_the_vocabulary() {
    for row in &BUILT_IN {
        let chosen = with_specials(row.chosen_by);
        let chosen = chosen.chat_text(&chat(), false).unwrap();
        let expected = if row.name == "llama2" {
            "mistral"
        } else {
            row.name
        };
        let expected = tokenizer_for(builtin::find(expected).unwrap())
            .chat_text(&chat(), false)
            .unwrap();
        assert_eq!(chosen, expected, "{}", row.name);
    }
}

#[test]
fn letters_of_special_tokens_in_messages_are_text() {
    for row in &BUILT_IN {
        let tokenizer = tokenizer_for(row);
        let specials = tokenizer.engine.specials();
        let letters: String = specials
            .iter()
            .map(|(_, token)| token.content.as_str())
            .collect();
        let tricked = |messages: Vec<Message>| -> Vec<Message> {
            let trick = |message: Message| {
                Message::new(
                    message.role,
                    format!("{} {letters}x{letters}", message.content),
                )
            };
            messages.into_iter().map(trick).collect()
        };
        let honest = tokenizer.encode_chat(&chat()).unwrap();
        let encoded = tokenizer.encode_chat(&tricked(chat())).unwrap();
        let special = |encoded: &Encoded| -> Vec<(u32, bool)> {
            let tokens = encoded
                .ids
                .iter()
                .copied()
                .zip(encoded.loss_mask.iter().copied());
            tokens
                .filter(|(id, _)| tokenizer.engine.is_special(*id))
                .collect()
        };
        assert_eq!(special(&encoded), special(&honest), "{}", row.name);
        let text = tokenizer.decode(&encoded.ids, false);
        assert_eq!(
            text,
            tokenizer.chat_text(&tricked(chat()), false).unwrap(),
            "{}",
            row.name
        );
        let runs = counted(&tokenizer, &encoded);
        assert!(
            runs.len() == 2 && runs[1].contains(&format!("sat {letters}x{letters}")),
            "{}",
            row.name
        );
    }
}

#[test]
fn hidden_letters_change_nothing_else() {
    // Between letters that are hidden, ids are those of the text alone.
    let tokenizer = small();
    let content = "конечно <|im_end|> мама";
    let encoded = tokenizer
        .encode_chat(&[
            Message::new("user", "a"),
            Message::new("assistant", content),
        ])
        .unwrap();
    let ids = tokenizer.encode_text(content).unwrap();
    assert!(encoded.ids.windows(ids.len()).any(|window| window == ids));
}

#[test]
fn private_use_characters_in_messages_are_only_text() {
    let tokenizer = small();
    let content = "\u{100000}\u{100001}<|eos|>\u{10FFFD}\u{F0000}";
    let encoded = tokenizer
        .encode_chat(&[
            Message::new("user", content),
            Message::new("assistant", content),
        ])
        .unwrap();
    assert_eq!(
        counted(&tokenizer, &encoded),
        [format!("{content}<|im_end|>")]
    );
}

#[test]
fn errors_say_what_is_wrong() {
    let fails = |tokenizer: &Tokenizer, messages: &[Message]| {
        format!("{:#}", tokenizer.encode_chat(messages).unwrap_err())
    };
    let tokenizer = small();
    assert!(fails(&tokenizer, &[]).contains("without messages"));
    let error = fails(
        &tokenizer,
        &[Message::new("user", "a"), Message::new("bot", "b")],
    );
    assert!(
        error.contains("message 2") && error.contains("\"bot\"") && error.contains("assistant"),
        "{error}"
    );
    let mistral = tokenizer.with_chat_template("mistral").unwrap();
    let error = fails(&mistral, &[Message::new("assistant", "a")]);
    assert!(
        error.contains("alternate") && error.contains("cannot render this chat"),
        "{error}"
    );
    let error = small()
        .with_chat_template("llama3")
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("<|eot_id|>") && error.contains("plain"),
        "{error}"
    );
    let error = small()
        .with_chat_template("nope")
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("chatml") && error.contains("nope"),
        "{error}"
    );
    let error = Template::jinja("{% for %}")
        .err()
        .map(|error| format!("{error:#}"))
        .unwrap();
    assert!(error.contains("not Jinja that prep understands"), "{error}");
}

/// Ids and mask as the crate makes them, without the fast path.
fn by_the_crate(tokenizer: &Tokenizer, messages: &[Message]) -> Encoded {
    let program = program(tokenizer);
    let rendered = if program.has_generation_tags() {
        program.render_marked(tokenizer, messages).unwrap()
    } else {
        spans::find(tokenizer, program, messages).unwrap()
    };
    let tokens = encode_placed(tokenizer.engine.template(), &rendered.text).unwrap();
    let mut encoded = Encoded {
        ids: tokens.iter().map(|token| token.id).collect(),
        loss_mask: mask(&tokens, &rendered.spans),
        ..Encoded::default()
    };
    if let Some(bos) = missing_bos(tokenizer, &encoded.ids) {
        encoded.ids.insert(0, bos);
        encoded.loss_mask.insert(0, false);
    }
    encoded
}

#[test]
fn chats_have_the_ids_and_masks_of_the_crate() {
    const PIECES: [&str; 16] = [
        "слово",
        "word",
        " ",
        "  ",
        "\n",
        "\n\n",
        "'s",
        "123",
        "🙂",
        "é",
        "e\u{301}",
        ".",
        "—",
        "\t",
        "Я",
        "ſ",
    ];
    let mut state = 11_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for row in &BUILT_IN {
        let tokenizer = tokenizer_for(row);
        let text = "Мама мыла раму, the cat sat.";
        assert!(
            tokenizer
                .guard
                .encode_fast(&tokenizer.engine, text)
                .is_some(),
            "{}",
            row.name
        );
        let mut compared = 0;
        for _ in 0..300 {
            let turns = 1 + random(3);
            let messages: Vec<Message> = (0..2 * turns)
                .map(|turn| {
                    let content: String = (0..=random(12))
                        .map(|_| PIECES[random(PIECES.len())])
                        .collect();
                    Message::new(ROLES[1 + turn % 2], content)
                })
                .collect();
            let Ok(encoded) = encode(&tokenizer, &messages) else {
                continue;
            };
            let theirs = by_the_crate(&tokenizer, &messages);
            assert_eq!(
                (encoded.ids, encoded.loss_mask),
                (theirs.ids, theirs.loss_mask),
                "{}: {messages:?}",
                row.name
            );
            compared += 1;
        }
        assert!(compared > 200, "{}: {compared}", row.name);
    }
}

/// Qwen 3 has `<think>` as an added token that is not special, and writes it into every chat.
#[test]
fn added_tokens_that_are_not_special_are_cut_out_as_the_crate_does() {
    let with = |flag: &str| {
        let mut json: serde_json::Value =
            serde_json::from_slice(super::super::tests::small().json()).unwrap();
        for (index, content) in ["<think>", "</think>", "<|eos|>x", "<thi"]
            .into_iter()
            .enumerate()
        {
            let mut token = serde_json::json!({
                "id": 1_000 + index, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": false,
            });
            token[flag] = true.into();
            token["special"] = false.into();
            json["added_tokens"].as_array_mut().unwrap().push(token);
        }
        let json = serde_json::to_vec(&json).unwrap();
        Tokenizer::new(json, super::super::TokenizerConfig::default()).unwrap()
    };
    let texts = [
        "<think>\nдумаю</think>\n\nОтвет",
        "a<think> b <think></think>c<|eos|>xd<thi<think",
        " <|eos|> <|eos|>x\n<think>\n",
        "нет ничего",
    ];
    for (flag, fast) in [("special", true), ("lstrip", false), ("normalized", false)] {
        let tokenizer = with(flag);
        for text in texts {
            let theirs = encode_placed(tokenizer.engine.template(), text).unwrap();
            let found = tokenizer.guard.encode_fast(&tokenizer.engine, text);
            let expected = fast || text == "нет ничего";
            assert_eq!(found.is_some(), expected, "{flag}: {text}");
            if let Some((tokens, _)) = found {
                // The crate places both halves of a character at its beginning.
                let ids =
                    |tokens: &[Placed]| tokens.iter().map(|token| token.id).collect::<Vec<_>>();
                assert_eq!(ids(&tokens), ids(&theirs), "{flag}: {text}");
            }
        }
    }
}
