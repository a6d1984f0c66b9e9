//! What a tokenizer is, told from its files: `prep tokenizer inspect`.

mod parts;
mod reach;
mod scripts;

#[cfg(test)]
mod tests;

use super::token_bytes::{Spelling, spelling};
use super::{EncodePath, Spelt, TokenKind, Tokenizer};
use anyhow::Result;
pub use reach::{Alike, Unreachable};
pub use scripts::{Script, ScriptShare};
use serde::Serialize;
use serde_json::Value;

/// Longest tokens that are shown.
const LONGEST: usize = 10;

/// A token with its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its id.
    pub id: u32,
    /// What it stands for; bytes that are no UTF-8 become U+FFFD.
    pub token: String,
}

/// A token beside the model's vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddedEntry {
    /// Its id.
    pub id: u32,
    /// Its letters.
    pub token: String,
    /// Whether its letters in a text are text and never this token.
    pub special: bool,
}

/// How texts are encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FastPath {
    /// Whether prep's fast path takes this tokenizer.
    pub taken: bool,
    /// The split pattern by the fast path's name for it.
    pub pattern: Option<String>,
    /// Why it is not taken.
    pub reason: Option<String>,
}

/// Which tokens begin, end and pad a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// The token that can begin a text.
    pub bos: Option<Named>,
    /// Whether texts and chats begin with it.
    pub adds_bos: bool,
    /// The token that ends each document in shards.
    pub eos: Named,
    /// The token for padding.
    pub pad: Option<Named>,
}

/// Where the chat template is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatTemplate {
    /// Whether the tokenizer's own files bring one.
    pub own: bool,
    /// The built-in template that prep uses where they bring none.
    pub built_in: Option<String>,
}

/// All of it; what `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Always `tokenizer inspect`.
    pub command: &'static str,
    /// The file or folder that was given.
    pub file: String,
    /// `byte-level BPE`, `SentencePiece BPE`, `character BPE`, `Unigram`, `WordPiece` or `WordLevel`.
    pub kind: &'static str,
    /// Highest id + 1: rows of a model's token table.
    pub vocab_size: u32,
    /// Ids that have a token.
    pub tokens: u64,
    /// Ids below the highest that have none.
    pub holes: u64,
    /// Merges of a BPE.
    pub merges: Option<u64>,
    /// Bytes of an id in prep's shards: 2 or 4.
    pub id_bytes: u32,
    /// Tokens beside the model's vocabulary, by id.
    pub added_tokens: Vec<AddedEntry>,
    /// The normaliser in words.
    pub normalizer: String,
    /// How a text is split before the model, in words.
    pub pre_tokenizer: String,
    /// The split pattern as it is written, where there is one.
    pub split_pattern: Option<String>,
    /// Whether characters that the vocabulary lacks are written as bytes.
    pub byte_fallback: bool,
    /// Whether prep's fast path takes it.
    pub fast_path: FastPath,
    /// Tokens that begin and end texts.
    pub ends: Ends,
    /// The chat template.
    pub chat_template: ChatTemplate,
    /// Tokens by what they are made of.
    pub scripts: Vec<ScriptShare>,
    /// The longest tokens in characters, the longest first.
    pub longest: Vec<Named>,
    /// Tokens that stand for the same text.
    pub duplicates: Alike,
    /// Tokens that no text becomes, `null` where it cannot be told (`WordPiece`, `WordLevel`).
    pub unreachable: Option<Unreachable>,
    /// xxh3-128 of what decides the ids.
    pub fingerprint: String,
}

