//! What names of fields mean to those that read records before their shape is known.

use super::fields::has;
use super::known::Names;
use super::names::{
    A, ANSWER, ANSWERS, ANSWERS_COLUMN, ASKED, ASSISTANT, CANDIDATES, CHOSEN, COMPLETION, CONTEXT,
    CONVERSATIONS, CORRECT, DIALOG, ENDINGS, FIRST_OPTION, IDEAL, INPUTS, INSTRUCTION, MESSAGES,
    NAMES_OPTION, OPTIONS, OUTPUT, PROMPT, Q, QUESTION, QUESTIONS_COLUMN, REJECTED_BESIDE, REPLY,
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
    known.iter().any(|known| known.has(name))
}

/// Whether a field of this name may hold a list of turns.
#[must_use]
pub fn names_turns(name: &str) -> bool {
    [MESSAGES, CONVERSATIONS, DIALOG]
        .iter()
        .any(|known| known.has(name))
}

/// Whether among these names are those of a question and its answer that mean it only together.
#[must_use]
pub fn names_a_pair(names: &BTreeSet<String>) -> bool {
    let has = |known: Names<'_>| names.iter().any(|name| known.has(name));
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
        REJECTED_BESIDE,
        MESSAGES,
        CONVERSATIONS,
        DIALOG,
        OPTIONS,
        ENDINGS,
    ];
    known.iter().any(|known| known.has(name))
}

/// Whether a field of this name holds the options of a question, in a list.
#[must_use]
pub fn lists_options(name: &str) -> bool {
    OPTIONS.has(name)
}

/// Whether a field of this name says which option is right.
#[must_use]
pub fn names_option(name: &str) -> bool {
    NAMES_OPTION.has(name) || CORRECT.has(name)
}

/// Whether a record has a question with options in columns of their own ([`is_option_column`]).
#[must_use]
pub fn has_option_columns(fields: &Fields) -> bool {
    let has = |names| has(fields, names);
    has(FIRST_OPTION) && has(SECOND_OPTION) && has(ASKED) && (has(NAMES_OPTION) || has(CORRECT))
}

/// Whether within such a field one of this name says it: by its name, or as an option under its letter.
#[must_use]
pub fn says(name: &str) -> bool {
    answers::SAID.has(name) || choice::one_letter(name).is_some()
}
