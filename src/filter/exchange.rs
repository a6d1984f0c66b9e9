//! A conversation as the Q&A rules see it.

use crate::document::{Content, Document, Message};

/// The turns of a chat, or of a preference's prompt and chosen answer.
pub struct Exchange<'a> {
    /// All turns, in order.
    pub messages: &'a [Message],
    /// The rejected answer's turns, for a preference.
    pub rejected: Option<&'a [Message]>,
}

impl<'a> Exchange<'a> {
    /// The turns of `document`, unless it is a running text.
    #[must_use]
    pub fn of(document: &'a Document) -> Option<Self> {
        match &document.content {
            Content::Text(_) => None,
            Content::Chat(messages) => Some(Self {
                messages,
                rejected: None,
            }),
            Content::Preference { messages, rejected } => Some(Self {
                messages,
                rejected: Some(rejected),
            }),
        }
    }

    /// What users said.
    pub fn questions(&self) -> impl Iterator<Item = &'a str> {
        by("user", self.messages)
    }

    /// What the assistant said, the rejected answer left out.
    pub fn answers(&self) -> impl Iterator<Item = &'a str> {
        by("assistant", self.messages)
    }

    /// The rejected answers.
    pub fn rejected_answers(&self) -> impl Iterator<Item = &'a str> {
        by("assistant", self.rejected.unwrap_or_default())
    }

    /// Each answer with the last question before it.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut question = None;
        self.messages
            .iter()
            .filter_map(move |message| match message.role.as_str() {
                "user" => {
                    question = Some(message.content.as_str());
                    None
                }
                "assistant" => Some((question?, message.content.as_str())),
                _ => None,
            })
    }

    /// Everything said to the assistant: system and user turns.
    pub fn instructions(&self) -> impl Iterator<Item = &'a str> {
        self.messages
            .iter()
            .filter(|message| message.role != "assistant")
            .map(|message| message.content.as_str())
    }
}

fn by<'a>(role: &'static str, messages: &'a [Message]) -> impl Iterator<Item = &'a str> {
    messages
        .iter()
        .filter(move |message| message.role == role)
        .map(|message| message.content.as_str())
}
