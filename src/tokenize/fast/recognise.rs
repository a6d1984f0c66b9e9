//! Whether a tokenizer.json is one that the fast path encodes exactly, and what it needs to know of it.
//!
//! Byte-level BPE whose split pattern is in [`super::patterns`], normaliser none or NFC, a token for
//! each of the 256 bytes; or BPE of characters with "▁" for spaces and byte fallback. Every other tokenizer is refused with the reason, and the crate encodes.

use super::super::train;
use super::cache::ID_BITS;
use super::merge::{Alphabet, CharacterIds, Merges};
use super::metaspace::{METASPACE, Metaspace, stays_in_a_word};
use super::patterns::{GPT2, PATTERNS, Pattern};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Why a tokenizer goes to the crate.
pub(super) type Refusal = &'static str;

/// What the fast path needs of a tokenizer.json.
pub(super) struct Recipe {
    pub split: Split,
    pub merges: Merges,
    /// Words that are one token whatever the merges say (`ignore_merges`).
    pub whole: HashMap<Vec<u8>, u32>,
    /// The largest id of the vocabulary.
    pub largest: u32,
    /// Whether the normaliser is NFC.
    pub nfc: bool,
}

/// Where words begin.
#[derive(Clone, Copy)]
pub(super) enum Split {
    /// Where a known pattern says.
    Pattern(&'static Pattern),
    /// At spaces.
    Metaspace(Metaspace),
}

impl Split {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pattern(pattern) => pattern.name,
            Self::Metaspace(_) => "metaspace",
        }
    }
}

/// Reads a tokenizer.json whose model is `model` (with dropout off and specials hidden, if need be).
pub(super) fn recipe(json: &Value, model: &Value) -> Result<Recipe, Refusal> {
    if model.get("type").is_some_and(|kind| kind != "BPE") {
        return Err("its model is not BPE");
    }
    let metaspace = Metaspace::of(json.get("normalizer"), json.get("pre_tokenizer"));
    let nfc = match json.get("normalizer") {
        None | Some(Value::Null) => false,
        Some(_) if metaspace.is_some() => false,
        Some(normalizer) if is(normalizer, "type", "NFC") => true,
        Some(_) => return Err("its normaliser is not NFC"),
    };
    let split = match metaspace {
        Some(metaspace) => Split::Metaspace(metaspace),
        None => json
            .get("pre_tokenizer")
            .and_then(pattern)
            .map(Split::Pattern)
            .ok_or("its split pattern is not one of those that the fast path knows")?,
    };
    let drops = model
        .get("dropout")
        .is_some_and(|dropout| !dropout.is_null());
    let affix = |name: &str| {
        let affix = model.get(name).and_then(Value::as_str);
        affix.is_some_and(|affix| !affix.is_empty())
    };
    if drops || affix("continuing_subword_prefix") || affix("end_of_word_suffix") {
        return Err("its BPE has dropout, a prefix or a suffix");
    }
    let vocab = model
        .get("vocab")
        .and_then(Value::as_object)
        .ok_or("its vocabulary is not an object")?;
    let whole = if model.get("ignore_merges") == Some(&Value::Bool(true)) {
        if metaspace.is_some() {
            return Err("it ignores merges and has \"▁\" for spaces");
        }
        whole_words(vocab)?
    } else {
        HashMap::new()
    };
    let largest = vocab.values().filter_map(Value::as_u64).max();
    Ok(Recipe {
        split,
        largest: largest.map_or(0, |largest| largest.min(u64::from(u32::MAX)) as u32),
        merges: merges(model, vocab, metaspace.is_some())?,
        whole,
        nfc,
    })
}

/// The pattern of a pre-tokenizer that splits by it and then writes bytes as characters.
fn pattern(pre_tokenizer: &Value) -> Option<&'static Pattern> {
    let known = |regex: &str| PATTERNS.iter().find(|pattern| pattern.regex == regex);
    let byte_level = |step: &Value, uses_regex: bool| {
        let uses = step
            .get("use_regex")
            .and_then(Value::as_bool)
            .unwrap_or(true);
        is(step, "type", "ByteLevel")
            && step.get("add_prefix_space") == Some(&Value::Bool(false))
            && uses == uses_regex
    };
    if byte_level(pre_tokenizer, true) {
        return known(GPT2);
    }
    let steps = pre_tokenizer
        .get("pretokenizers")
        .and_then(Value::as_array)?;
    if !is(pre_tokenizer, "type", "Sequence") {
        return None;
    }
    match steps.as_slice() {
        [step] if byte_level(step, true) => known(GPT2),
        [split, step] if byte_level(step, false) && is(split, "type", "Split") => {
            let inverted = split.get("invert").and_then(Value::as_bool)?;
            // The patterns leave nothing between their matches that could be removed.
            let all_kept = match split.get("behavior").and_then(Value::as_str)? {
                "Isolated" => !inverted,
                "Removed" => inverted,
                _ => false,
            };
            let regex = split.get("pattern")?.get("Regex")?.as_str()?;
            if all_kept { known(regex) } else { None }
        }
        _ => None,
    }
}

