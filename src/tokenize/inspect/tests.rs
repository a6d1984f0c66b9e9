use super::*;
use serde_json::json;

/// A byte-level BPE with "ab" (reached), "abc" (no merge makes it), "a b" (across words).
fn handmade() -> Tokenizer {
    let mut tokenizer: Value = serde_json::from_slice(
        Tokenizer::train(["xy xy".to_owned()].into_iter(), 264)
            .unwrap()
            .json(),
    )
    .unwrap();
    let model = &mut tokenizer["model"];
    for (token, id) in [
        ("ab", 264),
        ("abc", 265),
        ("aĠ", 266),
        ("aĠb", 267),
        ("ÐļÑĥ", 269),
    ] {
        model["vocab"][token] = json!(id);
    }
    model["merges"] = json!([["a", "b"], ["a", "Ġ"], ["aĠ", "b"]]);
    Tokenizer::new(
        serde_json::to_vec(&tokenizer).unwrap(),
        super::super::TokenizerConfig::default(),
    )
    .unwrap()
}

#[test]
fn tokens_that_no_text_becomes_are_found() {
    let found = handmade().inspect("handmade").unwrap();
    let unreachable = found.unreachable.unwrap();
    let examples: Vec<(u32, &str)> = (unreachable.examples.iter())
        .map(|named| (named.id, named.token.as_str()))
        .collect();
    assert_eq!(
        examples,
        [(265, "abc"), (266, "a "), (267, "a b"), (269, "Ку")]
    );
    assert_eq!((unreachable.tokens, unreachable.byte_fallback), (4, 0));
    assert_eq!((found.vocab_size, found.tokens, found.holes), (270, 269, 1));
    assert_eq!(found.kind, "byte-level BPE");
    assert_eq!(found.merges, Some(3));
    // 128 bytes are no characters of their own.
    let share = |script| {
        found
            .scripts
            .iter()
            .find(|row| row.script == script)
            .unwrap()
            .tokens
    };
    assert_eq!(share(Script::Bytes), 128);
    assert_eq!(share(Script::Cyrillic), 1);
    assert_eq!(share(Script::Latin), 52 + 4);
    assert_eq!(share(Script::Digits), 10);
    assert_eq!(share(Script::Special), 8);
    let all: u64 = found.scripts.iter().map(|row| row.tokens).sum();
    assert_eq!(all, found.tokens);
    assert_eq!(found.longest[0].token, "abc");
}

#[test]
fn ids_for_one_text_are_found() {
    let token = |kind, text: &str| Spelt {
        kind,
        bytes: text.as_bytes().to_vec(),
    };
    let spelt = [
        token(TokenKind::Text, "a"),
        token(TokenKind::ByteFallback, "a"),
        token(TokenKind::Added, "b"),
        token(TokenKind::Text, "b"),
        token(TokenKind::Text, "c"),
    ];
    let found = reach::duplicates(&spelt, false);
    assert_eq!((found.texts, found.tokens), (1, 1));
    assert_eq!(found.examples[0].ids, [2, 3]);
    assert_eq!(reach::duplicates(&spelt, true), Alike::default());
}

#[test]
fn parts_are_told_in_words() {
    let llama = json!({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]});
    assert_eq!(
        parts::normalizer(&llama),
        "\"▁\" is put before a text; then \"▁\" replaces \" \""
    );
    assert_eq!(
        parts::normalizer(&Value::Null),
        "none: the text stays as it is"
    );
    let split = json!({"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "\\p{N}"}, "behavior": "Isolated", "invert": false},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]});
    assert_eq!(
        parts::pre_tokenizer(&split),
        "by a pattern; then bytes as characters"
    );
    assert_eq!(parts::split_pattern(&split).as_deref(), Some("\\p{N}"));
}
