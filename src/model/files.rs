//! Model folders: loading and saving what `transformers` loads and saves.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::{
    Config, Extra, Model,
    adapter_files::{self, is_adapter, load_merged},
    arch::Stored,
    hf,
    layout::{ParamSpec, layout},
    safetensors::{self, Dtype, Reader},
};
use crate::{
    atomic,
    ops::{Backend, quant::Format},
};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// The output head, which has no prefix.
const HEAD: &str = "lm_head.weight";
/// The head of a classifier, which has none either.
const SCORE: &str = "score.weight";
const GENERATION: &str = "generation_config.json";

/// Reads a `config.json`, given as the file or as its folder; `vocab_size` stands in where the
/// file names none.
///
/// # Errors
/// Names the file and the key, what was expected and what it holds.
pub fn load_config(path: &Path, vocab_size: Option<usize>) -> Result<Config> {
    if is_adapter(path) {
        return adapter_files::config(path, vocab_size);
    }
    let file = if path.is_dir() {
        path.join(CONFIG)
    } else {
        path.to_owned()
    };
    hf::parse(&read_json(&file)?, vocab_size).with_context(|| format!("{}", file.display()))
}

/// The configuration that a folder's weights have, of which every tensor is checked to be there.
///
/// # Errors
/// Names the first tensor that is missing, or that the architecture does not know.
pub fn check_folder(dir: &Path, mut config: Config) -> Result<Config> {
    let weights = Weights::open(dir, config.arch.row().prefix)?;
    // A head in the file of a tied model is the table once more; a missing head of an untied one
    // means that the file is of a tied model.
    let table = &layout(&config)[0].file_name;
    let reads_tokens = config.labels.is_none();
    if reads_tokens && !config.tied && !weights.has(HEAD) && weights.has(table) {
        config.tied = true;
    }
    weights
        .check(&layout(&config))
        .with_context(|| format!("{}", dir.display()))?;
    Ok(config)
}

/// Loads a model folder, or the base of an adapter folder with the adapters added to its weights.
///
/// # Errors
/// Names the file or the tensor, what was expected and what it holds.
pub fn load<B: Backend>(backend: &B, dir: &Path) -> Result<Model<B>> {
    ensure!(
        !dir.is_dir() || load_config(dir, None)?.labels.is_none(),
        "{}: a classifier, which tells labels and no tokens. `prep classify` asks it",
        dir.display()
    );
    load_any(backend, dir)
}

/// Loads a model folder as [`load`] does, or that of a classifier.
///
/// # Errors
/// As [`load`].
pub fn load_any<B: Backend>(backend: &B, dir: &Path) -> Result<Model<B>> {
    if is_adapter(dir) {
        return load_merged(backend, dir);
    }
    load_model(backend, dir)
}

/// Loads a model folder to be frozen, with the layers' matrices in a format of fewer bits.
///
/// # Errors
/// As [`load`].
pub fn load_frozen<B: Backend>(backend: &B, dir: &Path, format: Format) -> Result<Model<B>> {
    load_in(backend, dir, Some(format))
}

/// Loads a model folder.
pub(super) fn load_model<B: Backend>(backend: &B, dir: &Path) -> Result<Model<B>> {
    load_in(backend, dir, None)
}

fn load_in<B: Backend>(backend: &B, dir: &Path, format: Option<Format>) -> Result<Model<B>> {
    ensure!(
        dir.is_dir(),
        "{}: expected a model folder (config.json, model.safetensors, tokenizer.json)",
        dir.display()
    );
    let config = check_folder(dir, load_config(dir, None)?)?;
    let mut weights = Weights::open(dir, config.arch.row().prefix)?;
    // Parameters that lie in one tensor of the file follow each other: it is read once.
    let mut last: (String, Vec<f32>) = Default::default();
    Model::from_values_in(backend, config, format, |spec, _| {
        if last.0 != spec.file_name {
            last.1.clear();
            for name in spec.file_names() {
                last.1.append(&mut weights.read(&name, &spec.file_dims())?);
            }
            last.0.clone_from(&spec.file_name);
        }
        let values = match spec.stored {
            Stored::Own | Stored::Experts => std::mem::take(&mut last).1,
            Stored::Flipped | Stored::Third(..) => spec.extract(&last.1),
        };
        ensure!(
            values.iter().all(|value| value.is_finite()),
            "{}: the tensor {} holds NaN or infinity: the weights are broken, and nothing can be \
             computed with them. Take another copy or an earlier checkpoint",
            dir.display(),
            spec.file_name
        );
        Ok(values)
    })
}

