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
    model, run_dir,
    shard::{Dataset, Split, pairs},
    tokenize::Tokenizer,
    train::{
        Mixture, Tokens,
        loader::Finish,
        objective::{
            Joints, PairStream,
            classes::{LabelStream, Labels, Targeted},
        },
    },
};

/// One shard directory.
struct Part {
    dir: PathBuf,
    /// Where its files are: of pairs, in a folder of their own.
    files: PathBuf,
    weight: f64,
    train: Stream,
    val: Stream,
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

/// A split as an objective reads it.
enum Stream {
    Tokens(Dataset),
    Pairs(PairStream),
    Labels(LabelStream),
}

impl Stream {
    fn data(&self) -> &Dataset {
        match self {
            Self::Tokens(data) => data,
            Self::Pairs(pairs) => &pairs.data,
            Self::Labels(labels) => &labels.data,
        }
    }

    fn tokens(&self) -> &dyn Tokens {
        match self {
            Self::Tokens(data) => data,
            Self::Pairs(pairs) => pairs,
            Self::Labels(labels) => labels,
        }
    }

    fn pairs(&self) -> Option<&PairStream> {
        match self {
            Self::Tokens(_) | Self::Labels(_) => None,
            Self::Pairs(pairs) => Some(pairs),
        }
    }

    fn labels(&self) -> Option<&LabelStream> {
        match self {
            Self::Tokens(_) | Self::Pairs(_) => None,
            Self::Labels(labels) => Some(labels),
        }
    }
}

/// What the run reads.
pub struct Input {
    parts: Vec<Part>,
    /// Other val splits by their names.
    sets: Vec<Set>,
    /// What the objective makes of the sequences of both splits, where it makes something of them.
    finishes: Option<[Box<dyn Finish>; 2]>,
    /// The labels of documents, where they are learned.
    pub labels: Option<Labels>,
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
        let context = context(args)?;
        let mut parts: Vec<Part> = Vec::new();
        for text in &args.shards {
            let (dir, weight) = weighted(text).map_err(|text| anyhow!(text))?;
            let path = run_dir::manifest_path(&dir);
            let hash = format!("{:032x}", xxh3_128(&read(&path)?));
            let [train, val] = open(&dir, context)?;
            let part = Part {
                files: match train {
                    Stream::Tokens(_) | Stream::Labels(_) => dir.clone(),
                    Stream::Pairs(_) => pairs::dir(&dir),
                },
                train,
                val,
                hash,
                dir,
                weight,
            };
            let train = part.train.data();
            ensure!(
                train.manifest().train.tokens_loss > 0,
                "{}: the loss counts none of the {} tokens of the train split: nothing can be \
                 learned. Shard again with texts, or with chats that have assistant messages",
                part.files.display(),
                train.tokens()
            );
            parts.push(part);
        }
        let first = &parts[0];
        let tokenizer = Tokenizer::from_dir(&first.dir)?;
        for part in &parts {
            check_tokenizer(&tokenizer, part.train.data()).with_context(|| {
                format!(
                    "{}: its tokenizer.json is not the one that {} was made with",
                    first.dir.display(),
                    part.dir.display()
                )
            })?;
        }
        let sets = open_sets(args, &tokenizer)?;
        let mut files = Vec::new();
        for part in &parts {
            for split in [&part.train, &part.val] {
                for entry in split.data().files() {
                    let path = part.files.join(&entry.file);
                    let stamp = stamp(&path)?;
                    files.push((path, stamp));
                }
            }
        }
        for set in &sets {
            for entry in set.val.files() {
                let path = set.dir.join(&entry.file);
                let stamp = stamp(&path)?;
                files.push((path, stamp));
            }
        }
        let field = args.goal.label_field.as_deref();
        let labels = if args.goal.is_classify() {
            Some(with_labels(&mut parts, field)?)
        } else {
            None
        };
        let finish = |of: fn(&Part) -> &Stream| -> Box<dyn Finish> {
            let streams = || parts.iter().map(of);
            match labels {
                Some(_) => Box::new(Targeted::new(streams().filter_map(Stream::labels))),
                None => Box::new(Joints::new(streams().filter_map(Stream::pairs))),
            }
        };
        let finishes = (context.is_some() || labels.is_some())
            .then(|| [finish(|part| &part.train), finish(|part| &part.val)]);
        Ok(Self {
            parts,
            sets,
            finishes,
            labels,
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
            part.train.data().check_files(&part.files)?;
            part.val.data().check_files(&part.files)?;
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
        self.any_train().info().vocab_size as usize
    }

    /// The fingerprint of the tokenizer.
    pub fn fingerprint(&self) -> &str {
        &self.any_train().info().tokenizer_fingerprint
    }

    /// Any of the train splits, for checks of its tokenizer.
    pub fn any_train(&self) -> &Dataset {
        self.parts[0].train.data()
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
        let parts: Vec<_> = parts.map(|p| (p.train.tokens(), p.weight)).collect();
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

    /// What the objective makes of the sequences of a split.
    pub fn finish(&self, split: Split) -> Option<&dyn Finish> {
        let [train, val] = self.finishes.as_ref()?;
        Some(match split {
            Split::Train => train.as_ref(),
            Split::Val => val.as_ref(),
        })
    }

    /// Of the pairs of a split: how many there are, how many have a side beyond the model's context, and
    /// the tokens of a sequence that would take the longest of the others; none where no pairs are
    /// learned from.
    pub fn pair_counts(&self, split: Split) -> Option<(u64, u64, u64)> {
        let streams = self.parts.iter().filter_map(|part| match split {
            Split::Train => part.train.pairs(),
            Split::Val => part.val.pairs(),
        });
        let counts = streams.map(|of| (of.pairs(), of.left_out, of.longest()));
        counts.reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2.max(b.2)))
    }

