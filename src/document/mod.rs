//! A document: one normalised record of text, chat or preference, and the columns it is stored in.

mod columns;
pub mod comparison_key;
pub mod id;
pub mod parquet;

pub use id::DocumentId;
use serde::{Deserialize, Serialize};

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Running text; the loss counts all of it.
    Text,
    /// Messages of system, user and assistant; the loss counts the assistant's.
    Chat,
    /// A prompt with a chosen and a rejected answer.
    Preference,
}

impl Kind {
    /// The name in columns, reports and flags.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Chat => "chat",
            Self::Preference => "preference",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Text, Self::Chat, Self::Preference]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One turn of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What was said, normalised.
    pub content: String,
}

impl Message {
    /// A message of `role` saying `content`.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
        }
    }
}

/// The content of a document, by kind: a state that cannot exist cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Running text.
    Text(String),
    /// A conversation.
    Chat(Vec<Message>),
    /// A prompt with two answers.
    Preference {
        /// The prompt and the chosen answer.
        messages: Vec<Message>,
        /// The turns of the other answer.
        rejected: Vec<Message>,
    },
}

impl Content {
    /// The kind that this content makes a document.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Chat(_) => Kind::Chat,
            Self::Preference { .. } => Kind::Preference,
        }
    }

    /// Every piece of text in it, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        let (text, messages, rejected): (Option<&str>, &[Message], &[Message]) = match self {
            Self::Text(text) => (Some(text), &[], &[]),
            Self::Chat(messages) => (None, messages, &[]),
            Self::Preference { messages, rejected } => (None, messages, rejected),
        };
        text.into_iter()
            .chain(messages.iter().map(|message| message.content.as_str()))
            .chain(rejected.iter().map(|message| message.content.as_str()))
    }

    /// The pieces that become tokens: of a preference, the prompt and the chosen answer.
    pub fn learned(&self) -> impl Iterator<Item = &str> {
        let rejected = match self {
            Self::Preference { rejected, .. } => rejected.len(),
            Self::Text(_) | Self::Chat(_) => 0,
        };
        let all = self.pieces().count();
        self.pieces().take(all - rejected)
    }

    /// Characters (Unicode scalar values) of all pieces.
    #[must_use]
    pub fn characters(&self) -> u64 {
        self.pieces()
            .map(|piece| count_characters(piece) as u64)
            .sum()
    }

    /// UTF-8 bytes of all pieces.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.pieces().map(|piece| piece.len() as u64).sum()
    }
}

/// Characters of `text`: the bytes that do not continue a sequence, counted without decoding.
#[must_use]
pub fn count_characters(text: &str) -> usize {
    // Counts of pieces fit a byte, so that the compiler adds as many at once as a register holds.
    let pieces = text.as_bytes().chunks(255);
    pieces
        .map(|piece| {
            let starts = piece.iter().map(|byte| u8::from((*byte as i8) >= -0x40));
            usize::from(starts.fold(0_u8, u8::wrapping_add))
        })
        .sum()
}

/// One normalised, identified record.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Where it is from, as 16 bytes.
    pub id: DocumentId,
    /// Name of the file given by the user.
    pub source: String,
    /// 1-based number of the record in its source.
    pub record: u64,
    /// The text, or the messages.
    pub content: Content,
    /// ISO 639-1 code of the language, `und` when it cannot be told.
    pub lang: String,
    /// How sure the language is, 0 to 1.
    pub lang_score: f32,
    /// Shares of the languages of a mixed document, the largest first, each 0 to 1; empty where there
    /// is one language.
    pub languages: Vec<(String, f32)>,
    /// JSON object of the fields that were not understood, `None` when there were none.
    pub meta: Option<String>,
}