/// Writes `config.json`, `generation_config.json` and the weights, stored as `dtype` in
/// `model.safetensors` or, above `most` bytes, in several files with an index; the weights last.
/// Each file is whole or absent. Returns the names, in order.
///
/// # Errors
/// Names the file that could not be written.
pub fn save<B: Backend>(
    backend: &B,
    model: &Model<B>,
    dir: &Path,
    extra: &Extra,
    (dtype, most): (Dtype, u64),
) -> Result<Vec<String>> {
    save_config(&model.config, dir, extra, dtype)?;
    let mut names = vec![CONFIG.to_owned(), GENERATION.to_owned()];
    let tensors = file_tensors(&model.specs);
    let files = split(&tensors, dtype, most);
    let count = files.len();
    let mut map = Map::new();
    for (i, tensors) in files.into_iter().enumerate() {
        let name = match count {
            1 => WEIGHTS.to_owned(),
            _ => format!("model-{:05}-of-{count:05}.safetensors", i + 1),
        };
        let named: Vec<_> = tensors
            .iter()
            .map(|t| (t.name.clone(), t.dims.clone()))
            .collect();
        safetensors::write(&dir.join(&name), dtype, &named, |i| {
            tensors[i].values(backend, model)
        })?;
        map.extend(named.into_iter().map(|(tensor, _)| (tensor, json!(name))));
        names.push(name);
    }
    if count > 1 {
        let values: usize = model.specs.iter().map(ParamSpec::count).sum();
        let bytes = values * dtype.width();
        let index = json!({"metadata": {"total_size": bytes}, "weight_map": map});
        atomic::write_json(&dir.join(INDEX), &index)?;
        names.push(INDEX.to_owned());
    }
    Ok(names)
}

/// Writes `config.json` and `generation_config.json` of a model without weights.
///
/// # Errors
/// Names the file that could not be written.
pub fn save_config(config: &Config, dir: &Path, extra: &Extra, dtype: Dtype) -> Result<()> {
    atomic::write_json(&dir.join(CONFIG), &hf::config_json(config, extra, dtype))?;
    atomic::write_json(&dir.join(GENERATION), &hf::generation_json(extra))
}

/// Copies configuration and weights of the model folder `from` into the folder `to`, as they are.
///
/// # Errors
/// Names the file that could not be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut files = weight_files(from)?;
    files.push(from.join(CONFIG));
    files.extend(
        [GENERATION, INDEX]
            .map(|name| from.join(name))
            .into_iter()
            .filter(|path| path.is_file()),
    );
    for file in files {
        let name = file.file_name().context("a weight file has a name")?;
        fs::copy(&file, to.join(name))
            .with_context(|| format!("cannot copy {} into {}", file.display(), to.display()))?;
    }
    Ok(())
}

/// Bytes of one file of weights, above which they are written to several: what `transformers`
/// takes, too.
pub const MAX_FILE_BYTES: u64 = 5_000_000_000;

/// A tensor of the file and the parameters in it, or the part of a parameter that it is.
struct FileTensor {
    name: String,
    dims: Vec<usize>,
    params: Vec<usize>,
    /// Which of the parameter's tensors it is.
    part: usize,
}

impl FileTensor {
    fn count(&self) -> usize {
        self.dims.iter().product()
    }

    fn values<B: Backend>(&self, backend: &B, model: &Model<B>) -> Result<Vec<f32>> {
        if let [i] = self.params[..]
            && model.specs[i].tensors == 1
            && matches!(model.specs[i].stored, Stored::Own)
        {
            // As it is, without a second copy: the token table is most of a small model.
            return backend.download(&model.weights[i]);
        }
        let mut values = vec![0.0; self.count()];
        for &i in &self.params {
            let (spec, weight) = (&model.specs[i], &model.weights[i]);
            if spec.tensors > 1 {
                let rows = spec.rows / spec.tensors;
                let part = backend.rows(weight, self.part * rows, (self.part + 1) * rows)?;
                return backend.download(&part);
            }
            spec.insert(&backend.download(weight)?, &mut values);
        }
        Ok(values)
    }
}

fn file_tensors(specs: &[ParamSpec]) -> Vec<FileTensor> {
    let mut tensors: Vec<FileTensor> = Vec::new();
    for (i, spec) in specs.iter().enumerate() {
        match tensors
            .iter_mut()
            .rev()
            .take(3)
            .find(|t| t.name == spec.file_name)
        {
            Some(tensor) => tensor.params.push(i),
            None => tensors.extend(spec.file_names().into_iter().enumerate().map(
                |(part, name)| FileTensor {
                    name,
                    dims: spec.file_dims(),
                    params: vec![i],
                    part,
                },
            )),
        }
    }
    tensors
}

