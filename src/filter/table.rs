//! The one table of rules. It feeds the help, the docs and the tests.

use super::Rule;
use super::rules::{
    c4_document, char_dup, dup_lines, dup_ngrams, dup_paragraphs, gopher_alpha, gopher_length,
    gopher_lines, gopher_stop_words, gopher_symbols, gopher_word_length, language, line_punct,
    list_ratio, lost_characters, no_letters, qa_empty, qa_equal, qa_language, qa_preference,
    qa_refusal, qa_roles, short_lines, top_ngrams,
};

/// Every rule.
pub const RULES: &[Rule] = &[
    language::ENGLISH,
    language::RUSSIAN,
    no_letters::NO_LETTERS,
    lost_characters::TEXT,
    gopher_length::SHORT,
    gopher_length::LONG,
    gopher_word_length::BELOW,
    gopher_word_length::ABOVE,
    gopher_symbols::HASHES,
    gopher_symbols::ELLIPSES,
    gopher_lines::BULLETS,
    gopher_lines::END_ELLIPSES,
    gopher_alpha::ALPHA,
    gopher_stop_words::STOP_WORDS,
    dup_paragraphs::SHARE,
    dup_paragraphs::CHARACTERS,
    dup_lines::SHARE,
    dup_lines::CHARACTERS,
    top_ngrams::TOP_2,
    top_ngrams::TOP_3,
    top_ngrams::TOP_4,
    dup_ngrams::DUP_5,
    dup_ngrams::DUP_6,
    dup_ngrams::DUP_7,
    dup_ngrams::DUP_8,
    dup_ngrams::DUP_9,
    dup_ngrams::DUP_10,
    c4_document::LOREM_IPSUM,
    c4_document::CURLY_BRACKET,
    c4_document::TOO_FEW_SENTENCES,
    line_punct::LINE_PUNCT,
    short_lines::SHORT_LINES,
    char_dup::CHAR_DUP,
    list_ratio::LIST,
    qa_roles::NO_ASSISTANT_TURN,
    qa_roles::ASSISTANT_FIRST,
    qa_roles::TWO_USERS,
    qa_empty::QUESTION,
    qa_empty::ANSWER,
    qa_empty::NO_LETTERS,
    lost_characters::EXCHANGE,
    qa_equal::EQUAL,
    qa_refusal::REFUSAL,
    qa_language::OTHER_LANGUAGE,
    qa_preference::EQUAL,
];

/// The rule of that name.
#[must_use]
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
