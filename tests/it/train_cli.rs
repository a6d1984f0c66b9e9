//! `train`, `eval` and `generate` as a user runs them.

use std::process::Command;

use serde_json::Value;

use crate::{
    support::training::{Place, TRAIN, file, with},
    train_shards,
};

#[test]
fn a_model_is_trained_measured_and_asked() {
    let place = Place::new(200, 20);
    let report = place.json(&with(TRAIN, &["--steps", "400"]));
    assert_eq!(report["steps"], 400);
    assert_eq!(report["tokens"], 400 * 256);
    let val = report["val_loss"].as_f64().expect("a validation loss");
    assert!(val < 1.0, "the sentences are easy, but the loss is {val}");
    assert!(report["tokens_per_second"].as_f64() > Some(0.0));
    for name in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "metrics.jsonl",
        "report.json",
        "manifest.json",
    ] {
        assert!(
            place.path("model").join(name).is_file(),
            "{name} is missing"
        );
    }

    let eval = place.json(&["eval", "model", "shards"]);
    assert!(
        (eval["loss"].as_f64().expect("a loss") - val).abs() < 1e-6,
        "{eval}"
    );
    let loss = eval["loss"].as_f64().expect("a loss");
    let perplexity = eval["perplexity"].as_f64().expect("a perplexity");
    assert!((perplexity - loss.exp()).abs() < 1e-9);
    assert_eq!(eval["bits_per_byte"], report["bits_per_byte"]);
    place.json(&["eval", "model", "shards", "--split", "train"]);

    let ask = [
        "generate",
        "model",
        "After two comes",
        "--greedy",
        "--max-tokens",
        "30",
    ];
    let said = place.json(&ask);
    let text = said["text"].as_str().expect("a text");
    assert!(text.starts_with(" three. После два идёт три."), "{said}");
    assert_eq!(said["finish_reason"], "stop");
    let streamed = place.prep(&with(&ask, &["--quiet"]));
    assert_eq!(
        String::from_utf8_lossy(&streamed.stdout),
        format!("{text}\n")
    );

    many_prompts(&place, &said);

    let chance = [
        "generate",
        "model",
        "After",
        "--max-tokens",
        "5",
        "--seed",
        "7",
        "--top-k",
        "9",
        "--top-p",
        "0.9",
        "--repetition-penalty",
        "1.1",
    ];
    let first = place.json(&chance);
    assert_eq!(first, place.json(&chance), "the same seed says the same");
    assert_eq!(first["finish_reason"], "length");
    place.json(&[
        "generate",
        "model",
        "?",
        "--chat",
        "--system",
        "Be brief.",
        "--max-tokens",
        "4",
    ]);
}

/// Prompts of a file are answered as each is alone: `said` is what the model says to "After two comes".
fn many_prompts(place: &Place, said: &serde_json::Value) {
    let lines = "After two comes\n\nПосле\n";
    std::fs::write(place.path("prompts.txt"), lines).expect("prompts are written");
    let chats = concat!(
        r#"{"prompt":"After two comes"}"#,
        "\n",
        r#"{"messages":[{"role":"user","content":"Two?"},{"role":"assistant","content":"3"},{"role":"user","content":"?"}]}"#,
    );
    std::fs::write(place.path("prompts.jsonl"), chats).expect("prompts are written");
    let many = |name: &str, more: &[&str]| -> Vec<serde_json::Value> {
        let args = [
            "generate",
            "model",
            "--prompts",
            name,
            "--max-tokens",
            "30",
            "--quiet",
        ];
        let out = place.prep(&with(&args, more));
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        let lines = String::from_utf8(out.stdout).expect("UTF-8");
        lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    };
    let all = many("prompts.txt", &["--greedy"]);
    assert_eq!(all.len(), 2);
    assert_eq!(&all[0], said, "as the prompt alone");
    assert_eq!(all[1]["prompt"], "После");
    let chats = many("prompts.jsonl", &["--greedy", "--batch", "1"]);
    assert_eq!(&chats[0], said);
    assert_eq!(chats[1]["prompt"][2]["content"], "?");
    assert_eq!(
        many("prompts.txt", &["--seed", "3"]),
        many("prompts.txt", &["--seed", "3", "--batch", "1"]),
        "chance does not depend on what is beside a prompt"
    );
    std::fs::write(
        place.path("prompts.jsonl"),
        "{\"prompt\":\"a\"}\n{\"text\":1}\n",
    )
    .expect("bad");
    // What stands before a bad line is answered.
    let out = place.prep(&["generate", "model", "--prompts", "prompts.jsonl"]);
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(
        error.contains("prompts.jsonl:2") && error.contains("messages"),
        "{error}"
    );
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&out.stdout).lines().count(), 1);
    place.error(&["generate", "model"]);
    place.error(&["generate", "model", "a", "--prompts", "prompts.txt"]);
}

