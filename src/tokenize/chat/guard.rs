//! Letters of special tokens inside messages stay text.
//!
//! Most chats have none, and then nothing here runs. For the others the letters are hidden behind
//! private-use characters while the template runs, so that each special token in the rendered text
//! is the template's own. Those are then hidden in turn, the messages' letters put back, and the
//! text encoded with an added vocabulary in which the special tokens are spelt by private-use
//! characters: the crate splits at exactly the template's tokens and everything else is text.

use super::super::engine::{Engine, Pipeline, Placed, encode_placed};
use super::super::fast::{Checks, Encode as _};
use super::super::token_bytes::token_bytes;
use super::{Rendered, private_use};
use crate::document::Message;
use anyhow::Result;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use tokenizers::models::bpe::BpeTrainer;
use tokenizers::{AddedToken, AddedVocabulary, Model, NormalizedString, Normalizer};

/// Added tokens, ready to be found in text.
struct Finder {
    /// Longest letters first, so that the first that fits is the longest.
    tokens: Vec<(u32, AddedToken)>,
    /// Whether one begins with this byte.
    first_bytes: [bool; 256],
}

impl Finder {
    fn new(mut tokens: Vec<(u32, AddedToken)>) -> Self {
        tokens.retain(|(_, token)| !token.content.is_empty());
        tokens.sort_by(|(_, a), (_, b)| {
            (b.content.len(), &a.content).cmp(&(a.content.len(), &b.content))
        });
        let mut first_bytes = [false; 256];
        for (_, token) in &tokens {
            first_bytes[usize::from(token.content.as_bytes()[0])] = true;
        }
        Self {
            tokens,
            first_bytes,
        }
    }

    /// Whether the crate finds them by nothing but their letters: one that takes white space with it,
    /// or is looked for in normalised text, is for the crate.
    fn is_plain(&self) -> bool {
        self.tokens.iter().all(|(_, token)| {
            !(token.lstrip || token.rstrip || token.single_word || token.normalized)
        })
    }

    /// The leftmost longest token in `text` at or after `from`, and its index.
    fn find(&self, text: &str, from: usize) -> Option<(Range<usize>, usize)> {
        let bytes = text.as_bytes();
        let starts = (from..bytes.len()).filter(|at| self.first_bytes[usize::from(bytes[*at])]);
        starts.into_iter().find_map(|at| {
            let fits =
                |(_, token): &(u32, AddedToken)| bytes[at..].starts_with(token.content.as_bytes());
            let index = self.tokens.iter().position(fits)?;
            Some((at..at + self.tokens[index].1.content.len(), index))
        })
    }
}

/// The special tokens of a tokenizer, ready to be found in text.
pub(in super::super) struct Guard {
    specials: Finder,
    /// All added tokens, where a text may be cut at each; `<think>` of Qwen 3 is none of the special
    /// ones. `None` where it may be cut at the special ones alone.
    added: Option<Finder>,
    /// Bytes of each token by id, where chats can be encoded between their special tokens.
    lengths: Option<Vec<u32>>,
    /// Whether the crate looks for special tokens in a text before it is normalised.
    raw: bool,
}

/// Messages in which the letters of special tokens are hidden.
pub(super) struct Hidden {
    pub messages: Vec<Message>,
    /// The character that stands in a message for the letters of special token `i`.
    stand_ins: Vec<char>,
    /// The character that spells special token `i` where the template wrote it.
    keys: Vec<char>,
}

impl Guard {
    pub fn new(engine: &Engine) -> Self {
        let specials = Finder::new(engine.specials());
        let added = engine.added().get_added_tokens_decoder();
        let added = Finder::new(
            added
                .iter()
                .map(|(id, token)| (*id, token.clone()))
                .collect(),
        );
        let raw = specials.tokens.iter().all(|(_, token)| !token.normalized);
        let fast = specials.is_plain() && engine.encodes_parts();
        Self {
            lengths: fast.then(|| token_bytes(engine)),
            added: added.is_plain().then_some(added),
            specials,
            raw,
        }
    }

