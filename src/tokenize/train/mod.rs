//! Training a byte-level BPE for Russian and English, deterministic by construction.
//!
//! Why not the trainer of the `tokenizers` crate: it counts pairs in 32 bits, keeps duplicate queue
//! entries whose order nothing fixes, and prints. Here words are counted in parallel over batches of
//! a fixed size, sorted, and merged by one thread; ties go to the pair with the smaller ids.

mod merge;
mod words;

#[cfg(test)]
mod tests;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

/// How text is split before merging, as cl100k and Qwen do it, with two changes for Russian: marks
/// belong to words (the stress in «за́мок», a decomposed «й»), and digits go in groups of three.
pub(super) const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Special tokens, which have the first ids.
const SPECIALS: [&str; 8] = [
    "<|bos|>",
    "<|eos|>",
    "<|pad|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|reserved_0|>",
    "<|reserved_1|>",
    "<|reserved_2|>",
];

/// Ids that are taken before the first merge.
const FIRST_MERGE: usize = SPECIALS.len() + 256;

/// Trains on `texts` and returns a tokenizer.json of at most `vocab_size` ids.
pub(super) fn train(
    texts: impl Iterator<Item = String> + Send,
    vocab_size: u32,
) -> Result<Vec<u8>> {
    let size = usize::try_from(vocab_size)?;
    ensure!(
        size >= FIRST_MERGE,
        "a vocabulary of {vocab_size} has no room for the 256 bytes and {} special tokens; give at least {FIRST_MERGE}",
        SPECIALS.len()
    );
    let words = words::count(texts)?;
    let merges = merge::merges(&words, size - FIRST_MERGE);
    let mut json = serde_json::to_vec_pretty(&tokenizer_json(&merges)?)?;
    json.push(b'\n');
    Ok(json)
}

/// The tokenizer.json of a list of merges, as Hugging Face writes it.
fn tokenizer_json(merges: &[merge::Merge]) -> Result<Value> {
    let mut tokens: Vec<String> = SPECIALS.iter().map(ToString::to_string).collect();
    tokens.extend(alphabet().map(String::from));
    // Merges number the bytes from 0; in the vocabulary the special tokens come before them.
    let id = |merged: u32| merged as usize + SPECIALS.len();
    let mut written = Vec::with_capacity(merges.len());
    for merge in merges {
        let (left, right) = (&tokens[id(merge.left)], &tokens[id(merge.right)]);
        written.push(json!([left, right]));
        let spelt = format!("{left}{right}");
        if id(merge.into) == tokens.len() {
            tokens.push(spelt);
        }
    }
    let count = tokens.len();
    let vocab: Map<String, Value> = tokens
        .into_iter()
        .enumerate()
        .map(|(id, token)| (token, json!(id)))
        .collect();
    ensure!(
        vocab.len() == count,
        "two tokens of the trained vocabulary are spelt alike"
    );
    let added = SPECIALS.iter().enumerate().map(|(id, content)| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    });
    let bos = SPECIALS.first().context("no special tokens")?;
    let begin = |type_id: u32| json!({"SpecialToken": {"id": bos, "type_id": type_id}});
    let sequence = |id: &str, type_id: u32| json!({"Sequence": {"id": id, "type_id": type_id}});
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    });
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added.collect::<Vec<_>>(),
        "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": false},
            byte_level,
        ]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin(0), sequence("A", 0)],
            "pair": [begin(0), sequence("A", 0), begin(1), sequence("B", 1)],
            "special_tokens": {*bos: {"id": bos, "ids": [0], "tokens": [bos]}},
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocab, "merges": written,
        },
    }))
}

/// GPT-2's character for each byte, in the order of bytes: printable ones stand for themselves, the
/// others for U+0100 and on.
pub(super) fn alphabet() -> impl Iterator<Item = char> {
    let mut next = 0x100;
    (0..=255u8).map(move |byte| {
        if matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) {
            return char::from(byte);
        }
        next += 1;
        char::from_u32(next - 1).unwrap_or(char::REPLACEMENT_CHARACTER)
    })
}
