//! Byte-level BPE: any text becomes bytes, and frequent runs of bytes become tokens.

use super::merge::{self, Merge};
use super::options::{Digits, Spaces, Training};
use super::{added_tokens, begins_with_bos, room, words};
use anyhow::{Result, anyhow, ensure};
use serde_json::{Map, Value, json};
use tokenizers::utils::SysRegex;

/// How text is split before merging, as cl100k and Qwen do it, with two changes for Russian: marks
/// belong to words (the stress in «за́мок», a decomposed «й»), and digits go in groups of three.
pub(in super::super) const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The same with each digit apart, which is Qwen 3.5's pattern.
pub(in super::super) const PATTERN_SINGLE_DIGITS: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The same with numbers of any length.
pub(in super::super) const PATTERN_ANY_DIGITS: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

fn pattern(digits: Digits) -> &'static str {
    match digits {
        Digits::Single => PATTERN_SINGLE_DIGITS,
        Digits::Triples => PATTERN,
        Digits::Any => PATTERN_ANY_DIGITS,
    }
}

/// Words by a pattern.
pub(super) struct ByPattern {
    pattern: SysRegex,
    /// Whether runs of white space may become tokens.
    runs: bool,
}

impl ByPattern {
    pub(super) fn new(options: &Training) -> Result<Self> {
        let pattern = SysRegex::new(pattern(options.digits))
            .map_err(|error| anyhow!("the split pattern: {error}"))?;
        Ok(Self {
            pattern,
            runs: options.spaces == Spaces::Runs,
        })
    }
}

impl words::Split for ByPattern {
    fn split(&self, text: &str, each: &mut dyn FnMut(&[u8])) {
        for (start, end) in self.pattern.find_iter(text) {
            let word = &text[start..end];
            // What is not counted is not merged: white space alone, and newlines behind signs.
            if self.runs {
                each(word.as_bytes());
            } else if !word.chars().all(char::is_whitespace) {
                each(word.trim_end().as_bytes());
            }
        }
    }
}

/// Trains, and writes it as Hugging Face does.
pub(super) fn train(
    texts: impl Iterator<Item = (String, u64)>,
    options: &Training,
    specials: &[String],
) -> Result<Value> {
    let what = format!("the 256 bytes and {} special tokens", specials.len());
    let limit = room(options, specials.len() + 256, &what)?;
    let words = words::count(texts, &ByPattern::new(options)?, options.most_words());
    let merges = merge::merges(&words, limit);
    tokenizer_json(&merges, specials, pattern(options.digits))
}

/// The tokenizer.json of a list of merges, as Hugging Face writes it.
fn tokenizer_json(merges: &[Merge], specials: &[String], pattern: &str) -> Result<Value> {
    let mut tokens = specials.to_vec();
    tokens.extend(alphabet().map(String::from));
    // Merges number the bytes from 0; in the vocabulary the special tokens come before them.
    let id = |merged: u32| merged as usize + specials.len();
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
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    });
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(specials),
        "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            byte_level,
        ]},
        "post_processor": begins_with_bos(specials),
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
pub(in super::super) fn alphabet() -> impl Iterator<Item = char> {
    let mut next = 0x100;
    (0..=255u8).map(move |byte| {
        if matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) {
            return char::from(byte);
        }
        next += 1;
        char::from_u32(next - 1).unwrap_or(char::REPLACEMENT_CHARACTER)
    })
}
