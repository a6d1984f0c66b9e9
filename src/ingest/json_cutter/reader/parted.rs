//! A chat that Telegram exported may be of any length: behind some message a record ends, and the next
//! one begins with what the chat says of itself.

use super::super::frame::Meaning;
use super::super::sink::{LeftOut, Sink};
use super::Reader;
use crate::ingest::shape;
use serde_json::Value;

/// Bytes after which a record of a chat ends.
pub(super) const PART_BYTES: usize = 16 << 20;

impl Reader<'_> {
    /// Whether the record ends before a comma that comes next.
    pub(super) fn ends_part(&mut self) -> bool {
        let is_between = self.depth == self.record_depth + 2 && self.value.len() >= self.part_bytes;
        if !is_between || self.mapping.is_some() || self.left_out.bytes > 0 {
            return false;
        }
        let known = self.messages_at;
        let at = known.unwrap_or_else(|| messages_at(&self.value));
        self.messages_at = Some(at);
        at.is_some()
    }

    /// Ends a record of the chat and begins the next.
    pub(super) fn part(&mut self, sink: &mut Sink) {
        let Some(Some(at)) = self.messages_at else {
            return;
        };
        // It was seen to be none that holds records.
        if self.record_depth == 0 {
            self.meaning = Meaning::Record;
        }
        let head = self.value[..at].to_vec();
        self.value.extend_from_slice(b"]}");
        match &mut self.elements {
            Some(elements) => elements.add(&self.value, LeftOut::default(), sink),
            None => sink.add(&self.value),
        }
        self.value = head;
    }
}

/// Where the messages of a chat begin, behind the bracket: a chat is an object that says so before them,
/// in values that are no lists or objects.
fn messages_at(value: &[u8]) -> Option<usize> {
    let rest = value.strip_prefix(b"{")?;
    let mut is_chat = false;
    let mut at = value.len() - rest.len();
    loop {
        let (key, behind) = next(value, at)?;
        at = behind + space(&value[behind..]);
        at += usize::from(value.get(at) == Some(&b':'));
        at += space(&value[at..]);
        if value.get(at) == Some(&b'[') {
            return (is_chat && key == "messages").then_some(at + 1);
        }
        let (own, behind) = next(value, at)?;
        is_chat |= key == "type" && own.as_str().is_some_and(shape::is_telegram_chat);
        at = behind + space(&value[behind..]);
        at += usize::from(value.get(at) == Some(&b','));
    }
}

/// The value at `at`, and where it ends; none of lists and objects, which may be long.
fn next(text: &[u8], at: usize) -> Option<(Value, usize)> {
    let begun = &text[at + space(&text[at..])..];
    if matches!(begun.first()?, b'[' | b'{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_slice(begun).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, text.len() - begun.len() + values.byte_offset()))
}

fn space(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}
