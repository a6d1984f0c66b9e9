//! `--against`: finished sets, corpora or shards, whose documents this run must not repeat.
//!
//! A corpus is read as it is; the texts of shards are decoded from their tokens, which gives them
//! back letter by letter unless the tokenizer folds case or accents or has letters that it does not know
//! (a run says so: then the corpus is the better choice). Questions and answers cannot be told apart in tokens, so a shard
//! directory holds their keys in `dedup/`. All of it becomes further parts behind those of the
//! corpus, which only the search for copies sees.

use super::scan::{self, Scanned};
use super::units::{Corpus, Unit};
use super::work;
use crate::corpus::CorpusManifest;
use crate::document::id::{check_file, hash_file};
use crate::document::{Content, Document};
use crate::run_dir;
use crate::shard::{Dataset, ShardManifest, Split};
use crate::tokenize::Tokenizer;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tokens that are decoded at once, about 4 MB of text.
const UNIT_TOKENS: u64 = 1 << 20;

/// All earlier sets.
pub struct Earlier {
    /// Parts of the corpus, before these.
    own: usize,
    parts: Vec<Part>,
}

enum Part {
    /// A part of a corpus.
    Documents { corpus: Arc<Corpus>, part: usize },
    /// The texts of one split of shards.
    Texts {
        shards: Arc<Shards>,
        split: usize,
        groups: Vec<Group>,
    },
    /// Keys of questions and answers.
    Keys(PathBuf),
}

/// Rows of a split that hold whole documents.
#[derive(Clone, Debug, Default)]
struct Group {
    rows: Range<u64>,
    tokens: u64,
    /// Documents among them that are texts: the rows that a scan of the group has.
    texts: u64,
}

struct Shards {
    dir: PathBuf,
    splits: [Dataset; 2],
    tokenizer: Tokenizer,
}

/// What decides which documents the sets hold: hashes of their manifests.
///
/// # Errors
/// When a directory has no manifest.
pub fn identity(dirs: &[PathBuf]) -> Result<Vec<String>> {
    dirs.iter()
        .map(|dir| {
            hash_file(&run_dir::manifest_path(dir)).with_context(|| {
                format!(
                    "--against {}: neither a finished corpus nor finished shards",
                    dir.display()
                )
            })
        })
        .collect()
}

impl Earlier {
    /// Opens the sets in `dirs`, to be numbered behind `own` parts.
    ///
    /// # Errors
    /// When one is neither a finished corpus nor finished shards, or is damaged.
    pub fn open(dirs: &[PathBuf], own: usize) -> Result<Self> {
        let mut parts = Vec::new();
        for dir in dirs {
            match (CorpusManifest::read(dir), ShardManifest::read(dir)) {
                (Ok(manifest), _) => {
                    let corpus = Arc::new(Corpus::open(dir, &manifest)?);
                    parts.extend((0..corpus.parts.len()).map(|part| Part::Documents {
                        corpus: Arc::clone(&corpus),
                        part,
                    }));
                }
                (_, Ok(manifest)) => parts.extend(of_shards(dir, &manifest)?),
                (Err(corpus), Err(shards)) => bail!(
                    "--against {}: neither a finished corpus nor finished shards ({corpus:#}; {shards:#})",
                    dir.display()
                ),
            }
        }
        // Where there is nothing to be read, nothing is ever scanned.
        parts.retain(|part| match part {
            Part::Documents { corpus, part } => !corpus.parts[*part].is_empty(),
            Part::Texts { groups, .. } => !groups.is_empty(),
            Part::Keys(_) => true,
        });
        Ok(Self { own, parts })
    }

