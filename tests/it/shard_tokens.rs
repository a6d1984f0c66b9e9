//! What is in the shards: each document's content, unchanged, and a loss mask that is exact.

use crate::support::corpus::documents;
use crate::support::{Prep, fixture, place, read, shards};
use prep::document::{Content, Message};
use prep::shard::Split;
use std::path::Path;

fn corpus(dir: &Path) -> std::path::PathBuf {
    let corpus = dir.join("corpus");
    Prep::new(["ingest"])
        .args([fixture("text"), fixture("qa")])
        .arg("--out")
        .arg(&corpus)
        .json();
    corpus
}

/// Shards with `options` and checks every text against its tokens; returns the longest document's
/// rows.
fn check_texts(options: &[&str], bos: bool) -> usize {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    Prep::shard(&corpus, &out).args(options).json();
    let tokenizer = shards::tokenizer(&out);
    assert_eq!(tokenizer.adds_bos(), bos);
    let kept = shards::documents(&out);
    let mut texts = 0;
    for document in documents(&corpus) {
        if let (Content::Text(text), Some(tokens)) = (&document.content, kept.get(&document.id)) {
            assert_eq!(
                &tokens.text(&tokenizer),
                text,
                "{} {}",
                document.source,
                document.record
            );
            // The loss counts all of a text but BOS.
            let mut exact = tokens.mask.iter().enumerate();
            assert!(exact.all(|(i, counts)| *counts == (i > 0 || !bos)));
            texts += 1;
        }
    }
    assert!(texts > 80, "{texts} texts");
    kept.values().map(|tokens| tokens.rows).max().unwrap_or(0)
}

#[test]
fn decoding_a_document_gives_back_its_text() {
    assert_eq!(check_texts(&["--bos", "never"], false), 1);
    assert_eq!(check_texts(&["--bos", "always"], true), 1);
}

#[test]
fn a_document_that_a_shard_ends_is_continued_in_the_next() {
    let rows = check_texts(&["--bos", "never", "--shard-size", "4000"], false);
    assert!(rows > 2, "the longest document spans {rows} shards");
}

/// The turns that the assistant says, each followed by `end`.
fn said(messages: &[Message], before: &str, end: &str) -> String {
    messages
        .iter()
        .filter(|message| message.role == "assistant")
        .map(|message| format!("{before}{}{end}", message.content))
        .collect()
}

fn check_masks(template: &str, before: &str, end: &str) {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    Prep::shard(&corpus, &out)
        .args(["--chat-template", template])
        .json();
    let tokenizer = shards::tokenizer(&out);
    let kept = shards::documents(&out);
    let (mut chats, mut several_turns) = (0, 0);
    for document in documents(&corpus) {
        let (Content::Chat(messages) | Content::Preference { messages, .. }) = &document.content
        else {
            continue;
        };
        let Some(tokens) = kept.get(&document.id) else {
            continue;
        };
        let place = format!("{} {} with {template}", document.source, document.record);
        assert_eq!(
            tokens.learned(&tokenizer),
            said(messages, before, end),
            "{place}"
        );
        let all = tokenizer.decode(&tokens.ids, false);
        for message in messages {
            assert!(all.contains(&message.content), "{place}: {all}");
        }
        if let Content::Preference { rejected, .. } = &document.content {
            assert!(
                !all.contains(&rejected[0].content),
                "the worse answer is not learned"
            );
        }
        chats += 1;
        several_turns += usize::from(messages.len() > 3);
    }
    assert!(
        chats > 140 && several_turns > 10,
        "{chats} chats, {several_turns} long"
    );
}

#[test]
fn the_loss_counts_exactly_what_the_assistant_says_and_the_end_of_its_turn() {
    check_masks("chatml", "", "<|im_end|>");
    check_masks("llama3", "", "<|eot_id|>");
    check_masks("roles", "", "<|eos|>");
    check_masks("plain", " ", "<|eos|>");
}

#[test]
fn a_trained_tokenizer_is_the_same_each_time_and_has_the_size_asked_for() {
    let place = place();
    let corpus = corpus(place.path());
    let train = |name: &str, options: &[&str]| {
        let out = place.path().join(name);
        let report = Prep::shard_trained(&corpus, &out).args(options).json();
        (report, read(&out.join("tokenizer.json")))
    };
    let (report, first) = train("a", &["--vocab-size", "600", "--threads", "1"]);
    assert_eq!(report["vocab_size"], 600);
    let (_, second) = train("b", &["--vocab-size", "600", "--threads", "7"]);
    assert!(first == second, "the tokenizer does not depend on threads");
    let (report, other) = train("c", &["--vocab-size", "700"]);
    assert_eq!(report["vocab_size"], 700);
    assert!(first != other);
    // A seeded sample of the corpus: another seed, another tokenizer.
    let sample = ["--vocab-size", "600", "--tokenizer-sample", "100kB"];
    let (_, zero) = train("d", &sample);
    let (_, one) = train("e", &[&sample[..], &["--seed", "1"]].concat());
    assert!(zero != one && zero != first);
}

#[test]
fn a_trained_tokenizer_gives_back_texts_too() {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    Prep::shard_trained(&corpus, &out)
        .args(["--vocab-size", "500"])
        .json();
    let tokenizer = shards::tokenizer(&out);
    let kept = shards::documents(&out);
    assert!(kept.values().any(|tokens| tokens.split == Split::Val));
    for document in documents(&corpus) {
        if let (Content::Text(text), Some(tokens)) = (&document.content, kept.get(&document.id)) {
            assert_eq!(&tokens.text(&tokenizer), text);
        }
    }
}
