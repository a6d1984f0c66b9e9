//! What tokens are made of: letters of which script, digits, bytes.

use crate::tokenize::{Spelt, TokenKind};
use serde::Serialize;

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// Its letters are Cyrillic.
    Cyrillic,
    /// Its letters are Latin.
    Latin,
    /// Cyrillic and Latin letters, or others beside them.
    Mixed,
    /// Letters of other scripts.
    Other,
    /// Digits, and no letters.
    Digits,
    /// Neither letters nor digits: signs and white space.
    Signs,
    /// Bytes that are no whole characters, and `<0xNN>`.
    Bytes,
    /// Special tokens.
    Special,
}

impl Script {
    /// All, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Cyrillic,
        Self::Latin,
        Self::Mixed,
        Self::Other,
        Self::Digits,
        Self::Signs,
        Self::Bytes,
        Self::Special,
    ];

    /// What it is called for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cyrillic => "Cyrillic",
            Self::Latin => "Latin",
            Self::Mixed => "mixed scripts",
            Self::Other => "other scripts",
            Self::Digits => "digits",
            Self::Signs => "signs, white space",
            Self::Bytes => "bytes, cut characters",
            Self::Special => "special",
        }
    }
}

/// How many tokens are of a script.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScriptShare {
    /// What they are made of.
    pub script: Script,
    /// How many.
    pub tokens: u64,
    /// Share of all tokens, 0 to 1.
    pub share: f64,
}

/// Counts tokens by script; holes are no tokens.
pub(super) fn shares(spelt: &[Spelt]) -> Vec<ScriptShare> {
    let mut counts = [0_u64; Script::ALL.len()];
    for script in spelt.iter().filter_map(of) {
        counts[script as usize] += 1;
    }
    let all = counts.iter().sum::<u64>().max(1) as f64;
    (Script::ALL.into_iter().zip(counts))
        .map(|(script, tokens)| ScriptShare {
            script,
            tokens,
            share: tokens as f64 / all,
        })
        .collect()
}

fn of(token: &Spelt) -> Option<Script> {
    match token.kind {
        TokenKind::Hole => return None,
        TokenKind::Special => return Some(Script::Special),
        TokenKind::ByteFallback => return Some(Script::Bytes),
        TokenKind::Added | TokenKind::Text => {}
    }
    let Ok(text) = std::str::from_utf8(&token.bytes) else {
        return Some(Script::Bytes);
    };
    let mut found = None;
    for c in text.chars() {
        let of_letter = letter(c);
        found = match (found, of_letter) {
            (None | Some(Script::Digits), Some(new)) => Some(new),
            (Some(old), Some(new)) if new != old && new != Script::Digits => Some(Script::Mixed),
            (old, _) => old,
        };
    }
    Some(found.unwrap_or(Script::Signs))
}

/// The script of a letter, or `Digits` of a digit. Combining marks are of any script.
fn letter(c: char) -> Option<Script> {
    match c {
        '0'..='9' => Some(Script::Digits),
        'a'..='z' | 'A'..='Z' => Some(Script::Latin),
        // The blocks of Unicode; × and ÷ are no letters, so that `is_alphabetic` leaves them out.
        '\u{400}'..='\u{52F}'
        | '\u{1C80}'..='\u{1C8F}'
        | '\u{2DE0}'..='\u{2DFF}'
        | '\u{A640}'..='\u{A69F}' => Some(Script::Cyrillic),
        '\u{AA}'..='\u{24F}'
        | '\u{1E00}'..='\u{1EFF}'
        | '\u{2C60}'..='\u{2C7F}'
        | '\u{A720}'..='\u{A7FF}'
            if c.is_alphabetic() =>
        {
            Some(Script::Latin)
        }
        _ if c.is_numeric() => Some(Script::Digits),
        _ if c.is_alphabetic() => Some(Script::Other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_apart_by_their_letters() {
        let text = |text: &str| Spelt {
            kind: TokenKind::Text,
            bytes: text.as_bytes().to_vec(),
        };
        for (token, script) in [
            (" мама", Script::Cyrillic),
            ("ё", Script::Cyrillic),
            (" the", Script::Latin),
            ("né", Script::Latin),
            ("xя", Script::Mixed),
            ("яx", Script::Mixed),
            ("你好", Script::Other),
            (" 12", Script::Digits),
            ("2а", Script::Cyrillic),
            ("а2", Script::Cyrillic),
            ("...\n", Script::Signs),
            (" ×", Script::Signs),
            ("", Script::Signs),
        ] {
            assert_eq!(of(&text(token)), Some(script), "{token:?}");
        }
        let half = Spelt {
            kind: TokenKind::Text,
            bytes: vec![b' ', 0xD0],
        };
        assert_eq!(of(&half), Some(Script::Bytes));
    }
}
