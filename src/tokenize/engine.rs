//! The pipelines of the `tokenizers` crate over one shared model, so that ids are the crate's own.
//!
//! The crate decides for a whole tokenizer whether the letters of a special token (`</s>`) mean the
//! token. Text must never mean it and a chat template always does, so two pipelines stand here; they
//! share the model, which is nearly all of the memory (a 151,000-token vocabulary is about 60 MB).

use super::chunks::{self, Cut};
use super::fast::{Checks, Encode, EncodePath, Fast};
use super::{scores, shield};
use anyhow::{Context, Result};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokenizers::models::TrainerWrapper;
use tokenizers::{
    AddedToken, AddedVocabulary, DecoderWrapper, Model, ModelWrapper, NormalizerWrapper,
    OffsetType, PostProcessorWrapper, PreTokenizer, PreTokenizerWrapper, TokenizerImpl,
};

/// The crate's pipeline over a shared model.
pub(super) type Pipeline = TokenizerImpl<
    SharedModel,
    NormalizerWrapper,
    PreTokenizerWrapper,
    PostProcessorWrapper,
    DecoderWrapper,
>;

/// A vocabulary model that several pipelines use.
#[derive(Clone)]
pub(super) struct SharedModel(Arc<ModelWrapper>);

impl Model for SharedModel {
    type Trainer = TrainerWrapper;

    fn tokenize(&self, sequence: &str) -> tokenizers::Result<Vec<tokenizers::Token>> {
        self.0.tokenize(sequence)
    }
    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.0.token_to_id(token)
    }
    fn id_to_token(&self, id: u32) -> Option<String> {
        self.0.id_to_token(id)
    }
    fn get_vocab(&self) -> HashMap<String, u32> {
        self.0.get_vocab()
    }
    fn get_vocab_size(&self) -> usize {
        self.0.get_vocab_size()
    }
    fn save(&self, folder: &Path, prefix: Option<&str>) -> tokenizers::Result<Vec<PathBuf>> {
        self.0.save(folder, prefix)
    }
    fn get_trainer(&self) -> TrainerWrapper {
        self.0.get_trainer()
    }
}

/// A token and the byte at which it begins in the text that was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub id: u32,
    pub begin: usize,
}

/// Both pipelines of one tokenizer.json.
pub(super) struct Engine {
    /// The letters of special tokens are text.
    text: Pipeline,
    /// The letters of special tokens are the tokens.
    template: Pipeline,
    /// Encodes texts, if it knows the tokenizer; if not, why.
    fast: Result<Fast, &'static str>,
    /// Where a long text may be cut for the crate.
    cut: Option<Cut>,
    /// Bytes of the chunks that it is cut into.
    chunk_bytes: usize,
    /// Highest id + 1.
    vocab_size: u32,
}

/// The crate encodes 3 MB a second and takes a hundred bytes a token.
const CHUNK_BYTES: usize = 1 << 18;

impl Encode for Pipeline {
    fn encode_into(&self, text: &str, out: &mut Vec<u32>) -> Result<()> {
        let encoding = self
            .encode_fast(text, false)
            .map_err(anyhow::Error::from_boxed)?;
        out.extend_from_slice(encoding.get_ids());
        Ok(())
    }
}

