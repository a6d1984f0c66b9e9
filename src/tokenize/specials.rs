//! Which tokens begin, end and pad a text: from `tokenizer_config.json`, else from well-known names.

use super::config::{Named, TokenizerConfig};
use super::engine::Engine;
use anyhow::{Result, bail};

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

/// Decides the special tokens of `engine`; `eos` overrides the configuration's.
pub(super) fn resolve(
    engine: &Engine,
    config: &TokenizerConfig,
    policy: Policy,
    eos: Option<&str>,
) -> Result<Specials> {
    let from_post_processor = engine.bos_of_post_processor();
    let bos = match (&config.bos, from_post_processor) {
        (Named::Unsaid | Named::Null, Some(bos)) => Some(bos),
        (bos, _) => named(engine, "bos_token", bos, &BOS_NAMES)?,
    };
    let eos = match eos {
        Some(token) => find(engine, "--eos", token)?,
        None => match named(engine, "eos_token", &config.eos, &EOS_NAMES)? {
            Some(eos) => eos,
            None => bail!(
                "this tokenizer names no end-of-text token and has none of the usual ones ({}); \
                 say which token ends a text with --eos TOKEN, or \"eos_token\" in tokenizer_config.json",
                EOS_NAMES.join(", ")
            ),
        },
    };
    let pad = named(engine, "pad_token", &config.pad, &PAD_NAMES)?;
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
            .unwrap_or(from_post_processor.is_some()),
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

/// The token that a configuration names, or the first well-known name when it says nothing.
fn named(engine: &Engine, field: &str, named: &Named, usual: &[&str]) -> Result<Option<u32>> {
    match named {
        Named::Token(token) => find(engine, field, token).map(Some),
        Named::Null => Ok(None),
        Named::Unsaid => Ok(usual.iter().find_map(|name| engine.id(name))),
    }
}

fn find(engine: &Engine, field: &str, token: &str) -> Result<u32> {
    match engine.id(token) {
        Some(id) => Ok(id),
        None => bail!("{field} names {token:?}, which is not in the tokenizer's vocabulary"),
    }
}

/// Well-known names that `resolve` may choose, which therefore have to be special.
pub(super) fn usual_names() -> Vec<&'static str> {
    [&BOS_NAMES[..], &EOS_NAMES[..], &PAD_NAMES[..]].concat()
}
