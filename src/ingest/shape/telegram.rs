//! Chats as Telegram exports them (`result.json`): people with names, and no user and assistant among them.
//!
//! Such a chat is running text, `Name: text` for each message.

use super::fields::{take, value_of};
use super::messages::is_dialogue;
use super::names::MESSAGES;
use super::{Fields, Misfit};
use crate::document::Content;
use serde_json::{Value, json};

fn text_at<'f>(message: &'f Fields, name: &str) -> Option<&'f str> {
    message.get(name)?.as_str()
}

/// Whether the messages are those of an export: each is a message or what the service says, and one has
/// a date or the number of who wrote it.
pub(super) fn is_export(fields: &Fields) -> bool {
    let Some(Value::Array(list)) = value_of(fields, MESSAGES) else {
        return false;
    };
    let is_message = |message: &Value| {
        message.as_object().is_some_and(|message| {
            matches!(text_at(message, "type"), Some("message" | "service"))
                && message.contains_key("text")
        })
    };
    let is_marked = |message: &Value| {
        let marks = ["date", "from_id", "actor_id"];
        marks.iter().any(|mark| message.get(mark).is_some())
    };
    !list.is_empty()
        && list.iter().all(is_message)
        && list.iter().any(is_marked)
        && !is_dialogue(list)
}

/// The text of a message: as it is, or in pieces, of which links and the like are objects.
fn said(message: &Fields) -> Result<String, Misfit> {
    let wrong = || Misfit::wrong("the `text` of a message is neither text nor a list of it".into());
    match message.get("text") {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(pieces)) => {
            let text = |piece: &Value| {
                let text = piece.as_str().or_else(|| piece.get("text")?.as_str());
                text.map(str::to_owned).ok_or_else(wrong)
            };
            pieces.iter().map(text).collect()
        }
        _ => Err(wrong()),
    }
}

/// The chat as one text. How many messages say nothing in it (pictures, what the service says) is noted
/// in place of the list.
pub(super) fn take_export(fields: &mut Fields) -> Result<Content, Misfit> {
    let Value::Array(list) = take(fields, MESSAGES)? else {
        return Err(Misfit::wrong(
            "the field `messages` is no list of messages as Telegram exports them".to_owned(),
        ));
    };
    let mut lines = Vec::new();
    let (mut service, mut without_text) = (0, 0);
    for (at, message) in list.iter().enumerate() {
        let message = message
            .as_object()
            .ok_or_else(|| Misfit::wrong(format!("messages[{at}] is no object")))?;
        let text = said(message).map_err(|misfit| misfit.at(&format!("messages[{at}]")))?;
        if text_at(message, "type") == Some("service") {
            service += 1;
        } else if text.trim().is_empty() {
            without_text += 1;
        } else {
            // Accounts that were deleted have no name.
            lines.push(match text_at(message, "from") {
                Some(name) => format!("{name}: {text}"),
                None => text,
            });
        }
    }
    fields.insert(
        MESSAGES[0].to_owned(),
        json!({ "read": lines.len(), "service": service, "without_text": without_text }),
    );
    Ok(Content::Text(lines.join("\n")))
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
        let text = "Иван: Привет\nДа\nМария: см. https://x.y";
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
}
