//! Chats as Telegram exports them (`result.json`): people with names, and no user and assistant among them.
//!
//! Such a chat is running text, `Name: text` for each message. It becomes documents by size, as plain text
//! does, that end with a message: near the size, where the longest pause is. The size is known where the
//! records come from, and is held by the thread for the time of one record ([`within`]).

use super::fields::{take, value_of};
use super::messages::is_dialogue;
use super::names::MESSAGES;
use super::{Fields, Item, Items, Misfit};
use crate::document::{Content, count_characters};
use crate::ingest::text::Split;
use serde_json::{Value, json};
use std::cell::Cell;

thread_local! {
    static SPLIT: Cell<Split> = const { Cell::new(Split::None) };
}

/// The field of a chat that was cut into several records which says which of them this is.
pub const PART: &str = "part";

/// Who wrote what has neither a name nor a number, beside messages that have one.
const NOBODY: &str = "Deleted Account";

/// Takes a record of which a chat becomes documents so.
pub fn within<T>(split: Split, take: impl FnOnce() -> T) -> T {
    let around = SPLIT.replace(split);
    let taken = take();
    SPLIT.set(around);
    taken
}

/// A message that says something.
struct Said {
    /// Its number in the chat.
    id: Option<Value>,
    line: String,
    /// When, in seconds; of exports that have no number for it, `None`.
    seconds: Option<i64>,
    /// Its day, as it is written.
    day: String,
}

impl Said {
    fn new(message: &Fields, line: String) -> Self {
        let day = text_at(message, "date").unwrap_or_default();
        Self {
            id: message.get("id").filter(|id| id.is_number()).cloned(),
            line,
            seconds: text_at(message, "date_unixtime").and_then(|time| time.parse().ok()),
            day: day.split('T').next().unwrap_or_default().to_owned(),
        }
    }

    /// How good a place for a cut is before it: pauses are compared by their powers of two, so that of
    /// two nights the one nearer to the size is taken.
    fn strength(&self, before: &Self) -> u32 {
        match (before.seconds, self.seconds) {
            (Some(before), Some(now)) => {
                let pause = now.saturating_sub(before).max(0).unsigned_abs();
                u64::BITS - pause.leading_zeros()
            }
            _ => u32::from(self.day != before.day),
        }
    }
}

/// The messages of each document.
fn pieces(messages: &[Said], split: Split) -> Vec<&[Said]> {
    let size = match split {
        Split::Paragraphs { characters } => characters,
        Split::Lines => return messages.chunks(1).collect(),
        Split::None => return vec![messages],
    };
    let (least, most) = (size / 2, size.saturating_add(size / 2));
    let (mut pieces, mut rest) = (Vec::new(), messages);
    while !rest.is_empty() {
        let mut characters = 0;
        let mut best: Option<((u32, std::cmp::Reverse<u64>), usize)> = None;
        let mut end = 0;
        while end < rest.len() && characters <= most {
            characters += count_characters(&rest[end].line) as u64 + 1;
            end += 1;
            if !(least..=most).contains(&characters) {
                continue;
            }
            let next = rest.get(end);
            // The end of the chat is the best.
            let strength = next.map_or(u32::MAX, |next| next.strength(&rest[end - 1]));
            let rank = (strength, std::cmp::Reverse(characters.abs_diff(size)));
            if best.is_none_or(|(known, _)| rank > known) {
                best = Some((rank, end));
            }
        }
        let (document, left) = rest.split_at(best.map_or(end, |(_, end)| end));
        pieces.push(document);
        rest = left;
    }
    pieces
}

/// A document, with the numbers of its first and last message, by which the chat is found again.
fn document(messages: &[Said]) -> Item {
    let lines: Vec<&str> = messages.iter().map(|said| said.line.as_str()).collect();
    let mut item = Item::from(Content::Text(lines.join("\n")));
    let id = |said: Option<&Said>| said.and_then(|said| said.id.clone());
    if let (Some(first), Some(last)) = (id(messages.first()), id(messages.last())) {
        let ids = json!({ "first": first, "last": last });
        item.fields.insert("message_ids".to_owned(), ids);
    }
    item
}

fn text_at<'f>(message: &'f Fields, name: &str) -> Option<&'f str> {
    message.get(name)?.as_str()
}

