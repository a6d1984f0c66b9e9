//! Model folders: loading and saving what `transformers` loads and saves.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_128;

use super::{
    Config, Extra, Llama, hf,
    layout::layout,
    safetensors::{self, Reader},
};
use crate::{atomic, ops::Backend};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const GENERATION: &str = "generation_config.json";

/// Reads a `config.json`, given as the file or as its folder; `vocab_size` stands in where the
/// file names none.
///
/// # Errors
/// Names the file and the key, what was expected and what it holds.
pub fn load_config(path: &Path, vocab_size: Option<usize>) -> Result<Config> {
    let file = if path.is_dir() {
        path.join(CONFIG)
    } else {
        path.to_owned()
    };
    hf::parse(&read_json(&file)?, vocab_size).with_context(|| format!("{}", file.display()))
}

/// Loads a model folder.
///
/// # Errors
/// Names the file or the tensor, what was expected and what it holds.
pub fn load<B: Backend>(backend: &B, dir: &Path) -> Result<Llama<B>> {
    ensure!(
        dir.is_dir(),
        "{}: expected a model folder (config.json, model.safetensors, tokenizer.json)",
        dir.display()
    );
    let mut config = load_config(dir, None)?;
    let mut weights = Weights::open(dir)?;
    // A head in the file of a tied model is the table once more; a missing head of an untied one
    // means that the file is of a tied model.
    if !config.tied && !weights.has("lm_head.weight") && weights.has("model.embed_tokens.weight") {
        config.tied = true;
    }
    let missing: Vec<String> = layout(&config)
        .into_iter()
        .map(|spec| spec.name)
        .filter(|name| !weights.has(name))
        .collect();
    if let Some(first) = missing.first() {
        bail!(
            "{}: {} of the model's tensors are missing, {first} among them. Copy the folder again, \
             or check that config.json is this model's",
            dir.display(),
            missing.len()
        );
    }
    Llama::from_values(backend, config, |spec, _| {
        weights.read(&spec.name, &spec.dims())
    })
}

/// Writes `config.json`, `generation_config.json` and `model.safetensors`, the weights last;
/// each file is whole or absent.
///
/// # Errors
/// Names the file that could not be written.
pub fn save<B: Backend>(backend: &B, model: &Llama<B>, dir: &Path, extra: &Extra) -> Result<()> {
    atomic::write_json(&dir.join(CONFIG), &hf::config_json(&model.config, extra))?;
    atomic::write_json(&dir.join(GENERATION), &hf::generation_json(extra))?;
    write_weights(backend, model, &dir.join(WEIGHTS))
}

/// Writes the weights alone to `path`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_weights<B: Backend>(backend: &B, model: &Llama<B>, path: &Path) -> Result<()> {
    let tensors: Vec<_> = model
        .specs
        .iter()
        .map(|spec| (spec.name.clone(), spec.dims()))
        .collect();
    safetensors::write(path, &tensors, |i| backend.download(&model.weights[i]))
}

/// A hash of a folder's weights: what a run that starts from them depends on.
///
/// # Errors
/// When there are no weights, or they cannot be read.
pub fn digest_weights(dir: &Path) -> Result<String> {
    let mut all = String::new();
    for path in weight_files(dir)? {
        all += &crate::train::finish::digest(&path)?.1;
    }
    Ok(format!("{:032x}", xxh3_128(all.as_bytes())))
}

/// The tensors of a folder, in one file or in several with an index.
struct Weights {
    files: Vec<Reader>,
    /// The file of each tensor.
    place: BTreeMap<String, usize>,
}

impl Weights {
    fn open(dir: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for path in weight_files(dir)? {
            files.push(Reader::open(&path)?);
        }
        let mut place = BTreeMap::new();
        for (i, file) in files.iter().enumerate() {
            for name in file.names() {
                place.insert(name.to_owned(), i);
            }
        }
        Ok(Self { files, place })
    }

    fn has(&self, name: &str) -> bool {
        self.place.contains_key(name)
    }

    fn read(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>> {
        let Some(&file) = self.place.get(name) else {
            bail!("tensor {name} is missing");
        };
        self.files[file].read(name, dims)
    }
}

fn weight_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let single = dir.join(WEIGHTS);
    if single.is_file() {
        return Ok(vec![single]);
    }
    let index = dir.join(INDEX);
    ensure!(
        index.is_file(),
        "{}: expected {WEIGHTS} (or {INDEX} with its parts), found neither. A folder with .bin \
         weights has to be converted to safetensors first",
        dir.display()
    );
    let json = read_json(&index)?;
    let map = json
        .get("weight_map")
        .and_then(Value::as_object)
        .with_context(|| format!("{}: no weight_map", index.display()))?;
    let mut names: Vec<&str> = map.values().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}

fn read_json(path: &Path) -> Result<Map<String, Value>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}: not a JSON object", path.display()))
}
