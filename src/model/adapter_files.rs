//! Adapter folders: what PEFT writes and loads (`adapter_config.json`, `adapter_model.safetensors`).
//!
//! A folder names its base model by path. prep's own also have a manifest with a hash of the base's
//! weights, so that adapters are never put beside the weights of another model. Adapters of a
//! classifier come with its head, which PEFT calls a module to save; how its labels are called their
//! manifest says, and where there is none their base, or they are numbered as `transformers` does.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    Adapters, Config, Lora, Model,
    files::{check_folder, digest_weights, load_config, load_model, read_json},
    lora::BASE,
    safetensors::{self, Dtype, Reader},
};
use crate::{atomic, ops::Backend, run_dir};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// What PEFT calls the task of a classifier.
const LABELS_TASK: &str = "SEQ_CLS";

/// The file of an adapter folder's values.
pub fn weights(dir: &Path) -> PathBuf {
    dir.join(WEIGHTS)
}

/// Whether a folder holds adapters rather than a model.
pub fn is_adapter(dir: &Path) -> bool {
    dir.join(CONFIG).is_file()
}

/// Writes both files; returns their names.
///
/// # Errors
/// Names the file that could not be written.
pub fn save_adapters<B: Backend>(
    backend: &B,
    adapters: &Adapters<B>,
    dir: &Path,
    base: &Path,
    dtype: Dtype,
) -> Result<Vec<String>> {
    let json = config_json(&adapters.lora, base, adapters.head().is_some());
    atomic::write_json(&dir.join(CONFIG), &json)?;
    let specs = adapters.specs.iter();
    let tensors: Vec<_> = specs.map(|spec| (spec.name.clone(), spec.dims())).collect();
    safetensors::write(&dir.join(WEIGHTS), dtype, &tensors, |i| {
        backend.download(&adapters.weights[i])
    })?;
    Ok([CONFIG, WEIGHTS].map(str::to_owned).to_vec())
}

fn config_json(lora: &Lora, base: &Path, tells_labels: bool) -> Value {
    // PEFT takes any number, and other programs a whole one.
    let alpha = match lora.alpha.fract() {
        0.0 => json!(lora.alpha as u64),
        _ => json!(lora.alpha),
    };
    json!({
        "peft_type": "LORA",
        "task_type": if tells_labels { LABELS_TASK } else { "CAUSAL_LM" },
        "base_model_name_or_path": base,
        "inference_mode": true,
        "r": lora.rank,
        "lora_alpha": alpha,
        "lora_dropout": lora.dropout,
        "target_modules": lora.targets,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "modules_to_save": tells_labels.then_some(["score"]),
        "layers_to_transform": null,
        "rank_pattern": {},
        "alpha_pattern": {},
        "use_dora": false,
        "use_rslora": false,
    })
}

/// Fields that change what adapters compute, with the values that prep's do.
const ONLY: [(&str, &[&str]); 11] = [
    ("peft_type", &["\"LORA\""]),
    ("bias", &["\"none\""]),
    ("fan_in_fan_out", &["false"]),
    (
        "modules_to_save",
        &[
            "[]",
            "[\"score\"]",
            // What PEFT makes of a classifier by itself; no model has both.
            "[\"classifier\",\"score\"]",
            "[\"score\",\"classifier\"]",
        ],
    ),
    ("layers_to_transform", &[]),
    ("layer_replication", &[]),
    ("rank_pattern", &["{}"]),
    ("alpha_pattern", &["{}"]),
    ("use_dora", &["false"]),
    ("use_rslora", &["false"]),
    ("use_qalora", &["false"]),
];

/// What an adapter folder says.
struct Found {
    lora: Lora,
    /// The base model's folder, first as it is named.
    base: PathBuf,
    /// Whether a classifier's head is with them.
    tells_labels: bool,
}

/// Reads `adapter_config.json`.
fn parse(json: &Map<String, Value>) -> Result<Found> {
    for (key, values) in ONLY {
        let value = json.get(key).filter(|value| !value.is_null());
        if let Some(value) = value.filter(|value| !values.contains(&value.to_string().as_str())) {
            bail!(
                "{key}: expected {}, got {value}: prep would compute something else than PEFT",
                values.first().unwrap_or(&"null")
            );
        }
    }
    let number = |key: &str| json.get(key).and_then(Value::as_f64);
    let rank = json
        .get("r")
        .and_then(Value::as_u64)
        .context("r: no rank")? as usize;
    let targets = json.get("target_modules").and_then(Value::as_array);
    let targets = targets.context("target_modules: expected a list of names")?;
    let base = json.get("base_model_name_or_path").and_then(Value::as_str);
    let tells_labels = json.get("task_type").and_then(Value::as_str) == Some(LABELS_TASK);
    let saved = json.get("modules_to_save").and_then(Value::as_array);
    ensure!(
        tells_labels == saved.is_some_and(|saved| !saved.is_empty()),
        "task_type and modules_to_save: expected {LABELS_TASK} with a classifier's head, score, or \
         another task with none"
    );
    let lora = Lora {
        rank,
        alpha: number("lora_alpha").context("lora_alpha is missing")?,
        dropout: number("lora_dropout").unwrap_or(0.0),
        targets: targets
            .iter()
            .filter_map(Value::as_str)
            // PEFT's names may be whole paths of modules.
            .map(|name| name.rsplit('.').next().unwrap_or(name).to_owned())
            .collect(),
    };
    Ok(Found {
        lora,
        base: base.context("base_model_name_or_path is missing")?.into(),
        tells_labels,
    })
}

