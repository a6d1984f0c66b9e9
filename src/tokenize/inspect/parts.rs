//! Normalisers and pre-tokenizers of a tokenizer.json in words.

use serde_json::Value;

/// What a step is called in words, by its `type`.
const STEPS: [(&str, &str); 24] = [
    ("NFC", "NFC (composed characters)"),
    ("NFD", "NFD (decomposed characters)"),
    (
        "NFKC",
        "NFKC (composed, compatible characters alike: rewrites the text)",
    ),
    (
        "NFKD",
        "NFKD (decomposed, compatible characters alike: rewrites the text)",
    ),
    ("Nmt", "control characters become spaces or go"),
    ("Lowercase", "lower case"),
    ("Strip", "white space at the ends goes"),
    ("StripAccents", "accents go"),
    (
        "BertNormalizer",
        "BERT's: control characters go, CJK characters stand apart",
    ),
    (
        "Precompiled",
        "SentencePiece's table of replacements (usually NFKC)",
    ),
    ("Prepend", "is put before a text"),
    ("Replace", "replaces"),
    ("ByteLevel", "bytes as characters"),
    ("Metaspace", "words begin at spaces, written as ▁"),
    ("Whitespace", "words and signs apart, white space goes"),
    ("WhitespaceSplit", "at white space, which goes"),
    (
        "BertPreTokenizer",
        "BERT's: at white space, which goes, and at punctuation",
    ),
    ("Punctuation", "punctuation stands apart"),
    ("Digits", "numbers stand apart"),
    ("Split", "by a pattern"),
    ("CharDelimiterSplit", "at a character, which goes"),
    ("UnicodeScripts", "where the script changes"),
    ("FixedLength", "pieces of one length"),
    ("RandomChunkSplit", "pieces of random length"),
];

/// The normaliser in words.
pub(super) fn normalizer(part: &Value) -> String {
    words(part, "normalizers", "none: the text stays as it is")
}

/// The pre-tokenizer in words.
pub(super) fn pre_tokenizer(part: &Value) -> String {
    words(part, "pretokenizers", "none: the model gets the whole text")
}

/// The first pattern that a text is split by.
pub(super) fn split_pattern(part: &Value) -> Option<String> {
    if let Some(steps) = part["pretokenizers"].as_array() {
        return steps.iter().find_map(split_pattern);
    }
    match part["type"].as_str()? {
        "Split" => {
            let pattern = &part["pattern"];
            let text = pattern["Regex"].as_str().or(pattern["String"].as_str());
            text.map(str::to_owned)
        }
        "ByteLevel" if part["use_regex"] != Value::Bool(false) => {
            Some(crate::tokenize::GPT2_PATTERN.to_owned())
        }
        _ => None,
    }
}

fn words(part: &Value, list: &str, none: &str) -> String {
    if part.is_null() {
        return none.to_owned();
    }
    if let Some(steps) = part[list].as_array() {
        let steps: Vec<String> = steps.iter().map(step).collect();
        return if steps.is_empty() {
            none.to_owned()
        } else {
            steps.join("; then ")
        };
    }
    step(part)
}

fn step(step: &Value) -> String {
    let kind = step["type"].as_str().unwrap_or("?");
    let known = STEPS.iter().find(|(name, _)| *name == kind);
    let plain = known.map_or_else(|| kind.to_owned(), |(_, words)| (*words).to_owned());
    let pattern = &step["pattern"];
    let pattern = pattern["String"].as_str().or(pattern["Regex"].as_str());
    let on = |name: &str| step[name] == Value::Bool(true);
    match kind {
        "Prepend" => format!("{:?} {plain}", step["prepend"].as_str().unwrap_or("")),
        "Replace" => format!(
            "{:?} {plain} {:?}",
            step["content"].as_str().unwrap_or(""),
            pattern.unwrap_or("")
        ),
        "BertNormalizer" if on("lowercase") => format!("{plain}, lower case"),
        "ByteLevel" => {
            let pattern = if step["use_regex"] == Value::Bool(false)
                || step.get("use_regex").is_none() && step.get("add_prefix_space").is_none()
            {
                ""
            } else {
                "split by GPT-2's pattern, "
            };
            let prefix = if on("add_prefix_space") {
                ", a space is put before a text"
            } else {
                ""
            };
            format!("{pattern}{plain}{prefix}")
        }
        "Metaspace" => match step["prepend_scheme"].as_str() {
            Some("never") => plain,
            _ => format!("{plain}; one is put before a text"),
        },
        "Digits" if on("individual_digits") => "each digit stands apart".to_owned(),
        _ => plain,
    }
}
