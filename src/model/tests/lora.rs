//! Adapters: gradients, what stays frozen, merging, files.

use candle_core::Device;

use super::{architectures::configs, close, ids, model};
use crate::{
    model::{
        Adapters, Batch, Config, Extra, Keep, Lora, MAX_FILE_BYTES, Model, Session, load, load_any,
        load_config, safetensors::Dtype, save, save_adapters,
    },
    ops::{Backend, Targets, composed::Composed, cpu::Cpu},
    train::Random,
};

const SEQ: usize = 9;

/// Every matrix that can have an adapter has one.
fn lora(config: &Config, dropout: f64) -> Lora {
    Lora {
        rank: 3,
        alpha: 5.0,
        dropout,
        targets: Lora::all_targets(config).unwrap(),
    }
}

/// A model with adapters that are not zero.
fn adapted<B: Backend>(b: &B, config: &Config, dropout: f64) -> Model<B> {
    let mut model = model(b, config);
    let adapters = Adapters::from_values(b, config, lora(config, dropout), |spec| {
        let mut random = Random::new(spec.count() as u64 + spec.name.len() as u64);
        Ok((0..spec.count()).map(|_| 0.3 * random.normal()).collect())
    });
    model.adapters = Some(adapters.unwrap());
    model
}

fn gradients<B: Backend>(b: &B, model: &Model<B>, keep: Keep) -> (f64, Vec<Vec<f32>>) {
    let (ids, counted) = (ids(1), [true; 2 * SEQ]);
    let told = model
        .config
        .labels
        .as_ref()
        .map(|labels| labels.len() as u32);
    let targets = super::ids(2).into_iter();
    let targets: Vec<u32> = targets.map(|id| id % told.unwrap_or(u32::MAX)).collect();
    let batch = Batch {
        batch: 2,
        seq: SEQ,
        ids: &ids,
        starts: &[],
        targets: Targets {
            ids: &targets,
            counted: &counted,
            scale: 1.0,
            z_loss: 0.0,
            weights: &[],
        },
    };
    let rope = model.config.rope_table(SEQ);
    let mut grads = model.zeros(b).unwrap();
    let loss = model
        .loss_and_gradients(b, rope.as_ref(), batch, keep, &mut grads)
        .unwrap();
    let grads = grads.iter().map(|g| b.download(g).unwrap()).collect();
    (loss.nats + loss.balance, grads)
}

fn adaptable() -> Vec<Config> {
    let all: Vec<Config> = configs();
    let kept = all
        .into_iter()
        .filter(|config| Lora::all_targets(config).is_ok());
    kept.chain([of_labels()]).collect()
}

/// A classifier, whose head learns beside the adapters.
fn of_labels() -> Config {
    Config {
        labels: Some(["a", "b", "c"].map(str::to_owned).to_vec()),
        ..super::tiny(false)
    }
}

#[test]
fn adapters_agree_with_finite_differences_and_on_both_backends() {
    assert_eq!(
        adaptable().len(),
        configs().len(),
        "all but GPT-2, and labels"
    );
    for config in adaptable() {
        let (b, composed) = (Cpu::default(), Composed::new(Device::Cpu));
        let mut model = adapted(&b, &config, 0.3);
        let mut twin = adapted(&composed, &config, 0.3);
        model.adapters.as_mut().unwrap().dropout_key = Some(5);
        twin.adapters.as_mut().unwrap().dropout_key = Some(5);
        let specs = model.trained_specs().to_vec();
        let (loss, grads) = gradients(&b, &model, Keep::All);
        let (again, recomputed) = gradients(&b, &model, Keep::Inputs);
        assert_eq!((loss, &grads), (again, &recomputed));
        let (_, twins) = gradients(&composed, &twin, Keep::All);
        for (i, (grad, twin)) in grads.iter().zip(&twins).enumerate() {
            let spec = &specs[i];
            let name = format!("{:?} {}", config.arch, spec.name);
            close(&name, grad, twin, 1e-4);
            let norm = grad.iter().map(|g| g * g).sum::<f32>().sqrt();
            let weights = b.download(&model.trained()[i]).unwrap();
            let mut loss_at = |distance: f32| {
                let directed = weights.iter().zip(grad);
                let moved: Vec<f32> = directed.map(|(w, g)| w + distance * g / norm).collect();
                model.trained_mut()[i] = b.upload(spec.rows, spec.cols, &moved).unwrap();
                gradients(&b, &model, Keep::All).0
            };
            // Small: at a larger one some tokens go to another expert.
            let slope = (loss_at(0.001) - loss_at(-0.001)) / 0.002;
            loss_at(0.0);
            let error = (slope / f64::from(norm) - 1.0).abs();
            assert!(error < 0.03, "{name}: slope {slope}, gradient {norm}");
        }
    }
}

