//! Chats that are longer than a context, cut between turns.
//!
//! A chat is its system prompt and a row of exchanges, each from a user's message to the last one before
//! the user speaks again. A piece is the system prompt with as many exchanges as fit, encoded as a chat
//! of its own, so that its mask and its special tokens are those of any chat and no answer is cut. An
//! exchange that fits no piece is left out and counted: its tokens are those that the whole chat has
//! more than the chat without it.

use super::super::{Encoded, Tokenizer};
use super::{ROLES, encode};
use crate::document::Message;
use anyhow::Result;
use std::ops::Range;

const SYSTEM: &str = ROLES[0];
const USER: &str = ROLES[1];

/// A document's tokens, or a piece's of a chat that was cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Ids and loss mask.
    pub encoded: Encoded,
    /// UTF-8 bytes of the content in it.
    pub bytes_text: u64,
    /// Places in the chat of the messages that it has behind the system prompt.
    pub messages: Range<usize>,
}

/// A document as pieces that fit a context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// The pieces in order: one of what is not cut, none where no exchange fits.
    pub pieces: Vec<Piece>,
    /// Tokens of the whole, before it was cut.
    pub tokens_whole: u64,
    /// Messages of the system prompt, which each piece begins with.
    pub head: usize,
    /// Places of the messages of each exchange that fits no piece.
    pub left_out: Vec<Range<usize>>,
    /// Their tokens.
    pub tokens_left_out: u64,
}

impl Pieces {
    /// What is not cut.
    #[must_use]
    pub fn whole(encoded: Encoded, bytes_text: u64) -> Self {
        Self {
            tokens_whole: encoded.ids.len() as u64,
            pieces: vec![Piece {
                encoded,
                bytes_text,
                messages: 0..usize::MAX,
            }],
            ..Self::default()
        }
    }

    /// Of the contents of the whole, those in `piece`.
    pub fn contents<'a>(
        &self,
        piece: &Piece,
        whole: impl Iterator<Item = &'a str>,
    ) -> impl Iterator<Item = &'a str> {
        let holds = move |place| place < self.head || piece.messages.contains(&place);
        (whole.enumerate().filter(move |(place, _)| holds(*place))).map(|(_, content)| content)
    }

    /// Of the contents of the whole, those that were left out.
    pub fn contents_left_out<'a>(
        &self,
        whole: impl Iterator<Item = &'a str>,
    ) -> impl Iterator<Item = &'a str> {
        let holds = |place| self.left_out.iter().any(|range| range.contains(&place));
        (whole.enumerate().filter(move |(place, _)| holds(*place))).map(|(_, content)| content)
    }

    /// Tokens that the pieces have beyond the chat without what was left out: repeated system prompts,
    /// and what the template makes of the ends of chats.
    #[must_use]
    pub fn tokens_added(&self) -> i64 {
        self.tokens() as i64 - (self.tokens_whole - self.tokens_left_out) as i64
    }

    /// Tokens of all pieces.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.pieces
            .iter()
            .map(|piece| piece.encoded.ids.len() as u64)
            .sum()
    }

    /// Tokens of all pieces that the loss counts.
    #[must_use]
    pub fn tokens_loss(&self) -> u64 {
        let masks = self.pieces.iter().map(|piece| &piece.encoded.loss_mask);
        masks
            .map(|mask| mask.iter().filter(|counts| **counts).count() as u64)
            .sum()
    }
}

/// The chat in pieces of at most `most` tokens, whole without a limit.
pub(in super::super) fn encode_within(
    tokenizer: &Tokenizer,
    messages: &[Message],
    most: Option<u64>,
) -> Result<Pieces> {
    let encoded = encode(tokenizer, messages)?;
    let fits = |encoded: &Encoded| most.is_none_or(|most| encoded.ids.len() as u64 <= most);
    if fits(&encoded) {
        return Ok(Pieces::whole(encoded, bytes_of(messages)));
    }
    let mut cut = Pieces {
        tokens_whole: encoded.ids.len() as u64,
        head: messages
            .iter()
            .take_while(|message| message.role == SYSTEM)
            .count(),
        ..Pieces::default()
    };
    let head = cut.head;
    let exchanges = exchanges(messages, head);
    let piece = |exchanges: &[Range<usize>]| -> Result<Option<Piece>> {
        let (Some(first), Some(last)) = (exchanges.first(), exchanges.last()) else {
            return Ok(None);
        };
        let range = first.start..last.end;
        let messages = [&messages[..head], &messages[range.clone()]].concat();
        let encoded = encode(tokenizer, &messages)?;
        let bytes_text = bytes_of(&messages);
        let kept = fits(&encoded) && encoded.loss_mask.contains(&true);
        Ok(kept.then_some(Piece {
            encoded,
            bytes_text,
            messages: range,
        }))
    };
    let mut rest = exchanges.as_slice();
    while !rest.is_empty() {
        let done = if let Some((count, piece)) = longest(rest, &piece)? {
            cut.pieces.push(piece);
            count
        } else {
            cut.left_out.push(rest[0].clone());
            1
        };
        rest = &rest[done..];
    }
    if !cut.left_out.is_empty() && !cut.pieces.is_empty() {
        let holds = |place: usize| cut.left_out.iter().any(|range| range.contains(&place));
        let others = messages.iter().enumerate();
        let others: Vec<Message> = (others.filter(|(place, _)| !holds(*place)))
            .map(|(_, message)| message.clone())
            .collect();
        // A template that refuses the others together took them in pieces.
        let kept = encode(tokenizer, &others)
            .map_or_else(|_| cut.tokens(), |encoded| encoded.ids.len() as u64);
        cut.tokens_left_out = cut.tokens_whole.saturating_sub(kept);
    }
    Ok(cut)
}

