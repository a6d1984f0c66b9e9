//! `prep export deepspeed`: a folder from which `PyTorch` trains what `prep train` would, on more cards.
//!
//! ```text
//! OUT/ README.md  requirements.txt
//!      train_deepspeed.py  train_torchrun.py  common.py      the same for every export: template/
//!      settings.json  ds_config.json                         this run's numbers
//!      data/train.arrow  data/val.arrow  data/order.npy      prep's packed sequences and their order
//!      model/                                                configuration, tokenizer, first weights
//!      export.json                                           last: where it stands the rest is whole
//! ```
//!
//! The sequences are written, not the recipe of packing, so that the scripts read what prep would learn
//! from, token for token; `tests/python/check_deepspeed.py` compares both.

mod layout;
mod sequences;

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    atomic,
    model::{self, Extra, MAX_FILE_BYTES, Model, safetensors::Dtype},
    ops::{Precision, cpu::Cpu},
    plan::memory::Stage,
    tokenize::Tokenizer,
    train::{Loader, Options},
};

pub use layout::{Layout, Offload, Wanted, layout, sequences};

/// Parameters up to which random first weights are written, so that a run begins as prep's would; above,
/// 4 GB of f32, the script draws its own.
pub const MOST_WRITTEN_PARAMETERS: usize = 1_000_000_000;

/// What is the same in every export: name and text.
const FILES: &[(&str, &str)] = &[
    ("common.py", include_str!("template/common.py")),
    (
        "train_deepspeed.py",
        include_str!("template/train_deepspeed.py"),
    ),
    (
        "train_torchrun.py",
        include_str!("template/train_torchrun.py"),
    ),
    (
        "requirements.txt",
        include_str!("template/requirements.txt"),
    ),
];
const README: &str = include_str!("template/README.md");
/// Names at the top of the folder that an interrupted export may have left.
const OWN: &[&str] = &[
    "data",
    "model",
    "settings.json",
    "ds_config.json",
    "README.md",
];

/// What is exported.
pub struct Project<'a> {
    /// The options of the run, resolved as `prep train` resolves them.
    pub options: &'a Options,
    /// What the model learns from.
    pub train: &'a Loader<'a>,
    /// What it is measured on.
    pub val: Option<&'a Loader<'a>>,
    /// The shards' tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// The model folder whose weights to continue from.
    pub base: Option<&'a Path>,
    /// `ZeRO`'s stage.
    pub stage: Stage,
    /// Cards.
    pub gpus: u64,
    /// What the model computes in.
    pub dtype: Precision,
    /// How the run lies on the cards.
    pub layout: Layout,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// The folder; new, empty, or of an interrupted export.
    pub out: &'a Path,
}