#[test]
fn only_adapters_learn_and_new_ones_change_nothing() {
    let b = Cpu::default();
    let config = super::tiny(false);
    let mut plain = model(&b, &config);
    let (whole, _) = gradients(&b, &plain, Keep::All);
    let fresh = Adapters::new(&b, &plain, lora(&config, 0.0), 1).unwrap();
    plain.adapters = Some(fresh);
    let (loss, grads) = gradients(&b, &plain, Keep::All);
    assert_eq!(loss, whole);
    assert_eq!(grads.len(), 2 * 7 * config.layers);
    // At B = 0 only B has a slope.
    for (spec, grad) in plain.trained_specs().iter().zip(&grads) {
        let is_zero = grad.iter().all(|g| *g == 0.0);
        assert_eq!(
            is_zero,
            spec.name.ends_with("lora_A.weight"),
            "{}",
            spec.name
        );
    }
}

#[test]
fn merged_adapters_compute_the_same() {
    let b = Cpu::default();
    for config in adaptable() {
        let mut model = adapted(&b, &config, 0.3);
        let logits = |model: &Model<Cpu>| {
            let mut session = Session::new(&b, model, SEQ).unwrap();
            session.push_all(&ids(1)[..SEQ]).unwrap()
        };
        let beside = logits(&model);
        let adapters = model.adapters.take().unwrap();
        let without = logits(&model);
        adapters.merge(&b, &mut model).unwrap();
        close("merged", &logits(&model), &beside, 1e-4);
        assert_ne!(without, beside);
    }
}

#[test]
fn adapter_folders_are_read_with_their_base_and_no_other() {
    let b = Cpu::default();
    let config = super::tiny(false);
    let place = tempfile::tempdir().unwrap();
    let (base, dir) = (place.path().join("base"), place.path().join("adapters"));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::create_dir_all(&base).unwrap();
    let mut model = adapted(&b, &config, 0.0);
    let extra = Extra::default();
    let storing = (Dtype::F32, MAX_FILE_BYTES);
    save(&b, &model, &base, &extra, storing).unwrap();
    let adapters = model.adapters.take().unwrap();
    save_adapters(&b, &adapters, &dir, &base, Dtype::F32).unwrap();
    adapters.merge(&b, &mut model).unwrap();
    let back = load(&b, &dir).unwrap();
    for (one, other) in model.weights.iter().zip(&back.weights) {
        assert_eq!(one[..], other[..]);
    }

    let hash = crate::model::digest_weights(&base).unwrap();
    let manifest = |hash: &str| serde_json::json!({"config": {"base": hash}}).to_string();
    std::fs::write(dir.join("manifest.json"), manifest(&hash)).unwrap();
    load(&b, &dir).unwrap();
    std::fs::write(dir.join("manifest.json"), manifest("0123")).unwrap();
    let error = format!("{:#}", load(&b, &dir).err().unwrap());
    assert!(
        error.contains("another base") && error.contains(&hash),
        "{error}"
    );

    std::fs::remove_file(dir.join("manifest.json")).unwrap();
    let wide = Config {
        intermediate_size: 48,
        ..config
    };
    save(&b, &super::model(&b, &wide), &base, &extra, storing).unwrap();
    let error = format!("{:#}", load(&b, &dir).err().unwrap());
    assert!(error.contains("do not fit the base model"), "{error}");
    std::fs::remove_dir_all(&base).unwrap();
    let error = format!("{:#}", load(&b, &dir).err().unwrap());
    assert!(error.contains("is not there"), "{error}");
}

