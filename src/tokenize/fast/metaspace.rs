//! SentencePiece-style BPE (Llama-2, Mistral): spaces become "▁", and words begin with them.
//!
//! Such a tokenizer merges a text as one word. But where no token has a "▁" behind another character,
//! no merge crosses the place before a run of spaces, so a text may be cut there, and its words be
//! cached. Spaces stay spaces here: the vocabulary is read with "▁" as a space, and a text that holds
//! a "▁" of its own goes to the crate.

use serde_json::Value;

/// The letter that stands for a space.
pub(super) const METASPACE: char = '▁';

/// How a tokenizer treats spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Metaspace {
    pub prepend: Prepend,
    /// Whether every space begins a word, or every run of them.
    pub each: bool,
}

/// When a space is put before a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prepend {
    Always,
    UnlessSpace,
    Never,
}

impl Metaspace {
    /// Reads normaliser and pre-tokenizer, if they are of this kind.
    pub fn of(normalizer: Option<&Value>, pre_tokenizer: Option<&Value>) -> Option<Self> {
        let normalizer = normalizer.filter(|value| !value.is_null());
        let pre_tokenizer = pre_tokenizer.filter(|value| !value.is_null());
        match (normalizer, pre_tokenizer) {
            (Some(normalizer), None) => of_normalizer(normalizer),
            (None, Some(pre_tokenizer)) => of_pre_tokenizer(pre_tokenizer),
            _ => None,
        }
    }

    /// Whether a space belongs before `text`.
    pub fn prepends(self, text: &str) -> bool {
        match self.prepend {
            Prepend::Always => !text.is_empty(),
            Prepend::UnlessSpace => !text.is_empty() && !text.starts_with(' '),
            Prepend::Never => false,
        }
    }

    /// The end of the word that begins at `at`.
    #[inline]
    pub fn next(self, text: &[u8], at: usize) -> usize {
        let mut inside = at;
        if self.each {
            inside += usize::from(text[at] == b' ');
        } else {
            while text.get(inside) == Some(&b' ') {
                inside += 1;
            }
        }
        let rest = &text[inside..];
        inside + memchr::memchr(b' ', rest).unwrap_or(rest.len())
    }
}

/// Prepend "▁", then replace " " by it.
fn of_normalizer(normalizer: &Value) -> Option<Metaspace> {
    let is = |value: &Value, key: &str, wanted: &str| {
        value.get(key).and_then(Value::as_str) == Some(wanted)
    };
    let replaces = |step: &Value| {
        is(step, "type", "Replace")
            && is(step, "content", "▁")
            && step.pointer("/pattern/String").and_then(Value::as_str) == Some(" ")
    };
    let steps = normalizer.get("normalizers").and_then(Value::as_array)?;
    let prepend = match steps.as_slice() {
        [first, second]
            if is(first, "type", "Prepend") && is(first, "prepend", "▁") && replaces(second) =>
        {
            Prepend::Always
        }
        [only] if replaces(only) => Prepend::Never,
        _ => return None,
    };
    is(normalizer, "type", "Sequence").then_some(Metaspace {
        prepend,
        each: false,
    })
}

fn of_pre_tokenizer(pre_tokenizer: &Value) -> Option<Metaspace> {
    let text = |key: &str| pre_tokenizer.get(key).and_then(Value::as_str);
    if text("type") != Some("Metaspace") || text("replacement") != Some("▁") {
        return None;
    }
    let prepend = match text("prepend_scheme")? {
        "first" | "always" => Prepend::UnlessSpace,
        "never" => Prepend::Never,
        _ => return None,
    };
    let each = pre_tokenizer
        .get("split")
        .is_none_or(|split| split.as_bool() == Some(true));
    Some(Metaspace { prepend, each })
}

/// Whether `token` may be formed of what one word holds: its "▁" stand at its beginning only.
pub(super) fn stays_in_a_word(token: &str) -> bool {
    !token.trim_start_matches(METASPACE).contains(METASPACE)
}
