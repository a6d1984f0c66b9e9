//! What the assistant says, for templates without `{% generation %}` tags: found by rendering.
//!
//! Turn `i` begins where the prompt for it ends (`messages[..i]` with the generation prompt, compared
//! with the whole chat as far as both agree, because some templates open a thought there that they
//! drop from the history), and ends with the first special token after its content (with all that
//! follows it, where the template ends turns without a special token). Contents are found by
//! rendering them once more between two private-use characters. If the template rewrites contents,
//! the rendered prefixes have to be prefixes of the whole; if they are not, the chat is refused
//! rather than masked wrongly.

use super::super::Tokenizer;
use super::template::Program;
use super::{ROLES, Rendered};
use crate::document::Message;
use anyhow::{Result, bail};
use std::ops::Range;

const ASSISTANT: &str = ROLES[2];

/// Renders the chat and finds the assistant's spans in it.
pub(super) fn find(
    tokenizer: &Tokenizer,
    program: &Program,
    messages: &[Message],
) -> Result<Rendered> {
    let text = program.render(tokenizer, messages, false)?;
    let contents = mark_contents(tokenizer, program, messages, &text)?;
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if message.role != ASSISTANT {
            continue;
        }
        let found = contents
            .as_ref()
            .and_then(|contents| contents[index].clone());
        let turn = Turn {
            tokenizer,
            program,
            messages,
            text: &text,
            index,
        };
        let span = match found {
            Some(content) => turn.around(&content)?,
            None => turn.by_prefixes()?,
        };
        let before = spans.last().map_or(0, |span| span.end);
        spans.push(span.start.max(before)..span.end.max(before));
    }
    Ok(Rendered { text, spans })
}

/// Where the whole chat shows each assistant's content, without white space at its edges, which
/// templates may trim. `None` as a whole if marking contents changes what else is rendered.
fn mark_contents(
    tokenizer: &Tokenizer,
    program: &Program,
    messages: &[Message],
    text: &str,
) -> Result<Option<Vec<Option<Range<usize>>>>> {
    let marks = program.unused_characters(messages, 2);
    let &[begin, end] = marks.as_slice() else {
        bail!("the chat uses every private-use character")
    };
    let mark = |message: &Message| {
        let inner = message.content.trim();
        if message.role != ASSISTANT || inner.is_empty() {
            return message.clone();
        }
        let content = message
            .content
            .replacen(inner, &format!("{begin}{inner}{end}"), 1);
        Message::new(&message.role, content)
    };
    let marked: Vec<Message> = messages.iter().map(mark).collect();
    // A template may refuse what it does not refuse unmarked; then there is nothing to learn here.
    let Ok(marked_text) = program.render(tokenizer, &marked, false) else {
        return Ok(None);
    };
    let mut found: Vec<Range<usize>> = Vec::new();
    let (mut at, mut open) = (0, None);
    for piece in marked_text.split_inclusive([begin, end]) {
        let unmarked = piece.strip_suffix([begin, end]).unwrap_or(piece);
        if !text[at..].starts_with(unmarked) {
            return Ok(None);
        }
        at += unmarked.len();
        if piece.ends_with(begin) {
            open = Some(at);
        } else if let Some(start) = open.take_if(|_| piece.ends_with(end)) {
            found.push(start..at);
        }
    }
    let shown = messages
        .iter()
        .zip(&marked)
        .filter(|(message, marked)| message != marked)
        .count();
    if at != text.len() || found.len() != shown {
        return Ok(None);
    }
    let mut found = found.into_iter();
    let places = messages.iter().zip(&marked).map(|(message, marked)| {
        if message == marked {
            None
        } else {
            found.next()
        }
    });
    Ok(Some(places.collect()))
}

/// The assistant's turn `index` of a rendered chat.
struct Turn<'a> {
    tokenizer: &'a Tokenizer,
    program: &'a Program,
    messages: &'a [Message],
    text: &'a str,
    index: usize,
}

impl Turn<'_> {
    /// The span of the turn whose content is at `content`.
    fn around(&self, content: &Range<usize>) -> Result<Range<usize>> {
        let prompt = self.prompt()?;
        let start = common_prefix(&self.text[..content.start], &prompt);
        let Some(turn) = self.own_end(content)? else {
            return Ok(start..content.end);
        };
        Ok(start..content.end + turn)
    }

    /// The prompt that this turn answers.
    fn prompt(&self) -> Result<String> {
        match self.index {
            0 => Ok(String::new()),
            index => self
                .program
                .render(self.tokenizer, &self.messages[..index], true),
        }
    }

    /// How many bytes after the content still belong to the turn: what follows the content when
    /// the chat ends here, up to its first special token, where the whole chat has the same.
    fn own_end(&self, content: &Range<usize>) -> Result<Option<usize>> {
        let chat = self
            .program
            .render(self.tokenizer, &self.messages[..=self.index], false)?;
        let inner = &self.text[content.clone()];
        let Some(at) = chat.rfind(inner) else {
            return Ok(None);
        };
        let tail = &chat[at + inner.len()..];
        let tail = &tail[..self.first_special(tail).unwrap_or(tail.len())];
        Ok(self.text[content.end..]
            .starts_with(tail)
            .then_some(tail.len()))
    }

    /// The end of the first special token of `text`.
    fn first_special(&self, text: &str) -> Option<usize> {
        self.tokenizer
            .guard
            .find(text, 0)
            .map(|(range, _)| range.end)
    }

    /// The span between two rendered prefixes of the chat, if both are prefixes of the whole.
    fn by_prefixes(&self) -> Result<Range<usize>> {
        let prompt = self.prompt()?;
        let chat = self
            .program
            .render(self.tokenizer, &self.messages[..=self.index], false)?;
        if !self.text.starts_with(&prompt)
            || !chat.starts_with(&prompt)
            || !self.text.starts_with(&chat)
        {
            bail!(
                "cannot tell what the assistant says in message {}: the chat template rewrites earlier \
                 messages. Put {{% generation %}} and {{% endgeneration %}} around the assistant's turn \
                 in the template, or choose a built-in one with --chat-template",
                self.index + 1
            );
        }
        // White space after the token that ends the turn is the template's.
        let turn = &chat[prompt.len()..];
        let mut end = turn.len();
        let (mut from, bare) = (0, turn.trim_end().len());
        while let Some((range, _)) = self.tokenizer.guard.find(turn, from) {
            from = range.end;
            if range.end == bare {
                end = range.end;
            }
        }
        Ok(prompt.len()..prompt.len() + end)
    }
}

/// Bytes that both texts begin with, whole characters only.
fn common_prefix(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    a.floor_char_boundary(same)
}
