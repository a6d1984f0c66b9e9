//! Tokenizers: loading and training them, text and chats to ids, ids back to text.
//!
//! Everything follows one tokenizer.json (Hugging Face's format) and, where it is there, the
//! `tokenizer_config.json` beside it. Ids are those of the `tokenizers` crate, with one exception that
//! a corpus needs: the letters of a special token inside a text or a message (`<|endoftext|>` in an
//! article about tokenizers) are text and never the token.

mod chat;
mod chunks;
mod config;
mod engine;
mod fast;
mod fingerprint;
pub mod inspect;
mod load;
mod scores;
mod shield;
mod specials;
mod token_bytes;
mod train;

#[cfg(test)]
mod chunk_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod letters_tests;
#[cfg(test)]
mod real_data_tests;
#[cfg(test)]
mod tests;

pub use chat::builtin::{BUILT_IN, BuiltIn};
pub use chat::pieces::{Piece, Pieces};
use fast::GPT2_PATTERN;
pub(crate) use fast::compare;
pub use fast::{Checks, EncodePath, UNICODE_VERSION};
pub use specials::Policy;
pub use token_bytes::{Spelt, TokenKind};
pub use train::{Digits, ModelKind, Spaces, Training};

use crate::atomic;
use crate::document::Message;
use anyhow::{Context, Result, ensure};
use chat::Template;
use chat::guard::Guard;
use config::{Named, Saved, TokenizerConfig};
use engine::Engine;
use specials::Specials;
use std::path::Path;

/// The largest vocabulary whose ids fit 16 bits.
pub const MAX_VOCABULARY_U16: u32 = 1 << 16;

/// Ids of one document and which of them the loss counts; both have the same length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Whether the loss counts the token as a target.
    pub loss_mask: Vec<bool>,
    /// What the self-check looked at while it was encoded.
    pub checks: Checks,
}

/// What the letters of a special token inside a text or a message are (`--allow-special`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Letters {
    /// Text like any other.
    #[default]
    Text,
    /// The token.
    Tokens,
}

/// A loaded or trained tokenizer; cheap to share by reference between threads.
pub struct Tokenizer {
    /// tokenizer.json as it was read, decompressed.
    json: Vec<u8>,
    config: TokenizerConfig,
    engine: Engine,
    specials: Specials,
    template: Template,
    guard: Guard,
    letters: Letters,
    /// xxh3-128 of the content of tokenizer.json, without the special-token policy.
    content_hash: u128,
    fingerprint: String,
}

impl Tokenizer {
    /// Loads the tokenizer of a model folder: tokenizer.json and, if there, `tokenizer_config.json`.
    ///
    /// # Errors
    /// Says which file is missing or wrong, and how.
    pub fn from_dir(dir: &Path) -> Result<Self> {
        load::from_dir(dir)
    }

    /// Loads a tokenizer.json, plain or compressed (`.zst`, `.gz`), with the configuration beside it.
    ///
    /// # Errors
    /// As [`Tokenizer::from_dir`].
    pub fn from_file(path: &Path) -> Result<Self> {
        load::from_file(path)
    }