    /// Shard directories whose tokenizer does not give texts back as they were.
    pub fn lossy(&self) -> BTreeSet<&Path> {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Texts { shards, .. } => Some(shards),
            _ => None,
        });
        texts
            .filter(|shards| !shards.tokenizer.gives_back())
            .map(|shards| shards.dir.as_path())
            .collect()
    }

    /// Parts of all sets.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Units of work of all that has to be read and scanned.
    pub fn units(&self) -> Vec<Unit> {
        let mut units = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let groups: Vec<(u64, u64)> = match part {
                Part::Documents { corpus, part } => corpus.parts[*part].clone(),
                Part::Texts { groups, .. } => groups
                    .iter()
                    .map(|group| (group.texts, group.tokens * 4))
                    .collect(),
                Part::Keys(_) => Vec::new(),
            };
            for (group, (rows, bytes)) in groups.iter().enumerate() {
                units.push(Unit {
                    part: self.own + number,
                    group,
                    rows: *rows,
                    bytes: *bytes,
                    last: group + 1 == groups.len(),
                });
            }
        }
        units
    }

    fn part(&self, part: usize) -> Option<&Part> {
        self.parts.get(part.checked_sub(self.own)?)
    }

    /// The corpus that part `part` is of, and its number there, if it is of an earlier corpus.
    pub fn corpus(&self, part: usize) -> Option<(&Corpus, usize)> {
        match self.part(part) {
            Some(Part::Documents { corpus, part }) => Some((corpus, *part)),
            _ => None,
        }
    }

    /// Whether the texts of part `part` are from shards, and so were edited before.
    pub fn is_edited(&self, part: usize) -> bool {
        matches!(self.part(part), Some(Part::Texts { .. }))
    }

    /// Calls `each` with every text of a unit of shards; false when it is no such unit.
    pub fn for_each_text(
        &self,
        unit: &Unit,
        mut each: impl FnMut(Document) -> Result<()>,
    ) -> Result<bool> {
        let Some(Part::Texts {
            shards,
            split,
            groups,
        }) = self.part(unit.part)
        else {
            return Ok(false);
        };
        let dataset = &shards.splits[*split];
        let rows = groups[unit.group].rows.clone();
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for number in rows.clone() {
            let row = dataset.row(number);
            let from = ids.len();
            ids.resize(from + row.len as usize, 0);
            mask.resize(from + row.len as usize, false);
            dataset.window(row.start, &mut ids[from..], &mut mask[from..]);
            // The parts of a document follow one another.
            if number + 1 < rows.end && dataset.row(number + 1).continuation {
                continue;
            }
            if shards.is_text(&ids, &mask) {
                each(Document {
                    id: row.document_id,
                    source: shards.dir.display().to_string(),
                    record: number,
                    content: Content::Text(shards.text(&ids)),
                    lang: "und".to_owned(),
                    lang_score: 0.0,
                    languages: Vec::new(),
                    meta: None,
                })?;
            }
            ids.clear();
            mask.clear();
        }
        Ok(true)
    }

    /// The keys in part `part`, if it is such a part.
    pub fn keys(&self, part: usize) -> Option<&Path> {
        match self.part(part) {
            Some(Part::Keys(path)) => Some(path),
            _ => None,
        }
    }
}

impl Shards {
    /// 1 where `ids` begin with BOS, 0 where they do not.
    fn bos(&self, ids: &[u32]) -> usize {
        let bos = self.tokenizer.bos_id();
        let begins = self.tokenizer.adds_bos() && bos.is_some() && ids.first().copied() == bos;
        usize::from(begins)
    }

    /// The loss counts all of a text but its BOS, and never the question of a chat.
    fn is_text(&self, ids: &[u32], mask: &[bool]) -> bool {
        mask.iter().skip(self.bos(ids)).all(|counts| *counts)
    }

    /// Ranges of rows with whole documents. Reads all ids and masks once.
    fn groups(&self, dataset: &Dataset) -> Result<Vec<Group>> {
        let (mut groups, mut open) = (Vec::new(), Group::default());
        let mut next = 0;
        dataset.for_each_document(|_, tokens| {
            open.tokens += tokens.ids.len() as u64;
            open.texts += u64::from(self.is_text(&tokens.ids, &tokens.mask));
            next += 1;
            while next < dataset.rows() && dataset.row(next).continuation {
                next += 1;
            }
            open.rows.end = next;
            if open.tokens >= UNIT_TOKENS {
                let rows = next..next;
                groups.push(std::mem::replace(
                    &mut open,
                    Group {
                        rows,
                        ..Group::default()
                    },
                ));
            }
            Ok(())
        })?;
        if !open.rows.is_empty() {
            groups.push(open);
        }
        Ok(groups)
    }

    /// The text of a document's tokens, without BOS and EOS.
    fn text(&self, ids: &[u32]) -> String {
        let mut ids = &ids[self.bos(ids)..];
        if ids.last() == Some(&self.tokenizer.eos_id()) {
            ids = &ids[..ids.len() - 1];
        }
        self.tokenizer.decode(ids, false)
    }
}

fn of_shards(dir: &Path, manifest: &ShardManifest) -> Result<Vec<Part>> {
    let [train, val] = Split::ALL;
    let shards = [train, val].map(|split| &manifest.split(split).shards);
    let shards =
        (shards.into_iter().flatten()).map(|entry| (&entry.file, entry.bytes, &entry.xxh3));
    let keys = (manifest.keys.iter()).map(|entry| (&entry.file, entry.bytes, &entry.xxh3));
    // A file that lacks documents would let their copies through.
    for (file, bytes, xxh3) in shards.chain(keys) {
        check_file(dir, file, bytes, xxh3).with_context(|| {
            format!(
                "--against {}: {file} is missing or damaged; restore it, or shard its corpus again",
                dir.display()
            )
        })?;
    }
    let shards = Arc::new(Shards {
        dir: dir.to_owned(),
        splits: [Dataset::open(dir, train)?, Dataset::open(dir, val)?],
        tokenizer: Tokenizer::from_dir(dir)?,
    });
    let mut parts = Vec::new();
    for split in 0..2 {
        parts.push(Part::Texts {
            shards: Arc::clone(&shards),
            split,
            groups: shards.groups(&shards.splits[split])?,
        });
    }
    for entry in &manifest.keys {
        parts.push(Part::Keys(dir.join(&entry.file)));
    }
    Ok(parts)
}

/// The scanned documents of a file of keys.
///
/// # Errors
/// When it cannot be read.
pub fn scanned_keys(path: &Path) -> Result<impl Iterator<Item = Result<Vec<Scanned>>> + use<>> {
    Ok(work::read(path)?.map(|batch| Ok(scan::of_keys(&batch?))))
}