impl Engine {
    /// Builds the pipelines from a parsed tokenizer.json.
    ///
    /// `named` are tokens that are special whatever tokenizer.json says of them.
    pub fn new(json: &Value, named: &[&str]) -> Result<Self> {
        let mut json = Cow::Borrowed(json);
        if json.pointer("/model/vocab").is_some_and(Value::is_array) {
            scores::as_the_library_reads(&mut json.to_mut()["model"]);
        }
        let json = &*json;
        let model: ModelWrapper = serde_json::from_value(
            json.get("model").cloned().unwrap_or(Value::Null),
        )
        .context("\"model\" is not a model that prep knows (BPE, Unigram, WordPiece, WordLevel)")?;
        let mut added: Vec<AddedToken> = part(json, "added_tokens")?.unwrap_or_default();
        let plain = SharedModel(Arc::new(model));
        let mut pipeline = Pipeline::new(plain.clone());
        pipeline
            .with_normalizer(part::<NormalizerWrapper>(json, "normalizer")?)
            .map_err(anyhow::Error::from_boxed)?;
        pipeline.with_pre_tokenizer(part::<PreTokenizerWrapper>(json, "pre_tokenizer")?);
        pipeline.with_post_processor(part::<PostProcessorWrapper>(json, "post_processor")?);
        pipeline.with_decoder(part::<DecoderWrapper>(json, "decoder")?);
        for content in named {
            match added.iter_mut().find(|token| token.content == *content) {
                Some(token) => token.special = true,
                None if plain.token_to_id(content).is_some() => {
                    added.push(AddedToken::from(*content, true));
                }
                None => {}
            }
        }
        pipeline
            .add_tokens(added)
            .map_err(anyhow::Error::from_boxed)?;
        let highest = pipeline.get_vocab(true).into_values().max();
        let vocab_size = highest
            .context("the vocabulary is empty")?
            .saturating_add(1);

        // The shielded model takes the place of the plain one only now: added tokens find their
        // ids by their letters, which the shield hides.
        let shielded = shield::shielded_model(json, pipeline.get_added_vocabulary());
        if let Some(model) = &shielded {
            let model = serde_json::from_value(model.clone())?;
            pipeline.with_model(SharedModel(Arc::new(model)));
        }
        let mut text = pipeline.clone();
        text.set_encode_special_tokens(true);
        let model = shielded.as_ref().or(json.get("model"));
        let fast = Fast::new(json, model.unwrap_or(&Value::Null), &text);
        let tokens = text.get_added_vocabulary().get_added_tokens_decoder();
        let plain = tokens.values().all(|token| token.special);
        Ok(Self {
            text,
            template: pipeline,
            fast,
            cut: Cut::of_crate(json).filter(|_| plain),
            chunk_bytes: CHUNK_BYTES,
            vocab_size,
        })
    }

    /// Highest id + 1.
    pub fn vocab_size(&self) -> u32 {
        self.vocab_size
    }

    /// See [`super::Tokenizer::forget_words`].
    pub fn forget_words(&self) -> usize {
        self.fast.as_ref().map_or(0, Fast::forget_words)
    }

    /// The pipeline in which the letters of special tokens are text: what the fast path must equal.
    #[cfg(test)]
    pub fn text(&self) -> &Pipeline {
        &self.text
    }

    /// As [`Self::text`], to make it another.
    #[cfg(test)]
    pub fn text_mut(&mut self) -> &mut Pipeline {
        &mut self.text
    }

    /// The pipeline in which special tokens are written by their letters.
    pub fn template(&self) -> &Pipeline {
        &self.template
    }

