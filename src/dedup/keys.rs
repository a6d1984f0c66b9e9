//! The keys by which documents are compared.
//!
//! Texts are compared by the comparison key. In questions and answers digits and operators are the
//! content (5+3 is not 7-3, C is not C++), so there only case, white space, quotes and sentence
//! punctuation are folded.

use crate::document::comparison_key::append_key;
use crate::document::{Content, Message};
use xxhash_rust::xxh3::xxh3_128;

/// The two keys of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Equal for copies.
    pub content: u128,
    /// Equal for copies, and for answers to the same question.
    pub group: u128,
    /// Equal for copies, and for conversations that begin with the same question; decides the split.
    pub split: u128,
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
            let hash = xxh3_128(if key.is_empty() {
                text.as_bytes()
            } else {
                key.as_bytes()
            });
            Keys {
                content: hash,
                group: hash,
                split: hash,
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
    let append = |messages: &[Message], key: &mut String| {
        // The same question under another system prompt is the same question.
        for message in messages.iter().filter(|message| message.role != "system") {
            key.push_str(&message.role);
            key.push('\n');
            append_exchange_key(&message.content, key);
            key.push('\n');
        }
    };
    append(question, &mut key);
    let group = xxh3_128(key.as_bytes());
    key.push('\0');
    append(answer, &mut key);
    key.push('\0');
    append(rejected, &mut key);
    Keys {
        content: xxh3_128(key.as_bytes()),
        group,
        split: opening(question),
    }
}

/// The key of the first turn of the user: longer conversations that begin alike share answers.
fn opening(question: &[Message]) -> u128 {
    let mut key = String::new();
    if let Some(first) = question.iter().find(|message| message.role == "user") {
        append_exchange_key(&first.content, &mut key);
    }
    xxh3_128(key.as_bytes())
}

/// Folds case, white space, quotes and sentence punctuation.
fn append_exchange_key(text: &str, key: &mut String) {
    let start = key.len();
    let mut pending = false;
    for c in text.chars() {
        if c.is_whitespace()
            || matches!(
                c,
                ',' | '!' | '?' | ';' | '"' | '\'' | '«' | '»' | '“' | '”' | '„' | '’' | '‘' | '…'
            )
        {
            pending = true;
            continue;
        }
        if pending && key.len() > start {
            key.push(' ');
        }
        pending = false;
        key.extend(c.to_lowercase());
    }
    // A full stop at the end is punctuation, one inside may be a decimal point.
    while key.len() > start && key.ends_with(['.', ' ']) {
        key.pop();
    }
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
