//! Training tokenizers for Russian and English, deterministic by construction.
//!
//! ```text
//! texts ─▶ words, counted (words) ─▶ byte_level ─ merge ─▶ byte-level BPE
//!                                 └▶ pieces ──┬── merge ─▶ SentencePiece BPE with byte fallback
//!                                             └─ unigram ▶ Unigram with byte fallback
//! ```
//!
//! Why not the trainers of the `tokenizers` crate: its BPE counts pairs in 32 bits, keeps duplicate
//! queue entries whose order nothing fixes, and prints; its Unigram adds floating-point numbers in the
//! order in which threads end. Here words are counted in parallel over batches of a fixed size,
//! sorted, and merged by one thread, where ties go to the pair with the smaller ids; sums of floats
//! are of fixed blocks, in their order.

mod byte_level;
mod merge;
mod options;
mod pieces;
mod sentencepiece;
mod unigram;
mod words;

#[cfg(test)]
mod pieces_tests;
#[cfg(test)]
mod tests;

pub use options::{Digits, ModelKind, Spaces, Training};

pub(super) use byte_level::{PATTERN, PATTERN_ANY_DIGITS, PATTERN_SINGLE_DIGITS, alphabet};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

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

/// The token for what cannot be expressed; with all bytes in the vocabulary nothing becomes it.
pub(super) const UNKNOWN: &str = "<unk>";

/// Trains on `texts`, each with the number of times that it counts, and returns a tokenizer.json of
/// at most `vocab_size` ids.
pub(super) fn train(
    texts: impl Iterator<Item = (String, u64)> + Send,
    options: &Training,
) -> Result<Vec<u8>> {
    let specials = options.special_tokens()?;
    let value = match options.kind {
        ModelKind::ByteLevel => byte_level::train(texts, options, &specials)?,
        ModelKind::Pieces => sentencepiece::train_bpe(texts, options, &specials)?,
        ModelKind::Unigram => sentencepiece::train_unigram(texts, options, &specials)?,
    };
    let mut json = serde_json::to_vec_pretty(&value)?;
    json.push(b'\n');
    Ok(json)
}

/// Room for learned tokens behind `taken` ids.
fn room(options: &Training, taken: usize, what: &str) -> Result<usize> {
    let size = usize::try_from(options.vocab_size)?;
    ensure!(
        size >= taken,
        "a vocabulary of {size} has no room for {what}; give at least {taken}"
    );
    Ok(size - taken)
}

/// The special tokens as tokenizer.json lists them.
fn added_tokens(specials: &[String]) -> Vec<Value> {
    let rows = specials.iter().enumerate().map(|(id, content)| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    });
    rows.collect()
}

/// The post-processor: BOS before each text.
fn begins_with_bos(specials: &[String]) -> Value {
    let bos = &specials[0];
    let begin = |type_id: u32| json!({"SpecialToken": {"id": bos, "type_id": type_id}});
    let sequence = |id: &str, type_id: u32| json!({"Sequence": {"id": id, "type_id": type_id}});
    json!({
        "type": "TemplateProcessing",
        "single": [begin(0), sequence("A", 0)],
        "pair": [begin(0), sequence("A", 0), begin(1), sequence("B", 1)],
        "special_tokens": {bos: {"id": bos, "ids": [0], "tokens": [bos]}},
    })
}