/// What Telegram calls its chats in an export.
const CHATS: &[&str] = &[
    "saved_messages",
    "replies",
    "verification_codes",
    "personal_chat",
    "bot_chat",
    "private_group",
    "private_supergroup",
    "public_supergroup",
    "private_channel",
    "public_channel",
];

/// Whether Telegram calls a chat so in what it exports.
pub fn is_telegram_chat(kind: &str) -> bool {
    CHATS.contains(&kind)
}

/// Whether the messages are those of an export: each is a message, what the service says, or what the
/// export had no words for, and one has a date or the number of who wrote it. A record that is called a
/// chat as Telegram calls them may be empty, and its messages may be of kinds to come.
pub(super) fn is_export(fields: &Fields) -> bool {
    let Some(Value::Array(list)) = value_of(fields, MESSAGES) else {
        return false;
    };
    let is_chat = text_at(fields, "type").is_some_and(is_telegram_chat);
    let is_message = |message: &Value| {
        message
            .as_object()
            .is_some_and(|message| match text_at(message, "type") {
                Some("message" | "service") => is_chat || message.contains_key("text"),
                Some("unsupported") => true,
                Some(_) => is_chat && !message.contains_key("role"),
                None => false,
            })
    };
    let is_marked = |message: &Value| {
        let marks = ["date", "from_id", "actor_id"];
        marks.iter().any(|mark| message.get(mark).is_some())
    };
    list.iter().all(is_message) && (is_chat || list.iter().any(is_marked)) && !is_dialogue(list)
}

/// The text of a message: as it is, or in pieces, of which links and the like are objects; `None` of
/// another value. A message that has none is a picture or the like.
fn said(message: &Fields) -> Option<String> {
    match message.get("text") {
        None | Some(Value::Null) => Some(String::new()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Array(pieces)) => {
            let text = |piece: &Value| {
                let text = piece.as_str().or_else(|| piece.get("text")?.as_str());
                text.map(str::to_owned)
            };
            pieces.iter().map(text).collect()
        }
        Some(_) => None,
    }
}

/// Who wrote a message. Accounts that were deleted have a number and no name.
fn speaker(message: &Fields) -> Option<String> {
    let name = text_at(message, "from").filter(|name| !name.trim().is_empty());
    let number = || match message.get("from_id")? {
        Value::String(id) if !id.trim().is_empty() => Some(id.clone()),
        Value::Number(id) => Some(format!("user{id}")),
        _ => None,
    };
    name.map(str::to_owned).or_else(number)
}