#[test]
fn shards_are_mixed_by_weight_and_packed_as_asked() {
    let place = Place::new(60, 6);
    train_shards::write(&place.path("more"), &train_shards::tokenizer(420), 30, 3);
    let plan = |more: &[&str]| {
        let args = [
            "train",
            "--out",
            "never",
            "--model",
            "llama-1m",
            "--dry-run",
        ];
        place.json(&[&args, &["--seq-len", "64"][..], more].concat())
    };
    let one = plan(&["shards"]);
    let mixed = plan(&["shards", "more=2.5"]);
    let documents = |plan: &Value| plan["packing"]["documents"].as_u64().expect("a number");
    assert_eq!(documents(&one), 60);
    let repeated = documents(&mixed) - 60;
    assert!((60..=90).contains(&repeated), "{repeated}");
    assert_ne!(one["options"]["shards"], mixed["options"]["shards"]);
    assert!(one["packing"]["padded_share"].as_f64() < Some(0.2), "{one}");
    let none = plan(&["shards", "--packing", "none"]);
    assert!(
        none["packing"]["padded_share"].as_f64() > Some(0.3),
        "{none}"
    );
    assert_eq!(none["packing"]["sequences"], 60);
    let concat = plan(&["shards", "--packing", "concat"]);
    assert!(
        concat["packing"]["cut_needlessly"].as_u64() > Some(0),
        "{concat}"
    );
    assert!(!place.path("never").exists(), "a plan writes nothing");

    let error = place.error(&["train", "shards", "more=-1", "--out", "x"]);
    assert!(error.contains("weight"), "{error}");
    train_shards::write(&place.path("others"), &train_shards::tokenizer(300), 60, 6);
    let error = place.error(&["train", "shards", "others", "--out", "x"]);
    assert!(error.contains("others"), "{error}");
}

#[test]
fn shards_that_were_changed_are_refused_before_the_first_step() {
    let place = Place::new(60, 6);
    let shard = place.path("shards/train-00000.arrow");
    let mut bytes = file(&shard);
    // Ids begin after the header; the last bytes are other columns and padding.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&shard, bytes).expect("is written");
    let error = place.error(&with(TRAIN, &["--steps", "2"]));
    assert!(
        error.contains("train-00000.arrow") && error.contains("changed or damaged"),
        "{error}"
    );
    assert!(!place.path("model/metrics.jsonl").exists());
}