impl Project<'_> {
    /// Writes the folder; `done` hears of the tokens that were written.
    ///
    /// # Errors
    /// When the folder holds something else, a file cannot be written, or `done` fails.
    pub fn write(&self, mut done: impl FnMut(u64) -> Result<()>) -> Result<Value> {
        super::claim(self.out, |name| {
            OWN.contains(&name) || FILES.iter().any(|(own, _)| name.starts_with(own))
        })?;
        let data = self.out.join("data");
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make {}", data.display()))?;
        let vocab = self.tokenizer.vocab_size();
        sequences::write(&data.join("train.arrow"), self.train, vocab, &mut done)?;
        let samples = self.options.schedule.steps * self.options.sequences as u64;
        sequences::write_order(&data.join("order.npy"), self.train, samples)?;
        if let Some(val) = self.val {
            sequences::write(&data.join("val.arrow"), val, vocab, &mut done)?;
        }
        self.write_model(&self.out.join("model"))?;
        atomic::write_json(&self.out.join("settings.json"), &self.settings())?;
        atomic::write_json(&self.out.join("ds_config.json"), &self.ds_config())?;
        for (name, text) in FILES {
            atomic::write(&self.out.join(name), text.as_bytes())?;
        }
        atomic::write(&self.out.join("README.md"), self.readme().as_bytes())?;
        let report = self.report();
        atomic::write_json(&self.out.join("export.json"), &report)?;
        Ok(report)
    }

    fn is_random(&self) -> bool {
        self.base.is_none() && model::parameters(&self.options.model) > MOST_WRITTEN_PARAMETERS
    }

    fn write_model(&self, dir: &Path) -> Result<()> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let extra = Extra {
            bos: self.tokenizer.bos_id(),
            eos: self.tokenizer.stop_ids(),
            pad: self.tokenizer.pad_id(),
        };
        let config = &self.options.model;
        if let Some(base) = self.base {
            model::copy(base, dir)?;
        } else if self.is_random() {
            model::save_config(config, dir, &extra, Dtype::F32)?;
        } else {
            let backend = Cpu::default();
            let first = Model::random(&backend, config.clone(), self.options.seed)?;
            model::save(&backend, &first, dir, &extra, (Dtype::F32, MAX_FILE_BYTES))?;
        }
        self.tokenizer.save(dir)
    }

    /// Micro-batches of a card in a step.
    fn accumulation(&self) -> u64 {
        self.options.sequences as u64 / self.gpus / self.layout.micro_batch
    }

    fn settings(&self) -> Value {
        let o = self.options;
        json!({
            "seq_len": o.seq_len,
            "sequences": o.sequences,
            "micro_batch": self.layout.micro_batch,
            "gradient_checkpointing": self.layout.gradient_checkpointing,
            "dtype": self.dtype,
            "steps": o.schedule.steps,
            "learning_rate": {
                "schedule": o.schedule.shape,
                "lr": o.schedule.lr,
                "final_share": o.schedule.final_share,
                "warmup": o.schedule.warmup,
                "decay": o.schedule.decay,
                "steps": o.schedule.steps,
            },
            "betas": [o.beta1, o.beta2],
            "eps": o.eps,
            "weight_decay": o.weight_decay,
            "clip": o.clip,
            "z_loss": o.z_loss,
            "seed": o.seed,
            "val_sequences": self.val.map_or(0, Loader::count),
            "eval_every": o.eval_every,
            "eval_tokens": o.eval_tokens,
            "checkpoint_every": self.checkpoint_every,
        })
    }

    fn ds_config(&self) -> Value {
        let o = self.options;
        let host = json!({"device": "cpu", "pin_memory": true});
        let mut zero = json!({
            "stage": self.stage as u8,
            "overlap_comm": self.stage >= Stage::Zero1,
            "contiguous_gradients": true,
        });
        if self.layout.offload != Offload::None {
            zero["offload_optimizer"] = host.clone();
        }
        if self.layout.offload == Offload::All {
            zero["offload_param"] = host;
        }
        json!({
            "train_batch_size": o.sequences,
            "train_micro_batch_size_per_gpu": self.layout.micro_batch,
            "gradient_accumulation_steps": self.accumulation(),
            "gradient_clipping": o.clip.unwrap_or(0.0),
            "bf16": {"enabled": self.dtype == Precision::Bf16},
            "zero_optimization": zero,
            "optimizer": {
                "type": "AdamW",
                "params": {
                    "lr": o.schedule.lr,
                    "betas": [o.beta1, o.beta2],
                    "eps": o.eps,
                    "weight_decay": o.weight_decay,
                    // PyTorch's own; an offloaded one is DeepSpeed's for the CPU, which it compiles.
                    "torch_adam": self.layout.offload == Offload::None,
                },
            },
            "steps_per_print": 1_000_000,
        })
    }

    fn readme(&self) -> String {
        let o = self.options;
        let first = if self.base.is_some() {
            "those of the base model, copied"
        } else if self.is_random() {
            "random ones that the script draws: the model is too large to carry prep's"
        } else {
            "random ones, the same that `prep train` begins with"
        };
        let values = [
            ("{{gpus}}", self.gpus.to_string()),
            ("{{stage}}", (self.stage as u8).to_string()),
            ("{{steps}}", o.schedule.steps.to_string()),
            ("{{sequences}}", o.sequences.to_string()),
            ("{{seq_len}}", o.seq_len.to_string()),
            ("{{batch_tokens}}", o.step_tokens().to_string()),
            ("{{micro_batch}}", self.layout.micro_batch.to_string()),
            ("{{accumulation}}", self.accumulation().to_string()),
            ("{{first_weights}}", first.to_owned()),
        ];
        let text = README.to_owned();
        values
            .iter()
            .fold(text, |text, (name, value)| text.replace(name, value))
    }

    fn report(&self) -> Value {
        json!({
            "command": "export deepspeed",
            "prep_version": env!("CARGO_PKG_VERSION"),
            "zero": self.stage as u8,
            "gpus": self.gpus,
            "dtype": self.dtype,
            "layout": self.layout,
            "gradient_accumulation_steps": self.accumulation(),
            "first_weights": if self.base.is_some() { "base" } else if self.is_random() { "none" } else { "prep" },
            "parameters": model::parameters(&self.options.model),
            "train_sequences": self.train.count(),
            "val_sequences": self.val.map_or(0, Loader::count),
            "options": self.options,
        })
    }
}