    /// Appends the ids of `text`, in which the letters of special tokens are the tokens.
    pub(in super::super) fn encode_text(
        &self,
        engine: &Engine,
        text: &str,
        out: &mut Vec<u32>,
    ) -> Result<Checks> {
        if self.raw && self.find(text, 0).is_none() {
            return engine.encode_text_into(text, out);
        }
        if let Some((tokens, checks)) = self.encode_fast(engine, text) {
            out.extend(tokens.iter().map(|token| token.id));
            return Ok(checks);
        }
        engine.template().encode_into(text, out)?;
        Ok(Checks::default())
    }

    /// Tokens of a rendered chat with their places, each part between added tokens by the fast
    /// path; `None` where the crate has to do it.
    pub(super) fn encode_fast(&self, engine: &Engine, text: &str) -> Option<(Vec<Placed>, Checks)> {
        let lengths = self.lengths.as_ref()?;
        if self.added.is_none() && engine.has_added(text) {
            return None;
        }
        let cuts = self.added.as_ref().unwrap_or(&self.specials);
        let (mut tokens, mut ids) = (Vec::new(), Vec::new());
        let (mut at, mut checks) = (0, Checks::default());
        loop {
            let token = cuts.find(text, at);
            let end = token.as_ref().map_or(text.len(), |(range, _)| range.start);
            if at < end {
                ids.clear();
                checks += engine.encode_part(&text[at..end], &mut ids)?;
                let mut begin = at;
                tokens.extend(ids.iter().map(|&id| {
                    let placed = Placed { id, begin };
                    begin += lengths[id as usize] as usize;
                    placed
                }));
                if begin != end {
                    return None;
                }
            }
            let Some((range, index)) = token else {
                return Some((tokens, checks));
            };
            tokens.push(Placed {
                id: cuts.tokens[index].0,
                begin: range.start,
            });
            at = range.end;
        }
    }

    /// The leftmost longest special token in `text` at or after `from`.
    pub(super) fn find(&self, text: &str, from: usize) -> Option<(Range<usize>, usize)> {
        self.specials.find(text, from)
    }

    /// The messages with letters of special tokens hidden; `None` when they have none.
    pub(super) fn hide(&self, messages: &[Message]) -> Option<Hidden> {
        if messages
            .iter()
            .all(|message| self.find(&message.content, 0).is_none())
        {
            return None;
        }
        let used = private_use::used(messages.iter().map(|message| message.content.as_str()));
        let count = self.specials.tokens.len();
        let mut keys = private_use::unused(&used, 2 * count);
        let stand_ins = keys.split_off(count);
        let hide = |message: &Message| {
            let content = self.replace(&message.content, |index| stand_ins[index]);
            Message::new(&message.role, content)
        };
        Some(Hidden {
            messages: messages.iter().map(hide).collect(),
            stand_ins,
            keys,
        })
    }

    fn replace(&self, text: &str, by: impl Fn(usize) -> char) -> String {
        let (mut out, mut done) = (String::with_capacity(text.len()), 0);
        while let Some((range, index)) = self.find(text, done) {
            out.push_str(&text[done..range.start]);
            out.push(by(index));
            done = range.end;
        }
        out.push_str(&text[done..]);
        out
    }

    /// Tokens of a chat that was rendered from `hidden`, and its spans, both placed in one text.
    pub(super) fn encode(
        &self,
        engine: &Engine,
        hidden: &Hidden,
        rendered: &Rendered,
    ) -> Result<(Vec<Placed>, Vec<Range<usize>>)> {
        let swapped = self.swap(hidden, rendered);
        let pipeline = self.pipeline(engine, &hidden.keys)?;
        Ok((encode_placed(&pipeline, &swapped.text)?, swapped.spans))
    }

