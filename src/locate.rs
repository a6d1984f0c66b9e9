//! Where a token is from: shard and position to document, source and record.
//!
//! A shard's rows carry document ids; the corpus that the shards were made from, found by the hash of
//! its manifest, says which source and record has the id.

use crate::corpus::CorpusManifest;
use crate::document::id::hash_file;
use crate::document::{Document, DocumentId};
use crate::run_dir;
use crate::shard::dataset::Row;
use crate::shard::{Dataset, ShardManifest, Split};
use crate::tokenize::Tokenizer;
use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A position in a shard directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The shard directory.
    pub dir: PathBuf,
    /// Which split.
    pub split: Split,
    /// Index of the shard file, `None` for a position in the whole split.
    pub shard: Option<usize>,
    /// Tokens before it, in the shard or in the split.
    pub position: u64,
}

impl Address {
    /// Parses `SHARD:POSITION`, `SHARD POSITION` or `DIR SPLIT POSITION`.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(words: &[String]) -> Result<Self> {
        let (place, position) = match words {
            [one] => one.rsplit_once(':').with_context(|| {
                format!(
                    "`{one}` has no position; expected for instance shards/train-00000.arrow:1234"
                )
            })?,
            [shard, position] => (shard.as_str(), position.as_str()),
            [dir, split, position] => {
                let split = Split::from_name(split)
                    .with_context(|| format!("`{split}` is no split; expected train or val"))?;
                return Ok(Self {
                    dir: dir.into(),
                    split,
                    shard: None,
                    position: number(position)?,
                });
            }
            _ => bail!("expected SHARD:POSITION or DIR SPLIT POSITION"),
        };
        let path = Path::new(place);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let parts = name
            .strip_suffix(".arrow")
            .and_then(|stem| stem.rsplit_once('-'));
        let known =
            parts.and_then(|(split, index)| Some((Split::from_name(split)?, index.parse().ok()?)));
        let Some((split, shard)) = known else {
            bail!(
                "{place} is no shard; expected a file such as train-00000.arrow, or DIR SPLIT POSITION"
            );
        };
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self {
            dir,
            split,
            shard: Some(shard),
            position: number(position)?,
        })
    }
}

fn number(text: &str) -> Result<u64> {
    text.replace('_', "")
        .parse()
        .with_context(|| format!("`{text}` is no position; expected a number of tokens from 0"))
}

/// A token and where it is from.
#[derive(Debug, Serialize)]
pub struct Located {
    /// The shard file.
    pub shard: String,
    /// Tokens before it in the shard.
    pub position: u64,
    /// `train` or `val`.
    pub split: &'static str,
    /// Tokens before it in the split.
    pub split_position: u64,
    /// The token's id.
    pub token_id: u32,
    /// What it decodes to on its own.
    pub token: String,
    /// Whether the loss counts predicting it.
    pub in_loss: bool,
    /// The document's text before it, as far as `--context` tokens reach.
    pub before: String,
    /// The document's text after it, likewise.
    pub after: String,
    /// The document, as 32 hexadecimal digits.
    pub document_id: String,
    /// Tokens of the document before it, those in earlier shards included.
    pub document_position: u64,
    /// Tokens of the document in all shards.
    pub document_tokens: u64,
    /// The shards that hold the document, in order.
    pub document_shards: Vec<String>,
    /// Where the document is from, `None` without its corpus.
    pub origin: Option<Origin>,
}

/// Where a document is from.
#[derive(Debug, Serialize)]
pub struct Origin {
    /// The corpus directory.
    pub corpus: String,
    /// Name of the source.
    pub source: String,
    /// Line, row or number of the record in it, from 1; of text that was cut, its first line.
    pub record: u64,
    /// The source's format.
    pub format: Option<String>,
    /// The source's codec.
    pub codec: String,
    /// xxh3-128 of the source, hexadecimal.
    pub source_xxh3: String,
    /// Kind of the document.
    pub kind: &'static str,
    /// Its language.
    pub lang: String,
    /// Its characters.
    pub chars: u64,
    /// Fields of the record that were not understood.
    pub meta: Option<String>,
}

/// Finds the token at `address`; `context` tokens around it are decoded.
///
/// # Errors
/// When the shards or the corpus cannot be read, or the position is beyond their end.
pub fn locate(address: &Address, corpus: Option<&Path>, context: u64) -> Result<Located> {
    let data = Dataset::open(&address.dir, address.split)?;
    let manifest = data.manifest().clone();
    let at = split_position(address, &manifest)?;
    let place = data.place(at);
    let rows = document_rows(&data, at);
    // What stands in the file that was asked for counts, and what shows the document in others.
    for row in &rows {
        data.check_file_at(&address.dir, row.start)?;
    }
    let (first, last) = (&rows[0], &rows[rows.len() - 1]);
    let (begin, end) = (first.start, last.start + last.len);
    let (from, to) = (
        at.saturating_sub(context).max(begin),
        (at + 1 + context).min(end),
    );
    let (mut ids, mut mask) = (
        vec![0; (to - from) as usize],
        vec![false; (to - from) as usize],
    );
    data.window(from, &mut ids, &mut mask);
    let here = (at - from) as usize;
    let tokenizer = Tokenizer::from_dir(&address.dir)?;
    let document_id = first.document_id;
    Ok(Located {
        shard: place.file.to_owned(),
        position: place.position,
        split: address.split.name(),
        split_position: at,
        token_id: ids[here],
        token: tokenizer.decode(&ids[here..=here], false),
        in_loss: mask[here],
        before: tokenizer.decode(&ids[..here], false),
        after: tokenizer.decode(&ids[here + 1..], false),
        document_id: document_id.to_string(),
        document_position: at - begin,
        document_tokens: end - begin,
        document_shards: rows
            .iter()
            .map(|row| data.place(row.start).file.to_owned())
            .collect(),
        origin: origin(&address.dir, &manifest, corpus, document_id)?,
    })
}

