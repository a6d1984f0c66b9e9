//! The fast path: ids equal to the `tokenizers` crate's, about a hundred times as fast.
//!
//! A tokenizer.json that is recognised (`recognise`) is encoded without a regex engine (`masks`, `spans`),
//! with a bounded cache of words (`cache`) in front of exact merges (`merge`). Everything else, and every
//! text that holds an added token which is not special, goes to the crate, which stays the oracle: it
//! judges a fixed set of texts when a tokenizer is loaded and 1 KiB of one text in a thousand after
//! that (1 % of the time), chosen by how the text begins and its length. After one difference the fast path is off for good.

mod cache;
mod classes;
mod masks;
mod merge;
mod metaspace;
mod patterns;
mod piece;
mod probes;
mod recognise;
mod simd;
mod spans;
mod starts;
mod states;
mod words;

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod metaspace_tests;
#[cfg(test)]
mod tests;

pub use classes::UNICODE_VERSION;

use super::chunks::{self, Chunk};
use super::engine::Pipeline;
use aho_corasick::AhoCorasick;
use anyhow::Result;
pub(crate) use masks::Block;
pub(super) use patterns::GPT2 as GPT2_PATTERN;
use piece::{Form, Model, State};
use recognise::{Recipe, Refusal, Split};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use states::States;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicBool, Ordering};
use tokenizers::{AddedVocabulary, NormalizedString, Normalizer, NormalizerWrapper};

/// What comparisons alone say of 64 bytes of UTF-8, by the instructions that every machine has.
#[inline]
pub(crate) fn compare(block: &[u8; 64]) -> Block {
    <simd::Any as simd::Instructions>::compare::<false>(block)
}

/// Text to ids.
pub(super) trait Encode {
    /// Appends the ids of `text`, in which the letters of special tokens are text.
    ///
    /// # Errors
    /// When the vocabulary cannot express the text.
    fn encode_into(&self, text: &str, out: &mut Vec<u32>) -> Result<()>;
}

/// How a tokenizer encodes texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodePath {
    /// By the fast path, which knows this split pattern.
    Fast(&'static str),
    /// By the `tokenizers` crate, for this reason.
    Crate(&'static str),
    /// By the `tokenizers` crate, because the fast path gave other ids for a piece of text.
    Differs,
}

/// What the oracle was asked about encoded texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Texts, or parts of chats, of which it judged a piece.
    pub checked: u64,
    /// Of these, those that it encodes as other ids.
    pub differing: u64,
}

impl AddAssign for Checks {
    fn add_assign(&mut self, other: Self) {
        self.checked += other.checked;
        self.differing += other.differing;
    }
}

/// The fast path of one tokenizer.
pub(super) struct Fast {
    recipe: Recipe,
    classes: &'static classes::Classes,
    /// Letters of added tokens that are not special; a text that has any is the crate's. `None`: none.
    added: Option<AhoCorasick>,
    normalizer: Option<NormalizerWrapper>,
    /// See [`Model::dense`].
    dense: bool,
    states: States,
    differs: AtomicBool,
    /// Bytes of the chunks of a long text.
    pub chunk_bytes: usize,
}

/// One text in so many is judged by the oracle, for a piece of so many bytes.
const JUDGED_IN: u64 = 1000;
const JUDGED_BYTES: usize = 1024;
/// A sentence of which a tokenizer that knows Russian makes an id of each four to six bytes.
const RUSSIAN: &str =
    "Завтра утром они поедут в город, чтобы купить новые книги и встретить друзей.";
/// A long text is encoded in chunks of about this many bytes: a hundredth of a second of work.
const CHUNK_BYTES: usize = 1 << 20;