/// The piece with the most exchanges from the beginning of `rest`: doubled until they do not fit, then
/// halved, so that no more than about twice a piece is encoded a few times.
fn longest(
    rest: &[Range<usize>],
    piece: &impl Fn(&[Range<usize>]) -> Result<Option<Piece>>,
) -> Result<Option<(usize, Piece)>> {
    let Some(mut best) = piece(&rest[..1])?.map(|piece| (1, piece)) else {
        return Ok(None);
    };
    let mut too_many = rest.len() + 1;
    loop {
        let next = if too_many > rest.len() {
            (2 * best.0).min(rest.len())
        } else {
            best.0.midpoint(too_many)
        };
        if next == best.0 {
            return Ok(Some(best));
        }
        match piece(&rest[..next])? {
            Some(piece) => best = (next, piece),
            None => too_many = next,
        }
    }
}

/// Ranges of messages from each user's first message to the last before the user speaks again.
fn exchanges(messages: &[Message], head: usize) -> Vec<Range<usize>> {
    let begins =
        |at: &usize| *at == head || (messages[*at].role == USER && messages[*at - 1].role != USER);
    let starts: Vec<usize> = (head..messages.len()).filter(begins).collect();
    let ends = starts.iter().skip(1).copied().chain([messages.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| *start..end)
        .collect()
}

fn bytes_of(messages: &[Message]) -> u64 {
    messages
        .iter()
        .map(|message| message.content.len() as u64)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::small;
    use super::*;

    fn chat(answers: &[usize]) -> Vec<Message> {
        let mut chat = vec![Message::new("system", "Ты помощник.")];
        for (number, words) in answers.iter().enumerate() {
            chat.push(Message::new("user", format!("Вопрос {number}?")));
            chat.push(Message::new(
                "assistant",
                format!("Ответ {number}{}", " да".repeat(*words)),
            ));
        }
        chat
    }

    #[test]
    fn a_long_chat_is_cut_between_turns_with_its_system_prompt() {
        let tokenizer = small();
        let chat = chat(&[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]);
        let whole = tokenizer.encode_chat_within(&chat, None).unwrap();
        assert_eq!(whole.pieces.len(), 1);
        for most in [90, 120, 200, whole.tokens_whole - 1] {
            let cut = tokenizer.encode_chat_within(&chat, Some(most)).unwrap();
            assert_eq!(
                (cut.tokens_whole, cut.left_out.len()),
                (whole.tokens_whole, 0)
            );
            assert!(cut.pieces.len() > 1, "{most}");
            let mut at = 1;
            for piece in &cut.pieces {
                let encoded = &piece.encoded;
                assert!(encoded.ids.len() as u64 <= most);
                // Each piece is a chat of its own: the prompt, and the exchanges that come next.
                let ends = (at + 2..=chat.len()).step_by(2);
                let found = ends.into_iter().find(|end| {
                    let messages = [&chat[..1], &chat[at..*end]].concat();
                    let same = tokenizer.encode_chat(&messages).unwrap() == *encoded;
                    same && piece.bytes_text == bytes_of(&messages)
                });
                let end = found.expect("a row of exchanges");
                // One exchange more would be too long.
                if end < chat.len() {
                    let more = [&chat[..1], &chat[at..end + 2]].concat();
                    let more = tokenizer.encode_chat(&more).unwrap();
                    assert!(more.ids.len() as u64 > most);
                }
                at = end;
            }
            assert_eq!(at, chat.len(), "no exchange is lost");
        }
    }

    #[test]
    fn an_exchange_that_fits_nowhere_is_left_out_and_counted() {
        let tokenizer = small();
        let long = chat(&[2, 500, 3]);
        let cut = tokenizer.encode_chat_within(&long, Some(120)).unwrap();
        assert_eq!((cut.pieces.len(), cut.left_out.len()), (2, 1));
        assert_eq!(cut.left_out[0], 3..5);
        let contents = || long.iter().map(|message| message.content.as_str());
        let left_out: Vec<&str> = cut.contents_left_out(contents()).collect();
        assert_eq!(left_out, contents().skip(3).take(2).collect::<Vec<_>>());
        let second: Vec<&str> = cut.contents(&cut.pieces[1], contents()).collect();
        assert_eq!(second, [&long[0].content, "Вопрос 2?", "Ответ 2 да да да"]);
        // Both pieces say what the system prompt says; the chat without the long exchange once.
        let without = [&long[..3], &long[5..]].concat();
        let without = tokenizer.encode_chat(&without).unwrap().ids.len() as u64;
        assert_eq!(cut.tokens_left_out, cut.tokens_whole - without);
        assert_eq!(cut.tokens_added(), cut.tokens() as i64 - without as i64);
        assert!(cut.tokens_added() > 0);
        let cut = tokenizer
            .encode_chat_within(&chat(&[500]), Some(120))
            .unwrap();
        assert_eq!((cut.pieces.len(), cut.left_out.len()), (0, 1));
    }

    #[test]
    fn tools_stay_with_their_exchange() {
        let roles = [
            "system",
            "user",
            "user",
            "assistant",
            "tool",
            "assistant",
            "user",
            "assistant",
        ];
        let messages: Vec<Message> = roles.iter().map(|role| Message::new(*role, "a")).collect();
        assert_eq!(exchanges(&messages, 1), [1..6, 6..8]);
        assert_eq!(exchanges(&messages[3..], 0), [0..3, 3..5]);
    }
}