/// The chat as texts. How many messages say nothing in it (pictures, what the service says, what the
/// export had no words for) is noted in place of the list.
pub(super) fn take_export(fields: &mut Fields) -> Items {
    let Value::Array(list) = take(fields, MESSAGES)? else {
        return Err(Misfit::wrong(
            "the field `messages` is no list of messages as Telegram exports them".to_owned(),
        ));
    };
    let speaks = |message: &Value| message.as_object().and_then(speaker).is_some();
    let is_named = list.iter().any(speaks);
    let mut messages = Vec::new();
    let (mut service, mut without_text, mut unsupported) = (0, 0, 0);
    for (at, message) in list.iter().enumerate() {
        let message = message
            .as_object()
            .ok_or_else(|| Misfit::wrong(format!("messages[{at}] is no object")))?;
        match text_at(message, "type") {
            Some("service") => service += 1,
            Some("message") | None => match said(message) {
                None => unsupported += 1,
                Some(text) if text.trim().is_empty() => without_text += 1,
                Some(text) => {
                    let line = match speaker(message) {
                        Some(name) => format!("{name}: {text}"),
                        // The words of another are not those of who spoke before.
                        None if is_named => format!("{NOBODY}: {text}"),
                        None => text,
                    };
                    messages.push(Said::new(message, line));
                }
            },
            Some(_) => unsupported += 1,
        }
    }
    let mut counts =
        json!({ "read": messages.len(), "service": service, "without_text": without_text });
    if unsupported > 0 {
        counts["unsupported"] = unsupported.into();
    }
    fields.insert(MESSAGES[0].to_owned(), counts);
    // A chat that says nothing is a text that is empty, and rejected as such; a part of one is left out.
    let mut pieces = pieces(&messages, SPLIT.get());
    if pieces.is_empty() && !fields.contains_key(PART) {
        pieces.push(&[]);
    }
    Ok(pieces
        .into_iter()
        .map(|piece| Ok(document(piece)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::Shape;
    use super::*;

    #[test]
    fn an_exported_chat_is_a_text_of_its_messages() {
        let record = json!({"name": "Чат", "type": "personal_chat", "id": 1, "messages": [
            {"id": 1, "type": "message", "date": "2024-01-01T10:00:00", "from": "Иван", "from_id": "user1", "text": "Привет"},
            {"type": "service", "actor": "Иван", "action": "pin_message", "text": ""},
            {"type": "message", "from": "Иван", "photo": "photo.jpg", "text": ""},
            {"type": "message", "from": null, "text": "Да"},
            {"type": "message", "from": "Мария", "text": ["см. ", {"type": "link", "text": "https://x.y"}]},
        ]});
        let Value::Object(mut fields) = record else {
            panic!("an object");
        };
        let shape = Shape::of(&fields).expect("a shape");
        assert_eq!(shape.name, "telegram");
        let mut items = shape.take(&mut fields).expect("a text");
        let text = "Иван: Привет\nDeleted Account: Да\nМария: см. https://x.y";
        let content = items.remove(0).expect("a text").content;
        assert_eq!(content, Content::Text(text.to_owned()));
        let left = json!({"name": "Чат", "type": "personal_chat", "id": 1,
            "messages": {"read": 3, "service": 1, "without_text": 1}});
        assert_eq!(Value::Object(fields), left);
        let turns =
            json!({"messages": [{"type": "human", "text": "q"}, {"type": "ai", "text": "a"}]});
        let shape = Shape::of(turns.as_object().expect("an object")).expect("a shape");
        assert_eq!(shape.name, "messages");
    }

    fn documents(messages: &[Said], split: Split) -> Vec<String> {
        let texts = pieces(messages, split).into_iter().map(document);
        texts
            .map(|item| match item.content {
                Content::Text(text) => text,
                other => panic!("a text, not {other:?}"),
            })
            .collect()
    }

    #[test]
    fn documents_of_a_chat_say_which_messages_they_are() {
        let said = |id: u64| json!({"id": id, "type": "message", "date": "2024-01-01", "from": "Иван", "text": "Да"});
        let chat = json!({"messages": [said(3), said(5), said(9)]});
        let Value::Object(fields) = chat else {
            panic!("an object");
        };
        let ids = |split| {
            let items = within(split, || take_export(&mut fields.clone())).expect("texts");
            let ids = items.into_iter().map(|item| item.expect("a text").fields);
            ids.map(Value::Object).collect::<Vec<_>>()
        };
        let of = |first, last| json!({"message_ids": {"first": first, "last": last}});
        assert_eq!(ids(Split::None), [of(3, 9)]);
        assert_eq!(ids(Split::Lines), [of(3, 3), of(5, 5), of(9, 9)]);
        assert_eq!(
            ids(Split::Paragraphs { characters: 14 }),
            [of(3, 5), of(9, 9)]
        );
    }

    /// The text of a chat, and what is left of its record.
    fn read(record: Value) -> (Content, Value) {
        let Value::Object(mut fields) = record else {
            panic!("an object");
        };
        let shape = Shape::of(&fields).expect("a shape");
        assert_eq!(shape.name, "telegram");
        let mut items = shape.take(&mut fields).expect("a text");
        let content = items.remove(0).expect("a text").content;
        (content, fields.into())
    }

    #[test]
    fn messages_that_an_export_has_no_words_for_are_counted() {
        let text = |text: &str| Content::Text(text.to_owned());
        let said = |text: Value| json!({"type": "message", "date": "2024-01-01T10:00:00", "from": "Иван", "text": text});
        let none = json!({"id": 2, "type": "unsupported"});
        for (messages, wanted, unsupported) in [
            (json!([said("Да".into()), none]), "Иван: Да", 1),
            (
                json!([none, said(5.into()), said("Да".into())]),
                "Иван: Да",
                2,
            ),
            (
                json!([said(json!([{"type": "bold"}])), said("Да".into())]),
                "Иван: Да",
                1,
            ),
        ] {
            let (content, left) = read(json!({"messages": messages}));
            assert_eq!(content, text(wanted), "{messages}");
            let counts =
                json!({"read": 1, "service": 0, "without_text": 0, "unsupported": unsupported});
            assert_eq!(left, json!({"messages": counts}));
        }
        // A chat that is called one.
        for (messages, wanted) in [
            (json!([]), ""),
            (json!([none]), ""),
            (json!([{"type": "message", "photo": "photo.jpg"}]), ""),
            (
                json!([{"type": "message", "text": "Да"}, {"type": "poll"}]),
                "Да",
            ),
        ] {
            let chat = json!({"type": "personal_chat", "messages": messages});
            assert_eq!(read(chat).0, text(wanted), "{messages}");
        }
        for record in [
            json!({"messages": []}),
            json!({"messages": [none]}),
            json!({"type": "personal_chat", "messages": [{"type": "message", "role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}),
            json!({"type": "personal_chat", "messages": [{"type": "human", "text": "q"}, {"type": "ai", "text": "a"}]}),
        ] {
            let shape = Shape::of(record.as_object().expect("an object")).expect("a shape");
            assert_eq!(shape.name, "messages", "{record}");
        }
    }

    #[test]
    fn words_of_different_people_stay_apart() {
        let said = |from: Value, id: Value| json!({"type": "message", "date": "2024-01-01", "from": from, "from_id": id, "text": "Да"});
        let chat = |messages: &[Value]| read(json!({ "messages": messages })).0;
        let all = [
            said("Иван".into(), "user1".into()),
            said(Value::Null, "user2".into()),
            said("".into(), "channel3".into()),
            said(" ".into(), 4.into()),
            said(Value::Null, Value::Null),
        ];
        let wanted = "Иван: Да\nuser2: Да\nchannel3: Да\nuser4: Да\nDeleted Account: Да";
        assert_eq!(chat(&all), Content::Text(wanted.to_owned()));
        // Nobody has a name in it.
        let nobody = [all[4].clone(), all[4].clone()];
        assert_eq!(chat(&nobody), Content::Text("Да\nДа".to_owned()));
    }

    fn messages(lines: &[(&str, i64)]) -> Vec<Said> {
        let said = |(line, hours): &(&str, i64)| Said {
            id: None,
            line: (*line).to_owned(),
            seconds: Some(hours * 3_600),
            day: String::new(),
        };
        lines.iter().map(said).collect()
    }

    #[test]
    fn a_long_chat_is_cut_behind_messages_where_it_paused() {
        let size = |characters| Split::Paragraphs { characters };
        let chat = messages(&[
            ("И: раз\nи два", 0),
            ("М: три", 0),
            ("И: четыре", 9),
            ("М: пять", 9),
            ("И: шесть", 9),
            ("М: семь", 20),
        ]);
        let night = [
            "И: раз\nи два\nМ: три",
            "И: четыре\nМ: пять\nИ: шесть",
            "М: семь",
        ];
        assert_eq!(documents(&chat, size(22)), night);
        // Nothing is lost, doubled, or cut within a message.
        for characters in [1, 5, 20, 40, 60, 1_000] {
            let cut = documents(&chat, size(characters));
            assert_eq!(cut.join("\n"), documents(&chat, Split::None)[0]);
            assert!(
                cut.iter().all(|text| text.starts_with(['И', 'М'])),
                "{cut:?}"
            );
        }
        assert_eq!(documents(&chat, Split::Lines).len(), chat.len());
        assert_eq!(documents(&chat, size(1)).len(), chat.len());
        assert_eq!(documents(&chat, size(1_000)).len(), 1);
        // Without times days tell.
        let days = [("а", "1"), ("б", "1"), ("в", "1"), ("г", "2"), ("д", "2")];
        let days = days.map(|(line, day)| Said {
            id: None,
            line: line.to_owned(),
            seconds: None,
            day: day.to_owned(),
        });
        assert_eq!(documents(&days, size(4)), ["а\nб\nв", "г\nд"]);
        assert!(documents(&[], size(4)).is_empty());
    }
}