/// The folder of the base model of the adapters in `dir`.
///
/// # Errors
/// When it is not where they say.
pub fn base(dir: &Path) -> Result<PathBuf> {
    Ok(open(dir)?.base)
}

fn open(dir: &Path) -> Result<Found> {
    let path = dir.join(CONFIG);
    let found = parse(&read_json(&path)?).with_context(|| format!("{}", path.display()))?;
    let base = base_of(dir, &found.base).with_context(|| format!("{}: adapters", dir.display()))?;
    Ok(Found { base, ..found })
}

/// The configuration of the base model of the adapters in `dir`, with the labels that they tell.
///
/// # Errors
/// When the base is not where they say, or a file is damaged.
pub fn config(dir: &Path, vocab_size: Option<usize>) -> Result<Config> {
    let found = open(dir)?;
    with_labels(load_config(&found.base, vocab_size)?, &found, dir)
}

/// The configuration of the base with the labels of the adapters.
fn with_labels(config: Config, found: &Found, dir: &Path) -> Result<Config> {
    if !found.tells_labels {
        return Ok(config);
    }
    let named = match read_json(&run_dir::manifest_path(dir)) {
        Ok(manifest) => {
            let config = manifest.get("config");
            let names = config.and_then(|config| config.get("model.labels"));
            names.and_then(Value::as_array).cloned()
        }
        Err(_) => None,
    };
    let named = named.map(|names| {
        let names = names.iter().filter_map(Value::as_str);
        names.map(str::to_owned).collect::<Vec<_>>()
    });
    let file = Reader::open(&dir.join(WEIGHTS))?;
    let head = format!("{BASE}score.weight");
    let count = file.dims(&head).and_then(|dims| dims.first().copied());
    let count = count.with_context(|| format!("{WEIGHTS}: no {head}, a classifier's head"))?;
    let numbered = || (0..count).map(|label| format!("LABEL_{label}")).collect();
    let labels: Vec<String> = named.or(config.labels).unwrap_or_else(numbered);
    ensure!(
        labels.len() == count,
        "{}: {} labels have names, and {WEIGHTS} has a head for {count}",
        dir.display(),
        labels.len()
    );
    Ok(Config {
        labels: Some(labels),
        tied: false,
        ..config
    })
}

/// The base model's folder: as written, in the adapters' folder, or beside it.
fn base_of(dir: &Path, named: &Path) -> Result<PathBuf> {
    [
        named.to_owned(),
        dir.join(named),
        dir.join("..").join(named),
    ]
    .into_iter()
    .find(|path| path.is_dir())
    .with_context(|| {
        format!(
            "the base model {} is not there. Put its folder there, or correct \
                 base_model_name_or_path in {CONFIG}",
            named.display()
        )
    })
}

/// Loads the base model of an adapter folder and adds the adapters to its weights.
///
/// # Errors
/// When the base is missing or another one than the adapters were trained on, or a file does not
/// fit it.
pub fn load_merged<B: Backend>(backend: &B, dir: &Path) -> Result<Model<B>> {
    let found = open(dir)?;
    let base = &found.base;
    check_base(dir, base)?;
    let config = check_folder(base, load_config(base, None)?)?;
    let config = with_labels(config, &found, dir)?;
    let adapters = read_adapters(backend, &config, found.lora.clone(), dir).with_context(|| {
        format!(
            "{}: the adapters do not fit the base model {}",
            dir.display(),
            base.display()
        )
    })?;
    let mut model = load_model(backend, base)?;
    if let Some(labels) = config.labels {
        // The adapters bring the head's values.
        model = model.with_labels(backend, labels, 0)?;
    }
    adapters.merge(backend, &mut model)?;
    Ok(model)
}

fn read_adapters<B: Backend>(
    backend: &B,
    config: &Config,
    lora: Lora,
    dir: &Path,
) -> Result<Adapters<B>> {
    lora.check(config)?;
    let mut file = Reader::open(&dir.join(WEIGHTS))?;
    let (found, wanted) = (file.names().count(), lora.layout(config).len());
    ensure!(
        found == wanted,
        "{WEIGHTS} has {found} tensors, the base model's matrices of these names (and a classifier's \
         head) take {wanted}"
    );
    Adapters::from_values(backend, config, lora, |spec| {
        file.read(&spec.name, &spec.dims())
    })
}

/// Refuses a base that is not the one the adapters were trained on, where a manifest says which.
fn check_base(dir: &Path, base: &Path) -> Result<()> {
    let Ok(text) = std::fs::read(run_dir::manifest_path(dir)) else {
        return Ok(());
    };
    let manifest: Value = serde_json::from_slice(&text)
        .with_context(|| format!("{}: manifest.json is damaged", dir.display()))?;
    let Some(wanted) = manifest["config"]["base"].as_str() else {
        return Ok(());
    };
    let found = digest_weights(base)?;
    ensure!(
        wanted == found,
        "{}: the adapters were trained on another base: its weights have the hash {wanted}, those of \
         {} have {found}. Give the base of the training back its place, or correct \
         base_model_name_or_path in {CONFIG}",
        dir.display(),
        base.display()
    );
    Ok(())
}
