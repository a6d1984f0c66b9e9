//! Which tokens begin, end and pad a text: from `tokenizer_config.json`, else from well-known names of
//! special tokens, else (of files that list none of these) from such names in the vocabulary.

use super::config::{Named, TokenizerConfig};
use super::engine::Engine;
use super::shield::used_by_merges;
use anyhow::{Result, bail};
use serde_json::Value;

/// Whether a text begins with BOS (`--bos`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// As the tokenizer's own files say.
    #[default]
    Auto,
    /// Every text and chat begins with BOS.
    Always,
    /// None does.
    Never,
}

/// The decision about special tokens, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Specials {
    pub bos: Option<u32>,
    pub eos: u32,
    pub pad: Option<u32>,
    pub adds_bos: bool,
}

/// Names of BOS that are taken for it when no configuration names one, first found first.
const BOS_NAMES: [&str; 6] = [
    "<|bos|>",
    "<s>",
    "<|begin_of_text|>",
    "<bos>",
    "<|startoftext|>",
    "[CLS]",
];
/// Names of EOS, likewise. `<|end_of_text|>` stands before `<|endoftext|>` for files that have both.
const EOS_NAMES: [&str; 8] = [
    "<|eos|>",
    "</s>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<eos>",
    "<|im_end|>",
    "<|eot_id|>",
    "[SEP]",
];
/// Names of padding, likewise.
const PAD_NAMES: [&str; 5] = [
    "<|pad|>",
    "<pad>",
    "[PAD]",
    "<|finetune_right_pad_id|>",
    "<|padding|>",
];

/// The engine of a tokenizer.json and its special tokens; `config` is that of the file, with the
/// user's choice of EOS put into it.
///
/// A tokenizer's own special tokens are special, and those that `config` names. The usual names of a
/// vocabulary with neither become special only where they are chosen.
pub(super) fn engine(json: &Value, config: &TokenizerConfig) -> Result<Engine> {
    let mut special = config.tokens();
    let engine = Engine::new(json, &special)?;
    let chosen = choose(&engine, config, json)?;
    let letters: Vec<String> = ([chosen.bos, chosen.eos, chosen.pad].into_iter().flatten())
        .filter(|id| !engine.is_special(*id))
        .filter_map(|id| engine.token(id))
        .collect();
    if letters.is_empty() {
        return Ok(engine);
    }
    special.extend(letters.iter().map(String::as_str));
    Engine::new(json, &special)
}

/// Decides the special tokens of `engine`, which [`engine`] made of `json` and `config`.
pub(super) fn resolve(
    engine: &Engine,
    config: &TokenizerConfig,
    json: &Value,
    policy: Policy,
) -> Result<Specials> {
    let Chosen { bos, eos, pad } = choose(engine, config, json)?;
    let Some(eos) = eos else {
        bail!(
            "this tokenizer names no end-of-text token and has none of the usual ones ({}); \
             say which token ends a text with --eos TOKEN, or \"eos_token\" in tokenizer_config.json",
            EOS_NAMES.join(", ")
        )
    };
    for id in bos.into_iter().chain([eos]) {
        let letters = engine.token(id).unwrap_or_default();
        if engine
            .encode_text(&letters)
            .is_ok_and(|ids| ids.contains(&id))
        {
            bail!(
                "{letters:?} cannot begin or end a text: it is an ordinary token, which texts contain; \
                 name a special token instead"
            );
        }
    }
    let adds_bos = match policy {
        Policy::Auto => config
            .add_bos_token
            .unwrap_or(engine.bos_of_post_processor().is_some()),
        Policy::Always => true,
        Policy::Never => false,
    };
    if adds_bos && bos.is_none() {
        bail!(
            "a text shall begin with BOS, but this tokenizer has no such token; \
             use --bos never, or name one as \"bos_token\" in tokenizer_config.json"
        );
    }
    Ok(Specials {
        bos,
        eos,
        pad,
        adds_bos,
    })
}

/// Refuses a file that puts several tokens before a text, where it is to decide: prep writes one.
pub(super) fn check_beginning(
    engine: &Engine,
    config: &TokenizerConfig,
    policy: Policy,
) -> Result<()> {
    let several = engine.before_texts();
    if policy != Policy::Auto || config.add_bos_token.is_some() || several.len() < 2 {
        return Ok(());
    }
    let letters: Vec<String> = several.iter().filter_map(|id| engine.token(*id)).collect();
    bail!(
        "this tokenizer puts {} tokens before a text ({}), and prep writes one; say --bos never, or \
         --bos always for the first alone",
        several.len(),
        letters.join(" ")
    )
}

/// Tokens that begin, end and pad a text, as far as there are any.
struct Chosen {
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
}

fn choose(engine: &Engine, config: &TokenizerConfig, json: &Value) -> Result<Chosen> {
    let special = |name: &&str| {
        let id = engine.id(name);
        id.filter(|id| engine.is_special(*id))
    };
    let has_usual = [&BOS_NAMES[..], &EOS_NAMES, &PAD_NAMES]
        .concat()
        .iter()
        .any(|name| special(name).is_some());
    // In a vocabulary of a web corpus `</s>` may well be an ordinary token, for a tag of HTML.
    let ordinary = |name: &&str| {
        let id = engine.id(name);
        id.filter(|_| !used_by_merges(&json["model"], name))
    };
    let named = |field, named: &Named, usual: &[&str], falls_back: bool| match named {
        Named::Token(token) => find(engine, field, token).map(Some),
        Named::Null => Ok(None),
        Named::Unsaid => Ok((usual.iter().find_map(special)).or_else(|| {
            let names = usual.iter().filter(|_| falls_back);
            names.into_iter().find_map(ordinary)
        })),
    };
    let bos = match (&config.bos, engine.bos_of_post_processor()) {
        (Named::Unsaid | Named::Null, Some(bos)) => Some(bos),
        (bos, _) => named("bos_token", bos, &BOS_NAMES, !has_usual)?,
    };
    Ok(Chosen {
        bos,
        // A text needs an end, but neither a beginning nor padding.
        eos: named("eos_token", &config.eos, &EOS_NAMES, true)?,
        pad: named("pad_token", &config.pad, &PAD_NAMES, !has_usual)?,
    })
}

fn find(engine: &Engine, field: &str, token: &str) -> Result<u32> {
    match engine.id(token) {
        Some(id) => Ok(id),
        None => bail!("{field} names {token:?}, which is not in the tokenizer's vocabulary"),
    }
}
