//! Tokens that a text never becomes: rows of a model's table that nothing trains.
//!
//! A token is reachable when its own spelling becomes this very token. What merges or scores make
//! of a stretch of text does not depend on what is around it as long as nothing joins across its
//! ends, so a token that its own spelling does not become comes up in no text. For byte-level BPE
//! the split pattern is asked as well: a token that lies across a border of words is never met.

use super::super::token_bytes::Spelling;
use super::Named;
use crate::tokenize::{Spelt, TokenKind, Tokenizer};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use tokenizers::Model;

/// Tokens that are shown of each kind.
const SHOWN: usize = 10;

/// Tokens that no text becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    /// Ordinary tokens of the vocabulary that no text becomes.
    pub tokens: u64,
    /// Of the `<0xNN>` those that are never needed, since the vocabulary has the character.
    pub byte_fallback: u64,
    /// Ordinary tokens among them, the first ids.
    pub examples: Vec<Named>,
}

/// Tokens that stand for the same text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Alike {
    /// Texts that more than one id stands for, `<0xNN>` left out.
    pub texts: u64,
    /// Ids beyond the first of each.
    pub tokens: u64,
    /// Some of them, the text and its ids.
    pub examples: Vec<Duplicate>,
}

/// A text and the ids that stand for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// The text.
    pub token: String,
    /// All ids that stand for it.
    pub ids: Vec<u32>,
}

/// Finds tokens that stand for the same bytes. In a `WordPiece` vocabulary `##a` and `a` are not
/// the same, and there is nothing else alike.
pub(super) fn duplicates(spelt: &[Spelt], word_piece: bool) -> Alike {
    let mut alike = Alike::default();
    if word_piece {
        return alike;
    }
    let mut ids: BTreeMap<&[u8], Vec<u32>> = BTreeMap::new();
    for (token, id) in spelt.iter().zip(0u32..) {
        if !matches!(token.kind, TokenKind::Hole | TokenKind::ByteFallback) {
            ids.entry(&token.bytes).or_default().push(id);
        }
    }
    let mut doubled: Vec<_> = ids.into_iter().filter(|(_, ids)| ids.len() > 1).collect();
    doubled.sort_by(|a, b| a.1.cmp(&b.1));
    for (bytes, ids) in doubled {
        alike.texts += 1;
        alike.tokens += ids.len() as u64 - 1;
        if alike.examples.len() < SHOWN {
            let token = String::from_utf8_lossy(bytes).into_owned();
            alike.examples.push(Duplicate { token, ids });
        }
    }
    alike
}

/// Finds the tokens that no text becomes.
pub(super) fn unreachable(tokenizer: &Tokenizer, spelt: &[Spelt]) -> Result<Unreachable> {
    let model = tokenizer.engine.template().get_model();
    let split = tokenizer.spelling() == Spelling::ByteLevel;
    let mut found = Unreachable::default();
    for (token, id) in spelt.iter().zip(0u32..) {
        match token.kind {
            TokenKind::ByteFallback => {
                // ASCII alone: any other byte is a part of some character that is missing.
                let letter = char::from(token.bytes[0]);
                let written = if letter == ' ' { '▁' } else { letter };
                let known = model.token_to_id(&written.to_string()).is_some();
                found.byte_fallback += u64::from(letter.is_ascii() && known);
            }
            TokenKind::Text => {
                let letters = model.id_to_token(id).unwrap_or_default();
                let ids = model
                    .tokenize(&letters)
                    .map_err(anyhow::Error::from_boxed)?;
                let by_model = matches!(&ids[..], [only] if only.id == id);
                let text = std::str::from_utf8(&token.bytes).ok().filter(|_| split);
                let by_text = match text {
                    Some(text) => tokenizer.encode_text(text)? == [id],
                    None => true,
                };
                if !(by_model && by_text) {
                    found.tokens += 1;
                    if found.examples.len() < SHOWN {
                        let token = String::from_utf8_lossy(&token.bytes).into_owned();
                        found.examples.push(Named { id, token });
                    }
                }
            }
            TokenKind::Special | TokenKind::Added | TokenKind::Hole => {}
        }
    }
    Ok(found)
}
