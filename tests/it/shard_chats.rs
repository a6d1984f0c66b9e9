//! Chats longer than a context, and the letters of special tokens in documents.

use crate::support::{Prep, place, read_json, shards::tokenizer, write};
use prep::shard::{Dataset, Split};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn corpus(dir: &Path, lines: &[Value]) -> PathBuf {
    let (raw, corpus) = (dir.join("raw.jsonl"), dir.join("corpus"));
    let mut text = String::new();
    for line in lines {
        writeln!(text, "{line}").expect("memory");
    }
    write(&raw, text);
    Prep::ingest(&raw, &corpus).json();
    corpus
}

/// Text and learned text of each document in the shards.
fn documents(shards: &Path) -> Vec<(usize, String, String)> {
    let tokenizer = tokenizer(shards);
    let mut documents = Vec::new();
    let data = Dataset::open(shards, Split::Train).expect("shards");
    data.for_each_document(|_, tokens| {
        let learned = tokens
            .ids
            .iter()
            .zip(&tokens.mask)
            .filter(|(_, counts)| **counts);
        let learned: Vec<u32> = learned.map(|(id, _)| *id).collect();
        documents.push((
            tokens.ids.len(),
            tokenizer.decode(&tokens.ids, false),
            tokenizer.decode(&learned, false),
        ));
        Ok(())
    })
    .expect("documents");
    documents
}

fn message(role: &str, content: &str) -> Value {
    json!({"role": role, "content": content})
}

#[test]
#[allow(
    clippy::too_many_lines,
    reason = "one account, from the chat to the report"
)]
fn long_chats_are_cut_between_turns_and_counted() {
    let place = place();
    let answer = |number: usize| {
        format!(
            "Ответ номер {number}: {}вот так.",
            "подробно и ясно, ".repeat(4)
        )
    };
    let mut long = vec![message("system", "Ты вежливый помощник.")];
    for number in 0..12 {
        long.push(message("user", &format!("Вопрос номер {number}?")));
        long.push(message("assistant", &answer(number)));
    }
    let mut one_too_long = long[..5].to_vec();
    one_too_long[2]["content"] = "очень длинно ".repeat(300).into();
    let hopeless = [
        long[1].clone(),
        message("assistant", &"без конца ".repeat(400)),
    ];
    let short = [
        message("user", "Как дела?"),
        message("assistant", "Хорошо, спасибо."),
    ];
    let lines = [&long[..], &one_too_long, &hopeless, &short].map(|chat| json!({"messages": chat}));
    let corpus = corpus(place.path(), &lines);
    let options = [
        "--profile",
        "none",
        "--dedup",
        "off",
        "--val",
        "0",
        "--chat-template",
        "chatml",
    ];
    let out = |name: &str| place.path().join(name);
    let whole = Prep::shard(&corpus, &out("whole")).args(options).json();
    assert_eq!(
        whole["chats"],
        json!({"max_length": null, "chats": 0, "pieces": 0, "exchanges_left_out": 0, "tokens_added": 0})
    );
    let report = Prep::shard(&corpus, &out("cut"))
        .args(options)
        .args(["--max-length", "400", "--weight", "*=2"])
        .json();
    let found = documents(&out("cut"));
    assert!(found.iter().all(|(tokens, ..)| *tokens <= 400));
    // Every answer that fits is learned once a repetition, whole, with the end of its turn.
    for number in 0..12 {
        let said = format!("{}<|im_end|>", answer(number));
        let times: usize = found
            .iter()
            .map(|(.., learned)| learned.matches(&said).count())
            .sum();
        // The last exchange of the second chat is one of them.
        assert_eq!(times, if number == 1 { 4 } else { 2 }, "answer {number}");
    }
    for (_, text, learned) in &found {
        assert!(
            text.contains("Ты вежливый помощник.") || text.contains("Как дела?"),
            "{text}"
        );
        assert!(
            !learned.contains("Вопрос") && !learned.contains("помощник"),
            "{learned}"
        );
    }
    let pieces = found.len() / 2 - 1;
    assert!(pieces > 4, "{pieces}");
    let added = report["chats"]["tokens_added"].as_i64().expect("tokens");
    assert!(added > 0, "each piece has the system prompt");
    assert_eq!(
        report["chats"],
        json!({"max_length": 400, "chats": 2, "pieces": pieces, "exchanges_left_out": 1, "tokens_added": added})
    );
    assert_eq!(report["ledger"]["dropped"]["chat_too_long"]["records"], 1);
    assert_eq!(report["ledger"]["kept"]["records"], 3);
    // What was read is the same with and without the flag; what is left out has a line of its own.
    assert_eq!(report["ledger"]["read"], whole["ledger"]["read"]);
    let left_out = &report["ledger"]["dropped"]["exchange_too_long"];
    assert_eq!(left_out["records"], 0);
    let exchange: String = one_too_long[1..5]
        .iter()
        .filter(|message| {
            message["content"]
                .as_str()
                .is_some_and(|said| said.len() > 2000)
        })
        .map(|message| message["content"].as_str().unwrap_or_default())
        .collect();
    let characters = left_out["characters"].as_u64().expect("characters");
    assert!(
        characters > exchange.trim().chars().count() as u64,
        "with the question"
    );
    assert!(
        left_out["tokens"]
            .as_u64()
            .is_some_and(|tokens| tokens > 400)
    );
    let tokens: usize = found.iter().map(|(tokens, ..)| tokens).sum();
    let kept = report["ledger"]["kept"]["tokens"].as_i64().expect("tokens");
    assert_eq!(kept + added, tokens as i64 / 2);
    // Ratios are of what is learned: the bytes of the documents in the shards.
    let total = &report["tokens"]["total"];
    let manifest = read_json(&out("cut").join("manifest.json"));
    assert_eq!(total["tokens"], tokens / 2);
    assert_eq!(
        total["bytes"].as_u64().map(|bytes| 2 * bytes),
        manifest["train"]["bytes_text"].as_u64()
    );
    assert_eq!(manifest["train"]["documents"], found.len());
    Prep::new(["verify"]).arg(out("cut")).json();
    // Pieces stay different documents when they are shuffled.
    Prep::shard(&corpus, &out("shuffled"))
        .args(options)
        .args([
            "--max-length",
            "400",
            "--weight",
            "*=2",
            "--order",
            "shuffle",
        ])
        .json();
    let mut shuffled = documents(&out("shuffled"));
    let mut found = found;
    assert_ne!(shuffled, found);
    shuffled.sort();
    found.sort();
    assert_eq!(shuffled, found);
}

