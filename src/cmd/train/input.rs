//! What a run reads: shards, with their tokenizer, opened and checked.

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use xxhash_rust::xxh3::xxh3_128;

use super::args::{Args, named, weighted};
use crate::{
    cmd::eval::check_tokenizer,
    eval::Groups,
    run_dir,
    shard::{Dataset, Split},
    tokenize::Tokenizer,
    train::{Mixture, Tokens},
};

/// One shard directory.
struct Part {
    dir: PathBuf,
    weight: f64,
    train: Dataset,
    val: Dataset,
    /// A hash of its manifest.
    hash: String,
}

/// A val split that is measured under a name.
struct Set {
    name: String,
    val: Dataset,
    dir: PathBuf,
    /// The hash of its directory's manifest.
    hash: String,
}

/// What the run reads.
pub struct Input {
    parts: Vec<Part>,
    /// Other val splits by their names.
    sets: Vec<Set>,
    /// The tokenizer of all parts.
    pub tokenizer: Tokenizer,
    /// Size and time of every shard when the run began.
    files: Vec<(PathBuf, Stamp)>,
}

/// What changes when a file does.
type Stamp = (u64, Option<SystemTime>);

impl Input {
    /// Opens the shards.
    ///
    /// # Errors
    /// Says what is wrong with which directory, and the remedy.
    pub fn open(args: &Args) -> Result<Self> {
        let mut parts = Vec::new();
        for text in &args.shards {
            let (dir, weight) = weighted(text).map_err(|text| anyhow!(text))?;
            let path = run_dir::manifest_path(&dir);
            let part = Part {
                train: Dataset::open(&dir, Split::Train)?,
                val: Dataset::open(&dir, Split::Val)?,
                hash: format!("{:032x}", xxh3_128(&read(&path)?)),
                dir,
                weight,
            };
            ensure!(
                part.train.manifest().train.tokens_loss > 0,
                "{}: the loss counts none of the {} tokens of the train split: nothing can be \
                 learned. Shard again with texts, or with chats that have assistant messages",
                part.dir.display(),
                part.train.tokens()
            );
            parts.push(part);
        }
        let first = &parts[0];
        let tokenizer = Tokenizer::from_dir(&first.dir)?;
        for part in &parts {
            check_tokenizer(&tokenizer, &part.train).with_context(|| {
                format!(
                    "{}: its tokenizer.json is not the one that {} was made with",
                    first.dir.display(),
                    part.dir.display()
                )
            })?;
        }
        let sets = open_sets(args, &tokenizer)?;
        let mut files = Vec::new();
        let of_parts = parts.iter();
        let of_parts = of_parts.flat_map(|part| [(&part.dir, &part.train), (&part.dir, &part.val)]);
        for (dir, data) in of_parts.chain(sets.iter().map(|set| (&set.dir, &set.val))) {
            for entry in data.files() {
                let path = dir.join(&entry.file);
                let stamp = stamp(&path)?;
                files.push((path, stamp));
            }
        }
        Ok(Self {
            parts,
            sets,
            tokenizer,
            files,
        })
    }

    /// Reads every shard and compares it with its manifest.
    ///
    /// # Errors
    /// Names the file that was changed or damaged.
    pub fn check_hashes(&self) -> Result<()> {
        for part in &self.parts {
            part.train.check_files(&part.dir)?;
            part.val.check_files(&part.dir)?;
        }
        for set in &self.sets {
            set.val.check_files(&set.dir)?;
        }
        Ok(())
    }

    /// Checks that no shard was touched since the run began.
    ///
    /// # Errors
    /// Names the file and what to do.
    pub fn check_unchanged(&self) -> Result<()> {
        for (path, before) in &self.files {
            ensure!(
                stamp(path)? == *before,
                "{} was changed while the model learned from it. The checkpoints are of before; \
                 restore the file (`prep verify` checks it) and run the same command again",
                path.display()
            );
        }
        Ok(())
    }

    /// Highest token id + 1.
    pub fn vocab_size(&self) -> usize {
        self.parts[0].train.info().vocab_size as usize
    }

    /// The fingerprint of the tokenizer.
    pub fn fingerprint(&self) -> &str {
        &self.parts[0].train.info().tokenizer_fingerprint
    }

    /// Any of the train splits, for checks of its tokenizer.
    pub fn any_train(&self) -> &Dataset {
        &self.parts[0].train
    }

    /// What decides the data: the manifests' hashes, with weights where there are several.
    pub fn identity(&self) -> String {
        match &self.parts[..] {
            [only] if only.weight == 1.0 => only.hash.clone(),
            parts => {
                let each = parts.iter().map(|p| format!("{}={}", p.hash, p.weight));
                each.collect::<Vec<_>>().join("+")
            }
        }
    }

    /// The train splits by their weights.
    ///
    /// # Errors
    /// When a weight is none.
    pub fn train(&self, seed: u64) -> Result<Mixture<'_>> {
        let parts = self.parts.iter();
        let parts: Vec<_> = parts.map(|p| (&p.train as &dyn Tokens, p.weight)).collect();
        Mixture::new(&parts, seed)
    }

    /// The other val splits by their names.
    pub fn val_sets(&self) -> impl Iterator<Item = (&str, &Dataset)> {
        self.sets.iter().map(|set| (set.name.as_str(), &set.val))
    }

    /// What decides what is measured beside the shards' own val split: names and manifests' hashes.
    pub fn val_identity(&self) -> Vec<String> {
        let each = self
            .sets
            .iter()
            .map(|set| format!("{}={}", set.name, set.hash));
        each.collect()
    }

    /// Whose tokens the val splits have, where shards or a corpus beside them say so.
    ///
    /// # Errors
    /// When a file that should say it is damaged.
    pub fn val_groups(&self) -> Result<Option<Groups>> {
        let parts = self.parts.iter();
        let parts: Vec<_> = parts.map(|p| (p.dir.as_path(), &p.val)).collect();
        Groups::read(&parts)
    }

    /// The val splits, each once.
    ///
    /// # Errors
    /// Never: the weights are 1.
    pub fn val(&self) -> Result<Mixture<'_>> {
        let parts = self.parts.iter();
        let parts: Vec<_> = parts.map(|p| (&p.val as &dyn Tokens, 1.0)).collect();
        Mixture::new(&parts, 0)
    }
}

fn open_sets(args: &Args, tokenizer: &Tokenizer) -> Result<Vec<Set>> {
    let mut sets: Vec<Set> = Vec::new();
    for text in &args.val {
        let (dir, name) = named(text);
        let val = Dataset::open(&dir, Split::Val).with_context(|| format!("--val {text}"))?;
        check_tokenizer(tokenizer, &val).with_context(|| format!("--val {text}"))?;
        ensure!(
            val.manifest().val.tokens_loss > 0,
            "--val {text}: its val split has nothing that the loss counts. Shard the corpus with a --val \
             share"
        );
        ensure!(
            sets.iter().all(|set| set.name != name),
            "--val: two splits are named {name}; give each a name of its own, as DIR=NAME"
        );
        let hash = format!("{:032x}", xxh3_128(&read(&run_dir::manifest_path(&dir))?));
        sets.push(Set {
            name,
            val,
            dir,
            hash,
        });
    }
    Ok(sets)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn stamp(path: &Path) -> Result<Stamp> {
    let of = |meta: Metadata| (meta.len(), meta.modified().ok());
    std::fs::metadata(path)
        .map(of)
        .with_context(|| format!("{}: the shard is gone", path.display()))
}