/// Cuts the tensors into files of at most `most` bytes, but of at least one tensor.
fn split(tensors: &[FileTensor], dtype: Dtype, most: u64) -> Vec<&[FileTensor]> {
    let (mut files, mut first, mut bytes) = (Vec::new(), 0, 0);
    for (i, tensor) in tensors.iter().enumerate() {
        let size = (tensor.count() * dtype.width()) as u64;
        if i > first && bytes + size > most {
            files.push(&tensors[first..i]);
            (first, bytes) = (i, 0);
        }
        bytes += size;
    }
    files.push(&tensors[first..]);
    files
}

/// Writes the parameters alone to `path`, in f32 and in prep's own layout: for checkpoints.
///
/// # Errors
/// When the file cannot be written.
pub fn write_weights<B: Backend>(
    backend: &B,
    specs: &[ParamSpec],
    weights: &[B::Buf],
    path: &Path,
) -> Result<()> {
    let tensors: Vec<_> = specs
        .iter()
        .map(|spec| (spec.name.clone(), spec.dims()))
        .collect();
    safetensors::write(path, Dtype::F32, &tensors, |i| {
        backend.download(&weights[i])
    })
}

/// A hash of a folder's weights: what a run that starts from them depends on.
///
/// # Errors
/// When there are no weights, or they cannot be read.
pub fn digest_weights(dir: &Path) -> Result<String> {
    let mut all = String::new();
    let paths = if is_adapter(dir) {
        // What adapters compute depends on their base as well.
        let mut paths = weight_files(&adapter_files::base(dir)?)?;
        paths.push(adapter_files::weights(dir));
        paths
    } else {
        weight_files(dir)?
    };
    for path in paths {
        all += &crate::train::finish::digest(&path)?.1;
    }
    Ok(format!("{:032x}", xxh3_128(all.as_bytes())))
}

/// The tensors of a folder, in one file or in several with an index.
struct Weights {
    files: Vec<Reader>,
    /// The file of each tensor, and the tensor's name there.
    place: BTreeMap<String, (usize, String)>,
}

/// Endings of buffers that old files have beside the weights.
const BUFFERS: [&str; 5] = [
    ".rotary_emb.inv_freq",
    ".attn.bias",
    ".attn.masked_bias",
    ".attn.attention.bias",
    ".attn.attention.masked_bias",
];

impl Weights {
    /// Opens the files; names that lack `prefix` (those of a bare model without its head) get it.
    fn open(dir: &Path, prefix: &str) -> Result<Self> {
        let mut files = Vec::new();
        for path in weight_files(dir)? {
            files.push(Reader::open(&path)?);
        }
        let mut place = BTreeMap::new();
        for (i, file) in files.iter().enumerate() {
            for name in file.names() {
                let bare = name != HEAD && name != SCORE && !name.starts_with(prefix);
                let full = if bare {
                    format!("{prefix}{name}")
                } else {
                    name.to_owned()
                };
                place.insert(full, (i, name.to_owned()));
            }
        }
        Ok(Self { files, place })
    }

    fn has(&self, name: &str) -> bool {
        self.place.contains_key(name)
    }

    /// Checks that the files have the parameters and nothing else that would be computed with.
    fn check(&self, specs: &[ParamSpec]) -> Result<()> {
        let known: BTreeSet<String> = specs.iter().flat_map(ParamSpec::file_names).collect();
        let missing: Vec<&String> = known.iter().filter(|name| !self.has(name)).collect();
        if let Some(first) = missing.first() {
            bail!(
                "{} of the model's tensors are missing, {first} among them. Copy the folder again, \
                 or check that config.json is this model's",
                missing.len()
            );
        }
        let buffer = |name: &str| BUFFERS.iter().any(|end| name.ends_with(end));
        let unknown = |name: &&String| *name != HEAD && !buffer(name) && !known.contains(*name);
        if let Some(name) = self.place.keys().find(unknown) {
            bail!(
                "the weights have the tensor {name}, which config.json's architecture does not \
                 have: the model computes something that prep does not. Check that config.json is \
                 this model's"
            );
        }
        Ok(())
    }

    fn read(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>> {
        let Some((file, name)) = self.place.get(name) else {
            bail!("tensor {name} is missing");
        };
        self.files[*file].read(name, dims)
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

pub(super) fn read_json(path: &Path) -> Result<Map<String, Value>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}: not a JSON object", path.display()))
}