impl Fast {
    /// The fast path of a tokenizer.json with `model` for its model, if it is one that is known and
    /// if it encodes the probes as `oracle` does.
    pub fn new(json: &Value, model: &Value, oracle: &Pipeline) -> Result<Self, Refusal> {
        let added = oracle.get_added_vocabulary();
        let normalizer = oracle.get_normalizer();
        let recipe = recognise::recipe(json, model)?;
        let mut fast = Self {
            added: finder(&letters_of_added(added, normalizer, &recipe)?)?,
            classes: classes::classes().ok_or("the character classes could not be built")?,
            normalizer: normalizer.filter(|_| recipe.nfc).cloned(),
            states: States::new(recipe.largest),
            recipe,
            dense: false,
            differs: AtomicBool::new(false),
            chunk_bytes: CHUNK_BYTES,
        };
        let mut specials: Vec<&str> = (added.get_added_tokens_decoder().values())
            .map(|token| token.content.as_str())
            .collect();
        specials.sort_unstable();
        let specials = specials.concat();
        let texts: Vec<String> = (added.get_added_tokens_decoder().values())
            .filter(|token| !token.special)
            .map(|token| token.content.replace(metaspace::METASPACE, " "))
            .map(|content| format!("{}a{content} {content}", content.trim_start()))
            .collect();
        let probes = probes::PROBES.into_iter().chain([specials.as_str()]);
        for probe in probes.chain(texts.iter().map(String::as_str)) {
            fast.judge(probe, oracle);
        }
        let mut ids = Vec::new();
        // What was kept before goes: words have their tables by this.
        fast.dense = fast.encode(RUSSIAN, &mut ids) && 3 * ids.len() > RUSSIAN.len();
        fast.forget_words();
        if fast.differs() {
            return Err("its ids differ from those of the tokenizers crate");
        }
        Ok(fast)
    }

    /// The name of the split pattern.
    pub fn pattern(&self) -> &'static str {
        self.recipe.split.name()
    }

    /// Whether a text was found whose ids are not the oracle's: from then on the oracle encodes.
    pub fn differs(&self) -> bool {
        self.differs.load(Ordering::Relaxed)
    }

    /// Whether the bytes of a text's tokens, one behind the other, are the text.
    pub fn keeps_bytes(&self) -> bool {
        matches!(self.recipe.split, Split::Pattern(_))
    }

    /// Appends the ids of `text`, a part of one without added tokens, if their bytes are those of the
    /// text, one behind the other; does nothing and gives nothing if that is not certain.
    pub fn encode_part(
        &self,
        text: &str,
        oracle: &impl Encode,
        out: &mut Vec<u32>,
    ) -> Option<Checks> {
        let checks = self.judge_some(text, oracle);
        if self.differs() || !self.keeps_bytes() {
            return None;
        }
        let begin = out.len();
        let done = self.encode_with(text, self.form(), out);
        if !done {
            out.truncate(begin);
        }
        done.then_some(checks)
    }

    /// Appends the ids of `text`, of `oracle` where it must be.
    pub fn encode_or(&self, text: &str, oracle: &Pipeline, out: &mut Vec<u32>) -> Result<Checks> {
        let checks = self.judge_some(text, oracle);
        if self.differs() || !self.encode(text, out) {
            oracle.encode_into(text, out)?;
        }
        Ok(checks)
    }

    /// Lets the oracle judge a piece of one text in a thousand.
    fn judge_some(&self, text: &str, oracle: &impl Encode) -> Checks {
        let head = &text.as_bytes()[..text.len().min(JUDGED_BYTES)];
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(head, text.len() as u64);
        if !hash.is_multiple_of(JUDGED_IN) {
            return Checks::default();
        }
        let same = self.judge(part(text, hash / JUDGED_IN), oracle);
        Checks {
            checked: 1,
            differing: u64::from(!same),
        }
    }

    /// Appends the ids of `text`; does nothing and says no if it is not one for the fast path.
    fn encode(&self, text: &str, out: &mut Vec<u32>) -> bool {
        if self.has_added(text) {
            return false;
        }
        let begin = out.len();
        if self.encode_with(text, self.form(), out) {
            return true;
        }
        out.truncate(begin);
        let normalized = self.normalized(text).filter(|text| !self.has_added(text));
        normalized.is_some_and(|text| self.encode_with(&text, Form::Any, out))
    }

    /// Appends the ids of `text`, of a long one on all cores.
    fn encode_with(&self, text: &str, form: Form, out: &mut Vec<u32>) -> bool {
        chunks::encode(text, self.chunk_bytes, self.cut(), out, |chunk, out| {
            let Some(mut state) = self.states.take() else {
                return false;
            };
            let done = self.encode_chunk(&mut state, chunk, form, out);
            self.states.put_back(state);
            done
        })
    }

    fn encode_chunk(
        &self,
        state: &mut State,
        chunk: Chunk,
        form: Form,
        out: &mut Vec<u32>,
    ) -> bool {
        let model = Model {
            merges: &self.recipe.merges,
            whole: &self.recipe.whole,
            dense: self.dense,
        };
        match self.recipe.split {
            Split::Pattern(pattern) => {
                let split = piece::Split {
                    pattern,
                    classes: self.classes,
                    form,
                    model,
                };
                state.encode(chunk.text, &split, out)
            }
            Split::Metaspace(metaspace) => state.encode_words(chunk, metaspace, model, out),
        }
    }

    /// Where a text may be cut.
    fn cut(&self) -> chunks::Cut {
        match self.recipe.split {
            Split::Pattern(_) => chunks::Cut::AfterLetter,
            Split::Metaspace(_) => chunks::Cut::BeforeSpaces,
        }
    }

    /// What a text has to be so that the normaliser leaves it alone.
    fn form(&self) -> Form {
        if self.recipe.nfc {
            Form::Nfc
        } else {
            Form::Any
        }
    }

    /// `text` as the crate's normaliser makes it.
    fn normalized(&self, text: &str) -> Option<String> {
        let mut normalized = NormalizedString::from(text);
        self.normalizer.as_ref()?.normalize(&mut normalized).ok()?;
        Some(normalized.get().to_owned())
    }

    /// Whether `text` holds an added token that is not special.
    pub fn has_added(&self, text: &str) -> bool {
        self.added
            .as_ref()
            .is_some_and(|added| added.is_match(text))
    }

    /// Whether the oracle encodes `text` as the fast path does. If not, that is off for good.
    fn judge(&self, text: &str, oracle: &impl Encode) -> bool {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let same = !self.encode(text, &mut ours)
            || (oracle.encode_into(text, &mut theirs).is_ok() && ours == theirs);
        if !same {
            self.differs.store(true, Ordering::Relaxed);
        }
        same
    }

    /// Gives back the words that threads have kept; the next text makes room for them anew.
    /// Returns how many threads they were.
    pub fn forget_words(&self) -> usize {
        self.states.clear()
    }
}

