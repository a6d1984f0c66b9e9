//! The keys by which documents are compared.
//!
//! Texts are compared by the comparison key. In questions and answers digits, operators and code are the
//! content (5+3 is not 7-3, C is not C++, f('a,b') is not f('a b')), so there only case, white space
//! between words, typographic quotes and the punctuation of sentences are folded; the indentation of a
//! line, quotes as they are typed and marks inside a word or behind a number stay.

use crate::chars;
use crate::document::comparison_key::append_key;
use crate::document::{Content, Message};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The two keys of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Equal for copies.
    pub content: u128,
    /// Equal for copies, and for answers to the same question.
    pub group: u128,
    /// Equal for copies, and for conversations that begin with the same question; decides the split.
    pub split: u128,
    /// Equal for documents with the same system prompt: under another one another answer is right.
    pub system: u64,
}

/// The keys of `content`.
#[must_use]
pub fn of(content: &Content) -> Keys {
    of_with(content, &mut String::new())
}

/// The keys of `content`; of a text, also appends the comparison key to `key`, which must be empty.
pub fn of_with(content: &Content, key: &mut String) -> Keys {
    match content {
        Content::Text(text) => {
            append_key(text, key);
            // Text of symbols alone has an empty key: then only the very same text is a copy.
            if key.is_empty() {
                of_bytes(text)
            } else {
                of_bytes(key)
            }
        }
        Content::Chat(messages) => {
            let (question, answer) = split_at_last_answer(messages);
            exchange(question, answer, &[])
        }
        Content::Preference { messages, rejected } => {
            let (question, answer) = split_at_last_answer(messages);
            exchange(question, answer, rejected)
        }
    }
}

/// The keys of a text that is equal to nothing but itself, to the byte.
#[must_use]
pub fn of_bytes(text: &str) -> Keys {
    let hash = xxh3_128(text.as_bytes());
    Keys {
        content: hash,
        group: hash,
        split: hash,
        system: 0,
    }
}

/// Everything before the last turn of the assistant, and the rest.
fn split_at_last_answer(messages: &[Message]) -> (&[Message], &[Message]) {
    let at = messages
        .iter()
        .rposition(|message| message.role == "assistant")
        .unwrap_or(messages.len());
    messages.split_at(at)
}

fn exchange(question: &[Message], answer: &[Message], rejected: &[Message]) -> Keys {
    let mut key = String::new();
    // Longer conversations that begin with the same turn of the user share answers.
    let split = append_turns(question, &mut key).unwrap_or_else(|| xxh3_128(b""));
    let group = xxh3_128(key.as_bytes());
    key.push('\0');
    append_turns(answer, &mut key);
    key.push('\0');
    append_turns(rejected, &mut key);
    Keys {
        content: xxh3_128(key.as_bytes()),
        group,
        split,
        system: system(question),
    }
}

/// Appends what `messages` say, and hashes the first turn of the user. The system prompt is left out: the
/// same answer to the same question under another one is a copy.
fn append_turns(messages: &[Message], key: &mut String) -> Option<u128> {
    let mut first = None;
    for message in messages.iter().filter(|message| message.role != "system") {
        key.push_str(&message.role);
        key.push('\n');
        let start = key.len();
        append_exchange_key(&message.content, key);
        if message.role == "user" {
            first.get_or_insert_with(|| xxh3_128(&key.as_bytes()[start..]));
        }
        key.push('\n');
    }
    first
}

/// The key of the system prompt, 0 where there is none.
fn system(question: &[Message]) -> u64 {
    let mut key = String::new();
    for message in question.iter().filter(|message| message.role == "system") {
        append_exchange_key(&message.content, &mut key);
        key.push('\n');
    }
    if key.is_empty() {
        0
    } else {
        xxh3_64(key.as_bytes())
    }
}

/// Folds case, white space, typographic quotes and the punctuation of sentences.
fn append_exchange_key(text: &str, key: &mut String) {
    let start = key.len();
    let mut gap = Gap::None;
    // Letters of the word that ends here, 0 behind anything else.
    let mut letters = 0;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        // Most of any text.
        if chars::is_alphabetic(c) {
            if key.len() > start {
                gap.append_to(key);
            }
            gap = Gap::None;
            letters += 1;
            match chars::small(c) {
                Some(c) => key.push(c),
                None => key.extend(c.to_lowercase()),
            }
            continue;
        }
        if c.is_whitespace() {
            gap = gap.and(c);
            letters = 0;
            continue;
        }
        if matches!(c, '«' | '»' | '“' | '”' | '„' | '‟') {
            gap = gap.and(' ');
            continue;
        }
        if ends_clause(c, letters, rest.as_str()) {
            gap = gap.and(' ');
            continue;
        }
        if key.len() > start {
            gap.append_to(key);
        }
        gap = Gap::None;
        letters = 0;
        match c {
            '’' | '‘' => key.push('\''),
            '—' | '–' => key.push('-'),
            c => key.extend(c.to_lowercase()),
        }
    }
    // A full stop at the end is punctuation, one inside may be a decimal point.
    while key.len() > start && key.ends_with(['.', ' ']) {
        key.pop();
    }
}