    /// Whose tokens the val splits have, where shards or a corpus beside them say so.
    ///
    /// # Errors
    /// When a file that should say it is damaged.
    pub fn val_groups(&self) -> Result<Option<Groups>> {
        if self.finishes.is_some() {
            return Ok(None);
        }
        let parts = self.parts.iter();
        let parts: Vec<_> = parts.map(|p| (p.dir.as_path(), p.val.data())).collect();
        Groups::read(&parts)
    }

    /// The val splits, each once.
    ///
    /// # Errors
    /// Never: the weights are 1.
    pub fn val(&self) -> Result<Mixture<'_>> {
        let parts = self.parts.iter();
        let parts: Vec<_> = parts.map(|p| (p.val.tokens(), 1.0)).collect();
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

/// Gives the documents of all parts their labels.
fn with_labels(parts: &mut [Part], field: Option<&str>) -> Result<Labels> {
    let dirs: Vec<_> = (parts.iter())
        .map(|part| (part.dir.as_path(), part.train.data()))
        .collect();
    let labels = Labels::read(&dirs, field)?;
    ensure!(
        labels.names.len() > 1,
        "the documents have {} different labels in the field {}: two and more can be told apart",
        labels.names.len(),
        labels.field
    );
    for part in parts {
        let open = |split| -> Result<Stream> {
            let stream = LabelStream::new(Dataset::open(&part.dir, split)?, &labels);
            Ok(Stream::Labels(
                stream.with_context(|| part.dir.display().to_string())?,
            ))
        };
        (part.train, part.val) = (open(Split::Train)?, open(Split::Val)?);
    }
    Ok(labels)
}

/// The longest side of a pair, in tokens, where pairs are learned from; it is the base's context.
fn context(args: &Args) -> Result<Option<usize>> {
    if !args.goal.is_preference() {
        return Ok(None);
    }
    let base = args.base.as_deref().context(
        "--objective dpo and ipo teach a model that answers already which answer is better: give its \
         folder with --base",
    )?;
    Ok(Some(model::load_config(base, None)?.max_positions))
}

/// Opens both splits of a shard directory, or those of its pairs.
fn open(dir: &Path, context: Option<usize>) -> Result<[Stream; 2]> {
    let open = |split| -> Result<Stream> {
        Ok(match context {
            Some(context) => Stream::Pairs(PairStream::new(pairs::open(dir, split)?, context)),
            None => Stream::Tokens(Dataset::open(dir, split)?),
        })
    };
    Ok([open(Split::Train)?, open(Split::Val)?])
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
