//! Conversations written as one text: `Human: …`, `Assistant: …`, each after an empty line.

use crate::document::Message;

const SPEAKERS: [(&str, &str); 2] = [("user", "Human:"), ("assistant", "Assistant:")];

/// The turns of a text such as `Human: … Assistant: …`, each after an empty line.
pub(super) fn transcript(text: &str) -> Option<Vec<Message>> {
    let turns = turns(text, "\n\n")?;
    (turns.len() > 1).then_some(turns)
}

/// The turns of a prompt such as `Human: … Assistant:`, after which the assistant is to speak. In one
/// that ends like this, each may be on the next line.
pub(super) fn prompt_turns(text: &str) -> Option<Vec<Message>> {
    let asked = text.trim_end().strip_suffix(SPEAKERS[1].1)?;
    let between = if asked.ends_with("\n\n") {
        "\n\n"
    } else {
        "\n"
    };
    let turns = turns(asked.strip_suffix(between)?, between)?;
    turns
        .last()
        .is_some_and(|last| last.role == "user")
        .then_some(turns)
}

/// The turns of a text in pieces, the user first.
fn turns(text: &str, between: &str) -> Option<Vec<Message>> {
    let speaker = |text: &str| {
        let mut speakers = SPEAKERS.iter();
        speakers.find_map(|(role, name)| Some((*role, text.strip_prefix(name)?.len())))
    };
    let mut messages: Vec<Message> = Vec::new();
    for piece in text.trim_start().split(between) {
        match (speaker(piece), messages.last_mut()) {
            (Some((role, length)), _) => {
                messages.push(Message::new(
                    role,
                    piece[piece.len() - length..].trim_start(),
                ));
            }
            (None, Some(last)) => {
                last.content.push_str(between);
                last.content.push_str(piece);
            }
            (None, None) => return None,
        }
    }
    (messages.first()?.role == "user").then_some(messages)
}
