//! The split patterns that the scanner knows, letter for letter.
//!
//! A tokenizer.json whose pattern is not one of these goes to the `tokenizers` crate.

use super::super::train;
use super::masks::Wanted;

/// GPT-2's pattern, which `ByteLevel` also has built in (`use_regex`).
pub(in super::super) const GPT2: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// cl100k, and Llama-3.
const CL100K: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen 2, 2.5 and 3.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// o200k, and gpt-oss.
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How a pattern's alternatives are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A space may go before words, numbers and signs alike.
    Gpt2,
    /// Any sign may go before a word, and numbers have at most so many characters.
    Cl100k {
        /// Characters of a number.
        digits: usize,
    },
    /// As cl100k; a word ends where lower case is followed by upper case.
    O200k,
}

/// A pattern that the scanner knows.
#[derive(Debug)]
pub(super) struct Pattern {
    pub name: &'static str,
    pub regex: &'static str,
    pub shape: Shape,
    pub wanted: Wanted,
}

/// All of them.
pub(super) const PATTERNS: [Pattern; 7] = [
    Pattern {
        name: "gpt2",
        regex: GPT2,
        shape: Shape::Gpt2,
        wanted: Wanted::Letters,
    },
    Pattern {
        name: "cl100k",
        regex: CL100K,
        shape: Shape::Cl100k { digits: 3 },
        wanted: Wanted::Letters,
    },
    Pattern {
        name: "qwen2",
        regex: QWEN2,
        shape: Shape::Cl100k { digits: 1 },
        wanted: Wanted::Letters,
    },
    Pattern {
        // Also prep's own with each digit apart.
        name: "qwen3.5",
        regex: train::PATTERN_SINGLE_DIGITS,
        shape: Shape::Cl100k { digits: 1 },
        wanted: Wanted::LettersAndMarks,
    },
    Pattern {
        name: "prep",
        regex: train::PATTERN,
        shape: Shape::Cl100k { digits: 3 },
        wanted: Wanted::LettersAndMarks,
    },
    Pattern {
        name: "prep, digits any",
        regex: train::PATTERN_ANY_DIGITS,
        shape: Shape::Cl100k { digits: usize::MAX },
        wanted: Wanted::LettersAndMarks,
    },
    Pattern {
        name: "o200k",
        regex: O200K,
        shape: Shape::O200k,
        wanted: Wanted::Cased,
    },
];
