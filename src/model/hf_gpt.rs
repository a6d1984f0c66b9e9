//! The GPTs' dialects of `config.json`: GPT-2's short names, and `gpt_neo` with its list of dense and
//! locally banded layers, which is how `transformers` knows GPT-3's architecture.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    Banded, Config, Window,
    hf::{Common, optional_number, optional_size, required_size},
};

/// The fields of GPT-2.
pub(super) fn gpt2(json: &Map<String, Value>, common: Common) -> Result<Config> {
    let hidden_size = required_size(json, "n_embd")?;
    let heads = required_size(json, "n_head")?;
    ensure!(
        heads > 0 && hidden_size.is_multiple_of(heads),
        "n_embd ({hidden_size}) is not a multiple of n_head ({heads})"
    );
    let usual = &common.row.usual;
    Ok(Config {
        arch: common.row.arch,
        vocab_size: common.vocab_size,
        hidden_size,
        intermediate_size: optional_size(json, "n_inner")?.unwrap_or(4 * hidden_size),
        layers: required_size(json, "n_layer")?,
        heads,
        kv_heads: heads,
        head_dim: hidden_size / heads,
        norm_eps: optional_number(json, "layer_norm_epsilon")?.unwrap_or(usual.norm_eps),
        max_positions: optional_size(json, "n_positions")?.unwrap_or(usual.max_positions),
        tied: common.tied,
        rope: None,
        init_std: common.init_std,
        window: None,
        experts: None,
        labels: None,
    })
}

/// The fields of GPT-2 as they are written.
pub(super) fn gpt2_json(c: &Config) -> Value {
    json!({
        "n_embd": c.hidden_size,
        "n_layer": c.layers,
        "n_head": c.heads,
        "n_inner": c.intermediate_size,
        "n_positions": c.max_positions,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": c.norm_eps,
        "scale_attn_weights": true,
        "scale_attn_by_inverse_layer_idx": false,
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
    })
}

/// The fields of `gpt_neo`.
pub(super) fn gpt_neo(json: &Map<String, Value>, common: Common) -> Result<Config> {
    let hidden_size = required_size(json, "hidden_size")?;
    let heads = required_size(json, "num_heads")?;
    let layers = required_size(json, "num_layers")?;
    ensure!(
        heads > 0 && hidden_size.is_multiple_of(heads),
        "hidden_size ({hidden_size}) is not a multiple of num_heads ({heads})"
    );
    let usual = &common.row.usual;
    let tokens = optional_size(json, "window_size")?.or(usual.window);
    let window = match (banded(&kinds(json, layers)?)?, tokens) {
        (Some(layers), Some(tokens)) => Some(Window { tokens, layers }),
        _ => None,
    };
    Ok(Config {
        arch: common.row.arch,
        vocab_size: common.vocab_size,
        hidden_size,
        intermediate_size: optional_size(json, "intermediate_size")?.unwrap_or(4 * hidden_size),
        layers,
        heads,
        kv_heads: heads,
        head_dim: hidden_size / heads,
        norm_eps: optional_number(json, "layer_norm_epsilon")?.unwrap_or(usual.norm_eps),
        max_positions: optional_size(json, "max_position_embeddings")?
            .unwrap_or(usual.max_positions),
        tied: common.tied,
        rope: None,
        init_std: common.init_std,
        window,
        experts: None,
        labels: None,
    })
}

/// `global` or `local` for every layer: `attention_types` is a list of (list of kinds, how often it
/// comes), `attention_layers` the list itself.
fn kinds(json: &Map<String, Value>, layers: usize) -> Result<Vec<String>> {
    let names = |list: &Value| -> Option<Vec<String>> {
        let list = list.as_array()?.iter();
        list.map(|name| Some(name.as_str()?.to_owned())).collect()
    };
    let of_types = |types: &Value| -> Option<Vec<String>> {
        let mut all = Vec::new();
        for run in types.as_array()? {
            let (list, times) = (names(run.get(0)?)?, run.get(1)?.as_u64()?);
            // Hardly more than there are layers: the number may be anything.
            let times = usize::try_from(times).unwrap_or(usize::MAX).min(layers + 1);
            all.extend(std::iter::repeat_n(list, times).flatten());
        }
        Some(all)
    };
    let present = |key: &str| json.get(key).filter(|value| !value.is_null());
    let all = match (present("attention_types"), present("attention_layers")) {
        (Some(types), _) => of_types(types).with_context(|| {
            format!("attention_types: expected [[[\"global\", \"local\"], N]], got {types}")
        })?,
        (None, Some(list)) => names(list)
            .with_context(|| format!("attention_layers: expected a list of names, got {list}"))?,
        (None, None) => bail!("attention_types is missing"),
    };
    ensure!(
        all.len() == layers,
        "attention_types: {} layers, but num_layers is {layers}",
        all.len()
    );
    Ok(all)
}

/// Which layers are banded: none, all, or every second.
fn banded(kinds: &[String]) -> Result<Option<Banded>> {
    let all = |wanted: fn(usize) -> &'static str| {
        let mut pairs = kinds.iter().enumerate();
        pairs.all(|(i, kind)| kind == wanted(i))
    };
    Ok(if all(|_| "global") {
        None
    } else if all(|i| ["global", "local"][i % 2]) {
        Some(Banded::Odd)
    } else if all(|_| "local") {
        Some(Banded::All)
    } else {
        bail!(
            "attention_types: expected global and local by turns, or one of them in every layer, \
             got {kinds:?}"
        )
    })
}

/// The fields of `gpt_neo` as they are written.
pub(super) fn gpt_neo_json(c: &Config) -> Value {
    let by_turns = json!([["global", "local"], c.layers / 2]);
    let types = match c.window.map(|window| window.layers) {
        None => json!([[["global"], c.layers]]),
        Some(Banded::All) => json!([[["local"], c.layers]]),
        Some(Banded::Odd) if c.layers.is_multiple_of(2) => json!([by_turns]),
        Some(Banded::Odd) => json!([by_turns, [["global"], 1]]),
    };
    json!({
        "hidden_size": c.hidden_size,
        "num_layers": c.layers,
        "num_heads": c.heads,
        "intermediate_size": c.intermediate_size,
        "max_position_embeddings": c.max_positions,
        "attention_types": types,
        "window_size": c.window.map_or(256, |window| window.tokens),
        "activation_function": "gelu_new",
        "layer_norm_epsilon": c.norm_eps,
        "attention_dropout": 0.0,
        "embed_dropout": 0.0,
        "resid_dropout": 0.0,
    })
}
