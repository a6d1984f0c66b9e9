//! Fingerprints: two tokenizers with the same one give the same ids.

use super::Letters;
use super::engine::Engine;
use super::fast::UNICODE_VERSION;
use super::specials::Specials;
use serde_json::Value;
use std::fmt::Write as _;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Parts of tokenizer.json that never change prep's ids: it neither truncates nor pads.
const IGNORED: [&str; 2] = ["truncation", "padding"];

/// Hash of the content of a tokenizer.json: keys sorted, formatting gone.
pub(super) fn content_hash(json: &Value) -> u128 {
    let mut hasher = Xxh3::new();
    match json {
        Value::Object(parts) => {
            let mut parts: Vec<_> = parts
                .iter()
                .filter(|(name, _)| !IGNORED.contains(&name.as_str()))
                .collect();
            parts.sort_by_key(|(name, _)| name.as_str());
            for (name, part) in parts {
                hash_string(&mut hasher, name);
                hash_value(&mut hasher, part);
            }
        }
        other => hash_value(&mut hasher, other),
    }
    hasher.digest128()
}

/// Every kind begins with a letter of its own and says its length, so that no two values hash alike.
fn hash_value(hasher: &mut Xxh3, value: &Value) {
    match value {
        Value::Null => hasher.update(b"n"),
        Value::Bool(yes) => hasher.update(if *yes { b"t" } else { b"f" }),
        Value::Number(number) => {
            hasher.update(b"#");
            hash_string(hasher, &number.to_string());
        }
        Value::String(text) => hash_string(hasher, text),
        Value::Array(items) => {
            hasher.update(b"a");
            hasher.update(&(items.len() as u64).to_le_bytes());
            for item in items {
                hash_value(hasher, item);
            }
        }
        Value::Object(fields) => {
            hasher.update(b"o");
            hasher.update(&(fields.len() as u64).to_le_bytes());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            for (name, field) in fields {
                hash_string(hasher, name);
                hash_value(hasher, field);
            }
        }
    }
}

fn hash_string(hasher: &mut Xxh3, text: &str) {
    hasher.update(b"s");
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

/// The fingerprint: content, which tokens are special and which begin and end a text, what the letters
/// of special tokens are, and the Unicode tables that texts are split by.
pub(super) fn fingerprint(
    content_hash: u128,
    engine: &Engine,
    specials: &Specials,
    letters: Letters,
) -> String {
    let mut text = format!("{content_hash:032x}");
    let bos = specials.bos.filter(|_| specials.adds_bos);
    // Writing to a string cannot fail.
    let _ = write!(text, " bos {bos:?} eos {} special", specials.eos);
    for (id, _) in engine.specials() {
        let _ = write!(text, " {id}");
    }
    let _ = write!(text, " unicode {UNICODE_VERSION}");
    if letters == Letters::Tokens {
        text.push_str(" allowed");
    }
    hex_of(text.as_bytes())
}

/// xxh3-128 in hex.
pub(super) fn hex_of(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}
