//! Hugging Face's `config.json`, in the dialects of transformers 4 and 5.
//!
//! transformers 5 writes `rope_parameters` and `dtype` where 4 has `rope_theta`, `rope_scaling`
//! and `torch_dtype`: both are read and both are written. What the file asks for and this model
//! does not do is an error ([`super::fields`]).

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    Banded, Config, Experts, Window,
    arch::{ARCHITECTURES, Arch, Architecture, Part},
    fields, hf_gpt,
    safetensors::Dtype,
};
use crate::ops::{Llama3Scaling, RopeOptions};

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
    let row = architecture(json)?;
    fields::check(json, row.arch)?;
    let vocab_size = optional_size(json, "vocab_size")?.or(vocab_size);
    let vocab_size = vocab_size.context("vocab_size is missing")?;
    let common = Common {
        row,
        vocab_size,
        tied: match json.get("tie_word_embeddings") {
            None | Some(Value::Null) => row.usual.tied,
            Some(Value::Bool(tied)) => *tied,
            Some(other) => bail!("tie_word_embeddings: expected true or false, got {other}"),
        },
        init_std: optional_number(json, "initializer_range")?.unwrap_or(0.02),
    };
    let mut config = match row.arch {
        Arch::Gpt2 => hf_gpt::gpt2(json, common)?,
        Arch::GptNeo => hf_gpt::gpt_neo(json, common)?,
        _ => rotary(json, common)?,
    };
    if names(json).contains(&classifier_name(row).as_str()) {
        config.labels = Some(labels(json)?);
        config.tied = false;
    }
    config.check()?;
    Ok(config)
}

/// What every architecture has under the same name.
pub(super) struct Common {
    pub row: &'static Architecture,
    pub vocab_size: usize,
    pub tied: bool,
    pub init_std: f64,
}

/// The fields of Llama, Qwen, Mistral and Mixtral.
fn rotary(json: &Map<String, Value>, common: Common) -> Result<Config> {
    let size = |key: &str| required_size(json, key);
    let hidden_size = size("hidden_size")?;
    let heads = size("num_attention_heads")?;
    ensure!(heads > 0, "num_attention_heads: expected at least 1, got 0");
    let usual = &common.row.usual;
    let window = match json.get("sliding_window") {
        // Qwen's files name a window beside a switch that is off.
        _ if !READS_WINDOW.contains(&common.row.arch) => None,
        None => usual.window,
        Some(_) => optional_size(json, "sliding_window")?,
    };
    if let Some(types) = json.get("layer_types").filter(|types| !types.is_null()) {
        let kind = match window {
            Some(_) => "sliding_attention",
            None => "full_attention",
        };
        let same = |name: &Value| name == kind;
        ensure!(
            types.as_array().is_some_and(|list| list.iter().all(same)),
            "layer_types: expected {kind} in every layer, got {types}"
        );
    }
    let experts = match common.row.index(Part::Router) {
        Some(_) => Some(experts(json)?),
        None => None,
    };
    Ok(Config {
        arch: common.row.arch,
        vocab_size: common.vocab_size,
        hidden_size,
        intermediate_size: size("intermediate_size")?,
        layers: size("num_hidden_layers")?,
        heads,
        kv_heads: match optional_size(json, "num_key_value_heads")? {
            Some(heads) => heads,
            None if json.contains_key("num_key_value_heads") => heads,
            None => usual.kv_heads.unwrap_or(heads),
        },
        head_dim: optional_size(json, "head_dim")?
            .or(usual.head_dim)
            .unwrap_or(hidden_size / heads),
        norm_eps: optional_number(json, "rms_norm_eps")?.unwrap_or(usual.norm_eps),
        max_positions: optional_size(json, "max_position_embeddings")?
            .unwrap_or(usual.max_positions),
        tied: common.tied,
        rope: Some(rope(json, usual.theta)?),
        init_std: common.init_std,
        window: window.map(|tokens| Window {
            tokens,
            layers: Banded::All,
        }),
        experts,
        labels: None,
    })
}

/// The architectures whose `sliding_window` is what they compute.
const READS_WINDOW: [Arch; 2] = [Arch::Mistral, Arch::Mixtral];