#[test]
fn every_architecture_is_trained_from_its_config_and_asked() {
    let place = Place::new(60, 6);
    let rotary = r#""hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8"#;
    let gpt2 = r#""n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64"#;
    for (name, sizes) in [("qwen2", rotary), ("qwen3", rotary), ("gpt2", gpt2)] {
        let config = format!(r#"{{"model_type": "{name}", {sizes}}}"#);
        std::fs::write(place.path("c.json"), config).expect("is written");
        let mut args = with(TRAIN, &["--steps", "30", "--schedule", "wsd"]);
        (args[3], args[5]) = (name, "c.json");
        args.extend(["--save-dtype", "bf16", "--prompts", "prompts.txt"]);
        std::fs::write(place.path("prompts.txt"), "After one\n\nПосле\n").expect("is written");
        let report = place.json(&args);
        assert_eq!(report["skipped_steps"], 0, "{name}");
        let samples = String::from_utf8(file(&place.path(name).join("samples.jsonl")));
        assert_eq!(samples.expect("text").lines().count(), 2 * 10, "{name}");
        let eval = place.json(&["eval", name, "shards"]);
        let (loss, val) = (eval["loss"].as_f64(), report["val_loss"].as_f64());
        let error = (loss.expect("a loss") / val.expect("a loss") - 1.0).abs();
        assert!(error < 0.02, "{name}: bf16 changes the loss by {error}");
        place.json(&["generate", name, "After", "--max-tokens", "5"]);
    }
    let error = place.error(&["train", "shards", "--out", "x", "--model", "c.json"]);
    assert!(error.contains("context of 64"), "{error}");
    let config = format!(r#"{{"model_type": "qwen3", "num_experts": 8, {rotary}}}"#);
    std::fs::write(place.path("c.json"), config).expect("is written");
    let error = place.error(&["train", "shards", "--out", "x", "--model", "c.json"]);
    assert!(error.contains("num_experts"), "{error}");
}

#[test]
fn a_model_answers_multiple_choice_and_talks() {
    let place = Place::new(200, 20);
    place.json(&with(TRAIN, &["--steps", "300"]));
    let questions: Vec<String> = ["one two three", "two three five", "three four one"]
        .iter()
        .map(|row| {
            let words: Vec<&str> = row.split(' ').collect();
            format!(
                r#"{{"question": "After {} comes", "choices": ["{}.", "{}."], "answer": 0}}"#,
                words[0], words[1], words[2]
            )
        })
        .collect();
    std::fs::write(place.path("q.jsonl"), questions.join("\n")).expect("is written");
    let scores = place.json(&["eval", "model", "--tasks", "q.jsonl"]);
    assert_eq!(scores["items"], 3);
    assert_eq!(scores["accuracy"], 1.0, "{scores}");
    let free =
        r#"{"question": "After one comes two. После один идёт", "answer": ["nothing", " ДВА"]}"#;
    let wrong = r#"{"question": "After one comes", "answer": 2}"#;
    let lines = format!("{}\n{free}\n{wrong}\n", questions.join("\n"));
    std::fs::write(place.path("q.jsonl"), lines).expect("is written");
    let scores = place.json(&["eval", "model", "--tasks", "q.jsonl"]);
    assert_eq!(
        (&scores["items"], &scores["exact_items"]),
        (&3.into(), &2.into())
    );
    assert_eq!(scores["exact_match"], 0.5, "{scores}");
    assert_eq!(scores["exact_match_stderr"], 0.5);
    std::fs::write(place.path("q.jsonl"), questions.join("\n") + "\n{}\n").expect("is written");
    let out = place.prep(&["eval", "model", "--tasks", "q.jsonl"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("q.jsonl:4"));

    let mut chat = Command::new(env!("CARGO_BIN_EXE_prep"))
        .args(["chat", "model", "--greedy", "--max-tokens", "8", "--json"])
        .current_dir(place.dir.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("prep runs");
    let said = b"?\n\n/reset\n?\n?\n/exit\n?\n";
    std::io::Write::write_all(&mut chat.stdin.take().expect("a pipe"), said).expect("is heard");
    let out = chat.wait_with_output().expect("ends");
    let answers: Vec<Value> = String::from_utf8_lossy(&out.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(out.status.success());
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert_eq!(answers[0], answers[1], "after /reset nothing is remembered");
}

#[test]
fn threads_do_not_change_the_model() {
    let place = Place::new(60, 0);
    let weights = |threads: &str, out: &str| {
        let mut args = with(TRAIN, &["--steps", "4", "--threads", threads]);
        args[3] = out;
        let report = place.json(&args);
        assert_eq!(report["val_loss"], Value::Null);
        file(&place.path(out).join("model.safetensors"))
    };
    assert_eq!(weights("1", "one"), weights("3", "three"));
}

#[test]
fn a_base_model_goes_on_learning_and_another_tokenizer_is_refused() {
    let place = Place::new(60, 6);
    place.json(&with(TRAIN, &["--steps", "20"]));
    let base = [
        "train",
        "shards",
        "--out",
        "tuned",
        "--base",
        "model",
        "--steps",
        "2",
        "--seq-len",
        "32",
        "--batch-tokens",
        "64",
        "--device",
        "cpu",
    ];
    let tuned = place.json(&base);
    let before = place.json(&["eval", "model", "shards"]);
    let (before, after) = (before["loss"].as_f64(), tuned["val_loss"].as_f64());
    let moved = (before.expect("a loss") - after.expect("a loss")).abs();
    assert!(
        moved < 0.1,
        "it begins where the base ended, but the loss moved by {moved}"
    );

    train_shards::write(&place.path("others"), &train_shards::tokenizer(300), 60, 6);
    let mut args = base.to_vec();
    args[1] = "others";
    args[3] = "never";
    let error = place.error(&args);
    assert!(
        error.contains("another tokenizer") && error.contains("--tokenizer"),
        "{error}"
    );
    let error = place.error(&["eval", "model", "others"]);
    assert!(error.contains("another tokenizer"), "{error}");
}

#[test]
fn wrong_usage_is_explained() {
    let place = Place::new(60, 6);
    let fails = |more: &[&str], say: &str| {
        let error = place.error(&with(&["train", "shards", "--out", "x"], more));
        assert!(error.contains(say), "{more:?}: {error}");
    };
    fails(&["--model", "gpt-5"], "llama-1m");
    fails(&["--model", "llama-8b"], "--memory");
    fails(
        &["--model", "llama-8b"],
        "no --seq-len of this model would fit",
    );
    fails(&["--device", "tpu"], "expected auto, cpu, cuda");
    fails(&["--device", "cuda:one"], "the number of a GPU");
    fails(&["--device", "cpu", "--dtype", "bf16"], "bf16 is for GPUs");
    fails(&["--resume", "--model", "llama-1m"], "no run to continue");
    if !cfg!(feature = "cuda") {
        fails(
            &["--device", "cuda", "--model", "llama-1m"],
            "--features cuda",
        );
    }
    let error = place.error(&["generate", "shards", "a"]);
    assert!(error.contains("config.json"), "{error}");
    let error = place.error(&["train", "nowhere", "--out", "y"]);
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn a_split_smaller_than_a_window_is_trained_on_shorter_sequences() {
    let place = Place::new(1, 0);
    let out = place.prep(&[
        "train", "shards", "--out", "m", "--model", "llama-1m", "--steps", "1",
    ]);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{stderr}");
    assert!(stderr.contains("instead of 512"), "{stderr}");
}