    /// Loads the tokenizer of a folder or a file, whichever `path` is.
    ///
    /// # Errors
    /// As [`Tokenizer::from_dir`].
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            Self::from_dir(path)
        } else {
            Self::from_file(path)
        }
    }

    /// Trains a byte-level BPE on `texts`, the same for any number of threads.
    ///
    /// The vocabulary is smaller than `vocab_size` when the texts have too few repeated pairs;
    /// [`Tokenizer::vocab_size`] then says so.
    ///
    /// # Errors
    /// When `vocab_size` has no room for the 256 bytes and the special tokens.
    pub fn train(texts: impl Iterator<Item = String> + Send, vocab_size: u32) -> Result<Self> {
        let texts = texts.map(|text| (text, 1));
        Self::train_with(texts, &Training::byte_level(vocab_size))
    }

    /// Trains as `options` say on `texts`, each with the number of times that it counts; the same for
    /// any number of threads.
    ///
    /// # Errors
    /// When the vocabulary has no room for what it must hold, or a special token is no name.
    pub fn train_with(
        texts: impl Iterator<Item = (String, u64)> + Send,
        options: &Training,
    ) -> Result<Self> {
        let mut config = TokenizerConfig::default();
        if options.kind != ModelKind::ByteLevel {
            config.unk = Named::Token(train::UNKNOWN.to_owned());
        }
        Self::new(train::train(texts, options)?, config)
    }

    fn new(json: Vec<u8>, config: TokenizerConfig) -> Result<Self> {
        let parsed = serde_json::from_slice(&json).context("it is not JSON")?;
        let engine = specials::engine(&parsed, &config)?;
        let specials = specials::resolve(&engine, &config, &parsed, Policy::Auto)?;
        let template = match &config.chat_template {
            Some(source) => Template::jinja(source)?,
            None => Template::built_in(chat::builtin::choose(|token| engine.is_added(token)))?,
        };
        let content_hash = fingerprint::content_hash(&parsed);
        let letters = config.letters;
        let fingerprint = fingerprint::fingerprint(content_hash, &engine, &specials, letters);
        let guard = Guard::new(&engine);
        Ok(Self {
            json,
            config,
            engine,
            specials,
            template,
            guard,
            letters,
            content_hash,
            fingerprint,
        })
    }

    /// Decides BOS and EOS anew (`--bos`, `--eos`); the fingerprint follows.
    ///
    /// # Errors
    /// When a token is asked for that the vocabulary lacks.
    pub fn set_specials(&mut self, bos: Policy, eos: Option<&str>) -> Result<()> {
        let mut config = self.config.clone();
        let parsed = serde_json::from_slice(&self.json)?;
        if let Some(eos) = eos {
            ensure!(
                self.engine.id(eos).is_some(),
                "--eos names {eos:?}, which is not in the tokenizer's vocabulary"
            );
            config.eos = Named::Token(eos.to_owned());
        }
        specials::check_beginning(&self.engine, &config, bos)?;
        // The special tokens are then those of the configuration that `save` writes.
        if config.eos == self.config.eos {
            self.specials = specials::resolve(&self.engine, &config, &parsed, bos)?;
        } else {
            let engine = specials::engine(&parsed, &config)?;
            self.specials = specials::resolve(&engine, &config, &parsed, bos)?;
            self.guard = Guard::new(&engine);
            self.engine = engine;
        }
        self.sign();
        Ok(())
    }

    /// Decides what the letters of special tokens inside texts are; the fingerprint follows.
    pub fn set_letters(&mut self, letters: Letters) {
        self.letters = letters;
        self.sign();
    }

    /// What the letters of special tokens inside texts are.
    #[must_use]
    pub fn letters(&self) -> Letters {
        self.letters
    }

    fn sign(&mut self) {
        self.fingerprint = fingerprint::fingerprint(
            self.content_hash,
            &self.engine,
            &self.specials,
            self.letters,
        );
    }

    /// Uses a built-in chat template by name, or the Jinja file of that path.
    ///
    /// # Errors
    /// When the name is neither, when the vocabulary lacks the template's tokens, or when the file
    /// is not a template.
    pub fn with_chat_template(mut self, name_or_file: &str) -> Result<Self> {
        self.template = chat::named_template(name_or_file, |token| self.engine.is_added(token))?;
        Ok(self)
    }

    /// Takes BOS out of what the chat template writes, also where it is rendered by others.
    ///
    /// # Errors
    /// When the template is not Jinja.
    pub fn without_bos_in_chats(mut self) -> Result<Self> {
        self.template = self.template.without_bos(self.specials.adds_bos)?;
        Ok(self)
    }

    /// The special token that the chat template begins every chat with, if it does.
    #[must_use]
    pub fn bos_of_chats(&self) -> Option<u32> {
        let probe = [Message::new("user", "a"), Message::new("assistant", "b")];
        let ids = self.encode_chat(&probe).ok()?.ids;
        ids.first()
            .copied()
            .filter(|id| Some(*id) == self.specials.bos)
    }

    /// Tokens without which the built-in chat template of that name makes no sense.
    #[must_use]
    pub fn tokens_of_template(name: &str) -> Vec<String> {
        let needs = chat::builtin::find(name).map_or(&[][..], |row| row.needs);
        needs.iter().map(ToString::to_string).collect()
    }

    /// Writes tokenizer.json, byte for byte as it was loaded, and `tokenizer_config.json` into `dir`.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let name = |id: u32| self.token(id);
        let template = self.template.source(self.specials.adds_bos);
        let saved = Saved {
            bos: self.specials.bos.map(name),
            eos: name(self.specials.eos),
            pad: self.specials.pad.map(name),
            unk: self.config.unk.token(),
            adds_bos: self.specials.adds_bos,
            chat_template: &template,
            letters: self.letters,
        };
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        atomic::write(&dir.join(load::TOKENIZER), &self.json)?;
        atomic::write_json(&dir.join(load::CONFIG), &saved.to_json())
    }

    /// Highest id + 1: vocabularies may have holes, and a model needs a row for every id.
    #[must_use]
    pub fn vocab_size(&self) -> u32 {
        self.engine.vocab_size()
    }

    /// Gives back the memory of the words seen so far, 69 MB a thread that encoded: for who does not
    /// encode again soon. Ids stay the same; the next text only takes a little longer.
    /// Returns how many threads' words they were.
    pub fn forget_words(&self) -> usize {
        self.engine.forget_words()
    }

    /// xxh3-128, in hex, of the content of tokenizer.json (not its formatting) and of the decision
    /// about BOS and EOS: equal fingerprints give equal ids for every text.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// xxh3-128, in hex, of the chat template in use.
    #[must_use]
    pub fn chat_template_hash(&self) -> String {
        fingerprint::hex_of(self.template.source(self.specials.adds_bos).as_bytes())
    }

    /// The token that begins a text, if the tokenizer has one (it is used only if [`Self::adds_bos`]).
    #[must_use]
    pub fn bos_id(&self) -> Option<u32> {
        self.specials.bos
    }

    /// The token that ends a text.
    #[must_use]
    pub fn eos_id(&self) -> u32 {
        self.specials.eos
    }

    /// The token for padding, if there is one.
    #[must_use]
    pub fn pad_id(&self) -> Option<u32> {
        self.specials.pad
    }

    /// Whether texts and chats begin with BOS.
    #[must_use]
    pub fn adds_bos(&self) -> bool {
        self.specials.adds_bos
    }

    /// tokenizer.json as it was read, decompressed.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The id of a token by its letters.
    #[must_use]
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.engine.id(token)
    }

    /// The letters of a token, empty of an id that has none.
    #[must_use]
    pub fn token(&self, id: u32) -> String {
        self.engine.token(id).unwrap_or_default()
    }

    /// Ids of the content only, without BOS and EOS.
    ///
    /// # Errors
    /// When the vocabulary cannot express the text (no unknown token and no bytes).
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encode_text_into(text, &mut ids)?;
        Ok(ids)
    }

    /// As [`Self::encode_text`], appended to `ids`.
    ///
    /// # Errors
    /// As [`Self::encode_text`].
    pub fn encode_text_into(&self, text: &str, ids: &mut Vec<u32>) -> Result<Checks> {
        match self.letters {
            Letters::Text => self.engine.encode_text_into(text, ids),
            Letters::Tokens => self.guard.encode_text(&self.engine, text, ids),
        }
    }

    /// How texts are encoded: by the fast path or by the `tokenizers` crate.
    #[must_use]
    pub fn encode_path(&self) -> EncodePath {
        self.engine.path()
    }

    /// BOS (if the policy says so), the text, EOS. The loss counts all but BOS.
    ///
    /// # Errors
    /// As [`Self::encode_text`].
    pub fn encode_document(&self, text: &str) -> Result<Encoded> {
        let bos = self.specials.bos.filter(|_| self.specials.adds_bos);
        let mut ids: Vec<u32> = bos.into_iter().collect();
        let checks = self.encode_text_into(text, &mut ids)?;
        ids.push(self.specials.eos);
        let mut loss_mask = vec![true; ids.len()];
        if bos.is_some() {
            loss_mask[0] = false;
        }
        Ok(Encoded {
            ids,
            loss_mask,
            checks,
        })
    }

    /// A whole chat through the chat template. The loss counts exactly the tokens that begin in
    /// what the assistant says, the token that ends its turn included.
    ///
    /// # Errors
    /// Unknown roles, what the template refuses, and templates whose assistant turns cannot be found.
    pub fn encode_chat(&self, messages: &[Message]) -> Result<Encoded> {
        chat::encode(self, messages)
    }

    /// As [`Self::encode_chat`], cut between turns into pieces of at most `most` tokens, each with the
    /// chat's system prompt.
    ///
    /// # Errors
    /// As [`Self::encode_chat`].
    pub fn encode_chat_within(&self, messages: &[Message], most: Option<u64>) -> Result<Pieces> {
        chat::pieces::encode_within(self, messages, most)
    }

    /// Ids of a chat as a prompt: with `add_generation_prompt` it ends where the assistant answers.
    ///
    /// # Errors
    /// As [`Self::encode_chat`].
    pub fn render_chat(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<Vec<u32>> {
        chat::prompt(self, messages, add_generation_prompt)
    }

    /// What the chat template makes of `messages`, as text.
    ///
    /// # Errors
    /// As [`Self::encode_chat`].
    pub fn chat_text(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String> {
        chat::text(self, messages, add_generation_prompt)
    }

    /// Text of `ids`. Half a character becomes U+FFFD; ids that stand for nothing are left out.
    #[must_use]
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        self.engine.decode(ids, skip_special)
    }

    /// Whether `id` is a special token.
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        self.engine.is_special(id)
    }

    /// Whether a text with much that is folded or unknown is decoded as it was.
    #[must_use]
    pub fn gives_back(&self) -> bool {
        const PROBE: &str = "Ёжик  в тумане:\n\n\tÉtude №5 — «naïve» ∑ 漢字 😀, don't\r\nend.";
        let ids = self.encode_text(PROBE);
        ids.is_ok_and(|ids| self.decode(&ids, false) == PROBE)
    }

    /// UTF-8 bytes that each id stands for, special tokens 0: what bits per byte divides by.
    #[must_use]
    pub fn token_bytes(&self) -> Vec<u32> {
        token_bytes::token_bytes(&self.engine)
    }

    /// What each id stands for, in the order of ids.
    #[must_use]
    pub fn spelt(&self) -> Vec<Spelt> {
        token_bytes::spelt(&self.engine)
    }

    /// Ids at which generation stops: EOS and what the chat template ends an assistant's turn with.
    #[must_use]
    pub fn stop_ids(&self) -> Vec<u32> {
        chat::stop_ids(self)
    }
}