fn experts(json: &Map<String, Value>) -> Result<Experts> {
    let count = match optional_size(json, "num_local_experts")? {
        Some(count) => count,
        None => optional_size(json, "num_experts")?.unwrap_or(8),
    };
    Ok(Experts {
        count,
        per_token: optional_size(json, "num_experts_per_tok")?.unwrap_or(2),
        balance: optional_number(json, "router_aux_loss_coef")?.unwrap_or(0.001),
    })
}

/// What the file calls its architectures.
fn names(json: &Map<String, Value>) -> Vec<&str> {
    json.get("architectures")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// What `transformers` calls the same layers with a head for labels.
fn classifier_name(row: &Architecture) -> String {
    let bare = row.name.trim_end_matches("ForCausalLM");
    format!(
        "{}ForSequenceClassification",
        bare.trim_end_matches("LMHeadModel")
    )
}

/// The labels of a classifier, in the order of its scores.
fn labels(json: &Map<String, Value>) -> Result<Vec<String>> {
    let Some(named) = json.get("id2label").and_then(Value::as_object) else {
        // `transformers` leaves its own two out.
        return Ok(["LABEL_0", "LABEL_1"].map(str::to_owned).to_vec());
    };
    (0..named.len())
        .map(|id| {
            let name = named.get(&id.to_string()).and_then(Value::as_str);
            let name = name.with_context(|| format!("id2label: no label {id}"))?;
            Ok(name.to_owned())
        })
        .collect()
}

fn architecture(json: &Map<String, Value>) -> Result<&'static Architecture> {
    let named = names(json);
    let model_type = json.get("model_type").and_then(Value::as_str);
    let known = |a: &&Architecture| {
        if named.is_empty() {
            model_type == Some(a.model_type)
        } else {
            named.contains(&a.name) || named.contains(&classifier_name(a).as_str())
        }
    };
    if let Some(row) = ARCHITECTURES.iter().find(known) {
        return Ok(row);
    }
    let supported: Vec<&str> = ARCHITECTURES.iter().map(|a| a.name).collect();
    let got = match (named.first(), model_type) {
        (Some(name), _) => format!("architectures: {name}"),
        (None, Some(kind)) => format!("model_type: {kind}"),
        (None, None) => "neither architectures nor model_type".to_owned(),
    };
    bail!("expected one of {}, got {got}", supported.join(", "))
}

/// The fields of `rope_parameters` and `rope_scaling` that are read.
const ROPE_FIELDS: [&str; 7] = [
    "rope_theta",
    "rope_type",
    "type",
    "factor",
    "low_freq_factor",
    "high_freq_factor",
    "original_max_position_embeddings",
];

/// Both dialects: `rope_parameters` first, then `rope_scaling` beside `rope_theta`.
fn rope(json: &Map<String, Value>, usual: f64) -> Result<RopeOptions> {
    let empty = Map::new();
    let section = ["rope_parameters", "rope_scaling"]
        .iter()
        .find_map(|key| json.get(*key).and_then(Value::as_object))
        .unwrap_or(&empty);
    let known = |key: &str| ROPE_FIELDS.contains(&key);
    if let Some((key, value)) = section.iter().find(|(key, v)| !known(key) && !v.is_null()) {
        bail!(
            "rotary embedding: {key} is unknown, and it is {value}: it may change what the model \
             computes. Remove it from config.json if it does not"
        );
    }
    let theta = match optional_number(section, "rope_theta")? {
        Some(theta) => theta,
        None => optional_number(json, "rope_theta")?.unwrap_or(usual),
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

pub(super) fn required_size(json: &Map<String, Value>, key: &str) -> Result<usize> {
    optional_size(json, key)?.with_context(|| format!("{key} is missing"))
}

pub(super) fn optional_size(json: &Map<String, Value>, key: &str) -> Result<Option<usize>> {
    match json.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .map(Some)
            .with_context(|| format!("{key}: expected a whole number, got {value}")),
    }
}

pub(super) fn optional_number(json: &Map<String, Value>, key: &str) -> Result<Option<f64>> {
    match json.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_f64()
            .map(Some)
            .with_context(|| format!("{key}: expected a number, got {value}")),
    }
}

