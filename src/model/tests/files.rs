//! Model folders: what is written is what is read, and what is broken is named.

use super::{model, tiny};
use crate::{
    model::{Extra, MAX_FILE_BYTES, load, load_any, safetensors::Dtype, save},
    ops::{Llama3Scaling, cpu::Cpu},
};

const WHOLE: (Dtype, u64) = (Dtype::F32, MAX_FILE_BYTES);

#[test]
fn a_saved_model_is_the_same_when_loaded() {
    for tied in [true, false] {
        let b = Cpu::default();
        let mut config = tiny(tied);
        let rope = config.rope.as_mut().unwrap();
        rope.llama3 = Some(Llama3Scaling {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 32,
        });
        let model = model(&b, &config);
        let dir = tempfile::tempdir().unwrap();
        let extra = Extra {
            bos: Some(1),
            eos: vec![2, 3],
            pad: None,
        };
        save(&b, &model, dir.path(), &extra, WHOLE).unwrap();
        let back = load(&b, dir.path()).unwrap();
        assert_eq!(back.config, config);
        for (a, b) in model.weights.iter().zip(&back.weights) {
            assert_eq!(a[..], b[..]);
        }
        let config = std::fs::read_to_string(dir.path().join("config.json")).unwrap();
        for key in [
            "rope_theta",
            "rope_parameters",
            "rope_scaling",
            "\"dtype\"",
            "torch_dtype",
        ] {
            assert!(config.contains(key), "{key} is missing in {config}");
        }
    }
}

#[test]
fn broken_folders_are_named() {
    let b = Cpu::default();
    let saved = || {
        let dir = tempfile::tempdir().unwrap();
        let model = model(&b, &tiny(true));
        save(&b, &model, dir.path(), &Extra::default(), WHOLE).unwrap();
        dir
    };
    let message = |dir: &std::path::Path| format!("{:#}", load(&b, dir).err().unwrap());

    let dir = saved();
    std::fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    assert!(message(dir.path()).contains("expected model.safetensors"));

    let dir = saved();
    let path = dir.path().join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let edit = |from: &str, to: &str| std::fs::write(&path, text.replace(from, to)).unwrap();
    edit("\"intermediate_size\": 40", "\"intermediate_size\": 41");
    let got = message(dir.path());
    assert!(
        got.contains("mlp.gate_proj.weight") && got.contains("[41, 24]"),
        "{got}"
    );
    edit("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    let got = message(dir.path());
    assert!(
        got.contains("missing") && got.contains("model.layers.2."),
        "{got}"
    );
    edit("LlamaForCausalLM", "MambaForCausalLM");
    let got = message(dir.path());
    assert!(
        got.contains("LlamaForCausalLM") && got.contains("Mamba"),
        "{got}"
    );
    edit("\"attention_bias\": false", "\"attention_bias\": true");
    assert!(message(dir.path()).contains("attention_bias"));

    let dir = saved();
    let path = dir.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    assert!(message(dir.path()).contains("cut"));
    std::fs::write(&path, b"PK").unwrap();
    assert!(message(dir.path()).contains("not a safetensors file"));
}

#[test]
fn both_dialects_of_config_are_read() {
    let parse = |text: &str| {
        let mut json: serde_json::Map<_, _> = serde_json::from_str(text).unwrap();
        let sizes = serde_json::json!({
            "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "intermediate_size": 8,
            "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 4
        });
        json.extend(sizes.as_object().unwrap().clone());
        crate::model::hf::parse(&json, None)
    };
    let old = parse(r#"{"rope_theta": 5e5}"#).unwrap();
    let new = parse(r#"{"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}"#).unwrap();
    assert_eq!(old, new);
    let scaled = r#""factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
        "original_max_position_embeddings": 64"#;
    let old =
        format!(r#"{{"rope_theta": 7, "rope_scaling": {{"rope_type": "llama3", {scaled}}}}}"#);
    let new =
        format!(r#"{{"rope_parameters": {{"rope_theta": 7, "rope_type": "llama3", {scaled}}}}}"#);
    assert_eq!(parse(&old).unwrap(), parse(&new).unwrap());
    assert!(parse(r#"{"rope_scaling": {"rope_type": "yarn"}}"#).is_err());
    assert!(parse(r#"{"hidden_act": "gelu"}"#).is_err());
    assert!(parse(r#"{"num_key_value_heads": 0}"#).is_err());
}

#[test]
fn labels_without_names_are_called_as_transformers_does() {
    let b = Cpu::default();
    let labels = ["LABEL_0", "LABEL_1"].map(str::to_owned).to_vec();
    let model = model(&b, &tiny(true)).with_labels(&b, labels.clone(), 1);
    let dir = tempfile::tempdir().unwrap();
    save(&b, &model.unwrap(), dir.path(), &Extra::default(), WHOLE).unwrap();
    let path = dir.path().join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json.as_object_mut().unwrap().remove("id2label").unwrap();
    std::fs::write(&path, json.to_string()).unwrap();
    assert_eq!(
        load_any(&b, dir.path()).unwrap().config.labels,
        Some(labels)
    );
}
