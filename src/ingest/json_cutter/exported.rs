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

#[cfg(test)]
mod tests {
    use super::super::JsonCutter;
    use crate::ingest::json;

    #[test]
    fn a_long_chat_of_telegram_is_several_records() {
        let message =
            |n: usize| format!(r#"{{"id": {n}, "type": "message", "text": ["a, {n}]}}", 7]}}"#);
        let list: Vec<String> = (0..9).map(message).collect();
        let list = list.join(",\n ");
        let head = r#"{"name": "a \"b\", [", "type": "personal_chat", "id": 12, "messages": ["#;
        let chat = format!("{head} {list}], \"more\": [1, 2]}}");
        let parts = |json: &str, least: usize| {
            let mut cutter = JsonCutter::new(None);
            cutter.reader.part_bytes = least;
            for byte in json.bytes() {
                cutter.reader.byte(byte, &mut cutter.sink);
            }
            cutter.reader.end(&mut cutter.sink);
            let lines = String::from_utf8(cutter.sink.lines).expect("UTF-8");
            let lines = lines
                .lines()
                .map(|line| json::value(line.as_bytes()).expect("JSON"));
            lines.collect::<Vec<_>>()
        };
        let messages = |records: &[serde_json::Value]| {
            let lists = records.iter().map(|record| record["messages"].as_array());
            let all: Vec<_> = lists.flatten().flatten().cloned().collect();
            serde_json::Value::Array(all)
        };
        let whole = parts(&chat, usize::MAX);
        assert_eq!(whole.len(), 1);
        for least in [1, 150, 250] {
            let records = parts(&chat, least);
            assert!(records.len() > 2, "{least}: {records:?}");
            assert_eq!(messages(&records), whole[0]["messages"], "{least}");
            for (number, record) in records.iter().enumerate() {
                let own = (&record["name"], &record["id"]);
                assert_eq!(own, (&whole[0]["name"], &whole[0]["id"]), "{least}");
                assert_eq!(record["part"], number + 1, "{least}");
            }
            // Behind a frame of the same stream.
            let behind = parts(
                &format!("{{\"data\": [{{\"text\": \"t\"}}]}}\n{chat}"),
                least,
            );
            assert_eq!(behind[1..], records, "{least}");
            // Behind what may be a turn.
            let turn = r#"{"role": "user", "content": "x"}"#;
            let behind = parts(&format!("[{turn}, {chat}]"), least);
            assert_eq!(behind[0]["content"], "x", "{least}");
            assert_eq!(behind[1..], records, "{least}");
            // Chats of a whole export are elements of a list in an object of a frame.
            let all = format!(
                r#"{{"about": "x", "chats": {{"about": ["y"], "list": [{chat}, {chat}]}}}}"#
            );
            let twice = parts(&all, least);
            assert_eq!(twice[..records.len()], records, "{least}");
            assert_eq!(twice[records.len()..], records, "{least}");
        }
        // A chat of which nothing but the beginning is held makes its frame one.
        let all = format!(r#"{{"about": "x", "chats": {{"about": "y", "list": [{chat}]}}}}"#);
        let mut cutter = JsonCutter::new(None);
        (cutter.reader.held_bytes, cutter.reader.next_look) = (300, 300);
        for byte in all.bytes().take(400) {
            cutter.reader.byte(byte, &mut cutter.sink);
        }
        assert!(cutter.reader.is_cutting(), "{all}");
        // What is no chat, and what does not say so plainly, is read as it always is.
        for other in [
            chat.replace("personal_chat", "talk"),
            chat.replace("\"messages\"", "\"lines\""),
            chat.replace("\"id\": 12", "\"id\": [12]"),
        ] {
            assert_eq!(parts(&other, 1), parts(&other, usize::MAX), "{other}");
        }
    }
}