/// What stands between two words of a key.
enum Gap {
    None,
    Space,
    /// A new line with so many columns of white space, two or more, before its first word.
    Line(usize),
    /// A new line that is not indented yet.
    NewLine(usize),
}

impl Gap {
    fn and(self, space: char) -> Self {
        match (self, space) {
            (_, '\n' | '\r') => Self::NewLine(0),
            (Self::NewLine(columns) | Self::Line(columns), '\t') => Self::Line(columns + 4),
            (Self::NewLine(columns) | Self::Line(columns), _) if columns > 0 => {
                Self::Line(columns + 1)
            }
            (Self::NewLine(_), _) => Self::NewLine(1),
            _ => Self::Space,
        }
    }

    fn append_to(&self, key: &mut String) {
        match self {
            Self::None => {}
            Self::Space | Self::NewLine(_) => key.push(' '),
            Self::Line(columns) => {
                key.push('\n');
                key.extend(std::iter::repeat_n(' ', *columns));
            }
        }
    }
}

/// Whether `c`, behind a word of so many letters and before `rest`, is a mark of a sentence rather than
/// an operator: white space or the end of the turn, or further marks, come next, and a comma, a
/// semicolon and an exclamation mark stand behind a word (5! and n! are factorials, 1,5 a number).
fn ends_clause(c: char, letters: usize, rest: &str) -> bool {
    let behind_word = match c {
        '?' | '…' => true,
        '!' => letters > 1,
        ',' | ';' => letters > 0,
        _ => return false,
    };
    let next = rest.trim_start_matches(['?', '!', '…', '.', '»', '”', '“']);
    behind_word && next.chars().next().is_none_or(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(question: &str, answer: &str) -> Keys {
        of(&Content::Chat(vec![
            Message::new("user", question),
            Message::new("assistant", answer),
        ]))
    }

    #[test]
    fn answers_to_one_question_share_a_group() {
        let a = chat("Сколько будет 2+2?", "4");
        assert_eq!(a, chat("сколько  будет «2+2»", "4."));
        let b = chat("Сколько будет 2+2?", "Четыре");
        assert!(a.group == b.group && a.content != b.content);
    }

    #[test]
    fn conversations_with_one_beginning_share_a_split() {
        let longer = of(&Content::Chat(vec![
            Message::new("user", "Сколько будет 2+2?"),
            Message::new("assistant", "4"),
            Message::new("user", "А 3+3?"),
            Message::new("assistant", "6"),
        ]));
        let short = chat("Сколько будет 2+2?", "4");
        assert!(longer.split == short.split && longer.group != short.group);
    }

    #[test]
    fn code_numbers_and_signs_are_content() {
        for (one, other) in [
            ("print('a,b')", "print('a b')"),
            (
                "for x in y:\n    f(x)\n    g(x)",
                "for x in y:\n    f(x)\ng(x)",
            ),
            ("a != b", "a = b"),
            ("1,5", "1 5"),
            ("5!?", "5?"),
            ("n! for n = 3", "n for n = 3"),
            ("f''", "f"),
            ("\"a\" + b", "a + b"),
        ] {
            assert_ne!(chat(one, "x").group, chat(other, "x").group, "{one}");
            assert_ne!(chat("x", one).content, chat("x", other).content, "{one}");
        }
    }

    #[test]
    fn punctuation_of_sentences_and_wrapped_lines_are_not() {
        for (one, other) in [
            ("Привет, как дела?!", "привет как дела"),
            ("Ну… что ж; хорошо!", "ну что ж хорошо"),
            ("Кто написал «Войну и мир»?", "Кто написал Войну и мир"),
            (
                "It’s a line\nthat is wrapped.",
                "It's a line that is wrapped",
            ),
        ] {
            assert_eq!(chat(one, "x"), chat(other, "x"), "{one}");
        }
    }

    #[test]
    fn under_another_system_prompt_a_copy_is_a_copy_and_another_answer_no_conflict() {
        let under = |prompt: &str| {
            of(&Content::Chat(vec![
                Message::new("system", prompt),
                Message::new("user", "Good morning"),
                Message::new("assistant", "Bonjour"),
            ]))
        };
        let (french, german) = (under("Translate to French."), under("Translate to German."));
        assert!(french.content == german.content && french.group == german.group);
        assert_ne!(french.system, german.system);
        assert_eq!(chat("a", "b").system, 0);
    }

    #[test]
    fn digits_and_operators_are_content() {
        assert_ne!(chat("5+3?", "8").group, chat("7+3?", "8").group);
        assert_ne!(chat("5+3?", "8").group, chat("5-3?", "8").group);
        assert_ne!(
            chat("What is C++?", "a").group,
            chat("What is C?", "a").group
        );
    }

    #[test]
    fn texts_of_symbols_are_compared_as_they_are() {
        let text = |text: &str| of(&Content::Text(text.to_owned())).content;
        assert_ne!(text("!!!"), text("???"));
        assert_eq!(text("Ёлка, 5!"), text("елка 7"));
    }
}
