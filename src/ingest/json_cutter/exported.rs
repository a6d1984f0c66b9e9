//! A chat that Telegram exported, by its beginning.

use crate::ingest::shape;
use serde_json::Value;

/// Where the messages of a chat that begins with `value` begin, behind the bracket: it is an object that
/// says so before them, in values that are no lists or objects.
pub(super) fn messages_at(value: &[u8]) -> Option<usize> {
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
