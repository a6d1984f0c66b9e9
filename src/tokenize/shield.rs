//! Keeps the letters of special tokens in a text from becoming the tokens through the model itself.
//!
//! The crate's switch (`encode_special_tokens`) covers only its own search for added tokens. A
//! Unigram, `WordLevel` or `WordPiece` model, and a BPE with `ignore_merges`, look whole pieces up in a
//! vocabulary that holds `</s>` too. There the special entries get a name that no text has; the
//! added vocabulary, which decodes them and finds them in templates, keeps the real one.

use serde_json::Value;
use std::collections::HashSet;
use tokenizers::AddedVocabulary;

/// The model of `json` with its special entries hidden and dropout off; `None` when the plain one will do.
pub(super) fn shielded_model(json: &Value, added: &AddedVocabulary) -> Option<Value> {
    let model = json.get("model")?;
    let kind = model.get("type").and_then(Value::as_str).unwrap_or("BPE");
    let looks_up_pieces = kind != "BPE" || model.get("ignore_merges") == Some(&Value::Bool(true));
    let drops = model
        .get("dropout")
        .is_some_and(|dropout| !dropout.is_null());
    let hidden = if looks_up_pieces {
        hidden_tokens(model, added)
    } else {
        HashSet::new()
    };
    if hidden.is_empty() && !drops {
        return None;
    }
    let mut model = model.clone();
    if drops {
        model["dropout"] = Value::Null;
    }
    hide(&mut model, &hidden);
    Some(model)
}

/// Special tokens that are entries of the model and not its unknown token, which it names by letters.
fn hidden_tokens(model: &Value, added: &AddedVocabulary) -> HashSet<String> {
    let unknown = model.get("unk_token").and_then(Value::as_str);
    (added.get_added_tokens_decoder().values())
        .filter(|token| token.special && Some(token.content.as_str()) != unknown)
        .filter(|token| !used_by_merges(model, &token.content))
        .map(|token| token.content.clone())
        .collect()
}

/// Whether a merge of a BPE makes `token`.
pub(super) fn used_by_merges(model: &Value, token: &str) -> bool {
    let merges = model.get("merges").and_then(Value::as_array);
    merges.is_some_and(|merges| {
        merges.iter().any(|merge| match merge {
            Value::String(pair) => pair.split(' ').collect::<String>() == token,
            Value::Array(pair) => {
                pair.iter().filter_map(Value::as_str).collect::<String>() == token
            }
            _ => false,
        })
    })
}

/// Renames the entries `hidden` of a vocabulary (an object of ids, or Unigram's list of scores).
fn hide(model: &mut Value, hidden: &HashSet<String>) {
    match model.get_mut("vocab") {
        Some(Value::Object(vocab)) => {
            let entries = std::mem::take(vocab);
            vocab.extend(entries.into_iter().map(|(token, id)| {
                let token = if hidden.contains(&token) {
                    hidden_name(&id)
                } else {
                    token
                };
                (token, id)
            }));
        }
        Some(Value::Array(pieces)) => {
            for (id, piece) in pieces.iter_mut().enumerate() {
                let Some(name) = piece.get_mut(0) else {
                    continue;
                };
                if name.as_str().is_some_and(|name| hidden.contains(name)) {
                    *name = Value::String(hidden_name(&id));
                }
            }
        }
        _ => {}
    }
}

/// Noncharacters, which no text interchanges, around the id.
fn hidden_name(id: &impl std::fmt::Display) -> String {
    format!("\u{10FFFF}{id}\u{10FFFF}")
}