fn is(value: &Value, name: &str, wanted: &str) -> bool {
    value.get(name).and_then(Value::as_str) == Some(wanted)
}

/// The merges as ids.
fn merges(model: &Value, vocab: &Map<String, Value>, metaspace: bool) -> Result<Merges, Refusal> {
    let mut seen = HashSet::with_capacity(vocab.len());
    for value in vocab.values() {
        if id(value).is_none_or(|id| !seen.insert(id)) {
            return Err("two of its tokens have one id, or an id is too large");
        }
    }
    let find = |token: &str| vocab.get(token).and_then(id);
    let alphabet = if metaspace {
        characters(model, vocab)?
    } else {
        let mut bytes = Box::new([0; 256]);
        for (character, byte) in train::alphabet().zip(bytes.iter_mut()) {
            let id = find(character.encode_utf8(&mut [0; 4]));
            *byte = id.ok_or("its vocabulary lacks a byte")?;
        }
        Alphabet::Bytes(bytes)
    };
    let list = model
        .get("merges")
        .and_then(Value::as_array)
        .ok_or("its merges are not a list")?;
    let mut merges = Vec::with_capacity(list.len());
    let mut spelt = String::new();
    for merge in list {
        let (left, right) = halves(merge).ok_or("a merge is not a pair")?;
        spelt.clear();
        spelt.push_str(left);
        spelt.push_str(right);
        match (find(left), find(right), find(&spelt)) {
            (Some(_), Some(_), Some(_)) if metaspace && !stays_in_a_word(&spelt) => {
                return Err("a merge crosses the beginning of a word");
            }
            (Some(left), Some(right), Some(into)) => merges.push([left, right, into]),
            _ => return Err("a merge names a token that is not in the vocabulary"),
        }
    }
    Ok(Merges::new(alphabet, &merges))
}

/// The characters that are tokens, "▁" as a space, and the bytes `<0x00>` to `<0xFF>`.
fn characters(model: &Value, vocab: &Map<String, Value>) -> Result<Alphabet, Refusal> {
    if model.get("byte_fallback") != Some(&Value::Bool(true)) {
        return Err("it has no byte fallback");
    }
    let mut bytes = Box::new([0; 256]);
    for (byte, slot) in bytes.iter_mut().enumerate() {
        let found = vocab.get(&format!("<0x{byte:02X}>")).and_then(id);
        *slot = found.ok_or("its vocabulary lacks a byte")?;
    }
    let mut ids = HashMap::new();
    for (token, value) in vocab {
        let mut letters = token.chars();
        if let (Some(letter), None) = (letters.next(), letters.next()) {
            let letter = if letter == METASPACE { ' ' } else { letter };
            // A space in the vocabulary cannot be met: every space of a text is a "▁".
            if token != " " {
                ids.insert(letter, id(value).ok_or("an id is too large")?);
            }
        }
    }
    Ok(Alphabet::Characters {
        ids: CharacterIds::new(ids),
        bytes,
    })
}

/// A merge in either of its two spellings.
fn halves(merge: &Value) -> Option<(&str, &str)> {
    match merge {
        Value::String(pair) => {
            let (left, right) = pair.split_once(' ')?;
            (!right.contains(' ') && !pair.starts_with("#version")).then_some((left, right))
        }
        Value::Array(pair) => match pair.as_slice() {
            [left, right] => Some((left.as_str()?, right.as_str()?)),
            _ => None,
        },
        _ => None,
    }
}

/// Each token by the bytes that it is written with. Tokens that no bytes are written as are left out.
fn whole_words(vocab: &Map<String, Value>) -> Result<HashMap<Vec<u8>, u32>, Refusal> {
    let byte_of: HashMap<char, u8> = train::alphabet().zip(0..=u8::MAX).collect();
    let mut whole = HashMap::with_capacity(vocab.len());
    for (token, value) in vocab {
        let bytes: Option<Vec<u8>> = token
            .chars()
            .map(|character| byte_of.get(&character).copied())
            .collect();
        if let Some(bytes) = bytes {
            whole.insert(bytes, id(value).ok_or("an id is too large")?);
        }
    }
    Ok(whole)
}

fn id(value: &Value) -> Option<u32> {
    let id = u32::try_from(value.as_u64()?).ok()?;
    (id < 1 << ID_BITS).then_some(id)
}
