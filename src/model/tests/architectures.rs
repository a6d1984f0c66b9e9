//! Every row of the table of architectures: gradients, documents apart, cache, files, fields.

use candle_core::Device;
use serde_json::{Map, Value, json};

use super::{close, model, tiny};
use crate::{
    model::{
        ARCHITECTURES, Arch, Banded, Batch, Config, Experts, Extra, Keep, MAX_FILE_BYTES, Model,
        Session, Window, hf, load, safetensors::Dtype, save,
    },
    ops::{
        Backend, Targets,
        composed::Composed,
        cpu::Cpu,
        tests::{on_gpus, on_gpus_in_bf16},
    },
    train::Random,
};

/// A tiny model of each architecture.
pub fn configs() -> Vec<Config> {
    let of = |arch: Arch| {
        let llama = tiny(matches!(arch, Arch::Gpt2 | Arch::GptNeo));
        let gpt = |window| Config {
            arch,
            kv_heads: llama.heads,
            head_dim: llama.hidden_size / llama.heads,
            rope: None,
            window,
            ..llama.clone()
        };
        match arch {
            Arch::Gpt2 => gpt(None),
            Arch::GptNeo => gpt(Some(Window {
                tokens: 4,
                layers: Banded::Odd,
            })),
            Arch::Mistral => Config {
                arch,
                window: Some(Window {
                    tokens: 5,
                    layers: Banded::All,
                }),
                ..llama
            },
            Arch::Mixtral => Config {
                arch,
                experts: Some(Experts {
                    count: 4,
                    per_token: 2,
                    balance: 0.1,
                }),
                ..llama
            },
            _ => Config { arch, ..llama },
        }
    };
    ARCHITECTURES.iter().map(|row| of(row.arch)).collect()
}

/// Whether a parameter changes nothing: without rotation a bias of all keys changes no probability,
/// and its gradient is what rounding leaves.
fn is_idle(config: &Config, name: &str) -> bool {
    config.rope.is_none() && name.ends_with("attn.k.bias")
}

fn ids(count: usize, seed: u64) -> Vec<u32> {
    let mut random = Random::new(seed);
    (0..count).map(|_| (random.bits() % 29) as u32).collect()
}

/// The summed loss and all gradients of rows with these starts.
fn gradients<B: Backend>(
    b: &B,
    model: &Model<B>,
    seq: usize,
    starts: &[u32],
    (ids, targets): (&[u32], &[u32]),
) -> (f64, Vec<Vec<f32>>) {
    let counted: Vec<bool> = ids.iter().map(|id| id % 5 != 0).collect();
    let batch = Batch {
        batch: ids.len() / seq,
        seq,
        ids,
        starts,
        targets: Targets {
            ids: targets,
            counted: &counted,
            scale: 1.0,
            z_loss: 0.0,
            weights: &[],
        },
    };
    let rope = model.config.rope_table(seq);
    let mut grads = model.zeros(b).unwrap();
    let loss = model
        .loss_and_gradients(b, rope.as_ref(), batch, Keep::Inputs, &mut grads)
        .unwrap();
    let grads = grads.iter().map(|g| b.download(g).unwrap()).collect();
    (loss.nats + loss.balance, grads)
}