/// What finds any of `letters`, which is nearly never there: by their first bytes, where these are few.
fn finder(letters: &[String]) -> Result<Option<AhoCorasick>, Refusal> {
    if letters.is_empty() {
        return Ok(None);
    }
    let finder = AhoCorasick::new(letters).map_err(|_| "it has too many added tokens")?;
    Ok(Some(finder))
}

/// Letters of the added tokens that are not special, as they are and as the normaliser makes them; of a
/// normaliser that makes "▁" of spaces, also without them at the beginning, where it may put one.
fn letters_of_added(
    added: &AddedVocabulary,
    normalizer: Option<&NormalizerWrapper>,
    recipe: &Recipe,
) -> Result<Vec<String>, Refusal> {
    let mut letters = Vec::new();
    let mut added: Vec<_> = added.get_added_tokens_decoder().iter().collect();
    added.sort_unstable_by_key(|(id, _)| **id);
    for (_, token) in added {
        if token.special {
            continue;
        }
        let mut normalized = NormalizedString::from(token.content.as_str());
        if let Some(normalizer) = normalizer {
            normalizer
                .normalize(&mut normalized)
                .map_err(|_| "an added token cannot be normalised")?;
        }
        let both = [token.content.clone(), normalized.get().to_owned()];
        if normalizer.is_some() && matches!(recipe.split, Split::Metaspace(_)) && token.normalized {
            let spaced = both
                .iter()
                .map(|content| content.replace(metaspace::METASPACE, " "));
            letters.extend(spaced.map(|content| content.trim_start_matches(' ').to_owned()));
        }
        letters.extend(both);
    }
    letters.sort_unstable();
    letters.dedup();
    if letters.iter().any(String::is_empty) {
        return Err("an added token has no letters");
    }
    Ok(letters)
}

/// At most [`JUDGED_BYTES`] of `text`, from a place that `choice` decides.
fn part(text: &str, choice: u64) -> &str {
    let places = text.len().saturating_sub(JUDGED_BYTES) as u64 + 1;
    let begin = text.floor_char_boundary((choice % places) as usize);
    let end = text.ceil_char_boundary(text.len().min(begin + JUDGED_BYTES));
    &text[begin..end]
}