    /// Hides the template's special tokens behind their keys and puts the messages' letters back.
    fn swap(&self, hidden: &Hidden, rendered: &Rendered) -> Rendered {
        let letters: HashMap<char, usize> = hidden
            .stand_ins
            .iter()
            .enumerate()
            .map(|(index, stand_in)| (*stand_in, index))
            .collect();
        let text = rendered.text.as_str();
        let mut out = Rendered::default();
        let mut bounds: Vec<usize> = Vec::with_capacity(2 * rendered.spans.len());
        let mut wanted = rendered
            .spans
            .iter()
            .flat_map(|span| [span.start, span.end])
            .peekable();
        let mut at = 0;
        let mut next = self.find(text, 0);
        while at < text.len() {
            while wanted.next_if(|bound| *bound <= at).is_some() {
                bounds.push(out.text.len());
            }
            if let Some((range, index)) = next.take_if(|(range, _)| range.start == at) {
                out.text.push(hidden.keys[index]);
                at = range.end;
                next = self.find(text, at);
            } else if let Some(character) = text[at..].chars().next() {
                match letters.get(&character) {
                    Some(index) => out.text.push_str(&self.specials.tokens[*index].1.content),
                    None => out.text.push(character),
                }
                at += character.len_utf8();
            }
        }
        bounds.extend(wanted.map(|_| out.text.len()));
        out.spans = bounds
            .chunks_exact(2)
            .map(|bounds| bounds[0]..bounds[1])
            .collect();
        out
    }

    /// The template pipeline with its special tokens spelt by `keys`.
    fn pipeline(&self, engine: &Engine, keys: &[char]) -> Result<Pipeline> {
        let specials = self
            .specials
            .tokens
            .iter()
            .zip(keys)
            .map(|((id, token), key)| {
                let key = key.to_string();
                let normalized = token.normalized && survives(engine, &key);
                let key = AddedToken {
                    content: key,
                    normalized,
                    ..token.clone()
                };
                (*id, key)
            });
        let added = engine.added().get_added_tokens_decoder();
        let others = added.iter().filter(|(_, token)| !token.special);
        let mut tokens: Vec<_> = others
            .map(|(id, token)| (*id, token.clone()))
            .chain(specials)
            .collect();
        tokens.sort_by_key(|(id, _)| *id);
        let ids = Ids(tokens
            .iter()
            .map(|(id, token)| (token.content.clone(), *id))
            .collect());
        let mut vocabulary = AddedVocabulary::new();
        let mut pipeline = engine.template().clone();
        vocabulary
            .add_tokens(
                tokens.into_iter().map(|(_, token)| token),
                &ids,
                pipeline.get_normalizer(),
            )
            .map_err(anyhow::Error::from_boxed)?;
        pipeline.with_added_vocabulary(vocabulary);
        Ok(pipeline)
    }
}

/// Whether the normaliser leaves private-use characters in the text.
fn survives(engine: &Engine, key: &str) -> bool {
    let mut text = NormalizedString::from(key);
    match engine.template().get_normalizer() {
        None => true,
        Some(normalizer) => normalizer.normalize(&mut text).is_ok() && text.get().contains(key),
    }
}

/// Gives added tokens the ids they have to get; nothing else is asked of it.
struct Ids(HashMap<String, u32>);

impl Model for Ids {
    type Trainer = BpeTrainer;

    fn tokenize(&self, _: &str) -> tokenizers::Result<Vec<tokenizers::Token>> {
        Ok(Vec::new())
    }
    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.0.get(token).copied()
    }
    fn id_to_token(&self, _: u32) -> Option<String> {
        None
    }
    fn get_vocab(&self) -> HashMap<String, u32> {
        self.0.clone()
    }
    fn get_vocab_size(&self) -> usize {
        self.0.len()
    }
    fn save(&self, _: &Path, _: Option<&str>) -> tokenizers::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
    fn get_trainer(&self) -> BpeTrainer {
        BpeTrainer::default()
    }
}
