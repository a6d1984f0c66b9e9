//! What the assistant says, for templates without `{% generation %}` tags: found by rendering.
//!
//! Turn `i` begins where the prompt for it ends: `messages[..i]` with the generation prompt, compared
//! with the whole chat as far as both agree, because some templates open a thought there that they
//! drop from the history. Where they drop it from an answer before, both part too early: then the turn
//! begins behind the last generation prompt before its content. It ends with the first special token after its content (with all that
//! follows it, where the template ends turns without a special token). Where contents are is learnt
//! by rendering them once more with a private-use character before and after each; a template that
//! looks at how a content begins is asked again with the one after it only. If that does not help
//! either, the rendered prefixes have to be prefixes of the whole; if they are not, the chat is
//! refused rather than masked wrongly. A turn costs three renderings of its prefix.

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
    let marks = program.unused_characters(messages, 2);
    let &[begin, end] = marks.as_slice() else {
        bail!("the chat uses every private-use character")
    };
    let marked = [Some(begin), None]
        .into_iter()
        .find_map(|begin| Marked::place(tokenizer, program, messages, &text, begin, end));
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if message.role != ASSISTANT {
            continue;
        }
        let turn = Turn {
            tokenizer,
            program,
            messages,
            text: &text,
            index,
        };
        let before = spans.last().map_or(0, |span| span.end);
        let span = match marked
            .as_ref()
            .and_then(|marked| Some((marked, marked.places[index].as_ref()?)))
        {
            Some((marked, place)) => turn.around(marked, place, before)?,
            None => turn.by_prefixes()?,
        };
        spans.push(span.start.max(before)..span.end.max(before));
    }
    Ok(Rendered { text, spans })
}

/// A chat whose assistant's contents are marked, and where the marks are in the unmarked text.
struct Marked {
    messages: Vec<Message>,
    /// The mark after each content.
    end: char,
    /// By message; `None` for what is not the assistant's, or empty.
    places: Vec<Option<Place>>,
}

/// Where a content is, without white space at its edges, which templates may trim.
struct Place {
    /// Unknown where the template shows the content without its beginning.
    start: Option<usize>,
    end: usize,
}

impl Marked {
    /// `None` if the marks change what else is rendered, or if one after a content is not shown.
    fn place(
        tokenizer: &Tokenizer,
        program: &Program,
        messages: &[Message],
        text: &str,
        begin: Option<char>,
        end: char,
    ) -> Option<Self> {
        let marked: Vec<Message> = messages
            .iter()
            .map(|message| mark(message, begin, end))
            .collect();
        // A template may refuse what it does not refuse unmarked; then there is nothing to learn.
        let marked_text = program.render(tokenizer, &marked, false).ok()?;
        let is_mark = |character: char| Some(character) == begin || character == end;
        let mut found: Vec<Place> = Vec::new();
        let (mut at, mut start) = (0, None);
        for piece in marked_text.split_inclusive(is_mark) {
            let unmarked = piece.strip_suffix(is_mark).unwrap_or(piece);
            if !text[at..].starts_with(unmarked) {
                return None;
            }
            at += unmarked.len();
            if piece.ends_with(end) {
                found.push(Place {
                    start: start.take(),
                    end: at,
                });
            } else if piece.ends_with(is_mark) {
                start = Some(at);
            }
        }
        let shown = messages
            .iter()
            .zip(&marked)
            .filter(|(message, marked)| message != marked)
            .count();
        if at != text.len() || found.len() != shown {
            return None;
        }
        let mut found = found.into_iter();
        let is_marked = |(message, marked): (&Message, &Message)| message != marked;
        let places = messages
            .iter()
            .zip(&marked)
            .map(|pair| if is_marked(pair) { found.next() } else { None })
            .collect();
        Some(Self {
            messages: marked,
            end,
            places,
        })
    }
}