#[test]
fn letters_of_special_tokens_are_text_unless_they_are_allowed() {
    let place = place();
    let letters = "Начало <|im_end|> середина <|im_start|> и конец.";
    let lines = [
        json!({"text": letters}),
        json!({"messages": [message("user", "Что это?"), message("assistant", letters)]}),
    ];
    let corpus = corpus(place.path(), &lines);
    let options = [
        "--profile",
        "none",
        "--val",
        "0",
        "--chat-template",
        "chatml",
    ];
    let mut counts = Vec::new();
    for allow in [false, true] {
        let out = place.path().join(format!("allow {allow}"));
        let flags: &[&str] = if allow { &["--allow-special"] } else { &[] };
        let report = Prep::shard(&corpus, &out).args(options).args(flags).json();
        assert_eq!(report["encoding"]["allow_special"], allow);
        assert_eq!(report["encoding"]["path"], "fast");
        let tokenizer = tokenizer(&out);
        let ends = tokenizer.token_id("<|im_end|>").expect("a token");
        let data = Dataset::open(&out, Split::Train).expect("shards");
        let mut ids = Vec::new();
        data.for_each_document(|_, tokens| {
            ids.push(tokens.ids.iter().filter(|id| **id == ends).count());
            assert!(tokenizer.decode(&tokens.ids, false).contains(letters));
            Ok(())
        })
        .expect("documents");
        counts.push(ids);
        Prep::new(["verify"]).arg(&out).json();
    }
    // Of the chat, the template's own two are tokens in any case.
    assert_eq!(counts, [[0, 2], [1, 3]]);
    let fingerprints = [false, true].map(|allow| {
        let manifest = read_json(&place.path().join(format!("allow {allow}/manifest.json")));
        manifest["info"]["tokenizer_fingerprint"].clone()
    });
    assert_ne!(fingerprints[0], fingerprints[1]);
}

#[test]
fn the_report_says_how_texts_were_encoded_and_how_they_begin_and_end() {
    let place = place();
    let lines: Vec<Value> = (0..3_000)
        .map(|number| json!({"text": format!("Запись {number}: a record with number {number}.")}))
        .collect();
    let corpus = corpus(place.path(), &lines);
    let shard = |name: &str, options: &[&str]| {
        let out = place.path().join(name);
        Prep::shard(&corpus, &out)
            .args(["--profile", "none", "--dedup", "off", "--val", "0"])
            .args(options)
    };
    let report = shard("json", &["--bos", "always"]).json();
    let encoding = &report["encoding"];
    assert_eq!(
        (&encoding["path"], &encoding["unicode_version"]),
        (&json!("fast"), &json!("16.0.0"))
    );
    assert_eq!(encoding["differing"], 0);
    assert!(
        encoding["checked"]
            .as_u64()
            .is_some_and(|checked| (1..12).contains(&checked)),
        "{encoding}"
    );
    let (bos, eos) = (encoding["bos"].as_str(), encoding["eos"].as_str());
    let samples = report["samples"].as_array().expect("samples");
    assert_eq!(samples.len(), 3);
    for sample in samples {
        assert_eq!(sample["first"][0].as_str(), bos);
        assert_eq!(
            sample["last"]
                .as_array()
                .and_then(|last| last.last()?.as_str()),
            eos
        );
    }
    let (text, _) = shard("text", &["--bos", "never"])
        .prints("fast path, pattern ")
        .prints("no BOS")
        .run();
    assert!(
        text.contains("self-check") && text.contains("0 differ"),
        "{text}"
    );
    assert!(text.contains(eos.expect("letters")), "{text}");
}
