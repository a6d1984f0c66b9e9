//! What the fields of a `config.json` mean to prep: one table. A field that is not in it may change
//! what the model computes, so it is an error, never ignored, unless it is null or false.

use anyhow::{Result, bail};
use serde_json::{Map, Value};

use super::arch::Arch::{self, Gpt2, GptNeo, Llama, Mistral, Mixtral, Qwen2, Qwen3};

/// What is done with a field.
enum Rule {
    /// Read into the configuration.
    Read,
    /// Without influence on the logits: bookkeeping, or noise of another trainer.
    Ignored,
    /// Only these values, as JSON, are what prep computes.
    Only(&'static [&'static str]),
}

use Rule::{Ignored, Only, Read};

const ALL: &[Arch] = &[Llama, Qwen2, Qwen3, Gpt2, Mistral, Mixtral, GptNeo];
const ROTARY: &[Arch] = &[Llama, Qwen2, Qwen3, Mistral, Mixtral];
const QWEN: &[Arch] = &[Qwen2, Qwen3];
const GPT2: &[Arch] = &[Gpt2];
const NEO: &[Arch] = &[GptNeo];
const WINDOWED: &[Arch] = &[Mistral, Mixtral];
const SPARSE: &[Arch] = &[Mixtral];

#[rustfmt::skip]
const FIELDS: &[(&str, &[Arch], Rule)] = &[
    ("vocab_size", ALL, Read),
    ("tie_word_embeddings", ALL, Read),
    ("initializer_range", ALL, Read),
    ("hidden_size", ROTARY, Read),
    ("intermediate_size", ROTARY, Read),
    ("num_hidden_layers", ROTARY, Read),
    ("num_attention_heads", ROTARY, Read),
    ("num_key_value_heads", ROTARY, Read),
    ("head_dim", ROTARY, Read),
    ("rms_norm_eps", ROTARY, Read),
    ("max_position_embeddings", ROTARY, Read),
    ("rope_theta", ROTARY, Read),
    ("rope_scaling", ROTARY, Read),
    ("rope_parameters", ROTARY, Read),
    ("hidden_act", ROTARY, Only(&["\"silu\"", "\"swish\""])),
    ("attention_bias", ROTARY, Only(&["false"])),
    ("mlp_bias", ROTARY, Only(&["false"])),
    ("partial_rotary_factor", ROTARY, Only(&["1", "1.0"])),
    ("use_sliding_window", QWEN, Only(&["false"])),
    ("sliding_window", &[Llama], Only(&[])),
    ("sliding_window", QWEN, Ignored),
    ("sliding_window", WINDOWED, Read),
    ("max_window_layers", QWEN, Ignored),
    ("layer_types", ROTARY, Read),
    ("use_mrope", QWEN, Only(&["false"])),
    ("pretraining_tp", ROTARY, Ignored),
    ("num_local_experts", SPARSE, Read),
    ("num_experts", SPARSE, Read),
    ("num_experts_per_tok", SPARSE, Read),
    ("router_aux_loss_coef", SPARSE, Read),
    ("router_jitter_noise", SPARSE, Only(&["0", "0.0"])),
    ("output_router_logits", SPARSE, Ignored),
    ("hidden_size", NEO, Read),
    ("num_layers", NEO, Read),
    ("num_heads", NEO, Read),
    ("intermediate_size", NEO, Read),
    ("max_position_embeddings", NEO, Read),
    ("window_size", NEO, Read),
    ("attention_types", NEO, Read),
    ("attention_layers", NEO, Read),
    ("layer_norm_epsilon", NEO, Read),
    ("activation_function", NEO, Only(&["\"gelu_new\"", "\"gelu_pytorch_tanh\""])),
    ("attention_dropout", NEO, Ignored),
    ("embed_dropout", NEO, Ignored),
    ("resid_dropout", NEO, Ignored),
    ("classifier_dropout", NEO, Ignored),
    ("summary_activation", NEO, Ignored),
    ("summary_first_dropout", NEO, Ignored),
    ("summary_proj_to_labels", NEO, Ignored),
    ("summary_type", NEO, Ignored),
    ("summary_use_proj", NEO, Ignored),
    ("n_embd", GPT2, Read),
    ("n_layer", GPT2, Read),
    ("n_head", GPT2, Read),
    ("n_inner", GPT2, Read),
    ("n_positions", GPT2, Read),
    ("n_ctx", GPT2, Ignored),
    ("layer_norm_epsilon", GPT2, Read),
    ("activation_function", GPT2, Only(&["\"gelu_new\"", "\"gelu_pytorch_tanh\""])),
    ("scale_attn_weights", GPT2, Only(&["true"])),
    ("scale_attn_by_inverse_layer_idx", GPT2, Only(&["false"])),
    ("reorder_and_upcast_attn", GPT2, Ignored),
    ("add_cross_attention", GPT2, Only(&["false"])),
    ("attn_pdrop", GPT2, Ignored),
    ("embd_pdrop", GPT2, Ignored),
    ("resid_pdrop", GPT2, Ignored),
    ("summary_activation", GPT2, Ignored),
    ("summary_first_dropout", GPT2, Ignored),
    ("summary_proj_to_labels", GPT2, Ignored),
    ("summary_type", GPT2, Ignored),
    ("summary_use_proj", GPT2, Ignored),
    ("attention_dropout", ROTARY, Ignored),
    ("quantization_config", ALL, Only(&[])),
    ("is_encoder_decoder", ALL, Only(&["false"])),
    ("pruned_heads", ALL, Only(&["{}"])),
    ("architectures", ALL, Read),
    ("model_type", ALL, Read),
    ("_name_or_path", ALL, Ignored),
    ("name_or_path", ALL, Ignored),
    ("_attn_implementation_autoset", ALL, Ignored),
    ("attn_implementation", ALL, Ignored),
    ("auto_map", ALL, Only(&[])),
    ("bos_token_id", ALL, Ignored),
    ("eos_token_id", ALL, Ignored),
    ("pad_token_id", ALL, Ignored),
    ("chunk_size_feed_forward", ALL, Ignored),
    ("dtype", ALL, Ignored),
    ("torch_dtype", ALL, Ignored),
    ("gradient_checkpointing", ALL, Ignored),
    ("id2label", ALL, Ignored),
    ("label2id", ALL, Ignored),
    ("is_decoder", ALL, Ignored),
    ("output_attentions", ALL, Ignored),
    ("output_hidden_states", ALL, Ignored),
    ("output_past", ALL, Ignored),
    ("problem_type", ALL, Ignored),
    ("return_dict", ALL, Ignored),
    ("task_specific_params", ALL, Ignored),
    ("transformers_version", ALL, Ignored),
    ("transformers.js_config", ALL, Ignored),
    ("unsloth_version", ALL, Ignored),
    ("unsloth_fixed", ALL, Ignored),
    ("use_cache", ALL, Ignored),
];

