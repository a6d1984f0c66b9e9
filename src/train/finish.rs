//! The end of a run: model folder, report, manifest.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use xxhash_rust::xxh3::Xxh3;

use super::{
    Options, Packed,
    checkpoint::Best,
    mfu::flops_per_token,
    objective::classes::Confusion,
    run::{Data, Outcome},
};
use crate::{
    atomic,
    model::{self, Extra, MAX_FILE_BYTES, Model, parameters},
    ops::{Backend, quant::Format},
    plan::Shape,
    run_dir,
    tokenize::Tokenizer,
};

/// What `--json` prints and `report.json` keeps.
#[must_use]
pub fn report<B: Backend>(
    backend: &B,
    outcome: &Outcome<B>,
    data: &Data<'_>,
    options: &Options,
) -> Value {
    let packed = data.train.packed();
    let utilisation = data.utilisation;
    let means = outcome.val.and_then(|val| val.means());
    let preferred = outcome.val_preference;
    let told = outcome.val_classes.as_ref().and_then(Confusion::told);
    let shape = Shape::of(&options.model);
    let (state, guard) = (&outcome.state, &outcome.state.guard);
    json!({
        "steps": state.step,
        "tokens": state.step * options.step_tokens(),
        "counted_tokens": state.counted,
        "train_loss": outcome.train_loss,
        "objective": options.objective.name(),
        "val_loss": preferred
            .map(|of| of.loss)
            .or(told.map(|of| of.loss))
            .or(means.map(|m| m.loss)),
        "val_preference": preferred,
        "val_classes": classes(outcome, options),
        "perplexity": means.map(|m| m.perplexity),
        "bits_per_byte": means.and_then(|m| m.bits_per_byte),
        "val_tokens": means.map(|m| m.tokens),
        "val_truncated_tokens": data.val.as_ref().map(|val| val.packed().lost_tokens),
        "val_left_out_documents": data.val.as_ref().map(|val| val.packed().silent_documents),
        "val_by_source": outcome.val_by.as_ref().map(|by| &by.by_source),
        "val_by_language": outcome.val_by.as_ref().map(|by| &by.by_language),
        "val_sets": outcome.val_sets,
        "best_step": state.best.map(|best| best.step),
        "best_val_loss": state.best.map(Best::loss),
        "stopped_early": state.out_of_patience() && state.step < options.schedule.steps,
        "skipped_steps": guard.skipped,
        "rollbacks": guard.rollbacks,
        "packing": packing(packed, options),
        "tokens_per_second": outcome.tokens_per_second,
        "wait_share": outcome.wait_share,
        "mfu": utilisation
            .zip(outcome.tokens_per_second)
            .map(|(of, rate)| of.share(rate)),
        "peak_tflops": utilisation.map(|of| of.peak.flops_per_second / 1e12),
        "peak_measured": utilisation.map(|of| of.peak.measured),
        "parameters": parameters(&options.model),
        "active_parameters": shape.active_parameters as u64,
        "trained_parameters": options.trained(),
        "flops_per_token": flops_per_token(options, &data.train).round() as u64,
        "experts": outcome.experts,
        "device": backend.name(),
    })
}

/// How well labels are told: all together, each, and for which others they are taken.
fn classes<B: Backend>(outcome: &Outcome<B>, options: &Options) -> Value {
    let (Some(confusion), Some(names)) = (&outcome.val_classes, &options.model.labels) else {
        return Value::Null;
    };
    let mut json = json!(confusion.told());
    if json.is_object() {
        json["labels"] = json!(names);
        json["confusion"] = json!(confusion.counts);
        json["by_label"] = json!(confusion.by_label(names));
    }
    json
}

/// What the plan made of the documents, with its shares.
#[must_use]
pub fn packing(packed: &Packed, options: &Options) -> Value {
    let mut json = json!(packed);
    json["packing"] = json!(options.packing);
    json["seq_len"] = json!(options.seq_len);
    json["padded_share"] = json!(packed.padded_share());
    json["truncated_share"] = json!(packed.truncated_share());
    json["silent_share"] = json!(packed.silent_share());
    json
}

/// What is written, beside the model's weights.
pub struct Writing<'a> {
    /// The model's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// The base model's folder, where there is one.
    pub base: Option<&'a Path>,
    /// Whether the model is written whole beside its adapters.
    pub merge: bool,
    /// The model folder.
    pub out: &'a Path,
}

/// Writes the model folder, or that of its adapters; the manifest last, so that it stands for the rest.
///
/// # Errors
/// Names the file that could not be written.
pub fn finish<B: Backend>(
    backend: &B,
    outcome: &mut Outcome<B>,
    data: &Data<'_>,
    options: &Options,
    config: &Value,
    writing: &Writing<'_>,
) -> Result<Value> {
    let Writing { tokenizer, out, .. } = *writing;
    let extra = Extra {
        bos: tokenizer.bos_id(),
        eos: tokenizer.stop_ids(),
        pad: tokenizer.pad_id(),
    };
    let storing = (options.save_dtype, MAX_FILE_BYTES);
    let mut names = match (&outcome.model.adapters, writing.base) {
        (Some(adapters), Some(base)) => {
            model::save_adapters(backend, adapters, out, base, options.save_dtype)?
        }
        _ => model::save(backend, &outcome.model, out, &extra, storing)?,
    };
    tokenizer.save(out)?;
    if writing.merge
        && let Some(adapters) = outcome.model.adapters.take()
    {
        let merged = out.join("merged");
        std::fs::create_dir_all(&merged)
            .with_context(|| format!("cannot make {}", merged.display()))?;
        // Rounded matrices are no base to add to: the files have the exact ones.
        if let (false, Some(base)) = (outcome.model.frozen.is_empty(), writing.base) {
            outcome.model = first_of(backend, base, options, None)?;
        }
        adapters.merge(backend, &mut outcome.model)?;
        model::save(backend, &outcome.model, &merged, &extra, storing)?;
        tokenizer.save(&merged)?;
    }
    let report = report(backend, outcome, data, options);
    atomic::write_json(&out.join("report.json"), &report)?;
    names.extend(["tokenizer.json", "tokenizer_config.json", "report.json"].map(str::to_owned));
    let mut files = Vec::new();
    for name in names {
        let (bytes, xxh3) = digest(&out.join(&name))?;
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

/// The model that a run of a base begins with, its layers' matrices as they are or in fewer bits: where
/// other labels are told than the base tells, with a head of random weights.
///
/// # Errors
/// As [`model::load_any`].
pub fn first_of<B: Backend>(
    backend: &B,
    base: &Path,
    options: &Options,
    format: Option<Format>,
) -> Result<Model<B>> {
    let model = match format {
        Some(format) => model::load_frozen(backend, base, format)?,
        None => model::load_any(backend, base)?,
    };
    match &options.model.labels {
        Some(labels) if model.config.labels.as_ref() != Some(labels) => {
            model.with_labels(backend, labels.clone(), options.seed)
        }
        _ => Ok(model),
    }
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
