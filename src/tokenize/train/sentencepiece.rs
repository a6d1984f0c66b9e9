//! BPE and Unigram over characters with "▁" for spaces and byte fallback, as `SentencePiece` has them.
//!
//! Both keep every text: a "▁" is put before it and taken off again, spaces are written as "▁", and
//! what the alphabet lacks is written as the bytes `<0x00>` to `<0xFF>`. Nothing else is normalised.

use super::options::{Digits, Spaces, Training};
use super::pieces::{self, Pieces};
use super::{UNKNOWN, added_tokens, begins_with_bos, merge, room, unigram, words};
use anyhow::Result;
use serde_json::{Map, Value, json};

/// Score of the Unigram entries that no text may become by its letters: bytes and special tokens.
const NEVER: f64 = -1000.0;

/// What both models share.
struct Vocabulary {
    /// Special tokens, `<unk>` the last.
    specials: Vec<String>,
    /// Characters that are tokens, sorted.
    alphabet: Vec<char>,
    words: Vec<pieces::Symbols>,
    /// Learned tokens that there is room for.
    room: usize,
}

impl Vocabulary {
    fn new(
        texts: impl Iterator<Item = (String, u64)>,
        options: &Training,
        specials: &[String],
    ) -> Result<Self> {
        let counted = words::count(texts, &Pieces::new(options), options.most_words());
        let alphabet = pieces::alphabet(&counted, options.character_coverage);
        let specials = [specials, &[UNKNOWN.to_owned()]].concat();
        let taken = specials.len() + 256 + alphabet.len();
        let what = format!(
            "{} special tokens, the 256 bytes and {} characters",
            specials.len(),
            alphabet.len()
        );
        Ok(Self {
            room: room(options, taken, &what)?,
            words: pieces::symbols(&counted, &alphabet),
            specials,
            alphabet,
        })
    }

    /// Tokens before the learned ones: special tokens and bytes.
    fn fixed(&self) -> impl Iterator<Item = String> {
        let bytes = (0..=255u8).map(|byte| format!("<0x{byte:02X}>"));
        self.specials.iter().cloned().chain(bytes)
    }

    /// The tokenizer.json around a model.
    fn around(&self, pre_tokenizer: Value, model: Value) -> Value {
        json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": added_tokens(&self.specials),
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ]},
            "pre_tokenizer": pre_tokenizer,
            "post_processor": begins_with_bos(&self.specials),
            "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ]},
            "model": model,
        })
    }
}

/// Trains a BPE.
pub(super) fn train_bpe(
    texts: impl Iterator<Item = (String, u64)>,
    options: &Training,
    specials: &[String],
) -> Result<Value> {
    let mut vocabulary = Vocabulary::new(texts, options, specials)?;
    let letter = |c: &char| c.to_string().into_bytes().into_boxed_slice();
    let letters: Vec<Box<[u8]>> = vocabulary.alphabet.iter().map(letter).collect();
    let words = std::mem::take(&mut vocabulary.words);
    let merges = merge::merges_of(words.into_iter(), letters, vocabulary.room);
    let mut learned: Vec<String> = vocabulary.alphabet.iter().map(char::to_string).collect();
    let mut written = Vec::with_capacity(merges.len());
    for merge in &merges {
        let (left, right) = (
            &learned[merge.left as usize],
            &learned[merge.right as usize],
        );
        written.push(json!([left, right]));
        if merge.into as usize == learned.len() {
            learned.push(format!("{left}{right}"));
        }
    }
    let vocab: Map<String, Value> = (vocabulary.fixed().chain(learned))
        .zip(0u32..)
        .map(|(token, id)| (token, json!(id)))
        .collect();
    Ok(vocabulary.around(
        Value::Null,
        json!({
            "type": "BPE", "dropout": null, "unk_token": UNKNOWN, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": vocab, "merges": written,
        }),
    ))
}

/// Trains a Unigram model.
pub(super) fn train_unigram(
    texts: impl Iterator<Item = (String, u64)>,
    options: &Training,
    specials: &[String],
) -> Result<Value> {
    let vocabulary = Vocabulary::new(texts, options, specials)?;
    let letters = vocabulary.alphabet.len();
    let pieces = unigram::train(&vocabulary.words, letters, letters + vocabulary.room);
    let spelt = |piece: &[u32]| -> String {
        let letters = piece
            .iter()
            .map(|place| vocabulary.alphabet[*place as usize]);
        letters.collect()
    };
    let mut vocab: Vec<Value> = vocabulary
        .fixed()
        .map(|token| json!([token, NEVER]))
        .collect();
    vocab.extend(
        pieces
            .iter()
            .map(|(piece, score)| json!([spelt(piece), score])),
    );
    let unknown = vocabulary.specials.len() - 1;
    Ok(vocabulary.around(
        splits(options),
        json!({"type": "Unigram", "unk_id": unknown, "vocab": vocab, "byte_fallback": true}),
    ))
}

/// The borders of words that hold when a text is encoded: spaces, and digits as the policy says.
fn splits(options: &Training) -> Value {
    let split = |regex: &str| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
    let mut steps = vec![split(match options.spaces {
        // Of a run of spaces the last belongs to the word.
        Spaces::Runs => "▁+(?=▁[^▁])|▁?[^▁]+|▁+",
        Spaces::Single => "▁[^▁]*|[^▁]+",
    })];
    match options.digits {
        Digits::Single => steps.push(split(r"\p{N}")),
        Digits::Triples => steps.push(split(r"\p{N}{1,3}")),
        Digits::Any => {}
    }
    json!({"type": "Sequence", "pretokenizers": steps})
}