/// Checks every field.
///
/// # Errors
/// Names the field, what it holds and what prep computes.
pub fn check(json: &Map<String, Value>, arch: Arch) -> Result<()> {
    for (key, value) in json {
        if value.is_null() {
            continue;
        }
        let row = FIELDS
            .iter()
            .find(|(name, archs, _)| name == key && archs.contains(&arch));
        match row {
            Some((_, _, Read | Ignored)) => {}
            Some((_, _, Only(values))) if values.contains(&value.to_string().as_str()) => {}
            Some((_, _, Only(values))) => {
                let wanted = if values.is_empty() {
                    "null".to_owned()
                } else {
                    values.join(" or ")
                };
                bail!(
                    "{key}: expected {wanted}, got {value}: prep would compute something else \
                     than the model's other programs"
                );
            }
            None if *value == Value::Bool(false) => {}
            None => bail!(
                "{key} is unknown for model_type {}, and it is {value}: it may change what the \
                 model computes. Remove it from config.json if it does not",
                arch.row().model_type
            ),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_one_row_an_architecture() {
        for (i, (name, archs, _)) in FIELDS.iter().enumerate() {
            for (other, others, _) in &FIELDS[i + 1..] {
                let both = archs.iter().any(|arch| others.contains(arch));
                assert!(name != other || !both, "{name} is there twice");
            }
        }
    }
}