/// The `config.json` of a model whose weights are stored as `dtype`.
pub fn config_json(c: &Config, extra: &Extra, dtype: Dtype) -> Value {
    let row = c.arch.row();
    let mut json = match &c.rope {
        Some(rope) => rotary_json(c, rope),
        None if c.arch == Arch::GptNeo => hf_gpt::gpt_neo_json(c),
        None => hf_gpt::gpt2_json(c),
    };
    let common = json!({
        "architectures": [row.name],
        "model_type": row.model_type,
        "vocab_size": c.vocab_size,
        "tie_word_embeddings": c.tied,
        "initializer_range": c.init_std,
        "bos_token_id": extra.bos,
        "eos_token_id": extra.eos.first(),
        "pad_token_id": extra.pad,
        "use_cache": true,
        "dtype": dtype.torch_name(),
        "torch_dtype": dtype.torch_name(),
    });
    if let (Some(json), Value::Object(common)) = (json.as_object_mut(), common) {
        json.extend(common);
        if let Some(labels) = &c.labels {
            let by_id = labels.iter().enumerate();
            let ids: Map<String, Value> = (by_id.clone())
                .map(|(id, label)| (id.to_string(), json!(label)))
                .collect();
            let names: Map<String, Value> = by_id
                .map(|(id, label)| (label.clone(), json!(id)))
                .collect();
            json.insert("architectures".to_owned(), json!([classifier_name(row)]));
            json.insert("id2label".to_owned(), Value::Object(ids));
            json.insert("label2id".to_owned(), Value::Object(names));
            let kind = json!("single_label_classification");
            json.insert("problem_type".to_owned(), kind);
            // The head reads the last token that is no padding: without one batches are refused.
            let pad = extra.pad.or(extra.eos.first().copied());
            json.insert("pad_token_id".to_owned(), json!(pad));
        }
    }
    json
}

fn rotary_json(c: &Config, options: &RopeOptions) -> Value {
    let mut rope = json!({"rope_type": "default", "rope_theta": options.theta});
    if let Some(s) = &options.llama3 {
        rope = json!({
            "rope_type": "llama3",
            "rope_theta": options.theta,
            "factor": s.factor,
            "low_freq_factor": s.low_freq_factor,
            "high_freq_factor": s.high_freq_factor,
            "original_max_position_embeddings": s.original_max_position_embeddings,
        });
    }
    let scaling = options.llama3.as_ref().map(|_| &rope);
    let mut json = json!({
        "hidden_size": c.hidden_size,
        "intermediate_size": c.intermediate_size,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads,
        "head_dim": c.head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": c.norm_eps,
        "max_position_embeddings": c.max_positions,
        "attention_dropout": 0.0,
        "rope_theta": options.theta,
        "rope_scaling": scaling,
        "rope_parameters": rope,
    });
    // Mistral's absence of a window would mean 4,096 tokens: null is written.
    let window = json!(c.window.map(|window| window.tokens));
    let own = match c.arch {
        Arch::Llama => json!({"attention_bias": false, "mlp_bias": false}),
        Arch::Qwen2 => json!({"use_sliding_window": false, "sliding_window": null}),
        Arch::Qwen3 => {
            json!({"attention_bias": false, "use_sliding_window": false, "sliding_window": null})
        }
        Arch::Mistral => json!({"sliding_window": window}),
        Arch::Mixtral => json!({
            "sliding_window": window,
            "num_local_experts": c.expert_count(),
            "num_experts_per_tok": c.experts_per_token(),
            "router_aux_loss_coef": c.experts.map(|experts| experts.balance),
            "router_jitter_noise": 0.0,
            "output_router_logits": false,
        }),
        Arch::Gpt2 | Arch::GptNeo => json!({}),
    };
    if let (Some(json), Value::Object(own)) = (json.as_object_mut(), own) {
        json.extend(own);
    }
    json
}

/// The `generation_config.json`: where generation begins and stops.
pub fn generation_json(extra: &Extra) -> Value {
    json!({
        "bos_token_id": extra.bos,
        "eos_token_id": extra.eos,
        "pad_token_id": extra.pad,
    })
}