#[test]
fn adapters_of_a_classifier_bring_its_head_and_know_its_labels() {
    let b = Cpu::default();
    let place = tempfile::tempdir().unwrap();
    let (base, dir) = (place.path().join("base"), place.path().join("adapters"));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::create_dir_all(&base).unwrap();
    let extra = Extra::default();
    // Of a tied model, whose table is no head of the classifier's.
    let plain = model(&b, &super::tiny(true));
    save(&b, &plain, &base, &extra, (Dtype::F32, MAX_FILE_BYTES)).unwrap();
    let names = of_labels().labels.unwrap();
    let mut model = plain.with_labels(&b, names.clone(), 7).unwrap();
    let first = Adapters::new(&b, &model, lora(&model.config, 0.0), 1).unwrap();
    assert_eq!(
        first.specs.last().unwrap().name,
        "base_model.model.score.weight"
    );
    assert_eq!(
        first.weights.last().unwrap()[..],
        model.weights.last().unwrap()[..]
    );
    let adapters = adapted(&b, &model.config, 0.0).adapters.unwrap();
    save_adapters(&b, &adapters, &dir, &base, Dtype::F32).unwrap();
    let json = std::fs::read_to_string(dir.join("adapter_config.json")).unwrap();
    assert!(
        json.contains("SEQ_CLS") && json.contains("\"score\""),
        "{json}"
    );
    adapters.merge(&b, &mut model).unwrap();

    let back = load_any(&b, &dir).unwrap();
    for (one, other) in model.weights.iter().zip(&back.weights) {
        assert_eq!(one[..], other[..]);
    }
    let labels = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    assert_eq!(
        back.config.labels,
        labels(&["LABEL_0", "LABEL_1", "LABEL_2"])
    );
    let error = format!("{:#}", load(&b, &dir).err().unwrap());
    assert!(error.contains("a classifier"), "{error}");
    let manifest = |names: &[&str]| {
        let manifest = serde_json::json!({"config": {"model.labels": names}});
        std::fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
    };
    manifest(&["x", "y", "z"]);
    assert_eq!(
        load_config(&dir, None).unwrap().labels,
        labels(&["x", "y", "z"])
    );
    manifest(&["x", "y"]);
    let error = format!("{:#}", load_any(&b, &dir).err().unwrap());
    assert!(error.contains("2 labels have names"), "{error}");
    let lost = json.replace("SEQ_CLS", "CAUSAL_LM");
    std::fs::write(dir.join("adapter_config.json"), lost).unwrap();
    let error = format!("{:#}", load_any(&b, &dir).err().unwrap());
    assert!(error.contains("modules_to_save"), "{error}");
}

#[test]
fn adapters_of_other_kinds_are_refused() {
    let b = Cpu::default();
    let place = tempfile::tempdir().unwrap();
    let text = |change: (&str, serde_json::Value)| {
        let mut json = serde_json::json!({
            "peft_type": "LORA", "r": 3, "lora_alpha": 5, "target_modules": ["q_proj"],
            "base_model_name_or_path": "nowhere",
        });
        json[change.0] = change.1;
        std::fs::write(place.path().join("adapter_config.json"), json.to_string()).unwrap();
        format!("{:#}", load(&b, place.path()).err().unwrap())
    };
    for (key, value) in [
        ("use_dora", serde_json::json!(true)),
        ("use_rslora", serde_json::json!(true)),
        ("rank_pattern", serde_json::json!({"q_proj": 8})),
        ("modules_to_save", serde_json::json!(["lm_head"])),
        ("peft_type", serde_json::json!("IA3")),
    ] {
        let error = text((key, value));
        assert!(error.contains(key), "{error}");
    }
    assert!(text(("bias", serde_json::json!("none"))).contains("nowhere"));
    let config = super::tiny(false);
    let wrong = Lora {
        targets: vec!["c_attn".to_owned()],
        ..lora(&config, 0.0)
    };
    let error = format!("{:#}", wrong.check(&config).unwrap_err());
    assert!(
        error.contains("q_proj") && error.contains("c_attn"),
        "{error}"
    );
}