fn mark(message: &Message, begin: Option<char>, end: char) -> Message {
    let content = &message.content;
    let (leading, trailing) = (
        content.len() - content.trim_start().len(),
        content.trim_end().len(),
    );
    if message.role != ASSISTANT || leading >= trailing {
        return message.clone();
    }
    let mut marked = content[..leading].to_owned();
    marked.extend(begin);
    marked.push_str(&content[leading..trailing]);
    marked.push(end);
    marked.push_str(&content[trailing..]);
    Message::new(&message.role, marked)
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
    /// The span of the turn whose content is at `place`; the assistant's turn before ends at `before`.
    fn around(&self, marked: &Marked, place: &Place, before: usize) -> Result<Range<usize>> {
        let prompt = self.prompt()?;
        // Where the template does not show how the content begins, all of the prompt has to be there.
        let known = place.start.unwrap_or(place.end);
        let agree = common_prefix(&self.text[..known], &prompt);
        let start = if agree == prompt.len() {
            agree
        } else {
            let history = self.history()?;
            match place.start {
                Some(_) if agree >= history.len() && prompt.starts_with(&history) => agree,
                _ => {
                    let generation = prompt.strip_prefix(history.as_str()).unwrap_or_default();
                    self.behind_last(generation, before.min(known)..known)?
                }
            }
        };
        Ok(start..place.end + self.end_of_turn(marked, place)?)
    }

    /// The messages before this turn, without what asks for it.
    fn history(&self) -> Result<String> {
        let before = &self.messages[..self.index];
        match before {
            [] => Ok(String::new()),
            before => self.program.render(self.tokenizer, before, false),
        }
    }

    /// The end of the last generation prompt in this part of the text. It has to have a special token:
    /// anything else a content may say, too.
    fn behind_last(&self, generation: &str, part: Range<usize>) -> Result<usize> {
        let is_sure = self.tokenizer.guard.find(generation, 0).is_some();
        let place = (self.text[part.clone()].rfind(generation)).filter(|_| is_sure);
        let place = place.ok_or_else(|| self.lost())?;
        Ok(part.start + place + generation.len())
    }

    /// The prompt that this turn answers.
    fn prompt(&self) -> Result<String> {
        match self.index {
            0 => self.opening(),
            index => self
                .program
                .render(self.tokenizer, &self.messages[..index], true),
        }
    }

    /// What stands before an assistant's turn that opens the chat. Many templates refuse a chat
    /// without messages, so it is the generation prompt of another chat, as the text shows it.
    fn opening(&self) -> Result<String> {
        let other = [Message::new("user", "a")];
        let [without, with] =
            [false, true].map(|generation| self.program.render(self.tokenizer, &other, generation));
        let (without, with) = (without?, with?);
        let prompt = with
            .strip_prefix(without.as_str())
            .filter(|prompt| !prompt.is_empty());
        let end = prompt.and_then(|prompt| Some(self.text.find(prompt)? + prompt.len()));
        Ok(self.text[..end.unwrap_or(0)].to_owned())
    }

    /// How many bytes after the content still belong to the turn: what follows the content when
    /// the chat ends here, up to its first special token, where the whole chat has the same.
    fn end_of_turn(&self, marked: &Marked, place: &Place) -> Result<usize> {
        let chat = [
            &self.messages[..self.index],
            &marked.messages[self.index..=self.index],
        ]
        .concat();
        let chat = self.program.render(self.tokenizer, &chat, false)?;
        let Some((_, tail)) = chat.rsplit_once(marked.end) else {
            return Ok(0);
        };
        let end = self
            .tokenizer
            .guard
            .find(tail, 0)
            .map_or(tail.len(), |(special, _)| special.end);
        Ok(if self.text[place.end..].starts_with(&tail[..end]) {
            end
        } else {
            0
        })
    }

    /// The span between two rendered prefixes of the chat, if both are prefixes of the whole.
    fn by_prefixes(&self) -> Result<Range<usize>> {
        let prompt = self.prompt()?;
        let chat = self
            .program
            .render(self.tokenizer, &self.messages[..=self.index], false)?;
        if !chat.starts_with(&prompt) || !self.text.starts_with(&chat) {
            return Err(self.lost());
        }
        // White space after the token that ends the turn is the template's.
        let turn = &chat[prompt.len()..];
        let bare = turn.trim_end().len();
        let mut from = 0;
        while let Some((special, _)) = self.tokenizer.guard.find(turn, from) {
            from = special.end;
        }
        let end = if from == bare { bare } else { turn.len() };
        Ok(prompt.len()..prompt.len() + end)
    }

    fn lost(&self) -> anyhow::Error {
        anyhow::anyhow!(
            "cannot tell what the assistant says in message {}: the chat template rewrites earlier \
             messages. Put {{% generation %}} and {{% endgeneration %}} around the assistant's turn \
             in the template, or choose a built-in one with --chat-template",
            self.index + 1
        )
    }
}

/// Bytes that both texts begin with, whole characters only.
fn common_prefix(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    a.floor_char_boundary(same)
}
