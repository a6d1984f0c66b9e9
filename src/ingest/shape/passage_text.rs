//! What a question is about, as one text, in whatever it stands.

use super::Fields;
use super::fields::find;
use super::known::Names;
use serde_json::Value;

/// What an object calls its text.
const BODY: [&str; 4] = ["text", "passage_text", "paragraph_text", "contents"];
const TITLE: &str = "title";
const SENTENCES: &str = "sentences";

/// Takes the passage under one of these names, where it is one that `is_wanted`. What an object has
/// beside title and text stays with them.
pub(super) fn take_passage(
    fields: &mut Fields,
    names: Names<'_>,
    is_wanted: impl Fn(&str) -> bool,
) -> Option<String> {
    let key = find(fields, names)?;
    let text = passage_text(&fields[&key]).filter(|text| is_wanted(text))?;
    if !says_more(&fields[&key]) {
        fields.shift_remove(&key);
    }
    Some(text)
}

/// Whether a passage has more than the texts and titles that are read of it.
fn says_more(passage: &Value) -> bool {
    match passage {
        Value::Array(parts) => parts.iter().any(says_more),
        Value::Object(own) => {
            let Some(body) = body_of(own) else {
                return true;
            };
            let is_titled = match (own.get(TITLE), &own[body]) {
                (None | Some(Value::String(_)), _) => true,
                (Some(Value::Array(titles)), Value::Array(bodies)) => titles.len() == bodies.len(),
                _ => false,
            };
            !is_titled || own.keys().any(|name| name != TITLE && name != body)
        }
        _ => false,
    }
}

/// The name of what an object has as its text.
fn body_of(own: &Fields) -> Option<&'static str> {
    let names = [SENTENCES].into_iter().chain(BODY);
    let mut names = names.filter(|name| own.contains_key(*name));
    names.next()
}

/// A passage as one text: its paragraphs apart where it is a list of them, each below its title where it
/// has one; `None` of what is blank or of another kind.
pub(super) fn passage_text(passage: &Value) -> Option<String> {
    let text = match passage {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let parts: Option<Vec<String>> = parts.iter().map(paragraph).collect();
            parts?.join("\n\n")
        }
        // {"title": […], "sentences": [[…], …]}, as HotpotQA has them on the hub.
        Value::Object(own) => match (own.get(TITLE), body_of(own).map(|body| &own[body])) {
            (Some(Value::Array(titles)), Some(Value::Array(bodies)))
                if titles.len() == bodies.len() =>
            {
                let parts = titles.iter().zip(bodies);
                let parts: Option<Vec<String>> =
                    parts.map(|(title, body)| titled(title, body)).collect();
                parts?.join("\n\n")
            }
            _ => paragraph(passage)?,
        },
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// A paragraph: a text, a title with its sentences, or an object with a text and perhaps a title.
fn paragraph(part: &Value) -> Option<String> {
    match part {
        Value::String(text) => Some(text.clone()),
        Value::Array(pair) => match pair.as_slice() {
            [title, body @ Value::Array(_)] => titled(title, body),
            _ => None,
        },
        Value::Object(own) => {
            let body = own.get(body_of(own)?)?;
            match own.get(TITLE) {
                Some(title @ Value::String(_)) => titled(title, body),
                _ => passage_text(body),
            }
        }
        _ => None,
    }
}

/// A text or sentences below their title.
fn titled(title: &Value, body: &Value) -> Option<String> {
    let body = match body {
        Value::String(text) => text.clone(),
        Value::Array(sentences) => {
            let sentences: Option<Vec<&str>> = sentences.iter().map(Value::as_str).collect();
            let sentences = sentences?;
            let sentences: Vec<&str> = sentences.iter().map(|text| text.trim()).collect();
            sentences.join(" ")
        }
        _ => return None,
    };
    Some(format!("{}\n{}", title.as_str()?.trim(), body.trim()))
}

#[cfg(test)]
mod tests {
    use super::super::pairs::take_question;
    use super::*;
    use crate::document::Content;
    use serde_json::json;

    #[test]
    fn a_passage_is_a_text_in_whatever_it_stands() {
        let two = Some("T1\na b.\n\nT2\nc.");
        for (passage, wanted) in [
            (json!("a"), Some("a")),
            (json!(["a", "b"]), Some("a\n\nb")),
            (json!({"text": "a"}), Some("a")),
            (json!({"title": "T", "text": "a"}), Some("T\na")),
            (
                json!({"passage_text": ["a", "b"], "is_selected": [0, 1]}),
                Some("a\n\nb"),
            ),
            (
                json!({"title": ["T1", "T2"], "sentences": [["a", " b."], ["c."]]}),
                two,
            ),
            (json!([["T1", ["a", " b."]], ["T2", ["c."]]]), two),
            (
                json!([{"title": "T1", "text": "a b."}, {"title": "T2", "paragraph_text": "c."}]),
                two,
            ),
            (json!({"title": ["T1", "T2"], "text": ["a b.", "c."]}), two),
            (json!({"document": 7}), None),
            (json!([1, 2]), None),
            (json!({"text": " "}), None),
            (json!(null), None),
        ] {
            assert_eq!(passage_text(&passage).as_deref(), wanted, "{passage}");
        }
        let Value::Object(mut fields) =
            json!({"question": "q", "context": {"text": "It says hi."}, "answer": "hi"})
        else {
            panic!("an object");
        };
        let Ok(Content::Chat(turns)) = take_question(&mut fields) else {
            panic!("a chat");
        };
        assert_eq!(turns[0].content, "It says hi.\n\nq");
        assert!(fields.is_empty(), "{fields:?}");
        // What more an object says stays.
        for passage in [
            json!({"text": "p", "url": "u"}),
            json!({"passage_text": ["p"], "is_selected": [1]}),
            json!([{"title": "t", "text": "p", "id": 1}]),
            json!({"text": "p", "contents": "r"}),
            json!({"title": ["t"], "sentences": [["p"]], "text": "r"}),
            json!({"title": ["t", "u"], "text": "p"}),
        ] {
            let Value::Object(mut fields) =
                json!({"question": "q", "context": passage, "answer": "a"})
            else {
                panic!("an object");
            };
            assert!(take_question(&mut fields).is_ok(), "{passage}");
            assert_eq!(fields["context"], passage);
        }
    }
}
