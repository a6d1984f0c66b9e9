//! `tokenizer_config.json`: what prep reads of it and what it writes.

use super::Letters;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The field that says that letters of special tokens are the tokens.
const ALLOW_SPECIAL: &str = "prep_allow_special";

/// A token that a configuration may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Named {
    /// The field is absent: other sources decide.
    #[default]
    Unsaid,
    /// The field is null: there is no such token.
    Null,
    /// The token's letters.
    Token(String),
}

impl Named {
    fn read(config: &Value, field: &str) -> Self {
        match config.get(field) {
            None => Self::Unsaid,
            Some(Value::String(token)) => Self::Token(token.clone()),
            Some(Value::Object(token)) => match token.get("content").and_then(Value::as_str) {
                Some(content) => Self::Token(content.to_owned()),
                None => Self::Null,
            },
            Some(_) => Self::Null,
        }
    }

    /// The token's letters, if one is named.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Token(token) => Some(token),
            Self::Unsaid | Self::Null => None,
        }
    }
}

/// The part of `tokenizer_config.json` that decides about ids.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenizerConfig {
    pub bos: Named,
    pub eos: Named,
    pub pad: Named,
    pub unk: Named,
    pub add_bos_token: Option<bool>,
    /// Whether texts were encoded with `--allow-special`: prep's own field.
    pub letters: Letters,
    pub chat_template: Option<String>,
}

impl TokenizerConfig {
    /// Reads the text of a `tokenizer_config.json`.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let config: Value = serde_json::from_slice(text).context("it is not JSON")?;
        Ok(Self {
            bos: Named::read(&config, "bos_token"),
            eos: Named::read(&config, "eos_token"),
            pad: Named::read(&config, "pad_token"),
            unk: Named::read(&config, "unk_token"),
            add_bos_token: config.get("add_bos_token").and_then(Value::as_bool),
            letters: match config.get(ALLOW_SPECIAL) {
                Some(Value::Bool(true)) => Letters::Tokens,
                _ => Letters::Text,
            },
            chat_template: config.get("chat_template").and_then(default_template),
        })
    }

    /// Tokens that the configuration makes special.
    pub fn tokens(&self) -> Vec<&str> {
        [&self.bos, &self.eos, &self.pad]
            .into_iter()
            .filter_map(Named::token)
            .collect()
    }
}

/// The one template, or of a list of named ones the one called `default`, else the first.
fn default_template(value: &Value) -> Option<String> {
    if let Some(list) = value.as_array() {
        let is_default =
            |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some("default");
        let entry = list.iter().find(is_default).or_else(|| list.first())?;
        return entry
            .get("template")
            .and_then(Value::as_str)
            .map(str::to_owned);
    }
    if let Some(named) = value.as_object() {
        let entry = named.get("default").or_else(|| named.values().next())?;
        return entry.as_str().map(str::to_owned);
    }
    value.as_str().map(str::to_owned)
}

/// What a `tokenizer_config.json` that prep writes says.
pub(super) struct Saved<'a> {
    pub bos: Option<String>,
    pub eos: String,
    pub pad: Option<String>,
    pub unk: Option<&'a str>,
    pub adds_bos: bool,
    pub chat_template: &'a str,
    pub letters: Letters,
}

impl Saved<'_> {
    /// The file's content. Absent tokens are written as null, so that reading it decides the same.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "add_bos_token": self.adds_bos,
            "bos_token": self.bos,
            "chat_template": self.chat_template,
            "clean_up_tokenization_spaces": false,
            "eos_token": self.eos,
            // The number transformers writes for "no limit".
            "model_max_length": 1e30,
            "pad_token": self.pad,
            "tokenizer_class": "PreTrainedTokenizerFast",
            "unk_token": self.unk,
        });
        if self.letters == Letters::Tokens {
            json[ALLOW_SPECIAL] = Value::Bool(true);
        }
        json
    }
}