/// The position in the split that `address` means.
fn split_position(address: &Address, manifest: &ShardManifest) -> Result<u64> {
    let split = manifest.split(address.split);
    let files = &split.shards;
    let (start, tokens, of) = match address.shard {
        Some(index) => {
            let file = files.get(index).with_context(|| {
                format!(
                    "{} has no shard {index} of {}; it has {}",
                    address.dir.display(),
                    address.split.name(),
                    files.len()
                )
            })?;
            let before = files[..index].iter().map(|file| file.tokens).sum();
            (before, file.tokens, file.file.as_str())
        }
        None => (0, split.tokens, address.split.name()),
    };
    ensure!(
        address.position < tokens,
        "position {} is beyond the end of {of}: it has {tokens} tokens, positions 0 to {}",
        address.position,
        tokens.saturating_sub(1)
    );
    Ok(start + address.position)
}

/// The rows of the document that holds the token at `position` of the split.
fn document_rows(data: &Dataset, position: u64) -> Vec<Row> {
    // Rows lie one after another: the last that begins at or before the position holds it.
    let (mut low, mut high) = (0, data.rows());
    while high - low > 1 {
        let middle = low.midpoint(high);
        if data.row(middle).start <= position {
            low = middle;
        } else {
            high = middle;
        }
    }
    let mut first = low;
    while first > 0 && data.row(first).continuation {
        first -= 1;
    }
    let mut rows = vec![data.row(first)];
    for number in first + 1..data.rows() {
        let row = data.row(number);
        if !row.continuation {
            break;
        }
        rows.push(row);
    }
    rows
}

/// Where the document is from, if the corpus is given or lies beside the shards.
fn origin(
    shards: &Path,
    manifest: &ShardManifest,
    given: Option<&Path>,
    id: DocumentId,
) -> Result<Option<Origin>> {
    let mut dirs = Vec::new();
    if let Some(dir) = given {
        let found = hash_file(&run_dir::manifest_path(dir))?;
        ensure!(
            manifest.corpora().any(|wanted| wanted == found),
            "{} is not the corpus that the shards were made from: its manifest is {found}, the shards name {}",
            dir.display(),
            manifest.corpora().collect::<Vec<_>>().join(", ")
        );
        dirs.push(dir.to_owned());
    } else {
        for wanted in manifest.corpora() {
            dirs.extend(beside(shards, wanted)?);
        }
    }
    // Shards that were merged are of several corpora; one of them has the document.
    for dir in &dirs {
        let corpus = CorpusManifest::read(dir)?;
        if let Some(document) = corpus.find(dir, id)? {
            return Ok(Some(origin_in(dir, document)?));
        }
    }
    // One of those that were not found may have it.
    ensure!(
        dirs.is_empty() || dirs.len() < manifest.corpora().count(),
        "{} has no document {id}; its manifest is the right one, its files are not: ingest again",
        dirs[0].display()
    );
    Ok(None)
}

fn origin_in(dir: &Path, document: Document) -> Result<Origin> {
    let mut sources = CorpusManifest::sources(dir)?.into_iter();
    let source = sources.find(|source| source.name == document.source);
    let (format, codec, source_xxh3) = source
        .map(|source| (source.format, source.codec, source.xxh3))
        .unwrap_or_default();
    Ok(Origin {
        corpus: dir.display().to_string(),
        record: document.record,
        format,
        codec,
        source_xxh3,
        kind: document.content.kind().name(),
        chars: document.content.characters(),
        source: document.source,
        lang: document.lang,
        meta: document.meta,
    })
}

/// The corpus whose manifest has the hash `wanted`, among the directories beside the shards and those
/// of the working directory.
///
/// # Errors
/// When the directory of the shards cannot be read.
pub fn beside(shards: &Path, wanted: &str) -> Result<Option<PathBuf>> {
    let shards = shards
        .canonicalize()
        .with_context(|| format!("cannot read {}", shards.display()))?;
    let mut dirs: Vec<PathBuf> = Vec::new();
    for parent in [shards.parent(), Some(Path::new("."))]
        .into_iter()
        .flatten()
    {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        dirs.extend(entries.map(|entry| entry.path()));
    }
    dirs.sort();
    for dir in dirs {
        let manifest = run_dir::manifest_path(&dir);
        if manifest.is_file() && hash_file(&manifest).is_ok_and(|found| found == wanted) {
            return Ok(Some(dir));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Address> {
        Address::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn addresses_are_read_in_every_form() {
        let in_shard = Address {
            dir: "a:b/shards".into(),
            split: Split::Val,
            shard: Some(3),
            position: 1_234,
        };
        assert_eq!(
            parse(&["a:b/shards/val-00003.arrow:1234"]).expect("read"),
            in_shard
        );
        assert_eq!(
            parse(&["a:b/shards/val-00003.arrow", "1_234"]).expect("read"),
            in_shard
        );
        assert_eq!(
            parse(&["train-00000.arrow:0"]).expect("read").dir,
            Path::new(".")
        );
        let whole = parse(&["shards", "train", "7"]).expect("read");
        assert_eq!((whole.shard, whole.position), (None, 7));
        for (words, needle) in [
            (&["train-00000.arrow"][..], "has no position"),
            (&["shards:7"], "is no shard"),
            (&["train-00000.arrow:x"], "`x` is no position"),
            (&["shards", "test", "1"], "is no split"),
        ] {
            let error = parse(words).expect_err("is no address").to_string();
            assert!(error.contains(needle), "{error}");
        }
    }
}