    /// Ids of `text`, in which the letters of special tokens are text.
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encode_text_into(text, &mut ids)?;
        Ok(ids)
    }

    /// As [`Self::encode_text`], appended to `out`.
    pub fn encode_text_into(&self, text: &str, out: &mut Vec<u32>) -> Result<Checks> {
        if let Ok(fast) = &self.fast {
            return fast.encode_or(text, &self.text, out);
        }
        let begin = out.len();
        let done = self.cut.is_some_and(|cut| {
            chunks::encode(text, self.chunk_bytes, cut, out, |chunk, out| {
                self.text.encode_into(chunk.text, out).is_ok()
            })
        });
        if !done {
            out.truncate(begin);
            self.text.encode_into(text, out)?;
        }
        Ok(Checks::default())
    }

    /// Cuts texts into smaller chunks.
    #[cfg(test)]
    pub fn set_chunk_bytes(&mut self, bytes: usize) {
        self.chunk_bytes = bytes;
        if let Ok(fast) = &mut self.fast {
            fast.chunk_bytes = bytes;
        }
    }

    /// The fast path, where it is known that the bytes of a text's tokens are the text.
    fn fast_in_bytes(&self) -> Option<&Fast> {
        let fast = self.fast.as_ref().ok();
        fast.filter(|fast| fast.keeps_bytes() && !fast.differs())
    }

    /// Whether [`Self::encode_part`] may succeed.
    pub fn encodes_parts(&self) -> bool {
        self.fast_in_bytes().is_some()
    }

    /// Whether `text` holds an added token that is not special.
    pub fn has_added(&self, text: &str) -> bool {
        self.fast_in_bytes().is_none_or(|fast| fast.has_added(text))
    }

    /// Appends the ids of a part of a chat without added tokens, by the fast path alone; does nothing
    /// and gives nothing where the crate has to do it.
    pub fn encode_part(&self, text: &str, out: &mut Vec<u32>) -> Option<Checks> {
        self.fast_in_bytes()?.encode_part(text, &self.text, out)
    }

    /// How texts are encoded.
    pub fn path(&self) -> EncodePath {
        match &self.fast {
            Ok(fast) if fast.differs() => EncodePath::Differs,
            Ok(fast) => EncodePath::Fast(fast.pattern()),
            Err(reason) => EncodePath::Crate(reason),
        }
    }

    /// The id of a token, added or not.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.template.token_to_id(token)
    }

    /// The string of a token as the decoder sees it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.template.id_to_token(id)
    }

    /// Whether `token` is one that the crate splits texts at.
    pub fn is_added(&self, token: &str) -> bool {
        self.added().get_vocab().contains_key(token)
    }

    /// Whether `id` is a special token.
    pub fn is_special(&self, id: u32) -> bool {
        self.added()
            .get_added_tokens_decoder()
            .get(&id)
            .is_some_and(|token| token.special)
    }

    /// Special tokens by id.
    pub fn specials(&self) -> Vec<(u32, AddedToken)> {
        let mut specials: Vec<_> = (self.added().get_added_tokens_decoder().iter())
            .filter(|(_, token)| token.special)
            .map(|(id, token)| (*id, token.clone()))
            .collect();
        specials.sort_by_key(|(id, _)| *id);
        specials
    }

    /// The added vocabulary of the template pipeline.
    pub fn added(&self) -> &AddedVocabulary {
        self.template.get_added_vocabulary()
    }

    /// Text of `ids`; what no token stands for is left out, half a character becomes U+FFFD.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        self.template.decode(ids, skip_special).unwrap_or_default()
    }

    /// The token that the file's post-processor puts before every text, if it does.
    pub fn bos_of_post_processor(&self) -> Option<u32> {
        self.before_texts().first().copied()
    }

    /// The tokens that the file's post-processor puts before every text.
    pub fn before_texts(&self) -> Vec<u32> {
        let ids = |special| {
            let encoding = self.template.encode_fast("a", special).ok()?;
            Some(encoding.get_ids().to_vec())
        };
        let (Some(bare), Some(mut dressed)) = (ids(false), ids(true)) else {
            return Vec::new();
        };
        let bare_at = dressed
            .windows(bare.len().max(1))
            .position(|part| part == bare);
        dressed.truncate(bare_at.unwrap_or(0));
        dressed
    }
}

/// Tokens of `text` with their places, through `pipeline` but without its post-processor, which
/// would move the offsets of tokens that begin with a space.
pub(super) fn encode_placed(pipeline: &Pipeline, text: &str) -> Result<Vec<Placed>> {
    let encoding = (|| {
        let added = pipeline.get_added_vocabulary();
        let mut pieces = added.extract_and_normalize(pipeline.get_normalizer(), text);
        if let Some(pre_tokenizer) = pipeline.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        pipeline
            .get_model()
            .tokenize_in_pretokenized(&mut pieces, None)?;
        pieces.into_encoding(None, 0, OffsetType::Byte)
    })()
    .map_err(anyhow::Error::from_boxed)?;
    let places = encoding.get_offsets().iter();
    Ok(encoding
        .get_ids()
        .iter()
        .zip(places)
        .map(|(&id, &(begin, _))| Placed { id, begin })
        .collect())
}

/// One optional part of a tokenizer.json.
fn part<T: serde::de::DeserializeOwned>(json: &Value, name: &str) -> Result<Option<T>> {
    match json.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .with_context(|| format!("\"{name}\" is not understood")),
    }
}
