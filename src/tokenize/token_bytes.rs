//! How many UTF-8 bytes each token stands for, so that losses of different tokenizers compare.

use super::engine::Engine;
use tokenizers::DecoderWrapper;

/// How tokens of a vocabulary spell text.
enum Spelling {
    /// Every character of a token is one byte (GPT-2's alphabet).
    ByteLevel,
    /// `▁` is a space and `<0xNN>` one byte (`SentencePiece`).
    Pieces,
    /// `##` continues a word (`WordPiece`).
    Words,
    /// A token is its own text.
    Plain,
}

/// UTF-8 bytes by id; special tokens and holes are 0.
pub(super) fn token_bytes(engine: &Engine) -> Vec<u32> {
    let spelling = spelling(engine.template().get_decoder());
    let added = engine.added().get_added_tokens_decoder();
    (0..engine.vocab_size())
        .map(|id| match (added.get(&id), engine.token(id)) {
            (Some(token), _) if token.special => 0,
            (Some(token), _) => token.content.len(),
            (None, Some(token)) => bytes(&token, &spelling),
            (None, None) => 0,
        })
        .map(|length| u32::try_from(length).unwrap_or(u32::MAX))
        .collect()
}

fn spelling(decoder: Option<&DecoderWrapper>) -> Spelling {
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

fn bytes(token: &str, spelling: &Spelling) -> usize {
    match spelling {
        Spelling::ByteLevel if token.chars().all(in_byte_alphabet) => token.chars().count(),
        Spelling::Pieces if is_byte_piece(token) => 1,
        Spelling::Pieces => token.len() - token.matches('▁').count() * ('▁'.len_utf8() - 1),
        Spelling::Words => token.strip_prefix("##").unwrap_or(token).len(),
        Spelling::ByteLevel | Spelling::Plain => token.len(),
    }
}

/// Whether GPT-2's alphabet of 256 characters has `character`: 188 printable ones stand for
/// themselves, U+0100 to U+0143 for the other bytes.
fn in_byte_alphabet(character: char) -> bool {
    matches!(u32::from(character), 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF | 0x100..=0x143)
}

fn is_byte_piece(token: &str) -> bool {
    let digits = token
        .strip_prefix("<0x")
        .and_then(|rest| rest.strip_suffix('>'));
    digits.is_some_and(|digits| {
        digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}