#[test]
fn packed_documents_have_the_loss_and_the_gradients_of_each_alone() {
    fn all<B: Backend>(b: &B) {
        for mut config in configs() {
            if let Some(experts) = &mut config.experts {
                // The balance is of a batch, not a sum over its documents.
                experts.balance = 0.0;
            }
            let model = model(b, &config);
            let (lengths, seq) = ([[11, 1, 8], [3, 15, 2]], 20);
            let (ids, targets) = (ids(40, 1), ids(40, 2));
            let mut starts = Vec::new();
            let (mut loss, mut sum) = (0.0, Vec::<Vec<f32>>::new());
            for (i, lengths) in lengths.iter().enumerate() {
                let mut at = 0;
                for &length in lengths {
                    starts.extend(std::iter::repeat_n(at as u32, length));
                    let rows = i * seq + at..i * seq + at + length;
                    let alone = (&ids[rows.clone()], &targets[rows]);
                    let (part, grads) = gradients(b, &model, length, &[], alone);
                    loss += part;
                    if sum.is_empty() {
                        sum = grads;
                    } else {
                        for (sum, grad) in sum.iter_mut().flatten().zip(grads.iter().flatten()) {
                            *sum += grad;
                        }
                    }
                    at += length;
                }
            }
            let (packed, grads) = gradients(b, &model, seq, &starts, (&ids, &targets));
            assert!((packed / loss - 1.0).abs() < 1e-6, "{packed} and {loss}");
            for ((spec, got), want) in model.specs.iter().zip(&grads).zip(&sum) {
                if is_idle(&config, &spec.name) {
                    continue;
                }
                close(&format!("{:?} {}", config.arch, spec.name), got, want, 2e-5);
            }
            let (crossing, _) = gradients(b, &model, seq, &[], (&ids, &targets));
            assert!(
                (crossing / loss - 1.0).abs() > 1e-4,
                "borders make no difference"
            );
        }
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
    on_gpus!(b => all(b));
}

#[test]
fn in_bf16_losses_and_gradients_are_near_those_of_f32() {
    // Enough rows for bf16, in documents that are shorter than a sequence.
    let (seq, ids, targets) = (60, ids(120, 1), ids(120, 2));
    let starts: Vec<u32> = (0..120).map(|row| (row % 60) / 25 * 25).collect();
    // Whom a token goes to may hang on a rounding.
    let dense = |config: &Config| config.experts.is_none();
    let on_chip = configs().into_iter().filter(|c| c.rope.is_some());
    let on_chip = on_chip.map(|config| Config {
        head_dim: 32,
        rope: config.rope.clone(),
        ..config
    });
    let all: Vec<Config> = configs().into_iter().chain(on_chip).filter(dense).collect();
    for config in &all {
        let (cpu, name) = (
            Cpu::default(),
            format!("{:?} {}", config.arch, config.head_dim),
        );
        let of_cpu = model(&cpu, config);
        let (loss, want) = gradients(&cpu, &of_cpu, seq, &starts, (&ids, &targets));
        on_gpus_in_bf16!(b => {
            let (got_loss, got) = gradients(b, &model(b, config), seq, &starts, (&ids, &targets));
            assert!((got_loss / loss - 1.0).abs() < 1e-2, "{name}: {got_loss} and {loss}");
            for ((spec, got), want) in of_cpu.specs.iter().zip(&got).zip(&want) {
                if is_idle(config, &spec.name) {
                    continue;
                }
                let norm = |values: &mut dyn Iterator<Item = f32>| {
                    values.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt()
                };
                let apart = norm(&mut got.iter().zip(want).map(|(g, w)| g - w));
                let share = apart / norm(&mut want.iter().copied()).max(1e-9);
                assert!(share > 0.0 && share < 6e-2, "{name} {}: {share}", spec.name);
            }
        });
    }
}

#[test]
fn every_parameter_agrees_with_finite_differences_and_on_all_backends() {
    let (seq, ids, targets) = (9, ids(18, 1), ids(18, 2));
    for config in configs() {
        let (b, composed) = (Cpu::default(), Composed::new(Device::Cpu));
        let mut cpu_model = model(&b, &config);
        let (_, grads) = gradients(&b, &cpu_model, seq, &[], (&ids, &targets));
        let twin = model(&composed, &config);
        let (_, twins) = gradients(&composed, &twin, seq, &[], (&ids, &targets));
        let mut all = vec![twins];
        on_gpus!(b => {
            let twin = model(b, &config);
            all.push(gradients(b, &twin, seq, &[], (&ids, &targets)).1);
        });
        for (i, grad) in grads.iter().enumerate() {
            let spec = cpu_model.specs[i].clone();
            let name = format!("{:?} {}", config.arch, spec.name);
            if is_idle(&config, &spec.name) {
                assert!(grad.iter().all(|g| g.abs() < 1e-4), "{name}");
                continue;
            }
            for twins in &all {
                close(&name, grad, &twins[i], 1e-4);
            }
            let norm = grad.iter().map(|g| g * g).sum::<f32>().sqrt();
            let weights = b.download(&cpu_model.weights[i]).unwrap();
            let mut loss_at = |distance: f32| {
                let directed = weights.iter().zip(grad);
                let moved: Vec<f32> = directed.map(|(w, g)| w + distance * g / norm).collect();
                cpu_model.weights[i] = b.upload(spec.rows, spec.cols, &moved).unwrap();
                gradients(&b, &cpu_model, seq, &[], (&ids, &targets)).0
            };
            let slope = (loss_at(0.01) - loss_at(-0.01)) / 0.02;
            loss_at(0.0);
            let error = (slope / f64::from(norm) - 1.0).abs();
            assert!(error < 0.03, "{name}: slope {slope}, gradient {norm}");
        }
    }
}

#[test]
fn the_cache_gives_the_logits_of_the_whole_sequence() {
    for config in configs() {
        let b = Cpu::default();
        let model = model(&b, &config);
        let ids = ids(12, 1);
        let whole = Session::new(&b, &model, 12)
            .unwrap()
            .push_all(&ids)
            .unwrap();
        let mut session = Session::new(&b, &model, 12).unwrap();
        let mut got = session.push(&ids[..5]).unwrap();
        for (i, &id) in ids[5..].iter().enumerate() {
            close("logits", &got, &whole[(4 + i) * 29..(5 + i) * 29], 1e-5);
            got = session.push(&[id]).unwrap();
        }
    }
}

#[test]
fn folders_of_every_kind_are_read_as_they_were_written() {
    let b = Cpu::default();
    for config in configs() {
        let model = model(&b, &config);
        for (dtype, most) in [
            (Dtype::F32, MAX_FILE_BYTES),
            (Dtype::F32, 9_000),
            (Dtype::Bf16, 3_000),
            (Dtype::F16, MAX_FILE_BYTES),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let names = save(&b, &model, dir.path(), &Extra::default(), (dtype, most)).unwrap();
            let index = dir.path().join("model.safetensors.index.json");
            assert_eq!(index.exists(), most < MAX_FILE_BYTES);
            assert!(names.iter().all(|name| dir.path().join(name).is_file()));
            let back = load(&b, dir.path()).unwrap();
            assert_eq!(back.config, config);
            let weights = model.weights.iter().zip(&back.weights);
            for (a, b) in weights.flat_map(|(a, b)| a.iter().zip(b.iter())) {
                let near = match dtype {
                    Dtype::F32 => 0.0,
                    Dtype::F16 => 1e-3,
                    Dtype::Bf16 => 8e-3,
                };
                assert!((a - b).abs() <= near * a.abs() + near * 1e-3, "{a} and {b}");
            }
        }
    }
}

#[test]
fn fields_that_change_what_is_computed_are_named() {
    let config = |arch: Arch| {
        let of = configs().into_iter().find(|config| config.arch == arch);
        hf::config_json(&of.unwrap(), &Extra::default(), Dtype::F32)
    };
    let parse = |arch: Arch, key: &str, value: Value| {
        let mut json: Map<String, Value> = config(arch).as_object().unwrap().clone();
        json.insert(key.to_owned(), value);
        hf::parse(&json, None)
    };
    let refused = [
        (Arch::Llama, "attention_bias", json!(true)),
        (Arch::Llama, "sliding_window", json!(4096)),
        (Arch::Llama, "hidden_act", json!("gelu")),
        (Arch::Llama, "partial_rotary_factor", json!(0.5)),
        (Arch::Llama, "attn_logit_softcapping", json!(50.0)),
        (
            Arch::Llama,
            "rope_parameters",
            json!({"rope_theta": 1e4, "beta_fast": 32}),
        ),
        (Arch::Qwen2, "use_sliding_window", json!(true)),
        (
            Arch::Qwen2,
            "layer_types",
            json!(["full_attention", "sliding_attention"]),
        ),
        (Arch::Qwen3, "num_experts", json!(8)),
        (Arch::Gpt2, "scale_attn_weights", json!(false)),
        (Arch::Gpt2, "scale_attn_by_inverse_layer_idx", json!(true)),
        (Arch::Gpt2, "activation_function", json!("relu")),
        (Arch::Gpt2, "hidden_act", json!("silu")),
        (Arch::Gpt2, "tie_word_embeddings", json!("yes")),
        (Arch::Mixtral, "router_jitter_noise", json!(0.1)),
        (Arch::Mixtral, "num_experts_per_tok", json!(5)),
        (Arch::Mixtral, "num_local_experts", json!(0)),
        (
            Arch::GptNeo,
            "attention_types",
            json!([[["local", "global"], 1]]),
        ),
        (Arch::GptNeo, "attention_types", json!([[["global"], 9]])),
    ];
    for (arch, key, value) in refused {
        let error = format!("{:#}", parse(arch, key, value.clone()).unwrap_err());
        let part = if key == "rope_parameters" {
            "beta_fast"
        } else {
            key
        };
        assert!(error.contains(part), "{key} = {value}: {error}");
    }
    let taken = [
        (Arch::Llama, "attn_logit_softcapping", Value::Null),
        (Arch::Llama, "use_something_new", json!(false)),
        (Arch::Qwen2, "sliding_window", json!(4096)),
        (Arch::Gpt2, "resid_pdrop", json!(0.1)),
        (
            Arch::Gpt2,
            "activation_function",
            json!("gelu_pytorch_tanh"),
        ),
    ];
    for (arch, key, value) in taken {
        parse(arch, key, value).unwrap();
    }
}

#[test]
fn a_mistral_without_a_window_says_so() {
    let of = |arch: Arch| configs().into_iter().find(|config| config.arch == arch);
    let dense = Config {
        window: None,
        ..of(Arch::Mistral).unwrap()
    };
    let mut json = hf::config_json(&dense, &Extra::default(), Dtype::F32);
    assert_eq!(json.get("sliding_window"), Some(&Value::Null));
    let parse = |json: &Value| hf::parse(json.as_object().unwrap(), None).unwrap();
    assert_eq!(parse(&json), dense);
    json.as_object_mut().unwrap().remove("sliding_window");
    assert_eq!(parse(&json).window.unwrap().tokens, 4096);
    let mut json = hf::config_json(&of(Arch::Mixtral).unwrap(), &Extra::default(), Dtype::F32);
    json.as_object_mut().unwrap().remove("sliding_window");
    assert_eq!(parse(&json).window, None);
}

#[test]
fn padding_is_no_token_of_an_expert() {
    let b = Cpu::default();
    let of_experts = |config: &Config| config.experts.is_some();
    let config = configs().into_iter().find(of_experts).unwrap();
    let model = model(&b, &config);
    let spread = |seq: usize, ids: &[u32], counted: &[bool], starts: &[u32]| {
        let batch = Batch {
            batch: 1,
            seq,
            ids,
            starts,
            targets: Targets {
                ids,
                counted,
                scale: 1.0,
                z_loss: 0.0,
                weights: &[],
            },
        };
        let rope = config.rope_table(seq);
        let loss = model.loss(&b, rope.as_ref(), batch).unwrap();
        loss.spread.unwrap()
    };
    let ids = ids(9, 4);
    // A prompt that is not counted is a document's all the same.
    let alone = spread(
        6,
        &ids[..6],
        &[false, false, true, true, true, true],
        &[0; 6],
    );
    let counted = [false, false, true, true, true, true, false, false, false];
    let padded = spread(9, &ids, &counted, &[0, 0, 0, 0, 0, 0, 6, 6, 6]);
    assert_eq!(alone.rows, 6 * config.layers as u64);
    assert_eq!((padded.rows, &padded.choices), (alone.rows, &alone.choices));
    assert!((padded.balance() / alone.balance() - 1.0).abs() < 1e-6);
}
