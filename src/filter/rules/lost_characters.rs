//! Characters that a wrong conversion lost.
//!
//! - **Drops**: a text or an exchange of which more than 5 % of the characters are U+FFFD, the sign that
//!   decoders write for what they could not read; in texts also question marks in runs, which older
//!   programs wrote instead.
//! - **Why**: what stood there cannot be had back, and a model learns to write such signs.
//! - **Example**: "�� ������, ����� ����� � ����" and "?????? ??????? ??? ????" are dropped, "Что???" is kept.
//! - **Source**: prep.
//! - **Departs**: of question marks those count that follow another one, and only in texts of 50 words or
//!   more: people write "???".

use crate::document::count_characters;
use crate::filter::{Bound, Check, Exchange, Rule, TextMeasures, fraction};
use memchr::memchr_iter;

/// Row of the table.
pub const TEXT: Rule = Rule {
    name: "lost_characters",
    what: "Share of characters that are U+FFFD or question marks in a row above the threshold",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.05),
    ru: Some(0.05),
    check: Check::Text(of_text),
};

/// Row of the table.
pub const EXCHANGE: Rule = Rule {
    name: "qa_lost_characters",
    what: "Share of characters that are U+FFFD above the threshold",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.05),
    ru: Some(0.05),
    check: Check::Exchange(of_exchange),
};

fn of_text(text: &TextMeasures) -> Option<f64> {
    let mut lost = unread(text.text);
    if text.enough_words().is_some() {
        let bytes = text.text.as_bytes();
        let marks = memchr_iter(b'?', bytes);
        lost += marks.filter(|mark| bytes[..*mark].ends_with(b"?")).count();
    }
    Some(fraction(lost, text.characters))
}

fn of_exchange(exchange: &Exchange) -> Option<f64> {
    let turns = exchange.messages.iter();
    let turns = turns.chain(exchange.rejected.unwrap_or_default());
    let (mut lost, mut characters) = (0, 0);
    for turn in turns {
        lost += unread(&turn.content);
        characters += count_characters(&turn.content);
    }
    Some(fraction(lost, characters))
}

fn unread(text: &str) -> usize {
    // Its first byte is rare, its last one is that of "н".
    let bytes = text.as_bytes();
    memchr_iter(0xef, bytes)
        .filter(|first| bytes[*first..].starts_with("\u{FFFD}".as_bytes()))
        .count()
}