impl Tokenizer {
    /// Looks into the tokenizer that was read from `file`. Encodes every token of the vocabulary
    /// once, which takes a second or two for 200,000.
    ///
    /// # Errors
    /// When a token of the vocabulary cannot be encoded.
    pub fn inspect(&self, file: &str) -> Result<Inspection> {
        let json: Value = serde_json::from_slice(&self.json)?;
        let model = &json["model"];
        let spelt = self.spelt();
        let holes = count(&spelt, |token| token.kind == TokenKind::Hole);
        let kind = self.kind(model);
        Ok(Inspection {
            command: "tokenizer inspect",
            file: file.to_owned(),
            kind,
            vocab_size: self.vocab_size(),
            tokens: spelt.len() as u64 - holes,
            holes,
            merges: model["merges"].as_array().map(|merges| merges.len() as u64),
            id_bytes: if self.vocab_size() <= super::MAX_VOCABULARY_U16 {
                2
            } else {
                4
            },
            added_tokens: self.added_entries(),
            normalizer: parts::normalizer(&json["normalizer"]),
            pre_tokenizer: parts::pre_tokenizer(&json["pre_tokenizer"]),
            split_pattern: parts::split_pattern(&json["pre_tokenizer"]),
            byte_fallback: model["byte_fallback"] == Value::Bool(true),
            fast_path: match self.encode_path() {
                EncodePath::Fast(pattern) => FastPath {
                    taken: true,
                    pattern: Some(pattern.to_owned()),
                    reason: None,
                },
                EncodePath::Crate(reason) => FastPath {
                    taken: false,
                    pattern: None,
                    reason: Some(reason.to_owned()),
                },
                EncodePath::Differs => FastPath {
                    taken: false,
                    pattern: None,
                    reason: Some("its ids differ from those of the tokenizers crate".to_owned()),
                },
            },
            ends: Ends {
                bos: self.specials.bos.map(|id| self.named(id)),
                adds_bos: self.specials.adds_bos,
                eos: self.named(self.specials.eos),
                pad: self.specials.pad.map(|id| self.named(id)),
            },
            chat_template: self.chat_template_source(),
            scripts: scripts::shares(&spelt),
            longest: longest(&spelt),
            duplicates: reach::duplicates(&spelt, self.spelling() == Spelling::Words),
            unreachable: match kind {
                "WordPiece" | "WordLevel" => None,
                _ => Some(reach::unreachable(self, &spelt)?),
            },
            fingerprint: self.fingerprint.clone(),
        })
    }

    fn spelling(&self) -> Spelling {
        spelling(self.engine.template().get_decoder())
    }

    fn kind(&self, model: &Value) -> &'static str {
        match (model["type"].as_str(), self.spelling()) {
            (Some("Unigram"), _) => "Unigram",
            (Some("WordPiece"), _) => "WordPiece",
            (Some("WordLevel"), _) => "WordLevel",
            (_, Spelling::ByteLevel) => "byte-level BPE",
            (_, Spelling::Pieces) => "SentencePiece BPE",
            (_, Spelling::Words | Spelling::Plain) => "character BPE",
        }
    }

    fn named(&self, id: u32) -> Named {
        Named {
            id,
            token: self.token(id),
        }
    }

    fn added_entries(&self) -> Vec<AddedEntry> {
        let mut entries: Vec<_> = (self.engine.added().get_added_tokens_decoder().iter())
            .map(|(id, token)| AddedEntry {
                id: *id,
                token: token.content.clone(),
                special: token.special,
            })
            .collect();
        entries.sort_unstable_by_key(|entry| entry.id);
        entries
    }

    fn chat_template_source(&self) -> ChatTemplate {
        let own = self.config.chat_template.is_some();
        let chosen = super::chat::builtin::choose(|token| self.engine.is_added(token));
        ChatTemplate {
            own,
            built_in: (!own).then(|| chosen.name.to_owned()),
        }
    }
}

fn count(spelt: &[Spelt], is: impl Fn(&Spelt) -> bool) -> u64 {
    spelt.iter().filter(|token| is(token)).count() as u64
}

/// The longest ordinary tokens; of equal ones the first ids.
fn longest(spelt: &[Spelt]) -> Vec<Named> {
    let mut tokens: Vec<(usize, u32)> = (spelt.iter().zip(0u32..))
        .filter(|(token, _)| token.kind == TokenKind::Text)
        .map(|(token, id)| (String::from_utf8_lossy(&token.bytes).chars().count(), id))
        .collect();
    tokens.sort_unstable_by_key(|&(length, id)| (std::cmp::Reverse(length), id));
    (tokens.into_iter().take(LONGEST))
        .map(|(_, id)| Named {
            id,
            token: String::from_utf8_lossy(&spelt[id as usize].bytes).into_owned(),
        })
        .collect()
}
