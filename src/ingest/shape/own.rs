//! Documents that `prep ingest` wrote, read again: the columns of `schemas/document.json`.
//!
//! What a document says is taken as it is, whatever names stand in its `meta`; that is unpacked and
//! stays beside it, with the source and the record that it came from at first. Ids, languages and sizes
//! are those of what is read now, so the columns of them are passed by.

use super::fields::{as_text, find, take, take_text};
use super::known::Names;
use super::messages::known_role;
use super::{Fields, Item, Items, Misfit};
use crate::document::{Content, Kind, Message};
use serde_json::Value;

const KIND: Names<'static> = Names::of(&["kind"]);
/// The columns by which a document is known.
pub(super) const COLUMNS: &[Names<'static>] = &[
    KIND,
    Names::of(&["text"]),
    Names::of(&["messages"]),
    Names::of(&["rejected"]),
    Names::of(&["lang_score"]),
    Names::of(&["languages"]),
];
const META: Names<'static> = Names::of(&["meta"]);
/// Columns of what is made anew.
const MADE: [&str; 6] = ["id", "lang", "lang_score", "chars", "bytes", "languages"];
/// Columns that say where a document came from.
const ORIGIN: [&str; 2] = ["source", "record"];

fn kind(fields: &Fields) -> Option<Kind> {
    Kind::from_name(fields[&find(fields, KIND)?].as_str()?)
}

/// Whether the kind is one of those that documents have.
pub(super) fn is_document(fields: &Fields) -> bool {
    kind(fields).is_some()
}

/// A document of any kind.
pub(super) fn take_document(fields: &mut Fields) -> Items {
    let kind = kind(fields).ok_or_else(|| {
        Misfit::wrong("the field `kind` is none of text, chat and preference".to_owned())
    })?;
    take(fields, KIND)?;
    let mut column = |name| take(fields, Names::of(&[name]));
    let (text, messages, rejected) = (column("text")?, column("messages")?, column("rejected")?);
    let content = match kind {
        Kind::Text => Content::Text(as_text(text, "text")?),
        Kind::Chat => Content::Chat(turns(messages, "messages")?),
        Kind::Preference => Content::Preference {
            messages: turns(messages, "messages")?,
            rejected: turns(rejected, "rejected")?,
        },
    };
    for name in MADE {
        fields.shift_remove(name);
    }
    // What a document has beside it says nothing more of its content, whatever its name.
    let mut own = match find(fields, META).map(|key| fields.shift_remove(&key)) {
        Some(Some(Value::String(meta))) => match serde_json::from_str(&meta) {
            Ok(Value::Object(meta)) => meta,
            _ => Fields::from_iter([(META[0].to_owned(), meta.into())]),
        },
        Some(Some(Value::Object(meta))) => meta,
        _ => Fields::new(),
    };
    for name in ORIGIN {
        if let Some(value) = fields.shift_remove(name)
            && !own.contains_key(name)
        {
            own.insert(name.to_owned(), value);
        }
    }
    own.extend(std::mem::take(fields));
    Ok(vec![Ok(Item {
        content,
        fields: own,
    })])
}

/// Messages as documents have them: what they say is never looked into.
fn turns(list: Value, name: &str) -> Result<Vec<Message>, Misfit> {
    let wrong = || Misfit::wrong(format!("the field `{name}` is no list of messages"));
    let Value::Array(list) = list else {
        return Err(wrong());
    };
    let turns = list.into_iter().map(|turn| {
        let Value::Object(mut turn) = turn else {
            return Err(wrong());
        };
        let role = known_role(&take_text(&mut turn, Names::of(&["role"]))?)?;
        Ok(Message::new(
            role,
            take_text(&mut turn, Names::of(&["content"]))?,
        ))
    });
    let turns = turns.collect::<Result<Vec<_>, _>>()?;
    if turns.is_empty() {
        return Err(wrong());
    }
    Ok(turns)
}
