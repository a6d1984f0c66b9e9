//! Chats to ids: what the chat template writes, encoded as `transformers` does, with an exact loss mask.
//!
//! The whole rendered string is encoded at once, split only at the special tokens that the template
//! wrote; letters of special tokens inside a message stay text (`guard`). The mask follows the
//! template's `{% generation %}` tags, or, without them, what rendering prefixes of the chat shows
//! (`spans`).

pub(super) mod builtin;
pub(super) mod guard;
pub(super) mod pieces;
mod private_use;
mod python;
mod spans;
mod template;

#[cfg(test)]
mod spans_tests;
#[cfg(test)]
mod tests;

pub(super) use template::Template;

use super::engine::{Placed, encode_placed};
use super::fast::Checks;
use super::{Encoded, Letters, Tokenizer};
use crate::document::Message;
use anyhow::{Result, bail, ensure};
use guard::Hidden;
use std::ops::Range;
use std::path::Path;
use template::Program;

/// Roles of messages that prep passes to a template.
const ROLES: [&str; 4] = ["system", "user", "assistant", "tool"];

/// A rendered chat and the byte ranges that the assistant says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rendered {
    text: String,
    spans: Vec<Range<usize>>,
}

/// A built-in template by name, or the Jinja file of that path.
pub(super) fn named_template(name_or_file: &str, has: impl Fn(&str) -> bool) -> Result<Template> {
    if let Some(row) = builtin::find(name_or_file) {
        let missing: Vec<_> = row
            .needs
            .iter()
            .filter(|token| !has(token))
            .copied()
            .collect();
        ensure!(
            missing.is_empty(),
            "the chat template {name_or_file} needs the tokens {}, which this tokenizer lacks; \
             use the template plain, which needs none",
            missing.join(" ")
        );
        return Template::built_in(row);
    }
    match std::fs::read_to_string(Path::new(name_or_file)) {
        Ok(source) => Template::jinja(&source),
        Err(error) => bail!(
            "{name_or_file:?} is neither a built-in chat template ({}) nor a Jinja file: {error}",
            builtin::names().join(", ")
        ),
    }
}

/// Ids and mask of a whole chat.
pub(super) fn encode(tokenizer: &Tokenizer, messages: &[Message]) -> Result<Encoded> {
    check(messages)?;
    let hidden = hide(tokenizer, messages);
    let shown = hidden.as_ref().map_or(messages, |hidden| &hidden.messages);
    let program = program(tokenizer);
    let rendered = if program.has_generation_tags() {
        program.render_marked(tokenizer, shown)?
    } else {
        spans::find(tokenizer, program, shown)?
    };
    let ((tokens, checks), spans) = match &hidden {
        None => (place(tokenizer, &rendered.text)?, rendered.spans),
        Some(hidden) => {
            let (tokens, spans) = tokenizer
                .guard
                .encode(&tokenizer.engine, hidden, &rendered)?;
            ((tokens, Checks::default()), spans)
        }
    };
    let mut encoded = Encoded {
        ids: tokens.iter().map(|token| token.id).collect(),
        loss_mask: mask(&tokens, &spans),
        checks,
    };
    if let Some(bos) = missing_bos(tokenizer, &encoded.ids) {
        encoded.ids.insert(0, bos);
        encoded.loss_mask.insert(0, false);
    }
    Ok(encoded)
}

/// Ids of a chat that is to be continued.
pub(super) fn prompt(
    tokenizer: &Tokenizer,
    messages: &[Message],
    generation: bool,
) -> Result<Vec<u32>> {
    check(messages)?;
    let hidden = hide(tokenizer, messages);
    let shown = hidden.as_ref().map_or(messages, |hidden| &hidden.messages);
    let text = program(tokenizer).render(tokenizer, shown, generation)?;
    let tokens = match &hidden {
        None => place(tokenizer, &text)?.0,
        Some(hidden) => {
            let rendered = Rendered {
                text,
                spans: Vec::new(),
            };
            tokenizer
                .guard
                .encode(&tokenizer.engine, hidden, &rendered)?
                .0
        }
    };
    let mut ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
    if let Some(bos) = missing_bos(tokenizer, &ids) {
        ids.insert(0, bos);
    }
    Ok(ids)
}

/// The messages with letters of special tokens hidden, where there are any and they are text.
fn hide(tokenizer: &Tokenizer, messages: &[Message]) -> Option<Hidden> {
    match tokenizer.letters {
        Letters::Text => tokenizer.guard.hide(messages),
        Letters::Tokens => None,
    }
}

/// Tokens of a rendered chat in which the letters of every special token are the token.
fn place(tokenizer: &Tokenizer, text: &str) -> Result<(Vec<Placed>, Checks)> {
    match tokenizer.guard.encode_fast(&tokenizer.engine, text) {
        Some(placed) => Ok(placed),
        None => Ok((
            encode_placed(tokenizer.engine.template(), text)?,
            Checks::default(),
        )),
    }
}

/// What the template makes of a chat.
pub(super) fn text(
    tokenizer: &Tokenizer,
    messages: &[Message],
    generation: bool,
) -> Result<String> {
    check(messages)?;
    program(tokenizer).render(tokenizer, messages, generation)
}

/// EOS and the special token that ends an assistant's turn.
pub(super) fn stop_ids(tokenizer: &Tokenizer) -> Vec<u32> {
    let mut stops = vec![tokenizer.specials.eos];
    let probe = [Message::new("user", "a"), Message::new("assistant", "b")];
    if let Ok(encoded) = encode(tokenizer, &probe) {
        let last = encoded
            .ids
            .iter()
            .zip(&encoded.loss_mask)
            .rfind(|(_, counted)| **counted);
        stops.extend(
            last.map(|(id, _)| *id)
                .filter(|id| tokenizer.engine.is_special(*id)),
        );
    }
    stops.dedup();
    stops
}

fn program(tokenizer: &Tokenizer) -> &Program {
    tokenizer.template.program(tokenizer.specials.adds_bos)
}

/// BOS, where the policy wants it and the template did not write it.
fn missing_bos(tokenizer: &Tokenizer, ids: &[u32]) -> Option<u32> {
    let bos = tokenizer
        .specials
        .bos
        .filter(|_| tokenizer.specials.adds_bos)?;
    (ids.first() != Some(&bos)).then_some(bos)
}

/// A token counts if and only if it holds a byte of a span, as in `transformers`:
/// of a template that ends its prompt with a space, the first word of an answer begins with that space.
/// Both lists are in order.
fn mask(tokens: &[Placed], spans: &[Range<usize>]) -> Vec<bool> {
    let ends = tokens.iter().skip(1).map(|next| next.begin);
    let mut spans = spans.iter().filter(|span| !span.is_empty()).peekable();
    (tokens.iter().zip(ends.chain([usize::MAX])))
        .map(|(token, end)| {
            while spans.next_if(|span| span.end <= token.begin).is_some() {}
            // Tokens of one character begin at the same byte, and so end behind it.
            let end = end.max(token.begin + 1);
            spans.peek().is_some_and(|span| span.start < end)
        })
        .collect()
}

fn check(messages: &[Message]) -> Result<()> {
    ensure!(!messages.is_empty(), "a chat without messages");
    for (index, message) in messages.iter().enumerate() {
        ensure!(
            ROLES.contains(&message.role.as_str()),
            "message {} has the role {:?}; expected one of {}",
            index + 1,
            message.role,
            ROLES.join(", ")
        );
    }
    Ok(())
}
