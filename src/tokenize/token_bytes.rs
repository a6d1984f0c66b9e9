//! What each token stands for in UTF-8 bytes, so that vocabularies and losses compare.

use super::engine::Engine;
use super::train::alphabet;
use std::collections::HashMap;
use tokenizers::DecoderWrapper;

/// How tokens of a vocabulary spell text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Every character of a token is one byte (GPT-2's alphabet).
    ByteLevel,
    /// `▁` is a space and `<0xNN>` one byte (`SentencePiece`).
    Pieces,
    /// `##` continues a word (`WordPiece`).
    Words,
    /// A token is its own text.
    Plain,
}

/// What an id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A token that no text becomes: BOS, EOS, turns of chats.
    Special,
    /// A token beside the model's vocabulary that texts may become.
    Added,
    /// One byte of a character that the vocabulary lacks: `<0xD0>`.
    ByteFallback,
    /// An ordinary token.
    Text,
    /// No token has this id.
    Hole,
}

/// A token as bytes of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelt {
    /// What it is.
    pub kind: TokenKind,
    /// What it writes; of a special token its letters.
    pub bytes: Vec<u8>,
}

impl Spelt {
    /// Whether a character is cut in it: what a text costs that the vocabulary has no token for. In a
    /// byte-level BPE such tokens are ordinary ones, of one byte or several (a space and half a letter).
    #[must_use]
    pub fn is_part_of_character(&self) -> bool {
        // The line break that SentencePiece writes as <0x0A> is a whole character.
        let may_be = matches!(self.kind, TokenKind::Text | TokenKind::ByteFallback);
        may_be && std::str::from_utf8(&self.bytes).is_err()
    }

    /// Whether it stands for one byte.
    #[must_use]
    pub fn is_single_byte(&self) -> bool {
        self.bytes.len() == 1
            && matches!(
                self.kind,
                TokenKind::Text | TokenKind::Added | TokenKind::ByteFallback
            )
    }
}

/// Every id of the vocabulary as bytes.
pub(super) fn spelt(engine: &Engine) -> Vec<Spelt> {
    let spelling = spelling(engine.template().get_decoder());
    let added = engine.added().get_added_tokens_decoder();
    let byte_of: HashMap<char, u8> = alphabet().zip(0..=u8::MAX).collect();
    (0..engine.vocab_size())
        .map(|id| match (added.get(&id), engine.token(id)) {
            (Some(token), _) => Spelt {
                kind: if token.special {
                    TokenKind::Special
                } else {
                    TokenKind::Added
                },
                bytes: token.content.clone().into_bytes(),
            },
            (None, Some(token)) => ordinary(token, spelling, &byte_of),
            (None, None) => Spelt {
                kind: TokenKind::Hole,
                bytes: Vec::new(),
            },
        })
        .collect()
}

/// UTF-8 bytes by id; special tokens and holes are 0.
pub(super) fn token_bytes(engine: &Engine) -> Vec<u32> {
    (spelt(engine).iter())
        .map(|token| match token.kind {
            TokenKind::Special | TokenKind::Hole => 0,
            _ => u32::try_from(token.bytes.len()).unwrap_or(u32::MAX),
        })
        .collect()
}

pub(super) fn spelling(decoder: Option<&DecoderWrapper>) -> Spelling {
    match decoder {
        Some(DecoderWrapper::ByteLevel(_)) => Spelling::ByteLevel,
        Some(DecoderWrapper::WordPiece(_)) => Spelling::Words,
        Some(DecoderWrapper::Sequence(sequence)) => {
            let inner = sequence
                .get_decoders()
                .iter()
                .map(|decoder| spelling(Some(decoder)));
            inner
                .into_iter()
                .find(|spelling| !matches!(spelling, Spelling::Plain))
                .unwrap_or(Spelling::Plain)
        }
        Some(
            DecoderWrapper::Metaspace(_)
            | DecoderWrapper::Replace(_)
            | DecoderWrapper::ByteFallback(_),
        ) => Spelling::Pieces,
        _ => Spelling::Plain,
    }
}

fn ordinary(token: String, spelling: Spelling, byte_of: &HashMap<char, u8>) -> Spelt {
    let mut kind = TokenKind::Text;
    let bytes = match spelling {
        Spelling::ByteLevel => token.chars().map(|c| byte_of.get(&c).copied()).collect(),
        Spelling::Pieces => match byte_piece(&token) {
            Some(byte) => {
                kind = TokenKind::ByteFallback;
                Some(vec![byte])
            }
            None => Some(token.replace('▁', " ").into_bytes()),
        },
        Spelling::Words => token
            .strip_prefix("##")
            .map(|rest| rest.as_bytes().to_vec()),
        Spelling::Plain => None,
    };
    Spelt {
        kind,
        bytes: bytes.unwrap_or_else(|| token.into_bytes()),
    }
}

/// The byte of `<0xNN>`.
fn byte_piece(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_in_bytes_is_a_whole_character() {
        let byte = |kind, byte| Spelt {
            kind,
            bytes: vec![byte],
        };
        for kind in [TokenKind::ByteFallback, TokenKind::Text] {
            assert!(!byte(kind, b'\n').is_part_of_character());
            assert!(byte(kind, 0xD0).is_part_of_character());
            assert!(byte(kind, b'\n').is_single_byte());
        }
        // The most frequent token of Russian under GPT-2's vocabulary: a space and half a letter.
        let spelt = |bytes: &[u8]| Spelt {
            kind: TokenKind::Text,
            bytes: bytes.to_vec(),
        };
        assert!(spelt(b" \xd0").is_part_of_character());
        assert!(!spelt(b" \xd0").is_single_byte());
        assert!(!spelt("да".as_bytes()).is_part_of_character());
    }
}
