//! Adapter folders: what PEFT writes and loads (`adapter_config.json`, `adapter_model.safetensors`).
//!
//! A folder names its base model by path. prep's own also have a manifest with a hash of the base's
//! weights, so that adapters are never put beside the weights of another model.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    Adapters, Config, Lora, Model,
    files::{check_folder, digest_weights, load_config, load_model, read_json},
    safetensors::{self, Dtype, Reader},
};
use crate::{atomic, ops::Backend, run_dir};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

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
    atomic::write_json(&dir.join(CONFIG), &config_json(&adapters.lora, base))?;
    let specs = adapters.specs.iter();
    let tensors: Vec<_> = specs.map(|spec| (spec.name.clone(), spec.dims())).collect();
    safetensors::write(&dir.join(WEIGHTS), dtype, &tensors, |i| {
        backend.download(&adapters.weights[i])
    })?;
    Ok([CONFIG, WEIGHTS].map(str::to_owned).to_vec())
}

fn config_json(lora: &Lora, base: &Path) -> Value {
    // PEFT takes any number, and other programs a whole one.
    let alpha = match lora.alpha.fract() {
        0.0 => json!(lora.alpha as u64),
        _ => json!(lora.alpha),
    };
    json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": true,
        "r": lora.rank,
        "lora_alpha": alpha,
        "lora_dropout": lora.dropout,
        "target_modules": lora.targets,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "modules_to_save": null,
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
    ("modules_to_save", &["[]"]),
    ("layers_to_transform", &[]),
    ("layer_replication", &[]),
    ("rank_pattern", &["{}"]),
    ("alpha_pattern", &["{}"]),
    ("use_dora", &["false"]),
    ("use_rslora", &["false"]),
    ("use_qalora", &["false"]),
];

/// Reads `adapter_config.json`: the adapters' options and the base model's path.
fn parse(json: &Map<String, Value>) -> Result<(Lora, PathBuf)> {
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
    Ok((
        lora,
        base.context("base_model_name_or_path is missing")?.into(),
    ))
}

/// The folder of the base model of the adapters in `dir`.
///
/// # Errors
/// When it is not where they say.
pub fn base(dir: &Path) -> Result<PathBuf> {
    Ok(open(dir)?.1)
}

/// The adapters' options and their base model's folder.
fn open(dir: &Path) -> Result<(Lora, PathBuf)> {
    let path = dir.join(CONFIG);
    let (lora, named) = parse(&read_json(&path)?).with_context(|| format!("{}", path.display()))?;
    let base = base_of(dir, &named).with_context(|| format!("{}: adapters", dir.display()))?;
    Ok((lora, base))
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
    let (lora, base) = open(dir)?;
    check_base(dir, &base)?;
    let config = check_folder(&base, load_config(&base, None)?)?;
    let adapters = read_adapters(backend, &config, lora, dir).with_context(|| {
        format!(
            "{}: the adapters do not fit the base model {}",
            dir.display(),
            base.display()
        )
    })?;
    let mut model = load_model(backend, &base)?;
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
        "{WEIGHTS} has {found} tensors, the base model's matrices of these names take {wanted}"
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
