//! Hugging Face's `config.json`, in the dialects of transformers 4 and 5.
//!
//! transformers 5 writes `rope_parameters` and `dtype` where 4 has `rope_theta`, `rope_scaling`
//! and `torch_dtype`: both are read and both are written. What the file asks for and this model
//! does not do (biases, another activation, another rotary scaling) is an error, never ignored.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::Config;
use crate::ops::{Llama3Scaling, RopeOptions};

/// An architecture that the model implements.
#[derive(Debug)]
pub struct Architecture {
    /// The entry of `architectures`.
    pub name: &'static str,
    /// The `model_type`.
    pub model_type: &'static str,
}

/// All of them; the error about an unknown one prints the table.
pub const ARCHITECTURES: &[Architecture] = &[Architecture {
    name: "LlamaForCausalLM",
    model_type: "llama",
}];

/// Token ids with a meaning, for the written files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extra {
    /// Begins a document.
    pub bos: Option<u32>,
    /// End a text or a turn; the first ends a document.
    pub eos: Vec<u32>,
    /// Fills batches.
    pub pad: Option<u32>,
}

/// Reads a configuration; `vocab_size` stands in where the file names none.
///
/// # Errors
/// Names the key, what was expected and what it holds.
pub fn parse(json: &Map<String, Value>, vocab_size: Option<usize>) -> Result<Config> {
    check_architecture(json)?;
    unsupported(json)?;
    let size = |key: &str| -> Result<usize> {
        optional_size(json, key)?.with_context(|| format!("{key} is missing"))
    };
    let hidden_size = size("hidden_size")?;
    let heads = size("num_attention_heads")?;
    ensure!(heads > 0, "num_attention_heads: expected at least 1, got 0");
    let config = Config {
        vocab_size: match optional_size(json, "vocab_size")?.or(vocab_size) {
            Some(size) => size,
            None => bail!("vocab_size is missing"),
        },
        hidden_size,
        intermediate_size: size("intermediate_size")?,
        layers: size("num_hidden_layers")?,
        heads,
        kv_heads: optional_size(json, "num_key_value_heads")?.unwrap_or(heads),
        head_dim: optional_size(json, "head_dim")?.unwrap_or(hidden_size / heads),
        norm_eps: optional_number(json, "rms_norm_eps")?.unwrap_or(1e-6),
        max_positions: optional_size(json, "max_position_embeddings")?.unwrap_or(2048),
        tied: json
            .get("tie_word_embeddings")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        rope: rope(json)?,
        init_std: optional_number(json, "initializer_range")?.unwrap_or(0.02),
    };
    config.check()?;
    Ok(config)
}

fn check_architecture(json: &Map<String, Value>) -> Result<()> {
    let named: Vec<&str> = json
        .get("architectures")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let model_type = json.get("model_type").and_then(Value::as_str);
    let known = |a: &Architecture| {
        if named.is_empty() {
            model_type == Some(a.model_type)
        } else {
            named.contains(&a.name)
        }
    };
    if ARCHITECTURES.iter().any(known) {
        return Ok(());
    }
    let supported: Vec<&str> = ARCHITECTURES.iter().map(|a| a.name).collect();
    let got = match (named.first(), model_type) {
        (Some(name), _) => format!("architectures: {name}"),
        (None, Some(kind)) => format!("model_type: {kind}"),
        (None, None) => "neither architectures nor model_type".to_owned(),
    };
    bail!("expected one of {}, got {got}", supported.join(", "))
}

/// What the file may ask for that the model does not do.
fn unsupported(json: &Map<String, Value>) -> Result<()> {
    for key in ["attention_bias", "mlp_bias"] {
        ensure!(
            !json.get(key).and_then(Value::as_bool).unwrap_or(false),
            "{key}: expected false, got true: the model has no biases"
        );
    }
    if let Some(act) = json.get("hidden_act").and_then(Value::as_str) {
        ensure!(
            act == "silu" || act == "swish",
            "hidden_act: expected silu, got {act}"
        );
    }
    ensure!(
        json.get("quantization_config").is_none_or(Value::is_null),
        "quantization_config: expected full-precision weights, got quantised ones"
    );
    Ok(())
}

/// Both dialects: `rope_parameters` first, then `rope_scaling` beside `rope_theta`.
fn rope(json: &Map<String, Value>) -> Result<RopeOptions> {
    let empty = Map::new();
    let section = ["rope_parameters", "rope_scaling"]
        .iter()
        .find_map(|key| json.get(*key).and_then(Value::as_object))
        .unwrap_or(&empty);
    let theta = match optional_number(section, "rope_theta")? {
        Some(theta) => theta,
        None => optional_number(json, "rope_theta")?.unwrap_or(10_000.0),
    };
    let kind = section
        .get("rope_type")
        .or_else(|| section.get("type"))
        .and_then(Value::as_str)
        .unwrap_or("default");
    let llama3 = match kind {
        "default" => None,
        "llama3" => {
            let number = |key: &str| {
                optional_number(section, key)?.with_context(|| format!("rope llama3: no {key}"))
            };
            let context = optional_size(section, "original_max_position_embeddings")?
                .context("rope llama3: no original_max_position_embeddings")?;
            Some(Llama3Scaling {
                factor: number("factor")?,
                low_freq_factor: number("low_freq_factor")?,
                high_freq_factor: number("high_freq_factor")?,
                original_max_position_embeddings: context,
            })
        }
        other => bail!("rope_type: expected default or llama3, got {other}"),
    };
    Ok(RopeOptions { theta, llama3 })
}

fn optional_size(json: &Map<String, Value>, key: &str) -> Result<Option<usize>> {
    match json.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .map(Some)
            .with_context(|| format!("{key}: expected a whole number, got {value}")),
    }
}

fn optional_number(json: &Map<String, Value>, key: &str) -> Result<Option<f64>> {
    match json.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_f64()
            .map(Some)
            .with_context(|| format!("{key}: expected a number, got {value}")),
    }
}

/// The `config.json` of a model.
pub fn config_json(c: &Config, extra: &Extra) -> Value {
    let mut rope = json!({"rope_type": "default", "rope_theta": c.rope.theta});
    if let Some(s) = &c.rope.llama3 {
        rope = json!({
            "rope_type": "llama3",
            "rope_theta": c.rope.theta,
            "factor": s.factor,
            "low_freq_factor": s.low_freq_factor,
            "high_freq_factor": s.high_freq_factor,
            "original_max_position_embeddings": s.original_max_position_embeddings,
        });
    }
    let scaling = c.rope.llama3.as_ref().map(|_| &rope);
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": c.vocab_size,
        "hidden_size": c.hidden_size,
        "intermediate_size": c.intermediate_size,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads,
        "head_dim": c.head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": c.norm_eps,
        "max_position_embeddings": c.max_positions,
        "tie_word_embeddings": c.tied,
        "attention_bias": false,
        "attention_dropout": 0.0,
        "mlp_bias": false,
        "rope_theta": c.rope.theta,
        "rope_scaling": scaling,
        "rope_parameters": rope,
        "initializer_range": c.init_std,
        "bos_token_id": extra.bos,
        "eos_token_id": extra.eos.first(),
        "pad_token_id": extra.pad,
        "use_cache": true,
        "dtype": "float32",
        "torch_dtype": "float32",
    })
}

/// The `generation_config.json`: where generation begins and stops.
pub fn generation_json(extra: &Extra) -> Value {
    json!({
        "bos_token_id": extra.bos,
        "eos_token_id": extra.eos,
        "pad_token_id": extra.pad,
    })
}
