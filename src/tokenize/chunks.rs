//! Long texts in chunks, so that one document does not hold one core while the others wait.
//!
//! A text is cut only where the split pattern begins a new span whatever stands before and after: the
//! ids of the chunks, one behind the other, are those of the text. Where a text has no such place, a
//! chunk is as long as it must be.

use rayon::prelude::*;
use serde_json::Value;

/// A chunk of a text.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub text: &'a str,
    /// Whether the text begins with it.
    pub first: bool,
}

/// Where a text may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Between a letter and the blank after it: every known split pattern begins a span there.
    AfterLetter,
    /// Before a run of spaces: words of tokenizers that write "▁" for a space begin there.
    BeforeSpaces,
    /// Before a single space between ASCII letters: no normaliser reaches over that.
    BetweenWords,
}

/// Normalisers that see no farther than a character and its neighbours, and leave a space between
/// letters alone.
const LOCAL_NORMALIZERS: [&str; 9] = [
    "BertNormalizer",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Nmt",
    "Precompiled",
    "StripAccents",
];
/// Pre-tokenizers that begin a word at every space.
const SPLITTING: [&str; 3] = ["BertPreTokenizer", "Whitespace", "WhitespaceSplit"];

impl Cut {
    /// Where the `tokenizers` crate may be given a text in parts, for a tokenizer.json without added
    /// tokens that texts may hold; `None` where nothing is known of it.
    pub fn of_crate(json: &Value) -> Option<Self> {
        let local = json.get("normalizer").is_none_or(is_local);
        let splits = json.get("pre_tokenizer").is_some_and(splits_at_spaces);
        (local && splits).then_some(Self::BetweenWords)
    }

    /// Whether `text` may be cut at `at`, which is at least 2 and inside the text.
    pub fn allows(self, text: &[u8], at: usize) -> bool {
        let before = text[at - 1];
        match self {
            Self::AfterLetter => {
                let letter = before.is_ascii_alphabetic() || text[at - 2] & 0xFE == 0xD0;
                letter && matches!(text[at], b' ' | b'\n')
            }
            Self::BeforeSpaces => text[at] == b' ' && before != b' ',
            Self::BetweenWords => {
                let after = text.get(at + 1).is_some_and(u8::is_ascii_alphabetic);
                text[at] == b' ' && before.is_ascii_alphabetic() && after
            }
        }
    }

    /// The last place before `most` bytes, or the first behind them, or the end of the text.
    pub fn end(self, text: &[u8], most: usize) -> usize {
        if text.len() <= most {
            return text.len();
        }
        let at = |at: &usize| self.allows(text, *at);
        (2..most)
            .rev()
            .find(at)
            .or_else(|| (most.max(2)..text.len()).find(at))
            .unwrap_or(text.len())
    }
}

/// Appends what `encode` makes of `text`, whole if it is short, else in chunks on all cores; stops
/// and says no where `encode` does.
pub(super) fn encode(
    text: &str,
    bytes: usize,
    cut: Cut,
    out: &mut Vec<u32>,
    encode: impl Fn(Chunk, &mut Vec<u32>) -> bool + Sync,
) -> bool {
    if text.len() <= 2 * bytes {
        return encode(Chunk { text, first: true }, out);
    }
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(cut.end(rest.as_bytes(), bytes));
        chunks.push(Chunk {
            text: chunk,
            first: chunks.is_empty(),
        });
        rest = after;
    }
    let encoded: Option<Vec<Vec<u32>>> = chunks
        .into_par_iter()
        .map(|chunk| {
            let mut ids = Vec::with_capacity(chunk.text.len() / 3);
            encode(chunk, &mut ids).then_some(ids)
        })
        .collect();
    let Some(encoded) = encoded else {
        return false;
    };
    out.reserve(encoded.iter().map(Vec::len).sum());
    for ids in encoded {
        out.extend_from_slice(&ids);
    }
    true
}

fn kind(step: &Value) -> &str {
    step.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn is_local(normalizer: &Value) -> bool {
    let steps = normalizer.get("normalizers").and_then(Value::as_array);
    match kind(normalizer) {
        "" => normalizer.is_null(),
        "Sequence" => steps.is_some_and(|steps| steps.iter().all(is_local)),
        // Runs of spaces become one; a single one stays.
        "Replace" => normalizer.pointer("/pattern/Regex").and_then(Value::as_str) == Some(" {2,}"),
        kind => LOCAL_NORMALIZERS.contains(&kind),
    }
}

fn splits_at_spaces(pre_tokenizer: &Value) -> bool {
    match kind(pre_tokenizer) {
        // A chunk begins with a space, so that nothing is put before it that the text has not.
        "Metaspace" => pre_tokenizer.get("split") != Some(&Value::Bool(false)),
        kind => SPLITTING.contains(&kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_the_text_and_end_where_it_may_be_cut() {
        let text =
            "Мама мыла раму,  and the fox\n\njumped 12 345 times  over it. Конец ".repeat(30);
        for cut in [Cut::AfterLetter, Cut::BeforeSpaces, Cut::BetweenWords] {
            for bytes in [1, 2, 3, 17, 100] {
                let (mut all, mut rest, mut chunks) = (String::new(), text.as_str(), 0);
                while !rest.is_empty() {
                    let (chunk, after) = rest.split_at(cut.end(rest.as_bytes(), bytes));
                    assert!(after.is_empty() || cut.allows(rest.as_bytes(), chunk.len()));
                    all.push_str(chunk);
                    rest = after;
                    chunks += 1;
                }
                assert_eq!(all, text);
                assert!(chunks > 9, "{cut:?} {bytes}: {chunks}");
            }
            let hostile = "а".repeat(5_000) + &"\n \t".repeat(900);
            assert!(cut.end(hostile.as_bytes(), 100) >= 10_000, "{cut:?}");
        }
    }

    #[test]
    fn a_refusal_of_one_chunk_refuses_the_text() {
        let text = "ab ".repeat(100);
        let mut out = Vec::new();
        let done = encode(&text, 10, Cut::AfterLetter, &mut out, |chunk, out| {
            out.extend(chunk.text.bytes().map(u32::from));
            true
        });
        assert!(done && out == text.bytes().map(u32::from).collect::<Vec<_>>());
        assert!(!encode(
            &text,
            10,
            Cut::AfterLetter,
            &mut out,
            |chunk, _| chunk.first
        ));
    }
}
