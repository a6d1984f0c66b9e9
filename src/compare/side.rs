//! One of the two sets: a corpus or shards, as units of work that every core can take.

use crate::corpus::CorpusManifest;
use crate::document::parquet::DocumentFile;
use crate::document::{Content, Document};
use crate::run_dir::{self, Kind};
use crate::shard::{Dataset, ShardManifest, Split};
use crate::tokenize::Tokenizer;
use anyhow::{Result, bail};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Documents that are decoded at once.
const BATCH_ROWS: usize = 64;
/// Tokens of shards that make a unit, about 4 MB of text.
const UNIT_TOKENS: u64 = 1 << 20;

/// A set of documents.
pub struct Side {
    /// As the user named it.
    pub dir: PathBuf,
    /// Documents in it.
    pub documents: u64,
    /// What is read at once.
    pub units: Vec<Unit>,
    from: From,
}

enum From {
    Corpus(Vec<DocumentFile>),
    Shards {
        splits: Box<[Dataset; 2]>,
        tokenizer: Box<Tokenizer>,
    },
}

/// A row group of a corpus, or rows of a split of shards that hold whole documents.
#[derive(Clone, Debug)]
pub struct Unit {
    file: usize,
    rows: Range<u64>,
    /// For progress.
    pub bytes: u64,
}

impl Side {
    /// Opens a finished corpus or shard directory.
    ///
    /// # Errors
    /// When it is neither, or is damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        match run_dir::kind(dir)? {
            Kind::Corpus => Self::of_corpus(dir),
            Kind::Shards => Self::of_shards(dir),
            Kind::Model => bail!("{} is a model, not a corpus or shards", dir.display()),
        }
    }

    fn of_corpus(dir: &Path) -> Result<Self> {
        let manifest = CorpusManifest::read(dir)?;
        let files = manifest.documents.iter();
        let files = files.map(|entry| DocumentFile::open(&dir.join(&entry.file)));
        let files = files.collect::<Result<Vec<_>>>()?;
        let mut units = Vec::new();
        for (number, file) in files.iter().enumerate() {
            units.extend((0..file.row_groups()).map(|group| Unit {
                file: number,
                rows: group as u64..group as u64 + 1,
                bytes: file.bytes(group),
            }));
        }
        Ok(Self {
            dir: dir.to_owned(),
            documents: manifest.documents.iter().map(|entry| entry.rows).sum(),
            units,
            from: From::Corpus(files),
        })
    }

    fn of_shards(dir: &Path) -> Result<Self> {
        let manifest = ShardManifest::read(dir)?;
        let [train, val] = Split::ALL;
        let splits = [Dataset::open(dir, train)?, Dataset::open(dir, val)?];
        let mut units = Vec::new();
        for (number, split) in splits.iter().enumerate() {
            let (mut from, mut tokens) = (0, 0);
            for row in 0..split.rows() {
                // A unit ends before a row that begins a document.
                if tokens >= UNIT_TOKENS && !split.row(row).continuation {
                    units.push(Unit {
                        file: number,
                        rows: from..row,
                        bytes: 4 * tokens,
                    });
                    (from, tokens) = (row, 0);
                }
                tokens += split.row(row).len;
            }
            if tokens > 0 {
                units.push(Unit {
                    file: number,
                    rows: from..split.rows(),
                    bytes: 4 * tokens,
                });
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            documents: manifest.train.documents + manifest.val.documents,
            units,
            from: From::Shards {
                splits: Box::new(splits),
                tokenizer: Box::new(Tokenizer::from_dir(dir)?),
            },
        })
    }

    /// Whether it is a corpus, of which documents can be taken.
    pub fn is_corpus(&self) -> bool {
        matches!(self.from, From::Corpus(_))
    }

    /// Calls `each` with every document of a unit. Documents of shards are the text of their tokens, without
    /// special tokens; kind, language and source of them are not known.
    ///
    /// # Errors
    /// When the set is damaged, or that of `each`.
    pub fn for_each(
        &self,
        unit: &Unit,
        mut each: impl FnMut(Document) -> Result<()>,
    ) -> Result<()> {
        match &self.from {
            From::Corpus(files) => {
                for batch in files[unit.file].read(unit.rows.start as usize, BATCH_ROWS)? {
                    for document in batch? {
                        each(document)?;
                    }
                }
            }
            From::Shards { splits, tokenizer } => {
                let data = &splits[unit.file];
                let (mut ids, mut mask) = (Vec::new(), Vec::new());
                for number in unit.rows.clone() {
                    let row = data.row(number);
                    let from = ids.len();
                    ids.resize(from + row.len as usize, 0);
                    mask.resize(from + row.len as usize, false);
                    data.window(row.start, &mut ids[from..], &mut mask[from..]);
                    if number + 1 < unit.rows.end && data.row(number + 1).continuation {
                        continue;
                    }
                    each(Document {
                        id: row.document_id,
                        source: String::new(),
                        record: number,
                        content: Content::Text(tokenizer.decode(&ids, true)),
                        lang: "und".to_owned(),
                        lang_score: 0.0,
                        languages: Vec::new(),
                        meta: None,
                    })?;
                    ids.clear();
                    mask.clear();
                }
            }
        }
        Ok(())
    }
}
