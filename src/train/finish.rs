//! The end of a run: model folder, report, manifest.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use xxhash_rust::xxh3::Xxh3;

use super::{Options, run::Outcome};
use crate::{
    atomic,
    model::{self, Extra, parameters},
    ops::Backend,
    run_dir,
    tokenize::Tokenizer,
};

/// The files of a model folder, in the order of the manifest.
const FILES: [&str; 6] = [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "report.json",
];

/// What `--json` prints and `report.json` keeps.
#[must_use]
pub fn report<B: Backend>(backend: &B, outcome: &Outcome<B>, options: &Options) -> Value {
    let means = outcome.val.and_then(|val| val.means());
    json!({
        "steps": outcome.steps,
        "tokens": outcome.steps * options.step_tokens(),
        "train_loss": outcome.train_loss,
        "val_loss": means.map(|m| m.loss),
        "perplexity": means.map(|m| m.perplexity),
        "bits_per_byte": means.and_then(|m| m.bits_per_byte),
        "val_tokens": means.map(|m| m.tokens),
        "tokens_per_second": outcome.tokens_per_second,
        "parameters": parameters(&options.model),
        "device": backend.name(),
    })
}

/// Writes the model folder; the manifest last, so that it stands for the rest.
///
/// # Errors
/// Names the file that could not be written.
pub fn finish<B: Backend>(
    backend: &B,
    outcome: &Outcome<B>,
    options: &Options,
    config: &Value,
    tokenizer: &Tokenizer,
    out: &Path,
) -> Result<Value> {
    let extra = Extra {
        bos: tokenizer.bos_id(),
        eos: tokenizer.stop_ids(),
        pad: tokenizer.pad_id(),
    };
    model::save(backend, &outcome.model, out, &extra)?;
    tokenizer.save(out)?;
    let report = report(backend, outcome, options);
    atomic::write_json(&out.join("report.json"), &report)?;
    let mut files = Vec::new();
    for name in FILES {
        let (bytes, xxh3) = digest(&out.join(name))?;
        files.push(json!({"file": name, "bytes": bytes, "xxh3": xxh3}));
    }
    let manifest = json!({
        "format": "prep-model",
        "version": 1,
        "prep_version": env!("CARGO_PKG_VERSION"),
        "config": config,
        "files": files,
        "report": report,
    });
    atomic::write_json(&run_dir::manifest_path(out), &manifest)?;
    // The manifest stands for the finished run now; a state left by a cut here does no harm.
    let _ = std::fs::remove_file(run_dir::state_path(out));
    Ok(report)
}

/// Size and xxh3-128 of a file, which is read in pieces: weights may be larger than memory.
///
/// # Errors
/// When the file cannot be read.
pub fn digest(path: &Path) -> Result<(u64, String)> {
    let failed = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(failed)?;
    let (mut hash, mut bytes) = (Xxh3::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).with_context(failed)?;
        if count == 0 {
            return Ok((bytes, format!("{:032x}", hash.digest128())));
        }
        hash.update(&buffer[..count]);
        bytes += count as u64;
    }
}
