//! What names of fields mean to those that read records before their shape is known.

use super::fields::{find, is_same};
use super::names::{
    A, ANSWER, ANSWERS, ANSWERS_COLUMN, ASKED, ASSISTANT, CANDIDATES, CHOSEN, COMPLETION, CONTEXT,
    CONVERSATIONS, CORRECT, DIALOG, ENDINGS, FIRST_OPTION, IDEAL, INPUTS, INSTRUCTION, MESSAGES,
    NAMES_OPTION, OPTIONS, OUTPUT, PROMPT, Q, QUESTION, QUESTIONS_COLUMN, REJECTED, REPLY,
    SECOND_OPTION, TARGET, TEXT, USER,
};
use super::{Fields, answers, choice};
use std::collections::BTreeSet;

/// Whether a field of this name means something to a shape.
#[must_use]
pub fn is_known_field(name: &str) -> bool {
    let known = [
        INSTRUCTION,
        OUTPUT,
        QUESTION,
        ANSWER,
        COMPLETION,
        PROMPT,
        CHOSEN,
        TEXT,
        CONTEXT,
    ];
    let mut known = known.iter().copied().flatten();
    known.any(|known| is_same(known, name))
}

/// Whether among these names are those of a question and its answer that mean it only together.
#[must_use]
pub fn names_a_pair(names: &BTreeSet<String>) -> bool {
    let has = |known: &[&str]| {
        names
            .iter()
            .any(|name| known.iter().any(|known| is_same(known, name)))
    };
    [
        (Q, A),
        (INPUTS, TARGET),
        (USER, ASSISTANT),
        (QUESTIONS_COLUMN, ANSWERS_COLUMN),
    ]
    .into_iter()
    .any(|(asked, said)| has(asked) && has(said))
}

/// Whether a field of this name holds an answer, several, or turns: numbers in it become text.
#[must_use]
pub fn holds_what_is_said(name: &str) -> bool {
    let known = [
        ANSWER,
        OUTPUT,
        COMPLETION,
        REPLY,
        ANSWERS,
        CANDIDATES,
        IDEAL,
        CHOSEN,
        REJECTED,
        MESSAGES,
        CONVERSATIONS,
        DIALOG,
        OPTIONS,
        ENDINGS,
    ];
    let mut known = known.iter().copied().flatten();
    known.any(|known| is_same(known, name))
}

/// Whether a field of this name holds the options of a question, in a list.
#[must_use]
pub fn lists_options(name: &str) -> bool {
    OPTIONS.iter().any(|known| is_same(known, name))
}

/// Whether a field of this name says which option is right.
#[must_use]
pub fn names_option(name: &str) -> bool {
    let mut known = [NAMES_OPTION, CORRECT].into_iter().flatten();
    known.any(|known| is_same(known, name))
}

/// Whether a record has a question with options in columns of their own ([`is_option_column`]).
#[must_use]
pub fn has_option_columns(fields: &Fields) -> bool {
    let has = |names| find(fields, names).is_some();
    has(FIRST_OPTION) && has(SECOND_OPTION) && has(ASKED) && (has(NAMES_OPTION) || has(CORRECT))
}

/// Whether within such a field one of this name says it: by its name, or as an option under its letter.
#[must_use]
pub fn says(name: &str) -> bool {
    answers::SAID.iter().any(|known| is_same(known, name)) || choice::one_letter(name).is_some()
}
