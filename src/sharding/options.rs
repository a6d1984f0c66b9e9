//! What to shard and how, and the configuration that a run is known by.

use super::benchmarks::{self, Remedy};
use super::classifier;
use super::earlier;
use crate::cmd::Context;
use crate::dedup::exact::Conflicts;
use crate::dedup::minhash::Recall;
use crate::document::id::hex_hash;
use crate::filter::Fidelity;
use crate::pii::Masker;
use crate::run_dir;
use crate::shard::shuffle::Order;
use crate::tokenize::{Letters, Policy, Tokenizer};
use anyhow::{Context as _, Result};
use std::path::PathBuf;

/// Which copies are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DedupMode {
    /// Documents with the same comparison key, and texts of nearly the same word 5-grams.
    Near,
    /// Documents with the same comparison key.
    Exact,
    /// None.
    Off,
}

impl DedupMode {
    /// The name in flags and configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Exact => "exact",
            Self::Off => "off",
        }
    }
}

/// Of the documents that stay, at most this share can be validated.
pub const LARGEST_VAL_SHARE: f64 = 0.9;

/// How much is validated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValSize {
    /// A share of the documents, 0 to 1.
    Share(f64),
    /// So many documents, or a few less.
    Documents(u64),
}

impl ValSize {
    /// Whether anything is.
    #[must_use]
    pub fn is_some(self) -> bool {
        match self {
            Self::Share(share) => share > 0.0,
            Self::Documents(documents) => documents > 0,
        }
    }
}

/// Where the tokenizer comes from.
#[derive(Clone, Debug)]
pub enum TokenizerChoice {
    /// A `tokenizer.json`, or a directory that holds one.
    File(PathBuf),
    /// A byte-level BPE trained from a sample of the corpus.
    Train {
        /// Entries of its vocabulary.
        vocab_size: u32,
        /// Bytes of content that it is trained on, at most.
        sample_bytes: u64,
    },
}

/// What to shard and how; everything here decides the bytes of the output.
pub struct Options {
    /// The corpus directory.
    pub corpus: PathBuf,
    /// The directory to write.
    pub out: PathBuf,
    /// Where the tokenizer comes from.
    pub tokenizer: TokenizerChoice,
    /// Name of the profile of rules.
    pub profile: String,
    /// Thresholds changed by the user.
    pub set: Vec<(String, f64)>,
    /// Rules left out by the user.
    pub skip: Vec<String>,
    /// Whether rules are those of their sources to the letter.
    pub fidelity: Fidelity,
    /// What personal data is masked.
    pub mask_pii: Option<Masker>,
    /// Benchmarks that must not be in the shards.
    pub decontaminate: Vec<PathBuf>,
    /// What is done with documents that hold their items.
    pub remedy: Remedy,
    /// Weights of sources, by patterns of their names.
    pub weights: Vec<(String, f64)>,
    /// Which copies are removed.
    pub dedup: DedupMode,
    /// What is done with several answers to one question.
    pub conflicts: Conflicts,
    /// From which similarity on a text is a near copy, 0 to 1.
    pub threshold: f64,
    /// How surely near copies are compared.
    pub recall: Recall,
    /// Documents from which on a line that they share is taken out of texts.
    pub dedup_lines: Option<u32>,
    /// Finished corpora and shard directories of which no document is repeated.
    pub against: Vec<PathBuf>,
    /// How much is validated.
    pub val: ValSize,
    /// Patterns of sources that are validated whole.
    pub val_sources: Vec<String>,
    /// The most bytes of a shard.
    pub shard_bytes: u64,
    /// How documents are ordered in the shards.
    pub order: Order,
    /// Whether documents begin with BOS.
    pub bos: Policy,
    /// The token that ends documents, `None` for the tokenizer's own.
    pub eos: Option<String>,
    /// Chat template by name or file, `None` for the tokenizer's own.
    pub chat_template: Option<String>,
    /// What the letters of special tokens in documents are.
    pub letters: Letters,
    /// The most tokens of a chat before it is cut between turns.
    pub max_length: Option<u64>,
    /// The field that documents have their label in, where they have one.
    pub label_field: Option<String>,
    /// Which documents stay by what a classifier tells.
    pub classifier: Option<classifier::Choice>,
}

/// Everything that decides the bytes, in the words of the flags.
pub(super) fn config(
    options: &Options,
    context: &Context,
    given: Option<&Tokenizer>,
) -> Result<serde_json::Value> {
    let manifest = run_dir::manifest_path(&options.corpus);
    let corpus =
        std::fs::read(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let tokenizer = match (&options.tokenizer, given) {
        (
            TokenizerChoice::Train {
                vocab_size,
                sample_bytes,
            },
            _,
        ) => serde_json::json!({
            "trained": { "vocab_size": vocab_size, "sample_bytes": sample_bytes }, "bos": format!("{:?}", options.bos),
            "eos": options.eos, "allow_special": options.letters == Letters::Tokens, "chat_template": options.chat_template.as_deref().map(template_identity),
        }),
        (TokenizerChoice::File(_), given) => serde_json::json!({
            "fingerprint": given.map(Tokenizer::fingerprint), "chat_template": given.map(Tokenizer::chat_template_hash),
        }),
    };
    let mut config = serde_json::json!({
        "command": "shard",
        "corpus": hex_hash(&corpus),
        "tokenizer": tokenizer,
        "profile": options.profile,
        "set": options.set,
        "skip": options.skip,
        "faithful": options.fidelity == Fidelity::Source,
        "mask_pii": options.mask_pii,
        "decontaminate": benchmarks::identity(&options.decontaminate)?,
        "remedy": options.remedy.name(),
        "weights": options.weights,
        "dedup": options.dedup.name(),
        "threshold": options.threshold,
        "dedup_recall": options.recall.name(),
        "dedup_lines": options.dedup_lines,
        "against": earlier::identity(&options.against)?,
        "conflicts": options.conflicts.name(),
        "val_share": if let ValSize::Share(share) = options.val { Some(share) } else { None },
        "val_documents": if let ValSize::Documents(documents) = options.val { Some(documents) } else { None },
        "val_sources": options.val_sources,
        "shard_bytes": options.shard_bytes,
        "order": options.order.name(),
        "max_length": options.max_length,
        "seed": context.seed,
    });
    // Only where they are given: directories of before stay what they are.
    if let Some(field) = &options.label_field {
        config["label_field"] = serde_json::json!(field);
    }
    if let Some(choice) = &options.classifier {
        config["classifier"] = serde_json::json!(classifier::identity(choice)?);
    }
    Ok(config)
}

/// The name of a built-in template, or the hash of a file's content: an edited template is another.
fn template_identity(name_or_file: &str) -> String {
    std::fs::read(name_or_file).map_or_else(|_| name_or_file.to_owned(), |text| hex_hash(&text))
}
